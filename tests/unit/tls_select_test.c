/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/hello.h"
#include "tls/policy.h"
#include "tls/select.h"
#include "tls/service.h"

#include <cmocka.h>

/* A client in words: what of the hello the choice depends on. */
struct client {
	const char *sni;
	uint16_t max_version; /* legacy; with versions set it is derived from them */
	uint16_t versions[6], suites[8], groups[6], sigalgs[8];
	const char *alpn;
	uint8_t alpn_len;
	bool has_psk;
};

static struct cert *rsa, *p256, *p384, *ed25519, *fallback;

static struct hello_list make_list(uint8_t *at, const uint16_t *numbers, unsigned max)
{
	struct hello_list list = { .at = at };

	while (list.n < max && numbers[list.n]) {
		at[2 * list.n] = (uint8_t)(numbers[list.n] >> 8);
		at[2 * list.n + 1] = (uint8_t)numbers[list.n];
		list.n++;
	}
	return list;
}

static void make_hello(struct hello *h, const struct client *c)
{
	static uint8_t bytes[4][16];

	memset(h, 0, sizeof(*h));
	h->sni_len = (uint8_t)snprintf(h->sni, sizeof(h->sni), "%s", c->sni ? c->sni : "");
	h->versions = make_list(bytes[0], c->versions, 6);
	h->suites = make_list(bytes[1], c->suites, 8);
	h->groups = make_list(bytes[2], c->groups, 6);
	h->sigalgs = make_list(bytes[3], c->sigalgs, 8);
	h->max_version = c->max_version;
	for (unsigned i = 0; i < h->versions.n; i++)
		if (c->versions[i] <= 0x0304 && c->versions[i] > h->max_version)
			h->max_version = c->versions[i];
	h->alpn = (const uint8_t *)c->alpn;
	h->alpn_len = c->alpn_len;
	h->has_psk = c->has_psk;
}

/* What a listener with that policy and those certificates for www.example.com answers. */
struct world {
	const char *policy;
	struct cert *certs[4];
	bool sni_strict;
	const char *alpn[3];
};

static struct tls_choice choose(const struct world *w, const struct client *c)
{
	static struct err e;
	struct tls_service_config config = {
		.listener = "https",
		.own = { .policy = policy_find(w->policy ? w->policy : POLICY_DEFAULT) },
		.defaults = &fallback,
		.n_defaults = 1,
		.certificates = w->certs,
		.sni_strict = w->sni_strict,
		.alpn = w->alpn,
	};
	struct tls_service *s;
	struct tls_choice choice;
	struct hello h;
	static uint8_t alpn[64];
	int status;

	assert_non_null(config.own.policy);
	while (config.n_certificates < 4 && w->certs[config.n_certificates])
		config.n_certificates++;
	while (config.n_alpn < 3 && w->alpn[config.n_alpn])
		config.n_alpn++;
	s = tls_service_new(&config, &e);
	assert_non_null(s);
	make_hello(&h, c);
	status = select_certificate(s, &h, &choice);
	assert_int_equal(status, choice.cert ? 0 : -1);
	assert_true(choice.cert ? choice.alert == 0 : choice.alert != 0);
	assert_ptr_equal(choice.service, s);
	if (choice.alpn) {
		memcpy(alpn, choice.alpn, choice.alpn_len);
		choice.alpn = alpn;
	}
	tls_service_free(s);
	return choice;
}

static void serves(const struct world *w, const struct client *c, const struct cert *cert,
    enum select_reason reason, uint16_t version)
{
	struct tls_choice choice = choose(w, c);

	if (choice.cert != cert)
		fail_msg("%s: %s, alert %u", choice.cert ? choice.cert->name : "nothing",
		    select_reason_text(choice.reason), choice.alert);
	assert_int_equal(choice.reason, reason);
	assert_int_equal(choice.version, version);
}

static void
refuses(const struct world *w, const struct client *c, enum select_reason reason, uint8_t alert)
{
	struct tls_choice choice = choose(w, c);

	if (choice.cert)
		fail_msg("served %s", choice.cert->name);
	if (choice.reason != reason || choice.alert != alert)
		fail_msg("%s, alert %u", select_reason_text(choice.reason), choice.alert);
}

