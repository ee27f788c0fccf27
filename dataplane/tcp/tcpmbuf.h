/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/*
 * What TCP notes about an mbuf in one of its queues. Nothing is asked of the pools: a sender's
 * notes are at the end of the payload buffer's data room, behind what the device may read;
 * a receiver's are in mbuf fields that have no meaning on receive.
 */

enum txseg_flag {
	TXSEG_SACKED = 1 << 0,
	TXSEG_LOST = 1 << 1,
	TXSEG_RESENT = 1 << 2, /* a retransmission of it is on the wire */
	TXSEG_EVER = 1 << 3,   /* was retransmitted at least once (Karn) */
	TXSEG_FIN = 1 << 4,
	TXSEG_PUSH = 1 << 5, /* the user pushed its last byte */
	TXSEG_SENT = 1 << 6,
	TXSEG_PROBE = 1 << 7,     /* larger than the MSS, to see whether the path takes it */
	TXSEG_TRIED = 1 << 8,     /* evidence for net_offload_judge, of the device's checksum */
	TXSEG_TRIED_TSO = 1 << 9, /* the same, of TSO */
	TXSEG_CHAINED = 1 << 10,  /* went to the device as one of several, by TSO */
};

struct txseg {
	struct rte_mbuf *next;
	uint64_t xmit_us; /* last transmission */
	uint32_t seq;
	uint16_t len;           /* payload */
	uint16_t cap;           /* room for payload */
	uint16_t off;           /* of the payload in the buffer */
	uint16_t flags;         /* enum txseg_flag */
	uint32_t first_us;      /* low bits of the first transmission's time */
	struct rte_mbuf *ahead; /* to be fetched when this one is acknowledged; never followed */
};
static_assert(sizeof(struct txseg) <= RTE_CACHE_LINE_SIZE, "one line, where buffers end at one");

/* Room left in front of the payload for all headers: 60 of TCP, 40 of IPv6, 18 of Ethernet. */
#define TXSEG_HEADROOM 128
static_assert(RTE_PKTMBUF_HEADROOM >= TXSEG_HEADROOM, "headers fit in front of the payload");

static inline struct txseg *txseg(const struct rte_mbuf *m)
{
	return (struct txseg *)((uint8_t *)m->buf_addr + (m->buf_len & ~7u) - sizeof(struct txseg));
}

/* Largest payload of one segment in this buffer. */
static inline uint16_t txseg_room(const struct rte_mbuf *m)
{
	return (uint16_t)((m->buf_len & ~7u) - TXSEG_HEADROOM - sizeof(struct txseg));
}

/*
 * Has fetched what sending or freeing m will touch: the mbuf, its notes and the first bytes of its buffer (0: when
 * it is to be freed). The notes' place is computed from the pool that m is of, since to read it in m would
 * be the miss that this is to hide.
 */
static inline void
txseg_prefetch(struct rte_mempool *pool, const struct rte_mbuf *m, uint32_t bytes)
{
	const uint8_t *buf = (const uint8_t *)(m + 1) + rte_pktmbuf_priv_size(pool);
	uint32_t len = rte_pktmbuf_data_room_size(pool) & ~7u;

	__builtin_prefetch(m, 1);
	__builtin_prefetch((const uint8_t *)m + RTE_CACHE_LINE_SIZE, 1);
	__builtin_prefetch(buf + len - sizeof(struct txseg), 1);
	for (uint32_t off = 0; off < bytes; off += RTE_CACHE_LINE_SIZE)
		__builtin_prefetch(buf + off);
}

static inline uint32_t txseg_len(const struct txseg *t)
{
	return t->len + (uint32_t) !!(t->flags & TXSEG_FIN);
}

static inline uint32_t txseg_end(const struct txseg *t)
{
	return t->seq + txseg_len(t);
}

/* Reassembly: the sequence number of the packet's first byte, and the packet behind it. */
static inline uint32_t rxseg_seq(const struct rte_mbuf *m)
{
	return m->hash.usr;
}

static inline void rxseg_set_seq(struct rte_mbuf *m, uint32_t seq)
{
	m->hash.usr = seq;
}

static inline struct rte_mbuf *rxseg_next(const struct rte_mbuf *m)
{
	return (struct rte_mbuf *)(uintptr_t)m->tx_offload;
}

static inline void rxseg_set_next(struct rte_mbuf *m, struct rte_mbuf *next)
{
	m->tx_offload = (uintptr_t)next;
}

/* A FIN stands behind this packet's last byte. */
static inline bool rxseg_has_fin(const struct rte_mbuf *m)
{
	return m->vlan_tci_outer == 1;
}

static inline void rxseg_set_fin(struct rte_mbuf *m, bool fin)
{
	m->vlan_tci_outer = fin;
}

/*
 * Memory pinned by one mbuf: where the data is elsewhere (external, attached) the mbuf's own room is pinned
 * as well, and the other buffer is no smaller.
 */
static inline uint32_t mbuf_segment_truesize(const struct rte_mbuf *m)
{
	uint32_t n = (uint32_t)sizeof(*m) + m->buf_len;

	return RTE_MBUF_DIRECT(m) ? n : n + RTE_MBUF_DEFAULT_BUF_SIZE;
}

/* Memory pinned by a packet. */
uint32_t mbuf_truesize(const struct rte_mbuf *m);

/*
 * Cuts n bytes off the front (n <= pkt_len), over segment borders: mbufs left empty are
 * freed. Returns the packet, whose first mbuf may be another one.
 */
struct rte_mbuf *mbuf_cut_front(struct rte_mbuf *m, uint32_t n);

/* Cuts n bytes off the end (n <= pkt_len), over segment borders. */
void mbuf_cut_back(struct rte_mbuf *m, uint32_t n);
