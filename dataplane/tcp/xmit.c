/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/xmit.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "dataplane/tcp/accept.h"
#include "dataplane/tcp/history.h"
#include "dataplane/tcp/ooo.h"
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/reply.h"
#include "dataplane/tcp/rxq.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/txq.h"

#define ECT0 2

struct net_dst *xmit_route(const struct tcp_conn *c)
{
	return dst_get(conn_stack(c), &c->flow, c->dst_slot);
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

/* There is something to report by SACK. */
static bool has_blocks(const struct tcp_conn *c)
{
	return c->ext && c->flags & CONN_SACK &&
	    (c->ext->ooo || c->ext->dsack.start != c->ext->dsack.end);
}

/*
 * Notes what was owed to the peer and has gone with the segment being sent. An ACK that is due and has blocks to report, for
 * which a full segment has no room, still follows (RFC 2018 4).
 */
static void ack_is_sent(struct tcp_conn *c, bool has_sack)
{
	bool owes_sack = c->flags & CONN_ACK_NOW && has_blocks(c) && !has_sack;

	c->last_ack_sent = c->rcv_nxt;
	c->flags &= ~(uint32_t)CONN_ACK_DELAYED;
	if (owes_sack)
		return;
	c->flags &= ~(uint32_t)CONN_ACK_NOW;
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

/* MUST-31: further than 65,535 bytes the pointer cannot reach; it comes nearer with each segment. */
static void header_urgent(struct conn_ext *x, uint32_t snd_una, struct reply *r)
{
	if (seq_geq(snd_una, x->snd_up))
		x->urgent_out = false;
	if (seq_geq(r->seq, x->snd_up))
		return;
	r->flags |= SEG_URG;
	r->up = (uint16_t)RTE_MIN(x->snd_up - r->seq, (uint32_t)UINT16_MAX);
}

/* Writes the TCP header in front of m's payload, of what *r says then. Returns its length. */
static unsigned
header_write(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint8_t flags, struct reply *r)
{
	unsigned len;

	*r = (struct reply){
		.seq = seq,
		.ack = c->rcv_nxt,
		.sport = c->flow.local_port,
		.dport = c->flow.remote_port,
		.wnd = window_field(c),
		.flags = flags,
	};
	if (c->flags & CONN_ECE_ECHO)
		r->flags |= SEG_ECE;
	if (c->ext && c->ext->urgent_out)
		header_urgent(c->ext, c->snd_una, r);
	header_options(c, &r->opts, m->pkt_len);
	if (history_is_kept(conn_stack(c)))
		history_out(c, r, m->pkt_len);
	len = reply_write(m, r);
	ack_is_sent(c, (r->opts.has & OPT_SACK) != 0);
	return len;
}

void xmit_header(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint8_t flags)
{
	struct reply r;

	header_write(c, m, seq, flags, &r);
}

static void send_bare(struct tcp_conn *c, uint32_t seq, uint8_t flags)
{
	struct stack *s = conn_stack(c);
	struct net_dst *dst = xmit_route(c);
	struct rte_mbuf *m = dst ? stack_alloc(s) : NULL;

	if (!m) {
		if (dst)
			conn_starve(c);
		return;
	}
	xmit_header(c, m, seq, flags);
	net_send_tcp(s->net, dst, &c->flow, m, 0, s->now_us);
}

void output_ack(struct tcp_conn *c)
{
	stats_inc(conn_stack(c)->stats, STAT_TCP_ACKS_SENT);
	send_bare(c, c->snd_nxt, SEG_ACK);
}

void output_keepalive(struct tcp_conn *c)
{
	stats_inc(conn_stack(c)->stats, STAT_TCP_KEEPALIVES);
	send_bare(c, c->snd_nxt - 1, SEG_ACK);
}

static void send_reset(struct tcp_conn *c, uint32_t seq, uint32_t ack, uint8_t flags, enum stat why)
{
	struct stack *s = conn_stack(c);
	struct net_dst *dst = xmit_route(c);
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
	/* RFC 7323 3.2: a RST should have them, too. */
	if (c->flags & CONN_TS) {
		r.opts.has = OPT_TS;
		r.opts.tsval = stack_ts(s, c->ts_off);
		r.opts.tsecr = c->ts_recent;
	}
	stats_inc(s->stats, why);
	if (history_is_kept(s))
		history_out(c, &r, 0);
	reply_write(m, &r);
	net_send_tcp(s->net, dst, &c->flow, m, 0, s->now_us);
}

void output_reset(struct tcp_conn *c, enum stat why)
{
	send_reset(c, c->snd_nxt, c->rcv_nxt, SEG_RST | SEG_ACK, why);
}

void output_reset_at(struct tcp_conn *c, uint32_t seq)
{
	send_reset(c, seq, 0, SEG_RST, STAT_TCP_RST_BAD_ACK);
}

void output_syn(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	struct net_dst *dst = xmit_route(c);
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
	if (history_is_kept(s))
		history_out(c, &r, 0);
	reply_write(m, &r);
	net_send_tcp(s->net, dst, &c->flow, m, 0, s->now_us);
}

/* The buffer is nobody else's: it goes itself, payload only so far. */
static void xmit_payload(struct rte_mbuf *m)
{
	const struct txseg *t = txseg(m);

	m->data_off = t->off;
	m->data_len = t->len;
	m->pkt_len = t->len;
	m->ol_flags = 0;
	m->tx_offload = 0;
	m->next = NULL;
	m->nb_segs = 1;
	rte_mbuf_refcnt_set(m, 2);
}

/* Somebody may still read the buffer: a header of its own and a reference to the payload. */
static struct rte_mbuf *xmit_reference(struct stack *s, struct rte_mbuf *m)
{
	struct rte_mbuf *head = stack_alloc(s), *body = stack_alloc(s);
	const struct txseg *t = txseg(m);

	if (!head || !body) {
		rte_pktmbuf_free(head);
		rte_pktmbuf_free(body);
		return NULL;
	}
	rte_pktmbuf_attach(body, m);
	body->data_off = t->off;
	body->data_len = t->len;
	body->pkt_len = t->len;
	body->ol_flags = RTE_MBUF_F_INDIRECT;
	head->next = body;
	head->nb_segs = 2;
	head->pkt_len = t->len;
	return head;
}

static uint8_t
data_flags(struct tcp_conn *c, const struct rte_mbuf *m, const struct txseg *t, bool is_new)
{
	uint8_t flags = SEG_ACK;

	if (t->flags & TXSEG_FIN)
		flags |= SEG_FIN;
	if (t->len && (t->flags & TXSEG_PUSH || m == c->txq_tail))
		flags |= SEG_PSH;
	if (is_new && t->len && c->flags & CONN_SEND_CWR) {
		flags |= SEG_CWR;
		c->flags &= ~(uint32_t)CONN_SEND_CWR;
	}
	return flags;
}

/* Remembers a header that the segments behind it can be sent with: none that says of itself what they do not. */
static void run_begin(struct tcp_conn *c, const struct rte_mbuf *m, const struct reply *r,
    unsigned len, struct xmit_run *run)
{
	if (len > sizeof(run->header) || has_blocks(c) || (c->ext && c->ext->urgent_out))
		return;
	run->len = (uint8_t)len;
	memcpy(run->header, rte_pktmbuf_mtod(m, const void *), sizeof(run->header));
	if (history_is_kept(conn_stack(c)))
		run->reply = *r;
}

static void
run_history(struct tcp_conn *c, uint32_t seq, uint8_t flags, uint32_t payload, struct xmit_run *run)
{
	if (likely(!history_is_kept(conn_stack(c))))
		return;
	run->reply.seq = seq;
	run->reply.flags = flags;
	history_out(c, &run->reply, payload);
}

/* Writes the header of the run in front of m's payload. */
static void
run_write(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint8_t flags, struct xmit_run *run)
{
	rte_be32_t number = rte_cpu_to_be_32(seq);
	uint32_t payload = m->pkt_len;
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, run->len);

	/* Constant lengths: a copy of so few bytes, if their number is not known, is a call. */
	if (likely(run->len == sizeof(run->header)))
		memcpy(p, run->header, sizeof(run->header));
	else
		memcpy(p, run->header, SEG_HEADER_LEN);
	memcpy(p + 4, &number, sizeof(number));
	p[13] = flags;
	run_history(c, seq, flags, payload, run);
}

static bool send_segment(
    struct tcp_conn *c, struct net_dst *dst, struct rte_mbuf *m, uint8_t how, struct xmit_run *run)
{
	struct stack *s = conn_stack(c);
	struct txseg *t = txseg(m);
	bool is_new = !(t->flags & TXSEG_SENT);
	struct rte_mbuf *head = m;
	struct net_run *next = NULL;
	struct reply r;
	uint8_t flags;
	unsigned len;

