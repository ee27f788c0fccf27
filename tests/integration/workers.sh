#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every worker carries connections, and packets that arrive at another's queue are handed over.
. tests/integration/lib.sh
n=$(grep -o 'workers = \[[^]]*\]' "$(cat "$lab/config-path")" | grep -o '[0-9]\+' | wc -l)

try connections habit sequential 300
carries() { [ "$(counter "connections_accepted_total{worker=\"$1\"}")" -gt 50 ] || { scripts/lab stats; return 1; }; }
for ((w = 0; w < n; w++)); do
	try "worker_${w}_carries" carries $w
done
handed_over() { [ "$(counter steer_forwarded)" -gt 0 ] && [ "$(counter drop_steer_ring_full)" = 0 ]; }
[ "$n" -lt 2 ] || try packets_are_handed_over handed_over
try nothing_is_left becomes_quiet
