/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "tls/pkey.h"

/* What does a batch: pkey_batch_mb.c with crypto_mb, pkey_batch_none.c without. */

/* Looks at the CPU once; false: nothing here can be used. */
bool pkey_batch_available(void);

/* From how many operations of this kind on a batch costs less than one after the other. */
unsigned pkey_batch_least(enum pkey_kind kind);

/*
 * Does n (1..PKEY_LANES) operations of one kind and sets their results; one that fails its checks is
 * left to wolfCrypt. Secrets do not stay behind.
 */
void pkey_batch_run(enum pkey_kind kind, struct pkey_op *const *ops, unsigned n, struct drbg *drbg);
