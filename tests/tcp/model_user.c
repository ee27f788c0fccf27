/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The users of the connections. They act on events alone, as the relay does: an event
 * that is missing shows as a stall.
 */
#include "tests/tcp/model_inside.h"
#include "tests/tcp/peer.h"

/* Every connection has a stream of its own. */
static uint8_t byte_of(unsigned side, unsigned conn, uint32_t at)
{
	return peer_byte(side, at + conn * 1000003u);
}

void users_init(struct model *m, unsigned side)
{
	for (unsigned i = 0; i < m->config->n_conns; i++) {
		m->side[side].users[i].habit = &m->config->habit[side][i];
		m->side[side].users[i].to_read = m->config->habit[!side][i].bytes;
	}
}

static void user_read(struct model *m, unsigned side, unsigned i)
{
	struct model_user *u = &m->side[side].users[i];
	uint32_t left = u->habit->read_chunk ? u->habit->read_chunk : UINT32_MAX;

	u->readable = false;
	while (left) {
		struct iovec iov[8];
		unsigned n = tcp_rx_view(u->conn, iov, 8);
		uint32_t got = 0;

		if (!n)
			break;
		for (unsigned v = 0; v < n && got < left; v++) {
			const uint8_t *from = iov[v].iov_base;

			for (size_t j = 0; j < iov[v].iov_len && got < left; j++, got++)
				if (from[j] != byte_of(!side, i, u->read + got) &&
				    !m->config->mutate) {
					model_fail(m, "stack %c, connection %u: wrong byte at %u",
					    "AB"[side], i, u -> read + got);
					return;
				}
		}
		tcp_rx_consume(u->conn, got);
		u->read += got;
		left -= got;
	}
	if (tcp_rx_available(u->conn)) {
		u->readable = true;
		u->read_at_us = m->now_us + u->habit->read_us;
	}
	if (u->read > u->to_read && !m->config->mutate)
		model_fail(
		    m, "stack %c, connection %u: more bytes than were written", "AB"[side], i);
}

/* In message mode: how far it may write by what it has read. */
static uint32_t allowed(const struct model_user *u, unsigned side)
{
	const struct model_habit *h = u->habit;
	uint32_t rounds;

	if (!h->message)
		return h->bytes;
	rounds = u->read / h->message + (side == 0);
	return rounds * h->message < h->bytes ? rounds * h->message : h->bytes;
}

static void user_write(struct model *m, unsigned side, unsigned i)
{
	struct model_user *u = &m->side[side].users[i];
	const struct model_habit *h = u->habit;
	uint32_t limit = allowed(u, side);

	while (u->written < limit && !u->blocked && m->now_us >= u->write_at_us) {
		uint32_t want = limit - u->written < h->chunk ? limit - u->written : h->chunk;
		uint32_t extra = h->part ? model_random(&m->rng, 20000) : 0;
		struct iovec iov[16];
		unsigned n = tcp_tx_reserve(u->conn, want + extra, iov, 16);
		uint32_t got = 0;
		bool last;

		if (!n) {
			u->blocked = true;
			return;
		}
		for (unsigned v = 0; v < n; v++)
			for (size_t j = 0; j < iov[v].iov_len; j++, got++)
				((uint8_t *)iov[v].iov_base)[j] =
				    byte_of(side, i, u->written + got);
		if (got > want + extra) {
			model_fail(m, "tcp_tx_reserve gave %u, asked for %u", got, want + extra);
			return;
		}
		got = got < want ? got : want;
		if (h->part)
			got = 1 + model_random(&m->rng, got);
		u->written += got;
		last = u->written == limit;
		tcp_tx_commit(u->conn, got,
		    !last && h->more && model_random(&m->rng, 2) ? TCP_MORE : TCP_PUSH);
		if (h->think_us)
			u->write_at_us = m->now_us + 1 + model_random(&m->rng, h->think_us);
	}
}

static void user_close(struct model *m, unsigned side, unsigned i)
{
	struct model_user *u = &m->side[side].users[i];
	bool all_read = u->peer_fin && tcp_rx_is_finished(u->conn);

	if (!u->shut && u->written == u->habit->bytes && (!u->habit->close_late || all_read)) {
		tcp_shutdown(u->conn);
		trace_note(&m->trace, "AB"[side], m -> now_us, "%u shuts down", i);
		u->shut = true;
	}
	if (all_read && u->read != u->to_read && !m->config->mutate)
		model_fail(m, "stack %c, connection %u: the end after %u of %u bytes", "AB"[side],
		    i, u -> read, u -> to_read);
	if (u->shut && all_read && (u->closed || u->habit->release_early)) {
		trace_note(&m->trace, "AB"[side], m -> now_us, "%u releases", i);
		tcp_release(u->conn);
		u->released = true;
	}
}

