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
# New connections meanwhile: which certificate they got.
while kill -0 $wrk 2>/dev/null; do
	s_client -tls1_3 -sigalgs ECDSA+SHA256 | openssl x509 -noout -serial | cut -d = -f 2
	sleep 0.2
done >"$lab/serials" 2>&1 &
looker=$!
n=0
while kill -0 $wrk 2>/dev/null; do
	scripts/lab swap
	n=$((n + 1))
	sleep 0.1
done
wait $looker
wait $wrk
rm -f "$lab/held"
wait $held
held_status=$? # before `try`, whose subshell has no children to wait for

wrk_is_clean() {
	cat "$lab/wrk.log"
	grep -q 'Requests/sec' "$lab/wrk.log" && ! grep -q -e 'Socket errors' -e 'Non-2xx' "$lab/wrk.log"
}
both_were_seen() {
	local known
	known=$(for set in a b; do serial_of "$lab/pki/$set/www.ecdsa.pem"; done | sort)
	[ "$(sort -u "$lab/serials")" = "$known" ] || { sort "$lab/serials" | uniq -c; return 1; }
}
the_last_is_served() {
	expect "$(serial_of "$lab/pki/live/www.ecdsa.pem")" serial_of <(s_client -sigalgs ECDSA+SHA256)
}
enough() { [ "$1" -ge "$2" ] || { echo "$1 instead of $2"; return 1; }; }
try wrk_saw_no_error wrk_is_clean
try new_connections_get_new_certificates both_were_seen
try the_last_one_put_is_served wait_for 30 the_last_is_served # the signal may still be on its way
alive() { [ $held_status = 0 ] || { cat "$lab/held.log"; return 1; }; }
try connections_from_before_are_alive alive
# Signals that come while one is being worked on are one.
try swaps_were_reloads enough $(($(counter generation) - reloads)) $((n / 2))
try enough_swaps enough $n "$seconds"
# wrk tries the address with a connection of its own that it closes without a word.
few_failed() {
	local now
	now=$(counter client_tls_negotiation_errors_total)
	[ "$now" -le $((failed + 1)) ] || { echo "$((now - failed)) handshakes failed"; return 1; }
}
try no_handshake_failed few_failed

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
