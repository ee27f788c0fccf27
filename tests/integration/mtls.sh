#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Mutual TLS: what openssl s_client is told and what is counted, for each certificate of tests/unit/trust_pki; rules of
# server names; then modes, CAs and CRLs that change every 50 ms under load (MTLS_SECONDS, 10; with 60 or more they must
# keep that pace).
. tests/integration/lib.sh
log=$lab/log/connections.log

# line_says OFFSET VERSION SNI ALERT STATUS: the log's line of the connection to "mutual" since then
line_says() {
	local line want
	line=$(tail -c "+$(($1 + 1))" "$log" | grep '"listener":"mutual"') || { echo "no line"; return 1; }
	case $5 in
	Success | -) want='"close":"backend_closed"' ;;
	*) want="\"alert\":$4,\"alert_from\":\"server\",.*\"tls_verify_status\":\"Failed:$5\"" ;;
	esac
	[ "$5" != Success ] || want="\"tls_verify_status\":\"Success\".*$want"
	[ "$5" != - ] || ! grep -q tls_verify_status <<<"$line" || { echo "judged: $line"; return 1; }
	grep -q "\"sni\":\"$3\".*\"tls_protocol\":\"TLSv${2/_/.}\".*$want" <<<"$line" ||
		{ echo "$line"; echo "does not say $want"; return 1; }
}

# case_of KIND/NAME VERSION SNI ALERT STATUS: ALERT 0: it is served
case_of() {
	local who=$1 version=$2 sni=$3 alert=$4 status=$5 name before said logged
	logged=$(stat -c %s "$log")
	name=sallyport_mtls_verify_failures_total
	case $status in
	Success) name=sallyport_mtls_verified_total ;;
	-) name=sallyport_mtls_passed_total ;;
	esac
	count() {
		scripts/lab stats | awk -v name=$name -v code="code=\"$status\"" -v fails="$alert" '
			index($1, name "{") == 1 && (fails == 0 || index($1, code)) { sum += $2 } END { printf "%d\n", sum }'
	}
	before=$(count)
	said=$(show "$who" 9140 -tls"$version" -servername "$sni")
	if [ "$alert" = 0 ]; then
		grep -q "$page" <<<"$said" || { echo "$said"; return 1; }
	else
		grep -q "SSL alert number $alert\$" <<<"$said" || { echo "$said"; echo "no alert $alert"; return 1; }
		! grep -q "$page" <<<"$said" || { echo "$said"; return 1; }
	fi
	counted() { [ "$(count)" -gt "$before" ]; }
	wait_for 10 counted || { echo "$status was not counted"; return 1; }
	wait_for 10 line_says "$logged" "$version" "$sni" "$alert" "$status"
}

matrix() { # KIND VERSION
	local kind=$1 v=$2
	while read -r name sni alert status; do
		[ "$alert" != required ] || { [ "$v" = 1_3 ] && alert=116 || alert=40; }
		[ "$name" = - ] || name=$kind/$name
		try "${kind}_${v}_${name#*/}_${sni%%.*}" case_of "$name" "$v" "$sni" "$alert" "$status"
	done <<-CASES
		good www.lab.test 0 Success
		direct www.lab.test 0 Success
		expired www.lab.test 45 ClientCertExpired
		future www.lab.test 45 ClientCertNotYetValid
		server www.lab.test 42 ClientCertPurposeInvalid
		unknown www.lab.test 48 ClientCertUntrusted
		missing www.lab.test 48 ClientCertUntrusted
		missing known.test 0 Success
		too-long www.lab.test 42 ClientCertInvalid
		deep www.lab.test 42 ClientCertMaxChainDepthExceeded
		selfsigned www.lab.test 48 ClientCertUntrusted
		revoked known.test 44 ClientCertCrlHit
		under-revoked www.lab.test 44 ClientCertCrlHit
		good strict.test 42 ClientCertCrlProcessingError
		good stale.test 42 ClientCertCrlProcessingError
		- www.lab.test required UnmappedConnectionError
		big www.lab.test 42 ClientCertMaxSizeExceeded
		good partners.test 0 Success
		revoked partners.test 42 ClientCertRejected
		unknown a.pass.test 0 -
		- a.pass.test 0 -
	CASES
}
for kind in ec rsa; do
	for version in 1_2 1_3; do
		matrix $kind $version
	done
done

# tls.md 7, on the wire: neither what passes nor what is refused teaches the daemon a CA.
poison() {
	for v in 1_2 1_3; do
		for _ in 1 2; do
			case_of ec/forged $v a.pass.test 0 - &&
				case_of ec/forged $v www.lab.test 48 ClientCertUntrusted &&
				case_of ec/good $v www.lab.test 0 Success &&
				case_of ec/missing $v www.lab.test 48 ClientCertUntrusted || return 1
		done
	done
}
try what_clients_send_is_not_learnt poison

