/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/*
 * Events counted by what they were, where there are many kinds and few occur: a short table that fills in the order
 * in which kinds first happen. One worker writes it; control reads it at any time without synchronisation: a key that
 * is there is whole and stays. Zeroed memory is an empty one.
 */
struct tally {
	_Atomic uint64_t key; /* 0: free, as all behind it */
	uint64_t n;
};

/* Counts in the last place, whatever it was, once the others are taken. No caller's key. */
#define TALLY_OTHER UINT64_MAX

/* One event more of that kind (key is not 0). all has n places, 2 at least. */
static inline void tally_add(struct tally *all, unsigned n, uint64_t key)
{
	unsigned i = 0;
	uint64_t is;

	for (; i < n; i++) {
		is = atomic_load_explicit(&all[i].key, memory_order_relaxed);
		if (is == key || is == 0)
			break;
	}
	if (i >= n - 1) {
		i = n - 1;
		key = TALLY_OTHER;
	}
	all[i].n++;
	atomic_store_explicit(&all[i].key, key, memory_order_release);
}
