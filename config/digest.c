/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/digest.h"

#include <stdio.h>
#include <string.h>

/* FIPS 180-4 4.2.2. */
static const uint32_t k[64] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
	0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6,
	0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
	0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585,
	0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
	0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void put32(uint8_t *at, uint32_t x)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* FIPS 180-4 6.2.2. */
static void compress(struct sha256 *s, const uint8_t *block)
{
	uint32_t w[64], v[8];

	for (unsigned t = 0; t < 16; t++)
		w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
		    (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
	for (unsigned t = 16; t < 64; t++) {
		uint32_t a = w[t - 15], b = w[t - 2];

		w[t] = w[t - 16] + w[t - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
		    (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
	memcpy(v, s->h, sizeof(v));
	for (unsigned t = 0; t < 64; t++) {
		uint32_t e = v[4], a = v[0];
		uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
		    ((e & v[5]) ^ (~e & v[6])) + k[t] + w[t];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
		    ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		s->h[i] += v[i];
	explicit_bzero(w, sizeof(w)); /* a private key may have been in it */
	explicit_bzero(v, sizeof(v));
}

void sha256_init(struct sha256 *s)
{
	static const uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
		0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

	memcpy(s->h, h, sizeof(h));
	s->len = 0;
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len > 0) {
		size_t have = s->len % 64, n = 64 - have < len ? 64 - have : len;

		memcpy(s->block + have, at, n);
		s->len += n;
		at += n;
		len -= n;
		if (s->len % 64 == 0)
			compress(s, s->block);
	}
}

void sha256_final(struct sha256 *s, uint8_t digest[32])
{
	uint64_t bits = s->len * 8;
	uint8_t end[72] = { 0x80 };
	size_t pad = (s->len % 64 < 56 ? 56 : 120) - s->len % 64;

	put32(end + pad, (uint32_t)(bits >> 32));
	put32(end + pad + 4, (uint32_t)bits);
	sha256_add(s, end, pad + 8);
	for (unsigned i = 0; i < 8; i++)
		put32(digest + 4 * i, s->h[i]);
	explicit_bzero(s, sizeof(*s));
}

const char *sha256_text(const void *data, size_t len, char text[DIGEST_TEXT])
{
	struct sha256 s;
	uint8_t digest[32];

	sha256_init(&s);
	sha256_add(&s, data, len);
	sha256_final(&s, digest);
	for (unsigned i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return text;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	/* Of each half byte, for the reflected polynomial 0x82f63b78. */
	static const uint32_t half[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6,
		0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };
	const uint8_t *at = data;

	crc = ~crc;
	for (; len > 0; len--) {
		crc ^= *at++;
		crc = crc >> 4 ^ half[crc & 15];
		crc = crc >> 4 ^ half[crc & 15];
	}
	return ~crc;
}
