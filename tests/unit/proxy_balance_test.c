/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/balance_kit.h"

#include <cmocka.h>

/* --- round robin --- */

/* What smooth weighted round robin gives for 5, 1, 1: the heavy one is not bunched. */
static void round_robin_spreads_a_heavy_target(void **state)
{
	static const int expected[] = { 0, 0, 1, 0, 2, 0, 0 };
	const unsigned weights[] = { 5, 1, 1 };
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, weights, 3);
	for (unsigned i = 0; i < 70; i++)
		assert_int_equal(fixture_pick(&f), expected[i % 7]);
	fixture_finish(&f);
}

static void round_robin_follows_the_weights_exactly(void **state)
{
	const unsigned weights[] = { 30, 10, 0, 20 };
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, weights, 4);
	fixture_pick_many(&f, 600);
	assert_int_equal(f.seen[0], 300);
	assert_int_equal(f.seen[1], 100);
	assert_int_equal(f.seen[2], 0);
	assert_int_equal(f.seen[3], 200);
	fixture_finish(&f);
}

/* The share of one that is down goes to all the others, not to its neighbour in the order. */
static void round_robin_spreads_the_share_of_one_that_is_down(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 4);
	f.b.checked = true;
	atomic_store(&f.targets[1].run->verdict, TARGET_DOWN);
	fixture_pick_many(&f, 300);
	assert_int_equal(f.seen[0], 100);
	assert_int_equal(f.seen[1], 0);
	assert_int_equal(f.seen[2], 100);
	assert_int_equal(f.seen[3], 100);
	fixture_finish(&f);
}

/* 16 workers that know nothing of each other: their sum is as even as one's. */
static void round_robin_of_many_workers_is_even(void **state)
{
	unsigned seen[3] = { 0 };
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 3);
	for (unsigned i = 0; i < 16000; i++) {
		f.ask.worker = (unsigned)(rand() % N_WORKERS);
		seen[fixture_pick(&f)]++;
	}
	for (unsigned i = 0; i < 3; i++)
		assert_about(seen[i], 16000 / 3.0, 0.01);
	fixture_finish(&f);
}

/* --- least connections --- */

static void least_connections_evens_out(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_LEAST_CONNECTIONS, NULL, 3);
	*fixture_active(&f, 0) = 10;
	*fixture_active(&f, 1) = 4;
	for (unsigned i = 0; i < 16; i++)
		++*fixture_active(&f, (unsigned)fixture_pick(&f));
	assert_int_equal(*fixture_active(&f, 0), 10);
	assert_int_equal(*fixture_active(&f, 1), 10);
	assert_int_equal(*fixture_active(&f, 2), 10);
	fixture_finish(&f);
}

static void least_connections_follows_the_weights(void **state)
{
	const unsigned weights[] = { 1, 2, 7 };
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_LEAST_CONNECTIONS, weights, 3);
	for (unsigned i = 0; i < 1000; i++)
		++*fixture_active(&f, (unsigned)fixture_pick(&f));
	assert_int_equal(*fixture_active(&f, 0), 100);
	assert_int_equal(*fixture_active(&f, 1), 200);
	assert_int_equal(*fixture_active(&f, 2), 700);
	fixture_finish(&f);
}

/* Idle targets are all equal: without turns the first would get every short connection. */
static void least_connections_takes_turns_among_equals(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_LEAST_CONNECTIONS, NULL, 3);
	fixture_pick_many(&f, 300);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(f.seen[i], 100);
	fixture_finish(&f);
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
	fixture_start(&f, CONFIG_LEAST_CONNECTIONS, NULL, N);
	srand(7);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned at = (unsigned)rand() % HELD;

		if (i >= HELD) {
			f.ask.worker = held[at].worker;
			--*fixture_active(&f, held[at].target);
		} else {
			at = i;
		}
		f.ask.worker = held[at].worker = (unsigned)rand() % N_WORKERS;
		held[at].target = (unsigned)fixture_pick(&f);
		++*fixture_active(&f, held[at].target);
	}
	for (unsigned i = 0; i < HELD; i++)
		total[held[i].target]++;
	for (unsigned i = 0; i < N; i++)
		assert_about(total[i], HELD / (double)N, 0.02);
	fixture_finish(&f);
}

/* --- the power of two choices --- */

static void random_two_follows_the_weights(void **state)
{
	const unsigned weights[] = { 1, 2, 5 };
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_RANDOM_TWO, weights, 3);
	for (unsigned i = 0; i < 8000; i++)
		++*fixture_active(&f, (unsigned)fixture_pick(&f));
	assert_about(*fixture_active(&f, 0), 1000, 0.02);
	assert_about(*fixture_active(&f, 1), 2000, 0.02);
	assert_about(*fixture_active(&f, 2), 5000, 0.02);
	fixture_finish(&f);
}

