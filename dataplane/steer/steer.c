/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/steer/steer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_prefetch.h>
#include <rte_ring.h>

#include "config/err.h"
#include "dataplane/base/siphash.h"
#include "dataplane/base/stats.h"
#include "dataplane/steer/peek.h"
#include "dataplane/steer/toeplitz.h"

#define RING_SIZE      1024
#define BATCH          32
#define PREFETCH_AHEAD 3

/* Packets compared in HASH and FLOW mode before the wrong ones are counted anew, and how many are too many. */
#define TRIAL       1024
#define TRIAL_WRONG (TRIAL / 16)

/* What one worker collects for another before it touches their ring: written for each packet, so on lines of its own. */
struct batch {
	struct rte_mbuf *pkts[BATCH];
	unsigned n;
} __attribute__((aligned(64)));

/* Written by its worker alone. */
struct lane {
	struct batch *to;   /* one per worker */
	unsigned take_from; /* the ring to begin with, so that none is starved */
	unsigned n_compared, n_wrong;
} __attribute__((aligned(64)));

struct steer {
	struct siphash_key key;
	unsigned n_workers;
	_Atomic enum steer_mode
	    mode;                /* read by all, written once by whoever finds the device wrong */
	struct toeplitz *hash;   /* HASH: the owner is by this and table */
	struct steer_bits *bits; /* FLOW: by these; neither: by key */
	uint32_t table_mask;
	uint16_t table[STEER_TABLE_MAX];
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
		s->lanes[from].to = aligned_alloc(64, n * sizeof(struct batch));
		if (s->lanes[from].to == NULL)
			return false;
		memset(s->lanes[from].to, 0, n * sizeof(struct batch));
		for (unsigned to = 0; to < n; to++)
			if (from != to && (s->rings[from * n + to] = ring_new()) == NULL)
				return false;
	}
	return true;
}

static bool set_rss(struct steer *s, const struct steer_rss *rss)
{
	s->hash = aligned_alloc(64, sizeof(*s->hash));
	if (s->hash == NULL)
		return false;
	toeplitz_init(s->hash, rss->key);
	memcpy(s->table, rss->table, rss->table_size * sizeof(rss->table[0]));
	s->table_mask = rss->table_size - 1;
	atomic_init(&s->mode, STEER_HASH);
	return true;
}

struct steer *
steer_new(unsigned n_workers, const uint8_t secret[16], const struct steer_rss *rss, struct err *e)
{
	struct steer *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, "out of memory");
		return NULL;
	}
	s->n_workers = n_workers;
	s->key = siphash_key_make(secret);
	atomic_init(&s->mode, n_workers == 1 ? STEER_ALONE : STEER_RING);
	if (alloc_all(s) && (rss == NULL || n_workers == 1 || set_rss(s, rss)))
		return s;
	err_set(e, "no memory for the rings between %u workers", n_workers);
	steer_free(s);
	return NULL;
}

struct steer *steer_new_flow(
    unsigned n_workers, const uint8_t secret[16], const struct steer_bits *bits, struct err *e)
{
	struct steer *s = steer_new(n_workers, secret, NULL, e);

	if (s == NULL || n_workers == 1)
		return s;
	s->bits = malloc(sizeof(*s->bits));
	if (s->bits == NULL) {
		err_set(e, "out of memory");
		steer_free(s);
		return NULL;
	}
	*s->bits = *bits;
	atomic_init(&s->mode, STEER_FLOW);
	return s;
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
	free(s->hash);
	free(s->bits);
	free(s);
}

enum steer_mode steer_mode(const struct steer *s)
{
	return atomic_load_explicit(&s->mode, memory_order_relaxed);
}

/*
 * The port a packet came in on is left out: a route may change between a connection's packets.
 * Keyed, or a client could choose its ports so that one worker gets all the work.
 */
static unsigned owner_by_key(const struct steer *s, const struct flow *flow)
{
	struct {
		struct ip_addr remote, local;
		uint16_t remote_port, local_port;
	} key = { flow->remote, flow->local, flow->remote_port, flow->local_port };
	/* Without the padding at the end, which holds anything. */
	uint32_t hash = (uint32_t)siphash13(&s->key, &key, 2 * sizeof(struct ip_addr) + 4);

	return (unsigned)((uint64_t)hash * s->n_workers >> 32);
}

static unsigned owner_by_bits(const struct steer *s, const struct flow *flow)
{
	const struct steer_bits *b = s->bits;
	unsigned mask = (1u << b->n) - 1;
	unsigned remote = flow->remote_port >> STEER_BITS_SHIFT & mask;
	unsigned local = flow->local_port >> STEER_BITS_SHIFT & mask;

	/* Fragments: without ports they would all be one worker's. */
	if (flow->remote_port == 0 && flow->local_port == 0)
		return owner_by_key(s, flow);
	return b->table[remote << b->n | local];
}

