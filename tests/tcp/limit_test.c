/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens when something runs out: connections, mbufs, room to send; and the user's calls. */
#include <string.h>

#include <rte_mempool.h>

#include "tests/tcp/scenario.h"

static struct stack_info info_of(struct peer *p)
{
	struct stack_info info;

	stack_info_get(p->stack, &info);
	return info;
}

/* --- connections --- */

static const struct peer_config four = { .stack = { .max_conns = 4 } };

SCENARIO(connections_are_bounded)
{
	for (uint16_t i = 0; i < 4; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		ESTABLISH("mss 1460", 65535);
	}
	CHECK(info_of(p).n_conns_free == 0);
	peer_new_flow(p, 42000);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	const struct packet *k = peer_next(p);

	/* Shed: dropped, refused, or a cookie whose ACK comes to nothing. */
	if (k && k->flags & TH_SYN) {
		SEND(". 1:1(0) ack 1 win 65535");
		peer_discard(p);
	}
	CHECK(!p->app);
	CHECK(info_of(p).n_state[TCP_ESTABLISHED] == 4);
	peer_turn_to(p, &p->conns[3]);
	tcp_abort(p->app->conn);
	APP_RELEASE();
	peer_discard(p);
	CHECK(info_of(p).n_conns_free == 1);
	peer_new_flow(p, 43000);
	ESTABLISH("mss 1460", 65535);
}

SCENARIO(tcp_connect_when_full)
{
	struct tcp_target target = { .ip = p->remote, .port = 80 };
	enum tcp_error error = TCP_OK;

	for (uint16_t i = 0; i < 4; i++) {
		p->remote_port = (uint16_t)(80 + i);
		APP_CONNECT();
	}
	CHECK(!tcp_connect(p->stack, &target, p, p->now_us, &error));
	CHECK(error == TCP_ERR_NO_MEMORY);
	peer_discard(p);
}

/* Half-open ones do not starve established ones of their places for ever. */
SCENARIO(half_open_connections_expire)
{
	for (uint16_t i = 0; i < 40; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		SEND("S 0:0(0) win 65535 <mss 1460>");
		peer_discard(p);
	}
	p->drop_output = true;
	ADVANCE_MS(400 * 1000);
	p->drop_output = false;
	CHECK(info_of(p).n_conns_free == 4);
	peer_new_flow(p, 43000);
	ESTABLISH("mss 1460", 65535);
}

static bool odd_ports_are_ours(const void *arg, const struct flow *flow)
{
	(void)arg;
	return flow->local_port & 1;
}

static const struct peer_config steered = { .stack = { .flow_is_ours = odd_ports_are_ours } };

SCENARIO(source_ports_are_asked_for)
{
	p->remote_port = 80;
	for (unsigned i = 0; i < 12; i++) {
		APP_CONNECT();
		CHECK(tcp_flow(p->app->conn)->local_port & 1);
	}
	peer_discard(p);
}

/* --- fragments with several workers --- */

/* Sends packet in two fragments, the later one first; the first has n bytes of TCP. */
static void send_in_two(struct peer *p, struct packet *k, size_t n)
{
	static uint8_t frame[PACKET_MAX_FRAME], part[PACKET_MAX_FRAME];
	size_t l4 = p->config.ip6 ? 54 : 34, len, head = l4 + (p->config.ip6 ? 8 : 0);

	k->src = p->remote;
	k->dst = p->local;
	k->sport = p->remote_port;
	k->dport = p->local_port;
	len = packet_build(k, p->remote_mac, p->local_mac, frame);
	for (unsigned i = 2; i-- > 0;) {
		size_t from = l4 + i * n, piece = i ? len - from : n;

		memcpy(part, frame, l4);
		memcpy(part + head, frame + from, piece);
		if (p->config.ip6) {
			const uint8_t h[8] = { 6, 0, (uint8_t)(i * n >> 8), (uint8_t)(i * n | !i),
				0, 0, 0, 9 };

			memcpy(part + l4, h, 8);
			part[14 + 4] = (uint8_t)((piece + 8) >> 8);
			part[14 + 5] = (uint8_t)(piece + 8);
			part[14 + 6] = 44;
		} else {
			uint16_t sum;

			part[14 + 2] = (uint8_t)((piece + 20) >> 8);
			part[14 + 3] = (uint8_t)(piece + 20);
			part[14 + 6] = i ? 0 : 0x20;
			part[14 + 7] = (uint8_t)(i * n / 8);
			part[14 + 10] = part[14 + 11] = 0;
			sum = packet_sum_fold(packet_sum(part + 14, 20, 0));
			part[14 + 10] = (uint8_t)(sum >> 8);
			part[14 + 11] = (uint8_t)sum;
		}
		peer_send_frame(p, part, head + piece);
	}
}

