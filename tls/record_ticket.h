/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where a client's session comes together: what the handshake left of it, then the ticket that a TLS 1.3 server sends
 * among its records (RFC 8446 4.6.1). Made by handshake_finish, filled in by record_post.c, read by
 * origin_session_keep; nobody else's.
 */
struct record_ticket {
	uint64_t origin_version;
	uint32_t now;  /* when the handshake was over */
	int64_t until; /* by the server's certificate: no longer than this */
	bool is_13;
	/* TLS 1.3: */
	uint8_t secret[48]; /* resumption_master_secret */
	uint16_t suite, group;
	/*
	 * TLS 1.3: the body of NewSessionTicket, of which have bytes are here; NULL: it has not begun. Below: the
	 * whole session as wolfSSL writes it.
	 */
	uint8_t *bytes;
	size_t len, have;
};

/* A server with longer ones is not resumed. */
#define RECORD_TICKET_MAX 4096

struct record;

/* Makes t (taken) what r collects into; one that needs no more is told of at once. */
void record_want_ticket(struct record *r, struct record_ticket *t);

/* Takes it back, whatever has come of it; NULL: there is none. */
struct record_ticket *record_take_ticket(struct record *r);

void record_ticket_free(struct record_ticket *t); /* wipes it; NULL is fine */
