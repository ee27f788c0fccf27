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

static inline __attribute__((always_inline)) void siphash_rounds(uint64_t v[4], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
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
}

/* SipHash-c-d over len bytes; little-endian hosts only, as all of sallyport. */
static inline __attribute__((always_inline)) uint64_t siphash_cd(const struct siphash_key *key,
    const void *data, size_t len, unsigned c_rounds, unsigned d_rounds)
{
	const uint8_t *p = data;
	uint64_t word,
	    v[4] = {
		    key->k[0] ^ 0x736f6d6570736575ULL,
		    key->k[1] ^ 0x646f72616e646f6dULL,
		    key->k[0] ^ 0x6c7967656e657261ULL,
		    key->k[1] ^ 0x7465646279746573ULL,
	    };

	for (size_t i = 0; i + 8 <= len; i += 8) {
		memcpy(&word, p + i, 8);
		v[3] ^= word;
		siphash_rounds(v, c_rounds);
		v[0] ^= word;
	}
	/* The last block: what is left, and the length in its top byte. */
	word = (uint64_t)len << 56;
	for (size_t i = len & ~(size_t)7; i < len; i++)
		word |= (uint64_t)p[i] << 8 * (i & 7);
	v[3] ^= word;
	siphash_rounds(v, c_rounds);
	v[0] ^= word;

	v[2] ^= 0xff;
	siphash_rounds(v, d_rounds);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
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