/*
 * Fragments meet at one worker, their flow lives at another: there the frame arrives whole. Here both are
 * one stack that changes its mind.
 */
SCENARIO(reassembled_packets_go_to_their_owner)
{
	static uint8_t payload[1000];
	struct packet k = { .seq = p->isn + 1,
		.window = 65535,
		.flags = TH_ACK | TH_PSH,
		.len = sizeof(payload),
		.payload = payload,
		.ttl = 64 };
	struct rte_mbuf *m[2];

	all_are_ours = true;
	ESTABLISH("mss 1460", 65535);
	for (unsigned i = 0; i < sizeof(payload); i++)
		payload[i] = peer_byte(false, i);
	k.ack = p->stack_isn + 1;
	all_are_ours = false;
	HERE, send_in_two(p, &k, 400);
	EXPECT_NONE();
	EVENTS(0);
	COUNTED(STAT_IP_REASSEMBLED, 1);
	CHECK(stack_strays(p->stack, m, 2) == 1);
	CHECK(stack_strays(p->stack, m + 1, 1) == 0);
	all_are_ours = true;
	stack_rx(p->stack, m, 1, p->now_us);
	HERE, peer_run(p);
	EVENTS(TCP_EV_READABLE);
	APP_READ(1000);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 1001");
	COUNTED(STAT_IP_REASSEMBLED, 1);
}

/* What nobody asks for is bounded, and goes when the stack does. */
SCENARIO(reassembled_packets_that_nobody_takes)
{
	static uint8_t payload[100];
	struct packet k = { .seq = 1,
		.window = 65535,
		.flags = TH_ACK,
		.len = sizeof(payload),
		.payload = payload,
		.ttl = 64 };

	all_are_ours = false;
	for (unsigned i = 0; i < 40; i++)
		HERE, send_in_two(p, &k, 40);
	COUNTED(STAT_IP_REASSEMBLED, 40);
	COUNTED(STAT_DROP_IP_FRAGMENT, 8);
	EXPECT_NONE();
}

static bool nothing_is_ours(const void *arg, const struct flow *flow)
{
	(void)arg;
	(void)flow;
	return false;
}

static const struct peer_config unsteerable = { .stack = { .flow_is_ours = nothing_is_ours } };

SCENARIO(no_source_port)
{
	struct tcp_target target = { .ip = p->remote, .port = 80 };
	enum tcp_error error = TCP_OK;

	CHECK(!tcp_connect(p->stack, &target, p, p->now_us, &error));
	CHECK(error == TCP_ERR_NO_PORT);
	CHECK(
	    info_of(p).n_conns_free == p->config.stack.max_conns || info_of(p).n_conns_free == 64);
}

SCENARIO(no_route)
{
	struct tcp_target target = { .ip = p->remote, .port = 80 };
	enum tcp_error error = TCP_OK;

	target.ip.b[p->config.ip6 ? 0 : 12] ^= 0x10;
	CHECK(!tcp_connect(p->stack, &target, p, p->now_us, &error));
	CHECK(error == TCP_ERR_NO_ROUTE);
}

SCENARIO(chosen_source_address)
{
	struct ip_addr source = p->local;
	struct tcp_target target = {
		.ip = p->remote, .port = 80, .sources = &source, .n_sources = 1
	};
	enum tcp_error error = TCP_OK;
	struct tcp_conn *c = tcp_connect(p->stack, &target, p, p->now_us, &error);

	CHECK(c && memcmp(&tcp_flow(c)->local, &source, 16) == 0);
	peer_run(p);
	peer_discard(p);
	tcp_abort(c);
	tcp_release(c);
	peer_run(p);
}

/* Nobody answers the ARP question: the open fails at last, and nothing is leaked. */
SCENARIO(neighbour_does_not_answer)
{
	p->mute_neighbour = true;
	p->remote.b[15] = 99;
	p->remote_port = 80;
	APP_CONNECT();
	ADVANCE_MS(300 * 1000);
	peer_discard(p);
	CHECK(p->app->events & TCP_EV_TIMEOUT);
	APP_RELEASE();
	ADVANCE_MS(10 * 1000);
	CHECK(rte_mempool_avail_count(p->pool) == p->pool_free_at_start);
}

