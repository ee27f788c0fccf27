/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What session tickets resume, and what they must not: OpenSSL's client against two workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/tls_data_kit.h"
#include "tests/unit/tls_peer_kit.h"
#include "tls/policy.h"
#include "tls/service.h"
#include "tls/sni.h"
#include "tls/ticket.h"
#include "tls/trust.h"

#include <cmocka.h>

static struct tls_worker *workers[2];
static struct ticket_ring *ring;
static struct cert *p256, *rsa;
static struct err e;
static uint32_t offset_s; /* what the workers' clock is ahead */

static uint32_t clock_s(void)
{
	return (uint32_t)time(NULL) + offset_s;
}

static struct tls_service *
service_with(const char *listener, const char *policy, struct cert *cert, bool no_tickets)
{
	static const char *const alpn[] = { "h2", "http/1.1" };
	const struct tls_service_config config = { .listener = listener,
		.own = { .policy = policy_find(policy) },
		.defaults = &cert,
		.n_defaults = 1,
		.alpn = alpn,
		.n_alpn = 2,
		.no_tickets = no_tickets };
	struct tls_service *s = tls_service_new(&config, &e);

	assert_non_null(s);
	return s;
}

/* The same listener, when its clients are asked for a certificate. */
static struct tls_service *service_asking(struct cert *cert)
{
	const struct tls_service_config config = { .listener = "https",
		.own = { .policy = policy_find(POLICY_DEFAULT),
		    .mtls = { .mode = MTLS_PASSTHROUGH } },
		.defaults = &cert,
		.n_defaults = 1 };
	struct tls_service *s = tls_service_new(&config, &e);

	assert_non_null(s);
	return s;
}

static struct tls_service *service(struct cert *cert)
{
	return service_with("https", POLICY_DEFAULT, cert, false);
}

/* The same, when they must show one that tests/unit/trust_pki's root certified; only_name: for that name alone. */
static struct tls_service *service_verifying(const char *only_name)
{
	const struct trust_source source = { .name = "ours",
		.bundle = TEST_FOLDER "/unit/trust_pki/ec/root.pem",
		.options = trust_defaults,
		.file = "test.cfg" };
	struct trust_store *trust = trust_load(&source, time(NULL), &e);
	const struct tls_rule_config rule = { .name = only_name,
		.policy = policy_find(POLICY_DEFAULT),
		.mtls = { .mode = MTLS_VERIFY, .trust = trust } };
	struct tls_service_config config = {
		.listener = "https", .own = rule, .defaults = &p256, .n_defaults = 1
	};
	struct tls_service *s;

	assert_non_null(trust);
	if (only_name) {
		config.own.mtls.mode = MTLS_OFF;
		config.named = &rule;
		config.n_named = 1;
	}
	s = tls_service_new(&config, &e);
	assert_non_null(s);
	trust_put(trust);
	return s;
}

static void set_ring(const struct ticket_ring *r)
{
	for (unsigned i = 0; i < 2; i++)
		tls_worker_set_tickets(workers[i], r);
}

/* A full handshake that gives a ticket. */
static SSL_SESSION *ticket_from(struct tls_worker *w, const struct tls_service *s, int version)
{
	const struct peer_client client = { .version = version, .name = "www.example.com" };
	struct peer_result r = peer_connect(w, s, &client);

	assert_true(r.done);
	assert_false(r.resumed);
	assert_non_null(r.session);
	return r.session;
}

/* Connects with the session; whether it was resumed. It is served in any case. */
static bool
resumes(struct tls_worker *w, const struct tls_service *s, int version, SSL_SESSION *session)
{
	const struct peer_client client = {
		.version = version, .name = "www.example.com", .session = session
	};
	struct peer_result r = peer_connect(w, s, &client);

	assert_true(r.done);
	assert_int_equal(r.facts.version, version);
	SSL_SESSION_free(r.session);
	return r.resumed;
}

static const int versions[] = { 0x0303, 0x0304 };

static void test_resumes(void **state)
{
	struct tls_service *s = service(p256), *again = service(p256);
	const struct tls_worker_stats *stats = tls_worker_stats(workers[1]);

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);
		uint64_t taken = stats->tickets_taken;

		assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(session), 3600);
		assert_true(resumes(workers[0], s, versions[v], session));
		/* Across workers, and after a reload that makes the service anew. */
		assert_true(resumes(workers[1], s, versions[v], session));
		assert_true(resumes(workers[1], again, versions[v], session));
		assert_int_equal(stats->tickets_taken, taken + 2);
		SSL_SESSION_free(session);
	}
	tls_service_free(s);
	tls_service_free(again);
}

