#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Ports other than one front and one back: one-armed use, several addresses, VLANs on one wire, more ports than two.
# Each with a daemon of its own; leaves a fresh one of the others' behind.
. tests/integration/lib.sh
path=$(cat "$lab/config-path")
driver=$(cat "$lab/driver")
cores=$(sed -n 's/.*workers = \[\([^]]*\)\].*/\1/p' "$path")
dir=$lab/ports
servers=()

clean() {
	kill "${servers[@]}" 2>/dev/null
	wait "${servers[@]}" 2>/dev/null
	for i in 2 3; do ip -n "$prefix-gate" link del "sp-extra$i" 2>/dev/null; done
	in_client ip addr del 10.85.0.2/24 dev eth0 2>/dev/null
	restart "$path"
	rm -rf "$dir"
}
trap clean EXIT
mkdir -p "$dir"

serve() { # SIDE ADDRESS: files of a folder of that name, on port 8080
	mkdir -p "$dir/www-$2"
	echo "from $2" >"$dir/www-$2/index.html"
	head -c 4M /dev/urandom >"$dir/www-$2/4m.bin"
	ip netns exec "$prefix-$1" python3 -m http.server --bind "$2" --directory "$dir/www-$2" 8080 \
		>"$dir/$2.log" 2>&1 &
	servers+=($!)
	wait_for 20 ip netns exec "$prefix-$1" curl -sS --fail "http://$2:8080/"
}

of_lab() { sed -n "s/.*name = \"$1\"; devices = \[\([^]]*\)\].*/\1/p" "$path"; }
front_devices=$(of_lab front0) back_devices=$(of_lab back0)
eal=$(sed -n '/^eal = \[/,/\]/p' "$path" | tr '\n' ' ' | sed 's/^eal = \[//; s/\];.*//')

# config FRONT BACK TARGET BINDS MORE_EAL <PORTS >FILE
config() {
	cat <<-C
		runtime = { workers = [$cores]; front = $1; back = $2; max_connections = 4096; drain_timeout = 2.0;
		            idle = "sleep"; };
		control = { socket = "$lab/control.sock"; metrics = "127.0.0.1:9180"; };
		eal = [ $eal$5 ];
		ports = (
	C
	cat
	cat <<-C
		);
		certificates = ( { name = "www"; chain = "$lab/pki/live/www.ecdsa.pem"; key = "$lab/pki/live/www.ecdsa.key"; } );
		backends = ( { name = "b"; targets = ( $3 ); connect_timeout = 2.0; } );
		listeners = ( { name = "l"; bind = [$4]; default_certificate = "www"; backend = "b"; } );
	C
}

from() { # ADDRESS [PATH]: curl to the listener there
	local host=$1
	[[ $1 != *:* ]] || host="[$1]"
	in_client curl -sS --fail --max-time 30 --cacert "$ca" --resolve "www.lab.test:443:$host" \
		"https://www.lab.test/${2:-}"
}
answers_with() { # TEXT ADDRESS
	wait_for 20 from "$2" && expect "$1" from "$2"
}
whole() { # ADDRESS TARGET: 4 MB come as they are
	from "$1" 4m.bin >"$dir/got" && cmp "$dir/got" "$dir/www-$2/4m.bin"
}
many() { # ADDRESS: 40 connections, eight at a time
	export -f from in_client
	export ca prefix
	seq 40 | xargs -P 8 -I{} bash -c "from $1 >/dev/null || exit 255"
}
works() { # NAME ADDRESS TARGET
	try "$1" answers_with "from $3" "$2"
	try "$1_in_bulk" whole "$2" "$3"
	try "$1_many_times" many "$2"
}
port() { # NAME DEVICES ADDRESSES [MORE]; with last= in front of it: the last of them
	echo "  { name = \"$1\"; devices = [$2]; addresses = [$3]; ${4:-} }${last-,}"
}

# --- one arm: clients and backends on the same port
serve client 10.80.0.2
last='' port arm "$front_devices" '"10.80.0.1/24", "fd80::1/64"' |
	config '"arm"' '"arm"' '{ address = "10.80.0.2:8080"; }' '"10.80.0.1:443", "[fd80::1]:443"' '' >"$dir/arm.cfg"
try one_arm_is_configured restart "$dir/arm.cfg"
works one_arm 10.80.0.1 10.80.0.2
try one_arm_over_ipv6 answers_with 'from 10.80.0.2' fd80::1

# --- several addresses, in several nets
last='' port arm "$front_devices" '"10.80.0.1/24", "10.80.0.3/24", "10.85.0.1/24", "fd80::1/64", "fd80::3/64"' |
	config '"arm"' '"arm"' '{ address = "10.80.0.2:8080"; }' '"0.0.0.0:443", "[::]:443"' '' >"$dir/addresses.cfg"
