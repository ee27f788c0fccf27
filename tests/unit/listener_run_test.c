/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/listener_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t key_at(const struct tally *t, unsigned i)
{
	return atomic_load(&t[i].key);
}

static void kinds_are_counted_in_the_order_they_come(void **state)
{
	struct tally t[4] = { 0 };

	(void)state;
	tally_add(t, 4, 7);
	tally_add(t, 4, 5);
	tally_add(t, 4, 7);
	assert_int_equal(key_at(t, 0), 7);
	assert_int_equal(t[0].n, 2);
	assert_int_equal(key_at(t, 1), 5);
	assert_int_equal(t[1].n, 1);
	assert_int_equal(key_at(t, 2), 0);
}

static void too_many_kinds_are_counted_together(void **state)
{
	struct tally t[4] = { 0 };
	uint64_t sum = 0;

	(void)state;
	for (uint64_t key = 1; key <= 100; key++)
		tally_add(t, 4, key);
	tally_add(t, 4, 3); /* has its place */
	tally_add(t, 4, 4); /* has none */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(key_at(t, i), i + 1);
	assert_int_equal(t[2].n, 2);
	assert_true(key_at(t, 3) == TALLY_OTHER);
	assert_int_equal(t[3].n, 98);
	for (unsigned i = 0; i < 4; i++)
		sum += t[i].n;
	assert_int_equal(sum, 102);
}

static unsigned count_runs(void)
{
	unsigned n = 0;

	for (const struct listener_run *l = listener_runs(); l; l = l->next)
		n++;
	return n;
}

static void a_listener_of_the_same_name_goes_on_counting(void **state)
{
	struct listener_run *a = listener_run_get("a", 2), *b = listener_run_get("b", 2), *again;

	(void)state;
	assert_non_null(a);
	assert_ptr_not_equal(a, b);
	assert_int_equal((uintptr_t)&a->lanes[1] % 64, 0);
	listener_lane_enter(&a->lanes[1]);
	listener_lane_leave(&a->lanes[1]);
	again = listener_run_get("a", 2);
	assert_ptr_equal(again, a);
	listener_run_put(a);
	assert_int_equal(again->lanes[1].accepted, 1);
	listener_run_put(again);
	listener_run_put(b);
	assert_null(listener_runs());
}

static void one_that_is_gone_stays_while_connections_hold_it(void **state)
{
	struct listener_run *a = listener_run_get("a", 1), *b = listener_run_get("b", 1);

	(void)state;
	listener_lane_enter(&a->lanes[0]);
	listener_run_put(a);
	assert_int_equal(count_runs(), 2);
	/* It comes back meanwhile, and goes for good. */
	assert_ptr_equal(listener_run_get("a", 1), a);
	listener_run_put(a);
	assert_int_equal(count_runs(), 2);
	listener_lane_leave(&a->lanes[0]);
	listener_run_put(b);
	assert_int_equal(count_runs(), 0);
	listener_run_put(NULL);
}

static void failures_tell_reason_alert_and_who(void **state)
{
	struct listener_run *a = listener_run_get("a", 1);
	struct listener_lane *l = &a->lanes[0];

	(void)state;
	listener_lane_failed(l, CONN_END_HELLO, 50, true);
	listener_lane_failed(l, CONN_END_HELLO, 50, false);
	listener_lane_failed(l, CONN_END_HELLO, LISTENER_NO_ALERT, true);
	listener_lane_failed(l, CONN_END_HELLO, LISTENER_NO_ALERT, false);
	assert_int_equal(key_at(l->failures, 0), 1u << 16 | CONN_END_HELLO << 8 | 50);
	assert_int_equal(key_at(l->failures, 1), CONN_END_HELLO << 8 | 50);
	assert_int_equal(l->failures[2].n, 2);
	assert_int_equal(key_at(l->failures, 3), 0);
	listener_run_put(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_counted_in_the_order_they_come),
		cmocka_unit_test(too_many_kinds_are_counted_together),
		cmocka_unit_test(a_listener_of_the_same_name_goes_on_counting),
		cmocka_unit_test(one_that_is_gone_stays_while_connections_hold_it),
		cmocka_unit_test(failures_tell_reason_alert_and_who),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
