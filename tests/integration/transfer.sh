#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Large bodies both ways, equal by SHA-256. TRANSFER_SIZE (head -c notation) sets how large: 64M.
. tests/integration/lib.sh
size=${TRANSFER_SIZE:-64M}
patience=${TRANSFER_SECONDS:-60}
file=transfer-$size.bin
scripts/lab file "$file" "$size"
sum=$(sha256sum <"$lab/www/$file")

down() { [ "$(get "/$file" "$@" --max-time "$patience" | sha256sum)" = "$sum" ] || { echo "other bytes"; return 1; }; }
up() {
	rm -f "$lab/www/upload/$file"
	get "/upload/$file" -T "$lab/www/$file" -o /dev/null --max-time "$patience" "$@" || return 1
	[ "$(sha256sum <"$lab/www/upload/$file")" = "$sum" ] || { echo "other bytes"; return 1; }
}
try "down_$size" down
try "up_$size" up
try "down_tls12_$size" down --tls-max 1.2
try "up_tls12_$size" up --tls-max 1.2
try "down_ipv6_$size" down --resolve 'www.lab.test:443:[fd80::1]'
try "up_ipv6_$size" up --resolve 'www.lab.test:443:[fd80::1]'
try "down_chacha_$size" down --tls13-ciphers TLS_CHACHA20_POLY1305_SHA256

four_at_once() {
	local pids=() rc=0 patience=$((4 * patience))
	for _ in 1 2 3 4; do
		down &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
	return $rc
}
try "four_down_at_once_$size" four_at_once
# A record in 60 segments: none of it may be waited for that cannot fit.
small_segments() { # NAMESPACE NET COMMAND...
	local namespace=$1 net=$2 rc=0
	shift 2
	ip -n "$namespace" route change "$net" dev eth0 advmss 280
	"$@" || rc=1
	ip -n "$namespace" route change "$net" dev eth0
	return $rc
}
try "up_backend_of_small_segments_$size" small_segments "$prefix-backend" 10.81.0.0/24 up
try "down_client_of_small_segments_$size" small_segments "$prefix-client" 10.80.0.0/24 down
try echo_both_ways habit echo 5000000
try echo_both_ways_ipv6 habit echo 5000000 fd80::1
rm -f "$lab/www/upload/$file" "$lab/www/$file"
try nothing_is_left becomes_quiet
