#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sessions resume, TLS 1.2 and 1.3, on every worker, after a certificate swap, a reload and a restart; and not on
# another listener or under another policy.
. tests/integration/lib.sh
config=$(cat "$lab/config-path")
cp "$config" "$lab/plain.cfg"
# Without a key file a restart makes new keys.
echo "tickets = { key_file = \"$lab/ticket.keys\"; };" >>"$config"
rm -f "$lab/ticket.keys"
scripts/lab stop
scripts/lab start

# session VERSION OPTION...: "New" or "Reused", as openssl says.
session() {
	s_client "-tls1_$1" -servername www.lab.test "${@:2}" | grep -o -m 1 -e '^New, TLS' -e '^Reused, TLS' | cut -d , -f 1
}
keeps() { # VERSION: a session to be resumed later
	local got
	got=$(session "$1" -sess_out "$lab/session.$1")
	[ "$got" = New ] || { echo "the first one is '$got'"; return 1; }
}
resumes() { # [OPTION]...: both versions, as often as it takes to come to every worker
	local v i got
	for v in 2 3; do
		for ((i = 0; i < 6; i++)); do
			got=$(session $v -sess_in "$lab/session.$v" "$@")
			[ "$got" = Reused ] || { echo "TLS 1.$v, connection $i: '$got'"; return 1; }
		done
	done
}
resumes_not() { # [OPTION]...: a full handshake, not a failed one
	local v got
	for v in 2 3; do
		got=$(session $v -sess_in "$lab/session.$v" "$@")
		[ "$got" = New ] || { echo "TLS 1.$v: '$got'"; return 1; }
	done
}

try session_is_given_1_2 keeps 2
try session_is_given_1_3 keeps 3
try on_every_worker resumes
scripts/lab swap
try after_a_certificate_swap resumes
before=$(counter generation)
scripts/lab reload
wait_for 30 more_than generation "$before"
try after_a_reload resumes
ctl tickets rotate >/dev/null
try after_a_new_ticket_key resumes
scripts/lab stop
scripts/lab start
try after_a_restart resumes
scripts/lab kill
scripts/lab start
try after_a_crash resumes

# The same certificates, names and policy: only the listener is another.
cat >"$lab/twin.json" <<-J
	{ "bind": ["10.80.0.1:4444"], "backend": "nginx", "policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
	  "default_certificate": ["www-ecdsa", "www-rsa"], "alpn": ["http/1.1"] }
J
ctl listener set twin --file "$lab/twin.json" >/dev/null
on_twin() { # the last -connect counts
	resumes_not -connect 10.80.0.1:4444
}
try not_on_another_listener on_twin
try still_on_its_own resumes
ctl listener set https policy=ELBSecurityPolicy-TLS13-1-2-Res-2021-06 >/dev/null
try not_under_another_policy resumes_not
ctl reload >/dev/null
try again_under_its_own resumes
head -c 80 /dev/urandom | base64 -w 0 >"$lab/other.keys"
ctl tickets put "$lab/other.keys" >/dev/null
try not_with_keys_of_others resumes_not

scripts/lab stop
cp "$lab/plain.cfg" "$config"
rm -f "$lab/ticket.keys" "$lab/other.keys" "$lab"/session.?
scripts/lab start
