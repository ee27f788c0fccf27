/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls_handshake_kit.h"

#include <cmocka.h>

/* One handshake from hello to an exchange of data; facts come back. */
static struct handshake_facts complete(enum kit_key key, const struct policy *policy,
    const struct kit_client_config *config, struct kit_cut cut, bool no_batches)
{
	const struct tls_worker_config wc = { .no_batches = no_batches, .measure_stacks = true };
	struct tls_worker *w = tls_worker_new(&wc);
	struct handshake_facts facts;
	struct kit_client c;
	struct kit_choice choice;
	struct handshake *h;
	struct record r;

	assert_non_null(w);
	kit_choose(&choice, kit_cert(key), policy);
	kit_client_open(&c, config);
	h = handshake_new(w, &choice.choice, &c);
	assert_non_null(h);
	assert_int_equal(tls_worker_stats(w)->handshakes, 1);
	assert_int_equal(kit_run(w, h, &c, cut), HANDSHAKE_DONE);
	assert_int_equal(c.error, 0);
	assert_true(c.done);
	facts = *handshake_facts(h);
	assert_int_equal(facts.alert, 0xff);
	assert_int_equal(handshake_finish(h, &r), 0);
	assert_int_equal(tls_worker_stats(w)->handshakes, 0);
	for (size_t len = 1; len < 100000; len = len * 5 + 3)
		kit_exchange(w, &r, &c, len);
	record_fini(&r, tls_worker_aead(w));
	kit_client_close(&c);
#ifndef __SANITIZE_ADDRESS__
	assert_in_range(tls_worker_deepest_stack(w), tls_worker_has_batches(w) ? 1 : 0, 64 * 1024);
#endif
	tls_worker_free(w);
	return facts;
}

static const struct kit_cut cuts[] = {
	{ 0, 0 },
	{ 1, 0 },
	{ 0, 1 },
	{ 1, 1 },
	{ 7, 100 },
	{ 1448, 1448 },
};

#define N_CUTS (sizeof cuts / sizeof cuts[0])

static void every_key_and_version(void **state)
{
	static const uint16_t scheme13[KIT_N_KEYS] = { 0x0804, 0x0804, 0x0804, 0x0403, 0x0503,
		0x0603, 0x0807 };
	struct policy policy = kit_policy();

	(void)state;
	for (unsigned key = 0; key < KIT_N_KEYS; key++) {
		struct kit_client_config config = { .min_version = 0x0304 };
		struct handshake_facts f;

		for (unsigned no_batches = 0; no_batches < 2; no_batches++) {
			f = complete(key, &policy, &config, cuts[0], no_batches);
			assert_int_equal(f.version, 0x0304);
			assert_int_equal(f.suite, 0x1301);
			assert_int_equal(f.group, 4588);
			assert_int_equal(f.sigalg, scheme13[key]);
			assert_false(f.resumed);
		}
		config.min_version = config.max_version = 0x0303;
		f = complete(key, &policy, &config, cuts[0], false);
		assert_int_equal(f.version, 0x0303);
		assert_int_equal(f.suite, key <= KIT_RSA4096 ? 0xc02f : 0xc02b);
		assert_int_not_equal(f.sigalg, 0);
		assert_int_not_equal(f.group, 0);
	}
}

static void any_cut_of_the_bytes(void **state)
{
	struct policy policy = kit_policy();

	(void)state;
	for (unsigned i = 0; i < N_CUTS; i++) {
		for (uint16_t version = 0x0303; version <= 0x0304; version++) {
			struct kit_client_config config = { .min_version = version,
				.max_version = version };

			complete(KIT_P256, &policy, &config, cuts[i], false);
			complete(KIT_RSA2048, &policy, &config, cuts[i], i % 2);
		}
	}
}

