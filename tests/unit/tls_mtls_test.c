/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tests/unit/tls_peer_kit.h"
#include "tls/ctx_names.h"
#include "tls/policy.h"
#include "tls/service.h"
#include "tls/ticket.h"
#include "tls/trust.h"

#include <cmocka.h>

/*
 * Mutual TLS between OpenSSL's client and all of the server's path: alert, status, counter. Certificates are those of
 * tests/unit/trust_pki; the time is KIT_NOW.
 */

static struct tls_worker *worker;
static struct cert *p256;
static struct err e;
static const int versions[] = { 0x0303, 0x0304 };
static const char *const kinds[] = { "ec", "rsa" };

static uint32_t clock_s(void)
{
	return (uint32_t)KIT_NOW;
}

/* Bundle and CRLs: names separated by blanks, "": none. */
static struct trust_store *
store_with(const char *kind, const char *bundle, const char *crls, struct trust_options options)
{
	struct trust_text texts[8] = { { .at = NULL } }, ca = { .path = "bundle.pem" };
	const char *paths[8];
	struct trust_source source = { .name = "partners",
		.bundle = "bundle.pem",
		.crls = paths,
		.options = options,
		.file = "test.cfg",
		.line = 7 };
	char list[512] = "", *copy = strdup(bundle), *rest = copy, *name;
	struct trust_store *t;

	while ((name = strsep(&rest, " ")) != NULL) {
		size_t end = strlen(list);

		snprintf(list + end, sizeof(list) - end, "%sunit/trust_pki/%s/%s", end ? " " : "",
		    kind, name);
	}
	free(copy);
	ca.at = (uint8_t *)kit_read(list, &ca.len);
	copy = strdup(crls);
	for (rest = copy; *crls && (name = strsep(&rest, " ")) != NULL; source.n_crls++) {
		struct trust_text *text = &texts[source.n_crls];

		snprintf(list, sizeof(list), "unit/trust_pki/%s/%s", kind, name);
		paths[source.n_crls] = text->path = name;
		text->at = (uint8_t *)kit_read(list, &text->len);
	}
	err_init(&e);
	t = trust_parse(&source, &ca, texts, KIT_NOW, &e);
	if (!t)
		fail_msg("%s", e.text);
	free((void *)(uintptr_t)ca.at);
	for (unsigned i = 0; i < source.n_crls; i++)
		free((void *)(uintptr_t)texts[i].at);
	free(copy);
	return t;
}

/* Takes the store. */
static struct tls_service *service_of(enum mtls_mode mode, struct trust_store *trust)
{
	const struct tls_service_config config = { .listener = "https",
		.own = { .policy = policy_find("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06"),
		    .mtls = { .mode = mode, .trust = trust, .advertises = true } },
		.defaults = &p256,
		.n_defaults = 1 };
	struct tls_service *s = tls_service_new(&config, &e);

	assert_non_null(s);
	trust_put(trust);
	return s;
}

static struct tls_service *verifying(const char *kind, const char *bundle, const char *crls)
{
	return service_of(MTLS_VERIFY, store_with(kind, bundle, crls, trust_defaults));
}

/* A client that shows name.chain of a kind; name NULL: nothing. */
static struct peer_result connect_as(const struct tls_service *s, const char *kind,
    const char *name, int version, const struct tls_service *later)
{
	char chain[128], key[128];
	struct peer_client client = {
		.version = version, .name = "www.example.com", .later = later
	};

	snprintf(chain, sizeof(chain), "unit/trust_pki/%s/%s.chain", kind, name ? name : "");
	snprintf(key, sizeof(key), "unit/trust_pki/%s/%s.key", kind, name ? name : "");
	if (name) {
		client.chain = chain;
		client.key = key;
	}
	return peer_connect(worker, s, &client);
}

/* Connects and compares; says who it was when it is wrong. */
static void expect(const struct tls_service *s, const char *kind, const char *name, int version,
    enum client_cert_status wanted)
{
	uint64_t before = tls_worker_stats(worker)->client_certs[wanted];
	struct peer_result r = connect_as(s, kind, name, version, NULL);
	bool has_failed = client_cert_has_failed(wanted);
	uint8_t alert = has_failed ? client_cert_alert(wanted, (uint16_t)version) : 0;

