/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/origin.h"

struct record;

/*
 * Moves the session that record_has_ticket tells of from r into *slot; what was there before is freed. To be called
 * after handshake_finish (TLS 1.2) and after record_open (TLS 1.3's tickets follow the handshake), whenever
 * record_has_ticket says so. A ticket that is malformed or of no use leaves *slot as it is.
 */
void origin_session_keep(struct origin_session **slot, struct record *r);
