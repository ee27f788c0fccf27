#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A client whose packets arrive in pieces: behind the client side lives another host, and what it sends is cut up on the way
# (in either order, some of it overlapping, some lost) whether it is IPv4 or IPv6, TCP or ICMP.
. tests/integration/lib.sh
page='sallyport lab backend'
far=$prefix-far
sum=$(head -c 1000000 /dev/zero | sha256sum)

wire_up() {
	ip netns del "$far" 2>/dev/null # of a run that was cut off
	ip netns add "$far" &&
		ip link add far0 netns "$prefix-client" type veth peer name eth0 netns "$far" || return 1
	for feature in rx tx sg tso gso gro; do
		ip netns exec "$far" ethtool -K eth0 $feature off >/dev/null 2>&1
		in_client ethtool -K far0 $feature off >/dev/null 2>&1
	done
	in_client sysctl -qw net.ipv6.conf.far0.disable_ipv6=1
	ip -n "$prefix-client" link set far0 up
	ip netns exec "$far" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0
	ip -n "$far" addr add 10.80.0.9/24 dev eth0
	ip -n "$far" link set eth0 mtu 1500 up
	ip -n "$far" addr add fd80::9/64 dev eth0 nodad
}

# cutting OPTION...: what far0 and the daemon say to each other goes through this from now on. Not inside of try, which
# waits for what it starts.
cutter=
cutting() {
	uncut
	ip netns exec "$prefix-client" build/tests/integration/lossy "$@" far0 eth0 >"$lab/cut.log" 2>&1 &
	cutter=$!
	try "wire_is_up_$2" wait_for 10 grep -q ready "$lab/cut.log"
}
uncut() {
	[ -z "$cutter" ] || { kill "$cutter" && wait "$cutter"; }
	cutter=
}
trap 'uncut; ip netns del "$far" 2>/dev/null' EXIT

pings() { # ADDRESS
	ip netns exec "$far" ping -q -c 5 -i 0.2 -W 5 -s 1400 "$1"
}
far_get() { # ADDRESS PATH [CURL OPTION]...
	local at=$1 path=$2
	shift 2
	ip netns exec "$far" curl -sS --fail --max-time 120 --cacert "$ca" --resolve "www.lab.test:443:$at" "$@" \
		"https://www.lab.test$path"
}
up() { # ADDRESS
	rm -f "$lab/www/upload/pieces"
	head -c 1000000 /dev/zero | far_get "$1" /upload/pieces -T - -o /dev/null || return 1
	[ "$(sha256sum <"$lab/www/upload/pieces")" = "$sum" ] || { echo "other bytes"; return 1; }
}
grew() { # COUNTER BEFORE BY
	more_than "$1" $(($2 + $3))
}

try a_host_further_away wire_up
cutting --fragment 200
for at in 10.80.0.1 fd80::1; do
	family=ipv4
	host=$at
	[ $at = 10.80.0.1 ] || { family=ipv6 host="[$at]"; }
	before=$(counter ip_reassembled)
	try "pings_in_pieces_$family" expect ' 0% packet loss' pings $at
	try "they_were_put_together_$family" grew ip_reassembled "$before" 4
	try "curl_in_pieces_$family" expect "$page" far_get "$host" /
	before=$(counter ip_reassembled)
	try "upload_in_pieces_$family" up "$host"
	try "it_was_put_together_$family" grew ip_reassembled "$before" 500
done

# Pieces are lost, come twice and late: reassemblies are begun in vain.
cutting --fragment 480 --loss 0.3% --duplicate 2% --reorder 2% --delay 2ms
for at in 10.80.0.1 '[fd80::1]'; do try "upload_of_lost_pieces_to_$at" up "$at"; done

# Overlapping pieces take the packet with them, and nothing else.
before=$(counter drop_ip_fragment)
cutting --fragment 600 --clash 2%
for at in 10.80.0.1 '[fd80::1]'; do try "upload_of_overlapping_pieces_to_$at" up "$at"; done
uncut
clashing=$(awk '/^far0/ { print $NF }' "$lab/cut.log")
some() { [ "$clashing" -gt 10 ] || { cat "$lab/cut.log"; return 1; }; }
try some_overlapped some
try they_were_dropped grew drop_ip_fragment "$before" "$((clashing - 1))"
rm -f "$lab/www/upload/pieces"
try nothing_is_left becomes_quiet
