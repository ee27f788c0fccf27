/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/tls_origin_kit.h"
#include "tls/cert.h"
#include "tls/origin_session.h"
#include "tls/policy.h"
#include "tls/record_private.h"
#include "tls/record_ticket.h"

#include <cmocka.h>

/* When a session with a target is resumed, and when it must not be. */

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
static const struct kit_leaf usual = { .issuer = KIT_INTER };
static struct tls_worker *worker;
static int64_t skew; /* seconds that the worker's clock is ahead */

static uint32_t clock_s(void)
{
	return (uint32_t)(time(NULL) + skew);
}

static int setup(void **state)
{
	const struct tls_worker_config config = { .max_contexts = 32, .now_s = clock_s };

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

static SSL_CTX *server_of(int version)
{
	SSL_CTX *server = kit_server(&usual);

	SSL_CTX_set_min_proto_version(server, version);
	SSL_CTX_set_max_proto_version(server, version);
	return server;
}

/* Connects: it has to work, and to resume or not. */
static void
expect(const struct origin *o, SSL_CTX *server, struct origin_session **slot, bool is_resumed)
{
	struct kit_result r = kit_connect(worker, o, server, slot);

	assert_true(r.done);
	assert_int_equal(r.facts.resumed, is_resumed);
	assert_int_equal(r.facts.server_cert_status, CLIENT_CERT_SUCCESS);
}

static void sessions_are_resumed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]);
		struct origin *o = kit_origin(NULL);
		struct origin_session *slot = NULL;

		expect(o, server, &slot, false);
		assert_non_null(slot);
		for (unsigned n = 0; n < 5; n++)
			expect(o, server, &slot, true);
		origin_session_free(slot);
		SSL_CTX_free(server);
		origin_free(o);
	}
}

/* wolfSSL writes to the sessions it resumes: several connections at once must not see that. */
static void a_session_serves_several_connections(void **state)
{
	static struct kit_conn a, b;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]);
		struct origin *o = kit_origin(NULL);
		struct origin_session *slot = NULL;

		expect(o, server, &slot, false);
		kit_begin(&a, worker, o, server, slot);
		kit_begin(&b, worker, o, server, slot);
		kit_shake(&b, o);
		kit_shake(&a, o);
		assert_true(a.facts.resumed && b.facts.resumed);
		kit_talk(&a, 5000, NULL);
		kit_talk(&b, 5000, NULL);
		kit_end(&a);
		kit_end(&b);
		expect(o, server, &slot, true);
		origin_session_free(slot);
		SSL_CTX_free(server);
		origin_free(o);
	}
}

/* TLS 1.2 without tickets: by the identifier alone. */
static void a_session_identifier_will_do(void **state)
{
	SSL_CTX *server = server_of(TLS1_2_VERSION);
	struct origin *o = kit_origin(NULL);
	struct origin_session *slot = NULL;

	(void)state;
	SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
	expect(o, server, &slot, false);
	expect(o, server, &slot, true);
	expect(o, server, &slot, true);
	origin_session_free(slot);
	SSL_CTX_free(server);
	origin_free(o);
}

static void a_changed_origin_does_not_resume(void **state)
{
	const char *const alpn[] = { "http/1.1" };
	struct trust_store *trust = kit_trust(1 << KIT_ROOT, trust_defaults, NULL, 0);
	struct trust_store *other =
	    kit_trust(1 << KIT_ROOT | 1 << KIT_OTHER, trust_defaults, NULL, 0);
	struct cert *own = kit_own_cert();
	const struct origin_config first = {
		.verify = true, .server_name = "app.test", .trust = trust
	};
	struct origin_config cases[6];
	const struct kit_leaf leaf = { .issuer = KIT_INTER, .names = "DNS:app.test, DNS:www.test" };
	struct origin *o = kit_origin(&first), *same = kit_origin(&first);

	(void)state;
	assert_int_equal(origin_version(o), origin_version(same));
	for (unsigned i = 0; i < 6; i++)
		cases[i] = first;
	cases[0].server_name = "www.test";
	cases[1].trust = other;
	cases[2].verify = false;
	cases[3].certificate = own;
	cases[4].alpn = alpn, cases[4].n_alpn = 1;
	cases[5].policy = policy_find("ELBSecurityPolicy-TLS13-1-2-2021-06");
	for (unsigned v = 0; v < 2; v++) {
		SSL_CTX *server = kit_server(&leaf);
		struct origin_session *slot = NULL;

		SSL_CTX_set_min_proto_version(server, versions[v]);
		SSL_CTX_set_max_proto_version(server, versions[v]);
		expect(o, server, &slot, false);
		expect(same, server, &slot, true);
		for (unsigned i = 0; i < 6; i++) {
			struct origin *changed = kit_origin(&cases[i]);
			struct kit_result r;

			assert_int_not_equal(origin_version(changed), origin_version(o));
			r = kit_connect(worker, changed, server, &slot);
			assert_true(r.done && !r.facts.resumed);
			/* The slot holds the changed one's session now; the first starts anew. */
			r = kit_connect(worker, changed, server, &slot);
			assert_true(r.done && r.facts.resumed);
			expect(o, server, &slot, false);
			origin_free(changed);
		}
		origin_session_free(slot);
		SSL_CTX_free(server);
	}
	origin_free(o);
	origin_free(same);
	cert_put(own);
	trust_put(trust);
	trust_put(other);
}

