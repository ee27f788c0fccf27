#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The daemon on PCI NICs: in a QEMU guest that emulates everything, so each step has minutes where
# a real machine needs a moment. Brings its own lab: tests/integration/pci.sh [NIC...]
cd "$(dirname "$0")/../.." || exit
export SALLYPORT_LAB=${SALLYPORT_LAB:-sp}-p
. tests/integration/lib.sh
nics=("$@")
[ $# -gt 0 ] || nics=(virtio vmxnet3 e1000e igb)
file=pci-64m.bin
export GET_SECONDS=600

for tool in qemu-system-x86_64 busybox socat cpio depmod; do
	if ! command -v $tool >/dev/null; then
		for nic in "${nics[@]}"; do echo "skip pci_$nic: no $tool"; done
		exit 0
	fi
done
if ! scripts/vm_image build/sallyport >"$lab-image.log" 2>&1; then
	for nic in "${nics[@]}"; do echo "skip pci_$nic: $(tail -n 1 "$lab-image.log")"; done
	exit 0
fi
for i in "${!nics[@]}"; do
	scripts/vm_qemu "${nics[i]/#virtio/virtio-net-pci}" >"$lab-image.log" 2>&1 && continue
	echo "skip pci_${nics[i]}: $(tail -n 1 "$lab-image.log")"
	unset "nics[i]"
done
rm -f "$lab-image.log"

down() { [ "$(get "/$file" "$@" | sha256sum)" = "$(sha256sum <"$lab/www/$file")" ]; }
up() {
	rm -f "$lab/www/upload/$file"
	get "/upload/$file" -T "$lab/www/$file" -o /dev/null "$@" && cmp "$lab/www/upload/$file" "$lab/www/$file"
}

# fetch FILE OUTPUT RATE: begins a download at so many bytes/s and leaves it running, $transfer; it may hurry after fetch_on.
fetch() {
	rm -f "$2" "$lab/go"
	(set -o pipefail && get "/$1" | python3 $here/pace.py "$3" "$lab/go" "$2") &
	transfer=$!
	wait_for 60 test -s "$2"
}
fetch_on() { kill -0 $transfer && touch "$lab/go"; }

# Certificates change while wrk asks, and each change is served.
pci_serial() { s_client -tls1_3 -sigalgs ECDSA+SHA256 </dev/null | openssl x509 -noout -serial; }
other_than() { # SERIAL
	local now
	now=$(pci_serial) && [ "$now" != "$1" ] || { echo "still $now"; return 1; }
}
swapped() {
	local wrk before
	# Not by in_client, which would be a shell: the signal is for wrk.
	scripts/lab client wrk -t 1 -c 8 -d 300s --timeout 30s -H 'Host: www.lab.test' https://10.80.0.1/1k.txt \
		>"$lab/wrk.log" 2>&1 &
	wrk=$!
	for _ in 1 2 3 4; do
		before=$(pci_serial) && scripts/lab swap && wait_for 60 other_than "$before" || { kill $wrk; return 1; }
	done
	kill -INT $wrk
	wait $wrk
	cat "$lab/wrk.log"
	grep -q Requests/sec "$lab/wrk.log" &&
		! grep -q -e 'Socket errors' -e Non-2xx "$lab/wrk.log"
}

more_than_xstat() { # NAME VALUE, of the front NIC
	scripts/lab metrics | awk -v name="name=\"$1\"" -v least="$2" '
		/^sallyport_port_xstats_total\{port="front0"/ && index($0, name) { v = $2 }
		END { print v + 0; exit v <= least }'
}

link_changes() { scripts/lab metrics | sed -n 's/^sallyport_port_link_changes_total{port="front0"} //p'; }
changed_to() { [ "$(link_changes)" = "$1" ] || { echo "$(link_changes) changes of the link, not $1"; return 1; }; }
cable_out() { # and in again, under a transfer that survives it
	local transfer before
	# Some links come up after the first look at them.
	wait_for 60 expect 'port_link_up{port="front0"} 1' scripts/lab metrics || return 1
	before=$(link_changes)
	fetch "$file" "$lab/cable.bin" 6000000 || return 1
	scripts/lab link front down
	wait_for 60 expect 'port_link_up{port="front0"} 0' scripts/lab metrics || return 1
	wait_for 60 grep -q "port 'front0': link is down" "$lab/sallyport.log" || return 1
	refused get / --max-time 3 || return 1
	scripts/lab link front up
	wait_for 60 changed_to $((before + 2)) || return 1
	fetch_on && wait $transfer && cmp "$lab/cable.bin" "$lab/www/$file" && expect 'lab backend' get / && return
	scripts/lab stats | grep -e drop -e timeout -e error
	return 1
}

drained() {
	local transfer
	fetch "$file" "$lab/drained.bin" 4000000 || return 1
	scripts/lab signal TERM
	wait_for 60 grep -q draining "$lab/sallyport.log" || return 1
	refused get / --max-time 5 || return 1
	fetch_on && wait $transfer && cmp "$lab/drained.bin" "$lab/www/$file" || return 1
	wait_for 60 test -s "$lab/sallyport.status" && [ "$(cat "$lab/sallyport.status")" = 0 ]
}

killed() { # the device is left as it was: the next start has to cope
	scripts/lab kill && [ "$(cat "$lab/sallyport.status")" = 137 ] &&
		scripts/lab start && expect 'lab backend' get /
}

# Large frames both ways: more than 4000 bytes a packet on average, where 1500 gives a third of it.
jumbo() {
	local side packets bytes
	sed -i 's/mtu = 1500/mtu = 9000/' "$lab/sallyport.cfg"
	ip -n "$prefix-client" link set eth0 mtu 9000
	ip -n "$prefix-backend" link set eth0 mtu 9000
	scripts/lab start && down && up || return 1
	for side in rx tx; do
		packets=$(counter ${side}_packets)
		bytes=$(counter ${side}_bytes)
		[ "$((bytes / packets))" -gt 4000 ] || { echo "$side: $bytes bytes in $packets packets"; return 1; }
	done
}

# As often as somebody with a loose plug does it: what comes in between is lost, and it comes again.
flaps() {
	for _ in 1 2 3 4; do
		scripts/lab link front down || return 1
		scripts/lab link front up || return 1
	done
	wait_for 60 expect 'port_link_up{port="front0"} 1' scripts/lab metrics && expect 'lab backend' get /
}

# The front NIC is pulled out of its slot while the daemon has it, and put in again.
pulled() {
	scripts/lab slot front out || return 1
	expect "port 'front0': its device is being unplugged and is given back" cat "$lab/sallyport.log" || return 1
	expect 'port_failed{port="front0"} 1' scripts/lab metrics || return 1
	expect 'port_link_up{port="front0"} 0' scripts/lab metrics || return 1
	expect 'port_failed{port="back0"} 0' scripts/lab metrics || return 1
	in_backend ping -c 1 -W 30 -q 10.81.0.1 || return 1
	refused get / --max-time 3 || return 1
	scripts/lab signal TERM
	wait_for 60 test -s "$lab/sallyport.status" && [ "$(cat "$lab/sallyport.status")" = 0 ] || return 1
	scripts/lab slot front in && scripts/lab start && expect 'lab backend' get /
}

# VLANs of one wire beside frames without a tag: the NIC lets pass those that it was told, and no others.
tagged() {
	local nodes="$prefix"10 stray
	scripts/lab stop
	sed -i 's/front = "front0"/front = ["front0", "front10"]/; s/bind = \["10.80.0.1:443",/bind = ["10.80.0.1:443", "10.86.0.1:443",/
		s/^\(  { name = "front0"; devices = \[\)\([^]]*\)/  { name = "front10"; devices = [\2]; addresses = ["10.86.0.1\/24"]; mtu = 1500; vlan = 10; },\n\1\2/' \
		"$lab/sallyport.cfg"
	scripts/lab start || return 1
	in_client timeout 900 python3 $here/vlan_switch.py eth0 "$nodes=10" >"$lab/switch.log" 2>&1 &
	wait_for 120 grep -q ready "$lab/switch.log" || return 1
	in_client ip addr add 10.86.0.2/24 dev "$nodes" && in_client ip link set "$nodes" up || return 1
	wait_for 60 expect 'lab backend' get / --resolve www.lab.test:443:10.86.0.1 || return 1
	expect 'lab backend' get / || return 1
	for stray in 000b 001e 0ffe; do
		in_client python3 -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
s.send(bytes.fromhex("ffffffffffff" "020000000102" "8100" + sys.argv[1] + "0806") + bytes(46))' $stray || return 1
	done
	expect 'lab backend' get / --resolve www.lab.test:443:10.86.0.1 && is drop_vlan 0
}

# Both NICs as one port, the first active: it is pulled out under a download, which goes on by the other. Their wires end in a
# bridge.
bonded() { # NIC
	local server i
	scripts/lab up --driver pci --nic "$1" || return 1
	scripts/lab stop
	ip -n "$prefix-backend" link set eth0 netns "$prefix-client" name eth1
	in_client ip link add br0 type bridge && in_client ip link set br0 up
	in_client ip addr flush dev eth0
	for i in 0 1; do in_client ip link set "eth$i" master br0 up; done
	in_client ip addr add 10.80.0.2/24 dev br0
	cat >"$lab/sallyport.cfg" <<-C
	runtime = { workers = [1]; max_connections = 4096; drain_timeout = 60.0; idle = "sleep"; };
	control = { socket = "/run/sallyport/control.sock"; metrics = "0.0.0.0:9180"; };
	eal = [ "--vdev=net_bonding0,mode=1,slave=0000:01:00.0,slave=0000:02:00.0,primary=0000:01:00.0" ];
	ports = ( { name = "front0"; devices = ["net_bonding0"]; addresses = ["10.80.0.1/24"]; } );
	certificates = ( { name = "www"; chain = "$lab/pki/live/www.ecdsa.pem"; key = "$lab/pki/live/www.ecdsa.key"; } );
	backends = ( { name = "b"; targets = ( { address = "10.80.0.2:8080"; } ); connect_timeout = 20.0; } );
	listeners = ( { name = "l"; bind = ["10.80.0.1:443"]; default_certificate = "www"; backend = "b";
	                limits = { handshake_timeout = 30.0; }; } );
	C
	scripts/lab file pci-8m.bin 8M
	in_client python3 -m http.server --bind 10.80.0.2 --directory "$lab/www" 8080 >"$lab/server.log" 2>&1 &
	server=$!
	unplugged
	i=$?
	kill $server
	return $i
}
unplugged() {
	local transfer
	scripts/lab start && wait_for 120 expect 'lab backend' get / || return 1
	fetch pci-8m.bin "$lab/bonded.bin" 300000 || return 1
	scripts/lab slot front out || return 1
	expect "port 'front0': '0000:01:00.0', a member of its bond, is being unplugged and is given back, 1 left" \
		cat "$lab/sallyport.log" || return 1
	fetch_on || { echo "the download was over before"; return 1; }
	wait $transfer && cmp "$lab/bonded.bin" "$lab/www/pci-8m.bin" || return 1
	expect 'port_failed{port="front0"} 0' scripts/lab metrics || return 1
	expect 'port_link_up{port="front0"} 1' scripts/lab metrics || return 1
	expect 'lab backend' get / || return 1
	# Nothing is left of it: it is found where it was, and taken in again by a restart.
	scripts/lab stop && scripts/lab slot front in && scripts/lab start && wait_for 120 expect 'lab backend' get / &&
		daemons_end_well
}

one_nic() {
	local nic=$1
	if ! scripts/lab up --driver pci --nic "$nic" >"$lab.up" 2>&1; then
		echo "not ok pci_${nic}_starts"
		tail -n 20 "$lab.up" | sed 's/^/  | /'
		return
	fi
	# A drain here takes as long as its transfer, and a handshake of an emulated core its time.
	sed -i 's/drain_timeout = 2.0/drain_timeout = 60.0/' \
		"$lab/sallyport.cfg"
	scripts/lab reload
	scripts/lab file $file 64M
	try "pci_${nic}_ipv4" expect 'lab backend' get /
	try "pci_${nic}_ipv6" expect 'lab backend' get / --resolve 'www.lab.test:443:[fd80::1]'
	try "pci_${nic}_64m_down" down
	try "pci_${nic}_64m_up_ipv6" up --resolve 'www.lab.test:443:[fd80::1]'
	try "pci_${nic}_offloads_are_proven" offloads_proven
	try "pci_${nic}_tells_its_own_counters" more_than_xstat rx_good_packets 1000
	try "pci_${nic}_swap_under_wrk" swapped
	try "pci_${nic}_link_down_and_up" cable_out
	try "pci_${nic}_link_flaps" flaps
	try "pci_${nic}_usable_after_kill_9" killed
	try "pci_${nic}_pulled_out_and_in" pulled
	try "pci_${nic}_vlans" tagged
	try "pci_${nic}_drains_on_sigterm" drained
	try "pci_${nic}_mtu_9000" jumbo
	try "pci_${nic}_daemons_end_well" daemons_end_well
}

# NICs that spread flows by themselves, and two workers. Of QEMU's models these are virtio and the igb: its vmxnet3 fills
# one queue whatever it was told, and DPDK's driver for the e1000e has but one. The igb hands up the hash of every
# packet; virtio's driver none, so there it is the queue of every packet that is compared.
two_queues() { # NIC HASHES, 1 if it hands them up
	local i side port compared
	scripts/lab up --driver pci --nic "$1" --workers 2 || return 1
	for side in front back; do
		grep "port '${side}0': RSS by a key of 40 bytes and a table of 128 over 2 queues" "$lab/sallyport.log" ||
			{ cat "$lab/sallyport.log"; return 1; }
	done
	grep 'steering: hash' "$lab/sallyport.log" || { grep steering "$lab/sallyport.log"; return 1; }
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		expect 'lab backend' get / || return 1
		expect 'lab backend' get / --resolve 'www.lab.test:443:[fd80::1]' || return 1
	done
	scripts/lab file pci-8m.bin 8M
	for i in 1 2 3 4; do
		[ "$(get /pci-8m.bin | sha256sum)" = "$(sha256sum <"$lab/www/pci-8m.bin")" ] || return 1
	done
	becomes_quiet 60 || return 1
	for i in 0 1; do more_than "steer_compared{worker=\"$i\"}" 100 || return 1; done
	compared=$(counter steer_compared)
	echo "$compared packets compared"
	is steer_compared_hash $((compared * $2)) && is steer_wrong_hash 0 && is steer_wrong_queue 0 &&
		is steer_forwarded 0 && daemons_end_well
}

# What the log and the metrics say of the offloads once traffic has shown that they work.
offloads_proven() {
	local name
	for name in $(scripts/lab metrics | sed -n 's/.*port_offload{port="front0",offload="\(t[^"]*\)".*/\1/p'); do
		expect "port_offload{port=\"front0\",offload=\"$name\",state=\"proven\"} 1" scripts/lab metrics || return 1
	done
	refused grep 'software does it from now on' "$lab/sallyport.log"
}

trap 'scripts/lab down' EXIT
for nic in "${nics[@]}"; do one_nic "$nic"; done
for nic in "${nics[@]}"; do
	case $nic in
	virtio)
		try pci_virtio_two_queues two_queues virtio 0
		try pci_virtio_bond_unplugged bonded virtio
		;;
	igb) try pci_igb_two_queues_every_hash two_queues igb 1 ;;
	esac
done
rm -f "$lab.up"