/* A browser of today, for the name all tests serve. */
static const struct client modern = {
	.sni = "www.example.com",
	.max_version = 0x0303,
	.versions = { 0x1a1a, 0x0304, 0x0303 },
	.suites = { 0x2a2a, 0x1302, 0x1301, 0xc02b, 0xc02f, 0x009c },
	.groups = { 0x3a3a, 4588, 29, 23, 24 },
	.sigalgs = { 0x0403, 0x0503, 0x0804, 0x0401 },
};

/* The same of ten years ago. */
static const struct client tls12 = {
	.sni = "www.example.com",
	.max_version = 0x0303,
	.suites = { 0xc02b, 0xc02f, 0x009c, 0x002f },
	.groups = { 23, 24 },
	.sigalgs = { 0x0401, 0x0403, 0x0201, 0x0203 },
};

static const struct client tls10 = {
	.sni = "www.example.com",
	.max_version = 0x0301,
	.suites = { 0xc013, 0xc009, 0x002f, 0x000a },
	.groups = { 23 },
};

/* --- which certificate --- */

static void test_tls13_by_signature_algorithms(void **state)
{
	const struct world both = { .certs = { rsa, p256 } };
	struct client c = modern;

	(void)state;
	serves(&both, &c, p256, SELECT_EXACT, 0x0304);
	c.sigalgs[0] = 0x0804; /* RSA-PSS only */
	c.sigalgs[1] = 0;
	serves(&both, &c, rsa, SELECT_EXACT, 0x0304);
	c.sigalgs[0] = 0x0401; /* PKCS#1 is not for TLS 1.3 */
	refuses(&both, &c, SELECT_NO_SIGNATURE, 40);
	c.sigalgs[0] = 0x0503; /* P-384 only: the scheme names the curve */
	refuses(&both, &c, SELECT_NO_SIGNATURE, 40);
	serves(&(struct world){ .certs = { rsa, p384 } }, &c, p384, SELECT_EXACT, 0x0304);
	c.sigalgs[0] = 0x0807;
	serves(&(struct world){ .certs = { rsa, ed25519 } }, &c, ed25519, SELECT_EXACT, 0x0304);
	/* In TLS 1.3 the groups say nothing about certificates. */
	c = modern;
	c.groups[2] = 0;
	serves(&both, &c, p256, SELECT_EXACT, 0x0304);
}

static void test_tls13_missing_extensions(void **state)
{
	const struct world both = { .certs = { rsa, p256 } };
	struct client c = modern;

	(void)state;
	c.sigalgs[0] = 0;
	refuses(&both, &c, SELECT_NO_SIGNATURE, 109);
	c.has_psk = true; /* RFC 8446 9.2 */
	serves(&both, &c, p256, SELECT_EXACT, 0x0304);
	c = modern;
	c.groups[0] = 0;
	refuses(&both, &c, SELECT_NO_GROUP, 109);
}

static void test_tls12_by_suites_groups_and_signatures(void **state)
{
	const struct world both = { .certs = { rsa, p256 } };
	struct client c = tls12;

	(void)state;
	serves(&both, &c, p256, SELECT_EXACT, 0x0303);
	c.suites[0] = 0xc02f; /* no ECDSA suite */
	serves(&both, &c, rsa, SELECT_EXACT, 0x0303);
	c = tls12;
	c.groups[0] = 24; /* not the certificate's curve (RFC 8422 5.1) */
	c.groups[1] = 0;
	serves(&both, &c, rsa, SELECT_EXACT, 0x0303);
	c = tls12;
	c.sigalgs[1] = 0; /* RSA with SHA-256 only */
	serves(&both, &c, rsa, SELECT_EXACT, 0x0303);
	c = tls12;
	c.sigalgs[0] = 0x0503; /* any hash goes with any curve in TLS 1.2 */
	c.sigalgs[1] = 0;
	serves(&both, &c, p256, SELECT_EXACT, 0x0303);
	c = tls12;
	c.groups[0] = 0; /* no such extension: any curve (RFC 8422 4) */
	serves(&both, &c, p256, SELECT_EXACT, 0x0303);
	c = tls12;
	c.suites[0] = 0xc02b;
	c.suites[1] = 0;
	refuses(&(struct world){ .certs = { rsa } }, &c, SELECT_NO_SIGNATURE, 40);
	refuses(&(struct world){ .certs = { ed25519 } }, &c, SELECT_NO_SIGNATURE, 40);
	c.sigalgs[0] = 0x0807;
	serves(&(struct world){ .certs = { ed25519 } }, &c, ed25519, SELECT_EXACT, 0x0303);
}

