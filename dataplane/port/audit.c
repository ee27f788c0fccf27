/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "dataplane/port/internal.h"

#define RX_CHECKSUM_FLAGS (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)

/* Where the IP header begins, and its ethertype; 0: none, or not in the first buffer. */
static unsigned ip_offset(const struct rte_mbuf *m, rte_be16_t *type)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	unsigned at = sizeof(*eth);

	if (m->data_len < at)
		return 0;
	*type = eth->ether_type;
	while (*type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || *type == RTE_BE16(RTE_ETHER_TYPE_QINQ)) {
		const struct rte_vlan_hdr *vlan =
		    rte_pktmbuf_mtod_offset(m, const struct rte_vlan_hdr *, at);

		at += sizeof(*vlan);
		if (m->data_len < at)
			return 0;
		*type = vlan->eth_proto;
	}
	return at;
}

/* The sum over a TCP segment and what its pseudo header adds up to: 0xffff when all is well. */
static bool is_tcp_intact(const struct rte_mbuf *m, unsigned at, unsigned len, uint16_t pseudo)
{
	uint16_t raw;
	uint32_t sum;

	if (len < sizeof(struct rte_tcp_hdr) || m->pkt_len < at + len ||
	    rte_raw_cksum_mbuf(m, at, len, &raw) != 0)
		return true;
	sum = (uint32_t)raw + pseudo;
	return (uint16_t)(sum + (sum >> 16)) == 0xffff;
}

static bool is_ip4_true(const struct rte_mbuf *m, unsigned at)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, at);
	unsigned header, len;

	if (m->data_len < at + sizeof(*ip))
		return true;
	header = rte_ipv4_hdr_len(ip);
	len = rte_be_to_cpu_16(ip->total_length);
	if (header < sizeof(*ip) || len < header || m->data_len < at + header)
		return true;
	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
	    rte_raw_cksum(ip, header) != 0xffff)
		return false;
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_GOOD ||
	    ip->next_proto_id != IPPROTO_TCP ||
	    (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) != 0)
		return true;
	return is_tcp_intact(m, at + header, len - header, rte_ipv4_phdr_cksum(ip, 0));
}

/* Headers between IPv6 and TCP are rare: such a frame is no evidence either way. */
static bool is_ip6_true(const struct rte_mbuf *m, unsigned at)
{
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, at);

	if (m->data_len < at + sizeof(*ip) || ip->proto != IPPROTO_TCP ||
	    (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	return is_tcp_intact(
	    m, at + sizeof(*ip), rte_be_to_cpu_16(ip->payload_len), rte_ipv6_phdr_cksum(ip, 0));
}

bool port_audit_is_true(const struct rte_mbuf *m)
{
	rte_be16_t type = 0;
	unsigned at = ip_offset(m, &type);

	if (at > 0 && type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return is_ip4_true(m, at);
	if (at > 0 && type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return is_ip6_true(m, at);
	return true;
}

/* True when the device has said something about m that is worth checking. */
static bool is_claim(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
	    (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

void port_audit(struct port_queue *q, struct rte_mbuf *pkts[], unsigned n)
{
	unsigned left = atomic_load_explicit(&q->audit, memory_order_relaxed);
	unsigned i = 0;

	for (; i < n && left > 0 && left != AUDIT_FAILED; i++) {
		if (!is_claim(pkts[i]))
			continue;
		left = port_audit_is_true(pkts[i]) ? left - 1 : AUDIT_FAILED;
		if (left == AUDIT_FAILED)
			break; /* this frame is the first not to be believed */
	}
	atomic_store_explicit(&q->audit, left, memory_order_relaxed);
	if (left == AUDIT_FAILED)
		for (; i < n; i++)
			pkts[i]->ol_flags &= ~RX_CHECKSUM_FLAGS;
}
