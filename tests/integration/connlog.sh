#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The connection log: a line for each kind of connection, field by field; both formats; renamed; a disk that is full, and one that hangs.
. tests/integration/lib.sh
log=$lab/log/connections.log

connlog() { in_client timeout 120 python3 $here/connlog.py "$@"; }
config=$(cat "$lab/config-path")
set_log() { # SED EXPRESSION
	local generation
	generation=$(counter generation)
	sed -i -e "$1" "$config"
	scripts/lab reload
	wait_for 20 more_than generation "$generation"
}

ip netns exec "$prefix-backend" python3 $here/proxy.py backend >"$lab/connlog-backend.log" 2>&1 &
backend=$!
trap 'kill $backend' EXIT
wait_for 20 grep -q ready "$lab/connlog-backend.log"

lines=$(counter connection_log_lines_total)
try every_kind_has_its_line connlog kinds "$log"
try lines_are_counted more_than connection_log_lines_total $((lines + 19))
set_log 's/format = "json"/format = "alb"/'
try alb_is_as_aws_writes_it connlog alb "$log"
try every_kind_has_its_line_in_alb_too connlog kinds "$log"

# Through the control socket.
tail_is_the_files() {
	[ "$(scripts/lab ctl log tail -n 3)" = "$(tail -n 3 "$log")" ]
}
try tail_is_the_end_of_the_file wait_for 20 tail_is_the_files
follow() {
	local pid
	scripts/lab ctl log tail -n 0 -f >"$lab/tail.out" &
	pid=$!
	connlog alb "$log" || { kill $pid; return 1; }
	wait_for 20 grep -q 'Failed:UnmappedConnectionError' "$lab/tail.out"
	kill $pid
	wait $pid 2>/dev/null
	diff "$lab/tail.out" <(tail -n 2 "$log")
}
try tail_follows follow

# As logrotate does it.
rotate() {
	mv "$log" "$log.1"
	scripts/lab pid | xargs kill -USR2
	wait_for 10 test -e "$log"
}
try opened_anew_on_usr2 rotate
try lines_go_to_the_new_file connlog alb "$log"

# A disk of 64 KB that is soon full, while connections come and go.
# The daemon has a mount namespace of its own.
mkdir -p "$lab/log/full"
in_daemon() { nsenter -m -t "$(scripts/lab pid)" "$@"; }
try a_small_disk in_daemon mount -t tmpfs -o size=64k none "$lab/log/full"
full=$lab/log/full/connections.log
lost=$(counter connection_log_lost_total)
set_log "s|path = \"$log\"|path = \"$full\"|"
flood() { # SECONDS
	in_client wrk -t 1 -c 32 -d "$1s" -H 'Host: www.lab.test' -H 'Connection: close' https://10.80.0.1/1k.txt \
		>"$lab/wrk.log" 2>&1
	cat "$lab/wrk.log"
	grep -q 'Requests/sec' "$lab/wrk.log" && ! grep -q -e 'connect [1-9]' -e 'timeout [1-9]' -e Non-2xx "$lab/wrk.log"
}
full_and_lost() {
	local end=$((SECONDS + 60))
	while [ "$(counter connection_log_lost_total)" -le "$lost" ]; do
		flood 3 || return
		[ $SECONDS -lt $end ] || { echo "nothing was lost"; return 1; }
	done
}
try nobody_notices_a_full_disk full_and_lost
try nor_does_a_slow_client_of_many connlog load 50
try whole_lines_were_written in_daemon grep -q ' TID_[0-9a-f]\{32\} [^ ]*$' "$full"
set_log "s|path = \"$full\"|path = \"$log\"|"
in_daemon umount "$lab/log/full"

# A disk that hangs: no call returns from it until it is thawed.
hung=$lab/log/hung
mkdir -p "$hung"
truncate -s 16M "$lab/hung.img"
mkfs.ext4 -q "$lab/hung.img"
thaw() { in_daemon fsfreeze -u "$hung" 2>/dev/null; }
if in_daemon mount -o loop "$lab/hung.img" "$hung"; then
	trap 'thaw; kill $backend' EXIT
	set_log "s|path = \"$log\"|path = \"$hung/connections.log\"|"
	lines=$(counter connection_log_lines_total)
	in_daemon fsfreeze -f "$hung"
	try nobody_notices_a_disk_that_hangs flood 3
	try the_operator_is_told wait_for 20 grep -q "the disk of $hung/connections.log does not answer" "$lab/sallyport.log"
	try nor_does_the_api expect 'generation' timeout 10 scripts/lab ctl status
	try nor_does_health expect '"status":"ok"' ip netns exec "$prefix-gate" curl -sS --max-time 10 http://127.0.0.1:9180/healthz
	try nothing_was_written is connection_log_lines_total "$lines"
	thaw
	try thawed_it_takes_what_waited wait_for 20 more_than connection_log_lines_total "$lines"
	set_log "s|path = \"$hung/connections.log\"|path = \"$log\"|"
	wait_for 20 in_daemon umount "$hung"
else
	echo "skip a_disk_that_hangs: no loop device"
fi
rm -f "$lab/hung.img"
try lines_go_on_afterwards connlog alb "$log"
set_log 's/format = "alb"/format = "json"/'
try nothing_is_left becomes_quiet
