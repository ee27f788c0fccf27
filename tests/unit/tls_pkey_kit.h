/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "tests/unit/tls_handshake_kit.h"
#include "tls/drbg.h"
#include "tls/pkey.h"
#include "tls/pkey_batch.h"

/* For tests of key operations in batches: the lanes of one, keys, and where randomness comes from. */

/* Of a group of cases; before and after them the two below can be asked for. */
int pkey_kit_setup(void **state);
int pkey_kit_teardown(void **state);
struct drbg *pkey_kit_drbg(void);
WC_RNG *pkey_kit_rng(void);

struct lanes {
	struct pkey_op op[PKEY_LANES], *ops[PKEY_LANES];
	wc_CryptoInfo info[PKEY_LANES];
	uint8_t out[PKEY_LANES][512];
	word32 out_len[PKEY_LANES];
};

/* Operations of wolfCrypt's type, each with room for its result, which is 12345 until it is there; to be freed. */
struct lanes *lanes_new(int type);

/* Runs the first n, as a queue does. */
void run_batch(enum pkey_kind kind, struct lanes *l, unsigned n);

/* Skips the case without crypto_mb, or on a CPU without AVX-512 IFMA. */
void need_batches(void);

void p256_make(ecc_key *key);

/* For a key that is yet to be made. */
void p256_blank(ecc_key *key);

struct rsa_size {
	enum kit_key key;
	enum pkey_kind kind;
	size_t len;
};

#define RSA_SIZES 3
extern const struct rsa_size rsa_sizes[RSA_SIZES];

void rsa_load(RsaKey *key, enum kit_key which);

/* RFC 8017 9.2, with something random where the DigestInfo goes. */
void rsa_encode(uint8_t *em, size_t len, uint8_t payload[51]);

/* Lane i: the private operation of key on em. Both are borrowed. */
void rsa_point(struct lanes *l, unsigned i, RsaKey *key, const uint8_t *em, size_t len);
