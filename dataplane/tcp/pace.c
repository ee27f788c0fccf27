/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/pace.h"

#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timers.h"

/* So far ahead of its rate a connection may be. */
#define QUANTUM_US 1000
#define MIN_RTT_US 2000u

static bool is_paced(const struct tcp_conn *c)
{
	return conn_stack(c)->config.pacing && c->srtt_us >= MIN_RTT_US;
}

static int32_t ahead(const struct tcp_conn *c)
{
	int32_t us = (int32_t)(c->pace_us - (uint32_t)conn_now(c));

	/* One segment moves the mark by a round trip at most: more is from before the clock wrapped. */
	return us > QUANTUM_US && (uint32_t)us - QUANTUM_US > c->srtt_us ? 0 : us;
}

uint32_t pace_wait(const struct tcp_conn *c)
{
	int32_t us = ahead(c);

	return us > QUANTUM_US ? (uint32_t)(us - QUANTUM_US) : 0;
}

bool pace_may_send(struct tcp_conn *c)
{
	if (!is_paced(c) || pace_wait(c) == 0)
		return true;
	timers_pace(c);
	return false;
}

void pace_sent(struct tcp_conn *c, uint32_t n)
{
	uint32_t percent = c->cwnd < c->ssthresh / 2 ? 200 : 120;
	uint32_t now = (uint32_t)conn_now(c);
	uint64_t us;

	if (!is_paced(c))
		return;
	us = (uint64_t)n * c->srtt_us * 100 / ((uint64_t)c->cwnd * percent);
	if (ahead(c) <= 0)
		c->pace_us = now; /* what was not used is not kept (no burst after idle) */
	c->pace_us += us > c->srtt_us ? c->srtt_us : (uint32_t)us;
}
