/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/txq.h"

#include <string.h>

#include <rte_common.h>

#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"

#define ALLOC_BULK 16

static void txq_prepare(const struct tcp_conn *c, struct rte_mbuf *m, struct rte_mbuf *next)
{
	*txseg(m) = (struct txseg){
		.next = next,
		.off = TXSEG_HEADROOM,
		.cap = RTE_MIN(txseg_room(m), c->mss),
	};
}

static struct rte_mbuf *txq_mbuf(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	struct rte_mbuf *m;

	m = s->n_held < s->held_limit ? stack_alloc(s) : NULL;
	if (!m)
		return NULL;
	stack_hold(s, 1);
	txq_prepare(c, m, NULL);
	return m;
}

/* A list of up to n: their notes are fetched while the next is looked at. NULL: mbufs are short. */
static struct rte_mbuf *txq_mbufs(struct tcp_conn *c, unsigned n)
{
	struct stack *s = conn_stack(c);
	struct rte_mbuf *m[ALLOC_BULK];

	n = RTE_MIN(n, (unsigned)ALLOC_BULK);
	if (n < 2 || s->n_held + n > s->held_limit || rte_pktmbuf_alloc_bulk(s->pool, m, n) < 0)
		return txq_mbuf(c);
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(txseg(m[i]), 1);
	for (unsigned i = 0; i < n; i++)
		txq_prepare(c, m[i], i + 1 < n ? m[i + 1] : NULL);
	stack_hold(s, n);
	return m[0];
}

struct rte_mbuf *txq_add_spares(struct tcp_conn *c, uint32_t n)
{
	struct rte_mbuf *m = txq_mbufs(c, (n + c->mss - 1) / c->mss), *last;

	if (!m)
		return NULL;
	last = txq_spare(c) ? txq_spare(c) : c->txq_tail;
	if (!last) {
		c->txq_head = m;
		return m;
	}
	while (txq_next(last))
		last = txq_next(last);
	txseg(last)->next = m;
	return m;
}

/*
 * Where the device is done with it, which is the rule, what is freed is known to be one direct mbuf: to ask m->next would
 * be to wait for the mbuf's second line.
 */
static void txq_free_one(struct tcp_conn *c, struct rte_mbuf *m)
{
	stack_unhold(conn_stack(c), 1);
	if (likely(rte_mbuf_refcnt_read(m) == 1 && RTE_MBUF_DIRECT(m)) &&
	    !(txseg(m)->flags & TXSEG_CHAINED))
		rte_mbuf_raw_free(m);
	else
		rte_pktmbuf_free_seg(m);
}

static void txq_free_list(struct tcp_conn *c, struct rte_mbuf *m)
{
	while (m) {
		struct rte_mbuf *next = txq_next(m);

		txq_free_one(c, m);
		m = next;
	}
}

void txq_drop_spares(struct tcp_conn *c)
{
	txq_free_list(c, txq_spare(c));
	if (c->txq_tail)
		txseg(c->txq_tail)->next = NULL;
	else
		c->txq_head = NULL;
}

void txq_free(struct tcp_conn *c)
{
	txq_free_list(c, c->txq_head);
	c->txq_head = c->txq_send = c->txq_tail = NULL;
	c->n_tx = 0;
	c->flags &= ~(uint32_t)CONN_FIN_IN_TXQ;
}

uint32_t txq_limit(const struct tcp_conn *c)
{
	const struct stack *s = conn_stack(c);
	uint32_t limit = TXQ_SHORT_LIMIT;

	if (!stack_is_short(s))
		limit = c->snd_nxt - c->snd_una + TXQ_AHEAD;
	return RTE_MIN(limit, s->config.send_buffer);
}

uint32_t txq_space(const struct tcp_conn *c)
{
	uint32_t used = c->snd_lbb - c->snd_una, limit = txq_limit(c);

	if (!conn_can_queue(c) || c->n_tx >= TXQ_MAX_SEGS || used >= limit)
		return 0;
	return RTE_MIN(limit - used, (uint32_t)(TXQ_MAX_SEGS - c->n_tx) * c->mss);
}

void txq_tell_user(struct tcp_conn *c)
{
	if (!(c->flags & CONN_WANT_WRITE))
		return;
	/* Not for every segment. */
	if (txq_space(c) >= RTE_MIN(txq_limit(c) / 4, (uint32_t)TXQ_WAKE)) {
		c->flags &= ~(uint32_t)CONN_WANT_WRITE;
		conn_raise(c, TCP_EV_WRITABLE);
	}
}

struct rte_mbuf *txq_open_tail(const struct tcp_conn *c)
{
	if (!c->txq_tail || !c->txq_send)
		return NULL;
	struct txseg *t = txseg(c->txq_tail);

	return t->len < t->cap && !(t->flags & (TXSEG_SENT | TXSEG_FIN)) ? c->txq_tail : NULL;
}

