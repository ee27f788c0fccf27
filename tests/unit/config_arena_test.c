/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "config/arena.h"

#include <cmocka.h>

static void memory_is_zeroed_aligned_and_apart(void **state)
{
	struct arena *a = arena_new();
	unsigned char *last = NULL;
	size_t last_size = 0;

	(void)state;
	assert_non_null(a);
	for (size_t size = 1; size < 200 * 1000; size = size * 3 / 2 + 1) {
		unsigned char *p = arena_alloc(a, 1, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
		for (size_t i = 0; i < last_size; i++)
			assert_int_equal(last[i], 0xff);
		if (last)
			assert_true(p >= last + last_size || p + size <= last);
		last = p;
		last_size = size;
	}
	arena_free(a);
}

static void sizes_that_overflow_are_refused(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_null(arena_alloc(a, SIZE_MAX / 4, 8));
	assert_null(arena_alloc(a, SIZE_MAX, 1));
	assert_null(arena_alloc(a, 1, SIZE_MAX));
	assert_non_null(arena_alloc(a, 0, 8));
	arena_free(a);
}

static void strings_are_copies(void **state)
{
	struct arena *a = arena_new();
	char text[] = "abc";
	const char *copy = arena_string(a, text);

	(void)state;
	text[0] = 'x';
	assert_string_equal(copy, "abc");
	assert_string_equal(arena_string(a, ""), "");
	arena_free(a);
}

static void null_may_be_freed(void **state)
{
	(void)state;
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(strings_are_copies),
		cmocka_unit_test(null_may_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
