/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/admission.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/share.h"
#include "dataplane/base/siphash.h"

#define WAYS      4
#define N_SETS    8192 /* a power of two: 32,768 sources, 768 KB, on each worker that limits any */
#define SECOND_NS UINT64_C(1000000000)

/*
 * A rate by the generic cell rate algorithm (ITU-T I.371): one time instead of a bucket and its clock. It lies as far
 * ahead of now as what was let in is ahead of the rate.
 */
struct rate {
	uint64_t due_ns;
};

struct gate {
	uint32_t listener_id;
	bool is_used; /* by the current snapshot */
	uint32_t n_now, n_apart;
	struct rate rate, rate_apart; /* apart: of reserved sources */
};

struct source {
	uint64_t tag; /* 0: never used */
	struct rate rate;
	uint32_t n_now;
};

struct admission {
	struct siphash_key key;
	uint64_t n_untracked;
	struct admission_places handshakes;
	struct gate gates[ADMISSION_MAX_GATES];
	struct source sources[N_SETS * WAYS];
};

/* What is kept of a limit; 0: of none, or nothing. */
static uint32_t kept_of(uint32_t limit, unsigned share)
{
	uint32_t kept = (uint32_t)((uint64_t)limit * share / 100);

	return limit > 0 && share > 0 && kept == 0 ? 1 : kept;
}

struct admission_limits admission_part(
    const struct admission_limits *all, unsigned share, unsigned worker, unsigned n_workers)
{
	uint32_t per_second = share_of(all->per_second, worker, n_workers);
	uint32_t at_once = share_of(all->at_once, worker, n_workers);

	return (struct admission_limits){
		.per_second = per_second - kept_of(per_second, share),
		.at_once = at_once - kept_of(at_once, share),
		.reserved_per_second = kept_of(per_second, share),
		.reserved_at_once = kept_of(at_once, share),
		.source_per_second = share_of(all->source_per_second, worker, n_workers),
		.source_at_once = share_of(all->source_at_once, worker, n_workers),
	};
}

struct admission *admission_new(const uint8_t secret[16])
{
	struct admission *a = calloc(1, sizeof(*a));

	if (a)
		a->key = siphash_key_make(secret);
	return a;
}

void admission_free(struct admission *a)
{
	free(a);
}

/* One more at now: false when a second's worth is in use. */
static bool rate_take(struct rate *r, uint32_t per_second, uint64_t now_us)
{
	uint64_t step_ns = SECOND_NS / per_second, now_ns = now_us * 1000;

	if (r->due_ns < now_ns)
		r->due_ns = now_ns;
	if (r->due_ns - now_ns > SECOND_NS - step_ns)
		return false;
	r->due_ns += step_ns;
	return true;
}

/* --- places --- */

void admission_places_split(struct admission_places *p, uint32_t n, unsigned share)
{
	uint32_t kept = (uint32_t)((uint64_t)n * share / 100);

	if (share > 0 && kept == 0 && n > 1)
		kept = 1;
	p->kept = kept;
	p->everybodys = n - kept;
}

bool admission_places_take(struct admission_places *p, bool is_reserved, bool *is_kept)
{
	*is_kept = is_reserved && p->n_kept < p->kept;
	if (*is_kept)
		p->n_kept++;
	else if (p->n_everybodys < p->everybodys)
		p->n_everybodys++;
	else
		return false;
	return true;
}

void admission_places_give(struct admission_places *p, bool is_kept)
{
	uint32_t *n = is_kept ? &p->n_kept : &p->n_everybodys;

	assert(*n > 0);
	--*n;
}

void admission_room(struct admission *a, uint32_t handshakes, unsigned share)
{
	admission_places_split(&a->handshakes, handshakes, share);
}

/* --- gates --- */

void admission_renew(struct admission *a)
{
	for (unsigned i = 0; i < ADMISSION_MAX_GATES; i++)
		a->gates[i].is_used = false;
}

static bool is_gate_of(const struct gate *g, uint32_t listener_id)
{
	return g->listener_id == listener_id &&
	    (g->is_used || g->n_now + g->n_apart > 0 || g->rate.due_ns || g->rate_apart.due_ns);
}

uint32_t admission_gate(struct admission *a, uint32_t listener_id, uint32_t guess)
{
	struct gate *found = NULL;

	if (guess < ADMISSION_MAX_GATES && is_gate_of(&a->gates[guess], listener_id))
		found = &a->gates[guess];
	for (unsigned i = 0; !found && i < ADMISSION_MAX_GATES; i++)
		if (is_gate_of(&a->gates[i], listener_id))
			found = &a->gates[i];
	for (unsigned i = 0; !found && i < ADMISSION_MAX_GATES; i++) {
		struct gate *g = &a->gates[(guess + i) % ADMISSION_MAX_GATES];

		if (g->is_used || g->n_now + g->n_apart > 0)
			continue;
		*g = (struct gate){ .listener_id = listener_id };
		found = g;
	}
	if (!found)
		return 0;
	found->is_used = true;
	return (uint32_t)(found - a->gates) + 1;
}

