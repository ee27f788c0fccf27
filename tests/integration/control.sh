#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The control API and sallyctl under load: swaps, refusals, kill -9, watched files, explain, drain.
# CONTROL_SECONDS (5) of swaps, CONTROL_KILLS (5), CONTROL_EXPLAIN (40) combinations.
. tests/integration/lib.sh
api() { python3 $here/control.py "$1" "$lab/control.sock" "${@:2}"; }
raw() { curl -sS --fail-with-body --max-time 20 --unix-socket "$lab/control.sock" "$@"; }

try status_tells_the_generation expect 'generation' ctl status
try certificates_are_listed expect 'www.lab.test' ctl cert list
try listeners_are_listed expect '10.80.0.1:443' ctl listener list
try health_is_ok expect '"status":"ok"' ip netns exec "$prefix-gate" curl -sS http://127.0.0.1:9180/healthz
try metrics_are_there expect '# TYPE sallyport_packet_drops_total counter' scripts/lab metrics
try network_sees_no_more_than_that refused ip netns exec "$prefix-gate" curl -sS --fail http://127.0.0.1:9180/v1/status

# --- one change after the other ---
pki=$lab/pki
ctl cert add added --chain "$pki/p384.pem" --key "$pki/p384.key" --names added.test >/dev/null
try added_alone_is_not_served refused gets "$pki/p384.pem" added.test
ctl listener associate https added >/dev/null
try associated_is_served gets "$pki/p384.pem" added.test
ctl cert replace added --chain "$pki/other.pem" --key "$pki/other.key" --names added.test >/dev/null
try replaced_is_served gets "$pki/other.pem" added.test
ctl listener default https exact >/dev/null
try default_is_served gets "$pki/exact.pem" nobody.example
back=$(($(generation) - 2))
ctl rollback $back >/dev/null
try rolled_back_is_served gets "$pki/p384.pem" added.test
try and_the_old_default refused gets "$pki/exact.pem" nobody.example
try remove_in_use_is_refused refused_with 'is served by listener' ctl cert remove added
ctl cert remove added --everywhere >/dev/null
try removed_is_served_no_longer refused gets "$pki/p384.pem" added.test
tx=$(ctl tx begin)
ctl --tx "$tx" cert add added --chain "$pki/p384.pem" --key "$pki/p384.key" --names added.test >/dev/null
ctl --tx "$tx" listener associate https added >/dev/null
before=$(generation)
ctl tx commit "$tx" >/dev/null
try transaction_is_one_generation test "$(generation)" = $((before + 1))
try and_all_of_it gets "$pki/p384.pem" added.test
ctl reload >/dev/null
try reload_drops_it refused gets "$pki/p384.pem" added.test

# --- listeners and backends ---
settings='{"bind": ["10.80.0.1:4443"], "backend": "second", "default_certificate": ["www-ecdsa", "www-rsa"], "alpn": ["http/1.1"]}'
on_third() { # --max-time: a closed port answers, and a lost one must not be waited for
	in_client curl -sS --fail --max-time 10 --cacert "$ca" --resolve www.lab.test:4443:10.80.0.1 \
		https://www.lab.test:4443/
}
refused_listener() { echo "$settings" | ctl listener set third --file -; }
try listener_without_its_backend_is_refused refused_with 'which is not defined' refused_listener
echo '{"targets": [{"address": "10.81.0.2:8080", "weight": 1}]}' | ctl backend set second --file - >/dev/null
echo "$settings" | ctl listener set third --file - >/dev/null
try new_listener_serves expect 'sallyport lab backend' on_third
ctl backend target add second 10.81.0.2:9009 7 >/dev/null
try targets_are_listed expect '10.81.0.2:9009 (weight 7)' ctl backend list
ctl backend target drain second 10.81.0.2:9009 >/dev/null
try target_is_drained expect '10.81.0.2:9009 (weight 7) (draining)' ctl backend list
ctl backend target undrain second 10.81.0.2:9009 >/dev/null
back_again() { expect '10.81.0.2:9009 (weight 7)$' ctl backend list; }
try target_is_back back_again
ctl listener set third limits.idle_timeout=7 >/dev/null
try a_setting_is_changed expect '"idle_timeout": 7' ctl listener show third --json
try others_keep_theirs expect 'sallyport lab backend' get /
try backend_in_use_is_kept refused_with 'which is not defined' ctl backend remove second
ctl listener remove third >/dev/null
try removed_listener_is_closed refused on_third
ctl backend remove second >/dev/null
try running_config_is_told expect '"name": "nginx"' ctl config

# --- refusals ---
wrong_usage() { # COMMAND...: status 2, and the daemon is not asked
	local status
	"$@" >/dev/null 2>&1
	status=$?
	[ $status = 2 ] || { echo "status $status: $*"; return 1; }
}
try an_empty_name_is_wrong_usage wrong_usage ctl cert show ''
try an_address_is_no_name wrong_usage ctl cert remove 'exact?everywhere=1'
head -c 10000000 /dev/zero >"$lab/large"
try wrong_key_is_refused refused_with 'does not match' ctl cert replace exact --chain "$pki/exact.pem" --key "$pki/wild.key"
try expired_chain_is_refused refused_with 'expired on' ctl cert replace exact --chain "$pki/expired.pem" --key "$pki/expired.key"
try ten_megabytes_are_refused refused_with '1048576' raw -X PUT --data-binary @"$lab/large" http://x/v1/certificates/exact
try ten_megabytes_unasked_are_refused refused_with '1048576' raw -H Expect: -X PUT --data-binary @"$lab/large" http://x/v1/certificates/exact
try broken_json_is_refused refused_with 'not JSON' raw -X PUT --data '{"chain":' http://x/v1/certificates/exact
try unknown_field_is_refused refused_with "did you mean 'chain'" raw -X PUT --data '{"chian":""}' http://x/v1/certificates/exact
try second_writer_is_refused refused_with 'somebody else' ctl --if-match 1 reload
rm -f "$lab/large"

