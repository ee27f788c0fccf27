#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# TLS to targets: which are believed and why the others are not, with nginx behind; own certificate, sessions, checks, changes
# under load. BTLS_SIZE (head -c notation) sets how large the bodies are: 64M.
. tests/integration/lib.sh

dir=$lab/btls config=$(cat "$lab/config-path") size=${BTLS_SIZE:-64M}
pki=$dir/pki
rm -rf "$dir"
mkdir -p "$dir"
tests/integration/btls_pki "$pki" || exit
ln -s in.pem "$pki/live.pem"
ln -s in.key "$pki/live.key"
cp "$pki/ca.pem" "$dir/trusted.pem"
cp "$config" "$dir/kept.cfg"

# --- what is behind

server() { # PORT CERTIFICATE [MORE]
	cat <<-S
		server {
			listen 10.81.0.2:$1 ssl backlog=4096 ${LISTEN:-};
			ssl_certificate $pki/$2.pem;
			ssl_certificate_key $pki/$2.key;
			access_log $dir/access-$1.log;
			root $lab/www;
			location = /tls { default_type text/plain;
				return 200 "\$ssl_protocol \$ssl_session_reused \$ssl_server_name \$ssl_client_verify \$ssl_client_serial \$ssl_alpn_protocol \$proxy_protocol_addr\n"; }
			location /upload/ { dav_methods PUT; }
			${3:-}
		}
	S
}
nginx_start "$dir" "
	client_max_body_size 0;
	client_body_temp_path $dir/body;
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_session_cache shared:all:1m;
	$(server 8701 in)
	$(server 8702 wrong)
	$(server 8703 expired)
	$(server 8704 unknown)
	$(server 8705 revoked)
	$(server 8706 in "ssl_client_certificate $pki/ca.pem; ssl_verify_client on;")
	$(server 8707 in 'ssl_protocols TLSv1.2;')
	$(server 8708 in 'ssl_protocols TLSv1.3;')
	$(LISTEN=proxy_protocol server 8709 in)
	$(server 8710 address)
	$(server 8711 in 'ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA256;')
	$(server 8712 live)
	$(LISTEN=http2 server 8714 in)
	server { listen 10.81.0.2:8713; access_log $dir/access-8713.log; root $lab/www; }"
ip netns exec "$prefix-backend" python3 $here/btls.py target 10.81.0.2 8720 "$pki/in.pem" "$pki/in.key" >"$dir/target.log" 2>&1 &
target=$!
trap 'kill $target "$(cat "$dir/pid")"; wait $target; cp "$dir/kept.cfg" "$config"; scripts/lab reload' EXIT
wait_for 10 grep -q ready "$dir/target.log"

# --- the configuration: a backend and a listener of each kind

verified="trust_store = \"targets\"; server_name = \"in.test\";"
kinds() { # NAME FRONT_PORT TARGET_PORTS TLS [MORE]
	cat <<-K
		good 9201 8701 $verified
		wrong 9202 8702 $verified
		expired 9203 8703 $verified
		unknown 9204 8704 $verified
		revoked 9205 8705 $verified
		clear 9206 8713 $verified
		believed 9207 8704 verify = false; server_name = "in.test";
		mixed 9208 8702,8703,8701 $verified
		mutual 9209 8706 $verified certificate = "us";
		nobody 9210 8706 $verified
		tls12 9211 8707 $verified
		tls13 9212 8708 $verified
		told 9213 8709 $verified
		address 9214 8710 trust_store = "targets";
		noaddress 9215 8701 trust_store = "targets";
		legacy 9216 8711 $verified policy = "ELBSecurityPolicy-TLS13-1-2-2021-06";
		fresh 9217 8701 $verified sessions = false;
		checked 9218 8712 $verified
		odd 9219 8720 $verified
		fresh12 9221 8707 $verified sessions = false;
		nothing-in-common 9220 8707 $verified policy = "only13";
		passed 9222 8714 $verified pass_alpn = true; alpn = ["h2"];
		listed 9223 8714 $verified alpn = ["http/1.1"];
	K
}
declare -A protocols=([passed]='alpn = ["h2", "http/1.1"];' [listed]='alpn = ["http/1.1"];')
declare -A more=([told]='proxy_protocol = { version = 2; };'
	[checked]='health = { type = "https"; host = "in.test"; path = "/tls"; interval = 0.3; timeout = 0.3; healthy = 2; unhealthy = 2; minimum_healthy = 0; };'
	[tls13]='health = { type = "tls"; interval = 0.3; timeout = 0.3; };'
	[wrong]='health = { type = "tls"; interval = 0.3; timeout = 0.3; };')