/* --- sources --- */

static uint64_t tag_of(const struct admission *a, uint32_t listener_id, const struct ip_addr *ip)
{
	uint64_t key[3] = { ip->q[0], ip_addr_is_v4(ip) ? ip->q[1] : 0, listener_id };
	uint64_t tag = siphash13(&a->key, key, sizeof(key));

	return tag ? tag : 1;
}

/* Its place, or one that nobody needs any more: who holds nothing and owes least. NULL: all hold something. */
static struct source *find_source(struct admission *a, uint64_t tag)
{
	struct source *set = &a->sources[(tag & (N_SETS - 1)) * WAYS], *free_one = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		struct source *s = &set[i];

		if (s->tag == tag)
			return s;
		if (s->n_now == 0 && (!free_one || s->rate.due_ns < free_one->rate.due_ns))
			free_one = s;
	}
	if (free_one)
		*free_one = (struct source){ .tag = tag };
	return free_one;
}

static bool
enter_source(struct admission *a, uint32_t listener_id, const struct admission_limits *limits,
    const struct ip_addr *ip, uint64_t now_us, struct admission_ticket *ticket)
{
	struct source *s = find_source(a, tag_of(a, listener_id, ip));

	if (!s) {
		a->n_untracked++;
		return true;
	}
	if (limits->source_at_once && s->n_now >= limits->source_at_once)
		return false;
	if (limits->source_per_second && !rate_take(&s->rate, limits->source_per_second, now_us))
		return false;
	s->n_now++;
	ticket->source = (uint32_t)(s - a->sources) + 1;
	return true;
}

/* --- both --- */

enum admission_verdict
admission_enter(struct admission *a, uint32_t gate, const struct admission_limits *limits,
    const struct ip_addr *source, uint64_t now_us, struct admission_ticket *ticket)
{
	struct gate *g;

	*ticket = (struct admission_ticket){ .is_reserved = source == NULL };
	if (gate == 0)
		return ADMISSION_OK;
	g = &a->gates[gate - 1];
	ticket->is_apart = !source && g->n_apart < limits->reserved_at_once;
	/* The source first: one that has used up its own is not to use up what is everybody's. */
	if (source && (limits->source_at_once || limits->source_per_second) &&
	    !enter_source(a, g->listener_id, limits, source, now_us, ticket))
		return ADMISSION_SOURCE;
	if (limits->at_once && g->n_now >= limits->at_once && !ticket->is_apart) {
		admission_leave(a, ticket);
		return ADMISSION_AT_ONCE;
	}
	if (ticket->is_apart)
		g->n_apart++;
	else
		g->n_now++;
	ticket->gate = (uint16_t)gate;
	return ADMISSION_OK;
}

void admission_leave(struct admission *a, struct admission_ticket *ticket)
{
	if (ticket->source) {
		assert(a->sources[ticket->source - 1].n_now > 0);
		a->sources[ticket->source - 1].n_now--;
	}
	if (ticket->gate) {
		struct gate *g = &a->gates[ticket->gate - 1];
		uint32_t *n = ticket->is_apart ? &g->n_apart : &g->n_now;

		assert(*n > 0);
		--*n;
	}
	if (ticket->has_place)
		admission_places_give(&a->handshakes, ticket->place_is_kept);
	*ticket = (struct admission_ticket){ 0 };
}

bool admission_take_place(struct admission *a, struct admission_ticket *ticket)
{
	bool is_kept = false;

	assert(!ticket->has_place);
	ticket->has_place = admission_places_take(&a->handshakes, ticket->is_reserved, &is_kept);
	ticket->place_is_kept = is_kept;
	return ticket->has_place;
}

bool admission_start(struct admission *a, const struct admission_ticket *ticket,
    const struct admission_limits *limits, uint64_t now_us)
{
	struct gate *g;

	if (ticket->gate == 0 || limits->per_second == 0)
		return true;
	g = &a->gates[ticket->gate - 1];
	if (ticket->is_reserved && limits->reserved_per_second &&
	    rate_take(&g->rate_apart, limits->reserved_per_second, now_us))
		return true;
	return rate_take(&g->rate, limits->per_second, now_us);
}

uint64_t admission_untracked(const struct admission *a)
{
	return a->n_untracked;
}
