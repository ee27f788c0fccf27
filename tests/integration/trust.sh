#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Trust stores, mutual TLS and policies by the operator's hand, on the listener "live": each setting does what it says, at once;
# half a million revoked certificates.
. tests/integration/lib.sh
dir=$lab/by-hand
rm -rf "$dir"
mkdir -p "$dir"

is_served() { # KIND/NAME, OPTION...
	expect "$page" show "$1" 9141 -servername www.lab.test "${@:2}"
}
says() { # TEXT COMMAND...: whatever its status is
	local got
	got=$("${@:2}" 2>&1)
	grep -q -e "$1" <<<"$got" || { echo "$got"; echo "does not say: $1"; return 1; }
}
alert() { # NUMBER KIND/NAME: the client gets it
	says "SSL alert number $1\$" show "$2" 9141 -servername www.lab.test -tls1_2
}

# --- what is odd about stores is said at the start, and by a test of the file ---

try a_stale_crl_is_told_of expect "CRL .*inter-stale.crl of .* is stale" grep inter-stale "$lab/sallyport.log"
try by_a_test_of_the_file_too expect "inter-stale.crl of .* is stale: the next one was due\$" "${SALLYPORT:-build/sallyport}" -t -c "$lab/integration.cfg"
{
	echo 'policies = ( { name = "only-rsa"; versions = ["TLSv1.2"]; suites = ["ECDHE-RSA-AES128-GCM-SHA256"]; } );'
	sed -e '/^policies = /,/);$/d' -e 's/default_certificate = \["www-ecdsa", "www-rsa"\]/default_certificate = ["www-ecdsa"]/' \
		-e 's/policy = "own"/policy = "only-rsa"/' "$lab/integration.cfg"
} >"$lab/nobody.cfg"
nobody() { says "nobody.cfg:[0-9]*: listener 'mutual': no certificate of it can be served with policy 'only-rsa'" "$@"; }
try a_policy_without_a_certificate_is_refused_with_its_line nobody "${SALLYPORT:-build/sallyport}" -t -c "$lab/nobody.cfg"
rm -f "$lab/nobody.cfg"

# --- settings of mutual TLS ---

try to_begin_with ctl mtls set live verify trust_store=live ignore_expiry=false advertise_ca_names=true
try who_has_expired_is_refused alert 45 ec/expired
try unless_that_is_ignored ctl mtls set live verify ignore_expiry=true
try then_who_has_expired_is_served is_served ec/expired
try who_is_not_valid_yet_is_not alert 45 ec/future
try and_no_longer ctl mtls set live verify ignore_expiry=false
try who_has_expired_is_refused_again alert 45 ec/expired
names() { show ec/good 9141 -servername www.lab.test "$@"; }
try cas_are_named expect 'CN = Trust-Root' names -tls1_3
try unless_told_not_to ctl mtls set live verify advertise_ca_names=false
try then_they_are_not expect 'No client certificate CA names sent' names -tls1_3
try nor_in_tls12 expect 'No client certificate CA names sent' names -tls1_2
try who_knows_is_served_all_the_same is_served ec/good

# --- a store, from nothing ---

id() { ctl --json trust-store revocations mine | python3 -c 'import json, sys; print(json.load(sys.stdin)["revocations"][0]["id"])'; }
try a_store_is_made ctl trust-store bundle mine $pki/ec/root.pem
try and_used ctl mtls set live verify trust_store=mine
try whose_issuer_is_revoked_is_served_without_a_crl is_served ec/under-revoked
try the_other_kind_of_key_has_another_ca alert 48 rsa/good
try a_crl_is_added ctl trust-store revoke mine $pki/ec/root.crl
try then_it_is_refused alert 44 ec/under-revoked
try others_are_served is_served ec/good
unrevoke() { ctl trust-store unrevoke mine "$(id)"; }
try the_crl_is_taken_away unrevoke
try then_it_is_served_again is_served ec/under-revoked
try without_a_crl_some_want_nobody ctl trust-store set mine crl_missing=reject
try so_nobody_is_served alert 42 ec/good
try then_with_one ctl trust-store revoke mine $pki/ec/root.crl
try the_intermediate_has_none_still alert 42 ec/good
try but_the_root_has is_served ec/direct
try and_without_that_wish ctl trust-store set mine crl_missing=allow
try four_above_it_are_allowed alert 42 ec/deep
try more_when_told ctl trust-store set mine max_depth=6
try then_it_is_not_too_deep is_served ec/deep
try fewer_when_told ctl trust-store set mine max_depth=1
try then_two_are_too_many alert 42 ec/good
try one_is_not is_served ec/direct
try back_to_four ctl trust-store set mine max_depth=4
quota() { # SETTING VALUE TEXT
	refused_with "$3" ctl trust-store set mine "quotas.$1=$2"
}
cat $pki/ec/{root,inter}.pem >"$dir/two.pem"
try a_bundle_of_two ctl trust-store bundle mine "$dir/two.pem"
try quota_of_cas quota ca_certificates 1 'has 2 certificates; the quota is 1'
try quota_of_bytes quota ca_bytes 256 'bytes; the quota is 256'
try quota_of_subjects quota subject_bytes 64 'the subjects in .* bytes together; the quota is 64'
try quota_of_crl_bytes quota crl_bytes 256 'has [0-9]* bytes; the quota is 256'
try one_that_is_used_stays refused_with "mine" ctl trust-store remove mine
try identities_are_asked ctl trust-store set mine 'identities=[{"subject":"*,O=Nobody,*"}]'
try who_matches_none_is_refused alert 42 ec/good
try with_a_matching_one ctl trust-store set mine 'identities=[{"subject":"*,O=Nobody,*"},{"san":"URI:spiffe://example.com/*"}]'
try it_is_served is_served ec/good

