/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/proxy/snapshot.h"

/*
 * Which target a connection goes to. A worker decides by itself, from what it has seen itself: connections, failures
 * and turns are counted per worker, and nothing is written that another one reads while it decides.
 * With the connections spread evenly over the workers this comes to the same as one decision for all
 * (the tests say how close); limits are split (base/share.h). Choosing costs a pass over the targets, but for
 * random_two, which looks at two.
 */

struct balance_ask {
	unsigned worker, n_workers;
	uint32_t now_ms;
	uint64_t key;          /* what consistent_hash goes by: balance_key */
	const uint32_t *tried; /* ids of targets not to be chosen again */
	unsigned n_tried;
	uint64_t *random; /* the worker's; any value to start with */
};

enum balance_verdict {
	BALANCE_OK,
	BALANCE_FULL, /* those that could be chosen have all the connections they may have */
	BALANCE_NONE, /* none can be chosen, or all were tried */
};

/*
 * Chooses a target by b->algorithm among those that have a weight, are not drained, are up (unless
 * backend_run.panic) and not ejected; ejected ones only when there is nothing else.
 * - round robin: smooth, weighted.
 * - least connections: the least for its weight; among equals round robin.
 * - random_two: two by weighted lot, then the one with fewer connections for its weight (Mitzenmacher,
 *   "The Power of Two Choices in Randomized Load Balancing", 2001).
 * - consistent hash: weighted rendezvous hashing (Thaler and Ravishankar 1998; weights as Schindelhauer and
 *   Schomaker 2005): a target that comes or goes moves no connections but its own, and a full one
 *   passes on to the second best.
 * A target that is new or back gets a part of its weight that grows for b->slow_start_ms.
 */
enum balance_verdict
balance_pick(const struct backend *b, const struct balance_ask *ask, const struct target **t);

/* The connection that was chosen for is being opened; it is over, or was given up. */
void balance_take(struct target_run *t, unsigned worker);
void balance_leave(struct target_run *t, unsigned worker);

/*
 * It failed before it said a word; after b->outlier.failures in a row the target is ejected, unless too many are already. b: the
 * backend as it is now, NULL when there is none any more. True when it was ejected by this.
 */
bool balance_failed(const struct backend *b, struct target_run *t, const struct balance_ask *ask);

/* It spoke, or ended in order. */
static inline void balance_succeeded(struct target_run *t, unsigned worker)
{
	t->lanes[worker].failures = 0;
}

/* The key of len bytes; the same on every machine. */
uint64_t balance_key(const void *data, size_t len);
