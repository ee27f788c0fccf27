/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "config/err.h"
#include "tests/unit/tls_origin_kit.h"
#include "tls/cert.h"
#include "tls/client_cert.h"
#include "tls/policy.h"

#include <cmocka.h>

/* Who is believed to be the target, and what a server that is not is told. */

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
static struct tls_worker *worker;

static int setup(void **state)
{
	const struct tls_worker_config config = { .max_contexts = 32 };

	if (kit_origin_setup(state) != 0)
		return -1;
	worker = tls_worker_new(&config);
	return worker ? 0 : -1;
}

static int teardown(void **state)
{
	tls_worker_free(worker);
	return kit_origin_teardown(state);
}

/* Connects with either version; the alert is the one that the server has to get. */
static void expect(const struct origin *o, const struct kit_leaf *leaf,
    enum client_cert_status status, uint8_t alert)
{
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = kit_server(leaf);
		struct kit_result r;

		SSL_CTX_set_min_proto_version(server, versions[i]);
		SSL_CTX_set_max_proto_version(server, versions[i]);
		r = kit_connect(worker, o, server, NULL);
		assert_string_equal(server_cert_status_name(r.facts.server_cert_status),
		    server_cert_status_name(status));
		assert_int_equal(r.facts.server_cert_status, status);
		assert_int_equal(r.done, alert == 0);
		assert_int_equal(r.server_alert, alert);
		assert_int_equal(r.facts.alert, alert ? alert : 0xff);
		assert_int_equal(r.facts.version, versions[i]);
		assert_string_equal(r.refused, alert ? "leaf" : "");
		SSL_CTX_free(server);
	}
}

static void only_the_right_server_is_spoken_to(void **state)
{
	struct origin *o = kit_origin(NULL);

	(void)state;
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER }, CLIENT_CERT_SUCCESS, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_ROOT }, CLIENT_CERT_SUCCESS, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .rsa = true }, CLIENT_CERT_SUCCESS, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .purpose = "" }, CLIENT_CERT_SUCCESS, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .names = "DNS:www.test" },
	    CLIENT_CERT_HOSTNAME, 42);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .names = "" }, CLIENT_CERT_HOSTNAME, 42);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .from_day = -9, .to_day = -1 },
	    CLIENT_CERT_EXPIRED, 45);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .from_day = 1, .to_day = 9 },
	    CLIENT_CERT_NOT_YET_VALID, 45);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .purpose = "clientAuth" },
	    CLIENT_CERT_PURPOSE, 42);
	expect(o, &(struct kit_leaf){ .issuer = KIT_OTHER }, CLIENT_CERT_UNTRUSTED, 48);
	expect(o, &(struct kit_leaf){ .issuer = KIT_SELF }, CLIENT_CERT_UNTRUSTED, 48);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .no_chain = true },
	    CLIENT_CERT_UNTRUSTED, 48);
	origin_free(o);
}

static void what_a_name_is_wanted_by(void **state)
{
	static const struct {
		const char *wanted, *names;
		bool is_good;
	} cases[] = {
		{ "app.test", "DNS:other.test, DNS:APP.test", true },
		{ "app.test", "DNS:*.test", true },
		{ "app.test", "DNS:*.app.test", false },
		{ "a.b.test", "DNS:*.test", false },
		{ "app.test", "DNS:a*.test", false },
		{ "app.test", "DNS:app.test.evil", false },
		{ "app.test", "email:app.test", false },
		{ "app.test", "URI:https://app.test", false },
		{ "192.0.2.7", "IP:192.0.2.7", true },
		{ "192.0.2.7", "IP:192.0.2.8", false },
		{ "192.0.2.7", "DNS:192.0.2.7", false },
		{ "2001:db8::7", "IP:2001:db8::7", true },
		{ "[2001:db8::7]", "IP:2001:db8::7", true },
		/* The target's own address, which is 192.0.2.7. */
		{ NULL, "IP:192.0.2.7", true },
		{ NULL, "IP:192.0.2.9, DNS:app.test", false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct origin_config config = { .verify = true,
			.server_name = cases[i].wanted };
		struct origin *o = kit_origin(&config);

		expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .names = cases[i].names },
		    cases[i].is_good ? CLIENT_CERT_SUCCESS : CLIENT_CERT_HOSTNAME,
		    cases[i].is_good ? 0 : 42);
		origin_free(o);
	}
}

