/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/internal.h"

/*
 * Multicast listener reports (RFC 3810) for our solicited-node groups, and nothing else of MLD: a
 * switch that snoops passes neighbour solicitations only to ports whose listeners it
 * knows (RFC 4541 3), so without them nobody would find us once a querier is about.
 */
#define MLD_HOP_LIMIT 1

struct mld_record {
	uint8_t type, aux_len;
	rte_be16_t n_sources;
	uint8_t group[16];
} __attribute__((packed));

struct mld_report {
	struct wire_ip6 ip;
	uint8_t hop_by_hop[8];
	struct wire_icmp icmp; /* arg: the number of records */
	struct mld_record records[NET_MAX_ADDRESSES + 1];
} __attribute__((packed));

/* Router alert for MLD (RFC 2711), padded; ICMPv6 follows. */
static const uint8_t router_alert[8] = { PROTO_ICMP6, 0, 5, 2, 0, 0, 1, 0 };

/* The solicited-node groups of the iface's addresses, each once. */
static unsigned
records_make(const struct net *n, uint16_t iface, uint8_t type, struct mld_record records[])
{
	static const uint8_t solicited[13] = { 0xff, 2, [11] = 1, [12] = 0xff };
	unsigned n_records = 0, k;

	for (unsigned i = 0; i < n->n_locals; i++) {
		const struct local *l = &n->locals[i];

		if (l->iface != iface || ip_addr_is_v4(&l->ip))
			continue;
		for (k = 0; k < n_records; k++)
			if (memcmp(records[k].group + 13, l->ip.b + 13, 3) == 0)
				break;
		if (k < n_records)
			continue;
		records[k] = (struct mld_record){ .type = type };
		memcpy(records[k].group, solicited, sizeof(solicited));
		memcpy(records[k].group + 13, l->ip.b + 13, 3);
		n_records++;
	}
	return n_records;
}

void mld_report(struct net *n, uint16_t iface, uint8_t type)
{
	static const struct ip_addr routers = { .b = { 0xff, 2, [15] = 0x16 } };
	static const uint8_t routers_mac[6] = { 0x33, 0x33, 0, 0, 0, 0x16 };
	const struct ip_addr *src = &n->ifaces[iface].link_local;
	struct mld_report r = { .ip = { .vtc_flow = rte_cpu_to_be_32(6u << 28),
				    .next = PROTO_HOPOPTS,
				    .hop_limit = MLD_HOP_LIMIT } };
	unsigned n_records = records_make(n, iface, type, r.records);
	uint32_t len = (uint32_t)(sizeof(r.icmp) + n_records * sizeof(r.records[0]));
	uint32_t whole = (uint32_t)offsetof(struct mld_report, icmp) + len;
	struct rte_mbuf *m;
	void *payload;
	uint64_t sum;

	if (n_records == 0)
		return;
	r.ip.payload_len = rte_cpu_to_be_16((uint16_t)(whole - sizeof(r.ip)));
	memcpy(r.ip.src, src, 16);
	memcpy(r.ip.dst, &routers, 16);
	memcpy(r.hop_by_hop, router_alert, sizeof(router_alert));
	r.icmp.type = ICMP6_MLD2_REPORT;
	r.icmp.arg = rte_cpu_to_be_32(n_records);
	sum = checksum_plus(checksum_addrs(src, &routers), checksum_proto(PROTO_ICMP6, len));
	r.icmp.sum = (uint16_t)~checksum_fold(checksum_plus(sum, checksum_add(&r.icmp, len)));

	m = frame_new(n, iface, routers_mac, RTE_ETHER_TYPE_IPV6, (uint16_t)whole, &payload);
	if (m == NULL)
		return;
	memcpy(payload, &r, whole);
	stats_inc(n->stats, STAT_MLD_SENT);
	tx_put(n, m);
}

/* A query (RFC 3810 5.1, 6.2): answered for all groups at once, at the start of the allowed delay. */
enum net_verdict mld_query_input(struct in *in)
{
	const struct ip_addr *src = &in->pkt->src;

	if (in->l4_len < 24 || in->pkt->ttl != MLD_HOP_LIMIT || in->has_fragment_header ||
	    src->b[0] != 0xfe || (src->b[1] & 0xc0) != 0x80)
		return in_drop(in, STAT_DROP_ND_BAD);
	if (bucket_take(&in->n->answers, in->now_us))
		mld_report(in->n, in->m->port, MLD_IS_EXCLUDE);
	rte_pktmbuf_free(in->m);
	return NET_TAKEN;
}
