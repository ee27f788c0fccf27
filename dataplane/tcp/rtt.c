/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/rtt.h"

#include <rte_common.h>

#include "dataplane/tcp/stack.h"

void rtt_sample(struct tcp_conn *c, uint32_t rtt_us)
{
	uint32_t delta;

	if (rtt_us == 0)
		rtt_us = 1;
	if (rtt_us < c->min_rtt_us)
		c->min_rtt_us = rtt_us;
	if (c->srtt_us == 0) {
		c->srtt_us = rtt_us;
		c->rttvar_us = rtt_us / 2;
		return;
	}
	delta = c->srtt_us > rtt_us ? c->srtt_us - rtt_us : rtt_us - c->srtt_us;
	c->rttvar_us = (uint32_t)((3 * (uint64_t)c->rttvar_us + delta) / 4);
	c->srtt_us = (uint32_t)((7 * (uint64_t)c->srtt_us + rtt_us) / 8);
	if (c->srtt_us == 0)
		c->srtt_us = 1;
}

uint32_t rtt_rto(const struct tcp_conn *c)
{
	uint64_t rto;

	if (c->srtt_us == 0)
		return c->flags & CONN_SYN_LOST && conn_is_synchronised(c) ? RTO_LOST_US
									   : RTO_FIRST_US;
	rto = c->srtt_us + RTE_MAX(4 * (uint64_t)c->rttvar_us, 1000u);
	rto = RTE_MAX(rto, conn_stack(c)->config.rto_min_us);
	return (uint32_t)RTE_MIN(rto, RTO_MAX_US);
}

uint32_t rtt_rto_backed_off(const struct tcp_conn *c)
{
	uint64_t rto = (uint64_t)rtt_rto(c) << RTE_MIN(c->backoff, 20);

	return (uint32_t)RTE_MIN(rto, RTO_MAX_US);
}
