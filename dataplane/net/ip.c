/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stddef.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/internal.h"

/* What both versions of IP have in common: the way up to TCP, and the way down. */

#define NO_IFACE 0xffff

bool tcp_checksum_is_good(const struct in *in)
{
	uint64_t sum;

	if (in->iface->conf.offloads & NET_RX_CHECKSUM) {
		switch (in->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
		case RTE_MBUF_F_RX_L4_CKSUM_GOOD:
		case RTE_MBUF_F_RX_L4_CKSUM_NONE: /* wrong in the data, but known to be intact */
			return true;
		case RTE_MBUF_F_RX_L4_CKSUM_BAD:
			return false;
		}
	}
	sum = checksum_plus(
	    checksum_addrs(&in->pkt->src, &in->pkt->dst), checksum_proto(PROTO_TCP, in->l4_len));
	sum = checksum_plus(sum, checksum_chain(in->m, in->l4_off, in->l4_len));
	return checksum_fold(sum) == 0xffff;
}

enum net_verdict tcp_deliver(struct in *in)
{
	struct pkt *pkt = in->pkt;

	if (in->l4_len < sizeof(struct wire_tcp) ||
	    in->l4_off + sizeof(struct wire_tcp) > in->m->data_len)
		return in_drop(in, STAT_DROP_TCP_BAD_HEADER);
	if (unlikely(!tcp_checksum_is_good(in)))
		return in_drop(in, STAT_DROP_TCP_BAD_CHECKSUM);
	pkt->l4_off = in->l4_off;
	pkt->l4_len = in->l4_len;
	pkt->l4_checked = true;
	pkt->is_reassembled = in->is_reassembled;
	return NET_TCP;
}

void eth_write(const struct iface *f, uint8_t *header, uint16_t type)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)(void *)header;
	struct rte_vlan_hdr *tag = (struct rte_vlan_hdr *)(void *)(eth + 1);

	memcpy(&eth->src_addr, f->conf.mac, 6);
	if (f->conf.vlan == 0) {
		eth->ether_type = rte_cpu_to_be_16(type);
		return;
	}
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);
	tag->vlan_tci = rte_cpu_to_be_16(f->conf.vlan);
	tag->eth_proto = rte_cpu_to_be_16(type);
}

struct rte_mbuf *frame_new(struct net *n, uint16_t iface, const uint8_t dst[6], uint16_t type,
    uint16_t len, void **payload)
{
	const struct iface *f = &n->ifaces[iface];
	struct rte_mbuf *m = rte_pktmbuf_alloc(n->pool);
	char *p = m != NULL ? rte_pktmbuf_append(m, f->l2_len + len) : NULL;

	if (p == NULL) {
		stats_inc(n->stats, STAT_DROP_NO_MBUF);
		rte_pktmbuf_free(m);
		return NULL;
	}
	memset(p, 0, f->l2_len + len);
	memcpy(p, dst, 6);
	eth_write(f, (uint8_t *)p, type);
	m->port = iface;
	*payload = p + f->l2_len;
	return m;
}

/* A FIFO that starts again at 0 when it is empty: in the normal case a burst stays in few lines. */
void tx_put(struct net *n, struct rte_mbuf *m)
{
	if (unlikely(n->tx_tail - n->tx_head == NET_TX_QUEUE)) {
		stats_inc(n->stats, STAT_DROP_TX_FULL);
		rte_pktmbuf_free(m);
		return;
	}
	n->tx[n->tx_tail++ % NET_TX_QUEUE] = m;
}

unsigned net_tx(struct net *n, struct rte_mbuf *out[], unsigned max)
{
	unsigned i = 0;

	while (i < max && n->tx_head != n->tx_tail)
		out[i++] = n->tx[n->tx_head++ % NET_TX_QUEUE];
	if (n->tx_head == n->tx_tail)
		n->tx_head = n->tx_tail = 0;
	return i;
}

unsigned net_tx_space(const struct net *n)
{
	return NET_TX_QUEUE - (n->tx_tail - n->tx_head);
}

/*
 * Copies the template in front of m: always 64 bytes, of which the first may be no header but unused
 * headroom; a copy of constant length is a few vector moves. NULL: not enough headroom.
 */
static uint8_t *template_put(const struct net_dst *dst, struct rte_mbuf *m)
{
	uint8_t *l4 = rte_pktmbuf_mtod(m, uint8_t *);

	assert(rte_pktmbuf_headroom(m) >= sizeof(dst->header));
	memcpy(l4 - sizeof(dst->header), dst->header, sizeof(dst->header));
	rte_pktmbuf_prepend(m, (uint16_t)(dst->l2_len + dst->l3_len));
	m->port = dst->iface;
	return l4;
}

