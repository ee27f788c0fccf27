/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void every_counter_has_a_name_a_scraper_accepts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STAT_N; i++) {
		const char *name = stats_name((enum stat)i);

		assert_non_null(name);
		assert_true(strlen(name) > 0);
		assert_int_equal(
		    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
		assert_true(name[0] < '0' || name[0] > '9');
	}
}

static void no_name_is_given_twice(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STAT_N; i++)
		for (unsigned j = i + 1; j < STAT_N; j++)
			assert_string_not_equal(stats_name((enum stat)i), stats_name((enum stat)j));
}

static void counting_touches_one_counter(void **state)
{
	struct stats s = { 0 };

	(void)state;
	stats_inc(&s, STAT_RX_PACKETS);
	stats_add(&s, STAT_RX_PACKETS, 41);
	for (unsigned i = 0; i < STAT_N; i++)
		assert_int_equal(s.v[i], i == STAT_RX_PACKETS ? 42 : 0);
}

static void workers_share_no_cache_line(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct stats) % 64, 0);
	assert_int_equal(_Alignof(struct stats), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_counter_has_a_name_a_scraper_accepts),
		cmocka_unit_test(no_name_is_given_twice),
		cmocka_unit_test(counting_touches_one_counter),
		cmocka_unit_test(workers_share_no_cache_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
