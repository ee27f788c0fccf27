/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/balance.h"

#include <math.h>

#include "dataplane/base/share.h"
#include "dataplane/base/siphash.h"

#define UNIT       256 /* a weight of 1, so that slow start can give less */
#define RAMP_FLOOR 26  /* of UNIT: a tenth, or nobody would ever try it */
#define DRAWS      8   /* for one target that can be chosen; then the pass over all decides */

/* One choice under way. */
struct pick {
	const struct backend *b;
	const struct balance_ask *ask;
	bool any; /* ejected ones, too */
	bool full;
};

static struct target_lane *lane_of(const struct pick *p, const struct target *t)
{
	return &t->run->lanes[p->ask->worker];
}

/* What was ejected is back when its time is over, or when a reload said that nothing is to be ejected. */
static bool is_ejected(const struct backend *b, struct target_lane *l, uint32_t now_ms)
{
	if (l->flags & LANE_EJECTED &&
	    (b->outlier.failures == 0 || (int32_t)(now_ms - l->until_ms) >= 0))
		l->flags &= (uint16_t)~LANE_EJECTED;
	return l->flags & LANE_EJECTED;
}

static bool is_usable(const struct pick *p, const struct target *t, struct target_lane *l)
{
	uint8_t verdict;

	if (t->weight == 0 || t->drain)
		return false;
	verdict = atomic_load_explicit(&t->run->verdict, memory_order_relaxed);
	if (p->b->checked && (verdict == TARGET_NEW || verdict == TARGET_DOWN) &&
	    !atomic_load_explicit(&p->b->run->panic, memory_order_relaxed)) {
		/* The checks say when it is back, and then it is back. */
		l->flags &= (uint16_t)~LANE_EJECTED;
		return false;
	}
	return p->any || !is_ejected(p->b, l, p->ask->now_ms);
}

/* Its weight in UNITs now; 0: it cannot be used. Notices that it has come back. */
static uint32_t weight_of(const struct pick *p, const struct target *t)
{
	struct target_lane *l = lane_of(p, t);
	uint32_t age, part;

	if (!is_usable(p, t, l)) {
		l->flags &= (uint16_t) ~(LANE_USED | LANE_RAMPING);
		return 0;
	}
	if (!(l->flags & LANE_USED)) {
		l->flags |= LANE_USED;
		l->since_ms = p->ask->now_ms;
		if (p->b->slow_start_ms > 0)
			l->flags |= LANE_RAMPING;
	}
	if (!(l->flags & LANE_RAMPING))
		return t->weight * UNIT;
	age = p->ask->now_ms - l->since_ms;
	if (age >= p->b->slow_start_ms) {
		l->flags &= (uint16_t)~LANE_RAMPING;
		return t->weight * UNIT;
	}
	part = (uint32_t)((uint64_t)age * UNIT / p->b->slow_start_ms);
	return t->weight * (part < RAMP_FLOOR ? RAMP_FLOOR : part);
}

static bool was_tried(const struct pick *p, const struct target *t)
{
	for (unsigned i = 0; i < p->ask->n_tried; i++)
		if (p->ask->tried[i] == t->run->id)
			return true;
	return false;
}

/* The weight to choose it by, as weight_of; 0 also when it was tried or is full. */
static uint32_t candidate(struct pick *p, const struct target *t)
{
	uint32_t weight = was_tried(p, t) ? 0 : weight_of(p, t);

	if (weight > 0 && t->max_connections > 0 &&
	    lane_of(p, t)->active >=
		share_of(t->max_connections, p->ask->worker, p->ask->n_workers)) {
		p->full = true;
		return 0;
	}
	return weight;
}

/* --- round robin, and least connections with round robin among equals --- */

/* Compares connections for their weight: negative when a has fewer. */
static int compare_load(uint32_t a, uint32_t weight_a, uint32_t b, uint32_t weight_b)
{
	uint64_t x = (uint64_t)a * weight_b, y = (uint64_t)b * weight_a;

	return (x > y) - (x < y);
}

/* The least load of all: *active connections for *weight; false when there is no candidate. */
static bool least_load(struct pick *p, uint32_t *active, uint32_t *weight)
{
	*weight = 0;
	for (unsigned i = 0; i < p->b->n_targets; i++) {
		const struct target *t = &p->b->targets[i];
		uint32_t w = candidate(p, t), a = lane_of(p, t)->active;

		if (w == 0 || (*weight && compare_load(a, w, *active, *weight) >= 0))
			continue;
		*active = a;
		*weight = w;
	}
	return *weight > 0;
}

/* Each turn the one with the highest credit is taken and pays what all were given. */
static const struct target *in_turn(struct pick *p, bool least)
{
	const struct target *best = NULL;
	uint32_t active = 0, weight = 0;
	int64_t given = 0;

	if (least && !least_load(p, &active, &weight))
		return NULL;
	for (unsigned i = 0; i < p->b->n_targets; i++) {
		const struct target *t = &p->b->targets[i];
		struct target_lane *l = lane_of(p, t);
		uint32_t w = candidate(p, t);

		if (w == 0 || (least && compare_load(l->active, w, active, weight) > 0))
			continue;
		given += w;
		l->credit += w;
		if (!best || l->credit > lane_of(p, best)->credit)
			best = t;
	}
	if (best)
		lane_of(p, best)->credit -= given;
	return best;
}

