/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/cert.h"
#include "tls/cert_blob.h"
#include "tls/secret.h"

#include <cmocka.h>

static struct err e;

/* Loads, wants success, gives the certificate. */
static struct cert *good(const char *chain, const char *key)
{
	struct cert *c = kit_cert(chain, key, &e);

	if (!c)
		fail_msg("%s with %s: %s", chain, key, e.text);
	assert_int_equal(e.n, 0);
	return c;
}

/* Loads, wants failure with a message that says so and where. */
static void bad(const char *chain, const char *key, const char *says)
{
	struct cert *c = kit_cert(chain, key, &e);

	if (c)
		fail_msg("%s with %s was accepted", chain, key);
	if (!strstr(e.text, says) || strncmp(e.text, "test.cfg:7: certificate 'www': ", 31) != 0)
		fail_msg("%s with %s says: %s", chain, key, e.text);
}

/* --- what is read --- */

static void test_key_types(void **state)
{
	static const struct {
		const char *name;
		enum cert_key_type type;
		unsigned bits;
	} cases[] = {
		{ "p256", CERT_P256, 256 },
		{ "p384", CERT_P384, 384 },
		{ "p521", CERT_P521, 521 },
		{ "ed25519", CERT_ED25519, 256 },
		{ "rsa2048", CERT_RSA, 2048 },
		{ "rsa4096", CERT_RSA, 4096 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char chain[64], key[64];
		struct cert *c;

		snprintf(chain, sizeof(chain), "%s.pem inter.pem", cases[i].name);
		snprintf(key, sizeof(key), "%s.key", cases[i].name);
		c = good(chain, key);
		assert_int_equal(c->key_type, cases[i].type);
		assert_int_equal(c->key_bits, cases[i].bits);
		assert_int_equal(c->n_chain, 2);
		assert_int_equal(c->references, 1);
		cert_put(c);
	}
}

static void test_key_forms(void **state)
{
	(void)state;
	cert_put(good("p256.pem", "p256-traditional.key"));
	cert_put(good("p256.pem", "p256-params.key"));
	cert_put(good("rsa2048.pem", "rsa2048-traditional.key"));
	/* Chain and key in one file, whatever comes first. */
	cert_put(good("p256.key p256.pem inter.pem", "p256.key p256.pem inter.pem"));
	cert_put(good("p256.pem p256.key", "p256.pem p256.key"));
}

static void test_facts(void **state)
{
	struct cert *c = good("p256.pem inter.pem", "p256.key");
	struct cert *d = good("sha512.pem", "p256.key");

	(void)state;
	assert_string_equal(c->name, "www");
	assert_int_equal(c->not_before, 1735689600); /* 2025-01-01 */
	assert_int_equal(c->not_after, 2051222400);  /* 2035-01-01 */
	assert_int_equal(c->signature_hash_bits, 256);
	assert_int_equal(d->signature_hash_bits, 512);
	assert_int_equal(strlen(c->serial), 4);
	assert_int_equal(strspn(c->serial, "0123456789ABCDEF"), 4);
	assert_int_not_equal(c->version, d->version);
	assert_memory_not_equal(c->fingerprint, d->fingerprint, 32);
	cert_put(c);
	cert_put(d);
}

/* What openssl x509 -fingerprint -sha256 and -serial print of a certificate that stays. */
static void test_fingerprint(void **state)
{
	struct cert *c = good("self.pem", "p256.key");
	char text[65];
	size_t len;
	char *wanted = kit_read("unit/pki/self.facts", &len);

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02X", c->fingerprint[i]);
	assert_non_null(strstr(wanted, text));
	assert_non_null(strstr(wanted, c->serial));
	cert_put(c);
	free(wanted);
}

static void assert_names(struct cert *c, unsigned n, const char *first, const char *second)
{
	assert_int_equal(c->n_names, n);
	if (n > 0)
		assert_string_equal(c->names[0], first);
	if (n > 1)
		assert_string_equal(c->names[1], second);
	cert_put(c);
}

static void test_names(void **state)
{
	(void)state;
	assert_names(good("p256.pem", "p256.key"), 2, "www.example.com", "*.example.com");
	assert_names(good("cn-only.pem", "p256.key"), 1, "cn.example.com", NULL);
	assert_names(good("cn-person.pem", "p256.key"), 0, NULL, NULL);
	/* A SAN without DNS names: the CN does not count (RFC 6125 6.4.4). */
	assert_names(good("ip-only.pem", "p256.key"), 0, NULL, NULL);
	bad("star.pem", "p256.key", "'w*.example.com' in star.pem cannot be served");
}

/* --- names from the configuration --- */

static struct cert *with_names(const char *const *names, unsigned n)
{
	const struct cert_source source = { .name = "www",
		.chain_path = "chain",
		.key_path = "key",
		.names = names,
		.n_names = n,
		.file = "test.cfg",
		.line = 7 };
	size_t len, key_len;
	char *pem = kit_read("unit/pki/star.pem", &len);
	char *key = kit_read("unit/pki/p256.key", &key_len);
	struct cert *c;

	err_init(&e);
	c = cert_parse(&source, pem, len, key, key_len, KIT_NOW, &e);
	free(pem);
	free(key);
	return c;
}

static void test_configured_names(void **state)
{
	static const char *const fine[] = { "API.example.com", "*.Api.example.com", "localhost." };
	static const char *const wrong[] = { "*", "*.", "w*.x", "*.*.x", "a.*.x", "", ".", ".x",
		"x..y", "a b", "192.0.2.1", "2001:db8::1", "http://x", "**.x", "x.*",
		"\xc3\xa4.de" };
	struct cert *c = with_names(fine, 3);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->n_names, 3);
	assert_string_equal(c->names[0], "api.example.com");
	assert_string_equal(c->names[1], "*.api.example.com");
	assert_string_equal(c->names[2], "localhost");
	cert_put(c);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (with_names(&wrong[i], 1))
			fail_msg("'%s' was accepted", wrong[i]);
		assert_non_null(strstr(e.text, "in names is no host name"));
		assert_int_equal(e.n, 1);
	}
	/* Every wrong one is named. */
	assert_null(with_names(wrong, 4));
	assert_int_equal(e.n, 4);
}

