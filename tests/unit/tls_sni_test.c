/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static void test_certificates_of_clients(void **state)
{
	struct cert *www = kit_named_cert("www.example.com", CERT_P256, 256);
	struct cert *client = kit_named_cert("client.example.com", CERT_P256, 256);
	struct sni_table *t = sni_new(NULL, 0, &www, 1, &e);
	const struct sni_change added = { .added = &client, .n_added = 1 };
	const struct sni_change fallback = { .defaults = &client, .n_defaults = 1 };

	(void)state;
	client->not_for_servers = true;
	assert_non_null(t);
	err_init(&e);
	assert_null(sni_new(&client, 1, &www, 1, &e));
	assert_null(sni_replace(t, &added, &e));
	assert_null(sni_replace(t, &fallback, &e));
	assert_int_equal(e.n, 3);
	assert_non_null(strstr(e.text, "is not meant for servers"));
	sni_free(t);
	cert_put(www);
	cert_put(client);
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

/* --- exclusions --- */

static void test_exclusion(void **state)
{
	struct cert *fallback = kit_named_cert("", CERT_P256, 256);
	struct cert *star =
	    kit_named_cert("*.example.com !old.example.com !dup.example.com", CERT_P256, 256);
	struct cert *rsa = kit_named_cert("*.example.com !dup.example.com", CERT_RSA, 2048);
	struct cert *own = kit_named_cert("own.example.com !old.example.com", CERT_P256, 256);
	struct cert *certs[] = { star, rsa, own };
	struct sni_table *t = sni_new(certs, 3, &fallback, 1, &e);
	struct sni_match match;

	(void)state;
	assert_finds(t, "new.example.com", SNI_WILDCARD, star);
	assert_int_equal(look(t, "new.example.com").n_excluded, 0);
	/* One of the two covers it still. */
	match = look(t, "old.example.com");
	assert_int_equal(match.how, SNI_WILDCARD);
	assert_int_equal(match.n_certs, 2);
	assert_int_equal(match.n_excluded, 2);
	assert_true(match.excluded[0] == star || match.excluded[1] == star);
	assert_true(match.excluded[0] == own || match.excluded[1] == own);
	/* None does. */
	assert_finds(t, "dup.example.com", SNI_DEFAULT, fallback);
	assert_finds(t, "!old.example.com", SNI_WILDCARD, star);
	assert_finds(t, "x.old.example.com", SNI_DEFAULT, fallback);
	sni_free(t);
	for (unsigned i = 0; i < 3; i++)
		cert_put(certs[i]);
	cert_put(fallback);
}

/* A certificate with the name itself is served, whatever others exclude. */
static void test_exclusion_of_a_served_name(void **state)
{
	struct cert *star = kit_named_cert("*.x !a.x", CERT_P256, 256);
	struct cert *a = kit_named_cert("a.x", CERT_RSA, 2048);
	struct cert *certs[] = { star, a };
	struct sni_table *t = sni_new(certs, 2, &star, 1, &e);

	(void)state;
	assert_finds(t, "a.x", SNI_EXACT, a);
	assert_int_equal(look(t, "a.x").n_certs, 1);
	assert_int_equal(look(t, "a.x").n_excluded, 0);
	assert_finds(t, "b.x", SNI_WILDCARD, star);
	sni_free(t);
	cert_put(star);
	cert_put(a);
}

/* --- changes --- */

static struct sni_table *
change(const struct sni_table *old, struct cert *removed, struct cert *added)
{
	const struct sni_change c = { .removed = &removed,
		.n_removed = removed != NULL,
		.added = &added,
		.n_added = added != NULL };

	return sni_replace(old, &c, &e);
}

static void test_change_replaces(void **state)
{
	struct cert *fallback = kit_named_cert("", CERT_P256, 256);
	struct cert *a = kit_named_cert("a.x b.x *.a.x", CERT_P256, 256);
	struct cert *b = kit_named_cert("a.x c.x *.c.x", CERT_RSA, 2048);
	struct cert *other = kit_named_cert("a.x", CERT_ED25519, 256);
	struct cert *certs[] = { a, other };
	struct sni_table *t = sni_new(certs, 2, &fallback, 1, &e), *next = change(t, a, b);

	(void)state;
	for (int turn = 0; turn < 2; turn++) { /* old is as it was */
		assert_finds(t, "a.x", SNI_EXACT, a);
		assert_finds(t, "b.x", SNI_EXACT, a);
		assert_finds(t, "c.x", SNI_DEFAULT, fallback);
		assert_finds(t, "1.a.x", SNI_WILDCARD, a);
		assert_finds(next, "a.x", SNI_EXACT, other);
		assert_ptr_equal(look(next, "a.x").certs[1], b);
		assert_int_equal(look(next, "a.x").n_certs, 2);
		assert_finds(next, "b.x", SNI_DEFAULT, fallback);
		assert_finds(next, "c.x", SNI_EXACT, b);
		assert_finds(next, "1.a.x", SNI_DEFAULT, fallback);
		assert_finds(next, "1.c.x", SNI_WILDCARD, b);
		assert_finds(next, "", SNI_DEFAULT, fallback);
	}
	assert_int_equal(sni_n_names(t), 3);
	assert_int_equal(sni_n_names(next), 3);
	sni_free(t);
	assert_int_equal(a->references, 1);
	assert_finds(next, "c.x", SNI_EXACT, b);
	sni_free(next);
	assert_int_equal(b->references, 1);
	assert_int_equal(fallback->references, 1);
	cert_put(fallback);
	cert_put(a);
	cert_put(b);
	cert_put(other);
}

/* What is not there is removed, what is there is added: nothing happens. */
static void test_change_of_nothing(void **state)
{
	struct cert *a = kit_named_cert("a.x !b.x *.x", CERT_P256, 256);
	struct cert *twin = kit_named_cert("a.x !b.x *.x", CERT_P256, 256);
	struct sni_table *t = sni_new(&a, 1, &a, 1, &e), *next = change(t, twin, a);

	(void)state;
	assert_finds(next, "a.x", SNI_EXACT, a);
	assert_int_equal(look(next, "a.x").n_certs, 1);
	assert_finds(next, "c.x", SNI_WILDCARD, a);
	assert_int_equal(sni_n_names(next), 3);
	sni_free(t);
	t = change(next, NULL, NULL);
	assert_finds(t, "a.x", SNI_EXACT, a);
	sni_free(next);
	/* The same one removed and added stays. */
	next = change(t, a, a);
	assert_finds(next, "a.x", SNI_EXACT, a);
	sni_free(t);
	sni_free(next);
	assert_int_equal(a->references, 1);
	assert_int_equal(twin->references, 1);
	cert_put(a);
	cert_put(twin);
}

static struct sni_table *set_default(const struct sni_table *old, struct cert *c)
{
	const struct sni_change to = { .defaults = &c, .n_defaults = 1 };

	return sni_replace(old, &to, &e);
}

/* A default's names are served, and those of a certificate that was both stay with what is left. */
static void test_change_of_defaults(void **state)
{
	struct cert *a = kit_named_cert("a.x", CERT_P256, 256),
		    *b = kit_named_cert("b.x", CERT_P256, 256);
	struct cert *both = kit_named_cert("both.x", CERT_RSA, 2048);
	struct sni_table *t = sni_new(&both, 1, &a, 1, &e), *next;

	(void)state;
	assert_finds(t, "a.x", SNI_EXACT, a);
	next = set_default(t, b);
	sni_free(t);
	assert_int_equal(a->references, 1);
	assert_finds(next, "a.x", SNI_DEFAULT, b);
	assert_finds(next, "b.x", SNI_EXACT, b);
	assert_finds(next, "both.x", SNI_EXACT, both);
	/* A served one becomes the default and ceases to be: it is served still. */
	t = set_default(next, both);
	sni_free(next);
	assert_finds(t, "b.x", SNI_DEFAULT, both);
	assert_finds(t, "both.x", SNI_EXACT, both);
	next = set_default(t, b);
	sni_free(t);
	assert_finds(next, "both.x", SNI_EXACT, both);
	/* Removed while it is the default: served until it is the default no longer. */
	t = set_default(next, both);
	sni_free(next);
	next = change(t, both, NULL);
	sni_free(t);
	assert_finds(next, "both.x", SNI_EXACT, both);
	t = set_default(next, b);
	sni_free(next);
	assert_finds(t, "both.x", SNI_DEFAULT, b);
	assert_int_equal(both->references, 1);
	/* Added while it is the default: served afterwards, too. */
	next = change(t, NULL, b);
	sni_free(t);
	t = set_default(next, a);
	sni_free(next);
	assert_finds(t, "b.x", SNI_EXACT, b);
	assert_finds(t, "", SNI_DEFAULT, a);
	sni_free(t);
	cert_put(a);
	cert_put(b);
	cert_put(both);
}

/* From nothing to many and back, the table growing on the way; each step against all of the names. */
static void test_change_grows(void **state)
{
	enum {
		N = 12000
	};
	static struct cert *certs[N];
	struct cert *fallback = kit_named_cert("", CERT_P256, 256);
	struct sni_table *t = sni_new(NULL, 0, &fallback, 1, &e), *next;
	char name[64];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "h%u.x *.z%u.x", i, i);
		certs[i] = kit_named_cert(name, CERT_P256, 256);
		next = change(t, i > 0 && i % 5 == 0 ? certs[i - 1] : NULL, certs[i]);
		assert_non_null(next);
		sni_free(t);
		t = next;
	}
	for (unsigned i = 0; i < N; i++) {
		bool is_there = i + 1 == N || (i + 1) % 5 != 0;

		snprintf(name, sizeof(name), "h%u.x", i);
		assert_finds(
		    t, name, is_there ? SNI_EXACT : SNI_DEFAULT, is_there ? certs[i] : fallback);
		snprintf(name, sizeof(name), "a.z%u.x", i);
		assert_finds(
		    t, name, is_there ? SNI_WILDCARD : SNI_DEFAULT, is_there ? certs[i] : fallback);
	}
	assert_int_equal(sni_n_names(t), 2 * (N - (N - 1) / 5));
	/* All at once. */
	next = sni_replace(t, &(struct sni_change){ .removed = certs, .n_removed = N }, &e);
	sni_free(t);
	assert_int_equal(sni_n_names(next), 0);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(certs[i]->references, 1);
		cert_put(certs[i]);
	}
	sni_free(next);
	cert_put(fallback);
}

