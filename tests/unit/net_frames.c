/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/net_frames.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/eal.h"

#include <cmocka.h>

const uint8_t mac_us[6] = { 2, 0, 0, 0, 0, 1 };
const uint8_t mac_us1[6] = { 2, 0, 0, 0, 0, 0x11 };
const uint8_t mac_peer[6] = { 2, 0, 0, 0, 0, 0x22 };
const uint8_t mac_router[6] = { 2, 0, 0, 0, 0, 0xfe };
const uint8_t mac_all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

struct ip_addr addr4(const char *text)
{
	uint32_t a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	return wire_addr4(a);
}

struct ip_addr addr6(const char *text)
{
	struct ip_addr a;

	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

void fixture_init(struct fixture *f)
{
	static struct rte_mempool *pool;
	struct net_iface *i = f->ifaces;

	test_eal_start();
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create("net", 8191, 0, 0, 2048 + 128, 0);
	assert_non_null(pool);
	memset(f, 0, sizeof(*f));
	f->pool = pool;
	f->now_us = 1000000000;
	memcpy(i[0].mac, mac_us, 6);
	i[0].mtu = 1500;
	i[0].addresses[0] = (struct net_addr){ addr4("10.0.0.1"), 120 };
	i[0].addresses[1] = (struct net_addr){ addr4("10.0.0.2"), 120 };
	i[0].addresses[2] = (struct net_addr){ addr6("fd00::1"), 64 };
	i[0].n_addresses = 3;
	i[0].routes[0] = (struct net_route){ addr4("0.0.0.0"), 96, addr4("10.0.0.254") };
	i[0].routes[1] = (struct net_route){ addr6("::"), 0, addr6("fd00::fe") };
	i[0].n_routes = 2;
	memcpy(i[1].mac, mac_us1, 6);
	i[1].mtu = 9000;
	i[1].vlan = 7;
	i[1].addresses[0] = (struct net_addr){ addr4("10.1.0.1"), 120 };
	i[1].addresses[1] = (struct net_addr){ addr6("fd01::1"), 64 };
	i[1].n_addresses = 2;
	f->config = (struct net_config){ .ifaces = f->ifaces,
		.n_ifaces = 2,
		.pool = pool,
		.stats = &f->stats,
		.secret = "0123456789abcde" };
}

void fixture_net(struct fixture *f)
{
	f->net = net_new(&f->config);
	assert_non_null(f->net);
}

void fixture_fini(struct fixture *f)
{
	rte_pktmbuf_free(f->tcp);
	f->tcp = NULL;
	net_free(f->net);
	assert_int_equal(rte_mempool_in_use_count(f->pool), 0);
}

int fixture_setup(void **state)
{
	struct fixture *f = aligned_alloc(64, sizeof(*f));

	assert_non_null(f);
	fixture_init(f);
	fixture_net(f);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

/* --- building --- */

void *frame_bytes(struct frame *f, const void *data, size_t len)
{
	void *at = f->b + f->len;

	assert_true(f->len + len <= sizeof(f->b));
	if (data != NULL)
		memcpy(at, data, len);
	else
		memset(at, 0, len);
	f->len += len;
	return at;
}

void *frame_pattern(struct frame *f, size_t len)
{
	uint8_t *p = frame_bytes(f, NULL, len);

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + i / 251);
	return p;
}

void frame_eth(struct frame *f, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	uint16_t t = htons(type);

	f->len = f->l3 = f->l4 = 0;
	frame_bytes(f, dst, 6);
	frame_bytes(f, src, 6);
	frame_bytes(f, &t, 2);
	f->l3 = f->l4 = f->len;
}

void frame_vlan(struct frame *f, uint16_t tci, uint16_t type)
{
	uint16_t words[2] = { htons(tci), htons(type) };

	f->b[12] = 0x81;
	f->b[13] = 0;
	frame_bytes(f, words, 4);
	f->l3 = f->l4 = f->len;
}

struct wire_arp *frame_arp(struct frame *f, uint16_t op, const uint8_t sender_mac[6],
    const char *sender, const char *target)
{
	struct wire_arp *arp = frame_bytes(f, NULL, sizeof(*arp));

	arp->hw_type = htons(1);
	arp->proto_type = htons(0x800);
	arp->hw_len = 6;
	arp->proto_len = 4;
	arp->op = htons(op);
	memcpy(arp->sender_mac, sender_mac, 6);
	arp->sender_ip = addr4(sender).w[3];
	arp->target_ip = addr4(target).w[3];
	return arp;
}

struct wire_ip4 *frame_ip4(struct frame *f, const char *src, const char *dst, uint8_t proto)
{
	struct wire_ip4 *ip = frame_bytes(f, NULL, sizeof(*ip));