	if (r.done == has_failed || r.alert != alert || r.facts.client_cert_status != wanted)
		fail_msg("%s %s in %04x: %s, %s, alert %u; wanted %s, alert %u", kind,
		    name ? name : "nobody", (unsigned)version, r.done ? "accepted" : "refused",
		    client_cert_status_name(r.facts.client_cert_status), r.alert,
		    client_cert_status_name(wanted), alert);
	if (has_failed) {
		assert_int_equal(r.facts.alert, alert);
		assert_true(r.facts.alert_is_ours);
	}
	assert_int_equal(tls_worker_stats(worker)->client_certs[wanted], before + 1);
	assert_null(r.session); /* nothing to resume with */
	client_cert_free(r.client_cert);
}

static void matrix(void **state)
{
	static const struct {
		const char *name;
		enum client_cert_status status;
	} cases[] = {
		{ "good", CLIENT_CERT_SUCCESS },
		{ "direct", CLIENT_CERT_SUCCESS },
		{ "expired", CLIENT_CERT_EXPIRED },
		{ "future", CLIENT_CERT_NOT_YET_VALID },
		{ "server", CLIENT_CERT_PURPOSE },
		{ "unknown", CLIENT_CERT_UNTRUSTED },
		{ "missing", CLIENT_CERT_UNTRUSTED },
		{ "too-long", CLIENT_CERT_INVALID },
		{ "deep", CLIENT_CERT_MAX_DEPTH },
		{ "selfsigned", CLIENT_CERT_UNTRUSTED },
		{ "under-revoked", CLIENT_CERT_CRL_HIT },
		{ "critical", CLIENT_CERT_INVALID },
		{ "forged", CLIENT_CERT_UNTRUSTED },
		{ "big", CLIENT_CERT_MAX_SIZE },
		{ NULL, CLIENT_CERT_UNMAPPED },
	};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct tls_service *s = verifying(kinds[k], "root.pem", "root.crl");
		struct tls_service *with_inter =
		    verifying(kinds[k], "root.pem inter.pem", "root.crl inter.crl");

		for (unsigned v = 0; v < 2; v++) {
			for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
				expect(s, kinds[k], cases[i].name, versions[v], cases[i].status);
			expect(with_inter, kinds[k], "revoked", versions[v], CLIENT_CERT_CRL_HIT);
			expect(with_inter, kinds[k], "missing", versions[v], CLIENT_CERT_SUCCESS);
		}
		tls_service_free(s);
		tls_service_free(with_inter);
	}
}

static void crls_that_are_missing_or_stale(void **state)
{
	struct trust_options o = trust_defaults;

	(void)state;
	o.needs_crl = true;
	for (unsigned k = 0; k < 2; k++) {
		struct tls_service *missing =
		    service_of(MTLS_VERIFY, store_with(kinds[k], "root.pem", "root.crl", o));
		struct tls_service *stale =
		    verifying(kinds[k], "root.pem inter.pem", "inter-stale.crl");

		for (unsigned v = 0; v < 2; v++) {
			expect(missing, kinds[k], "good", versions[v], CLIENT_CERT_CRL_ERROR);
			expect(missing, kinds[k], "direct", versions[v], CLIENT_CERT_SUCCESS);
			expect(stale, kinds[k], "good", versions[v], CLIENT_CERT_CRL_ERROR);
		}
		tls_service_free(missing);
		tls_service_free(stale);
	}
}

/* tls.md 7: with wolfSSL's store the third of these would be accepted. */
static void poisoning_is_impossible(void **state)
{
	struct tls_service *strict = verifying("ec", "root.pem", "");
	struct tls_service *lax = service_of(MTLS_PASSTHROUGH, NULL);

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		for (unsigned i = 0; i < 3; i++) {
			expect(lax, "ec", "forged", versions[v], CLIENT_CERT_PASSED);
			expect(lax, "ec", "good", versions[v], CLIENT_CERT_PASSED);
			expect(strict, "ec", "forged", versions[v], CLIENT_CERT_UNTRUSTED);
			expect(strict, "ec", "good", versions[v], CLIENT_CERT_SUCCESS);
			/* Neither a forged CA nor a good one that a client brought stays behind. */
			expect(strict, "ec", "missing", versions[v], CLIENT_CERT_UNTRUSTED);
			expect(strict, "ec", "unknown", versions[v], CLIENT_CERT_UNTRUSTED);
		}
	}
	tls_service_free(strict);
	tls_service_free(lax);
}