/* The ticket of a resumed connection resumes again, and so on: past 256, where a counter of wolfSSL's ended. */
static void test_chain_of_tickets(void **state)
{
	struct tls_service *s = service(p256);

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);

		for (unsigned i = 0; i < 300; i++) {
			const struct peer_client client = { .version = versions[v],
				.name = "www.example.com",
				.session = session };
			struct peer_result r;

			r = peer_connect(workers[i % 2], s, &client);
			assert_true(r.resumed);
			SSL_SESSION_free(session);
			session = r.session;
			assert_non_null(session);
		}
		SSL_SESSION_free(session);
	}
	tls_service_free(s);
}

/* Replaced by one of another key, by one of another kind, and back: the session is what it was. */
static void test_certificate_swap(void **state)
{
	struct tls_service *s = service(p256);
	struct cert *other = peer_cert("p384");
	const struct sni_change swaps[] = { { .defaults = &other, .n_defaults = 1 },
		{ .defaults = &rsa, .n_defaults = 1 }, { .defaults = &p256, .n_defaults = 1 } };

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);

		for (unsigned i = 0; i < 3; i++) {
			struct tls_service *next = tls_service_replace(s, &swaps[i], &e);

			assert_non_null(next);
			assert_true(resumes(workers[1], next, versions[v], session));
			tls_service_free(next);
		}
		SSL_SESSION_free(session);
	}
	tls_service_free(s);
	cert_put(other);
}

static void test_does_not_cross(void **state)
{
	struct tls_service *s = service(p256);
	struct tls_service *others[] = {
		service_with("other", POLICY_DEFAULT, p256, false),
		service_with("https", "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", p256, false),
		service_asking(p256),
		service_with("https", POLICY_DEFAULT, p256, true),
	};

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);

		for (unsigned i = 0; i < 4; i++) {
			if (resumes(workers[0], others[i], versions[v], session))
				fail_msg("version %04x, service %u: resumed", versions[v], i);
		}
		assert_true(resumes(workers[0], s, versions[v], session));
		SSL_SESSION_free(session);
	}
	for (unsigned i = 0; i < 4; i++)
		tls_service_free(others[i]);
	tls_service_free(s);
}

/* RFC 6066 3: not under another name; wolfSSL is not told the name and cannot see to it. */
static void test_does_not_cross_names(void **state)
{
	static const char *const names[] = { "api.example.com", "example.org", NULL };
	struct tls_service *s = service(p256);

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);

		for (unsigned i = 0; i < 3; i++) {
			const struct peer_client client = {
				.version = versions[v], .name = names[i], .session = session
			};
			struct peer_result r = peer_connect(workers[0], s, &client);

			assert_true(r.done);
			assert_false(r.resumed);
			SSL_SESSION_free(r.session);
		}
		SSL_SESSION_free(session);
	}
	tls_service_free(s);
}

/* A ticket of TLS 1.2 is none of 1.3, and the other way round. */
static void test_does_not_cross_versions(void **state)
{
	struct tls_service *s = service(p256);
	SSL_SESSION *old = ticket_from(workers[0], s, 0x0303);
	const struct peer_client client = { .name = "www.example.com", .session = old };
	struct peer_result r = peer_connect(workers[0], s, &client);

	(void)state;
	assert_true(r.done);
	assert_false(r.resumed);
	assert_int_equal(r.facts.version, 0x0304);
	SSL_SESSION_free(r.session);
	SSL_SESSION_free(old);
	tls_service_free(s);
}

/* Who was let in without a certificate is not let in again by a ticket once one is wanted; nor by another name. */
static void test_is_no_certificate(void **state)
{
	struct tls_service *off = service(p256);
	struct tls_service *asking[] = { service_verifying(NULL),
		service_verifying("www.example.com"), service_verifying("*.example.com") };

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], off, versions[v]);

		for (unsigned i = 0; i < 3; i++) {
			struct peer_client client = { .version = versions[v],
				.name = i == 1 ? "WWW.Example.COM" : "www.example.com",
				.session = session };
			struct peer_result r = peer_connect(workers[0], asking[i], &client);

			assert_false(r.done || r.resumed);
			assert_int_equal(r.alert, versions[v] == 0x0304 ? 116 : 40);
			client.chain = "unit/trust_pki/ec/good.chain";
			client.key = "unit/trust_pki/ec/good.key";
			r = peer_connect(workers[0], asking[i], &client);
			assert_true(r.done);
			assert_false(r.resumed);
			assert_null(r.session);
			client_cert_free(r.client_cert);
		}
		assert_true(resumes(workers[1], off, versions[v], session));
		SSL_SESSION_free(session);
	}
	for (unsigned i = 0; i < 3; i++)
		tls_service_free(asking[i]);
	tls_service_free(off);
}

static void test_no_tickets(void **state)
{
	struct tls_service *none = service_with("https", POLICY_DEFAULT, p256, true);
	struct tls_service *s = service(p256);

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		const struct peer_client client = { .version = versions[v],
			.name = "www.example.com" };
		struct peer_result r = peer_connect(workers[0], none, &client);

		assert_true(r.done);
		assert_null(r.session);
		set_ring(NULL);
		r = peer_connect(workers[0], s, &client);
		assert_true(r.done);
		assert_null(r.session);
		set_ring(ring);
	}
	tls_service_free(none);
	tls_service_free(s);
}

