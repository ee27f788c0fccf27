/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf/evidence.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#define MAX_TOLD 3

/* --- what is seen on the way --- */

void evidence_leaf(struct evidence *e, const uint8_t *der, size_t len)
{
	if (len > sizeof(e->leaf))
		return;
	memcpy(e->leaf, der, len);
	e->leaf_len = len;
	e->leaf_of = e->who;
}

static struct evidence_verdict
verify(const uint8_t *sig, uint32_t sig_len, const uint8_t *hash, uint32_t hash_len, ecc_key *key)
{
	struct evidence_verdict v = { .good = 0 };
	int device = key->devId;

	key->devId = INVALID_DEVID; /* wolfCrypt's own code, not this callback again */
	v.ret = wc_ecc_verify_hash(sig, sig_len, hash, hash_len, &v.good, key);
	key->devId = device;
	return v;
}

static struct evidence_verdict verify_afresh(const struct evidence *e)
{
	struct evidence_verdict v = { .good = 0 };
	ecc_key key;

	v.ret = wc_ecc_init_ex(&key, NULL, INVALID_DEVID);
	if (v.ret != 0)
		return v;
	v.ret = wc_ecc_import_x963_ex(e->key, e->key_len, &key, e->curve);
	if (v.ret == 0)
		v = verify(e->sig, e->sig_len, e->hash, e->hash_len, &key);
	wc_ecc_free(&key);
	return v;
}

static uint32_t copy(uint8_t *to, size_t room, const uint8_t *from, size_t len)
{
	size_t n = len < room ? len : room;

	memcpy(to, from, n);
	return (uint32_t)n;
}

void evidence_keep(struct evidence *e, const wc_CryptoInfo *info, struct evidence_verdict first)
{
	ecc_key *key = info->pk.eccverify.key;

	e->bad_of = e->who;
	e->first = first;
	e->sig_len =
	    copy(e->sig, sizeof(e->sig), info->pk.eccverify.sig, info->pk.eccverify.siglen);
	e->hash_len =
	    copy(e->hash, sizeof(e->hash), info->pk.eccverify.hash, info->pk.eccverify.hashlen);
	e->key_len = sizeof(e->key);
	if (wc_ecc_export_x963(key, e->key, &e->key_len) != 0)
		e->key_len = 0;
	e->curve = wc_ecc_get_curve_id(key->idx);
	e->again = verify(e->sig, e->sig_len, e->hash, e->hash_len, key);
	e->fresh = verify_afresh(e);
}

int evidence_watch(struct evidence *e, wc_CryptoInfo *info)
{
	struct evidence_verdict v;

	if (info->algo_type != WC_ALGO_TYPE_PK || info->pk.type != WC_PK_TYPE_ECDSA_VERIFY)
		return CRYPTOCB_UNAVAILABLE;
	v = verify(info->pk.eccverify.sig, info->pk.eccverify.siglen, info->pk.eccverify.hash,
	    info->pk.eccverify.hashlen, info->pk.eccverify.key);
	*info->pk.eccverify.res = v.good;
	if (v.ret != 0 || v.good != 1)
		evidence_keep(e, info, v);
	return v.ret;
}

/* --- what is said of it --- */

static bool is_signature(int error)
{
	switch (error) {
	case VERIFY_SIGN_ERROR:
	case SIG_VERIFY_E:
	case ASN_SIG_CONFIRM_E:
		return true;
	}
	return false;
}

static void print_bytes(const char *what, const uint8_t *bytes, size_t len, FILE *to)
{
	fprintf(to, "  %s: ", what);
	for (size_t i = 0; i < len; i++)
		fprintf(to, "%02x", bytes[i]);
	fputc('\n', to);
}

/* The point is what a SubjectPublicKeyInfo ends with (RFC 5480 2). */
static bool has_key_used(const struct evidence *e, uint64_t who, const DecodedCert *cert)
{
	return e->bad_of == who && e->key_len > 0 && cert->pubKeySize >= e->key_len &&
	    memcmp(cert->publicKey + cert->pubKeySize - e->key_len, e->key, e->key_len) == 0;
}

static void print_leaf(const struct evidence *e, uint64_t who, FILE *to)
{
	DecodedCert cert;
	int ret;

	if (e->leaf_of != who) {
		fputs("  certificate: not kept\n", to);
		return;
	}
	wc_InitDecodedCert(&cert, e->leaf, (word32)e->leaf_len, NULL);
	ret = wc_ParseCert(&cert, CERT_TYPE, NO_VERIFY, NULL);
	if (ret == 0) {
		fprintf(
		    to, "  certificate: subject %.200s, %zu bytes\n", cert.subject, e->leaf_len);
		print_bytes("its serial", cert.serial, (size_t)cert.serialSz, to);
		print_bytes(has_key_used(e, who, &cert) ? "its key, the one used" : "its key",
		    cert.publicKey, cert.pubKeySize, to);
	} else {
		fprintf(to, "  certificate: not read (%d)\n", ret);
		print_bytes("it is", e->leaf, e->leaf_len, to);
	}
	wc_FreeDecodedCert(&cert);
}

static const char *word(struct evidence_verdict v)
{
	return v.ret == 0 && v.good == 1 ? "good" : "bad";
}

static void print_verification(const struct evidence *e, uint64_t who, FILE *to)
{
	if (e->bad_of != who) {
		fputs("  no ECDSA signature was found bad in this handshake\n", to);
		return;
	}
	fprintf(to, "  verified with a key of curve %d: %s (%d, %d)\n", e->curve, word(e->first),
	    e->first.ret, e->first.good);
	fprintf(to, "  verified again: %s (%d, %d); with a new copy of the key: %s (%d, %d)\n",
	    word(e->again), e->again.ret, e->again.good, word(e->fresh), e->fresh.ret,
	    e->fresh.good);
	print_bytes("key used", e->key, e->key_len, to);
	print_bytes("hash", e->hash, e->hash_len, to);
	print_bytes("signature", e->sig, e->sig_len, to);
}

static void count(struct evidence *e, int error)
{
	unsigned i = 0;

	while (i < EVIDENCE_KINDS - 1 && e->kinds[i].n > 0 && e->kinds[i].error != error)
		i++;
	if (e->kinds[i].n == 0)
		e->kinds[i].error = error;
	e->kinds[i].n++;
}

static const char *text_of(int error, char *text, size_t room)
{
	wolfSSL_ERR_error_string_n((unsigned long)error, text, room);
	return text;
}

void evidence_failed(struct evidence *e, uint64_t who, int error, const char *name, FILE *to)
{
	char text[WOLFSSL_MAX_ERROR_SZ];

	count(e, error);
	if (!is_signature(error) || e->n_told++ >= MAX_TOLD)
		return;
	fprintf(to, "signature refused: %s (%d), handshake %llu, server name %s\n",
	    text_of(error, text, sizeof(text)), error, (unsigned long long)who, name);
	print_leaf(e, who, to);
	print_verification(e, who, to);
	fflush(to);
}

void evidence_print_kinds(const struct evidence *e, FILE *to)
{
	char text[WOLFSSL_MAX_ERROR_SZ];
	const char *between = "";

	fputc('{', to);
	for (unsigned i = 0; i < EVIDENCE_KINDS && e->kinds[i].n > 0; i++) {
		fprintf(to, "%s\"%s (%d)\": %llu", between,
		    i < EVIDENCE_KINDS - 1 ? text_of(e->kinds[i].error, text, sizeof(text))
					   : "others",
		    e->kinds[i].error, (unsigned long long)e->kinds[i].n);
		between = ", ";
	}
	fputc('}', to);
}
