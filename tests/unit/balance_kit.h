/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/proxy/balance.h"

#define FIXTURE_MAX 64
#define N_WORKERS   16

/* A backend of n targets, with what a worker would bring along. */
struct fixture {
	struct backend b;
	struct target targets[FIXTURE_MAX];
	uint32_t sums[FIXTURE_MAX + 1];
	uint64_t random;
	uint32_t tried[8];
	struct balance_ask ask;
	unsigned seen[FIXTURE_MAX];
};

/* n targets of these weights, or all of 1 (weights NULL), up and never used. */
void fixture_start(
    struct fixture *f, enum config_algorithm algorithm, const unsigned *weights, unsigned n);

/* Nothing may be left of it. */
void fixture_finish(struct fixture *f);

/* To be called when weights or drain of targets have changed. */
void fixture_sum_up(struct fixture *f);

/* The number of the target that is chosen, or -1. */
int fixture_pick(struct fixture *f);

/* n picks, counted in seen; keys are 0..n-1. */
void fixture_pick_many(struct fixture *f, unsigned n);

/* How many connections the asking worker has with target i. */
uint32_t *fixture_active(struct fixture *f, unsigned i);

void assert_about(unsigned value, double expected, double tolerance);
