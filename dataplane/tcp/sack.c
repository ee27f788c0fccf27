/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/sack.h"

#include <rte_common.h>

#include "dataplane/tcp/pmtu.h"
#include "dataplane/tcp/rack.h"
#include "dataplane/tcp/recovery.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/txq.h"

/* After so many in a row that said nothing new only every so many is looked at. */
#define MAX_USELESS 16

/* Is the first block a duplicate's report (RFC 2883 4.1)? */
static bool is_dsack(const struct seg *seg)
{
	const struct opt_block *b = seg->opts.sack;

	if (seq_lt(b[0].start, seg->ack))
		return true;
	return seg->opts.n_sack > 1 && seq_geq(b[0].start, b[1].start) &&
	    seq_leq(b[0].end, b[1].end);
}

/* Copies blocks that can be true in ascending order; returns how many. */
static unsigned valid_blocks(const struct tcp_conn *c, const struct seg *seg, unsigned first,
    struct opt_block out[OPT_MAX_SACK])
{
	unsigned n = 0;

	for (unsigned i = first; i < seg->opts.n_sack; i++) {
		struct opt_block b = seg->opts.sack[i];
		unsigned j = n;

		if (seq_geq(b.start, b.end) || seq_lt(b.start, c->snd_una) ||
		    seq_gt(b.end, c->snd_nxt))
			continue;
		for (; j > 0 && seq_lt(b.start, out[j - 1].start); j--)
			out[j] = out[j - 1];
		out[j] = b;
		n++;
	}
	return n;
}

static void mark_sacked(struct tcp_conn *c, struct txseg *t, struct ack *a)
{
	struct conn_ext *x = c->ext;
	uint32_t len = txseg_len(t);

	if (unlikely(t->flags & (TXSEG_TRIED | TXSEG_TRIED_TSO)))
		ack_judge_device(c, t);
	rack_delivered(c, t);
	if (!(t->flags & TXSEG_EVER)) {
		uint64_t rtt = conn_now(c) - t->xmit_us;

		a->rtt_us = rtt ? (uint32_t)rtt : 1;
	}
	sack_forget(c, t, len);
	if (t->flags & TXSEG_PROBE)
		pmtu_probe_arrived(c);
	t->flags &= (uint16_t) ~(TXSEG_LOST | TXSEG_RESENT | TXSEG_PROBE);
	t->flags |= TXSEG_SACKED;
	x->sacked += len;
	x->n_sacked++;
	if (!a->sacked || t->xmit_us < a->oldest_us)
		a->oldest_us = t->xmit_us;
	a->sacked += len;
	a->delivered += len;
}

/* Only compared with the peer's own last one: who makes two equal hides something from himself. */
static uint64_t mix_blocks(const struct seg *seg)
{
	uint64_t h = seg->ack;

	for (unsigned i = 0; i < seg->opts.n_sack; i++) {
		h = (h ^ seg->opts.sack[i].start) * 0x9e3779b97f4a7c15ULL;
		h = (h ^ seg->opts.sack[i].end ^ h >> 32) * 0x9e3779b97f4a7c15ULL;
	}
	return h;
}

void sack_input(struct tcp_conn *c, const struct seg *seg, struct ack *a)
{
	struct opt_block blocks[OPT_MAX_SACK];
	struct conn_ext *x = conn_ext(c);
	uint32_t before;
	uint64_t mixed;
	unsigned first = 0, n, i = 0;

	if (is_dsack(seg)) {
		first = 1;
		a->dsack = true;
		x->dsacks++;
		rack_dsack(c);
		recovery_dsack(c, &seg->opts.sack[0]);
	}
	/* Data segments repeat the same blocks as long as there is a gap. */
	mixed = mix_blocks(seg);
	if (!a->acked && mixed == x->last_sack)
		return;
	x->last_sack = mixed;
	/*
	 * A walk costs more than the packet that asks for it. Each walk that finds something is paid for by a
	 * segment; of those that find nothing only few are made.
	 */
	if (x->n_useless >= MAX_USELESS && ++x->n_useless % MAX_USELESS)
		return;
	before = a->sacked;
	n = valid_blocks(c, seg, first, blocks);
	for (struct rte_mbuf *m = txq_sent(c); m && i < n; m = txq_next_sent(m)) {
		struct txseg *t = txseg(m);

		while (i < n && seq_leq(blocks[i].end, t->seq))
			i++;
		if (i == n)
			break;
		if (!(t->flags & TXSEG_SACKED) && seq_geq(t->seq, blocks[i].start) &&
		    seq_leq(txseg_end(t), blocks[i].end))
			mark_sacked(c, t, a);
	}
	if (a->sacked != before)
		x->n_useless = 0;
	else if (x->n_useless < MAX_USELESS)
		x->n_useless++;
}

