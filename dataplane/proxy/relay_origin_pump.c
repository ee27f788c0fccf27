/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/relay.h"
#include "dataplane/proxy/relay_record.h"

#define ALERT_INTERNAL_ERROR 80 /* RFC 8446 6.2 */

/*
 * What a full record of content takes more when it is sealed again: a dozen small records' headers, nonces and tags, or
 * what wolfSSL adds, and a control record.
 */
#define SEAL_ROOM 1600

/*
 * Bytes between two legs that have TLS both. A record is opened into memory of the worker, which stays in its cache, and
 * sealed from there before the next one is looked at: nothing is opened that does not fit on the other side.
 */
struct way {
	struct leg *from, *to;
	struct record *open, *seal;
};

/* Seals n bytes of p->plain into the room that p->wide holds; sets *sealed. False: no more can be sealed ever. */
static bool seal_all(struct proxy *p, const struct way *w, unsigned n_out, size_t n, size_t *sealed)
{
	struct iovec plain = { p->plain, n }, *out = p->wide;

	*sealed = 0;
	while (plain.iov_len > 0) {
		struct record_io io = { .in = &plain, .n_in = 1, .out = out, .n_out = n_out };
		size_t skip;

		if (record_seal(w->seal, p->aead, &io) != RECORD_OK || io.consumed == 0)
			return false;
		plain.iov_base = (uint8_t *)plain.iov_base + io.consumed;
		plain.iov_len -= io.consumed;
		*sealed += io.produced;
		for (skip = io.produced; n_out > 0 && skip >= out->iov_len; out++, n_out--)
			skip -= out->iov_len;
		if (skip > 0) {
			out->iov_base = (uint8_t *)out->iov_base + skip;
			out->iov_len -= skip;
		}
	}
	return true;
}

enum moved {
	MOVED_SOME,
	MOVED_ALL_THERE_IS, /* events follow */
	MOVED_CLOSED,       /* close_notify */
	MOVED_BAD_RECORD,   /* from w->from, or a fatal alert */
	MOVED_NO_KEYS,      /* towards w->to */
};

/* One record; adds what it was to *taken (as it came) and *n (content). */
static enum moved move_one(struct proxy *p, const struct way *w, size_t *taken, size_t *n)
{
	struct iovec plain = { p->plain, sizeof(p->plain) };
	struct record_io io = { .in = p->in, .out = &plain, .n_out = 1 };
	size_t length = 0, sealed = 0;
	enum record_status status;
	unsigned n_out;
	bool ok = true;

	io.n_in = record_view(p, w->from, &length);
	if (io.n_in == 0)
		return MOVED_ALL_THERE_IS;
	if (length > PLAINTEXT_MAX)
		length = PLAINTEXT_MAX;
	n_out = leg_reserve(w->to, length + SEAL_ROOM, p->wide, PROXY_IOV_WIDE);
	if (iov_bytes(p->wide, n_out) < length + SEAL_ROOM) {
		leg_commit(w->to, 0, TCP_MORE);
		return MOVED_ALL_THERE_IS; /* TCP_EV_WRITABLE follows */
	}
	status = record_open(w->open, p->aead, &io);
	leg_consume(w->from, io.consumed);
	if (io.produced > 0)
		ok = seal_all(p, w, n_out, io.produced, &sealed);
	leg_commit(w->to, sealed, leg_available(w->from) > RECORD_HEADER ? TCP_MORE : TCP_PUSH);
	*taken += io.consumed;
	*n += io.produced;
	if (!ok)
		return MOVED_NO_KEYS;
	switch (status) {
	case RECORD_OK:
		return MOVED_SOME;
	case RECORD_CLOSED:
		return MOVED_CLOSED;
	case RECORD_MORE:
		/* It is all there but in more pieces than we care to look at. */
		if (leg_available(w->from) >= RECORD_MAX)
			return MOVED_BAD_RECORD;
		return MOVED_ALL_THERE_IS;
	case RECORD_FULL:
		return MOVED_ALL_THERE_IS;
	case RECORD_FATAL:
		break;
	}
	return MOVED_BAD_RECORD;
}

/* What the two directions have in common; adds the bytes of content to *n. */
static enum moved move(struct proxy *p, struct relay *r, const struct way *w, size_t *n)
{
	enum moved moved = MOVED_SOME;
	size_t taken = 0;

	while (taken < BUDGET && moved == MOVED_SOME)
		moved = move_one(p, w, &taken, n);
	if (moved == MOVED_SOME)
		relay_again(p, r);
	return moved;
}

/* --- from the client --- */

static void up_is_over(struct proxy *p, struct relay *r, bool clean)
{
	r->flags |= RELAY_CLIENT_EOF;
	/* FIN without close_notify cuts the stream, unless the answer was already complete. */
	if (!clean && !(r->flags & RELAY_BACKEND_EOF)) {
		stats_inc(p->stats, STAT_TRUNCATED);
		relay_ended(p, r, CONN_END_TRUNCATED);
		relay_break(p, r);
		return;
	}
	relay_ended(p, r, CONN_END_CLIENT);
	record_close(relay_origin_record(p, r));
}

