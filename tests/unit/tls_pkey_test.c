/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes into batches, the queue of them, the generator behind them; and what they cost (KIT_TIME=1). */
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

#include "tests/unit/tls_pkey_kit.h"
#include "tls/pkey_sign.h"

#include <cmocka.h>

static void others_are_left_to_wolfcrypt(void **state)
{
	wc_CryptoInfo info = { .algo_type = WC_ALGO_TYPE_PK };
	uint8_t em[256], out[256];
	word32 len = sizeof out;
	ecc_key p384;
	RsaKey key;

	(void)state;
	assert_int_equal(wc_ecc_init(&p384), 0);
	assert_int_equal(wc_ecc_make_key_ex(pkey_kit_rng(), 48, &p384, ECC_SECP384R1), 0);
	info.pk.type = WC_PK_TYPE_ECDSA_SIGN;
	info.pk.eccsign.key = &p384;
	assert_int_equal(pkey_classify(&info), PKEY_NONE);
	wc_ecc_free(&p384);
	memset(&info, 0, sizeof info);
	info.algo_type = WC_ALGO_TYPE_PK;
	info.pk.type = WC_PK_TYPE_ED25519_SIGN;
	assert_int_equal(pkey_classify(&info), PKEY_NONE);
	info.pk.type = WC_PK_TYPE_RSA;
	rsa_load(&key, KIT_RSA2048);
	info.pk.rsa.key = &key;
	info.pk.rsa.in = em;
	info.pk.rsa.inLen = sizeof em;
	info.pk.rsa.out = out;
	info.pk.rsa.outLen = &len;
	info.pk.rsa.type = RSA_PUBLIC_DECRYPT;
	assert_int_equal(pkey_classify(&info), PKEY_NONE);
	info.pk.rsa.type = RSA_PRIVATE_DECRYPT;
	assert_int_equal(pkey_classify(&info), PKEY_RSA_2048);
	len = 255;
	assert_int_equal(pkey_classify(&info), PKEY_NONE);
	len = 256;
	info.pk.rsa.inLen = 255;
	assert_int_equal(pkey_classify(&info), PKEY_NONE);
	info.pk.rsa.inLen = 256;
	assert_int_equal(mp_set_int(&key.e, 3), 0);
	assert_int_equal(pkey_classify(&info), PKEY_NONE);
	wc_FreeRsaKey(&key);
}

static void queue_keeps_order_and_hands_back(void **state)
{
	struct lanes *l = lanes_new(WC_PK_TYPE_EC_KEYGEN);
	ecc_key keys[PKEY_LANES];
	struct pkey_queue q;

	(void)state;
	assert_int_equal(pkey_queue_init(&q, pkey_kit_drbg()), 0);
	pkey_poll(&q);
	assert_null(pkey_next_done(&q));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		p256_blank(&keys[i]);
		l->info[i].pk.eckg.key = &keys[i];
		pkey_submit(&q, &l->op[i], &l->info[i], PKEY_P256_KEYGEN);
	}
	pkey_cancel(&q, &l->op[2]);
	pkey_cancel(&q, &l->op[2]);
	assert_int_equal(q.n_queued, 7);
	assert_null(pkey_next_done(&q));
	pkey_poll(&q);
	assert_int_equal(q.n_queued, 0);
	assert_int_equal(q.n_operations, 7);
	pkey_cancel(&q, &l->op[5]); /* done, not taken yet */
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		if (i == 2 || i == 5)
			continue;
		assert_ptr_equal(pkey_next_done(&q), &l->op[i]);
		assert_int_equal(l->op[i].state, PKEY_IDLE);
		assert_int_equal(l->op[i].result, pkey_has_batches() ? 0 : CRYPTOCB_UNAVAILABLE);
	}
	assert_null(pkey_next_done(&q));
	assert_int_equal(q.n_batches, pkey_has_batches() ? 1 : 0);
	/* One alone goes back at once. */
	pkey_submit(&q, &l->op[0], &l->info[0], PKEY_P256_KEYGEN);
	pkey_poll(&q);
	assert_ptr_equal(pkey_next_done(&q), &l->op[0]);
	assert_int_equal(l->op[0].result, CRYPTOCB_UNAVAILABLE);
	pkey_queue_fini(&q);
	free(l);
}