# --- half a million revoked certificates, in DER, signed by the root ---

crl() {
	python3 - "$dir/index" "$(serial_of $pki/ec/inter-revoked.pem)" <<-'P'
		import sys
		with open(sys.argv[1], "w") as f:
		    for i in range(1, 500000):
		        f.write(f"R\t350101000000Z\t250601000000Z\t{(1 << 120) + i * 7919:032X}\tunknown\t/CN=x\n")
		    f.write(f"R\t350101000000Z\t250601000000Z\t{sys.argv[2]}\tunknown\t/CN=x\n")
	P
	printf '[ca]\ndefault_ca = here\n[here]\ndatabase = %s\ndefault_md = sha256\nunique_subject = no\n' "$dir/index" >"$dir/cnf"
	openssl ca -config "$dir/cnf" -gencrl -crldays 30 -keyfile $pki/ec/root.key -cert $pki/ec/root.pem -out "$dir/pem" &&
		grep -v -- ----- "$dir/pem" | base64 -d >"$dir/crl"
}
try half_a_million_are_revoked crl
loads() {
	local begin=$EPOCHREALTIME took
	echo "{\"ca_bundle\": \"$dir/two.pem\", \"crls\": [\"$dir/crl\"]}" | ctl trust-store set many --file - || return 1
	took=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
	echo "# $(stat -c %s "$dir/crl") bytes of CRL loaded in $took s" >"$dir/took"
	awk -v took="$took" 'BEGIN { exit took >= 10 }' || { cat "$dir/took"; return 1; }
}
try they_load_in_seconds loads
cat "$dir/took"
try all_of_them_count expect '^many  *.* 1  *500000 ' ctl trust-store list
try they_are_asked ctl mtls set live verify trust_store=many
try whose_issuer_is_the_last_of_them_is_refused alert 44 ec/under-revoked
try who_is_none_of_them_is_served is_served ec/good
try one_fewer_may_be_the_quota refused_with 'there are 500000 revoked certificates; the quota is 499999' \
	ctl trust-store set many quotas.revoked=499999

# --- policies ---

ecdsa() { show - 9142 -servername www.lab.test "$@"; }
try a_policy_is_made bash -c "echo '{\"based_on\": \"ELBSecurityPolicy-2016-08\", \"versions\": [\"TLSv1.2\"], \"suites\": [\"ECDHE-ECDSA-AES256-GCM-SHA384\", \"ECDHE-ECDSA-AES128-GCM-SHA256\"], \"groups\": [\"secp384r1\", \"x25519\"]}' | scripts/lab ctl policy set fresh --file -"
try and_given_to_a_listener ctl listener set policy policy=fresh
try its_first_suite_is_chosen expect 'Cipher is ECDHE-ECDSA-AES256-GCM-SHA384' ecdsa
try its_first_group_is_chosen expect 'Server Temp Key: ECDH, secp384r1' ecdsa -groups X25519:P-384:P-256
try what_it_lacks_is_refused says 'alert protocol version' ecdsa -tls1_3
try it_changes_live ctl policy set fresh 'suites=["ECDHE-ECDSA-AES128-GCM-SHA256"]' 'groups=["x25519","secp384r1"]'
try so_does_the_suite expect 'Cipher is ECDHE-ECDSA-AES128-GCM-SHA256' ecdsa
try and_the_group expect 'Server Temp Key: X25519' ecdsa -groups X25519:P-384:P-256
try an_unknown_suite_is_refused refused_with "'ECDHE-NOBODY' is not known" ctl policy set fresh 'suites=["ECDHE-NOBODY"]'
try a_group_of_1_3_alone_is_refused refused_with 'list a curve, too' ctl policy set fresh 'groups=["X25519MLKEM768"]'
try so_is_a_certificate_it_cannot_be_served_with refused_with "no certificate of it can be served with policy 'fresh'" ctl listener default policy www-rsa
try one_in_use_stays refused_with 'fresh' ctl policy remove fresh
try one_that_is_built_in_is_shown expect 'ECDHE-RSA-AES128-SHA256' ctl policy show ELBSecurityPolicy-2016-08
try and_stays refused_with 'ELBSecurityPolicy-2016-08' ctl policy remove ELBSecurityPolicy-2016-08
try reload_drops_it_all scripts/lab reload
try nothing_is_left becomes_quiet
