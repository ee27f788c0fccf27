/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/accept.h"

#include <rte_common.h>

#include "dataplane/tcp/cc.h"
#include "dataplane/tcp/history.h"
#include "dataplane/tcp/isn.h"
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/rtt.h"

/*
 * A peer that asks for tiny segments makes us pay per packet and per SACKed segment; nobody
 * honest is below this (IPv4's minimum MTU of 68 leaves 28).
 */
#define MIN_MSS 64

uint16_t accept_peer_mss(const struct opts *o, bool v4)
{
	if (!(o->has & OPT_MSS))
		return v4 ? 536 : 1220;
	return RTE_MAX(o->mss, (uint16_t)MIN_MSS);
}

void accept_agreed(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	struct net_dst *dst = dst_get(s, &c->flow, c->dst_slot);

	output_update_mss(c, dst);
	c->rcv_buf = RTE_MIN(c->rcv_buf, (uint32_t)UINT16_MAX << c->rcv_wscale);
	c->tune_seq = c->rcv_nxt;
	c->tune_us = (uint32_t)s->now_us;
	c->ssthresh = UINT32_MAX;
	c->cwnd = cc_initial_window(c);
	cc_init(c);
}

struct tcp_conn *accept_conn(struct stack *s, const struct accepted *a)
{
	struct tcp_conn *c = conn_new(s, &a->flow, a->laddr);

	if (!c) {
		stats_inc(s->stats, STAT_DROP_TCP_LIMIT);
		return NULL;
	}
	c->listener = a->listener;
	s->listeners.all[a->listener].n_refs++;
	c->snd_una = a->iss;
	c->snd_nxt = a->iss + 1;
	c->snd_lbb = a->iss + 1;
	c->rcv_nxt = a->irs + 1;
	c->last_ack_sent = c->rcv_nxt;
	c->rcv_adv = c->rcv_nxt + accept_window(s);
	c->peer_mss = a->peer_mss;
	c->flags |= (a->sack ? CONN_SACK : 0) | (a->ts ? CONN_TS : 0) | (a->ecn ? CONN_ECN : 0) |
	    (a->lost ? CONN_SYN_LOST : 0);
	if (a->has_wscale) {
		c->flags |= CONN_WSCALE;
		c->snd_wscale = a->wscale;
		c->rcv_wscale = accept_wscale(s);
	}
	if (a->ts) {
		c->ts_recent = a->ts_recent;
		c->ts_recent_ms = s->now_ms;
		c->ts_off = isn_ts_offset(&s->keys.ts, &a->flow.local, &a->flow.remote);
	}
	if (history_is_kept(s)) {
		history_begin(c, a->iss);
		history_peer(c, a->irs);
	}
	conn_set_state(c, TCP_SYN_RECEIVED);
	conn_hash(c);
	accept_agreed(c);
	if (a->rtt_us)
		rtt_sample(c, a->rtt_us);
	return c;
}
