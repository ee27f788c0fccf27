#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# /metrics by listener: what was negotiated, what failed and why, bytes; over changes of the configuration.
. tests/integration/lib.sh
metric() { # NAME{LABELS}: its value, 0 while it is not there
	scripts/lab metrics | awk -v name="sallyport_$1" '$1 == name { sum += $2 } END { printf "%d\n", sum }'
}
rises() { # BY NAME{LABELS} COMMAND...: whatever the command's status is
	local by=$1 name=$2 before
	before=$(metric "$name")
	shift 2
	"$@" >/dev/null 2>&1
	wait_for 20 stands "$name" $((before + by))
}
stands() { # NAME{LABELS} VALUE
	local now
	now=$(metric "$1")
	[ "$now" = "$2" ] || { echo "$1 is $now, not $2"; return 1; }
}
errors='client_tls_negotiation_errors_total{listener="https"'
garbage() { echo 'GET / HTTP/1.0' | in_client timeout 5 nc -N 10.80.0.1 443; }

try handshake_of_1_3_is_counted rises 1 \
	'tls_handshakes_total{listener="https",version="TLSv1.3",cipher="TLS_AES_128_GCM_SHA256",group="secp384r1",resumed="0"}' \
	s_client -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -groups P-384
try handshake_of_1_2_is_counted rises 1 \
	'tls_handshakes_total{listener="https",version="TLSv1.2",cipher="ECDHE-RSA-AES256-GCM-SHA384",group="x25519",resumed="0"}' \
	s_client -tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384 -groups X25519
try too_old_a_client_is_counted rises 1 "$errors,reason=\"handshake_refused\",alert=\"protocol_version\",sent_by=\"server\"}" \
	s_client -tls1_1 -cipher ALL:@SECLEVEL=0
try what_the_client_does_not_like_is_counted rises 1 "$errors,reason=\"handshake_failed\",alert=\"unknown_ca\",sent_by=\"client\"}" \
	in_client curl -sS --max-time 20 --resolve www.lab.test:443:10.80.0.1 https://www.lab.test/
try its_alert_is_seen_though_its_rst_came_with_it rises 1 \
	"$errors,reason=\"handshake_failed\",alert=\"unknown_ca\",sent_by=\"client\"}" habit alert_and_reset "$(scripts/lab pid)"
try garbage_is_counted rises 1 "$errors,reason=\"hello_invalid\",alert=\"unexpected_message\",sent_by=\"server\"}" garbage
out='bytes_total{listener="https",direction="out"}'
before=$(metric "$out")
get /1k.txt >/dev/null
by_a_kilobyte() { [ "$(metric "$out")" -gt $((before + 1024)) ]; }
try bytes_are_counted wait_for 20 by_a_kilobyte
in_one_family() { # a family has one set of labels, or sums would count twice
	! scripts/lab metrics | grep -e '_handshakes_total{worker' -e 'connections_active{worker' -e 'negotiation_errors_total{worker'
}
try families_are_not_mixed in_one_family
well_formed() { # each sample follows the TYPE of its family, each family is said once
	scripts/lab metrics | awk '
		/^# TYPE/ { if (seen[$3]++) { print "twice: " $3; bad = 1 } now = $3; next }
		/^#/ { next }
		{ n = $1; sub(/{.*/, "", n); if (n != now) { print n " behind " now; bad = 1 } }
		END { exit bad }'
}
try the_text_is_well_formed well_formed

# --- a listener goes, and its connections go on ---
accepted=$(metric 'connections_accepted_total{listener="https"}')
settings='{"bind": ["10.80.0.1:4449"], "backend": "nginx", "default_certificate": ["www-ecdsa"]}'
echo "$settings" | ctl listener set counted --file - >/dev/null
touch "$lab/held"
habit held 3 "$lab/held" 4449 >"$lab/held.log" 2>&1 &
held=$!
wait_for 60 grep -q open "$lab/held.log"
try connections_are_those_of_their_listener stands 'connections_active{listener="counted"}' 3
ctl listener remove counted >/dev/null
try they_are_counted_without_it stands 'connections_active{listener="counted"}' 3
try others_are_not_forgotten stands 'connections_accepted_total{listener="https"}' "$accepted"
rm -f "$lab/held"
wait $held
gone() { ! scripts/lab metrics | grep 'listener="counted"'; }
try then_it_is_forgotten wait_for 30 gone
