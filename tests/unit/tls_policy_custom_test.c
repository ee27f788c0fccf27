/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tests/unit/tls_peer_kit.h"
#include "tls/policy.h"
#include "tls/select.h"
#include "tls/service.h"

#include <cmocka.h>

static struct tls_worker *worker;
static struct cert *p256, *rsa;
static struct err e;

struct lists {
	const char *base;
	const char *versions[5], *suites[42], *groups[10], *sigalgs[18];
	bool client_order;
};

static unsigned count(const char *const *list)
{
	unsigned n = 0;

	while (list[n])
		n++;
	return n;
}

static const char *make(struct policy *p, const struct lists *l, char text[300])
{
	const struct policy_spec spec = { .name = "mine",
		.based_on = policy_find(l->base),
		.versions = l->versions,
		.n_versions = count(l->versions),
		.suites = l->suites,
		.n_suites = count(l->suites),
		.groups = l->groups,
		.n_groups = count(l->groups),
		.sigalgs = l->sigalgs,
		.n_sigalgs = count(l->sigalgs),
		.client_order = l->client_order };

	return policy_make(p, &spec, text, 300);
}

static void what_does_not_fit_is_refused(void **state)
{
	static const struct {
		struct lists lists;
		const char *why;
	} cases[] = {
		{ { .versions = { "SSLv3" } }, "versions 'SSLv3' is not known" },
		{ { .versions = { "TLSv1.2", "TLSv1.2" } }, "versions 'TLSv1.2' is listed twice" },
		{ { .versions = { "TLSv1.1", "TLSv1.3" } }, "has a gap" },
		{ { .versions = { "TLSv1.1", "TLSv1.2" } }, "versions 'TLSv1.1' has no suite" },
		{ { .suites = { "RC4-MD5" } }, "suites 'RC4-MD5' is not known" },
		{ { .suites = { "AES128-SHA", "aes128-sha" } }, "listed twice" },
		{ { .suites = { "TLS_AES_128_GCM_SHA256" } }, "versions 'TLSv1.2' has no suite" },
		{ { .versions = { "TLSv1.3" },
		      .suites = { "TLS_AES_128_GCM_SHA256", "AES128-SHA" } },
		    "suites 'AES128-SHA' belongs to none of the policy's versions" },
		{ { .base = "ELBSecurityPolicy-2016-08",
		      .versions = { "TLSv1", "TLSv1.1" },
		      .suites = { "AES128-SHA", "AES128-GCM-SHA256" } },
		    "suites 'AES128-GCM-SHA256' belongs to none" },
		{ { .groups = { "brainpoolP256r1" } }, "groups 'brainpoolP256r1' is not known" },
		{ { .groups = { "P-256", "secp256r1" } }, "listed twice" },
		{ { .groups = { "X25519MLKEM768" } }, "list a curve, too" },
		{ { .sigalgs = { "rsa_pkcs1_sha1" } },
		    "signature_algorithms 'rsa_pkcs1_sha1' is not known" },
	};
	char text[300];
	struct policy p;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = make(&p, &cases[i].lists, text);

		if (!why || !strstr(why, cases[i].why))
			fail_msg("%u: %s, not %s", i, why ? why : "accepted", cases[i].why);
	}
}

static void what_is_left_out_comes_from_the_base(void **state)
{
	const struct policy *base = policy_find("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06");
	struct lists l = { .base = base->name };
	struct policy same, only13, only12, again;
	char text[300];

	(void)state;
	assert_null(make(&same, &l, text));
	assert_int_equal(same.n_suites, base->n_suites);
	assert_memory_equal(same.suites, base->suites, base->n_suites * sizeof(base->suites[0]));
	assert_int_equal(same.min_version, base->min_version);
	assert_true(same.id != base->id);
	assert_null(make(&again, &l, text));
	assert_true(again.id == same.id);
	/* Suites that the versions leave without use go. */
	l.versions[0] = "TLSv1.3";
	assert_null(make(&only13, &l, text));
	assert_int_equal(only13.n_suites, 3);
	l.versions[0] = "tlsv1.2";
	assert_null(make(&only12, &l, text));
	assert_int_equal(only12.n_suites, base->n_suites - 3);
	assert_true(only12.id != only13.id);
}

/* The service of a policy with both certificates. */
static struct tls_service *serve(struct policy *p, const struct lists *l)
{
	struct cert *const certs[] = { p256, rsa };
	const struct tls_service_config config = { .listener = "https",
		.own = { .policy = p },
		.defaults = certs,
		.n_defaults = 2,
		.no_tickets = true };
	struct tls_service *s;
	char text[300];
	const char *why = make(p, l, text);

	if (why)
		fail_msg("%s", why);
	s = tls_service_new(&config, &e);
	assert_non_null(s);
	return s;
}

static void
expect_suite(const struct tls_service *s, const struct peer_client *client, const char *suite)
{
	struct peer_result r = peer_connect(worker, s, client);

	if (!suite) {
		assert_false(r.done);
		return;
	}
	assert_true(r.done);
	assert_string_equal(policy_suite_name(r.facts.suite), suite);
}

