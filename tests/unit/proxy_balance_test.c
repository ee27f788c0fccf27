/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/proxy/balance.h"

#include <cmocka.h>

#define MAX       64
#define N_WORKERS 16

/* A backend of n targets, with what a worker would bring along. */
struct fixture {
	struct backend b;
	struct target targets[MAX];
	uint32_t sums[MAX + 1];
	uint64_t random;
	uint32_t tried[8];
	struct balance_ask ask;
	unsigned seen[MAX];
};

static void sum_up(struct fixture *f)
{
	for (unsigned i = 0; i < f->b.n_targets; i++)
		f->sums[i + 1] = f->sums[i] + (f->targets[i].drain ? 0 : f->targets[i].weight);
}

static void
start(struct fixture *f, enum config_algorithm algorithm, const unsigned *weights, unsigned n)
{
	memset(f, 0, sizeof(*f));
	f->b = (struct backend){ .name = "b",
		.algorithm = algorithm,
		.targets = f->targets,
		.n_targets = n,
		.sums = f->sums,
		.outlier = { .failures = 3,
		    .ejection_ms = 1000,
		    .max_ejection_ms = 3000,
		    .max_ejected = 50 },
		.run = backend_run_get("b", N_WORKERS) };
	assert_non_null(f->b.run);
	for (unsigned i = 0; i < n; i++) {
		struct target *t = &f->targets[i];

		t->at.ip.w[2] = 0xffff0000;
		t->at.ip.b[12] = 10;
		t->at.ip.b[15] = (uint8_t)(i + 1);
		t->at.port = 80;
		t->weight = weights ? weights[i] : 1;
		t->run = target_run_get(f->b.run, &t->at);
		assert_non_null(t->run);
	}
	sum_up(f);
	f->ask =
	    (struct balance_ask){ .n_workers = N_WORKERS, .random = &f->random, .tried = f->tried };
}

static void finish(struct fixture *f)
{
	for (unsigned i = 0; i < f->b.n_targets; i++)
		target_run_put(f->targets[i].run);
	backend_run_put(f->b.run);
	assert_null(target_runs());
	assert_null(backend_runs());
	target_runs_started(false);
}

static int pick(struct fixture *f)
{
	const struct target *t = NULL;

	if (balance_pick(&f->b, &f->ask, &t) != BALANCE_OK)
		return -1;
	return (int)(t - f->targets);
}

/* n picks, counted in seen; keys are 0..n-1. */
static void pick_many(struct fixture *f, unsigned n)
{
	memset(f->seen, 0, sizeof(f->seen));
	for (unsigned i = 0; i < n; i++) {
		uint32_t key = i;
		int at;

		f->ask.key = balance_key(&key, sizeof(key));
		at = pick(f);
		assert_true(at >= 0);
		f->seen[at]++;
	}
}

static uint32_t *active(struct fixture *f, unsigned i)
{
	return &f->targets[i].run->lanes[f->ask.worker].active;
}

static void fails(struct fixture *f, unsigned i, unsigned times)
{
	while (times-- > 0)
		balance_failed(&f->b, f->targets[i].run, &f->ask);
}

static void is_about(unsigned value, double expected, double tolerance)
{
	if (fabs(value - expected) > expected * tolerance)
		fail_msg("%u is not within %g of %g", value, tolerance, expected);
}

/* --- round robin --- */

/* What smooth weighted round robin gives for 5, 1, 1: the heavy one is not bunched. */
static void round_robin_spreads_a_heavy_target(void **state)
{
	static const int expected[] = { 0, 0, 1, 0, 2, 0, 0 };
	const unsigned weights[] = { 5, 1, 1 };
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, weights, 3);
	for (unsigned i = 0; i < 70; i++)
		assert_int_equal(pick(&f), expected[i % 7]);
	finish(&f);
}

static void round_robin_follows_the_weights_exactly(void **state)
{
	const unsigned weights[] = { 30, 10, 0, 20 };
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, weights, 4);
	pick_many(&f, 600);
	assert_int_equal(f.seen[0], 300);
	assert_int_equal(f.seen[1], 100);
	assert_int_equal(f.seen[2], 0);
	assert_int_equal(f.seen[3], 200);
	finish(&f);
}

