/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What TCP itself costs: two stacks back to back in one thread, no NIC, checksums left to the
 * "device". Prints cycles per packet at growing numbers of connections, and bytes per connection.
 * Usage: tcp_cycles [seconds [connections]]; seconds (1) of each measurement, at most connections (1000000).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/base/stats.h"
#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/mini.h"
#include "dataplane/tcp/tcp.h"
#include "dataplane/tcp/timewait.h"
#include "tests/unit/eal.h"

#define BURST      32
#define MAX_CONNS  1000000u
#define PER_PORT   50000u /* connections to one port of the other side: source ports are 16 bits */
#define FIRST_PORT 80

struct side {
	struct stack *s;
	struct stats stats;
	uint64_t rx_cycles, tx_cycles, api_cycles;
	uint64_t n_rx, n_tx;
};

static struct rte_mempool *pool;
static struct side side[2];
static uint64_t now_us = 1000000;

static void side_make(unsigned i, unsigned max_conns)
{
	struct net_iface iface = {
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) },
		.mtu = 1500,
		.n_addresses = 1,
		.offloads = NET_RX_CHECKSUM | NET_TX_IP_CHECKSUM | NET_TX_TCP_CHECKSUM,
	};
	struct stack_config config = {
		.net = { .ifaces = &iface, .n_ifaces = 1, .pool = pool, .stats = &side[i].stats },
		.pool = pool,
		.max_conns = max_conns,
		.max_mbufs = 40000,
	};

	iface.addresses[0].prefix = 104;
	iface.addresses[0].ip.w[2] = rte_cpu_to_be_32(0xffff);
	iface.addresses[0].ip.w[3] = rte_cpu_to_be_32(0x0a500001 + i);
	side[i].s = stack_new(&config, now_us);
	if (!side[i].s) {
		fprintf(stderr, "no memory\n");
		exit(1);
	}
}

/* Takes what one side has to send to the other; returns the number of packets. */
static unsigned pass(unsigned from)
{
	struct rte_mbuf *m[BURST];
	uint64_t t0 = rte_rdtsc(), t1;
	unsigned n = stack_tx(side[from].s, m, BURST, now_us);

	t1 = rte_rdtsc();
	side[from].tx_cycles += t1 - t0;
	side[from].n_tx += n;
	for (unsigned i = 0; i < n; i++) {
		m[i]->port = 0;
		m[i]->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	}
	if (!n)
		return 0;
	t0 = rte_rdtsc();
	stack_rx(side[!from].s, m, n, now_us);
	side[!from].rx_cycles += rte_rdtsc() - t0;
	side[!from].n_rx += n;
	return n;
}

static struct tcp_conn *events(unsigned i)
{
	struct tcp_conn *c, *last = NULL;
	unsigned ev;

	while ((c = stack_ready_next(side[i].s, &ev)) != NULL)
		last = c;
	return last;
}

static void settle(void)
{
	for (unsigned i = 0; i < 8; i++) {
		while (pass(0) + pass(1))
			;
		now_us += 100;
		stack_timers(side[0].s, now_us, 64);
		stack_timers(side[1].s, now_us, 64);
	}
}

static void open_pair(unsigned i, struct tcp_conn **a, struct tcp_conn **b)
{
	struct tcp_target target = { .port = (uint16_t)(FIRST_PORT + i / PER_PORT) };
	enum tcp_error error;

	target.ip.w[2] = rte_cpu_to_be_32(0xffff);
	target.ip.w[3] = rte_cpu_to_be_32(0x0a500002);
	*a = tcp_connect(side[0].s, &target, NULL, now_us, &error);
	if (!*a) {
		fprintf(stderr, "connect: error %d\n", error);
		exit(1);
	}
	settle();
	events(0);
	*b = events(1);
	if (!*b) {
		fprintf(stderr, "connection %u was not accepted\n", i);
		exit(1);
	}
}

static uint32_t put(struct tcp_conn *c, uint32_t n)
{
	struct iovec iov[64];
	uint64_t t0 = rte_rdtsc();
	unsigned k = tcp_tx_reserve(c, n, iov, 64);
	uint32_t got = 0;

	for (unsigned i = 0; i < k; i++)
		got += (uint32_t)iov[i].iov_len;
	if (got)
		tcp_tx_commit(c, got, TCP_PUSH);
	side[0].api_cycles += rte_rdtsc() - t0;
	return got;
}

static uint32_t take(struct tcp_conn *c)
{
	struct iovec iov[64];
	uint64_t t0 = rte_rdtsc();
	uint32_t n = 0;

	for (unsigned i = 0, k = tcp_rx_view(c, iov, 64); i < k; i++)
		n += (uint32_t)iov[i].iov_len;
	tcp_rx_consume(c, n);
	side[1].api_cycles += rte_rdtsc() - t0;
	return n;
}