/* --- order --- */

static void assert_same_chain(struct cert *c, struct cert *sorted)
{
	assert_int_equal(c->n_chain, sorted->n_chain);
	for (unsigned i = 0; i < c->n_chain; i++) {
		assert_int_equal(c->chain[i].len, sorted->chain[i].len);
		assert_memory_equal(c->chain[i].at, sorted->chain[i].at, c->chain[i].len);
	}
	cert_put(c);
	cert_put(sorted);
}

static void test_wrong_order_is_sorted(void **state)
{
	static const char *const orders[] = { "p256.pem root.pem inter.pem",
		"inter.pem p256.pem root.pem", "inter.pem root.pem p256.pem",
		"root.pem inter.pem p256.pem", "root.pem p256.pem inter.pem",
		"p256.pem inter.pem p256.pem root.pem inter.pem" };

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		assert_same_chain(
		    good(orders[i], "p256.key"), good("p256.pem inter.pem root.pem", "p256.key"));
}

static void test_strangers_in_the_chain(void **state)
{
	(void)state;
	bad("p256.pem root.pem", "p256.key", "CN=Test-Root is no part of the chain");
	bad("p256.pem inter.pem rsa2048.pem", "p256.key", "is no part of the chain");
	/* An issuer of the right name that has another key. */
	bad("p256.pem twin.pem", "p256.key", "CN=Test-Intermediate is no part of the chain");
	bad("self.pem inter.pem", "p256.key", "is no part of the chain");
	/* The right one is found beside it, but the other is still wrong. */
	bad("p256.pem twin.pem inter.pem", "p256.key", "is no part of the chain");
}

static void test_key_rollover(void **state)
{
	struct cert *c = good("rolled.pem root.pem inter.pem rollover.pem", "p256.key");

	(void)state;
	assert_int_equal(c->n_chain, 4);
	cert_put(c);
}

