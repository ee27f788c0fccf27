/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/base/stats.h"
#include "dataplane/tcp/check.h"
#include "dataplane/tcp/tcp.h"
#include "tests/unit/eal.h"

#include <cmocka.h>

/* Two stacks joined back to back by a link with delay and seeded loss, in virtual time. */

#define LINK 8192

struct end {
	struct stack *s;
	struct stats stats;
	struct tcp_conn *c;
	unsigned events;
};

struct world {
	struct end e[2];
	uint64_t now;
	uint64_t rng;
	unsigned loss; /* per 1000 */
	bool pacing;
	uint64_t delay;
	struct {
		struct rte_mbuf *m;
		uint64_t at;
	} q[2][LINK];
	unsigned head[2], tail[2];
};

static struct rte_mempool *pool;
static struct world w;

static uint32_t rnd(void)
{
	w.rng ^= w.rng << 13;
	w.rng ^= w.rng >> 7;
	w.rng ^= w.rng << 17;
	return (uint32_t)(w.rng >> 16);
}

static struct ip_addr v4(uint32_t a)
{
	struct ip_addr ip = { .w = { 0, 0, rte_cpu_to_be_32(0xffff), rte_cpu_to_be_32(a) } };

	return ip;
}

static void end_make(struct end *e, unsigned i, uint16_t mtu)
{
	struct net_iface iface = {
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) },
		.mtu = mtu,
		.n_addresses = 1,
		.addresses = { { v4(0x0a500001 + i), 120 } },
	};
	struct stack_config config = {
		.net = { .ifaces = &iface, .n_ifaces = 1, .pool = pool, .stats = &e->stats },
		.pool = pool,
		.max_conns = 16,
		.max_mbufs = 6000,
		.pacing = w.pacing,
	};

	memset(&e->stats, 0, sizeof(e->stats));
	e->s = stack_new(&config, w.now);
	assert_non_null(e->s);
	e->c = NULL;
	e->events = 0;
}

static void world_make(unsigned loss, uint64_t delay, uint64_t seed, bool pacing)
{
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	w.rng = seed;
	w.loss = loss;
	w.delay = delay;
	w.pacing = pacing;
	end_make(&w.e[0], 0, 1500);
	end_make(&w.e[1], 1, 1500);
}

static void check(struct stack *s)
{
	char why[256];

	if (tcp_check(s, why, sizeof(why)) != 0) {
		fprintf(stderr, "at %lu: %s\n", (unsigned long)w.now, why);
		fail();
	}
}

static void flush(unsigned i)
{
	struct rte_mbuf *out[32];
	unsigned n;

	do {
		n = stack_tx(w.e[i].s, out, 32, w.now);
		check(w.e[i].s);
		for (unsigned k = 0; k < n; k++) {
			struct rte_mbuf *copy;

			if (rnd() % 1000 < w.loss) {
				rte_pktmbuf_free(out[k]);
				continue;
			}
			/* The wire carries bytes, not references. */
			copy = rte_pktmbuf_copy(out[k], pool, 0, UINT32_MAX);
			rte_pktmbuf_free(out[k]);
			if (!copy)
				continue;
			copy->port = 0;
			copy->ol_flags = 0;
			w.q[!i][w.tail[!i] % LINK].m = copy;
			w.q[!i][w.tail[!i]++ % LINK].at = w.now + w.delay;
			assert_true(w.tail[!i] - w.head[!i] < LINK);
		}
	} while (n == 32);
}

static void poll_ready(unsigned i)
{
	struct tcp_conn *c;
	unsigned ev;

	while ((c = stack_ready_next(w.e[i].s, &ev)) != NULL) {
		w.e[i].c = c;
		w.e[i].events |= ev;
	}
}

/* One step to the next event on the link or in a timer. */
static void step(void)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *in[32];
		unsigned n = 0;

		while (n < 32 && w.head[i] != w.tail[i] && w.q[i][w.head[i] % LINK].at <= w.now)
			in[n++] = w.q[i][w.head[i]++ % LINK].m;
		stack_rx(w.e[i].s, in, n, w.now);
		check(w.e[i].s);
		stack_timers(w.e[i].s, w.now, 64);
		check(w.e[i].s);
		poll_ready(i);
	}
	/* What is sent arms timers: when to go on is known only afterwards. */
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at;

		flush(i);
		at = stack_timers(w.e[i].s, w.now, 64);
		next = RTE_MIN(next, at);
	}
	for (unsigned i = 0; i < 2; i++)
		if (w.head[i] != w.tail[i])
			next = RTE_MIN(next, w.q[i][w.head[i] % LINK].at);
	w.now = RTE_MAX(w.now + 1, RTE_MIN(next, w.now + 1000000));
}

