/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Batches of X25519 and P-256 against wolfCrypt's own results, lane by lane, and what must not come out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tests/unit/tls_pkey_kit.h"

#include <cmocka.h>

static void x25519_keygen_makes_pairs(void **state)
{
	(void)state;
	need_batches();
	for (unsigned n = 1; n <= PKEY_LANES; n++) {
		struct lanes *l = lanes_new(WC_PK_TYPE_CURVE25519_KEYGEN);
		curve25519_key keys[PKEY_LANES];

		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(wc_curve25519_init(&keys[i]), 0);
			l->info[i].pk.curve25519kg.key = &keys[i];
		}
		assert_int_equal(pkey_classify(&l->info[0]), PKEY_X25519_KEYGEN);
		run_batch(PKEY_X25519_KEYGEN, l, n);
		for (unsigned i = 0; i < n; i++) {
			uint8_t pub[32];

			assert_int_equal(l->op[i].result, 0);
			assert_true(keys[i].privSet && keys[i].pubSet);
			assert_int_equal(wc_curve25519_make_pub(32, pub, 32, keys[i].k), 0);
			assert_memory_equal(pub, keys[i].p.point, 32);
			for (unsigned j = 0; j < i; j++)
				assert_memory_not_equal(keys[i].k, keys[j].k, 32);
		}
		for (unsigned i = n; i < PKEY_LANES; i++)
			assert_int_equal(l->op[i].result, 12345);
		for (unsigned i = 0; i < n; i++)
			wc_curve25519_free(&keys[i]);
		free(l);
	}
}

static void x25519_agree_equals_wolfcrypt(void **state)
{
	curve25519_key ours[PKEY_LANES], peers[PKEY_LANES];

	(void)state;
	need_batches();
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		assert_int_equal(wc_curve25519_init(&ours[i]), 0);
		assert_int_equal(wc_curve25519_init(&peers[i]), 0);
		assert_int_equal(wc_curve25519_make_key(pkey_kit_rng(), 32, &ours[i]), 0);
		assert_int_equal(wc_curve25519_make_key(pkey_kit_rng(), 32, &peers[i]), 0);
	}
	/* RFC 7748 6.1: a point of low order gives zero, which must not become a key. */
	memset(peers[3].p.point, 0, 32);
	for (unsigned n = 1; n <= PKEY_LANES; n++) {
		struct lanes *l = lanes_new(WC_PK_TYPE_CURVE25519);

		for (unsigned i = 0; i < n; i++) {
			l->info[i].pk.curve25519.private_key = &ours[i];
			l->info[i].pk.curve25519.public_key = &peers[i];
			l->info[i].pk.curve25519.out = l->out[i];
			l->info[i].pk.curve25519.outlen = &l->out_len[i];
			l->info[i].pk.curve25519.endian =
			    i % 2 ? EC25519_BIG_ENDIAN : EC25519_LITTLE_ENDIAN;
		}
		assert_int_equal(pkey_classify(&l->info[0]), PKEY_X25519_AGREE);
		run_batch(PKEY_X25519_AGREE, l, n);
		for (unsigned i = 0; i < n; i++) {
			uint8_t want[32];
			word32 len = sizeof want;

			if (i == 3) {
				assert_int_equal(l->op[i].result, CRYPTOCB_UNAVAILABLE);
				continue;
			}
			assert_int_equal(l->op[i].result, 0);
			assert_int_equal(wc_curve25519_shared_secret_ex(&ours[i], &peers[i], want,
					     &len, l->info[i].pk.curve25519.endian),
			    0);
			assert_int_equal(l->out_len[i], 32);
			assert_memory_equal(l->out[i], want, 32);
		}
		free(l);
	}
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		wc_curve25519_free(&ours[i]);
		wc_curve25519_free(&peers[i]);
	}
}