static void test_long_chain(void **state)
{
	(void)state;
	/* Eleven different ones; the limit is told before anything about their order. */
	bad("p256.pem p384.pem p521.pem ed25519.pem rsa2048.pem rsa4096.pem cn-only.pem star.pem "
	    "client.pem ip-only.pem inter.pem",
	    "ed25519.key", "more than 10 certificates");
}

/* --- what does not fit --- */

static void test_key_does_not_match(void **state)
{
	(void)state;
	bad("p256.pem inter.pem", "other.key",
	    "key other.key does not match chain p256.pem inter.pem");
	bad("p256.pem", "rsa2048.key", "does not match");
	bad("rsa2048.pem", "rsa4096.key", "does not match");
	bad("rsa2048.pem", "p256.key", "does not match");
	bad("ed25519.pem", "p256.key", "does not match");
}

static void test_unfit_keys(void **state)
{
	(void)state;
	bad("rsa1024.pem", "rsa1024.key", "RSA keys must have 2048 to 4096 bits");
	bad("k1.pem", "k1.key", "none of P-256, P-384 and P-521");
	bad("pss.pem", "pss.key", "cannot be served: its public key is none of RSA,");
	bad("ed448.pem", "ed448.key", "key ed448.key cannot be used: it is no RSA,");
	/* What is wrong with the certificate is said before that the key is another. */
	bad("rsa1024.pem", "rsa2048.key", "cannot be served: RSA keys must have 2048");
	bad("ed448.pem", "p256.key", "certificate 1 in ed448.pem cannot be read");
	bad("p256.pem", "p256-encrypted.key", "is encrypted");
	bad("rsa2048.pem", "rsa2048-encrypted.key", "is encrypted");
	bad("p256.pem", "p256.pem", "has no private key");
	bad("p256.pem", "p256.key rsa2048.key", "has 2 private keys");
	/* The certificates are judged as well when the key is unfit. */
	bad("expired.pem", "p256-encrypted.key", "is encrypted");
}

/* Neither is an error as such: a listener wants the one, a backend the other (tls_sni_test, tls_origin_test). */
static void test_purposes(void **state)
{
	struct cert *server = good("p256.pem inter.pem", "p256.key");
	struct cert *client = good("client.pem", "p256.key");

	(void)state;
	assert_false(server->not_for_servers);
	assert_true(client->not_for_servers && !client->not_for_clients);
	cert_put(server);
	cert_put(client);
}

static void test_unfit_certificates(void **state)
{
	(void)state;
	bad("expired.pem", "p256.key", "expired on 2021-01-01 00:00:00 UTC");
	bad("future.pem", "p256.key", "is not valid before 2034-01-01 00:00:00 UTC");
	bad("p256.key", "p256.key", "has no certificate");
	cert_put(good("sha1.pem", "rsa2048.key"));
	cert_put(good("self.pem", "p256.key"));
}

/* --- encrypted keys --- */

static struct cert *with_passphrase(const char *chain, const char *key, const char *passphrase)
{
	return kit_cert_with(
	    (struct cert_source){ .passphrase = passphrase, .passphrase_len = strlen(passphrase) },
	    chain, key, &e);
}

static void test_encrypted_keys(void **state)
{
	static const char *const cases[][2] = {
		{ "p256.pem", "p256-encrypted.key" },       /* PBES2, AES-128, HMAC-SHA256 */
		{ "ed25519.pem", "ed25519-pbes2.key" },     /* AES-256 */
		{ "p521.pem", "p521-sha1.key" },            /* HMAC-SHA1 */
		{ "p256.pem", "p256-pbes1.key" },           /* PKCS#12's 3DES */
		{ "rsa2048.pem", "rsa2048-encrypted.key" }, /* RFC 1421 headers */
		{ "rsa2048.pem", "rsa2048-des3.key" }, { "p384.pem", "p384-aes256.key" },
		{ "p256.pem", "p256.key" }, /* not encrypted: no harm */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cert *c = with_passphrase(cases[i][0], cases[i][1], "x");

		if (!c)
			fail_msg("%s: %s", cases[i][1], e.text);
		if (i < 7) /* the last one has none */
			assert_null(with_passphrase(cases[i][0], cases[i][1], "y"));
		cert_put(c);
	}
	bad("p256.pem", "p256-encrypted.key", "is encrypted; name the file with its passphrase");
}

