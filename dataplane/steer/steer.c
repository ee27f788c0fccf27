/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/steer/steer.h"

#include <stdlib.h>
#include <string.h>

#include <rte_prefetch.h>
#include <rte_ring.h>

#include "config/err.h"
#include "dataplane/base/siphash.h"
#include "dataplane/base/stats.h"
#include "dataplane/steer/peek.h"

#define RING_SIZE      1024
#define BATCH          32
#define PREFETCH_AHEAD 3

/* What one worker collects for another before it touches their ring. */
struct batch {
	struct rte_mbuf *pkts[BATCH];
	unsigned n;
};

/* Written by its worker alone. */
struct lane {
	struct batch *to;   /* one per worker */
	unsigned take_from; /* the ring to begin with, so that none is starved */
} __attribute__((aligned(64)));

struct steer {
	struct siphash_key key;
	unsigned n_workers;
	struct rte_ring **rings; /* from * n_workers + to; NULL from a worker to itself */
	struct lane *lanes;
};

static struct rte_ring *ring(const struct steer *s, unsigned from, unsigned to)
{
	return s->rings[from * s->n_workers + to];
}

/* A ring of our own memory: rte_ring_create wants names that are unique in the process. */
static struct rte_ring *ring_new(void)
{
	size_t size = (size_t)rte_ring_get_memsize(RING_SIZE);
	struct rte_ring *r = aligned_alloc(128, (size + 127) & ~(size_t)127);

	if (r == NULL)
		return NULL;
	if (rte_ring_init(r, "steer", RING_SIZE, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0)
		return r;
	free(r);
	return NULL;
}

static bool alloc_all(struct steer *s)
{
	unsigned n = s->n_workers;

	s->rings = calloc((size_t)n * n, sizeof(struct rte_ring *));
	s->lanes = aligned_alloc(64, n * sizeof(struct lane));
	if (s->lanes != NULL)
		memset(s->lanes, 0, n * sizeof(struct lane));
	if (s->rings == NULL || s->lanes == NULL)
		return false;
	for (unsigned from = 0; from < n; from++) {
		s->lanes[from].to = calloc(n, sizeof(struct batch));
		if (s->lanes[from].to == NULL)
			return false;
		for (unsigned to = 0; to < n; to++)
			if (from != to && (s->rings[from * n + to] = ring_new()) == NULL)
				return false;
	}
	return true;
}

struct steer *steer_new(unsigned n_workers, const uint8_t secret[16], struct err *e)
{
	struct steer *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, "out of memory");
		return NULL;
	}
	s->n_workers = n_workers;
	s->key = siphash_key_make(secret);
	if (alloc_all(s))
		return s;
	err_set(e, "no memory for the rings between %u workers", n_workers);
	steer_free(s);
	return NULL;
}

void steer_free(struct steer *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; s->rings != NULL && i < s->n_workers * s->n_workers; i++) {
		void *m;

		while (s->rings[i] != NULL && rte_ring_sc_dequeue(s->rings[i], &m) == 0)
			rte_pktmbuf_free(m);
		free(s->rings[i]);
	}
	for (unsigned i = 0; s->lanes != NULL && i < s->n_workers; i++)
		free(s->lanes[i].to);
	free(s->rings);
	free(s->lanes);
	free(s);
}

/*
 * The port a packet came in on is left out: a route may change between a connection's packets.
 * Keyed, or a client could choose its ports so that one worker gets all the work.
 */
unsigned steer_owner(const struct steer *s, const struct flow *flow)
{
	struct {
		struct ip_addr remote, local;
		uint16_t remote_port, local_port;
	} key = { flow->remote, flow->local, flow->remote_port, flow->local_port };
	uint32_t hash;

	if (s->n_workers == 1)
		return 0;
	/* Without the padding at the end, which holds anything. */
	hash = (uint32_t)siphash13(&s->key, &key, 2 * sizeof(struct ip_addr) + 4);
	return (unsigned)((uint64_t)hash * s->n_workers >> 32);
}

bool steer_is_ours(const void *arg, const struct flow *flow)
{
	const struct steer_self *self = arg;

	return steer_owner(self->steer, flow) == self->worker;
}

static void flush(struct steer *s, unsigned me, unsigned to, struct stats *stats)
{
	struct batch *b = &s->lanes[me].to[to];
	unsigned done = rte_ring_sp_enqueue_burst(ring(s, me, to), (void **)b->pkts, b->n, NULL);

	stats_add(stats, STAT_STEER_FORWARDED, done);
	stats_add(stats, STAT_DROP_STEER_RING_FULL, b->n - done);
	rte_pktmbuf_free_bulk(b->pkts + done, b->n - done);
	b->n = 0;
}

static unsigned owner_of(const struct steer *s, unsigned me, const struct rte_mbuf *m)
{
	struct flow flow;

	/* What does not lie in the first segment is too long a header for anybody. */
	if (!peek_flow(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->pkt_len, &flow))
		return me;
	return steer_owner(s, &flow);
}

unsigned
steer_sort(struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned n, struct stats *stats)
{
	struct lane *lane = &s->lanes[me];
	unsigned kept = 0;

	if (s->n_workers == 1)
		return n;
	for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		unsigned owner;

		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], void *));
		owner = owner_of(s, me, m);
		if (owner == me) {
			pkts[kept++] = m;
			continue;
		}
		lane->to[owner].pkts[lane->to[owner].n++] = m;
		if (lane->to[owner].n == BATCH)
			flush(s, me, owner, stats);
	}
	if (kept < n)
		for (unsigned to = 0; to < s->n_workers; to++)
			if (lane->to[to].n > 0)
				flush(s, me, to, stats);
	return kept;
}

unsigned
steer_take(struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned max, struct stats *stats)
{
	struct lane *lane = &s->lanes[me];
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_workers && n < max; i++) {
		unsigned from = (lane->take_from + i) % s->n_workers;

		if (from != me)
			n += rte_ring_sc_dequeue_burst(
			    ring(s, from, me), (void **)pkts + n, max - n, NULL);
	}
	lane->take_from = (lane->take_from + 1) % s->n_workers;
	stats_add(stats, STAT_STEER_RECEIVED, n);
	return n;
}
