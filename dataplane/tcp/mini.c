/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/mini.h"

#include <rte_common.h>

#include "dataplane/tcp/accept.h"
#include "dataplane/tcp/cookie.h"
#include "dataplane/tcp/fifo.h"
#include "dataplane/tcp/isn.h"
#include "dataplane/tcp/reply.h"
#include "dataplane/tcp/seq.h"

/* A peer that repeats its SYN is answered at most this often. */
#define REPEAT_US 500000

static uint32_t mini_index(const struct stack *s, const struct mini *mini)
{
	return (uint32_t)(mini - (const struct mini *)(const void *)s->mini_pool.base);
}

void tcp_key_flow(
    const struct stack *s, const struct tcp_key *key, uint16_t iface, struct flow *flow)
{
	flow->remote = key->raddr;
	flow->local = s->addrs.ip[key->laddr];
	flow->remote_port = key->rport;
	flow->local_port = key->lport;
	flow->iface = iface;
}

static struct fifo *mini_fifo(struct stack *s, const struct mini *mini)
{
	return &s->minis[RTE_MIN(mini->retries, MINI_LEVELS - 1)];
}

/* RFC 6298 2.1, 5.5 and 2.5: doubled each time, up to a minute. */
static uint32_t mini_timeout_ms(unsigned retries)
{
	return retries < MINI_LEVELS - 1 ? 1000u << retries : 60000;
}

static void mini_file(struct stack *s, struct mini *mini)
{
	mini->expires_ms = s->now_ms + mini_timeout_ms(mini->retries);
	FIFO_PUSH(mini_fifo(s, mini), mini_at, s, mini, mini_index(s, mini));
}

static void mini_unlink(struct stack *s, struct mini *mini)
{
	FIFO_UNLINK(mini_fifo(s, mini), mini_at, s, mini);
}

static void mini_free(struct stack *s, struct mini *mini)
{
	s->listeners.all[mini->listener].n_refs--;
	s->n_state[TCP_SYN_RECEIVED]--;
	pool_put(&s->mini_pool, mini);
}

void mini_drop(struct stack *s, struct mini *mini)
{
	mini_unlink(s, mini);
	table_remove(
	    s, table_ref(TABLE_MINI, mini_index(s, mini)), table_hash(&s->table, &mini->key));
	mini_free(s, mini);
}

void mini_drop_listener(struct stack *s, uint16_t listener)
{
	for (unsigned level = 0; level < MINI_LEVELS; level++) {
		for (uint32_t i = s->minis[level].head; i;) {
			struct mini *mini = mini_at(s, i - 1);

			i = mini->next;
			if (mini->listener == listener)
				mini_drop(s, mini);
		}
	}
}

static uint8_t mini_flags(const struct stack *s, const struct seg *seg)
{
	uint8_t flags = 0;

	if (seg->opts.has & OPT_SACK_PERMITTED)
		flags |= MINI_SACK;
	if (seg->opts.has & OPT_TS)
		flags |= MINI_TS;
	if (seg->opts.has & OPT_WSCALE)
		flags |= MINI_WSCALE;
	/* RFC 3168 6.1.1: an ECN-setup SYN has both. */
	if (!s->config.no_ecn && (seg->flags & (SEG_ECE | SEG_CWR)) == (SEG_ECE | SEG_CWR))
		flags |= MINI_ECN;
	return flags;
}

/* The SYN-ACK for a mini; ts: our clock. */
static void
synack_build(const struct stack *s, const struct mini *mini, uint32_t ts, struct reply *r)
{
	bool v4 = ip_addr_is_v4(&mini->key.raddr);

	*r = (struct reply){
		.seq = mini->iss,
		.ack = mini->irs + 1,
		.sport = mini->key.lport,
		.dport = mini->key.rport,
		.wnd = accept_window(s),
		.flags = SEG_SYN | SEG_ACK | (mini->flags & MINI_ECN ? SEG_ECE : 0),
	};
	r->opts.has = OPT_MSS;
	r->opts.mss = (uint16_t)(net_iface(s->net, mini->iface)->mtu - (v4 ? 40 : 60));
	if (mini->flags & MINI_SACK)
		r->opts.has |= OPT_SACK_PERMITTED;
	if (mini->flags & MINI_WSCALE) {
		r->opts.has |= OPT_WSCALE;
		r->opts.wscale = accept_wscale(s);
	}
	if (mini->flags & MINI_TS) {
		r->opts.has |= OPT_TS;
		r->opts.tsval = ts;
		r->opts.tsecr = mini->ts_recent;
	}
}

