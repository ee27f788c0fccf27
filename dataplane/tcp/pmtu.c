/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/pmtu.h"

#include <rte_common.h>

#include "dataplane/tcp/output.h"
#include "dataplane/tcp/sack.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/txq.h"

#define PMTU_PER_SECOND 4
/* Timeouts in a row before a black hole is suspected: more where full segments have passed before. */
#define UNPROVEN_RTOS   2
#define PROVEN_RTOS     4
/* Between a suspicion and the first probe, between a success and the next, and after a failure. */
#define PROBE_FIRST_MS  60000
#define PROBE_NEXT_MS   1000
#define PROBE_AGAIN_MS  600000
/* So many segments must follow a probe, for their SACKs to show that it was lost. */
#define PROBE_FOLLOWED  4

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
			conn_ext(c)->mss_limit = mss;
			c->ext->probe_ms = conn_stack(c)->now_ms + PROBE_FIRST_MS;
			c->mss = (uint16_t)(mss - options);
			stats_inc(conn_stack(c)->stats, STAT_TCP_BLACK_HOLES);
			return;
		}
	}
}

/* The next size above the limit, with a header's worth of options in it; 0: there is none. */
static uint16_t probe_size(const struct tcp_conn *c, const struct net_dst *dst)
{
	/* IPv6's minimum, tunnels, PPPoE; then whatever both ends can do. */
	static const uint16_t mtus[] = { 1280, 1400, 1492 };
	uint16_t headers = ip_addr_is_v4(&c->flow.remote) ? 40 : 60;
	uint16_t most = (uint16_t)RTE_MIN((uint32_t)c->peer_mss, (uint32_t)dst_mss(dst));

	for (unsigned i = 0; i < RTE_DIM(mtus); i++)
		if (mtus[i] - headers > c->ext->mss_limit && mtus[i] - headers < most)
			return (uint16_t)(mtus[i] - headers);
	return most > c->ext->mss_limit ? most : 0;
}

void pmtu_probe(struct tcp_conn *c, const struct net_dst *dst)
{
	struct conn_ext *x = c->ext;
	struct txseg *t = txseg(c->txq_send);
	uint16_t options = c->flags & CONN_TS ? OPT_TS_LEN : 0, mss = c->mss, size;
	uint32_t outstanding = c->snd_nxt - c->snd_una, need;

	if (x->probe_mss || seq_lt(conn_stack(c)->now_ms, x->probe_ms) || x->sacked || x->lost ||
	    c->flags & (CONN_RECOVERY | CONN_LOSS | CONN_CWR))
		return;
	size = probe_size(c, dst);
	if (size == 0) {
		x->mss_limit = 0; /* the path takes all that both ends can */
		return;
	}
	need = size + PROBE_FOLLOWED * (uint32_t)mss;
	if (c->snd_lbb - c->snd_nxt < need || outstanding + need > RTE_MIN(c->cwnd, c->snd_wnd))
		return;
	c->mss = (uint16_t)(size - options);
	txq_fill(c, c->txq_send);
	c->mss = mss;
	if (t->len <= mss)
		return; /* no room in the buffer */
	t->flags |= TXSEG_PROBE;
	x->probe_mss = (uint16_t)(t->len + options);
	stats_inc(conn_stack(c)->stats, STAT_TCP_MTU_PROBES);
}

void pmtu_probe_arrived(struct tcp_conn *c)
{
	struct conn_ext *x = c->ext;

	x->mss_limit = x->probe_mss;
	x->probe_mss = 0;
	x->probe_ms = conn_stack(c)->now_ms + PROBE_NEXT_MS;
}

void pmtu_probe_lost(struct tcp_conn *c, uint32_t len)
{
	struct conn_ext *x = c->ext;

	x->probe_mss = 0;
	x->probe_pending = (uint16_t)len;
	x->probe_ms = conn_stack(c)->now_ms + PROBE_AGAIN_MS;
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