/* The client, or what is in front of it, is at fault: it is told, and the target sees a broken stream. */
static void up_is_bad(struct proxy *p, struct relay *r)
{
	stats_inc(p->stats, STAT_TLS_RECORD_ERRORS);
	relay_ended(p, r, CONN_END_RECORD);
	relay_control(p, r);
	relay_linger(p, r);
}

static void target_is_bad(struct proxy *p, struct relay *r)
{
	stats_inc(p->stats, STAT_TARGET_RECORD_ERRORS);
	relay_ended(p, r, CONN_END_BACKEND_RECORD);
	leg_control(p, &r->backend, relay_origin_record(p, r));
	leg_release(&r->backend); /* an alert of ours still goes out */
	relay_goodbye(p, r, ALERT_INTERNAL_ERROR);
}

static void move_up(struct proxy *p, struct relay *r)
{
	const struct way w = { &r->client, &r->backend, &r->record, relay_origin_record(p, r) };
	size_t n = 0;
	enum moved moved;

	if (r->flags & RELAY_CLIENT_EOF) { /* nothing may follow close_notify */
		leg_consume(&r->client, leg_available(&r->client));
		return;
	}
	moved = move(p, r, &w, &n);
	stats_add(p->stats, STAT_BYTES_CLIENT_IN, n);
	r->lane->bytes_in += n;
	if (r->flags & RELAY_FACTS)
		relay_facts(p, r)->bytes_in += n;
	if (moved == MOVED_BAD_RECORD)
		up_is_bad(p, r);
	else if (moved == MOVED_NO_KEYS)
		target_is_bad(p, r);
	else if (moved == MOVED_CLOSED)
		up_is_over(p, r, true);
	else if (moved == MOVED_ALL_THERE_IS && records_are_over(p, &r->client))
		up_is_over(p, r, false);
}

/* --- from the target --- */

static void down_is_over(struct proxy *p, struct relay *r, bool clean)
{
	r->flags |= RELAY_BACKEND_EOF;
	relay_backend_spoke(p, r);
	/* As above; a client that has ended does not mind. */
	if (!clean && !(r->flags & RELAY_CLIENT_EOF)) {
		stats_inc(p->stats, STAT_TARGET_TRUNCATED);
		relay_ended(p, r, CONN_END_BACKEND_TRUNCATED);
		/* A clean close would make a cut answer look whole. */
		relay_goodbye(p, r, ALERT_INTERNAL_ERROR);
		return;
	}
	relay_ended(p, r, CONN_END_BACKEND);
	record_close(&r->record);
}

static void move_down(struct proxy *p, struct relay *r)
{
	const struct way w = { &r->backend, &r->client, relay_origin_record(p, r), &r->record };
	size_t n = 0;
	enum moved moved;

	if (r->flags & RELAY_BACKEND_EOF) {
		leg_consume(&r->backend, leg_available(&r->backend));
		return;
	}
	moved = move(p, r, &w, &n);
	relay_origin_keep(p, r);
	stats_add(p->stats, STAT_BYTES_CLIENT_OUT, n);
	r->lane->bytes_out += n;
	if (r->flags & RELAY_FACTS)
		relay_facts(p, r)->bytes_out += n;
	if (n > 0)
		relay_backend_spoke(p, r);
	if (moved == MOVED_BAD_RECORD)
		target_is_bad(p, r);
	else if (moved == MOVED_NO_KEYS)
		up_is_bad(p, r);
	else if (moved == MOVED_CLOSED)
		down_is_over(p, r, true);
	else if (moved == MOVED_ALL_THERE_IS && records_are_over(p, &r->backend))
		down_is_over(p, r, false);
}

/* --- both --- */

/* What the record layer has to say of its own, then FIN once the other side has ended and that has been told. */
static void flush(struct proxy *p, struct relay *r, struct leg *to, struct record *record,
    uint16_t ended, uint16_t done)
{
	if (r->flags & done || !leg_control(p, to, record)) /* TCP_EV_WRITABLE follows */
		return;
	if (!(r->flags & ended))
		return;
	leg_shutdown(to);
	r->flags |= done;
}

void relay_origin_pump(struct proxy *p, struct relay *r)
{
	const unsigned both = RELAY_BACKEND_FIN | RELAY_CLIENT_FIN;
	uint32_t last_ms = r->timer.due_ms - r->idle_timeout_ms;
	struct record *target = relay_origin_record(p, r);

	if (proxy_now_ms(p) - last_ms > COLD_MS) {
		record_idle(&r->record);
		record_idle(target);
	}
	move_up(p, r);
	if (r->state == RELAY_OPEN)
		move_down(p, r);
	if (r->state != RELAY_OPEN)
		return;
	flush(p, r, &r->backend, target, RELAY_CLIENT_EOF, RELAY_BACKEND_FIN);
	flush(p, r, &r->client, &r->record, RELAY_BACKEND_EOF, RELAY_CLIENT_FIN);
	relay_deadline(p, r, r->idle_timeout_ms);
	if ((r->flags & both) == both)
		relay_end(p, r);
}
