/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/pkey.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/drbg.h"
#include "tls/pkey_batch.h"

int pkey_queue_init(struct pkey_queue *q, struct drbg *drbg)
{
	*q = (struct pkey_queue){ .drbg = drbg };
	for (unsigned k = 0; k < PKEY_N_KINDS; k++)
		TAILQ_INIT(&q->waiting[k]);
	TAILQ_INIT(&q->done);
	if (!pkey_batch_available())
		return 0;
	q->job = pkey_job_new();
	q->signing = pkey_signing_new();
	return q->job != NULL && q->signing != NULL ? 0 : -1;
}

void pkey_queue_fini(struct pkey_queue *q)
{
	assert(q->n_queued == 0 && q->in_job.n == 0 && q->in_signing.n == 0);
	pkey_job_free(q->job);
	pkey_signing_free(q->signing);
	q->job = NULL;
	q->signing = NULL;
	explicit_bzero(&q->shares, sizeof(q->shares));
}

static bool ecc_is_p256(const ecc_key *key)
{
	return key->dp != NULL && key->dp->id == ECC_SECP256R1;
}

static enum pkey_kind classify_rsa(const wc_CryptoInfo *info)
{
	const RsaKey *key = info->pk.rsa.key;
	int bits;

	if (info->pk.rsa.type != RSA_PRIVATE_ENCRYPT && info->pk.rsa.type != RSA_PRIVATE_DECRYPT)
		return PKEY_NONE;
	/* The result is checked with the public exponent: a batch knows 65537 only. */
	if (mp_isword(&key->e, 65537) != 1)
		return PKEY_NONE;
	bits = mp_count_bits(&key->n);
	if (info->pk.rsa.inLen * 8 != (unsigned)bits || *info->pk.rsa.outLen * 8 < (unsigned)bits)
		return PKEY_NONE;
	if (mp_count_bits(&key->p) * 2 != bits || mp_count_bits(&key->q) * 2 != bits)
		return PKEY_NONE;
	switch (bits) {
	case 2048:
		return PKEY_RSA_2048;
	case 3072:
		return PKEY_RSA_3072;
	case 4096:
		return PKEY_RSA_4096;
	default:
		return PKEY_NONE;
	}
}

enum pkey_kind pkey_classify(const wc_CryptoInfo *info)
{
	if (info->algo_type != WC_ALGO_TYPE_PK)
		return PKEY_NONE;
	switch (info->pk.type) {
	case WC_PK_TYPE_CURVE25519:
		return PKEY_X25519_AGREE;
	case WC_PK_TYPE_EC_KEYGEN:
		return ecc_is_p256(info->pk.eckg.key) ? PKEY_P256_KEYGEN : PKEY_NONE;
	case WC_PK_TYPE_ECDH:
		if (!ecc_is_p256(info->pk.ecdh.private_key) ||
		    !ecc_is_p256(info->pk.ecdh.public_key) || *info->pk.ecdh.outlen < 32)
			return PKEY_NONE;
		return PKEY_P256_AGREE;
	case WC_PK_TYPE_ECDSA_SIGN:
		return ecc_is_p256(info->pk.eccsign.key) ? PKEY_P256_SIGN : PKEY_NONE;
	case WC_PK_TYPE_RSA:
		return classify_rsa(info);
	default:
		return PKEY_NONE;
	}
}

void pkey_submit(struct pkey_queue *q, struct pkey_op *op, wc_CryptoInfo *info, enum pkey_kind kind)
{
	assert(op->state == PKEY_IDLE && kind < PKEY_N_KINDS);
	op->info = info;
	op->kind = kind;
	op->state = PKEY_QUEUED;
	TAILQ_INSERT_TAIL(&q->waiting[kind], op, link);
	q->n_waiting[kind]++;
	q->n_queued++;
}

static void take(struct pkey_queue *q, struct pkey_op *op)
{
	TAILQ_REMOVE(&q->waiting[op->kind], op, link);
	q->n_waiting[op->kind]--;
	q->n_queued--;
}

