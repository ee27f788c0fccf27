/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/balance_kit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void fixture_sum_up(struct fixture *f)
{
	for (unsigned i = 0; i < f->b.n_targets; i++)
		f->sums[i + 1] = f->sums[i] + (f->targets[i].drain ? 0 : f->targets[i].weight);
}

void fixture_start(
    struct fixture *f, enum config_algorithm algorithm, const unsigned *weights, unsigned n)
{
	memset(f, 0, sizeof(*f));
	f->b = (struct backend){ .name = "b",
		.algorithm = algorithm,
		.targets = f->targets,
		.n_targets = n,
		.sums = f->sums,
		.outlier = { .failures = 3,
		    .ejection_ms = 1000,
		    .max_ejection_ms = 3000,
		    .max_ejected = 50 },
		.run = backend_run_get("b", N_WORKERS) };
	assert_non_null(f->b.run);
	for (unsigned i = 0; i < n; i++) {
		struct target *t = &f->targets[i];

		t->at.ip.w[2] = 0xffff0000;
		t->at.ip.b[12] = 10;
		t->at.ip.b[15] = (uint8_t)(i + 1);
		t->at.port = 80;
		t->weight = weights ? weights[i] : 1;
		t->run = target_run_get(f->b.run, &t->at);
		assert_non_null(t->run);
	}
	fixture_sum_up(f);
	f->ask =
	    (struct balance_ask){ .n_workers = N_WORKERS, .random = &f->random, .tried = f->tried };
}

void fixture_finish(struct fixture *f)
{
	for (unsigned i = 0; i < f->b.n_targets; i++)
		target_run_put(f->targets[i].run);
	backend_run_put(f->b.run);
	assert_null(target_runs());
	assert_null(backend_runs());
	target_runs_started(false);
}

int fixture_pick(struct fixture *f)
{
	const struct target *t = NULL;

	if (balance_pick(&f->b, &f->ask, &t) != BALANCE_OK)
		return -1;
	return (int)(t - f->targets);
}

void fixture_pick_many(struct fixture *f, unsigned n)
{
	memset(f->seen, 0, sizeof(f->seen));
	for (unsigned i = 0; i < n; i++) {
		uint32_t key = i;
		int at;

		f->ask.key = balance_key(&key, sizeof(key));
		at = fixture_pick(f);
		assert_true(at >= 0);
		f->seen[at]++;
	}
}

uint32_t *fixture_active(struct fixture *f, unsigned i)
{
	return &f->targets[i].run->lanes[f->ask.worker].active;
}

void assert_about(unsigned value, double expected, double tolerance)
{
	if (fabs(value - expected) > expected * tolerance)
		fail_msg("%u is not within %g of %g", value, tolerance, expected);
}