static void test_rotation(void **state)
{
	struct tls_service *s = service(p256);

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		struct ticket_ring *second = ticket_ring_rotate(ring, 2, &e);
		struct ticket_ring *third = ticket_ring_rotate(second, 2, &e);
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);
		const struct peer_client client = {
			.version = versions[v], .name = "www.example.com", .session = session
		};
		struct peer_result r;

		set_ring(second);
		r = peer_connect(workers[0], s, &client);
		assert_true(r.resumed);
		/* The new ticket is of the new key: it outlives the next rotation, the old one does not. */
		set_ring(third);
		assert_true(resumes(workers[0], s, versions[v], r.session));
		assert_false(resumes(workers[0], s, versions[v], session));
		set_ring(ring);
		SSL_SESSION_free(r.session);
		SSL_SESSION_free(session);
		ticket_ring_free(second);
		ticket_ring_free(third);
	}
	tls_service_free(s);
}

static void test_expiry(void **state)
{
	struct tls_service *s = service(p256);
	const struct tls_worker_stats *stats = tls_worker_stats(workers[0]);

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);
		uint64_t expired = stats->tickets_expired;

		offset_s = 3590;
		assert_true(resumes(workers[0], s, versions[v], session));
		offset_s = 3700;
		assert_false(resumes(workers[0], s, versions[v], session));
		assert_true(stats->tickets_expired > expired);
		offset_s = 0;
		SSL_SESSION_free(session);
	}
	tls_service_free(s);
}

/* Every way a ticket can be wrong comes to a full handshake. */
static void test_wrong_tickets(void **state)
{
	struct tls_service *s = service(p256);
	size_t len;

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);
		const unsigned char *ticket;
		int asn1_len = i2d_SSL_SESSION(session, NULL);
		unsigned char *asn1 = malloc((size_t)asn1_len), *at = asn1, *found;

		i2d_SSL_SESSION(session, &at);
		SSL_SESSION_get0_ticket(session, &ticket, &len);
		found = memmem(asn1, (size_t)asn1_len, ticket, len);
		assert_non_null(found);
		for (size_t i = 0; i < len; i += 3) {
			const unsigned char *from = asn1;
			SSL_SESSION *bad;

			found[i] ^= 0x10;
			bad = d2i_SSL_SESSION(NULL, &from, asn1_len);
			assert_non_null(bad);
			if (resumes(workers[0], s, versions[v], bad))
				fail_msg("version %04x: byte %zu of the ticket does not count",
				    versions[v], i);
			SSL_SESSION_free(bad);
			found[i] ^= 0x10;
		}
		assert_true(resumes(workers[0], s, versions[v], session));
		free(asn1);
		SSL_SESSION_free(session);
	}
	tls_service_free(s);
}

/* Keys from a file that another process writes: a restart, another node. */
static void test_restart(void **state)
{
	struct tls_service *s = service(p256);
	char file[] = "/tmp/tls_resume_test.XXXXXX";
	struct ticket_ring *loaded;
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(ticket_ring_save(ring, file, &e), 0);
	for (unsigned v = 0; v < 2; v++) {
		SSL_SESSION *session = ticket_from(workers[0], s, versions[v]);
		struct tls_service *after = service(p256);
		const struct tls_worker_config config = { .now_s = clock_s };
		struct tls_worker *w = tls_worker_new(&config);

		loaded = ticket_ring_load(file, 3600, &e);
		assert_non_null(loaded);
		tls_worker_set_tickets(w, loaded);
		assert_true(resumes(w, after, versions[v], session));
		tls_worker_free(w);
		ticket_ring_free(loaded);
		tls_service_free(after);
		SSL_SESSION_free(session);
	}
	unlink(file);
	tls_service_free(s);
}

static int setup(void **state)
{
	const struct tls_worker_config config = { .now_s = clock_s };

	(void)state;
	if (tls_global_init() < 0)
		return -1;
	ring = ticket_ring_new(3600, &e);
	for (unsigned i = 0; i < 2; i++) {
		workers[i] = tls_worker_new(&config);
		if (!workers[i])
			return -1;
	}
	set_ring(ring);
	p256 = peer_cert("p256");
	rsa = peer_cert("rsa2048");
	return ring ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	cert_put(p256);
	cert_put(rsa);
	tls_worker_free(workers[0]);
	tls_worker_free(workers[1]);
	ticket_ring_free(ring);
	tls_global_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resumes),
		cmocka_unit_test(test_chain_of_tickets),
		cmocka_unit_test(test_certificate_swap),
		cmocka_unit_test(test_does_not_cross),
		cmocka_unit_test(test_does_not_cross_names),
		cmocka_unit_test(test_does_not_cross_versions),
		cmocka_unit_test(test_is_no_certificate),
		cmocka_unit_test(test_no_tickets),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_wrong_tickets),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
