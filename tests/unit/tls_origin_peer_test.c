/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_origin_kit.h"
#include "tls/cert.h"
#include "tls/policy.h"

#include <cmocka.h>

/* What a target may ask for and send: certificates, groups, versions, key updates, alerts, rubbish. */

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
static const struct kit_leaf usual = { .issuer = KIT_INTER };
static struct tls_worker *worker;

static int setup(void **state)
{
	const struct tls_worker_config config = { .max_contexts = 32, .measure_stacks = true };

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

static struct origin *origin_with(const struct policy *policy, struct cert *own)
{
	const struct origin_config config = {
		.verify = true, .server_name = "app.test", .policy = policy, .certificate = own
	};

	return kit_origin(&config);
}

/* The first policy there is, with these groups. */
static struct policy policy_of(const char *const *groups, unsigned n)
{
	const struct policy_spec spec = { .name = "test", .groups = groups, .n_groups = n };
	struct policy p;
	char text[256];
	const char *why = policy_make(&p, &spec, text, sizeof(text));

	if (why)
		fail_msg("%s", why);
	return p;
}

/* --- our own certificate --- */

static void a_server_gets_the_certificate_it_asks_for(void **state)
{
	struct cert *own = kit_own_cert();
	struct origin *o = origin_with(NULL, own);
	static struct kit_conn c;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]);
		X509 *shown;

		SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		kit_begin(&c, worker, o, server, NULL);
		kit_shake(&c, o);
		assert_true(c.is_open);
		assert_int_equal(c.facts.sigalg, 0x0403);
		shown = SSL_get1_peer_certificate(c.ssl);
		assert_non_null(shown);
		X509_free(shown);
		kit_talk(&c, 100, NULL);
		kit_end(&c);
		SSL_CTX_free(server);
	}
	origin_free(o);
	cert_put(own);
}

static void without_one_it_may_refuse(void **state)
{
	struct origin *o = kit_origin(NULL);
	static struct kit_conn c;
	uint8_t to[100];
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]);

		SSL_CTX_set_verify(server, SSL_VERIFY_PEER, NULL);
		assert_true(kit_connect(worker, o, server, NULL).done);
		SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		kit_begin(&c, worker, o, server, NULL);
		kit_shake(&c, o);
		assert_false(c.is_open);
		if (versions[i] == TLS1_2_VERSION) {
			assert_int_equal(c.status, HANDSHAKE_FAILED);
			assert_int_equal(c.facts.alert, 40);
			assert_false(c.facts.alert_is_ours);
		} else {
			/* Our part was over before: the record layer hears of it. */
			assert_int_equal(c.status, HANDSHAKE_DONE);
			assert_int_equal(kit_read(&c, to, sizeof(to), &n), RECORD_FATAL);
			assert_int_equal(c.record.alert_in, 116);
		}
		kit_end(&c);
		SSL_CTX_free(server);
	}
	origin_free(o);
}

/* --- versions, groups, protocols --- */

static void the_policy_decides(void **state)
{
	struct origin *modern =
	    origin_with(policy_find("ELBSecurityPolicy-TLS13-1-3-2021-06"), NULL);
	struct origin *old = origin_with(policy_find("ELBSecurityPolicy-TLS-1-2-2017-01"), NULL);
	SSL_CTX *tls12 = server_of(TLS1_2_VERSION), *tls13 = server_of(TLS1_3_VERSION);
	struct kit_result r = kit_connect(worker, modern, tls12, NULL);

	(void)state;
	assert_false(r.done);
	assert_int_equal(r.facts.alert, 70);
	assert_false(r.facts.alert_is_ours);
	assert_int_equal(kit_connect(worker, modern, tls13, NULL).facts.version, 0x0304);
	r = kit_connect(worker, old, tls13, NULL);
	assert_false(r.done);
	assert_int_equal(r.facts.alert, 70);
	assert_int_equal(kit_connect(worker, old, tls12, NULL).facts.version, 0x0303);
	/* No suite in common. */
	assert_int_equal(SSL_CTX_set_cipher_list(tls12, "DHE-RSA-AES128-GCM-SHA256"), 1);
	r = kit_connect(worker, old, tls12, NULL);
	assert_int_equal(r.facts.alert, 40);
	assert_false(r.done || r.facts.alert_is_ours);
	SSL_CTX_free(tls12);
	SSL_CTX_free(tls13);
	origin_free(modern);
	origin_free(old);
}

