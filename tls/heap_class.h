/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Sizes of blocks: every 16 bytes up to 256, then four to a doubling up to 32 KB, so that no more than a
 * fifth of a block is wasted. All are multiples of 16, which is what malloc aligns to.
 */
#define HEAP_N_CLASSES (16 + 7 * 4)

/* The class that holds size (at most HEAP_LARGEST). */
static inline unsigned heap_class(size_t size)
{
	unsigned log;

	if (size <= 256)
		return size <= 16 ? 0 : (unsigned)(size - 1) / 16;
	log = 63 -
	    (unsigned)__builtin_clzll(size - 1); /* 8..14: size - 1 is in [2^log, 2^(log + 1)) */
	return 16 + (log - 8) * 4 + (unsigned)((size - 1) >> (log - 2) & 3);
}

static inline size_t heap_class_size(unsigned class)
{
#define FOUR(log) 5 << ((log)-2), 6 << ((log)-2), 7 << ((log)-2), 8 << ((log)-2)
	static const uint16_t sizes[HEAP_N_CLASSES] = { 16, 32, 48, 64, 80, 96, 112, 128, 144, 160,
		176, 192, 208, 224, 240, 256, FOUR(8), FOUR(9), FOUR(10), FOUR(11), FOUR(12),
		FOUR(13), FOUR(14) };
#undef FOUR

	return sizes[class];
}
