#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# TLS 1.3 key updates both ways by openssl s_client, while others load the worker. REKEY_ROUNDS (100).
. tests/integration/lib.sh
update_keys() { in_client timeout 300 python3 $here/rekey.py 10.80.0.1 9000 "$ca" "${REKEY_ROUNDS:-100}"; }
try key_updates_alone update_keys
ip netns exec "$prefix-client" wrk -t 1 -c 32 -d 600s -H 'Host: www.lab.test' https://10.80.0.1/1k.txt >/dev/null 2>&1 &
wrk=$!
wait_for 30 more_than connections_active 30
try key_updates_under_load update_keys
kill $wrk
wait $wrk 2>/dev/null
try nothing_is_left becomes_quiet
