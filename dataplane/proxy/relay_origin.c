/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "dataplane/proxy/relay.h"
#include "tls/handshake.h"
#include "tls/origin.h"
#include "tls/origin_session.h"

#define FLIGHT_ROOM 8192 /* asked for at a time; a longer flight takes another turn */

/* TLS with a target, from the ClientHello to keys; what it costs the target counts as connecting. */

/* --- for relays and checks --- */

struct handshake *leg_handshake_new(struct proxy *p, const struct origin *origin,
    const struct endpoint *at, struct origin_peer *peer, void *user)
{
	bool is_v4 = ip_addr_is_v4(&at->ip);

	peer->address_len = is_v4 ? 4 : 16;
	memcpy(peer->address, at->ip.b + (is_v4 ? 12 : 0), peer->address_len);
	return handshake_new_client(p->tls, origin, peer, user);
}

enum handshake_status
leg_handshake(struct proxy *p, struct leg *l, struct handshake *h, const struct origin *now)
{
	enum handshake_status status;

	for (;;) {
		struct record_io io = { .in = p->in, .out = p->out };

		io.n_in = leg_view(l, p->in, PROXY_IOV_WIDE);
		io.n_out = leg_reserve(l, FLIGHT_ROOM, p->out, PROXY_IOV);
		handshake_follow_origin(h, now);
		status = handshake_step(h, &io);
		leg_consume(l, io.consumed);
		leg_commit(l, io.produced, TCP_PUSH);
		/* Room was the only thing missing: the rest of the flight may fit behind it. */
		if (status != HANDSHAKE_WANT_WRITE || io.produced == 0)
			return status;
	}
}

enum target_tls target_tls_of(const struct handshake_facts *f)
{
	if (client_cert_has_failed(f->server_cert_status))
		return (enum target_tls)(TARGET_TLS_CERT + f->server_cert_status);
	if (f->alert != 0xff && !f->alert_is_ours)
		return TARGET_TLS_ALERT;
	return TARGET_TLS_PROTOCOL;
}

/* --- of a relay --- */

struct record *relay_origin_record(const struct proxy *p, const struct relay *r)
{
	return &p->origins[r - p->relays];
}

void relay_origin_fini(struct proxy *p, struct relay *r)
{
	if (!(r->flags & RELAY_ORIGIN_KEYS))
		return;
	r->flags &= (uint16_t)~RELAY_ORIGIN_KEYS;
	record_fini(relay_origin_record(p, r), p->aead);
}

void relay_origin_keep(struct proxy *p, struct relay *r)
{
	struct target_lane *lane = &r->target->lanes[p->worker];
	struct record *record = relay_origin_record(p, r);

	/* Nobody would free that of a target which no configuration names any more. */
	if (record_has_ticket(record) && lane->seen == p->n_adopted)
		origin_session_keep(&lane->session, record);
}

/* What the handshake came to, in counters and in the log. */
static void note(struct proxy *p, struct relay *r, enum target_tls result)
{
	struct conn_facts *f = relay_facts(p, r);

	r->target->group->lanes[p->worker].n_tls[result]++;
	if (!f)
		return;
	f->target = r->target->at.ip;
	f->target_port = r->target->at.port;
	f->origin_result = (uint8_t)result;
	f->has_origin = true;
	if (r->handshake)
		f->origin = *handshake_facts(r->handshake);
	f->origin.client_cert = NULL;
}

static const struct origin *origin_of(const struct proxy *p, const struct relay *r)
{
	const struct backend *b = relay_backend(p, r);

	return b ? p->snapshot->origins[b - p->snapshot->backends] : NULL;
}

/* Offers the protocol that the client has negotiated, if it has one. */
static void pass_alpn(struct proxy *p, struct relay *r, struct origin_peer *peer)
{
	const struct conn_facts *f = relay_facts(p, r);
	size_t n = 0;
	const char *alpn = f ? conn_facts_text(f, CONN_ALPN, &n) : NULL;

	if (n > UINT8_MAX)
		return;
	peer->alpn = alpn;
	peer->alpn_len = (uint8_t)n;
}

void relay_origin_begin(struct proxy *p, struct relay *r, const struct origin *origin)
{
	struct target_run *t = r->target;
	const struct backend *b = relay_backend(p, r);
	struct origin_peer peer = { .session = t->lanes[p->worker].session };

	if (b && b->pass_alpn)
		pass_alpn(p, r, &peer);
	relay_set_state(p, r, RELAY_ORIGIN);
	r->handshake = leg_handshake_new(p, origin, &t->at, &peer, r);
	if (r->handshake) {
		relay_origin(p, r);
		return;
	}
	leg_abort(&r->backend);
	relay_origin_failed(p, r, TARGET_TLS_LOCAL);
}

void relay_origin_failed(struct proxy *p, struct relay *r, enum target_tls why)
{
	note(p, r, why);
	handshake_free(r->handshake);
	r->handshake = NULL;
	stats_inc(p->stats, STAT_TARGET_TLS_FAILED);
	relay_set_state(p, r, RELAY_CONNECT);
	relay_try_another(p, r, why != TARGET_TLS_LOCAL);
}

void relay_origin_cut_off(struct proxy *p, struct relay *r)
{
	enum target_tls why = TARGET_TLS_CLOSED;

	if (leg_available(&r->backend) > 0) {
		handshake_follow_origin(r->handshake, origin_of(p, r));
		if (relay_last_step(p, r->handshake, &r->backend) == HANDSHAKE_FAILED)
			why = target_tls_of(handshake_facts(r->handshake));
	}
	leg_release(&r->backend);
	relay_origin_failed(p, r, why);
}

static void is_done(struct proxy *p, struct relay *r)
{
	struct handshake *h = r->handshake;
	bool resumed = handshake_facts(h)->resumed;

	note(p, r, resumed ? TARGET_TLS_RESUMED : TARGET_TLS_FULL);
	r->handshake = NULL;
	if (handshake_finish(h, relay_origin_record(p, r)) < 0) {
		leg_abort(&r->backend);
		relay_origin_failed(p, r, TARGET_TLS_LOCAL);
		return;
	}
	r->flags |= RELAY_ORIGIN_KEYS;
	relay_origin_keep(p, r);
	relay_target_is_ready(p, r);
}

void relay_origin(struct proxy *p, struct relay *r)
{
	switch (leg_handshake(p, &r->backend, r->handshake, origin_of(p, r))) {
	case HANDSHAKE_WANT_READ:
		if (leg_is_finished(&r->backend)) {
			leg_release(&r->backend);
			relay_origin_failed(p, r, TARGET_TLS_CLOSED);
		}
		break;
	case HANDSHAKE_WANT_WRITE:
	case HANDSHAKE_WANT_KEY: /* tls_worker_ready names it */
		break;
	case HANDSHAKE_DONE:
		is_done(p, r);
		break;
	case HANDSHAKE_FAILED:
		leg_release(&r->backend); /* the alert still goes out */
		relay_origin_failed(p, r, target_tls_of(handshake_facts(r->handshake)));
		break;
	}
}
