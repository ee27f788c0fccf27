/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tls/legacy.h"
#include "tls/record_private.h"

/* Data stops here, so that an alert still gets a sequence number of its own (RFC 8446 5.3). */
#define LAST_DATA_SEQ (UINT64_MAX - 4)

enum {
	UPDATE_LEN = 5,
	ALERT_LEN = 2
};

/* What a record is sealed with. */
struct sealing {
	uint8_t type, nonce[AEAD_IV], aad[AAD_MAX];
	size_t aad_len;
};

/* A short record whose body is contiguous in out: put together there, then encrypted in place. */
static int seal_once(struct record *r, struct aead_engine *e, const struct sealing *call,
    struct view *in, size_t n, struct view *out)
{
	size_t inner = n + (record_is_13(r) ? 1 : 0);
	uint8_t *body = view_at(out), tag[AEAD_TAG];

	view_read(in, body, n);
	if (record_is_13(r))
		body[n] = call->type;
	if (aead_seal_once(e, &r->write.key, call->nonce, call->aad, call->aad_len, body, body,
		inner, tag) != 0) {
		explicit_bzero(body, inner); /* never plaintext where ciphertext belongs */
		return -1;
	}
	out->skip += inner;
	view_write(out, tag, AEAD_TAG);
	return 0;
}

static int seal_pieces(struct record *r, struct aead_engine *e, const struct sealing *call,
    struct view *in, size_t n, struct view *out)
{
	uint8_t type = call->type, tag[AEAD_TAG];

	if (aead_start_seal(e, &r->write.key, call->nonce, call->aad, call->aad_len) != 0)
		return -1;
	aead_encrypt(e, in, out, n);
	if (record_is_13(r)) {
		struct iovec inner = { .iov_base = &type, .iov_len = 1 };
		struct view last = view_of(&inner, 1);

		aead_encrypt(e, &last, out, 1);
	}
	if (aead_finish_seal(e, tag) != 0)
		return -1;
	view_write(out, tag, AEAD_TAG);
	return 0;
}

/* Takes n bytes of in into one record at out; the caller knows that all of it fits. 0 or -1. */
static int seal(struct record *r, struct aead_engine *e, uint8_t type, struct view *in, size_t n,
    struct view *out)
{
	struct record_dir *d = &r->write;
	size_t nonce_len = record_nonce_len(r);
	size_t len = record_overhead(r) - HEADER + n;
	uint8_t header[HEADER + EXPLICIT_NONCE] = { record_is_13(r) ? TYPE_DATA : type, TLS12 >> 8,
		TLS12 & 0xff, (uint8_t)(len >> 8), (uint8_t)len };
	struct sealing call = { .type = type };

	if (d->seq == UINT64_MAX)
		return -1;
	/* The sequence number never repeats under one key: that is all an explicit nonce has to do. */
	for (unsigned i = 0; i < EXPLICIT_NONCE; i++)
		header[HEADER + i] = (uint8_t)(d->seq >> (56 - 8 * i));
	record_nonce(r, d, header + HEADER, call.nonce);
	call.aad_len = record_aad(r, d, header, n, call.aad);
	/* Counted first: whatever goes wrong from here, the number is never used again. */
	d->seq++;
	view_write(out, header, HEADER + nonce_len);
	if (n <= RECORD_ONCE && view_run(out) >= n + 1)
		return seal_once(r, e, &call, in, n, out);
	return seal_pieces(r, e, &call, in, n, out);
}

/* The engine failed or the numbers are used up: not even an alert can be sealed any more. */
static enum record_status write_lost(struct record *r)
{
	r->flags &= (uint16_t)~RECORD_DUE;
	r->flags |= RECORD_IS_DEAD;
	return RECORD_FATAL;
}

/*
 * Seals n bytes of our own at the end of what io->out holds already: RECORD_OK, RECORD_FULL or
 * RECORD_FATAL (then nothing can be written any more).
 */
static enum record_status seal_own(struct record *r, struct aead_engine *e, struct record_io *io,
    uint8_t type, const uint8_t *bytes, size_t n)
{
	struct iovec piece = { .iov_len = n };
	struct view in = view_of(&piece, 1), out = view_of(io->out, io->n_out);
	size_t len = record_overhead(r) + n;
	uint8_t copy[8];

	memcpy(copy, bytes, n);
	piece.iov_base = copy;
	view_skip(&out, io->produced);
	if (view_left(&out, len) < len) {
		io->need = io->produced + len;
		return RECORD_FULL;
	}
	if (seal(r, e, type, &in, n, &out) != 0)
		return write_lost(r);
	io->produced += len;
	return RECORD_OK;
}

/* RFC 8446 4.6.3: the message goes out under the old key, everything after it under the new one. */
static enum record_status
control_update(struct record *r, struct aead_engine *e, struct record_io *io)
{
	bool request = r->flags & RECORD_DUE_REQUEST;
	const uint8_t message[UPDATE_LEN] = { 24, 0, 0, 1, request };
	enum record_status status = seal_own(r, e, io, TYPE_HANDSHAKE, message, sizeof message);

	if (status != RECORD_OK)
		return status;
	r->flags &= (uint16_t) ~(RECORD_DUE_UPDATE | RECORD_DUE_REQUEST);
	if (request)
		r->flags |= RECORD_ASKED;
	return record_next_keys(r, e, &r->write) == 0 ? RECORD_OK : write_lost(r);
}

