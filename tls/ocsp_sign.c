/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ocsp_sign.h"

#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/signature.h>

#define MAX_RESPONDERS 8 /* certificates looked at; there is one as a rule */

static const char no_memory[] = "there is no memory to check it";

/* --- one key --- */

enum kind {
	KIND_OTHER,
	KIND_RSA,
	KIND_ECDSA
};

struct algorithm {
	enum kind kind;
	enum wc_HashType hash;
};

static struct algorithm algorithm_of(const struct der *oid)
{
	static const uint8_t rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01 };
	static const uint8_t ecdsa[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03 };
	/* RFC 8017 A.2.4: 11, 12, 13; RFC 5758 3.2: 2, 3, 4. SHA-1 is not good enough. */
	static const enum wc_HashType hashes[] = { WC_HASH_TYPE_SHA256, WC_HASH_TYPE_SHA384,
		WC_HASH_TYPE_SHA512 };
	uint8_t last = oid->len > 0 ? oid->at[oid->len - 1] : 0;

	if (oid->len == 9 && memcmp(oid->at, rsa, 8) == 0 && last >= 11 && last <= 13)
		return (struct algorithm){ KIND_RSA, hashes[last - 11] };
	if (oid->len == 8 && memcmp(oid->at, ecdsa, 7) == 0 && last >= 2 && last <= 4)
		return (struct algorithm){ KIND_ECDSA, hashes[last - 2] };
	return (struct algorithm){ KIND_OTHER, WC_HASH_TYPE_NONE };
}

static bool verify(const struct ocsp_signature *s, enum wc_HashType hash,
    enum wc_SignatureType type, void *key, size_t key_size)
{
	return wc_SignatureVerify(hash, type, s->text.at, (word32)s->text.len, s->bits.at,
		   (word32)s->bits.len, key, (word32)key_size) == 0;
}

static bool
verify_rsa(const struct ocsp_signature *s, enum wc_HashType hash, const DecodedCert *cert)
{
	RsaKey *key = malloc(sizeof(*key));
	word32 at = 0;
	bool good = false;

	if (!key)
		return false;
	if (wc_InitRsaKey(key, NULL) == 0) {
		good = wc_RsaPublicKeyDecode(cert->publicKey, &at, key, cert->pubKeySize) == 0 &&
		    verify(s, hash, WC_SIGNATURE_TYPE_RSA_W_ENC, key, sizeof(*key));
		wc_FreeRsaKey(key);
	}
	free(key);
	return good;
}

static bool
verify_ecdsa(const struct ocsp_signature *s, enum wc_HashType hash, const DecodedCert *cert)
{
	ecc_key *key = malloc(sizeof(*key));
	word32 at = 0;
	bool good = false;

	if (!key)
		return false;
	if (wc_ecc_init(key) == 0) {
		good = wc_EccPublicKeyDecode(cert->publicKey, &at, key, cert->pubKeySize) == 0 &&
		    verify(s, hash, WC_SIGNATURE_TYPE_ECC, key, sizeof(*key));
		wc_ecc_free(key);
	}
	free(key);
	return good;
}

static bool is_signed_by(const struct ocsp_signature *s, const DecodedCert *cert)
{
	struct algorithm a = algorithm_of(&s->algorithm);

	if (!cert->publicKey)
		return false;
	if (a.kind == KIND_RSA && cert->keyOID == RSAk)
		return verify_rsa(s, a.hash, cert);
	return a.kind == KIND_ECDSA && cert->keyOID == ECDSAk && verify_ecdsa(s, a.hash, cert);
}

/* --- who may sign --- */

static bool issuer_signed(const struct ocsp_signature *s, struct der issuer, DecodedCert *x)
{
	bool good;

	wc_InitDecodedCert(x, issuer.at, (word32)issuer.len, NULL);
	good = wc_ParseCert(x, CERT_TYPE, NO_VERIFY, NULL) == 0 && is_signed_by(s, x);
	wc_FreeDecodedCert(x);
	return good;
}

/* RFC 6960 4.2.2.2: certified by the issuer itself, for OCSP signing. */
static bool responder_signed(const struct ocsp_signature *s, WOLFSSL_CERT_MANAGER *trust,
    struct der responder, DecodedCert *x)
{
	bool good;

	wc_InitDecodedCert(x, responder.at, (word32)responder.len, NULL);
	good = wc_ParseCert(x, CERT_TYPE, VERIFY, trust) == 0 && x->extExtKeyUsageSet &&
	    (x->extExtKeyUsage & EXTKEYUSE_OCSP_SIGN) && is_signed_by(s, x);
	wc_FreeDecodedCert(x);
	return good;
}

static bool any_responder_signed(
    const struct ocsp_signature *s, struct der issuer, struct der certs, DecodedCert *x)
{
	WOLFSSL_CERT_MANAGER *trust = wolfSSL_CertManagerNew();
	struct der one;
	bool good = false;

	if (trust &&
	    wolfSSL_CertManagerLoadCABuffer(
		trust, issuer.at, (long)issuer.len, WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS)
		for (unsigned i = 0;
		     i < MAX_RESPONDERS && !good && der_take(&certs, DER_SEQUENCE, NULL, &one); i++)
			good = responder_signed(s, trust, one, x);
	wolfSSL_CertManagerFree(trust);
	return good;
}

const char *ocsp_verify(const struct ocsp_signature *s, struct der issuer, struct der certs)
{
	DecodedCert *x;
	bool good;

	if (algorithm_of(&s->algorithm).kind == KIND_OTHER)
		return "its signature is neither RSA (PKCS #1) nor ECDSA with SHA-256 or better";
	x = malloc(sizeof(*x));
	if (!x)
		return no_memory;
	good = issuer_signed(s, issuer, x) ||
	    (certs.len > 0 && any_responder_signed(s, issuer, certs, x));
	free(x);
	return good
	    ? NULL
	    : "its signature is not that of the certificate's issuer, nor of a responder the "
	      "issuer certified for it";
}