static void every_group(void **state)
{
	static const int groups[] = { 4588, 29, 23, 24, 25 };
	struct policy policy = kit_policy();

	(void)state;
	for (unsigned i = 0; i < sizeof groups / sizeof groups[0]; i++) {
		struct kit_client_config config = { .min_version = 0x0304,
			.groups = { groups[i] } };

		assert_int_equal(
		    complete(KIT_P256, &policy, &config, cuts[0], false).group, groups[i]);
		if (groups[i] > 255)
			continue;
		config.min_version = config.max_version = 0x0303;
		assert_int_equal(
		    complete(KIT_P256, &policy, &config, cuts[0], false).group, groups[i]);
	}
}

/* RFC 8446 4.1.4: the client's only key share is for a group that the policy does not have. */
static void hello_retry_request(void **state)
{
	struct policy policy = kit_policy();
	struct kit_client_config config = {
		.min_version = 0x0304, .groups = { 25, 29, 23 }, .share = 25
	};
	struct handshake_facts f;

	(void)state;
	policy.groups[0] = 23;
	policy.groups[1] = 29;
	policy.n_groups = 2;
	for (unsigned i = 0; i < N_CUTS; i++) {
		f = complete(KIT_P256, &policy, &config, cuts[i], false);
		assert_true(f.group == 23 || f.group == 29);
	}
}

static void server_order_decides(void **state)
{
	static const char reversed[] = "TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES256-GCM-SHA384:"
				       "TLS13-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
				       "ECDHE-ECDSA-AES128-GCM-SHA256";
	static const uint16_t order[][2] = { { 0x1301, 0xc02b }, { 0x1302, 0xc02c },
		{ 0x1303, 0xc02c } };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct policy policy = kit_policy();
		struct kit_client_config config = { .suites = reversed };

		policy.suites[0] = order[i][0];
		policy.suites[1] = order[i][1];
		policy.n_suites = 26;
		assert_int_equal(
		    complete(KIT_P256, &policy, &config, cuts[0], false).suite, order[i][0]);
		config.max_version = 0x0303;
		assert_int_equal(
		    complete(KIT_P256, &policy, &config, cuts[0], false).suite, order[i][1]);
	}
}

/* Suites that stay on wolfSSL go through the same calls. */
static void legacy_suites(void **state)
{
	static const struct {
		enum kit_key key;
		uint16_t version, suite;
		const char *name;
	} rows[] = {
		{ KIT_RSA2048, 0x0301, 0x002f, "AES128-SHA" },
		{ KIT_RSA2048, 0x0302, 0x0035, "AES256-SHA" },
		{ KIT_RSA2048, 0x0303, 0x000a, "DES-CBC3-SHA" },
		{ KIT_RSA2048, 0x0301, 0xc013, "ECDHE-RSA-AES128-SHA" },
		{ KIT_P256, 0x0301, 0xc00a, "ECDHE-ECDSA-AES256-SHA" },
		{ KIT_P256, 0x0303, 0xc023, "ECDHE-ECDSA-AES128-SHA256" },
		{ KIT_RSA2048, 0x0303, 0xc028, "ECDHE-RSA-AES256-SHA384" },
		{ KIT_P256, 0x0304, 0x1304, "TLS13-AES128-CCM-SHA256" },
		{ KIT_P256, 0x0304, 0x1305, "TLS13-AES128-CCM-8-SHA256" },
	};
	struct policy policy = kit_policy();

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct kit_client_config config = { .min_version = rows[i].version,
			.max_version = rows[i].version,
			.suites = rows[i].name };
		struct handshake_facts f =
		    complete(rows[i].key, &policy, &config, cuts[i % N_CUTS], false);

		assert_int_equal(f.version, rows[i].version);
		assert_int_equal(f.suite, rows[i].suite);
	}
}

/* RSA key exchange: decryption instead of a signature, no group. */
static void static_rsa(void **state)
{
	struct policy policy = kit_policy();
	struct kit_client_config config = { .max_version = 0x0303, .suites = "AES128-GCM-SHA256" };
	struct handshake_facts f = complete(KIT_RSA2048, &policy, &config, cuts[0], false);

	(void)state;
	assert_int_equal(f.suite, 0x009c);
	assert_int_equal(f.group, 0);
	assert_int_equal(f.sigalg, 0);
}

