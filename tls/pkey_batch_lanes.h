/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/p256.h"
#include "tls/pkey.h"
#include "tls/words.h"

/* What the files pkey_batch_*.c with crypto_mb share. */

/*
 * Each takes n (1..PKEY_LANES) operations of its kind and sets their results, like pkey_batch_run. Lanes without an
 * operation carry a copy of the first: crypto_mb wants all eight.
 */
void pkey_batch_p256_keygen(struct pkey_op *const *ops, unsigned n, struct drbg *drbg);
void pkey_batch_p256_agree(struct pkey_op *const *ops, unsigned n);

/* A lane's operation; lanes past the last of n repeat the first. */
static inline unsigned lane_of(unsigned i, unsigned n)
{
	return i < n ? i : 0;
}

/* Signatures between being made and being checked. */
struct pkey_signing {
	unsigned n;
	bool made[PKEY_LANES];
	uint8_t r[PKEY_LANES][P256_LEN], s[PKEY_LANES][P256_LEN], message[PKEY_LANES][P256_LEN];
	uint64_t k[PKEY_LANES][P256_WORDS], d[PKEY_LANES][P256_WORDS];
};
