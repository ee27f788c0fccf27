/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/cert_key.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>

#define MIN_RSA_BITS 2048
#define MAX_RSA_BITS 4096

static const char rsa_bits[] = "RSA keys must have 2048 to 4096 bits";
static const char no_memory[] = "no memory";

static const char *rsa_public(struct cert_public *out, const RsaKey *key)
{
	word32 n_len = CERT_MAX_PUBLIC / 2, e_len = CERT_MAX_PUBLIC / 2;

	out->type = CERT_RSA;
	out->bits = (unsigned)mp_count_bits(&key->n);
	if (out->bits < MIN_RSA_BITS || out->bits > MAX_RSA_BITS)
		return rsa_bits;
	if (wc_RsaFlattenPublicKey(key, out->at + n_len, &e_len, out->at, &n_len) != 0)
		return "its RSA numbers cannot be used";
	memmove(out->at + n_len, out->at + CERT_MAX_PUBLIC / 2, e_len);
	out->len = n_len + e_len;
	return NULL;
}

/* Whether exponent * e = 1 modulo prime - 1. */
static bool rsa_exponent_fits(
    const mp_int *exponent, const mp_int *e, const mp_int *prime, mp_int *order, mp_int *product)
{
	return mp_sub_d(prime, 1, order) == MP_OKAY &&
	    mp_mulmod(exponent, e, order, product) == MP_OKAY && mp_isone(product);
}

/* RFC 8017 3.2: n = p q, e d = 1 mod (p - 1) and (q - 1), e dP = 1 mod (p - 1), e dQ = 1 mod (q - 1), q qInv = 1 mod p. */
static bool rsa_is_consistent(const RsaKey *key)
{
	mp_int *t = malloc(2 * sizeof(*t));
	bool ok = false;

	if (!t)
		return false;
	if (mp_init_multi(&t[0], &t[1], NULL, NULL, NULL, NULL) == MP_OKAY) {
		ok = !mp_iszero(&key->p) && !mp_iszero(&key->q) &&
		    mp_mul(&key->p, &key->q, &t[0]) == MP_OKAY && mp_cmp(&t[0], &key->n) == MP_EQ &&
		    rsa_exponent_fits(&key->d, &key->e, &key->p, &t[0], &t[1]) &&
		    rsa_exponent_fits(&key->d, &key->e, &key->q, &t[0], &t[1]) &&
		    rsa_exponent_fits(&key->dP, &key->e, &key->p, &t[0], &t[1]) &&
		    rsa_exponent_fits(&key->dQ, &key->e, &key->q, &t[0], &t[1]) &&
		    mp_mulmod(&key->q, &key->u, &key->p, &t[0]) == MP_OKAY && mp_isone(&t[0]);
		mp_forcezero(&t[0]);
		mp_forcezero(&t[1]);
	}
	free(t);
	return ok;
}

static const char *from_rsa_key(struct cert_public *out, RsaKey *key)
{
	const char *why = rsa_public(out, key);

	if (!why && !rsa_is_consistent(key))
		why = "its RSA numbers contradict each other: the file is damaged";
	return why;
}

/* The type for an elliptic curve, -1 for one that TLS certificates are not served with. */
static int curve_type(int curve, unsigned *bits)
{
	switch (curve) {
	case ECC_SECP256R1:
		*bits = 256;
		return CERT_P256;
	case ECC_SECP384R1:
		*bits = 384;
		return CERT_P384;
	case ECC_SECP521R1:
		*bits = 521;
		return CERT_P521;
	}
	return -1;
}

static const char other_curve[] = "its curve is none of P-256, P-384 and P-521";

static const char *from_ecc_key(struct cert_public *out, ecc_key *key)
{
	uint8_t stored[1 + 2 * MAX_ECC_BYTES];
	word32 len = sizeof(out->at), stored_len = sizeof(stored);
	int type = curve_type(wc_ecc_get_curve_id(key->idx), &out->bits);
	bool has_stored =
	    key->type == ECC_PRIVATEKEY && wc_ecc_export_x963(key, stored, &stored_len) == 0;

	if (type < 0)
		return other_curve;
	out->type = (enum cert_key_type)type;
	if (wc_ecc_make_pub(key, NULL) != 0 || wc_ecc_export_x963(key, out->at, &len) != 0)
		return "its private number is out of range";
	out->len = len;
	/* wolfSSL takes a curve it does not know for the NIST curve of that size: this tells. */
	if (has_stored && (stored_len != len || memcmp(stored, out->at, len) != 0))
		return "its public part does not belong to its private part: the file is damaged, or "
		       "its curve is none of P-256, P-384 and P-521";
	return NULL;
}

