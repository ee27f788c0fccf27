#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# On memif, with our load generator on the other side: handshakes, requests, bulk in frames of 1,500 and of 9,000 bytes
# without copies, a SYN flood, names drawn at random. Whether every answer was right, not how fast: rows of perf/compare and
# perf/size, which say so. And the generator is ended in the middle.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
try() { # NAME COMMAND...
	local name=$1 text
	shift
	if text=$("$@" 2>&1); then
		echo "ok memif_$name"
	else
		echo "not ok memif_$name"
		printf '%s\n' "$text" | tail -n 15 | sed 's/^/  | /'
	fi
}
try peers_that_die timeout 200 python3 tests/integration/memif_peers.py
for row in handshake_ecdsa handshake_resumed requests bulk_down bulk_down_jumbo bulk_up_jumbo syn_flood; do
	try $row timeout 300 perf/compare --quick --repeat 1 --wire memif --only $row
done
# The generator checks some of the certificates against the name that it drew, and any failed handshake is an error.
try names timeout 300 perf/size --certificates 100 --connections 0 --repeat 1 --seconds 1
refused() { # WORD...: by the generator's command line
	local rc=0
	build/perf/loadgen/loadgen --front net_null0 "$@" >/dev/null 2>&1 || rc=$?
	[ $rc = 2 ]
}
try names_need_room refused --name '##.test' --names 101
try names_need_a_place refused --name www.lab.test --names 1
try names_are_not_resumed refused --name '##.test' --names 5 --resume
try names_are_not_flooded refused --name '##.test' --names 5 --hellos 9 --sources 2
