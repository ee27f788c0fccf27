/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_mempool.h>

#include "dataplane/port/internal.h"

/*
 * The end of what net_af_xdp of DPDK 22.11 tells the kernel of a pool: as many bytes as its objects
 * have, from the page its memory begins in. But a pool leaves gaps where an object would cross a
 * page, so its last objects lie behind that end.
 */
static uintptr_t umem_end(const struct rte_mempool *pool, size_t object_size)
{
	const struct rte_mempool_memhdr *memory = STAILQ_FIRST(&pool->mem_list);

	return (uintptr_t)memory->addr + pool->populated_size * object_size;
}

unsigned port_umem_retire(struct rte_mempool *pool)
{
	size_t object_size = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);
	uintptr_t end = umem_end(pool, object_size);
	struct rte_mempool_cache *cache;
	unsigned n_kept = 0, n_retired = 0;
	void **kept = calloc(pool->size, sizeof(*kept)), *object;

	if (kept == NULL)
		return UINT32_MAX;
	while (rte_mempool_get(pool, &object) == 0) {
		uintptr_t start = (uintptr_t)object - pool->header_size;

		if (start + object_size <= end)
			kept[n_kept++] = object;
		else
			n_retired++;
	}
	rte_mempool_put_bulk(pool, kept, n_kept);
	/* What stays in this thread's cache is lost to the workers. */
	cache = rte_mempool_default_cache(pool, rte_lcore_id());
	if (cache != NULL)
		rte_mempool_cache_flush(cache, pool);
	free(kept);
	return n_retired;
}