static void no_sessions_means_none(void **state)
{
	const struct origin_config config = {
		.verify = true, .server_name = "app.test", .no_sessions = true
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]);
		struct origin *o = kit_origin(&config);
		struct origin_session *slot = NULL;

		expect(o, server, &slot, false);
		assert_null(slot);
		SSL_CTX_free(server);
		origin_free(o);
	}
}

static void a_server_that_has_forgotten_is_no_loss(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]), *another = server_of(versions[i]);
		struct origin *o = kit_origin(NULL);
		struct origin_session *slot = NULL;

		expect(o, server, &slot, false);
		expect(o, another, &slot, false);
		expect(o, another, &slot, true);
		origin_session_free(slot);
		SSL_CTX_free(server);
		SSL_CTX_free(another);
		origin_free(o);
	}
}

/* A server is exchanged for one that speaks another version: the session is forgotten, not the connection. */
static void a_server_may_change_its_version(void **state)
{
	SSL_CTX *server = server_of(TLS1_3_VERSION), *older = server_of(TLS1_2_VERSION);
	struct origin *o = kit_origin(NULL);
	struct origin_session *slot = NULL;

	(void)state;
	expect(o, server, &slot, false);
	expect(o, older, &slot, false);
	expect(o, older, &slot, true);
	origin_session_free(slot);
	SSL_CTX_free(server);
	SSL_CTX_free(older);
	origin_free(o);
}

static void tickets_expire(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]);
		struct origin *o = kit_origin(NULL);
		struct origin_session *slot = NULL;

		SSL_CTX_set_timeout(server, 1000);
		expect(o, server, &slot, false);
		skew = 990;
		expect(o, server, &slot, true);
		skew = 2100;
		expect(o, server, &slot, false);
		skew = 0;
		origin_session_free(slot);
		SSL_CTX_free(server);
		origin_free(o);
	}
}

/* However long the server's tickets live, and however often they were renewed. */
static void nothing_outlives_the_certificate(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = kit_server(
		    &(struct kit_leaf){ .issuer = KIT_INTER, .from_day = -1, .to_day = 1 });
		struct origin *o = kit_origin(NULL);
		struct origin_session *slot = NULL;
		struct kit_result r;

		SSL_CTX_set_min_proto_version(server, versions[i]);
		SSL_CTX_set_max_proto_version(server, versions[i]);
		SSL_CTX_set_timeout(server, 6 * KIT_DAY);
		expect(o, server, &slot, false);
		skew = KIT_DAY - 60;
		expect(o, server, &slot, true);
		skew = KIT_DAY + 60;
		r = kit_connect(worker, o, server, &slot);
		assert_false(r.done || r.facts.resumed);
		assert_int_equal(r.facts.server_cert_status, CLIENT_CERT_EXPIRED);
		skew = 0;
		origin_session_free(slot);
		SSL_CTX_free(server);
		origin_free(o);
	}
}

/* --- tickets as such --- */

static const uint8_t good[] = {
	0, 0, 0x0e, 0x10, 1, 2, 3, 4, /* lifetime, age_add */
	2, 7, 7,                      /* nonce */
	0, 4, 't', 'i', 'c', 'k',     /* ticket */
	0, 0,                         /* extensions */
};

