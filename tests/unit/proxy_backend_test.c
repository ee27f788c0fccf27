/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "dataplane/proxy/backend.h"
#include "dataplane/proxy/snapshot.h"

#include <cmocka.h>

static void make(struct backend *b, struct target *targets, const unsigned *weights, unsigned n)
{
	*b = (struct backend){ .name = "b", .targets = targets, .n_targets = n };
	for (unsigned i = 0; i < n; i++)
		targets[i] = (struct target){ .weight = weights[i] };
	assert_int_equal(backend_order(b), 0);
}

/* What smooth weighted round robin gives for 5, 1, 1: the heavy one is not bunched. */
static void order_spreads_a_heavy_target(void **state)
{
	static const uint16_t expected[] = { 0, 0, 1, 0, 2, 0, 0 };
	const unsigned weights[] = { 5, 1, 1 };
	struct target targets[3];
	struct backend b;

	(void)state;
	make(&b, targets, weights, 3);
	assert_int_equal(b.n_order, 7);
	assert_memory_equal(b.order, expected, sizeof(expected));
	free(b.order);
}

static void next_follows_the_weights(void **state)
{
	const unsigned weights[] = { 30, 10, 0, 20 };
	unsigned turn = 0, seen[4] = { 0 };
	struct target targets[4];
	struct backend b;

	(void)state;
	make(&b, targets, weights, 4);
	for (unsigned i = 0; i < 600; i++)
		seen[backend_next(&b, &turn) - targets]++;
	assert_int_equal(seen[0], 300);
	assert_int_equal(seen[1], 100);
	assert_int_equal(seen[2], 0);
	assert_int_equal(seen[3], 200);
	free(b.order);
}

static void next_is_null_without_weights(void **state)
{
	const unsigned weights[] = { 0, 0 };
	struct target targets[2];
	struct backend b;
	unsigned turn = 0;

	(void)state;
	make(&b, targets, weights, 2);
	assert_null(backend_next(&b, &turn));
	assert_null(b.order);
}

/* A reload may leave a turn beyond a shorter order. */
static void next_survives_a_turn_out_of_range(void **state)
{
	const unsigned weights[] = { 1 };
	struct target targets[1];
	struct backend b;
	unsigned turn = 4711;

	(void)state;
	make(&b, targets, weights, 1);
	assert_ptr_equal(backend_next(&b, &turn), &targets[0]);
	assert_int_equal(turn, 1);
	free(b.order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_spreads_a_heavy_target),
		cmocka_unit_test(next_follows_the_weights),
		cmocka_unit_test(next_is_null_without_weights),
		cmocka_unit_test(next_survives_a_turn_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
