/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/gaps.h"

#include <cmocka.h>

static void what_falls_into_a_gap_waits_for_its_end(void **state)
{
	struct gap room[4];
	struct gaps g = { .all = room, .max = 4 };
	static const struct {
		uint64_t at, after;
	} cases[] = { { 0, 0 }, { 9, 9 }, { 10, 20 }, { 15, 20 }, { 19, 20 }, { 20, 20 },
		{ 25, 25 }, { 30, 50 }, { 49, 50 }, { 50, 51 }, { 51, 51 }, { 1000, 1000 } };
	uint32_t cursor = 0;

	(void)state;
	gaps_add(&g, 10, 20);
	gaps_add(&g, 30, 50);
	gaps_add(&g, 50, 51);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(gaps_after(&g, &cursor, cases[i].at), cases[i].after);
	cursor = 0;
	assert_int_equal(gaps_after(&g, &cursor, 1000), 1000); /* past all at once */
	assert_false(g.is_full);
}

static void none_means_no_waiting(void **state)
{
	struct gaps g = { 0 };
	uint32_t cursor = 0;

	(void)state;
	for (uint64_t at = 0; at < 100; at += 7)
		assert_int_equal(gaps_after(&g, &cursor, at), at);
}

static void only_long_gaps_disturb(void **state)
{
	struct gap room[4];
	struct gaps g = { .all = room, .max = 4 };
	static const struct {
		uint64_t from, to;
		bool disturbed;
	} cases[] = { { 0, 10, false }, { 0, 11, false }, { 5, 29, false }, { 9, 30, false },
		{ 9, 31, true }, { 15, 32, true }, { 49, 50, true }, { 50, 51, false },
		{ 50, 1000, false } };
	uint32_t cursor = 0;

	(void)state;
	gaps_add(&g, 10, 20);
	gaps_add(&g, 30, 50);
	gaps_add(&g, 50, 51);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    gaps_has(&g, &cursor, cases[i].from, cases[i].to, 20), cases[i].disturbed);
}

/* A result from half of the gaps would look too good: it is noticed. */
static void too_many_are_told(void **state)
{
	struct gap room[2];
	struct gaps g = { .all = room, .max = 2 };

	(void)state;
	gaps_add(&g, 1, 2);
	gaps_add(&g, 3, 4);
	assert_false(g.is_full);
	gaps_add(&g, 5, 6);
	assert_true(g.is_full);
	assert_int_equal(g.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_falls_into_a_gap_waits_for_its_end),
		cmocka_unit_test(none_means_no_waiting),
		cmocka_unit_test(only_long_gaps_disturb),
		cmocka_unit_test(too_many_are_told),
	};

	return cmocka_run_group_tests_name("perf_gaps", tests, NULL, NULL);
}