	ip->version_ihl = 0x45;
	ip->ttl = 64;
	ip->proto = proto;
	ip->src = addr4(src).w[3];
	ip->dst = addr4(dst).w[3];
	f->l4 = f->len;
	return ip;
}

struct wire_ip6 *frame_ip6(struct frame *f, const char *src, const char *dst, uint8_t next)
{
	struct wire_ip6 *ip = frame_bytes(f, NULL, sizeof(*ip));
	struct ip_addr a = addr6(src), b = addr6(dst);

	ip->vtc_flow = htonl(6u << 28);
	ip->hop_limit = 64;
	ip->next = next;
	memcpy(ip->src, &a, 16);
	memcpy(ip->dst, &b, 16);
	f->l4 = f->len;
	return ip;
}

struct wire_tcp *frame_tcp(struct frame *f, uint16_t src, uint16_t dst, uint32_t seq)
{
	struct wire_tcp *tcp = frame_bytes(f, NULL, sizeof(*tcp));

	tcp->src = htons(src);
	tcp->dst = htons(dst);
	tcp->seq = htonl(seq);
	tcp->off = 5 << 4;
	tcp->flags = 0x10;
	return tcp;
}

struct wire_icmp *frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t arg)
{
	struct wire_icmp *h = frame_bytes(f, NULL, sizeof(*h));

	h->type = type;
	h->code = code;
	h->arg = htonl(arg);
	return h;
}

