/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_cert_kit.h"
#include "tls/cert.h"
#include "tls/cert_blob.h"

#include <cmocka.h>

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
		c = cert_good(chain, key);
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
	cert_put(cert_good("p256.pem", "p256-traditional.key"));
	cert_put(cert_good("p256.pem", "p256-params.key"));
	cert_put(cert_good("rsa2048.pem", "rsa2048-traditional.key"));
	/* Chain and key in one file, whatever comes first. */
	cert_put(cert_good("p256.key p256.pem inter.pem", "p256.key p256.pem inter.pem"));
	cert_put(cert_good("p256.pem p256.key", "p256.pem p256.key"));
}

static void test_facts(void **state)
{
	struct cert *c = cert_good("p256.pem inter.pem", "p256.key");
	struct cert *d = cert_good("sha512.pem", "p256.key");

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
	struct cert *c = cert_good("self.pem", "p256.key");
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
	assert_names(cert_good("p256.pem", "p256.key"), 2, "www.example.com", "*.example.com");
	assert_names(cert_good("cn-only.pem", "p256.key"), 1, "cn.example.com", NULL);
	assert_names(cert_good("cn-person.pem", "p256.key"), 0, NULL, NULL);
	/* A SAN without DNS names: the CN does not count (RFC 6125 6.4.4). */
	assert_names(cert_good("ip-only.pem", "p256.key"), 0, NULL, NULL);
	cert_bad("star.pem", "p256.key", "'w*.example.com' in star.pem cannot be served");
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

	err_init(&cert_err);
	c = cert_parse(&source, pem, len, key, key_len, KIT_NOW, &cert_err);
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
		assert_non_null(strstr(cert_err.text, "in names is no host name"));
		assert_int_equal(cert_err.n, 1);
	}
	/* Every wrong one is named. */
	assert_null(with_names(wrong, 4));
	assert_int_equal(cert_err.n, 4);
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
		assert_same_chain(cert_good(orders[i], "p256.key"),
		    cert_good("p256.pem inter.pem root.pem", "p256.key"));
}

static void test_strangers_in_the_chain(void **state)
{
	(void)state;
	cert_bad("p256.pem root.pem", "p256.key", "CN=Test-Root is no part of the chain");
	cert_bad("p256.pem inter.pem rsa2048.pem", "p256.key", "is no part of the chain");
	/* An issuer of the right name that has another key. */
	cert_bad("p256.pem twin.pem", "p256.key", "CN=Test-Intermediate is no part of the chain");
	cert_bad("self.pem inter.pem", "p256.key", "is no part of the chain");
	/* The right one is found beside it, but the other is still wrong. */
	cert_bad("p256.pem twin.pem inter.pem", "p256.key", "is no part of the chain");
}

static void test_key_rollover(void **state)
{
	struct cert *c = cert_good("rolled.pem root.pem inter.pem rollover.pem", "p256.key");

	(void)state;
	assert_int_equal(c->n_chain, 4);
	cert_put(c);
}

static void test_long_chain(void **state)
{
	(void)state;
	/* Eleven different ones; the limit is told before anything about their order. */
	cert_bad(
	    "p256.pem p384.pem p521.pem ed25519.pem rsa2048.pem rsa4096.pem cn-only.pem star.pem "
	    "client.pem ip-only.pem inter.pem",
	    "ed25519.key", "more than 10 certificates");
}

/* --- what does not fit --- */

static void test_key_does_not_match(void **state)
{
	(void)state;
	cert_bad("p256.pem inter.pem", "other.key",
	    "key other.key does not match chain p256.pem inter.pem");
	cert_bad("p256.pem", "rsa2048.key", "does not match");
	cert_bad("rsa2048.pem", "rsa4096.key", "does not match");
	cert_bad("rsa2048.pem", "p256.key", "does not match");
	cert_bad("ed25519.pem", "p256.key", "does not match");
}

static void test_unfit_keys(void **state)
{
	(void)state;
	cert_bad("rsa1024.pem", "rsa1024.key", "RSA keys must have 2048 to 4096 bits");
	cert_bad("k1.pem", "k1.key", "none of P-256, P-384 and P-521");
	cert_bad("pss.pem", "pss.key", "cannot be served: its public key is none of RSA,");
	cert_bad("ed448.pem", "ed448.key", "key ed448.key cannot be used: it is no RSA,");
	/* What is wrong with the certificate is said before that the key is another. */
	cert_bad("rsa1024.pem", "rsa2048.key", "cannot be served: RSA keys must have 2048");
	cert_bad("ed448.pem", "p256.key", "certificate 1 in ed448.pem cannot be read");
	cert_bad("p256.pem", "p256-encrypted.key", "is encrypted");
	cert_bad("rsa2048.pem", "rsa2048-encrypted.key", "is encrypted");
	cert_bad("p256.pem", "p256.pem", "has no private key");
	cert_bad("p256.pem", "p256.key rsa2048.key", "has 2 private keys");
	/* The certificates are judged as well when the key is unfit. */
	cert_bad("expired.pem", "p256-encrypted.key", "is encrypted");
}

