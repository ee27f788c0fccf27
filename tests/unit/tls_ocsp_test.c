/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/tls_data_kit.h"
#include "tests/unit/tls_peer_kit.h"
#include "tls/ocsp.h"
#include "tls/policy.h"
#include "tls/service.h"
#include "tls/sni.h"
#include "tls/ticket.h"

#include <cmocka.h>

#define DAY 86400

static char folder[] = "/tmp/tls_ocsp_test.XXXXXX";
static int64_t now; /* when the responses were made */
static struct cert *p256;
static struct err e;

struct file {
	uint8_t at[OCSP_MAX];
	size_t len;
};

static struct file slurp(const char *name)
{
	char path[128];
	struct file f;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "rb");
	if (!in)
		fail_msg("%s is missing", path);
	f.len = fread(f.at, 1, sizeof(f.at), in);
	fclose(in);
	return f;
}

/* Judges exactly so many bytes. */
static enum ocsp_verdict check(const uint8_t *der, size_t len, const struct cert *c, int64_t at,
    struct ocsp_facts *facts, const char **why)
{
	uint8_t *exact = malloc(len + !len);
	enum ocsp_verdict verdict;

	memcpy(exact, der, len);
	verdict = ocsp_check(exact, len, c->chain[0].at, c->chain[0].len, c->chain[1].at,
	    c->chain[1].len, at, facts, why);
	free(exact);
	return verdict;
}

static void good(const char *name, const struct cert *c)
{
	struct file f = slurp(name);
	struct ocsp_facts facts;
	const char *why;

	if (check(f.at, f.len, c, now, &facts, &why) != OCSP_GOOD)
		fail_msg("%s: %s", name, why ? why : "expired");
	assert_in_range(facts.this_update, now - 60, now + 60);
	assert_int_equal(facts.next_update, facts.this_update + 7 * DAY);
}

static void refused(const char *name, const struct cert *c, const char *says)
{
	struct file f = slurp(name);
	struct ocsp_facts facts;
	const char *why;

	if (check(f.at, f.len, c, now, &facts, &why) != OCSP_REFUSED)
		fail_msg("%s was not refused", name);
	if (!strstr(why, says))
		fail_msg("%s: %s", name, why);
}

static void test_good(void **state)
{
	static const char *const names[] = { "p384", "rsa2048", "ed25519" };

	(void)state;
	good("p256.der", p256);
	good("sha256-id.der", p256);
	good("sha384.der", p256);
	good("by-key.der", p256);
	good("by-delegate.der", p256);
	good("by-rsa-delegate.der", p256);
	for (unsigned i = 0; i < 3; i++) {
		struct cert *c = peer_cert(names[i]);
		char file[32];

		snprintf(file, sizeof(file), "%s.der", names[i]);
		good(file, c);
		cert_put(c);
	}
}

static void test_refused(void **state)
{
	struct cert *rsa4096 = peer_cert("rsa4096"), *p521 = peer_cert("p521");

	(void)state;
	refused("p384.der", p256, "about another certificate");
	refused("p256.der", p521, "about another certificate");
	refused("revoked.der", rsa4096, "was revoked");
	refused("unknown.der", p521, "does not know the certificate");
	refused("no-end.der", p256, "nextUpdate");
	refused("later.der", p256, "refusal to answer");
	refused("sha1.der", p256, "SHA-256 or better");
	refused("by-no-usage.der", p256, "not that of the certificate's issuer");
	refused("by-other-ca.der", p256, "not that of the certificate's issuer");
	refused("by-root.der", p256, "not that of the certificate's issuer");
	refused("index", p256, "no OCSP response");
	cert_put(rsa4096);
	cert_put(p521);
}

/* The same name with another key: what a CA has after a key change. */
static void test_other_issuer(void **state)
{
	struct cert *rolled = kit_cert("rolled.pem rollover.pem", "p256.key", &e);

	(void)state;
	assert_non_null(rolled);
	refused("p256.der", rolled, "about another certificate");
	cert_put(rolled);
}

static void test_dates(void **state)
{
	struct file f = slurp("p256.der");
	struct ocsp_facts facts;
	const char *why;

	(void)state;
	assert_int_equal(check(f.at, f.len, p256, now, &facts, &why), OCSP_GOOD);
	assert_int_equal(check(f.at, f.len, p256, facts.next_update, &facts, &why), OCSP_GOOD);
	assert_int_equal(
	    check(f.at, f.len, p256, facts.next_update + 1, &facts, &why), OCSP_EXPIRED);
	assert_int_equal(
	    check(f.at, f.len, p256, facts.this_update - 300, &facts, &why), OCSP_GOOD);
	assert_int_equal(
	    check(f.at, f.len, p256, facts.this_update - 301, &facts, &why), OCSP_EXPIRED);
}

