/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sixteen workers without threads, in virtual time: each with a stack of its own, and with what all of them share: steering, targets,
 * listeners. Frames of 2,000 clients come to any of them; each connection is echoed and has one to a target beside it. No two
 * workers write to the same cache line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "config/err.h"
#include "dataplane/base/stats.h"
#include "dataplane/net/net.h"
#include "dataplane/proxy/balance.h"
#include "dataplane/proxy/listener_run.h"
#include "dataplane/steer/steer.h"
#include "dataplane/tcp/tcp.h"
#include "tests/unit/eal.h"
#include "tests/unit/watched_heap.h"

#include <cmocka.h>

#define N_WORKERS 16
#define N_CLIENTS 2000
#define N_TARGETS 3
#define WIRE      65536
#define BURST     32

/* One stack, and the frames on their way to it; a worker's comes by its queue. */
struct side {
	struct stats stats;
	struct stack *stack;
	struct steer_self self;
	uint64_t random;
	unsigned n_accepted;
} __attribute__((aligned(64)));

struct wire {
	struct rte_mbuf *frames[WIRE];
	unsigned head, tail;
};

static struct rte_mempool *pool;
static struct steer *steer;
static struct side *workers, *clients;
static struct wire *to_workers, *to_clients; /* of each worker; [0] */
static struct listener_run *listener;
static struct backend backend;
static struct target targets[N_TARGETS];
static uint32_t sums[N_TARGETS + 1];
static uint64_t now_us = 1000000;
static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static struct ip_addr ip4(uint32_t a)
{
	struct ip_addr ip = { .w = { 0, 0, rte_cpu_to_be_32(0xffff), rte_cpu_to_be_32(a) } };

	return ip;
}

/* number: 1 is the workers' address, 2 the clients' and targets'. */
static void side_make(struct side *s, uint8_t number, bool is_worker, uint32_t max_conns)
{
	struct net_iface iface = {
		.mac = { 2, 0, 0, 0, 0, number },
		.mtu = 1500,
		.n_addresses = 1,
		.addresses = { { ip4(0x0a500000u + number), 120 } },
	};
	struct stack_config config = {
		.net = { .ifaces = &iface, .n_ifaces = 1, .pool = pool, .stats = &s->stats },
		.pool = pool,
		.max_conns = max_conns,
	};
	struct net_neigh other = { .ip = ip4(0x0a500000u + 3 - number),
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(3 - number) } };

	if (is_worker) {
		config.flow_is_ours = steer_is_ours;
		config.ports_are_ours = steer_ports;
		config.flow_arg = &s->self;
	}
	s->stack = stack_new(&config, now_us);
	assert_non_null(s->stack);
	net_learn(stack_net(s->stack), &other, now_us);
}

static void wire_put(struct wire *w, struct rte_mbuf *m)
{
	/* The wire carries bytes, not references. */
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);

	rte_pktmbuf_free(m);
	assert_non_null(copy);
	copy->port = 0;
	copy->ol_flags = 0;
	assert_true(w->tail - w->head < WIRE);
	w->frames[w->tail++ % WIRE] = copy;
}

static unsigned wire_take(struct wire *w, struct rte_mbuf *pkts[])
{
	unsigned n = 0;

	while (n < BURST && w->head != w->tail)
		pkts[n++] = w->frames[w->head++ % WIRE];
	return n;
}

/* --- what a worker does --- */

static void dial(struct side *s)
{
	struct balance_ask ask = { .worker = s->self.worker,
		.n_workers = N_WORKERS,
		.now_ms = (uint32_t)(now_us / 1000),
		.random = &s->random };
	const struct target *t = NULL;
	enum tcp_error error;
	struct tcp_target at;

	assert_int_equal(balance_pick(&backend, &ask, &t), BALANCE_OK);
	at = (struct tcp_target){ .ip = t->at.ip, .port = t->at.port };
	balance_take(t->run, s->self.worker);
	assert_non_null(tcp_connect(s->stack, &at, t->run, now_us, &error));
}