/* --- the power of two choices --- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t random_next(struct pick *p)
{
	return mix(*p->ask->random += 0x9e3779b97f4a7c15);
}

/* A target by lot, as likely as its weight. */
static unsigned draw(struct pick *p)
{
	const struct backend *b = p->b;
	uint32_t sum = b->sums[b->n_targets];
	uint32_t lot = (uint32_t)((random_next(p) >> 32) * sum >> 32);
	unsigned low = 0, high = b->n_targets;

	while (high - low > 1) { /* sums[low] <= lot < sums[high] */
		unsigned middle = (low + high) / 2;

		if (b->sums[middle] <= lot)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* One that is a candidate and not other; NULL when none was drawn. */
static const struct target *draw_one(struct pick *p, const struct target *other, uint32_t *weight)
{
	for (unsigned i = 0; i < DRAWS; i++) {
		const struct target *t = &p->b->targets[draw(p)];
		uint32_t full = t->weight * UNIT;

		*weight = t == other ? 0 : candidate(p, t);
		/* One that is slow to start is passed over as often as it lacks weight. */
		if (*weight == full || (random_next(p) >> 32) * full >> 32 < *weight)
			return t;
	}
	return NULL;
}

static const struct target *of_two(struct pick *p)
{
	const struct target *a, *b;
	uint32_t weight_a, weight_b;

	if (p->b->sums[p->b->n_targets] == 0)
		return NULL;
	a = draw_one(p, NULL, &weight_a);
	if (!a)
		return in_turn(p, true);
	b = draw_one(p, a, &weight_b);
	if (!b)
		return a;
	return compare_load(lane_of(p, b)->active, weight_b, lane_of(p, a)->active, weight_a) < 0
	    ? b
	    : a;
}

/* --- consistent hash --- */

uint64_t balance_key(const void *data, size_t len)
{
	/* Not secret: other machines must come to the same. Who wants to fill one target can do so. */
	static const struct siphash_key key = { .k = { 0x636f6e73697374, 0x656e742068617368 } };

	return siphash24(&key, data, len);
}

static const struct target *by_hash(struct pick *p)
{
	const struct target *best = NULL;
	double lowest = 0;

	for (unsigned i = 0; i < p->b->n_targets; i++) {
		const struct target *t = &p->b->targets[i];
		uint32_t weight = candidate(p, t);
		double u, score;

		if (weight == 0)
			continue;
		/* Exponentially distributed with rate weight: the lowest is t's with the odds of its weight. */
		u = (double)((mix(p->ask->key ^ t->run->hash) >> 11) + 1) * 0x1p-53;
		score = -log(u) / weight;
		if (!best || score < lowest) {
			best = t;
			lowest = score;
		}
	}
	return best;
}

enum balance_verdict
balance_pick(const struct backend *b, const struct balance_ask *ask, const struct target **t)
{
	struct pick p = { .b = b, .ask = ask };

	for (unsigned pass = 0; pass < 2; pass++) {
		p.any = pass > 0;
		switch (b->algorithm) {
		case CONFIG_ROUND_ROBIN:
			*t = in_turn(&p, false);
			break;
		case CONFIG_LEAST_CONNECTIONS:
			*t = in_turn(&p, true);
			break;
		case CONFIG_RANDOM_TWO:
			*t = of_two(&p);
			break;
		case CONFIG_CONSISTENT_HASH:
			*t = by_hash(&p);
			break;
		}
		if (*t)
			return BALANCE_OK;
		if (p.full)
			return BALANCE_FULL;
	}
	return BALANCE_NONE;
}

void balance_take(struct target_run *t, unsigned worker)
{
	t->lanes[worker].active++;
	target_lane_hold(&t->lanes[worker]);
}

void balance_leave(struct target_run *t, unsigned worker)
{
	t->lanes[worker].active--;
	target_lane_drop(&t->lanes[worker]);
}

/* --- outliers --- */

static bool may_eject(const struct backend *b, const struct balance_ask *ask)
{
	unsigned ejected = 1;

	for (unsigned i = 0; i < b->n_targets; i++)
		ejected += is_ejected(b, &b->targets[i].run->lanes[ask->worker], ask->now_ms);
	return ejected * 100 <= b->n_targets * b->outlier.max_ejected;
}

bool balance_failed(const struct backend *b, struct target_run *t, const struct balance_ask *ask)
{
	struct target_lane *l = &t->lanes[ask->worker];

	l->n_failed++;
	if (l->failures < UINT16_MAX)
		l->failures++;
	if (!b || b->outlier.failures == 0 || l->failures < b->outlier.failures ||
	    is_ejected(b, l, ask->now_ms) || !may_eject(b, ask))
		return false;
	/* Longer when it has hardly been back. */
	if (l->eject_ms > 0 && ask->now_ms - l->until_ms < l->eject_ms)
		l->eject_ms = l->eject_ms < b->outlier.max_ejection_ms / 2
		    ? l->eject_ms * 2
		    : b->outlier.max_ejection_ms;
	else
		l->eject_ms = b->outlier.ejection_ms;
	l->until_ms = ask->now_ms + l->eject_ms;
	l->flags |= LANE_EJECTED;
	l->failures = 0;
	l->n_ejected++;
	return true;
}
