/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a keyed
 * hash for tables whose keys a peer chooses. siphash24 where the output itself leaves
 * the machine (ISNs, cookies); siphash13, half the rounds, where only a table's order
 * depends on it. Inline, because with a constant length the loop disappears.
 */
struct siphash_key {
	uint64_t k[2];
};

/* Makes a key of 16 secret bytes. */
static inline struct siphash_key siphash_key_make(const uint8_t secret[16])
{
	struct siphash_key key;

	memcpy(key.k, secret, sizeof(key.k));
	return key;
}

static inline uint64_t siphash_rotl(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline __attribute__((always_inline)) void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = siphash_rotl(v[1], 13) ^ v[0];
	v[3] = siphash_rotl(v[3], 16) ^ v[2];
	v[0] = siphash_rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = siphash_rotl(v[1], 17) ^ v[2];
	v[3] = siphash_rotl(v[3], 21) ^ v[0];
	v[2] = siphash_rotl(v[2], 32);
}

/* One to four, n being a constant: a compiler that is not asked for more leaves a loop a loop. */
static inline __attribute__((always_inline)) void siphash_rounds(uint64_t v[4], unsigned n)
{
	siphash_round(v);
	if (n > 1)
		siphash_round(v);
	if (n > 2)
		siphash_round(v);
	if (n > 3)
		siphash_round(v);
}

static inline __attribute__((always_inline)) void
siphash_begin(uint64_t v[4], const struct siphash_key *key)
{
	v[0] = key->k[0] ^ 0x736f6d6570736575ULL;
	v[1] = key->k[1] ^ 0x646f72616e646f6dULL;
	v[2] = key->k[0] ^ 0x6c7967656e657261ULL;
	v[3] = key->k[1] ^ 0x7465646279746573ULL;
}

static inline __attribute__((always_inline)) void
siphash_put(uint64_t v[4], uint64_t word, unsigned c_rounds)
{
	v[3] ^= word;
	siphash_rounds(v, c_rounds);
	v[0] ^= word;
}

static inline __attribute__((always_inline)) uint64_t siphash_end(uint64_t v[4], unsigned d_rounds)
{
	v[2] ^= 0xff;
	siphash_rounds(v, d_rounds);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* SipHash-c-d over len bytes; little-endian hosts only, as all of sallyport. */
static inline __attribute__((always_inline)) uint64_t siphash_cd(const struct siphash_key *key,
    const void *data, size_t len, unsigned c_rounds, unsigned d_rounds)
{
	const uint8_t *p = data;
	uint64_t word, v[4];

	siphash_begin(v, key);
	for (size_t i = 0; i + 8 <= len; i += 8) {
		memcpy(&word, p + i, 8);
		siphash_put(v, word, c_rounds);
	}
	/* The last block: what is left, and the length in its top byte. */
	word = (uint64_t)len << 56;
	for (size_t i = len & ~(size_t)7; i < len; i++)
		word |= (uint64_t)p[i] << 8 * (i & 7);
	siphash_put(v, word, c_rounds);
	return siphash_end(v, d_rounds);
}

/*
 * The same over n whole words and seven bytes more, the low ones of last: for short inputs that are
 * in registers. As many words as there are blocks, where the last one would else hold nothing but the length.
 */
static inline __attribute__((always_inline)) uint64_t siphash_words(const struct siphash_key *key,
    const uint64_t words[], size_t n, uint64_t last, unsigned c_rounds, unsigned d_rounds)
{
	uint64_t v[4];

	siphash_begin(v, key);
	for (size_t i = 0; i < n; i++)
		siphash_put(v, words[i], c_rounds);
	siphash_put(v, last | (uint64_t)(8 * n + 7) << 56, c_rounds);
	return siphash_end(v, d_rounds);
}

/* The full-strength function: a PRF for values that an attacker sees. */
static inline uint64_t siphash24(const struct siphash_key *key, const void *data, size_t len)
{
	return siphash_cd(key, data, len, 2, 4);
}

/* The fast one: for hash tables only. */
static inline uint64_t siphash13(const struct siphash_key *key, const void *data, size_t len)
{
	return siphash_cd(key, data, len, 1, 3);
}

/* Those two over n words and the seven low bytes of last, whose top byte is zero. */
static inline uint64_t
siphash24_words(const struct siphash_key *key, const uint64_t words[], size_t n, uint64_t last)
{
	return siphash_words(key, words, n, last, 2, 4);
}

static inline uint64_t
siphash13_words(const struct siphash_key *key, const uint64_t words[], size_t n, uint64_t last)
{
	return siphash_words(key, words, n, last, 1, 3);
}
