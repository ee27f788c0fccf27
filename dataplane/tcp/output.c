/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/output.h"

#include <rte_common.h>

#include "dataplane/tcp/cc.h"
#include "dataplane/tcp/pace.h"
#include "dataplane/tcp/pmtu.h"
#include "dataplane/tcp/recovery.h"
#include "dataplane/tcp/reply.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/sack.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/txq.h"
#include "dataplane/tcp/xmit.h"

/* Segments that the device cuts at once: what it can gather, and what pacing lets go in a millisecond. */
#define TSO_MAX       16
#define TSO_MAX_PACED 4
#define TSO_TRIAL     2

/* Devices refuse to cut smaller ones (DPDK 22.11: i40e and iavf take 256 and more). */
#define TSO_MIN_MSS 256

void output_update_mss(struct tcp_conn *c, const struct net_dst *dst)
{
	uint32_t mss = c->peer_mss;

	if (dst)
		mss = RTE_MIN(mss, dst_mss(dst));
	if (c->ext && c->ext->mss_limit)
		mss = RTE_MIN(mss, c->ext->mss_limit);
	/* Options that go with every segment take their place from the payload (MUST-16). */
	if (c->flags & CONN_TS)
		mss = mss > OPT_TS_LEN + 32 ? mss - OPT_TS_LEN : 32;
	if (mss > c->mss)
		c->mss_proven = false;
	c->mss = (uint16_t)mss;
	/* After a timeout it may be one of the smaller segments (RFC 5681 3.1: at least one). */
	c->cwnd = RTE_MAX(c->cwnd, mss);
}

static bool may_send_by_cwnd(const struct tcp_conn *c, uint32_t len)
{
	uint32_t flight = conn_in_flight(c);

	if (flight == 0)
		return true;
	/* A window of one segment is one segment, however small (RFC 5681 3.1: LW). */
	return c->cwnd > c->mss && flight + len <= c->cwnd;
}

/* False: out of mbufs. */
static bool resend(struct tcp_conn *c, struct net_dst *dst, struct rte_mbuf *m)
{
	struct txseg *t = txseg(m);

	if ((t->len > c->mss && !txq_split(c, m, c->mss)) || !xmit_segment(c, dst, m, NET_PLAIN)) {
		conn_starve(c);
		return false;
	}
	sack_mark_resent(c, t);
	recovery_on_sent(c, txseg_len(t));
	pace_sent(c, t->len);
	stats_inc(conn_stack(c)->stats, STAT_TCP_RETRANSMITS);
	return true;
}

static unsigned resend_lost(struct tcp_conn *c, struct net_dst *dst, unsigned budget)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	while (n < budget && (m = sack_first_pending(c)) != NULL) {
		if (!may_send_by_cwnd(c, txseg_len(txseg(m))) || !pace_may_send(c) ||
		    !resend(c, dst, m))
			break;
		n++;
	}
	return n;
}

void output_rto(struct tcp_conn *c)
{
	struct net_dst *dst = xmit_route(c);
	struct rte_mbuf *m = sack_first_pending(c);

	if (!dst || !m)
		return;
	output_update_mss(c, dst);
	resend(c, dst, m);
}

/*
 * What was sent just before, one after the other. When the ACK comes they are freed in this order, each found through the
 * one before, out of the near caches by then; to fetch one takes as long as to free some. So each learns which is that many
 * places behind it.
 */
#define TRAIL 4
struct trail {
	struct txseg *sent[TRAIL];
	unsigned n;
};

static void trail_add(struct trail *trail, struct rte_mbuf *m)
{
	struct txseg **oldest = &trail->sent[trail->n++ % TRAIL];

	if (trail->n > TRAIL)
		(*oldest)->ahead = m;
	*oldest = txseg(m);
	(*oldest)->ahead = NULL;
}

/* The first unsent segment is on its way. */
static void note_sent(struct tcp_conn *c, struct trail *trail)
{
	struct rte_mbuf *m = c->txq_send;
	struct txseg *t = txseg(m);

	trail_add(trail, m);
	if (c->snd_nxt == c->snd_una)
		c->progress_ms = conn_stack(c)->now_ms;
	t->flags |= TXSEG_SENT;
	c->flags &= ~(uint32_t)CONN_PROBED;
	c->snd_nxt = txseg_end(t);
	c->txq_send = m == c->txq_tail ? NULL : t->next;
	recovery_on_sent(c, txseg_len(t));
	pace_sent(c, t->len);
}

