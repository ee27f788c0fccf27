/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Batches of RSA against wolfCrypt's own results, what must not come out of them, and the turns that they take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tests/unit/tls_pkey_kit.h"

#include <cmocka.h>

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
	struct lanes *l = lanes_new(WC_PK_TYPE_RSA), *x = lanes_new(WC_PK_TYPE_EC_KEYGEN);
	uint8_t em[2][512], payload[2][51], plain[512];
	ecc_key shares[3];
	unsigned n_done = 0, n_steps = 0;
	struct pkey_queue q;
	struct pkey_op *op;
	RsaKey keys[2];

	(void)state;
	need_batches();
	assert_int_equal(pkey_queue_init(&q, pkey_kit_drbg()), 0);
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
	assert_int_equal(q.in_job.n, 4);
	pkey_cancel(&q, &l->op[1]); /* under way */
	pkey_cancel(&q, &l->op[5]); /* waits */
	pkey_cancel(&q, &l->op[1]);
	memset(&l->info[1], 0, sizeof l->info[1]);
	for (unsigned i = 0; i < 3; i++) {
		p256_blank(&shares[i]);
		x->info[i].pk.eckg.key = &shares[i];
		pkey_submit(&q, &x->op[i], &x->info[i], PKEY_P256_KEYGEN);
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
		wc_ecc_free(&shares[i]);
	for (unsigned k = 0; k < 2; k++)
		wc_FreeRsaKey(&keys[k]);
	free(l);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsa_results_verify),
		cmocka_unit_test(rsa_fault_is_caught),
		cmocka_unit_test(rsa_job_takes_turns),
	};

	return cmocka_run_group_tests_name(
	    "tls_pkey_rsa", tests, pkey_kit_setup, pkey_kit_teardown);
}
