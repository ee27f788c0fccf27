/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/drbg.h"
#include "tls/pkey.h"
#include "tls/pkey_batch.h"
#include "tls_handshake_kit.h"

#include <cmocka.h>

/* Batches against wolfCrypt's own results, lane by lane, and what must not come out of them. */

static struct drbg *drbg;
static WC_RNG rng;

struct lanes {
	struct pkey_op op[PKEY_LANES], *ops[PKEY_LANES];
	wc_CryptoInfo info[PKEY_LANES];
	uint8_t out[PKEY_LANES][512];
	word32 out_len[PKEY_LANES];
};

static struct lanes *lanes_new(int type)
{
	struct lanes *l = calloc(1, sizeof *l);

	assert_non_null(l);
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		l->info[i].algo_type = WC_ALGO_TYPE_PK;
		l->info[i].pk.type = type;
		l->op[i].info = &l->info[i];
		l->op[i].result = 12345;
		l->ops[i] = &l->op[i];
		l->out_len[i] = sizeof l->out[i];
	}
	return l;
}

/* What a queue does with them. */
static void run_batch(enum pkey_kind kind, struct lanes *l, unsigned n)
{
	struct pkey_job *job;

	if (!pkey_batch_is_long(kind)) {
		pkey_batch_run(kind, l->ops, n, drbg);
		return;
	}
	job = pkey_job_new();
	assert_non_null(job);
	pkey_job_begin(job, kind, l->ops, n);
	while (!pkey_job_step(job))
		;
	pkey_job_end(job, l->ops);
	pkey_job_free(job);
}

static void need_batches(void)
{
	if (!pkey_has_batches())
		skip(); /* no crypto_mb, or a CPU without AVX-512 IFMA */
}

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
		assert_int_equal(wc_curve25519_make_key(&rng, 32, &ours[i]), 0);
		assert_int_equal(wc_curve25519_make_key(&rng, 32, &peers[i]), 0);
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

