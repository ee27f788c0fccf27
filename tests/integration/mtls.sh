#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Mutual TLS: what openssl s_client is told and what is counted, for each certificate of tests/unit/trust_pki; rules of
# server names; then modes, CAs and CRLs that change under load (MTLS_SECONDS, 10).
. tests/integration/lib.sh
pki=tests/unit/trust_pki
page='sallyport lab backend'

show() { # KIND/NAME or -, PORT, OPTION...: a request with that certificate; what openssl has to say
	local who=$1 port=$2 with=()
	shift 2
	[ "$who" = - ] || with=(-cert "$pki/$who.chain" -cert_chain "$pki/$who.chain" -key "$pki/$who.key")
	printf 'GET / HTTP/1.0\r\nHost: www.lab.test\r\n\r\n' |
		in_client timeout 20 openssl s_client -connect 10.80.0.1:"$port" -CAfile "$ca" -ign_eof \
			"${with[@]}" "$@" 2>&1
}

# case_of KIND/NAME VERSION SNI ALERT STATUS: ALERT 0: it is served
case_of() {
	local who=$1 version=$2 sni=$3 alert=$4 status=$5 name before said
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

try nobody_is_hurt_by_changes in_client timeout 200 python3 $here/mtls.py \
	--seconds "${MTLS_SECONDS:-10}" --lab "$lab" --pki "$pki" --address 10.80.0.1 --port 9141
try nothing_is_left becomes_quiet
