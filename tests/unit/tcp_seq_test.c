/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/tcp/seq.h"

#include <cmocka.h>

static void order_holds_across_the_wrap(void **state)
{
	(void)state;
	assert_true(seq_lt(0xffffff00, 0x10));
	assert_false(seq_lt(0x10, 0xffffff00));
	assert_true(seq_gt(0x10, 0xffffff00));
	assert_true(seq_leq(5, 5) && seq_geq(5, 5));
	assert_false(seq_lt(5, 5) || seq_gt(5, 5));
	assert_int_equal(seq_max(0xffffffff, 0), 0);
	assert_int_equal(seq_min(0xffffffff, 0), 0xffffffff);
}

static void order_ends_at_half_the_space(void **state)
{
	(void)state;
	assert_true(seq_lt(0, 0x7fffffff));
	assert_false(seq_gt(0, 0x7fffffff));
	/* One further and it is behind. */
	assert_false(seq_lt(0, 0x80000001));
}

static void window_may_wrap_and_may_be_empty(void **state)
{
	(void)state;
	assert_true(seq_in(0xfffffff0, 0xfffffff0, 0x10));
	assert_true(seq_in(0xf, 0xfffffff0, 0x10));
	assert_false(seq_in(0x10, 0xfffffff0, 0x10));
	assert_false(seq_in(0xffffffef, 0xfffffff0, 0x10));
	assert_false(seq_in(7, 7, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_holds_across_the_wrap),
		cmocka_unit_test(order_ends_at_half_the_space),
		cmocka_unit_test(window_may_wrap_and_may_be_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