/* 10,000 into 50: by lot alone the fullest would have 200 + 3 * sqrt(200), about 240. */
static void random_two_is_far_more_even_than_chance(void **state)
{
	unsigned most = 0;
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_RANDOM_TWO, NULL, 50);
	for (unsigned i = 0; i < 10000; i++)
		++*fixture_active(&f, (unsigned)fixture_pick(&f));
	for (unsigned i = 0; i < 50; i++)
		if (*fixture_active(&f, i) > most)
			most = *fixture_active(&f, i);
	assert_in_range(most, 200, 204);
	fixture_finish(&f);
}

static void random_two_finds_the_only_one_left(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_RANDOM_TWO, NULL, 64);
	f.b.checked = true;
	for (unsigned i = 0; i < 64; i++)
		atomic_store(&f.targets[i].run->verdict, i == 41 ? TARGET_UP : TARGET_DOWN);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(fixture_pick(&f), 41);
	atomic_store(&f.targets[41].run->verdict, TARGET_DOWN);
	assert_int_equal(fixture_pick(&f), -1);
	fixture_finish(&f);
}

/* --- consistent hash --- */

static void hash_follows_the_weights(void **state)
{
	const unsigned weights[] = { 1, 2, 3, 4 };
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_CONSISTENT_HASH, weights, 4);
	fixture_pick_many(&f, 100000);
	for (unsigned i = 0; i < 4; i++)
		assert_about(f.seen[i], 10000.0 * weights[i], 0.03);
	fixture_finish(&f);
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
	fixture_start(&f, CONFIG_CONSISTENT_HASH, NULL, N);
	for (uint32_t i = 0; i < KEYS; i++) {
		f.ask.key = balance_key(&i, sizeof(i));
		before[i] = (uint8_t)fixture_pick(&f);
		assert_int_equal(fixture_pick(&f), before[i]);
	}
	f.targets[3].drain = true;
	for (uint32_t i = 0; i < KEYS; i++) {
		int now;

		f.ask.key = balance_key(&i, sizeof(i));
		now = fixture_pick(&f);
		if (before[i] != 3)
			assert_int_equal(now, before[i]);
		else
			moved++;
		assert_int_not_equal(now, 3);
	}
	assert_about(moved, KEYS / (double)N, 0.1);
	fixture_finish(&f);
}

/* The order in the file, and other workers, make no difference. */
static void hash_is_the_same_everywhere(void **state)
{
	static int before[1000];
	struct fixture f;
	struct target t;

	(void)state;
	fixture_start(&f, CONFIG_CONSISTENT_HASH, NULL, 5);
	for (uint32_t i = 0; i < 1000; i++) {
		f.ask.key = balance_key(&i, sizeof(i));
		before[i] = fixture_pick(&f);
	}
	t = f.targets[0];
	f.targets[0] = f.targets[4];
	f.targets[4] = t;
	f.ask.worker = 11;
	for (uint32_t i = 0; i < 1000; i++) {
		int was = before[i] == 0 ? 4 : before[i] == 4 ? 0 : before[i];

		f.ask.key = balance_key(&i, sizeof(i));
		assert_int_equal(fixture_pick(&f), was);
	}
	fixture_finish(&f);
}

/* Known values: a change of the hash would move every client of a running fleet. */
static void hash_is_pinned(void **state)
{
	static const int expected[8] = { 4, 2, 2, 4, 2, 3, 4, 1 };
	int now[8];
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_CONSISTENT_HASH, NULL, 5);
	for (uint32_t i = 0; i < 8; i++) {
		f.ask.key = balance_key(&i, sizeof(i));
		now[i] = fixture_pick(&f);
	}
	assert_memory_equal(now, expected, sizeof(now));
	fixture_finish(&f);
}

static void hash_passes_a_full_target_by(void **state)
{
	struct fixture f;
	int first;

	(void)state;
	fixture_start(&f, CONFIG_CONSISTENT_HASH, NULL, 5);
	f.ask.key = 4711;
	first = fixture_pick(&f);
	f.targets[first].max_connections = N_WORKERS;
	*fixture_active(&f, (unsigned)first) = 1;
	assert_int_not_equal(fixture_pick(&f), first);
	*fixture_active(&f, (unsigned)first) = 0;
	assert_int_equal(fixture_pick(&f), first);
	fixture_finish(&f);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
