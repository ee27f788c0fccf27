/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/base/share.h"
#include "dataplane/proxy/relay.h"

#define ALERT_INTERNAL_ERROR 80 /* RFC 8446 6.2 */

static void *backend_user(struct relay *r)
{
	return (void *)((uintptr_t)r | PROXY_USER_BACKEND);
}

static const struct backend *backend_of_target(const struct proxy *p, const struct target_run *t)
{
	for (unsigned i = 0; t && i < p->snapshot->n_backends; i++)
		if (p->snapshot->backends[i].run == t->group)
			return &p->snapshot->backends[i];
	return NULL;
}

/*
 * The backend of the connection's listener, as of now: indices mean nothing after a reload. NULL when the
 * listener was taken away since the client was accepted.
 */
static const struct backend *backend_of(const struct proxy *p, const struct relay *r)
{
	const struct bound *bound = tcp_listener_user(r->client.conn);

	const struct listener *l;
	int route;

	if (bound->listener < 0)
		return NULL;
	l = &p->snapshot->listeners[bound->listener];
	if (l->n_routes == 0)
		return &p->snapshot->backends[l->backend];
	if (!r->opening) /* it has long been decided */
		return backend_of_target(p, r->target);
	route = listener_route(l, r->opening->sni);
	return &p->snapshot->backends[route >= 0 ? (unsigned)route : l->backend];
}

void relay_opening(struct proxy *p, struct relay *r)
{
	const struct conn_facts *f = relay_facts(p, r);
	const struct backend *b;
	/* Whom a front speaks for, if one does. */
	const struct ip_addr *client = f ? &f->client : &tcp_flow(r->client.conn)->remote;
	struct opening *o = p->free_openings;

	if (o)
		p->free_openings = o->next;
	else
		o = &p->openings[p->n_openings++]; /* there is one for each relay */
	memset(o, 0, offsetof(struct opening, sni));
	memcpy(o->sni, p->hello.sni, p->hello.sni_len);
	o->sni[p->hello.sni_len] = '\0';
	r->opening = o;
	b = backend_of(p, r);
	if (b && b->hash_key == CONFIG_HASH_SNI && p->hello.sni_len > 0)
		o->key = balance_key(p->hello.sni, p->hello.sni_len);
	else
		o->key = balance_key(client->b, sizeof(client->b));
}

static struct balance_ask ask_for(struct proxy *p, const struct opening *o)
{
	return (struct balance_ask){
		.worker = p->worker,
		.n_workers = p->n_workers,
		.now_ms = proxy_now_ms(p),
		.key = o ? o->key : 0,
		.tried = o ? o->tried : NULL,
		.n_tried = o ? o->n_tried : 0,
		.random = &p->random,
	};
}

/* --- waiting for a target to have room --- */

static void wake_first(struct proxy *p, const struct backend_lane *queue)
{
	if (queue->first)
		relay_again(p, queue->first);
}

static void queue_leave(struct relay *r)
{
	struct opening *o = r->opening;
	struct backend_lane *queue = o->queue;

	if (!queue)
		return;
	*o->queue_prev = o->queue_next;
	if (o->queue_next)
		o->queue_next->opening->queue_prev = o->queue_prev;
	else
		queue->last = o->queue_prev;
	queue->n_waiting--;
	o->queue = NULL;
}

/* False: there is no room to wait in. */
static bool queue_join(struct proxy *p, struct relay *r, const struct backend *b)
{
	struct backend_lane *queue = &b->run->lanes[p->worker];
	struct opening *o = r->opening;
	int32_t left_ms;

	if (queue->n_waiting >= share_of(b->queue_size, p->worker, p->n_workers)) {
		queue->n_queue_full++;
		return false;
	}
	if (!o->has_waited) {
		queue->n_queued++;
		o->wait_until_ms = proxy_now_ms(p) + b->queue_timeout_ms;
		o->has_waited = true;
	}
	o->queue = queue;
	o->queue_next = NULL;
	o->queue_prev = queue->last;
	*queue->last = r;
	queue->last = &o->queue_next;
	queue->n_waiting++;
	left_ms = (int32_t)(o->wait_until_ms - proxy_now_ms(p));
	relay_deadline(p, r, left_ms > 0 ? (uint32_t)left_ms : 0);
	return true;
}

