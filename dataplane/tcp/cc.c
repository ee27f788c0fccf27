/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/cc.h"

#include <rte_common.h>

#include "dataplane/tcp/stack.h"

#define CWND_MAX (1u << 30)
/* Segments that one ACK may add in slow start, unless sending is paced (RFC 9406 4.2: L). */
#define L        8

static const struct cc_ops *cc_ops(const struct tcp_conn *c)
{
	switch (conn_stack(c)->config.cc) {
	case TCP_CC_CUBIC:
		return &cc_cubic;
	case TCP_CC_NEWRENO:
		return &cc_newreno;
	}
	return &cc_newreno;
}

uint32_t cc_initial_window(const struct tcp_conn *c)
{
	uint32_t mss = c->mss;

	if (c->flags & CONN_SYN_LOST)
		return mss;
	return RTE_MIN(10 * mss, RTE_MAX(2 * mss, 14600u));
}

void cc_init(struct tcp_conn *c)
{
	hystart_init(c);
}

void cc_on_ack(struct tcp_conn *c, uint32_t acked, uint32_t rtt_us)
{
	if (c->cwnd < c->ssthresh) {
		uint32_t room = c->ssthresh - c->cwnd, grow;

		/* An ACK that fills a hole also covers what arrived long ago: no reason for a burst. */
		if (!conn_stack(c)->config.pacing)
			acked = RTE_MIN(acked, (uint32_t)L * c->mss);
		grow = c->flags & CONN_HYSTART_OFF ? acked : hystart_on_ack(c, acked, rtt_us);
		grow = RTE_MIN(grow, room);
		c->cwnd = RTE_MIN(c->cwnd + grow, CWND_MAX);
		return;
	}
	cc_ops(c)->on_ack(c, acked, conn_stack(c)->now_us);
	c->cwnd = RTE_MIN(c->cwnd, CWND_MAX);
}

void cc_on_congestion(struct tcp_conn *c, uint32_t flight)
{
	if (!(c->flags & CONN_HYSTART_OFF)) {
		c->flags |= CONN_HYSTART_OFF;
		for (unsigned i = 0; i < RTE_DIM(c->cc); i++)
			c->cc[i] = 0;
	}
	c->ssthresh = RTE_MAX(cc_ops(c)->on_congestion(c, flight), 2u * c->mss);
}

void cc_on_timeout(struct tcp_conn *c)
{
	if (cc_ops(c)->on_timeout)
		cc_ops(c)->on_timeout(c);
}

void cc_on_unused(struct tcp_conn *c, uint32_t ms)
{
	if (c->flags & CONN_HYSTART_OFF && cc_ops(c)->on_unused)
		cc_ops(c)->on_unused(c, ms);
}

void cc_on_idle(struct tcp_conn *c, uint32_t idle_us)
{
	uint32_t rto = RTE_MAX(c->srtt_us + 4 * c->rttvar_us, conn_stack(c)->config.rto_min_us);
	uint32_t restart = RTE_MIN(cc_initial_window(c), c->cwnd);

	cc_on_unused(c, idle_us / 1000);
	if (idle_us < rto)
		return;
	/* RFC 7661 4.4.2: keep three quarters of what was learned; RFC 2861: half per RTO. */
	c->ssthresh =
	    c->ssthresh == UINT32_MAX ? UINT32_MAX : RTE_MAX(c->ssthresh, c->cwnd - c->cwnd / 4);
	for (; idle_us >= rto && c->cwnd > restart; idle_us -= rto)
		c->cwnd = RTE_MAX(c->cwnd / 2, restart);
}
