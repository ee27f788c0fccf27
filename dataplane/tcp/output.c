/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/output.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "dataplane/tcp/accept.h"
#include "dataplane/tcp/cc.h"
#include "dataplane/tcp/ooo.h"
#include "dataplane/tcp/recovery.h"
#include "dataplane/tcp/reply.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/rxq.h"
#include "dataplane/tcp/sack.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/txq.h"

#define ECT0 2

void output_update_mss(struct tcp_conn *c, const struct net_dst *dst)
{
	uint32_t mss = c->peer_mss;

	if (dst)
		mss = RTE_MIN(mss, dst_mss(dst));
	/* Options that go with every segment take their place from the payload (MUST-16). */
	if (c->flags & CONN_TS)
		mss = mss > OPT_TS_LEN + 32 ? mss - OPT_TS_LEN : 32;
	c->mss = (uint16_t)mss;
}

/* The window field, and the right edge it stands for (RFC 7323 2.3; the edge never moves left). */
static uint16_t window_field(struct tcp_conn *c)
{
	uint32_t wnd = rxq_window(c), adv = conn_rcv_wnd(c);
	uint32_t field = wnd >> c->rcv_wscale;

	if (field << c->rcv_wscale < adv)
		field = (adv + (1u << c->rcv_wscale) - 1) >> c->rcv_wscale;
	field = RTE_MIN(field, (uint32_t)UINT16_MAX);
	c->rcv_adv = c->rcv_nxt + RTE_MAX(field << c->rcv_wscale, adv);
	return (uint16_t)field;
}

/* Notes that everything owed to the peer has gone with the segment being sent. */
static void ack_is_sent(struct tcp_conn *c)
{
	c->flags &= ~(uint32_t)(CONN_ACK_NOW | CONN_ACK_DELAYED);
	c->last_ack_sent = c->rcv_nxt;
	if (c->ext)
		c->ext->dsack.start = c->ext->dsack.end = 0;
}

static void header_options(struct tcp_conn *c, struct opts *o, uint32_t payload)
{
	unsigned room = OPT_MAX_LEN;

	o->has = 0;
	if (c->flags & CONN_TS) {
		o->has |= OPT_TS;
		o->tsval = stack_ts(conn_stack(c), c->ts_off);
		o->tsecr = c->ts_recent;
		room -= OPT_TS_LEN;
	}
	if (!(c->flags & CONN_SACK) || !c->ext)
		return;
	/* With payload, only what still fits into the packet. */
	if (payload)
		room = payload < c->mss ? RTE_MIN(room, c->mss - payload) : 0;
	o->n_sack =
	    room < 12 ? 0 : (uint8_t)ooo_sack_blocks(c, o->sack, RTE_MIN((room - 4) / 8, 4u));
	if (o->n_sack)
		o->has |= OPT_SACK;
}

/* Writes the TCP header in front of m's payload. */
static void header_write(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint8_t flags)
{
	struct reply r = {
		.seq = seq,
		.ack = c->rcv_nxt,
		.sport = c->flow.local_port,
		.dport = c->flow.remote_port,
		.wnd = window_field(c),
		.flags = flags,
	};

	if (c->flags & CONN_ECE_ECHO)
		r.flags |= SEG_ECE;
	header_options(c, &r.opts, m->pkt_len);
	reply_write(m, &r);
	ack_is_sent(c);
}

static struct net_dst *route(struct tcp_conn *c)
{
	return dst_get(conn_stack(c), &c->flow, c->dst_slot);
}

static void send_bare(struct tcp_conn *c, uint32_t seq, uint8_t flags)
{
	struct stack *s = conn_stack(c);
	struct net_dst *dst = route(c);
	struct rte_mbuf *m = dst ? stack_alloc(s) : NULL;

	if (!m) {
		if (dst)
			conn_starve(c);
		return;
	}
	header_write(c, m, seq, flags);
	net_send_tcp(s->net, dst, &c->flow, m, 0, s->now_us);
}

void output_ack(struct tcp_conn *c)
{
	stats_inc(conn_stack(c)->stats, STAT_TCP_ACKS_SENT);
	send_bare(c, c->snd_nxt, SEG_ACK);
}