static void chosen_alpn_is_told(void **state)
{
	static const uint8_t h2[] = { 'h', '2' };
	const struct tls_worker_config wc = { 0 };
	struct policy policy = kit_policy();

	(void)state;
	for (unsigned with = 0; with < 2; with++) {
		struct kit_client_config config = { .alpn = "http/1.1,h2" };
		struct tls_worker *w = tls_worker_new(&wc);
		struct kit_choice choice;
		struct kit_client c;
		struct handshake *h;
		char *name = NULL;
		uint16_t len = 0;

		kit_choose(&choice, kit_cert(KIT_P256), &policy);
		if (with) {
			choice.choice.alpn = h2;
			choice.choice.alpn_len = sizeof h2;
		}
		kit_client_open(&c, &config);
		h = handshake_new(w, &choice.choice, &c);
		assert_int_equal(kit_run(w, h, &c, cuts[0]), HANDSHAKE_DONE);
		assert_true(c.done);
		wolfSSL_ALPN_GetProtocol(c.ssl, &name, &len);
		assert_int_equal(len, with ? 2 : 0);
		if (with)
			assert_memory_equal(name, "h2", 2);
		handshake_free(h); /* done, but not finished */
		kit_client_close(&c);
		tls_worker_free(w);
	}
}

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
	for (unsigned i = 0; i < N_CUTS; i++) {
		f = expect_failure(KIT_P256, &policy, &config, FATAL_ERROR, cuts[i]);
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
	f = expect_failure(KIT_P256, &policy, &config, 0, cuts[0]);
	assert_int_equal(f.alert, ALERT_PROTOCOL_VERSION);
	assert_true(f.alert_is_ours);
	policy = kit_policy();
	policy.max_version = 0x0303;
	config = (struct kit_client_config){ .min_version = 0x0304 };
	f = expect_failure(KIT_P256, &policy, &config, 0, cuts[0]);
	assert_int_equal(f.alert, ALERT_PROTOCOL_VERSION);
	policy = kit_policy();
	policy.min_version = 0x0303;
	config = (struct kit_client_config){ .min_version = 0x0301, .max_version = 0x0302 };
	f = expect_failure(KIT_RSA2048, &policy, &config, 0, cuts[0]);
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
	f = expect_failure(KIT_P256, &policy, &config, 0, cuts[0]);
	assert_int_equal(f.alert, ALERT_ILLEGAL_PARAMETER);
	assert_false(f.alert_is_ours);
}