uint16_t slow_checksum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *p = data;
	uint32_t sum = start;

	for (size_t i = 0; i < len; i++) {
		sum += (uint32_t)p[i] << (i & 1 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static void seal_l4(struct frame *f, uint8_t proto, const void *addrs, size_t addrs_len)
{
	size_t len = f->len - f->l4, at = proto == PROTO_TCP ? 16 : 2;
	uint32_t start = 0;
	uint16_t sum;

	if (proto != PROTO_TCP && proto != PROTO_ICMP && proto != PROTO_ICMP6)
		return;
	if (len < at + 2)
		return;
	if (proto != PROTO_ICMP)
		start = slow_checksum(addrs, addrs_len, (uint32_t)((len & 0xffff) + proto));
	memset(f->b + f->l4 + at, 0, 2);
	sum = htons((uint16_t)~slow_checksum(f->b + f->l4, len, start));
	memcpy(f->b + f->l4 + at, &sum, 2);
}

void frame_seal(struct frame *f)
{
	struct wire_ip4 *ip4 = (void *)(f->b + f->l3);
	struct wire_ip6 *ip6 = (void *)(f->b + f->l3);
	uint8_t proto;

	if (ip4->version_ihl >> 4 == 4) {
		size_t ihl = (ip4->version_ihl & 15u) * 4;

		f->l4 = f->l3 + ihl;
		ip4->total_len = htons((uint16_t)(f->len - f->l3));
		if ((ip4->frag & htons(IP4_MF | IP4_OFF_MASK)) == 0)
			seal_l4(f, ip4->proto, &ip4->src, 8);
		ip4->sum = 0;
		ip4->sum = htons((uint16_t)~slow_checksum(ip4, ihl, 0));
		return;
	}
	ip6->payload_len = htons((uint16_t)(f->len - f->l3 - sizeof(*ip6)));
	/* With extension headers, l4 was moved by the test, and the byte before tells what it is. */
	proto = f->l4 == f->l3 + sizeof(*ip6) ? ip6->next : f->b[f->l3 + sizeof(*ip6)];
	seal_l4(f, proto, ip6->src, 32);
}

void frame_tcp4(struct frame *f, size_t payload)
{
	frame_eth(f, mac_us, mac_peer, 0x800);
	frame_ip4(f, "10.0.0.9", "10.0.0.1", PROTO_TCP);
	frame_tcp(f, 40000, 443, 1);
	frame_pattern(f, payload);
	frame_seal(f);
}

void frame_tcp6(struct frame *f, size_t payload)
{
	frame_eth(f, mac_us, mac_peer, 0x86dd);
	frame_ip6(f, "fd00::9", "fd00::1", PROTO_TCP);
	frame_tcp(f, 40000, 443, 1);
	frame_pattern(f, payload);
	frame_seal(f);
}

void frame_ns(struct frame *f, const uint8_t dst[6], const char *src, const char *dst_ip,
    const char *target, const uint8_t *mac)
{
	struct ip_addr t = addr6(target);

	frame_eth(f, dst, mac_peer, 0x86dd);
	frame_ip6(f, src, dst_ip, PROTO_ICMP6)->hop_limit = 255;
	frame_icmp(f, 135, 0, 0);
	frame_bytes(f, &t, 16);
	if (mac != NULL) {
		struct wire_nd_mac o = { .type = 1, .len8 = 1 };

		memcpy(o.mac, mac, 6);
		frame_bytes(f, &o, sizeof(o));
	}
	frame_seal(f);
}

void frame_na(struct frame *f, const uint8_t dst[6], const char *src, const char *dst_ip,
    const char *target, uint32_t flags, const uint8_t *mac)
{
	struct ip_addr t = addr6(target);

	frame_eth(f, dst, mac_peer, 0x86dd);
	frame_ip6(f, src, dst_ip, PROTO_ICMP6)->hop_limit = 255;
	frame_icmp(f, 136, 0, flags);
	frame_bytes(f, &t, 16);
	if (mac != NULL) {
		struct wire_nd_mac o = { .type = 2, .len8 = 1 };

		memcpy(o.mac, mac, 6);
		frame_bytes(f, &o, sizeof(o));
	}
	frame_seal(f);
}

/* --- mbufs --- */

static void ext_free(void *addr, void *opaque)
{
	(void)addr;
	free(opaque);
}

/* A buffer of exactly len bytes, so that a byte read past it is seen by ASan. */
static struct rte_mbuf *ext_mbuf(struct fixture *fx, const uint8_t *data, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(fx->pool);
	struct rte_mbuf_ext_shared_info *info;
	char *block, *buf;

	assert_non_null(m);
	/* The shared info goes in front: what is behind the data must be nobody's. */
	block = malloc(sizeof(*info) + len);
	assert_non_null(block);
	info = (void *)block;
	buf = block + sizeof(*info);
	memcpy(buf, data, len);
	info->free_cb = ext_free;
	info->fcb_opaque = block;
	rte_mbuf_ext_refcnt_set(info, 1);
	rte_pktmbuf_attach_extbuf(m, buf, RTE_BAD_IOVA, (uint16_t)len, info);
	m->data_off = 0;
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	return m;
}

struct rte_mbuf *frame_mbuf(struct fixture *fx, const struct frame *f, uint16_t iface, size_t piece)
{
	struct rte_mbuf *head = NULL, *m;
	size_t done = 0, len;

	do {
		len = piece != 0 && f->len - done > piece ? piece : f->len - done;
		m = ext_mbuf(fx, f->b + done, len);
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		done += len;
	} while (done < f->len);
	head->port = iface;
	return head;
}

enum net_verdict give_on(struct fixture *fx, const struct frame *f, uint16_t iface, size_t piece,
    uint64_t flags, uint16_t vlan_tci)
{
	struct rte_mbuf *m = frame_mbuf(fx, f, iface, piece);
	enum net_verdict v;

	m->ol_flags |= flags;
	m->vlan_tci = vlan_tci;
	rte_pktmbuf_free(fx->tcp);
	fx->tcp = NULL;
	memset(&fx->pkt, 0xee, sizeof(fx->pkt));
	memset(&fx->icmp, 0xee, sizeof(fx->icmp));
	v = net_input(fx->net, m, fx->now_us, &fx->pkt, &fx->icmp);
	if (v == NET_TCP) {
		fx->tcp = m;
		rte_mbuf_sanity_check(m, 1);
		assert_true(fx->pkt.l4_checked);
		assert_true(fx->pkt.l4_len >= 20);
		assert_true(fx->pkt.l4_off + 20 <= m->data_len);
		assert_int_equal(fx->pkt.l4_off + fx->pkt.l4_len, m->pkt_len);
		assert_int_equal(fx->pkt.iface, iface);
	}
	return v;
}

enum net_verdict give(struct fixture *fx, const struct frame *f)
{
	return give_on(fx, f, 0, 0, 0, 0);
}

bool take(struct fixture *fx, struct frame *f, uint16_t *iface)
{
	struct rte_mbuf *m;

	if (net_tx(fx->net, &m, 1) == 0)
		return false;
	rte_mbuf_sanity_check(m, 1);
	assert_true(m->pkt_len <= sizeof(f->b));
	memcpy(f->b, rte_pktmbuf_read(m, 0, m->pkt_len, f->b), m->pkt_len);
	f->len = m->pkt_len;
	f->l3 = f->b[12] == 0x81 && f->b[13] == 0 ? 18 : 14;
	f->l4 = f->l3 + (f->b[f->l3] >> 4 == 6 ? 40 : 20);
	if (iface != NULL)
		*iface = m->port;
	rte_pktmbuf_free(m);
	return true;
}

unsigned take_all(struct fixture *fx)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	while (net_tx(fx->net, &m, 1) == 1) {
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

struct rte_mbuf *segment(struct fixture *fx, uint16_t sport, uint16_t dport, size_t payload)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(fx->pool);
	struct wire_tcp *tcp;
	uint8_t *p;

	assert_non_null(m);
	tcp = (void *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*tcp) + payload));
	if (tcp == NULL)
		abort();
	memset(tcp, 0, sizeof(*tcp));
	tcp->src = htons(sport);
	tcp->dst = htons(dport);
	tcp->off = 5 << 4;
	p = (uint8_t *)(tcp + 1);
	for (size_t i = 0; i < payload; i++)
		p[i] = (uint8_t)(i * 13 + 5);
	return m;
}

void advance(struct fixture *fx, uint64_t us)
{
	uint64_t end = fx->now_us + us, next;

	while (fx->now_us < end) {
		next = net_timers(fx->net, fx->now_us, 64);
		assert_true(next <= fx->now_us + 1000000);
		fx->now_us = next > fx->now_us && next < end ? next
		    : next >= end                            ? end
							     : fx->now_us + 1;
	}
	net_timers(fx->net, fx->now_us, UINT32_MAX);
}

void resolve4(struct fixture *fx, const char *ip, const uint8_t mac[6])
{
	struct frame *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	frame_eth(f, mac_us, mac, 0x806);
	frame_arp(f, 2, mac, ip, "10.0.0.1");
	assert_int_equal(give(fx, f), NET_TAKEN);
	free(f);
}

void resolve6(struct fixture *fx, const char *ip, const uint8_t mac[6])
{
	struct frame *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	frame_na(f, mac_us, ip, "fd00::1", ip, 0x60000000, mac);
	assert_int_equal(give(fx, f), NET_TAKEN);
	free(f);
}
