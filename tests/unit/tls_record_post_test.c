/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_record_pair.h"

#include <cmocka.h>

/* Whole messages, in one record each. alert 0xff: taken. */
static void post_handshake_messages(void **state)
{
	static const struct {
		uint16_t version;
		bool client;
		uint8_t alert;
		const char *message;
	} cases[] = {
		{ TLS13, false, 0xff, "1800000100" },
		{ TLS13, true, 0xff, "1800000101" },
		{ TLS13, false, 47, "1800000102" },
		{ TLS13, false, 47, "18000001ff" },
		{ TLS13, false, 50, "18000000" },
		{ TLS13, false, 50, "180000020000" },
		{ TLS13, false, 50, "18ffffff00" },
		{ TLS13, false, 10, "180000010018" },         /* spans the key change */
		{ TLS13, false, 10, "18000001001800000100" }, /* coalesced across it */
		{ TLS13, false, 10,
		    "0100000500000000"
		    "00" }, /* ClientHello */
		{ TLS13, false, 10,
		    "0400000500000000"
		    "00" },                       /* a ticket from a client */
		{ TLS13, false, 10, "14000020" }, /* Finished again */
		{ TLS13, false, 10, "0b000000" }, /* certificate nobody asked for */
		{ TLS13, true, 0xff, "040000050000000000" },
		{ TLS13, true, 0xff, "040000010004000001001800000100" },
		{ TLS13, true, 50, "04000000" },
		{ TLS13, true, 50, "04ffffff00" },
		{ TLS13, true, 10, "0d00000100" }, /* post-handshake authentication: not offered */
		{ TLS13, true, 10, "00000000" },
		{ TLS12, false, 10, "1800000100" },
		{ TLS12, false, 10, "00000000" }, /* HelloRequest from a client */
		{ TLS12, false, 10, "0200000100" },
		{ TLS12, false, 47, "01ffffff00" },
		{ TLS12, true, 50, "0000000100" },
		{ TLS12, true, 10, "0100000100" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pair *p = pair_new(cases[i].version, AEAD_AES_128_GCM, cases[i].client);
		uint8_t message[64];
		size_t n = kit_hex(cases[i].message, message);
		enum record_status status = pair_give(p, 22, message, n);

		if (cases[i].alert != 0xff) {
			pair_expect_fatal(p, status, cases[i].alert);
		} else {
			assert_int_equal(status, RECORD_OK);
			assert_int_equal(p->io.produced, 0);
		}
		pair_free(p);
	}
}

static void key_update_fragmented(void **state)
{
	static const uint8_t message[5] = { 24, 0, 0, 1, 0 };

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pair *p;

		if (pair_kinds[i].version != TLS13)
			continue;
		p = pair_new(TLS13, pair_kinds[i].kind, false);
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned k = 0; k < 5; k++)
				assert_int_equal(pair_give(p, 22, message + k, 1), RECORD_OK);
			plain_update(&p->peer, &p->peer.write);
			assert_false(record_has_control(&p->r));
			assert_int_equal(pair_give(p, 23, "after", 5), RECORD_OK);
			assert_memory_equal(p->out, "after", 5);
		}
		pair_free(p);
	}
}

/* RFC 8446 5.1: nothing of another type inside a message. */
static void message_interleaved(void **state)
{
	static const uint8_t half[2] = { 24, 0 }, close_notify[2] = { 1, 0 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

		assert_int_equal(pair_give(p, 22, half, 2), RECORD_OK);
		pair_expect_fatal(
		    p, i ? pair_give(p, 23, "x", 1) : pair_give(p, 21, close_notify, 2), 10);
		pair_free(p);
	}
}

/* A record under the old key after the update is a forgery. */
static void key_update_old_key(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

	(void)state;
	assert_int_equal(pair_give(p, 22, "\x18\0\0\1\0", 5), RECORD_OK);
	pair_expect_fatal(p, pair_give(p, 23, "x", 1), 20);
	pair_free(p);
}

static void key_update_answered_once(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_256_GCM, false);
	size_t at = 0, n;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(pair_give(p, 22, "\x18\0\0\1\1", 5), RECORD_OK);
		plain_update(&p->peer, &p->peer.write);
	}
	assert_true(record_has_control(&p->r));
	/* Data does not overtake the answer: both or nothing. */
	assert_int_equal(pair_seal_bytes(p, (const uint8_t *)"data", 4, 27 + 25), RECORD_FULL);
	assert_int_equal(p->io.need, 27 + 26);
	assert_int_equal(p->io.consumed + p->io.produced, 0);
	assert_int_equal(pair_seal_bytes(p, (const uint8_t *)"data", 4, 27 + 26), RECORD_OK);
	assert_int_equal(p->io.consumed, 4);
	pair_expect_update(p, &at, false);
	assert_int_equal(pair_peer_reads(p, &at, &n), 23);
	assert_memory_equal(p->content, "data", 4);
	assert_int_equal(at, p->io.produced);
	assert_false(record_has_control(&p->r));
	pair_free(p);
}

static void key_updates_capped(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(pair_give(p, 22, "\x18\0\0\1\1", 5), RECORD_OK);
		plain_update(&p->peer, &p->peer.write);
		assert_int_equal(pair_control(p, 100), RECORD_OK);
		plain_update(&p->peer, &p->peer.read);
	}
	assert_int_equal(pair_give(p, 23, "x", 1), RECORD_OK); /* pays for one more */
	assert_int_equal(pair_give(p, 22, "\x18\0\0\1\0", 5), RECORD_OK);
	plain_update(&p->peer, &p->peer.write);
	pair_expect_fatal(p, pair_give(p, 22, "\x18\0\0\1\0", 5), 10);
	pair_free(p);
}

