/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls_handshake_kit.h"

#include <cmocka.h>

/* One failing handshake; the client, told by the alert, fails with client_error (0: whatever). */
static struct handshake_facts expect_failure(enum kit_key key, const struct policy *policy,
    const struct kit_client_config *config, int client_error, struct kit_cut cut)
{
	const struct tls_worker_config wc = { 0 };
	struct tls_worker *w = tls_worker_new(&wc);
	struct handshake_facts facts;
	struct kit_choice choice;
	struct kit_client c;
	struct handshake *h;

	kit_choose(&choice, kit_cert(key), policy);
	kit_client_open(&c, config);
	h = handshake_new(w, &choice.choice, &c);
	assert_non_null(h);
	assert_int_equal(kit_run(w, h, &c, cut), HANDSHAKE_FAILED);
	assert_int_equal(kit_server_step(w, h, &c, cut), HANDSHAKE_FAILED); /* and stays so */
	facts = *handshake_facts(h);
	assert_false(c.done);
	if (client_error != 0)
		assert_int_equal(c.error, client_error);
	handshake_free(h);
	kit_client_close(&c);
	assert_int_equal(tls_worker_stats(w)->handshakes, 0);
	tls_worker_free(w);
	return facts;
}

enum {
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_BAD_RECORD_MAC = 20,
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_UNKNOWN_CA = 48,
	ALERT_DECODE_ERROR = 50,
	ALERT_DECRYPT_ERROR = 51,
	ALERT_PROTOCOL_VERSION = 70,
};

static void no_common_suite(void **state)
{
	struct policy policy = kit_policy();
	struct kit_client_config config = { .suites = "TLS13-AES256-GCM-SHA384" };
	struct handshake_facts f;

	(void)state;
	policy.suites[0] = 0x1301;
	policy.suites[1] = 0xc02b;
	policy.n_suites = 2;
	for (unsigned i = 0; i < KIT_CUTS; i++) {
		f = expect_failure(KIT_P256, &policy, &config, FATAL_ERROR, kit_cuts[i]);
		assert_int_equal(f.alert, ALERT_HANDSHAKE_FAILURE);
		assert_true(f.alert_is_ours);
	}
}

static void no_common_version(void **state)
{
	struct policy policy = kit_policy();
	struct kit_client_config config = { .max_version = 0x0303 };
	struct handshake_facts f;

	(void)state;
	policy.min_version = 0x0304;
	f = expect_failure(KIT_P256, &policy, &config, 0, kit_cuts[0]);
	assert_int_equal(f.alert, ALERT_PROTOCOL_VERSION);
	assert_true(f.alert_is_ours);
	policy = kit_policy();
	policy.max_version = 0x0303;
	config = (struct kit_client_config){ .min_version = 0x0304 };
	f = expect_failure(KIT_P256, &policy, &config, 0, kit_cuts[0]);
	assert_int_equal(f.alert, ALERT_PROTOCOL_VERSION);
	policy = kit_policy();
	policy.min_version = 0x0303;
	config = (struct kit_client_config){ .min_version = 0x0301, .max_version = 0x0302 };
	f = expect_failure(KIT_RSA2048, &policy, &config, 0, kit_cuts[0]);
	assert_int_equal(f.alert, ALERT_PROTOCOL_VERSION);
}

static void no_common_group(void **state)
{
	struct policy policy = kit_policy();
	struct kit_client_config config = { .min_version = 0x0304, .groups = { 25 } };
	struct handshake_facts f;

	(void)state;
	policy.groups[0] = 29;
	policy.n_groups = 1;
	/* select_certificate refuses such a client before (SELECT_NO_GROUP); wolfSSL asks in vain. */
	f = expect_failure(KIT_P256, &policy, &config, 0, kit_cuts[0]);
	assert_int_equal(f.alert, ALERT_ILLEGAL_PARAMETER);
	assert_false(f.alert_is_ours);
}

