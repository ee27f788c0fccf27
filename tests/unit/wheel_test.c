/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HORIZON_MS (510u * 256)

static struct wheel wheel;

static void nothing_filed_nothing_comes_up(void **state)
{
	(void)state;
	wheel_init(&wheel, 5);
	assert_null(wheel_next(&wheel, 5));
	assert_null(wheel_next(&wheel, 5000000));
	assert_int_equal(wheel_deadline(&wheel), 5000000u + 0x3fffffff);
}

static void a_node_comes_up_at_its_millisecond_and_once(void **state)
{
	static const uint32_t delays[] = { 1, 2, 255, 256, 257, 511, 512, 513, 767, 768, 1000,
		60000, HORIZON_MS };

	(void)state;
	for (unsigned start = 0; start < 600; start++) {
		for (unsigned i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
			struct wheel_node n = { 0 };

			wheel_init(&wheel, start);
			wheel_file(&wheel, &n, start + delays[i]);
			assert_true(wheel_is_filed(&n));
			assert_null(wheel_next(&wheel, start + delays[i] - 1));
			assert_true(wheel_is_filed(&n));
			assert_ptr_equal(wheel_next(&wheel, start + delays[i]), &n);
			assert_false(wheel_is_filed(&n));
			assert_null(wheel_next(&wheel, start + delays[i] + 1000000));
		}
	}
}

static void a_time_in_the_past_comes_up_at_once(void **state)
{
	struct wheel_node now = { 0 }, past = { 0 };

	(void)state;
	wheel_init(&wheel, 1000);
	wheel_file(&wheel, &now, 1000);
	wheel_file(&wheel, &past, 10);
	assert_int_equal(wheel_deadline(&wheel), 1000);
	assert_non_null(wheel_next(&wheel, 1000));
	assert_non_null(wheel_next(&wheel, 1000));
	assert_null(wheel_next(&wheel, 1000));
}

static void time_that_goes_backwards_is_ignored(void **state)
{
	struct wheel_node n = { 0 };

	(void)state;
	wheel_init(&wheel, 1000);
	wheel_file(&wheel, &n, 1005);
	assert_null(wheel_next(&wheel, 900));
	assert_null(wheel_next(&wheel, 1004));
	assert_ptr_equal(wheel_next(&wheel, 1005), &n);
}

static void beyond_the_horizon_a_node_comes_up_early_never_late(void **state)
{
	static const uint32_t delays[] = { HORIZON_MS + 512, 7200000, 0x7fffffff };

	(void)state;
	for (unsigned i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		struct wheel_node n = { 0 };
		unsigned rounds = 0;
		uint32_t now = 77;

		wheel_init(&wheel, now);
		wheel_file(&wheel, &n, now + delays[i]);
		while (now != 77 + delays[i] && rounds < 100) {
			uint32_t next = wheel_deadline(&wheel);

			assert_true(next - 77 <= delays[i]);
			now = next;
			if (wheel_next(&wheel, now) == &n)
				wheel_file(&wheel, &n, 77 + delays[i]);
			rounds++;
		}
		assert_true(rounds == 100 || wheel_next(&wheel, now) == &n);
		wheel_cancel(&wheel, &n);
	}
}

static void a_cancelled_node_never_comes_up(void **state)
{
	static const uint32_t delays[] = { 0, 3, 300, 700, 90000, 200000 };
	struct wheel_node n[6], stay[6];

	(void)state;
	memset(n, 0, sizeof(n));
	memset(stay, 0, sizeof(stay));
	wheel_init(&wheel, 0);
	for (unsigned i = 0; i < 6; i++) {
		wheel_file(&wheel, &stay[i], delays[i]);
		wheel_file(&wheel, &n[i], delays[i]);
	}
	for (unsigned i = 0; i < 6; i++) {
		wheel_cancel(&wheel, &n[i]);
		wheel_cancel(&wheel, &n[i]); /* twice is fine */
		assert_false(wheel_is_filed(&n[i]));
	}
	for (unsigned i = 0; i < 6; i++) {
		struct wheel_node *up = wheel_next(&wheel, 1000000);

		assert_true(up >= stay && up < stay + 6);
	}
	assert_null(wheel_next(&wheel, 2000000));
	assert_int_equal(wheel.n_filed, 0);
	for (unsigned i = 0; i < WHEEL_SLOTS / 64; i++)
		assert_true(wheel.near_used[i] == 0 && wheel.far_used[i] == 0);
}

static void a_node_filed_again_moves(void **state)
{
	struct wheel_node n = { 0 };

	(void)state;
	wheel_init(&wheel, 0);
	wheel_file(&wheel, &n, 10);
	wheel_file(&wheel, &n, 5000);
	assert_int_equal(wheel.n_filed, 1);
	assert_null(wheel_next(&wheel, 4999));
	wheel_file(&wheel, &n, 5001);
	assert_null(wheel_next(&wheel, 5000));
	assert_ptr_equal(wheel_next(&wheel, 5001), &n);
}

