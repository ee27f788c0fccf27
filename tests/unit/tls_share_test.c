/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tests/unit/tls_handshake_kit.h"
#include "tls/drbg.h"

#include <cmocka.h>

/*
 * X25519 shares that are odd. RFC 7748 5: the high bit of what comes MUST be masked, and values that are not reduced
 * MUST be accepted "as if they had been reduced modulo the field prime". RFC 8446 7.4.2: a shared secret of
 * zeroes ends the handshake. In crypto_mb's batches and in wolfCrypt, which scripts/wolfssl-5.9.2.patch mends.
 */

#define DEVICE 0x7465 /* of the client: keys are made below */

/*
 * A private key to the public one 9, the base point, of order L: 5 L - 1. An x-coordinate is the same for n and -n, and
 * clamping (RFC 7748 5) leaves this one as it is.
 */
static const uint8_t key_of_9[32] = { 0xa0, 0x23, 0xcd, 0xd0, 0x83, 0xef, 0x5b, 0xb8, 0x2f, 0x10,
	0xd6, 0x2e, 0x59, 0xe1, 0x5a, 0x68, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x50 };

enum oddity {
	PLAIN,
	HIGH_BIT,       /* of a key of its own */
	NINE,           /* key_of_9's, as it should be written */
	NINE_UNREDUCED, /* as 2^255 - 19 + 9 */
	NINE_BOTH,      /* with the high bit, too */
	ZERO,           /* of low order, like those below */
	ZERO_HIGH_BIT,
	ZERO_UNREDUCED,
	ONE,
	ONE_UNREDUCED,
	MINUS_ONE,
	MINUS_ONE_HIGH_BIT,
	ORDER_8, /* curve25519 has such points, and nobody would notice by their looks */
	ORDER_8_HIGH_BIT,
	N_ODDITIES,
};

static const uint8_t order_8[32] = { 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56,
	0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86,
	0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 };

/* 2^255 - 256 + lowest */
static void near_prime(uint8_t to[32], uint8_t lowest)
{
	memset(to, 0xff, 32);
	to[0] = lowest;
	to[31] = 0x7f;
}

static void small(uint8_t to[32], uint8_t value)
{
	memset(to, 0, 32);
	to[0] = value;
}

static struct drbg *drbg;
static enum oddity oddity;

static void make_odd(uint8_t point[32])
{
	switch (oddity) {
	case PLAIN:
	case HIGH_BIT:
		break;
	case NINE:
		small(point, 9);
		break;
	case NINE_UNREDUCED:
	case NINE_BOTH:
		near_prime(point, 0xed + 9);
		break;
	case ZERO:
	case ZERO_HIGH_BIT:
		small(point, 0);
		break;
	case ZERO_UNREDUCED:
		near_prime(point, 0xed);
		break;
	case ONE:
		small(point, 1);
		break;
	case ONE_UNREDUCED:
		near_prime(point, 0xed + 1);
		break;
	case MINUS_ONE:
	case MINUS_ONE_HIGH_BIT:
		near_prime(point, 0xed - 1);
		break;
	case ORDER_8:
	case ORDER_8_HIGH_BIT:
		memcpy(point, order_8, 32);
		break;
	case N_ODDITIES:
		fail();
	}
	if (oddity == HIGH_BIT || oddity == NINE_BOTH || oddity == ZERO_HIGH_BIT ||
	    oddity == MINUS_ONE_HIGH_BIT || oddity == ORDER_8_HIGH_BIT)
		point[31] |= 0x80;
}