/* A client that does not trust us says so; the alert is theirs. */
static void client_refuses_certificate(void **state)
{
	struct policy policy = kit_policy();

	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		for (unsigned i = 0; i < KIT_CUTS; i++) {
			struct kit_client_config config = {
				.min_version = version, .max_version = version, .no_trust = true
			};
			struct handshake_facts f = expect_failure(
			    KIT_P256, &policy, &config, ASN_NO_SIGNER_E, kit_cuts[i]);

			assert_int_equal(f.alert, ALERT_UNKNOWN_CA);
			assert_false(f.alert_is_ours);
		}
	}
}

/* Flips one bit of what the client sends after its hello, at every place: never more than a failure. */
static void corrupted_second_flight(void **state)
{
	const struct tls_worker_config wc = { 0 };
	struct tls_worker *w = tls_worker_new(&wc);
	struct policy policy = kit_policy();

	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct kit_client_config config = {
			.min_version = version, .max_version = version, .groups = { 29 }
		};

		for (size_t at = 0;; at++) {
			enum handshake_status status;
			struct kit_choice choice;
			struct kit_client c;
			struct handshake *h;
			bool over;

			kit_choose(&choice, kit_cert(KIT_P256), &policy);
			kit_client_open(&c, &config);
			h = handshake_new(w, &choice.choice, &c);
			kit_client_step(&c);
			do
				status = kit_server_step(w, h, &c, kit_cuts[0]);
			while (status == HANDSHAKE_WANT_KEY);
			assert_int_equal(status, HANDSHAKE_WANT_READ);
			kit_client_step(&c);
			over = at >= kit_left(&c.out);
			if (!over) {
				c.out.at[c.out.head + at] ^= 0x10;
				status = kit_run(w, h, &c, kit_cuts[0]);
				/* A longer length field waits for bytes that never come; nothing is accepted. */
				assert_true(status == HANDSHAKE_FAILED ||
				    status == HANDSHAKE_WANT_READ ||
				    (version == 0x0304 && at < 6 && status == HANDSHAKE_DONE));
				if (status == HANDSHAKE_FAILED) {
					assert_true(handshake_facts(h)->alert_is_ours);
					assert_int_not_equal(handshake_facts(h)->alert, 0xff);
				}
			}
			handshake_free(h);
			kit_client_close(&c);
			if (over)
				break;
		}
	}
	tls_worker_free(w);
}

/* Bytes that are no TLS at all. */
static void garbage(void **state)
{
	static const char *const texts[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff",
		"\x80\x2e\x01", "\x15\x03\x01\x00\x02\x02\x28",
		"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "\x17\x03\x03\x00\x05hello",
		"\x14\x03\x03\x00\x01\x01" };
	static const size_t lens[] = { 18, 5, 3, 7, 10, 10, 6 };
	const struct tls_worker_config wc = { 0 };
	struct tls_worker *w = tls_worker_new(&wc);
	struct policy policy = kit_policy();
	struct kit_client_config config = { 0 };

	(void)state;
	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		for (unsigned cut = 0; cut < 2; cut++) {
			enum handshake_status status;
			struct kit_choice choice;
			struct kit_client c;
			struct handshake *h;

			kit_choose(&choice, kit_cert(KIT_P256), &policy);
			kit_client_open(&c, &config);
			h = handshake_new(w, &choice.choice, &c);
			kit_put(&c.out, texts[i], lens[i]);
			do
				status = kit_server_step(w, h, &c, kit_cuts[cut]);
			while (status == HANDSHAKE_WANT_READ && kit_left(&c.out) > 0);
			assert_true(status == HANDSHAKE_FAILED ||
			    (status == HANDSHAKE_WANT_READ && kit_left(&c.out) == 0));
			assert_int_equal(status == HANDSHAKE_FAILED, i != 2);
			handshake_free(h);
			kit_client_close(&c);
		}
	}
	tls_worker_free(w);
}

