/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/relay.h"
#include "tls/handshake.h"
#include "tls/select.h"

#define FLIGHT_ROOM 8192 /* asked for at a time; a longer flight takes another turn */

void relay_failed(struct proxy *p, struct relay *r, enum conn_end why, uint8_t alert, bool ours)
{
	stats_inc(p->stats, STAT_HANDSHAKES_FAILED);
	listener_lane_failed(r->lane, why, alert, ours);
	relay_ended(p, r, why);
}

/* RFC 8446 6.2 */
void relay_refuse(struct proxy *p, struct relay *r, enum conn_end why, uint8_t alert)
{
	const uint8_t record[7] = { 21, 3, 3, 0, 2, 2, alert };

	leg_write(&r->client, record, sizeof(record), p->out, PROXY_IOV);
	relay_failed(p, r, why, alert, true);
	relay_linger(p, r);
}

static void start_handshake(struct proxy *p, struct relay *r)
{
	const struct bound *bound = tcp_listener_user(r->client.conn);
	struct tls_choice choice;

	if (bound->listener < 0) { /* its listener was taken away by a reload */
		relay_reject(p, r, CONN_END_REFUSED_FULL);
		return;
	}
	if (!relay_may_start(p, r, &p->snapshot->listeners[bound->listener]) ||
	    !relay_may_shake(p, r))
		return;
	if (select_certificate(p->snapshot->listeners[bound->listener].tls, &p->hello, &choice) <
	    0) {
		relay_remember_choice(p, r, &choice);
		relay_refuse(p, r, CONN_END_CHOICE, choice.alert);
		return;
	}
	relay_remember_choice(p, r, &choice);
	r->handshake = handshake_new(p->tls, &choice, r);
	if (!r->handshake) {
		relay_refuse(p, r, CONN_END_HANDSHAKE, 80); /* internal_error */
		return;
	}
	relay_opening(p, r);
	relay_set_state(p, r, RELAY_HANDSHAKE);
	relay_handshake(p, r);
}

void relay_hello(struct proxy *p, struct relay *r)
{
	const struct listener *l = relay_listener(p, r);
	uint32_t available = leg_available(&r->client);
	bool is_last = r->need & RELAY_NO_MORE;
	uint8_t alert = 0;
	size_t need = 0;
	unsigned n;

	r->need &= ~RELAY_NO_MORE;
	if (l && l->passthrough && l->n_routes == 0) {
		p->hello.sni_len = 0; /* who it is for is not looked at */
		relay_pass(p, r, l);
		return;
	}
	if (available > 0 && available >= r->need) {
		n = leg_view(&r->client, p->in, PROXY_IOV_WIDE);
		switch (hello_read(&p->hello, p->in, n, p->scratch, &need, &alert)) {
		case HELLO_OK:
			if (l && l->passthrough)
				relay_pass(p, r, l);
			else
				start_handshake(p, r);
			return;
		case HELLO_BAD:
			relay_refuse(p, r, CONN_END_HELLO, alert);
			return;
		case HELLO_MORE:
			r->need = (uint32_t)need;
			break;
		}
	}
	/* Nothing more will come, or the window is full of segments of a few bytes each. */
	if (is_last || leg_is_finished(&r->client) || available >= sizeof(p->scratch) * 2) {
		relay_failed(p, r, CONN_END_HELLO_INCOMPLETE, LISTENER_NO_ALERT, false);
		relay_break(p, r);
	}
}

static void handshake_is_done(struct proxy *p, struct relay *r)
{
	const struct handshake_facts facts = *handshake_facts(r->handshake);
	struct handshake *h = r->handshake;

	relay_remember_handshake(p, r, true);
	r->handshake = NULL;
	if (handshake_finish(h, &r->record) < 0) {
		relay_failed(p, r, CONN_END_HANDSHAKE, LISTENER_NO_ALERT, false);
		relay_break(p, r);
		return;
	}
	relay_has_begun(p, r);
	stats_inc(p->stats, STAT_HANDSHAKES_DONE);
	listener_lane_shook(r->lane, &facts);
	listener_lane_judged(r->lane, facts.client_cert_status);
	if (facts.resumed)
		stats_inc(p->stats, STAT_HANDSHAKES_RESUMED);
	relay_connect(p, r);
}

void relay_handshake(struct proxy *p, struct relay *r)
{
	const struct handshake_facts *facts;
	enum handshake_status status;

	for (;;) {
		struct record_io io = { .in = p->in, .out = p->out };

		io.n_in = leg_view(&r->client, p->in, PROXY_IOV_WIDE);
		io.n_out = leg_reserve(&r->client, FLIGHT_ROOM, p->out, PROXY_IOV);
		if (handshake_asks(r->handshake)) {
			const struct listener *l = relay_listener(p, r);

			handshake_follow(r->handshake, l ? l->tls : NULL);
		}
		status = handshake_step(r->handshake, &io);
		leg_consume(&r->client, io.consumed);
		leg_commit(&r->client, io.produced, TCP_PUSH);
		/* Room was the only thing missing: the rest of the flight may fit behind it. */
		if (status != HANDSHAKE_WANT_WRITE || io.produced == 0)
			break;
	}
	switch (status) {
	case HANDSHAKE_WANT_READ:
		if (leg_is_finished(&r->client)) {
			relay_failed(p, r, CONN_END_HANDSHAKE, LISTENER_NO_ALERT, false);
			relay_break(p, r);
		}
		break;
	case HANDSHAKE_WANT_WRITE: /* TCP_EV_WRITABLE follows */
	case HANDSHAKE_WANT_KEY:   /* tls_worker_ready names it */
		break;
	case HANDSHAKE_DONE:
		handshake_is_done(p, r);
		break;
	case HANDSHAKE_FAILED:
		facts = handshake_facts(r->handshake);
		relay_failed(p, r, CONN_END_HANDSHAKE, facts->alert, facts->alert_is_ours);
		listener_lane_judged(r->lane, facts->client_cert_status);
		relay_remember_handshake(p, r, false);
		relay_linger(p, r);
		break;
	}
}

enum handshake_status relay_last_step(struct proxy *p, struct handshake *h, const struct leg *l)
{
	uint8_t
	    nowhere[FLIGHT_ROOM]; /* a handshake without room to answer in would wait for some */
	struct iovec out = { .iov_base = nowhere, .iov_len = sizeof(nowhere) };
	struct record_io io = { .in = p->in, .out = &out, .n_out = 1 };

	io.n_in = leg_view(l, p->in, PROXY_IOV_WIDE);
	return handshake_step(h, &io);
}

/* The client's alert that came right before its RST. */
static uint8_t last_alert(struct proxy *p, struct relay *r)
{
	const struct listener *l = relay_listener(p, r);
	const struct handshake_facts *facts;

	if (!r->handshake || leg_available(&r->client) == 0)
		return LISTENER_NO_ALERT;
	if (handshake_asks(r->handshake))
		handshake_follow(r->handshake, l ? l->tls : NULL);
	if (relay_last_step(p, r->handshake, &r->client) != HANDSHAKE_FAILED)
		return LISTENER_NO_ALERT;
	facts = handshake_facts(r->handshake);
	relay_remember_handshake(p, r, false);
	return facts->alert_is_ours ? LISTENER_NO_ALERT : facts->alert;
}

void relay_cut_off(struct proxy *p, struct relay *r)
{
	uint8_t alert = last_alert(p, r);

	relay_failed(p, r, alert == LISTENER_NO_ALERT ? CONN_END_CLIENT_RESET : CONN_END_HANDSHAKE,
	    alert, false);
}
