/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_common.h>

#include "dataplane/tcp/cc.h"
#include "dataplane/tcp/seq.h"

/* HyStart++ (RFC 9406 4.3: constants). */
#define MIN_RTT_THRESH_US  4000u
#define MAX_RTT_THRESH_US  16000u
#define MIN_RTT_DIVISOR    8
#define N_RTT_SAMPLE       8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS         5

enum {
	WINDOW_END,
	LAST_MIN, /* us; 0: no round yet */
	CURRENT_MIN,
	CSS_BASELINE, /* us; 0: not in conservative slow start */
	SAMPLES,
	CSS_ROUND,
};

void hystart_init(struct tcp_conn *c)
{
	c->cc[WINDOW_END] = c->snd_nxt;
	c->cc[LAST_MIN] = 0;
	c->cc[CURRENT_MIN] = UINT32_MAX;
	c->cc[CSS_BASELINE] = 0;
	c->cc[SAMPLES] = 0;
	c->cc[CSS_ROUND] = 0;
}

static void hystart_done(struct tcp_conn *c)
{
	c->flags |= CONN_HYSTART_OFF;
	c->ssthresh = c->cwnd;
	for (unsigned i = 0; i < RTE_DIM(c->cc); i++)
		c->cc[i] = 0;
}

static void round_end(struct tcp_conn *c)
{
	c->cc[LAST_MIN] = c->cc[SAMPLES] ? c->cc[CURRENT_MIN] : 0;
	c->cc[CURRENT_MIN] = UINT32_MAX;
	c->cc[SAMPLES] = 0;
	c->cc[WINDOW_END] = c->snd_nxt;
	if (c->cc[CSS_BASELINE] && ++c->cc[CSS_ROUND] >= CSS_ROUNDS)
		hystart_done(c);
}

static void judge(struct tcp_conn *c)
{
	uint32_t last = c->cc[LAST_MIN], current = c->cc[CURRENT_MIN], thresh;

	if (c->cc[SAMPLES] < N_RTT_SAMPLE || last == 0)
		return;
	if (c->cc[CSS_BASELINE]) {
		/* It was a spike: back to slow start. */
		if (current < c->cc[CSS_BASELINE]) {
			c->cc[CSS_BASELINE] = 0;
			c->cc[CSS_ROUND] = 0;
		}
		return;
	}
	thresh = RTE_MAX(MIN_RTT_THRESH_US, RTE_MIN(last / MIN_RTT_DIVISOR, MAX_RTT_THRESH_US));
	if (current >= last + thresh) {
		c->cc[CSS_BASELINE] = current;
		c->cc[CSS_ROUND] = 0;
	}
}

uint32_t hystart_on_ack(struct tcp_conn *c, uint32_t acked, uint32_t rtt_us)
{
	if (rtt_us) {
		c->cc[CURRENT_MIN] = RTE_MIN(c->cc[CURRENT_MIN], rtt_us);
		c->cc[SAMPLES]++;
	}
	judge(c);
	if (c->cc[CSS_BASELINE])
		acked /= CSS_GROWTH_DIVISOR;
	if (seq_geq(c->snd_una, c->cc[WINDOW_END]))
		round_end(c);
	return acked;
}