/* The share of one that is down goes to all the others, not to its neighbour in the order. */
static void round_robin_spreads_the_share_of_one_that_is_down(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 4);
	f.b.checked = true;
	atomic_store(&f.targets[1].run->verdict, TARGET_DOWN);
	pick_many(&f, 300);
	assert_int_equal(f.seen[0], 100);
	assert_int_equal(f.seen[1], 0);
	assert_int_equal(f.seen[2], 100);
	assert_int_equal(f.seen[3], 100);
	finish(&f);
}

/* 16 workers that know nothing of each other: their sum is as even as one's. */
static void round_robin_of_many_workers_is_even(void **state)
{
	unsigned seen[3] = { 0 };
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 3);
	for (unsigned i = 0; i < 16000; i++) {
		f.ask.worker = (unsigned)(rand() % N_WORKERS);
		seen[pick(&f)]++;
	}
	for (unsigned i = 0; i < 3; i++)
		is_about(seen[i], 16000 / 3.0, 0.01);
	finish(&f);
}

/* --- least connections --- */

static void least_connections_evens_out(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_LEAST_CONNECTIONS, NULL, 3);
	*active(&f, 0) = 10;
	*active(&f, 1) = 4;
	for (unsigned i = 0; i < 16; i++)
		++*active(&f, (unsigned)pick(&f));
	assert_int_equal(*active(&f, 0), 10);
	assert_int_equal(*active(&f, 1), 10);
	assert_int_equal(*active(&f, 2), 10);
	finish(&f);
}

static void least_connections_follows_the_weights(void **state)
{
	const unsigned weights[] = { 1, 2, 7 };
	struct fixture f;

	(void)state;
	start(&f, CONFIG_LEAST_CONNECTIONS, weights, 3);
	for (unsigned i = 0; i < 1000; i++)
		++*active(&f, (unsigned)pick(&f));
	assert_int_equal(*active(&f, 0), 100);
	assert_int_equal(*active(&f, 1), 200);
	assert_int_equal(*active(&f, 2), 700);
	finish(&f);
}

/* Idle targets are all equal: without turns the first would get every short connection. */
static void least_connections_takes_turns_among_equals(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_LEAST_CONNECTIONS, NULL, 3);
	pick_many(&f, 300);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(f.seen[i], 100);
	finish(&f);
}

/* A simulation of connections that stay for random times at 16 workers: the totals are near those of one. */
static void least_connections_of_many_workers_is_near_even(void **state)
{
	enum {
		N = 4,
		HELD = 4096
	};
	static struct {
		unsigned worker, target;
	} held[HELD];
	unsigned total[N] = { 0 };
	struct fixture f;

	(void)state;
	start(&f, CONFIG_LEAST_CONNECTIONS, NULL, N);
	srand(7);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned at = (unsigned)rand() % HELD;

		if (i >= HELD) {
			f.ask.worker = held[at].worker;
			--*active(&f, held[at].target);
		} else {
			at = i;
		}
		f.ask.worker = held[at].worker = (unsigned)rand() % N_WORKERS;
		held[at].target = (unsigned)pick(&f);
		++*active(&f, held[at].target);
	}
	for (unsigned i = 0; i < HELD; i++)
		total[held[i].target]++;
	for (unsigned i = 0; i < N; i++)
		is_about(total[i], HELD / (double)N, 0.02);
	finish(&f);
}

/* --- the power of two choices --- */

static void random_two_follows_the_weights(void **state)
{
	const unsigned weights[] = { 1, 2, 5 };
	struct fixture f;

	(void)state;
	start(&f, CONFIG_RANDOM_TWO, weights, 3);
	for (unsigned i = 0; i < 8000; i++)
		++*active(&f, (unsigned)pick(&f));
	is_about(*active(&f, 0), 1000, 0.02);
	is_about(*active(&f, 1), 2000, 0.02);
	is_about(*active(&f, 2), 5000, 0.02);
	finish(&f);
}