static enum record_status control_alert(
    struct record *r, struct aead_engine *e, struct record_io *io, uint8_t alert, uint16_t due)
{
	bool warning = alert == ALERT_CLOSE_NOTIFY || alert == ALERT_NO_RENEGOTIATION;
	const uint8_t message[ALERT_LEN] = { warning ? 1 : 2, alert };
	enum record_status status = seal_own(r, e, io, TYPE_ALERT, message, sizeof message);

	if (status != RECORD_OK)
		return status;
	r->flags &= (uint16_t)~due;
	if (alert == ALERT_CLOSE_NOTIFY)
		r->flags |= RECORD_CLOSE_SENT;
	return RECORD_OK;
}

static enum record_status
control_next(struct record *r, struct aead_engine *e, struct record_io *io)
{
	if (r->flags & RECORD_DUE_UPDATE)
		return control_update(r, e, io);
	if (r->flags & RECORD_DUE_NO_RENEGOTIATION)
		return control_alert(r, e, io, ALERT_NO_RENEGOTIATION, RECORD_DUE_NO_RENEGOTIATION);
	return control_alert(r, e, io, r->alert_out, RECORD_DUE_ALERT);
}

static enum record_status control_legacy(struct record *r, struct record_io *io)
{
	enum record_status status = legacy_alert(r->legacy, r->alert_out, io);

	if (status == RECORD_FULL)
		return status;
	r->flags &= (uint16_t)~RECORD_DUE_ALERT;
	if (r->alert_out == ALERT_CLOSE_NOTIFY)
		r->flags |= RECORD_CLOSE_SENT;
	/* A session too broken to say so has nothing more to write: not the caller's concern. */
	return RECORD_OK;
}

enum record_status record_control(struct record *r, struct aead_engine *e, struct record_io *io)
{
	io->consumed = io->produced = io->need = 0;
	while (record_has_control(r)) {
		enum record_status status =
		    record_is_legacy(r) ? control_legacy(r, io) : control_next(r, e, io);

		if (record_is_legacy(r))
			return status;
		if (status == RECORD_FULL)
			return io->produced > 0 ? RECORD_OK : RECORD_FULL;
	}
	return RECORD_OK;
}

/* Bytes record_control is going to write before data may follow. */
static size_t control_len(const struct record *r)
{
	size_t len = 0;

	if (r->flags & RECORD_DUE_UPDATE)
		len += record_overhead(r) + UPDATE_LEN;
	if (r->flags & RECORD_DUE_NO_RENEGOTIATION)
		len += record_overhead(r) + ALERT_LEN;
	return len;
}

/*
 * How much content the next record takes when reserved bytes go before it; 0: out has too little room,
 * io->need is set.
 */
static size_t size_choose(const struct record *r, struct record_io *io, const struct view *in,
    const struct view *out, size_t reserved)
{
	size_t overhead = record_overhead(r), small = RECORD_SEGMENT - overhead;
	size_t most = r->burst < RECORD_HOT ? small : MAX_PLAIN;
	size_t n = view_left(in, most);
	size_t room = view_left(out, reserved + overhead + n);
	size_t least = reserved + overhead + (n < small ? n : small);

	if (room < least) {
		io->need = least;
		return 0;
	}
	return room - reserved - overhead;
}

static enum record_status seal_legacy(struct record *r, struct record_io *io)
{
	enum record_status status = legacy_seal(r->legacy, io);

	if (status == RECORD_FATAL)
		r->flags |= RECORD_IS_DEAD;
	return status;
}

enum record_status record_seal(struct record *r, struct aead_engine *e, struct record_io *io)
{
	struct view in = view_of(io->in, io->n_in), out = view_of(io->out, io->n_out);
	size_t n;

	io->consumed = io->produced = io->need = 0;
	if (r->flags & RECORD_IS_DEAD)
		return RECORD_FATAL;
	if (r->flags & RECORD_CLOSING)
		return RECORD_CLOSED;
	if (record_is_legacy(r))
		return seal_legacy(r, io);
	if (view_left(&in, 1) == 0)
		return RECORD_MORE;
	if (r->write.seq >> r->rekey_shift)
		record_rekey(r, false);
	n = size_choose(r, io, &in, &out, control_len(r));
	if (n == 0)
		return RECORD_FULL;
	if (record_has_control(r)) {
		if (record_control(r, e, io) != RECORD_OK || (r->flags & RECORD_IS_DEAD)) {
			io->produced = 0;
			return RECORD_FATAL;
		}
		view_skip(&out, io->produced);
	}
	if (r->write.seq > LAST_DATA_SEQ)
		return record_fail(r, ALERT_INTERNAL_ERROR);
	if (seal(r, e, TYPE_DATA, &in, n, &out) != 0) {
		io->produced = 0;
		return write_lost(r);
	}
	io->consumed = n;
	io->produced += n + record_overhead(r);
	r->burst = (uint16_t)(n < (size_t)RECORD_HOT - r->burst ? r->burst + n : RECORD_HOT);
	return RECORD_OK;
}
