#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What runs longer than a change takes, while everything that can change does (lives.py, LIVES_SECONDS, 15). Not in the ordinary
# run: it is scripts/check's, with AddressSanitizer.
. tests/integration/lib.sh
lives() {
	in_client timeout 300 python3 $here/lives.py --seconds "${LIVES_SECONDS:-15}" --lab "$lab" --pki tests/unit/trust_pki \
		>"$lab/lives.log" 2>&1 || { cat "$lab/lives.log"; return 1; }
}
try everything_changes_under_slow_handshakes lives
echo "# $(head -n 1 "$lab/lives.log")"
try all_of_it_is_as_in_the_file scripts/lab reload
try it_serves expect 'sallyport lab backend' get /
try nothing_is_left becomes_quiet 60
