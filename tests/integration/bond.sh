#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# One port of two links (net_bonding): a download goes on when one is taken down, and when it is back and the other is
# taken down. With a daemon of its own, one-armed; leaves a fresh one of the others' behind.
#
#   client: bond0 10.96.0.2 -- gate: br0 -- q0 = m0 (tap) \
#                                       \-- q1 = m1 (tap) / net_bonding0: the daemon, 10.96.0.1
#
# '=' is tests/integration/lossy, which loses nothing here: a bridge would not pass frames on to a tap that has the
# address they are sent to, and the members of a bond have its address. The mode is broadcast (3): net_tap of DPDK
# 22.11 does not tell a bond that its link is down, which active-backup waits for, and net_af_xdp cannot be a member
# at all, as its address cannot be set.
. tests/integration/lib.sh
path=$(cat "$lab/config-path")
cores=$(sed -n 's/.*workers = \[\([^]]*\)\].*/\1/p' "$path")
dir=$lab/bond
gate=$prefix-gate
running=()

clean() {
	kill "${running[@]}" 2>/dev/null
	wait "${running[@]}" 2>/dev/null
	for device in br0 wire q0 q1; do ip -n "$gate" link del $device 2>/dev/null; done
	restart "$path"
	rm -rf "$dir"
}
trap clean EXIT
mkdir -p "$dir/www"
head -c 8M /dev/urandom >"$dir/www/8m.bin"

ip -n "$gate" link add br0 type bridge
ip -n "$gate" link set br0 up
wire() { # ONE ITS_NAMESPACE OTHER: ends of a wire, the first in the bridge
	ip link add "$1" netns "$gate" type veth peer name "$3" netns "$2"
	for feature in rx tx sg tso gso gro; do
		ip netns exec "$gate" ethtool -K "$1" $feature off >/dev/null 2>&1
		ip netns exec "$2" ethtool -K "$3" $feature off >/dev/null 2>&1
	done
	ip -n "$gate" link set "$1" master br0 up
	ip -n "$2" link set "$3" up
}
wire wire "$prefix-client" bond0
wire b0 "$gate" q0
wire b1 "$gate" q1
in_client ip addr add 10.96.0.2/24 dev bond0
in_client python3 -m http.server --bind 10.96.0.2 --directory "$dir/www" 8080 >"$dir/server.log" 2>&1 &
running+=($!)

cat >"$dir/bond.cfg" <<-C
	runtime = { workers = [$cores]; max_connections = 4096; drain_timeout = 2.0; idle = "sleep"; };
	control = { socket = "$lab/control.sock"; metrics = "127.0.0.1:9180"; };
	eal = [ "--no-pci", "--vdev=net_tap_m0,iface=m0,mac=02:00:00:00:06:01",
	        "--vdev=net_tap_m1,iface=m1,mac=02:00:00:00:06:01",
	        "--vdev=net_bonding0,mode=3,slave=net_tap_m0,slave=net_tap_m1" ];
	ports = ( { name = "bond"; devices = ["net_bonding0"]; addresses = ["10.96.0.1/24"]; } );
	certificates = ( { name = "www"; chain = "$lab/pki/live/www.ecdsa.pem"; key = "$lab/pki/live/www.ecdsa.key"; } );
	backends = ( { name = "b"; targets = ( { address = "10.96.0.2:8080"; } ); connect_timeout = 5.0; } );
	listeners = ( { name = "l"; bind = ["10.96.0.1:443"]; default_certificate = "www"; backend = "b"; } );
C
try two_links_are_one_port restart "$dir/bond.cfg"
for i in 0 1; do
	ip netns exec "$gate" build/tests/integration/lossy m$i q$i >"$dir/lossy$i.log" 2>&1 &
	running+=($!)
done

from() { # PATH [CURL OPTION]...
	local path=$1
	shift
	in_client curl -sS --fail --max-time 90 --cacert "$ca" --resolve www.lab.test:443:10.96.0.1 "$@" \
		"https://www.lab.test/$path"
}
passed() { # LINK: frames that the kernel took from the daemon on it
	ip -n "$gate" -s -j link show "m$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["rx"]["packets"])'
}
both() {
	local before0 before1
	before0=$(passed 0) before1=$(passed 1)
	from / >/dev/null && [ "$(passed 0)" -gt "$before0" ] && [ "$(passed 1)" -gt "$before1" ]
}
try it_serves wait_for 30 from /
try on_both_links both

survives() { # LINK goes down in the middle of a download of some seconds
	rm -f "$dir/got"
	from 8m.bin --limit-rate 1600k -o "$dir/got" &
	local download=$!
	wait_for 30 test -s "$dir/got" || return 1
	ip -n "$gate" link set "m$1" down
	wait $download && cmp "$dir/got" "$dir/www/8m.bin"
}
try a_download_survives_the_loss_of_one survives 0
try new_connections_do_without_it from /
ip -n "$gate" link set m0 up
try and_of_the_other survives 1
try nothing_is_left becomes_quiet