static void the_clients_order_decides_where_it_may(void **state)
{
	static const char offer[] = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
	const struct peer_client tls12 = { .version = 0x0303, .ciphers = offer };
	const struct peer_client tls13 = { .version = 0x0304,
		.suites13 = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256" };
	struct lists l = { .base = "ELBSecurityPolicy-TLS13-1-2-2021-06" };
	struct policy p;
	struct tls_service *s = serve(&p, &l);

	(void)state;
	expect_suite(s, &tls12, "ECDHE-ECDSA-AES128-GCM-SHA256");
	expect_suite(s, &tls13, "TLS_AES_128_GCM_SHA256");
	tls_service_free(s);
	l.client_order = true;
	s = serve(&p, &l);
	expect_suite(s, &tls12, "ECDHE-ECDSA-AES256-GCM-SHA384");
	expect_suite(s, &tls13, "TLS_CHACHA20_POLY1305_SHA256");
	tls_service_free(s);
}

/*
 * Below TLS 1.3, with both kinds of key, whatever the client prefers. (In TLS 1.3 groups that it has sent a share for come first,
 * as without it there is another round trip.)
 */
static void groups_come_in_the_policys_order(void **state)
{
	static const struct {
		const char *groups[3];
		const char *client;
		uint16_t wanted;
	} rows[] = {
		{ { "secp384r1", "x25519", "secp256r1" }, "X25519:P-256:P-384", 24 },
		{ { "secp256r1", "x25519" }, "X25519:P-384:P-256", 23 },
		{ { "x25519", "secp256r1" }, "P-256:P-521:X25519", 29 },
		{ { "secp521r1", "x25519" }, "P-256:X25519:P-521", 25 },
		{ { "secp521r1", "x25519", "secp256r1" }, "P-256:X25519", 29 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lists l = { .base = "ELBSecurityPolicy-TLS13-1-0-2021-06" };
		struct policy p;
		struct tls_service *s;

		memcpy(l.groups, rows[i].groups, sizeof(rows[i].groups));
		s = serve(&p, &l);
		for (int rsa_only = 0; rsa_only < 2; rsa_only++)
			for (int v = 0x0301; v <= 0x0303; v++) {
				const struct peer_client client = { .version = v,
					.groups = rows[i].client,
					.ciphers = rsa_only ? "ECDHE-RSA-AES128-SHA" : NULL,
					.sigalgs = v < 0x0303 ? NULL
					    : rsa_only        ? "RSA-PSS+SHA256"
							      : "ECDSA+SHA256" };
				struct peer_result r = peer_connect(worker, s, &client);

				if (!r.done || r.facts.group != rows[i].wanted)
					fail_msg("%zu in %04x: %u, not %u", i, v, r.facts.group,
					    rows[i].wanted);
			}
		tls_service_free(s);
	}
}

static void signature_algorithms_choose_the_certificate(void **state)
{
	struct lists l = { .base = "ELBSecurityPolicy-TLS13-1-2-2021-06",
		.sigalgs = { "rsa_pss_rsae_sha384", "rsa_pkcs1_sha384" } };
	struct peer_client client = { .version = 0x0304 };
	struct policy p;
	struct tls_service *s = serve(&p, &l);
	struct peer_result r;

	(void)state;
	r = peer_connect(worker, s, &client);
	assert_true(r.done);
	assert_memory_equal(r.leaf, rsa->fingerprint, 32);
	assert_int_equal(r.facts.sigalg, 0x0805);
	client.sigalgs = "RSA-PSS+SHA256:ECDSA+SHA256";
	assert_false(peer_connect(worker, s, &client).done);
	client.version = 0x0303;
	client.sigalgs = "RSA+SHA384:ECDSA+SHA256";
	r = peer_connect(worker, s, &client);
	assert_true(r.done);
	assert_int_equal(r.facts.sigalg, 0x0501);
	tls_service_free(s);
}

static void a_policy_nobody_can_be_served_with_is_refused(void **state)
{
	struct lists l = { .versions = { "TLSv1.2" }, .suites = { "ECDHE-RSA-AES128-GCM-SHA256" } };
	struct policy p;
	const struct tls_service_config config = {
		.listener = "https", .own = { .policy = &p }, .defaults = &p256, .n_defaults = 1
	};
	char text[300];

	(void)state;
	assert_null(make(&p, &l, text));
	err_init(&e);
	assert_null(tls_service_new(&config, &e));
	assert_non_null(strstr(
	    e.text, "listener 'https': no certificate of it can be served with policy 'mine'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(what_is_left_out_comes_from_the_base),
		cmocka_unit_test(the_clients_order_decides_where_it_may),
		cmocka_unit_test(groups_come_in_the_policys_order),
		cmocka_unit_test(signature_algorithms_choose_the_certificate),
		cmocka_unit_test(a_policy_nobody_can_be_served_with_is_refused),
	};
	const struct tls_worker_config config = { .max_contexts = 64 };
	int failed;

	if (tls_global_init() != 0)
		return 1;
	worker = tls_worker_new(&config);
	if (!worker)
		return 1;
	p256 = peer_cert("p256");
	rsa = peer_cert("rsa2048");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	cert_put(p256);
	cert_put(rsa);
	tls_worker_free(worker);
	tls_global_fini();
	return failed;
}