/* Whether a NewSessionTicket with that body makes a session. */
static bool makes_session(const uint8_t *body, size_t len)
{
	struct record_ticket *t = calloc(1, sizeof(*t));
	struct origin_session *slot = NULL;
	struct record r = { 0 };
	struct iovec iov = { (uint8_t *)(uintptr_t)body, len };
	bool made;

	t->is_13 = true;
	t->until = INT64_MAX;
	record_want_ticket(&r, t);
	record_begin_ticket(&r, len);
	record_collect_ticket(&r, view_of(&iov, 1), len);
	origin_session_keep(&slot, &r);
	assert_false(record_has_ticket(&r));
	made = slot != NULL;
	origin_session_free(slot);
	return made;
}

static void malformed_tickets_are_passed_over(void **state)
{
	static uint8_t body[RECORD_TICKET_MAX + 1];

	(void)state;
	assert_true(makes_session(good, sizeof(good)));
	for (size_t len = 1; len < sizeof(good); len++)
		assert_false(makes_session(good, len));
	memcpy(body, good, sizeof(good));
	assert_false(makes_session(body, sizeof(good) + 1)); /* a byte too many */
	body[2] = body[3] = 0;                               /* a lifetime of nothing */
	assert_false(makes_session(body, sizeof(good)));
	body[0] = 1; /* over seven days */
	assert_false(makes_session(body, sizeof(good)));
	memcpy(body, good, sizeof(good));
	body[12] = 0; /* an empty ticket, and what follows does not fit */
	assert_false(makes_session(body, sizeof(good)));
	/* A nonce that wolfSSL has no room for. */
	memset(body, 0, sizeof(body));
	body[3] = 60;
	body[8] = 9;
	body[8 + 9 + 2] = 1;
	assert_false(makes_session(body, 8 + 1 + 9 + 2 + 1 + 2));
	/* Longer than what is kept. */
	body[8] = 0;
	body[9] = (RECORD_TICKET_MAX + 1 - 13) >> 8;
	body[10] = (RECORD_TICKET_MAX + 1 - 13) & 0xff;
	assert_false(makes_session(body, RECORD_TICKET_MAX + 1));
	body[9] = (RECORD_TICKET_MAX - 13) >> 8;
	body[10] = (RECORD_TICKET_MAX - 13) & 0xff;
	assert_true(makes_session(body, RECORD_TICKET_MAX));
}

/* Garbage where a ticket is expected costs the resumption, nothing else. */
static void an_unknown_ticket_is_refused_by_the_server(void **state)
{
	SSL_CTX *server = server_of(TLS1_3_VERSION);
	struct origin *o = kit_origin(NULL);
	struct record_ticket *t = calloc(1, sizeof(*t));
	struct origin_session *slot = NULL;
	struct record r = { 0 };
	struct iovec iov = { (uint8_t *)(uintptr_t)good, sizeof(good) };

	(void)state;
	*t = (struct record_ticket){ .origin_version = origin_version(o),
		.now = clock_s(),
		.until = INT64_MAX,
		.is_13 = true,
		.suite = 0x1301,
		.group = 29 };
	record_want_ticket(&r, t);
	record_begin_ticket(&r, sizeof(good));
	record_collect_ticket(&r, view_of(&iov, 1), sizeof(good));
	origin_session_keep(&slot, &r);
	assert_non_null(slot);
	expect(o, server, &slot, false);
	expect(o, server, &slot, true);
	origin_session_free(slot);
	SSL_CTX_free(server);
	origin_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_resumed),
		cmocka_unit_test(a_session_serves_several_connections),
		cmocka_unit_test(a_session_identifier_will_do),
		cmocka_unit_test(a_changed_origin_does_not_resume),
		cmocka_unit_test(no_sessions_means_none),
		cmocka_unit_test(a_server_that_has_forgotten_is_no_loss),
		cmocka_unit_test(a_server_may_change_its_version),
		cmocka_unit_test(tickets_expire),
		cmocka_unit_test(nothing_outlives_the_certificate),
		cmocka_unit_test(malformed_tickets_are_passed_over),
		cmocka_unit_test(an_unknown_ticket_is_refused_by_the_server),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
