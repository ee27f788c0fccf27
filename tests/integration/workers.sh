#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every worker carries connections, and packets that arrive at another's queue are handed over: no connection is lost
# and none is answered with RST. CONNECTIONS=200000 makes a long test of it (and HABIT_SECONDS=3600).
. tests/integration/lib.sh
n=$(grep -o 'workers = \[[^]]*\]' "$(cat "$lab/config-path")" | grep -o '[0-9]\+' | wc -l)
mode=ring
[ "$n" -ge 2 ] || mode=alone

resets=$(counter tcp_resets_sent)
try connections habit sequential "${CONNECTIONS:-300}"
try none_is_answered_with_rst is tcp_resets_sent "$resets"
carries() { [ "$(counter "connections_accepted_total{worker=\"$1\"}")" -gt 50 ] || { scripts/lab stats; return 1; }; }
for ((w = 0; w < n; w++)); do
	try "worker_${w}_carries" carries $w
done
handed_over() { [ "$(counter steer_forwarded)" -gt 0 ] && [ "$(counter drop_steer_ring_full)" = 0 ]; }
[ "$n" -lt 2 ] || try packets_are_handed_over handed_over
try the_mode_is_a_metric is "steer_mode{mode=\"$mode\"}" 1
try workers_and_queues_are_shown expect "$mode .*front0: .* queue 0.*back0: " scripts/lab ctl workers
echo "# mode $mode: $(counter steer_forwarded) packets handed over, $(counter drop_steer_ring_full) lost on the way"
try nothing_is_left becomes_quiet
