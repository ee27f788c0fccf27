/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/health.h"
#include "dataplane/proxy/relay.h"
#include "tls/handshake.h"

/*
 * Whose handshake begins, and when. Handshakes are by far the dearest thing that a stranger can ask for, so packets get in
 * between wherever that is possible: a turn of the worker is one batch of key operations (one step of it, where it takes long),
 * or as many steps of handshakes in between as take SLICE_US. Only so many begin together as take about COHORT_US, or fill a
 * batch, and the others wait in line; those that have begun do their key operations side by side, and the next ones begin when they
 * are through. The line is as long as what can be done in WAIT_US: who would wait longer is
 * refused at once, which is cheap, rather than after a timeout.
 */
#define SLICE_US      20
#define COHORT_US     250
#define MAX_STAGES    4 /* rounds of batches after which others begin, whatever still comes up */
#define REST_PARTS    4
#define REST_MAX_US   1000 /* a turn that took longer was interrupted */
#define WAIT_US       1000000
#define MAX_STARTS    64    /* in one cohort */
#define BATCH         8     /* key operations that cost little more than one (tls/pkey.h) */
#define COST_SHIFT    4     /* fraction bits of the average */
#define COST_FIRST_US 60    /* until it is known better */
#define COST_MAX_US   20000 /* more was somebody else's use of the core */

