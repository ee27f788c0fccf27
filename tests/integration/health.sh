#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Targets are checked: what is down gets no connection, what is back does; those that leave have their time.
. tests/integration/lib.sh
. tests/integration/targets.sh

for i in 1 2 3 4; do target_start $i; done

checks='health = { type = "http"; path = "/up"; status = "200"; body = "is well"; interval = 0.3; timeout = 0.3;'
quick='healthy = 2; unhealthy = 2; minimum_healthy = 1; };'
quiet='outlier = { failures = 0; };' # so that the checks alone decide

healthz() { # what it says must match
	wait_for 10 expect "$1" ip netns exec "$prefix-gate" curl -sS --max-time 10 http://127.0.0.1:9180/healthz
}
up() { [ "$(of target_up "$1")" = "$2" ]; }
becomes() { wait_for 15 up "$1" "$2"; } # NUMBER 0|1
says() { wait_for 10 grep -q "$1" "$lab/sallyport.log"; }
# only NUMBERS: they answer, each of them, and nobody else. Every worker has turns of its own, so more may have to ask.
only() {
	: >"$lab/asked"
	for _ in 1 2 3 4 5 6; do
		ask_many 9 >>"$lab/asked" || return 1
		[ "$(sort -u "$lab/asked" | tr -dc 0-9)" != "$1" ] || return 0
	done
	sort "$lab/asked" | uniq -c
	return 1
}

all_up() {
	OPTIONS="$quiet $checks $quick" targets "$T1" "$T2" "$T3"
	becomes 1 1 && becomes 2 1 && becomes 3 1 && only 123
}
try all_are_found_up all_up

wrong_status() {
	rm "$lab/target2/up"
	becomes 2 0 && says "target 10.81.0.2:8082 is down: it answers with status 404" && only 13 &&
		healthz '^{"status":"degraded",.*"three":{"status":"degraded","panic":false,"targets":{"10.81.0.2:8081":"healthy","10.81.0.2:8082":"unhealthy"'
}
try a_wrong_status_takes_it_out wrong_status

wrong_body() {
	echo 'target 3 is ill' >"$lab/target3/up"
	becomes 3 0 && says "target 10.81.0.2:8083 is down: the body lacks the text" && only 1
}
try a_wrong_body_takes_it_out wrong_body

panic() {
	rm "$lab/target1/up"
	becomes 1 0 || return 1
	wait_for 10 in_panic 1 && says 'too few targets are up' && only 123 &&
		healthz '^{"status":"degraded",.*"three":{"status":"unhealthy","panic":true,'
}
in_panic() { [ "$(of_backend backend_panic)" = "$1" ]; }
try with_none_up_all_are_used panic

fail_closed() {
	OPTIONS="$quiet $checks healthy = 2; unhealthy = 2; minimum_healthy = 0; };" targets "$T1" "$T2" "$T3"
	wait_for 10 in_panic 0 && refused ask
}
try unless_told_otherwise fail_closed

back() {
	OPTIONS="$quiet $checks $quick" targets "$T1" "$T2" "$T3"
	for i in 1 2 3; do echo 'all is well' >"$lab/target$i/up"; done
	becomes 1 1 && becomes 2 1 && becomes 3 1 && wait_for 10 in_panic 0 && only 123 &&
		healthz '^{"status":"ok",.*"three":{"status":"healthy","panic":false,'
}
try those_that_are_back_are_used back

# One that is added has to prove itself first.
unproved() {
	rm "$lab/target4/up"
	OPTIONS="$quiet $checks $quick" targets "$T1" "$T2" "$T3" "$T4"
	only 123 || return 1
	becomes 4 0 && only 123 || return 1
	echo 'all is well' >"$lab/target4/up"
	becomes 4 1 && only 1234
}
try a_new_one_proves_itself_first unproved

# A dead one: under load nothing is lost but what it was serving; then it comes back.
dies() {
	OPTIONS="health = { type = \"tcp\"; interval = 0.3; timeout = 0.3; $quick" targets "$T1" "$T2" "$T3"
	becomes 3 1 || return 1
	load close
	moves_on 3 || return 1
	target_stop 3
	becomes 3 0 && says 'target 10.81.0.2:8083 is down: connection refused' || return 1
	target_start 3
	becomes 3 1 && moves_on 3 || return 1
	load_end
	few_lost
}
try a_dead_one_is_left_alone_until_it_is_back dies

silent() { # taken, never answered
	OPTIONS="$quiet $checks $quick" targets "$T1" 'address = "10.81.0.2:9004";'
	wait_for 15 silent_is_down && says 'target 10.81.0.2:9004 is down: timeout' && only 1
}
silent_is_down() { [ "$(counter 'target_up{backend="three",target="10.81.0.2:9004"}')" = 0 ]; }
try a_silent_one_is_down silent

# --- leaving: a download at 100 bytes a second is cut when the delay is over, and not before
slow() { # in the background: who kills it kills curl
	exec ip netns exec "$prefix-client" curl -sS --max-time 60 --cacert "$ca" --resolve www.lab.test:9030:10.80.0.1 \
		-o "$lab/slow.out" https://www.lab.test:9030/slow
}
cut_in_time() {
	OPTIONS='deregistration_delay = 1.5;' targets "$T1"
	slow & local download=$! cut start
	wait_for 10 filled 1 || return 1
	cut=$(of_backend backend_cut_total) start=$(date +%s%N)
	OPTIONS='deregistration_delay = 1.5;' targets "$T1 drain = true;" "$T2" || return 1
	healthz '"three":{.*"10.81.0.2:8081":"draining","10.81.0.2:8082":"unchecked"' || return 1
	wait $download && return 1 # curl saw the end before its length
	[ $((($(date +%s%N) - start) / 1000000)) -ge 1400 ] && [ "$(of_backend backend_cut_total)" -gt "$cut" ] && only 2
}
try those_of_a_drained_target_have_their_time cut_in_time

gone() {
	OPTIONS='deregistration_delay = 0;' targets "$T1" "$T2"
	slow & local download=$!
	wait_for 10 any_filled || return 1
	OPTIONS='deregistration_delay = 0;' targets "$T3" || return 1
	wait $download && return 1
	only 3
}
any_filled() { filled 1 || filled 2; }
try without_delay_they_end_at_once gone

stays() {
	OPTIONS='deregistration_delay = 1.0;' targets "$T1"
	slow & local download=$!
	wait_for 10 filled 1 || return 1
	OPTIONS='deregistration_delay = 1.0;' targets "$T1 drain = true;" "$T2" || return 1
	OPTIONS='deregistration_delay = 1.0;' targets "$T1" "$T2" || return 1
	sleep 1.5 # what has to happen is nothing
	filled 1 || return 1
	kill $download
	wait $download
	true
}
try one_taken_back_keeps_them stays

cp "$lab/integration.cfg.kept" "$config"
scripts/lab reload
try nothing_is_left becomes_quiet 30
