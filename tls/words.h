/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Big-endian bytes to the little-endian words that one computes with, and back. len in whole words. */
static inline void words_from_bytes(uint64_t *words, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len / 8; i++) {
		uint64_t w = 0;

		for (size_t j = 0; j < 8; j++)
			w = w << 8 | bytes[len - 8 * (i + 1) + j];
		words[i] = w;
	}
}

static inline void bytes_from_words(uint8_t *bytes, const uint64_t *words, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[len - 1 - i] = (uint8_t)(words[i / 8] >> (i % 8 * 8));
}