/* 10,000 into 50: by lot alone the fullest would have 200 + 3 * sqrt(200), about 240. */
static void random_two_is_far_more_even_than_chance(void **state)
{
	unsigned most = 0;
	struct fixture f;

	(void)state;
	start(&f, CONFIG_RANDOM_TWO, NULL, 50);
	for (unsigned i = 0; i < 10000; i++)
		++*active(&f, (unsigned)pick(&f));
	for (unsigned i = 0; i < 50; i++)
		if (*active(&f, i) > most)
			most = *active(&f, i);
	assert_in_range(most, 200, 204);
	finish(&f);
}

static void random_two_finds_the_only_one_left(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_RANDOM_TWO, NULL, 64);
	f.b.checked = true;
	for (unsigned i = 0; i < 64; i++)
		atomic_store(&f.targets[i].run->verdict, i == 41 ? TARGET_UP : TARGET_DOWN);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(pick(&f), 41);
	atomic_store(&f.targets[41].run->verdict, TARGET_DOWN);
	assert_int_equal(pick(&f), -1);
	finish(&f);
}

/* --- consistent hash --- */

static void hash_follows_the_weights(void **state)
{
	const unsigned weights[] = { 1, 2, 3, 4 };
	struct fixture f;

	(void)state;
	start(&f, CONFIG_CONSISTENT_HASH, weights, 4);
	pick_many(&f, 100000);
	for (unsigned i = 0; i < 4; i++)
		is_about(f.seen[i], 10000.0 * weights[i], 0.03);
	finish(&f);
}

static void hash_moves_only_what_it_must(void **state)
{
	enum {
		KEYS = 20000,
		N = 10
	};
	static uint8_t before[KEYS];
	unsigned moved = 0;
	struct fixture f;

	(void)state;
	start(&f, CONFIG_CONSISTENT_HASH, NULL, N);
	for (uint32_t i = 0; i < KEYS; i++) {
		f.ask.key = balance_key(&i, sizeof(i));
		before[i] = (uint8_t)pick(&f);
		assert_int_equal(pick(&f), before[i]);
	}
	f.targets[3].drain = true;
	for (uint32_t i = 0; i < KEYS; i++) {
		int now;

		f.ask.key = balance_key(&i, sizeof(i));
		now = pick(&f);
		if (before[i] != 3)
			assert_int_equal(now, before[i]);
		else
			moved++;
		assert_int_not_equal(now, 3);
	}
	is_about(moved, KEYS / (double)N, 0.1);
	finish(&f);
}

/* The order in the file, and other workers, make no difference. */
static void hash_is_the_same_everywhere(void **state)
{
	static int before[1000];
	struct fixture f;
	struct target t;

	(void)state;
	start(&f, CONFIG_CONSISTENT_HASH, NULL, 5);
	for (uint32_t i = 0; i < 1000; i++) {
		f.ask.key = balance_key(&i, sizeof(i));
		before[i] = pick(&f);
	}
	t = f.targets[0];
	f.targets[0] = f.targets[4];
	f.targets[4] = t;
	f.ask.worker = 11;
	for (uint32_t i = 0; i < 1000; i++) {
		int was = before[i] == 0 ? 4 : before[i] == 4 ? 0 : before[i];

		f.ask.key = balance_key(&i, sizeof(i));
		assert_int_equal(pick(&f), was);
	}
	finish(&f);
}

/* Known values: a change of the hash would move every client of a running fleet. */
static void hash_is_pinned(void **state)
{
	static const int expected[8] = { 4, 2, 2, 4, 2, 3, 4, 1 };
	int now[8];
	struct fixture f;

	(void)state;
	start(&f, CONFIG_CONSISTENT_HASH, NULL, 5);
	for (uint32_t i = 0; i < 8; i++) {
		f.ask.key = balance_key(&i, sizeof(i));
		now[i] = pick(&f);
	}
	assert_memory_equal(now, expected, sizeof(now));
	finish(&f);
}

static void hash_passes_a_full_target_by(void **state)
{
	struct fixture f;
	int first;

	(void)state;
	start(&f, CONFIG_CONSISTENT_HASH, NULL, 5);
	f.ask.key = 4711;
	first = pick(&f);
	f.targets[first].max_connections = N_WORKERS;
	*active(&f, (unsigned)first) = 1;
	assert_int_not_equal(pick(&f), first);
	*active(&f, (unsigned)first) = 0;
	assert_int_equal(pick(&f), first);
	finish(&f);
}

