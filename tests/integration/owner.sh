# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Two source trees, and two runs of one: labs of one name are not taken from whoever uses them, and are from who is gone.
. tests/integration/lib.sh
root=$PWD
other=$(mktemp -d)/tree # with nothing built in it
mkdir -p "$other"
cp -r scripts "$other"
trap 'rm -rf "$(dirname "$other")"' EXIT

# by_hand TREE NAME WORD...: scripts/lab in that tree, as no run's
by_hand() { (cd "$1" && exec env -u SALLYPORT_LAB_HOLDER SALLYPORT_LAB="$2" scripts/lab "${@:3}"); }
# held_by PID TREE NAME WORD...
held_by() { (cd "$2" && exec env SALLYPORT_LAB_HOLDER="$1" SALLYPORT_LAB="$3" scripts/lab "${@:4}"); }

refused_naming() { # TREE COMMAND...: which says whose the lab is
	local text
	if text=$("${@:2}" 2>&1); then
		echo "succeeded: ${*:2}"
		return 1
	fi
	grep -qF "is that of $1 (" <<<"$text" || { echo "$text"; return 1; }
}

# --- the lab of this run ---
pid=$(scripts/lab pid)
for what in 'up --no-daemon' claim down start kill backend-start 'client true' metrics; do
	# shellcheck disable=SC2086 # a command line
	try "another_tree_may_not_${what%% *}" refused_naming "$root" by_hand "$other" "$prefix" $what
done
try nor_may_a_run_of_another_tree refused_naming "$root" held_by $$ "$other" "$prefix" up --no-daemon
try nor_another_run_of_this_one refused_naming "$root" held_by $$ "$root" "$prefix" up --no-daemon
try nor_may_that_take_it_down refused_naming "$root" held_by $$ "$root" "$prefix" down
try nor_is_another_begun_by_hand refused_naming "$root" by_hand "$root" "$prefix" up --no-daemon
same_lab() { [ "$(scripts/lab pid)" = "$pid" ] && expect "$page" get /; }
try nothing_of_it_is_touched same_lab

# --- labs that others made ---
second=$prefix-o # as long as those of the package and of lies.sh
nginx_of() { ip netns pids "$second-backend" 2>/dev/null; }
ended() { ! nginx_of | grep -qxF "$1"; }
clear() { by_hand "$root" "$second" down; }

left_up() { # by hand, and it is served until it is taken down
	by_hand "$other" "$second" up --no-daemon || return 1
	refused_naming "$other" by_hand "$root" "$second" up --no-daemon || return 1
	refused_naming "$other" held_by $$ "$root" "$second" up --no-daemon || return 1
	by_hand "$other" "$second" backend curl -sS --fail --max-time 10 http://10.81.0.2:8080/ || return 1
	by_hand "$other" "$second" down && [ ! -e "/run/sallyport-lab/$second" ]
}
try one_left_up_by_hand_is_kept left_up

killed_run() { # it left everything behind
	local old
	sleep 600 >/dev/null 2>&1 &
	run=$!
	held_by $run "$other" "$second" up --no-daemon || return 1
	old=$(nginx_of | head -n 1)
	[ -n "$old" ] || return 1
	refused_naming "$other" held_by $$ "$root" "$second" up --no-daemon || return 1
	kill -KILL $run
	wait $run 2>/dev/null
	expect "was that of $other, where nobody" held_by $$ "$root" "$second" up --no-daemon &&
		wait_for 10 ended "$old" && [ -n "$(nginx_of)" ] &&
		refused_naming "$root" held_by $$ "$other" "$second" down && held_by $$ "$root" "$second" down
}
try that_of_a_killed_run_is_taken_over killed_run

lost_tree() { # a clone in its place is not it
	by_hand "$other" "$second" up --no-daemon && rm -rf "$other/build" &&
		expect 'taken over' by_hand "$root" "$second" up --no-daemon && by_hand "$root" "$second" down
}
try that_of_a_lost_tree_is_taken_over lost_tree

nothing_left() { # a mark, and namespaces that nobody is in
	by_hand "$other" "$second" up --no-daemon && by_hand "$other" "$second" backend-stop &&
		expect 'taken over' by_hand "$root" "$second" up --no-daemon && by_hand "$root" "$second" down
}
try one_that_nobody_is_in_is_taken_over nothing_left

spoiled_mark() {
	echo 'no owner' >"/run/sallyport-lab/$second"
	by_hand "$root" "$second" up --no-daemon && by_hand "$root" "$second" down
}
try a_mark_that_says_nothing_is_nobodys spoiled_mark
no_such_run() { # PID of one that has ended
	sleep 0 >/dev/null &
	wait $!
	expect 'which is no process' refused_text held_by $! "$root" "$second" up --no-daemon
}
refused_text() { ! "$@" 2>&1; }
try a_run_that_has_ended_holds_none no_such_run
[ -z "${run:-}" ] || ! kill -KILL "$run" 2>/dev/null || wait "$run" 2>/dev/null
clear
rm -rf "$lab-o"