/* The client's keys: what it sends is odd, what it computes with is a private key that fits, if there is one. */
static int client_key(int device, wc_CryptoInfo *info, void *arg)
{
	uint8_t priv[32], pub[32];
	curve25519_key *key;

	(void)device, (void)arg;
	if (info->algo_type == WC_ALGO_TYPE_RNG) {
		drbg_read(drbg, info->rng.out, info->rng.sz);
		return 0;
	}
	if (info->algo_type != WC_ALGO_TYPE_PK || info->pk.type != WC_PK_TYPE_CURVE25519_KEYGEN)
		return CRYPTOCB_UNAVAILABLE;
	key = info->pk.curve25519kg.key;
	drbg_read(drbg, priv, sizeof(priv));
	if (oddity >= NINE && oddity <= NINE_BOTH)
		memcpy(priv, key_of_9, sizeof(priv));
	priv[0] &= 248;
	priv[31] = (priv[31] & 127) | 64;
	assert_int_equal(wc_curve25519_make_pub(32, pub, 32, priv), 0);
	assert_int_equal(
	    wc_curve25519_import_private_raw_ex(priv, 32, pub, 32, key, EC25519_LITTLE_ENDIAN), 0);
	make_odd(key->p.point);
	return 0;
}

/* Whether the handshake came about; a refusal is one with an alert. */
static bool is_served(uint16_t version, int group, bool no_batches)
{
	const struct tls_worker_config wc = { .no_batches = no_batches };
	const struct kit_client_config config = { .min_version = version,
		.max_version = version,
		.groups = { group },
		.share = version == 0x0304 ? group : 0,
		.device = DEVICE };
	struct policy policy = kit_policy();
	struct tls_worker *w = tls_worker_new(&wc);
	struct kit_client c;
	struct kit_choice choice;
	struct handshake *h;
	struct record r;
	bool done;

	assert_non_null(w);
	kit_choose(&choice, kit_cert(KIT_P256), &policy);
	kit_client_open(&c, &config);
	h = handshake_new(w, &choice.choice, &c);
	assert_non_null(h);
	done = kit_run(w, h, &c, kit_cuts[0]) == HANDSHAKE_DONE;
	if (done) {
		assert_true(c.done);
		assert_int_equal(handshake_facts(h)->group, group);
		assert_int_equal(handshake_finish(h, &r), 0);
		kit_exchange(w, &r, &c, 1000);
		record_fini(&r, tls_worker_aead(w));
	} else {
		assert_int_not_equal(handshake_facts(h)->alert, 0xff);
		assert_true(handshake_facts(h)->alert_is_ours);
		handshake_free(h);
	}
	kit_client_close(&c);
	tls_worker_free(w);
	return done;
}

static void need_patch(void)
{
	if (LIBWOLFSSL_VERSION_HEX < 0x05009002)
		skip(); /* 5.7.2 is built as it comes, and refuses them */
}

static const struct {
	uint16_t version;
	int group;
} ways[] = { { 0x0304, 29 }, { 0x0304, 4588 }, { 0x0303, 29 } };

static void odd_shares_are_taken(void **state)
{
	(void)state;
	need_patch();
	for (oddity = PLAIN; oddity <= NINE_BOTH; oddity++)
		for (unsigned i = 0; i < 3; i++)
			for (int no_batches = 0; no_batches < 2; no_batches++)
				if (!is_served(ways[i].version, ways[i].group, no_batches))
					fail_msg("oddity %d, %04x, group %d, batches %d", oddity,
					    ways[i].version, ways[i].group, !no_batches);
}

static void shares_of_low_order_are_refused(void **state)
{
	(void)state;
	need_patch();
	for (oddity = ZERO; oddity < N_ODDITIES; oddity++)
		for (unsigned i = 0; i < 3; i++)
			for (int no_batches = 0; no_batches < 2; no_batches++)
				if (is_served(ways[i].version, ways[i].group, no_batches))
					fail_msg("oddity %d, %04x, group %d, batches %d", oddity,
					    ways[i].version, ways[i].group, !no_batches);
}

static int setup(void **state)
{
	drbg = drbg_new();
	return kit_setup(state) || !drbg ||
	    wc_CryptoCb_RegisterDevice(DEVICE, client_key, NULL) != 0;
}

static int teardown(void **state)
{
	wc_CryptoCb_UnRegisterDevice(DEVICE);
	drbg_free(drbg);
	return kit_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_shares_are_taken),
		cmocka_unit_test(shares_of_low_order_are_refused),
	};

	return cmocka_run_group_tests_name("tls_share", tests, setup, teardown);
}
