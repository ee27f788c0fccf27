#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Many connections, at once and one after another; afterwards memory is where it was.
# MANY_CONCURRENT (1000) and MANY_SEQUENTIAL (2000) set how many.
. tests/integration/lib.sh
concurrent=${MANY_CONCURRENT:-1000}
sequential=${MANY_SEQUENTIAL:-2000}
ulimit -n "$(ulimit -H -n)"

rss_kb() { awk '/VmRSS/ { print $2 }' "/proc/$(scripts/lab pid)/status"; }

# The first rounds fill caches, free lists and the ring of log records (4,096); after them nothing may grow.
try warm_up habit sequential 200
for _ in 1 2 3; do
	habit concurrent "$concurrent" >/dev/null
done
try warm_up_concurrent habit concurrent "$concurrent"
becomes_quiet >/dev/null
sleep 1
mbufs=$(counter mbufs_free)
heap=$(counter tls_heap_bytes)
rss=$(rss_kb)
failed=$(counter client_tls_negotiation_errors_total)

try "concurrent_$concurrent" habit concurrent "$concurrent"
try "sequential_$sequential" habit sequential "$sequential"
try nothing_is_left becomes_quiet
# Buffers parked in rings and per-core caches come and go.
near() {
	local now
	now=$(counter "$1")
	[ "$now" -ge $(($2 - $3)) ] && [ "$now" -le $(($2 + $3)) ] || { echo "$1 was $2, is $now"; return 1; }
}
try mbufs_are_back wait_for 10 near mbufs_free "$mbufs" 600
try tls_heap_is_back wait_for 10 near tls_heap_bytes "$heap" 262144
flat() {
	local now
	now=$(rss_kb)
	[ "$now" -le $((rss + 2048)) ] || { echo "$rss KB grew to $now"; return 1; }
}
try resident_memory_is_flat flat
# However many come at once, few handshakes begin together: packets get in between.
cohorts=$(counter handshake_cohorts_total)
try a_burst_is_served habit burst 256 "$(scripts/lab pid)"
in_small_groups() {
	local n=$(($(counter handshake_cohorts_total) - cohorts))
	[ $n -ge 16 ] || { echo "256 handshakes began in $n groups"; return 1; }
}
try in_small_groups in_small_groups
try no_handshake_failed is client_tls_negotiation_errors_total "$failed"
