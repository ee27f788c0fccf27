/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/rxq.h"

#include <string.h>

#include <rte_common.h>

#include "dataplane/tcp/ooo.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"

/* Bytes of buffer per byte of window: a 2 KB buffer with an MSS in it, and some slack. */
#define TRUESIZE_FACTOR 2
#define TRUESIZE_SLACK  65536

#define LIKELY_MAX_BYTES_PER_US 2500u /* 20 Gbit/s on one connection, whatever its round trip */
#define WINDOW_FLOOR            65536u

void rxq_account(struct tcp_conn *c, const struct rte_mbuf *m)
{
	c->rcv_truesize += mbuf_truesize(m);
	stack_hold(conn_stack(c), m->nb_segs);
}

void rxq_unaccount(struct tcp_conn *c, const struct rte_mbuf *m)
{
	c->rcv_truesize -= mbuf_truesize(m);
	stack_unhold(conn_stack(c), m->nb_segs);
}

bool rxq_has_memory(const struct tcp_conn *c, uint32_t truesize, bool in_order)
{
	const struct stack *s = conn_stack(c);
	uint32_t limit = c->rcv_buf * TRUESIZE_FACTOR;

	if (in_order)
		return s->n_held < s->held_limit &&
		    c->rcv_truesize + truesize <= limit + TRUESIZE_SLACK;
	return !stack_is_short(s) && c->rcv_truesize + truesize <= limit;
}

/* Copies m's bytes behind the last one's; false: no room, or not ours alone. */
static bool rxq_coalesce(struct tcp_conn *c, struct rte_mbuf *m)
{
	struct rte_mbuf *tail = c->rxq_tail;

	if (!tail || m->pkt_len > RXQ_COPY_MAX || !RTE_MBUF_DIRECT(tail) ||
	    rte_mbuf_refcnt_read(tail) != 1 || rte_pktmbuf_tailroom(tail) < m->pkt_len)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(tail, uint8_t *, tail->data_len),
	    rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	tail->data_len = (uint16_t)(tail->data_len + m->data_len);
	return true;
}

/*
 * A small payload in a buffer that can take no more, or that somebody else shares, moves to one that
 * can: crumbs pin one buffer then and not one each. m itself when mbufs are short.
 */
static struct rte_mbuf *rxq_repack(struct tcp_conn *c, struct rte_mbuf *m)
{
	struct rte_mbuf *fresh;

	if (m->pkt_len > RXQ_COPY_MAX ||
	    (RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 &&
		rte_pktmbuf_tailroom(m) >= RXQ_COPY_MAX))
		return m;
	fresh = stack_alloc(conn_stack(c));
	if (!fresh)
		return m;
	memcpy(rte_pktmbuf_append(fresh, m->data_len), rte_pktmbuf_mtod(m, const uint8_t *),
	    m->data_len);
	rte_pktmbuf_free(m);
	return fresh;
}

static void rxq_append_one(struct tcp_conn *c, struct rte_mbuf *m)
{
	if (m->data_len == 0 || rxq_coalesce(c, m)) {
		rte_pktmbuf_free(m);
		return;
	}
	m = rxq_repack(c, m);
	rxq_account(c, m);
	if (c->rxq_tail)
		c->rxq_tail->next = m;
	else
		c->rxq_head = m;
	c->rxq_tail = m;
}

void rxq_append(struct tcp_conn *c, struct rte_mbuf *m)
{
	c->rcv_stood |= c->rcv_avail > c->rcv_buf / 4 * 3;
	c->rcv_avail += m->pkt_len;
	/* One by one: what was put together from small IP fragments is crumbs, too. */
	while (m) {
		struct rte_mbuf *next = m->next;

		m->next = NULL;
		m->nb_segs = 1;
		m->pkt_len = m->data_len;
		rxq_append_one(c, m);
		m = next;
	}
}

static void rxq_free_head(struct tcp_conn *c)
{
	struct rte_mbuf *m = c->rxq_head;

	c->rxq_head = m->next;
	if (!c->rxq_head)
		c->rxq_tail = NULL;
	c->rcv_truesize -= mbuf_segment_truesize(m);
	stack_unhold(conn_stack(c), 1);
	m->next = NULL;
	rte_pktmbuf_free_seg(m);
}

void rxq_free(struct tcp_conn *c)
{
	while (c->rxq_head)
		rxq_free_head(c);
	c->rcv_avail = 0;
}

uint32_t rxq_window(const struct tcp_conn *c)
{
	uint32_t used = c->rcv_avail, pinned = c->rcv_truesize / TRUESIZE_FACTOR;
	uint32_t room, adv = conn_rcv_wnd(c);

	if (pinned > used)
		used = pinned;
	room = used < c->rcv_buf ? c->rcv_buf - used : 0;
	if (conn_stack(c)->n_held >= conn_stack(c)->held_shed)
		room = RTE_MIN(room, (uint32_t)c->rcv_mss * 2);
	/* Silly window avoidance (RFC 9293 3.8.6.2.2): the edge moves by a segment or half the buffer. */
	if (room < adv || room - adv < RTE_MIN(c->rcv_buf / 2, (uint32_t)c->rcv_mss))
		room = adv;
	return room;
}

