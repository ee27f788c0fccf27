/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tls/pkey_batch.h"
#include "tls/pkey_batch_ifma.h"

#define LEN    PKEY_X25519_LEN
#define WORDS  4
#define DIGITS MB_25519_DIGITS

/* RFC 7748 5 and its order of bytes, which is this machine's. */
static void load(struct mb_row scalar[WORDS], const uint8_t (*private)[LEN])
{
	for (unsigned lane = 0; lane < PKEY_LANES; lane++) {
		uint64_t w[WORDS];

		memcpy(w, private[lane], LEN);
		w[0] &= ~(uint64_t)7;
		w[WORDS - 1] &= ~(uint64_t)0 >> 1;
		w[WORDS - 1] |= (uint64_t)1 << 62;
		for (unsigned i = 0; i < WORDS; i++)
			scalar[i].lane[lane] = w[i];
		explicit_bzero(w, sizeof(w));
	}
}

static void store(uint8_t (*public)[LEN], const struct mb_row u[DIGITS])
{
	for (unsigned lane = 0; lane < PKEY_LANES; lane++) {
		uint64_t w[WORDS];

		for (unsigned i = 0; i < WORDS; i++)
			w[i] = u[i].lane[lane] >> (12 * i) | u[i + 1].lane[lane] << (52 - 12 * i);
		memcpy(public[lane], w, LEN);
	}
}

/* What crypto_mb's functions leave on the stack, sums that belong to parts of the scalars, 8 KB deep. */
static __attribute__((noinline)) void wipe_stack(void)
{
	uint8_t below[12 * 1024];

	explicit_bzero(below, sizeof(below));
}

/*
 * u = (1 + y) / (1 - y) of the multiple of Ed25519's base point, which is the same point (RFC 7748 4.1): 64 additions from a
 * table in place of the ladder's 255 steps. y is never 1, as no scalar is a multiple of the base point's order: they are 8 times a
 * number from 2^251 to 2^252.
 */
void pkey_batch_x25519_public(uint8_t (*public)[LEN], const uint8_t (*private)[LEN])
{
	struct mb_row scalar[WORDS], up[DIGITS], down[DIGITS];
	struct mb_point_25519 point;

	load(scalar, private);
	ifma_ed25519_mul_basepoint(&point, scalar);
	fe52_mb_add_mod25519(up, point.z, point.y);
	fe52_mb_sub_mod25519(down, point.z, point.y);
	fe52_mb_inv_mod25519(down, down);
	fe52_mb_mul_mod25519(up, up, down);
	fe52mb8_red_p25519(up, up);
	store(public, up);
	explicit_bzero(scalar, sizeof(scalar));
	explicit_bzero(&point, sizeof(point));
	explicit_bzero(down, sizeof(down));
	wipe_stack();
}
