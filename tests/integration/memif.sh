#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# On memif, with our load generator on the other side: handshakes, requests, bulk in frames of 1,500 and of 9,000 bytes
# without copies, a SYN flood. Whether every answer was right, not how fast: rows of perf/compare, which say so. And the
# generator is ended in the middle.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
if text=$(timeout 200 python3 tests/integration/memif_peers.py 2>&1); then
	echo "ok memif_peers_that_die"
else
	echo "not ok memif_peers_that_die"
	printf '%s\n' "$text" | tail -n 15 | sed 's/^/  | /'
fi
for row in handshake_ecdsa handshake_resumed requests bulk_down bulk_down_jumbo bulk_up_jumbo syn_flood; do
	if text=$(timeout 300 perf/compare --quick --repeat 1 --wire memif --only $row 2>&1); then
		echo "ok memif_$row"
	else
		echo "not ok memif_$row"
		printf '%s\n' "$text" | tail -n 15 | sed 's/^/  | /'
	fi
done