static void p256_make(ecc_key *key)
{
	assert_int_equal(wc_ecc_init(key), 0);
	assert_int_equal(wc_ecc_make_key_ex(&rng, 32, key, ECC_SECP256R1), 0);
	assert_int_equal(wc_ecc_set_rng(key, &rng), 0);
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

static void rsa_load(RsaKey *key, enum kit_key which)
{
	const struct cert *c = kit_cert(which);
	word32 at = 0;

	assert_int_equal(wc_InitRsaKey(key, NULL), 0);
	assert_int_equal(wc_RsaPrivateKeyDecode(c->key.at, &at, key, (word32)c->key.len), 0);
	assert_int_equal(wc_RsaSetRNG(key, &rng), 0);
}

/* RFC 8017 9.2, with something random where the DigestInfo goes. */
static void rsa_encode(uint8_t *em, size_t len, uint8_t payload[51])
{
	assert_int_equal(wc_RNG_GenerateBlock(&rng, payload, 51), 0);
	memset(em, 0xff, len);
	em[0] = 0;
	em[1] = 1;
	em[len - 52] = 0;
	memcpy(em + len - 51, payload, 51);
}

static void rsa_point(struct lanes *l, unsigned i, RsaKey *key, const uint8_t *em, size_t len)
{
	l->info[i].pk.rsa.in = em;
	l->info[i].pk.rsa.inLen = (word32)len;
	l->info[i].pk.rsa.out = l->out[i];
	l->info[i].pk.rsa.outLen = &l->out_len[i];
	l->info[i].pk.rsa.type = RSA_PRIVATE_ENCRYPT;
	l->info[i].pk.rsa.key = key;
}

static const struct {
	enum kit_key key;
	enum pkey_kind kind;
	size_t len;
} rsa_sizes[] = {
	{ KIT_RSA2048, PKEY_RSA_2048, 256 },
	{ KIT_RSA3072, PKEY_RSA_3072, 384 },
	{ KIT_RSA4096, PKEY_RSA_4096, 512 },
};

static void rsa_results_verify(void **state)
{
	(void)state;
	need_batches();
	for (unsigned k = 0; k < 3; k++) {
		size_t len = rsa_sizes[k].len;
		RsaKey key, swapped;
		mp_int u;

		rsa_load(&key, rsa_sizes[k].key);
		rsa_load(&swapped, rsa_sizes[k].key);
		/* The other order of the primes is as good. */
		mp_exch(&swapped.p, &swapped.q);
		mp_exch(&swapped.dP, &swapped.dQ);
		assert_int_equal(mp_init(&u), 0);
		assert_int_equal(mp_invmod(&swapped.q, &swapped.p, &u), 0);
		assert_int_equal(mp_copy(&u, &swapped.u), 0);
		for (unsigned n = 1; n <= PKEY_LANES; n += k == 0 ? 1 : 3) {
			struct lanes *l = lanes_new(WC_PK_TYPE_RSA);
			uint8_t em[PKEY_LANES][512], payload[PKEY_LANES][51], plain[512];

			for (unsigned i = 0; i < n; i++) {
				rsa_encode(em[i], len, payload[i]);
				rsa_point(l, i, i % 2 ? &swapped : &key, em[i], len);
			}
			assert_int_equal(pkey_classify(&l->info[0]), rsa_sizes[k].kind);
			run_batch(rsa_sizes[k].kind, l, n);
			for (unsigned i = 0; i < n; i++) {
				assert_int_equal(l->op[i].result, 0);
				assert_int_equal(l->out_len[i], len);
				assert_int_equal(wc_RsaSSL_Verify(l->out[i], (word32)len, plain,
						     sizeof plain, &key),
				    51);
				assert_memory_equal(plain, payload[i], 51);
			}
			free(l);
		}
		wc_FreeRsaKey(&key);
		wc_FreeRsaKey(&swapped);
	}
}

static void assert_refused(const struct lanes *l, unsigned i)
{
	assert_int_equal(l->op[i].result, CRYPTOCB_UNAVAILABLE);
	for (unsigned at = 0; at < 256; at++)
		assert_int_equal(l->out[i][at], 0);
}

/*
 * A fault in one half of the CRT gives the key away: such a result must never leave the batch, whether halves go side
 * by side (up to four) or one after the other.
 */
static void rsa_fault_is_caught(void **state)
{
	uint8_t em[256], payload[51], high[256];
	RsaKey key, broken_p, broken_q;

	(void)state;
	need_batches();
	rsa_load(&key, KIT_RSA2048);
	rsa_load(&broken_p, KIT_RSA2048);
	rsa_load(&broken_q, KIT_RSA2048);
	assert_int_equal(mp_sub_d(&broken_p.dP, 2, &broken_p.dP), 0);
	assert_int_equal(mp_sub_d(&broken_q.dQ, 2, &broken_q.dQ), 0);
	rsa_encode(em, sizeof em, payload);
	memset(high, 0xff, sizeof high); /* not below n */
	for (unsigned n = 4; n <= PKEY_LANES; n++) {
		struct lanes *l = lanes_new(WC_PK_TYPE_RSA);

		for (unsigned i = 0; i < n; i++)
			rsa_point(l, i, &key, em, sizeof em);
		l->info[0].pk.rsa.key = &broken_p;
		l->info[n - 1].pk.rsa.key = &broken_q;
		l->info[1].pk.rsa.in = high;
		run_batch(PKEY_RSA_2048, l, n);
		assert_refused(l, 0);
		assert_refused(l, 1);
		assert_refused(l, n - 1);
		for (unsigned i = 2; i < n - 1; i++)
			assert_int_equal(l->op[i].result, 0);
		free(l);
	}
	wc_FreeRsaKey(&key);
	wc_FreeRsaKey(&broken_p);
	wc_FreeRsaKey(&broken_q);
}

/* Two sizes of keys by one queue: step by step, side by side with others, some of them cancelled on the way. */
static void rsa_job_takes_turns(void **state)
{
	struct lanes *l = lanes_new(WC_PK_TYPE_RSA), *x = lanes_new(WC_PK_TYPE_CURVE25519_KEYGEN);
	uint8_t em[2][512], payload[2][51], plain[512];
	curve25519_key shares[3];
	unsigned n_done = 0, n_steps = 0;
	struct pkey_queue q;
	struct pkey_op *op;
	RsaKey keys[2];

	(void)state;
	need_batches();
	assert_int_equal(pkey_queue_init(&q, drbg), 0);
	for (unsigned k = 0; k < 2; k++) {
		rsa_load(&keys[k], rsa_sizes[k].key);
		rsa_encode(em[k], rsa_sizes[k].len, payload[k]);
		for (unsigned i = 4 * k; i < 4 * k + 4; i++) {
			rsa_point(l, i, &keys[k], em[k], rsa_sizes[k].len);
			pkey_submit(&q, &l->op[i], &l->info[i], rsa_sizes[k].kind);
		}
	}
	pkey_poll(&q);
	assert_true(pkey_is_busy(&q));
	assert_null(pkey_next_done(&q));
	assert_int_equal(q.n_under_way, 4);
	pkey_cancel(&q, &l->op[1]); /* under way */
	pkey_cancel(&q, &l->op[5]); /* waits */
	pkey_cancel(&q, &l->op[1]);
	memset(&l->info[1], 0, sizeof l->info[1]);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(wc_curve25519_init(&shares[i]), 0);
		x->info[i].pk.curve25519kg.key = &shares[i];
		pkey_submit(&q, &x->op[i], &x->info[i], PKEY_X25519_KEYGEN);
	}
	pkey_poll(&q); /* short ones do not wait for the long one */
	for (unsigned i = 0; i < 3; i++)
		assert_ptr_equal(pkey_next_done(&q), &x->op[i]);
	for (; pkey_is_busy(&q); n_steps++) {
		pkey_poll(&q);
		while ((op = pkey_next_done(&q)) != NULL) {
			unsigned i = (unsigned)(op - l->op), k = i / 4;

			assert_true(i < PKEY_LANES && i != 1 && i != 5);
			assert_int_equal(op->result, 0);
			assert_int_equal(wc_RsaSSL_Verify(l->out[i], l->out_len[i], plain,
					     sizeof plain, &keys[k]),
			    51);
			assert_memory_equal(plain, payload[k], 51);
			n_done++;
		}
	}
	assert_int_equal(n_done, 6);
	assert_in_range(n_steps, 20, 200);
	assert_int_equal(l->op[1].result, 12345);
	/* With everybody gone there is nothing left to do. */
	for (unsigned i = 0; i < 2; i++)
		pkey_submit(&q, &l->op[i], &l->info[i == 1 ? 0 : i], PKEY_RSA_2048);
	pkey_poll(&q);
	pkey_cancel(&q, &l->op[0]);
	assert_true(pkey_is_busy(&q));
	pkey_cancel(&q, &l->op[1]);
	assert_false(pkey_is_busy(&q));
	/* One alone as well, in half as many steps. */
	pkey_submit(&q, &l->op[0], &l->info[0], PKEY_RSA_2048);
	for (n_steps = 0; (op = pkey_next_done(&q)) == NULL; n_steps++)
		pkey_poll(&q);
	assert_ptr_equal(op, &l->op[0]);
	assert_int_equal(op->result, 0);
	assert_in_range(n_steps, 8, 40);
	pkey_queue_fini(&q);
	for (unsigned i = 0; i < 3; i++)
		wc_curve25519_free(&shares[i]);
	for (unsigned k = 0; k < 2; k++)
		wc_FreeRsaKey(&keys[k]);
	free(l);
	free(x);
}