	if (rte_mbuf_refcnt_read(m) == 1)
		xmit_payload(m);
	else
		head = xmit_reference(s, m);
	if (!head)
		return false;
	flags = data_flags(c, m, t, is_new);
	if (run && run->len) {
		run_write(c, head, t->seq, flags | (run->header[13] & SEG_ECE), run);
		next = how == 0 ? &run->net : NULL;
	} else {
		len = header_write(c, head, t->seq, flags, &r);
		if (run)
			run_begin(c, head, &r, len, run);
	}
	t->xmit_us = s->now_us;
	if (is_new && t->len && c->flags & CONN_ECN)
		how |= ECT0;
	net_send_tcp_noted(s->net, dst, &c->flow, head, how, s->now_us, next);
	return true;
}

bool xmit_segment(struct tcp_conn *c, struct net_dst *dst, struct rte_mbuf *m, uint8_t how)
{
	return send_segment(c, dst, m, how, NULL);
}

bool xmit_new(
    struct tcp_conn *c, struct net_dst *dst, struct rte_mbuf *m, uint8_t how, struct xmit_run *run)
{
	struct txseg *t = txseg(m);
	uint8_t flags;

	if (t->len != run->net.payload || t->len == 0 || how != 0 || rte_mbuf_refcnt_read(m) != 1)
		return send_segment(c, dst, m, how, run);
	xmit_payload(m);
	flags = data_flags(c, m, t, true) | (run->header[13] & SEG_ECE);
	run_history(c, t->seq, flags, t->len, run);
	t->xmit_us = conn_now(c);
	net_send_tcp_next(conn_stack(c)->net, &run->net, m, t->seq, flags);
	return true;
}

void xmit_tso(struct tcp_conn *c, struct net_dst *dst, unsigned n)
{
	struct stack *s = conn_stack(c);
	struct rte_mbuf *head = c->txq_send, *m = head, *last = NULL;
	uint32_t len = 0;
	uint8_t flags = data_flags(c, head, txseg(head), true);

	for (unsigned i = 0; i < n; i++, m = txq_next(m)) {
		xmit_payload(m);
		txseg(m)->xmit_us = s->now_us;
		txseg(m)->flags |= TXSEG_CHAINED;
		flags |= data_flags(c, m, txseg(m), false);
		len += m->data_len;
		if (last)
			last->next = m;
		last = m;
	}
	head->nb_segs = (uint16_t)n;
	head->pkt_len = len;
	xmit_header(c, head, txseg(head)->seq, flags);
	head->tso_segsz = c->mss;
	net_send_tcp(s->net, dst, &c->flow, head, c->flags & CONN_ECN ? ECT0 : 0, s->now_us);
}