/* --- the send queue --- */

static const struct peer_config small_queue = { .stack = { .send_buffer = 16384 } };

/* Reserves and commits until there is no room; returns the bytes. */
static uint32_t write_all(struct peer *p)
{
	uint32_t n = 0;

	for (;;) {
		struct iovec iov[4];
		unsigned n_iov = tcp_tx_reserve(p->app->conn, 100000, iov, 4);
		uint32_t got = 0;

		if (!n_iov)
			return n;
		for (unsigned i = 0; i < n_iov; i++)
			for (size_t j = 0; j < iov[i].iov_len; j++, got++)
				((uint8_t *)iov[i].iov_base)[j] =
				    peer_byte(true, p->app->written + got);
		tcp_tx_commit(p->app->conn, got, TCP_PUSH);
		p->app->written += got;
		n += got;
	}
}

SCENARIO(send_queue_is_bounded_and_writable_comes)
{
	uint32_t n;

	ESTABLISH("mss 1460", 0);
	SEND(". 1:1(0) ack 1 win 0");
	n = write_all(p);
	CHECK(n >= 16384 / 2 && n <= 16384 + 1460);
	CHECK(tcp_tx_space(p->app->conn) == 0);
	CHECK(tcp_tx_unacked(p->app->conn) == n);
	peer_run(p);
	EVENTS(0);
	SEND(". 1:1(0) ack 1 win 65535");
	p->next = p->una = 1;
	peer_receive(p, n, 65535, 10 * 1000 * 1000);
	EVENTS(TCP_EV_WRITABLE);
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
	CHECK(tcp_tx_space(p->app->conn) >= 16384 / 2);
	CHECK(write_all(p) >= 16384 / 2);
	peer_run(p);
	p->drop_output = true;
	peer_discard(p);
}

/* Beyond what is on the wire no more is queued than goes out soon, and that some has gone is told at once. */
SCENARIO(queue_keeps_a_little_ahead_of_the_wire)
{
	ESTABLISH("mss 1460,nop,wscale 7", 65535);
	CHECK(write_all(p) == 65536);
	peer_run(p);
	EVENTS(0); /* for 10 segments nobody is woken up */
	SEND(". 1:1(0) ack 14601 win 65535");
	EVENTS(TCP_EV_WRITABLE);
	CHECK(tcp_tx_space(p->app->conn) == 14600 + 18 * 1460);
	CHECK(write_all(p) == 14600 + 18 * 1460);
	CHECK(tcp_tx_unacked(p->app->conn) == 18 * 1460 + 65536);
	peer_run(p);
	EVENTS(0);
	peer_discard(p);
}

/* WRITABLE only after a reserve got less than it asked for. */
SCENARIO(no_writable_without_need)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(1000);
	peer_discard(p);
	SEND(". 1:1(0) ack 1001 win 65535");
	EVENTS(0);
}

SCENARIO(reserve_without_commit_costs_nothing)
{
	struct iovec iov[4];
	uint32_t space;

	ESTABLISH("mss 1460", 65535);
	space = tcp_tx_space(p->app->conn);
	for (unsigned i = 0; i < 1000; i++) {
		CHECK(tcp_tx_reserve(p->app->conn, 5000, iov, 4) >= 1);
		CHECK(tcp_tx_space(p->app->conn) == space);
	}
	CHECK(info_of(p).n_held_mbufs <= 8);
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
	EXPECT_NONE_MS(1000);
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
}

/* A commit of part of what was lent; the rest is lent again. */
SCENARIO(commit_of_a_part)
{
	struct iovec iov[4];

	ESTABLISH("mss 1460", 65535);
	for (unsigned i = 0; i < 100; i++) {
		uint32_t n = 1 + i * 37 % 1000, at = 0;
		unsigned n_iov = tcp_tx_reserve(p->app->conn, 3000, iov, 4);

		CHECK(n_iov >= 1);
		for (unsigned v = 0; v < n_iov; v++)
			for (size_t j = 0; j < iov[v].iov_len; j++, at++)
				((uint8_t *)iov[v].iov_base)[j] =
				    peer_byte(true, p->app->written + at);
		if (n > at)
			n = at;
		tcp_tx_commit(p->app->conn, n, i & 1 ? TCP_MORE : TCP_PUSH);
		p->app->written += n;
		if (i % 10 == 9) {
			peer_run(p);
			p->una = p->app->written + 1;
			ADVANCE_MS(5);
			peer_discard(p);
			SEND(". 1:1(0) ack %u win 65535", peer_info(p).snd_nxt - p->stack_isn);
		}
	}
	ADVANCE_MS(1000);
	peer_discard(p);
}