void relay_wake_all(struct proxy *p, const struct snapshot *s)
{
	for (unsigned i = 0; i < s->n_backends; i++) {
		const struct backend_lane *queue = &s->backends[i].run->lanes[p->worker];
		struct relay *r;

		while ((r = queue->first) != NULL) {
			queue_leave(r);
			relay_again(p, r);
		}
	}
}

/* --- choosing and connecting --- */

static void leave_target(struct proxy *p, struct relay *r)
{
	struct target_run *t = r->target;

	if (!t)
		return;
	r->target = NULL;
	wake_first(p, &t->group->lanes[p->worker]);
	balance_leave(t, p->worker);
}

void relay_leave_backend(struct proxy *p, struct relay *r)
{
	struct opening *o = r->opening;

	leave_target(p, r);
	if (!o)
		return;
	queue_leave(r);
	o->next = p->free_openings;
	p->free_openings = o;
	r->opening = NULL;
}

/* The target did not serve this connection. */
static void target_failed(struct proxy *p, struct relay *r, struct target_run *t)
{
	const struct balance_ask ask = ask_for(p, NULL);

	stats_inc(p->stats, STAT_BACKEND_FAILED);
	if (balance_failed(backend_of(p, r), t, &ask))
		stats_inc(p->stats, STAT_BACKEND_EJECTED);
}

static void note_tried(struct opening *o, const struct target_run *t)
{
	if (o->n_tried < RELAY_MAX_TRIED)
		o->tried[o->n_tried++] = t->id;
}

static bool open_leg(struct proxy *p, struct relay *r, const struct target *t)
{
	struct tcp_target to = { .ip = t->at.ip, .port = t->at.port };
	enum tcp_error error;

	r->flags &= (uint16_t)~RELAY_CONNECTED;
	r->backend.conn = tcp_connect(p->stack, &to, backend_user(r), p->now_us, &error);
	if (!r->backend.conn) {
		/* Ports and memory that we lack are no fault of the target's. */
		if (error == TCP_ERR_NO_ROUTE)
			target_failed(p, r, t->run);
		else
			stats_inc(p->stats, STAT_BACKEND_FAILED);
		return false;
	}
	r->target = t->run;
	balance_take(t->run, p->worker);
	return true;
}

/* Opens the leg to a target, or to the next that lets itself be tried. BALANCE_OK: it is under way. */
static enum balance_verdict try_targets(struct proxy *p, struct relay *r, const struct backend *b)
{
	struct backend_lane *lane = &b->run->lanes[p->worker];

	while (r->opening->n_tried <= b->retries) {
		const struct balance_ask ask = ask_for(p, r->opening);
		const struct target *t;
		enum balance_verdict verdict = balance_pick(b, &ask, &t);

		if (verdict != BALANCE_OK)
			return verdict;
		if (r->opening->n_tried > 0)
			lane->n_retried++;
		if (open_leg(p, r, t)) {
			relay_deadline(p, r, b->connect_timeout_ms);
			return BALANCE_OK;
		}
		note_tried(r->opening, t->run);
	}
	return BALANCE_NONE;
}

static void give_up(struct proxy *p, struct relay *r)
{
	relay_ended(p, r, CONN_END_NO_BACKEND);
	relay_goodbye(p, r, 0);
}

