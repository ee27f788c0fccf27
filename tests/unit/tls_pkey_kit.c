/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/tls_pkey_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct drbg *drbg;
static WC_RNG rng;

int pkey_kit_setup(void **state)
{
	drbg = drbg_new();
	return kit_setup(state) != 0 || drbg == NULL || wc_InitRng(&rng) != 0;
}

int pkey_kit_teardown(void **state)
{
	wc_FreeRng(&rng);
	drbg_free(drbg);
	return kit_teardown(state);
}

struct drbg *pkey_kit_drbg(void)
{
	return drbg;
}

WC_RNG *pkey_kit_rng(void)
{
	return &rng;
}

struct lanes *lanes_new(int type)
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

void run_batch(enum pkey_kind kind, struct lanes *l, unsigned n)
{
	struct pkey_signing *signing;
	struct pkey_job *job;

	if (kind == PKEY_P256_SIGN) {
		signing = pkey_signing_new();
		assert_non_null(signing);
		pkey_signing_begin(signing, l->ops, n, drbg);
		assert_int_equal(pkey_signing_end(signing, l->ops), 0);
		pkey_signing_free(signing);
		return;
	}
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

void need_batches(void)
{
	if (!pkey_has_batches())
		skip();
}

void p256_make(ecc_key *key)
{
	assert_int_equal(wc_ecc_init(key), 0);
	assert_int_equal(wc_ecc_make_key_ex(&rng, 32, key, ECC_SECP256R1), 0);
	assert_int_equal(wc_ecc_set_rng(key, &rng), 0);
}

void p256_blank(ecc_key *key)
{
	assert_int_equal(wc_ecc_init(key), 0);
	assert_int_equal(wc_ecc_set_curve(key, 32, ECC_SECP256R1), 0);
}

void rsa_load(RsaKey *key, enum kit_key which)
{
	const struct cert *c = kit_cert(which);
	word32 at = 0;

	assert_int_equal(wc_InitRsaKey(key, NULL), 0);
	assert_int_equal(wc_RsaPrivateKeyDecode(c->key.at, &at, key, (word32)c->key.len), 0);
	assert_int_equal(wc_RsaSetRNG(key, &rng), 0);
}

void rsa_encode(uint8_t *em, size_t len, uint8_t payload[51])
{
	assert_int_equal(wc_RNG_GenerateBlock(&rng, payload, 51), 0);
	memset(em, 0xff, len);
	em[0] = 0;
	em[1] = 1;
	em[len - 52] = 0;
	memcpy(em + len - 51, payload, 51);
}

void rsa_point(struct lanes *l, unsigned i, RsaKey *key, const uint8_t *em, size_t len)
{
	l->info[i].pk.rsa.in = em;
	l->info[i].pk.rsa.inLen = (word32)len;
	l->info[i].pk.rsa.out = l->out[i];
	l->info[i].pk.rsa.outLen = &l->out_len[i];
	l->info[i].pk.rsa.type = RSA_PRIVATE_ENCRYPT;
	l->info[i].pk.rsa.key = key;
}

const struct rsa_size rsa_sizes[RSA_SIZES] = {
	{ KIT_RSA2048, PKEY_RSA_2048, 256 },
	{ KIT_RSA3072, PKEY_RSA_3072, 384 },
	{ KIT_RSA4096, PKEY_RSA_4096, 512 },
};