static void every_suite_carries_data(void **state)
{
	static const char *const all[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256",
		"ECDHE-ECDSA-AES256-SHA" };
	const struct policy_spec spec = { .name = "all", .suites = all, .n_suites = 7 };
	struct policy p;
	char text[256];
	const char *why;
	struct origin *o;

	(void)state;
	why = policy_make(&p, &spec, text, sizeof(text));
	if (why)
		fail_msg("%s", why);
	o = origin_with(&p, NULL);
	for (unsigned i = 0; i < 7; i++) {
		SSL_CTX *server = server_of(i < 3 ? TLS1_3_VERSION : TLS1_2_VERSION);
		struct origin_session *slot = NULL;
		struct kit_result r;

		if (i < 3)
			assert_int_equal(SSL_CTX_set_ciphersuites(server, all[i]), 1);
		else
			assert_int_equal(SSL_CTX_set_cipher_list(server, all[i]), 1);
		for (unsigned n = 0; n < 3; n++) {
			r = kit_connect(worker, o, server, &slot);
			assert_true(r.done);
			assert_int_equal(r.facts.resumed, n > 0);
			assert_string_equal(policy_suite_name(r.facts.suite), all[i]);
		}
		origin_session_free(slot);
		SSL_CTX_free(server);
	}
	origin_free(o);
}

static void a_server_may_want_another_group(void **state)
{
	static const char *const groups[] = { "x25519", "secp256r1", "secp384r1" };
	struct policy p = policy_of(groups, 3);
	struct origin *o = origin_with(&p, NULL);
	SSL_CTX *server = server_of(TLS1_3_VERSION);
	struct origin_session *slot = NULL;

	(void)state;
	/* HelloRetryRequest (RFC 8446 4.1.4), then a session of that group. */
	assert_int_equal(SSL_CTX_set1_groups_list(server, (char *)(uintptr_t) "P-384"), 1);
	for (unsigned i = 0; i < 3; i++) {
		struct kit_result r = kit_connect(worker, o, server, &slot);

		assert_true(r.done);
		assert_int_equal(r.facts.group, 24);
		assert_int_equal(r.facts.resumed, i > 0);
	}
	/* None that we have. */
	assert_int_equal(SSL_CTX_set1_groups_list(server, (char *)(uintptr_t) "P-521"), 1);
	assert_int_equal(kit_connect(worker, o, server, NULL).facts.alert, 40);
	origin_session_free(slot);
	SSL_CTX_free(server);
	origin_free(o);
}

static int choose_first(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl, (void)in_len;
	if (arg) { /* one that was not offered */
		*out = arg;
		*out_len = 3;
	} else {
		*out = in + 1;
		*out_len = in[0];
	}
	return SSL_TLSEXT_ERR_OK;
}

static void protocols_are_offered(void **state)
{
	static const char *const alpn[] = { "h2", "http/1.1" };
	const struct origin_config config = {
		.verify = true, .server_name = "app.test", .alpn = alpn, .n_alpn = 2
	};
	struct origin *o = kit_origin(&config);
	static struct kit_conn c;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]);
		const unsigned char *chosen;
		struct kit_result r;
		unsigned len;

		/* A server that knows nothing of it. */
		assert_true(kit_connect(worker, o, server, NULL).done);
		SSL_CTX_set_alpn_select_cb(server, choose_first, NULL);
		kit_begin(&c, worker, o, server, NULL);
		kit_shake(&c, o);
		assert_true(c.is_open);
		SSL_get0_alpn_selected(c.ssl, &chosen, &len);
		assert_int_equal(len, 2);
		assert_memory_equal(chosen, "h2", 2);
		assert_string_equal(
		    SSL_get_servername(c.ssl, TLSEXT_NAMETYPE_host_name), "app.test");
		kit_end(&c);
		SSL_CTX_set_alpn_select_cb(server, choose_first, (void *)(uintptr_t) "foo");
		r = kit_connect(worker, o, server, NULL);
		assert_false(r.done);
		assert_true(r.facts.alert_is_ours);
		SSL_CTX_free(server);
	}
	origin_free(o);
}

