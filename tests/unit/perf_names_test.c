/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "perf/loadgen/names.h"

#include <cmocka.h>

static void numbers_have_leading_zeros(void **state)
{
	static const struct {
		const char *pattern;
		uint32_t i;
		const char *name;
	} cases[] = {
		{ "######.scale.test", 0, "000000.scale.test" },
		{ "######.scale.test", 99999, "099999.scale.test" },
		{ "######.scale.test", 999999, "999999.scale.test" },
		{ "www#.example", 7, "www7.example" },
		{ "a.##########", UINT32_MAX, "a.4294967295" },
		{ "############", 12, "000000000012" },
	};
	char name[NAMES_MAX_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(names_fit(
		    cases[i].pattern, cases[i].i < UINT32_MAX ? cases[i].i + 1 : UINT32_MAX));
		names_make(name, cases[i].pattern, cases[i].i);
		assert_string_equal(name, cases[i].name);
	}
}

static void patterns_that_cannot_hold_them_are_refused(void **state)
{
	char wide[NAMES_MAX_BYTES + 1];

	(void)state;
	assert_true(names_fit("#", 10));
	assert_false(names_fit("#", 11));
	assert_true(names_fit("##.test", 100));
	assert_false(names_fit("##.test", 101));
	assert_false(names_fit("##.test", 0));
	assert_false(names_fit("", 1));
	assert_false(names_fit("www.lab.test", 1));
	assert_false(names_fit("#.#.test", 1));
	assert_false(names_fit("##a#", 1));
	memset(wide, '#', sizeof(wide));
	wide[NAMES_MAX_BYTES] = '\0';
	assert_false(names_fit(wide, 1));
	wide[NAMES_MAX_BYTES - 1] = '\0';
	assert_true(names_fit(wide, UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_leading_zeros),
		cmocka_unit_test(patterns_that_cannot_hold_them_are_refused),
	};

	return cmocka_run_group_tests_name("perf_names", tests, NULL, NULL);
}