/* How many segments, max at most, from the first unsent on may go as one for the device to cut (TSO). */
static unsigned tso_count(const struct tcp_conn *c, unsigned max)
{
	uint32_t flight = conn_in_flight(c), usable = c->snd_wnd - (c->snd_nxt - c->snd_una);
	struct rte_mbuf *m = c->txq_send;
	uint32_t len = 0;
	unsigned n = 0;

	/* The device would repeat one urgent pointer in all segments. */
	if (c->mss < TSO_MIN_MSS || (c->ext && c->ext->urgent_out))
		return 1;
	for (; n < max; n++, m = txq_next(m)) {
		const struct txseg *t = txseg(m);

		len += t->len;
		if (t->len != c->mss || t->flags & TXSEG_FIN || rte_mbuf_refcnt_read(m) != 1 ||
		    len > usable || flight + len > c->cwnd ||
		    len > NET_TSO_MAX - SEG_HEADER_LEN - OPT_MAX_LEN)
			break;
		if (m == c->txq_tail)
			return n + 1;
	}
	return RTE_MAX(n, 1u);
}

/* Sends the first unsent segment, or several at once. */
static bool
send_some(struct tcp_conn *c, struct net_dst *dst, struct trail *trail, struct xmit_run *run)
{
	const struct stack *s = conn_stack(c);
	struct rte_mbuf *m = c->txq_send;
	struct rte_mbuf *next = txq_next(m);
	uint32_t trial, offloads = net_offload_choose(s->net, dst, &trial);
	unsigned n = 1;

	/* It may have been filled a window ago; of long payloads the processor fetches the rest by itself. */
	if (next)
		txseg_prefetch(s->pool, next,
		    TXSEG_HEADROOM + (offloads & NET_TX_TCP_CHECKSUM ? 0 : RTE_CACHE_LINE_SIZE));
	if (offloads & NET_TX_TSO)
		n = tso_count(c,
		    trial & NET_TX_TSO     ? TSO_TRIAL
			: s->config.pacing ? TSO_MAX_PACED
					   : TSO_MAX);
	if (n > 1) {
		xmit_tso(c, dst, n);
		/* The second says most: its header is all the device's work. */
		if (trial & NET_TX_TSO)
			txseg(txq_next(m))->flags |= TXSEG_TRIED_TSO;
	} else if (xmit_new(c, dst, m, trial & NET_TX_TCP_CHECKSUM ? NET_TRY : 0, run)) {
		if (trial & NET_TX_TCP_CHECKSUM)
			txseg(m)->flags |= TXSEG_TRIED;
	} else {
		conn_starve(c);
		return false;
	}
	while (n--)
		note_sent(c, trail);
	return true;
}

/*
 * Sender's silly-window avoidance (RFC 9293 3.8.6.2.1) and Nagle's rule for the first unsent
 * segment. Returns how much of it may go: 0 nothing.
 */
static uint32_t may_send_by_window(const struct tcp_conn *c, const struct rte_mbuf *m, bool force)
{
	const struct txseg *t = txseg(m);
	uint32_t outstanding = c->snd_nxt - c->snd_una;
	uint32_t usable = c->snd_wnd > outstanding ? c->snd_wnd - outstanding : 0;
	uint32_t len = txseg_len(t);

	if (usable < len)
		return usable && (force || usable >= c->snd_wnd_max / 2) ? usable : 0;
	if (force || t->len >= c->mss || m != c->txq_tail || t->flags & TXSEG_FIN)
		return len;
	if (!(t->flags & TXSEG_PUSH))
		return 0; /* more follows soon */
	return c->flags & CONN_NODELAY_OFF && outstanding ? 0 : len;
}

/* Brings the first unsent segment to a size that may go now; false: not now. */
static bool fit(struct tcp_conn *c, bool force)
{
	struct rte_mbuf *m = c->txq_send;
	struct txseg *t = txseg(m);
	uint32_t n, payload;

	/* Nearly all: full, and the window takes it. */
	if (likely(t->len == c->mss && !(t->flags & (TXSEG_FIN | TXSEG_PROBE)) &&
		(uint64_t)(c->snd_nxt - c->snd_una) + t->len <= c->snd_wnd))
		return true;
	/* After a cut the rest is short: it takes bytes from those behind it (RFC 9293 3.8.6.2.1). */
	if (t->len < c->mss && m != c->txq_tail)
		txq_fill(c, m);
	n = may_send_by_window(c, m, force);

	if (n == 0)
		return false;
	payload = RTE_MIN(n, t->len);
	if (!(t->flags & TXSEG_PROBE))
		payload = RTE_MIN(payload, c->mss);
	if ((payload < t->len || n < txseg_len(t)) && !txq_split(c, m, (uint16_t)payload)) {
		conn_starve(c);
		return false;
	}
	return true;
}

