/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/proxy.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "dataplane/proxy/health.h"
#include "dataplane/proxy/leaving.h"
#include "dataplane/proxy/relay.h"
#include "tls/drbg.h"
#include "tls/handshake.h"

#define AGAIN_MS   1
#define FOREVER_US (1000 * 1000)
#define SWEEP      512 /* relays that a sweep looks at in a turn */

struct proxy *proxy_new(const struct proxy_config *config, uint64_t now_us)
{
	struct proxy *p = calloc(1, sizeof(*p));
	uint8_t secret[16] = { 0 };

	if (!p)
		return NULL;
	p->stack = config->stack;
	p->tls = config->tls;
	p->aead = tls_worker_aead(config->tls);
	p->stats = config->stats;
	p->log = config->log;
	p->now_us = now_us;
	p->n_relays = config->max_relays;
	p->worker = config->worker;
	p->n_workers = config->n_workers;
	p->random = now_us ^ (uint64_t)config->worker << 56;
	p->again_end = &p->again;
	wheel_init(&p->wheel, proxy_now_ms(p));
	wheel_init(&p->checks, proxy_now_ms(p));
	wheel_init(&p->leaving, proxy_now_ms(p));
	/* One more line, so that the first can begin at one. */
	p->relays_memory = calloc((size_t)p->n_relays * sizeof(*p->relays) + 64, 1);
	p->openings = calloc(p->n_relays, sizeof(*p->openings));
	p->facts = calloc(p->n_relays, sizeof(*p->facts));
	p->origins = calloc(p->n_relays, sizeof(*p->origins));
	p->tickets = calloc(p->n_relays, sizeof(*p->tickets));
	p->ids = drbg_new();
	if (p->ids)
		drbg_read(p->ids, secret, sizeof(secret));
	p->admission = admission_new(secret);
	relay_turns_init(p);
	if (!p->relays_memory || !p->openings || !p->facts || !p->origins || !p->tickets ||
	    !p->ids || !p->admission) {
		p->n_relays = 0;
		proxy_free(p);
		return NULL;
	}
	p->relays = RTE_PTR_ALIGN_CEIL(p->relays_memory, 64);
	for (uint32_t i = p->n_relays; i > 0; i--) {
		p->relays[i - 1].next = p->free;
		p->free = i;
	}
	return p;
}

void proxy_free(struct proxy *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->n_relays; i++)
		if (p->relays[i].state != RELAY_FREE) {
			relay_ended(p, &p->relays[i], CONN_END_SHUTDOWN);
			relay_break(p, &p->relays[i]);
		}
	if (p->snapshot) {
		health_stop(p, p->snapshot);
		leaving_stop(p);
	}
	admission_free(p->admission);
	drbg_free(p->ids);
	free(p->tickets);
	free(p->facts);
	free(p->origins);
	free(p->openings);
	free(p->relays_memory);
	free(p);
}

static struct bound *bound_find(struct proxy *p, const struct endpoint *at)
{
	for (unsigned i = 0; i < p->n_bound; i++)
		if (p->bound[i].at.port == at->port && ip_addr_eq(&p->bound[i].at.ip, &at->ip))
			return &p->bound[i];
	return NULL;
}

/* A place for one more: one that was closed and is forgotten by all, or a new one. NULL: there is none. */
static struct bound *bound_new(struct proxy *p)
{
	if (p->n_bound < PROXY_MAX_BOUND)
		return &p->bound[p->n_bound++];
	for (unsigned i = 0; i < p->n_bound; i++)
		if (p->bound[i].listener < 0 && !tcp_listener_is_used(p->stack, &p->bound[i]))
			return &p->bound[i];
	return NULL;
}

static int bind_one(struct proxy *p, const struct endpoint *at, unsigned listener)
{
	struct bound *b = bound_find(p, at);

	if (!b) {
		b = bound_new(p);
		if (!b)
			return -1;
		*b = (struct bound){ .at = *at, .listener = -1 };
	}
	if (b->listener < 0 && tcp_listen(p->stack, &at->ip, at->port, b) < 0)
		return -1;
	b->listener = (int)listener;
	return 0;
}

static void unbind(struct proxy *p, struct bound *b)
{
	if (b->listener >= 0)
		tcp_unlisten(p->stack, &b->at.ip, b->at.port);
	b->listener = -1;
}

static bool is_bound_in(const struct snapshot *s, const struct endpoint *at)
{
	for (unsigned l = 0; l < s->n_listeners; l++)
		for (unsigned i = 0; i < s->listeners[l].n_bind; i++) {
			const struct endpoint *b = &s->listeners[l].bind[i];

			if (b->port == at->port && ip_addr_eq(&b->ip, &at->ip))
				return true;
		}
	return false;
}

static void adopt_backends(struct proxy *p, const struct snapshot *next)
{
	if (p->snapshot)
		relay_wake_all(p, p->snapshot);
	health_adopt(p, p->snapshot, next);
	leaving_adopt(p, p->snapshot, next);
}