/* Our clock as the peer sees it; 0 when it does not: a flood's SYNs have no timestamps, and this is a hash. */
static uint32_t mini_ts(const struct stack *s, const struct mini *mini)
{
	if (!(mini->flags & MINI_TS))
		return 0;
	return stack_ts(
	    s, isn_ts_offset(&s->keys.ts, &s->addrs.ip[mini->key.laddr], &mini->key.raddr));
}

/* A repeated SYN-ACK goes by the route, since the packet it answers is gone. */
static void mini_resend(struct stack *s, const struct mini *mini)
{
	struct net_dst *dst;
	struct rte_mbuf *m;
	struct flow flow;
	struct reply r;

	tcp_key_flow(s, &mini->key, mini->iface, &flow);
	dst = dst_get(s, &flow, dst_slot(s, &flow));
	m = dst ? stack_alloc(s) : NULL;
	if (!m)
		return;
	synack_build(s, mini, mini_ts(s, mini), &r);
	reply_write(m, &r);
	stats_inc(s->stats, STAT_TCP_SYNACK_RESENT);
	net_send_tcp(s->net, dst, &flow, m, 0, s->now_us);
}

static void send_cookie(struct stack *s, struct mini *mini, const struct pkt *pkt)
{
	struct cookie cookie = {
		.mss = mini->peer_mss,
		.wscale = mini->flags & MINI_WSCALE ? mini->wscale : COOKIE_NO_WSCALE,
		.sack = (mini->flags & MINI_SACK) != 0,
		.ecn = (mini->flags & MINI_ECN) != 0,
		.ts = (mini->flags & MINI_TS) != 0,
	};
	struct flow flow;
	struct reply r;

	tcp_key_flow(s, &mini->key, pkt->iface, &flow);
	mini->iss = cookie_make(&s->keys.cookie, &flow, mini->irs, &cookie, s->now_us);
	/* Promise only what the cookie remembers. */
	if (!cookie.ts)
		mini->flags = 0;
	synack_build(s, mini, cookie_ts(&cookie, mini_ts(s, mini)), &r);
	stats_inc(s->stats, STAT_TCP_COOKIES_SENT);
	reply_send(s, pkt, &r);
}

void mini_syn(struct stack *s, const struct tcp_key *key, uint32_t hash, const struct pkt *pkt,
    const struct seg *seg, uint16_t listener, const uint32_t *iss_after)
{
	struct mini *mini,
	    fresh = {
		    .key = *key,
		    .irs = seg->seq,
		    .peer_mss = accept_peer_mss(&seg->opts, ip_addr_is_v4(&key->raddr)),
		    .ts_recent = seg->opts.has & OPT_TS ? seg->opts.tsval : 0,
		    .listener = listener,
		    .wscale = seg->opts.has & OPT_WSCALE ? seg->opts.wscale : 0,
		    .flags = mini_flags(s, seg),
		    .iface = (uint8_t)pkt->iface,
	    };
	struct flow flow;
	struct reply r;

	mini = stack_is_short(s) ? NULL : pool_get(&s->mini_pool);
	if (!mini) {
		send_cookie(s, &fresh, pkt);
		return;
	}
	*mini = fresh;
	tcp_key_flow(s, key, pkt->iface, &flow);
	mini->iss = isn_make(&s->keys.isn, &flow, s->now_us);
	if (iss_after && seq_leq(mini->iss, *iss_after + UINT16_MAX))
		mini->iss = *iss_after + UINT16_MAX + 2;
	s->listeners.all[listener].n_refs++;
	s->n_state[TCP_SYN_RECEIVED]++;
	s->entered[TCP_SYN_RECEIVED]++;
	mini->sent_us = (uint32_t)s->now_us;
	mini_file(s, mini);
	table_add(s, table_ref(TABLE_MINI, mini_index(s, mini)), hash);
	synack_build(s, mini, mini_ts(s, mini), &r);
	reply_send(s, pkt, &r);
}

