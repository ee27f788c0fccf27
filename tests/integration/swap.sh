#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The default certificate changes every 100 ms while wrk runs (SWAP_SECONDS, 10); nobody notices.
. tests/integration/lib.sh
seconds=${SWAP_SECONDS:-10}
failed=$(counter client_tls_negotiation_errors_total)
reloads=$(counter generation)

touch "$lab/held"
habit held 20 "$lab/held" >"$lab/held.log" 2>&1 &
held=$!
wait_for 10 grep -q open "$lab/held.log"

in_client wrk -t 1 -c 64 -d "${seconds}s" -H 'Host: www.lab.test' https://10.80.0.1/1k.txt >"$lab/wrk.log" 2>&1 &
wrk=$!
seen=()
n=0
while kill -0 $wrk 2>/dev/null; do
	scripts/lab swap
	n=$((n + 1))
	sleep 0.1
	if [ $((n % 10)) = 0 ]; then
		# What is on disk now is what a new connection gets.
		want=$(serial_of "$lab/pki/live/www.ecdsa.pem")
		got=$(s_client -tls1_3 -sigalgs ECDSA+SHA256 | openssl x509 -noout -serial | cut -d = -f 2)
		[ "$got" = "$want" ] || seen+=("swap $n: $got served, $want expected")
	fi
done
wait $wrk
rm -f "$lab/held"
wait $held
held_status=$? # before `try`, whose subshell has no children to wait for

wrk_is_clean() {
	cat "$lab/wrk.log"
	grep -q 'Requests/sec' "$lab/wrk.log" && ! grep -q -e 'Socket errors' -e 'Non-2xx' "$lab/wrk.log"
}
none() { [ $# = 0 ] || { printf '%s\n' "$@"; return 1; }; }
enough() { [ "$1" -ge "$2" ] || { echo "$1 instead of $2"; return 1; }; }
try wrk_saw_no_error wrk_is_clean
try "new_connections_get_the_new_certificate" none "${seen[@]}"
alive() { [ $held_status = 0 ] || { cat "$lab/held.log"; return 1; }; }
try connections_from_before_are_alive alive
try each_swap_was_a_reload enough $(($(counter generation) - reloads)) $((n * 9 / 10))
try enough_swaps enough $n $((seconds * 4))
try no_handshake_failed is client_tls_negotiation_errors_total "$failed"

bad_reload() {
	local before after config
	config=$(cat "$lab/config-path")
	before=$(counter generation)
	cp "$config" "$lab/good.cfg"
	sed -i 's/connect_timeout = 2.0/connect_timeut = 2.0/' "$config"
	scripts/lab reload
	wait_for 5 grep -q "unknown key 'connect_timeut'" "$lab/sallyport.log"
	after=$(counter generation)
	cp "$lab/good.cfg" "$config"
	[ "$before" = "$after" ] || { echo "generation $before became $after"; return 1; }
	expect 'sallyport lab backend' get /
}
try a_bad_file_changes_nothing_and_says_why bad_reload
try nothing_is_left becomes_quiet
