/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/net/net.h"

#include <stdlib.h>

#include <rte_byteorder.h>

#include "dataplane/net/internal.h"

#define NEIGHBOURS_DEFAULT 1024
#define NEIGHBOURS_MAX     0xfff0
#define FRAGMENTS_DEFAULT  64
#define FRAGMENTS_MAX      4096

#define SWEEP_US    100000  /* how late a timer may be */
#define ANNOUNCE_US 2000000 /* RFC 5227 1.1 ANNOUNCE_INTERVAL */
#define ANNOUNCES   2       /* ANNOUNCE_NUM */

/* fe80::/64 and the MAC as a modified EUI-64 (RFC 4291 appendix A). */
static struct ip_addr link_local_make(const uint8_t mac[6])
{
	struct ip_addr a = { .b = { 0xfe, 0x80 } };

	memcpy(a.b + 8, mac, 3);
	a.b[8] ^= 2;
	a.b[11] = 0xff;
	a.b[12] = 0xfe;
	memcpy(a.b + 13, mac + 3, 3);
	return a;
}

static void local_add(
    struct net *n, uint16_t iface, const struct ip_addr *ip, uint8_t prefix, bool is_link_local)
{
	struct local *l = &n->locals[n->n_locals++];
	uint32_t host = 0, v4 = rte_be_to_cpu_32(ip->w[3]);

	*l = (struct local){ .ip = *ip, .iface = iface, .prefix = prefix };
	l->is_link_local = is_link_local;
	/* A /31 has no broadcast address (RFC 3021), a /32 has nothing but itself. */
	if (ip_addr_is_v4(ip) && prefix >= 96 && prefix <= 126)
		host = 0xffffffffu >> (prefix - 96);
	l->v4_net = v4 & ~host;
	l->v4_broadcast = v4 | host;
}

static void ifaces_init(struct net *n, const struct net_config *config)
{
	for (uint16_t i = 0; i < config->n_ifaces; i++) {
		struct iface *f = &n->ifaces[i];
		bool has_v6 = false;

		f->conf = config->ifaces[i];
		f->l2_len = f->conf.vlan != 0 ? 18 : 14;
		offload_init(f);
		f->link_local = link_local_make(f->conf.mac);
		for (unsigned k = 0; k < f->conf.n_addresses; k++) {
			const struct net_addr *a = &f->conf.addresses[k];

			has_v6 |= !ip_addr_is_v4(&a->ip);
			if (local_find(n, &a->ip, i) == NULL)
				local_add(n, i, &a->ip, a->prefix, false);
		}
		/* Without IPv6 addresses of its own an iface does not speak IPv6. */
		if (has_v6 && local_find(n, &f->link_local, i) == NULL)
			local_add(n, i, &f->link_local, 64, true);
	}
}

static bool config_is_good(const struct net_config *config)
{
	if (config->n_ifaces == 0 || config->n_ifaces > NET_MAX_IFACES)
		return false;
	for (unsigned i = 0; i < config->n_ifaces; i++)
		if (config->ifaces[i].n_addresses > NET_MAX_ADDRESSES ||
		    config->ifaces[i].n_routes > NET_MAX_ROUTES)
			return false;
	return true;
}

struct net *net_new(const struct net_config *config)
{
	struct net *n = config_is_good(config) ? calloc(1, sizeof(*n)) : NULL;
	unsigned n_neighs, n_frags;

	if (n == NULL)
		return NULL;
	n->n_ifaces = config->n_ifaces;
	n->pool = config->pool;
	n->stats = config->stats;
	n->key = siphash_key_make(config->secret);
	n->generation = 1;
	/*
	 * Per worker. ICMP is a courtesy; answers to ARP and ND are what keeps us reachable, so their limit
	 * only keeps a flood from taking all of the send queue.
	 */
	n->echoes = (struct bucket){ .interval_us = 1000, .burst = 1000 };
	n->errors = (struct bucket){ .interval_us = 10000, .burst = 50 };
	n->answers = (struct bucket){ .interval_us = 20, .burst = 500 };
	n->defences = (struct bucket){ .interval_us = 10000000, .burst = 1 };
	ifaces_init(n, config);

