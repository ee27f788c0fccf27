#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every MUST of RFC 9293 that stacks commonly miss has a scenario named after it, every scenario is run, and every test that
# README's table of RFCs names exists. (Every state x event: state_event_test looks at itself.)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
bad=0
lacks() {
	echo "$*"
	bad=1
}

for id in 3 5 6 7 {10..40} 46 49 50 57 58 59 62 64 65 66 69; do
	grep -qE "SCENARIO\(MUST(_[0-9]+)*_${id}_" tests/tcp/*_test.c || lacks "no test is named after MUST-$id"
done
while read -r name; do
	grep -qE "RUN(_WITH)?\($name[,)]" tests/tcp/*_test.c || lacks "$name is never run"
done < <(grep -hoP 'SCENARIO\(\K\w+(?=\)$)' tests/tcp/*_test.c)
table=$(sed -n '/^## TCP and IP/,/^The stack runs/p' README.md | grep '^|')
for name in $(grep -oP '`\K[a-z0-9_.]+(?=`)' <<<"$table" | sort -u); do
	[ -e "tests/tcp/${name}_test.c" ] || [ -e "tests/unit/${name}_test.c" ] || [ -e "tests/integration/$name" ] ||
		[ -e "perf/$name.c" ] || lacks "README's table names $name"
done
exit $bad