/* Hands a frame that lacks nothing but perhaps the target's MAC on. */
static void
frame_send(struct net *n, const struct net_dst *dst, struct rte_mbuf *m, uint64_t now_us)
{
	if (likely(dst->resolved)) {
		n->neighs.entries[dst->neigh].used_us = now_us;
		tx_put(n, m);
	} else {
		neigh_wait(n, dst->iface, &dst->next_hop, m, now_us);
	}
}

static void
ip4_finish(const struct net_dst *dst, uint8_t *l4, uint32_t len, uint8_t ecn, bool device_sums)
{
	struct wire_ip4 *ip = (struct wire_ip4 *)(void *)(l4 - sizeof(*ip));

	ip->total_len = rte_cpu_to_be_16((uint16_t)(len + sizeof(*ip)));
	ip->tos = ecn;
	ip->sum = device_sums ? 0
			      : (uint16_t)~checksum_fold(
				    (uint64_t)dst->ip_sum + ip->total_len + rte_cpu_to_be_16(ecn));
}

/* 20 bits that are the same for all packets of a flow and tell nothing else (RFC 6437). */
static uint32_t flow_label(const struct net_dst *dst, const uint8_t *tcp)
{
	rte_be32_t ports;
	uint64_t x;

	memcpy(&ports, tcp, sizeof(ports));
	x = (uint64_t)dst->label_key << 32 | rte_be_to_cpu_32(ports);
	x *= 0x9e3779b97f4a7c15ULL;
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(x >> 44);
}

static void ip6_finish(const struct net_dst *dst, uint8_t *l4, uint32_t len, uint8_t ecn)
{
	struct wire_ip6 *ip = (struct wire_ip6 *)(void *)(l4 - sizeof(*ip));
	uint32_t word = 6u << 28 | (uint32_t)ecn << 20 | flow_label(dst, l4);

	ip->vtc_flow = rte_cpu_to_be_32(word);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)len);
}

/*
 * The TCP checksum, or what the device needs to make it: the pseudo header's sum in the
 * checksum field, without the length if the device segments (it then differs). True: it is complete.
 */