static void p256_keygen_makes_pairs(void **state)
{
	(void)state;
	need_batches();
	for (unsigned n = 1; n <= PKEY_LANES; n++) {
		struct lanes *l = lanes_new(WC_PK_TYPE_EC_KEYGEN);
		ecc_key keys[PKEY_LANES];

		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(wc_ecc_init(&keys[i]), 0);
			assert_int_equal(wc_ecc_set_curve(&keys[i], 32, ECC_SECP256R1), 0);
			l->info[i].pk.eckg.key = &keys[i];
		}
		assert_int_equal(pkey_classify(&l->info[0]), PKEY_P256_KEYGEN);
		run_batch(PKEY_P256_KEYGEN, l, n);
		for (unsigned i = 0; i < n; i++) {
			uint8_t x[2][32], y[2][32];
			word32 len[4] = { 32, 32, 32, 32 };

			assert_int_equal(l->op[i].result, 0);
			assert_int_equal(keys[i].type, ECC_PRIVATEKEY);
			assert_int_equal(wc_ecc_check_key(&keys[i]), 0);
			/* The public half again, by wolfCrypt. */
			assert_int_equal(
			    wc_ecc_export_public_raw(&keys[i], x[0], &len[0], y[0], &len[1]), 0);
			assert_int_equal(wc_ecc_make_pub(&keys[i], NULL), 0);
			assert_int_equal(
			    wc_ecc_export_public_raw(&keys[i], x[1], &len[2], y[1], &len[3]), 0);
			assert_memory_equal(x[0], x[1], 32);
			assert_memory_equal(y[0], y[1], 32);
			wc_ecc_free(&keys[i]);
		}
		free(l);
	}
}

static void p256_agree_equals_wolfcrypt(void **state)
{
	static const uint8_t off_x[32] = { [31] = 5 }, off_y[32] = { [31] = 1 };
	ecc_key ours[PKEY_LANES], peers[PKEY_LANES];

	(void)state;
	need_batches();
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		p256_make(&ours[i]);
		p256_make(&peers[i]);
	}
	/* A point that is not on the curve (an invalid-curve attack) must not be multiplied. */
	wc_ecc_free(&peers[5]);
	assert_int_equal(wc_ecc_init(&peers[5]), 0);
	assert_int_equal(wc_ecc_import_unsigned(&peers[5], off_x, off_y, NULL, ECC_SECP256R1), 0);
	for (unsigned n = 1; n <= PKEY_LANES; n++) {
		struct lanes *l = lanes_new(WC_PK_TYPE_ECDH);

		for (unsigned i = 0; i < n; i++) {
			l->info[i].pk.ecdh.private_key = &ours[i];
			l->info[i].pk.ecdh.public_key = &peers[i];
			l->info[i].pk.ecdh.out = l->out[i];
			l->info[i].pk.ecdh.outlen = &l->out_len[i];
		}
		assert_int_equal(pkey_classify(&l->info[0]), PKEY_P256_AGREE);
		run_batch(PKEY_P256_AGREE, l, n);
		for (unsigned i = 0; i < n; i++) {
			uint8_t want[32];
			word32 len = sizeof want;

			if (i == 5) {
				assert_int_equal(l->op[i].result, CRYPTOCB_UNAVAILABLE);
				continue;
			}
			assert_int_equal(l->op[i].result, 0);
			assert_int_equal(wc_ecc_shared_secret(&ours[i], &peers[i], want, &len), 0);
			assert_int_equal(l->out_len[i], 32);
			assert_memory_equal(l->out[i], want, 32);
		}
		free(l);
	}
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		wc_ecc_free(&ours[i]);
		wc_ecc_free(&peers[i]);
	}
}

