/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "tests/tcp/peer_inside.h"
#include "tests/unit/eal.h"

#define POOL_SHARED 16383u
#define POOL_ROOM   (2048u + RTE_PKTMBUF_HEADROOM)

#if defined(__SANITIZE_ADDRESS__)
#define EXACT_BUFFERS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EXACT_BUFFERS 1
#endif
#endif
#ifndef EXACT_BUFFERS
#define EXACT_BUFFERS 0
#endif

struct rte_mempool *peer_pool(unsigned size)
{
	static struct rte_mempool *shared;
	static unsigned serial;
	char name[32];

	test_eal_start();
	if (!size && shared)
		return shared;
	snprintf(name, sizeof(name), "peer%u", serial++);
	/* No cache: the count of free ones must be exact, and no element may hide. */
	struct rte_mempool *pool =
	    rte_pktmbuf_pool_create(name, size ? size : POOL_SHARED, 0, 0, POOL_ROOM, 0);
	if (!pool) {
		fprintf(stderr, "no memory for a pool of %u mbufs\n", size);
		exit(1);
	}
	if (!size)
		shared = pool;
	return pool;
}

struct exact_buffer {
	struct rte_mbuf_ext_shared_info info;
	uint8_t *bytes;
};

static void exact_buffer_free(void *addr, void *opaque)
{
	struct exact_buffer *b = opaque;

	(void)addr;
	free(b->bytes);
	free(b);
}

static void mbuf_attach_exact(struct rte_mbuf *m, const uint8_t *frame, size_t len)
{
	struct exact_buffer *b = malloc(sizeof(*b));

	if (!b)
		abort();
	b->bytes = malloc(len);
	if (!b->bytes)
		abort();
	memcpy(b->bytes, frame, len);
	b->info.free_cb = exact_buffer_free;
	b->info.fcb_opaque = b;
	rte_mbuf_ext_refcnt_set(&b->info, 1);
	rte_pktmbuf_attach_extbuf(m, b->bytes, 0, (uint16_t)len, &b->info);
	m->data_off = 0;
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
}

struct rte_mbuf *peer_mbuf(struct rte_mempool *pool, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (!m)
		return NULL;
	m->port = 0;
	if (EXACT_BUFFERS || len > rte_pktmbuf_tailroom(m))
		mbuf_attach_exact(m, frame, len);
	else
		memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	return m;
}