/* Many random changes, several tables alive, each compared with one that is built anew. */
static void test_change_like_new(void **state)
{
	enum {
		N = 60,
		ALIVE = 4
	};
	static const char *const names[] = { "a.x", "b.x", "*.x", "!a.x", "!c.x", "*.y", "a.y",
		"!b.y" };
	struct cert *certs[N], *fallback = kit_named_cert("f.x", CERT_P256, 256), *now[N];
	struct sni_table *alive[ALIVE] = { NULL }, *fresh;
	bool is_in[N] = { false };
	unsigned random = 1;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		char text[64] = "";

		for (unsigned k = 0; k < 8; k++)
			if ((i * 2654435761u >> k & 9) == 9)
				strcat(strcat(text, text[0] ? " " : ""), names[k]);
		certs[i] = kit_named_cert(text, i % 2 ? CERT_P256 : CERT_RSA, 256);
	}
	alive[0] = sni_new(NULL, 0, &fallback, 1, &e);
	for (unsigned turn = 1; turn < 3000; turn++) {
		struct cert *removed[3], *added[3];
		struct sni_change c = { .removed = removed, .added = added };
		unsigned n_now = 0;

		for (unsigned k = 0; k < 6; k++) {
			unsigned i = (random = random * 1664525 + 1013904223) >> 8 & 63;

			if (i >= N)
				continue;
			if (k < 3)
				removed[c.n_removed++] = certs[i];
			else
				added[c.n_added++] = certs[i];
			is_in[i] = k >= 3;
		}
		sni_free(alive[turn % ALIVE]);
		alive[turn % ALIVE] = sni_replace(alive[(turn - 1) % ALIVE], &c, &e);
		assert_non_null(alive[turn % ALIVE]);
		for (unsigned i = 0; i < N; i++)
			if (is_in[i])
				now[n_now++] = certs[i];
		fresh = sni_new(now, n_now, &fallback, 1, &e);
		assert_int_equal(sni_n_names(fresh), sni_n_names(alive[turn % ALIVE]));
		for (unsigned k = 0; k < 8; k++) {
			struct sni_match x = look(fresh, names[k] + (names[k][0] == '!'));
			struct sni_match y =
			    look(alive[turn % ALIVE], names[k] + (names[k][0] == '!'));

			assert_int_equal(x.how, y.how);
			assert_int_equal(x.n_certs, y.n_certs);
			assert_memory_equal(x.certs, y.certs, x.n_certs * sizeof(*x.certs));
			assert_int_equal(x.n_excluded, y.n_excluded);
			if (x.n_excluded)
				assert_memory_equal(
				    x.excluded, y.excluded, x.n_excluded * sizeof(*x.certs));
		}
		sni_free(fresh);
	}
	for (unsigned i = 0; i < ALIVE; i++)
		sni_free(alive[i]);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(certs[i]->references, 1);
		cert_put(certs[i]);
	}
	cert_put(fallback);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Replacing one certificate must not depend on how many there are: far from the time of a new table. */
