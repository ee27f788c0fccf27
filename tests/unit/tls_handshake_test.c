/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_handshake_kit.h"

#include <cmocka.h>

/* One handshake from hello to an exchange of data; facts come back. */
static struct handshake_facts complete(enum kit_key key, const struct policy *policy,
    const struct kit_client_config *config, struct kit_cut cut, bool no_batches)
{
	const struct tls_worker_config wc = { .no_batches = no_batches };
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
		struct handshake_facts f =
		    complete(key, &policy, &config, (struct kit_cut){ 0 }, false);

		assert_int_equal(f.version, 0x0304);
		assert_int_equal(f.suite, 0x1301);
		printf("key %u: group %u scheme %04x\n", key, f.group, f.sigalg);
		assert_int_equal(f.sigalg, scheme13[key]);
		assert_false(f.resumed);
		config.min_version = config.max_version = 0x0303;
		f = complete(key, &policy, &config, (struct kit_cut){ 0 }, false);
		printf("1.2 key %u: group %u scheme %04x suite %04x\n", key, f.group, f.sigalg,
		    f.suite);
		assert_int_equal(f.version, 0x0303);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_and_version),
	};

	return cmocka_run_group_tests_name("tls_handshake", tests, kit_setup, kit_teardown);
}