static void test_wrong_passphrase(void **state)
{
	char passphrase[16];

	(void)state;
	/* Padding looks right once in 256 times; the key then does not. */
	for (unsigned i = 0; i < 600; i++) {
		snprintf(passphrase, sizeof(passphrase), "wrong%u", i);
		assert_null(with_passphrase("rsa2048.pem", "rsa2048-des3.key", passphrase));
		assert_non_null(strstr(e.text, "key rsa2048-des3.key"));
		assert_null(with_passphrase("p384.pem", "p384-aes256.key", passphrase));
	}
	assert_null(with_passphrase("p256.pem", "p256-encrypted.key", ""));
	assert_non_null(strstr(e.text, "the passphrase is wrong"));
	assert_null(with_passphrase("p256.pem", "p256-scrypt.key", "x"));
	assert_non_null(strstr(e.text, "its encryption is not one that is known here"));
}

/* A DEK-Info header in all the ways it can be wrong. */
static void test_damaged_headers(void **state)
{
	static const char *const heads[] = { "", "Proc-Type: 4,ENCRYPTED\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: \n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: ,00\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,2B95B427A7F245B\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,2B95B427A7F245B62B\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,2B95B427A7F245B6\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CTR,"
		"2B95B427A7F245B62B95B427A7F245B6\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
		"2B95B427A7F245B62B95B427A7F245B62B95B427A7F245B62B95B427A7F245B6\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: CAMELLIA-128-CBC,2B95B427A7F245B6\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,2B95B427A7F245B6\n" };
	size_t chain_len, body_len;
	char *chain = kit_read("unit/pki/rsa2048.pem", &chain_len);
	char *text = kit_read("unit/pki/rsa2048-des3.key", &body_len), *body;
	struct cert_source source = { .name = "www",
		.chain_path = "chain",
		.key_path = "key",
		.file = "test.cfg",
		.line = 7,
		.passphrase = "x",
		.passphrase_len = 1 };

	(void)state;
	body = strstr(text, "\n\n") + 2;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		char key[4096];
		int len = snprintf(
		    key, sizeof(key), "-----BEGIN RSA PRIVATE KEY-----\n%s%s", heads[i], body);

		err_init(&e);
		if (cert_parse(&source, chain, chain_len, key, (size_t)len, KIT_NOW, &e))
			fail_msg("header %zu was accepted", i);
		assert_int_equal(e.n, 1);
	}
	free(chain);
	free(text);
}

/* --- dates and warnings --- */

static void test_forced(void **state)
{
	const struct cert_source force = { .force = true };
	struct cert *c = kit_cert_with(force, "expired.pem inter.pem", "p256.key", &e);
	char text[200], small[8];

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->warnings, CERT_EXPIRED);
	assert_string_equal(
	    cert_warning_text(c, text, sizeof(text)), "it has expired and is served by force");
	assert_string_equal(cert_warning_text(c, small, sizeof(small)), "it has ");
	cert_put(c);
	c = kit_cert_with(force, "future.pem inter.pem", "p256.key", &e);
	assert_int_equal(c->warnings, CERT_NOT_YET_VALID);
	cert_put(c);
	/* By force, but not against all sense. */
	assert_null(kit_cert_with(force, "expired.pem", "rsa2048.key", &e));
	c = kit_cert_with(force, "p256.pem inter.pem", "p256.key", &e);
	assert_int_equal(c->warnings, 0);
	assert_string_equal(cert_warning_text(c, text, sizeof(text)), "");
	cert_put(c);
}

