/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <crypto_mb/cpu_features.h>
#include <crypto_mb/x25519.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/pkey_batch.h"
#include "tls/pkey_batch_lanes.h"

bool pkey_batch_available(void)
{
	/* 0: of this machine's own CPU. */
	return mbx_is_crypto_mb_applicable(0) == 1;
}

/*
 * A batch costs the same whatever is in its lanes. On the build machine, in operations of wolfCrypt's: X25519 1.2
 * (agreement), P-256 2.2, 1.9 and 1.7 (signature, each with its check), RSA 1.4 to 1.7, and half of that up to four (tls/pkey_batch_rsa.c).
 * KIT_TIME=1 tls_pkey_test prints them.
 */
unsigned pkey_batch_least(enum pkey_kind kind)
{
	switch (kind) {
	case PKEY_P256_KEYGEN:
	case PKEY_P256_AGREE:
		return 3;
	case PKEY_P256_SIGN:
	case PKEY_X25519_AGREE:
		return 2;
	case PKEY_RSA_2048:
	case PKEY_RSA_3072:
	case PKEY_RSA_4096:
		return 1;
	case PKEY_N_KINDS:
		break;
	}
	return ~0u;
}

bool pkey_batch_is_long(enum pkey_kind kind)
{
	return kind == PKEY_RSA_2048 || kind == PKEY_RSA_3072 || kind == PKEY_RSA_4096;
}

/* A peer's point of low order leaves its lane with an error: wolfCrypt then refuses it too. */
static void x25519_agree(struct pkey_op *const *ops, unsigned n)
{
	uint8_t priv[PKEY_LANES][32], pub[PKEY_LANES][32], shared[PKEY_LANES][32];
	const uint8_t *secret[PKEY_LANES], *peer[PKEY_LANES];
	uint8_t *to[PKEY_LANES];
	mbx_status status;

	for (unsigned i = 0; i < PKEY_LANES; i++) {
		unsigned lane = i < n ? i : 0;

		secret[i] = priv[lane];
		peer[i] = pub[lane];
		to[i] = shared[i];
		ops[lane]->result = 0;
		if (i >= n)
			continue;
		/* Plain fields of a public structure; wolfCrypt has checked that both keys are set. */
		memcpy(priv[i], ops[i]->info->pk.curve25519.private_key->k, 32);
		memcpy(pub[i], ops[i]->info->pk.curve25519.public_key->p.point, 32);
	}
	status = mbx_x25519_mb8(to, secret, peer);
	for (unsigned i = 0; i < n; i++) {
		wc_CryptoInfo *info = ops[i]->info;
		bool big = info->pk.curve25519.endian == EC25519_BIG_ENDIAN;

		if (MBX_GET_STS(status, i) != MBX_STATUS_OK) {
			ops[i]->result = CRYPTOCB_UNAVAILABLE;
			continue;
		}
		for (unsigned j = 0; j < 32; j++)
			info->pk.curve25519.out[j] = shared[i][big ? 31 - j : j];
		*info->pk.curve25519.outlen = 32;
	}
	explicit_bzero(priv, sizeof(priv));
	explicit_bzero(shared, sizeof(shared));
}

void pkey_batch_run(enum pkey_kind kind, struct pkey_op *const *ops, unsigned n, struct drbg *drbg)
{
	assert(n > 0 && n <= PKEY_LANES);
	switch (kind) {
	case PKEY_X25519_AGREE:
		x25519_agree(ops, n);
		break;
	case PKEY_P256_KEYGEN:
		pkey_batch_p256_keygen(ops, n, drbg);
		break;
	case PKEY_P256_AGREE:
		pkey_batch_p256_agree(ops, n);
		break;
	case PKEY_P256_SIGN:
	case PKEY_RSA_2048:
	case PKEY_RSA_3072:
	case PKEY_RSA_4096:
	case PKEY_N_KINDS:
		assert(!"of another kind");
	}
}