static struct model_user *user_find(struct model *m, unsigned side, struct tcp_conn *c)
{
	uint16_t port = side == 0 ? tcp_flow(c)->local_port : tcp_flow(c)->remote_port;

	for (unsigned i = 0; i < m->config->n_conns; i++)
		if (m->ports[i] == port)
			return &m->side[side].users[i];
	return NULL;
}

/*
 * An end that a bad enough network excuses: one stack has reached R2, or the other side's TIME-WAIT
 * was over before our repeated FIN got through; all bytes are there in this case.
 */
static bool gives_up(const struct model *m, const struct model_user *u, unsigned side)
{
	const struct model_user *other = &m->side[!side].users[u - m->side[side].users];

	if (m->side[0].stats.v[STAT_TCP_TIMEOUTS] || m->side[1].stats.v[STAT_TCP_TIMEOUTS])
		return true;
	return other->released && u->peer_fin && u->read == u->to_read &&
	    other->read == other->to_read;
}

static void event_take(struct model *m, unsigned side, struct tcp_conn *c, unsigned events)
{
	struct model_user *u = user_find(m, side, c);

	if (!u || u->released || (u->conn && u->conn != c)) {
		if (!m->config->mutate)
			model_fail(m, "stack %c: events %#x of a connection nobody has", "AB"[side],
			    events);
		tcp_abort(c);
		tcp_release(c);
		return;
	}
	u->conn = c;
	u->established |= (events & TCP_EV_ESTABLISHED) != 0;
	u->readable |= (events & TCP_EV_READABLE) != 0;
	u->peer_fin |= (events & TCP_EV_PEER_FIN) != 0;
	u->closed |= (events & TCP_EV_CLOSED) != 0;
	if (events & TCP_EV_WRITABLE)
		u->blocked = false;
	if (!(events & (TCP_EV_RESET | TCP_EV_TIMEOUT)))
		return;
	if (gives_up(m, u, side))
		m->result.gave_up = true;
	else if (!m->config->mutate)
		model_fail(m, "stack %c, connection %u ends: events %#x", "AB"[side],
		    (unsigned)(u - m->side[side].users), events);
	tcp_release(c);
	u->released = true;
}

bool user_run(struct model *m, unsigned side)
{
	struct model_side *s = &m->side[side];
	struct tcp_conn *c;
	unsigned events;
	bool moved = false;

	while ((c = stack_ready_next(s->stack, &events)) != NULL) {
		event_take(m, side, c, events);
		moved = true;
	}
	for (unsigned i = 0; i < m->config->n_conns && !m->failed; i++) {
		struct model_user *u = &s->users[i];
		uint32_t before = u->read + u->written;

		if (!u->established || u->released)
			continue;
		if (u->readable && (!u->habit->read_chunk || m->now_us >= u->read_at_us))
			user_read(m, side, i);
		if (!u->shut)
			user_write(m, side, i);
		moved |= u->read + u->written != before;
		user_close(m, side, i);
	}
	return moved;
}

uint64_t user_deadline(const struct model *m, unsigned side)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < m->config->n_conns; i++) {
		const struct model_user *u = &m->side[side].users[i];

		if (!u->established || u->released)
			continue;
		if (u->readable && u->habit->read_chunk && u->read_at_us < next)
			next = u->read_at_us;
		if (!u->shut && !u->blocked && u->written < allowed(u, side) &&
		    u->write_at_us < next)
			next = u->write_at_us;
	}
	return next;
}

void user_report(struct model *m)
{
	for (unsigned side = 0; side < 2; side++)
		for (unsigned i = 0; i < m->config->n_conns; i++) {
			const struct model_user *u = &m->side[side].users[i];

			trace_note(&m->trace, "AB"[side], m -> now_us,
			    "%u: wrote %u of %u, read %u of %u%s%s%s%s%s", i, u->written,
			    u->habit->bytes, u->read, u->to_read, u->established ? "" : " -est",
			    u->blocked ? " blocked" : "", u->peer_fin ? " fin" : "",
			    u->shut ? " shut" : "", u->released ? " released" : "");
		}
}
