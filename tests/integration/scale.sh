#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Many certificates (SCALE_CERTS, 2000; the full run has 100000), one replaced every 10 ms for SCALE_SECONDS (5; 60) while
# two programs shake hands and a download goes on, and then SCALE_SPREAD (1000; 6000) others, once each. What is measured is printed behind "figures:".
# The certificates are kept in SCALE_CACHE (build).
. tests/integration/lib.sh
n=${SCALE_CERTS:-2000} seconds=${SCALE_SECONDS:-5}
scale() { python3 $here/scale.py "$@"; }
figures() { echo "# figures: $*"; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$(scripts/lab pid)/status"; }

cache=${SCALE_CACHE:-$PWD/build}/sallyport-scale-$n-$(sha256sum "$ca" | cut -c 1-12)
made() { [ "$(cat "$cache/made" 2>/dev/null)" = "$n" ] && openssl x509 -checkend 604800 -noout -in "$cache/c/000000.pem"; }
made >/dev/null 2>&1 || build/perf/cert_make "$cache" "$n" "$lab/pki/ca"
try certificates_are_made made

config=$(cat "$lab/config-path")
small=$(resident)
scripts/lab stop
rm -rf "$lab/scale-state"
ln -sfn "$cache" "$lab/scale"
scale config "$config" "$cache" scale scale-state "$n" >"$lab/scale.cfg"
echo "$lab/scale.cfg" >"$lab/config-path"
start=$(date +%s%N)
scripts/lab start
took=$((($(date +%s%N) - start) / 1000000))
figures "$n certificates: the daemon is ready after $took ms; $((($(resident) - small) * 1024 / n)) bytes each"
served() { expect "\"certificates\": $((n + 3))" ctl --json listener show https; }
try all_are_served served

scripts/lab file scale.bin 64M
touch "$lab/held" "$lab/shaking"
in_client timeout 600 python3 $here/scale.py download "$ca" "$lab/held" "$(sha256sum <"$lab/www/scale.bin" | cut -d ' ' -f 1)" \
	>"$lab/download.log" 2>&1 &
download=$!
wait_for 60 grep -q open "$lab/download.log"
in_client timeout 600 python3 $here/scale.py shake "$ca" "$lab/shaking" "$n" >"$lab/shake.log" 2>&1 &
shake=$!
curls() { # another library's idea of TLS is not needed here, another program's is
	local rounds=0
	while [ -e "$lab/shaking" ]; do
		in_client curl -sS --no-progress-meter --fail --max-time 60 --cacert "$ca" --connect-to "::10.80.0.1:443" -Z --parallel-max 4 \
			-o /dev/null "https://0000[00-99].scale.test/1k.txt" || return 1
		rounds=$((rounds + 1))
	done
	echo "handshakes $((rounds * 100))"
}
curls >"$lab/curl.log" 2>&1 &
curl=$!

# The prober lives where clients are; the API's socket is a file, which it reaches from there.
replaced() {
	in_client timeout 600 python3 $here/scale.py swap "$lab/control.sock" "$cache" "$ca" "$(scripts/lab pid)" "$seconds" \
		>"$lab/swap.log" 2>&1 || { cat "$lab/swap.log"; return 1; }
}
try each_acknowledged_change_is_served_and_memory_is_flat replaced
spread() {
	scale spread "$lab/control.sock" "$cache" "$(scripts/lab pid)" "$n" "${SCALE_SPREAD:-1000}" \
		>"$lab/spread.log" 2>&1 || { cat "$lab/spread.log"; return 1; }
}
try one_that_is_replaced_costs_little spread
try names_come_and_go_and_generations scale turn "$lab/control.sock" "$cache" 2
rm -f "$lab/shaking"
wait $shake
status=$?
no_failure() { [ "$1" = 0 ] || { cat "$2"; return 1; }; }
try no_handshake_of_python_failed no_failure $status "$lab/shake.log"
wait $curl
status=$?
try no_handshake_of_curl_failed no_failure $status "$lab/curl.log"
ctl cert remove s000050 --everywhere >/dev/null
rm -f "$lab/held"
wait $download
status=$?
try the_download_outlives_them_and_its_own_certificate no_failure $status "$lab/download.log"
figures "$(cat "$lab/swap.log"); $(cat "$lab/spread.log"); python $(cat "$lab/shake.log"), curl $(cat "$lab/curl.log")"

# What was acknowledged is back: the journal is read with all of it.
scripts/lab kill
start=$(date +%s%N)
scripts/lab start
figures "ready again after $((($(date +%s%N) - start) / 1000000)) ms"
try removed_one_stays_removed refused ctl cert show s000050
scripts/lab stop
echo "$config" >"$lab/config-path"
rm -rf "$lab/scale-state" "$lab/scale.cfg" "$lab/scale" "$lab/www/scale.bin"
scripts/lab start
