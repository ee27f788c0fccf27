/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tls/origin.h"

struct WOLFSSL;
struct handshake_facts;
struct record;
struct record_ticket;

/*
 * Moves the session that record_has_ticket tells of from r into *slot; what was there before is freed. To be called
 * after handshake_finish (TLS 1.2) and after record_open (TLS 1.3's tickets follow the handshake), whenever
 * record_has_ticket says so. A ticket that is malformed or of no use leaves *slot as it is.
 */
void origin_session_keep(struct origin_session **slot, struct record *r);

/* What follows is for handshake_client.c. */

/*
 * What ssl, whose handshake is over, leaves for a session: it may be resumed with origins of that version from now
 * (seconds) until then. NULL: nothing, or no memory. The caller owns it.
 */
struct record_ticket *origin_ticket_new(struct WOLFSSL *ssl, const struct handshake_facts *facts,
    uint64_t version, uint32_t now, int64_t until);

/*
 * Makes ssl resume s, when it may with that version of an origin at now; then *until is the end of the verdict it stands on.
 * False: it does not. s may be NULL.
 */
bool origin_session_resume(const struct origin_session *s, struct WOLFSSL *ssl, uint64_t version,
    int64_t now, int64_t *until);
