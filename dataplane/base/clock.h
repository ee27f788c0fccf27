/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include <rte_cycles.h>

/* Monotonic microseconds from the time-stamp counter, without a division or a system call. */
struct clock {
	uint64_t factor; /* µs per cycle, scaled by 2^64 */
};

/* Without EAL, which knows the frequency, time stands still at 0. */
static inline void clock_init(struct clock *c)
{
	uint64_t hz = rte_get_tsc_hz();

	c->factor = hz ? (uint64_t)(((unsigned __int128)1000000 << 64) / hz) : 0;
}

/* The product needs 128 bits: 64 would wrap after hours. */
static inline uint64_t clock_us(const struct clock *c, uint64_t cycles)
{
	return (uint64_t)(((unsigned __int128)cycles * c->factor) >> 64);
}
