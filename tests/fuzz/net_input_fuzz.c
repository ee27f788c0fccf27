/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/base/stats.h"
#include "dataplane/net/checksum.h"
#include "dataplane/net/net.h"
#include "dataplane/net/wire.h"
#include "tests/unit/eal.h"

/*
 * Frames for a net, several per input. A record is: flags (1 byte), piece size (1), length (2, big
 * endian), the frame. The net is small (neighbours, reassemblies), so that tables run over.
 */
enum {
	F_IFACE = 1 << 0,    /* comes in on iface 1, which has VLAN 7 */
	F_SEAL = 1 << 1,     /* mend the checksums, which a fuzzer cannot guess */
	F_GOOD = 1 << 2,     /* the NIC says that checksums are good */
	F_PIECES = 1 << 3,   /* a chain of pieces */
	F_STRIPPED = 1 << 4, /* the NIC stripped a VLAN tag: piece size is its id */
	F_WAIT = 1 << 5,     /* half a second passes first */
	F_LONG = 1 << 6,     /* a minute and a half passes first */
	F_ANSWER = 1 << 7,   /* TCP answers, and sends to the source later too */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                                                                 \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

static struct rte_mempool *pool;
static struct stats stats;
static struct net_iface ifaces[2];

static struct ip_addr addr(const char *text)
{
	struct ip_addr a = { .w = { 0, 0, htonl(0xffff), 0 } };

	if (inet_pton(AF_INET, text, &a.w[3]) != 1)
		MUST(inet_pton(AF_INET6, text, &a) == 1);
	return a;
}

static void ext_free(void *buf, void *opaque)
{
	(void)buf;
	free(opaque);
}

static struct rte_mbuf *ext_mbuf(const uint8_t *data, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_mbuf_ext_shared_info *info = malloc(sizeof(*info) + len);

	MUST(m != NULL && info != NULL);
	if (len > 0)
		memcpy(info + 1, data, len);
	info->free_cb = ext_free;
	info->fcb_opaque = info;
	rte_mbuf_ext_refcnt_set(info, 1);
	rte_pktmbuf_attach_extbuf(m, info + 1, RTE_BAD_IOVA, (uint16_t)len, info);
	m->data_off = 0;
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	return m;
}

static struct rte_mbuf *frame_mbuf(const uint8_t *data, size_t len, size_t piece)
{
	struct rte_mbuf *head = NULL, *m;
	size_t take;

