/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/timers.h"

#include <rte_common.h>

#include "dataplane/tcp/history.h"
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/pace.h"
#include "dataplane/tcp/pmtu.h"
#include "dataplane/tcp/rack.h"
#include "dataplane/tcp/recovery.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/txq.h"

#define OVERRIDE_US 200000u

static void file(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	bool any = false;
	uint32_t at = 0;

	if (c->timer != CONN_TIMER_NONE) {
		at = c->dl_rexmit;
		any = true;
	}
	if (c->flags & CONN_ACK_DELAYED && (!any || seq_lt(c->dl_ack, at))) {
		at = c->dl_ack;
		any = true;
	}
	if (c->flags & CONN_STATE_TIMER && (!any || seq_lt(c->dl_state, at))) {
		at = c->dl_state;
		any = true;
	}
	if (c->flags & CONN_ON_PACE) {
		uint32_t pace = stack_deadline(s, pace_wait(c));

		if (!any || seq_lt(pace, at))
			at = pace;
		any = true;
	}
	/* Filed for an earlier time is good enough: it is filed again when it comes up. */
	if (any && (!wheel_is_filed(&c->node) || seq_lt(at, c->node.expires_ms)))
		wheel_file(&s->wheel, &c->node, at);
}

void timers_arm(struct tcp_conn *c, enum conn_timer kind, uint32_t us)
{
	c->timer = kind;
	c->dl_rexmit = stack_deadline(conn_stack(c), us);
	file(c);
}

void timers_delay_ack(struct tcp_conn *c)
{
	if (c->flags & CONN_ACK_DELAYED)
		return;
	c->flags |= CONN_ACK_DELAYED;
	c->dl_ack = stack_deadline(conn_stack(c), conn_stack(c)->config.delayed_ack_us);
	file(c);
}

void timers_pace(struct tcp_conn *c)
{
	c->flags |= CONN_ON_PACE;
	file(c);
}

void timers_keepalive(struct tcp_conn *c)
{
	c->n_keepalive = 0;
	if (c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT)
		timers_state(c, conn_stack(c)->config.keepalive_idle_ms);
}

void timers_state(struct tcp_conn *c, uint32_t ms)
{
	c->flags |= CONN_STATE_TIMER;
	c->dl_state = stack_deadline(conn_stack(c), 0) + ms;
	file(c);
}

void timers_stop(struct tcp_conn *c)
{
	c->timer = CONN_TIMER_NONE;
	c->flags &= ~(uint32_t)(CONN_ACK_DELAYED | CONN_STATE_TIMER | CONN_ON_PACE);
	wheel_cancel(&conn_stack(c)->wheel, &c->node);
}

/* RFC 9293 3.8.6.1: as the RTO; with some window left it is the override of 3.8.6.2.1: 0.1 to 1 s. */
static uint32_t persist_timeout(const struct tcp_conn *c)
{
	uint32_t rto = rtt_rto_backed_off(c);

	return c->snd_wnd ? RTE_MIN(rto, OVERRIDE_US) : rto;
}

/* Since the last progress, rounded down: no timer fires early. */
static uint32_t waited_us(const struct tcp_conn *c)
{
	uint32_t ms = conn_stack(c)->now_ms - c->progress_ms;

	return ms ? (ms - 1) * 1000 : 0;
}

void timers_rexmit(struct tcp_conn *c, bool restart)
{
	uint32_t tlp, rto, waited;

	if (c->snd_nxt == c->snd_una) {
		if (!c->txq_send && !(c->flags & CONN_FIN_QUEUED && !(c->flags & CONN_FIN_IN_TXQ)))
			c->timer = CONN_TIMER_NONE;
		else if (c->timer != CONN_TIMER_PERSIST)
			timers_arm(c, CONN_TIMER_PERSIST, persist_timeout(c));
		return;
	}
	if (c->timer == CONN_TIMER_REO && c->ext && c->flags & CONN_SACK && !restart)
		return;
	if (!restart && c->timer == CONN_TIMER_RTO && (c->backoff || !tlp_timeout(c)))
		return;
	if (c->timer == CONN_TIMER_REO && restart && seq_gt(c->dl_rexmit, conn_stack(c)->now_ms))
		return; /* set by this very ACK */
	/*
	 * The RTO counts from the last progress, so that a stream of writes moves neither it nor
	 * the probe in front of it past that.
	 */
	waited = restart ? 0 : waited_us(c);
	rto = rtt_rto_backed_off(c);
	rto = rto > waited ? rto - waited : 0;
	tlp = tlp_timeout(c);
	/* RFC 8985 7.2: where the RTO would come first, the probe goes in its place. */
	if (tlp)
		timers_arm(c, CONN_TIMER_TLP, RTE_MIN(tlp, rto));
	else
		timers_arm(c, CONN_TIMER_RTO, rto);
}

static bool is_given_up(const struct tcp_conn *c)
{
	const struct stack *s = conn_stack(c);
	uint32_t limit = s->config.user_timeout_us / 1000;

	if (c->flags & CONN_RELEASED)
		limit = RTE_MIN(limit, TIMERS_ORPHAN_MS);
	return s->now_ms - c->progress_ms >= limit;
}

