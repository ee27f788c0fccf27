/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include <rte_mbuf.h>

#include "dataplane/net/internal.h"

/*
 * The table behind ARP (RFC 826) and neighbour discovery (RFC 4861 7.3), which differ only in
 * how they ask. Two departures from RFC 4861, both so that traffic never waits: an entry in
 * use is probed before its reachable time is over, and there is no DELAY before PROBE.
 *
 * Floods: whoever is on the link can make us want neighbours that do not exist (SYNs from
 * forged neighbours) and hear of ones we do not want. Either kind has a share of the
 * table, and only replaces its own kind; routers named in the configuration are pinned.
 */
#define SECOND_US        1000000
#define REACHABLE_US     (25 * SECOND_US) /* RFC 4861's 30 s, less five for the probes */
#define ASK_AGAIN_US     SECOND_US        /* RETRANS_TIMER; RFC 1122 2.3.2.1's limit for ARP */
#define ASKS             3                /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT */
#define HOLD_DOWN_US     SECOND_US        /* doubles with every failure up to the next line */
#define HOLD_DOWN_MAX_US (8 * SECOND_US)
#define FORGET_US        (600ull * SECOND_US) /* unused for so long: the entry goes */
#define FAILED_FORGET_US (30ull * SECOND_US)
#define IDLE_US          (60ull * SECOND_US) /* unused for so long: may be replaced by another */
#define WAITING_MAX      512                 /* packets that wait, all neighbours together */
#define LOOKS            32                  /* entries looked at for a victim */
#define LEARNED_RING     256

static bool has_mac(const struct neigh *e)
{
	return e->state >= NEIGH_REACHABLE;
}

static bool is_asking(const struct neigh *e)
{
	return e->state == NEIGH_ASKING || e->state == NEIGH_FAILED;
}

static uint32_t hash_of(const struct net *n, uint16_t iface, const struct ip_addr *ip)
{
	uint64_t key[3] = { ip->q[0], ip->q[1], iface };

	return (uint32_t)siphash13(&n->key, key, sizeof(key));
}

bool neigh_new(struct net *n, unsigned n_entries)
{
	struct neigh_table *t = &n->neighs;
	uint32_t n_heads = rte_align32pow2(n_entries * 2);

	t->entries = calloc(n_entries, sizeof(*t->entries));
	t->heads = malloc(n_heads * sizeof(*t->heads));
	t->learned = calloc(LEARNED_RING, sizeof(*t->learned));
	if (t->entries == NULL || t->heads == NULL || t->learned == NULL)
		return false;
	memset(t->heads, 0xff, n_heads * sizeof(*t->heads));
	t->head_mask = n_heads - 1;
	t->n_entries = (uint16_t)n_entries;
	t->free = NEIGH_NONE;
	for (unsigned i = n_entries; i-- > 0;) {
		t->entries[i].hash_next = t->free;
		t->free = (uint16_t)i;
	}
	t->questions = (struct bucket){ .interval_us = 2000, .burst = 200 };
	t->learned_mask = LEARNED_RING - 1;
	return true;
}

static void waiting_drop(struct net *n, struct neigh *e, enum stat why)
{
	for (unsigned i = 0; i < e->n_waiting; i++)
		rte_pktmbuf_free(e->waiting[i]);
	stats_add(n->stats, why, e->n_waiting);
	n->neighs.n_waiting -= e->n_waiting;
	e->n_waiting = 0;
}

void neigh_free(struct net *n)
{
	struct neigh_table *t = &n->neighs;

	for (unsigned i = 0; t->entries != NULL && i < t->n_high; i++)
		waiting_drop(n, &t->entries[i], STAT_DROP_NEIGH_UNRESOLVED);
	free(t->entries);
	free(t->heads);
	free(t->learned);
}

/* The one place where an entry's state changes, and with it what is counted. */
static void set_state(struct net *n, struct neigh *e, enum neigh_state next)
{
	struct neigh_table *t = &n->neighs;

	if (is_asking(e) && !e->is_pinned)
		t->n_asking--;
	/* Templates with this MAC, or with this entry's number, are no longer right. */
	if (has_mac(e) && next < NEIGH_REACHABLE && e->is_wanted)
		generation_next(n);
	e->state = (uint8_t)next;
	e->state_us = n->now_us;
	e->asks = 0;
	if (is_asking(e) && !e->is_pinned)
		t->n_asking++;
}

static void set_wanted(struct net *n, struct neigh *e)
{
	if (!e->is_wanted) {
		e->is_wanted = true;
		n->neighs.n_heard--;
	}
}

