/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;

static struct flow flow_make(const struct ip_addr *local, const struct ip_addr *remote)
{
	return (struct flow){
		.local = *local, .remote = *remote, .local_port = 443, .remote_port = 50000
	};
}

static void send_to(struct fixture *fx, struct net_dst *dst, const struct ip_addr *local,
    const struct ip_addr *remote, struct rte_mbuf *m, uint8_t ecn)
{
	struct flow flow = flow_make(local, remote);

	net_send_tcp(fx->net, dst, &flow, m, ecn, fx->now_us);
}

/* Checks the whole frame in f, as sent without offloads. */
static void frame_check4(size_t payload, const uint8_t *dst_mac, uint8_t ecn)
{
	struct wire_ip4 *ip = (void *)(f.b + f.l3);
	size_t l4_len = f.len - f.l4;

	assert_memory_equal(f.b, dst_mac, 6);
	assert_int_equal(ip->version_ihl, 0x45);
	assert_int_equal(ntohs(ip->total_len), f.len - f.l3);
	assert_int_equal(l4_len, 20 + payload);
	assert_int_equal(ip->tos, ecn);
	assert_int_equal(ip->id, 0); /* RFC 6864 4.1 */
	assert_int_equal(ntohs(ip->frag), IP4_DF);
	assert_int_equal(ip->ttl, 64);
	assert_int_equal(ip->proto, 6);
	assert_int_equal(slow_checksum(ip, 20, 0), 0xffff);
	assert_int_equal(
	    slow_checksum(f.b + f.l4, l4_len, slow_checksum(&ip->src, 8, (uint32_t)(6 + l4_len))),
	    0xffff);
}

static void frame_check6(size_t payload, const uint8_t *dst_mac, uint8_t ecn)
{
	struct wire_ip6 *ip = (void *)(f.b + f.l3);
	size_t l4_len = f.len - f.l4;

	assert_memory_equal(f.b, dst_mac, 6);
	assert_int_equal(ntohl(ip->vtc_flow) >> 28, 6);
	assert_int_equal(ntohl(ip->vtc_flow) >> 20 & 0xff, ecn);
	assert_int_equal(ntohs(ip->payload_len), 20 + payload);
	assert_int_equal(ip->next, 6);
	assert_int_equal(ip->hop_limit, 64);
	assert_int_equal(
	    slow_checksum(f.b + f.l4, l4_len, slow_checksum(ip->src, 32, (uint32_t)(6 + l4_len))),
	    0xffff);
}

static void send_tcp4_complete(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr4("10.0.0.1"), peer = addr4("10.0.0.9");
	struct net_dst dst = { 0 };
	uint16_t iface;

	resolve4(fx, "10.0.0.9", mac_peer);
	for (size_t payload = 0; payload < 300; payload++) {
		uint8_t ecn = payload & 3;

		send_to(fx, &dst, &us, &peer, segment(fx, 443, 50000, payload), ecn);
		assert_true(take(fx, &f, &iface));
		assert_int_equal(iface, 0);
		frame_check4(payload, mac_peer, ecn);
		assert_memory_equal(f.b + 6, mac_us, 6);
	}
	assert_true(dst.resolved);
	assert_int_equal(dst.mtu, 1500);
}

static void send_tcp6_complete(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr6("fd00::1"), peer = addr6("fd00::9");
	struct net_dst dst = { 0 };
	uint32_t label = 0;

	resolve6(fx, "fd00::9", mac_peer);
	for (size_t payload = 0; payload < 300; payload++) {
		struct wire_ip6 *ip = (void *)(f.b + 14);

		send_to(fx, &dst, &us, &peer, segment(fx, 443, 50000, payload), payload & 3);
		assert_true(take(fx, &f, NULL));
		frame_check6(payload, mac_peer, payload & 3);
		if (payload > 0) /* RFC 6437: the same in all packets of a flow */
			assert_int_equal(ntohl(ip->vtc_flow) & 0xfffff, label);
		label = ntohl(ip->vtc_flow) & 0xfffff;
	}
	assert_true(label != 0);
}