try several_addresses_are_configured restart "$dir/addresses.cfg"
in_client ip addr add 10.85.0.2/24 dev eth0
for address in 10.80.0.1 10.80.0.3 10.85.0.1 fd80::1 fd80::3; do
	try "each_address_serves_$address" answers_with 'from 10.80.0.2' $address
done
not_ours() { refused in_client curl -sS --max-time 2 http://10.80.0.4:443/; }
try and_no_other not_ours

# --- VLANs on one wire, beside frames without a tag
{
	port front0 "$front_devices" '"10.80.0.1/24"'
	port front10 "$front_devices" '"10.86.0.1/24"' 'vlan = 10;'
	last='' port back20 "$front_devices" '"10.87.0.1/24"' 'vlan = 20;'
} | config '["front0", "front10"]' '"back20"' '{ address = "10.87.0.2:8080"; }' '"0.0.0.0:443"' '' >"$dir/vlan.cfg"
try vlans_are_configured restart "$dir/vlan.cfg"
in_client python3 $here/vlan_switch.py eth0 "${prefix}10=10" "${prefix}20=20" >"$dir/switch.log" 2>&1 &
servers+=($!)
wait_for 20 grep -q ready "$dir/switch.log"
ip -n "$prefix-client" link set "${prefix}20" netns "$prefix-backend"
in_client ip addr add 10.86.0.2/24 dev "${prefix}10"
in_client ip link set "${prefix}10" up
ip -n "$prefix-backend" addr add 10.87.0.2/24 dev "${prefix}20"
ip -n "$prefix-backend" link set "${prefix}20" up
serve backend 10.87.0.2
works tagged 10.86.0.1 10.87.0.2
works untagged 10.80.0.1 10.87.0.2
dropped=$(counter drop_vlan)
stray() { # a frame of a VLAN that nobody has
	in_client python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
s.send(bytes.fromhex("020000000101" "020000000102" "8100001e" "0806") + bytes(46))'
	wait_for 10 more_than drop_vlan "$dropped"
}
try other_vlans_are_dropped_and_counted stray
elsewhere() { # an address of one VLAN asked for in another
	refused in_client curl -sS --max-time 2 --interface "${prefix}10" https://10.80.0.1/
}
try an_address_is_its_own_vlans elsewhere

# --- more ports than two
if [ "$driver" = af_xdp ]; then
	n=$(wc -w <<<"$cores")
	extra() { # NUMBER: a wire from the client's namespace to the daemon's, into $vdevs and $devices
		local i
		ip link add "sp-extra$1" netns "$prefix-gate" numrxqueues "$n" numtxqueues "$n" address "02:00:00:00:1$1:01" \
			type veth peer name "eth$1" netns "$prefix-client" numrxqueues "$n" numtxqueues "$n"
		for feature in rx tx sg tso gso gro; do
			ip netns exec "$prefix-gate" ethtool -K "sp-extra$1" $feature off >/dev/null 2>&1
			in_client ethtool -K "eth$1" $feature off >/dev/null 2>&1
		done
		ip -n "$prefix-gate" link set "sp-extra$1" up
		in_client ip addr add "10.9$1.0.2/24" dev "eth$1"
		in_client ip link set "eth$1" up
		devices=
		for ((i = 0; i < n; i++)); do
			devices+="${devices:+, }\"net_af_xdp_extra$1$i\""
			vdevs+=", \"--vdev=net_af_xdp_extra$1$i,iface=sp-extra$1,start_queue=$i,queue_count=1\""
		done
	}
	vdevs=
	extra 2
	devices2=$devices
	extra 3
	serve client 10.93.0.2
	{
		port front0 "$front_devices" '"10.80.0.1/24"'
		port front1 "$devices2" '"10.92.0.1/24"'
		port back0 "$back_devices" '"10.81.0.1/24"'
		last='' port back1 "$devices" '"10.93.0.1/24"'
	} | config '["front0", "front1"]' '["back0", "back1"]' '{ address = "10.93.0.2:8080"; }, { address = "10.81.0.2:8080"; }' \
		'"0.0.0.0:443"' "$vdevs" >"$dir/four.cfg"
	try four_ports_are_configured restart "$dir/four.cfg"
	four() { # each front reaches each back
		local front
		for front in 10.80.0.1 10.92.0.1; do
			for _ in 1 2 3 4 5 6 7 8; do from $front || return 1; done >"$dir/four"
			if ! grep -q 'from 10.93.0.2' "$dir/four" || ! grep -q 'lab backend' "$dir/four"; then
				cat "$dir/four"
				return 1
			fi
		done
	}
	try each_front_reaches_each_back four
	try workers_shows_four_ports expect 'front0: .*front1: .*back0: .*back1: ' scripts/lab ctl workers
fi
try nothing_is_left becomes_quiet
