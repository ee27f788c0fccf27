#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The daemon on NICs that claim RSS and checksums: one that does all it says, and such as lie. liar.c, preloaded, makes
# them of taps. Brings its own lab: tests/integration/lies.sh
cd "$(dirname "$0")/../.." || exit
export SALLYPORT_LAB=${SALLYPORT_LAB:-sp}-l
. tests/integration/lib.sh
liar=$(dirname "${SALLYPORT:-$PWD/build/sallyport}")/tests/integration/libliar.so # of the daemon's own build
if [ ! -e "$liar" ]; then
	echo "not ok lies: there is no $liar"
	exit 1
fi
file=lies-4m.bin

if [ "$(nproc)" -lt 2 ]; then
	echo "skip lies: two workers need two cores"
	exit
fi
trap 'scripts/lab down' EXIT

# nic LIES: a daemon on such NICs; without any, on honest ones.
nic() {
	local how=up
	local -a options=(--driver tap --workers 2)
	if scripts/lab pid >/dev/null 2>&1; then
		scripts/lab stop
		how=start options=()
	fi
	# A daemon with AddressSanitizer wants to be told that liar.c may come before it.
	SALLYPORT_WRAP="env LD_PRELOAD=$liar LIAR=$1 ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" scripts/lab $how "${options[@]}" || return 1
	scripts/lab file $file 4M
	wait_for 60 expect 'lab backend' get /
}

# Both ways, over IPv4 and IPv6, on connections enough for both workers.
traffic() {
	local i v6='www.lab.test:443:[fd80::1]'
	for i in 1 2 3 4 5 6 7 8; do
		expect 'lab backend' get / || return 1
		expect 'lab backend' get / --resolve "$v6" || return 1
	done
	for i in 1 2; do
		[ "$(get /$file | sha256sum)" = "$(sha256sum <"$lab/www/$file")" ] || return 1
		rm -f "$lab/www/upload/$file"
		get "/upload/$file" -T "$lab/www/$file" -o /dev/null --resolve "$v6" || return 1
		cmp "$lab/www/upload/$file" "$lab/www/$file" || return 1
	done
}

says() { # TEXT: the log, once control has looked
	wait_for 20 grep -e "$1" "$lab/sallyport.log"
}
never_says() { refused grep -e "$1" "$lab/sallyport.log"; }
metric() { # LINE
	wait_for 20 expect "$1" scripts/lab metrics
}

# --- one that does what it says: each worker's packets come to it, and each has our hash
try honest_nic nic ''
try honest_is_chosen_for_hash says 'steering: hash$'
try honest_traffic traffic
both_compare() {
	local i
	for i in 0 1; do more_than "steer_compared_hash{worker=\"$i\"}" 500 || return 1; done
}
every_hash_is_ours() {
	local i
	# Chance chooses the worker of a transfer: in one round out of eight, all four are one's.
	for i in 1 2 3 4 5 6 7 8 9 10; do both_compare >/dev/null || traffic || return 1; done
	both_compare && becomes_quiet || return 1
	is steer_compared_hash "$(counter steer_compared)" && is steer_wrong_hash 0 && is steer_wrong_queue 0 &&
		is steer_forwarded 0
}
try honest_every_hash_is_ours every_hash_is_ours
try honest_checksums_are_proven metric 'port_offload{port="front0",offload="tx_tcp_checksum",state="proven"} 1'
try honest_is_not_accused never_says 'software'
echo "# figures: $(counter steer_compared_hash) hashes compared, none wrong"

# --- hashes and queues: software chooses from then on, by the same function, and no connection breaks
for lie in hash queue; do
	try "${lie}_nic" nic $lie
	try "${lie}_traffic_through_the_change" traffic
	try "${lie}_is_found_out" says 'steering: ring, no longer hash'
	try "${lie}_is_counted" more_than "steer_wrong_$lie" 64
	try "${lie}_mode_is_a_metric" metric 'steer_mode{mode="ring"} 1'
	try "${lie}_traffic_goes_on" traffic
done
try queue_packets_are_handed_over more_than steer_forwarded 1000

# --- checksums of frames that come
bad_syns() { # 32 of them, to where TLS is served
	in_client python3 -c '
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for port in range(20000, 20032):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, bytes([10, 80, 0, 2]), bytes([10, 80, 0, 1]))
    total = sum(struct.unpack("!10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack("!H", 0xffff - total) + ip[12:]
    tcp = struct.pack("!HHIIBBHHH", port, 443, 1, 0, 0x50, 2, 65535, 0xbad0, 0)
    s.send(bytes.fromhex("020000000101" "020000000102" "0800") + ip + tcp + bytes(6))'
}
try rx_checksum_nic nic rx-checksum
bad_syns
try rx_checksum_is_found_out says "port 'front0': the device calls a checksum good that is wrong"
try rx_checksum_state_is_a_metric metric 'port_offload{port="front0",offload="rx_checksum",state="refuted"} 1'
bad_syns
try rx_checksum_no_bad_frame_passes wait_for 20 is drop_tcp_bad_checksum 64
try rx_checksum_traffic traffic

# --- what it says of frames that go
try tx_checksum_nic nic tx-checksum
try tx_checksum_traffic traffic
for side in front back; do
	try "tx_checksum_is_found_out_$side" says "port '${side}0': the device sends TCP segments without the checksum"
	try "tx_checksum_state_is_a_metric_$side" \
		metric "port_offload{port=\"${side}0\",offload=\"tx_tcp_checksum\",state=\"refuted\"} 1"
done
try tso_nic nic tso
try tso_traffic traffic
try tso_is_found_out says "port 'front0': the device does not cut large segments"
try tso_state_is_a_metric metric 'port_offload{port="front0",offload="tso",state="refuted"} 1'
try tso_checksums_are_still_believed metric 'port_offload{port="front0",offload="tx_tcp_checksum",state="proven"} 1'
try nothing_is_left becomes_quiet
try the_daemons_end_well daemons_end_well
