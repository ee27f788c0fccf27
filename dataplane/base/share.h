/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

/*
 * A worker's part of a limit over all n_workers. The parts of all come to the limit and differ by one at most; none is 0 where the
 * limit is not below n_workers, which config/check.c sees to.
 */
static inline uint32_t share_of(uint32_t limit, unsigned worker, unsigned n_workers)
{
	return limit / n_workers + (worker < limit % n_workers);
}
