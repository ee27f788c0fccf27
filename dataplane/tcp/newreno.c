/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_common.h>

#include "dataplane/tcp/cc.h"

/* cc[0]: bytes acknowledged since cwnd last grew (RFC 3465). */

static void newreno_on_ack(struct tcp_conn *c, uint32_t acked, uint64_t now_us)
{
	(void)now_us;
	c->cc[0] += acked;
	/* RFC 5681 3.1, equation 3: a segment per window. */
	while (c->cc[0] >= c->cwnd) {
		c->cc[0] -= c->cwnd;
		c->cwnd += c->mss;
	}
}

static uint32_t newreno_on_congestion(struct tcp_conn *c, uint32_t flight)
{
	c->cc[0] = 0;
	return RTE_MAX(flight / 2, 2u * c->mss); /* RFC 5681 equation 4 */
}

const struct cc_ops cc_newreno = {
	.on_ack = newreno_on_ack,
	.on_congestion = newreno_on_congestion,
};