static void test_change_is_cheap(void **state)
{
	enum {
		N = 100000,
		CHANGES = 200
	};
	static struct cert *certs[N];
	struct cert *fallback = kit_named_cert("", CERT_P256, 256);
	struct sni_table *t, *next;
	double start, build, changes;
	char name[64];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "www%u.example.com *.www%u.example.com", i, i);
		certs[i] = kit_named_cert(name, CERT_P256, 256);
	}
	start = seconds();
	t = sni_new(certs, N, &fallback, 1, &e);
	build = seconds() - start;
	start = seconds();
	for (unsigned i = 0; i < CHANGES; i++) {
		unsigned which = i * 977 % (N - CHANGES);

		next = change(t, certs[which], certs[N - 1 - i]);
		sni_free(t);
		t = next;
	}
	changes = seconds() - start;
	printf("table of %u certificates: %.1f ms new, %.1f us for one replaced\n", N, build * 1e3,
	    changes / CHANGES * 1e6);
	/* 200 changes cost less than one new table: a change is 200 times as cheap, or more. */
	assert_true(changes < build);
	sni_free(t);
	for (unsigned i = 0; i < N; i++)
		cert_put(certs[i]);
	cert_put(fallback);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates_of_clients),
		cmocka_unit_test(test_exact_wildcard_default),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_best_first),
		cmocka_unit_test(test_names_of_defaults_are_served),
		cmocka_unit_test(test_repetition),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_exclusion),
		cmocka_unit_test(test_exclusion_of_a_served_name),
		cmocka_unit_test(test_change_replaces),
		cmocka_unit_test(test_change_of_nothing),
		cmocka_unit_test(test_change_of_defaults),
		cmocka_unit_test(test_change_grows),
		cmocka_unit_test(test_change_like_new),
		cmocka_unit_test(test_change_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
