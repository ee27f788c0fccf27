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
# 22.11 does not tell a bond that its link is down, which active-backup (1) waits for, and net_af_xdp cannot be a member
# at all, as its address cannot be set. Active-backup has members that tell, net_virtio_user, whose wires are testpmd's:
#
#   client: bond0 10.96.0.2 -- gate: br0 -- k0 (tap) = net_vhost -- m0.sock \
#                                       \-- k1 (tap) = net_vhost -- m1.sock / net_bonding0: the daemon, 10.96.0.1
. tests/integration/lib.sh
path=$(cat "$lab/config-path")
cores=$(sed -n 's/.*workers = \[\([^]]*\)\].*/\1/p' "$path")
dir=$lab/bond
gate=$prefix-gate
running=()

clean() {
	kill "${running[@]}" 2>/dev/null
	wait "${running[@]}" 2>/dev/null
	for i in 0 1; do [ ! -e "$dir/wire$i.pid" ] || wire_end $i; done
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

config() { # CORES MODE DEVICE ARGUMENTS DEVICE ARGUMENTS [EAL_ARGUMENT]: of a bond of both
	local more=''
	[ $# -lt 7 ] || more=" \"$7\","
	cat <<-C
	runtime = { workers = [$1]; max_connections = 4096; drain_timeout = 2.0; idle = "sleep"; };
	control = { socket = "$lab/control.sock"; metrics = "127.0.0.1:9180"; };
	eal = [ "--no-pci",$more "--vdev=$3,$4", "--vdev=$5,$6", "--vdev=net_bonding0,mode=$2,slave=$3,slave=$5" ];
	ports = ( { name = "bond"; devices = ["net_bonding0"]; addresses = ["10.96.0.1/24"]; } );
	certificates = ( { name = "www"; chain = "$lab/pki/live/www.ecdsa.pem"; key = "$lab/pki/live/www.ecdsa.key"; } );
	backends = ( { name = "b"; targets = ( { address = "10.96.0.2:8080"; } ); connect_timeout = 5.0; } );
	listeners = ( { name = "l"; bind = ["10.96.0.1:443"]; default_certificate = "www"; backend = "b"; } );
	C
}
mac=02:00:00:00:06:01
config "$cores" 3 net_tap_m0 iface=m0,mac=$mac net_tap_m1 iface=m1,mac=$mac >"$dir/bond.cfg"
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
	ip -n "$gate" -s -j link show "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["rx"]["packets"])'
}
both() {
	local before0 before1
	before0=$(passed m0) before1=$(passed m1)
	from / >/dev/null && [ "$(passed m0)" -gt "$before0" ] && [ "$(passed m1)" -gt "$before1" ]
}
try it_serves wait_for 30 from /
try on_both_links both

survives() { # COMMAND... takes a link down in the middle of a download of some seconds
	rm -f "$dir/got"
	from 8m.bin --limit-rate 1600k -o "$dir/got" &
	local download=$!
	wait_for 30 test -s "$dir/got" || return 1
	"$@"
	wait $download && cmp "$dir/got" "$dir/www/8m.bin"
}
try a_download_survives_the_loss_of_one survives ip -n "$gate" link set m0 down
try new_connections_do_without_it from /
ip -n "$gate" link set m0 up
try and_of_the_other survives ip -n "$gate" link set m1 down
try nothing_is_left becomes_quiet

# --- active-backup

wire_start() { # NUMBER
	ip netns exec "$gate" stdbuf -oL dpdk-testpmd --no-huge --no-shconf -m 128 --no-pci --no-telemetry --lcores="0@0,1@0" \
		--vdev="net_vhost0,iface=$dir/m$1.sock,client=1" --vdev="net_tap0,iface=k$1" -- --forward-mode=io --auto-start \
		--disable-link-check --nb-cores=1 --total-num-mbufs=4096 --stats-period=3600 </dev/null >"$dir/wire$1.log" 2>&1 &
	echo $! >"$dir/wire$1.pid"
	wait_for 30 grep -q 'io packet forwarding - ports' "$dir/wire$1.log" || { tail -n 5 "$dir/wire$1.log"; return 1; }
	ip -n "$gate" link set "k$1" master br0 up
}
wire_end() { # NUMBER: the link is down, as when a switch dies
	kill -KILL "$(cat "$dir/wire$1.pid")" && rm "$dir/wire$1.pid"
}
only_on() { # NUMBER: frames of a request come through this one's wire alone
	local mine=k$1 other=k$((1 - $1)) before got
	before=$(passed "$other") got=$(passed "$mine")
	from / >/dev/null && [ "$(passed "$other")" = "$before" ] && [ "$(passed "$mine")" -gt "$got" ]
}
for device in q0 q1; do ip -n "$gate" link del $device; done
member=server=1,queues=1,mac=$mac,path=$dir
# vhost-user has room for eight pieces of memory.
config "${cores%%,*}" 1 net_virtio_user0 "$member/m0.sock" net_virtio_user1 "$member/m1.sock" \
	--single-file-segments >"$dir/bond.cfg"
scripts/lab stop
try a_wire wire_start 0
try and_another wire_start 1
try active_and_backup_are_one_port restart "$dir/bond.cfg"
try it_serves_again wait_for 30 from /
try on_one_link only_on 0
try a_download_survives_the_loss_of_the_active_one survives wire_end 0
try new_connections_go_by_the_backup from /
try the_first_is_repaired wire_start 0
try a_download_survives_the_loss_of_the_backup survives wire_end 1
try nothing_is_left_again becomes_quiet