/* Instead of the origin's: what the client has negotiated, and what a server says to it. */
static void a_clients_protocol_is_offered(void **state)
{
	static const char *const alpn[] = { "h2", "http/1.1" };
	const struct origin_config configs[] = {
		{ .verify = true, .server_name = "app.test", .alpn = alpn, .n_alpn = 2 },
		{ .verify = true, .server_name = "app.test" },
	};
	const struct origin_peer peer = { .address = { 192, 0, 2, 7 },
		.address_len = 4,
		.alpn = "http/1.1 and what is behind it",
		.alpn_len = 8 };
	static struct kit_conn c;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct origin *o = kit_origin(&configs[i / 2]);
		SSL_CTX *server = server_of(versions[i % 2]);
		const unsigned char *chosen;
		unsigned len;

		SSL_CTX_set_alpn_select_cb(server, choose_first, NULL);
		kit_begin_with(&c, worker, o, server, &peer);
		kit_shake(&c, o);
		assert_true(c.is_open);
		SSL_get0_alpn_selected(c.ssl, &chosen, &len);
		assert_int_equal(len, 8);
		assert_memory_equal(chosen, "http/1.1", 8);
		kit_end(&c);
		/* The origin's own is no answer to that. */
		SSL_CTX_set_alpn_select_cb(server, choose_first, (void *)(uintptr_t) "\x02h2");
		kit_begin_with(&c, worker, o, server, &peer);
		kit_shake(&c, o);
		assert_false(c.is_open);
		assert_true(c.facts.alert_is_ours);
		kit_end(&c);
		SSL_CTX_free(server);
		origin_free(o);
	}
}

/* --- after the handshake --- */

static void keys_are_updated_both_ways(void **state)
{
	SSL_CTX *server = server_of(TLS1_3_VERSION);
	struct origin *o = kit_origin(NULL);
	static struct kit_conn c;
	char nothing;

	(void)state;
	kit_begin(&c, worker, o, server, NULL);
	kit_shake(&c, o);
	kit_talk(&c, 1000, NULL);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		kit_talk(&c, 20000, NULL);
		kit_flush(&c); /* our answer */
		record_rekey(&c.record, true);
		kit_flush(&c);
		assert_int_equal(SSL_read(c.ssl, &nothing, 1), -1);
		kit_talk(&c, 20000, NULL);
	}
	kit_end(&c);
	SSL_CTX_free(server);
	origin_free(o);
}

static void both_ends_close(void **state)
{
	struct origin *o = kit_origin(NULL);
	static struct kit_conn c;
	uint8_t to[100];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = server_of(versions[i]);
		size_t n = 0;

		kit_begin(&c, worker, o, server, NULL);
		kit_shake(&c, o);
		kit_talk(&c, 10, NULL);
		assert_int_equal(SSL_shutdown(c.ssl), 0);
		assert_int_equal(kit_read(&c, to, sizeof(to), &n), RECORD_CLOSED);
		record_close(&c.record);
		kit_flush(&c);
		assert_int_equal(SSL_shutdown(c.ssl), 1);
		kit_end(&c);
		SSL_CTX_free(server);
	}
	origin_free(o);
}

/* --- bytes in pieces, and bytes that are none --- */

static void any_pieces_will_do(void **state)
{
	struct origin *o = kit_origin(NULL);
	static struct kit_conn c;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (size_t cut = 1; cut < 2000; cut = cut * 3 + 4) {
			SSL_CTX *server = server_of(versions[i]);

			kit_begin(&c, worker, o, server, NULL);
			c.cut_in = c.cut_out = cut;
			kit_shake(&c, o);
			assert_true(c.is_open);
			kit_talk(&c, 3000, NULL);
			kit_end(&c);
			SSL_CTX_free(server);
		}
	origin_free(o);
}