static const char *from_ed25519_key(struct cert_public *out, ed25519_key *key)
{
	out->type = CERT_ED25519;
	out->bits = 256;
	out->len = ED25519_PUB_KEY_SIZE;
	return wc_ed25519_make_public(key, out->at, ED25519_PUB_KEY_SIZE) == 0
	    ? NULL
	    : "its private number cannot be used";
}

const char *cert_public_of_key(struct cert_public *out, const uint8_t *der, size_t len)
{
	union {
		RsaKey rsa;
		ecc_key ecc;
		ed25519_key ed25519;
	} *key = malloc(sizeof(*key));
	const char *why = "it is no RSA, P-256, P-384, P-521 or Ed25519 private key";
	word32 at = 0;

	if (!key)
		return no_memory;
	/* Each decoder refuses the others' algorithm identifiers. */
	if (wc_InitRsaKey(&key->rsa, NULL) == 0) {
		if (wc_RsaPrivateKeyDecode(der, &at, &key->rsa, (word32)len) == 0) {
			why = from_rsa_key(out, &key->rsa);
			len = 0;
		}
		wc_FreeRsaKey(&key->rsa);
	}
	at = 0;
	if (len > 0 && wc_ecc_init(&key->ecc) == 0) {
		if (wc_EccPrivateKeyDecode(der, &at, &key->ecc, (word32)len) == 0) {
			why = from_ecc_key(out, &key->ecc);
			len = 0;
		}
		wc_ecc_free(&key->ecc);
	}
	at = 0;
	if (len > 0 && wc_ed25519_init(&key->ed25519) == 0) {
		if (wc_Ed25519PrivateKeyDecode(der, &at, &key->ed25519, (word32)len) == 0)
			why = from_ed25519_key(out, &key->ed25519);
		wc_ed25519_free(&key->ed25519);
	}
	explicit_bzero(key, sizeof(*key));
	free(key);
	return why;
}

static const char *from_rsa_cert(struct cert_public *out, const DecodedCert *cert)
{
	RsaKey *key = malloc(sizeof(*key));
	const char *why = "its RSA public key cannot be read";
	word32 at = 0;

	if (!key)
		return no_memory;
	if (wc_InitRsaKey(key, NULL) == 0) {
		if (wc_RsaPublicKeyDecode(cert->publicKey, &at, key, cert->pubKeySize) == 0)
			why = rsa_public(out, key);
		wc_FreeRsaKey(key);
	}
	free(key);
	return why;
}

static const char *from_ecc_cert(struct cert_public *out, const DecodedCert *cert)
{
	ecc_key *key = malloc(sizeof(*key));
	const char *why = other_curve;
	word32 at = 0, len = sizeof(out->at);
	int type;

	if (!key)
		return no_memory;
	if (wc_ecc_init(key) == 0) {
		/* publicKey is the SubjectPublicKeyInfo here, with the curve in it. */
		if (wc_EccPublicKeyDecode(cert->publicKey, &at, key, cert->pubKeySize) == 0) {
			type = curve_type(wc_ecc_get_curve_id(key->idx), &out->bits);
			if (type >= 0 && wc_ecc_export_x963(key, out->at, &len) == 0) {
				out->type = (enum cert_key_type)type;
				out->len = len;
				why = NULL;
			}
		}
		wc_ecc_free(key);
	}
	free(key);
	return why;
}

const char *cert_public_of_cert(struct cert_public *out, const struct DecodedCert *cert)
{
	if (!cert->publicKey)
		return "it has no public key";
	switch (cert->keyOID) {
	case RSAk:
		return from_rsa_cert(out, cert);
	case ECDSAk:
		return from_ecc_cert(out, cert);
	case ED25519k:
		out->type = CERT_ED25519;
		out->bits = 256;
		out->len = ED25519_PUB_KEY_SIZE;
		if (cert->pubKeySize != out->len)
			return "its Ed25519 public key has a wrong length";
		memcpy(out->at, cert->publicKey, out->len);
		return NULL;
	}
	return "its public key is none of RSA, P-256, P-384, P-521 and Ed25519";
}