static void passthrough_takes_everybody_and_tells(void **state)
{
	static const char *const names[] = { "good", "expired", "unknown", "selfsigned", "revoked",
		"server", "missing", "deep", NULL };
	struct tls_service *s = service_of(MTLS_PASSTHROUGH, NULL);

	(void)state;
	for (unsigned k = 0; k < 2; k++)
		for (unsigned v = 0; v < 2; v++)
			for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
				expect(s, kinds[k], names[i], versions[v], CLIENT_CERT_PASSED);
	tls_service_free(s);
}

static void facts_are_collected(void **state)
{
	struct tls_service *s = verifying("ec", "root.pem", "");

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		struct peer_result r = connect_as(s, "ec", "good", versions[v], NULL);

		assert_true(r.done);
		assert_non_null(r.client_cert);
		assert_string_equal(
		    r.client_cert->subject, "CN=client_.com,OU=client-3,O=mTLS,C=US");
		assert_string_equal(r.client_cert->issuer, "CN=Trust-Intermediate,O=Trust,C=US");
		assert_int_equal(r.client_cert->n_chain, 2);
		client_cert_free(r.client_cert);
		/* Of one that is refused, too. */
		r = connect_as(s, "ec", "expired", versions[v], NULL);
		assert_false(r.done);
		assert_string_equal(r.client_cert->subject, "CN=expired");
		client_cert_free(r.client_cert);
		r = connect_as(s, "ec", NULL, versions[v], NULL);
		assert_null(r.client_cert);
	}
	tls_service_free(s);
}

static void ca_names_are_advertised(void **state)
{
	const struct tls_service_config config = { .listener = "https",
		.own = { .mtls = { .mode = MTLS_VERIFY,
			     .trust =
				 store_with("ec", "root.pem inter.pem", "", trust_defaults) } },
		.defaults = &p256,
		.n_defaults = 1 };
	struct tls_service *quiet = tls_service_new(&config, &e);
	struct tls_service *loud = verifying("ec", "root.pem inter.pem other.pem", "");

	(void)state;
	trust_put(config.own.mtls.trust);
	for (unsigned v = 0; v < 2; v++) {
		struct peer_result r = connect_as(loud, "ec", "good", versions[v], NULL);

		assert_true(r.done);
		assert_int_equal(r.n_ca_names, ctx_names_can() ? 3 : 0);
		if (ctx_names_can() &&
		    (!strstr("/CN=Trust-Root /C=US/O=Trust/CN=Trust-Intermediate /CN=Other-Root",
			 r.ca_name) ||
			!strstr(r.ca_name, "/CN=")))
			fail_msg("'%s'", r.ca_name);
		client_cert_free(r.client_cert);
		r = connect_as(quiet, "ec", "good", versions[v], NULL);
		assert_true(r.done);
		assert_int_equal(r.n_ca_names, 0);
		client_cert_free(r.client_cert);
	}
	tls_service_free(quiet);
	tls_service_free(loud);
}

