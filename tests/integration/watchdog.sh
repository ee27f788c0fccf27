#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a service manager hears: ready, signs of life, none while a worker hangs, reloading, stopping.
# Leaves a fresh daemon behind.
. tests/integration/lib.sh
heard=$lab/notify.txt

# Stands for the service manager: every message on a line of its own.
python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(sys.argv[2], "w", buffering=1) as out:
    while True:
        out.write(s.recv(4096).decode().replace("\n", " ") + "\n")
' "$lab/notify.sock" "$heard" &
manager=$!
trap 'kill $manager; rm -f "$lab/notify.sock"' EXIT
wait_for 10 test -S "$lab/notify.sock"

signs() { grep -c '^WATCHDOG=1' "$heard"; }
more_signs() { [ "$(signs)" -gt "$1" ] || { echo "$(signs) signs of life"; return 1; }; }

while_a_worker_hangs_there_are_none() {
	local before
	python3 $here/hang.py "$(scripts/lab pid)" "$lab/hang" >"$lab/hang.log" 2>&1 &
	wait_for 10 test -e "$lab/hang" || { cat "$lab/hang.log"; return 1; }
	wait_for 20 grep -q 'the watchdog is told no more' "$lab/sallyport.log" || return 1
	before=$(signs)
	# Control is well and answers: it is the worker that is missed.
	for _ in 1 2 3 4 5 6; do
		expect generation scripts/lab ctl status || return 1
		sleep 0.5
	done
	[ "$(signs)" = "$before" ] || { echo "$before signs of life became $(signs)"; return 1; }
	rm -f "$lab/hang"
	wait_for 20 more_signs "$before"
}

scripts/lab stop
SALLYPORT_WRAP="env NOTIFY_SOCKET=$lab/notify.sock WATCHDOG_USEC=2000000" scripts/lab start
try it_says_it_is_ready wait_for 10 grep -q '^READY=1' "$heard"
try it_gives_signs_of_life wait_for 20 more_signs 3
try while_a_worker_hangs_there_are_none while_a_worker_hangs_there_are_none
scripts/lab reload
try it_says_it_is_reloading wait_for 10 grep -q '^RELOADING=1' "$heard"
ready_again() { [ "$(grep -c '^READY=1' "$heard")" = 2 ] || { cat "$heard"; return 1; }; }
try and_ready_again wait_for 10 ready_again
scripts/lab stop
try it_says_it_is_stopping wait_for 10 grep -q '^STOPPING=1' "$heard"
scripts/lab start
try a_new_one_serves expect 'sallyport lab backend' get /
