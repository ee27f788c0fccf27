/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/x509_kit.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "tests/unit/tls_data_kit.h"

#include <cmocka.h>

/* --- memory --- */

struct block {
	struct block *next;
	uint8_t bytes[];
};

static struct block *blocks;
static EVP_PKEY *keys[64];
static unsigned n_keys;

static uint8_t *take(size_t len)
{
	struct block *b = malloc(sizeof(*b) + len + 1);

	assert_non_null(b);
	b->next = blocks;
	blocks = b;
	return b->bytes;
}

void kit_x509_reset(void)
{
	while (blocks) {
		struct block *next = blocks->next;

		free(blocks);
		blocks = next;
	}
	while (n_keys > 0)
		EVP_PKEY_free(keys[--n_keys]);
}

static EVP_PKEY *keep(EVP_PKEY *key)
{
	assert_non_null(key);
	assert_true(n_keys < sizeof(keys) / sizeof(keys[0]));
	return keys[n_keys++] = key;
}

EVP_PKEY *kit_ec_key(void)
{
	return keep(EVP_EC_gen("P-256"));
}

EVP_PKEY *kit_rsa_key(unsigned bits)
{
	return keep(EVP_RSA_gen(bits));
}

/* --- DER --- */

struct der kit_bytes(const void *bytes, size_t len)
{
	uint8_t *at = take(len);

	memcpy(at, bytes, len);
	return (struct der){ at, len };
}

struct der kit_join(const struct der *parts, size_t n)
{
	size_t len = 0;
	uint8_t *at;

	for (size_t i = 0; i < n; i++)
		len += parts[i].len;
	at = take(len);
	len = 0;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len > 0)
			memcpy(at + len, parts[i].at, parts[i].len);
		len += parts[i].len;
	}
	return (struct der){ at, len };
}

struct der kit_tlv(uint8_t tag, struct der content)
{
	uint8_t head[5] = { tag, (uint8_t)content.len };
	size_t n = 2;

	assert_true(content.len < 65536);
	if (content.len >= 256) {
		head[1] = 0x82;
		head[2] = (uint8_t)(content.len >> 8);
		head[3] = (uint8_t)content.len;
		n = 4;
	} else if (content.len >= 128) {
		head[1] = 0x81;
		head[2] = (uint8_t)content.len;
		n = 3;
	}
	return KIT_PARTS(kit_bytes(head, n), content);
}

struct der kit_text(uint8_t tag, const char *text)
{
	return kit_tlv(tag, kit_bytes(text, strlen(text)));
}

struct der kit_name(const char *names)
{
	char *copy = strdup(names), *rest = copy, *one;
	struct der all = KIT_NOTHING;

	while (*names && (one = strsep(&rest, "/")) != NULL)
		all = KIT_PARTS(all,
		    kit_tlv(DER_SET,
			KIT_SEQUENCE(KIT_BYTES("\x06\x03\x55\x04\x03"), kit_text(0x0c, one))));
	free(copy);
	return kit_tlv(DER_SEQUENCE, all);
}

struct der kit_extension(uint8_t number, bool is_critical, struct der value)
{
	const uint8_t oid[] = { 0x06, 0x03, 0x55, 0x1d, number };

	return KIT_SEQUENCE(kit_bytes(oid, sizeof(oid)),
	    is_critical ? KIT_BYTES("\x01\x01\xff") : KIT_NOTHING, kit_tlv(DER_BYTES, value));
}

struct der kit_ca(int path_len)
{
	const uint8_t length[] = { DER_INTEGER, 1, (uint8_t)path_len };

	return kit_extension(19, true,
	    KIT_SEQUENCE(
		KIT_BYTES("\x01\x01\xff"), kit_bytes(length, path_len < 0 ? 0 : sizeof(length))));
}

struct der kit_usage(uint8_t bits)
{
	uint8_t unused = 0;

	while (!(bits >> unused & 1))
		unused++;
	return kit_extension(
	    15, true, kit_tlv(DER_BITS, kit_bytes((const uint8_t[]){ unused, bits }, 2)));
}

struct der kit_purposes(const char *numbers)
{
	struct der all = KIT_NOTHING;

	for (; *numbers; numbers++)
		all = KIT_PARTS(all,
		    kit_tlv(DER_OID,
			KIT_PARTS(KIT_BYTES("\x2b\x06\x01\x05\x05\x07\x03"),
			    kit_bytes((const uint8_t[]){ (uint8_t)(*numbers - '0') }, 1))));
	return kit_extension(37, false, kit_tlv(DER_SEQUENCE, all));
}

static struct der public_key(EVP_PKEY *key)
{
	unsigned char *at = NULL;
	int len = i2d_PUBKEY(key, &at);
	struct der copy;

	assert_true(len > 0);
	copy = kit_bytes(at, (size_t)len);
	OPENSSL_free(at);
	return copy;
}

static struct der key_id(EVP_PKEY *key)
{
	struct der spki = public_key(key);
	uint8_t hash[32];

	SHA256(spki.at, spki.len, hash);
	return kit_bytes(hash, 20);
}

struct der kit_key_ids(EVP_PKEY *subject, EVP_PKEY *authority)
{
	struct der own = kit_extension(14, false, kit_tlv(DER_BYTES, key_id(subject)));

	if (!authority)
		return own;
	return KIT_PARTS(own,
	    kit_extension(35, false, KIT_SEQUENCE(kit_tlv(DER_CONTEXT(0), key_id(authority)))));
}

/* --- signing --- */