static void world_free(void)
{
	for (unsigned i = 0; i < 2; i++) {
		while (w.head[i] != w.tail[i])
			rte_pktmbuf_free(w.q[i][w.head[i]++ % LINK].m);
		stack_free(w.e[i].s);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void connect_pair(void)
{
	struct ip_addr any = { 0 };
	struct tcp_target t = { .ip = v4(0x0a500002), .port = 80 };
	enum tcp_error error;

	assert_int_equal(tcp_listen(w.e[1].s, &any, 80, &w), 0);
	w.e[0].c = tcp_connect(w.e[0].s, &t, NULL, w.now, &error);
	assert_non_null(w.e[0].c);
	for (unsigned i = 0; i < 4000 && !(w.e[0].events & w.e[1].events & TCP_EV_ESTABLISHED); i++)
		step();
	assert_true(w.e[0].events & TCP_EV_ESTABLISHED);
	assert_true(w.e[1].events & TCP_EV_ESTABLISHED);
	assert_ptr_equal(tcp_listener_user(w.e[1].c), &w);
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static uint64_t push(struct tcp_conn *c, uint64_t sent, uint64_t total)
{
	struct iovec iov[16];
	uint32_t n = 0;
	unsigned k = tcp_tx_reserve(c, (uint32_t)RTE_MIN(total - sent, 16384ul), iov, 16);

	for (unsigned i = 0; i < k; i++)
		for (size_t j = 0; j < iov[i].iov_len; j++)
			((uint8_t *)iov[i].iov_base)[j] = byte_at(sent + n++);
	if (n)
		tcp_tx_commit(c, n, sent + n == total ? TCP_PUSH : TCP_MORE);
	return sent + n;
}

static uint64_t pull(struct tcp_conn *c, uint64_t got)
{
	struct iovec iov[16];
	unsigned k = tcp_rx_view(c, iov, 16);
	uint32_t n = 0;

	for (unsigned i = 0; i < k; i++)
		for (size_t j = 0; j < iov[i].iov_len; j++)
			if (((uint8_t *)iov[i].iov_base)[j] != byte_at(got + n++))
				fail_msg("byte %lu differs", (unsigned long)(got + n - 1));
	tcp_rx_consume(c, n);
	return got + n;
}

static void transfer(uint64_t total)
{
	uint64_t sent = 0, got = 0, start = w.now;

	for (unsigned long i = 0; got < total; i++) {
		while (sent < total && tcp_tx_space(w.e[0].c) > 0) {
			uint64_t before = sent;

			sent = push(w.e[0].c, sent, total);
			if (sent == before)
				break;
		}
		flush(0);
		step();
		got = pull(w.e[1].c, got);
		if (w.now - start > 2000000000ul || i > 10000000) {
			struct tcp_info a, b;

			tcp_info_get(w.e[0].c, &a);
			tcp_info_get(w.e[1].c, &b);
			fail_msg(
			    "stalled at %lu of %lu: cwnd %u ssthresh %u una %u nxt %u wnd %u rto %u rcv %u wnd %u",
			    (unsigned long)got, (unsigned long)total, a.cwnd, a.ssthresh, a.snd_una,
			    a.snd_nxt, a.snd_wnd, a.rto_us, b.rcv_nxt, b.rcv_wnd);
		}
	}
	if (getenv("VERBOSE")) {
		struct tcp_info a;

		tcp_info_get(w.e[0].c, &a);
		printf(
		    "loss %u delay %lu: %.1f Mbit/s cwnd %u srtt %u retrans %lu rto %lu tlp %lu rec %lu undo %lu\n",
		    w.loss, w.delay, (double)total * 8 / (double)(w.now - start), a.cwnd, a.srtt_us,
		    a.retransmits, w.e[0].stats.v[STAT_TCP_RTOS], w.e[0].stats.v[STAT_TCP_TLPS],
		    w.e[0].stats.v[STAT_TCP_FAST_RECOVERIES], w.e[0].stats.v[STAT_TCP_UNDONE]);
	}
}

static void close_both(void)
{
	struct stack_info info;

	tcp_shutdown(w.e[0].c);
	for (unsigned i = 0; i < 100000 && !(w.e[1].events & TCP_EV_PEER_FIN); i++)
		step();
	assert_true(w.e[1].events & TCP_EV_PEER_FIN);
	assert_true(tcp_rx_is_finished(w.e[1].c));
	tcp_shutdown(w.e[1].c);
	for (unsigned i = 0; i < 100000 && !(w.e[1].events & w.e[0].events & TCP_EV_CLOSED); i++)
		step();
	assert_true(w.e[0].events & TCP_EV_CLOSED);
	assert_true(w.e[1].events & TCP_EV_CLOSED);
	tcp_release(w.e[0].c);
	tcp_release(w.e[1].c);
	stack_info_get(w.e[0].s, &info);
	assert_int_equal(info.n_state[TCP_TIME_WAIT], 1);
	assert_int_equal(info.n_held_mbufs, 0);
	assert_int_equal(info.n_conns_free, 16);
	for (uint64_t end = w.now + 61000000; w.now < end;)
		step();
	stack_info_get(w.e[0].s, &info);
	assert_int_equal(info.n_state[TCP_TIME_WAIT], 0);
}

static void bulk_without_loss(void **state)
{
	(void)state;
	world_make(0, 1000, 1, false);
	connect_pair();
	transfer(20000000);
	close_both();
	world_free();
}

static void bulk_with_loss(void **state)
{
	static const unsigned losses[] = { 1, 10, 30, 100 };

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(losses); i++) {
		for (uint64_t seed = 1; seed < 6; seed++) {
			world_make(losses[i], 10000, seed * 7919, seed & 1);
			connect_pair();
			transfer(2000000);
			close_both();
			world_free();
		}
	}
}

/* The first window leaves over half a round trip, not at once. */
static void pacing_spreads_the_window(void **state)
{
	uint64_t start;
	struct tcp_info info;
	unsigned n, sent;

	(void)state;
	world_make(0, 50000, 1, true);
	connect_pair();
	push(w.e[0].c, 0, 14480);
	flush(0);
	n = w.tail[1] - w.head[1];
	assert_in_range(n, 1, 2);
	start = w.now;
	sent = w.tail[1];
	while (w.tail[1] < sent + 10 - n && w.now < start + 1000000)
		step();
	/* Nine intervals at twice the rate of a window per round trip. */
	tcp_info_get(w.e[0].c, &info);
	assert_in_range(
	    w.now - start, info.srtt_us / 2 - info.srtt_us / 8, info.srtt_us / 2 + 2000);
	while (tcp_tx_unacked(w.e[0].c))
		step();
	assert_int_equal(pull(w.e[1].c, 0), 14480);
	close_both();
	world_free();
}

/* Room lent out and not committed hangs behind what was sent; loss recovery must not look at it. */
static void spares_are_no_segments(void **state)
{
	struct iovec iov[16];
	uint64_t got = 0;

	(void)state;
	world_make(0, 10000, 1, false);
	connect_pair();
	push(w.e[0].c, 0, 8 * 1448);
	w.loss = 1000;
	flush(0);
	push(w.e[0].c, 8 * 1448, 9 * 1448);
	w.loss = 0;
	flush(0);
	/* Everything is sent, the first eight are lost; the ninth's SACK makes RACK look. */
	assert_true(tcp_tx_reserve(w.e[0].c, 16384, iov, 16) > 0);
	while (tcp_tx_unacked(w.e[0].c)) {
		assert_true(tcp_tx_reserve(w.e[0].c, 16384, iov, 16) > 0);
		step();
	}
	got = pull(w.e[1].c, got);
	assert_int_equal(got, 9 * 1448);
	push(w.e[0].c, got, got + 16384);
	while (tcp_tx_unacked(w.e[0].c))
		step();
	assert_int_equal(pull(w.e[1].c, got), got + 16384);
	close_both();
	world_free();
}

static void refused_by_nobody_listening(void **state)
{
	struct tcp_target t = { .ip = v4(0x0a500002), .port = 81 };
	enum tcp_error error;

	(void)state;
	world_make(0, 1000, 1, false);
	w.e[0].c = tcp_connect(w.e[0].s, &t, NULL, w.now, &error);
	for (unsigned i = 0; i < 100 && !w.e[0].events; i++)
		step();
	assert_int_equal(w.e[0].events, TCP_EV_RESET);
	tcp_release(w.e[0].c);
	world_free();
}

static int setup(void **state)
{
	(void)state;
	test_eal_start();
	pool = rte_pktmbuf_pool_create("tcp_pair", 16383, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return pool ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_without_loss),
		cmocka_unit_test(bulk_with_loss),
		cmocka_unit_test(pacing_spreads_the_window),
		cmocka_unit_test(spares_are_no_segments),
		cmocka_unit_test(refused_by_nobody_listening),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
