/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include <rte_byteorder.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/internal.h"

#define NO_IFACE 0xffff
#define TTL      64

/* The sum of a template's IPv4 header without its addresses, in words of a little-endian host: version, DF, TTL, protocol. */
#define FIRST_WORDS_SUM (0x45u + (0x40u << 16) + (TTL | PROTO_TCP << 8))

static bool addr_is_zero(const struct ip_addr *a)
{
	return (a->q[0] | a->q[1]) == 0;
}

static bool addr_is_link_local(const struct ip_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static struct ip_addr mask_make(unsigned prefix)
{
	struct ip_addr mask = { .q = { 0, 0 } };

	for (unsigned i = 0; i < prefix; i++)
		mask.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return mask;
}

static bool route_matches(const struct route *r, const struct ip_addr *ip)
{
	/* ::/0 does not speak for IPv4, which has a default route of its own: ::ffff:0:0/96. */
	return r->is_v4 == ip_addr_is_v4(ip) && (ip->q[0] & r->mask.q[0]) == r->to.q[0] &&
	    (ip->q[1] & r->mask.q[1]) == r->to.q[1];
}

static struct route
route_make(uint16_t iface, const struct ip_addr *to, uint8_t prefix, const struct ip_addr *via)
{
	struct route r = {
		.mask = mask_make(prefix), .via = *via, .prefix = prefix, .iface = iface
	};

	r.is_v4 = ip_addr_is_v4(to) && prefix >= 96;
	r.to.q[0] = to->q[0] & r.mask.q[0];
	r.to.q[1] = to->q[1] & r.mask.q[1];
	return r;
}

static int route_compare(const void *a, const void *b)
{
	const struct route *x = a, *y = b;

	return (int)y->prefix - (int)x->prefix;
}

/* Connected prefixes and static routes of all ifaces, longest prefix first. */
bool route_new(struct net *n)
{
	static const struct ip_addr on_link;
	const struct net_iface *c;
	unsigned max = 1;

	for (unsigned i = 0; i < n->n_ifaces; i++)
		max += n->ifaces[i].conf.n_addresses + n->ifaces[i].conf.n_routes;
	n->routes = calloc(max, sizeof(*n->routes));
	if (n->routes == NULL)
		return false;
	for (uint16_t i = 0; i < n->n_ifaces; i++) {
		c = &n->ifaces[i].conf;
		for (unsigned k = 0; k < c->n_addresses; k++)
			n->routes[n->n_routes++] =
			    route_make(i, &c->addresses[k].ip, c->addresses[k].prefix, &on_link);
		for (unsigned k = 0; k < c->n_routes; k++) {
			n->routes[n->n_routes++] =
			    route_make(i, &c->routes[k].to, c->routes[k].prefix, &c->routes[k].via);
			neigh_pin(n, i, &c->routes[k].via);
		}
	}
	qsort(n->routes, n->n_routes, sizeof(*n->routes), route_compare);
	return true;
}

const struct route *route_find(const struct net *n, const struct ip_addr *remote, uint16_t iface)
{
	const struct route *best = NULL, *r;

	for (unsigned i = 0; i < n->n_routes; i++) {
		r = &n->routes[i];
		if (best != NULL && r->prefix < best->prefix)
			break;
		if (!route_matches(r, remote))
			continue;
		if (iface == NO_IFACE || r->iface == iface)
			return r;
		if (best == NULL)
			best = r;
	}
	return best;
}

static const struct ip_addr *next_hop_of(const struct route *r, const struct ip_addr *remote)
{
	return addr_is_zero(&r->via) ? remote : &r->via;
}

bool route_is_on_link(const struct net *n, uint16_t iface, const struct ip_addr *ip)
{
	const struct local *l;
	const struct route *r;
	uint32_t ip4 = rte_be_to_cpu_32(ip->w[3]);

	if (addr_is_link_local(ip))
		return true;
	for (unsigned i = 0; i < n->n_routes; i++) {
		r = &n->routes[i];
		if (r->iface != iface)
			continue;
		if (addr_is_zero(&r->via) ? route_matches(r, ip) : ip_addr_eq(&r->via, ip))
			goto found;
	}
	return false;
found:
	for (unsigned i = 0; ip_addr_is_v4(ip) && i < n->n_locals; i++) {
		l = &n->locals[i];
		if (ip_addr_is_v4(&l->ip) && l->v4_net != l->v4_broadcast &&
		    (ip4 == l->v4_net || ip4 == l->v4_broadcast))
			return false;
	}
	return true;
}

const struct local *local_find(const struct net *n, const struct ip_addr *ip, uint16_t iface)
{
	for (unsigned i = 0; i < n->n_locals; i++)
		if (ip_addr_eq(&n->locals[i].ip, ip) &&
		    (iface == NO_IFACE || n->locals[i].iface == iface))
			return &n->locals[i];
	return NULL;
}

bool net_is_local(const struct net *n, const struct ip_addr *ip, uint16_t *iface)
{
	const struct local *l = local_find(n, ip, NO_IFACE);

	if (l != NULL && iface != NULL)
		*iface = l->iface;
	return l != NULL;
}

/* Bits that two addresses have in common from the left. */
static unsigned common_bits(const struct ip_addr *a, const struct ip_addr *b)
{
	uint64_t x;

	for (unsigned i = 0; i < 2; i++) {
		x = rte_be_to_cpu_64(a->q[i] ^ b->q[i]);
		if (x != 0)
			return i * 64 + (unsigned)__builtin_clzll(x);
	}
	return 128;
}

/* Of the same scope if possible, then with the longest common prefix (RFC 6724 rules 2 and 8). */
const struct ip_addr *
route_source(const struct net *n, uint16_t iface, const struct ip_addr *next_hop)
{
	const struct ip_addr *best = NULL, *ip;
	bool v4 = ip_addr_is_v4(next_hop), scope = addr_is_link_local(next_hop);
	unsigned score, best_score = 0;

	for (unsigned i = 0; i < n->n_locals; i++) {
		ip = &n->locals[i].ip;
		if (n->locals[i].iface != iface || ip_addr_is_v4(ip) != v4)
			continue;
		score = 1 + common_bits(ip, next_hop) + (addr_is_link_local(ip) == scope ? 256 : 0);
		if (score > best_score) {
			best = ip;
			best_score = score;
		}
	}
	return best;
}

/* Somebody a TCP connection can be with: not a group, not broadcast, not us (MUST-46). */
static bool remote_is_good(const struct net *n, const struct ip_addr *ip)
{
	uint32_t v4 = rte_be_to_cpu_32(ip->w[3]);
	const struct local *l;

	if (net_is_local(n, ip, NULL))
		return false;
	if (!ip_addr_is_v4(ip))
		return ip->q[0] != 0 && ip->b[0] != 0xff;
	if (v4 >> 24 == 0 || v4 >> 24 == 127 || v4 >= 0xe0000000)
		return false;
	for (unsigned i = 0; i < n->n_locals; i++) {
		l = &n->locals[i];
		if (ip_addr_is_v4(&l->ip) && l->v4_net != l->v4_broadcast &&
		    (v4 == l->v4_net || v4 == l->v4_broadcast))
			return false;
	}
	return true;
}

/* The template's addresses, and what depends on them. */
static void template_address(const struct net *n, const struct ip_addr *local,
    const struct ip_addr *remote, struct net_dst *dst)
{
	uint8_t *end = dst->header + sizeof(dst->header);

	dst->addr_sum = checksum_addrs(local, remote);
	if (dst->l3_len == sizeof(struct wire_ip4)) {
		struct wire_ip4 *ip = (struct wire_ip4 *)(void *)(end - sizeof(*ip));

		ip->src = local->w[3];
		ip->dst = remote->w[3];
		dst->ip_sum = checksum_fold((uint64_t)dst->addr_sum + FIRST_WORDS_SUM);
		dst->label_key = 0;
	} else {
		struct wire_ip6 *ip = (struct wire_ip6 *)(void *)(end - sizeof(*ip));
		struct ip_addr pair[2] = { *local, *remote };

		memcpy(ip->src, local, 16);
		memcpy(ip->dst, remote, 16);
		dst->ip_sum = 0;
		dst->label_key = (uint32_t)siphash13(&n->key, pair, sizeof(pair));
	}
}

/*
 * The template ends at the end of dst->header, so that one copy of constant length to the 64 bytes
 * before the TCP header puts everything in place.
 */
static void template_make(const struct net *n, const struct ip_addr *local,
    const struct ip_addr *remote, struct net_dst *dst)
{
	const struct iface *f = &n->ifaces[dst->iface];
	bool v4 = ip_addr_is_v4(remote);
	uint8_t *p;

	dst->l2_len = (uint8_t)f->l2_len;
	dst->l3_len = v4 ? sizeof(struct wire_ip4) : sizeof(struct wire_ip6);
	memset(dst->header, 0, sizeof(dst->header));
	p = dst->header + sizeof(dst->header) - dst->l3_len - dst->l2_len;
	if (dst->resolved)
		memcpy(p, n->neighs.entries[dst->neigh].mac, 6);
	eth_write(f, p, v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	p += dst->l2_len;
	if (v4) {
		/* DF and id 0: never fragmented on the way (RFC 6864 4.1, RFC 1191). */
		struct wire_ip4 ip = { .version_ihl = 0x45,
			.frag = rte_cpu_to_be_16(IP4_DF),
			.ttl = TTL,
			.proto = PROTO_TCP };

		memcpy(p, &ip, sizeof(ip));
	} else {
		struct wire_ip6 ip = { .next = PROTO_TCP, .hop_limit = TTL };

		memcpy(p, &ip, sizeof(ip));
	}
	template_address(n, local, remote, dst);
}

bool net_route_by(struct net *n, struct ip_addr *local, const struct ip_addr *remote,
    uint16_t iface, struct net_dst *dst)
{
	const struct route *r;
	const struct ip_addr *source;
	const struct local *l;
	bool v4 = ip_addr_is_v4(remote);
	uint16_t mtu;

	if (!remote_is_good(n, remote))
		return false;
	if (iface == NO_IFACE && !addr_is_zero(local)) {
		/* Among equal routes the one of the iface that has the local address. */
		l = local_find(n, local, NO_IFACE);
		if (l != NULL)
			iface = l->iface;
	}
	if (addr_is_link_local(remote)) {
		/* No route says where: the local address does, or the packet that came. */
		dst->iface = iface == NO_IFACE ? 0 : iface;
		dst->next_hop = *remote;
	} else {
		r = route_find(n, remote, iface);
		if (r == NULL)
			return false;
		dst->iface = r->iface;
		dst->next_hop = *next_hop_of(r, remote);
	}
	if (addr_is_zero(local)) {
		/* A router's link-local address says nothing about which of ours to use. */
		source = route_source(
		    n, dst->iface, addr_is_link_local(&dst->next_hop) ? remote : &dst->next_hop);
		if (source == NULL)
			return false;
		*local = *source;
	}
	if (ip_addr_is_v4(local) != v4)
		return false;
	mtu = n->ifaces[dst->iface].conf.mtu;
	dst->mtu = pmtu_get(n, remote, mtu);
	dst->neigh = neigh_want(n, dst->iface, &dst->next_hop);
	dst->resolved = dst->neigh != NEIGH_NONE;
	dst->generation = n->generation;
	template_make(n, local, remote, dst);
	return true;
}

bool net_route(
    struct net *n, struct ip_addr *local, const struct ip_addr *remote, struct net_dst *dst)
{
	return net_route_by(n, local, remote, NO_IFACE, dst);
}

const struct net_dst *route_back(struct net *n, const struct pkt *pkt)
{
	struct way_back *b = &n->back;
	struct ip_addr local = pkt->dst;
	const struct route *r =
	    addr_is_link_local(&pkt->src) ? NULL : route_find(n, &pkt->src, pkt->iface);

	/* That the source is a host's, ip4_input and ip6_input have seen. */
	if (likely(r != NULL && r == b->route && b->dst.generation == n->generation &&
		ip_addr_eq(next_hop_of(r, &pkt->src), &b->dst.next_hop) &&
		ip_addr_eq(&b->local, &local))) {
		template_address(n, &local, &pkt->src, &b->dst);
		return &b->dst;
	}
	b->route = NULL;
	if (!net_route_by(n, &local, &pkt->src, pkt->iface, &b->dst))
		return NULL;
	/* A neighbour without a MAC gets one without a new generation. */
	if (b->dst.resolved) {
		b->route = r;
		b->local = local;
	}
	return &b->dst;
}
