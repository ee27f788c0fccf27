/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/internal.h"

/* 0/8, 127/8, 224/4 and 240/4 with the limited broadcast never are a host's (RFC 1122 3.2.1.3). */
static bool ip4_is_martian(uint32_t ip)
{
	return ip >> 24 == 0 || ip >> 24 == 127 || ip >= 0xe0000000;
}

/*
 * A source that a host can have: no group, no subnet's broadcast address, and not ourselves (a
 * forged packet "from us" would have us talk to ourselves: the land attack).
 */
static bool ip4_source_is_good(const struct in *in, uint32_t src)
{
	const struct net *n = in->n;
	const struct local *l;

	if (ip4_is_martian(src))
		return false;
	for (unsigned i = 0; i < n->n_locals; i++) {
		l = &n->locals[i];
		if (!ip_addr_is_v4(&l->ip))
			continue;
		if (l->ip.w[3] == rte_cpu_to_be_32(src))
			return false;
		if (l->v4_net != l->v4_broadcast && (src == l->v4_net || src == l->v4_broadcast))
			return false;
	}
	return true;
}

/* Walks the options (RFC 791 3.1): all are ignored, but source routes and nonsense are refused. */
static bool ip4_options_are_good(const uint8_t *opt, unsigned len)
{
	while (len > 0) {
		if (opt[0] == 0)
			return true;
		if (opt[0] == 1) {
			opt++;
			len--;
			continue;
		}
		if (len < 2 || opt[1] < 2 || opt[1] > len)
			return false;
		if (opt[0] == 131 || opt[0] == 137)
			return false;
		len -= opt[1];
		opt += opt[1];
	}
	return true;
}

static bool ip4_checksum_is_good(const struct in *in, const struct wire_ip4 *ip, unsigned len)
{
	if (in->iface->conf.offloads & NET_RX_CHECKSUM) {
		switch (in->m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) {
		case RTE_MBUF_F_RX_IP_CKSUM_GOOD:
		case RTE_MBUF_F_RX_IP_CKSUM_NONE: /* wrong in the data, but known to be intact */
			return true;
		case RTE_MBUF_F_RX_IP_CKSUM_BAD:
			return false;
		}
	}
	if (likely(len == sizeof(*ip)))
		return checksum_fold(checksum_ip4(ip)) == 0xffff;
	return checksum_fold(checksum_add(ip, len)) == 0xffff;
}

/* Parses and checks the header; sets l4_off and l4_len. STAT_N: nothing is wrong with it. */
static enum stat ip4_check(struct in *in, const struct wire_ip4 *ip)
{
	uint32_t avail = in->m->data_len - in->l3_off;
	uint32_t whole = in->m->pkt_len - in->l3_off;
	unsigned ihl, total;

	if (avail < sizeof(*ip) || ip->version_ihl >> 4 != 4)
		return STAT_DROP_IP_BAD_HEADER;
	ihl = (ip->version_ihl & 15u) * 4;
	total = rte_be_to_cpu_16(ip->total_len);
	if (ihl < sizeof(*ip) || ihl > avail || total < ihl || total > whole)
		return STAT_DROP_IP_BAD_HEADER;
	if (!ip4_checksum_is_good(in, ip, ihl))
		return STAT_DROP_IP_BAD_CHECKSUM;
	if (ihl > sizeof(*ip) &&
	    !ip4_options_are_good((const uint8_t *)(ip + 1), ihl - (unsigned)sizeof(*ip)))
		return STAT_DROP_IP_OPTION;
	if (in->is_l2_multicast || local_find(in->n, &in->pkt->dst, in->m->port) == NULL)
		return STAT_DROP_IP_NOT_OURS;
	if (!ip4_source_is_good(in, rte_be_to_cpu_32(ip->src)))
		return STAT_DROP_IP_SOURCE;
	in->l4_off = (uint16_t)(in->l3_off + ihl);
	in->l4_len = (uint16_t)(total - ihl);
	return STAT_N;
}