static void test_warnings(void **state)
{
	struct cert *c = good("p256.pem inter-expired.pem", "p256.key");
	char text[200];

	(void)state;
	assert_int_equal(c->n_chain, 2);
	assert_int_equal(c->warnings, CERT_ISSUER_EXPIRED);
	cert_put(c);
	/* Who issued it may be a root: nothing says that there is one to be fetched. */
	c = good("p256.pem", "p256.key");
	assert_int_equal(c->warnings, 0);
	cert_put(c);
	c = good("access.pem inter.pem", "p256.key");
	assert_int_equal(c->warnings, 0);
	cert_put(c);
	c = good("access.pem", "p256.key");
	assert_int_equal(c->warnings, CERT_CHAIN_INCOMPLETE);
	assert_string_equal(cert_warning_text(c, text, sizeof(text)),
	    "its chain lacks the certificate of its issuer: /CN=Test-Intermediate");
	cert_put(c);
	c = good("sha1.pem inter.pem", "rsa2048.key");
	assert_int_equal(c->warnings, CERT_WEAK_SIGNATURE);
	cert_put(c);
	c = good("self.pem", "p256.key");
	assert_int_equal(c->warnings, 0);
	cert_put(c);
	/* Who is missing is named. */
	bad("p256.pem root.pem", "p256.key", "certificate of /CN=Test-Intermediate, which issued");
}

/* --- names that exclude --- */

static void test_excluding_names(void **state)
{
	static const char *const fine[] = { "!OLD.Example.com", "*.example.com", "!a.example.com" };
	static const char *const wrong[][2] = {
		{ "!a.example.com", "*.example.org" },
		{ "!a.b.example.com", "*.example.com" },
		{ "!example.com", "*.example.com" },
		{ "!localhost", "*.example.com" },
		{ "!*.example.com", "*.example.com" },
		{ "!", "*.example.com" },
		{ "!!a.example.com", "*.example.com" },
		{ "!192.0.2.1", "*.0.2.1" },
		{ "a.x", "A.x." },
		{ "!a.x", "!a.x" },
	};
	static const char *const both[] = { "*.x", "a.x", "!a.x" };
	struct cert *c = with_names(fine, 3);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->names[0], "!old.example.com");
	cert_put(c);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (with_names(wrong[i], 2))
			fail_msg("'%s' was accepted", wrong[i][0]);
	assert_null(with_names(both, 3));
	assert_non_null(strstr(e.text, "names has both 'a.x' and '!a.x'"));
}

/* --- what certificates share --- */

static void test_issuers_are_shared(void **state)
{
	struct cert *a = good("p256.pem inter.pem", "p256.key");
	struct cert *b = good("rsa2048.pem inter.pem root.pem", "rsa2048.key"), *c;

	(void)state;
	assert_ptr_equal(a->chain[1].at, b->chain[1].at);
	assert_ptr_not_equal(a->chain[0].at, b->chain[0].at);
	assert_int_equal(blob_n(), 2);
	cert_put(a);
	c = good("p384.pem inter.pem", "p384.key");
	assert_ptr_equal(c->chain[1].at, b->chain[1].at);
	cert_put(b);
	assert_int_equal(blob_n(), 1);
	cert_put(c);
	assert_int_equal(blob_n(), 0);
}

static void test_many_blobs(void **state)
{
	struct cert_blob blobs[1000], again;
	uint8_t bytes[2] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		memcpy(bytes, &(uint16_t){ (uint16_t)i }, 2);
		blob_share(&blobs[i], bytes, 2);
	}
	assert_int_equal(blob_n(), 1000);
	for (unsigned i = 0; i < 1000; i++) {
		memcpy(bytes, &(uint16_t){ (uint16_t)i }, 2);
		blob_share(&again, bytes, 2);
		assert_ptr_equal(again.at, blobs[i].at);
		assert_memory_equal(again.at, bytes, 2);
		blob_put(again.at);
	}
	for (unsigned i = 0; i < 1000; i++)
		blob_put(blobs[(i * 7) % 1000].at);
	assert_int_equal(blob_n(), 0);
	blob_put(NULL);
}

/* --- damaged text --- */

