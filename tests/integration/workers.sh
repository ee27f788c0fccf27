#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every worker carries connections, and packets that arrive at another's queue are handed over: no connection is lost
# or answered with RST. CONNECTIONS=200000 makes a long test of it.
. tests/integration/lib.sh
n=$(grep -o 'workers = \[[^]]*\]' "$(cat "$lab/config-path")" | grep -o '[0-9]\+' | wc -l)
mode=ring
[ "$n" -ge 2 ] || mode=alone
connections=${CONNECTIONS:-3000}

reasons='no_listener unknown ended bad_ack unread aborted timeout' # all there are
try nobody_of_before_hangs wait_for 120 none_hangs
declare -A resets
for reason in $reasons; do resets[$reason]=$(counter_of "tcp_resets_sent" "reason=\"$reason\""); done
astray=$(counter drop_tcp_other_worker)
refusals=$(counter tcp_source_ports_exhausted)
ip netns exec "$prefix-backend" build/perf/kload/kload --serve 10.81.0.2:9060 --byte 2>"$lab/kload-serve.log" &
started=($!)
for side in client backend; do
	ip netns exec "$prefix-$side" python3 $here/resets.py $side >"$lab/resets.$side" 2>&1 &
	started+=($!)
done
trap 'kill "${started[@]}"; wait "${started[@]}" 2>/dev/null' EXIT
for side in client backend; do wait_for 20 grep -q ready "$lab/resets.$side"; done
wait_for 20 scripts/lab backend sh -c "ss -tln | grep -q 10.81.0.2:9060"

# A handshake, a byte each way, checked, and its end in order, close_notify and FIN: each a connection of its own, 32 at once.
proxied() {
	in_client build/perf/kload/kload --target 10.80.0.1:9060 --ca "$ca" --byte --exchanges 1 --orderly --connections 32 \
		--seconds 86000 --count "$connections" >"$lab/kload.log" 2>&1 || { cat "$lab/kload.log"; return 1; }
	python3 - "$connections" "$lab/kload.log" <<-'P'
		import json, sys
		result = json.loads(open(sys.argv[2]).read().strip().splitlines()[-1])
		if result["errors"] or result["connections"] < int(sys.argv[1]):
		    sys.exit(str(result))
	P
}
try "connections_$connections" proxied
# Of all RSTs only those for what is late are right here: where the wire holds a FIN up for longer than the RTO it is sent twice
# and acknowledged twice, and with the first ACK the connection is over. (The wires of memif and tap are loaded processes.)
none_is_reset() {
	local reason
	for reason in $reasons; do
		[ "$reason" = ended ] || [ "$(sent "$reason")" = 0 ] || {
			scripts/lab stats | grep tcp_resets_sent
			tail -n 5 "$lab"/resets.*
			return 1
		}
	done
}
sent() { echo $(($(counter_of tcp_resets_sent "reason=\"$1\"") - resets[$1])); }
try no_connection_is_answered_with_rst none_is_reset
try none_comes_to_the_wrong_worker is drop_tcp_other_worker "$astray"
try none_lacks_a_source_port is tcp_source_ports_exhausted "$refusals"
try files_come_whole habit sequential 100
carries() { # its share of them, by a quarter
	local carried
	carried=$(counter "connections_accepted_total{worker=\"$1\"}")
	[ "$carried" -gt $((connections * 3 / 4 / n)) ] || { scripts/lab stats; return 1; }
}
for ((w = 0; w < n; w++)); do
	try "worker_${w}_carries" carries $w
done
handed_over() { [ "$(counter steer_forwarded)" -gt 0 ] && [ "$(counter drop_steer_ring_full)" = 0 ]; }
[ "$n" -lt 2 ] || try packets_are_handed_over handed_over
try the_mode_is_a_metric is "steer_mode{mode=\"$mode\"}" 1
try workers_and_queues_are_shown expect "$mode .*front0: .* queue 0.*back0: " scripts/lab ctl workers
echo "# figures: mode $mode, $(counter rx_packets) packets received, $(counter steer_forwarded) handed over," \
	"$(counter drop_steer_ring_full) lost on the way; $(sent ended) late segments of connections that had ended got RST;" \
	"$(counter tcp_source_ports_reused) source ports reused (RFC 6191)"
try nothing_is_left becomes_quiet