static void revoked_servers_are_refused(void **state)
{
	static const long two[] = { 7, 9, 0 }, none[] = { 0 };
	const struct kit_leaf leaf = { .issuer = KIT_INTER, .serial = 9 };
	struct trust_options needs = trust_defaults, stale = trust_defaults;
	struct origin_config config = { .verify = true, .server_name = "app.test" };
	struct origin *o;

	(void)state;
	needs.needs_crl = true;
	stale.may_be_stale = true;
	const struct {
		struct trust_options options;
		const long *revoked;
		int to_day;
		enum client_cert_status status;
		uint8_t alert;
	} cases[] = {
		{ trust_defaults, two, 9, CLIENT_CERT_CRL_HIT, 44 },
		{ trust_defaults, none, 9, CLIENT_CERT_SUCCESS, 0 },
		{ trust_defaults, none, -1, CLIENT_CERT_CRL_ERROR, 42 },
		{ stale, none, -1, CLIENT_CERT_SUCCESS, 0 },
		{ stale, two, -1, CLIENT_CERT_CRL_HIT, 44 },
		{ needs, NULL, 0, CLIENT_CERT_CRL_ERROR, 42 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config.trust = kit_trust(1 << KIT_ROOT | 1 << KIT_INTER, cases[i].options,
		    cases[i].revoked, cases[i].to_day);
		o = kit_origin(&config);
		trust_put(config.trust);
		expect(o, &leaf, cases[i].status, cases[i].alert);
		origin_free(o);
	}
}

static void a_chain_has_its_limits(void **state)
{
	struct trust_options shallow = trust_defaults;
	struct origin_config config = { .verify = true, .server_name = "app.test" };
	struct origin *o = kit_origin(NULL);

	(void)state;
	/* What does not belong to it does no harm, up to what wolfSSL reads. */
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .n_more = 4 }, CLIENT_CERT_SUCCESS, 0);
	expect(
	    o, &(struct kit_leaf){ .issuer = KIT_INTER, .n_more = 12 }, CLIENT_CERT_MAX_DEPTH, 42);
	origin_free(o);
	shallow.max_depth = 1;
	config.trust = kit_trust(1 << KIT_ROOT, shallow, NULL, 0);
	o = kit_origin(&config);
	trust_put(config.trust);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER }, CLIENT_CERT_MAX_DEPTH, 42);
	expect(o, &(struct kit_leaf){ .issuer = KIT_ROOT }, CLIENT_CERT_SUCCESS, 0);
	origin_free(o);
}

static void a_key_must_be_a_servers(void **state)
{
	struct origin *o = kit_origin(NULL);

	(void)state;
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .purpose = "codeSigning, OCSPSigning" },
	    CLIENT_CERT_PURPOSE, 42);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .purpose = "anyExtendedKeyUsage" },
	    CLIENT_CERT_SUCCESS, 0);
	origin_free(o);
}

static void without_verification_anybody_will_do(void **state)
{
	const struct origin_config config = { .server_name = "app.test" };
	struct origin *o = kit_origin(&config);

	(void)state;
	expect(o, &(struct kit_leaf){ .issuer = KIT_SELF }, CLIENT_CERT_PASSED, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_OTHER, .names = "DNS:www.test" },
	    CLIENT_CERT_PASSED, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .from_day = -9, .to_day = -1 },
	    CLIENT_CERT_PASSED, 0);
	origin_free(o);
}