/* Packets get their turn between batches. */
static void a_call_does_one_batch(void **state)
{
	struct lanes *l = lanes_new(WC_PK_TYPE_EC_KEYGEN), *more = lanes_new(WC_PK_TYPE_EC_KEYGEN);
	ecc_key keys[PKEY_LANES], others[3];
	struct pkey_queue q;

	(void)state;
	need_batches();
	assert_int_equal(pkey_queue_init(&q, pkey_kit_drbg()), 0);
	assert_false(pkey_is_amid(&q));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		p256_blank(&keys[i]);
		l->info[i].pk.eckg.key = &keys[i];
		pkey_submit(&q, &l->op[i], &l->info[i], PKEY_P256_KEYGEN);
	}
	for (unsigned i = 0; i < 3; i++) {
		p256_blank(&others[i]);
		more->info[i].pk.eckg.key = &others[i];
		pkey_submit(&q, &more->op[i], &more->info[i], PKEY_P256_KEYGEN);
	}
	pkey_poll(&q);
	assert_int_equal(q.n_operations, PKEY_LANES);
	assert_true(pkey_is_amid(&q));
	pkey_poll(&q);
	assert_int_equal(q.n_operations, PKEY_LANES + 3);
	assert_false(pkey_is_amid(&q));
	while (pkey_next_done(&q) != NULL)
		;
	assert_false(pkey_is_busy(&q));
	pkey_queue_fini(&q);
	free(l);
	free(more);
}

