/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/sni.h"

#include <cmocka.h>

static struct err e;

static struct sni_match look(const struct sni_table *t, const char *name)
{
	/* Exactly that many bytes, so that ASan sees a read past them. */
	size_t len = strlen(name);
	char *exact = malloc(len + !len);
	struct sni_match match;

	memcpy(exact, name, len);
	sni_find(t, exact, len, &match);
	free(exact);
	return match;
}

static void assert_finds(const struct sni_table *t, const char *name, int how, const struct cert *c)
{
	struct sni_match match = look(t, name);

	if ((int)match.how != how || match.certs[0] != c)
		fail_msg("%s: how %d, certificate %s", name, match.how, match.certs[0]->name);
}

static void test_exact_wildcard_default(void **state)
{
	struct cert *fallback = kit_named_cert("", CERT_P256, 256);
	struct cert *www = kit_named_cert("www.example.com", CERT_P256, 256);
	struct cert *star = kit_named_cert("*.example.com example.com", CERT_P256, 256);
	struct cert *deep = kit_named_cert("*.a.example.com", CERT_P256, 256);
	struct cert *certs[] = { www, star, deep };
	struct sni_table *t = sni_new(certs, 3, &fallback, 1, &e);

	(void)state;
	assert_non_null(t);
	assert_finds(t, "www.example.com", SNI_EXACT, www);
	assert_finds(t, "example.com", SNI_EXACT, star);
	assert_finds(t, "other.example.com", SNI_WILDCARD, star);
	assert_finds(t, "a.example.com", SNI_WILDCARD, star);
	assert_finds(t, "x.a.example.com", SNI_WILDCARD, deep);
	/* RFC 6125 6.4.3: one label, not two, not none, and nothing like it. */
	assert_finds(t, "x.y.example.com", SNI_DEFAULT, fallback);
	assert_finds(t, "x.www.example.com", SNI_DEFAULT, fallback);
	assert_finds(t, ".example.com", SNI_DEFAULT, fallback);
	assert_finds(t, "..example.com", SNI_DEFAULT, fallback);
	assert_finds(t, "wwwexample.com", SNI_DEFAULT, fallback);
	assert_finds(t, "example.co", SNI_DEFAULT, fallback);
	assert_finds(t, "xexample.com", SNI_DEFAULT, fallback);
	assert_finds(t, "com", SNI_DEFAULT, fallback);
	assert_finds(t, "x.", SNI_DEFAULT, fallback);
	assert_finds(t, ".", SNI_DEFAULT, fallback);
	assert_finds(t, "", SNI_DEFAULT, fallback);
	sni_free(t);
	cert_put(fallback);
	cert_put(www);
	cert_put(star);
	cert_put(deep);
}

/* Name lengths around the hash's words, and names that only differ in one byte. */
static void test_every_length(void **state)
{
	struct cert *fallback = kit_named_cert("", CERT_P256, 256), *certs[255];
	struct sni_table *t;

	(void)state;
	for (unsigned len = 1; len <= 255; len++) {
		char name[256];

		memset(name, 'x', len);
		name[len] = '\0';
		certs[len - 1] = kit_named_cert(name, CERT_P256, 256);
	}
	t = sni_new(certs, 255, &fallback, 1, &e);
	assert_non_null(t);
	for (unsigned len = 1; len <= 255; len++) {
		char name[257];

		memset(name, 'x', len);
		name[len] = '\0';
		assert_finds(t, name, SNI_EXACT, certs[len - 1]);
		for (unsigned i = 0; i < len; i++) {
			name[i] = 'y';
			assert_finds(t, name, SNI_DEFAULT, fallback);
			name[i] = 'x';
		}
	}
	sni_free(t);
	for (unsigned i = 0; i < 255; i++)
		cert_put(certs[i]);
	cert_put(fallback);
}

static void test_too_long(void **state)
{
	struct cert *fallback = kit_named_cert("*.example", CERT_P256, 256);
	struct sni_table *t = sni_new(NULL, 0, &fallback, 1, &e);
	char name[300];

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + 290, ".example", 9);
	assert_finds(t, name, SNI_DEFAULT, fallback);
	assert_finds(t, name + 50, SNI_WILDCARD, fallback);
	sni_free(t);
	cert_put(fallback);
}

