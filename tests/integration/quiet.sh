#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a worker asks of the kernel under load, before and after changes: no lock, and besides what the driver needs and
# the sleep of an idle loop (idle = "sleep") nothing at all. QUIET_SECONDS (2) each time.
. tests/integration/lib.sh
pid=$(scripts/lab pid)
workers=()
for task in "/proc/$pid/task/"*; do
	case $(cat "$task/comm") in
	rte-worker-* | lcore-worker-*) workers+=("${task##*/}") ;;
	esac
done
found() { [ ${#workers[@]} -gt 0 ] || { cat "/proc/$pid/task/"*/comm; return 1; }; }
try workers_are_found found

# AF_XDP's rings are filled and emptied by the kernel when asked; a tap is read and written.
case $(cat "$lab/driver") in
af_xdp) driver='sendto|recvfrom|poll|recvmsg' ;;
tap) driver='readv|writev|read|write|poll' ;;
*) driver=nothing ;;
esac

scripts/lab ctl cert add quiet --chain "$lab/pki/p384.pem" --key "$lab/pki/p384.key" --names quiet.test >/dev/null 2>&1
# A fiber's stack is mapped, with its guard page, the first time that so many handshakes wait at once.
stacks=64
in_client wrk -t 1 -c 8 -d 1s -H 'Host: www.lab.test' https://10.80.0.1/1k.txt >/dev/null 2>&1
asked() { # of the kernel: each system call of the workers while wrk runs, and half the time while certificates change
	local task tracers=() seconds=${QUIET_SECONDS:-2} i
	in_client wrk -t 1 -c 8 -d "$((2 * seconds + 2))s" -H 'Host: www.lab.test' https://10.80.0.1/1k.txt >"$lab/wrk.log" 2>&1 &
	local wrk=$!
	rm -f "$lab"/trace.*
	for task in "${workers[@]}"; do
		timeout $((2 * seconds + 1)) strace -qq -p "$task" -o "$lab/trace.$task" &
		tracers+=($!)
	done
	sleep "$seconds"
	for ((i = 0; i < 20; i++)); do
		scripts/lab ctl listener associate https quiet >/dev/null
		scripts/lab ctl listener dissociate https quiet >/dev/null
	done
	wait "${tracers[@]}" "$wrk"
	grep -q 'Requests/sec' "$lab/wrk.log" || { cat "$lab/wrk.log"; return 1; }
	cat "$lab"/trace.* | sed -n 's/^\([a-z_0-9]*\)(.*/\1/p' | sort | uniq -c | sort -rn >"$lab/asked"
}
try under_load asked
echo "# figures: system calls of ${#workers[@]} worker(s) in ${QUIET_SECONDS:-2} s of load and as much of load and 40 changes:" \
	"$(tr -s ' \n' ' ' <"$lab/asked")"
no_lock() { ! grep futex "$lab/asked"; }
try no_lock no_lock
nothing_else() {
	awk -v driver="^($driver|nanosleep|clock_nanosleep|restart_syscall)\$" -v stacks=$stacks '
		$2 ~ driver { next }
		($2 == "mmap" || $2 == "mprotect") && $1 <= stacks { next }
		{ print; bad = 1 }
		END { exit bad }' "$lab/asked"
}
try nothing_but_the_driver nothing_else
scripts/lab ctl cert remove quiet --everywhere >/dev/null
