/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/pkey_sign.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "tls/p256.h"
#include "tls/words.h"

#define LEN   P256_LEN
#define WORDS P256_WORDS

/* --- P-256 --- */

/* One number of a signature, its leading zeros missing. False: it is none below the order. */
static bool number_load(uint8_t to[LEN], const uint8_t *from, word32 len)
{
	memset(to, 0, LEN);
	memcpy(to + LEN - len, from, len);
	return p256_scalar_is_good(to);
}

/* s^-1 modulo the order, of a public s: however long that takes. */
static bool inverse(uint64_t to[WORDS], const uint8_t s[LEN])
{
	mp_int number, order;
	uint8_t bytes[LEN];
	bool ok = mp_init_multi(&number, &order, NULL, NULL, NULL, NULL) == 0 &&
	    mp_read_unsigned_bin(&number, s, LEN) == 0 &&
	    mp_read_unsigned_bin(&order, p256_order, LEN) == 0 &&
	    mp_invmod(&number, &order, &number) == 0 &&
	    mp_to_unsigned_bin_len(&number, bytes, LEN) == 0;

	if (ok)
		words_from_bytes(to, bytes, LEN);
	return ok;
}

/* Whether the point k times the base has r for its x. */
static bool has_point(const uint64_t r[WORDS], const uint64_t k[WORDS])
{
	static const uint64_t one[WORDS] = { 1 };
	uint8_t scalar[LEN], x[LEN], y[LEN];
	word32 x_len = LEN, y_len = LEN;
	uint64_t x_words[WORDS], minus_k[WORDS];
	ecc_key key;
	bool ok;

	p256_scalar_negate(minus_k, k);
	bytes_from_words(scalar, minus_k, LEN);
	ok = wc_ecc_init_ex(&key, NULL, INVALID_DEVID) == 0 &&
	    wc_ecc_import_private_key_ex(scalar, LEN, NULL, 0, &key, ECC_SECP256R1) == 0 &&
	    wc_ecc_make_pub(&key, NULL) == 0 &&
	    wc_ecc_export_public_raw(&key, x, &x_len, y, &y_len) == 0 && x_len == LEN;
	if (ok) {
		words_from_bytes(x_words, x, LEN);
		ok = p256_is_x_of(r, x_words, one);
	}
	wc_ecc_free(&key);
	explicit_bzero(scalar, sizeof(scalar));
	explicit_bzero(minus_k, sizeof(minus_k));
	return ok;
}

/* The two numbers of the signature that was made. */
static bool signature_load(const wc_CryptoInfo *info, uint8_t r[LEN], uint8_t s[LEN])
{
	uint8_t short_r[LEN], short_s[LEN];
	word32 r_len = LEN, s_len = LEN;

	return wc_ecc_sig_to_rs(info->pk.eccsign.out, *info->pk.eccsign.outlen, short_r, &r_len,
		   short_s, &s_len) == 0 &&
	    number_load(r, short_r, r_len) && number_load(s, short_s, s_len);
}

static bool p256_is_right(const wc_CryptoInfo *info)
{
	uint8_t r[LEN], s[LEN], message[LEN], priv[LEN];
	uint64_t r_words[WORDS], w[WORDS], e[WORDS], d[WORDS], k[WORDS];
	word32 len = LEN;
	bool ok = signature_load(info, r, s) && inverse(w, s) &&
	    wc_ecc_export_private_only(info->pk.eccsign.key, priv, &len) == 0 && len == LEN;

	if (ok) {
		p256_message(message, info->pk.eccsign.in, info->pk.eccsign.inlen);
		words_from_bytes(r_words, r, LEN);
		words_from_bytes(e, message, LEN);
		words_from_bytes(d, priv, LEN);
		p256_nonce_of(k, r_words, w, e, d);
		ok = has_point(r_words, k);
	}
	explicit_bzero(priv, sizeof(priv));
	explicit_bzero(d, sizeof(d));
	explicit_bzero(k, sizeof(k));
	return ok;
}

