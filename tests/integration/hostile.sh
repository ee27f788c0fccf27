#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the internet throws at a front door, while a download and curl go on beside it.
# HOSTILE_COUNT (100000) packets of each kind.
. tests/integration/lib.sh
count=${HOSTILE_COUNT:-100000}
page='sallyport lab backend'
spray=${SALLYPORT_SPRAY:-build/tests/integration/spray}

spray() { # KIND COUNT RATE
	in_client "$spray" "$1" "$2" "$3" eth0 02:00:00:00:01:01 10.80.0.1 443
}

rss_kb() { awk '/VmRSS/ { print $2 }' "/proc/$(scripts/lab pid)/status"; }
flat() { # KB
	local now
	now=$(rss_kb)
	[ "$now" -le $(($1 + 2048)) ] || { echo "$1 KB grew to $now"; return 1; }
}

# A connection that lives through all of it.
touch "$lab/held"
habit held 100 "$lab/held" >"$lab/held.log" 2>&1 &
held=$!
wait_for 10 grep -q open "$lab/held.log"
becomes_known() { get / >/dev/null; }
try before becomes_known
# What a flood touches first are pools that stay: only after one is more of it a leak.
try a_first_flood spray syn $((count * 2)) 100000
rss=$(rss_kb)

for kind in options land truncated rst ack icmp fragments; do
	try "${kind}_is_sent" spray $kind "$count" 50000
	try "curl_after_$kind" expect "$page" get /
done

# SYNs from everywhere, as fast as they come; every handshake beside them completes.
flood() {
	spray syn $((count * 5)) 100000 &
	local flooder=$! n=0
	while kill -0 $flooder 2>/dev/null; do
		get / >/dev/null || { echo "handshake $n failed"; return 1; }
		n=$((n + 1))
	done
	wait $flooder
	[ $n -ge 5 ] || { echo "only $n handshakes beside the flood"; return 1; }
}
try every_handshake_completes_in_a_syn_flood flood
try cookies_were_sent more_than tcp_syn_cookies_sent 1000
try memory_is_flat flat "$rss"
rm -f "$lab/held"
wait $held
held_status=$?
alive() { [ $held_status = 0 ] || { cat "$lab/held.log"; return 1; }; }
try a_connection_from_before_is_alive alive
try nothing_is_left becomes_quiet
