/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/net/internal.h"

/*
 * Which VLAN the frame is in, and what it carries. A NIC that strips tags leaves the outer one in
 * vlan_tci; a tag behind that would be QinQ, which we do not speak, and falls out as an
 * unknown type. Id 0 is a priority tag: the same as none (802.1Q).
 */
static bool vlan_parse(struct in *in, uint16_t *type, uint16_t *vlan)
{
	const struct rte_ether_hdr *eth = in_at(in, 0);
	const struct rte_vlan_hdr *tag;

	*type = rte_be_to_cpu_16(eth->ether_type);
	*vlan = 0;
	in->l3_off = sizeof(*eth);
	if (in->m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		*vlan = in->m->vlan_tci & 0xfff;
		return true;
	}
	if (likely(*type != RTE_ETHER_TYPE_VLAN))
		return true;
	if (in->m->data_len < sizeof(*eth) + sizeof(*tag))
		return false;
	tag = in_at(in, sizeof(*eth));
	*vlan = rte_be_to_cpu_16(tag->vlan_tci) & 0xfff;
	*type = rte_be_to_cpu_16(tag->eth_proto);
	in->l3_off += sizeof(*tag);
	return true;
}

/* The last bytes of an address whose solicited-node group has this MAC (RFC 2464 7, RFC 4291 2.7.1). */
static bool mac_is_solicited_node(const struct rte_ether_addr *mac, const struct ip_addr *ip)
{
	return mac->addr_bytes[2] == 0xff && !ip_addr_is_v4(ip) &&
	    memcmp(mac->addr_bytes + 3, ip->b + 13, 3) == 0;
}

/* Broadcast, all nodes (33:33:0:0:0:1) and the solicited-node groups of our addresses. */
static bool group_is_ours(const struct in *in, const struct rte_ether_addr *mac)
{
	static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	const struct net *n = in->n;

	if (rte_is_broadcast_ether_addr(mac) || memcmp(mac, all_nodes, 6) == 0)
		return true;
	if (mac->addr_bytes[0] != 0x33 || mac->addr_bytes[1] != 0x33)
		return false;
	for (unsigned i = 0; i < n->n_locals; i++)
		if (n->locals[i].iface == in->m->port &&
		    mac_is_solicited_node(mac, &n->locals[i].ip))
			return true;
	return false;
}

static bool macs_are_good(struct in *in)
{
	const struct rte_ether_hdr *eth = in_at(in, 0);
	const uint8_t *mac = in->iface->conf.mac;

	/* Our own announcements may be looped back to us. */
	if (!in_mac_is_good(in, eth->src_addr.addr_bytes))
		return false;
	if (likely(memcmp(&eth->dst_addr, mac, 6) == 0))
		return true;
	in->is_l2_multicast = true;
	return rte_is_multicast_ether_addr(&eth->dst_addr) && group_is_ours(in, &eth->dst_addr);
}

/* Headers begin a line and end in the next; of long frames the processor fetches the rest by itself. */
#define PREFETCH_HEADERS 128u
#define PREFETCH_MAX     1536u
#define CACHE_LINE       64u

void net_prefetch(const struct net *n, const struct rte_mbuf *m)
{
	bool reads_all =
	    m->port < n->n_ifaces && !(n->ifaces[m->port].conf.offloads & NET_RX_CHECKSUM);
	uint32_t len = RTE_MIN(m->data_len, reads_all ? PREFETCH_MAX : PREFETCH_HEADERS);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	__builtin_prefetch(p);
	__builtin_prefetch(p + CACHE_LINE);
	for (uint32_t off = PREFETCH_HEADERS; off < len; off += 4 * CACHE_LINE) {
		__builtin_prefetch(p + off);
		__builtin_prefetch(p + off + CACHE_LINE);
		__builtin_prefetch(p + off + 2 * CACHE_LINE);
		__builtin_prefetch(p + off + 3 * CACHE_LINE);
	}
}

enum net_verdict net_input(
    struct net *n, struct rte_mbuf *m, uint64_t now_us, struct pkt *pkt, struct net_icmp *icmp)
{
	struct in in = { .n = n, .m = m, .now_us = now_us, .pkt = pkt, .icmp = icmp };
	uint16_t type, vlan;

	n->now_us = now_us;
	if (m->port >= n->n_ifaces)
		return in_drop(&in, STAT_DROP_ETH_NOT_OURS);
	in.iface = &n->ifaces[m->port];
	pkt->iface = m->port;
	if (m->nb_segs > 1 && !mbuf_pull(m, RTE_MIN(m->pkt_len, (uint32_t)PULL_BYTES)))
		return in_drop(&in, STAT_DROP_NO_MBUF);
	if (m->data_len < sizeof(struct rte_ether_hdr) || !vlan_parse(&in, &type, &vlan))
		return in_drop(&in, STAT_DROP_ETH_SHORT);
	if (vlan != in.iface->conf.vlan)
		return in_drop(&in, STAT_DROP_VLAN);
	if (!macs_are_good(&in))
		return in_drop(&in, STAT_DROP_ETH_NOT_OURS);

	switch (type) {
	case RTE_ETHER_TYPE_IPV4:
		return ip4_input(&in);
	case RTE_ETHER_TYPE_IPV6:
		return ip6_input(&in);
	case RTE_ETHER_TYPE_ARP:
		return arp_input(&in);
	default:
		return in_drop(&in, STAT_DROP_ETH_TYPE);
	}
}