static void others_are_left_to_wolfcrypt(void **state)
{
	wc_CryptoInfo info = { .algo_type = WC_ALGO_TYPE_PK };
	uint8_t em[256], out[256];
	word32 len = sizeof out;
	ecc_key p384;
	RsaKey key;

	(void)state;
	assert_int_equal(wc_ecc_init(&p384), 0);
	assert_int_equal(wc_ecc_make_key_ex(&rng, 48, &p384, ECC_SECP384R1), 0);
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
	struct lanes *l = lanes_new(WC_PK_TYPE_CURVE25519_KEYGEN);
	curve25519_key keys[PKEY_LANES];
	struct pkey_queue q;

	(void)state;
	assert_int_equal(pkey_queue_init(&q, drbg), 0);
	pkey_poll(&q);
	assert_null(pkey_next_done(&q));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		assert_int_equal(wc_curve25519_init(&keys[i]), 0);
		l->info[i].pk.curve25519kg.key = &keys[i];
		pkey_submit(&q, &l->op[i], &l->info[i], PKEY_X25519_KEYGEN);
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
	pkey_submit(&q, &l->op[0], &l->info[0], PKEY_X25519_KEYGEN);
	pkey_poll(&q);
	assert_ptr_equal(pkey_next_done(&q), &l->op[0]);
	assert_int_equal(l->op[0].result, CRYPTOCB_UNAVAILABLE);
	pkey_queue_fini(&q);
	free(l);
}

