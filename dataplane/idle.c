/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/idle.h"

#define LEAST_LONGEST_US 100
#define FIRST_LONGEST_US 400
#define TRIAL            128 /* sleeps between two judgements */

void idle_init(struct idle *i, uint64_t now_us)
{
	*i = (struct idle){ .since_us = now_us, .longest_us = FIRST_LONGEST_US };
}

uint32_t idle_sleep_us(const struct idle *i, uint64_t now_us)
{
	uint64_t pause_us = now_us - i->since_us, us = pause_us / IDLE_PART;

	if (pause_us < IDLE_POLL_US)
		return 0;
	if (us < IDLE_MIN_US)
		return IDLE_MIN_US;
	return us < i->longest_us ? (uint32_t)us : i->longest_us;
}

bool idle_slept(struct idle *i)
{
	/* Times are needed at the first and at the last of a trial. */
	return i->n_sleeps++ % TRIAL == 0;
}

void idle_judge(struct idle *i, uint64_t cpu_us, uint64_t now_us)
{
	uint64_t used_us = cpu_us - i->start_cpu_us, passed_us = now_us - i->start_us;
	bool is_first = i->n_sleeps == 1;

	i->n_sleeps = 1;
	i->start_us = now_us;
	i->start_cpu_us = cpu_us;
	if (is_first || passed_us == 0)
		return;
	/* Up at once, down by and by: a cheap moment is no proof. */
	if (used_us * 100 > passed_us * IDLE_SHARE)
		i->longest_us += i->longest_us / 4;
	else if (used_us * 100 < passed_us * (IDLE_SHARE - 1))
		i->longest_us -= i->longest_us / 16;
	if (i->longest_us > IDLE_MAX_US)
		i->longest_us = IDLE_MAX_US;
	if (i->longest_us < LEAST_LONGEST_US)
		i->longest_us = LEAST_LONGEST_US;
}
