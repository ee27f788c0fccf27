/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/relay.h"
#include "tls/handshake.h"

/*
 * Whose handshake begins, and when. Handshakes are by far the dearest thing that a stranger can ask for: in
 * one turn of the worker only so many begin as take about TURN_US, the others wait in line; packets of established
 * connections get their turn in between. The line is as long as what can be done in WAIT_US: who
 * would wait longer is refused at once, which is cheap, rather than after a timeout.
 */
#define TURN_US       1000
#define WAIT_US       1000000
#define MAX_LOOKS     256   /* at hellos that turn out to be incomplete, in one turn */
#define MAX_STARTS    64    /* in one turn */
#define BATCH         8     /* key operations that cost little more than one (tls/pkey.h) */
#define COST_SHIFT    4     /* fraction bits of the average */
#define COST_FIRST_US 60    /* until it is known better */
#define COST_MAX_US   20000 /* more was somebody else's use of the core */

void relay_turns_init(struct proxy *p)
{
	p->waiting_end = &p->waiting;
	p->start_cost = COST_FIRST_US << COST_SHIFT;
	clock_init(&p->clock);
}

static uint64_t clock_now_us(const struct proxy *p)
{
	return clock_us(&p->clock, rte_rdtsc());
}

/* Microseconds that a handshake's beginning has cost of late, 1 at least. */
static uint32_t start_cost_us(const struct proxy *p)
{
	uint32_t us = p->start_cost >> COST_SHIFT;

	return us ? us : 1;
}

static void learn_cost(struct proxy *p, uint64_t us_each)
{
	uint32_t sample = (uint32_t)(us_each < COST_MAX_US ? us_each : COST_MAX_US) << COST_SHIFT;

	p->start_cost += (uint32_t)((int32_t)(sample - p->start_cost) / 8);
}

static unsigned starts_per_turn(const struct proxy *p)
{
	unsigned n = TURN_US / start_cost_us(p), least = tls_worker_has_batches(p->tls) ? BATCH : 1;

	if (n > MAX_STARTS)
		return MAX_STARTS;
	return n > least ? n : least;
}

/* --- who --- */

bool relay_may_begin(struct proxy *p, struct relay *r, const struct listener *l)
{
	const struct conn_facts *f = relay_facts(p, r);
	const struct ip_addr *source = f ? &f->client : &tcp_flow(r->client.conn)->remote;
	size_t index = (size_t)(l - p->snapshot->listeners);
	uint32_t gate = index < ADMISSION_MAX_GATES ? p->gates[index] : 0;

	switch (admission_enter(
	    p->admission, gate, &l->limits, source, p->now_us, &p->tickets[r - p->relays])) {
	case ADMISSION_OK:
		return true;
	case ADMISSION_AT_ONCE:
		stats_inc(p->stats, STAT_REFUSED_AT_ONCE);
		relay_reject(p, r, CONN_END_REFUSED_HANDSHAKES);
		return false;
	case ADMISSION_SOURCE:
		stats_inc(p->stats, STAT_REFUSED_SOURCE);
		relay_reject(p, r, CONN_END_REFUSED_SOURCE);
		return false;
	}
	return false;
}

bool relay_may_start(struct proxy *p, struct relay *r, const struct listener *l)
{
	if (admission_start(p->admission, &p->tickets[r - p->relays], &l->limits, p->now_us))
		return true;
	stats_inc(p->stats, STAT_REFUSED_RATE);
	relay_reject(p, r, CONN_END_REFUSED_RATE);
	return false;
}

void relay_has_begun(struct proxy *p, struct relay *r)
{
	admission_leave(p->admission, &p->tickets[r - p->relays]);
}

/* --- when --- */

void relay_await_turn(struct proxy *p, struct relay *r)
{
	const struct listener *l = relay_listener(p, r);
	uint32_t least = r->need > 0 ? r->need : 1;

	if (r->flags & RELAY_AGAIN)
		return;
	if (l && l->passthrough) { /* costs nothing: the handshake is the target's */
		relay_hello(p, r);
		return;
	}
	if (leg_available(&r->client) < least && !(r->need & RELAY_NO_MORE) &&
	    !leg_is_finished(&r->client))
		return;
	if (p->n_waiting >= WAIT_US / start_cost_us(p)) {
		stats_inc(p->stats, STAT_REFUSED_BUSY);
		relay_reject(p, r, CONN_END_REFUSED_HANDSHAKES);
		return;
	}
	r->flags |= RELAY_AGAIN;
	r->next = NULL;
	*p->waiting_end = r;
	p->waiting_end = &r->next;
	p->n_waiting++;
}

static struct relay *next_in_line(struct proxy *p)
{
	struct relay *r = p->waiting;

	if (!r)
		return NULL;
	p->waiting = r->next;
	if (!p->waiting)
		p->waiting_end = &p->waiting;
	p->n_waiting--;
	r->flags &= (uint16_t)~RELAY_AGAIN;
	return r;
}

/* A handshake needs several key operations one after the other: all of them in this turn. */
static void run_handshakes(struct proxy *p)
{
	bool any;

	do {
		struct relay *r;

		any = false;
		tls_worker_poll(p->tls);
		while ((r = tls_worker_ready(p->tls)) != NULL) {
			any = true;
			relay_run(p, r);
		}
	} while (any);
}

void relay_turns(struct proxy *p)
{
	unsigned left = starts_per_turn(p), n = 0;
	uint64_t began_us = p->waiting ? clock_now_us(p) : 0;
	struct relay *r;

	for (unsigned looks = 0; n < left && looks < MAX_LOOKS; looks++) {
		r = next_in_line(p);
		if (!r)
			break;
		if (r->state == RELAY_FREE) { /* it went away while it waited */
			r->next = p->free;
			p->free = r;
			continue;
		}
		relay_hello(p, r);
		n += r->state == RELAY_HANDSHAKE || r->state == RELAY_CONNECT;
	}
	run_handshakes(p);
	if (n > 0)
		learn_cost(p, (clock_now_us(p) - began_us) / n);
}
