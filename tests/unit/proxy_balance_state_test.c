/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/balance_kit.h"

#include <cmocka.h>

static void fails(struct fixture *f, unsigned i, unsigned times)
{
	while (times-- > 0)
		balance_failed(&f->b, f->targets[i].run, &f->ask);
}

/* --- slow start --- */

static void slow_start_grows_with_time(void **state)
{
	static const struct {
		uint32_t at_ms;
		double share; /* of the fresh one against each of the two others */
	} steps[] = { { 0, 26 / 256.0 }, { 500, 26 / 256.0 }, { 2500, 0.25 }, { 5000, 0.5 },
		{ 7500, 0.75 }, { 10000, 1 } };
	const enum config_algorithm algorithms[] = { CONFIG_ROUND_ROBIN, CONFIG_CONSISTENT_HASH };

	(void)state;
	for (unsigned a = 0; a < 2; a++) {
		struct fixture f;

		fixture_start(&f, algorithms[a], NULL, 3);
		f.b.slow_start_ms = 10000;
		f.b.checked = true;
		f.ask.now_ms = UINT32_MAX - 3000; /* and over the wrap */
		atomic_store(&f.targets[0].run->verdict, TARGET_DOWN);
		fixture_pick_many(&f, 100);
		assert_int_equal(f.seen[0], 0);
		atomic_store(&f.targets[0].run->verdict, TARGET_UP);
		for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			double part = steps[i].share / (2 + steps[i].share);

			f.ask.now_ms = UINT32_MAX - 3000 + steps[i].at_ms;
			fixture_pick_many(&f, 30000);
			assert_about(f.seen[0], 30000 * part, a == 0 ? 0.01 : 0.06);
		}
		fixture_finish(&f);
	}
}

/* Least connections, too: a fresh target is empty and would otherwise get everything. */
static void slow_start_holds_least_connections_back(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_LEAST_CONNECTIONS, NULL, 2);
	f.b.slow_start_ms = 10000;
	f.targets[0].run->lanes[0].flags = 0; /* new */
	*fixture_active(&f, 1) = 100;
	f.ask.now_ms = 0;
	fixture_pick(&f);
	f.ask.now_ms = 5000;
	for (unsigned i = 0; i < 80; i++)
		++*fixture_active(&f, (unsigned)fixture_pick(&f));
	assert_in_range(*fixture_active(&f, 0), 59, 61); /* half as many as the other: 60 of 180 */
	fixture_finish(&f);
}

static void slow_start_is_not_for_those_there_at_the_start(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	f.b.slow_start_ms = 10000;
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	fixture_finish(&f);
	target_runs_started(true);
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	f.b.slow_start_ms = 10000;
	fixture_pick_many(&f, 100);
	assert_true(f.targets[0].run->lanes[0].flags & LANE_RAMPING);
	assert_int_equal(atomic_load(&f.targets[0].run->verdict), TARGET_NEW);
	fixture_finish(&f);
}

/* --- what cannot be chosen --- */

static void nothing_without_weights(void **state)
{
	const unsigned weights[] = { 0, 0 };

	(void)state;
	for (int a = CONFIG_ROUND_ROBIN; a <= CONFIG_CONSISTENT_HASH; a++) {
		const struct target *t;
		struct fixture f;

		fixture_start(&f, (enum config_algorithm)a, weights, 2);
		assert_int_equal(balance_pick(&f.b, &f.ask, &t), BALANCE_NONE);
		fixture_finish(&f);
	}
}

static void drained_and_tried_are_left_out(void **state)
{
	(void)state;
	for (int a = CONFIG_ROUND_ROBIN; a <= CONFIG_CONSISTENT_HASH; a++) {
		struct fixture f;

		fixture_start(&f, (enum config_algorithm)a, NULL, 4);
		f.targets[0].drain = true;
		fixture_sum_up(&f);
		f.tried[0] = f.targets[1].run->id;
		f.tried[1] = f.targets[3].run->id;
		f.ask.n_tried = 2;
		fixture_pick_many(&f, 50);
		assert_int_equal(f.seen[2], 50);
		f.tried[2] = f.targets[2].run->id;
		f.ask.n_tried = 3;
		assert_int_equal(fixture_pick(&f), -1);
		fixture_finish(&f);
	}
}

