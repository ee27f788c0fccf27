/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/fiber.h"

#include <cmocka.h>

#define STACK (64 * 1024)

/* What a fiber did, and what it was told meanwhile. */
struct work {
	unsigned n_yields, at;
	int64_t sum;
	double fraction;
};

/* Values in registers that the switch must keep, across yields at different depths. */
static void climb(struct work *w, unsigned depth)
{
	int64_t a = depth, b = depth * 3, c = depth * 5, d = depth * 7, e = depth * 11;
	double f = depth * 0.5;

	if (depth > 0)
		climb(w, depth - 1);
	if (depth % 3 == 0) {
		w->at++;
		assert_non_null(fiber_current());
		fiber_yield();
	}
	w->sum += a + b + c + d + e;
	w->fraction += f;
}

static void run(void *arg)
{
	struct work *w = arg;

	climb(w, w->n_yields * 3);
}

static void values_survive_switches(void **state)
{
	enum {
		N = 50
	};
	struct fiber_pool *pool = fiber_pool_new(STACK, 4, N, false);
	struct fiber *fibers[N];
	struct work work[N] = { 0 };
	unsigned n_alive = N;

	(void)state;
	assert_non_null(pool);
	assert_null(fiber_current());
	for (unsigned i = 0; i < N; i++) {
		work[i].n_yields = i;
		fibers[i] = fiber_new(pool, run, &work[i]);
		assert_non_null(fibers[i]);
	}
	assert_int_equal(fiber_pool_live(pool), N);
	assert_null(fiber_new(pool, run, &work[0])); /* one too many */
	while (n_alive > 0) {
		for (unsigned i = 0; i < N; i++) {
			if (fibers[i] == NULL)
				continue;
			assert_null(fiber_current());
			if (!fiber_resume(fibers[i])) {
				fibers[i] = NULL;
				n_alive--;
			}
		}
	}
	for (unsigned i = 0; i < N; i++) {
		int64_t n = i * 3;

		assert_int_equal(work[i].at, i + 1);
		assert_int_equal(work[i].sum, 27 * n * (n + 1) / 2);
		assert_true(work[i].fraction == (double)(n * (n + 1)) / 4);
	}
	assert_int_equal(fiber_pool_live(pool), 0);
	fiber_pool_free(pool);
	fiber_pool_free(NULL);
}

static void note_stack(void *arg)
{
	*(uintptr_t *)arg = (uintptr_t)__builtin_frame_address(0);
	fiber_yield();
}

/* The stack that was left last is the next one's: it is warm. */
static void stacks_are_used_again(void **state)
{
	struct fiber_pool *pool = fiber_pool_new(STACK, 1, 8, false);
	uintptr_t where[3];
	struct fiber *a, *b;

	(void)state;
	a = fiber_new(pool, note_stack, &where[0]);
	assert_true(fiber_resume(a));
	b = fiber_new(pool, note_stack, &where[1]);
	assert_true(fiber_resume(b));
	assert_int_not_equal(where[0], where[1]);
	assert_false(fiber_resume(b));
	assert_false(fiber_resume(a)); /* over the one that is kept: unmapped */
	a = fiber_new(pool, note_stack, &where[2]);
	assert_true(fiber_resume(a));
	assert_int_equal(where[1], where[2]);
	assert_false(fiber_resume(a));
	fiber_pool_free(pool);
}

static void use_stack(void *arg)
{
	size_t n = *(size_t *)arg;
	volatile uint8_t *at = __builtin_alloca(n);

	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)i;
}

static void deepest_is_measured(void **state)
{
	struct fiber_pool *pool = fiber_pool_new(STACK, 4, 8, true);
	size_t n = 20000, before;

	(void)state;
	assert_int_equal(fiber_pool_deepest(pool), 0);
	assert_false(fiber_resume(fiber_new(pool, use_stack, &n)));
	before = fiber_pool_deepest(pool);
	assert_in_range(before, 20000, 30000);
	n = 100;
	assert_false(fiber_resume(fiber_new(pool, use_stack, &n)));
	assert_int_equal(fiber_pool_deepest(pool), before);
	fiber_pool_free(pool);
}

static sigjmp_buf overflowed;

static void on_fault(int number)
{
	siglongjmp(overflowed, number);
}

static void overflow(void *arg)
{
	volatile uint8_t *top = __builtin_frame_address(0);

	(void)arg;
	/* Page by page downwards, as a deep call chain would go. */
	for (size_t i = 0; i < 2 * STACK; i += 1024)
		top[-(ptrdiff_t)i] = 1;
}

/* An overflow hits the guard page and nothing else. */
static void overflow_faults(void **state)
{
	static uint8_t handler_stack[64 * 1024];
	stack_t own = { .ss_sp = handler_stack, .ss_size = sizeof handler_stack }, old;
	struct sigaction act = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK }, was;
	struct fiber_pool *pool;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* it has a handler of its own, and does not like being left by a jump */
#endif
	pool = fiber_pool_new(STACK, 4, 8, false);
	assert_int_equal(sigaltstack(&own, &old), 0);
	assert_int_equal(sigaction(SIGSEGV, &act, &was), 0);
	if (sigsetjmp(overflowed, 1) == 0) {
		fiber_resume(fiber_new(pool, overflow, NULL));
		fail_msg("the guard page let it pass");
	}
	sigaction(SIGSEGV, &was, NULL);
	sigaltstack(&old, NULL);
	/* The fiber never ends and its pool stays: this is the last test. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_survive_switches),
		cmocka_unit_test(stacks_are_used_again),
		cmocka_unit_test(deepest_is_measured),
		cmocka_unit_test(overflow_faults),
	};

	return cmocka_run_group_tests_name("tls_fiber", tests, NULL, NULL);
}
