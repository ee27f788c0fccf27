#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Several targets behind a listener, and changes of them under load. Each is an nginx of its own that says its name.
. tests/integration/lib.sh

. tests/integration/targets.sh

for i in 1 2 3 4; do target_start $i; done

# --- who gets how many
evenly() {
	targets "$T1" "$T2" "$T3"
	ask_many 12 >"$lab/asked" || return 1
	for i in 1 2 3; do [ "$(grep -c "target $i" "$lab/asked")" = 4 ] || { sort "$lab/asked" | uniq -c; return 1; }; done
}
[ "$(scripts/lab stats | grep -c 'rx_packets{worker')" = 1 ] && try round_robin_in_turn evenly

weighted() {
	targets "$T1 weight = 2;" "$T2 weight = 1;" "$T3 weight = 0;"
	ask_many 12 >"$lab/asked" || return 1
	! grep -q 'target 3' "$lab/asked" && [ "$(grep -c 'target 1' "$lab/asked")" -ge 6 ]
}
try weights_count weighted

sticky() {
	OPTIONS='algorithm = "consistent_hash";' targets "$T1" "$T2" "$T3"
	ask_many 8 >"$lab/asked" || return 1
	[ "$(sort -u "$lab/asked" | wc -l)" = 1 ] || { cat "$lab/asked"; return 1; }
}
try one_address_one_target sticky

# --- failing targets
retried() {
	targets "$T1" 'address = "10.81.0.2:8089";'
	local failed
	failed=$(of_backend backend_retries_total)
	ask_many 6 || return 1
	[ "$(of_backend backend_retries_total)" -gt "$failed" ]
}
try another_target_is_tried retried
ejected() {
	OPTIONS='outlier = { failures = 1; ejection_time = 60.0; max_ejection_time = 60.0; };' \
		targets "$T1" 'address = "10.81.0.2:8089";'
	ask_many 6 || return 1
	[ "$(of target_ejected 9)" -ge 1 ] && [ "$(of target_ejections_total 9)" -ge 1 ]
}
try an_outlier_is_ejected ejected

# --- limits: 4 at once for 24 that ask
queued() {
	OPTIONS='queue = { size = 200; timeout = 20.0; };' targets "$T1 max_connections = 4;"
	local before
	before=$(of_backend backend_queued_total)
	load close
	wait_for 10 waiting || return 1
	no_request_failed && [ "$(of_backend backend_queued_total)" -gt "$before" ] &&
		[ "$(of_backend backend_queue_full_total)" = 0 ] && [ "$(of_backend backend_waiting)" = 0 ]
}
waiting() { [ "$(of_backend backend_waiting)" -gt 0 ] && [ "$(of target_connections 1)" -le 4 ]; }
try those_beyond_the_limit_wait queued
full() {
	targets "$T1 max_connections = 2;"
	rm -f "$lab/let-go"
	in_client sh -c "for i in 1 2; do
		(until [ -e '$lab/let-go' ]; do sleep 0.1; done) |
			timeout 60 openssl s_client -quiet -no_ign_eof -connect 10.80.0.1:9030 >/dev/null 2>&1 &
	done; wait" &
	local holders=$!
	wait_for 10 held 2 || return 1
	refused ask || return 1
	[ "$(of_backend backend_queue_full_total)" -gt 0 ] || return 1
	touch "$lab/let-go"
	wait $holders
	wait_for 10 ask
}
held() { [ "$(of target_connections 1)" = "$1" ]; }
[ "$(scripts/lab stats | grep -c 'rx_packets{worker')" = 1 ] && try without_a_queue_they_are_refused full

# --- changes under load: connections that close after each request, so that each needs a target
changes() {
	targets "$T1" "$T2" "$T3"
	load close
	moves_on 1 && moves_on 2 && moves_on 3 || return 1
	targets "$T1 weight = 5;" "$T2" "$T3" && moves_on 2 || return 1
	targets "$T1" "$T2" "$T3 drain = true;" && wait_for 10 emptied 3 || return 1
	targets "$T1" "$T2" "$T3" "$T4" && moves_on 4 || return 1
	targets "$T1" "$T4" && moves_on 4 || return 1
	no_request_failed
}
emptied() { [ "$(of target_connections "$1")" = 0 ]; }
try changes_fail_no_request changes

# --- the same by the operator's tool, without a reload
over_the_api() {
	local api='scripts/lab ctl backend target'
	targets "$T1" "$T2" "$T3"
	load close
	moves_on 3 || return 1
	$api weight three 10.81.0.2:8081 9 && moves_on 1 || return 1
	$api drain three 10.81.0.2:8083 && wait_for 10 emptied 3 || return 1
	$api add three 10.81.0.2:8084 && moves_on 4 || return 1
	$api remove three 10.81.0.2:8083 && moves_on 4 || return 1
	no_request_failed
}
try changes_over_the_api_fail_none over_the_api

# --- connections that stay: a drained target keeps what it has
kept() {
	targets "$T1" "$T2" "$T3"
	load
	wait_for 10 filled 3 || return 1
	targets "$T1" "$T2" "$T3 drain = true;" || return 1
	[ "$(of target_connections 3)" -gt 0 ] || return 1
	no_request_failed
}
try a_drained_target_keeps_its_connections kept

# --- a target dies: what it was answering is lost, nothing else
killed() {
	targets "$T1" "$T2" "$T3"
	load close
	moves_on 3 || return 1
	target_stop 3
	ask_many 3
	load_end
	few_lost
}
try a_dead_target_costs_only_what_it_was_serving killed

cp "$lab/integration.cfg.kept" "$config"
scripts/lab reload
try nothing_is_left becomes_quiet 30