static void tickets_capped(void **state)
{
	static const uint8_t ticket[9] = { 4, 0, 0, 5 };
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, true);

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(pair_give(p, 22, ticket, 9), RECORD_OK);
	pair_expect_fatal(p, pair_give(p, 22, ticket, 9), 10);
	pair_free(p);
}

static void warnings_capped(void **state)
{
	static const uint8_t user_canceled[2] = { 2, 90 }, other[2] = { 1, 113 };

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		bool v13 = pair_kinds[i].version == TLS13;
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);

		for (unsigned k = 0; k < 8; k++) {
			assert_int_equal(
			    pair_give(p, 21, v13 ? user_canceled : other, 2), RECORD_OK);
			assert_int_equal(pair_give(p, 23, "x", 1), RECORD_OK);
		}
		pair_expect_fatal(p, pair_give(p, 21, v13 ? user_canceled : other, 2), 10);
		pair_free(p);
	}
}

static void alerts_malformed(void **state)
{
	static const uint8_t alert[4] = { 2, 40, 2, 40 }, level[2] = { 3, 40 };

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		for (size_t n = 1; n <= 4; n++) {
			struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);

			if (n != 2)
				pair_expect_fatal(p, pair_give(p, 21, alert, n), 50);
			else if (pair_kinds[i].version == TLS12)
				pair_expect_fatal(p, pair_give(p, 21, level, n), 47);
			pair_free(p);
		}
	}
}

/* TLS 1.3 does not look at the level (RFC 8446 6). */
static void alert_level_ignored(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

	(void)state;
	assert_int_equal(pair_give(p, 21, "\3\x5a", 2), RECORD_OK); /* user_canceled */
	assert_int_equal(pair_give(p, 21, "\0\0", 2), RECORD_CLOSED);
	pair_free(p);
}

/* A fatal alert came: nothing is answered, nothing is due any more. */
static void fatal_alert_received(void **state)
{
	static const uint8_t fatal[2] = { 2, 40 }, odd_level[2] = { 1, 40 };

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		bool v13 = pair_kinds[i].version == TLS13;
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);

		record_rekey(&p->r, true);
		/* TLS 1.3 ignores the level (RFC 8446 6). */
		assert_int_equal(pair_give(p, 21, v13 ? odd_level : fatal, 2), RECORD_FATAL);
		assert_int_equal(p->r.alert_in, 40);
		assert_int_equal(p->r.alert_out, 0xff);
		assert_false(record_has_control(&p->r));
		assert_int_equal(pair_give(p, 23, "x", 1), RECORD_FATAL);
		assert_int_equal(pair_seal_bytes(p, p->wire, 1, 100), RECORD_FATAL);
		record_close(&p->r);
		record_alert(&p->r, 80);
		assert_false(record_has_control(&p->r));
		pair_free(p);
	}
}

static void renegotiation_declined(void **state)
{
	static const uint8_t hello[64] = { 1, 0, 0, 60 }, request[4] = { 0 };

	(void)state;
	for (unsigned client = 0; client < 2; client++) {
		struct pair *p = pair_new(TLS12, AEAD_AES_128_GCM, client);
		const uint8_t *message = client ? request : hello;
		size_t n = client ? 4 : 64;

		for (unsigned i = 0; i < 8; i++) {
			size_t cut = 1 + i % (n - 1);

			assert_int_equal(pair_give(p, 22, message, cut), RECORD_OK);
			assert_false(record_has_control(&p->r));
			assert_int_equal(pair_give(p, 22, message + cut, n - cut), RECORD_OK);
			pair_expect_alert(p, 1, 100);
			assert_int_equal(pair_give(p, 23, "on", 2), RECORD_OK); /* life goes on */
			assert_int_equal(p->io.produced, 2);
		}
		pair_expect_fatal(p, pair_give(p, 22, message, n), 10);
		pair_free(p);
	}
}

/* The warning goes before data, in the same call or not at all. */
static void renegotiation_declined_before_data(void **state)
{
	struct pair *p = pair_new(TLS12, AEAD_AES_128_GCM, false);
	size_t at = 0, n;

	(void)state;
	assert_int_equal(pair_give(p, 22, "\1\0\0\0", 4), RECORD_OK);
	assert_int_equal(pair_seal_bytes(p, p->wire, 4, 31 + 32), RECORD_FULL);
	assert_int_equal(p->io.need, 31 + 33);
	assert_int_equal(pair_seal_bytes(p, p->wire, 4, 31 + 33), RECORD_OK);
	assert_int_equal(p->io.consumed, 4);
	assert_int_equal(pair_peer_reads(p, &at, &n), 21);
	assert_memory_equal(p->content, ((uint8_t[]){ 1, 100 }), 2);
	assert_int_equal(pair_peer_reads(p, &at, &n), 23);
	assert_int_equal(at, p->io.produced);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(post_handshake_messages),
		cmocka_unit_test(key_update_fragmented),
		cmocka_unit_test(message_interleaved),
		cmocka_unit_test(key_update_old_key),
		cmocka_unit_test(key_update_answered_once),
		cmocka_unit_test(key_updates_capped),
		cmocka_unit_test(tickets_capped),
		cmocka_unit_test(warnings_capped),
		cmocka_unit_test(alerts_malformed),
		cmocka_unit_test(alert_level_ignored),
		cmocka_unit_test(fatal_alert_received),
		cmocka_unit_test(renegotiation_declined),
		cmocka_unit_test(renegotiation_declined_before_data),
	};

	return cmocka_run_group_tests_name("tls_record_post", tests, pair_setup, pair_teardown);
}