/* Its lane goes on without it. True: nobody is left whom the group is for. */
static bool leave(struct pkey_group *g, const struct pkey_op *op)
{
	bool any = false, was_in = false;

	for (unsigned i = 0; i < g->n; i++) {
		if (g->ops[i] == op) {
			g->ops[i] = NULL;
			was_in = true;
		}
		any |= g->ops[i] != NULL;
	}
	return was_in && !any;
}

static void job_end(struct pkey_queue *q)
{
	q->n_wrong += pkey_job_end(q->job, q->in_job.ops);
	q->in_job.n = 0;
}

static void signing_end(struct pkey_queue *q)
{
	q->n_wrong += pkey_signing_end(q->signing, q->in_signing.ops);
	q->in_signing.n = 0;
}

void pkey_cancel(struct pkey_queue *q, struct pkey_op *op)
{
	switch (op->state) {
	case PKEY_IDLE:
		break;
	case PKEY_QUEUED:
		take(q, op);
		break;
	case PKEY_UNDER_WAY:
		if (leave(&q->in_job, op))
			job_end(q);
		else if (leave(&q->in_signing, op))
			signing_end(q);
		break;
	case PKEY_DONE:
		TAILQ_REMOVE(&q->done, op, link);
		break;
	}
	op->state = PKEY_IDLE;
}

static void finish(struct pkey_queue *q, struct pkey_op *op)
{
	op->state = PKEY_DONE;
	TAILQ_INSERT_TAIL(&q->done, op, link);
	q->n_operations++;
}

static void finish_group(struct pkey_queue *q, const struct pkey_group *g)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->ops[i] != NULL)
			finish(q, g->ops[i]);
}

/* Up to a batch of those that wait. */
static unsigned take_batch(struct pkey_queue *q, enum pkey_kind kind, struct pkey_op **ops)
{
	unsigned n = 0;

	while (n < PKEY_LANES && q->n_waiting[kind] > 0) {
		ops[n] = TAILQ_FIRST(&q->waiting[kind]);
		take(q, ops[n++]);
	}
	q->n_batches += n > 2;
	return n;
}

static void begin_group(struct pkey_queue *q, enum pkey_kind kind, struct pkey_group *g)
{
	g->n = take_batch(q, kind, g->ops);
	for (unsigned i = 0; i < g->n; i++)
		g->ops[i]->state = PKEY_UNDER_WAY;
}

static void run_batch(struct pkey_queue *q, enum pkey_kind kind)
{
	struct pkey_group g;

	if (kind == PKEY_P256_SIGN) {
		begin_group(q, kind, &q->in_signing);
		pkey_signing_begin(q->signing, q->in_signing.ops, q->in_signing.n, q->drbg);
		return;
	}
	g.n = take_batch(q, kind, g.ops);
	pkey_batch_run(kind, g.ops, g.n, q->drbg);
	finish_group(q, &g);
}

static void hand_back(struct pkey_queue *q, enum pkey_kind kind)
{
	while (q->n_waiting[kind] > 0) {
		struct pkey_op *op = TAILQ_FIRST(&q->waiting[kind]);

		take(q, op);
		op->result = CRYPTOCB_UNAVAILABLE;
		finish(q, op);
	}
}

/* --- the job --- */

static void job_begin(struct pkey_queue *q, enum pkey_kind kind)
{
	begin_group(q, kind, &q->in_job);
	q->last_long = kind;
	pkey_job_begin(q->job, kind, q->in_job.ops, q->in_job.n);
}

/* No kind is left out for long, whatever comes of another. */
static void job_choose(struct pkey_queue *q)
{
	for (unsigned i = 1; q->in_job.n == 0 && i <= PKEY_N_KINDS; i++) {
		enum pkey_kind kind = (q->last_long + i) % PKEY_N_KINDS;

		if (!pkey_batch_is_long(kind) || q->n_waiting[kind] == 0)
			continue;
		if (q->n_waiting[kind] >= pkey_batch_least(kind))
			job_begin(q, kind);
		else
			hand_back(q, kind);
	}
}

