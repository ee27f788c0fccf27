/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/timewait.h"

#include "dataplane/tcp/fifo.h"
#include "dataplane/tcp/isn.h"
#include "dataplane/tcp/mini.h"
#include "dataplane/tcp/reply.h"
#include "dataplane/tcp/seq.h"

/* Segments that make us repeat the last ACK are answered at most this often, FINs always. */
#define ANSWER_MS 500

static uint32_t tw_index(const struct stack *s, const struct tw *tw)
{
	return (uint32_t)(tw - (const struct tw *)(const void *)s->tw_pool.base);
}

static void tw_free(struct stack *s, struct tw *tw, uint32_t hash)
{
	FIFO_UNLINK(&s->tws, tw_at, s, tw);
	table_remove(s, table_ref(TABLE_TW, tw_index(s, tw)), hash);
	if (tw->active)
		ports_give_back(s, &tw->key);
	pool_put(&s->tw_pool, tw);
	s->n_state[TCP_TIME_WAIT]--;
}

static void tw_file(struct stack *s, struct tw *tw)
{
	tw->expires_ms = stack_deadline(s, s->config.time_wait_us);
	FIFO_PUSH(&s->tws, tw_at, s, tw, tw_index(s, tw));
}

void tw_enter(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	uint32_t hash;
	struct tw *tw;

	if (pool_is_empty(&s->tw_pool)) {
		struct tw *oldest = tw_at(s, s->tws.head - 1);

		stats_inc(s->stats, STAT_TCP_TW_EVICTED);
		tw_free(s, oldest, table_hash(&s->table, &oldest->key));
	}
	tw = pool_get(&s->tw_pool);
	*tw = (struct tw){
		.key = { c->flow.remote, c->flow.remote_port, c->flow.local_port, c->laddr },
		.snd_nxt = c->snd_nxt,
		.rcv_nxt = c->rcv_nxt,
		.rcv_wnd = (conn_rcv_wnd(c) + (1u << c->rcv_wscale) - 1) >> c->rcv_wscale,
		.ts_recent = c->ts_recent,
		.iface = c->flow.iface,
		.ts = (c->flags & CONN_TS) != 0,
		.active = (c->flags & CONN_ACTIVE) != 0,
	};
	hash = table_hash(&s->table, &tw->key);
	table_remove(s, table_ref(TABLE_CONN, c->index), hash);
	c->flags &= ~(uint32_t)CONN_HASHED;
	table_add(s, table_ref(TABLE_TW, tw_index(s, tw)), hash);
	if (tw->active)
		ports_wait(s, &tw->key);
	tw_file(s, tw);
	s->n_state[TCP_TIME_WAIT]++;
}

static void tw_ack(struct stack *s, const struct tw *tw, const struct pkt *pkt)
{
	struct reply r = {
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.sport = tw->key.lport,
		.dport = tw->key.rport,
		.wnd = (uint16_t)(tw->rcv_wnd > UINT16_MAX ? UINT16_MAX : tw->rcv_wnd),
		.flags = SEG_ACK,
	};

	if (tw->ts) {
		const struct ip_addr *local = &s->addrs.ip[tw->key.laddr];

		r.opts.has = OPT_TS;
		r.opts.tsval = stack_ts(s, isn_ts_offset(&s->keys.ts, local, &tw->key.raddr));
		r.opts.tsecr = tw->ts_recent;
	}
	reply_send(s, pkt, &r);
}

/* RFC 6191 2: is this SYN newer than all we have seen of the old connection? */
static bool tw_syn_is_newer(const struct tw *tw, const struct seg *seg)
{
	if (tw->ts && seg->opts.has & OPT_TS) {
		if (seq_gt(seg->opts.tsval, tw->ts_recent))
			return true;
		return seg->opts.tsval == tw->ts_recent && seq_gt(seg->seq, tw->rcv_nxt);
	}
	return seq_gt(seg->seq, tw->rcv_nxt);
}

bool tw_input(struct stack *s, struct tw *tw, uint32_t hash, const struct pkt *pkt,
    const struct seg *seg, uint32_t *iss_after)
{
	bool old;

	if (seg->flags & SEG_RST)
		return false; /* RFC 1337: a RST does not end TIME-WAIT */
	if ((seg->flags & (SEG_SYN | SEG_ACK)) == SEG_SYN && tw_syn_is_newer(tw, seg)) {
		*iss_after = tw->snd_nxt;
		tw_free(s, tw, hash);
		return true;
	}
	old = tw->ts && (!(seg->opts.has & OPT_TS) || seq_lt(seg->opts.tsval, tw->ts_recent));
	if (!old && !(seg->flags & (SEG_SYN | SEG_FIN)) && seg->len == 0 && seg->seq == tw->rcv_nxt)
		return false; /* an ACK in place: nothing to say */
	if (seg->flags & SEG_FIN && seg_end(seg) == tw->rcv_nxt) {
		/* The peer's FIN again: our ACK was lost. 2 MSL start anew. */
		FIFO_UNLINK(&s->tws, tw_at, s, tw);
		tw_file(s, tw);
	} else if (tw->answered && s->now_ms - tw->answered_ms < ANSWER_MS) {
		stats_inc(s->stats, STAT_TCP_CHALLENGE_LIMITED);
		return false;
	}
	tw->answered = true;
	tw->answered_ms = s->now_ms;
	tw_ack(s, tw, pkt);
	return false;
}

bool tw_reuse(struct stack *s, struct tw *tw, uint32_t *iss_after)
{
	uint32_t entered = tw->expires_ms - s->config.time_wait_us / 1000;

	/*
	 * With timestamps the peer sees that our SYN is new, once the clock has ticked; a second
	 * also lets the old connection's last segments die.
	 */
	if (!tw->ts || s->now_ms - entered < 1000)
		return false;
	*iss_after = tw->snd_nxt;
	tw_free(s, tw, table_hash(&s->table, &tw->key));
	return true;
}

unsigned tw_timers(struct stack *s, unsigned budget)
{
	unsigned n = 0;

	while (s->tws.head && n < budget) {
		struct tw *tw = tw_at(s, s->tws.head - 1);

		if (seq_gt(tw->expires_ms, s->now_ms))
			break;
		tw_free(s, tw, table_hash(&s->table, &tw->key));
		n++;
	}
	return n;
}

bool tw_deadline(const struct stack *s, uint32_t *at_ms)
{
	if (s->tws.head)
		*at_ms = tw_at(s, s->tws.head - 1)->expires_ms;
	return s->tws.head != 0;
}