static void test_static_rsa_needs_no_group_and_no_signature(void **state)
{
	const struct world ext1 = { .policy = "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
		.certs = { rsa, p256 } };
	struct client c = tls12;
	struct tls_choice choice;

	(void)state;
	c.groups[0] = 16; /* a group nobody here has */
	c.groups[1] = 0;
	c.sigalgs[0] = 0;
	serves(&ext1, &c, rsa, SELECT_EXACT, 0x0303);
	choice = choose(&ext1, &c);
	assert_int_equal(choice.suite, 0x009c);
	/* A policy without static RSA: */
	refuses(&(struct world){ .certs = { rsa, p256 } }, &c, SELECT_NO_GROUP, 40);
}

static void test_sha1_does_not_count(void **state)
{
	const struct world now = { .certs = { rsa, p256 } };
	const struct world old = { .policy = "ELBSecurityPolicy-2016-08", .certs = { rsa, p256 } };
	struct client c = tls12;

	(void)state;
	c.sigalgs[0] = 0; /* without the extension it is SHA-256 all the same */
	serves(&now, &c, p256, SELECT_EXACT, 0x0303);
	serves(&old, &c, p256, SELECT_EXACT, 0x0303);
	refuses(&(struct world){ .certs = { ed25519 } }, &c, SELECT_NO_SIGNATURE, 40);
	c.sigalgs[0] = 0x0201;
	c.sigalgs[1] = 0x0203;
	c.sigalgs[2] = 0x0303; /* and SHA-224 */
	c.sigalgs[3] = 0x0301;
	refuses(&now, &c, SELECT_NO_SIGNATURE, 40); /* RFC 9155 */
	refuses(&old, &c, SELECT_NO_SIGNATURE, 40);
}

static void test_tls10_by_suites(void **state)
{
	const struct world old = { .policy = "ELBSecurityPolicy-2016-08", .certs = { rsa, p256 } };
	struct client c = tls10;

	(void)state;
	serves(&old, &c, p256, SELECT_EXACT, 0x0301);
	c.suites[1] = 0;
	serves(&old, &c, rsa, SELECT_EXACT, 0x0301);
	c.suites[0] = 0x000a;
	refuses(&old, &c, SELECT_NO_SUITE, 40);
	serves(&(struct world){ .policy = "ELBSecurityPolicy-TLS-1-0-2015-04", .certs = { rsa } },
	    &c, rsa, SELECT_EXACT, 0x0301);
	/* Suites of TLS 1.2 do not count. */
	c.suites[0] = 0xc02f;
	refuses(&old, &c, SELECT_NO_SUITE, 40);
	/* Ed25519 is for TLS 1.2 and above. */
	refuses(&(struct world){ .policy = "ELBSecurityPolicy-2016-08", .certs = { ed25519 } },
	    &tls10, SELECT_NO_SIGNATURE, 40);
}

static void test_suite_is_the_servers_first(void **state)
{
	struct client c = modern;
	struct tls_choice choice = choose(&(struct world){ .certs = { p256 } }, &c);

	(void)state;
	assert_int_equal(choice.suite, 0x1301); /* though the client prefers 0x1302 */
	choice = choose(
	    &(struct world){ .policy = "ELBSecurityPolicy-FS-1-2-Res-2020-10", .certs = { rsa } },
	    &c);
	assert_int_equal(choice.suite, 0xc02f);
	assert_int_equal(choice.version, 0x0303);
}

/* --- which name --- */

static void test_names(void **state)
{
	struct cert *star = kit_named_cert("*.example.com", CERT_RSA, 2048);
	const struct world lax = { .certs = { p256, star } };
	const struct world strict = { .certs = { p256, star }, .sni_strict = true };
	struct client c = modern;

	(void)state;
	serves(&lax, &c, p256, SELECT_EXACT, 0x0304);
	c.sni = "other.example.com";
	serves(&lax, &c, star, SELECT_WILDCARD, 0x0304);
	serves(&strict, &c, star, SELECT_WILDCARD, 0x0304);
	c.sni = "other.example.org";
	serves(&lax, &c, fallback, SELECT_DEFAULT_NO_MATCH, 0x0304);
	refuses(&strict, &c, SELECT_NO_NAME, 112);
	c.sni = NULL;
	serves(&lax, &c, fallback, SELECT_DEFAULT_NO_SNI, 0x0304);
	refuses(&strict, &c, SELECT_NO_NAME, 112);
	/* The name decides before the client's abilities: no other name's certificate is tried. */
	c = modern;
	c.sigalgs[0] = 0x0804;
	c.sigalgs[1] = 0;
	refuses(&lax, &c, SELECT_NO_SIGNATURE, 40);
	cert_put(star);
}