static void test_best_first(void **state)
{
	struct cert *rsa2 = kit_named_cert("a.x", CERT_RSA, 2048);
	struct cert *rsa4 = kit_named_cert("a.x", CERT_RSA, 4096);
	struct cert *p256 = kit_named_cert("a.x", CERT_P256, 256);
	struct cert *p256_later = kit_named_cert("a.x", CERT_P256, 256);
	struct cert *p256_sha384 = kit_named_cert("a.x", CERT_P256, 256);
	struct cert *p384 = kit_named_cert("a.x", CERT_P384, 384);
	struct cert *ed = kit_named_cert("a.x", CERT_ED25519, 256);
	struct cert *certs[] = { rsa2, ed, p256, rsa4, p384, p256_later, p256_sha384 };
	struct cert *order[] = { p256_sha384, p384, p256_later, p256, ed, rsa4, rsa2 };
	struct sni_match match;
	struct sni_table *t;

	(void)state;
	p256_later->not_after++;
	p256_sha384->signature_hash_bits = 384;
	/* As defaults and by name, in any order they were given. */
	for (unsigned turn = 0; turn < 7; turn++) {
		struct cert *first = certs[0];

		t = sni_new(certs, 7, certs, 7, &e);
		assert_non_null(t);
		for (int by_name = 0; by_name <= 1; by_name++) {
			match = look(t, by_name ? "a.x" : "");
			assert_int_equal(match.how, by_name ? SNI_EXACT : SNI_DEFAULT);
			assert_int_equal(match.n_certs, 7);
			for (unsigned i = 0; i < 7; i++)
				assert_ptr_equal(match.certs[i], order[i]);
		}
		sni_free(t);
		memmove(certs, certs + 1, 6 * sizeof(certs[0]));
		certs[6] = first;
	}
	for (unsigned i = 0; i < 7; i++)
		cert_put(certs[i]);
}

static void test_names_of_defaults_are_served(void **state)
{
	struct cert *fallback = kit_named_cert("default.example", CERT_RSA, 2048);
	struct cert *other = kit_named_cert("other.example default.example", CERT_P256, 256);
	struct sni_table *t = sni_new(&other, 1, &fallback, 1, &e);
	struct sni_match match = look(t, "default.example");

	(void)state;
	assert_int_equal(match.how, SNI_EXACT);
	assert_int_equal(match.n_certs, 2);
	assert_ptr_equal(match.certs[0], other);
	assert_ptr_equal(match.certs[1], fallback);
	sni_free(t);
	cert_put(fallback);
	cert_put(other);
}

/* A name twice in one certificate, a certificate twice in a list: once in the answer. */
static void test_repetition(void **state)
{
	struct cert *c = kit_named_cert("a.x a.x *.x *.x", CERT_P256, 256);
	struct cert *certs[] = { c, c };
	struct sni_table *t = sni_new(certs, 2, certs, 1, &e);

	(void)state;
	assert_int_equal(look(t, "a.x").n_certs, 1);
	assert_int_equal(look(t, "b.x").n_certs, 1);
	sni_free(t);
	assert_int_equal(c->references, 1);
	cert_put(c);
}

static void test_references(void **state)
{
	struct cert *c = kit_named_cert("a.x *.x", CERT_P256, 256);
	struct sni_table *t = sni_new(&c, 1, &c, 1, &e);

	(void)state;
	assert_true(c->references > 1);
	cert_put(c); /* the table keeps it */
	assert_finds(t, "a.x", SNI_EXACT, c);
	cert_get(c);
	sni_free(t);
	assert_int_equal(c->references, 1);
	cert_put(c);
	sni_free(NULL);
}

static void test_empty(void **state)
{
	struct sni_table *t = sni_new(NULL, 0, NULL, 0, &e);
	struct sni_match match = look(t, "a.x");

	(void)state;
	assert_int_equal(match.how, SNI_DEFAULT);
	assert_int_equal(match.n_certs, 0);
	sni_free(t);
}

/* All shards, many names each; names that are not there do not appear by accident. */
static void test_many(void **state)
{
	enum {
		N = 20000
	};
	static struct cert *certs[N];
	struct cert *fallback = kit_named_cert("", CERT_P256, 256);
	struct sni_table *t;
	char name[64];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "host%u.example.com *.zone%u.example.net", i, i);
		certs[i] = kit_named_cert(name, CERT_P256, 256);
	}
	t = sni_new(certs, N, &fallback, 1, &e);
	assert_non_null(t);
	for (unsigned i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "host%u.example.com", i);
		assert_finds(t, name, SNI_EXACT, certs[i]);
		snprintf(name, sizeof(name), "x.zone%u.example.net", i);
		assert_finds(t, name, SNI_WILDCARD, certs[i]);
		snprintf(name, sizeof(name), "zone%u.example.net", i);
		assert_finds(t, name, SNI_DEFAULT, fallback);
		snprintf(name, sizeof(name), "host%u.example.net", i);
		assert_finds(t, name, SNI_DEFAULT, fallback);
	}
	sni_free(t);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(certs[i]->references, 1);
		cert_put(certs[i]);
	}
	cert_put(fallback);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_wildcard_default),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_best_first),
		cmocka_unit_test(test_names_of_defaults_are_served),
		cmocka_unit_test(test_repetition),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