SCENARIO(zero_length_calls)
{
	struct iovec iov[2];

	ESTABLISH("mss 1460", 65535);
	tcp_rx_consume(p->app->conn, 0);
	CHECK(tcp_rx_view(p->app->conn, iov, 2) == 0);
	CHECK(tcp_rx_view(p->app->conn, iov, 0) == 0);
	CHECK(tcp_tx_reserve(p->app->conn, 0, iov, 2) == 0);
	CHECK(tcp_tx_reserve(p->app->conn, 100, iov, 0) == 0);
	CHECK(!tcp_rx_is_finished(p->app->conn));
	peer_run(p);
	EXPECT_NONE_MS(100);
}

SCENARIO(nothing_is_lent_after_shutdown)
{
	struct iovec iov[2];

	ESTABLISH("mss 1460", 65535);
	APP_SHUTDOWN();
	EXPECT("F. 1:1(0) ack 1");
	CHECK(tcp_tx_reserve(p->app->conn, 100, iov, 2) == 0);
	CHECK(tcp_tx_space(p->app->conn) == 0);
	APP_SHUTDOWN();
	EXPECT_NONE();
	STATE(TCP_FIN_WAIT_1);
}

/* The view: many segments, more than iovecs, consumed at odd borders. */
SCENARIO(view_across_segments)
{
	uint32_t total = 0, part = 0;
	struct iovec iov[20];
	unsigned n_iov;

	ESTABLISH("mss 1460", 65535);
	for (uint32_t i = 0; i < 20; i++) {
		uint32_t n = 1 + i * 131 % 1400;

		SEND("P. %u:%u(%u) ack 1 win 65535", 1 + total, 1 + total + n, n);
		total += n;
		peer_discard(p);
	}
	APP_AVAILABLE(total);
	CHECK(tcp_rx_view_of(p->app->conn, 0, iov, 20) == 1);
	CHECK(tcp_rx_view_of(p->app->conn, 1, iov, 20) == 1);
	CHECK(tcp_rx_view_of(p->app->conn, total, iov, 20) == tcp_rx_view(p->app->conn, iov, 20));
	n_iov = tcp_rx_view_of(p->app->conn, total / 2, iov, 20);
	for (unsigned i = 0; i < n_iov; i++)
		part += (uint32_t)iov[i].iov_len;
	CHECK(part >= total / 2 && part - iov[n_iov - 1].iov_len < total / 2);
	CHECK(tcp_rx_view_of(p->app->conn, total, iov, 0) == 0);
	for (uint32_t n = 1; total;) {
		n = n > total ? total : n;
		APP_READ(n);
		total -= n;
		n = n * 3 + 1;
	}
	APP_AVAILABLE(0);
	ADVANCE_MS(100);
	peer_discard(p);
}

/* READABLE means more than before: each arrival tells once. */
SCENARIO(readable_is_told_for_each_arrival)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:11(10) ack 1 win 65535");
	EVENTS(TCP_EV_READABLE);
	SEND("P. 11:21(10) ack 1 win 65535");
	EVENTS(TCP_EV_READABLE);
	SEND("P. 1:21(20) ack 1 win 65535");
	EVENTS(0);
	SEND("P. 31:41(10) ack 1 win 65535");
	EVENTS(0);
	APP_READ(20);
	EVENTS(0);
	peer_discard(p);
}

/* --- mbufs --- */

static const struct peer_config small_pool = { .pool_mbufs = 511,
	.stack = { .max_conns = 32, .recv_buffer = 262144 } };

