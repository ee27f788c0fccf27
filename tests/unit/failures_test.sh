#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/failures against logs as the tests write them.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

is() { # NAME WANTED LOG...
	local got
	got=$(scripts/failures "${@:3}" 2>&1)
	[ "$got" = "$2" ] && return
	printf 'not ok %s\n--- wanted\n%s\n--- got\n%s\n' "$1" "$2" "$got"
	failed=1
}

cat >"$dir/good" <<-L
	# basic (af_xdp, 1 worker(s))
	ok one
	  | not ok of a case that went well
	skip two: no tool
	2 passed, 0 failed
L
: >"$dir/empty"
is good '' "$dir/good" "$dir/empty" "$dir/none"

{
	cat "$dir/good"
	echo '# workers (af_xdp, 1 worker(s))'
	echo 'ok before'
	echo 'not ok it_breaks'
	for i in $(seq 20); do echo "  | line $i"; done
	echo 'ok after'
	echo 'stray'
	echo '# figures: 7 packets'
	echo '# 9 late'
	echo 'not ok the_second'
	echo 'from a shell'
	echo '3 passed, 2 failed'
	echo 'stray'
	echo 'not ok without_detail'
} >"$dir/bad"
wanted=$(
	echo 'failed: workers (af_xdp, 1 worker(s)): it_breaks'
	for i in $(seq 15); do echo "  | line $i"; done
	echo 'failed: workers (af_xdp, 1 worker(s)): the_second'
	echo '  | from a shell'
	echo 'failed: workers (af_xdp, 1 worker(s)): without_detail'
)
is bad "$wanted" "$dir/bad"
is both "$wanted"$'\n'"$wanted" "$dir/bad" "$dir/good" "$dir/bad"

for i in $(seq 43); do printf 'not ok case_%d\n  | why\n' "$i"; done >"$dir/many"
is many "$(for i in $(seq 40); do printf 'failed: case_%d\n  | why\n' "$i"; done; echo 'failed: 3 more')" "$dir/many"

cat >"$dir/log.json" <<-'L'
	{"name": "sallyport:unit / fine", "result": "OK", "returncode": 0, "stdout": "x"}
	{"name": "sallyport:unit / left_out", "result": "SKIP", "returncode": 77, "stdout": ""}
	{"name": "sallyport:unit / sni", "result": "FAIL", "returncode": 1, "stdout": "[==========] Running 2 test(s).\n[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n[  FAILED  ] b\n", "stderr": "0x1 != 0x2\nsni_test.c:7: error: Failure!\n"}
	{"name": "sallyport:fuzz / slow", "result": "TIMEOUT", "returncode": -15}
L
is meson 'failed: unit / sni (FAIL, status 1)
  | [  FAILED  ] b
  | 0x1 != 0x2
  | sni_test.c:7: error: Failure!
failed: fuzz / slow (TIMEOUT, status -15)' "$dir/log.json"
[ $failed = 0 ] && echo "failures: all as it should be"
exit $failed