/* Packets get their turn between batches. */
static void a_call_does_one_batch(void **state)
{
	struct lanes *l = lanes_new(WC_PK_TYPE_CURVE25519_KEYGEN),
		     *more = lanes_new(WC_PK_TYPE_CURVE25519_KEYGEN);
	curve25519_key keys[PKEY_LANES], others[3];
	struct pkey_queue q;

	(void)state;
	need_batches();
	assert_int_equal(pkey_queue_init(&q, drbg), 0);
	assert_false(pkey_is_amid(&q));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		assert_int_equal(wc_curve25519_init(&keys[i]), 0);
		l->info[i].pk.curve25519kg.key = &keys[i];
		pkey_submit(&q, &l->op[i], &l->info[i], PKEY_X25519_KEYGEN);
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(wc_curve25519_init(&others[i]), 0);
		more->info[i].pk.curve25519kg.key = &others[i];
		pkey_submit(&q, &more->op[i], &more->info[i], PKEY_X25519_KEYGEN);
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
	uint8_t em[512], payload[51], out[512];
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
	wc_curve25519_make_key(&rng, 32, &y);
	p256_make(&f);
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		wc_curve25519_init(&x[i]);
		wc_curve25519_make_key(&rng, 32, &x[i]);
		p256_make(&e[i]);
		l->info[i].pk.curve25519kg.key = &x[i];
	}
	TIME("x25519 keygen, batch", run_batch(PKEY_X25519_KEYGEN, l, 8));
	TIME("x25519 keygen, one", wc_curve25519_make_key(&rng, 32, &y));
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
	TIME("P-256 keygen, one", wc_ecc_make_key_ex(&rng, 32, &f, ECC_SECP256R1));
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
		l->info[i].pk.eccsign.in = em;
		l->info[i].pk.eccsign.inlen = 32;
		l->info[i].pk.eccsign.out = l->out[i];
		l->info[i].pk.eccsign.outlen = &l->out_len[i];
		l->info[i].pk.eccsign.key = &e[i];
	}
	memset(em, 1, sizeof em);
	TIME("P-256 sign, batch", {
		for (unsigned i = 0; i < PKEY_LANES; i++)
			l->out_len[i] = 80;
		run_batch(PKEY_P256_SIGN, l, 8);
	});
	TIME("P-256 sign, one", {
		word32 len = 80;
		wc_ecc_sign_hash(em, 32, out, &len, &rng, &f);
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
		TIME(what, wc_RsaSSL_Sign(payload, 51, out, sizeof out, &key, &rng));
		wc_FreeRsaKey(&key);
	}
	free(l);
}

static int setup(void **state)
{
	drbg = drbg_new();
	return kit_setup(state) != 0 || drbg == NULL || wc_InitRng(&rng) != 0;
}

static int teardown(void **state)
{
	wc_FreeRng(&rng);
	drbg_free(drbg);
	return kit_teardown(state);
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
		cmocka_unit_test(rsa_results_verify),
		cmocka_unit_test(rsa_fault_is_caught),
		cmocka_unit_test(rsa_job_takes_turns),
		cmocka_unit_test(others_are_left_to_wolfcrypt),
		cmocka_unit_test(queue_keeps_order_and_hands_back),
		cmocka_unit_test(a_call_does_one_batch),
		cmocka_unit_test(drbg_streams),
		cmocka_unit_test(print_costs),
	};

	return cmocka_run_group_tests_name("tls_pkey", tests, setup, teardown);
}
