#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The backend dies and comes back under load.
. tests/integration/lib.sh

in_client wrk -t 1 -c 32 -d 8s -H 'Host: www.lab.test' https://10.80.0.1/1k.txt >"$lab/wrk.log" 2>&1 &
wrk=$!
sleep 2
try served_before expect 'sallyport lab backend' get /
scripts/lab backend-stop
try without_a_backend_requests_fail_soon refused get / --max-time 5
failed=$(counter backend_connection_errors_total)
try refusals_are_counted test "$failed" -gt 0
scripts/lab backend-start
try served_at_once_afterwards expect 'sallyport lab backend' get /
wait $wrk
try wrk_went_on expect 'Requests/sec' cat "$lab/wrk.log"
try nothing_is_left becomes_quiet
