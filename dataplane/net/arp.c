/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/net/internal.h"

#define ARP_HW_ETHERNET 1
#define ARP_REQUEST     1
#define ARP_REPLY       2

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static void arp_send(struct net *n, uint16_t iface, const uint8_t to[6], const struct wire_arp *arp)
{
	void *payload;
	struct rte_mbuf *m = frame_new(n, iface, to, RTE_ETHER_TYPE_ARP, sizeof(*arp), &payload);

	if (m == NULL)
		return;
	memcpy(payload, arp, sizeof(*arp));
	stats_inc(n->stats, STAT_ARP_SENT);
	tx_put(n, m);
}

static struct wire_arp
arp_make(const struct net *n, uint16_t iface, uint16_t op, rte_be32_t sender, rte_be32_t target)
{
	struct wire_arp arp = { .hw_type = rte_cpu_to_be_16(ARP_HW_ETHERNET),
		.proto_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4),
		.hw_len = 6,
		.proto_len = 4,
		.op = rte_cpu_to_be_16(op),
		.sender_ip = sender,
		.target_ip = target };

	memcpy(arp.sender_mac, n->ifaces[iface].conf.mac, 6);
	return arp;
}

void arp_ask(struct net *n, uint16_t iface, const struct ip_addr *target, const uint8_t *mac)
{
	const struct ip_addr *source = route_source(n, iface, target);
	struct wire_arp arp;

	if (source == NULL)
		return;
	arp = arp_make(n, iface, ARP_REQUEST, source->w[3], target->w[3]);
	if (mac != NULL)
		memcpy(arp.target_mac, mac, 6);
	arp_send(n, iface, mac != NULL ? mac : broadcast, &arp);
}

/* A request for ourselves: tables of others are brought up to date (RFC 5227 3). */
void arp_announce(struct net *n, uint16_t iface, const struct ip_addr *ip)
{
	struct wire_arp arp = arp_make(n, iface, ARP_REQUEST, ip->w[3], ip->w[3]);

	arp_send(n, iface, broadcast, &arp);
}

static void arp_answer(struct in *in, const struct wire_arp *question)
{
	struct wire_arp arp =
	    arp_make(in->n, in->m->port, ARP_REPLY, question->target_ip, question->sender_ip);

	if (!bucket_take(&in->n->answers, in->now_us))
		return;
	memcpy(arp.target_mac, question->sender_mac, 6);
	arp_send(in->n, in->m->port, question->sender_mac, &arp);
}

/* Somebody else uses our address: say so once a while, as they may have just come (RFC 5227 2.4). */
static void arp_defend(struct in *in, const struct ip_addr *ip)
{
	stats_inc(in->n->stats, STAT_ADDRESS_CONFLICT);
	if (bucket_take(&in->n->defences, in->now_us))
		arp_announce(in->n, in->m->port, ip);
}

static bool arp_is_good(const struct in *in, const struct wire_arp *arp)
{
	return arp->hw_type == rte_cpu_to_be_16(ARP_HW_ETHERNET) &&
	    arp->proto_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) && arp->hw_len == 6 &&
	    arp->proto_len == 4 &&
	    (arp->op == rte_cpu_to_be_16(ARP_REQUEST) || arp->op == rte_cpu_to_be_16(ARP_REPLY)) &&
	    in_mac_is_good(in, arp->sender_mac);
}

enum net_verdict arp_input(struct in *in)
{
	struct net *n = in->n;
	uint16_t iface = in->m->port;
	const struct wire_arp *arp = in_at(in, in->l3_off);
	struct ip_addr sender, target;
	bool is_for_us;
	unsigned news = NEIGH_HEARD;

	if (in->m->data_len < in->l3_off + sizeof(*arp) || !arp_is_good(in, arp))
		return in_drop(in, STAT_DROP_ARP_BAD);
	sender = wire_addr4(arp->sender_ip);
	target = wire_addr4(arp->target_ip);
	is_for_us = local_find(n, &target, iface) != NULL;

	if (arp->sender_ip == 0) {
		/* A probe: somebody is about to take the target (RFC 5227 2.1.1). */
		if (is_for_us && arp->op == rte_cpu_to_be_16(ARP_REQUEST))
			arp_answer(in, arp);
	} else if (local_find(n, &sender, iface) != NULL) {
		arp_defend(in, &sender);
	} else {
		/* RFC 826: known ones are merged; new ones are kept if the packet is for us. */
		if (is_for_us)
			news |= NEIGH_CREATE;
		if (is_for_us && arp->op == rte_cpu_to_be_16(ARP_REPLY) && !in->is_l2_multicast)
			news |= NEIGH_CONFIRMED;
		/* One from another subnet is answered, but we would not send to it here. */
		if (route_is_on_link(n, iface, &sender))
			neigh_update(n, iface, &sender, arp->sender_mac, news, in->now_us);
		if (is_for_us && arp->op == rte_cpu_to_be_16(ARP_REQUEST))
			arp_answer(in, arp);
	}
	rte_pktmbuf_free(in->m);
	return NET_TAKEN;
}