unsigned steer_owner(const struct steer *s, const struct flow *flow)
{
	if (s->n_workers == 1)
		return 0;
	if (s->bits != NULL)
		return owner_by_bits(s, flow);
	if (s->hash != NULL)
		return s->table[toeplitz_flow(s->hash, flow) & s->table_mask];
	return owner_by_key(s, flow);
}

bool steer_is_ours(const void *arg, const struct flow *flow)
{
	const struct steer_self *self = arg;

	return steer_owner(self->steer, flow) == self->worker;
}

uint64_t steer_ports(const void *arg, const struct flow *flow)
{
	const struct steer_self *self = arg;
	const struct steer *s = self->steer;
	struct flow f = *flow;
	uint64_t bits = 0;

	if (s->hash != NULL)
		return toeplitz_ports(
		    s->hash, flow, s->table, s->table_mask, (uint16_t)self->worker);
	for (unsigned i = 0; i < 64; i++) {
		f.local_port = (uint16_t)(flow->local_port + i);
		bits |= (uint64_t)(steer_owner(s, &f) == self->worker) << i;
	}
	return bits;
}

static const enum stat forwarded[STEER_N_MODES] = {
	[STEER_ALONE] = STAT_STEER_FORWARDED_RING, /* never */
	[STEER_HASH] = STAT_STEER_FORWARDED_HASH,
	[STEER_FLOW] = STAT_STEER_FORWARDED_FLOW,
	[STEER_RING] = STAT_STEER_FORWARDED_RING,
};

uint64_t steer_forwarded(const struct stats *stats)
{
	return stats->v[STAT_STEER_FORWARDED_HASH] + stats->v[STAT_STEER_FORWARDED_FLOW] +
	    stats->v[STAT_STEER_FORWARDED_RING];
}

static void flush(struct steer *s, unsigned me, unsigned to, struct stats *stats)
{
	struct batch *b = &s->lanes[me].to[to];
	unsigned done = rte_ring_sp_enqueue_burst(ring(s, me, to), (void **)b->pkts, b->n, NULL);

	stats_add(stats, forwarded[steer_mode(s)], done);
	stats_add(stats, STAT_DROP_STEER_RING_FULL, b->n - done);
	rte_pktmbuf_free_bulk(b->pkts + done, b->n - done);
	b->n = 0;
}

/* Did the device do what it says it does with a packet that came to me, whose hash should be this? */
static void compare(struct steer *s, unsigned me, const struct rte_mbuf *m, uint32_t hash,
    bool wrong_queue, struct stats *stats)
{
	struct lane *lane = &s->lanes[me];
	bool has_hash = s->hash != NULL && m->ol_flags & RTE_MBUF_F_RX_RSS_HASH;
	bool wrong_hash = has_hash && m->hash.rss != hash;

	stats_inc(stats, STAT_STEER_COMPARED);
	stats_add(stats, STAT_STEER_COMPARED_HASH, has_hash);
	stats_add(stats, STAT_STEER_WRONG_HASH, wrong_hash);
	stats_add(stats, STAT_STEER_WRONG_QUEUE, wrong_queue);
	lane->n_wrong += wrong_hash || wrong_queue;
	if (lane->n_wrong > TRIAL_WRONG)
		atomic_store_explicit(&s->mode, STEER_RING, memory_order_relaxed);
	if (++lane->n_compared == TRIAL)
		lane->n_compared = lane->n_wrong = 0;
}

static unsigned owner_of(
    struct steer *s, unsigned me, const struct rte_mbuf *m, bool is_evidence, struct stats *stats)
{
	struct flow flow;
	enum peek peek;
	unsigned owner;
	uint32_t hash = 0;

	/* What does not lie in the first segment is too long a header for anybody. */
	peek = peek_flow(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->pkt_len, &flow);
	if (peek == PEEK_NONE)
		return me;
	if (s->hash != NULL) {
		hash = toeplitz_flow(s->hash, &flow);
		owner = s->table[hash & s->table_mask];
	} else {
		owner = s->bits != NULL ? owner_by_bits(s, &flow) : owner_by_key(s, &flow);
	}
	/* Devices need not hash what they find damaged. */
	if (is_evidence && peek == PEEK_PLAIN &&
	    (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_BAD &&
	    (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_BAD)
		compare(s, me, m, hash, owner != me, stats);
	return owner;
}

static unsigned sort(struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned n,
    bool is_evidence, struct stats *stats)
{
	struct lane *lane = &s->lanes[me];
	unsigned kept = 0;

	for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		unsigned owner;

		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], void *));
		owner = owner_of(s, me, m, is_evidence, stats);
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
steer_sort(struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned n, struct stats *stats)
{
	if (s->n_workers == 1)
		return n;
	return sort(s, me, pkts, n, steer_mode(s) != STEER_RING, stats);
}

unsigned
steer_strays(struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned n, struct stats *stats)
{
	return s->n_workers == 1 ? n : sort(s, me, pkts, n, false, stats);
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