/* Gives what is no server's flight to a handshake; the status it comes to. */
static struct handshake_facts
feed(const struct origin *o, const void *bytes, size_t len, enum handshake_status *status)
{
	const struct origin_peer peer = { .address = { 192, 0, 2, 7 }, .address_len = 4 };
	struct handshake *h = handshake_new_client(worker, o, &peer, NULL);
	static uint8_t out[8192];
	struct handshake_facts facts;
	size_t at = 0;

	for (unsigned turn = 0; turn < 20; turn++) {
		struct iovec in_v = { (uint8_t *)(uintptr_t)bytes + at, len - at };
		struct iovec out_v = { out, sizeof(out) };
		struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

		handshake_follow_origin(h, o);
		*status = handshake_step(h, &io);
		at += io.consumed;
		tls_worker_poll(worker);
		while (tls_worker_ready(worker))
			;
		if (*status == HANDSHAKE_FAILED)
			break;
	}
	facts = *handshake_facts(h);
	handshake_free(h);
	return facts;
}

static void what_is_no_tls_is_refused(void **state)
{
	static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 112 }; /* unrecognized_name */
	static const uint8_t data[] = { 23, 3, 3, 0, 1, 0 };
	static const uint8_t hello_of_a_client[] = { 22, 3, 3, 0, 5, 1, 0, 0, 1, 0 };
	static const uint8_t huge[] = { 22, 3, 3, 0xff, 0xff, 2 };
	static const uint8_t part[] = { 22, 3, 3, 0, 100, 2, 0, 0, 96, 3, 3 };
	struct origin *o = kit_origin(NULL);
	enum handshake_status status;
	struct handshake_facts f;

	(void)state;
	feed(o, http, sizeof(http) - 1, &status);
	assert_int_equal(status, HANDSHAKE_FAILED);
	f = feed(o, alert, sizeof(alert), &status);
	assert_int_equal(status, HANDSHAKE_FAILED);
	assert_int_equal(f.alert, 112);
	assert_false(f.alert_is_ours);
	feed(o, data, sizeof(data), &status);
	assert_int_equal(status, HANDSHAKE_FAILED);
	feed(o, hello_of_a_client, sizeof(hello_of_a_client), &status);
	assert_int_equal(status, HANDSHAKE_FAILED);
	feed(o, huge, sizeof(huge), &status);
	assert_int_equal(status, HANDSHAKE_FAILED);
	feed(o, part, sizeof(part), &status);
	assert_int_equal(status, HANDSHAKE_WANT_READ);
	feed(o, part, 0, &status);
	assert_int_equal(status, HANDSHAKE_WANT_READ);
	origin_free(o);
}

static void too_many_are_refused(void **state)
{
	const struct tls_worker_config config = { .max_handshakes = 1 };
	const struct origin_peer peer = { .address_len = 4 };
	struct tls_worker *small = tls_worker_new(&config);
	struct origin *o = kit_origin(NULL);
	struct handshake *h = handshake_new_client(small, o, &peer, NULL);

	(void)state;
	assert_non_null(h);
	assert_null(handshake_new_client(small, o, &peer, NULL));
	handshake_free(h);
	assert_int_equal(tls_worker_stats(small)->handshakes, 0);
	tls_worker_free(small);
	origin_free(o);
}

/* Last: what all of it needed at most. */
static void stacks_are_deep_enough(void **state)
{
	(void)state;
	if (tls_worker_has_batches(worker))
		assert_in_range(tls_worker_deepest_stack(worker), 1, 64 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_gets_the_certificate_it_asks_for),
		cmocka_unit_test(without_one_it_may_refuse),
		cmocka_unit_test(the_policy_decides),
		cmocka_unit_test(every_suite_carries_data),
		cmocka_unit_test(a_server_may_want_another_group),
		cmocka_unit_test(protocols_are_offered),
		cmocka_unit_test(a_clients_protocol_is_offered),
		cmocka_unit_test(keys_are_updated_both_ways),
		cmocka_unit_test(both_ends_close),
		cmocka_unit_test(any_pieces_will_do),
		cmocka_unit_test(what_is_no_tls_is_refused),
		cmocka_unit_test(too_many_are_refused),
		cmocka_unit_test(stacks_are_deep_enough),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