static void entry_drop(struct net *n, struct neigh *e)
{
	struct neigh_table *t = &n->neighs;
	uint16_t i = (uint16_t)(e - t->entries);
	uint16_t *link = &t->heads[hash_of(n, e->iface, &e->ip) & t->head_mask];

	waiting_drop(n, e, STAT_DROP_NEIGH_UNRESOLVED);
	set_state(n, e, NEIGH_FREE);
	if (!e->is_wanted)
		t->n_heard--;
	while (*link != i)
		link = &t->entries[*link].hash_next;
	*link = e->hash_next;
	e->hash_next = t->free;
	t->free = i;
}

enum victim {
	VICTIM_HEARD,
	VICTIM_ASKING,
	VICTIM_ANY,
};

static bool is_victim(const struct net *n, const struct neigh *e, enum victim kind)
{
	bool heard = !e->is_wanted, asking = is_asking(e);

	if (e->state == NEIGH_FREE || e->is_pinned)
		return false;
	switch (kind) {
	case VICTIM_HEARD:
		return heard;
	case VICTIM_ASKING:
		return asking;
	case VICTIM_ANY:
		return heard || asking || n->now_us - e->used_us > IDLE_US;
	}
	return false;
}

/* Makes room at somebody's expense; false when a fair number of looks found nobody. */
static bool victim_drop(struct net *n, enum victim kind)
{
	struct neigh_table *t = &n->neighs;
	struct neigh *e;

	for (unsigned i = 0; i < LOOKS; i++) {
		if (++t->hand >= t->n_high)
			t->hand = 0;
		e = &t->entries[t->hand];
		if (is_victim(n, e, kind)) {
			entry_drop(n, e);
			return true;
		}
	}
	return false;
}

/* A new entry, in no state yet: the caller sets one at once. NULL: no room, counted. */
static struct neigh *entry_new(struct net *n, uint16_t iface, const struct ip_addr *ip, bool wanted)
{
	struct neigh_table *t = &n->neighs;
	bool ok = true;
	struct neigh *e;
	uint16_t *head;

	if (!wanted && t->n_heard >= t->n_entries / 4)
		ok = victim_drop(n, VICTIM_HEARD);
	else if (wanted && t->n_asking >= t->n_entries / 2)
		ok = victim_drop(n, VICTIM_ASKING);
	else if (t->free == NEIGH_NONE)
		ok = victim_drop(n, VICTIM_ANY);
	if (!ok || t->free == NEIGH_NONE) {
		stats_inc(n->stats, STAT_DROP_NEIGH_TABLE);
		return NULL;
	}
	e = &t->entries[t->free];
	if (t->free >= t->n_high)
		t->n_high = t->free + 1;
	head = &t->heads[hash_of(n, iface, ip) & t->head_mask];
	t->free = e->hash_next;
	*e = (struct neigh){ .ip = *ip, .iface = iface, .hash_next = *head, .is_wanted = wanted };
	*head = (uint16_t)(e - t->entries);
	if (!wanted)
		t->n_heard++;
	return e;
}

static bool is_of(const struct neigh *e, uint16_t iface, const struct ip_addr *ip)
{
	return ip_addr_eq(&e->ip, ip) && e->iface == iface;
}

uint16_t neigh_find(const struct net *n, uint16_t iface, const struct ip_addr *ip)
{
	const struct neigh_table *t = &n->neighs;
	uint16_t i = t->heads[hash_of(n, iface, ip) & t->head_mask];

	while (i != NEIGH_NONE && !is_of(&t->entries[i], iface, ip))
		i = t->entries[i].hash_next;
	return i;
}

/* A router of the configuration: there from the start, and asked for at the first net_timers. */
void neigh_pin(struct net *n, uint16_t iface, const struct ip_addr *ip)
{
	struct neigh *e;

	if (neigh_find(n, iface, ip) != NEIGH_NONE)
		return;
	e = entry_new(n, iface, ip, true);
	if (e == NULL)
		return;
	e->is_pinned = true;
	set_state(n, e, NEIGH_FAILED);
	e->due_us = 0;
}

uint16_t neigh_want(struct net *n, uint16_t iface, const struct ip_addr *ip)
{
	struct neigh_table *t = &n->neighs;
	uint16_t i = t->last;

	/* Mostly the same router: under a flood there is no time to hash its address again and again. */
	if (!has_mac(&t->entries[i]) || !is_of(&t->entries[i], iface, ip)) {
		i = neigh_find(n, iface, ip);
		if (i == NEIGH_NONE || !has_mac(&t->entries[i]))
			return NEIGH_NONE;
		t->last = i;
	}
	set_wanted(n, &t->entries[i]);
	return i;
}

