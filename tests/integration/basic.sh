#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Clients of three TLS libraries, both IP versions, both TLS versions, both key types.
. tests/integration/lib.sh

page='sallyport lab backend'
try ping4 in_client ping -c 2 -i 0.2 -W 2 10.80.0.1
try ping6 in_client ping -c 2 -i 0.2 -W 2 fd80::1
try curl_ipv4 expect "$page" get /
try curl_ipv6 expect "$page" get / --resolve 'www.lab.test:443:[fd80::1]'
try curl_tls12 expect "$page" get / --tls-max 1.2
try curl_tls13 expect "$page" get / --tlsv1.3
try curl_reuses_a_connection expect "$page$" get '/?[1-50]'

for version in 1_2 1_3; do
	try "s_client_${version}_rsa" expect 'Peer signature type: RSA-PSS' \
		s_client -tls$version -sigalgs RSA-PSS+SHA256:RSA+SHA256
	try "s_client_${version}_ecdsa" expect 'Peer signature type: ECDSA' \
		s_client -tls$version -sigalgs ECDSA+SHA256
	try "s_client_${version}_is_verified" expect 'Verify return code: 0 (ok)' s_client -tls$version
	try "s_client_${version}_body" expect "$page" s_client -tls$version
done
for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
	try "s_client_$suite" expect "Cipher is $suite" s_client -tls1_3 -ciphersuites $suite
done
for suite in ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 \
	ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES256-SHA384; do
	try "s_client_$suite" expect "Cipher is $suite" s_client -tls1_2 -cipher $suite
done
try s_client_hello_retry expect 'Cipher is' s_client -tls1_3 -groups X448:P-384:P-256
try s_client_tls11_refused refused s_client -tls1_1 -cipher 'DEFAULT:@SECLEVEL=0'
try s_client_no_common_suite_refused refused s_client -tls1_2 -cipher AES128-SHA

gnutls() {
	# It ends when its input does, answered or not.
	(printf 'GET / HTTP/1.0\r\nHost: www.lab.test\r\n\r\n' && sleep 0.5) |
		in_client timeout 10 gnutls-cli --x509cafile "$ca" --priority "$1" \
			--verify-hostname www.lab.test --sni-hostname www.lab.test -p 443 10.80.0.1 2>&1
}
try gnutls_tls12 expect "$page" gnutls NORMAL:-VERS-ALL:+VERS-TLS1.2
try gnutls_tls13 expect "$page" gnutls NORMAL:-VERS-ALL:+VERS-TLS1.3
try gnutls_tls13_rsa expect "$page" gnutls NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256

subject() { s_client "$@" | openssl x509 -noout -subject; }
try sni_exact expect 'CN = exact.lab.test' subject -servername exact.lab.test
try sni_exact_ignores_case expect 'CN = exact.lab.test' subject -servername EXACT.Lab.Test
try sni_wildcard expect 'CN = \*.wild.test' subject -servername a.wild.test
try sni_wildcard_is_one_label expect 'CN = www.lab.test' subject -servername a.b.wild.test
try sni_default_wildcard expect 'CN = www.lab.test' subject -servername shop.lab.test
try sni_unknown_gets_the_default expect 'CN = www.lab.test' subject -servername nobody.example
try sni_none_gets_the_default expect 'CN = www.lab.test' subject -noservername
try alpn_http11 expect 'ALPN protocol: http/1.1' s_client -alpn h2,http/1.1
try nothing_is_left becomes_quiet
