/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tls/legacy.h"
#include "tls/record_private.h"

#define MAX_EMPTY 32

/* One record on its way in. */
struct incoming {
	uint8_t header[HEADER];
	uint8_t type;      /* of the content */
	size_t len;        /* after the header */
	size_t n;          /* content bytes, padding included until it is stripped */
	size_t room;       /* in the caller's out, counted up to n */
	struct view plain; /* where the content is */
	struct iovec piece;
	uint8_t small[64]; /* short records land here when out is full: mostly control */
	uint8_t last;      /* TLS 1.3: the last byte of the inner plaintext, mostly the type */
};

/* RFC 8446 5.1 and 5.2, RFC 5246 6.2.3, before any secret is touched. */
static uint8_t check_header(const struct record *r, const uint8_t *h, size_t len)
{
	if (record_is_13(r)) {
		/* The minor version is to be ignored; it is authenticated all the same. */
		if (h[0] != TYPE_DATA)
			return ALERT_UNEXPECTED_MESSAGE;
		if (h[1] != 3)
			return ALERT_PROTOCOL_VERSION;
		/* Between the RFC's 256 bytes and our 17 only an oversized plaintext fits. */
		return len > MAX_PLAIN + 1 + AEAD_TAG ? ALERT_RECORD_OVERFLOW : ALERT_NONE;
	}
	if (h[0] != TYPE_DATA && h[0] != TYPE_ALERT && h[0] != TYPE_HANDSHAKE)
		return ALERT_UNEXPECTED_MESSAGE;
	if (h[1] != 3 || h[2] != 3)
		return ALERT_PROTOCOL_VERSION;
	return len > record_nonce_len(r) + MAX_PLAIN + AEAD_TAG ? ALERT_RECORD_OVERFLOW
								: ALERT_NONE;
}

/* The length of the content without its zero padding; 0 when it is all zeros. */
static size_t content_end(struct view v, size_t n)
{
	size_t at = 0, end = 0, run;

	while (at < n && (run = view_run(&v)) > 0) {
		const uint8_t *bytes = view_at(&v);
		size_t i;

		if (run > n - at)
			run = n - at;
		for (i = run; i > 0 && bytes[i - 1] == 0; i--)
			;
		if (i > 0)
			end = at + i;
		at += run;
		v.skip += run;
	}
	return end;
}

/* RFC 8446 5.4: the last byte that is not zero is the type; what is before it the content. */
static void strip_padding(struct incoming *rec)
{
	struct view type;
	size_t end;

	if (rec->last != 0) {
		rec->type = rec->last;
		return;
	}
	end = content_end(rec->plain, rec->n);
	rec->n = end > 0 ? end - 1 : 0;
	rec->type = 0;
	if (end == 0)
		return;
	type = rec->plain;
	view_skip(&type, end - 1);
	view_read(&type, &rec->type, 1);
}

/* What a record is opened with. */
struct opening {
	uint8_t nonce[AEAD_IV], aad[AAD_MAX];
	size_t aad_len;
	bool has_last; /* TLS 1.3: a byte beyond the content belongs to the plaintext */
};

/* A short record, contiguous on both sides with room for the type behind the content. */
static int decrypt_once(struct record *r, struct aead_engine *e, struct incoming *rec,
    const struct opening *call, struct view *in, struct view *to)
{
	size_t inner = rec->n + call->has_last;
	const uint8_t *body = view_at(in);
	uint8_t *out = view_at(to);

	if (aead_open_once(e, &r->read.key, call->nonce, call->aad, call->aad_len, body, out, inner,
		body + inner) != 0)
		return -1;
	if (call->has_last)
		rec->last = out[rec->n];
	return 0;
}

static int decrypt_pieces(struct record *r, struct aead_engine *e, struct incoming *rec,
    const struct opening *call, struct view *in, struct view *to)
{
	uint8_t tag[AEAD_TAG];

	if (aead_start_open(e, &r->read.key, call->nonce, call->aad, call->aad_len) != 0)
		return -1;
	aead_decrypt(e, in, to, rec->n);
	if (call->has_last) {
		struct iovec one = { .iov_base = &rec->last, .iov_len = 1 };
		struct view last = view_of(&one, 1);

		aead_decrypt(e, in, &last, 1);
	}
	view_read(in, tag, AEAD_TAG);
	return aead_finish_open(e, tag);
}

/*
 * Decrypts and authenticates into rec->plain: 0, or -1 and rec->plain is wiped. The state of r is left
 * alone but for the cache of its key.
 */
static int decrypt(struct record *r, struct aead_engine *e, struct incoming *rec, struct view in)
{
	uint8_t explicit_nonce[EXPLICIT_NONCE] = { 0 };
	struct opening call = { .has_last = record_is_13(r) && rec->len > AEAD_TAG };
	struct view to = rec->plain, wipe = to;
	size_t inner = rec->n + call.has_last;
	int rc;

	view_read(&in, explicit_nonce, record_nonce_len(r));
	record_nonce(r, &r->read, explicit_nonce, call.nonce);
	call.aad_len = record_aad(r, &r->read, rec->header, rec->n, call.aad);
	if (inner > 0 && inner <= RECORD_ONCE && view_run(&in) >= inner + AEAD_TAG &&
	    view_run(&to) >= inner)
		rc = decrypt_once(r, e, rec, &call, &in, &to);
	else
		rc = decrypt_pieces(r, e, rec, &call, &in, &to);
	if (rc == 0)
		return 0;
	view_wipe(&wipe, rec->n);
	rec->last = 0;
	return -1;
}