static struct der algorithm(EVP_PKEY *signer, bool uses_sha1)
{
	if (EVP_PKEY_get_base_id(signer) == EVP_PKEY_RSA) {
		struct der oid = uses_sha1 ? KIT_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05")
					   : KIT_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b");

		return KIT_SEQUENCE(kit_tlv(DER_OID, oid), KIT_BYTES("\x05\x00"));
	}
	return KIT_SEQUENCE(kit_tlv(DER_OID,
	    uses_sha1 ? KIT_BYTES("\x2a\x86\x48\xce\x3d\x04\x01")
		      : KIT_BYTES("\x2a\x86\x48\xce\x3d\x04\x03\x02")));
}

static struct der sign(EVP_PKEY *signer, bool uses_sha1, struct der text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t bits[1024] = { 0 }; /* the first byte: none unused */
	size_t len = sizeof(bits) - 1;

	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, uses_sha1 ? EVP_sha1() : EVP_sha256(), NULL, signer), 1);
	assert_int_equal(EVP_DigestSign(ctx, bits + 1, &len, text.at, text.len), 1);
	EVP_MD_CTX_free(ctx);
	return kit_tlv(DER_BITS, kit_bytes(bits, len + 1));
}

static struct der
signed_text(EVP_PKEY *signer, bool uses_sha1, struct der text, struct der outer_algorithm)
{
	return KIT_SEQUENCE(text,
	    outer_algorithm.len > 0 ? outer_algorithm : algorithm(signer, uses_sha1),
	    sign(signer, uses_sha1, text));
}

struct der kit_x509(const struct kit_x509 *from)
{
	struct der serial = from->serial.len > 0 ? from->serial : KIT_BYTES("\x01");
	struct der validity = from->validity.len > 0
	    ? from->validity
	    : KIT_PARTS(
		  kit_text(DER_UTC_TIME, "250101000000Z"), kit_text(DER_UTC_TIME, "350101000000Z"));
	struct der extensions = from->extensions.len > 0
	    ? kit_tlv(DER_EXPLICIT(3), kit_tlv(DER_SEQUENCE, from->extensions))
	    : KIT_NOTHING;

	return signed_text(from->signer, from->uses_sha1,
	    KIT_SEQUENCE(from->is_v1 ? KIT_NOTHING : KIT_BYTES("\xa0\x03\x02\x01\x02"),
		kit_tlv(DER_INTEGER, serial), algorithm(from->signer, from->uses_sha1),
		kit_name(from->issuer), kit_tlv(DER_SEQUENCE, validity),
		from->subject_name.len > 0 ? from->subject_name : kit_name(from->subject),
		public_key(from->key), extensions),
	    from->outer_algorithm);
}

struct der kit_crl(const struct kit_crl *from)
{
	struct der left = from->serials, entries = KIT_NOTHING, one;

	while (der_take(&left, DER_INTEGER, NULL, &one))
		entries =
		    KIT_PARTS(entries, KIT_SEQUENCE(one, kit_text(DER_UTC_TIME, "250601000000Z")));
	return signed_text(from->signer, false,
	    KIT_SEQUENCE(KIT_BYTES("\x02\x01\x01"), algorithm(from->signer, false),
		kit_name(from->issuer), kit_text(DER_UTC_TIME, "250101000000Z"),
		kit_text(DER_UTC_TIME, "350101000000Z"),
		entries.len > 0 ? kit_tlv(DER_SEQUENCE, entries) : KIT_NOTHING,
		from->extensions.len > 0
		    ? kit_tlv(DER_EXPLICIT(0), kit_tlv(DER_SEQUENCE, from->extensions))
		    : KIT_NOTHING),
	    KIT_NOTHING);
}

/* --- asking --- */

static struct der pem(struct der der)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	uint8_t *at = take(der.len * 2 + 128);
	int n = 0, more = 0;

	EVP_EncodeInit(ctx);
	EVP_EncodeUpdate(ctx, at, &n, der.at, (int)der.len);
	EVP_EncodeFinal(ctx, at + n, &more);
	EVP_ENCODE_CTX_free(ctx);
	return KIT_PARTS(KIT_BYTES("-----BEGIN CERTIFICATE-----\n"),
	    (struct der){ at, (size_t)(n + more) }, KIT_BYTES("-----END CERTIFICATE-----\n"));
}

struct trust_store *kit_store(const struct der *cas, unsigned n, struct der crl,
    struct trust_options options, const char **why)
{
	static struct err e;
	const char *const path = "list.crl";
	const struct trust_source source = { .name = "kit",
		.bundle = "bundle.pem",
		.crls = &path,
		.n_crls = crl.len > 0,
		.options = options,
		.file = "test.cfg",
		.line = 1 };
	const struct trust_text list = { path, crl.at, crl.len };
	struct der all = KIT_NOTHING;
	struct trust_text bundle = { .path = "bundle.pem" };
	struct trust_store *t;

	for (unsigned i = 0; i < n; i++)
		all = KIT_PARTS(all, pem(cas[i]));
	bundle.at = all.at;
	bundle.len = all.len;
	err_init(&e);
	t = trust_parse(&source, &bundle, &list, KIT_NOW, &e);
	*why = t ? trust_warnings(t) : e.text;
	return t;
}

enum client_cert_status kit_verify(const struct trust_store *t, const struct der *chain, unsigned n)
{
	struct client_cert_der copies[CLIENT_CERT_MAX_CHAIN];
	enum client_cert_status status;

	assert_true(n <= CLIENT_CERT_MAX_CHAIN);
	for (unsigned i = 0; i < n; i++) { /* exactly as long, for sanitizers */
		uint8_t *exact = malloc(chain[i].len + !chain[i].len);

		memcpy(exact, chain[i].at, chain[i].len);
		copies[i] = (struct client_cert_der){ exact, chain[i].len };
	}
	status = trust_verify(t, false, copies, n, KIT_NOW);
	for (unsigned i = 0; i < n; i++)
		free((void *)(uintptr_t)copies[i].at);
	return status;
}