void sack_mark_lost(struct tcp_conn *c, struct txseg *t)
{
	struct conn_ext *x = c->ext;
	uint32_t len = txseg_len(t);

	if (t->flags & TXSEG_LOST && !(t->flags & TXSEG_RESENT))
		return;
	if (!(t->flags & TXSEG_LOST))
		x->lost += len;
	if (t->flags & TXSEG_RESENT)
		x->resent -= len;
	x->pending += len;
	if (t->flags & TXSEG_PROBE)
		pmtu_probe_lost(c, len);
	t->flags &= (uint16_t) ~(TXSEG_RESENT | TXSEG_PROBE);
	t->flags |= TXSEG_LOST;
	/* Without SACK the sum is an estimate from duplicates: what is lost was none of these. */
	if (!(c->flags & CONN_SACK) && x->sacked + x->pending > c->snd_nxt - c->snd_una)
		x->sacked = c->snd_nxt - c->snd_una - x->pending;
}

void sack_mark_resent(struct tcp_conn *c, struct txseg *t)
{
	struct conn_ext *x = c->ext;
	uint32_t len = txseg_len(t);

	if (t->flags & TXSEG_LOST && !(t->flags & TXSEG_RESENT)) {
		x->pending -= len;
		x->probe_pending -= (uint16_t)RTE_MIN(len, (uint32_t)x->probe_pending);
	}
	if (!(t->flags & TXSEG_RESENT))
		x->resent += len;
	t->flags |= TXSEG_RESENT | TXSEG_EVER;
	x->resent_total++;
	x->undo_resent++;
}

void sack_forget(struct tcp_conn *c, const struct txseg *t, uint32_t n)
{
	struct conn_ext *x = c->ext;

	if (t->flags & TXSEG_SACKED) {
		x->sacked -= n;
		if (n == txseg_len(t))
			x->n_sacked--;
	}
	if (t->flags & TXSEG_LOST) {
		x->lost -= n;
		if (!(t->flags & TXSEG_RESENT))
			x->pending -= n;
	}
	if (t->flags & TXSEG_RESENT)
		x->resent -= n;
}

/* RFC 8985 6.3: not what went only just now. Without SACK there is only going back (RFC 5681, RFC 6582 4). */
static bool is_lost_on_rto(const struct tcp_conn *c, const struct rte_mbuf *m)
{
	return m == c->txq_head || !(c->flags & CONN_SACK) || rack_is_late(c, txseg(m));
}

void sack_mark_lost_on_rto(struct tcp_conn *c)
{
	struct conn_ext *x = conn_ext(c);
	bool reneged = c->txq_head && txseg(c->txq_head)->flags & TXSEG_SACKED;

	for (struct rte_mbuf *m = txq_sent(c); m; m = txq_next_sent(m)) {
		struct txseg *t = txseg(m);

		if (reneged && t->flags & TXSEG_SACKED) {
			sack_forget(c, t, txseg_len(t));
			t->flags &= (uint16_t)~TXSEG_SACKED;
		}
		if (!(t->flags & TXSEG_SACKED) && is_lost_on_rto(c, m))
			sack_mark_lost(c, t);
	}
	if (!(c->flags & CONN_SACK))
		x->sacked = 0; /* was only an estimate from duplicate ACKs */
}

void sack_unmark_lost(struct tcp_conn *c)
{
	for (struct rte_mbuf *m = txq_sent(c); m; m = txq_next_sent(m)) {
		struct txseg *t = txseg(m);

		if ((t->flags & (TXSEG_LOST | TXSEG_RESENT)) != TXSEG_LOST)
			continue;
		sack_forget(c, t, txseg_len(t));
		t->flags &= (uint16_t)~TXSEG_LOST;
	}
}

struct rte_mbuf *sack_first_pending(const struct tcp_conn *c)
{
	if (!c->ext || c->ext->pending == 0)
		return NULL;
	for (struct rte_mbuf *m = txq_sent(c); m; m = txq_next_sent(m))
		if ((txseg(m)->flags & (TXSEG_LOST | TXSEG_RESENT)) == TXSEG_LOST)
			return m;
	return NULL;
}