/* Authenticated data; in small it is copied on. Only here anything is produced. */
static enum record_status
take_data(struct record *r, struct incoming *rec, struct record_io *io, bool in_small)
{
	if (r->hs_len > 0) /* a message must not be interleaved (RFC 8446 5.1) */
		return record_fail(r, ALERT_UNEXPECTED_MESSAGE);
	if (rec->n == 0) {
		if (r->n_empty >= MAX_EMPTY)
			return record_fail(r, ALERT_UNEXPECTED_MESSAGE);
		r->n_empty++;
		return RECORD_OK;
	}
	if (in_small) {
		struct view out = view_of(io->out, io->n_out);

		view_write(&out, rec->small, rec->n);
	}
	io->produced = rec->n;
	r->n_empty = 0;
	/* A record of data pays for a KeyUpdate, which costs its sender as much as us. */
	if (r->n_updates > 0)
		r->n_updates--;
	return RECORD_OK;
}

static enum record_status
take_control(struct record *r, struct aead_engine *e, struct incoming *rec)
{
	struct view wipe = rec->plain;
	uint8_t alert = ALERT_UNEXPECTED_MESSAGE;

	/* Empty ones are refused by RFC 8446 5.4, and of no use in TLS 1.2. */
	if (rec->n > 0 && rec->type == TYPE_HANDSHAKE)
		alert = record_take_handshake(r, e, rec->plain, rec->n);
	else if (rec->n > 0 && rec->type == TYPE_ALERT && r->hs_len == 0)
		alert = record_take_alert(r, rec->plain, rec->n);
	view_wipe(&wipe, rec->n);
	if (alert != ALERT_NONE)
		return record_fail(r, alert);
	if (r->flags & RECORD_IS_DEAD)
		return RECORD_FATAL;
	return r->flags & RECORD_SAW_CLOSE ? RECORD_CLOSED : RECORD_OK;
}

/* A whole record is there. */
static enum record_status open_whole(struct record *r, struct aead_engine *e, struct record_io *io,
    struct incoming *rec, struct view body)
{
	bool in_small;

	rec->type = rec->header[0];
	rec->n = rec->len - record_nonce_len(r) - AEAD_TAG;
	if (record_is_13(r) && rec->n > 0)
		rec->n--; /* the last byte goes aside: content fits out exactly */
	rec->plain = view_of(io->out, io->n_out);
	rec->room = view_left(&rec->plain, rec->n);
	in_small = rec->room < rec->n;
	if (in_small && rec->n > sizeof rec->small) {
		io->need = rec->n;
		return RECORD_FULL;
	}
	if (in_small) {
		rec->piece = (struct iovec){ .iov_base = rec->small, .iov_len = rec->n };
		rec->plain = view_of(&rec->piece, 1);
	}
	if (r->read.seq == UINT64_MAX)
		return record_fail(r, ALERT_INTERNAL_ERROR);
	if (decrypt(r, e, rec, body) != 0)
		return record_fail(r, ALERT_BAD_RECORD_MAC);
	if (record_is_13(r))
		strip_padding(rec);
	if (in_small && rec->type == TYPE_DATA && rec->n > rec->room) {
		io->need = rec->n;
		return RECORD_FULL; /* opened again when there is room: the number was not used up */
	}
	r->read.seq++;
	io->consumed = HEADER + rec->len;
	if (rec->type != TYPE_DATA)
		return take_control(r, e, rec);
	return take_data(r, rec, io, in_small);
}

static enum record_status open_legacy(struct record *r, struct record_io *io)
{
	enum record_status status = legacy_open(r->legacy, io, &r->alert_in);

	if (status == RECORD_FATAL) {
		r->flags |= RECORD_IS_DEAD;
		/* wolfSSL's own alert waits in the session: record_control fetches it. */
		if (r->alert_in == ALERT_NONE)
			r->flags |= RECORD_DUE_ALERT;
	}
	if (status == RECORD_CLOSED)
		r->flags |= RECORD_SAW_CLOSE;
	return status;
}

/* The peer uses one key for too long: ask for another, once (RFC 8446 5.5). */
static void ask_for_update(struct record *r)
{
	if (r->read.seq >> r->rekey_shift == 0 || (r->flags & (RECORD_ASKED | RECORD_DUE_REQUEST)))
		return;
	record_rekey(r, true);
}

enum record_status record_open(struct record *r, struct aead_engine *e, struct record_io *io)
{
	struct view in = view_of(io->in, io->n_in);
	enum record_status status;
	struct incoming rec;
	uint8_t alert;

	io->consumed = io->produced = io->need = 0;
	if (r->flags & RECORD_IS_DEAD)
		return RECORD_FATAL;
	if (r->flags & RECORD_SAW_CLOSE) {
		io->consumed = view_left(&in, SIZE_MAX);
		return RECORD_CLOSED;
	}
	if (record_is_legacy(r))
		return open_legacy(r, io);
	io->need = HEADER;
	if (view_left(&in, HEADER) < HEADER)
		return RECORD_MORE;
	view_read(&in, rec.header, HEADER);
	rec.len = (size_t)rec.header[3] << 8 | rec.header[4];
	alert = check_header(r, rec.header, rec.len);
	if (alert == ALERT_NONE && rec.len < record_nonce_len(r) + AEAD_TAG)
		alert = ALERT_BAD_RECORD_MAC; /* too short to hold a tag: it cannot be right */
	if (alert != ALERT_NONE)
		return record_fail(r, alert);
	io->need = HEADER + rec.len;
	if (view_left(&in, rec.len) < rec.len)
		return RECORD_MORE;
	io->need = 0;
	rec.last = 0;
	status = open_whole(r, e, io, &rec, in);
	explicit_bzero(rec.small, sizeof rec.small);
	if (status == RECORD_OK)
		ask_for_update(r);
	return status;
}
