/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

/*
 * A histogram in the manner of HdrHistogram (Gil Tene): every value from 0 to 2^64-1 with a relative
 * error below 1/128, in 58 KB, without allocation.
 *
 * Coordinated omission is the caller's to avoid: in open loop each value is to be the time since the moment
 * the request was due, not since it could be sent.
 */
#define HIST_SUB_BITS 7
#define HIST_SUBS     (1u << HIST_SUB_BITS)
#define HIST_CELLS    ((64 - HIST_SUB_BITS + 1) * HIST_SUBS)

struct hist {
	uint64_t n, max, min; /* min is meaningless while n is 0 */
	double sum;
	uint64_t cells[HIST_CELLS];
};

void hist_init(struct hist *h);
void hist_add(struct hist *h, uint64_t value);

/*
 * The value that a share of percent (0..100) of all values does not exceed, rounded up to its cell's
 * end but never above the largest value; 0 when empty.
 */
uint64_t hist_percentile(const struct hist *h, double percent);

double hist_mean(const struct hist *h); /* 0 when empty */
