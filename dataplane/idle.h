/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What a worker does while nothing comes (runtime.idle = "sleep"). It polls on for IDLE_POLL_US, since what comes most likely is
 * the answer to what it has just sent on. Then it sleeps, each time for 1/IDLE_PART of the time that nothing has come so far: a
 * packet waits no longer than a small part of the pause before it. The longest sleep is as short as leaves the worker
 * IDLE_SHARE of its core, within bounds: what a turn costs depends on ports, machine and neighbours, so it is measured.
 *
 * Times are arguments, in microseconds of one clock.
 */
#define IDLE_POLL_US 200
#define IDLE_PART    64
#define IDLE_MIN_US  20
#define IDLE_MAX_US  1000 /* and not longer, whatever it costs */
#define IDLE_SHARE   3    /* percent */

struct idle {
	uint64_t since_us; /* the last work */
	uint32_t longest_us;
	/* Of the sleeps of longest_us since the last judgement or work. */
	unsigned n_sleeps;
	uint64_t start_us, start_cpu_us;
};

void idle_init(struct idle *i, uint64_t now_us);

/* There was work. */
static inline void idle_end(struct idle *i, uint64_t now_us)
{
	i->since_us = now_us;
	i->n_sleeps = 0;
}

/* How long to sleep now; 0: not at all. */
uint32_t idle_sleep_us(const struct idle *i, uint64_t now_us);

/* It slept as long as it may. True when idle_judge is due. */
bool idle_slept(struct idle *i);

/* cpu_us: the processor time that the worker's thread has had, ever. */
void idle_judge(struct idle *i, uint64_t cpu_us, uint64_t now_us);