/* No byte can be changed without notice, but in what is neither signed nor needed. */
static void test_damaged(void **state)
{
	struct file f = slurp("p256.der");
	struct ocsp_facts facts;
	unsigned n_good = 0;
	const char *why;

	(void)state;
	for (size_t len = 0; len < f.len; len++)
		assert_int_equal(check(f.at, len, p256, now, &facts, &why), OCSP_REFUSED);
	f.at[f.len] = 0;
	assert_int_equal(check(f.at, f.len + 1, p256, now, &facts, &why), OCSP_REFUSED);
	for (size_t i = 0; i < f.len; i++) {
		f.at[i] ^= 0x40;
		n_good += check(f.at, f.len, p256, now, &facts, &why) == OCSP_GOOD;
		f.at[i] ^= 0x40;
	}
	/* The responder's own certificate, which is the issuer's: we have that. */
	assert_true(n_good < f.len - 150);
}

static void test_decode(void **state)
{
	struct file der = slurp("p256.der"), text = slurp("p256.b64"), pem = slurp("p256.txt");
	uint8_t out[OCSP_MAX];

	(void)state;
	assert_int_equal(ocsp_decode(der.at, der.len, out), der.len);
	assert_memory_equal(out, der.at, der.len);
	assert_int_equal(ocsp_decode(text.at, text.len, out), der.len);
	assert_memory_equal(out, der.at, der.len);
	assert_int_equal(ocsp_decode(pem.at, pem.len, out), der.len);
	assert_memory_equal(out, der.at, der.len);
	assert_int_equal(ocsp_decode(der.at, der.len - 1, out), -1);
	assert_int_equal(ocsp_decode((const uint8_t *)"", 0, out), -1);
	assert_int_equal(ocsp_decode((const uint8_t *)"no\n", 3, out), -1);
}

/* --- in a certificate --- */

static int staple(struct cert *c, const char *name, int64_t at)
{
	const struct cert_source source = {
		.name = "www", .ocsp_path = name, .file = "test.cfg", .line = 7
	};
	struct file f = slurp(name);

	err_init(&e);
	return cert_staple(c, &source, f.at, f.len, at, &e);
}

static void test_certificate(void **state)
{
	struct cert *c = peer_cert("p256"), *alone = kit_cert("p256.pem", "p256.key", &e);
	struct file f = slurp("p256.der");

	(void)state;
	assert_int_equal(staple(c, "p384.der", now), -1);
	assert_non_null(strstr(e.text,
	    "test.cfg:7: certificate 'www': OCSP response p384.der cannot be stapled: it is about"));
	assert_int_equal(staple(c, "index", now), -1);
	assert_null(c->ocsp.at);
	/* Old: left out, with a warning. */
	assert_int_equal(staple(c, "p256.der", now + 8 * DAY), 0);
	assert_null(c->ocsp.at);
	assert_int_equal(c->warnings, CERT_STAPLE_EXPIRED);
	assert_int_equal(staple(c, "p256.txt", now), 0);
	assert_int_equal(c->ocsp.len, f.len);
	assert_memory_equal(c->ocsp.at, f.at, f.len);
	assert_in_range(c->ocsp_next_update, now + 7 * DAY - 60, now + 7 * DAY + 60);
	assert_int_equal(staple(alone, "p256.der", now), -1);
	assert_non_null(strstr(e.text, "issuer's certificate must be in the chain"));
	cert_put(c);
	cert_put(alone);
}

/* --- on the wire --- */

static uint32_t offset_s;

static uint32_t clock_s(void)
{
	return (uint32_t)time(NULL) + offset_s;
}

static struct tls_service *service(struct cert *c)
{
	const struct tls_service_config config = { .listener = "https",
		.own = { .policy = policy_find("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06") },
		.defaults = &c,
		.n_defaults = 1 };

	return tls_service_new(&config, &e);
}

static struct peer_result
connect_to(struct tls_worker *w, const struct tls_service *s, int version, bool wants)
{
	const struct peer_client client = {
		.version = version, .name = "www.example.com", .wants_staple = wants
	};
	struct peer_result r = peer_connect(w, s, &client);

	assert_true(r.done);
	SSL_SESSION_free(r.session);
	return r;
}