static void echo(struct tcp_conn *c)
{
	struct iovec in[4], out[4];
	uint32_t n = tcp_rx_available(c);

	if (n > 0 && tcp_rx_view(c, in, 4) > 0 && tcp_tx_reserve(c, n, out, 4) > 0) {
		n = (uint32_t)RTE_MIN(in[0].iov_len, out[0].iov_len);
		memcpy(out[0].iov_base, in[0].iov_base, n);
		tcp_rx_consume(c, n);
		tcp_tx_commit(c, n, TCP_PUSH);
	}
	if (tcp_rx_is_finished(c))
		tcp_shutdown(c);
}

static void events(struct side *s)
{
	struct listener_lane *lane = &listener->lanes[s->self.worker];
	struct tcp_conn *c;
	unsigned e;

	while ((c = stack_ready_next(s->stack, &e)) != NULL) {
		struct target_run *t = tcp_user(c);

		if (e & TCP_EV_ESTABLISHED && !t) {
			s->n_accepted++;
			listener_lane_enter(lane);
			dial(s);
		}
		if (e & TCP_EV_ESTABLISHED && t) {
			balance_succeeded(t, s->self.worker);
			tcp_shutdown(c);
		}
		if (!t)
			echo(c);
		if (!(e & (TCP_EV_CLOSED | TCP_EV_RESET | TCP_EV_TIMEOUT)))
			continue;
		if (t)
			balance_leave(t, s->self.worker);
		else
			listener_lane_leave(lane);
		tcp_release(c);
	}
}

static void worker_turn(unsigned i)
{
	struct side *s = &workers[i];
	struct rte_mbuf *pkts[BURST], *out[4 * BURST];
	unsigned n = wire_take(&to_workers[i], pkts), n_out = 0, taken;

	watched_begin(i);
	n = steer_sort(steer, i, pkts, n, &s->stats);
	stack_rx(s->stack, pkts, n, now_us);
	n = steer_take(steer, i, pkts, BURST, &s->stats);
	stack_rx(s->stack, pkts, n, now_us);
	events(s);
	stack_timers(s->stack, now_us, 256);
	while (n_out + BURST <= RTE_DIM(out) &&
	    (taken = stack_tx(s->stack, out + n_out, BURST, now_us)) > 0)
		n_out += taken;
	watched_end();
	for (unsigned k = 0; k < n_out; k++)
		wire_put(&to_clients[0], out[k]);
}

/* --- clients and targets --- */

static unsigned n_echoed;

static void client_event(struct tcp_conn *c, unsigned e)
{
	bool is_target = tcp_listener_user(c) != NULL;
	struct iovec iov[1];

	if (e & TCP_EV_ESTABLISHED && !is_target && tcp_tx_reserve(c, 100, iov, 1) > 0) {
		memset(iov[0].iov_base, 'x', 100);
		tcp_tx_commit(c, 100, TCP_PUSH);
	}
	if (!is_target && tcp_rx_available(c) == 100) {
		tcp_rx_consume(c, 100);
		n_echoed++;
		tcp_shutdown(c);
	}
	if (is_target && tcp_rx_is_finished(c))
		tcp_shutdown(c);
	if (e & (TCP_EV_CLOSED | TCP_EV_RESET | TCP_EV_TIMEOUT))
		tcp_release(c);
}

/* The wire spreads frames as a device would that knows nothing of flows. */
static void clients_turn(void)
{
	struct rte_mbuf *pkts[BURST];
	struct tcp_conn *c;
	unsigned e, n;

	while ((n = wire_take(&to_clients[0], pkts)) > 0)
		stack_rx(clients->stack, pkts, n, now_us);
	while ((c = stack_ready_next(clients->stack, &e)) != NULL)
		client_event(c, e);
	stack_timers(clients->stack, now_us, 4096);
	while ((n = stack_tx(clients->stack, pkts, BURST, now_us)) > 0)
		for (unsigned i = 0; i < n; i++)
			wire_put(&to_workers[any(N_WORKERS)], pkts[i]);
}

static void open_one(void)
{
	const struct tcp_target at = { .ip = ip4(0x0a500001), .port = 443 };
	enum tcp_error error;

	assert_non_null(tcp_connect(clients->stack, &at, NULL, now_us, &error));
}

/* --- the test --- */