static void p256_signatures_verify(void **state)
{
	static const word32 lens[PKEY_LANES] = { 32, 20, 48, 64, 28, 32, 32, 32 };
	ecc_key keys[PKEY_LANES];
	uint8_t hash[PKEY_LANES][64], last[512];

	(void)state;
	need_batches();
	memset(last, 0, sizeof last);
	for (unsigned i = 0; i < PKEY_LANES; i++)
		p256_make(&keys[i]);
	for (unsigned round = 0; round < 200; round++) {
		struct lanes *l = lanes_new(WC_PK_TYPE_ECDSA_SIGN);
		unsigned n = round % PKEY_LANES + 1;

		for (unsigned i = 0; i < n; i++) {
			memset(hash[i], (int)i + 1, 64);
			l->info[i].pk.eccsign.in = hash[i];
			l->info[i].pk.eccsign.inlen = lens[i];
			l->info[i].pk.eccsign.out = l->out[i];
			l->info[i].pk.eccsign.outlen = &l->out_len[i];
			l->info[i].pk.eccsign.key = &keys[i];
		}
		assert_int_equal(pkey_classify(&l->info[0]), PKEY_P256_SIGN);
		run_batch(PKEY_P256_SIGN, l, n);
		for (unsigned i = 0; i < n; i++) {
			int good = 0;

			assert_int_equal(l->op[i].result, 0);
			assert_int_equal(wc_ecc_verify_hash(l->out[i], l->out_len[i], hash[i],
					     lens[i], &good, &keys[i]),
			    0);
			assert_int_equal(good, 1);
			hash[i][0] ^= 0x80;
			assert_int_equal(wc_ecc_verify_hash(l->out[i], l->out_len[i], hash[i],
					     lens[i], &good, &keys[i]),
			    0);
			assert_int_equal(good, 0);
		}
		/* The same message again: another nonce, so another r. */
		assert_memory_not_equal(last, l->out[0], 36);
		memcpy(last, l->out[0], sizeof last);
		free(l);
	}
	for (unsigned i = 0; i < PKEY_LANES; i++)
		wc_ecc_free(&keys[i]);
}

/* A hash above the group's order, and no room for the result: left to wolfCrypt, others unharmed. */
static void p256_sign_leaves_odd_cases(void **state)
{
	struct lanes *l = lanes_new(WC_PK_TYPE_ECDSA_SIGN);
	uint8_t hash[32], high[32];
	ecc_key key;
	int good = 0;

	(void)state;
	need_batches();
	p256_make(&key);
	memset(hash, 7, sizeof hash);
	memset(high, 0xff, sizeof high);
	for (unsigned i = 0; i < 3; i++) {
		l->info[i].pk.eccsign.in = i == 0 ? high : hash;
		l->info[i].pk.eccsign.inlen = 32;
		l->info[i].pk.eccsign.out = l->out[i];
		l->info[i].pk.eccsign.outlen = &l->out_len[i];
		l->info[i].pk.eccsign.key = &key;
	}
	l->out_len[1] = 60;
	run_batch(PKEY_P256_SIGN, l, 3);
	if (l->op[0].result == 0) {
		assert_int_equal(
		    wc_ecc_verify_hash(l->out[0], l->out_len[0], high, 32, &good, &key), 0);
		assert_int_equal(good, 1);
	} else {
		assert_int_equal(l->op[0].result, CRYPTOCB_UNAVAILABLE);
	}
	assert_int_equal(l->op[1].result, CRYPTOCB_UNAVAILABLE);
	assert_int_equal(l->op[2].result, 0);
	assert_int_equal(wc_ecc_verify_hash(l->out[2], l->out_len[2], hash, 32, &good, &key), 0);
	assert_int_equal(good, 1);
	wc_ecc_free(&key);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x25519_keygen_makes_pairs),
		cmocka_unit_test(x25519_agree_equals_wolfcrypt),
		cmocka_unit_test(p256_keygen_makes_pairs),
		cmocka_unit_test(p256_agree_equals_wolfcrypt),
		cmocka_unit_test(p256_signatures_verify),
		cmocka_unit_test(p256_sign_leaves_odd_cases),
	};

	return cmocka_run_group_tests_name(
	    "tls_pkey_ecc", tests, pkey_kit_setup, pkey_kit_teardown);
}
