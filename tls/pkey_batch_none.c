/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stddef.h>

#include "tls/pkey_batch.h"

bool pkey_batch_available(void)
{
	return false;
}

unsigned pkey_batch_least(enum pkey_kind kind)
{
	(void)kind;
	return ~0u;
}

void pkey_batch_run(enum pkey_kind kind, struct pkey_op *const *ops, unsigned n, struct drbg *drbg)
{
	(void)kind, (void)ops, (void)n, (void)drbg;
	assert(!"no batches in this build");
}

void pkey_batch_x25519_public(
    uint8_t (*public)[PKEY_X25519_LEN], const uint8_t (*private)[PKEY_X25519_LEN])
{
	(void)public, (void)private;
	assert(!"no batches in this build");
}

bool pkey_batch_is_long(enum pkey_kind kind)
{
	(void)kind;
	return false;
}

struct pkey_job *pkey_job_new(void)
{
	return NULL;
}

void pkey_job_free(struct pkey_job *j)
{
	(void)j;
}

void pkey_job_begin(struct pkey_job *j, enum pkey_kind kind, struct pkey_op *const *ops, unsigned n)
{
	(void)j, (void)kind, (void)ops, (void)n;
	assert(!"no batches in this build");
}

bool pkey_job_step(struct pkey_job *j)
{
	(void)j;
	assert(!"no batches in this build");
	return true;
}

unsigned pkey_job_end(struct pkey_job *j, struct pkey_op *const *ops)
{
	(void)j, (void)ops;
	assert(!"no batches in this build");
	return 0;
}

struct pkey_signing *pkey_signing_new(void)
{
	return NULL;
}

void pkey_signing_free(struct pkey_signing *g)
{
	(void)g;
}

void pkey_signing_begin(
    struct pkey_signing *g, struct pkey_op *const *ops, unsigned n, struct drbg *drbg)
{
	(void)g, (void)ops, (void)n, (void)drbg;
	assert(!"no batches in this build");
}

unsigned pkey_signing_end(struct pkey_signing *g, struct pkey_op *const *ops)
{
	(void)g, (void)ops;
	assert(!"no batches in this build");
	return 0;
}
