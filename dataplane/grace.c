/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/grace.h"

#include <time.h>

#include <rte_pause.h>

#define PERIODS  2
#define LOOKS    64u /* about as many as a worker's burst takes */
#define PAUSE_NS 20000

/* Control may share its core with a worker: it looks a few times, then sleeps between looks. */
static void wait_once(struct rte_rcu_qsbr *qsbr)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t token = rte_rcu_qsbr_start(qsbr);

	for (unsigned i = 0; rte_rcu_qsbr_check(qsbr, token, false) == 0; i++) {
		if (i < LOOKS)
			rte_pause();
		else
			nanosleep(&pause, NULL);
	}
}

void grace_wait(struct rte_rcu_qsbr *qsbr)
{
	for (unsigned i = 0; i < PERIODS; i++)
		wait_once(qsbr);
}
