/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/ooo.h"

#include <string.h>

#include "dataplane/tcp/rxq.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"

static void block_free(struct tcp_conn *c, struct ooo_block *b)
{
	for (struct rte_mbuf *m = b->head; m;) {
		struct rte_mbuf *next = rxseg_next(m);

		rxq_unaccount(c, m);
		rte_pktmbuf_free(m);
		m = next;
	}
}

static void block_remove(struct ooo *o, unsigned i)
{
	o->n--;
	memmove(&o->block[i], &o->block[i + 1], (o->n - i) * sizeof(o->block[0]));
}

static void ooo_get(struct tcp_conn *c)
{
	struct ooo *o = pool_get(&conn_stack(c)->ooo_pool); /* as many as connections */

	o->n = 0;
	o->max = OOO_FEW_BLOCKS;
	o->block = o->few;
	c->ext->ooo = o;
}

static void ooo_put(struct tcp_conn *c)
{
	struct ooo *o = c->ext->ooo;

	if (o->block != o->few)
		pool_put(&conn_stack(c)->blocks_pool, o->block);
	pool_put(&conn_stack(c)->ooo_pool, o);
	c->ext->ooo = NULL;
}

/* Makes room for more blocks; false: it is as large as can be. */
static bool ooo_grow(struct tcp_conn *c)
{
	struct ooo *o = c->ext->ooo;
	struct ooo_block *many = NULL;

	if (o->block == o->few)
		many = pool_get(&conn_stack(c)->blocks_pool);
	if (!many)
		return false;
	memcpy(many, o->few, sizeof(o->few));
	o->block = many;
	o->max = OOO_MAX_BLOCKS;
	return true;
}

void ooo_free(struct tcp_conn *c)
{
	if (ooo_is_empty(c))
		return;
	for (unsigned i = 0; i < c->ext->ooo->n; i++)
		block_free(c, &c->ext->ooo->block[i]);
	ooo_put(c);
}

static void dup_note(struct opt_block *dup, uint32_t start, uint32_t end)
{
	/* One DSACK block is one contiguous piece: the lowest is reported (RFC 2883 4). */
	if (dup->start == dup->end || seq_lt(start, dup->start)) {
		dup->start = start;
		dup->end = end;
	}
}

/*
 * Cuts [*seq, *end) so that it overlaps no block; blocks inside of it are dropped in its favour.
 * False: nothing is left.
 */
static bool cut_overlaps(struct tcp_conn *c, uint32_t *seq, uint32_t *end, struct opt_block *dup)
{
	struct ooo *o = c->ext->ooo;

	for (unsigned i = 0; i < o->n;) {
		struct ooo_block *b = &o->block[i];

		if (seq_leq(*end, b->seq.start) || seq_geq(*seq, b->seq.end)) {
			i++;
			continue;
		}
		dup_note(dup, seq_max(*seq, b->seq.start), seq_min(*end, b->seq.end));
		if (seq_geq(*seq, b->seq.start) && seq_leq(*end, b->seq.end))
			return false;
		if (seq_lt(*seq, b->seq.start) && seq_gt(*end, b->seq.end)) {
			block_free(c, b);
			block_remove(o, i);
			continue;
		}
		if (seq_lt(*seq, b->seq.start))
			*end = b->seq.start;
		else
			*seq = b->seq.end;
		i++;
	}
	return true;
}

/* Puts block i first. */
static void block_to_front(struct ooo *o, unsigned i)
{
	struct ooo_block b = o->block[i];

	memmove(&o->block[1], &o->block[0], i * sizeof(b));
	o->block[0] = b;
}

/* Joins the new packet with the blocks it touches; the result is the first block. False: no room. */
static bool block_add(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint32_t end)
{
	struct ooo *o = c->ext->ooo;
	struct ooo_block b = { { seq, end }, m, m };
	bool joined = false;

	for (unsigned i = 0; i < o->n;) {
		struct ooo_block *x = &o->block[i];

		if (x->seq.end == seq && !rxseg_has_fin(x->tail)) {
			rxseg_set_next(x->tail, b.head);
			b.head = x->head;
			b.seq.start = x->seq.start;
		} else if (x->seq.start == end && !rxseg_has_fin(m)) {
			rxseg_set_next(b.tail, x->head);
			b.tail = x->tail;
			b.seq.end = x->seq.end;
		} else {
			i++;
			continue;
		}
		joined = true;
		block_remove(o, i);
	}
	if (!joined && o->n == o->max && !ooo_grow(c))
		return false;
	o->block[o->n++] = b;
	block_to_front(o, o->n - 1);
	return true;
}

