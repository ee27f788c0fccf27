/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf/gaps.h"

void gaps_add(struct gaps *g, uint64_t from_ns, uint64_t to_ns)
{
	if (g->n == g->max)
		g->is_full = true;
	else
		g->all[g->n++] = (struct gap){ from_ns, to_ns };
}

uint64_t gaps_after(const struct gaps *g, uint32_t *cursor, uint64_t at_ns)
{
	while (*cursor < g->n && g->all[*cursor].to_ns <= at_ns)
		++*cursor;
	if (*cursor < g->n && g->all[*cursor].from_ns <= at_ns)
		return g->all[*cursor].to_ns;
	return at_ns;
}

bool gaps_has(
    const struct gaps *g, uint32_t *cursor, uint64_t from_ns, uint64_t to_ns, uint64_t least_ns)
{
	while (*cursor < g->n && g->all[*cursor].to_ns <= from_ns)
		++*cursor;
	for (uint32_t i = *cursor; i < g->n && g->all[i].from_ns < to_ns; i++)
		if (g->all[i].to_ns - g->all[i].from_ns >= least_ns)
			return true;
	return false;
}
