/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/pkey_batch.h"
#include "tls/pkey_batch_lanes.h"

/* Its OpenSSL interfaces are not for us. */
#define BN_OPENSSL_DISABLE 1
#include <crypto_mb/ec_nistp256.h>

#include "tls/p256.h"

#define LEN   P256_LEN
#define WORDS P256_WORDS

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

struct pkey_signing *pkey_signing_new(void)
{
	return calloc(1, sizeof(struct pkey_signing));
}

void pkey_signing_free(struct pkey_signing *g)
{
	free(g);
}

static bool
sign_load(struct pkey_signing *g, unsigned i, const wc_CryptoInfo *info, struct drbg *drbg)
{
	uint8_t priv[LEN], nonce[LEN];
	word32 len = LEN;
	bool ok;

	p256_message(g->message[i], info->pk.eccsign.in, info->pk.eccsign.inlen);
	ok = wc_ecc_export_private_only(info->pk.eccsign.key, priv, &len) == 0 && len == LEN &&
	    p256_nonce_draw(drbg, priv, g->message[i], nonce);
	if (ok) {
		words_from_bytes(g->d[i], priv, LEN);
		words_from_bytes(g->k[i], nonce, LEN);
	}
	explicit_bzero(priv, sizeof(priv));
	explicit_bzero(nonce, sizeof(nonce));
	return ok;
}

void pkey_signing_begin(
    struct pkey_signing *g, struct pkey_op *const *ops, unsigned n, struct drbg *drbg)
{
	const int64u *nonce[PKEY_LANES], *key[PKEY_LANES];
	const int8u *msg[PKEY_LANES];
	int8u *r[PKEY_LANES], *s[PKEY_LANES];
	uint8_t unused[2][PKEY_LANES][LEN];
	mbx_status status;

	g->n = n; /* a lane that could not be loaded is refused: its nonce is zero */
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		unsigned lane = lane_of(i, n);

		g->made[i] = i < n && sign_load(g, i, ops[i]->info, drbg);
		nonce[i] = (const int64u *)g->k[lane];
		key[i] = (const int64u *)g->d[lane];
		msg[i] = g->message[lane];
		r[i] = i < n ? g->r[i] : unused[0][i];
		s[i] = i < n ? g->s[i] : unused[1][i];
	}
	status = mbx_nistp256_ecdsa_sign_mb8(r, s, msg, nonce, key, NULL);
	for (unsigned i = 0; i < n; i++)
		g->made[i] = g->made[i] && MBX_GET_STS(status, i) == MBX_STATUS_OK;
}

/*
 * The points that belong to the nonces once more, from their negatives: other digits and so other steps, but
 * the same x. Returns which are right, by bits.
 */
static unsigned right_points(const struct pkey_signing *g)
{
	uint64_t k[PKEY_LANES][WORDS], x[PKEY_LANES][WORDS], y[PKEY_LANES][WORDS],
	    z[PKEY_LANES][WORDS];
	const int64u *scalar[PKEY_LANES];
	int64u *px[PKEY_LANES], *py[PKEY_LANES], *pz[PKEY_LANES];
	unsigned right = 0;
	mbx_status status;

	for (unsigned i = 0; i < PKEY_LANES; i++) {
		p256_scalar_negate(k[i], g->k[lane_of(i, g->n)]);
		scalar[i] = (const int64u *)k[i];
		px[i] = (int64u *)x[i];
		py[i] = (int64u *)y[i];
		pz[i] = (int64u *)z[i];
	}
	status = mbx_nistp256_ecpublic_key_mb8(px, py, pz, scalar, NULL);
	for (unsigned i = 0; i < g->n; i++) {
		uint64_t r[WORDS];

		words_from_bytes(r, g->r[i], LEN);
		if (MBX_GET_STS(status, i) == MBX_STATUS_OK && p256_is_x_of(r, x[i], z[i]))
			right |= 1u << i;
	}
	explicit_bzero(k, sizeof(k));
	explicit_bzero(x, sizeof(x));
	explicit_bzero(y, sizeof(y));
	explicit_bzero(z, sizeof(z));
	return right;
}

static bool equation_holds(const struct pkey_signing *g, unsigned i)
{
	uint64_t r[WORDS], s[WORDS], e[WORDS];

	words_from_bytes(r, g->r[i], LEN);
	words_from_bytes(s, g->s[i], LEN);
	words_from_bytes(e, g->message[i], LEN);
	return p256_scalar_is_good(g->r[i]) && p256_scalar_is_good(g->s[i]) &&
	    p256_equation_holds(r, s, e, g->d[i], g->k[i]);
}

unsigned pkey_signing_end(struct pkey_signing *g, struct pkey_op *const *ops)
{
	unsigned right = right_points(g), n_wrong = 0;

	for (unsigned i = 0; i < g->n; i++) {
		if (ops[i] == NULL)
			continue;
		ops[i]->result = CRYPTOCB_UNAVAILABLE;
		if (!g->made[i])
			continue;
		if (!(right >> i & 1) || !equation_holds(g, i))
			n_wrong++;
		else if (put_signature(ops[i]->info, g->r[i], g->s[i]))
			ops[i]->result = 0;
	}
	explicit_bzero(g, sizeof(*g));
	return n_wrong;
}
