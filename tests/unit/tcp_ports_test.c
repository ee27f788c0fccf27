/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/base/stats.h"
#include "dataplane/tcp/ports.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/tcp.h"
#include "tests/unit/eal.h"

#include <cmocka.h>

/* Source ports of one worker's stack. The peers are silent: what was opened stays open. */

#define MAX_CONNS (3 * PORTS_COUNT)
#define MILLION   1000000
#define ALL       UINT64_MAX
#define OF_16     0x1000100010001ull /* every 16th port */

static struct rte_mempool *pool;
static struct stack *s;
static struct stats stats;
static struct tcp_conn *conns[MAX_CONNS];
static unsigned n_conns;
static uint64_t now = 1000000;

static uint64_t mask; /* what ports_are_ours says of every word */
static unsigned n_asked;

static uint64_t ports_by_mask(const void *arg, const struct flow *flow)
{
	(void)arg;
	assert_int_equal(flow->local_port % 64, 0);
	n_asked++;
	return mask;
}

static bool port_by_mask(const void *arg, const struct flow *flow)
{
	(void)arg;
	return mask >> flow->local_port % 64 & 1;
}

static struct ip_addr v4(uint32_t a)
{
	struct ip_addr ip = { .w = { 0, 0, rte_cpu_to_be_32(0xffff), rte_cpu_to_be_32(a) } };

	return ip;
}

/* A stack with so many addresses in one net; the last one is of another. */
static void make(uint64_t ours, unsigned n_addresses, uint32_t max_sets)
{
	struct net_iface iface = { .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500 };
	struct stack_config config = {
		.net = { .ifaces = &iface, .n_ifaces = 1, .pool = pool, .stats = &stats },
		.pool = pool,
		.max_conns = MAX_CONNS,
		.max_port_sets = max_sets,
		.flow_is_ours = port_by_mask,
		.ports_are_ours = ports_by_mask,
	};

	for (unsigned i = 0; i < n_addresses; i++)
		iface.addresses[i] = (struct net_addr){ v4(0x0a510001 + i), 120 };
	iface.addresses[n_addresses] = (struct net_addr){ v4(0x0a520001), 120 };
	iface.n_addresses = n_addresses + 1;
	mask = ours;
	n_asked = n_conns = 0;
	memset(&stats, 0, sizeof(stats));
	s = stack_new(&config, now);
	assert_non_null(s);
	memset(&iface, 0xee, sizeof(iface)); /* borrowed for the call only */
}

static int unmake(void **state)
{
	(void)state;
	stack_free(s);
	s = NULL;
	return 0;
}

/* Frames have nowhere to go. */
static void run(void)
{
	struct rte_mbuf *out[32];
	unsigned n;

	stack_timers(s, now, 1000000);
	while ((n = stack_tx(s, out, 32, now)) > 0)
		rte_pktmbuf_free_bulk(out, n);
}

static enum tcp_error connect_to(uint8_t host, uint16_t port)
{
	struct tcp_target target = { .ip = v4(0x0a510000u + host), .port = port };
	enum tcp_error error = TCP_OK;
	struct tcp_conn *c = tcp_connect(s, &target, NULL, now, &error);

	if (c)
		conns[n_conns++] = c;
	assert_int_equal(c == NULL, error != TCP_OK);
	if (n_conns % 256 == 0)
		run();
	return error;
}

static void end(struct tcp_conn *c)
{
	tcp_abort(c);
	tcp_release(c);
}

static struct stack_info info(void)
{
	struct stack_info i;

	stack_info_get(s, &i);
	return i;
}

/* No two of the connections have the same 4-tuple. */
static void assert_unique(void)
{
	static uint64_t seen[4][65536 / 64];

	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < n_conns; i++) {
		const struct flow *f = tcp_flow(conns[i]);
		uint64_t *word =
		    &seen[f->remote.b[15] % 2 * 2 + f->local.b[15] % 2][f->local_port / 64];
		uint64_t bit = 1ull << f->local_port % 64;

		assert_true(f->local_port >= PORTS_FIRST);
		assert_int_equal(*word & bit, 0);
		assert_true(mask & bit);
		*word |= bit;
	}
}

/* --- */

