/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/ctx.h"
#include "tls_handshake_kit.h"

#include <cmocka.h>

static unsigned n_finished;

static void count_finish(WOLFSSL_CTX *ctx, void *arg)
{
	(void)arg;
	assert_non_null(ctx);
	n_finished++;
}

static const struct ctx_setup setup = { .device = INVALID_DEVID, .finish = count_finish };

static void built_once_per_certificate_and_policy(void **state)
{
	struct ctx_cache *c = ctx_cache_new(10, &setup);
	struct policy a = kit_policy(), b = kit_policy();
	WOLFSSL_CTX *first;

	(void)state;
	n_finished = 0;
	first = ctx_get(c, kit_cert(KIT_P256), &a, NULL);
	assert_non_null(first);
	assert_ptr_equal(ctx_get(c, kit_cert(KIT_P256), &a, NULL), first);
	assert_ptr_not_equal(ctx_get(c, kit_cert(KIT_P256), &b, NULL), first);
	assert_ptr_not_equal(ctx_get(c, kit_cert(KIT_RSA2048), &a, NULL), first);
	assert_ptr_equal(ctx_get(c, kit_cert(KIT_P256), &a, NULL), first);
	assert_int_equal(n_finished, 3);
	assert_int_equal(ctx_cache_stats(c)->built, 3);
	assert_int_equal(ctx_cache_stats(c)->n, 3);
	assert_int_equal(ctx_cache_stats(c)->evicted, 0);
	ctx_cache_free(c);
	ctx_cache_free(NULL);
}

/* Any order of uses against a plain model: who is kept is who was used last. */
static void keeps_those_used_last(void **state)
{
	enum {
		KEPT = 5,
		POLICIES = 4,
		KEYS = 4
	};
	static const enum kit_key keys[KEYS] = { KIT_P256, KIT_P384, KIT_ED25519, KIT_RSA2048 };
	struct ctx_cache *c = ctx_cache_new(KEPT, &setup);
	struct policy policies[POLICIES];
	unsigned used[KEYS * POLICIES] = { 0 }, built = 0;
	WOLFSSL_CTX *at[KEYS * POLICIES] = { 0 };
	uint32_t x = 7;

	(void)state;
	for (unsigned i = 0; i < POLICIES; i++)
		policies[i] = kit_policy();
	for (unsigned now = 1; now < 600; now++) {
		unsigned which, newer = 0;
		WOLFSSL_CTX *ctx;

		x = x * 1664525 + 1013904223;
		which = (x >> 16) % (KEYS * POLICIES);
		for (unsigned i = 0; i < KEYS * POLICIES; i++)
			newer += used[i] > used[which];
		ctx =
		    ctx_get(c, kit_cert(keys[which / POLICIES]), &policies[which % POLICIES], NULL);
		assert_non_null(ctx);
		if (used[which] != 0 && newer < KEPT)
			assert_ptr_equal(ctx, at[which]);
		else
			built++;
		used[which] = now;
		at[which] = ctx;
		assert_int_equal(ctx_cache_stats(c)->built, built);
		assert_in_range(ctx_cache_stats(c)->n, 1, KEPT);
		assert_int_equal(ctx_cache_stats(c)->n + ctx_cache_stats(c)->evicted, built);
	}
	ctx_cache_free(c);
}

/* A certificate that wolfSSL refuses is asked for again and again: nothing piles up, nothing is evicted for it. */
static void refused_ones_leave_nothing(void **state)
{
	struct ctx_cache *c = ctx_cache_new(3, &setup);
	struct policy policy = kit_policy(), empty = kit_policy(), old = kit_policy(),
		      no_group = kit_policy();
	struct cert no_key = *kit_cert(KIT_P256), cut = *kit_cert(KIT_P256),
		    cut_middle = *kit_cert(KIT_P256);

	(void)state;
	empty.n_suites = 0;
	old.min_version = 0x0304; /* above the maximum */
	old.max_version = 0x0303;
	no_group.groups[0] = 0x7777;
	no_group.n_groups = 1;
	no_key.key.len = 0;
	cut.chain[0].len -= 10;
	cut_middle.chain[1].len -= 10;
	no_key.version = cut.version = cut_middle.version = 77;
	assert_non_null(ctx_get(c, kit_cert(KIT_P256), &policy, NULL));
	assert_non_null(ctx_get(c, kit_cert(KIT_P384), &policy, NULL));
	assert_non_null(ctx_get(c, kit_cert(KIT_RSA2048), &policy, NULL));
	for (unsigned i = 0; i < 3; i++) {
		assert_null(ctx_get(c, &no_key, &policy, NULL));
		assert_null(ctx_get(c, &cut, &policy, NULL));
		assert_null(ctx_get(c, &cut_middle, &policy, NULL));
		assert_null(ctx_get(c, kit_cert(KIT_P256), &empty, NULL));
		assert_null(ctx_get(c, kit_cert(KIT_P256), &no_group, NULL));
		assert_null(ctx_get(c, kit_cert(KIT_P256), &old, NULL));
	}
	assert_int_equal(ctx_cache_stats(c)->built, 3);
	assert_int_equal(ctx_cache_stats(c)->n, 3);
	assert_int_equal(ctx_cache_stats(c)->evicted, 0);
	ctx_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_once_per_certificate_and_policy),
		cmocka_unit_test(keeps_those_used_last),
		cmocka_unit_test(refused_ones_leave_nothing),
	};

	return cmocka_run_group_tests_name("tls_ctx", tests, kit_setup, kit_teardown);
}
