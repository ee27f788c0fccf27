/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/net/internal.h"

/*
 * The verdict: so many segments that arrived at the first try, or so many that had to be made by software
 * to arrive, and few of the other kind. Loss takes both kinds alike, so a bad path alone convicts nobody;
 * between the two the trial goes on.
 */
#define ENOUGH_GOOD 64u
#define ENOUGH_BAD  8u
#define RATIO       4u

/* From here on old evidence counts half. */
#define MUCH 1024u

static struct offload *offload_of(struct net *n, const struct net_dst *dst)
{
	return &n->ifaces[dst->iface].offload[dst->l3_len == sizeof(struct wire_ip6)];
}

static void next_trial(struct offload *o, uint32_t offered)
{
	uint32_t open = offered & ~(o->believed | o->refuted);

	o->n_good = o->n_bad = 0;
	o->on_trial = open & NET_TX_TCP_CHECKSUM ? NET_TX_TCP_CHECKSUM : open & NET_TX_TSO;
}

void offload_init(struct iface *f)
{
	for (unsigned i = 0; i < RTE_DIM(f->offload); i++)
		next_trial(&f->offload[i], f->conf.offloads);
}

uint32_t net_offload_choose(struct net *n, const struct net_dst *dst, uint32_t *trial)
{
	struct offload *o = offload_of(n, dst);

	*trial = 0;
	/* Every other one: of a flight enough arrives for the rest to be missed at once. */
	if (unlikely(o->on_trial != 0) && o->turn++ % 2 == 0)
		*trial = o->on_trial;
	return o->believed | *trial;
}

void net_offload_judge(struct net *n, const struct net_dst *dst, uint32_t trial, bool arrived)
{
	struct offload *o = offload_of(n, dst);
	uint32_t offered = n->ifaces[dst->iface].conf.offloads;

	if (o->on_trial != trial)
		return; /* decided while it was on its way */
	if (arrived)
		o->n_good++;
	else
		o->n_bad++;
	if (o->n_bad >= ENOUGH_BAD && o->n_bad > RATIO * o->n_good) {
		/* What cannot make one checksum cuts no segments either. */
		o->refuted |= trial == NET_TX_TCP_CHECKSUM ? trial | (offered & NET_TX_TSO) : trial;
		next_trial(o, offered);
	} else if (o->n_good >= ENOUGH_GOOD && o->n_good > RATIO * o->n_bad) {
		o->believed |= trial;
		next_trial(o, offered);
	} else if (o->n_good + o->n_bad >= MUCH) {
		o->n_good /= 2;
		o->n_bad /= 2;
	}
}

void net_offload_verdict(const struct net *n, unsigned iface, struct net_verdict_tx *out)
{
	const struct offload *o = n->ifaces[iface].offload;

	out->believed = o[0].believed | o[1].believed;
	out->refuted = o[0].refuted | o[1].refuted;
}
