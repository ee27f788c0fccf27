#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# SIGTERM: running transfers get drain_timeout, and no more than that; new connections are refused, exit status 0.
# Leaves a fresh daemon behind.
. tests/integration/lib.sh
path=$(cat "$lab/config-path")
sed 's/drain_timeout = 2.0/drain_timeout = 120.0/' "$path" >"$lab/drain.cfg"
trap 'rm -f "$lab/drain.cfg" "$lab/drained.bin"' EXIT
scripts/lab file 16m.bin 16M
try a_daemon_that_is_patient restart "$lab/drain.cfg"

# transfer RATE: one that runs, with the daemon told to end; into $transfer and $pid
transfer() {
	pid=$(scripts/lab pid)
	rm -f "$lab/drained.bin"
	get /16m.bin --limit-rate "$1" -o "$lab/drained.bin" 2>/dev/null &
	transfer=$!
	wait_for 20 test -s "$lab/drained.bin"
	kill -TERM "$pid"
}
says_so() {
	expect '"status":"draining".*503$' ip netns exec "$prefix-gate" \
		curl -sS --max-time 10 -w '%{http_code}' http://127.0.0.1:9180/healthz
}
refused_meanwhile() { refused get / --max-time 10 && kill -0 "$pid"; }
gone() { ! kill -0 "$pid" 2>/dev/null; }
ended_with() { # STATUS, which follows the end
	wait_for 10 test -s "$lab/sallyport.status" && [ "$(cat "$lab/sallyport.status")" = "$1" ]
}

transfer 4M
try whoever_asks_is_told wait_for 10 says_so
try new_connections_are_refused refused_meanwhile
wait $transfer && cmp "$lab/drained.bin" "$lab/www/16m.bin"
try a_running_transfer_ends_well test $? = 0
try the_daemon_ends_with_it wait_for 30 gone # long before drain_timeout
try with_status_0 ended_with 0
# The listener is closed to others by then.
is_logged() { tail -n 1 "$lab/log/connections.log" | grep -q "\"listener\":\"https\".*\"bytes_sent\":167.*\"close\":\"$1\""; }
try and_all_is_in_the_log is_logged client_closed

# A connection that is younger than what a worker has told of itself.
scripts/lab start
pid=$(scripts/lab pid)
try one_that_has_just_begun_ends_well_too habit cut_short 16m.bin "$pid"
try the_daemon_ends_with_that wait_for 30 gone

echo "$path" >"$lab/config-path"
scripts/lab start
transfer 500K
try drain_timeout_ends_the_daemon wait_for 20 gone
! wait $transfer
try and_the_transfer test $? = 0
try with_status_0_too ended_with 0
scripts/lab start
try a_new_one_serves expect 'sallyport lab backend' get /