/* Tagged iface, jumbo MTU, a chain of odd pieces. */
static void send_tcp_vlan_chain(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr4("10.1.0.1"), peer = addr4("10.1.0.9");
	struct net_dst dst = { 0 };
	struct rte_mbuf *m, *tail;
	uint16_t iface;

	frame_eth(&f, mac_us1, mac_peer, 0);
	frame_vlan(&f, 7, 0x806);
	frame_arp(&f, 2, mac_peer, "10.1.0.9", "10.1.0.1");
	assert_int_equal(give_on(fx, &f, 1, 0, 0, 0), NET_TAKEN);
	m = segment(fx, 443, 50000, 33);
	for (unsigned i = 0; i < 3; i++) {
		tail = rte_pktmbuf_alloc(fx->pool);
		memset(rte_pktmbuf_append(tail, (uint16_t)(1001 + i)), 'a' + (int)i, 1001 + i);
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	}
	send_to(fx, &dst, &us, &peer, m, 0);
	assert_true(take(fx, &f, &iface));
	assert_int_equal(iface, 1);
	assert_int_equal(dst.mtu, 9000);
	assert_int_equal(f.b[12] << 8 | f.b[13], 0x8100);
	assert_int_equal(f.b[14] << 8 | f.b[15], 7);
	assert_int_equal(f.b[16] << 8 | f.b[17], 0x800);
	assert_memory_equal(f.b + 6, mac_us1, 6);
	frame_check4(33 + 1001 + 1002 + 1003, mac_peer, 0);
}

/* A segment with timestamps, 443 to 50000. */
static struct rte_mbuf *stamped(struct fixture *fx, uint32_t seq, uint8_t flags, size_t payload)
{
	struct rte_mbuf *m = segment(fx, 443, 50000, payload);
	struct wire_tcp *tcp;

	rte_pktmbuf_prepend(m, 12);
	tcp = rte_pktmbuf_mtod(m, struct wire_tcp *);
	memmove(tcp, (uint8_t *)tcp + 12, sizeof(*tcp));
	memcpy(tcp + 1, "\1\1\10\12\1\2\3\4\5\6\7\10", 12);
	tcp->off = 8 << 4;
	tcp->seq = htonl(seq);
	tcp->flags = flags;
	return m;
}

static bool send_noted(struct fixture *fx, const char *local, const char *remote,
    struct rte_mbuf *m, uint8_t how, struct net_run *run)
{
	struct ip_addr from = strchr(local, ':') ? addr6(local) : addr4(local);
	struct ip_addr to = strchr(local, ':') ? addr6(remote) : addr4(remote);
	struct flow flow = flow_make(&from, &to);
	struct net_dst dst = { 0 };

	memset(run, 0xee, sizeof(*run));
	run->payload = 0;
	net_send_tcp_noted(fx->net, &dst, &flow, m, how, fx->now_us, run);
	return run->payload != 0;
}

/* What follows is to the byte what net_send_tcp would make of it, whatever its number, flags and data. */
static void check_next(struct fixture *fx, const char *local, const char *remote, uint8_t ecn)
{
	static const uint32_t seqs[] = { 0, 1, 0x7fffffff, 0xffffffff, 0xfffffa00, 0x12345678 };
	static struct frame want;
	struct net_run run, other;
	struct rte_mbuf *m;
	uint16_t iface, want_iface;

	for (size_t payload = 1; payload <= 1400; payload += 1 + payload / 3) {
		assert_true(
		    send_noted(fx, local, remote, stamped(fx, 77, 0x18, payload), ecn, &run));
		assert_int_equal(run.payload, payload);
		assert_true(take(fx, &f, NULL));
		for (unsigned i = 0; i < RTE_DIM(seqs); i++) {
			uint8_t flags = (uint8_t)(0x10 | i * 41);

			assert_true(send_noted(
			    fx, local, remote, stamped(fx, seqs[i], flags, payload), ecn, &other));
			assert_true(take(fx, &want, &want_iface));
			m = segment(fx, 0, 0, payload);
			rte_pktmbuf_adj(m, 20);
			net_send_tcp_next(fx->net, &run, m, seqs[i], flags);
			assert_true(take(fx, &f, &iface));
			assert_int_equal(iface, want_iface);
			assert_int_equal(f.len, want.len);
			assert_memory_equal(f.b, want.b, want.len);
		}
	}
}

static void send_tcp_next_is_the_same(void **state)
{
	struct fixture *fx = *state;

	resolve4(fx, "10.0.0.9", mac_peer);
	resolve6(fx, "fd00::9", mac_peer);
	frame_eth(&f, mac_us1, mac_peer, 0);
	frame_vlan(&f, 7, 0x806);
	frame_arp(&f, 2, mac_peer, "10.1.0.9", "10.1.0.1");
	assert_int_equal(give_on(fx, &f, 1, 0, 0, 0), NET_TAKEN);
	take_all(fx);
	check_next(fx, "10.0.0.1", "10.0.0.9", 0);
	check_next(fx, "10.0.0.1", "10.0.0.9", 2);
	check_next(fx, "fd00::1", "fd00::9", 2);
	check_next(fx, "10.1.0.1", "10.1.0.9", 0);
}

