/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/proxy/health.h"
#include "dataplane/proxy/snapshot.h"

#include <cmocka.h>

/* Checks from left to right, '+' passed and '-' not; what the verdict is after each: A, N, U, D. */
static const struct {
	uint8_t start;
	const char *checks, *verdicts;
} cases[] = {
	{ TARGET_ASSUMED, "+-+", "UUU" },
	{ TARGET_ASSUMED, "--+--+---", "AAUUUUUUD" },
	{ TARGET_ASSUMED, "---+-++", "AADDDDU" },
	{ TARGET_NEW, "+", "U" },
	{ TARGET_NEW, "--+", "NNU" },
	{ TARGET_NEW, "---+", "NNDD" },
	{ TARGET_NEW, "---++", "NNDDU" },
	{ TARGET_UP, "--+--+--+---", "UUUUUUUUUUUD" },
	{ TARGET_UP, "----", "UUDD" },
	{ TARGET_DOWN, "+-+-+-++", "DDDDDDDU" },
	{ TARGET_DOWN, "++---", "DUUUD" },
};

static void verdicts_follow_the_thresholds(void **state)
{
	static const char letters[] = {
		[TARGET_ASSUMED] = 'A', [TARGET_NEW] = 'N', [TARGET_UP] = 'U', [TARGET_DOWN] = 'D'
	};
	const struct backend_health config = { .healthy = 2, .unhealthy = 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t verdict = cases[i].start, streak = 0;
		char is[16] = "";

		for (size_t k = 0; cases[i].checks[k]; k++) {
			verdict =
			    health_judge(&config, verdict, cases[i].checks[k] == '+', &streak);
			is[k] = letters[verdict];
		}
		assert_string_equal(is, cases[i].verdicts);
	}
}

/* With thresholds of one each check decides. */
static void thresholds_of_one(void **state)
{
	const struct backend_health config = { .healthy = 1, .unhealthy = 1 };
	uint8_t verdict = TARGET_ASSUMED, streak = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		verdict = health_judge(&config, verdict, i % 2, &streak);
		assert_int_equal(verdict, i % 2 ? TARGET_UP : TARGET_DOWN);
	}
}

static void every_target_has_one_worker(void **state)
{
	unsigned seen[16] = { 0 };
	struct target_run t = { .id = 0 };

	(void)state;
	for (; t.id < 1600; t.id++) {
		assert_in_range(health_worker(&t, 16), 0, 15);
		seen[health_worker(&t, 16)]++;
	}
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(seen[i], 100);
}

static void every_outcome_has_a_text(void **state)
{
	(void)state;
	for (int i = HEALTH_NOT_CHECKED; i <= HEALTH_BODY; i++)
		assert_true(strlen(health_outcome_text((enum health_outcome)i)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_follow_the_thresholds),
		cmocka_unit_test(thresholds_of_one),
		cmocka_unit_test(every_target_has_one_worker),
		cmocka_unit_test(every_outcome_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
