/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "tls/pkey_batch.h"
#include "tls/pkey_batch_exp.h"
#include "tls/pkey_batch_lanes.h"

/* Its OpenSSL interfaces are not for us. */
#define BN_OPENSSL_DISABLE 1
#include <crypto_mb/rsa.h>

#define MAX_BYTES  512 /* RSA-4096 */
#define MAX_WORDS  (MAX_BYTES / 8)
#define HALF_WORDS (MAX_WORDS / 2)
#define PACKED     (PKEY_LANES / 2) /* at most; their p is as many lanes above their q */

/* One lane's key, as crypto_mb wants it: q^-1 mod p is wolfCrypt's u (RFC 8017 3.2: qInv). */
struct lane {
	uint64_t n[MAX_WORDS];
	uint64_t p[HALF_WORDS], q[HALF_WORDS], dp[HALF_WORDS], dq[HALF_WORDS], iq[HALF_WORDS];
	uint8_t in[MAX_BYTES], out[MAX_BYTES], check[MAX_BYTES];
};

static bool load_number(uint64_t *to, const mp_int *from, size_t len)
{
	uint8_t bytes[MAX_BYTES];
	bool ok = mp_to_unsigned_bin_len((mp_int *)(uintptr_t)from, bytes, (int)len) == 0;

	if (ok)
		words_from_bytes(to, bytes, len);
	explicit_bzero(bytes, len);
	return ok;
}

static bool load_key(struct lane *l, const RsaKey *key, size_t len)
{
	return load_number(l->n, &key->n, len) && load_number(l->p, &key->p, len / 2) &&
	    load_number(l->q, &key->q, len / 2) && load_number(l->dp, &key->dP, len / 2) &&
	    load_number(l->dq, &key->dQ, len / 2) && load_number(l->iq, &key->u, len / 2);
}

struct pointers {
	const uint8_t *in[PKEY_LANES], *out_again[PKEY_LANES];
	uint8_t *out[PKEY_LANES], *check[PKEY_LANES];
	const int64u *n[PKEY_LANES];
	const uint64_t *p[PKEY_LANES], *q[PKEY_LANES], *dp[PKEY_LANES], *dq[PKEY_LANES],
	    *iq[PKEY_LANES];
};

/* What comes next. Up to PACKED operations have both halves side by side: then one exponentiation is enough. */
enum rsa_next {
	RSA_BEGIN_BOTH,
	RSA_POWER_BOTH,
	RSA_BEGIN_Q,
	RSA_POWER_Q,
	RSA_BEGIN_P,
	RSA_POWER_P,
	RSA_JOIN,
	RSA_CHECK,
};

struct pkey_job {
	struct mb_exp exp; /* of p in the end */
	struct mb_row input[2 * MB_EXP_DIGITS], q[MB_EXP_DIGITS];
	struct mb_row of_p[MB_EXP_DIGITS], of_q[MB_EXP_DIGITS]; /* the two halves' powers */
	enum rsa_next next;
	unsigned bits, n;
	bool loaded[PKEY_LANES];
	mbx_status status;
	struct pointers at;
	struct lane lanes[PKEY_LANES];
};

static void point(struct pointers *at, unsigned i, struct lane *key, struct lane *own)
{
	at->in[i] = key->in;
	at->out[i] = own->out;
	at->out_again[i] = own->out;
	at->check[i] = own->check;
	at->n[i] = (const int64u *)key->n;
	at->p[i] = key->p;
	at->q[i] = key->q;
	at->dp[i] = key->dp;
	at->dq[i] = key->dq;
	at->iq[i] = key->iq;
}

struct pkey_job *pkey_job_new(void)
{
	struct pkey_job *j = aligned_alloc(64, sizeof(*j));

	if (j != NULL)
		memset(j, 0, sizeof(*j));
	return j;
}

void pkey_job_free(struct pkey_job *j)
{
	free(j);
}

static unsigned bits_of(enum pkey_kind kind)
{
	switch (kind) {
	case PKEY_RSA_2048:
		return 2048;
	case PKEY_RSA_3072:
		return 3072;
	default:
		assert(kind == PKEY_RSA_4096);
		return 4096;
	}
}

void pkey_job_begin(struct pkey_job *j, enum pkey_kind kind, struct pkey_op *const *ops, unsigned n)
{
	size_t len = bits_of(kind) / 8;

	assert(n > 0 && n <= PKEY_LANES);
	j->bits = bits_of(kind);
	j->n = n;
	j->next = n <= PACKED ? RSA_BEGIN_BOTH : RSA_BEGIN_Q;
	for (unsigned i = 0; i < n; i++) {
		j->loaded[i] = load_key(&j->lanes[i], ops[i]->info->pk.rsa.key, len);
		memcpy(j->lanes[i].in, ops[i]->info->pk.rsa.in, len);
	}
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		unsigned op = n <= PACKED ? i % PACKED : i;

		point(&j->at, i, &j->lanes[op < n ? op : 0], &j->lanes[i]);
	}
	ifma_HexStr8_to_mb8(j->input, j->at.in, (int)j->bits);
}

static void begin_both(struct pkey_job *j)
{
	const uint64_t *m[PKEY_LANES], *exponent[PKEY_LANES];

	for (unsigned i = 0; i < PKEY_LANES; i++) {
		m[i] = i < PACKED ? j->at.q[i] : j->at.p[i];
		exponent[i] = i < PACKED ? j->at.dq[i] : j->at.dp[i];
	}
	mb_exp_begin(&j->exp, mb_size_of(j->bits / 2), m, exponent, j->input);
}