/* --- which version --- */

static void test_versions(void **state)
{
	const struct world only13 = { .policy = "ELBSecurityPolicy-TLS13-1-3-2021-06",
		.certs = { p256 } };
	const struct world only12 = { .policy = "ELBSecurityPolicy-FS-1-2-Res-2020-10",
		.certs = { p256 } };
	const struct world all = { .policy = "ELBSecurityPolicy-TLS13-1-0-2021-06",
		.certs = { p256, rsa } };
	struct client c = modern;

	(void)state;
	serves(&only13, &modern, p256, SELECT_EXACT, 0x0304);
	refuses(&only13, &tls12, SELECT_NO_VERSION, 70);
	serves(&only12, &modern, p256, SELECT_EXACT, 0x0303);
	serves(&only12, &tls12, p256, SELECT_EXACT, 0x0303);
	refuses(&only12, &tls10, SELECT_NO_VERSION, 70);
	serves(&all, &tls10, p256, SELECT_EXACT, 0x0301);
	/* A list with a hole in it: 1.3 and 1.1. */
	memcpy(c.versions, (uint16_t[]){ 0x0304, 0x0302, 0 }, 6);
	refuses(&only12, &c, SELECT_NO_VERSION, 70);
	/* Only GREASE and drafts. */
	memcpy(c.versions, (uint16_t[]){ 0x1a1a, 0x7f1c, 0 }, 6);
	c.max_version = 0;
	refuses(&all, &c, SELECT_NO_VERSION, 70);
	/* SSL 3.0 */
	c = tls10;
	c.max_version = 0x0300;
	refuses(&all, &c, SELECT_NO_VERSION, 70);
	/* The highest common version is final, even where a lower one could serve. */
	c = modern;
	memcpy(c.suites, (uint16_t[]){ 0xc02b, 0xc02f, 0 }, 6);
	refuses(&all, &c, SELECT_NO_SUITE, 40);
}

static void test_fallback_scsv(void **state)
{
	const struct world now = { .certs = { p256 } };
	const struct world only12 = { .policy = "ELBSecurityPolicy-FS-1-2-Res-2020-10",
		.certs = { p256 } };
	struct client c = tls12;

	(void)state;
	c.suites[3] = 0x5600;
	refuses(&now, &c, SELECT_FALLBACK, 86);
	serves(&only12, &c, p256, SELECT_EXACT, 0x0303); /* nothing higher here */
	c = modern;
	c.suites[0] = 0x5600;
	serves(&now, &c, p256, SELECT_EXACT, 0x0304);
}

static void test_groups(void **state)
{
	const struct world classic = { .policy = "ELBSecurityPolicy-TLS13-1-2-2021-06",
		.certs = { p256 } };
	const struct world pq = { .certs = { p256, rsa } };
	struct client c = modern;

	(void)state;
	memcpy(c.groups, (uint16_t[]){ 4588, 0 }, 4);
	refuses(&classic, &c, SELECT_NO_GROUP, 40);
	serves(&pq, &c, p256, SELECT_EXACT, 0x0304);
	/* A hybrid does not make an ECDHE of TLS 1.2. */
	memcpy(c.versions, (uint16_t[]){ 0x0303, 0 }, 4);
	refuses(&pq, &c, SELECT_NO_GROUP, 40);
}

/* --- ALPN --- */

static void test_alpn(void **state)
{
	const struct world w = { .certs = { p256 }, .alpn = { "h2", "http/1.1" } };
	const struct world none = { .certs = { p256 } };
	struct client c = modern;
	struct tls_choice choice;

	(void)state;
	c.alpn = "\x08http/1.1\x02h2";
	c.alpn_len = 12;
	choice = choose(&w, &c);
	assert_int_equal(choice.alpn_len, 2); /* the server's order */
	assert_memory_equal(choice.alpn, "h2", 2);
	c.alpn_len = 9;
	choice = choose(&w, &c);
	assert_memory_equal(choice.alpn, "http/1.1", 8);
	choice = choose(&none, &c);
	assert_null(choice.alpn);
	assert_ptr_equal(choice.cert, p256);
	c.alpn = "\x02h3\x03h2c";
	c.alpn_len = 7;
	refuses(&w, &c, SELECT_NO_ALPN, 120);
	c.alpn = "\x01h\x07http/1.";
	c.alpn_len = 10;
	refuses(&w, &c, SELECT_NO_ALPN, 120);
	c.alpn = NULL;
	c.alpn_len = 0;
	choice = choose(&w, &c);
	assert_null(choice.alpn);
	assert_ptr_equal(choice.cert, p256);
}