/* A limit of 20 over 16 workers: four have 2, the others 1. */
static void limits_are_split_among_workers(void **state)
{
	(void)state;
	for (int a = CONFIG_ROUND_ROBIN; a <= CONFIG_CONSISTENT_HASH; a++) {
		const struct target *t;
		unsigned total = 0;
		struct fixture f;

		fixture_start(&f, (enum config_algorithm)a, NULL, 2);
		f.targets[0].max_connections = 20;
		f.targets[1].max_connections = 16;
		for (f.ask.worker = 0; f.ask.worker < N_WORKERS; f.ask.worker++) {
			while (balance_pick(&f.b, &f.ask, &t) == BALANCE_OK) {
				balance_take(t->run, f.ask.worker);
				total++;
			}
			assert_int_equal(balance_pick(&f.b, &f.ask, &t), BALANCE_FULL);
			assert_int_equal(*fixture_active(&f, 0), f.ask.worker < 4 ? 2 : 1);
		}
		assert_int_equal(total, 36);
		for (f.ask.worker = 0; f.ask.worker < N_WORKERS; f.ask.worker++)
			for (unsigned i = 0; i < 2; i++)
				while (*fixture_active(&f, i) > 0)
					balance_leave(f.targets[i].run, f.ask.worker);
		fixture_finish(&f);
	}
}

static void verdicts_count_only_when_there_are_checks(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	atomic_store(&f.targets[0].run->verdict, TARGET_DOWN);
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	f.b.checked = true;
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 0);
	atomic_store(&f.targets[1].run->verdict, TARGET_NEW);
	assert_int_equal(fixture_pick(&f), -1);
	atomic_store(&f.b.run->panic, true);
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	fixture_finish(&f);
}

/* --- outliers --- */

static void an_outlier_is_ejected_and_comes_back(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 4);
	f.ask.now_ms = UINT32_MAX - 500;
	fails(&f, 2, 2);
	balance_succeeded(f.targets[2].run, 0);
	fails(&f, 2, 2);
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[2], 25);
	fails(&f, 2, 1);
	fixture_pick_many(&f, 99);
	assert_int_equal(f.seen[2], 0);
	f.ask.now_ms += 999;
	fixture_pick_many(&f, 99);
	assert_int_equal(f.seen[2], 0);
	f.ask.now_ms += 1;
	fixture_pick_many(&f, 100);
	assert_in_range(f.seen[2], 24, 26);
	fixture_finish(&f);
}

/* Twice as long when it has hardly been back, up to the limit; from the start when it has been good. */
static void ejections_get_longer(void **state)
{
	static const uint32_t lengths[] = { 1000, 2000, 3000, 3000 };
	struct target_lane *l;
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 4);
	l = &f.targets[0].run->lanes[0];
	for (unsigned i = 0; i < 4; i++) {
		fails(&f, 0, 3);
		assert_true(l->flags & LANE_EJECTED);
		assert_int_equal(l->until_ms - f.ask.now_ms, lengths[i]);
		f.ask.now_ms = l->until_ms;
		fixture_pick_many(&f, 8);
		assert_in_range(f.seen[0], 1, 3);
	}
	f.ask.now_ms += 3001;
	fails(&f, 0, 3);
	assert_int_equal(l->until_ms - f.ask.now_ms, 1000);
	assert_int_equal(l->n_ejected, 5);
	assert_int_equal(l->n_failed, 15);
	fixture_finish(&f);
}

static void not_more_than_max_ejected(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 5);
	for (unsigned i = 0; i < 5; i++)
		fails(&f, i, 10);
	fixture_pick_many(&f, 300);
	assert_int_equal(f.seen[0] + f.seen[1], 0);
	assert_int_equal(f.seen[2], 100);
	fixture_finish(&f);
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 1); /* never the only one */
	fails(&f, 0, 100);
	assert_int_equal(fixture_pick(&f), 0);
	fixture_finish(&f);
}

