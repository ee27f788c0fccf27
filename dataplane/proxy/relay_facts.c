/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "dataplane/proxy/conn_log.h"
#include "dataplane/proxy/relay.h"
#include "tls/drbg.h"
#include "tls/prints.h"
#include "tls/select.h"

/* What is remembered of a connection on its way, for PROXY headers and the connection log. */

struct conn_facts *relay_facts(const struct proxy *p, const struct relay *r)
{
	return r->flags & RELAY_FACTS ? &p->facts[r - p->relays] : NULL;
}

const struct listener *relay_listener(const struct proxy *p, const struct relay *r)
{
	const struct bound *bound = tcp_listener_user(r->client.conn);

	return bound->listener < 0 ? NULL : &p->snapshot->listeners[bound->listener];
}

void relay_remember(struct proxy *p, struct relay *r, const struct listener *l)
{
	uint8_t trace[CONN_TRACE_BYTES];

	if (!l->is_remembered)
		return;
	drbg_read(p->ids, trace, sizeof(trace));
	r->flags |= RELAY_FACTS;
	conn_facts_init(relay_facts(p, r), tcp_flow(r->client.conn), trace, p->now_us);
	relay_facts(p, r)->is_logged = l->is_logged;
}

void relay_remember_choice(struct proxy *p, struct relay *r, const struct tls_choice *choice)
{
	const struct listener *l = relay_listener(p, r);
	struct conn_facts *f = relay_facts(p, r);

	if (!f)
		return;
	f->hello_us = p->now_us;
	if (l && l->is_printed)
		f->has_prints = prints_take(&p->hello, f->ja3, f->ja4);
	conn_facts_say(f, CONN_SNI, choice->sni, choice->sni_len);
	if (choice->alpn)
		conn_facts_say(f, CONN_ALPN, choice->alpn, choice->alpn_len);
	if (choice->cert)
		conn_facts_cert(f, choice->cert);
	if (l)
		conn_facts_say(f, CONN_BACKEND, p->snapshot->backends[l->backend].name,
		    strlen(p->snapshot->backends[l->backend].name));
}

void relay_remember_handshake(struct proxy *p, struct relay *r, bool is_done)
{
	struct conn_facts *f = relay_facts(p, r);

	if (!f || !r->handshake)
		return;
	f->decided_us = p->now_us;
	f->is_done = is_done;
	f->tls = *handshake_facts(r->handshake);
	f->client_cert = handshake_take_client_cert(r->handshake);
	f->tls.client_cert = f->client_cert;
}

/* The last words about it. */
static void say_last(struct conn_facts *f, const char *listener)
{
	const struct client_cert *c = f->client_cert;

	conn_facts_say(f, CONN_LISTENER, listener, strlen(listener));
	if (!c)
		return;
	conn_facts_say(f, CONN_SUBJECT, c->subject, strlen(c->subject));
	conn_facts_say(f, CONN_ISSUER, c->issuer, strlen(c->issuer));
}

static void log_facts(struct proxy *p, struct conn_facts *f, const char *listener)
{
	struct conn_record *record;

	if (!p->log || !f->is_logged)
		return;
	record = conn_ring_room(p->log);
	if (!record) {
		stats_inc(p->stats, STAT_LOG_LOST);
		return;
	}
	say_last(f, listener);
	conn_record_fill(record, f, p->now_us);
	conn_ring_push(p->log);
}

void relay_log(struct proxy *p, struct relay *r)
{
	struct conn_facts *f = relay_facts(p, r);

	if (!f)
		return;
	r->flags &= (uint16_t)~RELAY_FACTS;
	/* The listener itself may be gone, or unbound as we drain, and so may the client. */
	log_facts(p, f, listener_lane_name(r->lane, p->worker));
	conn_facts_fini(f);
}

void relay_log_refused(struct proxy *p, const struct tcp_conn *conn, const struct listener *l)
{
	uint8_t trace[CONN_TRACE_BYTES];
	struct conn_facts f;

	if (!l || !l->is_logged)
		return;
	drbg_read(p->ids, trace, sizeof(trace));
	conn_facts_init(&f, tcp_flow(conn), trace, p->now_us);
	f.is_logged = true;
	f.end = CONN_END_REFUSED_FULL;
	log_facts(p, &f, l->name);
	conn_facts_fini(&f);
}

void relay_ended(struct proxy *p, struct relay *r, enum conn_end end)
{
	struct conn_facts *f = relay_facts(p, r);

	if (f && f->end == CONN_END_UNKNOWN)
		f->end = (uint8_t)end;
}