/* --- slow start --- */

static void slow_start_grows_with_time(void **state)
{
	static const struct {
		uint32_t at_ms;
		double share; /* of the fresh one against each of the two others */
	} steps[] = { { 0, 26 / 256.0 }, { 500, 26 / 256.0 }, { 2500, 0.25 }, { 5000, 0.5 },
		{ 7500, 0.75 }, { 10000, 1 } };
	const enum config_algorithm algorithms[] = { CONFIG_ROUND_ROBIN, CONFIG_CONSISTENT_HASH };

	(void)state;
	for (unsigned a = 0; a < 2; a++) {
		struct fixture f;

		start(&f, algorithms[a], NULL, 3);
		f.b.slow_start_ms = 10000;
		f.b.checked = true;
		f.ask.now_ms = UINT32_MAX - 3000; /* and over the wrap */
		atomic_store(&f.targets[0].run->verdict, TARGET_DOWN);
		pick_many(&f, 100);
		assert_int_equal(f.seen[0], 0);
		atomic_store(&f.targets[0].run->verdict, TARGET_UP);
		for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			double part = steps[i].share / (2 + steps[i].share);

			f.ask.now_ms = UINT32_MAX - 3000 + steps[i].at_ms;
			pick_many(&f, 30000);
			is_about(f.seen[0], 30000 * part, a == 0 ? 0.01 : 0.06);
		}
		finish(&f);
	}
}

/* Least connections, too: a fresh target is empty and would otherwise get everything. */
static void slow_start_holds_least_connections_back(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_LEAST_CONNECTIONS, NULL, 2);
	f.b.slow_start_ms = 10000;
	f.targets[0].run->lanes[0].flags = 0; /* new */
	*active(&f, 1) = 100;
	f.ask.now_ms = 0;
	pick(&f);
	f.ask.now_ms = 5000;
	for (unsigned i = 0; i < 80; i++)
		++*active(&f, (unsigned)pick(&f));
	assert_in_range(*active(&f, 0), 59, 61); /* half as many as the other: 60 of 180 */
	finish(&f);
}

static void slow_start_is_not_for_those_there_at_the_start(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	f.b.slow_start_ms = 10000;
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	finish(&f);
	target_runs_started(true);
	start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	f.b.slow_start_ms = 10000;
	pick_many(&f, 100);
	assert_true(f.targets[0].run->lanes[0].flags & LANE_RAMPING);
	assert_int_equal(atomic_load(&f.targets[0].run->verdict), TARGET_NEW);
	finish(&f);
}

/* --- what cannot be chosen --- */

static void nothing_without_weights(void **state)
{
	const unsigned weights[] = { 0, 0 };

	(void)state;
	for (int a = CONFIG_ROUND_ROBIN; a <= CONFIG_CONSISTENT_HASH; a++) {
		const struct target *t;
		struct fixture f;

		start(&f, (enum config_algorithm)a, weights, 2);
		assert_int_equal(balance_pick(&f.b, &f.ask, &t), BALANCE_NONE);
		finish(&f);
	}
}

static void drained_and_tried_are_left_out(void **state)
{
	(void)state;
	for (int a = CONFIG_ROUND_ROBIN; a <= CONFIG_CONSISTENT_HASH; a++) {
		struct fixture f;

		start(&f, (enum config_algorithm)a, NULL, 4);
		f.targets[0].drain = true;
		sum_up(&f);
		f.tried[0] = f.targets[1].run->id;
		f.tried[1] = f.targets[3].run->id;
		f.ask.n_tried = 2;
		pick_many(&f, 50);
		assert_int_equal(f.seen[2], 50);
		f.tried[2] = f.targets[2].run->id;
		f.ask.n_tried = 3;
		assert_int_equal(pick(&f), -1);
		finish(&f);
	}
}

