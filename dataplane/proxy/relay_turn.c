/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/health.h"
#include "dataplane/proxy/relay.h"
#include "tls/handshake.h"

/*
 * Whose handshake begins, and when. Handshakes are by far the dearest thing that a stranger can ask for: only so many
 * begin together as take about TURN_US, or fill a batch, and the others wait in line. Those that have begun do one key operation
 * each in a turn of the worker, side by side, so that packets of established connections wait for one batch and not
 * for whole handshakes; the next ones begin when they are through. The line is as long as what can be done in
 * WAIT_US: who would wait longer is refused at once, which is cheap, rather than after a timeout.
 */
#define TURN_US       250
#define MAX_STAGES    4 /* turns after which others begin, even if key operations always come up */
#define WAIT_US       1000000
#define MAX_LOOKS     256   /* at hellos that turn out to be incomplete, in one turn */
#define MAX_STARTS    64    /* in one turn */
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

	if (source_set_has(l->reserved, source)) {
		r->flags |= RELAY_RESERVED;
		stats_inc(p->stats, STAT_HANDSHAKES_RESERVED);
		source = NULL;
	}
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
	r->next = NULL;
	*line->end = r;
	line->end = &r->next;
	line->n++;
}

static struct relay *next_in_line(struct relay_line *line)
{
	struct relay *r = line->first;

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

static void run_handshake(struct proxy *p, uintptr_t user)
{
	void *owner = (void *)(user & ~(uintptr_t)PROXY_USER_BITS);

	if (user & PROXY_USER_HEALTH)
		health_run(p, owner);
	else
		relay_run(p, owner);
}

/* One key operation of each that waits for one. */
static void run_handshakes(struct proxy *p)
{
	void *user;

	tls_worker_poll(p->tls);
	while ((user = tls_worker_ready(p->tls)) != NULL)
		run_handshake(p, (uintptr_t)user);
}

/* Lets at most n of a line begin; returns how many did. */
static unsigned start_some(struct proxy *p, struct relay_line *line, unsigned n)
{
	unsigned started = 0;
	struct relay *r;

	for (unsigned looks = 0; started < n && looks < MAX_LOOKS; looks++) {
		r = next_in_line(line);
		if (!r)
			break;
		if (r->state == RELAY_FREE) { /* it went away while it waited */
			r->next = p->free;
			p->free = r;
			continue;
		}
		relay_hello(p, r);
		started += r->state == RELAY_HANDSHAKE || r->state == RELAY_CONNECT;
	}
	return started;
}

/*
 * Of the starts in a turn, which may be as few as one, reserved sources have their share, and nobody else uses it while they
 * want it; then it is everybody's turn, and theirs again when there is nobody else.
 */
static unsigned start_all(struct proxy *p, unsigned most)
{
	struct relay_line *others = &p->waiting[0], *reserved = &p->waiting[1];
	unsigned due, n;

	p->reserved_credit += most * p->reserved_share;
	if (!reserved->first || p->reserved_credit > MAX_STARTS * 100)
		p->reserved_credit = 100;
	due = p->reserved_credit / 100;
	n = start_some(p, reserved, due < most ? due : most);
	p->reserved_credit -= n * 100;
	n += start_some(p, others, most - n);
	return n + start_some(p, reserved, most - n);
}

static void begin_next(struct proxy *p)
{
	if (p->cohort > 0)
		learn_cost(p, p->cohort_us / p->cohort);
	p->cohort_us = 0;
	p->cohort_stages = 0;
	p->cohort = start_all(p, starts_per_turn(p));
}

void relay_turns(struct proxy *p)
{
	uint64_t began_us;

	if (!relay_turns_are_due(p))
		return;
	began_us = clock_now_us(p);
	if (!tls_worker_is_waiting(p->tls) || ++p->cohort_stages >= MAX_STAGES)
		begin_next(p);
	run_handshakes(p);
	p->cohort_us += clock_now_us(p) - began_us;
}
