/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/loadgen/hist.h"

#include <cmocka.h>

static struct hist h;

static int fresh(void **state)
{
	(void)state;
	hist_init(&h);
	return 0;
}

static void empty_has_no_percentile(void **state)
{
	(void)state;
	assert_int_equal(hist_percentile(&h, 50), 0);
	assert_int_equal(hist_percentile(&h, 100), 0);
	assert_true(hist_mean(&h) == 0);
}

/* Every power of two and its neighbours: the cells have no gap, no overlap and no end too soon. */
static void any_value_is_within_one_part_in_128(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++)
		for (int off = -1; off <= 1; off++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)off, p;

			hist_init(&h);
			hist_add(&h, v);
			hist_add(&h, UINT64_MAX); /* so that the maximum does not cut the cell */
			p = hist_percentile(&h, 50);
			assert_true(p >= v);
			assert_true(p - v <= v / 128);
		}
}

static void small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t v = 0; v < 256; v++) {
		hist_init(&h);
		hist_add(&h, v);
		hist_add(&h, 1000);
		assert_int_equal(hist_percentile(&h, 50), v);
	}
}

static void percentiles_of_a_ramp(void **state)
{
	static const double percents[] = { 0.1, 1, 10, 50, 90, 99, 99.9, 100 };

	(void)state;
	for (uint64_t v = 1; v <= 100000; v++)
		hist_add(&h, v);
	for (unsigned i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		uint64_t exact = (uint64_t)(percents[i] * 1000),
			 p = hist_percentile(&h, percents[i]);

		assert_in_range(p, exact, exact + exact / 128 + 1);
	}
	assert_true(hist_mean(&h) == 50000.5);
	assert_int_equal(h.min, 1);
	assert_int_equal(h.max, 100000);
}

static void one_outlier_is_only_the_last_percentile(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 999; i++)
		hist_add(&h, 10);
	hist_add(&h, 1000000);
	assert_int_equal(hist_percentile(&h, 99.9), 10);
	assert_int_equal(hist_percentile(&h, 99.91), 1000000);
	assert_int_equal(hist_percentile(&h, 0), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(empty_has_no_percentile, fresh),
		cmocka_unit_test_setup(any_value_is_within_one_part_in_128, fresh),
		cmocka_unit_test_setup(small_values_are_exact, fresh),
		cmocka_unit_test_setup(percentiles_of_a_ramp, fresh),
		cmocka_unit_test_setup(one_outlier_is_only_the_last_percentile, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