/* Parses chain and key texts of these lengths. */
static struct cert *parse(const char *chain, size_t len, const char *key, size_t key_len)
{
	const struct cert_source source = { .name = "www",
		.chain_path = "chain",
		.key_path = "key",
		.file = "test.cfg",
		.line = 7 };
	char *exact = malloc(len + !len), *exact_key = malloc(key_len + !key_len);
	struct cert *c;

	memcpy(exact, chain, len);
	memcpy(exact_key, key, key_len);
	err_init(&e);
	c = cert_parse(&source, exact, len, exact_key, key_len, KIT_NOW, &e);
	free(exact);
	free(exact_key);
	return c;
}

static void test_truncated(void **state)
{
	size_t len, key_len;
	char *pem = kit_read("unit/pki/p256.pem", &len),
	     *key = kit_read("unit/pki/p256.key", &key_len);

	(void)state;
	for (size_t n = 0; n < len - 1; n++) { /* the last newline is not needed */
		assert_null(parse(pem, n, key, key_len));
		assert_true(e.n > 0);
	}
	for (size_t n = 0; n < key_len - 1; n++) {
		assert_null(parse(pem, len, key, n));
		assert_true(e.n > 0);
	}
	free(pem);
	free(key);
}

/*
 * Each base64 digit changed: a key that is another key now must never be taken for this
 * one. Of the certificate only the part that is not looked at may change (its signature).
 */
static void test_damaged_key(void **state)
{
	static const char *const names[] = { "p256", "rsa2048", "ed25519", "p521" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		size_t len, key_len, n_accepted = 0, n = 0;
		char *pem, *key, *body;

		snprintf(path, sizeof(path), "unit/pki/%s.pem", names[i]);
		pem = kit_read(path, &len);
		snprintf(path, sizeof(path), "unit/pki/%s.key", names[i]);
		key = kit_read(path, &key_len);
		body = strchr(key, '\n') + 1;
		for (char *at = body; *at != '-'; at += names[i][0] == 'r' ? 7 : 1) {
			char was = *at;
			struct cert *c;

			if (was == '\n' || was == '=')
				continue;
			*at = was == 'A' ? 'B' : 'A';
			c = parse(pem, len, key, key_len);
			n++;
			n_accepted += c != NULL;
			cert_put(c);
			*at = was;
		}
		/* Left are version numbers and a curve's identifier that stands there twice. */
		if (n_accepted > n / 8)
			fail_msg("%s: %zu of %zu damaged keys accepted", names[i], n_accepted, n);
		free(pem);
		free(key);
	}
}

static void test_not_pem(void **state)
{
	static const struct {
		const char *chain, *says;
	} cases[] = {
		{ "", "has no certificate" },
		{ "hello", "has no certificate" },
		{ "-----BEGIN CERTIFICATE-----\n", "BEGIN line without its END line" },
		{ "-----BEGIN ", "BEGIN line without its END line" },
		{ "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nAA=A\n-----END CERTIFICATE-----\n",
		    "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nA===\n-----END CERTIFICATE-----\n",
		    "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nAA*A\n-----END CERTIFICATE-----\n",
		    "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		    "cannot be read" },
		{ "-----BEGIN CERTIFICATE-----\nMIAA\n-----END CERTIFICATE-----\n",
		    "cannot be read" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----\n", "without its END" },
		{ "-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n"
		  "-----END CERTIFICATE-----\n",
		    "without its END" },
		{ "x -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		    "has no certificate" },
	};
	size_t key_len;
	char *key = kit_read("unit/pki/p256.key", &key_len);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(parse(cases[i].chain, strlen(cases[i].chain), key, key_len));
		if (!strstr(e.text, cases[i].says))
			fail_msg("%s: %s", cases[i].chain, e.text);
	}
	free(key);
}

/* Comments, CRLF and blanks are fine; a byte behind the DER is not. */
static void test_text_around(void **state)
{
	size_t len, key_len, n = 0;
	char *pem = kit_read("unit/pki/p256.pem", &len),
	     *key = kit_read("unit/pki/p256.key", &key_len);
	char *crlf = malloc(2 * len + 100);
	struct cert *c;

	(void)state;
	n = (size_t)sprintf(crlf, "subject: somebody\r\n# -----\r\n");
	for (size_t i = 0; i < len; i++) {
		if (pem[i] == '\n')
			crlf[n++] = '\r';
		crlf[n++] = pem[i];
	}
	c = parse(crlf, n, key, key_len);
	assert_non_null(c);
	cert_put(c);
	free(crlf);
	free(pem);
	free(key);
}

/* --- files --- */

static char folder[] = "/tmp/tls_cert_test.XXXXXX";

static const char *copy_file(const char *from, const char *to, mode_t mode)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4], name[256];
	size_t len;
	char *all;
	FILE *f;

	snprintf(name, sizeof(name), "unit/pki/%s", from);
	all = kit_read(name, &len);
	snprintf(path, 256, "%s/%s", folder, to);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(all, 1, len, f), len);
	fclose(f);
	free(all);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static struct cert *load(const char *chain, const char *key)
{
	const struct cert_source source = {
		.name = "www", .chain_path = chain, .key_path = key, .file = "test.cfg", .line = 7
	};

	err_init(&e);
	return cert_load(&source, KIT_NOW, &e);
}

