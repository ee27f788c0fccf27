#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Slow, half-closed, broken and hostile clients; backends that misbehave.
. tests/integration/lib.sh
scripts/lab file 16m.bin 16M
scripts/lab file 1m.bin 1M

try one_byte_segments habit fragmented
try slow_reader habit slow_reader /16m.bin
try half_close_reaches_the_backend habit half_close
truncations=$(counter tls_truncations_total)
try truncation_is_no_end habit truncation
try truncation_is_counted is tls_truncations_total $((truncations + 2))
try a_torn_record_is_no_wait habit torn_record 9001
try backend_ends_first habit early
try backend_resets habit backend_reset
errors=$(counter backend_connection_errors_total)
try backend_refuses habit unreachable 9009
try backend_does_not_exist habit unreachable 9010
try failed_backends_are_counted is backend_connection_errors_total $((errors + 2))
try idle_connections_are_closed habit idle 9020 0.8 3
try silent_clients_are_let_go habit handshake_timeout 9020 0.8 20
failed=$(counter client_tls_negotiation_errors_total)
try garbage habit garbage 40
try garbage_is_counted test "$(counter client_tls_negotiation_errors_total)" -gt "$failed"
try resets habit resets 60
try still_serving expect 'sallyport lab backend' get /
try nothing_is_left becomes_quiet
