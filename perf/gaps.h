/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * When a core did not run: the gaps that a thread sees which does nothing but look at the clock, oldest first. What
 * falls into one has to wait for its end, whoever is to do it.
 */
struct gap {
	uint64_t from_ns, to_ns;
};

struct gaps {
	struct gap *all; /* borrowed, room for max */
	uint32_t n, max;
	bool is_full; /* there were more */
};

/* Adds one that begins no earlier than the last one ended. */
void gaps_add(struct gaps *g, uint64_t from_ns, uint64_t to_ns);

/*
 * The first moment from at_ns on when the core ran. *cursor: 0 at first, then as the call before left it, whose
 * at_ns was not later.
 */
uint64_t gaps_after(const struct gaps *g, uint32_t *cursor, uint64_t at_ns);

/* Whether one of least_ns and more has a part between the two moments. *cursor: the same, with from_ns. */
bool gaps_has(
    const struct gaps *g, uint32_t *cursor, uint64_t from_ns, uint64_t to_ns, uint64_t least_ns);
