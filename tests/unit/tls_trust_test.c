/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/client_cert.h"
#include "tls/crl.h"
#include "tls/pem.h"
#include "tls/trust.h"
#include "tls/x509_name.h"

#include <cmocka.h>

/* Certificates and CRLs are tests/unit/trust_pki's; every case runs with P-256 and with RSA. */
static const char *const kinds[] = { "ec", "rsa" };
static struct err e;

struct chain {
	struct client_cert_der at[CLIENT_CERT_MAX_CHAIN];
	uint8_t *bytes[CLIENT_CERT_MAX_CHAIN];
	unsigned n;
};

/* The files of one kind, their names separated by blanks. */
static char *slurp(const char *kind, const char *names, size_t *len)
{
	char list[1024] = "", *copy = strdup(names), *rest = copy, *name;

	while ((name = strsep(&rest, " ")) != NULL) {
		size_t end = strlen(list);

		snprintf(list + end, sizeof(list) - end, "%sunit/trust_pki/%s/%s", end ? " " : "",
		    kind, name);
	}
	free(copy);
	return kit_read(list, len);
}

static struct chain chain_of(const char *kind, const char *names)
{
	struct chain c = { .n = 0 };
	struct pem_block block;
	size_t len;
	char *pem = slurp(kind, names, &len);
	const char *at = pem;

	while (c.n < CLIENT_CERT_MAX_CHAIN && pem_next(&at, pem + len, &block) == 1) {
		int n;

		c.bytes[c.n] = malloc(block.body_len);
		n = pem_decode(&block, c.bytes[c.n], block.body_len);
		assert_true(n > 0);
		c.at[c.n] = (struct client_cert_der){ c.bytes[c.n], (size_t)n };
		c.n++;
	}
	free(pem);
	return c;
}

static void chain_free(struct chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->bytes[i]);
}

/* A store of files; crls: names separated by blanks, "": none. */
static struct trust_store *
store_with(const char *kind, const char *bundle, const char *crls, struct trust_options options)
{
	struct trust_text texts[16] = { { .at = NULL } }, ca = { .path = "bundle.pem" };
	const char *paths[16];
	struct trust_source source = { .name = "partners",
		.bundle = "bundle.pem",
		.crls = paths,
		.options = options,
		.file = "test.cfg",
		.line = 7 };
	char *copy = strdup(crls), *rest = copy, *name;
	struct trust_store *t;

	ca.at = (uint8_t *)slurp(kind, bundle, &ca.len);
	while (*crls && (name = strsep(&rest, " ")) != NULL) {
		struct trust_text *text = &texts[source.n_crls];

		paths[source.n_crls++] = text->path = name;
		text->at = (uint8_t *)slurp(kind, name, &text->len);
	}
	err_init(&e);
	t = trust_parse(&source, &ca, texts, KIT_NOW, &e);
	free((void *)(uintptr_t)ca.at);
	for (unsigned i = 0; i < source.n_crls; i++)
		free((void *)(uintptr_t)texts[i].at);
	free(copy);
	return t;
}

static struct trust_store *store(const char *kind, const char *bundle, const char *crls)
{
	struct trust_store *t = store_with(kind, bundle, crls, trust_defaults);

	if (!t)
		fail_msg("%s", e.text);
	return t;
}

static enum client_cert_status
ask_at(struct trust_store *t, const char *kind, const char *chain, bool ignore_expiry, int64_t now)
{
	struct chain c = chain_of(kind, chain);
	enum client_cert_status status = trust_verify(t, ignore_expiry, c.at, c.n, now);

	chain_free(&c);
	return status;
}

static enum client_cert_status ask(struct trust_store *t, const char *kind, const char *chain)
{
	return ask_at(t, kind, chain, false, KIT_NOW);
}

#define assert_status(is, wanted) \
	assert_string_equal(client_cert_status_name(is), client_cert_status_name(wanted))

/* --- the matrix --- */