/* Sends one question, to the known MAC or to everybody, if the limit allows it. */
static void ask(struct net *n, struct neigh *e, bool unicast, uint64_t now_us)
{
	const uint8_t *mac = unicast ? e->mac : NULL;

	e->due_us = now_us + ASK_AGAIN_US;
	/* Only questions about the unknown can be provoked in numbers. */
	if (!has_mac(e) && !e->is_pinned && !bucket_take(&n->neighs.questions, now_us)) {
		e->due_us = now_us + ASK_AGAIN_US / 4;
		return;
	}
	e->asks++;
	if (ip_addr_is_v4(&e->ip))
		arp_ask(n, e->iface, &e->ip, mac);
	else
		nd_ask(n, e->iface, &e->ip, mac);
}

static void waiting_send(struct net *n, struct neigh *e)
{
	for (unsigned i = 0; i < e->n_waiting; i++) {
		memcpy(rte_pktmbuf_mtod(e->waiting[i], void *), e->mac, 6);
		tx_put(n, e->waiting[i]);
	}
	n->neighs.n_waiting -= e->n_waiting;
	e->n_waiting = 0;
}

static void waiting_put(struct net *n, struct neigh *e, struct rte_mbuf *m)
{
	if (n->neighs.n_waiting >= WAITING_MAX) {
		stats_inc(n->stats, STAT_DROP_NEIGH_QUEUE);
		rte_pktmbuf_free(m);
		return;
	}
	/* The latest is worth most (RFC 1122 2.3.2.2). */
	if (e->n_waiting == NEIGH_WAITING) {
		stats_inc(n->stats, STAT_DROP_NEIGH_QUEUE);
		rte_pktmbuf_free(e->waiting[0]);
		memmove(e->waiting, e->waiting + 1, (NEIGH_WAITING - 1) * sizeof(e->waiting[0]));
		e->waiting[NEIGH_WAITING - 1] = m;
		return;
	}
	e->waiting[e->n_waiting++] = m;
	n->neighs.n_waiting++;
}

void neigh_wait(
    struct net *n, uint16_t iface, const struct ip_addr *ip, struct rte_mbuf *m, uint64_t now_us)
{
	uint16_t i = neigh_find(n, iface, ip);
	struct neigh *e = i != NEIGH_NONE ? &n->neighs.entries[i] : entry_new(n, iface, ip, true);

