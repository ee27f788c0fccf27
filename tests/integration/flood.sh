#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Limits of handshakes, and floods of them: established connections and other sources do not notice.
# FLOOD_SECONDS (5) of each measurement.
. tests/integration/lib.sh
seconds=${FLOOD_SECONDS:-5}
ip -n "$prefix-client" addr add 10.80.0.3/24 dev eth0
trap 'ip -n "$prefix-client" addr del 10.80.0.3/24 dev eth0' EXIT

flood() { in_client timeout 120 python3 $here/flood.py "$@"; }

refused=$(counter handshakes_refused_rate_total)
try a_listener_has_a_rate flood rate 9151 40
try refused_by_rate_is_counted more_than handshakes_refused_rate_total $((refused + 10))
refused=$(counter handshakes_refused_at_once_total)
try a_listener_has_a_number_at_once flood at_once 9152 4
try refused_by_number_is_counted more_than handshakes_refused_at_once_total "$refused"
refused=$(counter handshakes_refused_source_total)
try a_source_has_limits_of_its_own flood per_source 9150 10
try refused_sources_are_counted more_than handshakes_refused_source_total "$refused"
reserved=$(counter handshakes_reserved_total)
try reserved_sources_have_their_part flood reserved 9153 40
try reserved_ones_are_counted more_than handshakes_reserved_total $((reserved + 20))

# Few connections, a quarter of them kept: of each worker's 40, 10.
path=$(cat "$lab/config-path")
workers=$(grep -o 'workers = \[[^]]*\]' "$path" | grep -o '[0-9]\+' | wc -l)
sed "s/max_connections = [0-9]*;/max_connections = $((40 * workers));/; s|state_dir = \"[^\"]*|&-flood|" "$path" >"$lab/flood.cfg"
trap 'ip -n "$prefix-client" addr del 10.80.0.3/24 dev eth0; rm -rf "$lab/flood.cfg" "$lab/state-flood"' EXIT
try a_daemon_with_few_connections restart "$lab/flood.cfg"
try nobody_is_there_yet becomes_quiet
try reserved_sources_have_connections_of_their_own flood crowd 9000 9153 $((30 * workers))
try refused_ones_are_counted more_than connections_rejected_total $((30 * workers))
try the_daemon_of_before restart "$path"
refused=$(counter handshakes_refused_source_total)
try quiet_before becomes_quiet

# The floods need cores as well: without them, others are as busy, and all of them step back for the daemon.
measure_idle() {
	local busy=
	for _ in 1 2 3 4; do
		nice -n 10 timeout $((seconds + 1)) bash -c 'while :; do :; done' &
		busy+=" $!"
	done
	flood latency "$lab/idle" "$seconds" >>"$lab/flood.log" 2>&1
	# shellcheck disable=SC2086 # several
	wait $busy
}

# Hellos that never finish, and full RSA handshakes as fast as two clients can, all from one source.
rsa_until() { # END PORT
	while [ $SECONDS -lt "$1" ]; do
		in_client nice -n 10 timeout 10 openssl s_time -connect "10.80.0.1:$2" -new -time 2 \
			-cipher ECDHE-RSA-AES128-GCM-SHA256 -tls1_2 || sleep 0.1
	done >/dev/null 2>&1
}
drip() { in_client nice -n 10 timeout 120 python3 $here/flood.py drip "$@" >>"$lab/drip.log" 2>&1; }
begin_floods() {
	local end=$((SECONDS + seconds + 3)) port
	pids=
	for port in 9150 443 9153; do
		drip $port 200 $((seconds + 3)) &
		pids+=" $!"
	done
	for port in 9150 443; do
		rsa_until $end $port &
		pids+=" $!"
	done
	sleep 1
	flood latency "$lab/loaded" "$seconds" >>"$lab/flood.log" 2>&1 &
	pids+=" $!"
}
end_floods() {
	# shellcheck disable=SC2086 # several
	wait $pids
}
before=$(counter tls_handshakes_total)
measure_idle
begin_floods
try other_sources_are_served_meanwhile flood legit 9150 15
try reserved_sources_are_served_meanwhile flood legit 9153 15
end_floods
# Others on the machine may have been busier the second time. What floods do to latency they do each time.
keep_their_latency() {
	for _ in 1 2; do
		! flood compare "$lab/idle" "$lab/loaded" || return 0
		measure_idle
		begin_floods
		end_floods
	done
	flood compare "$lab/idle" "$lab/loaded"
}
try established_connections_keep_their_latency keep_their_latency
echo "# $(flood compare "$lab/idle" "$lab/loaded" 2>&1), $(($(counter tls_handshakes_total) - before)) handshakes"
try the_flood_was_one more_than handshakes_refused_source_total $((refused + 200))
try nothing_is_left becomes_quiet