static void every_chain_gets_its_verdict(void **state)
{
	static const struct {
		const char *chain;
		enum client_cert_status status;
	} cases[] = {
		{ "good.chain", CLIENT_CERT_SUCCESS },
		{ "direct.chain", CLIENT_CERT_SUCCESS },
		{ "good.pem inter.pem root.pem", CLIENT_CERT_SUCCESS },
		{ "good.pem other.pem inter.pem",
		    CLIENT_CERT_SUCCESS }, /* out of order, and more */
		{ "expired.chain", CLIENT_CERT_EXPIRED },
		{ "future.chain", CLIENT_CERT_NOT_YET_VALID },
		{ "server.chain", CLIENT_CERT_PURPOSE },
		{ "unknown.chain", CLIENT_CERT_UNTRUSTED },
		{ "unknown.pem other.pem", CLIENT_CERT_UNTRUSTED },
		{ "missing.chain", CLIENT_CERT_UNTRUSTED },
		{ "selfsigned.chain", CLIENT_CERT_UNTRUSTED },
		{ "too-long.chain", CLIENT_CERT_INVALID },
		{ "deep.chain", CLIENT_CERT_MAX_DEPTH },
		{ "revoked.chain", CLIENT_CERT_CRL_HIT },
		{ "under-revoked.chain", CLIENT_CERT_CRL_HIT },
		{ "critical.chain", CLIENT_CERT_INVALID },
		{ "forged.chain", CLIENT_CERT_UNTRUSTED },
		{ "rolled.chain", CLIENT_CERT_UNTRUSTED },
		/* A leaf is no CA, whoever signed it. */
		{ "selfsigned.pem good.pem inter.pem", CLIENT_CERT_UNTRUSTED },
	};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		/* The intermediate's CRL counts only where the intermediate is in the bundle. */
		struct trust_store *t = store(kinds[k], "root.pem", "root.crl"),
				   *with_inter =
				       store(kinds[k], "root.pem inter.pem", "root.crl inter.crl");

		for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			bool needs_inter = strcmp(cases[i].chain, "revoked.chain") == 0;

			assert_status(ask(needs_inter ? with_inter : t, kinds[k], cases[i].chain),
			    cases[i].status);
		}
		assert_status(ask(with_inter, kinds[k], "missing.chain"), CLIENT_CERT_SUCCESS);
		assert_status(ask(with_inter, kinds[k], "revoked.pem"), CLIENT_CERT_CRL_HIT);
		trust_put(t);
		trust_put(with_inter);
	}
}

static void nothing_that_is_broken_is_accepted(void **state)
{
	struct trust_store *t = store("ec", "root.pem", "");
	struct chain c = chain_of("ec", "good.chain");
	unsigned accepted = 0;

	(void)state;
	assert_status(trust_verify(t, false, c.at, 0, KIT_NOW), CLIENT_CERT_UNMAPPED);
	for (unsigned k = 0; k < c.n; k++)
		for (size_t i = 0; i < c.at[k].len; i++) {
			c.bytes[k][i] ^= 1;
			accepted +=
			    trust_verify(t, false, c.at, c.n, KIT_NOW) == CLIENT_CERT_SUCCESS;
			c.bytes[k][i] ^= 1;
		}
	assert_int_equal(accepted, 0);
	for (size_t len = 0; len < c.at[0].len; len += 7) {
		struct client_cert_der cut[2] = { { malloc(len + !len), len }, c.at[1] };

		memcpy((void *)(uintptr_t)cut[0].at, c.bytes[0], len);
		assert_status(trust_verify(t, false, cut, 2, KIT_NOW), CLIENT_CERT_INVALID);
		free((void *)(uintptr_t)cut[0].at);
	}
	assert_status(trust_verify(t, false, c.at, c.n, KIT_NOW), CLIENT_CERT_SUCCESS);
	chain_free(&c);
	trust_put(t);
}

