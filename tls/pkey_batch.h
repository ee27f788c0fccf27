/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "tls/pkey.h"

/* What does a batch: pkey_batch_mb.c with crypto_mb, pkey_batch_none.c without. */

/* Looks at the CPU once; false: nothing here can be used. */
bool pkey_batch_available(void);

/* From how many operations of this kind on a batch costs less than one after the other. */
unsigned pkey_batch_least(enum pkey_kind kind);

/* A batch of this kind takes so long that it is done as a job. */
bool pkey_batch_is_long(enum pkey_kind kind);

/*
 * Does n (1..PKEY_LANES) operations of one kind that is not long and no signature and sets their results; one that fails its
 * checks is left to wolfCrypt. Secrets do not stay behind.
 */
void pkey_batch_run(enum pkey_kind kind, struct pkey_op *const *ops, unsigned n, struct drbg *drbg);

#define PKEY_X25519_LEN 32

/* RFC 7748 6.1: the public values of eight private ones, which are any bytes. */
void pkey_batch_x25519_public(
    uint8_t (*public)[PKEY_X25519_LEN], const uint8_t (*private)[PKEY_X25519_LEN]);

/*
 * A batch of a long kind, one at a time, done step by step: a step takes some 20 µs. Operations are read when it begins
 * and need not be there before it ends.
 */
struct pkey_job;

struct pkey_job *pkey_job_new(void);    /* NULL: no memory. The caller owns it. */
void pkey_job_free(struct pkey_job *j); /* NULL is fine */
void pkey_job_begin(
    struct pkey_job *j, enum pkey_kind kind, struct pkey_op *const *ops, unsigned n);
bool pkey_job_step(struct pkey_job *j); /* true: that was the last one */
/*
 * Sets the results, as pkey_batch_run does, of the operations that it began with; NULL: of one that is gone. Returns how many
 * signatures turned out wrong.
 */
unsigned pkey_job_end(struct pkey_job *j, struct pkey_op *const *ops);

/*
 * Signatures with P-256, made in one call (some 30 µs) and checked in another (15 µs): each nonce's point once more, by another way,
 * and the equation of s. The key is taken for right, it was held against its certificate when loaded. The rest as for a job.
 */
struct pkey_signing;

struct pkey_signing *pkey_signing_new(void);
void pkey_signing_free(struct pkey_signing *g);
void pkey_signing_begin(
    struct pkey_signing *g, struct pkey_op *const *ops, unsigned n, struct drbg *drbg);
unsigned pkey_signing_end(struct pkey_signing *g, struct pkey_op *const *ops);
