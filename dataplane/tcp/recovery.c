/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/recovery.h"

#include <rte_common.h>

#include "dataplane/tcp/cc.h"
#include "dataplane/tcp/rack.h"
#include "dataplane/tcp/sack.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/txq.h"

#define DUP_THRESH 3
#define IN_EPISODE (CONN_RECOVERY | CONN_LOSS | CONN_CWR)

static void undo_remember(struct tcp_conn *c)
{
	struct conn_ext *x = c->ext;

	x->undo_cwnd = c->cwnd;
	x->undo_ssthresh = c->ssthresh;
	x->undo_una = c->snd_una;
	x->undo_resent = 0;
	x->undo_ts = stack_ts(conn_stack(c), c->ts_off);
	x->undo_us = conn_now(c);
	x->can_undo = true;
	x->ts_undo = (c->flags & CONN_TS) != 0;
}

static void undo_do(struct tcp_conn *c)
{
	struct conn_ext *x = c->ext;

	stats_inc(conn_stack(c)->stats, STAT_TCP_UNDONE);
	sack_unmark_lost(c);
	c->cwnd = RTE_MAX(c->cwnd, x->undo_cwnd);
	c->ssthresh = x->undo_ssthresh;
	x->can_undo = false;
	c->flags &= ~(uint32_t)(CONN_RECOVERY | CONN_LOSS);
	c->dupacks = 0;
	c->backoff = 0;
}

void recovery_dsack(struct tcp_conn *c, const struct opt_block *b)
{
	struct conn_ext *x = c->ext;

	if (x->can_undo && x->undo_resent && seq_geq(b->end, x->undo_una) && --x->undo_resent == 0)
		undo_do(c); /* all we sent again was needless */
}

/* RFC 9937 6: at the beginning of an episode. */
static void prr_start(struct tcp_conn *c, const struct ack *a)
{
	struct conn_ext *x = c->ext;
	uint32_t newly = a ? a->sacked : 0;

	x->prr_delivered = 0;
	x->prr_out = 0;
	x->recover_fs = c->snd_nxt - c->snd_una - x->sacked + newly + (a ? a->acked : 0);
	if (x->recover_fs == 0)
		x->recover_fs = 1;
}

static void prr_on_ack(struct tcp_conn *c, const struct ack *a, bool lost_more)
{
	struct conn_ext *x = c->ext;
	uint32_t pipe = conn_in_flight(c), delivered = a->delivered;
	int64_t send;

	if (delivered == 0)
		return;
	x->prr_delivered += delivered;
	if (pipe > c->ssthresh) {
		send = (int64_t)(((uint64_t)x->prr_delivered * c->ssthresh + x->recover_fs - 1) /
			   x->recover_fs) -
		    x->prr_out;
	} else {
		int64_t limit = RTE_MAX((int64_t)x->prr_delivered - x->prr_out, (int64_t)delivered);

		/* Slow-start reduction bound while the ACK shows that things get better. */
		if (a->acked && !lost_more)
			limit += c->mss;
		send = RTE_MIN((int64_t)c->ssthresh - pipe, limit);
	}
	send = RTE_MAX(send, 0);
	if (x->prr_out == 0 && send < c->mss)
		send = c->mss; /* the fast retransmit itself */
	c->cwnd = (uint32_t)RTE_MAX((int64_t)pipe + send, (int64_t)c->mss);
}

static void episode_start(struct tcp_conn *c, uint32_t flag, const struct ack *a)
{
	struct conn_ext *x = conn_ext(c);
	uint32_t flight = RTE_MIN(c->snd_nxt - c->snd_una, c->cwnd);

	undo_remember(c);
	cc_on_congestion(c, flight);
	prr_start(c, a);
	x->recover = c->snd_nxt;
	c->flags |= flag;
	if (c->flags & CONN_ECN)
		c->flags |= CONN_SEND_CWR;
}

static void episode_end(struct tcp_conn *c)
{
	struct conn_ext *x = c->ext;

	if (c->flags & (CONN_RECOVERY | CONN_CWR))
		c->cwnd = RTE_MAX(c->ssthresh, (uint32_t)c->mss);
	if (c->flags & (CONN_RECOVERY | CONN_LOSS))
		rack_recovery_ended(c);
	c->flags &= ~(uint32_t)IN_EPISODE;
	c->dupacks = 0;
	if (!(c->flags & CONN_SACK))
		x->sacked = 0;
}

/*
 * Without SACK: three duplicates, or a partial ACK in recovery, mean that the head is lost (RFC
 * 6582 3.2). Duplicates also stand for segments that have left the network.
 */
static void reno_detect(struct tcp_conn *c, const struct ack *a)
{
	struct conn_ext *x = c->ext;
	struct txseg *head = c->txq_head ? txseg(c->txq_head) : NULL;
	uint32_t outstanding = c->snd_nxt - c->snd_una;

	if (a->acked) {
		uint32_t filled = a->acked > c->mss ? a->acked - c->mss : 0;

		x->sacked -= RTE_MIN(x->sacked, filled);
		if (!(c->flags & CONN_RECOVERY))
			x->sacked = 0;
	}
	if (head && head->flags & TXSEG_SENT && outstanding) {
		if (c->dupacks == DUP_THRESH && !(c->flags & IN_EPISODE) &&
		    seq_geq(c->snd_una, x->recover))
			sack_mark_lost(c, head);
		else if (c->flags & CONN_RECOVERY && a->acked)
			sack_mark_lost(c, head);
	}
	if (x->sacked + x->pending > outstanding)
		x->sacked = outstanding - x->pending; /* the ACK has taken some of it away */
}

