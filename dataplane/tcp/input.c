/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/input.h"

#include <rte_common.h>

#include "dataplane/tcp/accept.h"
#include "dataplane/tcp/ack.h"
#include "dataplane/tcp/history.h"
#include "dataplane/tcp/ooo.h"
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/rxq.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/timewait.h"
#include "dataplane/tcp/txq.h"

/* RFC 5961 7: at most so many challenge ACKs in so much time, per connection. */
#define CHALLENGES       10
#define CHALLENGES_MS    5000
/* A timestamp older than this says nothing (RFC 7323 5.5: 24 days). */
#define TS_RECENT_MAX_MS (24u * 86400 * 1000)

enum verdict {
	GO_ON,
	DONE, /* the segment has had its effect, or has none; c may be gone */
};

/* An ACK that is not owed for data: bounded, so that nobody can make us talk to ourselves. */
static void challenge(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	struct conn_ext *x = conn_ext(c);

	if (s->now_ms - x->challenge_ms >= CHALLENGES_MS) {
		x->challenge_ms = s->now_ms;
		x->n_challenges = 0;
	}
	if (x->n_challenges >= CHALLENGES) {
		stats_inc(s->stats, STAT_TCP_CHALLENGE_LIMITED);
		return;
	}
	x->n_challenges++;
	stats_inc(s->stats, STAT_TCP_CHALLENGES);
	output_ack(c);
}

/* The answer to a segment for which there is no good state (RFC 9293 3.10.7.3 and .4: <SEQ=SEG.ACK>). */
static void reset_for(struct tcp_conn *c, const struct seg *seg)
{
	if (!(seg->flags & SEG_RST))
		output_reset_at(c, seg->ack);
}

static void conn_reset(struct tcp_conn *c)
{
	stats_inc(conn_stack(c)->stats, STAT_TCP_RST_RECEIVED);
	conn_close(c, TCP_EV_RESET);
}

/* --- SYN-SENT: RFC 9293 3.10.7.3 --- */

static void agree(struct tcp_conn *c, const struct seg *seg)
{
	struct stack *s = conn_stack(c);
	const struct opts *o = &seg->opts;

	if (history_is_kept(s))
		history_peer(c, seg->seq);
	c->rcv_nxt = seg->seq + 1;
	c->last_ack_sent = c->rcv_nxt;
	c->rcv_adv = c->rcv_nxt + accept_window(s);
	c->peer_mss = accept_peer_mss(o, ip_addr_is_v4(&c->flow.remote));
	if (o->has & OPT_SACK_PERMITTED)
		c->flags |= CONN_SACK;
	if (o->has & OPT_WSCALE) {
		c->flags |= CONN_WSCALE;
		c->snd_wscale = o->wscale;
		c->rcv_wscale = accept_wscale(s);
	}
	if (o->has & OPT_TS) {
		c->flags |= CONN_TS;
		c->ts_recent = o->tsval;
		c->ts_recent_ms = s->now_ms;
	}
	/* RFC 3168 6.1.1: the SYN-ACK has ECE and not CWR; a crossing SYN has both. */
	if (!s->config.no_ecn &&
	    (seg->flags & (SEG_ECE | SEG_CWR)) ==
		(seg->flags & SEG_ACK ? SEG_ECE : SEG_ECE | SEG_CWR))
		c->flags |= CONN_ECN;
	/* A window on a SYN is never scaled (RFC 7323 2.2). */
	c->snd_wnd = seg->wnd;
	c->snd_wnd_max = seg->wnd;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
}

static void established(struct tcp_conn *c)
{
	conn_set_state(c, TCP_ESTABLISHED);
	c->timer = CONN_TIMER_NONE;
	c->backoff = 0;
	c->progress_ms = conn_stack(c)->now_ms;
	c->pace_us = (uint32_t)conn_now(c);
	timers_heard(c);
	conn_raise(c, TCP_EV_ESTABLISHED);
}

static enum verdict syn_sent(struct tcp_conn *c, const struct seg *seg)
{
	bool ack_ok = seg->flags & SEG_ACK && seg->ack == c->snd_nxt;