static char *write_file(const char *name, const char *text, size_t len)
{
	static char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

/* Loads with a passphrase file of that content. */
static struct cert *load_encrypted(const char *chain, const char *key, const char *text, size_t len)
{
	const struct cert_source source = { .name = "www",
		.chain_path = chain,
		.key_path = key,
		.passphrase_path = write_file("passphrase", text, len),
		.file = "test.cfg",
		.line = 7 };

	err_init(&e);
	return cert_load(&source, KIT_NOW, &e);
}

static void test_passphrase_file(void **state)
{
	static const char *const fine[] = { "x", "x\n", "x\r\n", "x\nthe second line\n" };
	static const char *const empty[] = { "\n", "\r\n", "\nx\n" };
	char long_one[1100], path[4096];
	const char *chain, *key;
	struct cert *c;

	(void)state;
	memset(long_one, 'x', sizeof(long_one));
	assert_non_null(mkdtemp(folder));
	chain = copy_file("rsa2048.pem", "chain.pem", 0644);
	key = copy_file("rsa2048-encrypted.key", "key.pem", 0600);
	for (size_t i = 0; i < 4; i++) {
		c = load_encrypted(chain, key, fine[i], strlen(fine[i]));
		assert_non_null(c);
		cert_put(c);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_null(load_encrypted(chain, key, empty[i], strlen(empty[i])));
		assert_non_null(strstr(e.text, "a passphrase has 1 to 1023"));
	}
	assert_null(load_encrypted(chain, key, "", 0));
	assert_non_null(strstr(e.text, "has 0 bytes"));
	assert_null(load_encrypted(chain, key, long_one, sizeof(long_one)));
	assert_non_null(strstr(e.text, "a passphrase has 1 to 1023"));
	assert_null(load_encrypted(chain, key, long_one, 1023));
	assert_non_null(strstr(e.text, "the passphrase is wrong"));
	assert_null(load_encrypted(chain, key, " x", 2));
	/* Like a key, it is not for everybody. */
	snprintf(path, sizeof(path), "%s", write_file("passphrase", "x", 1));
	chmod(path, 0604);
	c = cert_load(
	    &(struct cert_source){
		.name = "www", .chain_path = chain, .key_path = key, .passphrase_path = path },
	    KIT_NOW, &e);
	assert_null(c);
	assert_non_null(strstr(e.text, "passphrase"));
	assert_non_null(strstr(e.text, "can be read by every user"));
	unlink(path);
	unlink(chain);
	unlink(key);
	rmdir(folder);
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
}

static void test_files(void **state)
{
	const char *chain, *key;
	struct cert *c;

	(void)state;
	assert_non_null(mkdtemp(folder));
	chain = copy_file("p256.pem", "chain.pem", 0644);
	key = copy_file("p256.key", "key.pem", 0600);
	c = load(chain, key);
	assert_non_null(c);
	assert_int_equal(c->n_chain, 1);
	assert_int_equal(c->warnings, 0);
	cert_put(c);

	chmod(key, 0640);
	c = load(chain, key);
	assert_non_null(c);
	assert_int_equal(c->warnings, CERT_WEAK_KEY_FILE);
	cert_put(c);
	chmod(key, 0604);
	assert_null(load(chain, key));
	assert_non_null(strstr(e.text, "can be read by every user"));
	assert_non_null(strstr(e.text, "chmod 600"));

	/* Both are missing: both are named. */
	assert_null(load("/nonexistent/a", "/nonexistent/b"));
	assert_int_equal(e.n, 2);
	assert_non_null(strstr(e.text, "cannot read /nonexistent/a: No such file"));
	assert_null(load(chain, folder));
	assert_non_null(strstr(e.text, "no ordinary file"));
	assert_int_equal(truncate(chain, 0), 0);
	chmod(key, 0600);
	assert_null(load(chain, key));
	assert_non_null(strstr(e.text, "has 0 bytes"));
	unlink(chain);
	unlink(key);
	rmdir(folder);
}

/* --- memory --- */

static void test_references(void **state)
{
	struct cert *c = good("p256.pem", "p256.key");

	(void)state;
	assert_ptr_equal(cert_get(c), c);
	assert_int_equal(c->references, 2);
	cert_put(c);
	assert_int_equal(c->references, 1);
	assert_int_equal(c->n_names, 2);
	cert_put(c);
	cert_put(NULL);
}

static void test_secret_is_wiped(void **state)
{
	/* Two, so that the page of the first stays when it is given back. */
	uint8_t *a = secret_alloc(200), *b = secret_alloc(200);

	(void)state;
	memset(a, 0x5a, 200);
	memset(b, 0x5a, 200);
	secret_free(a, 200);
	for (unsigned i = sizeof(void *); i < 200; i++) /* a link lies at the start */
		assert_int_equal(a[i], 0);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(b[i], 0x5a);
	assert_ptr_equal(secret_alloc(200), a);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(a[i], 0);
	secret_free(a, 200);
	secret_free(b, 200);
	secret_free(NULL, 5);
}

static void test_secret_sizes(void **state)
{
	static uint8_t *at[3000];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < 3000; i++) {
			size_t len = i * 37 % 20000;

			at[i] = secret_alloc(len);
			assert_non_null(at[i]);
			for (size_t k = 0; k < len; k += 61)
				assert_int_equal(at[i][k], 0);
			memset(at[i], (int)i | 1, len);
		}
		for (size_t i = 0; i < 3000; i++) {
			size_t k = (i * 7 + round) % 3000, len = k * 37 % 20000;

			for (size_t n = 0; n < len; n += 61)
				assert_int_equal(at[k][n], (uint8_t)(k | 1));
			secret_free(at[k], len);
		}
	}
	assert_null(secret_alloc(SIZE_MAX));
	/* Whether pages could be locked depends on the machine; the answer must be had. */
	(void)secret_is_locked();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_types),
		cmocka_unit_test(test_key_forms),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_configured_names),
		cmocka_unit_test(test_wrong_order_is_sorted),
		cmocka_unit_test(test_strangers_in_the_chain),
		cmocka_unit_test(test_key_rollover),
		cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_key_does_not_match),
		cmocka_unit_test(test_unfit_keys),
		cmocka_unit_test(test_purposes),
		cmocka_unit_test(test_unfit_certificates),
		cmocka_unit_test(test_encrypted_keys),
		cmocka_unit_test(test_wrong_passphrase),
		cmocka_unit_test(test_damaged_headers),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_excluding_names),
		cmocka_unit_test(test_issuers_are_shared),
		cmocka_unit_test(test_many_blobs),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged_key),
		cmocka_unit_test(test_not_pem),
		cmocka_unit_test(test_text_around),
		cmocka_unit_test(test_passphrase_file),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_secret_is_wiped),
		cmocka_unit_test(test_secret_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