/* A limit of 20 over 16 workers: four have 2, the others 1. */
static void limits_are_split_among_workers(void **state)
{
	(void)state;
	for (int a = CONFIG_ROUND_ROBIN; a <= CONFIG_CONSISTENT_HASH; a++) {
		const struct target *t;
		unsigned total = 0;
		struct fixture f;

		start(&f, (enum config_algorithm)a, NULL, 2);
		f.targets[0].max_connections = 20;
		f.targets[1].max_connections = 16;
		for (f.ask.worker = 0; f.ask.worker < N_WORKERS; f.ask.worker++) {
			while (balance_pick(&f.b, &f.ask, &t) == BALANCE_OK) {
				balance_take(t->run, f.ask.worker);
				total++;
			}
			assert_int_equal(balance_pick(&f.b, &f.ask, &t), BALANCE_FULL);
			assert_int_equal(*active(&f, 0), f.ask.worker < 4 ? 2 : 1);
		}
		assert_int_equal(total, 36);
		for (f.ask.worker = 0; f.ask.worker < N_WORKERS; f.ask.worker++)
			for (unsigned i = 0; i < 2; i++)
				while (*active(&f, i) > 0)
					balance_leave(f.targets[i].run, f.ask.worker);
		finish(&f);
	}
}

static void verdicts_count_only_when_there_are_checks(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	atomic_store(&f.targets[0].run->verdict, TARGET_DOWN);
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	f.b.checked = true;
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 0);
	atomic_store(&f.targets[1].run->verdict, TARGET_NEW);
	assert_int_equal(pick(&f), -1);
	atomic_store(&f.b.run->panic, true);
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	finish(&f);
}

/* --- outliers --- */

static void an_outlier_is_ejected_and_comes_back(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 4);
	f.ask.now_ms = UINT32_MAX - 500;
	fails(&f, 2, 2);
	balance_succeeded(f.targets[2].run, 0);
	fails(&f, 2, 2);
	pick_many(&f, 100);
	assert_int_equal(f.seen[2], 25);
	fails(&f, 2, 1);
	pick_many(&f, 99);
	assert_int_equal(f.seen[2], 0);
	f.ask.now_ms += 999;
	pick_many(&f, 99);
	assert_int_equal(f.seen[2], 0);
	f.ask.now_ms += 1;
	pick_many(&f, 100);
	assert_in_range(f.seen[2], 24, 26);
	finish(&f);
}

/* Twice as long when it has hardly been back, up to the limit; from the start when it has been good. */
static void ejections_get_longer(void **state)
{
	static const uint32_t lengths[] = { 1000, 2000, 3000, 3000 };
	struct target_lane *l;
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 4);
	l = &f.targets[0].run->lanes[0];
	for (unsigned i = 0; i < 4; i++) {
		fails(&f, 0, 3);
		assert_true(l->flags & LANE_EJECTED);
		assert_int_equal(l->until_ms - f.ask.now_ms, lengths[i]);
		f.ask.now_ms = l->until_ms;
		pick_many(&f, 8);
		assert_in_range(f.seen[0], 1, 3);
	}
	f.ask.now_ms += 3001;
	fails(&f, 0, 3);
	assert_int_equal(l->until_ms - f.ask.now_ms, 1000);
	assert_int_equal(l->n_ejected, 5);
	assert_int_equal(l->n_failed, 15);
	finish(&f);
}

static void not_more_than_max_ejected(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 5);
	for (unsigned i = 0; i < 5; i++)
		fails(&f, i, 10);
	pick_many(&f, 300);
	assert_int_equal(f.seen[0] + f.seen[1], 0);
	assert_int_equal(f.seen[2], 100);
	finish(&f);
	start(&f, CONFIG_ROUND_ROBIN, NULL, 1); /* never the only one */
	fails(&f, 0, 100);
	assert_int_equal(pick(&f), 0);
	finish(&f);
}

/* All that are up are ejected: better one of them than none. */
static void ejected_ones_are_better_than_none(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_LEAST_CONNECTIONS, NULL, 4);
	f.b.checked = true;
	fails(&f, 0, 3);
	fails(&f, 1, 3);
	atomic_store(&f.targets[2].run->verdict, TARGET_DOWN);
	atomic_store(&f.targets[3].run->verdict, TARGET_DOWN);
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	assert_int_equal(f.seen[1], 50);
	finish(&f);
}

static void one_worker_ejects_for_itself(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	fails(&f, 0, 3);
	assert_int_equal(pick(&f), 1);
	f.ask.worker = 1;
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	finish(&f);
}