	/* First: the ACK bit. */
	if (seg->flags & SEG_ACK && !ack_ok) {
		reset_for(c, seg);
		return DONE;
	}
	/* Second: the RST bit. */
	if (seg->flags & SEG_RST) {
		if (ack_ok)
			conn_reset(c);
		return DONE;
	}
	/* Third: security, which nobody uses. Fourth: the SYN bit. */
	if (!(seg->flags & SEG_SYN))
		return DONE;
	/* The first sample, when it was sent only once (RFC 6298 3); in a simultaneous open it goes twice. */
	if (ack_ok && !(c->flags & CONN_SYN_LOST))
		rtt_sample(c, (uint32_t)conn_now(c) - c->pace_us);
	agree(c, seg);
	if (!ack_ok) {
		/* Simultaneous open (MUST-10): our SYN again, now with an ACK. */
		conn_set_state(c, TCP_SYN_RECEIVED);
		accept_agreed(c);
		output_syn(c);
		return DONE;
	}
	c->snd_una = c->snd_nxt;
	accept_agreed(c);
	established(c);
	conn_ack_now(c);
	return seg->len || seg->flags & (SEG_FIN | SEG_URG) ? GO_ON : DONE;
}

/* --- Synchronised states: RFC 9293 3.10.7.4 --- */

/* Notes what came twice, for the next ACK (RFC 2883). */
static void note_dup(struct tcp_conn *c, uint32_t start, uint32_t end)
{
	if (!(c->flags & CONN_SACK) || seq_geq(start, end))
		return;
	conn_ext(c)->dsack.start = start;
	conn_ext(c)->dsack.end = end;
}

/* Answers a segment that is not acceptable: at once when it carries data, which may be a duplicate's. */
static void answer_unacceptable(struct tcp_conn *c, const struct seg *seg)
{
	if (!seg->len && !(seg->flags & SEG_FIN)) {
		challenge(c);
		return;
	}
	if (seq_lt(seg->seq, c->rcv_nxt))
		note_dup(c, seg->seq, seq_min(seg_end(seg), c->rcv_nxt));
	output_ack(c);
}

/* RFC 7323 5.3 R1: old duplicates are found by their timestamp. */
static enum verdict check_timestamp(struct tcp_conn *c, const struct seg *seg)
{
	struct stack *s = conn_stack(c);

	if (!(c->flags & CONN_TS) || seg->flags & SEG_RST)
		return GO_ON;
	if (!(seg->opts.has & OPT_TS)) {
		/* A peer that has forgotten us may offer other options: it needs an answer (RFC 5961 4.2). */
		if (seg->flags & SEG_SYN)
			return GO_ON;
		stats_inc(s->stats, STAT_DROP_TCP_NO_TIMESTAMP); /* RFC 7323 3.2 */
		return DONE;
	}
	if (seq_geq(seg->opts.tsval, c->ts_recent))
		return GO_ON;
	if (s->now_ms - c->ts_recent_ms > TS_RECENT_MAX_MS) {
		c->ts_recent = seg->opts.tsval; /* RFC 7323 5.5 */
		c->ts_recent_ms = s->now_ms;
		return GO_ON;
	}
	stats_inc(s->stats, STAT_DROP_TCP_PAWS);
	answer_unacceptable(c, seg);
	return DONE;
}

static bool is_acceptable(const struct tcp_conn *c, const struct seg *seg)
{
	uint32_t wnd = conn_rcv_wnd(c), len = seg_len(seg);

	if (len == 0)
		return wnd ? seq_in(seg->seq, c->rcv_nxt, c->rcv_nxt + wnd)
			   : seg->seq == c->rcv_nxt;
	return wnd &&
	    (seq_in(seg->seq, c->rcv_nxt, c->rcv_nxt + wnd) ||
		seq_in(seg->seq + len - 1, c->rcv_nxt, c->rcv_nxt + wnd));
}

/* RFC 9293 figure 8: the peer's SYN of a simultaneous open once more, now with an ACK of ours. */
static bool is_crossing(const struct tcp_conn *c, const struct seg *seg)
{
	return c->state == TCP_SYN_RECEIVED &&
	    (seg->flags & (SEG_SYN | SEG_ACK | SEG_RST)) == (SEG_SYN | SEG_ACK) &&
	    seg->seq == c->rcv_nxt - 1 && seg->ack == c->snd_nxt;
}

/* First: the sequence number. */
static enum verdict check_seq(struct tcp_conn *c, struct seg *seg)
{
	struct stack *s = conn_stack(c);

