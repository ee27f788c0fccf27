/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/relay.h"
#include "dataplane/proxy/relay_record.h"

#define SEAL_OVERHEAD 64             /* header, explicit nonce, inner type, tag */
#define MIN_ROOM      RECORD_SEGMENT /* for more than is left: do not cut records to crumbs */

bool leg_control(struct proxy *p, struct leg *l, struct record *record)
{
	while (record_has_control(record)) {
		struct record_io io = { .out = p->out };

		io.n_out = leg_reserve(l, LEGACY_OVERHEAD, p->out, PROXY_IOV);
		if (record_control(record, p->aead, &io) != RECORD_OK)
			io.produced = 0;
		leg_commit(l, io.produced, TCP_PUSH);
		if (io.produced == 0)
			return false;
	}
	return true;
}

bool relay_control(struct proxy *p, struct relay *r)
{
	return leg_control(p, &r->client, &r->record);
}

void relay_goodbye(struct proxy *p, struct relay *r, uint8_t alert)
{
	if (r->flags & RELAY_PASS) { /* a FIN would say that all went well */
		relay_break(p, r);
		return;
	}
	if (!(r->flags & RELAY_CLIENT_FIN)) {
		if (alert)
			record_alert(&r->record, alert);
		else
			record_close(&r->record);
		relay_control(p, r); /* no room for an alert: then FIN alone has to do */
	}
	relay_linger(p, r);
}

/* The client's stream is over; tell the backend. */
static void client_eof(struct proxy *p, struct relay *r, bool clean)
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
	leg_shutdown(&r->backend);
	r->flags |= RELAY_BACKEND_FIN;
}

/* One record from the client to the backend; false when nothing more can be done now. */
static bool open_one(struct proxy *p, struct relay *r, size_t *done)
{
	struct record_io io = { .in = p->in, .out = p->wide };
	enum record_status status;
	size_t length = 0;

	io.n_in = record_view(p, &r->client, &length);
	if (io.n_in == 0)
		return false;
	if (length > PLAINTEXT_MAX)
		length = PLAINTEXT_MAX;
	io.n_out = leg_reserve(&r->backend, length, p->wide, PROXY_IOV_WIDE);
	status = record_open(&r->record, p->aead, &io);
	leg_consume(&r->client, io.consumed);
	leg_commit(&r->backend, io.produced,
	    leg_available(&r->client) > RECORD_HEADER ? TCP_MORE : TCP_PUSH);
	switch (status) {
	case RECORD_OK:
		stats_add(p->stats, STAT_BYTES_CLIENT_IN, io.produced);
		r->lane->bytes_in += io.produced;
		if (r->flags & RELAY_FACTS)
			relay_facts(p, r)->bytes_in += io.produced;
		*done += io.consumed;
		return true;
	case RECORD_CLOSED:
		client_eof(p, r, true);
		return false;
	case RECORD_FATAL:
		stats_inc(p->stats, STAT_TLS_RECORD_ERRORS);
		relay_ended(p, r, CONN_END_RECORD);
		relay_control(p, r);
		relay_linger(p, r);
		return false;
	case RECORD_MORE:
		/* It is all there but in more pieces than we care to look at. */
		if (leg_available(&r->client) >= RECORD_MAX)
			relay_goodbye(p, r, 80);
		return false;
	case RECORD_FULL: /* TCP_EV_WRITABLE of the backend leg follows */
		return false;
	}
	return false;
}

static void pump_up(struct proxy *p, struct relay *r)
{
	size_t done = 0;

	if (r->flags & RELAY_CLIENT_EOF) { /* nothing may follow close_notify */
		leg_consume(&r->client, leg_available(&r->client));
		return;
	}
	while (done < BUDGET && open_one(p, r, &done))
		;
	if (r->state != RELAY_OPEN)
		return;
	if (done >= BUDGET)
		relay_again(p, r);
	else if (!(r->flags & RELAY_CLIENT_EOF) && records_are_over(p, &r->client))
		client_eof(p, r, false);
}

/* One record from the backend to the client; false when nothing more can be done now. */
static bool seal_one(struct proxy *p, struct relay *r, size_t *done)
{
	struct record_io io = { .in = p->in, .out = p->out };
	uint32_t available = leg_available(&r->backend);
	size_t want = available < PLAINTEXT_MAX ? available : PLAINTEXT_MAX;
	enum record_status status;
	size_t room;

	if (available == 0)
		return false;
	want += record_is_legacy(&r->record) ? LEGACY_OVERHEAD : SEAL_OVERHEAD;
	io.n_out = leg_reserve(&r->client, want, p->out, PROXY_IOV);
	room = iov_bytes(p->out, io.n_out);
	if (room < want && room < MIN_ROOM) {
		leg_commit(&r->client, 0, TCP_MORE);
		return false;
	}
	io.n_in = leg_view_of(&r->backend, PLAINTEXT_MAX, p->in, PROXY_IOV);
	status = record_seal(&r->record, p->aead, &io);
	leg_consume(&r->backend, io.consumed);
	leg_commit(&r->client, io.produced, leg_available(&r->backend) > 0 ? TCP_MORE : TCP_PUSH);
	switch (status) {
	case RECORD_OK:
		if (io.consumed == 0)
			return false;
		stats_add(p->stats, STAT_BYTES_CLIENT_OUT, io.consumed);
		r->lane->bytes_out += io.consumed;
		if (r->flags & RELAY_FACTS)
			relay_facts(p, r)->bytes_out += io.consumed;
		relay_backend_spoke(p, r);
		*done += io.consumed;
		return true;
	case RECORD_FATAL:
		stats_inc(p->stats, STAT_TLS_RECORD_ERRORS);
		relay_ended(p, r, CONN_END_RECORD);
		relay_control(p, r);
		relay_linger(p, r);
		return false;
	case RECORD_FULL:
	case RECORD_MORE:
	case RECORD_CLOSED:
		return false;
	}
	return false;
}

/* The backend's stream is over and all of it was sealed: close_notify, then FIN. */
static void backend_eof(struct proxy *p, struct relay *r)
{
	if (!(r->flags & RELAY_BACKEND_EOF)) {
		r->flags |= RELAY_BACKEND_EOF;
		relay_backend_spoke(p, r);
		relay_ended(p, r, CONN_END_BACKEND);
		record_close(&r->record);
	}
	if (!relay_control(p, r))
		return; /* TCP_EV_WRITABLE of the client leg follows */
	leg_shutdown(&r->client);
	r->flags |= RELAY_CLIENT_FIN;
}

static void pump_down(struct proxy *p, struct relay *r)
{
	size_t done = 0;

	if (r->flags & RELAY_CLIENT_FIN)
		return;
	if (!relay_control(p, r))
		return;
	while (done < BUDGET && seal_one(p, r, &done))
		;
	if (r->state != RELAY_OPEN)
		return;
	if (done >= BUDGET)
		relay_again(p, r);
	else if (leg_is_finished(&r->backend))
		backend_eof(p, r);
}

void relay_pump(struct proxy *p, struct relay *r)
{
	const unsigned both = RELAY_BACKEND_FIN | RELAY_CLIENT_FIN;
	uint32_t last_ms = r->timer.due_ms - r->idle_timeout_ms;

	if (proxy_now_ms(p) - last_ms > COLD_MS)
		record_idle(&r->record);
	pump_up(p, r);
	if (r->state == RELAY_OPEN)
		pump_down(p, r);
	if (r->state != RELAY_OPEN)
		return;
	relay_deadline(p, r, r->idle_timeout_ms);
	if ((r->flags & both) == both)
		relay_end(p, r);
}