static unsigned send_new(struct tcp_conn *c, struct net_dst *dst, unsigned budget, bool force)
{
	struct trail trail;
	struct xmit_run run;
	unsigned n = 0;

	trail.n = 0;
	xmit_run_init(&run);
	if (c->txq_send && c->snd_nxt == c->snd_una) {
		uint32_t idle_ms = conn_stack(c)->now_ms - c->progress_ms;

		cc_on_idle(c, idle_ms < 4000000 ? idle_ms * 1000 : UINT32_MAX);
	}
	if (c->ext && c->ext->mss_limit && c->txq_send)
		pmtu_probe(c, dst);
	while (n < budget && c->txq_send) {
		if (!fit(c, force) || !may_send_by_cwnd(c, txseg_len(txseg(c->txq_send))) ||
		    !pace_may_send(c) || !send_some(c, dst, &trail, &run))
			break;
		force = false;
		n++;
	}
	return n;
}

static bool may_send_data(const struct tcp_conn *c)
{
	return c->state >= TCP_ESTABLISHED && c->state != TCP_TIME_WAIT && c->flags & CONN_HASHED;
}

unsigned output_run(struct tcp_conn *c, unsigned budget)
{
	struct net_dst *dst;
	uint32_t before = c->snd_nxt;
	unsigned n = 0;

	if (!(c->flags & CONN_HASHED))
		return 0;
	dst = may_send_data(c) ? xmit_route(c) : NULL;
	if (dst) {
		output_update_mss(c, dst);
		if (c->flags & CONN_FIN_QUEUED && !(c->flags & CONN_FIN_IN_TXQ) && !txq_add_fin(c))
			conn_starve(c);
		n = resend_lost(c, dst, budget);
		if (!c->ext || !c->ext->pending)
			n += send_new(c, dst, budget - n, false);
		if (c->flags & CONN_COMMITTED) {
			c->flags &= ~(uint32_t)CONN_COMMITTED;
			txq_drop_spares(c);
		}
		if (n == budget)
			conn_want_send(c);
		txq_tell_user(c);
	}
	/* New data moves a probe (RFC 8985 7.1); an ACK of ours or a retransmission does not. */
	if (may_send_data(c) && (c->timer != CONN_TIMER_TLP || c->snd_nxt != before))
		timers_rexmit(c, false);
	if (c->flags & CONN_ACK_NOW) {
		output_ack(c);
		n++;
	}
	return n;
}

/* One byte at SND.NXT that the peer has no room for (MUST-35, MUST-36), or the FIN. */
static void send_probe(struct tcp_conn *c, struct net_dst *dst)
{
	struct stack *s = conn_stack(c);
	struct txseg *t = txseg(c->txq_send);
	struct rte_mbuf *m = stack_alloc(s);
	uint8_t flags = SEG_ACK;

	if (!m)
		return; /* the timer comes again */
	if (t->len)
		*(uint8_t *)rte_pktmbuf_append(m, 1) = *((uint8_t *)c->txq_send->buf_addr + t->off);
	else
		flags |= SEG_FIN;
	stats_inc(s->stats, STAT_TCP_PROBES);
	xmit_header(c, m, c->snd_nxt, flags);
	c->flags |= CONN_PROBED;
	net_send_tcp(s->net, dst, &c->flow, m, 0, s->now_us);
}

void output_persist(struct tcp_conn *c)
{
	struct net_dst *dst = xmit_route(c);

	if (!dst || !c->txq_send)
		return;
	if (c->snd_wnd == 0)
		send_probe(c, dst);
	else if (send_new(c, dst, 1, true))
		timers_rexmit(c, true);
}

void output_tlp(struct tcp_conn *c)
{
	struct conn_ext *x = conn_ext(c);
	struct net_dst *dst = xmit_route(c);
	struct rte_mbuf *last = NULL;
	struct trail trail = { .n = 0 };
	struct xmit_run run;

	xmit_run_init(&run);
	if (dst && c->snd_nxt != c->snd_una) {
		x->tlp_is_resend = false;
		if (c->txq_send && fit(c, false) && send_some(c, dst, &trail, &run)) {
			x->tlp_open = true;
		} else {
			for (struct rte_mbuf *m = txq_sent(c); m; m = txq_next_sent(m))
				if (!(txseg(m)->flags & TXSEG_SACKED))
					last = m;
			if (last && xmit_segment(c, dst, last, NET_PLAIN)) {
				sack_mark_resent(c, txseg(last));
				x->tlp_open = true;
				x->tlp_is_resend = true;
			}
		}
		x->tlp_end = c->snd_nxt;
		stats_inc(conn_stack(c)->stats, STAT_TCP_TLPS);
	}
	timers_arm(c, CONN_TIMER_RTO, rtt_rto_backed_off(c));
}