	if (is_acceptable(c, seg) || is_crossing(c, seg))
		return GO_ON;
	if (conn_rcv_wnd(c) == 0 && seg->seq == c->rcv_nxt && seg_len(seg) &&
	    !(seg->flags & SEG_SYN)) {
		/*
		 * MUST-66: with a window of zero the data is not taken, but RST, URG and ACK are
		 * processed; the ACK tells the prober that the window is still closed.
		 */
		seg->len = 0;
		seg->flags &= (uint8_t)~SEG_FIN;
		conn_ack_now(c);
		return GO_ON;
	}
	stats_inc(s->stats, STAT_DROP_TCP_OUT_OF_WINDOW);
	if (!(seg->flags & SEG_RST))
		answer_unacceptable(c, seg);
	return DONE;
}

/* Second: the RST bit (RFC 5961 3.2). */
static enum verdict check_rst(struct tcp_conn *c, const struct seg *seg)
{
	if (!(seg->flags & SEG_RST))
		return GO_ON;
	if (seg->seq == c->rcv_nxt)
		conn_reset(c);
	else
		challenge(c);
	return DONE;
}

/* Third is security. Fourth: the SYN bit (RFC 5961 4.2). */
static enum verdict check_syn(struct tcp_conn *c, const struct seg *seg)
{
	if (!(seg->flags & SEG_SYN) || is_crossing(c, seg))
		return GO_ON;
	challenge(c);
	return DONE;
}

static bool fin_is_acked(const struct tcp_conn *c)
{
	return c->flags & CONN_FIN_IN_TXQ && c->snd_una == c->snd_lbb;
}

static void enter_time_wait(struct tcp_conn *c)
{
	conn_set_state(c, TCP_TIME_WAIT);
	tw_enter(c);
	conn_close(c, TCP_EV_CLOSED);
}

/* What our FIN's acknowledgment moves. */
static enum verdict fin_acked(struct tcp_conn *c)
{
	if (!fin_is_acked(c))
		return GO_ON;
	switch ((enum tcp_state)c->state) {
	case TCP_FIN_WAIT_1:
		conn_set_state(c, TCP_FIN_WAIT_2);
		if (c->flags & CONN_RELEASED)
			timers_state(c, TIMERS_FIN_WAIT_2_MS);
		return GO_ON;
	case TCP_CLOSING:
		if (c->flags & CONN_ACK_NOW)
			output_ack(c);
		enter_time_wait(c);
		return DONE;
	case TCP_LAST_ACK:
		conn_close(c, TCP_EV_CLOSED);
		return DONE;
	case TCP_CLOSED:
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_TIME_WAIT:
	case TCP_N_STATES:
		break;
	}
	return GO_ON;
}

/* RFC 7323 4.3: only from segments that reach up to what was acknowledged last. */
static void update_ts_recent(struct tcp_conn *c, const struct seg *seg)
{
	if (!(c->flags & CONN_TS) || !(seg->opts.has & OPT_TS) ||
	    seq_gt(seg->seq, c->last_ack_sent) || seq_lt(seg->opts.tsval, c->ts_recent))
		return;
	c->ts_recent = seg->opts.tsval;
	c->ts_recent_ms = conn_stack(c)->now_ms;
}

/* RFC 3168 6.1.3: CE is echoed on every ACK until CWR comes. */
static void note_ecn(struct tcp_conn *c, const struct seg *seg)
{
	if (!(c->flags & CONN_ECN))
		return;
	if (seg->flags & SEG_CWR)
		c->flags &= ~(uint32_t)CONN_ECE_ECHO;
	if (seg->ecn == 3 && seg->len) {
		c->flags |= CONN_ECE_ECHO;
		conn_ack_now(c);
	}
}

/*
 * Its numbers are what only the peer can know: before that nothing that a blind attacker sends may change
 * ts_recent, or all that the peer sends would be old (RFC 5961 5.2).
 */
static void believe(struct tcp_conn *c, const struct seg *seg)
{
	timers_heard(c);
	update_ts_recent(c, seg);
	note_ecn(c, seg);
}