static enum net_verdict ip4_deliver(struct in *in, uint8_t proto)
{
	in->proto = proto;
	switch (proto) {
	case PROTO_TCP:
		return tcp_deliver(in);
	case PROTO_ICMP:
		return icmp4_input(in);
	case PROTO_UDP:
		icmp_error(in, ICMP4_UNREACHABLE, ICMP4_PORT, 0);
		return in_drop(in, STAT_DROP_IP_PROTO);
	default:
		icmp_error(in, ICMP4_UNREACHABLE, ICMP4_PROTOCOL, 0);
		return in_drop(in, STAT_DROP_IP_PROTO);
	}
}

enum net_verdict ip4_input(struct in *in)
{
	const struct wire_ip4 *ip = in_at(in, in->l3_off);
	struct pkt *pkt = in->pkt;
	uint16_t frag;
	uint8_t proto;
	enum stat why = STAT_DROP_IP_BAD_HEADER;

	if (in->m->data_len >= in->l3_off + sizeof(*ip)) {
		pkt->src = wire_addr4(ip->src);
		pkt->dst = wire_addr4(ip->dst);
		why = ip4_check(in, ip);
	}
	if (unlikely(why != STAT_N))
		return in_drop(in, why);
	pkt->ecn = ip->tos & 3;
	pkt->ttl = ip->ttl;
	/* Ethernet pads short frames: what is behind the datagram is not data. */
	if ((uint32_t)(in->l4_off + in->l4_len) < in->m->pkt_len)
		mbuf_cut(in->m, in->l4_off + in->l4_len);

	proto = ip->proto;
	frag = rte_be_to_cpu_16(ip->frag);
	if (unlikely(frag & (IP4_MF | IP4_OFF_MASK))) {
		in->proto = proto;
		if (!frag_input(in, ip->id, (frag & IP4_OFF_MASK) * 8u, frag & IP4_MF, in->l4_off,
			in->l4_len))
			return NET_TAKEN;
	}
	return ip4_deliver(in, proto);
}

#define ALIKE_L3 14u /* neither a tag in the frame nor options in the IP header */
#define ALIKE_L4 34u

static uint64_t bits_of(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static uint32_t half_of(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* All of Ethernet's and IPv4's headers but the datagram's length, id and checksum. */
static bool headers_are_alike(const uint8_t *a, const uint8_t *b)
{
	return ((bits_of(a) ^ bits_of(b)) | (bits_of(a + 8) ^ bits_of(b + 8)) |
		   (half_of(a + 20) ^ half_of(b + 20)) | (bits_of(a + 26) ^ bits_of(b + 26))) == 0;
}

bool net_input_alike(struct net *n, const struct rte_mbuf *m, const struct rte_mbuf *before,
    const struct pkt *seen, uint16_t *l4_len)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct wire_ip4 *ip = (const struct wire_ip4 *)(const void *)(p + ALIKE_L3);
	/* Nothing below writes to either. */
	struct in in = { .n = n,
		.m = (struct rte_mbuf *)(uintptr_t)m,
		.pkt = (struct pkt *)(uintptr_t)seen,
		.l4_off = ALIKE_L4 };

	if (seen->l4_off != ALIKE_L4 || !ip_addr_is_v4(&seen->src) || seen->is_reassembled ||
	    m->nb_segs != 1 || m->data_len < ALIKE_L4 + sizeof(struct wire_tcp) ||
	    m->port != seen->iface || m->ol_flags != before->ol_flags ||
	    m->vlan_tci != before->vlan_tci ||
	    !headers_are_alike(p, rte_pktmbuf_mtod(before, const uint8_t *)) ||
	    rte_be_to_cpu_16(ip->total_len) + ALIKE_L3 != m->data_len)
		return false;
	in.iface = &n->ifaces[m->port];
	in.l4_len = (uint16_t)(m->data_len - ALIKE_L4);
	*l4_len = in.l4_len;
	return ip4_checksum_is_good(&in, ip, sizeof(*ip)) && tcp_checksum_is_good(&in);
}
