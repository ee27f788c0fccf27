/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/heap.h"
#include "tls/heap_class.h"

#include <cmocka.h>

static void classes_fit(void **state)
{
	(void)state;
	for (size_t size = 0; size <= HEAP_LARGEST; size++) {
		unsigned class = heap_class(size);

		assert_true(class < HEAP_N_CLASSES);
		assert_true(heap_class_size(class) >= size);
		assert_int_equal(heap_class_size(class) % 16, 0);
		/* The next smaller one would not do, and little is wasted. */
		if (class > 0)
			assert_true(heap_class_size(class - 1) < size);
		if (size > 256)
			assert_true(heap_class_size(class) * 4 <= size * 5);
	}
	assert_int_equal(heap_class_size(HEAP_N_CLASSES - 1), HEAP_LARGEST);
}

struct owned {
	uint8_t *at;
	size_t len;
	uint8_t mark;
};

static void check(const struct owned *o)
{
	for (size_t i = 0; i < o->len; i++)
		assert_int_equal(o->at[i], o->mark);
}

/* Any order of calls: no block overlaps another, contents survive, everything comes back. */
static void random_use(void **state)
{
	enum {
		N = 600
	};
	static struct owned all[N];
	struct heap *h = heap_new();
	uint32_t x = 1;

	(void)state;
	assert_non_null(h);
	heap_enter(h);
	for (unsigned round = 0; round < 60000; round++) {
		struct owned *o;
		size_t len;

		x = x * 1664525 + 1013904223;
		o = &all[(x >> 8) % N];
		len = (x >> 20) % (round % 50 == 0 ? 40000 : round % 7 == 0 ? 5000 : 400);
		check(o);
		if (o->at != NULL && round % 3 == 0) {
			size_t kept = o->len < len ? o->len : len;

			o->at = heap_realloc(o->at, len + 1);
			o->len = kept;
			check(o);
			o->len = len;
		} else {
			heap_release(o->at);
			o->at = heap_malloc(len);
			o->len = len;
		}
		assert_non_null(o->at);
		assert_int_equal((uintptr_t)o->at % 16, 0);
		o->mark = (uint8_t)(x >> 11);
		memset(o->at, o->mark, o->len);
	}
	for (unsigned i = 0; i < N; i++) {
		check(&all[i]);
		heap_release(all[i].at);
		all[i].at = NULL;
		all[i].len = 0;
	}
	assert_int_equal(heap_bytes(h), 0);
	heap_enter(NULL);
	heap_free(h);
}

/* Steady use takes no more memory than its peak. */
static void blocks_are_used_again(void **state)
{
	struct heap *h = heap_new();
	void *first, *second;

	(void)state;
	heap_enter(h);
	first = heap_malloc(100);
	assert_true(heap_bytes(h) >= 100);
	heap_release(first);
	assert_int_equal(heap_bytes(h), 0);
	second = heap_malloc(110);
#ifndef __SANITIZE_ADDRESS__
	assert_ptr_equal(first, second);
#endif
	heap_release(second);
	heap_enter(NULL);
	heap_free(h);
}

static void blocks_from_outside(void **state)
{
	struct heap *h = heap_new();
	uint8_t *before = malloc(50), *without, *large;

	(void)state;
	without = heap_malloc(50); /* no heap here yet */
	heap_enter(h);
	memset(before, 1, 50);
	before = heap_realloc(before, 500);
	assert_int_equal(before[49], 1);
	heap_release(NULL);
	large = heap_malloc(HEAP_LARGEST + 1);
	assert_non_null(large);
	memset(large, 2, HEAP_LARGEST + 1);
	large = heap_realloc(large, 10);
	assert_int_equal(large[9], 2);
	heap_enter(NULL);
	heap_release(before);
	heap_release(without);
	heap_release(large);
#ifndef __SANITIZE_ADDRESS__
	assert_int_equal(heap_bytes(h), 0);
	heap_free(h);
#else
	free(h); /* counts are by thread there, and these frees had none */
#endif
}

enum {
	N_PASSED = 4096
};
static void *passed[N_PASSED];

static void *release_all(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < N_PASSED; i++)
		heap_release(passed[i]);
	return NULL;
}

/* Freed by a thread that does not own them: they come back to the owner. */
static void freed_elsewhere(void **state)
{
	struct heap *h = heap_new();

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		pthread_t t;

		heap_enter(h);
		for (unsigned i = 0; i < N_PASSED; i++) {
			passed[i] = heap_malloc(i % 300 + 1);
			memset(passed[i], (int)i, i % 300 + 1);
		}
		assert_int_equal(pthread_create(&t, NULL, release_all, NULL), 0);
		for (unsigned i = 0; i < 10000; i++)
			heap_release(heap_malloc(i % 500));
		assert_int_equal(pthread_join(t, NULL), 0);
	}
	heap_enter(NULL);
#ifndef __SANITIZE_ADDRESS__
	heap_free(h); /* asserts that nothing is missing */
#else
	free(h);
#endif
}

/* Many heaps come and go: their addresses are used again. */
static void heaps_come_and_go(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		struct heap *h = heap_new();

		heap_enter(h);
		heap_release(heap_malloc(64));
		heap_enter(NULL);
		heap_free(h);
	}
}

static int setup(void **state)
{
	(void)state;
	return heap_global_init();
}

static int teardown(void **state)
{
	(void)state;
	heap_global_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_fit),
		cmocka_unit_test(random_use),
		cmocka_unit_test(blocks_are_used_again),
		cmocka_unit_test(blocks_from_outside),
		cmocka_unit_test(freed_elsewhere),
		cmocka_unit_test(heaps_come_and_go),
	};

	return cmocka_run_group_tests_name("tls_heap", tests, setup, teardown);
}