/* tls.md 7: what one client sends never makes another one's chain good. */
static void a_store_learns_nothing_from_clients(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct trust_store *t = store(kinds[k], "root.pem", "");

		for (unsigned i = 0; i < 3; i++) {
			assert_status(ask(t, kinds[k], "forged.chain"), CLIENT_CERT_UNTRUSTED);
			assert_status(ask(t, kinds[k], "forged.pem"), CLIENT_CERT_UNTRUSTED);
			assert_status(ask(t, kinds[k], "good.chain"), CLIENT_CERT_SUCCESS);
			assert_status(ask(t, kinds[k], "missing.chain"), CLIENT_CERT_UNTRUSTED);
		}
		trust_put(t);
	}
}

/* --- options --- */

static void depth_counts_what_is_above_the_client(void **state)
{
	struct trust_options o = trust_defaults;
	struct trust_store *t;

	(void)state;
	o.max_depth = 5;
	t = store_with("ec", "root.pem", "", o);
	assert_status(ask(t, "ec", "deep.chain"), CLIENT_CERT_SUCCESS);
	trust_put(t);
	o.max_depth = 1;
	t = store_with("ec", "root.pem", "", o);
	assert_status(ask(t, "ec", "direct.chain"), CLIENT_CERT_SUCCESS);
	assert_status(ask(t, "ec", "good.chain"), CLIENT_CERT_MAX_DEPTH);
	trust_put(t);
	/* Trust begins where the bundle says. */
	t = store("ec", "deep2.pem", "");
	assert_status(ask(t, "ec", "deep.chain"), CLIENT_CERT_SUCCESS);
	trust_put(t);
}

static void only_the_clients_own_expiry_is_ignored(void **state)
{
	struct trust_store *t = store("ec", "root.pem", "");
	int64_t later = KIT_NOW + 20 * 365 * INT64_C(86400);

	(void)state;
	assert_status(ask_at(t, "ec", "expired.chain", true, KIT_NOW), CLIENT_CERT_SUCCESS);
	assert_status(ask_at(t, "ec", "future.chain", true, KIT_NOW), CLIENT_CERT_NOT_YET_VALID);
	assert_status(ask_at(t, "ec", "good.chain", true, later), CLIENT_CERT_EXPIRED);
	trust_put(t);
}

static void a_missing_crl_counts_when_it_is_needed(void **state)
{
	struct trust_options o = trust_defaults;
	struct trust_store *t;

	(void)state;
	o.needs_crl = true;
	t = store_with("ec", "root.pem", "", o);
	assert_status(ask(t, "ec", "direct.chain"), CLIENT_CERT_CRL_ERROR);
	trust_put(t);
	t = store_with("ec", "root.pem", "root.crl", o);
	assert_status(ask(t, "ec", "direct.chain"), CLIENT_CERT_SUCCESS);
	assert_status(ask(t, "ec", "good.chain"), CLIENT_CERT_CRL_ERROR); /* the intermediate's */
	assert_status(ask(t, "ec", "under-revoked.chain"), CLIENT_CERT_CRL_HIT);
	trust_put(t);
	t = store_with("ec", "root.pem inter.pem", "root.crl inter.der", o);
	assert_status(ask(t, "ec", "good.chain"), CLIENT_CERT_SUCCESS);
	assert_status(ask(t, "ec", "revoked.chain"), CLIENT_CERT_CRL_HIT);
	trust_put(t);
	t = store_with("ec", "root.pem inter.pem", "inter.crl", o);
	assert_status(ask(t, "ec", "good.chain"), CLIENT_CERT_CRL_ERROR); /* the root's */
	trust_put(t);
}

