# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# For the scripts of this folder: each prints "ok name" or "not ok name" per case, with the reason.
set -uo pipefail
prefix=${SALLYPORT_LAB:-sp}
lab=$(scripts/lab folder)
export SALLYPORT_LAB_HOLDER=${SALLYPORT_LAB_HOLDER:-$$} # run's, or of a script with a lab of its own
here=tests/integration
export LAB=$lab
ca=$lab/pki/ca.pem

in_client() { ip netns exec "$prefix-client" "$@"; }
in_backend() { ip netns exec "$prefix-backend" "$@"; }

# try NAME COMMAND...: one case, the command's output only when it fails.
try() {
	local name=$1 text
	shift
	if text=$("$@" 2>&1); then
		echo "ok $name"
	else
		echo "not ok $name"
		printf '%s\n' "$text" | tail -n 15 | sed 's/^/  | /'
	fi
}

habit() { in_client timeout "${HABIT_SECONDS:-300}" python3 $here/client.py "$@"; }

# expect TEXT COMMAND...: the command succeeds and says TEXT (a basic regular expression).
expect() {
	local want=$1 got
	shift
	got=$("$@" 2>&1) || { echo "$got"; echo "failed: $*"; return 1; }
	grep -q -e "$want" <<<"$got" || { echo "$got"; echo "does not say: $want"; return 1; }
}

refused() { # COMMAND...: it must fail
	! "$@" >/dev/null 2>&1 || { echo "succeeded: $*"; return 1; }
}

get() { # PATH [CURL OPTION]...: over IPv4 unless told
	local path=$1
	shift
	in_client curl -sS --fail --max-time "${GET_SECONDS:-120}" --cacert "$ca" --resolve www.lab.test:443:10.80.0.1 "$@" \
		"https://www.lab.test$path"
}

s_client() { # OPTION...: one HTTP request; prints what openssl has to say
	printf 'GET / HTTP/1.0\r\nHost: www.lab.test\r\n\r\n' |
		in_client timeout 10 openssl s_client -connect 10.80.0.1:443 -CAfile "$ca" \
			-verify_return_error -ign_eof "$@" 2>&1
}

# Of clients with certificates.
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

# The counter summed over the workers, or 0 while it has not moved. NAME may hold labels.
counter() {
	scripts/lab stats | awk -v name="sallyport_$1" '
		{ n = $1; if (name !~ /{/) sub(/{.*/, "", n); if (n == name) sum += $2 }
		END { printf "%d\n", sum }'
}

# The same of those that have LABEL, beside others.
counter_of() { # NAME LABEL
	scripts/lab stats | awk -v name="sallyport_$1" -v label="$2" '
		{ n = $1; sub(/{.*/, "", n); if (n == name && index($1, label)) sum += $2 }
		END { printf "%d\n", sum }'
}

# restart CONFIG: a daemon of the script's own, until it is called with what was in config-path.
restart() {
	scripts/lab stop && echo "$1" >"$lab/config-path" && scripts/lab start
}

# Of a script with a lab of its own, at its end: this one and those before it. The others' is run's to say.
daemons_end_well() { scripts/lab stop && scripts/lab verdict; }

# nginx_start FOLDER SERVERS: where backends are; its pid is in FOLDER/pid.
nginx_start() {
	mkdir -p "$1"
	cat >"$1/nginx.conf" <<-N
		user root;
		worker_processes 1;
		pid $1/pid;
		error_log $1/error.log;
		events { worker_connections 4096; }
		http {
			access_log off;
			keepalive_requests 1000000000;
			$2
		}
	N
	ip netns exec "$prefix-backend" nginx -p "$1" -e "$1/error.log" -c "$1/nginx.conf"
	wait_for 10 test -s "$1/pid"
}

# wait_for SECONDS COMMAND...: until the command succeeds; then what it said last was no use.
wait_for() {
	local end=$((SECONDS + $1)) text
	shift
	until text=$("$@" 2>&1); do
		[ $SECONDS -lt $end ] || { echo "${text:-still not: $*}"; return 1; }
		sleep 0.1
	done
}

is() { # NAME VALUE: the counter stands there now
	local now
	now=$(counter "$1")
	[ "$now" = "$2" ] || { echo "$1 is $now, not $2"; return 1; }
}

more_than() { # NAME VALUE
	local now
	now=$(counter "$1")
	[ "$now" -gt "$2" ] || { echo "$1 is $now, not more than $2"; return 1; }
}

# Nothing of earlier clients is left: connections, handshakes.
is_quiet() { is connections_active 0 && is tls_handshakes_active 0; }
becomes_quiet() { wait_for "${1:-20}" is_quiet; }

# No socket is left that repeats what it has to say although nobody waits for it any more: at a client what was shed without
# an answer. To a daemon that has begun since, such a segment belongs to nothing: it answers with RST.
none_hangs() {
	local text
	text=$(in_client ss -Htno state fin-wait-1 state closing state last-ack
		in_backend ss -Htno state fin-wait-1 state closing state last-ack)
	[ -z "$text" ] || { echo "$text"; return 1; }
}

serial_of() { openssl x509 -noout -serial -in "$1" | cut -d = -f 2; }

# --- changes ---
ctl() { scripts/lab ctl "$@"; }
generation() { ctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["generation"])'; }
served() { # NAME [OPTION]...: serial of what a client gets
	s_client -servername "$1" "${@:2}" </dev/null | openssl x509 -noout -serial | cut -d = -f 2
}
gets() { # FILE NAME [OPTION]...
	local want got
	want=$(serial_of "$1")
	got=$(served "${@:2}")
	[ "$got" = "$want" ] || { echo "$got served, $want expected"; return 1; }
}
same_generation() { # COMMAND...: refused, and nothing changed
	local before text
	before=$(generation)
	if text=$("$@" 2>&1); then
		echo "succeeded: $*: $text"
		return 1
	fi
	echo "$text"
	[ "$(generation)" = "$before" ] || { echo "generation $before became $(generation)"; return 1; }
}
refused_with() { # TEXT COMMAND...
	local text
	text=$(same_generation "${@:2}") || { echo "$text"; return 1; }
	grep -q -e "$1" <<<"$text" || { echo "$text does not say: $1"; return 1; }
}
