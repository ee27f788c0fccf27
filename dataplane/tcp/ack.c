/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/ack.h"

#include <rte_common.h>

#include "dataplane/tcp/cc.h"
#include "dataplane/tcp/pmtu.h"
#include "dataplane/tcp/rack.h"
#include "dataplane/tcp/recovery.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/sack.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/txq.h"
#include "dataplane/tcp/xmit.h"

/*
 * The window probe's byte (or FIN) was taken by the peer: what was sent outside of the queue's
 * order becomes an ordinary sent byte.
 */
static void probe_acked(struct tcp_conn *c)
{
	struct txseg *t = txseg(c->txq_send);

	c->flags &= ~(uint32_t)CONN_PROBED;
	c->snd_nxt++;
	t->xmit_us = conn_now(c);
	if (txseg_len(t) == 1) {
		t->flags |= TXSEG_SENT | TXSEG_EVER; /* no RTT sample of it */
		c->txq_send = t->next && c->txq_send != c->txq_tail ? t->next : NULL;
	} else {
		/* It is the head: nothing else is outstanding while we probe. */
		txq_trim(c, c->snd_nxt);
		c->snd_una = c->snd_nxt;
	}
}

void ack_judge_device(struct tcp_conn *c, struct txseg *t)
{
	uint32_t trial = t->flags & TXSEG_TRIED ? NET_TX_TCP_CHECKSUM : NET_TX_TSO;
	const struct net_dst *dst = xmit_route(c);
	bool again = t->flags & TXSEG_EVER;

	t->flags &= (uint16_t) ~(TXSEG_TRIED | TXSEG_TRIED_TSO);
	if (!dst)
		return;
	/* An answer that came sooner than any other is the first one's: it was no loss. */
	if (again && c->min_rtt_us != UINT32_MAX && conn_now(c) - t->xmit_us < c->min_rtt_us)
		return;
	net_offload_judge(conn_stack(c)->net, dst, trial, !again);
}

static void segment_acked(struct tcp_conn *c, struct txseg *t, uint32_t n, struct ack *a)
{
	bool sacked = t->flags & TXSEG_SACKED;

	if (unlikely(t->flags & (TXSEG_TRIED | TXSEG_TRIED_TSO)))
		ack_judge_device(c, t);
	if (!sacked)
		a->delivered += n;
	if (t->len >= c->mss)
		c->mss_proven = true;
	if (t->flags & TXSEG_PROBE && n == txseg_len(t))
		pmtu_probe_arrived(c);
	if (t->flags & TXSEG_EVER)
		a->resent_acked = true;
	else if (!sacked)
		a->rtt_us = (uint32_t)RTE_MAX(conn_now(c) - t->xmit_us, 1ull);
	if (c->ext) {
		if (!sacked && n == txseg_len(t))
			rack_delivered(c, t);
		sack_forget(c, t, n);
	}
}

/* Takes what is acknowledged out of the send queue. */
static void cumulative(struct tcp_conn *c, uint32_t ack, struct ack *a)
{
	a->acked = ack - c->snd_una;
	if (txq_sent(c) && txseg(c->txq_head)->flags & TXSEG_EVER)
		a->head_resent_us = txseg(c->txq_head)->xmit_us;
	while (txq_sent(c)) {
		struct txseg *t = txseg(c->txq_head);

		if (seq_geq(t->seq, ack))
			break;
		/* The next in any case: the first of those that were sent together are nobody's ahead. */
		if (t->next)
			txseg_prefetch(conn_stack(c)->pool, t->next, 0);
		if (t->ahead)
			txseg_prefetch(conn_stack(c)->pool, t->ahead, 0);
		if (seq_gt(txseg_end(t), ack)) {
			segment_acked(c, t, ack - t->seq, a);
			txq_trim(c, ack);
			break;
		}
		segment_acked(c, t, txseg_len(t), a);
		txq_pop(c);
	}
	c->snd_una = ack;
	c->bytes_acked += a->acked;
}

/* RFC 9293 3.10.7.4: a newer segment's window, and MAX.SND.WND. */
static bool window_update(struct tcp_conn *c, const struct seg *seg)
{
	uint32_t wnd = (uint32_t)seg->wnd << c->snd_wscale;
	bool changed;

	if (seq_gt(c->snd_wl1, seg->seq) ||
	    (c->snd_wl1 == seg->seq && seq_gt(c->snd_wl2, seg->ack)))
		return false;
	changed = wnd != c->snd_wnd;
	c->snd_wnd = wnd;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	if (wnd > c->snd_wnd_max)
		c->snd_wnd_max = wnd;
	return changed;
}