static void a_stale_crl_is_an_error_unless_it_may_be(void **state)
{
	struct trust_options o = trust_defaults;
	struct trust_store *t = store("ec", "root.pem inter.pem", "inter-stale.crl");

	(void)state;
	assert_non_null(strstr(trust_warnings(t), "stale"));
	assert_status(ask(t, "ec", "good.chain"), CLIENT_CERT_CRL_ERROR);
	assert_status(ask(t, "ec", "revoked.chain"), CLIENT_CERT_CRL_HIT);
	trust_put(t);
	o.may_be_stale = true;
	t = store_with("ec", "root.pem inter.pem", "inter-stale.crl", o);
	assert_status(ask(t, "ec", "good.chain"), CLIENT_CERT_SUCCESS);
	assert_status(ask(t, "ec", "revoked.chain"), CLIENT_CERT_CRL_HIT);
	trust_put(t);
	/* A new one beside the old one. */
	t = store("ec", "root.pem inter.pem", "inter-stale.crl inter.crl");
	assert_status(ask(t, "ec", "good.chain"), CLIENT_CERT_SUCCESS);
	trust_put(t);
}

static void a_crl_of_nobody_is_a_warning(void **state)
{
	struct trust_store *t = store("ec", "root.pem", "other.crl inter.crl");

	(void)state;
	assert_non_null(strstr(trust_warnings(t), "CRL other.crl of CN=Other-Root has no effect"));
	assert_int_equal(trust_facts(t).n_crls, 0);
	trust_put(t);
}

static void a_ca_rolls_over_with_old_and_new_together(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct trust_store *t = store(kinds[k], "root.pem next.pem", "root.crl");

		assert_status(ask(t, kinds[k], "rolled.chain"), CLIENT_CERT_SUCCESS);
		assert_status(ask(t, kinds[k], "direct.chain"), CLIENT_CERT_SUCCESS);
		trust_put(t);
	}
}