/* What the certificate meets when it arrives is what counts. */
static void a_crl_counts_from_when_it_is_there(void **state)
{
	struct tls_service *before = verifying("ec", "root.pem", "root-clean.crl");
	struct tls_service *after = verifying("ec", "root.pem", "root.crl");
	struct tls_service *off = service_of(MTLS_OFF, NULL);
	struct tls_service *passing = service_of(MTLS_PASSTHROUGH, NULL);
	const struct {
		const struct tls_service *first, *later;
		const char *name;
		bool done;
		enum client_cert_status status;
	} cases[] = {
		{ before, after, "under-revoked", false, CLIENT_CERT_CRL_HIT },
		{ after, before, "under-revoked", true, CLIENT_CERT_SUCCESS },
		{ before, off, "under-revoked", true, CLIENT_CERT_PASSED },
		{ before, passing, "expired", true, CLIENT_CERT_PASSED },
		{ passing, after, "under-revoked", false, CLIENT_CERT_CRL_HIT },
		{ passing, after, NULL, false, CLIENT_CERT_UNMAPPED },
		{ passing, after, "good", true, CLIENT_CERT_SUCCESS },
		{ off, after, "good", true, CLIENT_CERT_NOT_ASKED },
	};

	(void)state;
	for (unsigned v = 0; v < 2; v++)
		for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct peer_result r = connect_as(
			    cases[i].first, "ec", cases[i].name, versions[v], cases[i].later);

			if (r.done != cases[i].done ||
			    r.facts.client_cert_status != cases[i].status)
				fail_msg("case %u in %04x: %s, %s", i, (unsigned)versions[v],
				    r.done ? "accepted" : "refused",
				    client_cert_status_name(r.facts.client_cert_status));
			client_cert_free(r.client_cert);
			if (r.session)
				SSL_SESSION_free(r.session);
		}
	tls_service_free(before);
	tls_service_free(after);
	tls_service_free(off);
	tls_service_free(passing);
}

static void a_name_has_rules_of_its_own(void **state)
{
	struct trust_store *trust = store_with("ec", "root.pem", "", trust_defaults);
	const struct tls_rule_config named[] = {
		{ .name = "www.example.com",
		    .policy = policy_find("ELBSecurityPolicy-FS-1-2-Res-2020-10"),
		    .mtls = { .mode = MTLS_VERIFY, .trust = trust } },
		{ .name = "*.Example.com", .mtls = { .mode = MTLS_PASSTHROUGH } },
	};
	const struct tls_service_config config = { .listener = "https",
		.named = named,
		.n_named = 2,
		.defaults = &p256,
		.n_defaults = 1 };
	struct tls_service *s = tls_service_new(&config, &e);
	const struct tls_rule *rule;

	(void)state;
	assert_non_null(s);
	trust_put(trust);
	rule = tls_service_rule(s, "www.example.com", 15);
	assert_int_equal(rule->mtls.mode, MTLS_VERIFY);
	assert_string_equal(rule->policy->name, "ELBSecurityPolicy-FS-1-2-Res-2020-10");
	assert_int_equal(tls_service_rule(s, "api.example.com", 15)->mtls.mode, MTLS_PASSTHROUGH);
	assert_int_equal(tls_service_rule(s, "a.b.example.com", 15)->mtls.mode, MTLS_OFF);
	assert_int_equal(tls_service_rule(s, "example.com", 11)->mtls.mode, MTLS_OFF);
	assert_int_equal(tls_service_rule(s, "", 0)->mtls.mode, MTLS_OFF);
	expect(s, "ec", "good", 0x0303, CLIENT_CERT_SUCCESS);
	expect(s, "ec", "unknown", 0x0303, CLIENT_CERT_UNTRUSTED);
	assert_false(connect_as(s, "ec", "good", 0x0304, NULL).done); /* the policy of the name */
	tls_service_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matrix),
		cmocka_unit_test(crls_that_are_missing_or_stale),
		cmocka_unit_test(poisoning_is_impossible),
		cmocka_unit_test(passthrough_takes_everybody_and_tells),
		cmocka_unit_test(facts_are_collected),
		cmocka_unit_test(ca_names_are_advertised),
		cmocka_unit_test(a_crl_counts_from_when_it_is_there),
		cmocka_unit_test(a_name_has_rules_of_its_own),
	};
	const struct tls_worker_config config = { .now_s = clock_s };
	struct ticket_ring *ring;
	int failed;

	if (tls_global_init() != 0)
		return 1;
	worker = tls_worker_new(&config);
	ring = ticket_ring_new(3600, &e);
	if (!worker || !ring)
		return 1;
	tls_worker_set_tickets(worker, ring);
	p256 = peer_cert("p256");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	cert_put(p256);
	tls_worker_free(worker);
	ticket_ring_free(ring);
	tls_global_fini();
	return failed;
}
