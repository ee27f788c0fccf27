/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/signature.h>

#include "tls/x509.h"

#define MIN_RSA_BITS 2048

/* --- algorithms --- */

enum kind {
	KIND_OTHER,
	KIND_RSA,
	KIND_PSS,
	KIND_ECDSA,
	KIND_ED25519
};

struct algorithm {
	enum kind kind;
	enum wc_HashType hash;
	const char *name; /* OpenSSL's */
};

static const uint8_t pkcs1[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01 };
static const uint8_t ecdsa[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03 };
static const uint8_t ed25519[] = { 0x2b, 0x65, 0x70 };
static const uint8_t sha2[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02 };

static const enum wc_HashType hashes[] = { WC_HASH_TYPE_SHA256, WC_HASH_TYPE_SHA384,
	WC_HASH_TYPE_SHA512 };

/*
 * RSASSA-PSS-params (RFC 4055 3.1): the hash, which MGF1 must have too; the salt is as long as the hash
 * in whatever is signed today, and the check of it is wolfCrypt's. The defaults are SHA-1's.
 */
static enum wc_HashType pss_hash(struct der d)
{
	struct der params, holder, one, oid;

	if (!der_take(&d, DER_SEQUENCE, &params, NULL) ||
	    !der_take(&params, DER_EXPLICIT(0), &holder, NULL) ||
	    !der_take(&holder, DER_SEQUENCE, &one, NULL) || !der_take(&one, DER_OID, &oid, NULL) ||
	    oid.len != sizeof(sha2) + 1 || memcmp(oid.at, sha2, sizeof(sha2)) != 0 ||
	    oid.at[8] < 1 || oid.at[8] > 3)
		return WC_HASH_TYPE_NONE;
	/* { mgf1, { the same hash } }: the identifier is looked for as it stands. */
	if (!der_take(&params, DER_EXPLICIT(1), &holder, NULL) ||
	    memmem(holder.at, holder.len, oid.at, oid.len) == NULL)
		return WC_HASH_TYPE_NONE;
	return hashes[oid.at[8] - 1];
}

/* RFC 8017 A.2.4: 11, 12, 13 and 10 for PSS; RFC 5758 3.2: 2, 3, 4; RFC 8410. SHA-1 is not good enough. */
static struct algorithm algorithm_of(const struct x509_signature *s)
{
	static const char *const rsa_names[] = { "RSA-SHA256", "RSA-SHA384", "RSA-SHA512" };
	static const char *const ec_names[] = { "ecdsa-with-SHA256", "ecdsa-with-SHA384",
		"ecdsa-with-SHA512" };
	const struct der *oid = &s->algorithm;
	uint8_t last = oid->len > 0 ? oid->at[oid->len - 1] : 0;

	if (der_eq(oid, ed25519, sizeof(ed25519)))
		return (struct algorithm){ KIND_ED25519, WC_HASH_TYPE_NONE, "ED25519" };
	if (oid->len == 8 && memcmp(oid->at, ecdsa, 7) == 0 && last >= 2 && last <= 4)
		return (struct algorithm){ KIND_ECDSA, hashes[last - 2], ec_names[last - 2] };
	if (oid->len != 9 || memcmp(oid->at, pkcs1, sizeof(pkcs1)) != 0)
		return (struct algorithm){ KIND_OTHER, WC_HASH_TYPE_NONE, "" };
	if (last >= 11 && last <= 13)
		return (struct algorithm){ KIND_RSA, hashes[last - 11], rsa_names[last - 11] };
	if (last == 10 && pss_hash(s->parameters) != WC_HASH_TYPE_NONE)
		return (struct algorithm){ KIND_PSS, pss_hash(s->parameters), "RSASSA-PSS" };
	return (struct algorithm){ KIND_OTHER, WC_HASH_TYPE_NONE, last == 5 ? "RSA-SHA1" : "" };
}

const char *x509_signature_name(const struct x509_signature *s)
{
	return algorithm_of(s).name;
}

/* --- keys --- */

static bool key_is(struct der key, const uint8_t *oid, size_t len)
{
	struct der both, algorithm, id;

	return der_take(&key, DER_SEQUENCE, &both, NULL) &&
	    der_take(&both, DER_SEQUENCE, &algorithm, NULL) &&
	    der_take(&algorithm, DER_OID, &id, NULL) && der_eq(&id, oid, len);
}

/* Decodes it into a new key; NULL: not an RSA key, too short, or no memory. */
static RsaKey *rsa_key(struct der der)
{
	RsaKey *key = malloc(sizeof(*key));
	word32 at = 0;

	if (!key)
		return NULL;
	if (wc_InitRsaKey(key, NULL) != 0) {
		free(key);
		return NULL;
	}
	if (wc_RsaPublicKeyDecode(der.at, &at, key, (word32)der.len) == 0 &&
	    wc_RsaEncryptSize(key) * 8 >= MIN_RSA_BITS)
		return key;
	wc_FreeRsaKey(key);
	free(key);
	return NULL;
}

