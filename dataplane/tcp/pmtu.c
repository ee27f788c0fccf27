/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/pmtu.h"

#include <rte_common.h>

#include "dataplane/tcp/output.h"
#include "dataplane/tcp/sack.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/txq.h"

#define PMTU_PER_SECOND 4
/* Timeouts in a row before a black hole is suspected: more where full segments have passed before. */
#define UNPROVEN_RTOS   2
#define PROVEN_RTOS     4

static uint32_t plateau_below(uint32_t mtu)
{
	static const uint16_t plateaus[] = { 17914, 8166, 4352, 2002, 1492, 1280, 1006, 552 };

	for (unsigned i = 0; i < RTE_DIM(plateaus); i++)
		if (plateaus[i] < mtu)
			return plateaus[i];
	return 552;
}

void pmtu_black_hole(struct tcp_conn *c)
{
	static const uint16_t mtus[] = { 1280, 576 };
	bool v4 = ip_addr_is_v4(&c->flow.remote);
	const struct txseg *head = c->txq_head ? txseg(c->txq_head) : NULL;

	if (!head || !(head->flags & TXSEG_SENT))
		return;
	for (unsigned i = 0; i < (v4 ? RTE_DIM(mtus) : 1u); i++) {
		uint16_t mss = (uint16_t)(mtus[i] - (v4 ? 40 : 60));
		uint16_t options = c->flags & CONN_TS ? OPT_TS_LEN : 0;

		/* The smaller it is already, the less likely that size is the reason. */
		if (c->backoff < (c->mss_proven ? PROVEN_RTOS : UNPROVEN_RTOS) + 2 * i)
			return;
		if (head->len + options > mss) {
			c->peer_mss = mss;
			c->mss = (uint16_t)(mss - options);
			stats_inc(conn_stack(c)->stats, STAT_TCP_BLACK_HOLES);
			return;
		}
	}
}

/* A believable error may still be forged: few in a second are acted on. */
static bool pmtu_may_change(struct tcp_conn *c)
{
	struct conn_ext *x = conn_ext(c);
	uint32_t now_ms = conn_stack(c)->now_ms;

	if (x->n_pmtu == 0 || now_ms - x->pmtu_ms >= 1000) {
		x->pmtu_ms = now_ms;
		x->n_pmtu = 0;
	}
	if (x->n_pmtu == PMTU_PER_SECOND)
		return false;
	x->n_pmtu++;
	return true;
}

void pmtu_too_big(struct tcp_conn *c, uint32_t mtu)
{
	struct stack *s = conn_stack(c);
	struct net_dst *dst = dst_get(s, &c->flow, c->dst_slot);
	uint16_t old = c->mss;

	if (!dst)
		return;
	if (!pmtu_may_change(c)) {
		stats_inc(s->stats, STAT_DROP_TCP_ICMP);
		return;
	}
	if (mtu == 0)
		mtu = plateau_below(dst->mtu);
	if (mtu >= dst->mtu)
		return; /* nothing new, or nonsense */
	net_pmtu_set(s->net, &c->flow.remote, mtu, s->now_us);
	dst = dst_get(s, &c->flow, c->dst_slot);
	output_update_mss(c, dst);
	if (c->mss >= old || c->state < TCP_ESTABLISHED)
		return;
	stats_inc(s->stats, STAT_TCP_PMTU_LOWERED);
	conn_ext(c);
	for (struct rte_mbuf *m = txq_sent(c); m; m = txq_next_sent(m)) {
		struct txseg *t = txseg(m);

		if (t->len > c->mss && !(t->flags & TXSEG_SACKED))
			sack_mark_lost(c, t);
	}
	conn_want_send(c);
}