/* Fifth, in SYN-RECEIVED: the handshake is complete. */
static void syn_acked(struct tcp_conn *c, const struct seg *seg)
{
	c->snd_una = seg->ack;
	c->snd_wnd = (uint32_t)seg->wnd << (seg->flags & SEG_SYN ? 0 : c->snd_wscale);
	c->snd_wnd_max = c->snd_wnd;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	established(c);
	if (c->flags & CONN_FIN_QUEUED)
		conn_set_state(c, TCP_FIN_WAIT_1);
	if (seg->flags & SEG_SYN)
		conn_ack_now(c);
	conn_want_send(c);
}

/* Fifth: the ACK field. */
static enum verdict check_ack(struct tcp_conn *c, const struct seg *seg)
{
	struct stack *s = conn_stack(c);

	if (!(seg->flags & SEG_ACK))
		return DONE;
	if (c->state == TCP_SYN_RECEIVED) {
		if (seq_leq(seg->ack, c->snd_una) || seq_gt(seg->ack, c->snd_nxt)) {
			reset_for(c, seg);
			return DONE;
		}
		believe(c, seg);
		syn_acked(c, seg);
		return GO_ON;
	}
	/* RFC 5961 5.2: not older than the largest window ever seen, not newer than what was sent. */
	if (seq_lt(seg->ack, c->snd_una - c->snd_wnd_max) || seq_gt(seg->ack, conn_snd_max(c))) {
		stats_inc(s->stats, STAT_DROP_TCP_BAD_ACK);
		if (seg->len)
			output_ack(c);
		else
			challenge(c);
		return DONE;
	}
	believe(c, seg);
	if (seq_lt(seg->ack, c->snd_una))
		return GO_ON; /* old, but its data may be new */
	ack_input(c, seg);
	return fin_acked(c);
}

/*
 * Sixth: URG. The data stays in line whatever the pointer says (RFC 6093); the user is told when it gets ahead
 * of what was read and of what was known (MUST-32). It points behind the last urgent byte (MUST-62).
 */
static void check_urg(struct tcp_conn *c, const struct seg *seg)
{
	uint32_t up = seg->seq + seg->up, known = c->rcv_nxt - c->rcv_avail;

	if (!(seg->flags & SEG_URG) || c->state > TCP_FIN_WAIT_2)
		return;
	if (c->flags & CONN_URGENT_IN)
		known = c->ext->rcv_up;
	if (seq_leq(up, known))
		return;
	conn_ext(c)->rcv_up = up;
	c->flags |= CONN_URGENT_IN;
	conn_raise(c, TCP_EV_URGENT);
}

/* Cuts off what is outside of the window; false: nothing is left. *m may become another mbuf. */
static bool trim(struct tcp_conn *c, struct seg *seg, struct rte_mbuf **m)
{
	uint32_t end = seg->seq + seg->len;

	if (seq_lt(seg->seq, c->rcv_nxt)) {
		uint32_t n = RTE_MIN(c->rcv_nxt - seg->seq, seg->len);

		note_dup(c, seg->seq, seg->seq + n);
		conn_ack_now(c);
		*m = mbuf_cut_front(*m, n);
		seg->seq += n;
		seg->len -= n;
	}
	if (seq_gt(end, c->rcv_adv)) {
		uint32_t n = RTE_MIN(end - c->rcv_adv, seg->len);

		mbuf_cut_back(*m, n);
		seg->len -= n;
		seg->flags &= (uint8_t)~SEG_FIN;
	} else if (end == c->rcv_adv) {
		seg->flags &= (uint8_t)~SEG_FIN; /* the FIN itself is past the edge */
	}
	return seg->len || seg->flags & SEG_FIN;
}

/* A full segment's worth, or two, since the last ACK: owed now; else soon (RFC 9293 SHLD-18, RFC 5681 4.2). */
static void owe_ack(struct tcp_conn *c)
{
	if (c->rcv_nxt - c->last_ack_sent >= 2 * (uint32_t)c->rcv_mss)
		conn_ack_now(c);
	else
		timers_delay_ack(c);
}