static void no_ejection_when_switched_off(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	f.b.outlier.failures = 0;
	fails(&f, 0, 100);
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	assert_false(balance_failed(NULL, f.targets[0].run, &f.ask)); /* its backend is gone */
	finish(&f);
}

/* As a reload does: what is out already comes back with it. */
/* Whom checks have found down and up again is not left alone for what was before. */
static void checks_end_an_ejection(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 4);
	f.b.checked = true;
	fails(&f, 3, 3);
	pick_many(&f, 12);
	assert_int_equal(f.seen[3], 0);
	atomic_store(&f.targets[3].run->verdict, TARGET_DOWN);
	pick_many(&f, 12);
	assert_int_equal(f.seen[3], 0);
	atomic_store(&f.targets[3].run->verdict, TARGET_UP);
	pick_many(&f, 12);
	assert_int_equal(f.seen[3], 3);
	finish(&f);
}

static void ejected_ones_are_back_when_it_is_switched_off(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	fails(&f, 0, f.b.outlier.failures);
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 0);
	f.b.outlier.failures = 0;
	memset(f.seen, 0, sizeof(f.seen));
	pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	finish(&f);
}

/* --- runs --- */

static void a_run_outlives_its_configuration_while_it_is_held(void **state)
{
	struct endpoint at = { .port = 80 };
	struct backend_run *b = backend_run_get("app", 2), *other = backend_run_get("other", 2);
	struct target_run *t = target_run_get(b, &at), *again;

	(void)state;
	assert_ptr_not_equal(t, target_run_get(other, &at));
	target_run_put(target_run_get(other, &at));
	balance_take(t, 1);
	target_run_put(t);
	backend_run_put(b);
	assert_ptr_equal(t->group, b);
	again = target_run_get(b, &at);
	assert_ptr_equal(again, t);
	assert_int_equal(again->lanes[1].active, 1);
	target_run_put(again);
	balance_leave(t, 1);
	target_run_put(target_run_get(other, &at));
	/* The next that is given back sweeps. */
	while (target_runs())
		target_run_put(target_runs());
	backend_run_put(other);
	assert_null(backend_runs());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_robin_spreads_a_heavy_target),
		cmocka_unit_test(round_robin_follows_the_weights_exactly),
		cmocka_unit_test(round_robin_spreads_the_share_of_one_that_is_down),
		cmocka_unit_test(round_robin_of_many_workers_is_even),
		cmocka_unit_test(least_connections_evens_out),
		cmocka_unit_test(least_connections_follows_the_weights),
		cmocka_unit_test(least_connections_takes_turns_among_equals),
		cmocka_unit_test(least_connections_of_many_workers_is_near_even),
		cmocka_unit_test(random_two_follows_the_weights),
		cmocka_unit_test(random_two_is_far_more_even_than_chance),
		cmocka_unit_test(random_two_finds_the_only_one_left),
		cmocka_unit_test(hash_follows_the_weights),
		cmocka_unit_test(hash_moves_only_what_it_must),
		cmocka_unit_test(hash_is_the_same_everywhere),
		cmocka_unit_test(hash_is_pinned),
		cmocka_unit_test(hash_passes_a_full_target_by),
		cmocka_unit_test(slow_start_grows_with_time),
		cmocka_unit_test(slow_start_holds_least_connections_back),
		cmocka_unit_test(slow_start_is_not_for_those_there_at_the_start),
		cmocka_unit_test(nothing_without_weights),
		cmocka_unit_test(drained_and_tried_are_left_out),
		cmocka_unit_test(limits_are_split_among_workers),
		cmocka_unit_test(verdicts_count_only_when_there_are_checks),
		cmocka_unit_test(an_outlier_is_ejected_and_comes_back),
		cmocka_unit_test(ejections_get_longer),
		cmocka_unit_test(not_more_than_max_ejected),
		cmocka_unit_test(ejected_ones_are_better_than_none),
		cmocka_unit_test(one_worker_ejects_for_itself),
		cmocka_unit_test(no_ejection_when_switched_off),
		cmocka_unit_test(checks_end_an_ejection),
		cmocka_unit_test(ejected_ones_are_back_when_it_is_switched_off),
		cmocka_unit_test(a_run_outlives_its_configuration_while_it_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