static void job_go_on(struct pkey_queue *q)
{
	struct pkey_group g = q->in_job;

	if (g.n == 0 || !pkey_job_step(q->job))
		return;
	job_end(q);
	finish_group(q, &g);
}

/* --- short ones --- */

/* The next kind, by turns, of which there is a batch; PKEY_NONE: of no kind. */
static enum pkey_kind next_short(const struct pkey_queue *q)
{
	for (unsigned i = 1; i <= PKEY_N_KINDS; i++) {
		enum pkey_kind kind = (q->last_short + i) % PKEY_N_KINDS;

		if (!pkey_batch_is_long(kind) && q->n_waiting[kind] >= pkey_batch_least(kind))
			return kind;
	}
	return PKEY_NONE;
}

static void check_signatures(struct pkey_queue *q)
{
	struct pkey_group g = q->in_signing;

	signing_end(q);
	finish_group(q, &g);
}

/* What was signed is checked; or one batch, or all that are too few for one. False: there was nothing to do. */
static bool run_short(struct pkey_queue *q)
{
	uint64_t n_before = q->n_operations;
	enum pkey_kind kind = next_short(q);

	if (q->in_signing.n > 0) {
		check_signatures(q);
		return true;
	}
	if (kind != PKEY_NONE) {
		q->last_short = kind;
		run_batch(q, kind);
		return true;
	}
	for (kind = 0; kind < PKEY_N_KINDS; kind++)
		if (!pkey_batch_is_long(kind))
			hand_back(q, kind);
	return q->n_operations > n_before;
}

/* --- key shares --- */

static void shares_make(struct pkey_queue *q)
{
	struct pkey_shares *s = &q->shares;

	drbg_read(q->drbg, s->private[0], sizeof(s->private));
	for (unsigned i = 0; i < PKEY_LANES; i++) { /* as wolfCrypt wants them (RFC 7748 5) */
		s->private[i][0] &= 248;
		s->private[i][31] &= 127;
		s->private[i][31] |= 64;
	}
	pkey_batch_x25519_public(s->public, (const uint8_t(*)[32])s->private);
	s->n = PKEY_LANES;
	q->n_batches++;
}

bool pkey_share_take(struct pkey_queue *q, wc_CryptoInfo *info)
{
	struct pkey_shares *s = &q->shares;
	int error;

	if (q->job == NULL || info->algo_type != WC_ALGO_TYPE_PK ||
	    info->pk.type != WC_PK_TYPE_CURVE25519_KEYGEN)
		return false;
	if (s->n == 0)
		shares_make(q);
	s->n--;
	error = wc_curve25519_import_private_raw_ex(s->private[s->n], 32, s -> public[s->n], 32,
	    info -> pk.curve25519kg.key, EC25519_LITTLE_ENDIAN);
	explicit_bzero(s->private[s->n], 32);
	explicit_bzero(s->public[s->n], 32);
	q->n_operations++;
	return error == 0;
}

/* --- all of it --- */

void pkey_poll(struct pkey_queue *q)
{
	if (!pkey_is_busy(q))
		return;
	job_choose(q);
	q->is_jobs_turn = !q->is_jobs_turn && q->in_job.n > 0;
	if (q->is_jobs_turn || !run_short(q))
		job_go_on(q);
}

bool pkey_is_amid(const struct pkey_queue *q)
{
	return q->in_job.n > 0 || q->in_signing.n > 0 || next_short(q) != PKEY_NONE;
}

bool pkey_is_busy(const struct pkey_queue *q)
{
	return q->n_queued > 0 || q->in_job.n > 0 || q->in_signing.n > 0 || !TAILQ_EMPTY(&q->done);
}

struct pkey_op *pkey_next_done(struct pkey_queue *q)
{
	struct pkey_op *op = TAILQ_FIRST(&q->done);

	if (op != NULL)
		pkey_cancel(q, op);
	return op;
}

bool pkey_has_batches(void)
{
	return pkey_batch_available();
}
