/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker may still read must not be freed: grace_wait beside workers that keep what they adopted. */
#include "dataplane/grace.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_pause.h>

#include <cmocka.h>

#define WORKERS 2u
#define ROUNDS  3000u

static struct rte_rcu_qsbr *qsbr;

static int make(void **state)
{
	size_t size = rte_rcu_qsbr_get_memsize(WORKERS);

	(void)state;
	qsbr =
	    aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, (size_t)RTE_CACHE_LINE_SIZE));
	assert_non_null(qsbr);
	assert_int_equal(rte_rcu_qsbr_init(qsbr, WORKERS), 0);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	free(qsbr);
	return 0;
}

static void enter(unsigned worker)
{
	assert_int_equal(rte_rcu_qsbr_thread_register(qsbr, worker), 0);
	rte_rcu_qsbr_thread_online(qsbr, worker);
}

static void leave(unsigned worker)
{
	rte_rcu_qsbr_thread_offline(qsbr, worker);
	rte_rcu_qsbr_thread_unregister(qsbr, worker);
}

/* --- a worker that is moved by hand --- */

static atomic_bool is_over;

static void *control(void *arg)
{
	(void)arg;
	grace_wait(qsbr);
	atomic_store(&is_over, true);
	return NULL;
}

static bool over_within(unsigned ms)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i < ms && !atomic_load(&is_over); i++)
		nanosleep(&pause, NULL);
	return atomic_load(&is_over);
}

static uint64_t token(void)
{
	return __atomic_load_n(&qsbr->token, __ATOMIC_ACQUIRE);
}

/* Control has begun the period after that token. */
static void wait_for_period(uint64_t after)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i < 30000 && token() == after; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(token(), after + 1);
}

static void every_worker_is_quiescent_twice(void **state)
{
	uint64_t first;
	pthread_t thread;

	(void)state;
	enter(0);
	enter(1);
	first = token();
	atomic_store(&is_over, false);
	assert_int_equal(pthread_create(&thread, NULL, control, NULL), 0);
	wait_for_period(first);
	assert_false(over_within(20));
	rte_rcu_qsbr_quiescent(qsbr, 0);
	rte_rcu_qsbr_quiescent(qsbr, 1);
	wait_for_period(first + 1); /* both may still hold what was published before */
	assert_false(over_within(20));
	rte_rcu_qsbr_quiescent(qsbr, 0);
	assert_false(over_within(20));
	rte_rcu_qsbr_quiescent(qsbr, 1);
	assert_true(over_within(30000));
	pthread_join(thread, NULL);
	leave(0);
	leave(1);
}

static void workers_that_are_gone_hold_nothing(void **state)
{
	(void)state;
	enter(0);
	leave(0);
	grace_wait(qsbr);
}

/* --- workers that adopt, as worker.c and proxy_adopt do --- */

static atomic_uintptr_t published;
static atomic_bool stop;
static atomic_uint n_torn;

static void *worker(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, loops = 0;
	const unsigned *kept = NULL;

	enter(me);
	while (!atomic_load(&stop)) {
		const unsigned *now =
		    (const unsigned *)atomic_load_explicit(&published, memory_order_acquire);

		if (kept && *kept == 0)
			atomic_fetch_add(&n_torn, 1);
		kept = now;
		for (unsigned i = 0; i < 200; i++) /* packets */
			rte_pause();
		rte_rcu_qsbr_quiescent(qsbr, me);
		if (++loops % 8 ==
		    0) { /* a worker rests between its quiescent state and the next look */
			const struct timespec rest = { .tv_nsec = 20000 };

			nanosleep(&rest, NULL);
		}
	}
	leave(me);
	return NULL;
}

static void nothing_is_read_after_the_wait(void **state)
{
	static unsigned value[ROUNDS + 1];
	pthread_t thread[WORKERS];

	(void)state;
	value[0] = 1;
	atomic_store(&published, (uintptr_t)&value[0]);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, worker, (void *)(uintptr_t)i), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		value[i + 1] = i + 2;
		atomic_store_explicit(&published, (uintptr_t)&value[i + 1], memory_order_release);
		grace_wait(qsbr);
		*(volatile unsigned *)&value[i] = 0; /* as if it were freed */
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(atomic_load(&n_torn), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_worker_is_quiescent_twice, make, unmake),
		cmocka_unit_test_setup_teardown(workers_that_are_gone_hold_nothing, make, unmake),
		cmocka_unit_test_setup_teardown(nothing_is_read_after_the_wait, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
