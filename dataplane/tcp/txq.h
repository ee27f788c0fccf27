/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/tcpmbuf.h"

/*
 * The send queue: mbufs with one segment's payload each, linked through struct txseg, from the
 * first unacknowledged over the first unsent (txq_send) to the last committed (txq_tail); spares,
 * lent out by tcp_tx_reserve and not committed, hang behind that.
 */

/* More segments than this a connection may not queue, so that walks stay bounded. */
#define TXQ_MAX_SEGS 4096

/* Bytes that may wait behind what was sent, and bytes altogether while the pool is short. */
#define TXQ_AHEAD       65536
#define TXQ_SHORT_LIMIT 65536

/* Room that is worth waking the user up for. */
#define TXQ_WAKE (TXQ_AHEAD / 2)

static inline struct rte_mbuf *txq_next(const struct rte_mbuf *m)
{
	return txseg(m)->next;
}

/*
 * Walks what was sent and is unacknowledged: for (m = txq_sent(c); m; m = txq_next_sent(m)). What is
 * behind it, unsent segments and spares, has no marks and no times.
 */
static inline struct rte_mbuf *txq_sent(const struct tcp_conn *c)
{
	struct rte_mbuf *m = c->txq_head;

	return m && txseg(m)->flags & TXSEG_SENT ? m : NULL;
}

static inline struct rte_mbuf *txq_next_sent(const struct rte_mbuf *m)
{
	struct rte_mbuf *next = txseg(m)->next;

	return next && txseg(next)->flags & TXSEG_SENT ? next : NULL;
}

/* First uncommitted one, or NULL. */
static inline struct rte_mbuf *txq_spare(const struct tcp_conn *c)
{
	return c->txq_tail ? txseg(c->txq_tail)->next : c->txq_head;
}

/* The last committed segment when more bytes may be put behind it, else NULL. */
struct rte_mbuf *txq_open_tail(const struct tcp_conn *c);

/*
 * Adds empty ones for n bytes behind the spares, as many as there are mbufs. Returns the first, NULL
 * when mbufs are short.
 */
struct rte_mbuf *txq_add_spares(struct tcp_conn *c, uint32_t n);

/* Gives the spares back. */
void txq_drop_spares(struct tcp_conn *c);

/*
 * Bytes that may be queued altogether: what is on the wire and TXQ_AHEAD, up to config.send_buffer. Who writes is told as
 * soon as some of it was sent, which is in the same turn of the worker, so more would not be sent any sooner: it would
 * leave the near caches while it waits, and be fetched again (for 8 connections whose peers take all that
 * they are sent this, and what the receivers do alike, was more than half of what a byte cost).
 */
uint32_t txq_limit(const struct tcp_conn *c);

/* Bytes that would still be taken. */
uint32_t txq_space(const struct tcp_conn *c);

/* Raises TCP_EV_WRITABLE for a user who found no room, once there is enough of it. */
void txq_tell_user(struct tcp_conn *c);

/* Makes n lent bytes part of the stream. */
void txq_commit(struct tcp_conn *c, uint32_t n, bool push);

/* Puts the FIN into the queue; false when that needs an mbuf and there is none. */
bool txq_add_fin(struct tcp_conn *c);

/*
 * Cuts m after its first n payload bytes (0 < n <= len; the FIN goes with the rest) into two
 * segments. False when mbufs are short. The second inherits what is known of the first.
 */
bool txq_split(struct tcp_conn *c, struct rte_mbuf *m, uint16_t n);

/* Moves payload from the unsent segments behind m, which is unsent, into it up to a full segment. */
void txq_fill(struct tcp_conn *c, struct rte_mbuf *m);

/* Frees all, spares too. */
void txq_free(struct tcp_conn *c);

/* Takes a fully acknowledged segment, which is the head, out and frees it. */
void txq_pop(struct tcp_conn *c);

/* The head was acknowledged up to seq, which is inside of it. */
void txq_trim(struct tcp_conn *c, uint32_t seq);
