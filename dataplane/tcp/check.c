/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/check.h"

#include <stdio.h>

#include <rte_common.h>

#include "dataplane/tcp/mini.h"
#include "dataplane/tcp/ooo.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timewait.h"
#include "dataplane/tcp/txq.h"

struct check {
	const struct stack *s;
	char *why;
	size_t size;
	uint32_t n_held;
	uint32_t n_state[TCP_N_STATES];
	uint32_t n_live;
};

#define FAIL(k, ...)                                        \
	do {                                                \
		snprintf((k)->why, (k)->size, __VA_ARGS__); \
		return -1;                                  \
	} while (0)

#define EXPECT(k, c, condition)                                                                    \
	do {                                                                                       \
		if (!(condition))                                                                  \
			FAIL(                                                                      \
			    k, "connection %u, state %u: %s", (c)->index, (c)->state, #condition); \
	} while (0)

struct sums {
	uint32_t bytes, sacked, n_sacked, lost, resent, pending, sent;
	unsigned n;
};

static int check_segment(struct check *k, const struct tcp_conn *c, const struct rte_mbuf *m,
    uint32_t seq, struct sums *sum)
{
	const struct txseg *t = txseg(m);
	uint32_t len = txseg_len(t);

	EXPECT(k, c, t->seq == seq);
	EXPECT(k, c, t->len <= t->cap || t->flags & TXSEG_SENT);
	EXPECT(k, c, len > 0);
	EXPECT(k, c, t->off + t->len <= (uint32_t)(m->buf_len & ~7u) - sizeof(*t));
	if (t->flags & TXSEG_SENT) {
		sum->sent += len;
		EXPECT(k, c, sum->sent == sum->bytes + len); /* no unsent one before it */
	} else {
		EXPECT(k, c, !(t->flags & (TXSEG_SACKED | TXSEG_LOST | TXSEG_RESENT)));
	}
	EXPECT(k, c, !(t->flags & TXSEG_SACKED && t->flags & (TXSEG_LOST | TXSEG_RESENT)));
	if (t->flags & TXSEG_SACKED) {
		sum->sacked += len;
		sum->n_sacked++;
	}
	if (t->flags & TXSEG_LOST)
		sum->lost += len;
	if (t->flags & TXSEG_RESENT)
		sum->resent += len;
	if ((t->flags & (TXSEG_LOST | TXSEG_RESENT)) == TXSEG_LOST)
		sum->pending += len;
	sum->bytes += len;
	sum->n++;
	return 0;
}

static int check_txq(struct check *k, const struct tcp_conn *c)
{
	/* What is queued before the handshake is over stands behind the SYN. */
	uint32_t seq = c->snd_una + (c->state < TCP_ESTABLISHED);
	struct sums sum = { 0 };

	for (struct rte_mbuf *m = c->txq_head; m; m = txq_next(m)) {
		k->n_held++;
		if (!c->txq_tail || (sum.n && seq == c->snd_lbb && sum.n == c->n_tx)) {
			EXPECT(k, c, txseg(m)->len == 0 && txseg(m)->flags == 0); /* a spare */
			continue;
		}
		if (m == c->txq_send && c->state >= TCP_ESTABLISHED)
			EXPECT(k, c, txseg(m)->seq == c->snd_nxt);
		if (check_segment(k, c, m, seq, &sum) < 0)
			return -1;
		seq = txseg_end(txseg(m));
	}
	if (c->state < TCP_ESTABLISHED)
		return 0;
	EXPECT(k, c, sum.n == c->n_tx);
	EXPECT(k, c, seq == c->snd_lbb);
	EXPECT(k, c, c->snd_una + sum.sent == c->snd_nxt);
	EXPECT(k, c, (c->txq_send != NULL) == (c->snd_nxt != c->snd_lbb));
	if (!c->ext)
		return sum.sacked + sum.lost + sum.resent
		    ? (snprintf(k->why, k->size, "marks without sums"), -1)
		    : 0;
	if (c->flags & CONN_SACK) {
		EXPECT(k, c, sum.sacked == c->ext->sacked);
		EXPECT(k, c, sum.n_sacked == c->ext->n_sacked);
	}
	EXPECT(k, c, sum.lost == c->ext->lost);
	EXPECT(k, c, sum.resent == c->ext->resent);
	EXPECT(k, c, sum.pending == c->ext->pending);
	EXPECT(k, c, c->ext->sacked + c->ext->pending <= c->snd_nxt - c->snd_una);
	return 0;
}

static int check_ooo(struct check *k, const struct tcp_conn *c, uint32_t *truesize)
{
	const struct ooo *o = c->ext ? c->ext->ooo : NULL;

	if (!o)
		return 0;
	EXPECT(k, c, o->n > 0);
	EXPECT(k, c, o->n <= o->max);
	for (unsigned i = 0; i < o->n; i++) {
		const struct ooo_block *b = &o->block[i];
		uint32_t seq = b->seq.start;

		EXPECT(k, c, seq_gt(b->seq.start, c->rcv_nxt));
		EXPECT(k, c, seq_leq(b->seq.end, c->rcv_adv));
		for (struct rte_mbuf *m = b->head; m; m = rxseg_next(m)) {
			EXPECT(k, c, rxseg_seq(m) == seq);
			seq += m->pkt_len + rxseg_has_fin(m);
			*truesize += mbuf_truesize(m);
			k->n_held += m->nb_segs;
		}
		EXPECT(k, c, seq == b->seq.end);
		for (unsigned j = 0; j < i; j++)
			EXPECT(k, c,
			    seq_lt(b->seq.end, o->block[j].seq.start) ||
				seq_gt(b->seq.start, o->block[j].seq.end));
	}
	return 0;
}

static int check_rxq(struct check *k, const struct tcp_conn *c)
{
	uint32_t avail = 0, truesize = 0;

	for (struct rte_mbuf *m = c->rxq_head; m; m = m->next) {
		avail += m->data_len;
		truesize += mbuf_segment_truesize(m);
		k->n_held++;
		EXPECT(k, c, m->next || m == c->rxq_tail);
	}
	if (check_ooo(k, c, &truesize) < 0)
		return -1;
	EXPECT(k, c, avail == c->rcv_avail);
	EXPECT(k, c, truesize == c->rcv_truesize);
	return 0;
}

/* Something outstanding or waiting: exactly one way in which it goes on (tcp.md 6.3). */
static int check_timers(struct check *k, const struct tcp_conn *c)
{
	bool outstanding = c->snd_nxt != c->snd_una;

	if (c->timer != CONN_TIMER_NONE || c->flags & (CONN_ACK_DELAYED | CONN_STATE_TIMER)) {
		EXPECT(k, c, wheel_is_filed(&c->node));
		if (c->timer != CONN_TIMER_NONE)
			EXPECT(k, c, seq_leq(c->node.expires_ms, c->dl_rexmit));
		if (c->flags & CONN_ACK_DELAYED)
			EXPECT(k, c, seq_leq(c->node.expires_ms, c->dl_ack));
	}
	if (outstanding)
		EXPECT(k, c,
		    c->timer == CONN_TIMER_RTO || c->timer == CONN_TIMER_TLP ||
			c->timer == CONN_TIMER_REO || c->flags & CONN_ON_SEND);
	else if (c->txq_send)
		EXPECT(k, c,
		    c->timer == CONN_TIMER_PERSIST || c->flags & (CONN_ON_SEND | CONN_ON_PACE));
	else if (c->state >= TCP_ESTABLISHED)
		EXPECT(k, c,
		    c->timer == CONN_TIMER_NONE || c->flags & CONN_FIN_QUEUED ||
			c->flags & CONN_ON_SEND);
	return 0;
}

static int check_conn(struct check *k, const struct tcp_conn *c)
{
	k->n_state[c->state]++;
	EXPECT(k, c, seq_leq(c->snd_una, c->snd_nxt));
	EXPECT(k, c, seq_leq(c->snd_nxt, c->snd_lbb));
	EXPECT(k, c, seq_leq(c->rcv_nxt, c->rcv_adv) || c->flags & CONN_PEER_FIN);
	EXPECT(k, c, c->mss > 0);
	if (c->state >= TCP_ESTABLISHED)
		EXPECT(k, c, c->cwnd >= c->mss);
	if (check_txq(k, c) < 0)
		return -1;
	return check_timers(k, c);
}

static int check_table(struct check *k)
{
	struct stack *s = (struct stack *)(uintptr_t)k->s; /* mini_at and tw_at only read */
	uint32_t n[4] = { 0 };

	for (uint32_t i = 0; i <= s->table.mask; i++) {
		for (uint32_t ref = s->table.buckets[i]; ref;) {
			uint32_t index = table_index(ref);

			n[table_kind(ref)]++;
			switch (table_kind(ref)) {
			case TABLE_CONN:
				if (!(s->conns[index].flags & CONN_HASHED))
					FAIL(k, "connection %u is in the table and does not know",
					    index);
				ref = s->conns[index].hash_next;
				break;
			case TABLE_MINI:
				ref = mini_at(s, index)->hash_next;
				break;
			case TABLE_TW:
				ref = tw_at(s, index)->hash_next;
				break;
			}
		}
	}
	if (n[TABLE_CONN] != k->n_live)
		FAIL(k, "%u connections in the table, %u alive", n[TABLE_CONN], k->n_live);
	if (n[TABLE_MINI] != s->mini_pool.n_used || n[TABLE_TW] != s->tw_pool.n_used)
		FAIL(k, "table and pools differ: minis %u/%u, TIME-WAITs %u/%u", n[TABLE_MINI],
		    s->mini_pool.n_used, n[TABLE_TW], s->tw_pool.n_used);
	k->n_state[TCP_SYN_RECEIVED] += n[TABLE_MINI];
	k->n_state[TCP_TIME_WAIT] = n[TABLE_TW];
	return 0;
}

int tcp_check(const struct stack *s, char *why, size_t size)
{
	struct check k = { .s = s, .why = why, .size = size };

	for (uint32_t i = 0; i < s->conn_pool.n_touched; i++) {
		const struct tcp_conn *c = &s->conns[i];

		if (check_rxq(&k, c) < 0)
			return -1;
		if (!(c->flags & CONN_HASHED))
			continue;
		k.n_live++;
		if (check_conn(&k, c) < 0)
			return -1;
	}
	if (k.n_held != s->n_held) {
		snprintf(why, size, "%u mbufs in queues, %u counted", k.n_held, s->n_held);
		return -1;
	}
	if (check_table(&k) < 0)
		return -1;
	for (unsigned i = 0; i < TCP_N_STATES; i++) {
		if (i != TCP_CLOSED && k.n_state[i] != s->n_state[i]) {
			snprintf(why, size, "%u in state %u, %u counted", k.n_state[i], i,
			    s->n_state[i]);
			return -1;
		}
	}
	return 0;
}
