# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# For scripts that change what is behind the listener "three" of run: up to four targets, each an nginx that says its name.
config=$lab/integration.cfg
cp "$config" "$lab/integration.cfg.kept"
trap 'cp "$lab/integration.cfg.kept" "$config"; for i in 1 2 3 4; do target_stop $i; done' EXIT

target_start() { # NUMBER
	local dir=$lab/target$1
	mkdir -p "$dir"
	echo "target $1 is well" >"$dir/up"
	head -c 100000 /dev/zero >"$dir/slow"
	nginx_start "$dir" "
		server {
			listen 10.81.0.2:808$1 backlog=4096 reuseport;
			location / { default_type text/plain; return 200 'target $1\n'; }
			location = /up { default_type text/plain; alias $dir/up; }
			location = /slow { default_type text/plain; limit_rate 1000; alias $dir/slow; }
		}"
}

target_stop() { # NUMBER: as a crash would
	local dir=$lab/target$1 pid
	[ -s "$dir/pid" ] || return 0
	pid=$(cat "$dir/pid")
	# The master first: it would replace a worker that has gone.
	# shellcheck disable=SC2046 # workers, one word each
	kill -KILL "$pid" $(pgrep -P "$pid")
	rm -f "$dir/pid"
	wait_for 10 refused scripts/lab backend bash -c "exec 3<>/dev/tcp/10.81.0.2/808$1"
}

of() { # METRIC NUMBER: of that target
	counter "$1{backend=\"three\",target=\"10.81.0.2:808$2\"}"
}
of_backend() { counter "$1{backend=\"three\"}"; }

targets() { # LINE...: what 'targets' of the backend "three" is from now on, and OPTIONS
	local body='' line
	for line in "$@"; do body+="${body:+,}      { $line }"$'\n'; done
	awk -v body="$body" -v options="${OPTIONS:-}" '
		/name = "three"; connect_timeout/ { print "  { name = \"three\"; connect_timeout = 1.0; " options
			print "    targets = ("; printf "%s", body; print "    ); },"; skip = 1; next }
		skip && /\); },/ { skip = 0; next }
		!skip' "$lab/integration.cfg.kept" >"$config"
	local before
	before=$(scripts/lab ctl status 2>/dev/null | grep -i generation)
	scripts/lab reload
	wait_for 10 changed "$before"
}
changed() { [ "$(scripts/lab ctl status 2>/dev/null | grep -i generation)" != "$1" ]; }

T1='address = "10.81.0.2:8081";' T2='address = "10.81.0.2:8082";' T3='address = "10.81.0.2:8083";'
T4='address = "10.81.0.2:8084";'

ask() { in_client curl -sS --fail --max-time 20 --cacert "$ca" --resolve www.lab.test:9030:10.80.0.1 \
	https://www.lab.test:9030/; }
ask_many() { for _ in $(seq "$1"); do ask || return 1; done; }

# load [CONNECTION_HEADER]: in the background until load_end; wrk's report is then in wrk.log.
load() {
	(exec ip netns exec "$prefix-client" wrk -t 1 -c 24 -d 120s --timeout 20s -H 'Host: www.lab.test' \
		${1:+-H "Connection: $1"} https://10.80.0.1:9030/ >"$lab/wrk.log" 2>&1) &
	wrk=$!
}
load_end() {
	kill -INT $wrk
	wait $wrk
}
no_request_failed() { # of wrk's; and there were some
	load_end
	grep -q 'Requests/sec' "$lab/wrk.log" || { cat "$lab/wrk.log"; return 1; }
	! grep -e 'Socket errors' -e 'Non-2xx' "$lab/wrk.log" || return 1
	awk '/requests in/ { exit !($1 > 50) }' "$lab/wrk.log" || { cat "$lab/wrk.log"; return 1; }
}
moves_on() { # NUMBER: connections to that target grow
	local before
	before=$(of target_connections_total "$1")
	wait_for 10 grown "$1" "$before"
}
grown() { [ "$(of target_connections_total "$1")" -gt "$2" ]; }
filled() { [ "$(of target_connections "$1")" -gt 0 ]; }

few_lost() { # of wrk's requests: no more than were under way at once
	local lost
	lost=$(sed -n 's/.*Socket errors: connect \([0-9]*\), read \([0-9]*\), write \([0-9]*\), timeout \([0-9]*\).*/\1+\2+\3+\4/p' "$lab/wrk.log")
	lost=$((${lost:-0}))
	cat "$lab/wrk.log"
	[ "$lost" -le 24 ] && ! grep -q Non-2xx "$lab/wrk.log"
}