/* The timestamp echo, when Karn's rule leaves nothing else (RFC 7323 4). */
static uint32_t ts_rtt(const struct tcp_conn *c, const struct seg *seg)
{
	uint32_t ms;

	if (!(c->flags & CONN_TS) || !(seg->opts.has & OPT_TS) || seg->opts.tsecr == 0)
		return 0;
	ms = stack_ts(conn_stack(c), c->ts_off) - seg->opts.tsecr;
	return ms < 60000 ? RTE_MAX(ms, 1u) * 1000 : 0;
}

/*
 * Something new was acknowledged. The RTO stays backed off until that gives a sample, since it may be just too small for
 * the path (RFC 6298 5, Karn).
 */
static void progress(struct tcp_conn *c, bool has_sample)
{
	c->progress_ms = conn_stack(c)->now_ms;
	if (has_sample)
		c->backoff = 0;
}

/* The peer has taken back some of the window that is in use. */
static bool window_has_shrunk(const struct tcp_conn *c)
{
	return c->snd_wnd < c->snd_nxt - c->snd_una;
}

static void count_dup(struct tcp_conn *c, const struct ack *a)
{
	if (a->acked) {
		c->dupacks = 0;
		return;
	}
	if (!a->is_dup || c->dupacks == UINT8_MAX)
		return;
	c->dupacks++;
	if (!(c->flags & CONN_SACK)) {
		struct conn_ext *x = conn_ext(c);
		uint32_t room = c->snd_nxt - c->snd_una - x->pending - x->sacked;

		x->sacked += RTE_MIN(c->mss, room);
	}
}

/*
 * RFC 6298 5.3 restarts the timer for new data acknowledged. After the head was sent again, SACKs for what was
 * sent before show that its answer is still due; SACKs for later data do not, or a lost
 * retransmission could be waited for without end.
 */
static bool sack_restarts(const struct tcp_conn *c, const struct ack *a)
{
	return a->sacked && txq_sent(c) && a->oldest_us < txseg(c->txq_head)->xmit_us;
}

void ack_input(struct tcp_conn *c, const struct seg *seg)
{
	struct ack a = { 0 };
	bool outstanding = c->snd_nxt != c->snd_una, wnd_changed;
	uint32_t unused_ms;
	/* RFC 7661 4.3: a window that was not half used may not grow. */
	bool in_use = (uint64_t)conn_in_flight(c) * 2 >= c->cwnd;
	bool has_sack = c->flags & CONN_SACK && seg->opts.has & OPT_SACK;

	if (c->flags & CONN_PROBED && seg->ack == c->snd_nxt + 1) {
		probe_acked(c);
		a.acked = 1;
	}
	if (seq_gt(seg->ack, c->snd_una))
		cumulative(c, seg->ack, &a);
	wnd_changed = window_update(c, seg);
	a.is_dup = !a.acked && outstanding && seg->largest == 0 &&
	    !(seg->flags & (SEG_SYN | SEG_FIN)) && !wnd_changed && seg->ack == c->snd_una;
	if (has_sack)
		sack_input(c, seg, &a);
	if (a.acked && a.rtt_us == 0)
		a.rtt_us = ts_rtt(c, seg);
	if (a.rtt_us)
		rtt_sample(c, a.rtt_us);
	unused_ms = conn_stack(c)->now_ms - c->progress_ms;
	if (a.acked)
		progress(c, a.rtt_us != 0);
	else if (c->snd_wnd == 0 || c->timer == CONN_TIMER_PERSIST || window_has_shrunk(c))
		c->progress_ms =
		    conn_stack(c)->now_ms; /* MUST-37, SHLD-17: it answers, so it lives */
	/* The count of the window probes, which are over, says nothing about the path. */
	if (c->timer == CONN_TIMER_PERSIST && c->snd_wnd)
		c->backoff = 0;
	count_dup(c, &a);
	if (tlp_on_ack(c, seg, &a))
		recovery_on_tlp_loss(c);
	if (c->flags & CONN_ECN && seg->flags & SEG_ECE)
		recovery_on_ece(c);
	if (c->ext)
		recovery_on_ack(c, seg, &a);
	if (a.acked && !(c->flags & (CONN_RECOVERY | CONN_CWR))) {
		if (in_use || c->flags & CONN_LOSS)
			cc_on_ack(c, a.acked, a.rtt_us);
		else
			cc_on_unused(c, unused_ms);
	}
	if (a.acked || a.sacked)
		timers_rexmit(c, a.acked || sack_restarts(c, &a));
	if (a.acked)
		txq_tell_user(c);
	if (c->txq_send) /* its turn comes at the end of the burst */
		txseg_prefetch(conn_stack(c)->pool, c->txq_send, TXSEG_HEADROOM);
	if (c->txq_send || (c->ext && c->ext->pending))
		conn_want_send(c);
}