unsigned tcp_rx_view_of(const struct tcp_conn *c, uint32_t want, struct iovec *iov, unsigned max)
{
	uint32_t got = 0;
	unsigned n = 0;

	for (struct rte_mbuf *m = c->rxq_head; m && n < max; m = m->next) {
		iov[n].iov_base = rte_pktmbuf_mtod(m, void *);
		iov[n].iov_len = m->data_len;
		n++;
		got += m->data_len;
		if (got >= want)
			break;
	}
	return n;
}

unsigned tcp_rx_view(const struct tcp_conn *c, struct iovec *iov, unsigned max)
{
	return tcp_rx_view_of(c, UINT32_MAX, iov, max);
}

uint32_t tcp_rx_available(const struct tcp_conn *c)
{
	return c->rcv_avail;
}

uint32_t tcp_rx_urgent(const struct tcp_conn *c)
{
	return c->flags & CONN_URGENT_IN ? c->ext->rcv_up - conn_read_seq(c) : 0;
}

bool tcp_rx_is_complete(const struct tcp_conn *c)
{
	return c->flags & CONN_PEER_FIN;
}

bool tcp_rx_is_finished(const struct tcp_conn *c)
{
	return tcp_rx_is_complete(c) && c->rcv_avail == 0;
}

/* Is the window so much larger now that the peer should be told at once? */
static bool window_update_is_due(const struct tcp_conn *c)
{
	uint32_t adv = conn_rcv_wnd(c), wnd = rxq_window(c);

	if (c->state < TCP_ESTABLISHED || c->flags & CONN_PEER_FIN || wnd == adv)
		return false;
	return adv < c->rcv_buf / 2 && (wnd - adv >= c->rcv_buf / 4 || adv < c->rcv_mss);
}

/*
 * What the fastest peer we expect sends within a round trip without queues (the least one: those under load have our
 * own queue in them). On a wire without delay a window is filled whatever its size: a larger one would only be a
 * longer queue, that has left the cache when it is read.
 */
static uint32_t window_limit(const struct tcp_conn *c)
{
	uint64_t limit = RTE_MAX((uint64_t)c->min_rtt_us * LIKELY_MAX_BYTES_PER_US, WINDOW_FLOOR);

	limit = RTE_MIN(limit, conn_stack(c)->config.recv_buffer);
	return (uint32_t)RTE_MIN(limit, (uint64_t)UINT16_MAX << c->rcv_wscale);
}

/* By what was read and not offered again: for all that the peer may send there stays room. */
static void rxq_shrink(struct tcp_conn *c)
{
	uint32_t promised = c->rcv_avail + conn_rcv_wnd(c);
	uint32_t least = RTE_MAX(c->rcv_buf / 8 * 7, WINDOW_FLOOR);

	c->rcv_buf = RTE_MIN(c->rcv_buf, RTE_MAX(least, promised));
}

/*
 * Window tuning (Fisk and Feng, "Dynamic Right-Sizing", 2001): four times what was read within a
 * round trip, since slow start doubles that in the next one and a loss takes one more to repair. Connections that are idle or slow
 * stay small, and all do while the pool is not mostly free.
 *
 * And down again, while more comes on top of three quarters of a window that wait: then it is the user who is slow, the
 * network needs no more than the last quarter, and what waits has left the cache when it is read.
 */
static void rxq_tune(struct tcp_conn *c)
{
	const struct stack *s = conn_stack(c);
	uint32_t limit = window_limit(c);
	uint32_t now = (uint32_t)s->now_us, read = c->rcv_nxt - c->rcv_avail - c->tune_seq;

	if (now - c->tune_us < c->srtt_us)
		return;
	if (c->rcv_stood && c->rcv_buf > WINDOW_FLOOR)
		rxq_shrink(c);
	else if (read > c->rcv_buf / 4 && s->n_held < s->held_limit / 4)
		c->rcv_buf = RTE_MAX(c->rcv_buf, read > limit / 4 ? limit : read * 4);
	c->rcv_stood = false;
	c->tune_us = now;
	c->tune_seq = c->rcv_nxt - c->rcv_avail;
}

void tcp_rx_consume(struct tcp_conn *c, uint32_t n)
{
	assert(n <= c->rcv_avail);
	c->rcv_avail -= n;
	while (n) {
		struct rte_mbuf *m = c->rxq_head;

		if (n < m->data_len) {
			m->data_off = (uint16_t)(m->data_off + n);
			m->data_len = (uint16_t)(m->data_len - n);
			break;
		}
		n -= m->data_len;
		rxq_free_head(c);
	}
	rxq_tune(c);
	if (c->flags & CONN_URGENT_IN && seq_geq(conn_read_seq(c), c->ext->rcv_up))
		c->flags &= ~(uint32_t)CONN_URGENT_IN;
	if (c->flags & CONN_HASHED && window_update_is_due(c))
		conn_ack_now(c);
}