static void drbg_streams(void **state)
{
	struct drbg *a = drbg_new(), *b = drbg_new();
	uint8_t x[4096], y[4096];
	unsigned ones = 0;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	drbg_read(a, x, sizeof x);
	drbg_read(b, y, sizeof y);
	assert_memory_not_equal(x, y, 64);
	for (unsigned i = 0; i + 32 < sizeof x; i += 32)
		assert_memory_not_equal(x + i, x + i + 32, 32);
	/* Past a reseed (1 MB), in odd pieces; no block comes twice and bits stay even. */
	for (unsigned i = 0; i < 3000; i++) {
		drbg_read(a, y, i % 1500 + 1);
		for (unsigned j = 0; j < i % 1500 + 1; j++)
			ones += (unsigned)__builtin_popcount(y[j]);
	}
	assert_in_range(ones, 3000ull * 751 * 4 * 99 / 100, 3000ull * 751 * 4 * 101 / 100);
	drbg_read(a, y, 64);
	assert_memory_not_equal(x, y, 64);
	drbg_free(a);
	drbg_free(b);
	drbg_free(NULL);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* How long a worker's packets wait for it. */
static void print_steps(enum pkey_kind kind, struct lanes *l)
{
	struct pkey_job *job = pkey_job_new();
	double longest = 0;
	unsigned n = 0;

	assert_non_null(job);
	pkey_job_begin(job, kind, l->ops, PKEY_LANES);
	for (bool is_over = false; !is_over; n++) {
		double t = now_us();

		is_over = pkey_job_step(job);
		t = now_us() - t;
		longest = t > longest ? t : longest;
	}
	pkey_job_end(job, l->ops);
	pkey_job_free(job);
	printf("%-28s %8.1f us the longest of %u\n", "  a step of it", longest, n);
}

/* KIT_TIME=1: what a batch costs, against one operation of wolfCrypt's: pkey_batch_least follows from it. */
static void print_costs(void **state)
{
	enum {
		ROUNDS = 60
	};
	struct lanes *l;
	curve25519_key x[PKEY_LANES], y;
	ecc_key e[PKEY_LANES], f;
	uint8_t em[512], payload[51], out[512], private[PKEY_LANES][32], public[PKEY_LANES][32];
	double t;

	(void)state;
	if (getenv("KIT_TIME") == NULL)
		skip();
	need_batches();
	l = lanes_new(0);
#define TIME(what, code)                                                   \
	do {                                                               \
		code;                                                      \
		t = now_us();                                              \
		for (unsigned r = 0; r < ROUNDS; r++) {                    \
			code;                                              \
		}                                                          \
		printf("%-28s %8.1f us\n", what, (now_us() - t) / ROUNDS); \
	} while (0)
	wc_curve25519_init(&y);
	wc_curve25519_make_key(pkey_kit_rng(), 32, &y);
	p256_make(&f);
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		wc_curve25519_init(&x[i]);
		wc_curve25519_make_key(pkey_kit_rng(), 32, &x[i]);
		p256_make(&e[i]);
		memcpy(private[i], x[i].k, 32);
	}
	TIME("x25519 keygen, batch",
	    pkey_batch_x25519_public(public, (const uint8_t(*)[32]) private));
	TIME("x25519 keygen, one", wc_curve25519_make_key(pkey_kit_rng(), 32, &y));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		l->info[i].pk.curve25519.private_key = &x[i];
		l->info[i].pk.curve25519.public_key = &y;
		l->info[i].pk.curve25519.out = l->out[i];
		l->info[i].pk.curve25519.outlen = &l->out_len[i];
	}
	TIME("x25519 agree, batch", run_batch(PKEY_X25519_AGREE, l, 8));
	TIME("x25519 agree, one", {
		word32 len = 32;
		wc_curve25519_shared_secret_ex(&x[0], &y, out, &len, 0);
	});
	for (unsigned i = 0; i < PKEY_LANES; i++)
		l->info[i].pk.eckg.key = &e[i];
	TIME("P-256 keygen, batch", run_batch(PKEY_P256_KEYGEN, l, 8));
	TIME("P-256 keygen, one", wc_ecc_make_key_ex(pkey_kit_rng(), 32, &f, ECC_SECP256R1));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		l->info[i].pk.ecdh.private_key = &e[i];
		l->info[i].pk.ecdh.public_key = &f;
		l->info[i].pk.ecdh.out = l->out[i];
		l->info[i].pk.ecdh.outlen = &l->out_len[i];
	}
	TIME("P-256 agree, batch", run_batch(PKEY_P256_AGREE, l, 8));
	TIME("P-256 agree, one", {
		word32 len = 32;
		wc_ecc_shared_secret(&e[0], &f, out, &len);
	});
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		l->info[i].pk.type = WC_PK_TYPE_ECDSA_SIGN;
		l->info[i].pk.eccsign.in = em;
		l->info[i].pk.eccsign.inlen = 32;
		l->info[i].pk.eccsign.out = l->out[i];
		l->info[i].pk.eccsign.outlen = &l->out_len[i];
		l->info[i].pk.eccsign.key = &e[i];
		l->info[i].pk.eccsign.rng = pkey_kit_rng();
	}
	memset(em, 1, sizeof em);
	TIME("P-256 sign, batch", {
		for (unsigned i = 0; i < PKEY_LANES; i++)
			l->out_len[i] = 80;
		run_batch(PKEY_P256_SIGN, l, 8);
	});
	TIME("P-256 sign, one", {
		l->out_len[0] = 80;
		pkey_sign_alone(&l->info[0]);
	});
	for (unsigned k = 0; k < 3; k++) {
		RsaKey key;
		char what[32];

		rsa_load(&key, rsa_sizes[k].key);
		rsa_encode(em, rsa_sizes[k].len, payload);
		for (unsigned i = 0; i < PKEY_LANES; i++) {
			l->out_len[i] = 512;
			rsa_point(l, i, &key, em, rsa_sizes[k].len);
		}
		snprintf(what, sizeof what, "RSA-%zu private, batch", rsa_sizes[k].len * 8);
		TIME(what, run_batch(rsa_sizes[k].kind, l, 8));
		print_steps(rsa_sizes[k].kind, l);
		TIME("  of four", run_batch(rsa_sizes[k].kind, l, 4));
		snprintf(what, sizeof what, "RSA-%zu private, one", rsa_sizes[k].len * 8);
		TIME(what, wc_RsaSSL_Sign(payload, 51, out, sizeof out, &key, pkey_kit_rng()));
		wc_FreeRsaKey(&key);
	}
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_are_left_to_wolfcrypt),
		cmocka_unit_test(queue_keeps_order_and_hands_back),
		cmocka_unit_test(a_call_does_one_batch),
		cmocka_unit_test(drbg_streams),
		cmocka_unit_test(print_costs),
	};

	return cmocka_run_group_tests_name("tls_pkey", tests, pkey_kit_setup, pkey_kit_teardown);
}
