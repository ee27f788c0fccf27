#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Packet buffers run out: slow readers pin nearly all there are. Connections from before go on, new ones are shed
# and counted, and when the readers are gone everything is as it was. With a daemon of its own that has few
# buffers; leaves a fresh one of the others' behind.
. tests/integration/lib.sh
ulimit -n "$(ulimit -H -n)"
mbufs=${EXHAUST_MBUFS:-24000} # per worker
path=$(cat "$lab/config-path")
n=$(grep -o 'workers = \[[^]]*\]' "$path" | grep -o '[0-9]\+' | wc -l)

# On a slow machine the readers wait for longer than a listener of the lab lets anybody be silent.
sed "s/max_connections = [0-9]*;/& mbufs = $((mbufs * n));/; s/idle_timeout = 60.0/idle_timeout = 900.0/; s|state_dir = \"[^\"]*|&-exhaust|" "$path" >"$lab/exhaust.cfg"
trap 'rm -f "$lab/held" "$lab/hoard"; wait; restart "$path"; rm -rf "$lab/exhaust.cfg" "$lab/state-exhaust"' EXIT
scripts/lab file 16m.bin 16M
try a_daemon_with_few_buffers restart "$lab/exhaust.cfg"
try warm_up habit sequential 50
becomes_quiet >/dev/null
free=$(counter mbufs_free)

touch "$lab/held" "$lab/hoard"
habit held 20 "$lab/held" >"$lab/held.log" 2>&1 &
held=$!
wait_for 30 grep -q open "$lab/held.log"
limit=$(counter drop_tcp_limit)
habit hoard 3000 16m.bin "$lab/hoard" >"$lab/hoard.log" 2>&1 &
hoard=$!
try buffers_run_out wait_for 120 grep -q 'open .*shed [1-9]' "$lab/hoard.log"

low() { # fewer than half of what was free
	local now
	now=$(counter mbufs_free)
	[ "$now" -lt $((free / 2)) ] && [ "$now" -gt 0 ] || { echo "$free were free, now $now"; return 1; }
}
try few_are_left low
try new_connections_are_shed_and_counted more_than drop_tcp_limit "$limit"
try syn_cookies_stand_in more_than tcp_syn_cookies_sent 0
goes_on() { # those from before are answered again and again
	local before
	before=$(counter "$1")
	wait_for 30 more_than "$1" $((before + 200000))
}
try connections_from_before_go_on goes_on bytes_to_client_total

ended() { [ "$1" = 0 ] || { cat "$2"; return 1; }; }
rm "$lab/hoard"
wait $hoard
try readers_get_all_of_it_at_last ended $? "$lab/hoard.log"
try new_connections_are_welcome wait_for 30 expect 'sallyport lab backend' get / --max-time 5
rm "$lab/held"
wait $held
try connections_from_before_are_alive ended $? "$lab/held.log"
# They repeat themselves, half a minute apart by now.
try those_that_were_shed_are_answered wait_for 120 none_hangs
try nothing_is_left becomes_quiet 60
back() {
	local now
	now=$(counter mbufs_free)
	[ "$now" -ge $((free - 600)) ] || { echo "$free were free, now $now"; return 1; }
}
try all_buffers_are_back wait_for 20 back
