/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START 1000000u

static struct idle i;
static uint64_t now_us, cpu_us;

static int setup(void **state)
{
	(void)state;
	now_us = START;
	cpu_us = 0;
	idle_init(&i, now_us);
	return 0;
}

/* A worker that turns for turn_us between two sleeps, for so long. */
static void idle_for(uint64_t us, uint32_t turn_us)
{
	const uint64_t end_us = now_us + us;

	while (now_us < end_us) {
		uint32_t sleep_us = idle_sleep_us(&i, now_us);

		cpu_us += turn_us;
		now_us += turn_us + sleep_us;
		if (sleep_us == i.longest_us && idle_slept(&i))
			idle_judge(&i, cpu_us, now_us);
	}
}

static double share(uint64_t us, uint32_t turn_us)
{
	const uint64_t cpu_before = cpu_us, before = now_us;

	idle_for(us, turn_us);
	return 100.0 * (double)(cpu_us - cpu_before) / (double)(now_us - before);
}

static void it_polls_for_the_answer(void **state)
{
	(void)state;
	for (unsigned us = 0; us < IDLE_POLL_US; us++)
		assert_int_equal(idle_sleep_us(&i, now_us + us), 0);
	assert_int_equal(idle_sleep_us(&i, now_us + IDLE_POLL_US), IDLE_MIN_US);
	idle_end(&i, now_us + IDLE_POLL_US);
	assert_int_equal(idle_sleep_us(&i, now_us + IDLE_POLL_US), 0);
}

/* Whatever the pause was: the sleep that follows is a small part of it, or of the least length. */
static void a_sleep_is_a_part_of_the_pause(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (uint64_t us = IDLE_POLL_US; us < 10000000; us += us / 10) {
		uint32_t sleep_us = idle_sleep_us(&i, now_us + us);

		assert_true(sleep_us >= last);
		assert_true(sleep_us <= us / IDLE_PART || sleep_us == IDLE_MIN_US);
		assert_true(sleep_us <= i.longest_us);
		last = sleep_us;
	}
	assert_int_equal(last, i.longest_us);
}

/* Turns of 1 to 25 µs: no more than its share of the core, or a millisecond's sleeps. */
static void the_share_is_kept(void **state)
{
	(void)state;
	for (uint32_t turn_us = 1; turn_us <= 25; turn_us++) {
		setup(NULL);
		idle_for(10000000, turn_us);
		assert_true(share(10000000, turn_us) <= 1.05 * IDLE_SHARE);
		assert_in_range(i.longest_us, 100, IDLE_MAX_US);
	}
}

static void a_dear_turn_has_the_longest_sleeps_and_no_longer(void **state)
{
	(void)state;
	idle_for(10000000, 500);
	assert_int_equal(i.longest_us, IDLE_MAX_US);
	/* And when turns are cheap again they are shorter again. */
	idle_for(20000000, 2);
	assert_true(i.longest_us < 200);
}

/* What traffic costs is no measure of what idling does. */
static void work_is_not_judged(void **state)
{
	const uint32_t before = i.longest_us;

	(void)state;
	for (unsigned n = 0; n < 1000; n++) {
		idle_for(100000, 2); /* a trial of cheap turns */
		cpu_us += 50000;
		now_us += 50000;
		idle_end(&i, now_us);
	}
	assert_true(i.longest_us <= before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_polls_for_the_answer, setup),
		cmocka_unit_test_setup(a_sleep_is_a_part_of_the_pause, setup),
		cmocka_unit_test_setup(the_share_is_kept, setup),
		cmocka_unit_test_setup(a_dear_turn_has_the_longest_sleeps_and_no_longer, setup),
		cmocka_unit_test_setup(work_is_not_judged, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