static void mini_ack(struct stack *s, const struct mini *mini, const struct pkt *pkt)
{
	/* Rounded up: the right edge that the SYN-ACK announced stays (RFC 7323 2.3). */
	unsigned shift = mini->flags & MINI_WSCALE ? accept_wscale(s) : 0;
	struct reply r = {
		.seq = mini->iss + 1,
		.ack = mini->irs + 1,
		.sport = mini->key.lport,
		.dport = mini->key.rport,
		.wnd = (uint16_t)((accept_window(s) + (1u << shift) - 1) >> shift),
		.flags = SEG_ACK,
	};

	if (mini->flags & MINI_TS) {
		r.opts.has = OPT_TS;
		r.opts.tsval = mini_ts(s, mini);
		r.opts.tsecr = mini->ts_recent;
	}
	reply_send(s, pkt, &r);
}

/* Once per REPEAT_MS: a repeated SYN, or what RFC 5961 answers with a challenge. */
static bool mini_may_answer(struct stack *s, struct mini *mini)
{
	if (mini->flags & MINI_ANSWERED && (uint32_t)s->now_us - mini->sent_us < REPEAT_US) {
		stats_inc(s->stats, STAT_TCP_CHALLENGE_LIMITED);
		return false;
	}
	mini->sent_us = (uint32_t)s->now_us;
	mini->flags |= MINI_ANSWERED;
	return true;
}

/* First step of RFC 9293 3.10.7.4 with RFC 7323 5.3 before it; false: not acceptable, and answered. */
static bool
mini_check_seq(struct stack *s, struct mini *mini, const struct pkt *pkt, const struct seg *seg)
{
	uint32_t rcv_nxt = mini->irs + 1, wnd = accept_window(s);
	uint32_t len = seg_len(seg);
	bool old;

	if (seg->flags & SEG_SYN && !(seg->flags & SEG_ACK) && seg->seq == mini->irs) {
		/* The SYN again: our SYN-ACK was lost, or is late. */
		if (mini_may_answer(s, mini))
			mini_resend(s, mini);
		return false;
	}
	if (mini->flags & MINI_TS && !(seg->flags & SEG_RST) && !(seg->opts.has & OPT_TS)) {
		stats_inc(s->stats, STAT_DROP_TCP_NO_TIMESTAMP);
		return false;
	}
	old = mini->flags & MINI_TS && !(seg->flags & SEG_RST) &&
	    seq_lt(seg->opts.tsval, mini->ts_recent);
	if (!old &&
	    (seq_in(seg->seq, rcv_nxt, rcv_nxt + wnd) ||
		(len && seq_in(seg->seq + len - 1, rcv_nxt, rcv_nxt + wnd))))
		return true;
	if (!(seg->flags & SEG_RST) && mini_may_answer(s, mini))
		mini_ack(s, mini, pkt);
	return false;
}

struct tcp_conn *mini_input(
    struct stack *s, struct mini *mini, uint32_t hash, const struct pkt *pkt, const struct seg *seg)
{
	struct accepted a;
	struct tcp_conn *c;

