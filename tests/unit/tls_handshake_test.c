/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>

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
			f = complete(key, &policy, &config, kit_cuts[0], no_batches);
			assert_int_equal(f.version, 0x0304);
			assert_int_equal(f.suite, 0x1301);
			assert_int_equal(f.group, 4588);
			assert_int_equal(f.sigalg, scheme13[key]);
			assert_false(f.resumed);
		}
		config.min_version = config.max_version = 0x0303;
		f = complete(key, &policy, &config, kit_cuts[0], false);
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
	for (unsigned i = 0; i < KIT_CUTS; i++) {
		for (uint16_t version = 0x0303; version <= 0x0304; version++) {
			struct kit_client_config config = { .min_version = version,
				.max_version = version };

			complete(KIT_P256, &policy, &config, kit_cuts[i], false);
			complete(KIT_RSA2048, &policy, &config, kit_cuts[i], i % 2);
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
		    complete(KIT_P256, &policy, &config, kit_cuts[0], false).group, groups[i]);
		if (groups[i] > 255)
			continue;
		config.min_version = config.max_version = 0x0303;
		assert_int_equal(
		    complete(KIT_P256, &policy, &config, kit_cuts[0], false).group, groups[i]);
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
	for (unsigned i = 0; i < KIT_CUTS; i++) {
		f = complete(KIT_P256, &policy, &config, kit_cuts[i], false);
		assert_true(f.group == 23 || f.group == 29);
	}
}

/* Of those that both have, in the policy's order, whatever the client's; hybrids, too. */
static void hello_retry_request_is_for_the_first_group(void **state)
{
	static const uint16_t orders[][3] = { { 4588, 29, 23 }, { 29, 4588, 23 }, { 23, 29, 4588 },
		{ 24, 23, 4588 } };
	struct policy policy = kit_policy();
	struct kit_client_config config = {
		.min_version = 0x0304, .groups = { 25, 23, 24, 29, 4588 }, .share = 25
	};

	(void)state;
	policy.n_groups = 3;
	for (unsigned i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		memcpy(policy.groups, orders[i], sizeof orders[i]);
		policy.id += 1000;
		assert_int_equal(
		    complete(KIT_P256, &policy, &config, kit_cuts[0], false).group, orders[i][0]);
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
		    complete(KIT_P256, &policy, &config, kit_cuts[0], false).suite, order[i][0]);
		config.max_version = 0x0303;
		assert_int_equal(
		    complete(KIT_P256, &policy, &config, kit_cuts[0], false).suite, order[i][1]);
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
		    complete(rows[i].key, &policy, &config, kit_cuts[i % KIT_CUTS], false);

		assert_int_equal(f.version, rows[i].version);
		assert_int_equal(f.suite, rows[i].suite);
	}
}

/* RSA key exchange: decryption instead of a signature, no group. */
static void static_rsa(void **state)
{
	struct policy policy = kit_policy();
	struct kit_client_config config = { .max_version = 0x0303, .suites = "AES128-GCM-SHA256" };
	struct handshake_facts f = complete(KIT_RSA2048, &policy, &config, kit_cuts[0], false);

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
		assert_int_equal(kit_run(w, h, &c, kit_cuts[0]), HANDSHAKE_DONE);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_and_version),
		cmocka_unit_test(any_cut_of_the_bytes),
		cmocka_unit_test(every_group),
		cmocka_unit_test(hello_retry_request),
		cmocka_unit_test(hello_retry_request_is_for_the_first_group),
		cmocka_unit_test(server_order_decides),
		cmocka_unit_test(legacy_suites),
		cmocka_unit_test(static_rsa),
		cmocka_unit_test(chosen_alpn_is_told),
	};

	return cmocka_run_group_tests_name("tls_handshake", tests, kit_setup, kit_teardown);
}
