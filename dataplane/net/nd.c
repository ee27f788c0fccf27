/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/internal.h"

/*
 * Neighbour solicitation and advertisement (RFC 4861). Hosts' part only: addresses and routes come
 * from the configuration, so router advertisements and redirects are counted and ignored
 * (redirects are a way to be robbed), and there is no duplicate address detection: an
 * address the operator gave us is ours, and is announced and defended.
 */
#define ND_FLAG_SOLICITED 0x40000000
#define ND_FLAG_OVERRIDE  0x20000000
#define ND_HOP_LIMIT      255
#define ND_OPTION_SOURCE  1
#define ND_OPTION_TARGET  2

/* A whole neighbour message: IPv6 header, body, one link-layer address option. */
struct nd_message {
	struct wire_ip6 ip;
	struct wire_nd nd;
	struct wire_nd_mac option;
} __attribute__((packed));

static const struct ip_addr all_nodes = { .b = { 0xff, 2, [15] = 1 } };

static void nd_send(struct net *n, uint16_t iface, const uint8_t mac[6], const struct ip_addr *src,
    const struct ip_addr *dst, const struct wire_nd *nd, uint8_t option)
{
	const uint32_t len = sizeof(struct nd_message) - sizeof(struct wire_ip6);
	struct nd_message *msg;
	void *payload;
	struct rte_mbuf *m = frame_new(n, iface, mac, RTE_ETHER_TYPE_IPV6, sizeof(*msg), &payload);
	uint64_t sum;

	if (m == NULL)
		return;
	msg = payload;
	msg->ip.vtc_flow = rte_cpu_to_be_32(6u << 28);
	msg->ip.payload_len = rte_cpu_to_be_16(len);
	msg->ip.next = PROTO_ICMP6;
	msg->ip.hop_limit = ND_HOP_LIMIT;
	memcpy(msg->ip.src, src, 16);
	memcpy(msg->ip.dst, dst, 16);
	msg->nd = *nd;
	msg->option = (struct wire_nd_mac){ .type = option, .len8 = 1 };
	memcpy(msg->option.mac, n->ifaces[iface].conf.mac, 6);
	sum = checksum_plus(checksum_addrs(src, dst), checksum_proto(PROTO_ICMP6, len));
	sum = checksum_plus(sum, checksum_add(&msg->nd, len));
	msg->nd.icmp.sum = (uint16_t)~checksum_fold(sum);
	stats_inc(n->stats, STAT_ND_SENT);
	tx_put(n, m);
}

/* 33:33 and the group's last four bytes (RFC 2464 7). */
static void group_mac(const struct ip_addr *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}

void nd_ask(struct net *n, uint16_t iface, const struct ip_addr *target, const uint8_t *mac)
{
	const struct ip_addr *source = route_source(n, iface, target);
	struct wire_nd nd = { .icmp.type = ICMP6_NEIGHBOUR_SOLICITATION };
	struct ip_addr dst = *target;
	uint8_t group[6];

	if (source == NULL)
		return;
	memcpy(nd.target, target, 16);
	if (mac == NULL) {
		/* The target's solicited-node group (RFC 4291 2.7.1). */
		static const uint8_t solicited[13] = { 0xff, 2, [11] = 1, [12] = 0xff };

		memcpy(dst.b, solicited, sizeof(solicited));
		group_mac(&dst, group);
		mac = group;
	}
	nd_send(n, iface, mac, source, &dst, &nd, ND_OPTION_SOURCE);
}

void nd_announce(struct net *n, uint16_t iface, const struct ip_addr *ip)
{
	struct wire_nd nd = { .icmp = { .type = ICMP6_NEIGHBOUR_ADVERTISEMENT,
				  .arg = rte_cpu_to_be_32(ND_FLAG_OVERRIDE) } };
	uint8_t mac[6];

	memcpy(nd.target, ip, 16);
	group_mac(&all_nodes, mac);
	nd_send(n, iface, mac, ip, &all_nodes, &nd, ND_OPTION_TARGET);
}

/*
 * Finds the link-layer address option of that type. False when the options are malformed: an
 * option of length 0 would never end (RFC 4861 6.1, 7.1).
 */
static bool nd_options_parse(const struct in *in, uint8_t type, const uint8_t **mac)
{
	const uint8_t *p = in_at(in, in->l4_off + (uint32_t)sizeof(struct wire_nd));
	uint32_t left = in->l4_len - (uint32_t)sizeof(struct wire_nd), len;

	*mac = NULL;
	while (left > 0) {
		if (left < 2)
			return false;
		len = p[1] * 8u;
		if (len == 0 || len > left)
			return false;
		if (p[0] == type && len == sizeof(struct wire_nd_mac))
			*mac = p + 2;
		p += len;
		left -= len;
	}
	return *mac == NULL || in_mac_is_good(in, *mac);
}

static enum net_verdict nd_bad(struct in *in)
{
	return in_drop(in, STAT_DROP_ND_BAD);
}

static enum net_verdict nd_done(struct in *in)
{
	rte_pktmbuf_free(in->m);
	return NET_TAKEN;
}