static void a_million_connects(uint64_t ours, unsigned limit)
{
	unsigned refused = 0, asked;
	uint64_t opening = 0, refusing = 0;

	make(ours, 1, 0);
	for (unsigned i = 0; i < MILLION; i++) {
		uint64_t start = rte_rdtsc();
		enum tcp_error error = connect_to(9, 80);

		*(error == TCP_OK ? &opening : &refusing) += rte_rdtsc() - start;
		if (i < limit)
			assert_int_equal(error, TCP_OK);
		else
			assert_int_equal(error, TCP_ERR_NO_PORT);
		refused += error != TCP_OK;
	}
	assert_int_equal(n_conns, limit);
	assert_int_equal(stats.v[STAT_TCP_NO_PORT], refused);
	assert_int_equal(info().n_ports_taken, limit);
	assert_int_equal(info().n_ports_free_least, 0);
	assert_unique();
	/* Nobody was asked twice: a refusal looks at no port at all. */
	assert_int_equal(n_asked, PORTS_WORDS);
	print_message("%u ports: %.0f cycles a connection, %.0f a refusal\n", limit,
	    (double)opening / limit, (double)refusing / refused);
	/* What ends makes room, neither more nor less. */
	asked = limit / 3;
	for (unsigned i = 0; i < asked; i++)
		end(conns[i * 2]);
	run();
	assert_int_equal(info().n_ports_free_least, asked);
	for (unsigned i = 0; i < asked; i++)
		assert_int_equal(connect_to(9, 80), TCP_OK);
	assert_int_equal(connect_to(9, 80), TCP_ERR_NO_PORT);
}

static void a_million_connects_to_one_target_run_into_the_limit(void **state)
{
	(void)state;
	a_million_connects(ALL, PORTS_COUNT);
}

static void one_of_sixteen_workers_has_its_share(void **state)
{
	(void)state;
	a_million_connects(OF_16, PORTS_COUNT / 16);
}

