/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a device is asked to do on transmit: the flags, and when it is believed. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

#define ALL (NET_TX_TCP_CHECKSUM | NET_TX_IP_CHECKSUM | NET_TX_TSO)

/* Where packets go to, over either version of IP. */
struct way {
	struct flow flow;
	struct net_dst dst;
};

static struct way way4, way6;

static void offer(struct fixture *fx, uint32_t offloads)
{
	net_free(fx->net);
	fx->ifaces[0].offloads = offloads;
	fixture_net(fx);
	resolve4(fx, "10.0.0.9", mac_peer);
	resolve6(fx, "fd00::9", mac_peer);
	way4 = (struct way){ .flow = { .local = addr4("10.0.0.1"), .remote = addr4("10.0.0.9") } };
	way6 = (struct way){ .flow = { .local = addr6("fd00::1"), .remote = addr6("fd00::9") } };
	assert_true(net_route(fx->net, &way4.flow.local, &way4.flow.remote, &way4.dst));
	assert_true(net_route(fx->net, &way6.flow.local, &way6.flow.remote, &way6.dst));
}

static struct rte_mbuf *sent(struct fixture *fx, struct way *w, struct rte_mbuf *m, uint8_t how)
{
	net_send_tcp(fx->net, &w->dst, &w->flow, m, how, fx->now_us);
	assert_int_equal(net_tx(fx->net, &m, 1), 1);
	return m;
}

/* The flags of a packet with 100 bytes of payload. */
static uint64_t flags_of(struct fixture *fx, struct way *w, uint8_t how)
{
	struct rte_mbuf *m = sent(fx, w, segment(fx, 443, 50000, 100), how);
	uint64_t flags = m->ol_flags;

	rte_pktmbuf_free(m);
	return flags;
}

static void judge(struct fixture *fx, struct way *w, uint32_t what, bool arrived, unsigned n)
{
	while (n--)
		net_offload_judge(fx->net, &w->dst, what, arrived);
}

/* What a fresh segment may use, without and with the trial's turn. */
static void assert_choice(struct fixture *fx, struct way *w, uint32_t believed, uint32_t on_trial)
{
	uint32_t trial[2], chosen[2];
	unsigned turn;

	for (unsigned i = 0; i < 2; i++)
		chosen[i] = net_offload_choose(fx->net, &w->dst, &trial[i]);
	turn = trial[1] != 0;
	assert_int_equal(trial[turn], on_trial);
	assert_int_equal(trial[!turn], 0);
	assert_int_equal(chosen[turn], believed | on_trial);
	assert_int_equal(chosen[!turn], believed);
}

static void assert_verdict(struct fixture *fx, uint32_t believed, uint32_t refuted)
{
	struct net_verdict_tx v;

	net_offload_verdict(fx->net, 0, &v);
	assert_int_equal(v.believed, believed);
	assert_int_equal(v.refuted, refuted);
}

/* The field holds the pseudo header's sum, not complemented (DPDK's rule). */
static void a_tried_checksum_is_left_to_the_device(void **state)
{
	struct fixture *fx = *state;
	struct rte_mbuf *m;
	struct wire_ip4 *ip;
	struct wire_tcp *tcp;

	offer(fx, ALL);
	m = sent(fx, &way4, segment(fx, 443, 50000, 100), NET_TRY | 2);
	ip = rte_pktmbuf_mtod_offset(m, void *, 14);
	tcp = (void *)(ip + 1);
	assert_int_equal(m->ol_flags, RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4);
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(m->l4_len, 20);
	assert_int_equal(ip->tos, 2);
	assert_int_equal(slow_checksum(ip, 20, 0), 0xffff);
	assert_int_equal(ntohs(tcp->sum), slow_checksum(&ip->src, 8, 6 + 120));
	rte_pktmbuf_free(m);

	m = sent(fx, &way6, segment(fx, 443, 50000, 7), NET_TRY);
	assert_int_equal(m->ol_flags, RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV6);
	assert_int_equal(m->l3_len, 40);
	tcp = rte_pktmbuf_mtod_offset(m, void *, 54);
	assert_int_equal(
	    ntohs(tcp->sum), slow_checksum(rte_pktmbuf_mtod_offset(m, void *, 22), 32, 6 + 27));
	rte_pktmbuf_free(m);
}

/* A device without IPv4 checksums (virtio, vmxnet3) passes on the header it gets. */
static void tso_leaves_the_ip_checksum_to_who_offers_it(void **state)
{
	struct fixture *fx = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *m = segment(fx, 443, 50000, 100);
		struct wire_ip4 *ip;
		struct wire_tcp *tcp;

		offer(fx, i == 0 ? ALL : ALL & ~(uint32_t)NET_TX_IP_CHECKSUM);
		m->tso_segsz = 50;
		m = sent(fx, &way4, m, 0);
		ip = rte_pktmbuf_mtod_offset(m, void *, 14);
		tcp = (void *)(ip + 1);
		assert_int_equal(m->ol_flags,
		    RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG |
			(i == 0 ? RTE_MBUF_F_TX_IP_CKSUM : 0));
		if (i == 0)
			assert_int_equal(ip->sum, 0);
		else
			assert_int_equal(slow_checksum(ip, 20, 0), 0xffff);
		/* tcp.md pitfall 8 */
		assert_int_equal(ntohs(tcp->sum), slow_checksum(&ip->src, 8, 6));
		rte_pktmbuf_free(m);
	}
}