static void nd_defend(struct in *in, const struct ip_addr *ip)
{
	stats_inc(in->n->stats, STAT_ADDRESS_CONFLICT);
	if (bucket_take(&in->n->defences, in->now_us))
		nd_announce(in->n, in->m->port, ip);
}

/* RFC 4861 7.2.4. An asker without an address (duplicate address detection) is told with everybody. */
static void nd_answer(struct in *in, const struct ip_addr *target, const uint8_t *mac)
{
	const struct rte_ether_hdr *eth = in_at(in, 0);
	struct wire_nd nd = { .icmp.type = ICMP6_NEIGHBOUR_ADVERTISEMENT };

	if (!bucket_take(&in->n->answers, in->now_us))
		return;
	if (in->is_unspecified) {
		nd_announce(in->n, in->m->port, target);
		return;
	}
	nd.icmp.arg = rte_cpu_to_be_32(ND_FLAG_SOLICITED | ND_FLAG_OVERRIDE);
	memcpy(nd.target, target, 16);
	nd_send(in->n, in->m->port, mac != NULL ? mac : eth->src_addr.addr_bytes, target,
	    &in->pkt->src, &nd, ND_OPTION_TARGET);
}

/* RFC 4861 7.1.1 and 7.2.3. */
static enum net_verdict solicitation_input(struct in *in, const struct ip_addr *target)
{
	const uint8_t *mac;

	if (!nd_options_parse(in, ND_OPTION_SOURCE, &mac))
		return nd_bad(in);
	/* Duplicate address detection goes to the solicited-node group, without an address. */
	if (in->is_unspecified && (in->pkt->dst.b[11] != 1 || mac != NULL))
		return nd_bad(in);
	if (local_find(in->n, target, in->m->port) == NULL)
		return nd_done(in);
	/* A source from another prefix on this link is answered, but we would not send to it here. */
	if (mac != NULL && route_is_on_link(in->n, in->m->port, &in->pkt->src))
		neigh_update(
		    in->n, in->m->port, &in->pkt->src, mac, NEIGH_HEARD | NEIGH_CREATE, in->now_us);
	nd_answer(in, target, mac);
	return nd_done(in);
}

/* RFC 4861 7.1.2 and 7.2.5. */
static enum net_verdict advertisement_input(struct in *in, const struct ip_addr *target)
{
	const struct wire_icmp *h = in_at(in, in->l4_off);
	uint32_t flags = rte_be_to_cpu_32(h->arg);
	unsigned news = NEIGH_HEARD;
	const uint8_t *mac;
	uint16_t known;

	if (!nd_options_parse(in, ND_OPTION_TARGET, &mac) ||
	    (in->is_multicast && (flags & ND_FLAG_SOLICITED)) || in->is_unspecified)
		return nd_bad(in);
	if (local_find(in->n, target, in->m->port) != NULL) {
		nd_defend(in, target);
		return nd_done(in);
	}
	if (!route_is_on_link(in->n, in->m->port, target))
		return nd_bad(in);
	/*
	 * An answer we do not know the question to is kept as well (a departure from RFC 4861
	 * 7.2.5): with several queues it may be another worker's.
	 */
	if (flags & ND_FLAG_SOLICITED)
		news |= NEIGH_CONFIRMED | NEIGH_CREATE;
	if ((flags & ND_FLAG_OVERRIDE) == 0)
		news |= NEIGH_KEEP_MAC;
	if (mac == NULL) {
		/* Nothing new about the MAC; an answer to a unicast probe may leave it out. */
		known = neigh_find(in->n, in->m->port, target);
		if (known == NEIGH_NONE || in->n->neighs.entries[known].state < NEIGH_REACHABLE)
			return nd_done(in);
		mac = in->n->neighs.entries[known].mac;
	}
	neigh_update(in->n, in->m->port, target, mac, news, in->now_us);
	return nd_done(in);
}

enum net_verdict nd_input(struct in *in)
{
	const struct wire_nd *nd = in_at(in, in->l4_off);
	struct ip_addr target;

	/*
	 * Hop limit 255: no router passed it on, so it comes from this link (RFC 4861 7.1). With a
	 * fragment header the checks of switches could be dodged (RFC 6980).
	 */
	if (in->pkt->ttl != ND_HOP_LIMIT || in->has_fragment_header || nd->icmp.code != 0)
		return nd_bad(in);
	switch (nd->icmp.type) {
	case ICMP6_NEIGHBOUR_SOLICITATION:
	case ICMP6_NEIGHBOUR_ADVERTISEMENT:
		break;
	default:
		if (nd->icmp.type == ICMP6_ROUTER_ADVERTISEMENT)
			stats_inc(in->n->stats, STAT_ND_RA_IGNORED);
		else
			stats_inc(in->n->stats, STAT_ICMP_IGNORED);
		return nd_done(in);
	}
	if (in->l4_len < sizeof(*nd) || in->l4_off + in->l4_len > in->m->data_len)
		return nd_bad(in);
	target = wire_addr6(nd->target);
	if (target.b[0] == 0xff || target.q[0] == 0)
		return nd_bad(in);
	if (nd->icmp.type == ICMP6_NEIGHBOUR_SOLICITATION)
		return solicitation_input(in, &target);
	return advertisement_input(in, &target);
}