static void without_ports_of_its_own_a_worker_refuses(void **state)
{
	(void)state;
	make(0, 2, 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(connect_to(9, 80), TCP_ERR_NO_PORT);
	assert_int_equal(stats.v[STAT_TCP_NO_PORT], 200); /* of either address */
	assert_int_equal(n_asked, 2 * PORTS_WORDS);
}

static void every_target_and_port_has_all_ports(void **state)
{
	(void)state;
	make(OF_16, 1, 0);
	for (unsigned i = 0; i < PORTS_COUNT / 16; i++) {
		assert_int_equal(connect_to(9, 80), TCP_OK);
		assert_int_equal(connect_to(10, 80), TCP_OK);
	}
	assert_unique();
	assert_int_equal(connect_to(9, 80), TCP_ERR_NO_PORT);
	assert_int_equal(connect_to(10, 80), TCP_ERR_NO_PORT);
	assert_int_equal(connect_to(9, 81), TCP_OK);
	assert_int_equal(info().n_ports_taken, PORTS_COUNT / 8 + 1);
}

static void addresses_of_the_same_net_take_over(void **state)
{
	unsigned n[3] = { 0 };

	(void)state;
	make(OF_16, 2, 0);
	for (unsigned i = 0; i < PORTS_COUNT / 8; i++)
		assert_int_equal(connect_to(9, 80), TCP_OK);
	assert_int_equal(connect_to(9, 80), TCP_ERR_NO_PORT);
	assert_unique();
	for (unsigned i = 0; i < n_conns; i++) {
		const struct ip_addr *local = &tcp_flow(conns[i])->local;

		n[local->b[13] == 0x51 ? local->b[15] - 1 : 2]++;
	}
	assert_int_equal(n[0], PORTS_COUNT / 16);
	assert_int_equal(n[1], PORTS_COUNT / 16);
	assert_int_equal(n[2], 0); /* the other net's address is not theirs to know */
}

static void a_listeners_port_is_not_chosen(void **state)
{
	(void)state;
	make(1ull << 5, 1, 0);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(tcp_listen(s, &(struct ip_addr){ 0 },
				     (uint16_t)(PORTS_FIRST + 5 + i * 128), NULL),
		    0);
	for (unsigned i = 0; i < PORTS_WORDS - 256; i++)
		assert_int_equal(connect_to(9, 80), TCP_OK);
	for (unsigned i = 0; i < n_conns; i++) {
		unsigned port = tcp_flow(conns[i])->local_port - PORTS_FIRST - 5;

		assert_true(port % 128 != 0 || port >= 256 * 128);
	}
	assert_int_equal(connect_to(9, 80), TCP_ERR_NO_PORT);
}

static struct ip_addr own(unsigned i)
{
	struct ip_addr ip = { .b = { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1 } };

	ip.b[14] = (uint8_t)(i >> 8);
	ip.b[15] = (uint8_t)i;
	return ip;
}

/* Many addresses with one port, ports that share a chain, all places taken, one given back. */
static void listeners_are_found_among_many(void **state)
{
	const struct listeners *l;
	struct ip_addr any = { 0 }, ip;

	(void)state;
	make(1ull << 5, 1, 0);
	l = &s->listeners;
	assert_int_equal(tcp_listen(s, &any, 443, NULL), 0);
	for (unsigned i = 1; i < LISTEN_MAX; i++) {
		ip = own(i);
		assert_int_equal(tcp_listen(s, &ip, i & 1 ? 443 : 443 + LISTEN_CHAINS, NULL), 0);
	}
	ip = own(3);
	assert_int_equal(tcp_listen(s, &ip, 443, NULL), -1);
	assert_int_equal(tcp_listen(s, &ip, 80, NULL), -1);
	assert_int_equal(listen_find(l, &ip, 443), 3);
	assert_int_equal(listen_find(l, &ip, 443 + LISTEN_CHAINS), LISTEN_NONE);
	ip = own(4);
	assert_int_equal(listen_find(l, &ip, 443), 0);
	assert_int_equal(listen_find(l, &ip, 443 + LISTEN_CHAINS), 4);
	tcp_unlisten(s, &ip, 443 + LISTEN_CHAINS);
	tcp_unlisten(s, &ip, 443 + LISTEN_CHAINS);
	assert_int_equal(listen_find(l, &ip, 443 + LISTEN_CHAINS), LISTEN_NONE);
	assert_int_equal(tcp_listen(s, &ip, 80, NULL), 0);
	assert_int_equal(listen_find(l, &ip, 80), 4);
	for (unsigned i = 1; i < LISTEN_MAX; i += 2) {
		ip = own(i);
		tcp_unlisten(s, &ip, 443);
	}
	assert_int_equal(listen_find(l, &ip, 443), 0);
	tcp_unlisten(s, &any, 443);
	assert_int_equal(listen_find(l, &ip, 443), LISTEN_NONE);
}

/* With more targets than sets connections are opened all the same, and no 4-tuple twice. */
static void there_may_be_more_targets_than_sets(void **state)
{
	unsigned n_left = 0;

	(void)state;
	make(ALL, 1, 2);
	for (unsigned i = 0; i < 1000; i++)
		for (uint16_t port = 1; port <= 4; port++)
			assert_int_equal(connect_to(9, port), TCP_OK);
	assert_int_equal(info().n_ports_taken, 2000);
	/* Those of port 1 end: their set may be given up. */
	for (unsigned i = 0; i < n_conns; i++) {
		if (tcp_flow(conns[i])->remote_port == 1)
			end(conns[i]);
		else
			conns[n_left++] = conns[i];
	}
	n_conns = n_left;
	run();
	assert_int_equal(info().n_ports_taken, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(connect_to(9, 3), TCP_OK);
	assert_int_equal(info().n_ports_taken, 2000);
	for (unsigned i = 0; i < n_conns; i++) {
		if (tcp_flow(conns[i])->remote_port != 3)
			continue;
		for (unsigned j = i + 1; j < n_conns; j++)
			assert_true(tcp_flow(conns[j])->remote_port != 3 ||
			    tcp_flow(conns[j])->local_port != tcp_flow(conns[i])->local_port);
	}
}

static void any_of_many_targets_that_were_left_makes_room(void **state)
{
	(void)state;
	make(ALL, 1, 3);
	for (unsigned i = 0; i < 5000; i++) {
		n_conns = 0;
		assert_int_equal(connect_to(9, (uint16_t)(1 + i % 50)), TCP_OK);
		assert_int_equal(info().n_ports_taken, 1);
		end(conns[0]);
		run();
		assert_int_equal(info().n_ports_taken, 0);
	}
}

static int start(void **state)
{
	(void)state;
	test_eal_start();
	pool = rte_pktmbuf_pool_create("ports", 4095, 0, 0, 2048 + 128, 0);
	return pool != NULL ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_teardown(f, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_million_connects_to_one_target_run_into_the_limit),
		TEST(one_of_sixteen_workers_has_its_share),
		TEST(without_ports_of_its_own_a_worker_refuses),
		TEST(every_target_and_port_has_all_ports),
		TEST(addresses_of_the_same_net_take_over),
		TEST(listeners_are_found_among_many),
		TEST(a_listeners_port_is_not_chosen),
		TEST(there_may_be_more_targets_than_sets),
		TEST(any_of_many_targets_that_were_left_makes_room),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
