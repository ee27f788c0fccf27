#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# runtime.idle: what an idle worker takes of its core, and what a request after a pause waits for it. "sleep" is
# what the lab has; then the same with "poll". IDLE_SECONDS (3), IDLE_REQUESTS (200).
. tests/integration/lib.sh
path=$(cat "$lab/config-path")

worker_ticks() { # of processor time, of all workers
	local task ticks=0 n
	for task in "/proc/$1/task/"*; do
		case $(cat "$task/comm") in
		rte-worker-* | lcore-worker-*)
			n=$(sed 's/.*) //' "$task/stat" | awk '{ print $12 + $13 }')
			ticks=$((ticks + n))
			;;
		esac
	done
	echo $ticks
}
# percent of a core that a worker takes on average, in tenths
busy() {
	local pid before seconds=${IDLE_SECONDS:-3} n
	pid=$(scripts/lab pid)
	n=$(cat "/proc/$pid/task/"*/comm | grep -c -e '^rte-worker-' -e '^lcore-worker-')
	before=$(worker_ticks "$pid")
	sleep "$seconds"
	echo $((($(worker_ticks "$pid") - before) * 1000 / $(getconf CLK_TCK) / seconds / n))
}
# 10th, 50th and 90th percentile of requests on one connection, in microseconds
latency() { # MILLISECONDS_APART REQUESTS
	in_client timeout 120 python3 - "$ca" "$1" "$2" <<-'P'
		import http.client, ssl, sys, time
		context = ssl.create_default_context(cafile=sys.argv[1])
		context.check_hostname = False
		c = http.client.HTTPSConnection("10.80.0.1", context=context)
		took = []
		for _ in range(int(sys.argv[3])):
		    start = time.perf_counter()
		    c.request("GET", "/1k.txt", headers={"Host": "www.lab.test"})
		    c.getresponse().read()
		    took.append(time.perf_counter() - start)
		    time.sleep(int(sys.argv[2]) / 1000)
		took.sort()
		print(*(round(took[len(took) * p // 100] * 1e6) for p in (10, 50, 90)))
	P
}
below() { [ "$1" -lt "$2" ] || { echo "$1 is not below $2"; return 1; }; }

get / >/dev/null
becomes_quiet >/dev/null
# What others do to the caches of a core that is shared counts, too: the best of three.
sleeping=1000
for _ in 1 2 3; do
	now=$(busy)
	[ "$now" -ge "$sleeping" ] || sleeping=$now
	[ "$sleeping" -ge 40 ] || break
done
read -r sleep10 sleep50 sleep90 < <(latency 5 "${IDLE_REQUESTS:-200}")
read -r long10 long50 long90 < <(latency 250 20)
try an_idle_worker_sleeps below "$sleeping" 50
sleeps=$(counter sleeps_total)
try and_counts_it more_than sleeps_total 0

trap 'restart "$path"; rm -f "$lab/poll.cfg"' EXIT
sed 's/idle = "sleep"/idle = "poll"/' "$path" >"$lab/poll.cfg"
try the_same_that_polls restart "$lab/poll.cfg"
wait_for 20 get / >/dev/null
becomes_quiet >/dev/null
polling=$(busy)
read -r poll10 poll50 poll90 < <(latency 5 "${IDLE_REQUESTS:-200}")
read -r polled10 polled50 polled90 < <(latency 250 20)
never() { is sleeps_total 0; }
try who_polls_never_sleeps never
# All a request meets is one sleep, of a 64th of the pause before it and of a millisecond at most. Others on the core make
# most requests wait longer, but not all.
try a_request_waits_little below "$((sleep10 - poll10))" 2000
try after_a_long_pause_too below "$((long10 - polled10))" 3000
echo "# figures: an idle worker takes $((sleeping / 10)).$((sleeping % 10)) % of its core asleep ($sleeps sleeps)," \
	"$((polling / 10)).$((polling % 10)) % polling; a request after 5 ms takes $sleep10, $sleep50 and $sleep90 µs" \
	"(p10, p50, p90) with sleep, $poll10, $poll50 and $poll90 µs with poll; after 250 ms $long10, $long50 and $long90, and" \
	"$polled10, $polled50 and $polled90"