/* What is in the upper lanes, in the lower ones. */
static void lower(struct mb_row *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		memcpy(&rows[i].lane[0], &rows[i].lane[PACKED], PACKED * sizeof(rows[i].lane[0]));
}

/* As it would be after q and then p. */
static void end_both(struct pkey_job *j)
{
	unsigned digits = j->exp.size->digits;

	mb_exp_end(&j->exp, j->of_q);
	memcpy(j->q, j->exp.m, sizeof(j->q));
	memcpy(j->of_p, j->of_q, sizeof(j->of_p));
	lower(j->of_p, digits);
	lower(j->exp.m, digits);
	lower(j->exp.rr, digits);
	lower(&j->exp.k0, 1);
}

/* A window costs about the square of the digits: these are some 20 µs of them. */
static bool power(struct pkey_job *j)
{
	const unsigned digits = j->exp.size->digits;

	return mb_exp_step(&j->exp, 6400 / (digits * digits));
}

/* Garner: of_q + q ((of_p - of_q) iq mod p), to bytes (RFC 8017 5.1.2, as ifma_rsa_layer_mb8.c does it). */
static void join(struct pkey_job *j)
{
	const struct mb_size *s = j->exp.size;
	const struct mb_row *p = j->exp.m, *k0 = &j->exp.k0;
	struct mb_row *x = j->of_p, *sum = j->input;

	s->sub(sum, j->of_q, p, p); /* p may be the smaller one */
	s->sub(x, x, sum, p);
	ifma_BNU_to_mb8(sum, j->at.iq, (int)s->bits);
	s->mul(x, x, j->exp.rr, p, k0);
	s->mul(x, x, sum, p, k0);
	s->sub(x, x, p, p);
	memset(sum, 0, 2 * s->digits * sizeof(*sum));
	memcpy(sum, j->of_q, s->digits * sizeof(*sum));
	s->mul_add(sum, x, j->q);
	ifma_mb8_to_HexStr8(j->at.out, sum, (int)j->bits);
}

/*
 * The results back with the public exponent: one faulty half would be enough to factor n (Boneh, DeMillo, Lipton
 * 1997).
 */
static mbx_status check(const struct pkey_job *j)
{
	const mbx_RSA_Method *public = mbx_RSA_pub65537_Method((int)j->bits);
	_Alignas(64) uint8_t scratch[64 * 1024];
	mbx_status status;

	assert(mbx_RSA_Method_BufSize(public) <= (int)sizeof(scratch));
	status = mbx_rsa_public_mb8(
	    j->at.out_again, j->at.check, j->at.n, (int)j->bits, public, scratch);
	return status;
}

bool pkey_job_step(struct pkey_job *j)
{
	const struct mb_size *half = mb_size_of(j->bits / 2);

	switch (j->next) {
	case RSA_BEGIN_BOTH:
		begin_both(j);
		j->next = RSA_POWER_BOTH;
		return false;
	case RSA_POWER_BOTH:
		if (!power(j))
			return false;
		end_both(j);
		j->next = RSA_JOIN;
		return false;
	case RSA_BEGIN_Q:
		mb_exp_begin(&j->exp, half, j->at.q, j->at.dq, j->input);
		memcpy(j->q, j->exp.m, sizeof(j->q));
		j->next = RSA_POWER_Q;
		return false;
	case RSA_POWER_Q:
		if (!power(j))
			return false;
		mb_exp_end(&j->exp, j->of_q);
		j->next = RSA_BEGIN_P;
		return false;
	case RSA_BEGIN_P:
		mb_exp_begin(&j->exp, half, j->at.p, j->at.dp, j->input);
		j->next = RSA_POWER_P;
		return false;
	case RSA_POWER_P:
		if (!power(j))
			return false;
		mb_exp_end(&j->exp, j->of_p);
		j->next = RSA_JOIN;
		return false;
	case RSA_JOIN:
		join(j);
		j->next = RSA_CHECK;
		return false;
	case RSA_CHECK:
		j->status = check(j);
		return true;
	}
	return true;
}

/* What did not come back as it was, an input not below n among it, is left to wolfCrypt. */
unsigned pkey_job_end(struct pkey_job *j, struct pkey_op *const *ops)
{
	size_t len = j->bits / 8;
	unsigned n_wrong = 0;

	for (unsigned i = 0; i < j->n; i++) {
		const struct lane *l = &j->lanes[i];

		if (ops[i] == NULL)
			continue;
		ops[i]->result = CRYPTOCB_UNAVAILABLE;
		if (!j->loaded[i] || MBX_GET_STS(j->status, i) != MBX_STATUS_OK ||
		    memcmp(l->check, l->in, len) != 0) {
			/* What is to be decrypted is a peer's choice. */
			n_wrong += ops[i]->info->pk.rsa.type == RSA_PRIVATE_ENCRYPT;
			continue;
		}
		memcpy(ops[i]->info->pk.rsa.out, l->out, len);
		*ops[i]->info->pk.rsa.outLen = (word32)len;
		ops[i]->result = 0;
	}
	explicit_bzero(j, sizeof(*j));
	return n_wrong;
}