void relay_turns_init(struct proxy *p)
{
	for (unsigned i = 0; i < 2; i++)
		p->waiting[i].end = &p->waiting[i].first;
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

static unsigned cohort_size(const struct proxy *p)
{
	unsigned n = COHORT_US / start_cost_us(p),
		 least = tls_worker_has_batches(p->tls) ? BATCH : 1;

	if (n > MAX_STARTS)
		return MAX_STARTS;
	return n > least ? n : least;
}

/* --- who --- */

void relay_split_places(struct proxy *p)
{
	admission_places_split(&p->places, p->n_relays, p->reserved_share);
	admission_room(p->admission, tls_worker_max_handshakes(p->tls), p->reserved_share);
}

bool relay_has_room(
    struct proxy *p, const struct listener *l, const struct ip_addr *peer, bool *is_kept)
{
	bool may_be_reserved = source_set_has(l->reserved, peer) || source_set_has(l->fronts, peer);

	return admission_places_take(&p->places, may_be_reserved, is_kept);
}

/* It has the place of a reserved source, and turns out to be none: one of everybody's, if there is one. */
static bool give_up_kept(struct proxy *p, struct relay *r)
{
	bool is_kept;

	if (!(r->flags & RELAY_KEPT))
		return true;
	if (!admission_places_take(&p->places, false, &is_kept))
		return false;
	admission_places_give(&p->places, true);
	r->flags &= (uint16_t)~RELAY_KEPT;
	return true;
}

bool relay_may_begin(struct proxy *p, struct relay *r, const struct listener *l)
{
	const struct conn_facts *f = relay_facts(p, r);
	const struct ip_addr *source = f ? &f->client : &tcp_flow(r->client.conn)->remote;
	size_t index = (size_t)(l - p->snapshot->listeners);
	uint32_t gate = index < ADMISSION_MAX_GATES ? p->gates[index] : 0;

	if (source_set_has(l->reserved, source)) {
		r->flags |= RELAY_RESERVED;
		stats_inc(p->stats, STAT_HANDSHAKES_RESERVED);
		source = NULL;
	} else if (!give_up_kept(p, r)) {
		relay_reject(p, r, CONN_END_REFUSED_FULL);
		return false;
	}
	switch (admission_enter(p->admission, gate, &l->limits[p->worker], source, p->now_us,
	    &p->tickets[r - p->relays])) {
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
	if (admission_start(
		p->admission, &p->tickets[r - p->relays], &l->limits[p->worker], p->now_us))
		return true;
	stats_inc(p->stats, STAT_REFUSED_RATE);
	relay_reject(p, r, CONN_END_REFUSED_RATE);
	return false;
}

bool relay_may_shake(struct proxy *p, struct relay *r)
{
	if (admission_take_place(p->admission, &p->tickets[r - p->relays]))
		return true;
	stats_inc(p->stats, STAT_REFUSED_AT_ONCE);
	relay_reject(p, r, CONN_END_REFUSED_HANDSHAKES);
	return false;
}

void relay_has_begun(struct proxy *p, struct relay *r)
{
	admission_leave(p->admission, &p->tickets[r - p->relays]);
}

/* --- when --- */

static struct relay_line *line_of(struct proxy *p, const struct relay *r)
{
	return &p->waiting[(r->flags & RELAY_RESERVED) != 0];
}

/* How many may stand in a line: what its part of the worker does in WAIT_US. */
static uint32_t line_room(const struct proxy *p, bool is_reserved)
{
	unsigned share = is_reserved ? p->reserved_share : 100 - p->reserved_share;

	return WAIT_US / start_cost_us(p) * share / 100;
}

void relay_await_turn(struct proxy *p, struct relay *r)
{
	const struct listener *l = relay_listener(p, r);
	struct relay_line *line = line_of(p, r);
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
	if (line->n > line_room(p, r->flags & RELAY_RESERVED)) {
		stats_inc(p->stats, STAT_REFUSED_BUSY);
		relay_reject(p, r, CONN_END_REFUSED_HANDSHAKES);
		return;
	}
	r->flags |= RELAY_AGAIN;
	r->next = 0;
	*line->end = relay_number(p, r);
	line->end = &r->next;
	line->n++;
}

static struct relay *next_in_line(const struct proxy *p, struct relay_line *line)
{
	struct relay *r = relay_at(p, line->first);

	if (!r)
		return NULL;
	line->first = r->next;
	if (!line->first)
		line->end = &line->first;
	line->n--;
	r->flags &= (uint16_t)~RELAY_AGAIN;
	return r;
}

bool relay_turns_are_due(const struct proxy *p)
{
	return p->waiting[0].first || p->waiting[1].first || tls_worker_is_waiting(p->tls);
}

/*
 * Those in line begin, as many as fit together, when those before are through. Of a cohort, which may be as small as one,
 * reserved sources have their share first; then it is everybody's turn, and theirs again when there is nobody else.
 */
static bool next_cohort(struct proxy *p)
{
	bool has_reserved = p->waiting[1].first != 0;

	if (!p->waiting[0].first && !has_reserved)
		return false;
	if (p->n_begun > 0)
		learn_cost(p, p->cohort_us / p->n_begun);
	p->n_begun = 0;
	p->cohort_us = 0;
	p->cohort_stages = 0;
	p->to_begin = cohort_size(p);
	p->reserved_credit += p->to_begin * p->reserved_share;
	if (!has_reserved || p->reserved_credit > MAX_STARTS * 100)
		p->reserved_credit = 100;
	return true;
}

/* Looks at the next in line. False: nobody is to begin now. */
static bool begin_one(struct proxy *p)
{
	struct relay_line *others = &p->waiting[0], *reserved = &p->waiting[1];
	bool is_due = reserved->first && p->reserved_credit >= 100;
	struct relay *r = NULL;

	if (p->to_begin > 0)
		r = next_in_line(p, is_due || !others->first ? reserved : others);
	if (!r) {
		p->to_begin = 0;
		return false;
	}
	if (r->state == RELAY_FREE) { /* it went away while it waited */
		relay_recycle(p, r);
		return true;
	}
	relay_hello(p, r);
	if (r->state == RELAY_HANDSHAKE || r->state == RELAY_CONNECT) {
		p->to_begin--;
		if (p->n_begun++ == 0)
			stats_inc(p->stats, STAT_HANDSHAKE_COHORTS);
		p->reserved_credit -= is_due ? 100 : 0;
	}
	return true;
}

/* The next handshake whose key operation is done. False: there is none. */
static bool resume_one(struct proxy *p)
{
	uintptr_t user = (uintptr_t)tls_worker_ready(p->tls);
	void *owner = (void *)(user & ~(uintptr_t)PROXY_USER_BITS);

	if (!user)
		return false;
	if (user & PROXY_USER_HEALTH)
		health_run(p, owner);
	else
		relay_run(p, owner);
	return true;
}

/* Handshakes that need no key operation to go on, or not yet. False: there were none. */
static bool run_handshakes(struct proxy *p, uint64_t until_us)
{
	bool any = false;

	while (
	    resume_one(p) || begin_one(p) || (!tls_worker_is_waiting(p->tls) && next_cohort(p))) {
		any = true;
		if (clock_now_us(p) >= until_us)
			break;
	}
	return any;
}

/* False: others begin first. */
static bool run_key_operations(struct proxy *p)
{
	if (p->cohort_stages >= MAX_STAGES && next_cohort(p))
		return false;
	tls_worker_poll(p->tls);
	p->cohort_stages += !tls_worker_is_amid(p->tls);
	return true;
}

/*
 * While packets wait, handshakes have one part of the core and packets REST_PARTS: most of these are the same flood's and cost
 * little each, but where they are not taken in as fast as they come, a ring runs over and everybody's are lost.
 */
static bool is_their_turn(const struct proxy *p, uint64_t now_us, bool is_crowded)
{
	return !is_crowded || now_us >= p->packets_until_us;
}

bool relay_turns(struct proxy *p, bool is_crowded)
{
	uint64_t began_us, took_us;

	if (!relay_turns_are_due(p))
		return false;
	began_us = clock_now_us(p);
	if (!is_their_turn(p, began_us, is_crowded))
		return false;
	if (!run_handshakes(p, began_us + SLICE_US) && !run_key_operations(p))
		run_handshakes(p, began_us + SLICE_US);
	took_us = clock_now_us(p) - began_us;
	p->cohort_us += took_us;
	p->packets_until_us =
	    began_us + took_us + REST_PARTS * (took_us < REST_MAX_US ? took_us : REST_MAX_US);
	return true;
}
