/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/rack.h"

#include <rte_common.h>

#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/sack.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/txq.h"

#define DUP_THRESH         3
#define PERSIST_RECOVERIES 16
#define MAX_ACK_DELAY_US   200000u
#define FIRST_PTO_US       1000000u /* without an RTT sample */
/* The clock of the wheel ticks in milliseconds. */
#define MIN_TIMEOUT_US     2000u

static bool sent_after(uint64_t t1, uint32_t end1, uint64_t t2, uint32_t end2)
{
	return t1 > t2 || (t1 == t2 && seq_gt(end1, end2));
}

void rack_delivered(struct tcp_conn *c, const struct txseg *t)
{
	struct conn_ext *x = c->ext;
	uint64_t rtt = conn_now(c) - t->xmit_us;
	uint32_t end = txseg_end(t);

	/* Step 3: out of order, and not because of us. */
	if (seq_gt(end, x->rack_fack))
		x->rack_fack = end;
	else if (seq_lt(end, x->rack_fack) && !(t->flags & TXSEG_EVER))
		x->rack_reordering = true;

	/* Step 2: an ACK faster than any before is for the original, not for the retransmission. */
	if (t->flags & TXSEG_EVER && rtt < c->min_rtt_us && c->min_rtt_us != UINT32_MAX)
		return;
	x->rack_rtt_us = (uint32_t)RTE_MIN(rtt, (uint64_t)UINT32_MAX);
	if (sent_after(t->xmit_us, end, x->rack_xmit_us, x->rack_end)) {
		x->rack_xmit_us = t->xmit_us;
		x->rack_end = end;
	}
}

void rack_dsack(struct tcp_conn *c)
{
	struct conn_ext *x = c->ext;

	/* At most once per round trip. */
	if (x->rack_dsack_seen && seq_lt(c->snd_una, x->rack_dsack_round))
		return;
	x->rack_dsack_seen = true;
	x->rack_dsack_round = c->snd_nxt;
	if (x->rack_mult < UINT8_MAX)
		x->rack_mult++;
	x->rack_persist = PERSIST_RECOVERIES;
}

void rack_recovery_ended(struct tcp_conn *c)
{
	struct conn_ext *x = c->ext;

	if (x->rack_persist && --x->rack_persist == 0)
		x->rack_mult = 1;
}

static uint32_t rack_reo_wnd(const struct tcp_conn *c)
{
	const struct conn_ext *x = c->ext;

	if (!x->rack_reordering &&
	    (c->flags & (CONN_RECOVERY | CONN_LOSS) || x->n_sacked >= DUP_THRESH))
		return 0;
	if (c->min_rtt_us == UINT32_MAX)
		return 0;
	return RTE_MIN((uint32_t)x->rack_mult * (c->min_rtt_us / 4), c->srtt_us);
}

bool rack_is_late(const struct tcp_conn *c, const struct txseg *t)
{
	/* Before the first delivery that was looked at, the smoothed RTT is what is known. */
	uint32_t rtt = c->ext->rack_rtt_us ? c->ext->rack_rtt_us : c->srtt_us;

	return t->xmit_us + rtt + rack_reo_wnd(c) <= conn_now(c);
}

uint32_t rack_detect(struct tcp_conn *c)
{
	struct conn_ext *x = c->ext;
	uint64_t now = conn_now(c), timeout = 0;
	uint32_t reo = rack_reo_wnd(c);

	for (struct rte_mbuf *m = txq_sent(c); m; m = txq_next_sent(m)) {
		struct txseg *t = txseg(m);

		if (!sent_after(x->rack_xmit_us, x->rack_end, t->xmit_us, txseg_end(t))) {
			/* From one that was sent once and too late on, all were: a burst has one time. */
			if (!(t->flags & TXSEG_EVER))
				break;
			continue;
		}
		if (t->flags & TXSEG_SACKED ||
		    (t->flags & (TXSEG_LOST | TXSEG_RESENT)) == TXSEG_LOST)
			continue;
		if (t->xmit_us + x->rack_rtt_us + reo <= now) {
			sack_mark_lost(c, t);
		} else {
			uint64_t left = t->xmit_us + x->rack_rtt_us + reo - now;

			timeout = RTE_MAX(timeout, left);
		}
	}
	return (uint32_t)timeout;
}

uint32_t tlp_timeout(const struct tcp_conn *c)
{
	const struct conn_ext *x = c->ext;
	uint64_t pto;

	if (!(c->flags & CONN_SACK) || c->flags & (CONN_RECOVERY | CONN_LOSS) || c->backoff ||
	    !txq_sent(c) || c->state < TCP_ESTABLISHED)
		return 0;
	if (x && (x->tlp_open || x->sacked || x->lost))
		return 0;
	pto = 2 * (uint64_t)c->srtt_us;
	if (pto == 0)
		pto = FIRST_PTO_US;
	else if (!txq_next_sent(c->txq_head))
		pto += MAX_ACK_DELAY_US;
	return (uint32_t)RTE_MIN(RTE_MAX(pto, MIN_TIMEOUT_US), (uint64_t)RTO_MAX_US);
}

bool tlp_on_ack(struct tcp_conn *c, const struct seg *seg, const struct ack *a)
{
	struct conn_ext *x = c->ext;
	bool repaired = false;

	if (!x || !x->tlp_open || seq_lt(seg->ack, x->tlp_end))
		return false;
	if (!x->tlp_is_resend) {
		x->tlp_open = false;
	} else if (a->dsack && seg->opts.sack[0].end == x->tlp_end) {
		x->tlp_open = false; /* the probe was a duplicate: nothing was lost */
	} else if (seq_gt(seg->ack, x->tlp_end)) {
		x->tlp_open = false;
		repaired = true;
	} else if (a->is_dup && !(seg->opts.has & OPT_SACK)) {
		x->tlp_open = false; /* a second ACK for it: both copies arrived */
	}
	return repaired;
}