static void txq_append(struct tcp_conn *c, struct rte_mbuf *m)
{
	txseg(m)->seq = c->snd_lbb;
	if (!c->txq_send)
		c->txq_send = m;
	c->txq_tail = m;
	c->n_tx++;
}

void txq_commit(struct tcp_conn *c, uint32_t n, bool push)
{
	struct rte_mbuf *m = txq_open_tail(c);

	while (n) {
		if (!m) {
			m = txq_spare(c);
			assert(m); /* more committed than was lent */
			txq_append(c, m);
		}
		struct txseg *t = txseg(m);
		uint32_t part = RTE_MIN(n, (uint32_t)(t->cap - t->len));

		t->len = (uint16_t)(t->len + part);
		c->snd_lbb += part;
		n -= part;
		m = NULL;
	}
	if (push && c->txq_send)
		txseg(c->txq_tail)->flags |= TXSEG_PUSH;
}

bool txq_add_fin(struct tcp_conn *c)
{
	struct rte_mbuf *m;

	txq_drop_spares(c);
	m = c->txq_send ? c->txq_tail : NULL;
	if (!m) {
		m = txq_mbuf(c);
		if (!m)
			return false;
		if (c->txq_tail)
			txseg(c->txq_tail)->next = m;
		else
			c->txq_head = m;
		txq_append(c, m);
	}
	txseg(m)->flags |= TXSEG_FIN | TXSEG_PUSH;
	c->snd_lbb++;
	c->flags |= CONN_FIN_IN_TXQ;
	return true;
}

bool txq_split(struct tcp_conn *c, struct rte_mbuf *m, uint16_t n)
{
	struct txseg *t = txseg(m), *u;
	struct rte_mbuf *rest = txq_mbuf(c);

	if (!rest)
		return false;
	u = txseg(rest);
	uint16_t cap = txseg_room(rest);

	*u = *t;
	u->off = TXSEG_HEADROOM;
	u->cap = cap;
	u->seq = t->seq + n;
	u->len = (uint16_t)(t->len - n);
	assert(u->len <= cap);
	memcpy((uint8_t *)rest->buf_addr + u->off, (uint8_t *)m->buf_addr + t->off + n, u->len);
	if (!(t->flags & TXSEG_SENT))
		u->cap = RTE_MAX(u->len, RTE_MIN(cap, c->mss));
	t->len = n;
	t->cap = n;
	t->flags &= (uint16_t) ~(TXSEG_FIN | TXSEG_PUSH);
	t->next = rest;
	if (c->txq_tail == m)
		c->txq_tail = rest;
	c->n_tx++;
	if (t->flags & TXSEG_SACKED && c->ext)
		c->ext->n_sacked++;
	return true;
}

void txq_fill(struct tcp_conn *c, struct rte_mbuf *m)
{
	struct txseg *t = txseg(m);
	uint32_t room;

	if (t->off > TXSEG_HEADROOM && rte_mbuf_refcnt_read(m) == 1) {
		memmove((uint8_t *)m->buf_addr + TXSEG_HEADROOM, (uint8_t *)m->buf_addr + t->off,
		    t->len);
		t->off = TXSEG_HEADROOM;
	}
	room = (uint32_t)((uint8_t *)t - ((uint8_t *)m->buf_addr + t->off));
	room = RTE_MIN(room, c->mss);
	while (m != c->txq_tail && t->len < room) {
		struct rte_mbuf *next = t->next;
		struct txseg *u = txseg(next);
		uint16_t n = (uint16_t)RTE_MIN(room - t->len, (uint32_t)u->len);

		memcpy((uint8_t *)m->buf_addr + t->off + t->len, (uint8_t *)next->buf_addr + u->off,
		    n);
		t->len = (uint16_t)(t->len + n);
		u->len = (uint16_t)(u->len - n);
		u->off = (uint16_t)(u->off + n);
		u->cap = (uint16_t)(u->cap - n);
		u->seq += n;
		t->flags &= (uint16_t)~TXSEG_PUSH;
		if (u->len)
			break;
		t->flags |= u->flags & (TXSEG_PUSH | TXSEG_FIN);
		t->next = u->next;
		if (c->txq_tail == next)
			c->txq_tail = m;
		c->n_tx--;
		txq_free_one(c, next);
	}
	if (t->cap < t->len)
		t->cap = t->len;
}

void txq_pop(struct tcp_conn *c)
{
	struct rte_mbuf *m = c->txq_head;

	c->txq_head = txq_next(m);
	if (c->txq_tail == m)
		c->txq_tail = NULL;
	if (c->txq_send == m)
		c->txq_send = NULL;
	c->n_tx--;
	txq_free_one(c, m);
}

void txq_trim(struct tcp_conn *c, uint32_t seq)
{
	struct txseg *t = txseg(c->txq_head);
	uint16_t n = (uint16_t)(seq - t->seq);

	assert(n <= t->len);
	t->seq = seq;
	t->off = (uint16_t)(t->off + n);
	t->len = (uint16_t)(t->len - n);
	t->cap = (uint16_t)(t->cap - n);
}