/* The client goes away in the middle: freed at every step, also while it waits for a key operation. */
static void freed_at_every_step(void **state)
{
	static const enum kit_key keys[] = { KIT_P256, KIT_RSA2048, KIT_ED25519 };
	const struct tls_worker_config wc = { 0 };
	struct tls_worker *w = tls_worker_new(&wc);
	struct policy policy = kit_policy();
	uint64_t bytes;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		for (uint16_t version = 0x0303; version <= 0x0304; version++) {
			struct kit_client_config config = { .min_version = version,
				.max_version = version };
			bool over = false;

			for (unsigned steps = 0; !over; steps++) {
				struct kit_choice choice;
				struct kit_client c;
				struct handshake *h;
				unsigned done = 0;

				kit_choose(&choice, kit_cert(keys[k]), &policy);
				kit_client_open(&c, &config);
				h = handshake_new(w, &choice.choice, &c);
				kit_client_step(&c);
				while (done < steps && !over) {
					uint8_t out[16384];
					struct iovec in_v = { c.out.at + c.out.head,
						kit_left(&c.out) },
						     out_v = { out, sizeof out };
					struct record_io io = {
						.in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1
					};
					enum handshake_status status;

					status = handshake_step(h, &io);
					done++;
					c.out.head += io.consumed;
					kit_put(&c.in, out, io.produced);
					if (status == HANDSHAKE_WANT_KEY && done < steps) {
						do
							tls_worker_poll(w);
						while (tls_worker_is_amid(w));
						done++;
						/* Freed between the poll and ready, or between ready and the step. */
						if (done < steps) {
							assert_ptr_equal(tls_worker_ready(w), &c);
							done++;
						}
					} else if (status == HANDSHAKE_WANT_READ) {
						kit_client_step(&c);
					}
					over = status == HANDSHAKE_DONE;
				}
				handshake_free(h);
				assert_null(tls_worker_ready(w));
				kit_client_close(&c);
				assert_int_equal(tls_worker_stats(w)->handshakes, 0);
			}
		}
		bytes = tls_worker_stats(w)->bytes;
	}
	/* Only the contexts are left. */
	assert_in_range(bytes, 0, 64 * 1024);
	tls_worker_free(w);
}

/* Key and certificate that do not go together, or no suite wolfSSL knows: no handshake, nothing left behind. */
static void unusable_choice(void **state)
{
	const struct tls_worker_config wc = { 0 };
	struct tls_worker *w = tls_worker_new(&wc);
	struct policy policy = kit_policy();
	struct cert broken = *kit_cert(KIT_P256);
	struct kit_choice choice;

	(void)state;
	broken.version = 1000;
	broken.key.len = 20;
	kit_choose(&choice, &broken, &policy);
	assert_null(handshake_new(w, &choice.choice, NULL));
	broken = *kit_cert(KIT_P256);
	broken.version = 1001;
	broken.chain[0].len /= 2;
	assert_null(handshake_new(w, &choice.choice, NULL));
	policy.n_suites = 1;
	policy.suites[0] = 0x1399;
	kit_choose(&choice, kit_cert(KIT_P256), &policy);
	assert_null(handshake_new(w, &choice.choice, NULL));
	assert_int_equal(tls_worker_stats(w)->handshakes, 0);
	assert_int_equal(tls_worker_stats(w)->contexts, 0);
	assert_int_equal(tls_worker_stats(w)->bytes, 0);
	tls_worker_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_common_suite),
		cmocka_unit_test(no_common_version),
		cmocka_unit_test(no_common_group),
		cmocka_unit_test(client_refuses_certificate),
		cmocka_unit_test(corrupted_second_flight),
		cmocka_unit_test(garbage),
		cmocka_unit_test(freed_at_every_step),
		cmocka_unit_test(unusable_choice),
	};

	return cmocka_run_group_tests_name("tls_handshake", tests, kit_setup, kit_teardown);
}
