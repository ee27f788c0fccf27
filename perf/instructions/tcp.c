/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instructions per packet through TCP and IP, both ends, and per timer. No device: checksums are in software. */
#include "dataplane/tcp/tcp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "dataplane/base/stats.h"
#include "dataplane/base/wheel.h"
#include "perf/instructions/count.h"
#include "tests/unit/eal.h"

#define BURST 32

static struct rte_mempool *pool;
static struct stack *side[2];
static struct stats stats[2];
static uint64_t now_us = 1000000;
static unsigned n_packets;

static void address(struct ip_addr *ip, unsigned i)
{
	memset(ip, 0, sizeof(*ip));
	ip->w[2] = rte_cpu_to_be_32(0xffff);
	ip->w[3] = rte_cpu_to_be_32(0x0a500001 + i);
}

static void make(unsigned i)
{
	struct net_iface iface = {
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) },
		.mtu = 1500,
		.n_addresses = 1,
	};
	struct stack_config config = {
		.net = { .ifaces = &iface, .n_ifaces = 1, .pool = pool, .stats = &stats[i] },
		.pool = pool,
		.max_conns = 256,
	};

	iface.addresses[0].prefix = 120;
	address(&iface.addresses[0].ip, i);
	side[i] = stack_new(&config, now_us);
	assert(side[i] != NULL);
}

static bool pass(unsigned from)
{
	struct rte_mbuf *m[BURST];
	unsigned n = stack_tx(side[from], m, BURST, now_us);

	for (unsigned i = 0; i < n; i++) {
		m[i]->port = 0;
		m[i]->ol_flags = 0;
	}
	stack_rx(side[!from], m, n, now_us);
	n_packets += n;
	return n > 0;
}

static void turn(void)
{
	while (pass(0) || pass(1))
		;
	now_us += 100;
	for (unsigned i = 0; i < 2; i++)
		stack_timers(side[i], now_us, 64);
}

static struct tcp_conn *last_event(unsigned i)
{
	struct tcp_conn *c, *last = NULL;
	unsigned events;

	while ((c = stack_ready_next(side[i], &events)) != NULL)
		last = c;
	return last;
}

static struct tcp_conn *connect_pair(struct tcp_conn **peer)
{
	struct tcp_target target = { .port = 80 };
	enum tcp_error error;
	struct tcp_conn *c;

	address(&target.ip, 1);
	c = tcp_connect(side[0], &target, NULL, now_us, &error);
	assert(c != NULL);
	for (unsigned i = 0; i < 4; i++)
		turn();
	last_event(0);
	*peer = last_event(1);
	assert(*peer != NULL);
	return c;
}

static void put(struct tcp_conn *c, uint32_t want)
{
	struct iovec iov[64];
	unsigned n = tcp_tx_reserve(c, want, iov, 64);
	uint32_t got = 0;

	for (unsigned i = 0; i < n; i++)
		got += (uint32_t)iov[i].iov_len;
	if (got > want)
		got = want;
	tcp_tx_commit(c, got, TCP_PUSH);
}

static void take(struct tcp_conn *c)
{
	tcp_rx_consume(c, tcp_rx_available(c));
}

/* Per packet on the wire, ACKs among them. */
static void bulk(struct tcp_conn *a, struct tcp_conn *b)
{
	for (unsigned i = 0; i < 240; i++) {
		if (i == 200) { /* slow start is over */
			n_packets = 0;
			count_start();
		}
		put(a, 32 * 1448);
		turn();
		take(b);
		last_event(0);
		last_event(1);
	}
	count_stop();
	count_report("tcp_bulk_packet", n_packets);
}

/* Per packet again: 200 bytes there, 1,000 back. */
static void ping_pong(struct tcp_conn *a, struct tcp_conn *b)
{
	n_packets = 0;
	count_start();
	for (unsigned i = 0; i < 300; i++) {
		put(a, 200);
		turn();
		last_event(1);
		take(b);
		put(b, 1000);
		turn();
		last_event(0);
		take(a);
	}
	count_stop();
	count_report("tcp_ping_pong_packet", n_packets);
}