write_config() {
	local name port targets tls line
	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		'trust_stores = (')
			echo "  { name = \"targets\"; ca_bundle = \"$dir/trusted.pem\"; crls = [\"$pki/ca.crl\"]; },"
			;;
		'policies = (') echo '  { name = "only13"; versions = ["TLSv1.3"]; },' ;;
		'certificates = (')
			echo "  { name = \"us\"; chain = \"$pki/us.pem\"; key = \"$pki/us.key\"; },"
			;;
		'backends = (')
			while read -r name port targets tls; do
				printf '  { name = "b-%s"; connect_timeout = 2.0; outlier = { failures = 0; }; tls = { %s }; %s\n    targets = (' \
					"$name" "$tls" "${more[$name]:-}"
				printf ' { address = "10.81.0.2:%s"; }' "${targets//,/\"; \}, { address = \"10.81.0.2:}"
				echo ' ); },'
			done < <(kinds)
			;;
		'listeners = (')
			while read -r name port targets tls; do
				echo "  { name = \"l-$name\"; bind = [\"10.80.0.1:$port\"]; backend = \"b-$name\"; default_certificate = [\"www-ecdsa\", \"www-rsa\"];"
				echo '    policy = "ELBSecurityPolicy-TLS13-1-2-2021-06";'" ${protocols[$name]:-} },"
			done < <(kinds)
			;;
		esac
	done <"$dir/kept.cfg"
}
generation() { scripts/lab ctl status 2>/dev/null | grep -i generation; }
has_changed() { [ "$(generation)" != "$1" ]; }
reload() {
	local before
	before=$(generation)
	scripts/lab reload
	wait_for 30 has_changed "$before"
}
sed -i 's/^policies = ( \(.\)/policies = (\n \1/' "$dir/kept.cfg"
write_config >"$config"
try the_configuration_is_taken reload