/* What waits for its neighbour, is of several pieces, has no payload or more headers than there is room for. */
static void send_tcp_what_is_not_noted(void **state)
{
	struct fixture *fx = *state;
	struct net_run run;
	struct rte_mbuf *m, *tail;

	assert_false(send_noted(fx, "10.0.0.1", "10.0.0.9", stamped(fx, 1, 0x10, 100), 0, &run));
	resolve4(fx, "10.0.0.9", mac_peer);
	resolve6(fx, "fd00::9", mac_peer);
	assert_true(send_noted(fx, "10.0.0.1", "10.0.0.9", stamped(fx, 1, 0x10, 100), 0, &run));
	assert_false(send_noted(fx, "10.0.0.1", "10.0.0.9", stamped(fx, 1, 0x10, 0), 0, &run));
	assert_false(
	    send_noted(fx, "10.0.0.1", "10.0.0.9", stamped(fx, 1, 0x10, 100), NET_TRY, &run));
	assert_false(send_noted(fx, "10.0.0.1", "127.0.0.1", stamped(fx, 1, 0x10, 9), 0, &run));
	m = stamped(fx, 1, 0x10, 100);
	tail = rte_pktmbuf_alloc(fx->pool);
	assert_non_null(rte_pktmbuf_append(tail, 100));
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	/* It is copied into one where the device has not shown that it gathers: that one is whole. */
	assert_true(send_noted(fx, "10.0.0.1", "10.0.0.9", m, 0, &run));
	assert_int_equal(run.payload, 200);
	m = segment(fx, 443, 50000, 50); /* 60 bytes of TCP header and 54 of others */
	rte_pktmbuf_mtod(m, struct wire_tcp *)->off = 15 << 4;
	assert_false(send_noted(fx, "fd00::1", "fd00::9", m, 0, &run));
	take_all(fx);
}

static void send_tcp_no_route(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr4("10.0.0.1"), us6 = addr6("fd00::1");
	const char *bad4[] = { "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255",
		"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.1.0.255", "0.1.2.3", "240.0.0.1" };
	const char *bad6[] = { "::", "::1", "ff02::1", "ff0e::1", "fd00::1", "fd01::1", "::a:b" };
	struct ip_addr to;

	for (unsigned i = 0; i < RTE_DIM(bad4); i++) {
		struct net_dst dst = { 0 };

		to = addr4(bad4[i]);
		send_to(fx, &dst, &us, &to, segment(fx, 1, 2, 0), 0);
	}
	for (unsigned i = 0; i < RTE_DIM(bad6); i++) {
		struct net_dst dst = { 0 };

		to = addr6(bad6[i]);
		send_to(fx, &dst, &us6, &to, segment(fx, 1, 2, 0), 0);
	}
	assert_stat(fx, DROP_NO_ROUTE, RTE_DIM(bad4) + RTE_DIM(bad6));
	assert_int_equal(take_all(fx), 0);
}

/* A packet for an unknown neighbour waits for the answer, and then has everything a packet needs. */
static void send_tcp_unresolved_waits(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr4("10.0.0.1"), far = addr4("192.0.2.1");
	struct net_dst dst = { 0 };
	struct wire_arp *arp = (void *)(f.b + 14);

	net_timers(fx->net, fx->now_us, 10000);
	take_all(fx);
	fx->now_us += 10;
	send_to(fx, &dst, &us, &far, segment(fx, 443, 50000, 10), 2);
	assert_false(dst.resolved);
	assert_int_equal(take_all(fx), 0); /* the router was asked for at the start */
	resolve4(fx, "10.0.0.254", mac_router);
	assert_true(take(fx, &f, NULL));
	frame_check4(10, mac_router, 2);
	assert_false(take(fx, &f, NULL));

	send_to(fx, &dst, &us, &far, segment(fx, 443, 50000, 11), 0);
	assert_true(dst.resolved);
	assert_true(take(fx, &f, NULL));
	frame_check4(11, mac_router, 0);

	far = addr4("10.0.0.77");
	send_to(fx, &(struct net_dst){ 0 }, &us, &far, segment(fx, 443, 50000, 12), 0);
	assert_true(take(fx, &f, NULL));
	assert_memory_equal(f.b, mac_all, 6);
	assert_int_equal(ntohs(arp->op), 1);
	assert_int_equal(arp->target_ip, far.w[3]);
	assert_int_equal(arp->sender_ip, us.w[3]);
}