static void identities_are_asked_before_revocation(void **state)
{
	static const struct {
		struct trust_identity id;
		bool is_good;
	} cases[] = {
		{ { .subject = "*,O=mTLS,*" }, true },
		{ { .subject = "CN=client_.com,OU=client-3,O=mTLS,C=US" }, true },
		{ { .subject = "CN=client_.com" }, false },
		{ { .issuer = "CN=Trust-Intermediate,O=Trust,C=US" }, true },
		{ { .issuer = "CN=Other*" }, false },
		{ { .san = "DNS:*.example.com" }, true },
		{ { .san = "DNS:client.example.com", .subject = "*O=mTLS*" }, true },
		{ { .san = "DNS:client.example.com", .subject = "*O=nobody*" }, false },
		{ { .san = "URI:spiffe://example.com/*" }, true },
		{ { .san = "IP:192.0.2.7" }, true },
		{ { .san = "email:*@example.com" }, true },
		{ { .san = "client.example.com" }, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_identity ids[2] = { { .subject = "CN=nobody" }, cases[i].id };
		struct trust_options o = trust_defaults;
		struct trust_store *t;

		o.identities = ids;
		o.n_identities = 2;
		t = store_with("ec", "root.pem inter.pem", "inter.crl", o);
		assert_non_null(t);
		assert_status(ask(t, "ec", "good.chain"),
		    cases[i].is_good ? CLIENT_CERT_SUCCESS : CLIENT_CERT_REJECTED);
		if (i == 0) {
			assert_status(ask(t, "ec", "revoked.chain"), CLIENT_CERT_REJECTED);
			assert_status(ask(t, "ec", "unknown.chain"), CLIENT_CERT_UNTRUSTED);
		}
		trust_put(t);
	}
}

static void patterns_take_escapes_as_one(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "*", "", true },
		{ "", "", true },
		{ "", "a", false },
		{ "a*c", "abbc", true },
		{ "a*c", "abbcd", false },
		{ "*a*b*", "xxaxxbxx", true },
		{ "*,O=Partner*", "CN=x\\,O=Partner", false },
		{ "*,O=Partner", "CN=x,O=Partner", true },
		{ "CN=*\\,*", "CN=x\\,y", true },
		{ "CN=x\\", "CN=x\\,", false },
		{ "*\\", "x\\,", false },
		{ "CN=\\C3\\A9", "CN=\\C3\\A9", true },
		{ "a", "b", false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (x509_pattern_matches(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
}

/* --- loading --- */

static void refuses(const char *bundle, const char *crls, struct trust_options o, const char *why)
{
	struct trust_store *t = store_with("ec", bundle, crls, o);

	if (t)
		fail_msg("%s with %s is accepted", bundle, crls);
	if (!strstr(e.text, "test.cfg:7: trust store 'partners': ") || !strstr(e.text, why))
		fail_msg("%s with %s: %s", bundle, crls, e.text);
}

static void bad_files_are_refused_with_the_reason(void **state)
{
	struct trust_options o = trust_defaults;

	(void)state;
	refuses("good.pem", "", o, "is no CA certificate");
	refuses("root.pem server.pem", "", o, "certificate 2 in bundle.pem, CN=server, is no CA");
	refuses("inter.crl", "", o, "has no certificate");
	refuses("inter.der", "", o, "has no certificate");
	refuses("root.pem", "root.key", o, "has no CRL");
	refuses("root.pem", "root.pem", o, "has no CRL");
	o.quotas.ca_certificates = 1;
	refuses("root.pem inter.pem", "", o, "the quota is 1");
	o = trust_defaults;
	o.quotas.ca_bytes = 100;
	refuses("root.pem", "", o, "the quota is 100");
	o = trust_defaults;
	o.quotas.subject_bytes = 40;
	refuses("root.pem inter.pem", "", o, "the quota is 40");
	o = trust_defaults;
	o.quotas.crls = 1;
	refuses("root.pem inter.pem", "root.crl inter.crl", o, "more than 1 CRLs");
	o = trust_defaults;
	o.quotas.revoked = 1;
	refuses("root.pem inter.pem", "root.crl inter.crl", o, "the quota is 1");
	o = trust_defaults;
	o.quotas.crl_bytes = 100;
	refuses("root.pem", "root.crl", o, "the quota is 100");
}

static void the_same_files_are_loaded_once(void **state)
{
	struct trust_store *a = store("ec", "root.pem", "root.crl"), *b, *c, *d;
	struct trust_options o = trust_defaults;

	(void)state;
	b = store("ec", "root.pem", "root.crl");
	c = store("ec", "root.pem", "root-clean.crl");
	o.max_depth = 2;
	d = store_with("ec", "root.pem", "root.crl", o);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_ptr_not_equal(a, d);
	assert_true(trust_version(a) != trust_version(c) && trust_version(c) != trust_version(d));
	trust_put(a);
	assert_status(ask(b, "ec", "under-revoked.chain"), CLIENT_CERT_CRL_HIT);
	assert_status(ask(c, "ec", "under-revoked.chain"), CLIENT_CERT_SUCCESS);
	trust_put(b);
	trust_put(c);
	trust_put(d);
}

/* --- half a million revoked certificates --- */

struct big_crl {
	uint8_t *at;
	size_t len, room;
};

static void append(struct big_crl *b, const void *bytes, size_t len)
{
	assert_true(b->len + len <= b->room);
	memcpy(b->at + b->len, bytes, len);
	b->len += len;
}

static void append_head(struct big_crl *b, uint8_t tag, size_t len)
{
	const uint8_t head[] = { tag, 0x84, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
		(uint8_t)(len >> 8), (uint8_t)len };

	append(b, head, sizeof(head));
}

/* A CRL's DER with n entries whose serials count up from one; its signature is nobody's. */
static struct big_crl big_crl(uint32_t n)
{
	static const uint8_t algorithm[] = { 0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3,
		2 };
	static const uint8_t no_name[] = { 0x30, 0 }, no_bits[] = { 3, 2, 0, 0 };
	static const uint8_t version[] = { 2, 1, 1 };
	static const char date[] = "\x17\x0d"
				   "250101000000Z";
	const size_t entry = 2 + 18 + 15, list = entry * n;
	/* The length of lengths is always four bytes here: below 2^24 that would not be DER. */
	size_t tbs = sizeof(version) + sizeof(algorithm) + sizeof(no_name) + 15 + 6 + list;
	struct big_crl b = { .room = list + 4096 };

	b.at = malloc(b.room);
	append_head(&b, 0x30, 6 + tbs + sizeof(algorithm) + sizeof(no_bits));
	append_head(&b, 0x30, tbs);
	append(&b, version, sizeof(version));
	append(&b, algorithm, sizeof(algorithm));
	append(&b, no_name, sizeof(no_name));
	append(&b, date, 15);
	append_head(&b, 0x30, list);
	for (uint32_t i = 1; i <= n; i++) {
		uint8_t head[4 + 16] = { 0x30, 18 + 15, 2, 16, 1 };

		memcpy(head + 16, &i, sizeof(i));
		append(&b, head, sizeof(head));
		append(&b, date, 15);
	}
	append(&b, algorithm, sizeof(algorithm));
	append(&b, no_bits, sizeof(no_bits));
	return b;
}

static struct der serial_of(uint8_t at[16], uint32_t i)
{
	memset(at, 0, 16);
	at[0] = 1;
	memcpy(at + 12, &i, sizeof(i));
	return (struct der){ at, 16 };
}

static void half_a_million_are_read_and_found(void **state)
{
	const uint32_t n = 500000;
	struct big_crl b = big_crl(n);
	uint8_t serial[16];
	struct timespec from, to;
	struct crl_text text;
	struct crl *c;
	size_t found;

	(void)state;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	assert_null(crl_read(&text, b.at, b.len, &found));
	assert_int_equal(found, n);
	c = crl_new(&text, found);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	assert_non_null(c);
	assert_int_equal(c->n, n);
	assert_true(to.tv_sec - from.tv_sec < 5);
	free(b.at);
	for (uint32_t i = 1; i <= n; i++)
		assert_true(crl_has(c, serial_of(serial, i)));
	for (uint32_t i = n + 1; i <= 2 * n; i++)
		assert_false(crl_has(c, serial_of(serial, i)));
	crl_free(c);
}

static void a_broken_crl_is_refused(void **state)
{
	size_t len, n;
	char *der = slurp("ec", "inter.der", &len);
	struct crl_text text;

	(void)state;
	assert_null(crl_read(&text, (uint8_t *)der, len, &n));
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + !cut);

		memcpy(exact, der, cut);
		assert_non_null(crl_read(&text, exact, cut, &n));
		free(exact);
	}
	free(der);
}

/* --- facts --- */

static void facts_are_those_that_openssl_prints(void **state)
{
	struct chain chain = chain_of("ec", "good.chain");
	struct client_cert *c = client_cert_new(chain.at, chain.n);
	char text[4096], facts[512], validity[80];
	size_t len, need;
	char *wanted = kit_read("unit/trust_pki/good.facts", &len);

	(void)state;
	assert_non_null(c);
	snprintf(facts, sizeof(facts), "subject=%s\nissuer=%s\nserial=%s\n", c->subject, c->issuer,
	    c->serial);
	assert_string_equal(facts, wanted);
	assert_string_equal(c->common_name, "client_.com");
	assert_string_equal(c->key_alg, "EC256");
	assert_string_equal(c->sig_alg, "ecdsa-with-SHA256");
	assert_string_equal(client_cert_validity(c, validity, sizeof(validity)),
	    "NotBefore=2025-01-01T00:00:00Z;NotAfter=2035-01-01T00:00:00Z");
	need = client_cert_pem_url(c, false, NULL, 0);
	assert_int_equal(client_cert_pem_url(c, false, text, sizeof(text)), need);
	assert_int_equal(strlen(text), need);
	assert_memory_equal(text, "-----BEGIN%20CERTIFICATE-----%0AMII", 35);
	assert_non_null(strstr(text, "%0A-----END%20CERTIFICATE-----%0A"));
	/* Cut, it is still terminated. */
	assert_int_equal(
	    client_cert_pem_url(c, true, text, 50), client_cert_pem_url(c, true, NULL, 0));
	assert_int_equal(strlen(text), 49);
	client_cert_free(c);
	chain_free(&chain);
	free(wanted);
}

static void the_pem_of_a_client_is_its_file(void **state)
{
	struct chain chain = chain_of("rsa", "good.chain");
	struct client_cert *c = client_cert_new(chain.at, chain.n);
	size_t len, room = client_cert_pem_url(c, true, NULL, 0) + 1, n = 0;
	char *text = malloc(room), *plain = malloc(room),
	     *wanted = slurp("rsa", "good.chain", &len);

	(void)state;
	client_cert_pem_url(c, true, text, room);
	for (const char *at = text; *at; at++) {
		unsigned code;

		if (*at != '%') {
			plain[n++] = *at;
			continue;
		}
		assert_int_equal(sscanf(at + 1, "%2x", &code), 1);
		plain[n++] = (char)code;
		at += 2;
	}
	plain[n] = '\0';
	assert_string_equal(plain, wanted);
	free(text);
	free(plain);
	free(wanted);
	client_cert_free(c);
	chain_free(&chain);
}

static void a_chain_that_is_no_chain_has_no_facts(void **state)
{
	const uint8_t bytes[] = "junk";
	const struct client_cert_der one = { bytes, 4 };
	struct client_cert *c = client_cert_new(&one, 1);

	(void)state;
	assert_null(client_cert_new(&one, 0));
	assert_non_null(c);
	assert_string_equal(c->subject, "");
	assert_string_equal(c->serial, "");
	assert_int_equal(c->n_chain, 1);
	client_cert_free(c);
	client_cert_free(NULL);
}

static void every_failure_has_its_alert(void **state)
{
	(void)state;
	for (int s = CLIENT_CERT_NOT_ASKED; s < CLIENT_CERT_N_STATUS; s++) {
		uint8_t alert = client_cert_alert((enum client_cert_status)s, 0x0304);

		assert_int_equal(alert != 0xff, client_cert_has_failed((enum client_cert_status)s));
		assert_non_null(client_cert_status_name((enum client_cert_status)s));
	}
	assert_int_equal(client_cert_alert(CLIENT_CERT_UNMAPPED, 0x0304), 116);
	assert_int_equal(client_cert_alert(CLIENT_CERT_UNMAPPED, 0x0303), 40);
	assert_int_equal(client_cert_alert(CLIENT_CERT_UNTRUSTED, 0x0303), 48);
	assert_int_equal(client_cert_alert(CLIENT_CERT_CRL_HIT, 0x0303), 44);
	assert_int_equal(client_cert_alert(CLIENT_CERT_EXPIRED, 0x0303), 45);
	assert_int_equal(client_cert_alert(CLIENT_CERT_NOT_YET_VALID, 0x0303), 45);
	assert_int_equal(client_cert_alert(CLIENT_CERT_PURPOSE, 0x0303), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_chain_gets_its_verdict),
		cmocka_unit_test(nothing_that_is_broken_is_accepted),
		cmocka_unit_test(a_store_learns_nothing_from_clients),
		cmocka_unit_test(depth_counts_what_is_above_the_client),
		cmocka_unit_test(only_the_clients_own_expiry_is_ignored),
		cmocka_unit_test(a_missing_crl_counts_when_it_is_needed),
		cmocka_unit_test(a_stale_crl_is_an_error_unless_it_may_be),
		cmocka_unit_test(a_crl_of_nobody_is_a_warning),
		cmocka_unit_test(a_ca_rolls_over_with_old_and_new_together),
		cmocka_unit_test(identities_are_asked_before_revocation),
		cmocka_unit_test(patterns_take_escapes_as_one),
		cmocka_unit_test(bad_files_are_refused_with_the_reason),
		cmocka_unit_test(the_same_files_are_loaded_once),
		cmocka_unit_test(half_a_million_are_read_and_found),
		cmocka_unit_test(a_broken_crl_is_refused),
		cmocka_unit_test(facts_are_those_that_openssl_prints),
		cmocka_unit_test(the_pem_of_a_client_is_its_file),
		cmocka_unit_test(a_chain_that_is_no_chain_has_no_facts),
		cmocka_unit_test(every_failure_has_its_alert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