ask() { # PORT [PATH] [OPTION]...
	local port=$1 path=${2:-/tls}
	shift $(($# > 1 ? 2 : 1))
	in_client curl -sS --fail --max-time 60 --cacert "$ca" --resolve "www.lab.test:$port:10.80.0.1" "$@" \
		"https://www.lab.test:$port$path"
}
said() { # PORT REGEX [OPTION]...
	local port=$1 regex=$2 got
	shift 2
	got=$(ask "$port" /tls "$@") || return 1
	grep -q -E "$regex" <<<"$got" || { echo "$got"; echo "is not: $regex"; return 1; }
}
result() { counter "backend_tls_handshakes_total{backend=\"b-$1\",result=\"$2\"}"; }
logged() { grep "\"backend\":\"b-$1\"" "$lab/log/connections.log" | tail -n 1 | grep -q "$2"; }

# --- whom we believe

try right_name said 9201 '^TLSv1\.3 [.r] in\.test '
try right_address said 9214 '^TLSv1\.3 [.r] {2}'
try whoever_answers_if_told_so said 9207 '^TLSv1\.3 . in\.test'
is_logged() { wait_for 10 logged good '"backend_tls_protocol":"TLSv1.3","backend_tls_cipher":"TLS_A.*"backend_tls_verify_status":"Success"'; }
try the_log_says_so is_logged

requests() { grep -c 'GET /' "$dir/access-$1.log"; }
# not_believed NAME FRONT_PORT TARGET_PORT RESULT LOG: no byte of the request comes to the target
not_believed() {
	local before after seen errors
	before=$(result "$1" "$4") seen=$(requests "$3") errors=$(counter "target_tls_negotiation_errors_total{backend=\"b-$1\"}")
	refused ask "$2" || return 1
	more_than "target_tls_negotiation_errors_total{backend=\"b-$1\"}" "$errors" || return 1
	after=$(result "$1" "$4")
	[ "$after" -gt "$before" ] || { scripts/lab stats | grep "b-$1"; echo "$4 was not counted"; return 1; }
	[ "$(requests "$3")" = "$seen" ] || { cat "$dir/access-$3.log"; return 1; }
	wait_for 10 logged "$1" "$5" || { tail -n 3 "$lab/log/connections.log"; return 1; }
}
no() { try "$1_is_refused" not_believed "$1" "$2" "$3" "$4" "${5:-\"backend_tls_verify_status\":\"Failed:$4\"}"; }
no wrong 9202 8702 HostnameMismatch
no expired 9203 8703 Expired
no unknown 9204 8704 Untrusted
no revoked 9205 8705 CrlHit
no noaddress 9215 8701 HostnameMismatch
no clear 9206 8713 protocol '"backend_tls_result":"protocol"'
no nothing-in-common 9220 8707 alert '"backend_tls_result":"alert".*"backend_tls_alert":70,"backend_tls_alert_from":"target"'

only_the_right_one() { # each worker's turn begins somewhere else
	for _ in $(seq 12); do said 9208 '^TLSv1\.3' || return 1; done
	[ "$(counter 'target_connections_total{backend="b-mixed",target="10.81.0.2:8701"}')" -ge 12 ] &&
		is 'target_connections_total{backend="b-mixed",target="10.81.0.2:8702"}' 0 &&
		is 'target_connections_total{backend="b-mixed",target="10.81.0.2:8703"}' 0
}
try of_several_only_the_right_one_gets_traffic only_the_right_one

# --- our own certificate

serial() { serial_of "$pki/$1.pem"; }
try own_certificate said 9209 "SUCCESS $(serial us)"
try without_one_the_target_refuses refused ask 9210
shows_another() {
	scripts/lab ctl cert replace us --chain "$pki/us2.pem" --key "$pki/us2.key" >/dev/null && said 9209 "SUCCESS $(serial us2)"
}
try own_certificate_is_replaced_live shows_another
stays() { expect "shown to the targets of backend 'b-mutual'" bash -c '! scripts/lab ctl cert remove us'; }
try own_certificate_stays_while_it_is_shown stays

# --- protocols

clients_is_passed() {
	said 9222 ' h2 $' --http2 && said 9222 ' http/1\.1 $' --http1.1 && said 9223 ' http/1\.1 $' --no-alpn
}
try the_protocol_that_the_client_negotiated clients_is_passed
try that_of_the_list_without_one expect 'ALPN: server accepted h2' scripts/lab backend \
	curl -sSvk --max-time 20 https://10.81.0.2:8714/tls # so 8714 has both

# --- sessions

reused() { # NAME PORT OPTION...: as often as it takes to come to every worker twice
	local name=$1 n
	for n in $(seq 12); do ask "$2" >/dev/null || return 1; done
	for n in $(seq 4); do said "$2" '^TLSv1\.[23] r ' || return 1; done
	[ "$(result "$name" resumed)" -ge 4 ]
}
try sessions_resume_in_tls12 reused tls12 9211
try sessions_resume_in_tls13 reused tls13 9212
never() { for _ in $(seq 6); do said 9217 '^TLSv1\.3 \. ' || return 1; done; is 'backend_tls_handshakes_total{backend="b-fresh",result="resumed"}' 0; }
try unless_told_otherwise never
many_full() { # by each worker, TLS 1.2
	for _ in $(seq 30); do said 9221 '^TLSv1\.2 \. ' || return 1; done
}
try many_full_ones_in_tls12 many_full
try what_works_is_no_error is 'target_tls_negotiation_errors_total{backend="b-fresh12"}' 0

# --- bytes

scripts/lab file "btls-$size.bin" "$size"
sum=$(sha256sum <"$lab/www/btls-$size.bin")
down() { [ "$(ask "$1" "/btls-$size.bin" "${@:2}" | sha256sum)" = "$sum" ] || { echo "other bytes"; return 1; }; }
up() {
	rm -f "$lab/www/upload/btls.bin"
	ask "$1" /upload/btls.bin -T "$lab/www/btls-$size.bin" -o /dev/null "${@:2}" || return 1
	[ "$(sha256sum <"$lab/www/upload/btls.bin")" = "$sum" ] || { echo "other bytes"; return 1; }
}
try "down_$size" down 9212
try "up_$size" up 9212
try "down_tls12_$size" down 9211 --tls-max 1.2
try "up_tls12_$size" up 9211 --tls-max 1.2
try down_without_aead down 9216
try up_without_aead up 9216
rm -f "$lab/www/upload/btls.bin" "$lab/www/btls-$size.bin"
odd() { in_client timeout 60 python3 $here/btls.py "$1" 9219; }
try an_end_in_order_is_one odd whole
try a_cut_answer_does_not_look_whole odd cut
try nor_one_cut_inside_a_record odd torn
damaged=$(counter backend_tls_record_errors_total)
try a_damaged_record_ends_it odd spoilt
try and_is_counted more_than backend_tls_record_errors_total "$damaged"
try half_close_goes_through odd half
try cut_is_counted more_than backend_tls_truncations_total 0

# --- in company

try proxy_header_before_the_hello said 9213 ' 10\.80\.0\.2$'
up_is() { [ "$(counter "target_up{backend=\"b-$1\",target=\"10.81.0.2:$2\"}")" = "$3" ]; }
log_says() { wait_for 15 grep -q "$1" "$lab/sallyport.log"; }
checks() {
	wait_for 15 up_is tls13 8708 1 && wait_for 15 up_is checked 8712 1 && wait_for 15 up_is wrong 8702 0 &&
		log_says 'target 10.81.0.2:8702 is down: no TLS with it: HostnameMismatch'
}
try checks_in_tls_judge_certificates checks
becomes_wrong() {
	ln -sf "$1.pem" "$pki/live.pem" && ln -sf "$1.key" "$pki/live.key" && kill -HUP "$(cat "$dir/pid")"
	wait_for 20 up_is checked 8712 "$2"
}
goes_down() { becomes_wrong expired 0 && log_says 'target 10.81.0.2:8712 is down: no TLS with it: Expired' && refused ask 9218; }
try a_certificate_that_expires_takes_it_out goes_down
comes_back() { becomes_wrong in 1 && said 9218 '^TLSv1\.3'; }
try a_new_one_brings_it_back comes_back

other_trust() {
	cp "$pki/other.pem" "$dir/trusted.pem"
	reload && refused ask 9201 && said 9204 '^TLSv1\.3' &&
		wait_for 10 logged good '"backend_tls_verify_status":"Failed:Untrusted"'
}
try trust_changes_live_and_ends_sessions other_trust
trust_again() {
	cp "$pki/ca.pem" "$dir/trusted.pem"
	write_config >"$config"
	reload && said 9201 '^TLSv1\.3' && refused ask 9204
}
try and_back trust_again

api() {
	cat >"$dir/nobody.json" <<-J
		{"targets": [{"address": "10.81.0.2:8706"}],
		 "tls": {"trust_store": "targets", "server_name": "in.test", "certificate": "added"}}
	J
	scripts/lab ctl cert add added --chain "$pki/us2.pem" --key "$pki/us2.key" >/dev/null &&
		scripts/lab ctl backend set b-nobody --file "$dir/nobody.json" >/dev/null || return 1
	said 9210 "SUCCESS $(serial us2)" && expect '"server_name": *"in.test"' scripts/lab ctl --json backend show b-nobody
}
try over_the_api_too api

load() { # PORT SECONDS [CONNECTION_HEADER]: wrk's report is then in wrk.log
	in_client wrk -t 1 -c 24 -d "$2s" --timeout 20s -H 'Host: www.lab.test' ${3:+-H "Connection: $3"} \
		"https://10.80.0.1:$1/tls" >"$dir/wrk.log" 2>&1
}
no_errors() {
	grep -q 'Requests/sec' "$dir/wrk.log" && ! grep -e 'Socket errors' -e 'Non-2xx' "$dir/wrk.log" &&
		awk '/requests in/ { exit !($1 > 50) }' "$dir/wrk.log" || { cat "$dir/wrk.log"; return 1; }
}
under_load() { load "$@" && no_errors; }
try no_request_is_lost under_load 9201 3
try nor_with_a_connection_each under_load 9201 3 close
nginx_reloads() {
	load 9201 4 close & local wrk=$!
	for _ in 1 2 3 4 5; do
		sleep 0.5 # spread over the load
		kill -HUP "$(cat "$dir/pid")"
	done
	wait $wrk
	no_errors
}
try nor_while_nginx_reloads nginx_reloads
open_shows_version() {
	load 9201 3 & local wrk=$!
	wait_for 10 shown
	local rc=$?
	wait $wrk
	return $rc
}
shown() { scripts/lab ctl connections | grep -q 'open *TLSv1.3.*10.81.0.2:8701 *TLSv1.3'; }
try connections_show_both_versions open_shows_version
try nothing_is_left becomes_quiet 30
