/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

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