/* A template made before the neighbour moved is made again. */
static void send_tcp_neighbour_moved(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr4("10.0.0.1"), peer = addr4("10.0.0.9");
	struct net_dst dst = { 0 };
	uint32_t generation;

	resolve4(fx, "10.0.0.9", mac_peer);
	send_to(fx, &dst, &us, &peer, segment(fx, 443, 50000, 1), 0);
	generation = net_generation(fx->net);
	resolve4(fx, "10.0.0.9", mac_router);
	assert_true(net_generation(fx->net) != generation);
	send_to(fx, &dst, &us, &peer, segment(fx, 443, 50000, 1), 0);
	assert_true(take(fx, &f, NULL));
	assert_memory_equal(f.b, mac_peer, 6);
	assert_true(take(fx, &f, NULL));
	assert_memory_equal(f.b, mac_router, 6);
}

static void reply_tcp_both_families(void **state)
{
	struct fixture *fx = *state;
	struct wire_tcp *tcp;

	resolve4(fx, "10.0.0.9", mac_peer);
	resolve6(fx, "fd00::9", mac_peer);
	frame_tcp4(&f, 5);
	assert_int_equal(give(fx, &f), NET_TCP);
	net_reply_tcp(fx->net, &fx->pkt, segment(fx, 443, 40000, 0), fx->now_us);
	assert_true(take(fx, &f, NULL));
	frame_check4(0, mac_peer, 0);
	tcp = (void *)(f.b + f.l4);
	assert_int_equal(ntohs(tcp->src), 443);
	assert_int_equal(ntohs(tcp->dst), 40000);
	frame_tcp6(&f, 5);
	assert_int_equal(give(fx, &f), NET_TCP);
	net_reply_tcp(fx->net, &fx->pkt, segment(fx, 443, 40000, 0), fx->now_us);
	assert_true(take(fx, &f, NULL));
	frame_check6(0, mac_peer, 0);
}

/* A TCP packet that src sent to us, by the router or whoever; and our answer to it, in f. */
static void answer4(struct fixture *fx, const char *src, const char *dst)
{
	frame_eth(&f, mac_us, mac_router, 0x800);
	frame_ip4(&f, src, dst, PROTO_TCP);
	frame_tcp(&f, 40000, 443, 1);
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TCP);
	net_reply_tcp(fx->net, &fx->pkt, segment(fx, 443, 40000, 3), fx->now_us);
	assert_true(take(fx, &f, NULL));
}

static void check_answer4(const char *src, const char *dst, const uint8_t *mac)
{
	struct wire_ip4 *ip = (void *)(f.b + f.l3);

	frame_check4(3, mac, 0);
	assert_int_equal(ip->src, addr4(dst).w[3]);
	assert_int_equal(ip->dst, addr4(src).w[3]);
}

/* Answers by one router are made of one template, and each is right: addresses, sums, MAC. */
static void reply_tcp_by_the_router(void **state)
{
	static const char *const peers[] = { "192.0.2.1", "198.18.255.254", "10.0.0.9", "1.2.3.4",
		"10.0.0.9", "223.255.255.255", "10.0.0.9" };
	struct fixture *fx = *state;

	resolve4(fx, "10.0.0.254", mac_router);
	resolve4(fx, "10.0.0.9", mac_peer);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < RTE_DIM(peers); i++) {
			const char *us = i % 2 ? "10.0.0.1" : "10.0.0.2";
			bool on_link = strcmp(peers[i], "10.0.0.9") == 0;

			answer4(fx, peers[i], us);
			check_answer4(peers[i], us, on_link ? mac_peer : mac_router);
		}
}

/* The router's MAC changed: the template does, too. And a router that nobody knows yet is asked for. */
static void reply_tcp_router_moved(void **state)
{
	struct fixture *fx = *state;

	resolve4(fx, "10.0.0.254", mac_router);
	answer4(fx, "192.0.2.1", "10.0.0.1");
	check_answer4("192.0.2.1", "10.0.0.1", mac_router);
	resolve4(fx, "10.0.0.254", mac_peer);
	answer4(fx, "192.0.2.2", "10.0.0.1");
	check_answer4("192.0.2.2", "10.0.0.1", mac_peer);
}

