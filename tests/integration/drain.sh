#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# SIGTERM: running transfers get drain_timeout, new connections are refused, exit status 0.
# Leaves a fresh daemon behind.
. tests/integration/lib.sh
scripts/lab file 16m.bin 16M
pid=$(scripts/lab pid)

get /16m.bin --limit-rate 12M -o "$lab/drained.bin" &
transfer=$!
sleep 0.3
kill -TERM "$pid"
says_so() {
	expect '"status":"draining".*503$' ip netns exec "$prefix-gate" \
		curl -sS --max-time 10 -w '%{http_code}' http://127.0.0.1:9180/healthz
}
try whoever_asks_is_told wait_for 1 says_so
sleep 0.3
try new_connections_are_refused refused get / --max-time 1
finished() { wait $transfer && cmp "$lab/drained.bin" "$lab/www/16m.bin"; }
finished
case_status=$?
try a_running_transfer_ends_well test $case_status = 0
gone() { ! kill -0 "$pid" 2>/dev/null; }
try the_daemon_ends wait_for 5 gone
try with_status_0 test "$(cat "$lab/sallyport.status" 2>/dev/null)" = 0
rm -f "$lab/drained.bin"
scripts/lab start
try a_new_one_serves expect 'sallyport lab backend' get /