static void send_reset(struct tcp_conn *c, uint32_t seq, uint32_t ack, uint8_t flags)
{
	struct stack *s = conn_stack(c);
	struct net_dst *dst = route(c);
	struct rte_mbuf *m = dst ? stack_alloc(s) : NULL;
	struct reply r = {
		.seq = seq,
		.ack = ack,
		.sport = c->flow.local_port,
		.dport = c->flow.remote_port,
		.flags = flags,
	};

	if (!m)
		return;
	stats_inc(s->stats, STAT_TCP_RST_SENT);
	reply_write(m, &r);
	net_send_tcp(s->net, dst, &c->flow, m, 0, s->now_us);
}

void output_reset(struct tcp_conn *c)
{
	send_reset(c, c->snd_nxt, c->rcv_nxt, SEG_RST | SEG_ACK);
}

void output_reset_at(struct tcp_conn *c, uint32_t seq)
{
	send_reset(c, seq, 0, SEG_RST);
}

void output_syn(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	struct net_dst *dst = route(c);
	struct rte_mbuf *m = dst ? stack_alloc(s) : NULL;
	bool answer = c->state == TCP_SYN_RECEIVED;
	struct reply r = {
		.seq = c->snd_una,
		.ack = answer ? c->rcv_nxt : 0,
		.sport = c->flow.local_port,
		.dport = c->flow.remote_port,
		.wnd = accept_window(s),
		.flags = answer ? SEG_SYN | SEG_ACK : SEG_SYN,
	};

	if (!m)
		return; /* the timer tries again */
	r.opts.has = OPT_MSS;
	r.opts.mss = (uint16_t)(net_iface(s->net, dst->iface)->mtu - dst->l3_len - 20);
	if (!answer || c->flags & CONN_SACK)
		r.opts.has |= OPT_SACK_PERMITTED;
	if (!answer || c->flags & CONN_WSCALE) {
		r.opts.has |= OPT_WSCALE;
		r.opts.wscale = accept_wscale(s);
	}
	if (!answer || c->flags & CONN_TS) {
		r.opts.has |= OPT_TS;
		r.opts.tsval = stack_ts(s, c->ts_off);
		r.opts.tsecr = answer ? c->ts_recent : 0;
	}
	/* RFC 3168 6.1.1.1: a repeated SYN tries without, in case a middlebox drops it. */
	if (!answer && !s->config.no_ecn && c->backoff == 0)
		r.flags |= SEG_ECE | SEG_CWR;
	if (answer && c->flags & CONN_ECN)
		r.flags |= SEG_ECE;
	c->pace_us = (uint32_t)s->now_us;
	reply_write(m, &r);
	net_send_tcp(s->net, dst, &c->flow, m, 0, s->now_us);
}

static uint8_t data_flags(struct tcp_conn *c, const struct rte_mbuf *m, const struct txseg *t)
{
	uint8_t flags = SEG_ACK;

	if (t->flags & TXSEG_FIN)
		flags |= SEG_FIN;
	if (t->len && (t->flags & TXSEG_PUSH || m == c->txq_tail))
		flags |= SEG_PSH;
	return flags;
}

/*
 * Puts segment m on the wire. When nobody else holds the buffer the header is written into its own
 * headroom and the buffer goes itself, with a second reference; while the NIC may still read
 * it, a header of its own and an indirect mbuf go. False: out of mbufs.
 */
static bool transmit(struct tcp_conn *c, struct net_dst *dst, struct rte_mbuf *m, uint8_t ecn)
{
	struct stack *s = conn_stack(c);
	struct txseg *t = txseg(m);
	uint8_t flags = data_flags(c, m, t);
	struct rte_mbuf *head = m;

	if (ecn && c->flags & CONN_SEND_CWR) {
		flags |= SEG_CWR;
		c->flags &= ~(uint32_t)CONN_SEND_CWR;
	}
	if (rte_mbuf_refcnt_read(m) == 1) {
		m->data_off = t->off;
		m->data_len = t->len;
		m->pkt_len = t->len;
		m->ol_flags = 0;
		m->next = NULL;
		m->nb_segs = 1;
		rte_mbuf_refcnt_set(m, 2);
		header_write(c, m, t->seq, flags);
	} else {
		struct rte_mbuf *body = stack_alloc(s);

		head = stack_alloc(s);
		if (!head || !body) {
			rte_pktmbuf_free(head);
			rte_pktmbuf_free(body);
			return false;
		}
		rte_pktmbuf_attach(body, m);
		body->data_off = t->off;
		body->data_len = t->len;
		body->pkt_len = t->len;
		head->pkt_len = t->len; /* for the options' room */
		header_write(c, head, t->seq, flags);
		head->next = body;
		head->nb_segs = 2;
		head->pkt_len = head->data_len + t->len;
	}
	t->xmit_us = s->now_us;
	net_send_tcp(s->net, dst, &c->flow, head, ecn, s->now_us);
	return true;
}

