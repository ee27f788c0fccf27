/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/net/internal.h"

#define PMTU_AGE_US \
	(600ull * 1000000) /* RFC 1191 6.3, RFC 8201 4: not less than 5, ten recommended */
#define PMTU_MIN4 552      /* below it forged messages would make us send crumbs */
#define PMTU_MIN6 1280

/* RFC 1191 table 7-1: for routers that do not tell, the next lower of what is common. */
static const uint16_t plateaus[] = { 65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, PMTU_MIN4 };

static struct pmtu *set_of(const struct net *n, const struct ip_addr *remote)
{
	uint64_t hash = siphash13(&n->key, remote, sizeof(*remote));

	return (struct pmtu *)(uintptr_t)n->pmtus[hash % PMTU_SETS];
}

uint16_t pmtu_get(const struct net *n, const struct ip_addr *remote, uint16_t mtu)
{
	const struct pmtu *set;

	if (n->n_pmtus == 0)
		return mtu;
	set = set_of(n, remote);
	for (unsigned i = 0; i < PMTU_WAYS; i++)
		if (set[i].mtu != 0 && ip_addr_eq(&set[i].remote, remote))
			return RTE_MIN(mtu, set[i].mtu);
	return mtu;
}

static uint16_t plateau_below(uint16_t mtu)
{
	for (unsigned i = 0; i < RTE_DIM(plateaus); i++)
		if (plateaus[i] < mtu)
			return plateaus[i];
	return PMTU_MIN4;
}

/* The entry for remote: its own, a free one, or else the oldest of its set. */
static struct pmtu *entry_for(struct net *n, const struct ip_addr *remote)
{
	struct pmtu *set = set_of(n, remote), *best = &set[0];

	for (unsigned i = 0; i < PMTU_WAYS; i++) {
		if (set[i].mtu != 0 && ip_addr_eq(&set[i].remote, remote))
			return &set[i];
		if (best->mtu != 0 && (set[i].mtu == 0 || set[i].set_us < best->set_us))
			best = &set[i];
	}
	return best;
}

void net_pmtu_set(struct net *n, const struct ip_addr *remote, uint32_t mtu, uint64_t now_us)
{
	const struct route *r = route_find(n, remote, 0xffff);
	bool v4 = ip_addr_is_v4(remote);
	uint16_t now, floor = v4 ? PMTU_MIN4 : PMTU_MIN6;
	struct pmtu *e;

	n->now_us = now_us;
	if (r == NULL)
		return;
	now = pmtu_get(n, remote, n->ifaces[r->iface].conf.mtu);
	if (mtu == 0)
		mtu = plateau_below(now);
	mtu = RTE_MAX(mtu, floor);
	if (mtu >= now)
		return; /* only ever lowered; raised again by age */
	e = entry_for(n, remote);
	if (e->mtu == 0)
		n->n_pmtus++;
	*e = (struct pmtu){ .remote = *remote, .set_us = now_us, .mtu = (uint16_t)mtu };
	stats_inc(n->stats, STAT_PMTU_LOWERED);
	generation_next(n);
}

unsigned pmtu_sweep(struct net *n, uint64_t now_us, uint32_t *at, unsigned budget)
{
	unsigned done = 0;
	bool is_changed = false;

	for (; n->n_pmtus > 0 && done < budget && *at < PMTU_SETS; done++, (*at)++)
		for (unsigned i = 0; i < PMTU_WAYS; i++) {
			struct pmtu *e = &n->pmtus[*at][i];

			if (e->mtu == 0 || now_us - e->set_us < PMTU_AGE_US)
				continue;
			e->mtu = 0;
			n->n_pmtus--;
			is_changed = true;
		}
	if (is_changed)
		generation_next(n);
	if (n->n_pmtus == 0 || *at >= PMTU_SETS)
		*at = 0;
	return done;
}