	do {
		take = piece != 0 && len > piece ? piece : len;
		m = ext_mbuf(data, take);
		if (head == NULL)
			head = m;
		else
			MUST(rte_pktmbuf_chain(head, m) == 0);
		data += take;
		len -= take;
	} while (len > 0);
	return head;
}

/* Mends the sums of IP, and of TCP or ICMP right behind it or behind one 8-byte extension header. */
static void seal(uint8_t *p, size_t len)
{
	size_t l3 = 14, l4, sum_at;
	struct ip_addr src, dst;
	uint8_t proto;
	uint64_t sum;
	uint16_t word;

	if (len < 14 + 20)
		return;
	if (p[12] == 0x81)
		l3 = 18;
	if (p[l3] >> 4 == 4) {
		struct wire_ip4 *ip = (void *)(p + l3);

		l4 = l3 + (ip->version_ihl & 15u) * 4;
		if (len < l3 + 20 || len < l4)
			return;
		ip->sum = 0;
		ip->sum = (uint16_t)~checksum_fold(checksum_add(ip, l4 - l3));
		proto = ip->proto;
		src = wire_addr4(ip->src);
		dst = wire_addr4(ip->dst);
		if (l3 + ntohs(ip->total_len) < len)
			len = l3 + ntohs(ip->total_len);
	} else {
		struct wire_ip6 *ip = (void *)(p + l3);

		l4 = l3 + sizeof(*ip);
		if (len < l4 + 8)
			return;
		proto = ip->next;
		src = wire_addr6(ip->src);
		dst = wire_addr6(ip->dst);
		if (l4 + ntohs(ip->payload_len) < len)
			len = l4 + ntohs(ip->payload_len);
		if (proto == 0 || proto == 60 || proto == 44) {
			proto = p[l4];
			l4 += 8;
		}
	}
	sum_at = l4 + (proto == PROTO_TCP ? 16 : 2);
	if ((proto != PROTO_TCP && proto != PROTO_ICMP && proto != PROTO_ICMP6) || len < sum_at + 2)
		return;
	memset(p + sum_at, 0, 2);
	sum = checksum_add(p + l4, len - l4);
	if (proto != PROTO_ICMP) {
		sum = checksum_plus(sum, checksum_addrs(&src, &dst));
		sum = checksum_plus(sum, checksum_proto(proto, (uint32_t)(len - l4)));
	}
	word = (uint16_t)~checksum_fold(sum);
	memcpy(p + sum_at, &word, 2);
}

/* What we send must be well-formed, whatever made us send it. */
static void out_check(struct net *n)
{
	uint8_t buf[10000];
	const uint8_t *p;
	struct rte_mbuf *m;

	while (net_tx(n, &m, 1) == 1) {
		const struct net_iface *f = net_iface(n, m->port);
		size_t l3 = f->vlan != 0 ? 18 : 14;

		rte_mbuf_sanity_check(m, 1);
		MUST(m->port < 2 && m->pkt_len >= l3 + 20 && m->pkt_len <= l3 + f->mtu);
		p = rte_pktmbuf_read(m, 0, m->pkt_len, buf);
		MUST(memcmp(p + 6, f->mac, 6) == 0);
		MUST(memcmp(p, f->mac, 6) != 0 && memcmp(p, "\0\0\0\0\0\0", 6) != 0);
		if (p[l3 - 2] == 0x08 && p[l3 - 1] == 0x00) {
			MUST(p[l3] == 0x45 &&
			    (size_t)(p[l3 + 2] << 8 | p[l3 + 3]) == m->pkt_len - l3);
			MUST(checksum_fold(checksum_add(p + l3, 20)) == 0xffff);
		} else if (p[l3 - 2] == 0x86) {
			MUST(p[l3] >> 4 == 6);
			MUST((size_t)(p[l3 + 4] << 8 | p[l3 + 5]) == m->pkt_len - l3 - 40);
		}
		rte_pktmbuf_free(m);
	}
}

static void tcp_check(const struct rte_mbuf *m, const struct pkt *pkt)
{
	rte_mbuf_sanity_check(m, 1);
	MUST(pkt->l4_checked && pkt->l4_len >= 20 && pkt->iface == m->port);
	MUST(pkt->l4_off + 20u <= m->data_len);
	MUST(pkt->l4_off + (uint32_t)pkt->l4_len == m->pkt_len);
	MUST(ip_addr_is_v4(&pkt->src) == ip_addr_is_v4(&pkt->dst));
	MUST(pkt->src.b[0] != 0xff && pkt->dst.b[0] != 0xff);
	if (ip_addr_is_v4(&pkt->src))
		MUST(pkt->src.b[12] != 0 && pkt->src.b[12] != 127 && pkt->src.b[12] < 224);
	else
		MUST(pkt->src.q[0] != 0);
}

static void answer(struct net *n, const struct pkt *pkt, uint64_t now_us)
{
	struct flow flow = { .remote = pkt->src, .local = pkt->dst };
	struct net_dst dst = { 0 };
	struct rte_mbuf *m;

	for (unsigned i = 0; i < 2; i++) {
		m = rte_pktmbuf_alloc(pool);
		MUST(m != NULL);
		memset(rte_pktmbuf_append(m, 20), 0, 20);
		if (i == 0)
			net_reply_tcp(n, pkt, m, now_us);
		else
			net_send_tcp(n, &dst, &flow, m, 1, now_us);
	}
}

static void one_frame(
    struct net *n, uint8_t flags, uint8_t piece, const uint8_t *data, size_t len, uint64_t now_us)
{
	struct rte_mbuf *m;
	struct pkt pkt;
	struct net_icmp icmp;
	uint8_t *copy = malloc(len + 1);
	enum net_verdict v;