static bool may_send_by_cwnd(struct tcp_conn *c, uint32_t len)
{
	uint32_t flight = conn_in_flight(c);

	if (flight == 0 || flight + len <= c->cwnd)
		return true;
	c->flags |= CONN_CWND_LIMITED;
	return false;
}

static unsigned resend_lost(struct tcp_conn *c, struct net_dst *dst, unsigned budget)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	while (n < budget && (m = sack_first_pending(c)) != NULL) {
		struct txseg *t = txseg(m);

		if (!may_send_by_cwnd(c, txseg_len(t)))
			return n;
		if ((t->len > c->mss && !txq_split(c, m, c->mss)) || !transmit(c, dst, m, 0)) {
			conn_starve(c);
			return n;
		}
		sack_mark_resent(c, t);
		recovery_on_sent(c, txseg_len(t));
		stats_inc(conn_stack(c)->stats, STAT_TCP_RETRANSMITS);
		n++;
	}
	return n;
}

/* Sends the first unsent segment. */
static bool send_one(struct tcp_conn *c, struct net_dst *dst)
{
	struct rte_mbuf *m = c->txq_send;
	struct txseg *t = txseg(m);

	if (!transmit(c, dst, m, t->len && c->flags & CONN_ECN ? ECT0 : 0)) {
		conn_starve(c);
		return false;
	}
	if (c->snd_nxt == c->snd_una)
		c->progress_ms = conn_stack(c)->now_ms;
	t->flags |= TXSEG_SENT;
	c->flags &= ~(uint32_t)CONN_PROBED;
	c->snd_nxt = txseg_end(t);
	c->txq_send = m == c->txq_tail ? NULL : t->next;
	recovery_on_sent(c, txseg_len(t));
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

	/* After a cut the rest is short: it takes bytes from those behind it (RFC 9293 3.8.6.2.1). */
	if (t->len < c->mss && m != c->txq_tail)
		txq_fill(c, m);
	n = may_send_by_window(c, m, force);

	if (n == 0)
		return false;
	payload = RTE_MIN(RTE_MIN(n, t->len), c->mss);
	if ((payload < t->len || n < txseg_len(t)) && !txq_split(c, m, (uint16_t)payload)) {
		conn_starve(c);
		return false;
	}
	return true;
}

static unsigned send_new(struct tcp_conn *c, struct net_dst *dst, unsigned budget, bool force)
{
	unsigned n = 0;

	if (c->txq_send && c->snd_nxt == c->snd_una) {
		uint32_t idle_ms = conn_stack(c)->now_ms - c->progress_ms;

		cc_on_idle(c, idle_ms < 4000000 ? idle_ms * 1000 : UINT32_MAX);
	}
	c->flags &= ~(uint32_t)CONN_CWND_LIMITED;
	while (n < budget && c->txq_send) {
		if (!fit(c, force) || !may_send_by_cwnd(c, txseg_len(txseg(c->txq_send))) ||
		    !send_one(c, dst))
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
	unsigned n = 0;

	if (!(c->flags & CONN_HASHED))
		return 0;
	dst = may_send_data(c) ? route(c) : NULL;
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
	}
	if (may_send_data(c))
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
	header_write(c, m, c->snd_nxt, flags);
	c->flags |= CONN_PROBED;
	net_send_tcp(s->net, dst, &c->flow, m, 0, s->now_us);
}

void output_persist(struct tcp_conn *c)
{
	struct net_dst *dst = route(c);

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
	struct net_dst *dst = route(c);
	struct rte_mbuf *last = NULL;

	if (dst && c->snd_nxt != c->snd_una) {
		x->tlp_is_resend = false;
		if (c->txq_send && fit(c, false) && send_one(c, dst)) {
			x->tlp_open = true;
		} else {
			for (struct rte_mbuf *m = c->txq_head; m && m != c->txq_send;
			     m = txq_next(m))
				if (txseg(m)->flags & TXSEG_SENT &&
				    !(txseg(m)->flags & TXSEG_SACKED))
					last = m;
			if (last && transmit(c, dst, last, 0)) {
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
