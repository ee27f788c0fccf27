/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/record_private.h"

/* Post-handshake messages and alerts: what a peer may say besides data, and how often. */

enum { /* handshake messages, RFC 8446 4, RFC 5246 7.4 */
	MESSAGE_HELLO_REQUEST = 0,
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_NEW_SESSION_TICKET = 4,
	MESSAGE_KEY_UPDATE = 24,
};

#define MESSAGE_HEADER 4 /* type and 24 bits of length */

#define MAX_WARNINGS 8
#define MAX_UPDATES  32

/* A ClientHello's and a ticket's own limits; beyond them the length is not meant seriously. */
#define MAX_HELLO  65536
#define MAX_TICKET (1u << 17)

static bool is_client(const struct record *r)
{
	return r->flags & RECORD_IS_CLIENT;
}

static uint8_t count_warning(struct record *r)
{
	if (r->n_warnings >= MAX_WARNINGS)
		return ALERT_UNEXPECTED_MESSAGE;
	r->n_warnings++;
	return ALERT_NONE;
}

uint8_t record_take_alert(struct record *r, struct view content, size_t n)
{
	uint8_t alert[2];

	/* Neither fragmented nor coalesced (RFC 8446 5.1); nobody does it in TLS 1.2 either. */
	if (n != sizeof alert)
		return ALERT_DECODE_ERROR;
	view_read(&content, alert, sizeof alert);
	if (!record_is_13(r) && alert[0] != 1 && alert[0] != 2)
		return ALERT_ILLEGAL_PARAMETER;
	r->alert_in = alert[1];
	if (alert[1] == ALERT_CLOSE_NOTIFY) {
		r->flags |= RECORD_SAW_CLOSE;
		return ALERT_NONE;
	}
	/* TLS 1.3 ignores the level: only these two are not fatal (RFC 8446 6). */
	if (record_is_13(r) ? alert[1] == ALERT_USER_CANCELED : alert[0] == 1)
		return count_warning(r);
	r->flags &= (uint16_t)~RECORD_DUE;
	r->flags |= RECORD_IS_DEAD;
	return ALERT_NONE;
}

static uint8_t begin_ticket(struct record *r, uint32_t len)
{
	if (len == 0 || len > MAX_TICKET)
		return ALERT_DECODE_ERROR;
	record_begin_ticket(r, len);
	return ALERT_NONE;
}

/* A message may be cut anywhere. */
static void take_header_byte(struct record *r, struct view *content)
{
	uint8_t byte = 0;

	view_read(content, &byte, 1);
	if (r->hs_len++ == 0) {
		r->hs_type = byte;
		r->hs_left = 0;
	} else {
		r->hs_left = r->hs_left << 8 | byte;
	}
}

/* A message's header is complete: may it come now, and this long? */
static uint8_t check_header(struct record *r)
{
	uint32_t len = r->hs_left;

	if (record_is_13(r)) {
		if (r->hs_type == MESSAGE_KEY_UPDATE)
			return len == 1 ? ALERT_NONE : ALERT_DECODE_ERROR;
		if (r->hs_type == MESSAGE_NEW_SESSION_TICKET && is_client(r))
			return begin_ticket(r, len);
		return ALERT_UNEXPECTED_MESSAGE;
	}
	if (r->hs_type == MESSAGE_HELLO_REQUEST && is_client(r))
		return len == 0 ? ALERT_NONE : ALERT_DECODE_ERROR;
	if (r->hs_type == MESSAGE_CLIENT_HELLO && !is_client(r))
		return len <= MAX_HELLO ? ALERT_NONE : ALERT_ILLEGAL_PARAMETER;
	return ALERT_UNEXPECTED_MESSAGE;
}

/* KeyUpdate costs us hashing and an answer: a peer may not make it a habit. */
static uint8_t count_update(struct record *r)
{
	if (r->n_updates >= MAX_UPDATES)
		return ALERT_UNEXPECTED_MESSAGE;
	r->n_updates++;
	return ALERT_NONE;
}

/* RFC 8446 4.6.3 */
static uint8_t take_key_update(struct record *r, struct aead_engine *e, uint8_t request)
{
	uint8_t alert;

	if (request > 1)
		return ALERT_ILLEGAL_PARAMETER;
	alert = count_update(r);
	if (alert != ALERT_NONE)
		return alert;
	if (record_next_keys(r, e, &r->read) != 0)
		return ALERT_INTERNAL_ERROR;
	r->flags &= (uint16_t)~RECORD_ASKED;
	/* Several requests before we get to write are answered by one update. */
	if (request)
		record_rekey(r, false);
	return ALERT_NONE;
}

/* A message of TLS 1.2 is complete: renegotiation was asked for, and is declined (RFC 5246 7.2.2). */
static uint8_t decline_renegotiation(struct record *r)
{
	uint8_t alert = count_warning(r);

	if (alert == ALERT_NONE && !(r->flags & RECORD_CLOSING))
		r->flags |= RECORD_DUE_NO_RENEGOTIATION;
	return alert;
}

/* Takes what there is of a message's body; its header was checked. */
static uint8_t take_body(struct record *r, struct aead_engine *e, struct view *content, size_t *n)
{
	size_t take = *n < r->hs_left ? *n : r->hs_left;
	uint8_t first = 0;

	if (r->hs_left > 0 && take == 0)
		return ALERT_NONE;
	if (r->hs_type == MESSAGE_KEY_UPDATE) {
		view_read(content, &first, 1);
		*n -= 1;
		r->hs_len = 0;
		/* What follows would be under the wrong key (RFC 8446 5.1). */
		return *n > 0 ? ALERT_UNEXPECTED_MESSAGE : take_key_update(r, e, first);
	}
	if (r->hs_type == MESSAGE_NEW_SESSION_TICKET)
		record_collect_ticket(r, *content, take);
	view_skip(content, take);
	*n -= take;
	r->hs_left -= (uint32_t)take;
	if (r->hs_left > 0)
		return ALERT_NONE;
	r->hs_len = 0;
	return record_is_13(r) ? count_update(r) : decline_renegotiation(r);
}

uint8_t
record_take_handshake(struct record *r, struct aead_engine *e, struct view content, size_t n)
{
	uint8_t alert = ALERT_NONE;

	while (n > 0 && alert == ALERT_NONE) {
		if (r->hs_len < MESSAGE_HEADER) {
			take_header_byte(r, &content);
			n--;
			if (r->hs_len < MESSAGE_HEADER)
				continue;
			alert = check_header(r);
		}
		if (alert == ALERT_NONE)
			alert = take_body(r, e, &content, &n);
	}
	return alert;
}