static bool tcp_checksum_put(const struct iface *f, const struct net_dst *dst, struct rte_mbuf *m,
    uint8_t *l4, uint32_t len, uint8_t how)
{
	struct wire_tcp *tcp = (struct wire_tcp *)(void *)l4;
	bool tso = m->tso_segsz != 0, v4 = dst->l3_len == sizeof(struct wire_ip4);
	bool by_device = tso || how & NET_TRY ||
	    (f->offload[!v4].believed & NET_TX_TCP_CHECKSUM && !(how & NET_PLAIN));
	uint64_t sum = checksum_plus(dst->addr_sum, checksum_proto(PROTO_TCP, tso ? 0 : len));

	if (by_device) {
		m->tx_offload = rte_mbuf_tx_offload(
		    dst->l2_len, dst->l3_len, (tcp->off >> 4) * 4u, m->tso_segsz, 0, 0, 0);
		m->ol_flags |=
		    RTE_MBUF_F_TX_TCP_CKSUM | (v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
		if (tso)
			m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		if (tso && v4 && f->conf.offloads & NET_TX_IP_CHECKSUM)
			m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
		tcp->sum = checksum_fold(sum);
		return false;
	}
	sum = checksum_plus(sum, checksum_chain(m, (uint32_t)dst->l2_len + dst->l3_len, len));
	tcp->sum = (uint16_t)~checksum_fold(sum);
	return true;
}

/* m is a whole frame, its TCP part len bytes at l4: noted where others can be made of its headers. */
static void run_note(struct net_run *run, const struct net_dst *dst, const struct rte_mbuf *m,
    const uint8_t *l4, uint32_t len)
{
	const struct wire_tcp *tcp = (const struct wire_tcp *)(const void *)l4;
	uint32_t tcp_len = (tcp->off >> 4) * 4u, headers = m->pkt_len - len + tcp_len;

	if (m->nb_segs != 1 || !dst->resolved || headers > NET_RUN_HEADERS || tcp_len >= len)
		return;
	run->payload = (uint16_t)(len - tcp_len);
	run->iface = dst->iface;
	run->len = (uint8_t)headers;
	run->tcp_len = (uint8_t)tcp_len;
	run->sum = checksum_plus(dst->addr_sum, checksum_proto(PROTO_TCP, len));
	memcpy(run->headers, l4 + tcp_len - NET_RUN_HEADERS, NET_RUN_HEADERS);
	memset(run->headers + NET_RUN_HEADERS - tcp_len + offsetof(struct wire_tcp, sum), 0,
	    sizeof(tcp->sum));
}

/* Chains that are no TSO go as they are once TSO has shown that the device gathers; else as a copy. */
static struct rte_mbuf *one_piece(struct net *n, const struct iface *f, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (likely(m->nb_segs == 1) || m->tso_segsz != 0 ||
	    (f->offload[0].believed | f->offload[1].believed) & NET_TX_TSO)
		return m;
	copy = rte_pktmbuf_copy(m, n->pool, 0, UINT32_MAX);
	rte_pktmbuf_free(m);
	if (copy == NULL)
		stats_inc(n->stats, STAT_DROP_NO_MBUF);
	return copy;
}

static void tcp_put(struct net *n, const struct net_dst *dst, struct rte_mbuf *m, uint8_t how,
    uint64_t now_us, struct net_run *run)
{
	const struct iface *f = &n->ifaces[dst->iface];
	uint32_t len = m->pkt_len;
	uint8_t *l4;

	assert(m->tso_segsz == 0 || (f->conf.offloads & NET_TX_TSO && len <= NET_TSO_MAX));
	m = one_piece(n, f, m);
	if (unlikely(m == NULL))
		return;
	l4 = template_put(dst, m);
	if (dst->l3_len == sizeof(struct wire_ip4))
		ip4_finish(dst, l4, len, how & NET_ECN,
		    m->tso_segsz != 0 && f->conf.offloads & NET_TX_IP_CHECKSUM);
	else
		ip6_finish(dst, l4, len, how & NET_ECN);
	if (tcp_checksum_put(f, dst, m, l4, len, how) && run != NULL)
		run_note(run, dst, m, l4, len);
	frame_send(n, dst, m, now_us);
}

static void no_route(struct net *n, struct rte_mbuf *m)
{
	stats_inc(n->stats, STAT_DROP_NO_ROUTE);
	rte_pktmbuf_free(m);
}

void net_send_tcp_noted(struct net *n, struct net_dst *dst, const struct flow *flow,
    struct rte_mbuf *m, uint8_t how, uint64_t now_us, struct net_run *run)
{
	struct ip_addr local = flow->local;

	n->now_us = now_us;
	if (unlikely(dst->generation != n->generation || !dst->resolved) &&
	    !net_route_by(n, &local, &flow->remote, NO_IFACE, dst)) {
		no_route(n, m);
		return;
	}
	tcp_put(n, dst, m, how, now_us, run);
}

void net_send_tcp(struct net *n, struct net_dst *dst, const struct flow *flow, struct rte_mbuf *m,
    uint8_t how, uint64_t now_us)
{
	net_send_tcp_noted(n, dst, flow, m, how, now_us, NULL);
}

void net_send_tcp_next(
    struct net *n, const struct net_run *run, struct rte_mbuf *m, uint32_t seq, uint8_t flags)
{
	uint8_t *payload = rte_pktmbuf_mtod(m, uint8_t *);
	struct wire_tcp *tcp = (struct wire_tcp *)(void *)(payload - run->tcp_len);
	uint64_t sum;

	assert(rte_pktmbuf_headroom(m) >= NET_RUN_HEADERS && m->data_len == run->payload);
	memcpy(payload - NET_RUN_HEADERS, run->headers, NET_RUN_HEADERS);
	tcp->seq = rte_cpu_to_be_32(seq);
	tcp->flags = flags;
	sum = checksum_add(tcp, (size_t)run->tcp_len + run->payload);
	tcp->sum = (uint16_t)~checksum_fold(checksum_plus(run->sum, sum));
	rte_pktmbuf_prepend(m, run->len);
	m->port = run->iface;
	tx_put(n, m);
}

void net_reply_tcp(struct net *n, const struct pkt *pkt, struct rte_mbuf *m, uint64_t now_us)
{
	const struct net_dst *dst;

	n->now_us = now_us;
	dst = route_back(n, pkt);
	if (dst == NULL) {
		no_route(n, m);
		return;
	}
	tcp_put(n, dst, m, 0, now_us, NULL);
}

void ip_send(struct net *n, struct rte_mbuf *m, const struct ip_addr *local,
    const struct ip_addr *remote, uint16_t iface, uint8_t proto)
{
	struct ip_addr from = *local;
	struct net_dst dst;
	struct wire_ip4 *ip4;
	struct wire_ip6 *ip6;
	uint32_t len = m->pkt_len;
	uint8_t *l4;

	if (!net_route_by(n, &from, remote, iface, &dst)) {
		no_route(n, m);
		return;
	}
	l4 = template_put(&dst, m);
	if (dst.l3_len == sizeof(*ip4)) {
		ip4 = (struct wire_ip4 *)(void *)(l4 - sizeof(*ip4));
		ip4->proto = proto;
		ip4->total_len = rte_cpu_to_be_16((uint16_t)(len + sizeof(*ip4)));
		ip4->sum = (uint16_t)~checksum_fold(checksum_add(ip4, sizeof(*ip4)));
	} else {
		ip6 = (struct wire_ip6 *)(void *)(l4 - sizeof(*ip6));
		ip6->vtc_flow = rte_cpu_to_be_32(6u << 28);
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)len);
		ip6->next = proto;
	}
	frame_send(n, &dst, m, n->now_us);
}
