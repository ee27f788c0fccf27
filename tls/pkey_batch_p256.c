/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/pkey_batch_lanes.h"

/* Its OpenSSL interfaces are not for us. */
#define BN_OPENSSL_DISABLE 1
#include <crypto_mb/ec_nistp256.h>

#include "tls/p256.h"

#define LEN   P256_LEN
#define WORDS P256_WORDS

void pkey_batch_p256_keygen(struct pkey_op *const *ops, unsigned n, struct drbg *drbg)
{
	uint8_t priv[PKEY_LANES][LEN], x_bytes[LEN], y_bytes[LEN];
	uint64_t d[PKEY_LANES][WORDS], x[PKEY_LANES][WORDS], y[PKEY_LANES][WORDS];
	const int64u *skey[PKEY_LANES];
	int64u *px[PKEY_LANES], *py[PKEY_LANES];
	mbx_status status;

	for (unsigned i = 0; i < PKEY_LANES; i++) {
		if (i < n) {
			p256_scalar_draw(drbg, priv[i]);
			words_from_bytes(d[i], priv[i], LEN);
		}
		skey[i] = (const int64u *)d[lane_of(i, n)];
		px[i] = (int64u *)x[i];
		py[i] = (int64u *)y[i];
	}
	/* No Z: affine coordinates. */
	status = mbx_nistp256_ecpublic_key_mb8(px, py, NULL, skey, NULL);
	for (unsigned i = 0; i < n; i++) {
		ops[i]->result = CRYPTOCB_UNAVAILABLE;
		if (MBX_GET_STS(status, i) != MBX_STATUS_OK)
			continue;
		bytes_from_words(x_bytes, x[i], LEN);
		bytes_from_words(y_bytes, y[i], LEN);
		if (wc_ecc_import_unsigned(
			ops[i]->info->pk.eckg.key, x_bytes, y_bytes, priv[i], ECC_SECP256R1) == 0)
			ops[i]->result = 0;
	}
	explicit_bzero(priv, sizeof(priv));
	explicit_bzero(d, sizeof(d));
}

/* The peer's point and our scalar as words. False: wolfCrypt may have them. */
static bool
agree_load(const wc_CryptoInfo *info, uint64_t d[WORDS], uint64_t x[WORDS], uint64_t y[WORDS])
{
	uint8_t priv[LEN], qx[LEN], qy[LEN];
	word32 len = LEN, x_len = LEN, y_len = LEN;
	bool ok = wc_ecc_export_private_only(info->pk.ecdh.private_key, priv, &len) == 0 &&
	    len == LEN &&
	    wc_ecc_export_public_raw(info->pk.ecdh.public_key, qx, &x_len, qy, &y_len) == 0 &&
	    x_len == LEN && y_len == LEN;

	if (ok) {
		words_from_bytes(d, priv, LEN);
		words_from_bytes(x, qx, LEN);
		words_from_bytes(y, qy, LEN);
	}
	explicit_bzero(priv, sizeof(priv));
	return ok;
}

/* crypto_mb refuses points that are not on the curve; wolfCrypt then gives its own error. */
void pkey_batch_p256_agree(struct pkey_op *const *ops, unsigned n)
{
	uint64_t d[PKEY_LANES][WORDS], x[PKEY_LANES][WORDS], y[PKEY_LANES][WORDS];
	uint8_t shared[PKEY_LANES][LEN];
	const int64u *skey[PKEY_LANES], *px[PKEY_LANES], *py[PKEY_LANES];
	int8u *to[PKEY_LANES];
	mbx_status status;

	memset(d, 0, sizeof(d)); /* a lane that could not be loaded is refused: a scalar of zero */
	memset(x, 0, sizeof(x));
	memset(y, 0, sizeof(y));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		if (i < n)
			(void)agree_load(ops[i]->info, d[i], x[i], y[i]);
		skey[i] = (const int64u *)d[lane_of(i, n)];
		px[i] = (const int64u *)x[lane_of(i, n)];
		py[i] = (const int64u *)y[lane_of(i, n)];
		to[i] = shared[i];
	}
	status = mbx_nistp256_ecdh_mb8(to, skey, px, py, NULL, NULL);
	for (unsigned i = 0; i < n; i++) {
		wc_CryptoInfo *info = ops[i]->info;

		ops[i]->result = CRYPTOCB_UNAVAILABLE;
		if (MBX_GET_STS(status, i) != MBX_STATUS_OK)
			continue;
		memcpy(info->pk.ecdh.out, shared[i], LEN);
		*info->pk.ecdh.outlen = LEN;
		ops[i]->result = 0;
	}
	explicit_bzero(d, sizeof(d));
	explicit_bzero(shared, sizeof(shared));
}
