#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The PROXY protocol towards backends and from fronts: a decoder of our own, nginx and HAProxy at both ends.
. tests/integration/lib.sh

proxy() { in_client timeout 60 python3 $here/proxy.py "$@"; }

mkdir -p "$lab/proxy"
cat >"$lab/proxy/nginx.conf" <<-NGINX
	user root;
	worker_processes 1;
	pid $lab/proxy/nginx.pid;
	daemon off;
	error_log $lab/proxy/error.log;
	events { worker_connections 64; }
	http {
		access_log off;
		client_body_temp_path $lab/proxy/body;
		proxy_temp_path $lab/proxy/proxy;
		fastcgi_temp_path $lab/proxy/fastcgi;
		uwsgi_temp_path $lab/proxy/uwsgi;
		scgi_temp_path $lab/proxy/scgi;
		server {
			listen 10.81.0.2:8181 proxy_protocol;
			location / { return 200 "\$proxy_protocol_addr \$proxy_protocol_server_addr \$proxy_protocol_server_port\n"; }
		}
	}
NGINX
cat >"$lab/proxy/haproxy.cfg" <<-'HAPROXY'
	defaults
		mode http
		timeout client 10s
		timeout server 10s
		timeout connect 5s
	frontend behind
		bind 10.81.0.2:8182 accept-proxy
		http-request return status 200 content-type text/plain lf-string "%[src] %[dst] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]\n"
HAPROXY
cat >"$lab/proxy/front.cfg" <<-'HAPROXY'
	defaults
		mode tcp
		timeout client 10s
		timeout server 10s
		timeout connect 5s
	listen v1
		bind 127.0.0.1:9041
		server gate 10.80.0.1:9132 send-proxy
	listen v2
		bind 127.0.0.1:9042
		server gate 10.80.0.1:9132 send-proxy-v2 proxy-v2-options crc32c
HAPROXY

ip netns exec "$prefix-backend" python3 $here/proxy.py backend >"$lab/proxy/backend.log" 2>&1 &
helpers=$!
ip netns exec "$prefix-backend" nginx -p "$lab/proxy" -e "$lab/proxy/error.log" -c "$lab/proxy/nginx.conf" \
	>"$lab/proxy/nginx.log" 2>&1 &
helpers+=" $!"
ip netns exec "$prefix-backend" haproxy -db -f "$lab/proxy/haproxy.cfg" >"$lab/proxy/haproxy.log" 2>&1 &
helpers+=" $!"
in_client haproxy -db -f "$lab/proxy/front.cfg" >"$lab/proxy/front.log" 2>&1 &
helpers+=" $!"
# shellcheck disable=SC2064 # the pids of now
trap "kill $helpers" EXIT
listening() { # NAMESPACE PORT...
	local ports port
	ports=$(ip netns exec "$1" ss -Hltn)
	shift
	for port; do grep -q ":$port " <<<"$ports" || return; done
}
wait_for 20 listening "$prefix-backend" 9005 8181 8182
wait_for 20 listening "$prefix-client" 9041 9042

headers=$(counter proxy_headers_total)
try v2_tells_all_that_is_asked_for proxy outbound_v2
try v2_tells_of_clients_certificates proxy outbound_cert
try v1_tells_addresses proxy outbound_v1
try nginx_reads_v2 expect '^10.80.0.2 10.80.0.1 9135$' get / --connect-to www.lab.test:443:10.80.0.1:9135
try haproxy_reads_v2 expect '^10.80.0.2 10.80.0.1 9136 www.lab.test TID_[0-9a-f]\{32\}$' \
	get / --connect-to www.lab.test:443:10.80.0.1:9136
try requests_follow_on_the_same_connection expect '^10.80.0.2 10.80.0.1 9135$' \
	get '/?[1-20]' --connect-to www.lab.test:443:10.80.0.1:9135
try a_front_is_believed proxy inbound
try haproxy_as_front_v1 proxy front 9041
try haproxy_as_front_v2 proxy front 9042
try headers_are_counted is proxy_headers_total $((headers + 11))
errors=$(counter proxy_header_errors_total)
try malformed_headers_are_refused proxy malformed
try and_counted is proxy_header_errors_total $((errors + 12))
try silent_fronts_are_let_go proxy silent
try and_counted_too is proxy_header_errors_total $((errors + 15))
rejected=$(counter connections_rejected_total)
try others_are_refused_or_served proxy others
try refused_ones_are_counted is connections_rejected_total $((rejected + 2))

# Checks are for nobody: nginx and HAProxy, which refuse connections without a header, find LOCAL in one, and so do we.
checked() { # BACKEND TYPE
	ctl backend set "$1" health.type="$2" health.path=/ health.interval=0.3 health.timeout=0.3 health.healthy=2 \
		health.unhealthy=2 >/dev/null
}
says_local() {
	checked pp2 tcp && wait_for 20 grep -q '^LOCAL 0$' "$lab/proxy/backend.log"
}
try tcp_checks_say_local says_local
passes() { # BACKEND
	local before
	before=$(counter_of target_checks_total "backend=\"$1\"")
	checked "$1" http || return 1
	by_three() { [ "$(counter_of target_checks_total "backend=\"$1\"")" -ge $((before + 3)) ]; }
	wait_for 20 by_three "$1" && [ "$(counter_of target_checks_failed_total "backend=\"$1\"")" = 0 ]
}
try nginx_passes_checks_that_say_local passes pp-nginx
try haproxy_passes_checks_that_say_local passes pp-haproxy
try reload_drops_the_checks scripts/lab reload
try nothing_is_left becomes_quiet