/* All that are up are ejected: better one of them than none. */
static void ejected_ones_are_better_than_none(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_LEAST_CONNECTIONS, NULL, 4);
	f.b.checked = true;
	fails(&f, 0, 3);
	fails(&f, 1, 3);
	atomic_store(&f.targets[2].run->verdict, TARGET_DOWN);
	atomic_store(&f.targets[3].run->verdict, TARGET_DOWN);
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	assert_int_equal(f.seen[1], 50);
	fixture_finish(&f);
}

static void one_worker_ejects_for_itself(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	fails(&f, 0, 3);
	assert_int_equal(fixture_pick(&f), 1);
	f.ask.worker = 1;
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	fixture_finish(&f);
}

static void no_ejection_when_switched_off(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	f.b.outlier.failures = 0;
	fails(&f, 0, 100);
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	assert_false(balance_failed(NULL, f.targets[0].run, &f.ask)); /* its backend is gone */
	fixture_finish(&f);
}

/* As a reload does: what is out already comes back with it. */
/* Whom checks have found down and up again is not left alone for what was before. */
static void checks_end_an_ejection(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 4);
	f.b.checked = true;
	fails(&f, 3, 3);
	fixture_pick_many(&f, 12);
	assert_int_equal(f.seen[3], 0);
	atomic_store(&f.targets[3].run->verdict, TARGET_DOWN);
	fixture_pick_many(&f, 12);
	assert_int_equal(f.seen[3], 0);
	atomic_store(&f.targets[3].run->verdict, TARGET_UP);
	fixture_pick_many(&f, 12);
	assert_int_equal(f.seen[3], 3);
	fixture_finish(&f);
}

static void ejected_ones_are_back_when_it_is_switched_off(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, CONFIG_ROUND_ROBIN, NULL, 2);
	fails(&f, 0, f.b.outlier.failures);
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 0);
	f.b.outlier.failures = 0;
	memset(f.seen, 0, sizeof(f.seen));
	fixture_pick_many(&f, 100);
	assert_int_equal(f.seen[0], 50);
	fixture_finish(&f);
}

/* --- runs --- */

static void a_run_outlives_its_configuration_while_it_is_held(void **state)
{
	struct endpoint at = { .port = 80 };
	struct backend_run *b = backend_run_get("app", 2), *other = backend_run_get("other", 2);
	struct target_run *t = target_run_get(b, &at), *again;

	(void)state;
	assert_ptr_not_equal(t, target_run_get(other, &at));
	target_run_put(target_run_get(other, &at));
	balance_take(t, 1);
	target_run_put(t);
	backend_run_put(b);
	assert_ptr_equal(t->group, b);
	again = target_run_get(b, &at);
	assert_ptr_equal(again, t);
	assert_int_equal(again->lanes[1].active, 1);
	target_run_put(again);
	balance_leave(t, 1);
	target_run_put(target_run_get(other, &at));
	/* The next that is given back sweeps. */
	while (target_runs())
		target_run_put(target_runs());
	backend_run_put(other);
	assert_null(backend_runs());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_start_grows_with_time),
		cmocka_unit_test(slow_start_holds_least_connections_back),
		cmocka_unit_test(slow_start_is_not_for_those_there_at_the_start),
		cmocka_unit_test(nothing_without_weights),
		cmocka_unit_test(drained_and_tried_are_left_out),
		cmocka_unit_test(limits_are_split_among_workers),
		cmocka_unit_test(verdicts_count_only_when_there_are_checks),
		cmocka_unit_test(an_outlier_is_ejected_and_comes_back),
		cmocka_unit_test(ejections_get_longer),
		cmocka_unit_test(not_more_than_max_ejected),
		cmocka_unit_test(ejected_ones_are_better_than_none),
		cmocka_unit_test(one_worker_ejects_for_itself),
		cmocka_unit_test(no_ejection_when_switched_off),
		cmocka_unit_test(checks_end_an_ejection),
		cmocka_unit_test(ejected_ones_are_back_when_it_is_switched_off),
		cmocka_unit_test(a_run_outlives_its_configuration_while_it_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