/* Neither is an error as such: a listener wants the one, a backend the other (tls_sni_test, tls_origin_test). */
static void test_purposes(void **state)
{
	struct cert *server = cert_good("p256.pem inter.pem", "p256.key");
	struct cert *client = cert_good("client.pem", "p256.key");

	(void)state;
	assert_false(server->not_for_servers);
	assert_true(client->not_for_servers && !client->not_for_clients);
	cert_put(server);
	cert_put(client);
}

static void test_unfit_certificates(void **state)
{
	(void)state;
	cert_bad("expired.pem", "p256.key", "expired on 2021-01-01 00:00:00 UTC");
	cert_bad("future.pem", "p256.key", "is not valid before 2034-01-01 00:00:00 UTC");
	cert_bad("p256.key", "p256.key", "has no certificate");
	cert_put(cert_good("sha1.pem", "rsa2048.key"));
	cert_put(cert_good("self.pem", "p256.key"));
}

/* --- dates and warnings --- */

static void test_forced(void **state)
{
	const struct cert_source force = { .force = true };
	struct cert *c = kit_cert_with(force, "expired.pem inter.pem", "p256.key", &cert_err);
	char text[200], small[8];

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->warnings, CERT_EXPIRED);
	assert_string_equal(
	    cert_warning_text(c, text, sizeof(text)), "it has expired and is served by force");
	assert_string_equal(cert_warning_text(c, small, sizeof(small)), "it has ");
	cert_put(c);
	c = kit_cert_with(force, "future.pem inter.pem", "p256.key", &cert_err);
	assert_int_equal(c->warnings, CERT_NOT_YET_VALID);
	cert_put(c);
	/* By force, but not against all sense. */
	assert_null(kit_cert_with(force, "expired.pem", "rsa2048.key", &cert_err));
	c = kit_cert_with(force, "p256.pem inter.pem", "p256.key", &cert_err);
	assert_int_equal(c->warnings, 0);
	assert_string_equal(cert_warning_text(c, text, sizeof(text)), "");
	cert_put(c);
}

static void test_warnings(void **state)
{
	struct cert *c = cert_good("p256.pem inter-expired.pem", "p256.key");
	char text[200];

	(void)state;
	assert_int_equal(c->n_chain, 2);
	assert_int_equal(c->warnings, CERT_ISSUER_EXPIRED);
	cert_put(c);
	/* Who issued it may be a root: nothing says that there is one to be fetched. */
	c = cert_good("p256.pem", "p256.key");
	assert_int_equal(c->warnings, 0);
	cert_put(c);
	c = cert_good("access.pem inter.pem", "p256.key");
	assert_int_equal(c->warnings, 0);
	cert_put(c);
	c = cert_good("access.pem", "p256.key");
	assert_int_equal(c->warnings, CERT_CHAIN_INCOMPLETE);
	assert_string_equal(cert_warning_text(c, text, sizeof(text)),
	    "its chain lacks the certificate of its issuer: /CN=Test-Intermediate");
	cert_put(c);
	c = cert_good("sha1.pem inter.pem", "rsa2048.key");
	assert_int_equal(c->warnings, CERT_WEAK_SIGNATURE);
	cert_put(c);
	c = cert_good("self.pem", "p256.key");
	assert_int_equal(c->warnings, 0);
	cert_put(c);
	/* Who is missing is named. */
	cert_bad(
	    "p256.pem root.pem", "p256.key", "certificate of /CN=Test-Intermediate, which issued");
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
	assert_non_null(strstr(cert_err.text, "names has both 'a.x' and '!a.x'"));
}

/* --- what certificates share --- */

static void test_issuers_are_shared(void **state)
{
	struct cert *a = cert_good("p256.pem inter.pem", "p256.key");
	struct cert *b = cert_good("rsa2048.pem inter.pem root.pem", "rsa2048.key"), *c;

	(void)state;
	assert_ptr_equal(a->chain[1].at, b->chain[1].at);
	assert_ptr_not_equal(a->chain[0].at, b->chain[0].at);
	assert_int_equal(blob_n(), 2);
	cert_put(a);
	c = cert_good("p384.pem inter.pem", "p384.key");
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
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_excluding_names),
		cmocka_unit_test(test_issuers_are_shared),
		cmocka_unit_test(test_many_blobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