# A second handshake on the same connection would go past what is asked of the first one.
declines() { # SUITE REFUSAL, as OpenSSL words it
	local said=$lab/renegotiate.log line=$lab/renegotiate.in client ended=0
	rm -f "$line"
	mkfifo "$line"
	in_client timeout 90 openssl s_client -connect 10.80.0.1:9140 -CAfile "$ca" -tls1_2 -cipher "$1" \
		-cert $pki/ec/good.chain -cert_chain $pki/ec/good.chain -key $pki/ec/good.key <"$line" >"$said" 2>&1 &
	client=$!
	exec 8>"$line"
	if wait_for 30 grep -q "Cipher is $1" "$said"; then
		echo R >&8
		wait_for 30 grep -q "$2" "$said" || ended=1
	else
		ended=1
	fi
	exec 8>&-
	wait $client
	rm -f "$line"
	# OpenSSL verifies our certificate, and its CA's, for each handshake that it does.
	[ $ended = 0 ] && grep -q '^RENEGOTIATING' "$said" && [ "$(grep -c '^verify return' "$said")" = 2 ] ||
		{ cat "$said"; return 1; }
}
try renegotiation_is_declined declines ECDHE-ECDSA-AES128-GCM-SHA256 'no renegotiation'
# There wolfSSL has the connection still, and ends it.
try renegotiation_is_declined_with_cbc declines ECDHE-ECDSA-AES128-SHA256 'alert unexpected message'

try ca_names_are_told expect 'CN = Trust-Root' show ec/good 9140 -tls1_3 -servername www.lab.test
try ca_names_are_told_in_tls12 expect 'CN = Trust-Root' show ec/good 9140 -tls1_2 -servername www.lab.test
is_off() { expect "$page" show - 9140 -servername off.test && expect 'No client certificate CA names sent' show - 9140 -servername off.test; }
try a_name_can_be_without is_off
try no_ticket_where_clients_are_asked refused grep -q 'TLS session ticket' <(show ec/good 9140 -tls1_3 -servername www.lab.test)
try tickets_where_they_are_not expect 'TLS session ticket' show - 9140 -tls1_3 -servername off.test
try own_policy_of_a_name expect 'Cipher is ECDHE-ECDSA-AES128-GCM-SHA256' show - 9140 -servername own.test
try own_policy_has_its_groups expect 'Server Temp Key: ECDH, secp384r1' show - 9140 -servername own.test
try own_policy_has_its_versions refused grep -q "$page" <(show - 9140 -tls1_3 -servername own.test)
try its_own_does_not_leak expect 'Cipher is TLS_AES_128_GCM_SHA256' show - 9140 -servername off.test

seconds=${MTLS_SECONDS:-10} strict=
[ "$seconds" -lt 60 ] || strict=--strict
churn() {
	in_client timeout 200 python3 $here/mtls.py --seconds "$seconds" $strict --lab "$lab" --pki "$pki" \
		--address 10.80.0.1 --port 9141 >"$lab/churn.log" 2>&1 || { cat "$lab/churn.log"; return 1; }
}
try nobody_is_hurt_by_changes churn
echo "# $(head -n 1 "$lab/churn.log")"

# By the operator's hand, without a reload.
nobody_on() { show - "$1" -servername "$2"; }
turned_away() { # PORT SNI
	! nobody_on "$1" "$2" | grep -q "$page"
}
try mtls_is_set_off ctl mtls set live off
try nobody_is_asked_then expect "$page" nobody_on 9141 www.lab.test
try mtls_is_set_passthrough ctl mtls set live passthrough
try nobody_is_refused_then expect "$page" nobody_on 9141 www.lab.test
try mtls_is_set_verify ctl mtls set live verify
try everybody_is_judged_then turned_away 9141 www.lab.test
try a_name_is_set_apart ctl mtls set live off --sni own.test
try it_is_not_asked expect "$page" nobody_on 9141 own.test
try and_changes_others_not turned_away 9141 www.lab.test
try a_name_gets_a_store ctl mtls set live verify --sni fresh.test trust_store=known
try its_store_is_asked expect "$page" show ec/missing 9141 -servername fresh.test
try mtls_is_listed expect '^live  *fresh.test  *verify  *known' ctl mtls list
try a_wrong_mode_is_refused refused ctl mtls set live maybe
try a_wrong_store_is_refused expect 'nobody' bash -c '! scripts/lab ctl mtls set live verify trust_store=nobody 2>&1'
try stores_say_what_they_hold expect '^known  *file  *4 .* 4  *4 ' ctl trust-store list
try built_in_policies_are_listed expect '^ELBSecurityPolicy-2016-08  *builtin  *TLSv1, TLSv1.1, TLSv1.2  *18' ctl policy list
try one_s_own_are_shown_as_they_come_out expect 'ECDHE-ECDSA-AES128-GCM-SHA256' ctl policy show own
metric() { scripts/lab client true && curl -sS --unix-socket "$lab/control.sock" http://x/metrics; }
try crls_have_their_date_in_metrics expect 'sallyport_crl_next_update_seconds{store="clients"} [0-9]' metric
try failures_are_counted_by_listener expect 'mtls_verify_failures_total{listener="mutual",code="ClientCertCrlHit"} [1-9]' metric
try reload_drops_it_all scripts/lab reload
try nothing_is_left becomes_quiet