	if (e == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	set_wanted(n, e);
	if (has_mac(e)) {
		e->used_us = now_us;
		memcpy(rte_pktmbuf_mtod(m, void *), e->mac, 6);
		tx_put(n, m);
		return;
	}
	if (e->state == NEIGH_FAILED && now_us < e->due_us) {
		stats_inc(n->stats, STAT_DROP_NEIGH_UNRESOLVED);
		rte_pktmbuf_free(m);
		return;
	}
	if (e->state != NEIGH_ASKING) {
		set_state(n, e, NEIGH_ASKING);
		ask(n, e, false, now_us);
	}
	waiting_put(n, e, m);
}

/* Tells the other workers, through net_learned_next; the oldest news are lost when nobody listens. */
static void report(struct neigh_table *t, struct neigh *e, uint64_t now_us)
{
	struct net_neigh *out = &t->learned[t->learned_tail++ & t->learned_mask];

	*out = (struct net_neigh){ .ip = e->ip, .iface = e->iface };
	memcpy(out->mac, e->mac, 6);
	e->reported_us = now_us;
	if (t->learned_tail - t->learned_head > t->learned_mask + 1)
		t->learned_head++;
}

bool net_learned_next(struct net *n, struct net_neigh *out)
{
	struct neigh_table *t = &n->neighs;

	if (t->learned_head == t->learned_tail)
		return false;
	*out = t->learned[t->learned_head++ & t->learned_mask];
	return true;
}

void neigh_update(struct net *n, uint16_t iface, const struct ip_addr *ip, const uint8_t mac[6],
    unsigned news, uint64_t now_us)
{
	uint16_t i = neigh_find(n, iface, ip);
	struct neigh *e;
	bool changed, confirmed = news & NEIGH_CONFIRMED;

	n->now_us = now_us;
	if (i != NEIGH_NONE)
		e = &n->neighs.entries[i];
	else if ((news & NEIGH_CREATE) == 0 || (e = entry_new(n, iface, ip, false)) == NULL)
		return;

	changed = !has_mac(e) || memcmp(e->mac, mac, 6) != 0;
	if (changed && has_mac(e)) {
		if (news & NEIGH_KEEP_MAC) { /* RFC 4861 7.2.5 I */
			if (e->state == NEIGH_REACHABLE) {
				set_state(n, e, NEIGH_STALE);
				e->due_us = now_us;
			}
			return;
		}
		if (e->is_wanted)
			generation_next(n);
	}
	memcpy(e->mac, mac, 6);
	if (confirmed || changed) {
		set_state(n, e, confirmed ? NEIGH_REACHABLE : NEIGH_STALE);
		e->due_us = now_us + (confirmed ? REACHABLE_US : SECOND_US);
	}
	if (confirmed)
		e->backoff = 0;
	waiting_send(n, e);
	if ((news & NEIGH_SECOND_HAND) == 0 &&
	    (changed || (confirmed && now_us - e->reported_us >= SECOND_US)))
		report(&n->neighs, e, now_us);
}

void net_learn(struct net *n, const struct net_neigh *neigh, uint64_t now_us)
{
	if (neigh->iface < n->n_ifaces && !net_is_local(n, &neigh->ip, NULL) &&
	    route_is_on_link(n, neigh->iface, &neigh->ip))
		neigh_update(n, neigh->iface, &neigh->ip, neigh->mac,
		    NEIGH_CONFIRMED | NEIGH_CREATE | NEIGH_SECOND_HAND, now_us);
}

/* No answer: what waits is dropped, and nobody is asked again for a while. */
static void fail(struct net *n, struct neigh *e, uint64_t now_us)
{
	uint64_t hold = (uint64_t)HOLD_DOWN_US << RTE_MIN(e->backoff, 16);

	waiting_drop(n, e, STAT_DROP_NEIGH_UNRESOLVED);
	stats_inc(n->stats, STAT_NEIGH_FAILED);
	set_state(n, e, NEIGH_FAILED);
	e->due_us = now_us + RTE_MIN(hold, (uint64_t)HOLD_DOWN_MAX_US);
	if (e->backoff < UINT8_MAX)
		e->backoff++;
}

static bool is_used_since(const struct neigh *e, uint64_t since_us)
{
	return e->is_pinned || e->used_us > since_us;
}

static void probe(struct net *n, struct neigh *e, uint64_t now_us)
{
	set_state(n, e, NEIGH_PROBE);
	ask(n, e, true, now_us);
}

/* One entry whose time has come (RFC 4861 appendix C). */
static void entry_due(struct net *n, struct neigh *e, uint64_t now_us)
{
	switch ((enum neigh_state)e->state) {
	case NEIGH_ASKING:
		if (e->asks < ASKS)
			ask(n, e, false, now_us);
		else
			fail(n, e, now_us);
		return;
	case NEIGH_FAILED:
		if (e->is_pinned) {
			set_state(n, e, NEIGH_ASKING);
			ask(n, e, false, now_us);
		} else if (now_us - e->due_us > FAILED_FORGET_US) {
			entry_drop(n, e);
		}
		return;
	case NEIGH_REACHABLE:
		if (is_used_since(e, e->state_us)) {
			probe(n, e, now_us);
			return;
		}
		set_state(n, e, NEIGH_STALE);
		e->due_us = now_us;
		return;
	case NEIGH_STALE:
		if (is_used_since(e, e->state_us))
			probe(n, e, now_us);
		else if (now_us - e->state_us > FORGET_US)
			entry_drop(n, e);
		return;
	case NEIGH_PROBE:
		/* Then everybody is asked: the neighbour may have moved to another MAC. */
		if (e->asks < 2 * ASKS)
			ask(n, e, e->asks < ASKS, now_us);
		else
			fail(n, e, now_us);
		return;
	case NEIGH_FREE:
	case NEIGH_N_STATES:
		return;
	}
}

unsigned neigh_sweep(struct net *n, uint64_t now_us, uint32_t *at, unsigned budget)
{
	struct neigh_table *t = &n->neighs;
	unsigned done = 0;

	for (; done < budget && *at < t->n_high; done++, (*at)++) {
		struct neigh *e = &t->entries[*at];

		if (e->state != NEIGH_FREE && now_us >= e->due_us)
			entry_due(n, e, now_us);
	}
	if (*at >= t->n_high)
		*at = 0;
	return done;
}