static void a_due_node_may_be_cancelled_or_moved_before_it_is_taken(void **state)
{
	struct wheel_node n[3];

	(void)state;
	memset(n, 0, sizeof(n));
	wheel_init(&wheel, 0);
	for (unsigned i = 0; i < 3; i++)
		wheel_file(&wheel, &n[i], 10);
	assert_ptr_equal(wheel_next(&wheel, 10), &n[2]);
	wheel_cancel(&wheel, &n[1]);
	wheel_file(&wheel, &n[0], 20);
	assert_null(wheel_next(&wheel, 19));
	assert_ptr_equal(wheel_next(&wheel, 20), &n[0]);
}

/* A budget leaves nodes behind: they keep their order, and time stands still for them. */
static void what_a_budget_leaves_comes_up_later_in_order(void **state)
{
	struct wheel_node n[8];

	(void)state;
	memset(n, 0, sizeof(n));
	wheel_init(&wheel, 0);
	for (unsigned i = 0; i < 8; i++)
		wheel_file(&wheel, &n[i], 100 * i + 1);
	for (unsigned i = 0; i < 8; i++) {
		assert_true((int32_t)(wheel_deadline(&wheel) - (100 * i + 1)) <= 0);
		assert_ptr_equal(wheel_next(&wheel, 10000 + i), &n[i]);
	}
	assert_null(wheel_next(&wheel, 10008));
}

/* Against a model: n nodes with random deadlines, moves and cancels, over the counter's wrap. */
static void random_walk(uint32_t start, unsigned seed, unsigned max_step, unsigned max_delay)
{
	enum {
		N = 200
	};
	static struct wheel_node n[N];
	static uint32_t at[N];
	uint32_t now = start;

	srand(seed);
	memset(n, 0, sizeof(n));
	wheel_init(&wheel, now);
	for (unsigned round = 0; round < 3000; round++) {
		uint32_t deadline, first = 0x3fffffff;
		struct wheel_node *up;
		unsigned i = (unsigned)rand() % N, filed = 0;

		if (rand() % 4 == 0) {
			wheel_cancel(&wheel, &n[i]);
		} else {
			at[i] = now + (uint32_t)rand() % max_delay;
			wheel_file(&wheel, &n[i], at[i]);
		}
		now += (uint32_t)rand() % max_step;
		while ((up = wheel_next(&wheel, now)) != NULL) {
			uint32_t i_up = (uint32_t)(up - n);

			if ((int32_t)(at[i_up] - now) >
			    0) /* early: beyond the horizon when filed */
				wheel_file(&wheel, up, at[i_up]);
		}
		for (unsigned j = 0; j < N; j++) {
			if (!wheel_is_filed(&n[j]))
				continue;
			filed++;
			assert_true((int32_t)(at[j] - now) > 0);
			if (at[j] - now < first)
				first = at[j] - now;
		}
		assert_int_equal(wheel.n_filed, filed);
		deadline = wheel_deadline(&wheel);
		assert_true((int32_t)(deadline - now) > 0);
		assert_true(deadline - now <= first);
	}
}

static void no_node_is_late_over_the_wrap(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 8; seed++) {
		random_walk(UINT32_MAX - 700, seed, 3, 1000);
		random_walk(UINT32_MAX - 50000, seed, 100, 100000);
		random_walk(UINT32_MAX / 2 - 5000, seed, 1000, 2000000);
		random_walk(seed * 97, seed, 40000, 300000);
	}
}

/* 20,000 nodes of one far block: calls before the block's edge carry them over. */
static void a_full_far_slot_is_carried_over_in_pieces(void **state)
{
	enum {
		N = 20000
	};
	struct wheel_node *n = calloc(N, sizeof(*n));
	unsigned up = 0;

	(void)state;
	assert_non_null(n);
	wheel_init(&wheel, 0);
	for (unsigned i = 0; i < N; i++)
		wheel_file(&wheel, &n[i], 10240 + i % 256);
	assert_null(wheel_next(&wheel, 10239 - 255));
	for (unsigned i = 0; i < N / 4 + 1; i++)
		assert_null(wheel_next(&wheel, 10239));
	assert_null(wheel.far[(10240 >> 8) % WHEEL_SLOTS]);
	for (uint32_t now = 10240; now < 10240 + 256; now++)
		while (wheel_next(&wheel, now) != NULL)
			up++;
	assert_int_equal(up, N);
	free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_filed_nothing_comes_up),
		cmocka_unit_test(a_node_comes_up_at_its_millisecond_and_once),
		cmocka_unit_test(a_time_in_the_past_comes_up_at_once),
		cmocka_unit_test(time_that_goes_backwards_is_ignored),
		cmocka_unit_test(beyond_the_horizon_a_node_comes_up_early_never_late),
		cmocka_unit_test(a_cancelled_node_never_comes_up),
		cmocka_unit_test(a_node_filed_again_moves),
		cmocka_unit_test(a_due_node_may_be_cancelled_or_moved_before_it_is_taken),
		cmocka_unit_test(what_a_budget_leaves_comes_up_later_in_order),
		cmocka_unit_test(no_node_is_late_over_the_wrap),
		cmocka_unit_test(a_full_far_slot_is_carried_over_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