static void detect(struct tcp_conn *c, const struct ack *a)
{
	uint32_t again;

	if (!(c->flags & CONN_SACK)) {
		reno_detect(c, a);
		return;
	}
	/* Without news only time can tell, and for that there is the timer. */
	if (a && !a->acked && !a->sacked)
		return;
	again = rack_detect(c);
	if (again)
		timers_arm(c, CONN_TIMER_REO, again);
}

/* Something was lost, and not just a probe that the path is too narrow for (RFC 4821 7.6.2). */
static bool is_congested(struct conn_ext *x)
{
	x->probe_pending = (uint16_t)RTE_MIN(x->probe_pending, x->pending);
	return x->pending > x->probe_pending;
}

/* The first ACK for what was sent again in this episode: it echoes the timestamp of what has arrived there. */
static bool tells_which(const struct tcp_conn *c, const struct ack *a)
{
	return a->head_resent_us && a->head_resent_us >= c->ext->undo_us;
}

/* RFC 3522: it was the original. */
static bool is_spurious(const struct tcp_conn *c, const struct seg *seg, const struct ack *a)
{
	const struct conn_ext *x = c->ext;

	return x->can_undo && x->ts_undo && tells_which(c, a) && seg->opts.has & OPT_TS &&
	    seq_lt(seg->opts.tsecr, x->undo_ts);
}

void recovery_on_ack(struct tcp_conn *c, const struct seg *seg, const struct ack *a)
{
	struct conn_ext *x = c->ext;
	uint32_t before;

	if (c->flags & (CONN_RECOVERY | CONN_LOSS) && is_spurious(c, seg, a))
		undo_do(c);
	if (tells_which(c, a))
		x->ts_undo = false;
	if (c->flags & IN_EPISODE && seq_geq(c->snd_una, x->recover))
		episode_end(c);
	before = x->pending;
	if (c->snd_nxt != c->snd_una)
		detect(c, a);
	else if (!(c->flags & CONN_SACK))
		x->sacked = 0;
	if (is_congested(x) && !(c->flags & (CONN_RECOVERY | CONN_LOSS))) {
		if (c->flags & CONN_CWR)
			c->flags |= CONN_RECOVERY; /* this window was reduced already */
		else
			episode_start(c, CONN_RECOVERY, a);
		stats_inc(conn_stack(c)->stats, STAT_TCP_FAST_RECOVERIES);
	}
	if (c->flags & (CONN_RECOVERY | CONN_CWR) && !(c->flags & CONN_LOSS))
		prr_on_ack(c, a, x->pending > before);
}

void recovery_on_reo_timer(struct tcp_conn *c)
{
	struct conn_ext *x = conn_ext(c);
	if (c->snd_nxt == c->snd_una || !(c->flags & CONN_SACK))
		return;
	detect(c, NULL);
	if (is_congested(x) && !(c->flags & (CONN_RECOVERY | CONN_LOSS))) {
		if (c->flags & CONN_CWR)
			c->flags |= CONN_RECOVERY;
		else
			episode_start(c, CONN_RECOVERY, NULL);
		stats_inc(conn_stack(c)->stats, STAT_TCP_FAST_RECOVERIES);
		c->cwnd = RTE_MAX(
		    c->cwnd > c->ssthresh ? c->ssthresh : c->cwnd, conn_in_flight(c) + c->mss);
	}
}

void recovery_on_rto(struct tcp_conn *c)
{
	struct conn_ext *x = conn_ext(c);
	uint32_t flight = RTE_MIN(c->snd_nxt - c->snd_una, c->cwnd);

	/* Only once for the same window (RFC 5681 3.1, equation 4's note). */
	if (!(c->flags & CONN_LOSS) || seq_geq(c->snd_una, x->recover)) {
		if (!(c->flags & IN_EPISODE))
			undo_remember(c);
		cc_on_congestion(c, flight);
		cc_on_timeout(c);
	}
	sack_mark_lost_on_rto(c);
	x->recover = c->snd_nxt;
	x->tlp_open = false;
	c->flags &= ~(uint32_t)(CONN_RECOVERY | CONN_CWR);
	c->flags |= CONN_LOSS;
	if (c->flags & CONN_ECN)
		c->flags |= CONN_SEND_CWR;
	c->dupacks = 0;
	c->cwnd = c->mss;
}

void recovery_on_ece(struct tcp_conn *c)
{
	if (c->flags & IN_EPISODE)
		return;
	episode_start(c, CONN_CWR, NULL);
	stats_inc(conn_stack(c)->stats, STAT_TCP_ECN_REDUCTIONS);
}

void recovery_on_tlp_loss(struct tcp_conn *c)
{
	if (c->flags & IN_EPISODE)
		return;
	episode_start(c, 0, NULL);
	c->ext->can_undo = false;
	c->cwnd = c->ssthresh;
}
