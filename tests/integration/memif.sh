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
# A certificate whose signature lost a bit: the generators' evidence names the server, the key, the hash and the signature.
evidence() {
	local dir server port=9443
	dir=$(mktemp -d)
	trap "rm -rf '$dir'" EXIT # now: it is local
	ip link set lo up
	cd "$dir" || return 1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca.test \
		-addext keyUsage=critical,keyCertSign 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout www.key -subj /CN=www.lab.test 2>/dev/null |
		openssl x509 -req -CA ca.pem -CAkey ca.key -out www.pem 2>/dev/null
	openssl x509 -in www.pem -badsig -out bad.pem # flips the last bit
	cd "$OLDPWD" || return 1
	openssl s_server -accept 127.0.0.1:$port -cert "$dir/bad.pem" -key "$dir/www.key" -quiet >/dev/null 2>&1 &
	server=$!
	for _ in $(seq 200); do ss -Hltn | grep -q 127.0.0.1:$port && break; sleep 0.05; done
	timeout 60 build/perf/kload/kload --target 127.0.0.1:$port --ca "$dir/ca.pem" --byte --exchanges 1 --count 1 >"$dir/out" 2>&1
	kill $server
	cat "$dir/out"
	grep -q 'handshake_errors": {".*(-155)": 1' "$dir/out" && grep -q 'signature refused: .*server name www.lab.test' "$dir/out" &&
		grep -q 'with a new copy of the key: bad (0, 0)' "$dir/out" && grep -q '^  signature: 30' "$dir/out"
}
try evidence_is_kept unshare -n bash -c "$(declare -f evidence); evidence"
refused() { # WORD...: by the generator's command line
	local rc=0
	build/perf/loadgen/loadgen --front net_null0 "$@" >/dev/null 2>&1 || rc=$?
	[ $rc = 2 ]
}
try names_need_room refused --name '##.test' --names 101
try names_need_a_place refused --name www.lab.test --names 1
try names_are_not_resumed refused --name '##.test' --names 5 --resume
try names_are_not_flooded refused --name '##.test' --names 5 --hellos 9 --sources 2
