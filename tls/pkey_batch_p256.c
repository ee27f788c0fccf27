/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "tls/pkey_batch_lanes.h"

/* Its OpenSSL interfaces are not for us. */
#define BN_OPENSSL_DISABLE 1
#include <crypto_mb/ec_nistp256.h>

#include "tls/drbg.h"

#define LEN   32
#define WORDS 4

/* FIPS 186-4 D.1.2.3: the order of P-256's base point. */
static const uint8_t order[LEN] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3,
	0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };

/*
 * True when 0 < k < order, without a branch on k's bits: only the verdict shows, and a refused k is
 * thrown away.
 */
static bool scalar_is_good(const uint8_t k[LEN])
{
	uint32_t borrow = 0, any = 0;

	for (int i = LEN - 1; i >= 0; i--) {
		borrow = ((uint32_t)k[i] - order[i] - borrow) >> 31;
		any |= k[i];
	}
	return borrow == 1 && any != 0;
}

/* A secret scalar, evenly distributed (FIPS 186-4 B.4.2: testing candidates). */
static void scalar_draw(struct drbg *drbg, uint8_t k[LEN])
{
	do
		drbg_read(drbg, k, LEN);
	while (!scalar_is_good(k));
}

/*
 * The nonce of a signature. It is random, and hashed together with the key and the message, so that a generator
 * that repeats itself (a virtual machine resumed twice) does not give the key away
 * (after RFC 6979 3.6, without its rounds of HMAC).
 */
static bool
nonce_draw(struct drbg *drbg, const uint8_t key[LEN], const uint8_t message[LEN], uint8_t k[LEN])
{
	wc_Sha256 sha;
	int bad;

	do {
		uint8_t fresh[LEN];

		drbg_read(drbg, fresh, LEN);
		bad = wc_InitSha256_ex(&sha, NULL, INVALID_DEVID);
		bad |= wc_Sha256Update(&sha, key, LEN);
		bad |= wc_Sha256Update(&sha, fresh, LEN);
		bad |= wc_Sha256Update(&sha, message, LEN);
		bad |= wc_Sha256Final(&sha, k);
		wc_Sha256Free(&sha);
		explicit_bzero(fresh, LEN);
	} while (bad == 0 && !scalar_is_good(k));
	explicit_bzero(&sha, sizeof(sha));
	return bad == 0;
}

/* A lane's operation; lanes past the last repeat the first. */
static unsigned lane_of(unsigned i, unsigned n)
{
	return i < n ? i : 0;
}

void pkey_batch_p256_keygen(struct pkey_op *const *ops, unsigned n, struct drbg *drbg)
{
	uint8_t priv[PKEY_LANES][LEN], x_bytes[LEN], y_bytes[LEN];
	uint64_t d[PKEY_LANES][WORDS], x[PKEY_LANES][WORDS], y[PKEY_LANES][WORDS];
	const int64u *skey[PKEY_LANES];
	int64u *px[PKEY_LANES], *py[PKEY_LANES];
	mbx_status status;

	for (unsigned i = 0; i < PKEY_LANES; i++) {
		if (i < n) {
			scalar_draw(drbg, priv[i]);
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

/* The leftmost bits of the hash (FIPS 186-4 6.4); a shorter one has zeros before it. */
static void message_load(const wc_CryptoInfo *info, uint8_t message[LEN])
{
	word32 len = info->pk.eccsign.inlen;

	memset(message, 0, LEN);
	if (len >= LEN)
		memcpy(message, info->pk.eccsign.in, LEN);
	else
		memcpy(message + LEN - len, info->pk.eccsign.in, len);
}

/* One INTEGER of DER, as short as it may be. Returns its length. */
static size_t put_integer(uint8_t *to, const uint8_t v[LEN])
{
	size_t skip = 0, sign;

	while (skip < LEN - 1 && v[skip] == 0)
		skip++;
	sign = v[skip] >> 7;
	to[0] = 2;
	to[1] = (uint8_t)(LEN - skip + sign);
	to[2] = 0;
	memcpy(to + 2 + sign, v + skip, LEN - skip);
	return 2 + sign + LEN - skip;
}

/* RFC 3279 2.2.3: Ecdsa-Sig-Value. False: too little room. */
static bool put_signature(wc_CryptoInfo *info, const uint8_t r[LEN], const uint8_t s[LEN])
{
	uint8_t der[2 + 2 * (2 + 1 + LEN)];
	size_t len = 2;

	len += put_integer(der + len, r);
	len += put_integer(der + len, s);
	der[0] = 0x30;
	der[1] = (uint8_t)(len - 2);
	if (*info->pk.eccsign.outlen < len)
		return false;
	memcpy(info->pk.eccsign.out, der, len);
	*info->pk.eccsign.outlen = (word32)len;
	return true;
}

/*
 * The result is not verified, as wolfCrypt's own is not: that would cost more than the signature, and
 * what a fault would have to hit (one lane's scalar, unseen by the client's check of the
 * signature) is not what happens to RSA with CRT, where any wrong signature gives the key away.
 */
void pkey_batch_p256_sign(struct pkey_op *const *ops, unsigned n, struct drbg *drbg)
{
	uint8_t message[PKEY_LANES][LEN], r[PKEY_LANES][LEN], s[PKEY_LANES][LEN];
	uint64_t k[PKEY_LANES][WORDS], d[PKEY_LANES][WORDS];
	const int64u *nonce[PKEY_LANES], *key[PKEY_LANES];
	const int8u *msg[PKEY_LANES];
	int8u *to_r[PKEY_LANES], *to_s[PKEY_LANES];
	uint8_t priv[LEN], fresh[LEN];
	mbx_status status;

	memset(k, 0, sizeof(k)); /* a zero nonce or key is refused: wolfCrypt does that one */
	memset(d, 0, sizeof(d));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		unsigned lane = lane_of(i, n);

		if (i < n) {
			word32 len = LEN;

			message_load(ops[i]->info, message[i]);
			if (wc_ecc_export_private_only(ops[i]->info->pk.eccsign.key, priv, &len) ==
				0 &&
			    len == LEN && nonce_draw(drbg, priv, message[i], fresh)) {
				words_from_bytes(d[i], priv, LEN);
				words_from_bytes(k[i], fresh, LEN);
			}
		}
		nonce[i] = (const int64u *)k[lane];
		key[i] = (const int64u *)d[lane];
		msg[i] = message[lane];
		to_r[i] = r[i];
		to_s[i] = s[i];
	}
	status = mbx_nistp256_ecdsa_sign_mb8(to_r, to_s, msg, nonce, key, NULL);
	for (unsigned i = 0; i < n; i++) {
		bool ok = MBX_GET_STS(status, i) == MBX_STATUS_OK &&
		    put_signature(ops[i]->info, r[i], s[i]);

		ops[i]->result = ok ? 0 : CRYPTOCB_UNAVAILABLE;
	}
	explicit_bzero(priv, sizeof(priv));
	explicit_bzero(fresh, sizeof(fresh));
	explicit_bzero(k, sizeof(k));
	explicit_bzero(d, sizeof(d));
}