static void reply_tcp_router_unknown(void **state)
{
	struct fixture *fx = *state;

	net_timers(fx->net, fx->now_us, 10000);
	take_all(fx);
	for (unsigned i = 0; i < 2; i++) {
		frame_eth(&f, mac_us, mac_router, 0x800);
		frame_ip4(&f, i ? "192.0.2.2" : "192.0.2.1", "10.0.0.1", PROTO_TCP);
		frame_tcp(&f, 40000, 443, 1);
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TCP);
		net_reply_tcp(fx->net, &fx->pkt, segment(fx, 443, 40000, 3), fx->now_us);
	}
	assert_int_equal(take_all(fx), 0);
	resolve4(fx, "10.0.0.254", mac_router);
	assert_true(take(fx, &f, NULL));
	check_answer4("192.0.2.1", "10.0.0.1", mac_router);
	assert_true(take(fx, &f, NULL));
	check_answer4("192.0.2.2", "10.0.0.1", mac_router);
	answer4(fx, "192.0.2.3", "10.0.0.1");
	check_answer4("192.0.2.3", "10.0.0.1", mac_router);
}

/* IPv6 as well, with a flow label of each pair's own, and IPv4 in between. */
static void reply_tcp_by_the_router6(void **state)
{
	static const char *const peers[] = { "2001:db8::1", "2001:db8::2", "2001:db8::1" };
	struct fixture *fx = *state;
	uint32_t labels[RTE_DIM(peers)];

	resolve4(fx, "10.0.0.254", mac_router);
	resolve6(fx, "fd00::fe", mac_router);
	for (unsigned i = 0; i < RTE_DIM(peers); i++) {
		struct ip_addr peer = addr6(peers[i]);
		struct wire_ip6 *ip = (void *)(f.b + 14);

		frame_eth(&f, mac_us, mac_router, 0x86dd);
		frame_ip6(&f, peers[i], "fd00::1", PROTO_TCP);
		frame_tcp(&f, 40000, 443, 1);
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TCP);
		net_reply_tcp(fx->net, &fx->pkt, segment(fx, 443, 40000, 3), fx->now_us);
		assert_true(take(fx, &f, NULL));
		frame_check6(3, mac_router, 0);
		assert_memory_equal(ip->dst, &peer, 16);
		labels[i] = ntohl(ip->vtc_flow) & 0xfffff;
		if (i == 1)
			answer4(fx, "192.0.2.1", "10.0.0.1");
	}
	assert_int_equal(labels[0], labels[2]);
	assert_int_not_equal(labels[0], labels[1]);
}

/* The send queue is bounded, and what does not fit is counted, not leaked. */
static void tx_queue_full(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr4("10.0.0.1"), peer = addr4("10.0.0.9");
	struct net_dst dst = { 0 };
	struct rte_mbuf *m, *out[64];
	unsigned room = net_tx_space(fx->net), n = 0, got;

	resolve4(fx, "10.0.0.9", mac_peer);
	/* More frames than the pool has mbufs: one mbuf many times, by its reference count. */
	m = segment(fx, 1, 2, 0);
	send_to(fx, &dst, &us, &peer, m, 0);
	assert_int_equal(net_tx_space(fx->net), room - 1);
	for (unsigned i = 1; i < room + 5; i++) {
		rte_pktmbuf_adj(m, 54);
		rte_mbuf_refcnt_update(m, 1);
		((struct wire_tcp *)rte_pktmbuf_mtod(m, void *))->sum = 0;
		send_to(fx, &dst, &us, &peer, m, 0);
	}
	assert_stat(fx, DROP_TX_FULL, 5);
	assert_int_equal(net_tx_space(fx->net), 0);
	while ((got = net_tx(fx->net, out, 64)) > 0) {
		n += got;
		for (unsigned i = 0; i < got; i++)
			rte_mbuf_refcnt_update(out[i], -1);
	}
	assert_int_equal(n, room);
	rte_mbuf_refcnt_set(m, 1);
	rte_pktmbuf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(send_tcp4_complete),
		T(send_tcp6_complete),
		T(send_tcp_vlan_chain),
		T(send_tcp_next_is_the_same),
		T(send_tcp_what_is_not_noted),
		T(send_tcp_no_route),
		T(send_tcp_unresolved_waits),
		T(send_tcp_neighbour_moved),
		T(reply_tcp_both_families),
		T(reply_tcp_by_the_router),
		T(reply_tcp_router_moved),
		T(reply_tcp_router_unknown),
		T(reply_tcp_by_the_router6),
		T(tx_queue_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
