#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Listeners that do not decrypt: by SNI to one of two nginx with certificates of their own, or just to a port.
. tests/integration/lib.sh

dir=$lab/through
nginx_start "$dir" "
	server { listen 10.81.0.2:8543 ssl; ssl_certificate $lab/pki/exact.pem; ssl_certificate_key $lab/pki/exact.key;
		root $lab/www; location = /who { default_type text/plain; return 200 'first\n'; } }
	server { listen 10.81.0.2:8544 ssl; ssl_certificate $lab/pki/other.pem; ssl_certificate_key $lab/pki/other.key;
		root $lab/www; location = /who { default_type text/plain; return 200 'second\n'; } }"
trap 'kill "$(cat "$dir/pid")"' EXIT

who() { # NAME PORT [PATH]
	in_client curl -ksS --fail --max-time 30 --resolve "$1:$2:10.80.0.1" "https://$1:$2/${3:-who}"
}
is_who() { [ "$(who "$1" "$2")" = "$3" ] || { who "$1" "$2"; return 1; }; }
shown() { # NAME: serial number of the certificate that the client sees
	in_client timeout 10 openssl s_client -connect 10.80.0.1:9040 -servername "$1" </dev/null 2>/dev/null |
		openssl x509 -noout -serial | cut -d = -f 2
}
own_certificates() {
	[ "$(shown n00.through.test)" = "$(serial_of "$lab/pki/exact.pem")" ] &&
		[ "$(shown n01.through.test)" = "$(serial_of "$lab/pki/other.pem")" ]
}
try clients_see_the_targets_certificates own_certificates

hundred() {
	local i
	for i in $(seq -w 0 99); do
		is_who "n$i.through.test" 9040 "$([ $((10#$i % 2)) = 0 ] && echo first || echo second)" || return 1
	done
}
try a_hundred_names_find_their_target hundred
try a_wildcard_covers_one_label is_who X.wild.test 9040 second

alert() { # OPTION...: what openssl says
	local said
	said=$(in_client timeout 10 openssl s_client -connect 10.80.0.1:9040 "$@" </dev/null 2>&1)
	grep -q 'alert number 112' <<<"$said" || { echo "$said"; return 1; }
}
try an_unknown_name_gets_an_alert alert -servername a.b.wild.test
try no_name_gets_an_alert alert -noservername
loosely() { is_who other.test 9042 second && is_who unknown.test 9042 first; }
try unless_unknown_names_have_a_backend loosely

no_tls() { # plain HTTP to a listener that waits for a ClientHello
	local before
	before=$(counter client_tls_negotiation_errors_total)
	refused in_client curl -sS --max-time 10 http://10.80.0.1:9040/ &&
		[ "$(counter client_tls_negotiation_errors_total)" -gt "$before" ]
}
try what_is_no_hello_is_refused no_tls

# Bytes and ends of streams: through the echo of backend.py, both families, without TLS.
plain() { # FAMILY: 20 MB there and back, half-closed in between
	in_client timeout 60 python3 - "$1" <<-'P'
		import hashlib, os, socket, sys, threading
		data = os.urandom(20_000_000)
		s = socket.create_connection(("10.80.0.1" if sys.argv[1] == "4" else "fd80::1", 9041))
		def send():
		    s.sendall(data)
		    s.shutdown(socket.SHUT_WR)
		threading.Thread(target=send).start()
		got = bytearray()
		while chunk := s.recv(1 << 16):
		    got += chunk
		sys.exit(got != data)
	P
}
try bytes_go_through_unchanged plain 4
try over_ipv6_too plain 6
says_whose() { # the target's first line is the PROXY header
	ip netns exec "$prefix-backend" python3 -c '
import socket
l = socket.create_server(("10.81.0.2", 9005))
s, _ = l.accept()
while chunk := s.recv(4096):
    s.sendall(chunk)' &
	wait_for 10 scripts/lab backend sh -c "ss -tln | grep -q 10.81.0.2:9005" || return 1
	expect '^PROXY TCP4 10.80.0.2 10.80.0.1 [0-9]* 9044' in_client python3 -c '
import socket
s = socket.create_connection(("10.80.0.1", 9044))
s.sendall(b"GET / HTTP/1.0\r\n\r\n")
s.shutdown(socket.SHUT_WR)
while chunk := s.recv(4096):
    print(chunk.decode("latin1"), end="")'
}
try the_target_is_told_whose_it_is says_whose

broken() { # a reset stays one: a FIN would make a cut stream look whole
	expect 'ConnectionResetError' in_client python3 -c '
import socket
s = socket.create_connection(("10.80.0.1", 9043))
s.sendall(b"x")
try:
    print(s.recv(1))
except ConnectionResetError as e:
    print(repr(e))'
}
try a_reset_stays_a_reset broken

load() {
	in_client wrk -t 1 -c 16 -d 3s --timeout 20s https://n00.through.test:9040/who >"$lab/wrk.log" 2>&1
	! grep -e 'Socket errors' -e Non-2xx "$lab/wrk.log" && grep -q Requests/sec "$lab/wrk.log"
}
has_name() { mkdir -p "/etc/netns/$prefix-client" && echo '10.80.0.1 n00.through.test' >"/etc/netns/$prefix-client/hosts"; }
has_name
try many_requests_go_through load
rm -r "/etc/netns/$prefix-client"
try nothing_is_left becomes_quiet 30