/* Eighth: the FIN bit. It was reached in sequence and is counted in RCV.NXT. */
static void fin_received(struct tcp_conn *c)
{
	c->flags |= CONN_PEER_FIN;
	conn_ack_now(c);
	conn_raise(c, TCP_EV_PEER_FIN);
	switch ((enum tcp_state)c->state) {
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		conn_set_state(c, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT_1:
		/* With our FIN acknowledged this would be FIN-WAIT-2 already. */
		conn_set_state(c, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT_2:
		output_ack(c);
		enter_time_wait(c);
		break;
	case TCP_CLOSED:
	case TCP_SYN_SENT:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
	case TCP_N_STATES:
		break;
	}
}

/* The user is gone: data that nobody will read is answered with RST (RFC 2525 2.17, RFC 1122 4.2.2.13). */
static bool is_unwanted(struct tcp_conn *c, const struct seg *seg)
{
	if (!(c->flags & CONN_RELEASED) || !seg->len || seq_leq(seg->seq + seg->len, c->rcv_nxt))
		return false;
	output_reset(c, STAT_TCP_RST_UNREAD);
	conn_close(c, TCP_EV_RESET);
	return true;
}

static void take_out_of_order(struct tcp_conn *c, const struct seg *seg, struct rte_mbuf *m)
{
	struct opt_block dup = { 0, 0 };

	ooo_insert(c, m, seg->seq, (seg->flags & SEG_FIN) != 0, &dup);
	note_dup(c, dup.start, dup.end);
	if (c->ext->ooo && c->ext->ooo->n == 0)
		ooo_free(c); /* the first one did not fit: no gap is remembered */
	output_ack(c);       /* RFC 5681 4.2: at once, and for each of them */
}

static void take_in_order(struct tcp_conn *c, const struct seg *seg, struct rte_mbuf *m)
{
	bool fin = (seg->flags & SEG_FIN) != 0, had_gap = !ooo_is_empty(c);

	if (seg->largest > c->rcv_mss)
		c->rcv_mss = (uint16_t)RTE_MIN(seg->largest, (uint32_t)UINT16_MAX);
	if (seg->len) {
		c->rcv_nxt += seg->len;
		c->bytes_in += seg->len;
		rxq_append(c, m);
		conn_raise(c, TCP_EV_READABLE);
	} else {
		rte_pktmbuf_free(m);
	}
	if (fin)
		c->rcv_nxt++;
	if (had_gap) {
		if (fin) {
			ooo_free(c);
		} else {
			struct opt_block dup = c->ext->dsack;

			fin = ooo_advance(c, &dup);
			note_dup(c, dup.start, dup.end);
		}
		conn_ack_now(c); /* RFC 5681 4.2: at once when a gap is filled */
	} else if (!fin) {
		owe_ack(c);
	}
	if (fin)
		fin_received(c);
}

/* Seventh: the segment text. Takes m. */
static void take_data(struct tcp_conn *c, struct seg *seg, struct rte_mbuf *m)
{
	if (!(seg->len || seg->flags & SEG_FIN) || c->flags & CONN_PEER_FIN ||
	    c->state > TCP_FIN_WAIT_2) {
		rte_pktmbuf_free(m); /* nothing, or beyond the peer's own FIN */
		return;
	}
	if (is_unwanted(c, seg) || !trim(c, seg, &m)) {
		rte_pktmbuf_free(m);
		return;
	}
	if (seg->seq != c->rcv_nxt) {
		take_out_of_order(c, seg, m);
		return;
	}
	if (seg->len && !rxq_has_memory(c, mbuf_truesize(m), true)) {
		stats_inc(conn_stack(c)->stats, STAT_DROP_TCP_MEMORY);
		rte_pktmbuf_free(m);
		conn_ack_now(c);
		return;
	}
	take_in_order(c, seg, m);
}

void tcp_input(struct tcp_conn *c, const struct seg *in, struct rte_mbuf *m)
{
	struct seg seg = *in;
	enum verdict verdict;

	if (c->state == TCP_SYN_SENT)
		verdict = syn_sent(c, &seg);
	else if (check_timestamp(c, &seg) == GO_ON && check_seq(c, &seg) == GO_ON &&
	    check_rst(c, &seg) == GO_ON && check_syn(c, &seg) == GO_ON)
		verdict = check_ack(c, &seg);
	else
		verdict = DONE;
	if (verdict == DONE) {
		rte_pktmbuf_free(m);
		return;
	}
	check_urg(c, &seg);
	/* The SYN is counted: what is left is what came with it. */
	seg.seq += !!(seg.flags & SEG_SYN);
	seg.flags &= (uint8_t)~SEG_SYN;
	take_data(c, &seg, m);
}