/* Many peers send, nobody reads: new work is shed, old connections live, all recovers. */
SCENARIO(pool_runs_out)
{
	unsigned answered = 0;
	uint32_t held;

	for (unsigned i = 0; i < 8; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		ESTABLISH("mss 1460,sackOK,nop,wscale 7", 65535);
	}
	p->drop_output = true;
	for (unsigned round = 0; round < 200; round++)
		for (unsigned i = 0; i < 8; i++) {
			peer_turn_to(p, &p->conns[i]);
			p->next = tcp_rx_available(p->app->conn) + 1;
			SEND("P. %u:%u(1460) ack 1 win 65535", p->next, p->next + 1460);
		}
	/* Much was taken, and a reserve is left: an ACK gets out, a RST comes in. */
	held = info_of(p).n_held_mbufs;
	CHECK(held >= 128);
	CHECK(rte_mempool_avail_count(p->pool) > 16);
	p->drop_output = false;
	peer_discard(p);
	peer_turn_to(p, &p->conns[0]);
	p->next = tcp_rx_available(p->app->conn) + 1;
	SEND(". %u:%u(1) ack 1 win 60000", p->next - 1, p->next);
	while (peer_next(p))
		answered++;
	CHECK(answered == 1);
	for (unsigned i = 0; i < 8; i++) {
		struct tcp_info info;

		tcp_info_get(p->conns[i].conn, &info);
		CHECK(info.state == TCP_ESTABLISHED);
	}
	peer_turn_to(p, &p->conns[7]);
	p->next = tcp_rx_available(p->app->conn) + 1;
	SEND("R %u:%u(0)", p->next, p->next);
	CHECK(p->app->events & TCP_EV_RESET);
	/* The users read at last. */
	p->drop_output = true;
	for (unsigned i = 0; i < 7; i++) {
		peer_turn_to(p, &p->conns[i]);
		p->next = tcp_rx_available(p->app->conn) + 1;
		APP_READ(p->next - 1);
		SEND("P. %u:%u(1000) ack 1 win 65535", p->next, p->next + 1000);
		APP_READ(1000);
	}
	peer_turn_to(p, &p->conns[7]);
	APP_RELEASE();
	ADVANCE_MS(1000);
	CHECK(info_of(p).n_held_mbufs == 0);
	p->drop_output = false;
	peer_discard(p);
	peer_new_flow(p, 42000);
	ESTABLISH("mss 1460", 65535);
}

/* The same from the other side: full send queues to peers that do not read. */
SCENARIO(slow_readers_do_not_take_the_pool)
{
	unsigned n = 0, shed = 0;

	for (unsigned i = 0; i < 8; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		SEND("S 0:0(0) win 65535 <mss 1460,nop,wscale 7>");
		peer_discard(p);
		SEND(". 1:1(0) ack 1 win 65535");
		if (p->stats.v[STAT_DROP_TCP_LIMIT] > shed) {
			/* In silence: its cookie is still good when there is room again. */
			EXPECT_NONE();
			shed++;
			continue;
		}
		EVENTS(TCP_EV_ESTABLISHED);
		n++;
		SEND(". 1:1(0) ack 1 win 0");
		write_all(p);
		peer_run(p);
	}
	CHECK(n >= 2 && shed >= 1);
	CHECK(rte_mempool_avail_count(p->pool) > 16);
	peer_discard(p);
	/* Somebody new is either served or shed, and the old ones get on when read from. */
	p->drop_output = true;
	peer_turn_to(p, &p->conns[0]);
	SEND(". 1:1(0) ack 1 win 65535");
	ADVANCE_MS(100);
	CHECK(peer_info(p).snd_nxt != p->stack_isn + 1);
	for (unsigned i = 0; i < n; i++) {
		peer_turn_to(p, &p->conns[i]);
		APP_ABORT();
		APP_RELEASE();
	}
	CHECK(info_of(p).n_held_mbufs == 0);
	peer_discard(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(connections_are_bounded, four),
		RUN_WITH(tcp_connect_when_full, four),
		RUN_WITH(half_open_connections_expire, four),
		RUN_WITH(source_ports_are_asked_for, steered),
		RUN_WITH(reassembled_packets_go_to_their_owner, one_of_many),
		RUN_WITH(reassembled_packets_that_nobody_takes, one_of_many),
		RUN_WITH(no_source_port, unsteerable),
		RUN(no_route),
		RUN(chosen_source_address),
		RUN(neighbour_does_not_answer),
		RUN_WITH(send_queue_is_bounded_and_writable_comes, small_queue),
		RUN(queue_keeps_a_little_ahead_of_the_wire),
		RUN(no_writable_without_need),
		RUN(reserve_without_commit_costs_nothing),
		RUN(commit_of_a_part),
		RUN(zero_length_calls),
		RUN(nothing_is_lent_after_shutdown),
		RUN(view_across_segments),
		RUN(readable_is_told_for_each_arrival),
		RUN_WITH(pool_runs_out, small_pool),
		RUN_WITH(slow_readers_do_not_take_the_pool, small_pool),
	};

	return scenario_main(argc, argv, "limit", tests, sizeof(tests) / sizeof(tests[0]));
}