/* A client that does not trust us says so; the alert is theirs. */
static void client_refuses_certificate(void **state)
{
	struct policy policy = kit_policy();

	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		for (unsigned i = 0; i < N_CUTS; i++) {
			struct kit_client_config config = {
				.min_version = version, .max_version = version, .no_trust = true
			};
			struct handshake_facts f =
			    expect_failure(KIT_P256, &policy, &config, ASN_NO_SIGNER_E, cuts[i]);

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
				status = kit_server_step(w, h, &c, cuts[0]);
			while (status == HANDSHAKE_WANT_KEY);
			assert_int_equal(status, HANDSHAKE_WANT_READ);
			kit_client_step(&c);
			over = at >= kit_left(&c.out);
			if (!over) {
				c.out.at[c.out.head + at] ^= 0x10;
				status = kit_run(w, h, &c, cuts[0]);
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
				status = kit_server_step(w, h, &c, cuts[cut]);
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
						tls_worker_poll(w);
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

struct many {
	struct kit_client c;
	struct handshake *h;
	enum handshake_status status;
	struct handshake_facts facts;
};

/* A step whose bytes go straight between the two; key operations stay queued. */
static void many_step(struct many *m)
{
	uint8_t out[8192];
	struct iovec in_v = { m->c.out.at + m->c.out.head, kit_left(&m->c.out) },
		     out_v = { out, sizeof out };
	struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

	m->status = handshake_step(m->h, &io);
	m->c.out.head += io.consumed;
	kit_put(&m->c.in, out, io.produced);
}

static void many_at_once(void **state)
{
	enum {
		N = 1000
	};
	static const enum kit_key keys[] = { KIT_P256, KIT_P256, KIT_RSA2048, KIT_P384,
		KIT_ED25519 };
	static const int groups[] = { 29, 23, 4588 };
	const struct tls_worker_config wc = { .max_handshakes = N };
	struct tls_worker *w = tls_worker_new(&wc);
	struct many *all = calloc(N, sizeof *all);
	struct policy policy = kit_policy();
	struct kit_choice choice;
	unsigned n_done = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		uint16_t version = i % 4 ? 0x0304 : 0x0303;
		struct kit_client_config config = { .min_version = version,
			.max_version = version,
			.groups = { version == 0x0303 ? 29 : groups[i % 3] } };

		kit_choose(&choice, kit_cert(keys[i % 5]), &policy);
		kit_client_open(&all[i].c, &config);
		all[i].h = handshake_new(w, &choice.choice, &all[i]);
		assert_non_null(all[i].h);
		kit_client_step(&all[i].c);
	}
	assert_null(handshake_new(w, &choice.choice, NULL)); /* one too many */
	while (n_done < N) {
		struct many *m;

		for (unsigned i = 0; i < N; i++) {
			m = &all[i];
			if (m->status == HANDSHAKE_DONE || m->status == HANDSHAKE_WANT_KEY)
				continue;
			many_step(m);
			assert_int_not_equal(m->status, HANDSHAKE_FAILED);
		}
		tls_worker_poll(w);
		while ((m = tls_worker_ready(w)) != NULL) {
			assert_int_equal(m->status, HANDSHAKE_WANT_KEY);
			m->status = HANDSHAKE_WANT_READ;
		}
		n_done = 0;
		for (unsigned i = 0; i < N; i++) {
			kit_client_step(&all[i].c);
			assert_int_equal(all[i].c.error, 0);
			n_done += all[i].status == HANDSHAKE_DONE && all[i].c.done;
		}
	}
	if (tls_worker_has_batches(w))
		assert_true(tls_worker_stats(w)->key_batches > 100);
	for (unsigned i = 0; i < N; i++) {
		struct record r;

		assert_int_equal(handshake_finish(all[i].h, &r), 0);
		kit_exchange(w, &r, &all[i].c, 100);
		record_fini(&r, tls_worker_aead(w));
		kit_client_close(&all[i].c);
	}
	assert_int_equal(tls_worker_stats(w)->handshakes, 0);
	tls_worker_free(w);
	free(all);
}

/* Contexts are built once, kept by certificate and policy, and the oldest goes. */
static void contexts_are_kept(void **state)
{
	const struct tls_worker_config wc = { .max_contexts = 2 };
	struct tls_worker *w = tls_worker_new(&wc);
	struct policy policy = kit_policy();
	static const struct {
		enum kit_key key;
		unsigned built, evicted, n;
	} rows[] = {
		{ KIT_P256, 1, 0, 1 },
		{ KIT_P256, 1, 0, 1 },
		{ KIT_RSA2048, 2, 0, 2 },
		{ KIT_P256, 2, 0, 2 },
		{ KIT_P384, 3, 1, 2 }, /* RSA goes: it was used before P-256 */
		{ KIT_P256, 3, 1, 2 },
		{ KIT_RSA2048, 4, 2, 2 },
	};
	struct handshake *kept[7];
	struct kit_client clients[7];

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		struct kit_client_config config = { 0 };
		struct kit_choice choice;

		kit_choose(&choice, kit_cert(rows[i].key), &policy);
		kit_client_open(&clients[i], &config);
		kept[i] = handshake_new(w, &choice.choice, &clients[i]);
		assert_int_equal(tls_worker_stats(w)->contexts_built, rows[i].built);
		assert_int_equal(tls_worker_stats(w)->contexts_evicted, rows[i].evicted);
		assert_int_equal(tls_worker_stats(w)->contexts, rows[i].n);
	}
	/* Sessions on contexts that are gone go on. */
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(kit_run(w, kept[i], &clients[i], cuts[0]), HANDSHAKE_DONE);
		assert_true(clients[i].done);
		handshake_free(kept[i]);
		kit_client_close(&clients[i]);
	}
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

/* The first 16 bytes of a secret, masked so that this copy is not found. */
struct trace {
	uint8_t masked[16];
};

static struct trace trace_of(const uint8_t *secret)
{
	struct trace t;

	for (unsigned i = 0; i < sizeof t.masked; i++)
		t.masked[i] = secret[i] ^ 0x5a;
	return t;
}

static bool trace_at(const struct trace *t, const uint8_t *at)
{
	for (unsigned i = 0; i < sizeof t->masked; i++)
		if ((at[i] ^ 0x5a) != t->masked[i])
			return false;
	return true;
}

/* How often the secrets are in this process's writable memory. */
static unsigned traces_found(const struct trace *traces, unsigned n)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned found = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps) != NULL) {
		uintptr_t from, to;
		char mode[8];

		assert_int_equal(
		    sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, mode), 3);
		if (strncmp(mode, "rw", 2) != 0 || strstr(line, "[v") != NULL)
			continue;
		for (uintptr_t at = from; at + 16 <= to; at++)
			for (unsigned i = 0; i < n; i++)
				found += trace_at(&traces[i], (const uint8_t *)at);
	}
	fclose(maps);
	return found;
}