/* What is in force when the certificate arrives counts, not what was when the connection was made. */
static void the_verdict_is_by_what_holds_now(void **state)
{
	const struct origin_config lax = { .server_name = "app.test" };
	struct origin *strict = kit_origin(NULL), *open = kit_origin(&lax);
	SSL_CTX *server = kit_server(&(struct kit_leaf){ .issuer = KIT_OTHER });
	static struct kit_conn c;

	(void)state;
	kit_begin(&c, worker, open, server, NULL);
	kit_shake(&c, strict);
	assert_int_equal(c.status, HANDSHAKE_FAILED);
	assert_int_equal(c.facts.server_cert_status, CLIENT_CERT_UNTRUSTED);
	assert_int_equal(c.server_alert, 48);
	kit_end(&c);
	kit_begin(&c, worker, strict, server, NULL);
	kit_shake(&c, open);
	assert_true(c.is_open);
	assert_int_equal(c.facts.server_cert_status, CLIENT_CERT_PASSED);
	kit_end(&c);
	/* No target any more. */
	kit_begin(&c, worker, open, server, NULL);
	kit_shake(&c, NULL);
	assert_int_equal(c.status, HANDSHAKE_FAILED);
	assert_int_equal(c.facts.server_cert_status, CLIENT_CERT_UNMAPPED);
	assert_int_equal(c.server_alert, 80);
	kit_end(&c);
	SSL_CTX_free(server);
	origin_free(strict);
	origin_free(open);
}

/* A verification by wolfCrypt leaves vector registers as its next key exchange cannot have them (handshake_worker.c). */
static void a_key_exchange_after_a_verification_is_right(void **state)
{
	SSL_CTX *server = kit_server(&(struct kit_leaf){ .issuer = KIT_INTER });
	struct origin *o = kit_origin(NULL);

	(void)state;
	SSL_CTX_set_max_proto_version(server, TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_set1_groups_list(server, (char *)(uintptr_t) "X25519"), 1);
	for (unsigned i = 0; i < 40; i++)
		assert_true(kit_connect(worker, o, server, NULL).done);
	SSL_CTX_free(server);
	origin_free(o);
}

static void an_origin_that_makes_no_sense_is_refused(void **state)
{
	static const char *const alpn[] = { "h2", "http,1.1", "" };
	static struct err e;
	const struct origin_config cases[] = {
		{ .name = "app", .verify = true, .server_name = "app.test" },
		{ .name = "app", .server_name = "" },
		{ .name = "app", .server_name = "app..test" },
		{ .name = "app", .server_name = "*.test" },
		{ .name = "app", .server_name = "[app.test]" },
		{ .name = "app", .server_name = "http://app.test" },
		{ .name = "app", .server_name = "app.test", .alpn = alpn + 1, .n_alpn = 1 },
		{ .name = "app", .server_name = "app.test", .alpn = alpn + 2, .n_alpn = 1 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err_init(&e);
		assert_null(origin_new(&cases[i], &e));
		assert_int_equal(e.n, 1);
		assert_non_null(strstr(e.text, "backend 'app': "));
	}
	origin_free(NULL);
}

/* A listener's certificate is none to show to a backend, unless it says that it is. */
static void a_servers_certificate_is_not_shown(void **state)
{
	static struct err e;
	struct cert *own = kit_own_cert();
	struct origin_config config = { .name = "app", .certificate = own };
	struct origin *o;

	(void)state;
	err_init(&e);
	o = origin_new(&config, &e);
	assert_non_null(o);
	origin_free(o);
	own->not_for_clients = true;
	assert_null(origin_new(&config, &e));
	assert_non_null(strstr(e.text, "is not meant for clients"));
	cert_put(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_right_server_is_spoken_to),
		cmocka_unit_test(what_a_name_is_wanted_by),
		cmocka_unit_test(revoked_servers_are_refused),
		cmocka_unit_test(a_chain_has_its_limits),
		cmocka_unit_test(a_key_must_be_a_servers),
		cmocka_unit_test(without_verification_anybody_will_do),
		cmocka_unit_test(the_verdict_is_by_what_holds_now),
		cmocka_unit_test(a_key_exchange_after_a_verification_is_right),
		cmocka_unit_test(an_origin_that_makes_no_sense_is_refused),
		cmocka_unit_test(a_servers_certificate_is_not_shown),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
