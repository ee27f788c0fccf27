/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

static void every_counter_has_a_name_a_scraper_accepts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STAT_N; i++) {
		const char *name = stats_name((enum stat)i);

		assert_non_null(name);
		assert_true(strlen(name) > 0);
		assert_ptr_equal(name + strspn(name, name_bytes), stats_label(name));
		assert_true(name[0] < '0' || name[0] > '9');
	}
}

/* ,label="value" */
static void every_label_is_one_a_scraper_accepts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STAT_N; i++) {
		const char *at = stats_label(stats_name((enum stat)i));

		if (!*at)
			continue;
		assert_int_equal(*at++, ',');
		assert_true(strspn(at, name_bytes) > 0);
		at += strspn(at, name_bytes);
		assert_int_equal(strncmp(at, "=\"", 2), 0);
		at += 2;
		assert_true(strspn(at, name_bytes) > 0);
		at += strspn(at, name_bytes);
		assert_string_equal(at, "\"");
	}
}

/* Else /metrics would say HELP and TYPE of a family twice. */
static void families_stand_together(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STAT_N; i++) {
		const char *name = stats_name((enum stat)i);
		size_t len = (size_t)(stats_label(name) - name);
		bool is_over = false;

		for (unsigned j = i + 1; j < STAT_N; j++) {
			const char *other = stats_name((enum stat)j);
			bool is_same = (size_t)(stats_label(other) - other) == len &&
			    strncmp(name, other, len) == 0;

			assert_false(is_same && (is_over || !name[len] || !other[len]));
			is_over |= !is_same;
		}
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
		cmocka_unit_test(every_label_is_one_a_scraper_accepts),
		cmocka_unit_test(families_stand_together),
		cmocka_unit_test(no_name_is_given_twice),
		cmocka_unit_test(counting_touches_one_counter),
		cmocka_unit_test(workers_share_no_cache_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