# --- under load ---
touch "$lab/held"
habit held 20 "$lab/held" >"$lab/held.log" 2>&1 &
held=$!
wait_for 60 grep -q open "$lab/held.log"
try connections_are_listed expect 'https.*open' ctl connections
# A connection for each request: each resumes from the ticket of the one before it, or shakes hands in full.
in_client wrk -t 1 -c 16 -d "$((${CONTROL_SECONDS:-5} + 1))s" -H 'Host: www.lab.test' \
	-H 'Connection: close' https://10.80.0.1/1k.txt >"$lab/wrk.log" 2>&1 &
wrk=$!
try certificate_swaps_every_10_ms api swap www-ecdsa "$pki/a/www.ecdsa" "$pki/b/www.ecdsa" "${CONTROL_SECONDS:-5}"
wait $wrk
wrk_is_clean() {
	cat "$lab/wrk.log"
	grep -q 'Requests/sec' "$lab/wrk.log" && ! grep -q -e 'Socket errors' -e 'Non-2xx' "$lab/wrk.log"
}
try wrk_saw_no_error wrk_is_clean
wait_for 60 is connections_active 20 # the held ones
wait_for 60 is tls_handshakes_active 0
# wrk leaves handshakes half done at its end; this client does not, and checks every chain.
failed=$(counter client_tls_negotiation_errors_total)
in_client timeout 60 python3 $here/control.py shake 10.80.0.1 "$ca" "$((${CONTROL_SECONDS:-5} + 1))" >"$lab/shake.log" 2>&1 &
shake=$!
try defaults_change_every_10_ms api turn "${CONTROL_SECONDS:-5}" www-ecdsa www-rsa
wait $shake
status=$?
try every_chain_was_whole test $status = 0
try no_handshake_failed is client_tls_negotiation_errors_total "$failed"
for listener in $(ctl listener list | awk 'NR > 1 { print $1 }'); do
	ctl listener default "$listener" www-rsa >/dev/null 2>&1 # those that pass TLS through have none
done
try default_can_be_removed ctl cert remove www-ecdsa
rm -f "$lab/held"
wait $held
status=$?
try connection_outlives_its_certificate test $status = 0
try removed_default_is_gone gets "$pki/live/www.rsa.pem" www.lab.test -sigalgs RSA-PSS+SHA256
ctl reload >/dev/null

# --- explain ---
try explain_is_what_is_served api explain "${CONTROL_EXPLAIN:-40}" "$prefix-client"

# --- killed ---
kill_round() {
	local churn
	rm -f "$lab/churn.log"
	api churn "$pki/other" "$pki/p384" >"$lab/churn.log" 2>&1 &
	churn=$!
	wait_for 60 test -s "$lab/churn.log" || return 1
	sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
	scripts/lab kill || return 1
	wait $churn || { cat "$lab/churn.log"; return 1; }
	scripts/lab start || return 1
	api check "$lab/churn.log" "$pki/other" "$pki/p384"
}
for ((i = 1; i <= ${CONTROL_KILLS:-5}; i++)); do
	try "kill_$i" kill_round
done
try it_serves_again expect 'sallyport lab backend' get /

# --- watched files ---
config=$(cat "$lab/config-path")
cp "$config" "$lab/unwatched.cfg"
scripts/lab stop
sed -i 's/idle = "sleep";/idle = "sleep"; watch = true;/' "$config"
scripts/lab start
ln -sfn "$(readlink "$pki/live")" "$lab/ignored"
watched() { # turns the link, as Kubernetes does: seen within a second, which a loaded machine makes more
	local next=a
	[ "$(readlink "$pki/live")" = a ] && next=b
	ln -sfn $next "$pki/live.new"
	mv -T "$pki/live.new" "$pki/live"
	wait_for 30 gets "$pki/$next/www.ecdsa.pem" www.lab.test -sigalgs ECDSA+SHA256 &&
		gets "$pki/$next/www.rsa.pem" www.lab.test -sigalgs RSA-PSS+SHA256
}
before=$(generation)
try link_is_followed watched
try as_one_generation test "$(generation)" = $((before + 1))
try and_back watched
cp "$pki/exact.pem" "$lab/exact.pem" && cp "$pki/exact.key" "$lab/exact.key"
half() { # certbot, interrupted: the key does not fit yet
	cp "$pki/wild.pem" "$pki/exact.pem"
	wait_for 30 grep -q 'cannot be used; what is served stays' "$lab/sallyport.log" && gets "$lab/exact.pem" exact.lab.test
}
try half_a_pair_changes_nothing half
cp "$lab/exact.pem" "$pki/exact.pem"
scripts/lab stop
cp "$lab/unwatched.cfg" "$config"
scripts/lab start

# --- drain ---
try drain_is_answered expect . ctl drain
gone() { ! scripts/lab pid >/dev/null 2>&1 && test -s "$lab/sallyport.status"; }
try drained_it_ends wait_for 60 gone
try with_status_0 test "$(cat "$lab/sallyport.status" 2>/dev/null)" = 0
scripts/lab start
try a_new_one_serves expect 'sallyport lab backend' get /