static void make_backend(void)
{
	backend = (struct backend){ .name = "b",
		.algorithm = CONFIG_LEAST_CONNECTIONS,
		.targets = targets,
		.n_targets = N_TARGETS,
		.sums = sums,
		.outlier = { .failures = 3, .ejection_ms = 1000, .max_ejection_ms = 3000 },
		.run = backend_run_get("b", N_WORKERS) };
	for (unsigned i = 0; i < N_TARGETS; i++) {
		struct target *t = &targets[i];

		t->at = (struct endpoint){ ip4(0x0a500002), (uint16_t)(80 + i) };
		t->weight = 1;
		t->run = target_run_get(backend.run, &t->at);
		assert_non_null(t->run);
		sums[i + 1] = i + 1;
	}
	listener = listener_run_get("l", N_WORKERS);
	assert_non_null(listener);
}

static int start(void **state)
{
	static const uint8_t secret[16] = { 7 };
	const struct ip_addr everywhere = { 0 };
	struct err e;

	(void)state;
	test_eal_start();
	err_init(&e);
	pool = rte_pktmbuf_pool_create("all", 32768, 0, 0, 2048, 0);
	steer = steer_new(N_WORKERS, secret, NULL, &e);
	workers = aligned_alloc(64, N_WORKERS * sizeof(*workers));
	clients = aligned_alloc(64, sizeof(*clients));
	to_workers = calloc(N_WORKERS, sizeof(*to_workers));
	to_clients = calloc(1, sizeof(*to_clients));
	assert_true(pool && steer && workers && clients && to_workers && to_clients);
	make_backend();
	for (unsigned i = 0; i < N_WORKERS; i++) {
		workers[i].self = (struct steer_self){ steer, i };
		side_make(&workers[i], 1, true, 1024);
		assert_int_equal(tcp_listen(workers[i].stack, &everywhere, 443, NULL), 0);
	}
	side_make(clients, 2, false, 3 * N_CLIENTS);
	for (unsigned i = 0; i < N_TARGETS; i++)
		assert_int_equal(
		    tcp_listen(clients->stack, &everywhere, (uint16_t)(80 + i), clients), 0);
	return 0;
}

static void no_line_has_two_writers(void **state)
{
	unsigned n_accepted = 0, n_handed_over = 0;

	(void)state;
	for (unsigned turn = 0, n = 0; turn < 4000 && (n < N_CLIENTS || n_echoed < N_CLIENTS);
	     turn++) {
		for (unsigned i = 0; i < 8 && n < N_CLIENTS; i++, n++)
			open_one();
		clients_turn();
		for (unsigned i = 0; i < N_WORKERS; i++)
			worker_turn(i);
		now_us += 1000;
	}
	assert_int_equal(n_echoed, N_CLIENTS);
	for (unsigned i = 0; i < N_WORKERS; i++) {
		const struct stats *stats = &workers[i].stats;

		n_accepted += workers[i].n_accepted;
		n_handed_over += (unsigned)steer_forwarded(stats);
		assert_true(workers[i].n_accepted > N_CLIENTS / N_WORKERS / 2);
		assert_int_equal(stats->v[STAT_DROP_TCP_OTHERS], 0);
		assert_int_equal(stats->v[STAT_TCP_RST_UNKNOWN] + stats->v[STAT_TCP_RST_PORT], 0);
		/* Or nothing was watched. */
		assert_true(watched_lines_of(i) > 200);
	}
	assert_int_equal(n_accepted, N_CLIENTS);
	assert_true(n_handed_over > N_CLIENTS * 4);
	assert_int_equal(watched_shared_lines(), 0);
}

/* The watch itself: neighbours of 16 bytes are one line, and it sees that. */
static void two_writers_are_seen(void **state)
{
	volatile uint64_t *one = malloc(8), *other = malloc(8);

	(void)state;
	watched_begin(0);
	*one = 1;
	watched_end();
	watched_begin(1);
	*other = 1;
	watched_end();
	/* Blocks are 32 bytes apart: they may lie on two lines, their neighbours do not. */
	one = malloc(8);
	watched_begin(2);
	*one = 1;
	watched_end();
	assert_true(watched_shared_lines() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_line_has_two_writers),
		cmocka_unit_test(two_writers_are_seen),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