	/* Pinned routers must leave room for others. */
	n_neighs = config->max_neighbours != 0 ? config->max_neighbours : NEIGHBOURS_DEFAULT;
	for (unsigned i = 0; i < config->n_ifaces; i++)
		n_neighs += config->ifaces[i].n_routes;
	n_frags = config->max_fragments != 0 ? config->max_fragments : FRAGMENTS_DEFAULT;
	n->tx = malloc(NET_TX_QUEUE * sizeof(*n->tx));
	if (n->tx == NULL || !neigh_new(n, RTE_MIN(n_neighs, (unsigned)NEIGHBOURS_MAX)) ||
	    !frag_new(&n->frags, RTE_MIN(n_frags, (unsigned)FRAGMENTS_MAX)) || !route_new(n)) {
		net_free(n);
		return NULL;
	}
	return n;
}

void net_free(struct net *n)
{
	if (n == NULL)
		return;
	neigh_free(n);
	frag_free(&n->frags);
	while (n->tx_head != n->tx_tail)
		rte_pktmbuf_free(n->tx[n->tx_head++ % NET_TX_QUEUE]);
	free(n->tx);
	free(n->routes);
	free(n);
}

const struct net_iface *net_iface(const struct net *n, unsigned i)
{
	return &n->ifaces[i].conf;
}

unsigned net_n_ifaces(const struct net *n)
{
	return n->n_ifaces;
}

uint32_t net_generation(const struct net *n)
{
	return n->generation;
}

/* Tells everybody on the link who we are: a predecessor's MAC may still be in their tables. */
static void announce(struct net *n, uint64_t now_us)
{
	if (n->announced >= ANNOUNCES || (n->announced > 0 && now_us < n->announce_us))
		return;
	for (uint16_t i = 0; i < n->n_ifaces; i++)
		mld_report(n, i, MLD_TO_EXCLUDE);
	for (unsigned i = 0; i < n->n_locals; i++) {
		const struct local *l = &n->locals[i];

		if (ip_addr_is_v4(&l->ip))
			arp_announce(n, l->iface, &l->ip);
		else
			nd_announce(n, l->iface, &l->ip);
	}
	n->announced++;
	n->announce_us = now_us + ANNOUNCE_US;
}

/*
 * One sweep over neighbours and path MTUs every SWEEP_US, in pieces of budget: the tables are
 * small, and what is in them is due in seconds.
 */
uint64_t net_timers(struct net *n, uint64_t now_us, unsigned budget)
{
	unsigned left = budget;

	n->now_us = now_us;
	announce(n, now_us);
	left -= frag_expire(n, now_us, left);
	if (n->sweep_step == 0 && now_us < n->sweep_us)
		return left > 0 ? n->sweep_us : now_us;
	if (n->sweep_step == 0) {
		n->sweep_step = 1;
		n->sweep_us = now_us + SWEEP_US;
	}
	if (n->sweep_step == 1 && left > 0) {
		left -= neigh_sweep(n, now_us, &n->sweep_at, left);
		if (n->sweep_at == 0)
			n->sweep_step = 2;
	}
	if (n->sweep_step == 2 && left > 0) {
		pmtu_sweep(n, now_us, &n->sweep_at, left);
		if (n->sweep_at == 0)
			n->sweep_step = 0;
	}
	return n->sweep_step == 0 ? RTE_MAX(n->sweep_us, now_us) : now_us;
}

unsigned net_held_mbufs(const struct net *n)
{
	const struct neigh_table *t = &n->neighs;
	unsigned held = n->frags.n_segs;

	for (uint32_t i = n->tx_head; i != n->tx_tail; i++)
		held += n->tx[i % NET_TX_QUEUE]->nb_segs;
	for (unsigned e = 0; e < t->n_high; e++)
		for (unsigned i = 0; i < t->entries[e].n_waiting; i++)
			held += t->entries[e].waiting[i]->nb_segs;
	return held;
}