/* After both ends are gone nothing is left of the keys: not in heaps, not on stacks. */
static void keys_are_wiped(void **state)
{
	struct policy policy = kit_policy();

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its shadow and quarantine are too much to search */
#endif
	for (unsigned row = 0; row < 4; row++) {
		const struct tls_worker_config wc = { .no_batches = row & 1 };
		uint16_t version = row & 2 ? 0x0304 : 0x0303;
		struct kit_client_config config = { .min_version = version,
			.max_version = version };
		struct tls_worker *w = tls_worker_new(&wc);
		struct kit_choice choice;
		struct trace traces[4];
		struct kit_client c;
		struct handshake *h;
		struct record r;

		kit_choose(&choice, kit_cert(KIT_P256), &policy);
		kit_client_open(&c, &config);
		h = handshake_new(w, &choice.choice, &c);
		assert_int_equal(kit_run(w, h, &c, cuts[0]), HANDSHAKE_DONE);
		assert_int_equal(handshake_finish(h, &r), 0);
		kit_exchange(w, &r, &c, 100);
		traces[0] = trace_of(r.write.key.key);
		traces[1] = trace_of(r.read.key.key);
		traces[2] = trace_of(version == 0x0304 ? r.write.traffic : r.write.key.key);
		traces[3] = trace_of(version == 0x0304 ? r.read.traffic : r.read.key.key);
		assert_true(traces_found(traces, 4) >= 4); /* the search itself works */
		record_fini(&r, tls_worker_aead(w));
		kit_client_close(&c);
		assert_int_equal(traces_found(traces, 4), 0);
		tls_worker_free(w);
	}
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* n handshakes side by side, many times over: the best round's microseconds of the server's for each. */
static void
time_handshakes(enum kit_key key, int group, uint16_t version, bool no_batches, unsigned n)
{
	const struct tls_worker_config wc = { .no_batches = no_batches };
	struct tls_worker *w = tls_worker_new(&wc);
	struct many *all = calloc(n, sizeof *all);
	struct policy policy = kit_policy();
	struct kit_client_config config = {
		.min_version = version, .max_version = version, .groups = { group }
	};
	double best = 1e9, total, start;
	uint64_t peak = 0, base = 0;
	unsigned rounds = 2000 / n;

	rounds = rounds < 20 ? 20 : rounds;
	for (unsigned round = 0; round < rounds; round++) {
		struct kit_choice choice;
		unsigned n_done = 0;

		total = 0;
		kit_choose(&choice, kit_cert(key), &policy);
		for (unsigned i = 0; i < n; i++) {
			memset(&all[i], 0, sizeof all[i]);
			kit_client_open(&all[i].c, &config);
			kit_client_step(&all[i].c);
		}
		start = now_us();
		for (unsigned i = 0; i < n; i++)
			all[i].h = handshake_new(w, &choice.choice, &all[i]);
		while (n_done < n) {
			struct many *m;
			uint64_t bytes;

			for (unsigned i = 0; i < n; i++)
				if (all[i].status == HANDSHAKE_WANT_READ &&
				    kit_left(&all[i].c.out) > 0)
					many_step(&all[i]);
			bytes = tls_worker_stats(w)->bytes;
			peak = bytes > peak ? bytes : peak;
			for (;;) {
				bool any = false;

				tls_worker_poll(w);
				while ((m = tls_worker_ready(w)) != NULL) {
					many_step(m);
					any = true;
				}
				if (!any && !tls_worker_is_waiting(w))
					break;
			}
			total += now_us() - start;
			n_done = 0;
			for (unsigned i = 0; i < n; i++) {
				kit_client_step(&all[i].c);
				n_done += all[i].status == HANDSHAKE_DONE;
			}
			start = now_us();
		}
		for (unsigned i = 0; i < n; i++) {
			struct record r;

			handshake_finish(all[i].h, &r);
			record_fini(&r, tls_worker_aead(w));
		}
		total += now_us() - start;
		base = tls_worker_stats(w)->bytes;
		for (unsigned i = 0; i < n; i++)
			kit_client_close(&all[i].c);
		best = total < best ? total : best;
	}
	printf("key %d group %4d version %04x %s %3u at once: %6.1f us, heap %llu\n", key, group,
	    version, no_batches ? "one by one" : "in batches", n, best / n,
	    (unsigned long long)(peak - base) / n);
	tls_worker_free(w);
	free(all);
}

/* KIT_TIME=1: what a handshake costs the server. */
static void print_costs(void **state)
{
	static const struct {
		enum kit_key key;
		int group;
		uint16_t version;
	} rows[] = { { KIT_P256, 29, 0x0304 }, { KIT_P256, 4588, 0x0304 }, { KIT_P256, 23, 0x0304 },
		{ KIT_P256, 29, 0x0303 }, { KIT_RSA2048, 29, 0x0304 } };

	(void)state;
	if (getenv("KIT_TIME") == NULL)
		skip();
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, true, 32);
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, false, 1);
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, false, 8);
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, false, 32);
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, false, 128);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_and_version),
		cmocka_unit_test(any_cut_of_the_bytes),
		cmocka_unit_test(every_group),
		cmocka_unit_test(hello_retry_request),
		cmocka_unit_test(server_order_decides),
		cmocka_unit_test(legacy_suites),
		cmocka_unit_test(static_rsa),
		cmocka_unit_test(chosen_alpn_is_told),
		cmocka_unit_test(no_common_suite),
		cmocka_unit_test(no_common_version),
		cmocka_unit_test(no_common_group),
		cmocka_unit_test(client_refuses_certificate),
		cmocka_unit_test(corrupted_second_flight),
		cmocka_unit_test(garbage),
		cmocka_unit_test(freed_at_every_step),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(contexts_are_kept),
		cmocka_unit_test(unusable_choice),
		cmocka_unit_test(keys_are_wiped),
		cmocka_unit_test(print_costs),
	};

	return cmocka_run_group_tests_name("tls_handshake", tests, kit_setup, kit_teardown);
}