static void reset_counts(void)
{
	for (unsigned i = 0; i < 2; i++)
		side[i].rx_cycles = side[i].tx_cycles = side[i].api_cycles = side[i].n_rx =
		    side[i].n_tx = 0;
}

static void report(const char *what)
{
	printf(
	    "%-22s data rx %4lu  data tx %4lu  ack rx %4lu  ack tx %4lu  api %4lu (cycles a packet; %lu data, %lu acks)\n",
	    what, side[1].rx_cycles / side[1].n_rx, side[0].tx_cycles / side[0].n_tx,
	    side[0].n_rx ? side[0].rx_cycles / side[0].n_rx : 0,
	    side[1].n_tx ? side[1].tx_cycles / side[1].n_tx : 0,
	    (side[0].api_cycles + side[1].api_cycles) / side[1].n_rx, side[1].n_rx, side[0].n_rx);
	reset_counts();
}

static void bulk(struct tcp_conn *a, struct tcp_conn *b, double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)((double)rte_get_tsc_hz() * seconds);

	while (rte_rdtsc() < end) {
		put(a, 44 * 1448);
		while (pass(0))
			;
		take(b);
		events(1);
		while (pass(1))
			;
		events(0);
		now_us += 50;
		stack_timers(side[0].s, now_us, 64);
		stack_timers(side[1].s, now_us, 64);
	}
}

/* Small requests and answers on n connections in an order without order, bursts of one packet each. */
static void ping_pong(struct tcp_conn **a, struct tcp_conn **b, unsigned n, double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)((double)rte_get_tsc_hz() * seconds);
	unsigned at = 0, who[BURST];

	while (rte_rdtsc() < end) {
		for (unsigned k = 0; k < BURST; k++) {
			at = (at + 7919) % n; /* a prime: all have their turn */
			who[k] = at;
			put(a[at], 200);
		}
		while (pass(0))
			;
		for (unsigned k = 0; k < BURST; k++) {
			take(b[who[k]]);
			put(b[who[k]], 1000);
		}
		events(1);
		while (pass(1))
			;
		for (unsigned k = 0; k < BURST; k++)
			take(a[who[k]]);
		events(0);
		now_us += 50;
		stack_timers(side[0].s, now_us, 64);
		stack_timers(side[1].s, now_us, 64);
	}
}

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	size_t pages[2] = { 0, 0 };

	if (f) {
		if (fscanf(f, "%zu %zu", &pages[0], &pages[1]) != 2)
			pages[1] = 0;
		fclose(f);
	}
	return pages[1] * (size_t)sysconf(_SC_PAGESIZE);
}

/* Opens up to n and measures with all of them in use. */
static void at_size(struct tcp_conn **a, struct tcp_conn **b, unsigned n, double seconds)
{
	static unsigned n_open = 1;
	size_t before = resident();
	unsigned opened = n - n_open;
	char what[32];

	for (; n_open < n; n_open++)
		open_pair(n_open, &a[n_open], &b[n_open]);
	snprintf(what, sizeof(what), "ping-pong, %u", n);
	reset_counts();
	ping_pong(a, b, n, seconds);
	report(what);
	if (opened > 10000)
		printf("  %.0f bytes an idle connection (both ends in this process, halved)\n",
		    (double)(resident() - before) / opened / 2);
}

int main(int argc, char **argv)
{
	static const unsigned sizes[] = { 64, 1000, 20000, 100000, MAX_CONNS };
	static struct tcp_conn *a[MAX_CONNS], *b[MAX_CONNS];
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	unsigned max = argc > 2 ? (unsigned)atoi(argv[2]) : MAX_CONNS;
	struct ip_addr any = { 0 };

	test_eal_start();
	pool = rte_pktmbuf_pool_create("bench", 49151, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!pool) {
		fprintf(stderr, "no pool\n");
		return 1;
	}
	side_make(0, MAX_CONNS);
	side_make(1, MAX_CONNS);
	for (unsigned i = 0; i <= MAX_CONNS / PER_PORT; i++)
		tcp_listen(side[1].s, &any, (uint16_t)(FIRST_PORT + i), NULL);
	printf("a connection %zu bytes, SYN-RECEIVED %zu, TIME-WAIT %zu\n", sizeof(struct tcp_conn),
	    sizeof(struct mini), sizeof(struct tw));
	open_pair(0, &a[0], &b[0]);
	bulk(a[0], b[0], seconds / 2);
	reset_counts();
	bulk(a[0], b[0], seconds);
	report("bulk, 1 connection");
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && sizes[i] <= max; i++)
		at_size(a, b, sizes[i], seconds);
	stack_free(side[0].s);
	stack_free(side[1].s);
	return 0;
}