/* A connection's whole life, both ends: SYN to TIME-WAIT. */
static void lives(void)
{
	for (unsigned i = 0; i < 50; i++) {
		struct tcp_conn *a, *b;

		count_start();
		a = connect_pair(&b);
		tcp_release(a);
		turn();
		last_event(1);
		tcp_release(b);
		turn();
		count_stop();
	}
	count_report("tcp_connection", 50);
}

/* A frame of side 0's stack, whose headers serve for those made up here. */
static struct rte_mbuf *captured_syn(void)
{
	struct tcp_target target = { .port = 80 };
	enum tcp_error error;
	struct rte_mbuf *m;

	address(&target.ip, 1);
	tcp_release(tcp_connect(side[0], &target, NULL, now_us, &error));
	return stack_tx(side[0], &m, 1, now_us) == 1 ? m : NULL;
}

/* No options but the MSS, as most floods have them, and padded to what Ethernet carries at least. */
static void strip(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);
	uint8_t *options = (uint8_t *)(tcp + 1);

	assert(options[0] == 2 && options[1] == 4);
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - 60));
	memset(options + 4, 0, 2);
	tcp->data_off = 6 << 4;
	tcp->cksum = 0;
	ip->total_length = rte_cpu_to_be_16(44);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
}

/* Another source port; the sequence number takes what keeps the checksum true. */
static void vary(struct rte_mbuf *m, uint16_t port)
{
	rte_be16_t *tcp = rte_pktmbuf_mtod_offset(m, rte_be16_t *, 34);
	uint32_t sum = rte_be_to_cpu_16(tcp[0]) + rte_be_to_cpu_16(tcp[3]) + 0xffffu - port;

	tcp[0] = rte_cpu_to_be_16(port);
	tcp[3] = rte_cpu_to_be_16((uint16_t)((sum & 0xffff) + (sum >> 16)));
}

static void count_flood(struct rte_mbuf *syn, unsigned n)
{
	struct rte_mbuf *m[BURST];

	for (unsigned i = 0; i < n; i++) {
		unsigned left;

		for (unsigned j = 0; j < BURST; j++) {
			m[j] = rte_pktmbuf_copy(syn, pool, 0, UINT32_MAX);
			assert(m[j] != NULL);
			vary(m[j], (uint16_t)(1024 + i * BURST + j));
			m[j]->port = 0;
			m[j]->ol_flags = 0;
		}
		count_start();
		stack_rx(side[1], m, BURST, now_us);
		left = stack_tx(side[1], m, BURST, now_us);
		count_stop();
		assert(left == BURST);
		rte_pktmbuf_free_bulk(m, left);
	}
}

/* Per SYN and its answer, when there are so many that cookies are sent. */
static void flood(void)
{
	struct rte_mbuf *syn = captured_syn();

	assert(syn != NULL);
	count_flood(syn, 100);
	count_report("tcp_syn_cookie", 100 * BURST);
	strip(syn);
	count_flood(syn, 100);
	count_report("tcp_syn_cookie_bare", 100 * BURST);
	rte_pktmbuf_free(syn);
}

/* Per timer filed and come up. */
static void timers(void)
{
	static struct wheel wheel;
	static struct wheel_node nodes[4096];
	unsigned n = 0;

	wheel_init(&wheel, 0);
	count_start();
	for (unsigned i = 0; i < 4096; i++)
		wheel_file(&wheel, &nodes[i], 1 + i * 37 % 20000);
	for (uint32_t ms = 1; ms <= 20001; ms++)
		while (wheel_next(&wheel, ms) != NULL)
			n++;
	count_stop();
	assert(n >= 4096);
	count_report("timer", 4096);
}

int main(void)
{
	struct ip_addr any = { 0 };
	struct tcp_conn *a, *b;

	test_eal_start();
	pool = rte_pktmbuf_pool_create("count", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	assert(pool != NULL);
	make(0);
	make(1);
	assert(tcp_listen(side[1], &any, 80, NULL) == 0);
	a = connect_pair(&b);
	ping_pong(a, b);
	bulk(a, b);
	lives();
	flood();
	timers();
	stack_free(side[0]);
	stack_free(side[1]);
	return 0;
}
