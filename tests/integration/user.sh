#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# runtime.user: all threads become it, keys are read before, changes and the journal go on, nothing gives root back.
. tests/integration/lib.sh
config=$(cat "$lab/config-path")
cp "$config" "$lab/plain.cfg"
scripts/lab stop
sed -i 's/^runtime = {/& user = "nobody";/' "$config"
scripts/lab start
pid=$(scripts/lab pid)
wanted=$(id -u nobody)

all_are() { # FIELD VALUE: of every thread, in all of its columns
	local task value
	for task in "/proc/$pid/task/"*; do
		for value in $(sed -n "s/^$1:[[:space:]]*//p" "$task/status"); do
			[ "$value" = "$2" ] || { echo "$(cat "$task/comm"): $1 is $value, not $2"; return 1; }
		done
	done
}
# CAP_NET_ADMIN (12) and CAP_IPC_LOCK (14) in the main thread, to end and to lock keys; nothing in the others.
few_capabilities() {
	local task got
	for task in "/proc/$pid/task/"*; do
		got=$(sed -n 's/^CapEff:[[:space:]]*//p' "$task/status")
		[ "${task##*/}" = "$pid" ] && [ "$got" = 0000000000005000 ] && continue
		[ "$got" = 0000000000000000 ] || { echo "$(cat "$task/comm"): CapEff $got"; return 1; }
	done
}
owned() { # PATH: by the user
	[ "$(stat -c %U "$1")" = nobody ] || { ls -ld "$1"; return 1; }
}
try every_thread_is_that_user all_are Uid "$wanted"
try and_of_its_group all_are Gid "$(id -g nobody)"
try capabilities_are_gone few_capabilities
try no_new_privileges all_are NoNewPrivs 1
try journal_is_given owned "$lab/state/journal"
try socket_is_given owned "$lab/control.sock"
dumpable() { # what is not dumpable belongs to root in /proc
	[ "$(stat -c %U "/proc/$pid/environ")" = root ]
}
try no_core_holds_its_keys dumpable
try it_serves expect 'sallyport lab backend' get /
ctl cert add mine --chain "$lab/pki/other.pem" --key "$lab/pki/other.key" --names mine.test >/dev/null 2>&1
try changes_are_made expect mine.test ctl cert show mine
try files_of_root_are_refused_and_named refused ctl reload
why() { grep -q 'www.rsa.key: Permission denied' <<<"$(ctl reload 2>&1)"; }
try and_why_is_told why
try what_is_served_stays expect 'sallyport lab backend' get /
scripts/lab kill
scripts/lab start
pid=$(scripts/lab pid)
try after_a_crash_it_is_back expect mine.test ctl cert show mine
try as_that_user all_are Uid "$wanted"
ctl cert remove mine >/dev/null
scripts/lab stop
try it_ends_well test "$(cat "$lab/sallyport.status")" = 0
# The XDP program that a process without root could not take off goes with the next one that can.
for side in front back; do
	ip -n "$prefix-gate" link set "sp-$side" xdp off 2>/dev/null || true
done
cp "$lab/plain.cfg" "$config"
chown -R root "$lab/state"
scripts/lab start