unsigned proxy_adopt(struct proxy *p, const struct snapshot *snapshot)
{
	unsigned failed = 0;

	if (!p->snapshot || p->snapshot->backends != snapshot->backends)
		adopt_backends(p, snapshot);
	for (unsigned i = 0; i < p->n_bound; i++)
		if (p->draining || !is_bound_in(snapshot, &p->bound[i].at))
			unbind(p, &p->bound[i]);
	for (unsigned l = 0; l < snapshot->n_listeners && !p->draining; l++)
		for (unsigned i = 0; i < snapshot->listeners[l].n_bind; i++)
			failed += bind_one(p, &snapshot->listeners[l].bind[i], l) < 0;
	admission_renew(p->admission);
	p->reserved_share = 0;
	for (unsigned l = 0; l < snapshot->n_listeners; l++)
		if (snapshot->listeners[l].reserved_share > p->reserved_share)
			p->reserved_share = snapshot->listeners[l].reserved_share;
	relay_split_places(p);
	for (unsigned l = 0; l < snapshot->n_listeners && l < ADMISSION_MAX_GATES; l++) {
		const char *name = snapshot->listeners[l].name;

		p->gates[l] =
		    admission_gate(p->admission, (uint32_t)balance_key(name, strlen(name)), l);
	}
	p->snapshot = snapshot;
	return failed;
}

static void conn_event(struct proxy *p, struct tcp_conn *conn, unsigned events)
{
	uintptr_t user = (uintptr_t)tcp_user(conn);
	void *owner = (void *)(user & ~(uintptr_t)PROXY_USER_BITS);
	struct relay *r = owner;

	if (user & PROXY_USER_HEALTH) {
		health_event(p, owner, events);
		return;
	}
	if (!r) {
		if (!(events & TCP_EV_ESTABLISHED)) { /* over before it was handed to anybody */
			tcp_release(conn);
			return;
		}
		r = relay_accept(p, conn);
		if (!r)
			return;
	}
	relay_event(p, r, user & PROXY_USER_BACKEND, events);
}

static void run_again(struct proxy *p)
{
	struct relay *r = relay_at(p, p->again), *next;

	p->again = 0;
	p->again_end = &p->again;
	for (; r; r = next) {
		next = relay_at(p, r->next);
		r->flags &= (uint16_t)~RELAY_AGAIN;
		if (r->state == RELAY_FREE) {
			relay_recycle(p, r);
		} else {
			relay_run(p, r);
		}
	}
}

#define OWNER_OF(node, type, member) \
	((struct type *)(void *)((char *)(node)-offsetof(struct type, member)))

/* At most budget timers of each kind. */
static void run_timers(struct proxy *p, unsigned budget)
{
	uint32_t now_ms = proxy_now_ms(p);
	struct wheel_node *node;

	for (unsigned i = 0; i < budget && (node = wheel_next(&p->wheel, now_ms)) != NULL; i++)
		relay_expired(p, OWNER_OF(node, relay, timer));
	for (unsigned i = 0; i < budget && (node = wheel_next(&p->checks, now_ms)) != NULL; i++)
		health_expired(p, OWNER_OF(node, health, timer));
	for (unsigned i = 0; i < budget && (node = wheel_next(&p->leaving, now_ms)) != NULL; i++)
		leaving_expired(p, OWNER_OF(node, target_lane, leave_timer));
}

/* In how many ms the next timer of any kind comes up. */
static int32_t next_timer(const struct proxy *p)
{
	const struct wheel *wheels[] = { &p->wheel, &p->checks, &p->leaving };
	int32_t first = FOREVER_US / 1000;

	for (unsigned i = 0; i < sizeof(wheels) / sizeof(wheels[0]); i++) {
		int32_t in_ms = (int32_t)(wheel_deadline(wheels[i]) - proxy_now_ms(p));

		if (in_ms < first)
			first = in_ms;
	}
	return first;
}

bool proxy_shake(struct proxy *p, uint64_t now_us, bool is_crowded)
{
	p->now_us = now_us;
	return relay_turns(p, is_crowded);
}

uint64_t proxy_run(struct proxy *p, uint64_t now_us, unsigned budget)
{
	struct tcp_conn *conn;
	unsigned events;
	int32_t wait_ms;

	p->now_us = now_us;
	p->has_run = p->again != 0;
	run_again(p);
	while ((conn = stack_ready_next(p->stack, &events)) != NULL) {
		p->has_run = true;
		conn_event(p, conn, events);
	}
	run_timers(p, budget);
	leaving_sweep(p, SWEEP);
	if (proxy_is_busy(p))
		return now_us;
	wait_ms = next_timer(p);
	return now_us + (wait_ms > 0 ? (uint64_t)wait_ms * 1000 : AGAIN_MS * 1000);
}

bool proxy_is_busy(const struct proxy *p)
{
	return p->again != 0 || relay_turns_are_due(p) || p->sweep_left > 0;
}

bool proxy_has_run(const struct proxy *p)
{
	return p->has_run;
}

void proxy_drain(struct proxy *p)
{
	p->draining = true;
	for (unsigned i = 0; i < p->n_bound; i++)
		unbind(p, &p->bound[i]);
}

void proxy_close_all(struct proxy *p)
{
	for (uint32_t i = 0; i < p->n_relays; i++) {
		struct relay *r = &p->relays[i];

		if (r->state != RELAY_FREE)
			relay_ended(p, r, CONN_END_SHUTDOWN);
		if (r->state == RELAY_OPEN || r->state == RELAY_CONNECT || r->state == RELAY_ORIGIN)
			relay_goodbye(p, r, 0);
		else if (r->state != RELAY_FREE && r->state != RELAY_LINGER)
			relay_break(p, r);
	}
}

uint32_t proxy_active(const struct proxy *p)
{
	return p->n_active;
}