/* RFC 9293 MUST-23: the number of SYNs is configured, by default enough for three minutes. */
static void run_syn(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);

	if (c->backoff >= s->config.syn_retries) {
		stats_inc(s->stats, STAT_TCP_SYN_TIMEOUTS);
		conn_close(c, TCP_EV_TIMEOUT);
		return;
	}
	c->backoff++;
	c->flags |= CONN_SYN_LOST;
	output_syn(c);
	timers_arm(c, CONN_TIMER_RTO, rtt_rto_backed_off(c));
}

static void run_rto(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);

	if (is_given_up(c)) {
		stats_inc(s->stats, STAT_TCP_TIMEOUTS);
		output_reset(c, STAT_TCP_RST_TIMEOUT);
		conn_close(c, TCP_EV_TIMEOUT);
		return;
	}
	stats_inc(s->stats, STAT_TCP_RTOS);
	pmtu_black_hole(c);
	recovery_on_rto(c);
	output_rto(c);
	if (c->backoff < UINT8_MAX)
		c->backoff++;
	timers_arm(c, CONN_TIMER_RTO, rtt_rto_backed_off(c));
	conn_want_send(c);
}

static void run_persist(struct tcp_conn *c)
{
	if (c->snd_nxt != c->snd_una) {
		timers_rexmit(c, true);
		return;
	}
	if (is_given_up(c)) {
		stats_inc(conn_stack(c)->stats, STAT_TCP_TIMEOUTS);
		output_reset(c, STAT_TCP_RST_TIMEOUT);
		conn_close(c, TCP_EV_TIMEOUT);
		return;
	}
	output_persist(c);
	if (c->snd_nxt != c->snd_una)
		return; /* it was an override: the RTO runs now */
	/* Held back by something other than a closed window: no probe, so no back-off. */
	if (c->snd_wnd == 0 && c->backoff < UINT8_MAX)
		c->backoff++;
	timers_arm(c, CONN_TIMER_PERSIST, persist_timeout(c));
}

static void run_rexmit(struct tcp_conn *c)
{
	enum conn_timer kind = c->timer;

	if (history_is_kept(conn_stack(c)))
		history_note(c, HISTORY_TIMER, c->timer);
	c->timer = CONN_TIMER_NONE;
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED) {
		run_syn(c);
		return;
	}
	switch (kind) {
	case CONN_TIMER_NONE:
		break;
	case CONN_TIMER_RTO:
		run_rto(c);
		break;
	case CONN_TIMER_TLP:
		output_tlp(c);
		break;
	case CONN_TIMER_REO:
		recovery_on_reo_timer(c);
		timers_rexmit(c, false);
		conn_want_send(c);
		break;
	case CONN_TIMER_PERSIST:
		run_persist(c);
		break;
	}
}

static void give_up(struct tcp_conn *c)
{
	stats_inc(conn_stack(c)->stats, STAT_TCP_TIMEOUTS);
	output_reset(c, STAT_TCP_RST_TIMEOUT);
	conn_close(c, TCP_EV_TIMEOUT);
}

/* FIN-WAIT-2's limit, or keepalive (MUST-24 to MUST-29: off by default, one lost probe means nothing). */
static bool run_state(struct tcp_conn *c)
{
	const struct stack_config *config = &conn_stack(c)->config;

	if (c->state == TCP_FIN_WAIT_2) {
		stats_inc(conn_stack(c)->stats, STAT_TCP_TIMEOUTS);
		conn_close(c, TCP_EV_TIMEOUT);
		return false;
	}
	if (!(c->flags & CONN_KEEPALIVE) ||
	    (c->state != TCP_ESTABLISHED && c->state != TCP_CLOSE_WAIT))
		return true;
	if (c->n_keepalive >= config->keepalive_count) {
		give_up(c);
		return false;
	}
	/* With something outstanding the retransmission timer asks the same question. */
	if (c->snd_una == c->snd_nxt && !c->txq_send) {
		c->n_keepalive++;
		output_keepalive(c);
	}
	timers_state(c, config->keepalive_interval_ms);
	return true;
}

void timers_run(struct tcp_conn *c)
{
	uint32_t now_ms = conn_stack(c)->now_ms;

	if (c->flags & CONN_ACK_DELAYED && seq_leq(c->dl_ack, now_ms))
		conn_ack_now(c);
	if (c->flags & CONN_STATE_TIMER && seq_leq(c->dl_state, now_ms)) {
		c->flags &= ~(uint32_t)CONN_STATE_TIMER;
		if (!run_state(c))
			return;
	}
	if (c->flags & CONN_ON_PACE && pace_wait(c) == 0) {
		c->flags &= ~(uint32_t)CONN_ON_PACE;
		conn_want_send(c);
	}
	if (c->timer != CONN_TIMER_NONE && seq_leq(c->dl_rexmit, now_ms)) {
		run_rexmit(c);
		if (c->state == TCP_CLOSED)
			return;
	}
	if (c->flags & CONN_ACK_DELAYED && seq_leq(c->dl_ack, now_ms))
		c->flags &= ~(uint32_t)CONN_ACK_DELAYED; /* owed now, no longer delayed */
	file(c);
}