/* A duplicate belongs to a block: that one is reported behind the DSACK (RFC 2883 4). */
static void touch_block(struct ooo *o, uint32_t seq)
{
	for (unsigned i = 0; i < o->n; i++) {
		if (seq_geq(seq, o->block[i].seq.start) && seq_lt(seq, o->block[i].seq.end)) {
			block_to_front(o, i);
			return;
		}
	}
}

static void ooo_drop(struct tcp_conn *c, struct rte_mbuf *m)
{
	stats_inc(conn_stack(c)->stats, STAT_DROP_TCP_MEMORY);
	rte_pktmbuf_free(m);
}

/* Nothing comes behind a FIN that is here already: only liars send it. False: nothing is left. */
static bool cut_at_fin(const struct ooo *o, uint32_t seq, uint32_t *end)
{
	for (unsigned i = 0; i < o->n; i++) {
		const struct ooo_block *b = &o->block[i];

		if (rxseg_has_fin(b->tail) && seq_gt(*end, b->seq.end))
			*end = b->seq.end;
	}
	return seq_lt(seq, *end);
}

void ooo_insert(
    struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, bool fin, struct opt_block *dup)
{
	struct stack *s = conn_stack(c);
	struct conn_ext *x = conn_ext(c);
	uint32_t first = seq, last = seq + m->pkt_len + fin, end;

	if (!rxq_has_memory(c, mbuf_truesize(m), false)) {
		ooo_drop(c, m);
		return;
	}
	if (!x->ooo)
		ooo_get(c);
	end = last;
	if (!cut_at_fin(x->ooo, seq, &end)) {
		rte_pktmbuf_free(m);
		return;
	}
	if (!cut_overlaps(c, &seq, &end, dup)) {
		touch_block(x->ooo, first);
		rte_pktmbuf_free(m);
		return;
	}
	if (end != last) {
		if (last - end > fin)
			mbuf_cut_back(m, last - end - fin);
		fin = false;
	}
	if (seq != first)
		m = mbuf_cut_front(m, seq - first);
	rxseg_set_seq(m, seq);
	rxseg_set_next(m, NULL);
	rxseg_set_fin(m, fin);
	if (!block_add(c, m, seq, end)) {
		ooo_drop(c, m);
		return;
	}
	rxq_account(c, m);
	stats_inc(s->stats, STAT_TCP_OUT_OF_ORDER);
}

/* Appends the packets of a block that starts at or before rcv_nxt; true at a FIN. */
static bool block_take(struct tcp_conn *c, struct ooo_block *b)
{
	bool fin = false;

	for (struct rte_mbuf *m = b->head; m;) {
		struct rte_mbuf *next = rxseg_next(m);
		uint32_t old = c->rcv_nxt - rxseg_seq(m);

		rxq_unaccount(c, m);
		fin = rxseg_has_fin(m);
		if (old >= m->pkt_len) {
			rte_pktmbuf_free(m);
		} else {
			m = mbuf_cut_front(m, old);
			c->rcv_nxt += m->pkt_len;
			c->bytes_in += m->pkt_len;
			rxq_append(c, m);
		}
		m = next;
	}
	return fin;
}

bool ooo_advance(struct tcp_conn *c, struct opt_block *dup)
{
	struct ooo *o = c->ext->ooo;
	uint32_t filled = c->rcv_nxt;
	bool fin = false;

	for (unsigned i = 0; i < o->n;) {
		struct ooo_block b = o->block[i];

		if (seq_gt(b.seq.start, c->rcv_nxt)) {
			i++;
			continue;
		}
		block_remove(o, i);
		if (seq_lt(b.seq.start, filled))
			dup_note(dup, b.seq.start, seq_min(b.seq.end, filled));
		if (seq_lt(b.seq.end, c->rcv_nxt)) {
			block_free(c, &b); /* the segment that filled the gap had all of it too */
			i = 0;
			continue;
		}
		fin = block_take(c, &b);
		if (fin)
			break;
		i = 0; /* rcv_nxt has moved */
	}
	if (fin)
		c->rcv_nxt++;
	if (o->n == 0 || fin)
		ooo_free(c);
	return fin;
}

unsigned ooo_sack_blocks(const struct tcp_conn *c, struct opt_block *out, unsigned max)
{
	const struct conn_ext *x = c->ext;
	unsigned n = 0;

	if (!x)
		return 0;
	if (x->dsack.start != x->dsack.end && n < max)
		out[n++] = x->dsack;
	for (unsigned i = 0; x->ooo && i < x->ooo->n && n < max; i++)
		out[n++] = x->ooo->block[i].seq;
	return n;
}