void relay_connect_again(struct proxy *p, struct relay *r)
{
	const struct backend *b = backend_of(p, r);
	struct opening *o = r->opening;
	struct backend_lane *lane;

	if (!b) {
		give_up(p, r);
		return;
	}
	lane = &b->run->lanes[p->worker];
	if (o->queue && lane->first != r)
		return; /* others were there before */
	/* One that was refused by a target does not queue up again. */
	if (!o->queue && lane->first && o->n_tried == 0) {
		wake_first(p, lane); /* a target may have come back meanwhile */
		if (!queue_join(p, r, b))
			give_up(p, r);
		return;
	}
	switch (try_targets(p, r, b)) {
	case BALANCE_OK:
		queue_leave(r);
		wake_first(p, lane); /* there may be room for more */
		break;
	case BALANCE_FULL:
		if (!o->queue && !queue_join(p, r, b))
			give_up(p, r);
		break;
	case BALANCE_NONE:
		lane->n_none++;
		give_up(p, r);
		break;
	}
}

void relay_connect(struct proxy *p, struct relay *r)
{
	relay_set_state(p, r, RELAY_CONNECT);
	relay_connect_again(p, r);
}

void relay_connect_expired(struct proxy *p, struct relay *r)
{
	if (r->opening->queue) {
		r->opening->queue->n_queue_timeouts++;
		give_up(p, r);
		return;
	}
	leg_abort(&r->backend);
	if (r->state == RELAY_ORIGIN)
		relay_origin_failed(p, r, TARGET_TLS_TIMEOUT);
	else
		relay_backend_failed(p, r);
}

const struct backend *relay_backend(const struct proxy *p, const struct relay *r)
{
	const struct backend *b = backend_of(p, r);

	/* A reload may have given the listener another one. */
	return b && b->run == r->target->group ? b : backend_of_target(p, r->target);
}

void relay_connected(struct proxy *p, struct relay *r)
{
	const struct backend *b = relay_backend(p, r);

	if (!b) { /* a reload took it away, and nobody knows any more how to speak to its targets */
		leg_abort(&r->backend);
		relay_try_another(p, r, false);
		return;
	}
	if (!relay_proxy_tell(p, r, b))
		return; /* TCP_EV_WRITABLE of the backend leg follows */
	if (b->has_tls)
		relay_origin_begin(p, r, p->snapshot->origins[b - p->snapshot->backends]);
	else
		relay_target_is_ready(p, r);
}

void relay_target_is_ready(struct proxy *p, struct relay *r)
{
	struct conn_facts *f = relay_facts(p, r);
	struct target_run *target = r->target;

	if (f) {
		f->connected_us = p->now_us;
		f->target = tcp_flow(r->backend.conn)->remote;
		f->target_port = tcp_flow(r->backend.conn)->remote_port;
	}
	stats_inc(p->stats, STAT_BACKEND_CONNECTED);
	target->lanes[p->worker].n_connected++;
	/* What it needed to get here; the target stays. */
	r->target = NULL;
	relay_leave_backend(p, r);
	r->target = target;
	relay_set_state(p, r, RELAY_OPEN);
	relay_deadline(p, r, r->idle_timeout_ms);
	relay_run(p, r);
}

void relay_backend_spoke(struct proxy *p, struct relay *r)
{
	if (r->flags & RELAY_SPOKE)
		return;
	r->flags |= RELAY_SPOKE;
	balance_succeeded(r->target, p->worker);
}

void relay_try_another(struct proxy *p, struct relay *r, bool is_to_blame)
{
	if (is_to_blame)
		target_failed(p, r, r->target);
	else
		stats_inc(p->stats, STAT_BACKEND_FAILED);
	note_tried(r->opening, r->target);
	leave_target(p, r);
	relay_connect_again(p, r);
}

void relay_backend_failed(struct proxy *p, struct relay *r)
{
	if (r->state == RELAY_CONNECT) {
		relay_try_another(p, r, true);
		return;
	}
	if (r->flags & RELAY_SPOKE)
		stats_inc(p->stats, STAT_BACKEND_FAILED);
	else
		target_failed(p, r, r->target);
	relay_ended(p, r, CONN_END_BACKEND_RESET);
	/* It broke off in the middle: a clean close would make a cut answer look whole. */
	relay_goodbye(p, r, ALERT_INTERNAL_ERROR);
}