static void nothing_is_believed_before_it_is_seen_to_work(void **state)
{
	struct fixture *fx = *state;

	offer(fx, ALL);
	assert_int_equal(flags_of(fx, &way4, 0), 0);
	assert_int_equal(flags_of(fx, &way4, NET_PLAIN), 0);
	assert_choice(fx, &way4, 0, NET_TX_TCP_CHECKSUM);
	judge(fx, &way4, NET_TX_TCP_CHECKSUM, true, 63);
	assert_choice(fx, &way4, 0, NET_TX_TCP_CHECKSUM);
	judge(fx, &way4, NET_TX_TCP_CHECKSUM, true, 1);
	assert_choice(fx, &way4, NET_TX_TCP_CHECKSUM, NET_TX_TSO);
	judge(fx, &way4, NET_TX_TSO, true, 64);
	assert_choice(fx, &way4, NET_TX_TCP_CHECKSUM | NET_TX_TSO, 0);
	assert_verdict(fx, NET_TX_TCP_CHECKSUM | NET_TX_TSO, 0);

	assert_int_equal(flags_of(fx, &way4, 0), RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4);
	assert_int_equal(
	    flags_of(fx, &way4, NET_PLAIN), 0); /* what goes again never is the device's */
	/* The other IP version is another matter. */
	assert_int_equal(flags_of(fx, &way6, 0), 0);
	assert_choice(fx, &way6, 0, NET_TX_TCP_CHECKSUM);
}

static void a_device_that_lies_is_found_out(void **state)
{
	struct fixture *fx = *state;

	offer(fx, ALL);
	judge(fx, &way4, NET_TX_TCP_CHECKSUM, false, 7);
	assert_choice(fx, &way4, 0, NET_TX_TCP_CHECKSUM);
	judge(fx, &way4, NET_TX_TCP_CHECKSUM, false, 1);
	assert_choice(fx, &way4, 0, 0); /* nor does it get segments to cut */
	assert_verdict(fx, 0, NET_TX_TCP_CHECKSUM | NET_TX_TSO);
	/* Late evidence of what is decided changes nothing. */
	judge(fx, &way4, NET_TX_TCP_CHECKSUM, true, 1000);
	assert_choice(fx, &way4, 0, 0);

	judge(fx, &way6, NET_TX_TCP_CHECKSUM, true, 64);
	judge(fx, &way6, NET_TX_TSO, false, 8);
	assert_choice(fx, &way6, NET_TX_TCP_CHECKSUM, 0);
	assert_int_equal(flags_of(fx, &way6, 0), RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV6);
}

/* A third of everything lost, for ever: neither believed nor convicted. */
static void a_bad_path_convicts_nobody(void **state)
{
	struct fixture *fx = *state;

	offer(fx, NET_TX_TCP_CHECKSUM);
	for (unsigned i = 0; i < 100000; i++) {
		judge(fx, &way4, NET_TX_TCP_CHECKSUM, true, 2);
		judge(fx, &way4, NET_TX_TCP_CHECKSUM, false, 1);
	}
	assert_choice(fx, &way4, 0, NET_TX_TCP_CHECKSUM);
	judge(fx, &way4, NET_TX_TCP_CHECKSUM, true, 5000); /* it gets better */
	assert_choice(fx, &way4, NET_TX_TCP_CHECKSUM, 0);
}

static struct rte_mbuf *chain(struct fixture *fx)
{
	struct rte_mbuf *m = segment(fx, 443, 50000, 33), *tail = rte_pktmbuf_alloc(fx->pool);

	memset(rte_pktmbuf_append(tail, 101), 'x', 101);
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	return m;
}

static void chains_go_as_chains_once_tso_has_worked(void **state)
{
	struct fixture *fx = *state;
	struct rte_mbuf *m;
	struct wire_ip4 *ip;

	offer(fx, ALL);
	m = sent(fx, &way4, chain(fx), NET_PLAIN);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->pkt_len, 14 + 20 + 20 + 33 + 101);
	assert_int_equal(*rte_pktmbuf_mtod_offset(m, char *, 14 + 20 + 20 + 33 + 100), 'x');
	ip = rte_pktmbuf_mtod_offset(m, void *, 14);
	assert_int_equal(slow_checksum(ip + 1, 154, slow_checksum(&ip->src, 8, 6 + 154)), 0xffff);
	rte_pktmbuf_free(m);

	judge(fx, &way6, NET_TX_TCP_CHECKSUM, true, 64);
	judge(fx, &way6, NET_TX_TSO, true, 64);
	m = sent(fx, &way4, chain(fx), NET_PLAIN);
	assert_int_equal(m->nb_segs, 2);
	rte_pktmbuf_free(m);
}

static void a_chain_without_memory_for_its_copy_is_counted(void **state)
{
	struct fixture *fx = *state;
	unsigned n = rte_mempool_avail_count(fx->pool) - 2;
	struct rte_mbuf **taken = calloc(n, sizeof(struct rte_mbuf *)), *m;

	offer(fx, ALL);
	assert_non_null(taken);
	m = chain(fx);
	assert_int_equal(rte_pktmbuf_alloc_bulk(fx->pool, taken, n), 0);
	net_send_tcp(fx->net, &way4.dst, &way4.flow, m, NET_PLAIN, fx->now_us);
	assert_int_equal(net_tx(fx->net, &m, 1), 0);
	assert_stat(fx, DROP_NO_MBUF, 1);
	rte_pktmbuf_free_bulk(taken, n);
	free(taken);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_tried_checksum_is_left_to_the_device),
		T(tso_leaves_the_ip_checksum_to_who_offers_it),
		T(nothing_is_believed_before_it_is_seen_to_work),
		T(a_device_that_lies_is_found_out),
		T(a_bad_path_convicts_nobody),
		T(chains_go_as_chains_once_tso_has_worked),
		T(a_chain_without_memory_for_its_copy_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