/* --- all of them --- */

static bool ecdsa_is_right(const wc_CryptoInfo *info)
{
	ecc_key *key = info->pk.eccsign.key;
	int good = 0;

	if (key->dp != NULL && key->dp->id == ECC_SECP256R1)
		return p256_is_right(info);
	return wc_ecc_verify_hash(info->pk.eccsign.out, *info->pk.eccsign.outlen,
		   info->pk.eccsign.in, info->pk.eccsign.inlen, &good, key) == 0 &&
	    good == 1;
}

static bool ed25519_is_right(const wc_CryptoInfo *info)
{
	int good = 0;

	return wc_ed25519_verify_msg_ex(info->pk.ed25519sign.out, *info->pk.ed25519sign.outLen,
		   info->pk.ed25519sign.in, info->pk.ed25519sign.inLen, &good,
		   info->pk.ed25519sign.key, info->pk.ed25519sign.type,
		   info->pk.ed25519sign.context, info->pk.ed25519sign.contextLen) == 0 &&
	    good == 1;
}

static int ecdsa_sign(const wc_CryptoInfo *info)
{
	int ret =
	    wc_ecc_sign_hash(info->pk.eccsign.in, info->pk.eccsign.inlen, info->pk.eccsign.out,
		info->pk.eccsign.outlen, info->pk.eccsign.rng, info->pk.eccsign.key);

	if (ret != 0 || ecdsa_is_right(info))
		return ret;
	explicit_bzero(info->pk.eccsign.out, *info->pk.eccsign.outlen);
	return SIG_VERIFY_E;
}

static int ed25519_sign(const wc_CryptoInfo *info)
{
	int ret = wc_ed25519_sign_msg_ex(info->pk.ed25519sign.in, info->pk.ed25519sign.inLen,
	    info->pk.ed25519sign.out, info->pk.ed25519sign.outLen, info->pk.ed25519sign.key,
	    info->pk.ed25519sign.type, info->pk.ed25519sign.context,
	    info->pk.ed25519sign.contextLen);

	if (ret != 0 || ed25519_is_right(info))
		return ret;
	explicit_bzero(info->pk.ed25519sign.out, *info->pk.ed25519sign.outLen);
	return SIG_VERIFY_E;
}

int pkey_sign_alone(const wc_CryptoInfo *info)
{
	switch (info->pk.type) {
	case WC_PK_TYPE_ECDSA_SIGN:
		return ecdsa_sign(info);
	case WC_PK_TYPE_ED25519_SIGN:
		return ed25519_sign(info);
	default:
		return CRYPTOCB_UNAVAILABLE;
	}
}

/* --- RSA --- */

void pkey_rsa_note(struct pkey_rsa_checked *c, const wc_CryptoInfo *info, const uint8_t *block)
{
	word32 len = *info->pk.rsa.outLen;

	c->key = NULL;
	if (info->pk.rsa.type != RSA_PRIVATE_ENCRYPT || len > sizeof(c->signature))
		return;
	memcpy(c->signature, info->pk.rsa.out, len);
	memcpy(c->block, block, len);
	c->len = len;
	c->key = info->pk.rsa.key;
}

bool pkey_rsa_answer(struct pkey_rsa_checked *c, const wc_CryptoInfo *info)
{
	const void *key = c->key;

	c->key = NULL;
	if (key == NULL || info->pk.type != WC_PK_TYPE_RSA ||
	    info->pk.rsa.type != RSA_PUBLIC_DECRYPT || info->pk.rsa.key != key ||
	    info->pk.rsa.inLen != c->len || *info->pk.rsa.outLen < c->len ||
	    memcmp(info->pk.rsa.in, c->signature, c->len) != 0)
		return false;
	memcpy(info->pk.rsa.out, c->block, c->len);
	*info->pk.rsa.outLen = c->len;
	return true;
}