static ecc_key *ec_key(struct der der)
{
	ecc_key *key = malloc(sizeof(*key));
	word32 at = 0;
	int id;

	if (!key)
		return NULL;
	if (wc_ecc_init(key) != 0) {
		free(key);
		return NULL;
	}
	if (wc_EccPublicKeyDecode(der.at, &at, key, (word32)der.len) == 0) {
		id = wc_ecc_get_curve_id(key->idx);
		if (id == ECC_SECP256R1 || id == ECC_SECP384R1 || id == ECC_SECP521R1)
			return key;
	}
	wc_ecc_free(key);
	free(key);
	return NULL;
}

struct x509_key_facts x509_key_facts(struct der der)
{
	static const uint8_t rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 };
	static const uint8_t ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
	struct x509_key_facts f = { X509_KEY_OTHER, 0 };

	if (key_is(der, ed25519, sizeof(ed25519)))
		return (struct x509_key_facts){ X509_KEY_ED25519, 256 };
	if (key_is(der, rsa, sizeof(rsa))) {
		RsaKey *key = rsa_key(der);

		if (key) {
			f.kind = X509_KEY_RSA;
			f.bits = (unsigned)wc_RsaEncryptSize(key) * 8;
			wc_FreeRsaKey(key);
			free(key);
		}
	} else if (key_is(der, ec, sizeof(ec))) {
		ecc_key *key = ec_key(der);

		if (key) {
			f.kind = X509_KEY_EC;
			f.bits = wc_ecc_size(key) == 66 ? 521 : (unsigned)wc_ecc_size(key) * 8;
			wc_ecc_free(key);
			free(key);
		}
	}
	return f;
}

/* --- checking --- */

static enum x509_verdict
verify_pss(const struct x509_signature *s, enum wc_HashType hash, RsaKey *key)
{
	byte digest[WC_MAX_DIGEST_SIZE];
	int len = wc_HashGetDigestSize(hash);
	int mgf = hash == WC_HASH_TYPE_SHA256 ? WC_MGF1SHA256
	    : hash == WC_HASH_TYPE_SHA384     ? WC_MGF1SHA384
					      : WC_MGF1SHA512;
	byte *out = malloc(s->bits.len + 1);
	int good = -1;

	if (out && len > 0 &&
	    wc_Hash(hash, s->text.at, (word32)s->text.len, digest, (word32)len) == 0)
		good = wc_RsaPSS_VerifyCheck((byte *)(uintptr_t)s->bits.at, (word32)s->bits.len,
		    out, (word32)s->bits.len, digest, (word32)len, hash, mgf, key);
	free(out);
	return good > 0 ? X509_GOOD : X509_BAD;
}

static enum x509_verdict
verify_rsa(const struct x509_signature *s, struct algorithm a, struct der der)
{
	RsaKey *key = rsa_key(der);
	enum x509_verdict verdict = X509_UNSUPPORTED;

	if (!key)
		return verdict;
	if (a.kind == KIND_PSS)
		verdict = verify_pss(s, a.hash, key);
	else
		verdict = wc_SignatureVerify(a.hash, WC_SIGNATURE_TYPE_RSA_W_ENC, s->text.at,
			      (word32)s->text.len, s->bits.at, (word32)s->bits.len, key,
			      sizeof(*key)) == 0
		    ? X509_GOOD
		    : X509_BAD;
	wc_FreeRsaKey(key);
	free(key);
	return verdict;
}

static enum x509_verdict
verify_ec(const struct x509_signature *s, struct algorithm a, struct der der)
{
	ecc_key *key = ec_key(der);
	enum x509_verdict verdict;

	if (!key)
		return X509_UNSUPPORTED;
	verdict = wc_SignatureVerify(a.hash, WC_SIGNATURE_TYPE_ECC, s->text.at, (word32)s->text.len,
		      s->bits.at, (word32)s->bits.len, key, sizeof(*key)) == 0
	    ? X509_GOOD
	    : X509_BAD;
	wc_ecc_free(key);
	free(key);
	return verdict;
}

static enum x509_verdict verify_ed25519(const struct x509_signature *s, struct der der)
{
	ed25519_key *key = malloc(sizeof(*key));
	word32 at = 0;
	int good = 0;

	if (!key)
		return X509_BAD;
	if (wc_ed25519_init(key) == 0) {
		if (wc_Ed25519PublicKeyDecode(der.at, &at, key, (word32)der.len) == 0 &&
		    wc_ed25519_verify_msg(s->bits.at, (word32)s->bits.len, s->text.at,
			(word32)s->text.len, &good, key) != 0)
			good = 0;
		wc_ed25519_free(key);
	}
	free(key);
	return good ? X509_GOOD : X509_BAD;
}

enum x509_verdict x509_verify(const struct x509_signature *s, struct der key)
{
	struct algorithm a = algorithm_of(s);

	switch (a.kind) {
	case KIND_RSA:
	case KIND_PSS:
		return verify_rsa(s, a, key);
	case KIND_ECDSA:
		return verify_ec(s, a, key);
	case KIND_ED25519:
		return key_is(key, ed25519, sizeof(ed25519)) ? verify_ed25519(s, key) : X509_BAD;
	case KIND_OTHER:
		break;
	}
	return X509_UNSUPPORTED;
}
