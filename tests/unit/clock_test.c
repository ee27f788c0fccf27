/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What is said when EAL refuses its arguments is said by code that asks for the time. */
static void time_stands_still_without_eal(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c);
	assert_int_equal(clock_us(&c, rte_rdtsc()), 0);
}

static void a_product_of_more_than_64_bits_is_right(void **state)
{
	/* 3 GHz: 1/3000 µs a cycle */
	const struct clock c = { .factor = UINT64_MAX / 3000 + 1 };

	(void)state;
	assert_int_equal(clock_us(&c, 3000), 1);
	assert_int_equal(clock_us(&c, 3000ull * 86400 * 1000000 * 365), 86400ull * 1000000 * 365);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_stands_still_without_eal),
		cmocka_unit_test(a_product_of_more_than_64_bits_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
