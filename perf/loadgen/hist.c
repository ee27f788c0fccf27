/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf/loadgen/hist.h"

#include <math.h>
#include <string.h>

/* Below HIST_SUBS each value has its cell; above, each power of two has HIST_SUBS of equal width. */
static unsigned cell_of(uint64_t value)
{
	unsigned shift;

	if (value < HIST_SUBS)
		return (unsigned)value;
	shift = 63 - (unsigned)__builtin_clzll(value) - HIST_SUB_BITS;
	return (shift + 1) * HIST_SUBS + (unsigned)((value >> shift) & (HIST_SUBS - 1));
}

/* The largest value of a cell. */
static uint64_t cell_end(unsigned cell)
{
	unsigned shift;
	uint64_t sub = cell & (HIST_SUBS - 1);

	if (cell < HIST_SUBS)
		return cell;
	shift = cell / HIST_SUBS - 1;
	return (((uint64_t)HIST_SUBS + sub) << shift) + ((UINT64_C(1) << shift) - 1);
}

void hist_init(struct hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

void hist_add(struct hist *h, uint64_t value)
{
	h->n++;
	h->sum += (double)value;
	if (value > h->max)
		h->max = value;
	if (value < h->min)
		h->min = value;
	h->cells[cell_of(value)]++;
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	uint64_t want, seen = 0;

	if (h->n == 0)
		return 0;
	want = (uint64_t)ceil((double)h->n * percent / 100);
	if (want == 0)
		want = 1;
	for (unsigned i = 0; i < HIST_CELLS; i++) {
		seen += h->cells[i];
		if (seen >= want)
			return cell_end(i) < h->max ? cell_end(i) : h->max;
	}
	return h->max;
}

double hist_mean(const struct hist *h)
{
	return h->n > 0 ? h->sum / (double)h->n : 0;
}