	if (!mini_check_seq(s, mini, pkt, seg))
		return NULL;
	if (seg->flags & SEG_RST) {
		/* RFC 5961 3.2: only the exact number resets. */
		if (seg->seq == mini->irs + 1)
			mini_drop(s, mini);
		else if (mini_may_answer(s, mini))
			mini_ack(s, mini, pkt);
		return NULL;
	}
	if (seg->flags & SEG_SYN) {
		mini_drop(s, mini); /* back to LISTEN */
		return NULL;
	}
	if (!(seg->flags & SEG_ACK))
		return NULL;
	if (seg->ack != mini->iss + 1) {
		reply_reset(s, pkt, seg, STAT_TCP_RST_BAD_ACK);
		return NULL;
	}
	if (pool_is_empty(&s->conn_pool) || stack_is_short(s)) {
		/* The peer repeats its data or our SYN-ACK is repeated: there may be room then. */
		stats_inc(s->stats, STAT_DROP_TCP_LIMIT);
		return NULL;
	}
	a = (struct accepted){
		.iss = mini->iss,
		.irs = mini->irs,
		.ts_recent = mini->ts_recent,
		.peer_mss = mini->peer_mss,
		.listener = mini->listener,
		.wscale = mini->wscale,
		.sack = (mini->flags & MINI_SACK) != 0,
		.ts = (mini->flags & MINI_TS) != 0,
		.has_wscale = (mini->flags & MINI_WSCALE) != 0,
		.ecn = (mini->flags & MINI_ECN) != 0,
		.lost = mini->retries > 0,
		/* Karn: which of several SYN-ACKs this answers is not known. */
		.rtt_us = mini->retries || mini->flags & MINI_ANSWERED
		    ? 0
		    : RTE_MAX((uint32_t)s->now_us - mini->sent_us, 1u),
	};
	tcp_key_flow(s, &mini->key, pkt->iface, &a.flow);
	a.laddr = (uint8_t)mini->key.laddr;
	mini_unlink(s, mini);
	table_remove(s, table_ref(TABLE_MINI, mini_index(s, mini)), hash);
	c = accept_conn(s, &a);
	mini_free(s, mini);
	return c;
}

struct tcp_conn *mini_cookie(struct stack *s, const struct tcp_key *key, uint32_t hash,
    const struct pkt *pkt, const struct seg *seg, uint16_t listener, bool *is_shed)
{
	struct cookie cookie;
	struct accepted a;

	(void)hash;
	tcp_key_flow(s, key, pkt->iface, &a.flow);
	if (!cookie_check(&s->keys.cookie, &a.flow, seg->seq - 1, seg->ack - 1,
		seg->opts.has & OPT_TS, seg->opts.tsecr, s->now_us, &cookie)) {
		stats_inc(s->stats, STAT_TCP_COOKIES_BAD);
		return NULL;
	}
	/* The cookie stays good for a while: the peer repeats its data, and there may be room then. */
	if (pool_is_empty(&s->conn_pool) || stack_is_short(s)) {
		stats_inc(s->stats, STAT_DROP_TCP_LIMIT);
		*is_shed = true;
		return NULL;
	}
	stats_inc(s->stats, STAT_TCP_COOKIES_GOOD);
	a.iss = seg->ack - 1;
	a.irs = seg->seq - 1;
	a.ts_recent = cookie.ts ? seg->opts.tsval : 0;
	a.peer_mss = cookie.mss;
	a.listener = listener;
	a.has_wscale = cookie.wscale != COOKIE_NO_WSCALE;
	a.wscale = a.has_wscale ? cookie.wscale : 0;
	a.sack = cookie.sack;
	a.ts = cookie.ts;
	a.ecn = cookie.ecn;
	a.lost = false;
	a.rtt_us = 0;
	a.laddr = (uint8_t)key->laddr;
	return accept_conn(s, &a);
}

unsigned mini_timers(struct stack *s, unsigned budget)
{
	unsigned n = 0;

	for (unsigned level = 0; level < MINI_LEVELS; level++) {
		while (s->minis[level].head && n < budget) {
			struct mini *mini = mini_at(s, s->minis[level].head - 1);

			if (seq_gt(mini->expires_ms, s->now_ms))
				break;
			n++;
			/* MUST-23 holds for SYN-ACKs, too. */
			if (mini->retries >= s->config.syn_retries) {
				stats_inc(s->stats, STAT_TCP_SYN_TIMEOUTS);
				mini_drop(s, mini);
				continue;
			}
			mini_unlink(s, mini);
			mini->retries++;
			mini_file(s, mini);
			mini_resend(s, mini);
		}
	}
	return n;
}

bool mini_deadline(const struct stack *s, uint32_t *at_ms)
{
	bool any = false;

	for (unsigned level = 0; level < MINI_LEVELS; level++) {
		if (!s->minis[level].head)
			continue;
		uint32_t at = mini_at(s, s->minis[level].head - 1)->expires_ms;

		if (!any || seq_lt(at, *at_ms))
			*at_ms = at;
		any = true;
	}
	return any;
}