	MUST(copy != NULL);
	memcpy(copy, data, len);
	if (flags & F_SEAL)
		seal(copy, len);
	m = frame_mbuf(copy, len, flags & F_PIECES ? piece + 1u : 0);
	free(copy);
	m->port = flags & F_IFACE ? 1 : 0;
	if (flags & F_GOOD)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (flags & F_STRIPPED) {
		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = piece;
	}
	v = net_input(n, m, now_us, &pkt, &icmp);
	if (v == NET_TCP) {
		tcp_check(m, &pkt);
		if (flags & F_ANSWER)
			answer(n, &pkt, now_us);
		rte_pktmbuf_free(m);
	} else if (v == NET_ICMP) {
		MUST(net_is_local(n, &icmp.flow.local, NULL));
		MUST(!net_is_local(n, &icmp.flow.remote, NULL));
		if (icmp.kind == NET_ICMP_TOO_BIG)
			net_pmtu_set(n, &icmp.flow.remote, icmp.mtu, now_us);
	}
}

static void config_init(void)
{
	ifaces[0] = (struct net_iface){ .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500 };
	ifaces[0].offloads = NET_RX_CHECKSUM;
	ifaces[0].addresses[0] = (struct net_addr){ addr("10.0.0.1"), 120 };
	ifaces[0].addresses[1] = (struct net_addr){ addr("fd00::1"), 64 };
	ifaces[0].n_addresses = 2;
	ifaces[0].routes[0] = (struct net_route){ addr("0.0.0.0"), 96, addr("10.0.0.254") };
	ifaces[0].routes[1] = (struct net_route){ addr("::"), 0, addr("fe80::fe") };
	ifaces[0].n_routes = 2;
	ifaces[1] = (struct net_iface){ .mac = { 2, 0, 0, 0, 0, 0x11 }, .mtu = 9000, .vlan = 7 };
	ifaces[1].addresses[0] = (struct net_addr){ addr("10.1.0.1"), 120 };
	ifaces[1].addresses[1] = (struct net_addr){ addr("fd01::1"), 64 };
	ifaces[1].n_addresses = 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_config config = { .ifaces = ifaces,
		.n_ifaces = 2,
		.stats = &stats,
		.secret = "fuzz",
		.max_neighbours = 8,
		.max_fragments = 4 };
	struct net *n;
	struct net_neigh news;
	uint64_t now_us = 1000000;

	if (pool == NULL) {
		test_eal_start();
		config_init();
		pool = rte_pktmbuf_pool_create("fuzz", 4095, 0, 0, 2048 + 128, 0);
		MUST(pool != NULL);
	}
	config.pool = pool;
	n = net_new(&config);
	MUST(n != NULL);
	while (size >= 4) {
		uint8_t flags = data[0], piece = data[1];
		size_t len = (size_t)(data[2] << 8 | data[3]);

		data += 4;
		size -= 4;
		len = len < size ? len : size;
		if (len > 2000)
			len = 2000;
		now_us += flags & F_LONG ? 90000000 : flags & F_WAIT ? 500000 : 3;
		one_frame(n, flags, piece, data, len, now_us);
		net_timers(n, now_us, 3);
		out_check(n);
		data += len;
		size -= len;
	}
	for (unsigned i = 0; i < 40; i++) {
		now_us += 300000;
		MUST(net_timers(n, now_us, 1000) <= now_us + 1000000);
	}
	out_check(n);
	while (net_learned_next(n, &news))
		MUST(news.iface < 2 && (news.mac[0] & 1) == 0);
	net_free(n);
	MUST(rte_mempool_in_use_count(pool) == 0);
	return 0;
}
