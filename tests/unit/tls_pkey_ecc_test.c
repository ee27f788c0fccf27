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

/* RFC 7748 6.1's two, what its clamping leaves of all zeros and all ones, and many. */
static void x25519_public_equals_wolfcrypt(void **state)
{
	static const uint8_t known[2][2][32] = {
		{ { 0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51,
		      0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77,
		      0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a },
		    { 0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4,
			0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb,
			0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a } },
		{ { 0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b, 0x79, 0xe1, 0x7f, 0x8b, 0x83,
		      0x80, 0x0e, 0xe6, 0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18, 0xb6, 0xfd, 0x1c, 0x2f,
		      0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb },
		    { 0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61, 0xc2, 0xec,
			0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78, 0x67, 0x4d, 0xad,
			0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f } },
	};
	uint8_t private[PKEY_LANES][32], public[PKEY_LANES][32], want[32];

	(void)state;
	need_batches();
	for (unsigned round = 0; round < 500; round++) {
		drbg_read(pkey_kit_drbg(), private[0], sizeof private);
		if (round < PKEY_LANES) { /* each in each lane */
			memset(private[round], 0, 32);
			memset(private[(round + 1) % PKEY_LANES], 0xff, 32);
			memcpy(private[(round + 2) % PKEY_LANES], known[0][0], 32);
			memcpy(private[(round + 3) % PKEY_LANES], known[1][0], 32);
		}
		pkey_batch_x25519_public(public, (const uint8_t(*)[32]) private);
		for (unsigned i = 0; i < PKEY_LANES; i++) {
			private[i][0] &= 248;
			private[i][31] &= 127;
			private[i][31] |= 64;
			assert_int_equal(wc_curve25519_make_pub(32, want, 32, private[i]), 0);
			assert_memory_equal(public[i], want, 32);
		}
		if (round < PKEY_LANES)
			for (unsigned k = 0; k < 2; k++)
				assert_memory_equal(
				    public[(round + 2 + k) % PKEY_LANES], known[k][1], 32);
	}
}

static void shares_are_given_once(void **state)
{
	struct lanes *l = lanes_new(WC_PK_TYPE_CURVE25519_KEYGEN);
	curve25519_key keys[3 * PKEY_LANES];
	static const uint8_t zero[32];
	struct pkey_queue q;

	(void)state;
	need_batches();
	assert_int_equal(pkey_queue_init(&q, pkey_kit_drbg()), 0);
	assert_int_equal(pkey_classify(&l->info[0]), PKEY_NONE); /* none waits for a batch */
	for (unsigned i = 0; i < 3 * PKEY_LANES; i++) {
		uint8_t pub[32];

		assert_int_equal(wc_curve25519_init(&keys[i]), 0);
		l->info[0].pk.curve25519kg.key = &keys[i];
		assert_true(pkey_share_take(&q, &l->info[0]));
		assert_true(keys[i].privSet && keys[i].pubSet);
		assert_int_equal(wc_curve25519_make_pub(32, pub, 32, keys[i].k), 0);
		assert_memory_equal(pub, keys[i].p.point, 32);
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(keys[i].k, keys[j].k, 32);
		for (unsigned j = 0; j < PKEY_LANES; j++) {
			bool is_left = j < q.shares.n;

			assert_int_equal(memcmp(q.shares.private[j], zero, 32) != 0, is_left);
			assert_int_equal(memcmp(q.shares.public[j], zero, 32) != 0, is_left);
		}
	}
	assert_int_equal(q.n_batches, 3);
	assert_int_equal(q.n_operations, 3 * PKEY_LANES);
	/* Others are not for it, and nothing is made for them. */
	l->info[1].pk.type = WC_PK_TYPE_CURVE25519;
	assert_false(pkey_share_take(&q, &l->info[1]));
	l->info[1].pk.type = WC_PK_TYPE_EC_KEYGEN;
	assert_false(pkey_share_take(&q, &l->info[1]));
	l->info[0].algo_type = WC_ALGO_TYPE_RNG;
	assert_false(pkey_share_take(&q, &l->info[0]));
	assert_int_equal(q.n_batches, 3);
	/* What nobody took goes with the queue. */
	l->info[0].algo_type = WC_ALGO_TYPE_PK;
	assert_true(pkey_share_take(&q, &l->info[0]));
	assert_int_equal(q.shares.n, PKEY_LANES - 1);
	pkey_queue_fini(&q);
	for (unsigned j = 0; j < PKEY_LANES; j++)
		assert_memory_equal(q.shares.private[j], zero, 32);
	assert_false(pkey_share_take(&q, &l->info[0]));
	for (unsigned i = 0; i < 3 * PKEY_LANES; i++)
		wc_curve25519_free(&keys[i]);
	free(l);
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
			p256_blank(&keys[i]);
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
		cmocka_unit_test(x25519_public_equals_wolfcrypt),
		cmocka_unit_test(shares_are_given_once),
		cmocka_unit_test(x25519_agree_equals_wolfcrypt),
		cmocka_unit_test(p256_keygen_makes_pairs),
		cmocka_unit_test(p256_agree_equals_wolfcrypt),
		cmocka_unit_test(p256_signatures_verify),
		cmocka_unit_test(p256_sign_leaves_odd_cases),
	};

	return cmocka_run_group_tests_name(
	    "tls_pkey_ecc", tests, pkey_kit_setup, pkey_kit_teardown);
}