static const int versions[] = { 0x0303, 0x0304 };

static void test_stapled(void **state)
{
	static const char *const names[] = { "p256", "rsa2048", "ed25519" };
	const struct tls_worker_config config = { .now_s = clock_s };
	struct tls_worker *w = tls_worker_new(&config);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct cert *c = peer_cert(names[i]), *bare = peer_cert(names[i]);
		struct tls_service *s = service(c), *without = service(bare);
		char file[32];

		snprintf(file, sizeof(file), "%s.der", names[i]);
		assert_int_equal(staple(c, file, now), 0);
		for (unsigned v = 0; v < 2; v++) {
			struct peer_result r = connect_to(w, s, versions[v], true);

			assert_int_equal(r.staple_len, c->ocsp.len);
			assert_memory_equal(r.staple, c->ocsp.at, c->ocsp.len);
			/* Not to those who did not ask, and not where there is none. */
			assert_int_equal(connect_to(w, s, versions[v], false).staple_len, 0);
			assert_int_equal(connect_to(w, without, versions[v], true).staple_len, 0);
			/* Never beyond its time. */
			offset_s = 7 * DAY + 120;
			assert_int_equal(connect_to(w, s, versions[v], true).staple_len, 0);
			offset_s = 0;
		}
		tls_service_free(s);
		tls_service_free(without);
		cert_put(c);
		cert_put(bare);
	}
	tls_worker_free(w);
}

/* A new response is a new version of the certificate. */
static void test_replaced_live(void **state)
{
	const struct tls_worker_config config = { .now_s = clock_s };
	struct tls_worker *w = tls_worker_new(&config);
	struct cert *a = peer_cert("p256"), *b = peer_cert("p256");
	const struct sni_change to_b = { .defaults = &b, .n_defaults = 1 };
	struct tls_service *s = service(a), *next;

	(void)state;
	assert_int_equal(staple(a, "p256.der", now), 0);
	assert_int_equal(staple(b, "by-delegate.der", now), 0);
	assert_int_equal(connect_to(w, s, 0x0304, true).staple_len, a->ocsp.len);
	next = tls_service_replace(s, &to_b, &e);
	for (unsigned v = 0; v < 2; v++) {
		struct peer_result r = connect_to(w, next, versions[v], true);

		assert_int_equal(r.staple_len, b->ocsp.len);
		assert_memory_equal(r.staple, b->ocsp.at, b->ocsp.len);
	}
	tls_service_free(s);
	tls_service_free(next);
	cert_put(a);
	cert_put(b);
	tls_worker_free(w);
}

/* Resumption sends no certificate, and no response with it. */
static void test_resumed(void **state)
{
	const struct tls_worker_config config = { .now_s = clock_s };
	struct tls_worker *w = tls_worker_new(&config);
	struct ticket_ring *ring = ticket_ring_new(3600, &e);
	struct cert *c = peer_cert("p256");
	struct tls_service *s = service(c);

	(void)state;
	assert_int_equal(staple(c, "p256.der", now), 0);
	tls_worker_set_tickets(w, ring);
	for (unsigned v = 0; v < 2; v++) {
		struct peer_client client = {
			.version = versions[v], .name = "www.example.com", .wants_staple = true
		};
		struct peer_result first = peer_connect(w, s, &client), second;

		assert_true(first.done && first.staple_len > 0);
		client.session = first.session;
		second = peer_connect(w, s, &client);
		assert_true(second.resumed);
		assert_int_equal(second.staple_len, 0);
		SSL_SESSION_free(first.session);
		SSL_SESSION_free(second.session);
	}
	tls_service_free(s);
	cert_put(c);
	tls_worker_free(w);
	ticket_ring_free(ring);
}

static int setup(void **state)
{
	char command[512];

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(command, sizeof(command), "%s/unit/pki/ocsp %s", TEST_FOLDER, folder);
	if (system(command) != 0)
		return -1;
	now = time(NULL);
	p256 = peer_cert("p256");
	return tls_global_init();
}

static int teardown(void **state)
{
	char command[512];

	(void)state;
	cert_put(p256);
	tls_global_fini();
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_issuer),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_stapled),
		cmocka_unit_test(test_replaced_live),
		cmocka_unit_test(test_resumed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