/* --- real hellos --- */

static void test_captured_hellos(void **state)
{
	static const struct {
		const char *name;
		const char *policy;
		uint16_t version;
		enum select_reason reason;
	} cases[] = {
		{ "curl", NULL, 0x0304, SELECT_EXACT },
		{ "openssl13", NULL, 0x0304, SELECT_EXACT },
		{ "openssl12", NULL, 0x0303, SELECT_DEFAULT_NO_SNI },
		{ "gnutls", NULL, 0x0304, SELECT_DEFAULT_NO_MATCH },
		{ "pq", NULL, 0x0304, SELECT_DEFAULT_NO_MATCH },
		{ "rsaonly", NULL, 0x0303, SELECT_EXACT },
		{ "openssl10", "ELBSecurityPolicy-2016-08", 0x0301, SELECT_DEFAULT_NO_MATCH },
		{ "openssl10", NULL, 0, SELECT_NO_VERSION },
		{ "fallback", NULL, 0x0303, SELECT_FALLBACK },
	};
	static uint8_t scratch[HELLO_SCRATCH];
	struct cert *certs[] = { rsa, p256 };
	static struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *policy = cases[i].policy ? cases[i].policy : POLICY_DEFAULT;
		const struct tls_service_config config = { .listener = "https",
			.own = { .policy = policy_find(policy) },
			.defaults = &fallback,
			.n_defaults = 1,
			.certificates = certs,
			.n_certificates = 2 };
		struct tls_service *s = tls_service_new(&config, &e);
		struct tls_choice choice;
		struct iovec in;
		struct hello h;
		char path[64];
		uint8_t alert;
		size_t need;

		snprintf(path, sizeof(path), "fuzz/corpus/hello/%s", cases[i].name);
		in.iov_base = kit_read(path, &in.iov_len);
		assert_int_equal(hello_read(&h, &in, 1, scratch, &need, &alert), HELLO_OK);
		select_certificate(s, &h, &choice);
		if (choice.reason != cases[i].reason || choice.version != cases[i].version)
			fail_msg("%s: %s, version %04x", cases[i].name,
			    select_reason_text(choice.reason), choice.version);
		if (choice.reason == SELECT_EXACT)
			assert_ptr_equal(
			    choice.cert, strcmp(cases[i].name, "rsaonly") ? p256 : rsa);
		free(in.iov_base);
		tls_service_free(s);
	}
}

static void test_every_reason_has_a_text(void **state)
{
	(void)state;
	for (unsigned i = SELECT_EXACT; i <= SELECT_FALLBACK; i++) {
		assert_string_not_equal(select_reason_text(i), "unknown");
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(select_reason_text(i), select_reason_text(k));
	}
}

static int setup(void **state)
{
	(void)state;
	rsa = kit_named_cert("www.example.com", CERT_RSA, 2048);
	p256 = kit_named_cert("www.example.com", CERT_P256, 256);
	p384 = kit_named_cert("www.example.com", CERT_P384, 384);
	ed25519 = kit_named_cert("www.example.com", CERT_ED25519, 256);
	fallback = kit_named_cert("", CERT_RSA, 2048);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cert_put(rsa);
	cert_put(p256);
	cert_put(p384);
	cert_put(ed25519);
	cert_put(fallback);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls13_by_signature_algorithms),
		cmocka_unit_test(test_tls13_missing_extensions),
		cmocka_unit_test(test_tls12_by_suites_groups_and_signatures),
		cmocka_unit_test(test_static_rsa_needs_no_group_and_no_signature),
		cmocka_unit_test(test_sha1_does_not_count),
		cmocka_unit_test(test_tls10_by_suites),
		cmocka_unit_test(test_suite_is_the_servers_first),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_fallback_scsv),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_captured_hellos),
		cmocka_unit_test(test_every_reason_has_a_text),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
