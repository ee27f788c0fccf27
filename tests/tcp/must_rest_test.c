/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 9293's MUSTs about Nagle, urgent data, resets, trimming and IP, each test named after its id. */
#include <netinet/in.h>
#include <string.h>

#include "tests/tcp/scenario.h"

/* Nagle is off: TCP_PUSH means now (tcp.md pitfall 11). */
SCENARIO(MUST_17_nagle_can_be_off)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	APP_WRITE(10);
	EXPECT("P. 11:21(10) ack 1");
	APP_WRITE(10);
	EXPECT("P. 21:31(10) ack 1");
}

/* TCP_MORE: whole segments go, the rest waits for more, for a push, or not for ever. */
SCENARIO(more_holds_the_partial_segment)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE_MORE(2000);
	EXPECT(". 1:1461(1460) ack 1");
	EXPECT_NONE_MS(5);
	APP_WRITE_MORE(1000);
	EXPECT(". 1461:2921(1460) ack 1");
	APP_WRITE(20);
	EXPECT("P. 2921:3021(100) ack 1");
}

SCENARIO(more_does_not_wait_for_ever)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE_MORE(100);
	EXPECT_IN_MS(0, 1000, ". 1:101(100) ack 1");
}

SCENARIO(more_then_ack_of_everything)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE_MORE(1500);
	EXPECT(". 1:1461(1460) ack 1");
	SEND(". 1:1(0) ack 1461 win 65535");
	EXPECT_IN_MS(0, 1000, ". 1461:1501(40) ack 1");
}

static uint32_t urgent_left(struct peer *p)
{
	return tcp_rx_urgent(p->app->conn);
}

/* Urgent data stays in line, whatever the pointer says (RFC 6093). */
SCENARIO(MUST_30_urgent_data_in_line)
{
	static const unsigned pointers[] = { 0, 1, 5, 10, 11, 65535 };
	uint32_t at = 1;

	ESTABLISH("mss 1460", 65535);
	for (unsigned i = 0; i < 6; i++, at += 10) {
		SEND("UP. %u:%u(10) ack 1 win 65535 urg %u", at, at + 10, pointers[i]);
		APP_READ(10);
		EXPECT_IN_MS(0, 500, ". 1:1(0) ack %u", at + 10);
	}
	/* A pointer without the flag, and the flag without data. */
	SEND("P. %u:%u(10) ack 1 win 65535 urg 7", at, at + 10);
	APP_READ(10);
	at += 10;
	SEND("U. %u:%u(0) ack 1 win 65535 urg 1", at, at);
	SEND("P. %u:%u(10) ack 1 win 65535", at, at + 10);
	APP_READ(10);
	ADVANCE_MS(500);
	peer_discard(p);
	STATE(TCP_ESTABLISHED);
}

SCENARIO(MUST_30_urgent_data_out_of_order)
{
	ESTABLISH("mss 1460", 65535);
	SEND("U. 11:21(10) ack 1 win 65535 urg 10");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(TCP_EV_URGENT);
	CHECK(urgent_left(p) == 20);
	SEND("U. 1:11(10) ack 1 win 65535 urg 20");
	EXPECT(". 1:1(0) ack 21");
	EVENTS(TCP_EV_READABLE);
	APP_READ(20);
	CHECK(urgent_left(p) == 0);
}

/* Ours: the flag is on every segment in front of the mark, repeated ones too, and on none behind it. */
SCENARIO(MUST_30_urgent_data_is_sent)
{
	struct iovec iov[2];

	ESTABLISH("mss 1460", 65535);
	/* Nothing to mark. */
	HERE, tcp_tx_urgent(p->app->conn), peer_run(p);
	EXPECT_NONE();
	CHECK(tcp_tx_reserve(p->app->conn, 10, iov, 2) == 1);
	for (unsigned i = 0; i < 10; i++)
		((uint8_t *)iov[0].iov_base)[i] = peer_byte(true, i);
	tcp_tx_commit(p->app->conn, 10, TCP_PUSH);
	tcp_tx_urgent(p->app->conn);
	p->app->written = 10;
	HERE, peer_run(p);
	EXPECT("PU. 1:11(10) ack 1 urg 10");
	APP_WRITE(20);
	EXPECT("P. 11:31(20) ack 1 urg 0");
	EXPECT_IN_MS(150, 1100, "PU. 1:11(10) ack 1 urg 10");
	SEND(". 1:1(0) ack 11 win 65535");
	EXPECT("P. 11:31(20) ack 1 urg 0");
	SEND(". 1:1(0) ack 31 win 65535");
	APP_WRITE(10);
	EXPECT("P. 31:41(10) ack 1 urg 0");
	SEND(". 1:1(0) ack 41 win 65535");
	/* After everything was acknowledged there is nothing to mark again. */
	HERE, tcp_tx_urgent(p->app->conn), peer_run(p);
	EXPECT_NONE();
}

/* What is sent already is marked by an ACK at once, and so is what a closed window holds back. */
SCENARIO(MUST_30_urgent_data_and_a_closed_window)
{
	ESTABLISH("mss 1460", 20);
	APP_WRITE(30);
	EXPECT(". 1:21(20) ack 1");
	HERE, tcp_tx_urgent(p->app->conn), peer_run(p);
	EXPECT("U. 21:21(0) ack 1 urg 10");
	SEND(". 1:1(0) ack 21 win 0");
	EXPECT_IN_MS(150, 1100, "U. 21:22(1) ack 1 urg 10");
	SEND(". 1:1(0) ack 21 win 65535");
	EXPECT("PU. 21:31(10) ack 1 urg 10");
	SEND(". 1:1(0) ack 31 win 65535");
}

/* A pointer has 16 bits; the data behind it has not: two flights make room for more than it reaches. */
SCENARIO(MUST_31_urgent_data_of_any_length_is_sent)
{
	const uint32_t flights = (10 + 18) * 1460, total = flights + 65536;
	const struct packet *k;
	uint32_t at = 1, n = 0;

	ESTABLISH("mss 1460,nop,wscale 7", 65535);
	APP_WRITE(total);
	while ((k = peer_next(p)) != NULL)
		at += k->len;
	SEND(". 1:1(0) ack %u win 65535", at);
	while ((k = peer_next(p)) != NULL)
		at += k->len;
	CHECK(at == flights + 1);
	HERE, tcp_tx_urgent(p->app->conn), peer_run(p);
	while (at < total + 1 && n++ < 1000) {
		uint32_t left = total + 1 - at;

		k = peer_next(p);
		if (!k) {
			SEND(". 1:1(0) ack %u win 65535", at);
			continue;
		}
		if (k->len == 0)
			continue;
		CHECK(k->seq == p->stack_isn + at);
		CHECK(k->flags & TH_URG);
		CHECK(k->urgent == (left > 65535 ? 65535 : left));
		at += k->len;
	}
	CHECK(at == total + 1);
	SEND(". 1:1(0) ack %u win 65535", at);
	peer_discard(p);
}

SCENARIO(MUST_31_urgent_data_of_any_length_is_received)
{
	ESTABLISH("mss 1460", 65535);
	for (uint32_t at = 1; at < 146001; at += 1460) {
		uint32_t left = 146001 - at;

		SEND("U. %u:%u(1460) ack 1 win 65535 urg %u", at, at + 1460,
		    left > 65535 ? 65535 : left);
		CHECK(urgent_left(p) == (left > 65535 ? 65535 : left));
		APP_READ(1460);
		CHECK(urgent_left(p) == (left > 65535 ? 65535 : left) - 1460);
		peer_discard(p);
	}
	CHECK(urgent_left(p) == 0);
}

/* Told when there is some and when there is more, not for what is known. */
SCENARIO(MUST_32_user_hears_of_urgent_data)
{
	ESTABLISH("mss 1460", 65535);
	SEND("U. 1:11(10) ack 1 win 65535 urg 5");
	EVENTS(TCP_EV_READABLE | TCP_EV_URGENT);
	/* To the byte before this segment: that is further than before. */
	SEND("U. 11:16(5) ack 1 win 65535 urg 0");
	EVENTS(TCP_EV_READABLE | TCP_EV_URGENT);
	SEND("P. 16:21(5) ack 1 win 65535 urg 77");
	EVENTS(TCP_EV_READABLE);
	peer_discard(p);
	SEND("U. 21:21(0) ack 1 win 65535 urg 1000");
	EVENTS(TCP_EV_URGENT);
	SEND("U. 21:21(0) ack 1 win 65535 urg 1000");
	SEND("U. 21:21(0) ack 1 win 65535 urg 999");
	EVENTS(0);
	SEND("U. 21:21(0) ack 1 win 65535 urg 1001");
	EVENTS(TCP_EV_URGENT);
	APP_READ(20);
	peer_discard(p);
	/* What was read is not urgent any more: an old duplicate says nothing. */
	SEND("U. 1:11(10) ack 1 win 65535 urg 5");
	EXPECT(". 1:1(0) ack 21");
	EVENTS(0);
}

/* Nobody is told by segments that are not acceptable. */
SCENARIO(MUST_32_no_urgent_data_from_outside_of_the_window)
{
	ESTABLISH("mss 1460", 65535);
	SEND("U. 100001:100002(1) ack 1 win 65535 urg 5");
	EXPECT(". 1:1(0) ack 1");
	SEND("U. 1:11(10) ack 5000 win 65535 urg 5");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(0);
	CHECK(urgent_left(p) == 0);
	/* Behind the peer's FIN there is nothing that could be urgent. */
	SEND("F. 1:1(0) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 2");
	EVENTS(TCP_EV_PEER_FIN);
	SEND("U. 2:2(0) ack 1 win 65535 urg 5");
	EVENTS(0);
}

SCENARIO(MUST_33_user_learns_how_much_is_left)
{
	ESTABLISH("mss 1460", 65535);
	CHECK(urgent_left(p) == 0);
	SEND("U. 1:11(10) ack 1 win 65535 urg 30");
	CHECK(urgent_left(p) == 30);
	APP_READ(10);
	CHECK(urgent_left(p) == 20);
	SEND("P. 11:31(20) ack 1 win 65535");
	peer_discard(p);
	CHECK(urgent_left(p) == 20);
	HERE, peer_read(p, 19);
	CHECK(urgent_left(p) == 1);
	HERE, peer_read(p, 1);
	CHECK(urgent_left(p) == 0);
}

/* RFC 9293 3.1: with a SYN, too, the pointer counts from the segment's sequence number. */
SCENARIO(MUST_62_pointer_is_behind_the_urgent_data)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("SU. 0:0(0) ack 1 win 65535 urg 8 <mss 1460>");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(TCP_EV_ESTABLISHED | TCP_EV_URGENT);
	CHECK(urgent_left(p) == 7);
	SEND("P. 1:8(7) ack 1 win 65535");
	APP_READ(7);
	CHECK(urgent_left(p) == 0);
	peer_discard(p);
}

/* 3.5.2: (SEQ=SEG.ACK) with an ACK, else (SEQ=0, ACK=SEG.SEQ+SEG.LEN, SYN and FIN counted). */
SCENARIO(reset_answers_to_closed_port)
{
	p->local_port = 444;
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("R. 0:0(0) ack 1 win 0 <>");
	SEND("S 0:10(10) win 65535");
	EXPECT("R. 0:0(0) ack 11");
	SEND("SF 0:10(10) win 65535");
	EXPECT("R. 0:0(0) ack 12");
	SEND("- 5:5(0) win 65535");
	EXPECT("R. 0:0(0) ack 5");
	SEND("F 5:5(0) win 65535");
	EXPECT("R. 0:0(0) ack 6");
	SEND("P 5:15(10) win 65535");
	EXPECT("R. 0:0(0) ack 15");
	SEND(". 5:5(0) ack 1234 win 65535");
	EXPECT("R 1234:1234(0) <>");
	SEND("S. 5:5(0) ack 1234 win 65535");
	EXPECT("R 1234:1234(0)");
	SEND("F. 5:5(0) ack 0 win 65535");
	EXPECT("R 0:0(0)");
	SEND("P. 5:1005(1000) ack 4294967295 win 65535");
	EXPECT("R -1:-1(0)");
	SEND("R 5:5(0)");
	EXPECT_NONE();
	SEND("R. 5:5(0) ack 9");
	EXPECT_NONE();
	SEND("RS 5:5(0)");
	EXPECT_NONE();
	STATE(TCP_CLOSED);
}

SCENARIO(segment_is_trimmed_at_the_left_edge)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:101(100) ack 1 win 65535");
	APP_READ(100);
	peer_discard(p);
	SEND("P. 51:151(100) ack 1 win 65535");
	APP_READ(50);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 151");
	SEND("FP. 101:171(70) ack 1 win 65535");
	APP_READ(20);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 172");
	STATE(TCP_CLOSE_WAIT);
}

SCENARIO(segment_is_trimmed_at_the_left_edge_with_syn)
{
	ESTABLISH("mss 1460", 65535);
	/* A late copy of a SYN with data behind the edge is a challenge, not data. */
	SEND("S 0:100(100) win 65535");
	EXPECT(". 1:1(0) ack 1");
	APP_AVAILABLE(0);
}

static const struct peer_config small_window = { .stack = { .recv_buffer = 16384 } };

SCENARIO(segment_is_trimmed_at_the_right_edge)
{
	uint32_t edge, n;

	ESTABLISH("mss 1460", 65535);
	do {
		edge = p->right_edge - p->isn;
		n = edge - p->next;
		if (n <= 1000)
			break;
		n = n > 2000 ? 1000 : n - 900;
		SEND(". %u:%u(%u) ack 1 win 65535", p->next, p->next + n, n);
		p->next += n;
		ADVANCE_MS(50);
		peer_discard(p);
	} while (1);
	/* Now less than 1000 bytes of window are left; a FIN hangs on behind them. */
	SEND("FP. %u:%u(1400) ack 1 win 65535", p->next, p->next + 1400);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack %u win 0", edge);
	STATE(TCP_ESTABLISHED);
	CHECK(!(p->app->events & TCP_EV_PEER_FIN));
	APP_READ(edge - 1);
	CHECK(!tcp_rx_is_finished(p->app->conn));
	peer_discard(p);
	SEND("FP. %u:%u(1400) ack 1 win 65535", p->next, p->next + 1400);
	peer_wait(p, 100 * 1000);
	APP_READ(p->next + 1400 - edge);
	STATE(TCP_CLOSE_WAIT);
	peer_discard(p);
}

/* A FIN whose data ends exactly at the right edge lies beyond it. */
SCENARIO(fin_behind_the_last_byte_of_the_window)
{
	uint32_t edge;

	ESTABLISH("mss 1460", 65535);
	edge = p->right_edge - p->isn;
	while (edge - p->next > 1000) {
		SEND(". %u:%u(1000) ack 1 win 65535", p->next, p->next + 1000);
		p->next += 1000;
		ADVANCE_MS(50);
		peer_discard(p);
		edge = p->right_edge - p->isn;
	}
	SEND("FP. %u:%u(%u) ack 1 win 65535", p->next, edge, edge - p->next);
	peer_wait(p, 100 * 1000);
	const struct packet *k = peer_next(p);

	/* Taking the FIN there is harmless (it needs no buffer), losing a byte is not. */
	CHECK(peer_matches(p, k, ". 1:1(0) ack %u", edge) ||
	    peer_matches(p, k, ". 1:1(0) ack %u", edge + 1));
	APP_READ(edge - 1);
	peer_discard(p);
}

/* The whole window, and more, in one segment: nothing beyond it is taken. */
SCENARIO(data_past_both_edges)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:101(100) ack 1 win 65535");
	APP_READ(100);
	ADVANCE_MS(100);
	peer_discard(p);
	SEND("P. 51:60051(60000) ack 1 win 65535");
	CHECK(tcp_rx_available(p->app->conn) <= p->right_edge - p->isn - 101);
	APP_READ(tcp_rx_available(p->app->conn));
	ADVANCE_MS(500);
	peer_discard(p);
}

/* Land attack: from our own address, and port. */
SCENARIO(land_attack)
{
	struct packet k = { .flags = TH_SYN,
		.src = p->local,
		.dst = p->local,
		.sport = PEER_LISTEN_PORT,
		.dport = PEER_LISTEN_PORT,
		.window = 65535 };

	peer_send_packet(p, &k);
	EXPECT_NONE_MS(5000);
	STATE(TCP_CLOSED);
}

/* Nothing to and nothing from them. */
SCENARIO(MUST_46_57_no_answer_to_broadcast_and_multicast)
{
	static const char *const v4[] = { "\xff\xff\xff\xff", "\xc0\x00\x02\xff",
		"\xe0\x00\x00\x01", "\xef\x01\x02\x03" };
	struct packet k = { .flags = TH_SYN, .window = 65535 };

	for (unsigned i = 0; i < 4; i++) {
		struct ip_addr bad = p->local;

		if (p->config.ip6) {
			memset(&bad, 0, sizeof(bad));
			bad.b[0] = 0xff;
			bad.b[1] = (uint8_t)(i + 1);
			bad.b[15] = 1;
		} else {
			memcpy(bad.b + 12, v4[i], 4);
		}
		k.dst = bad;
		k.src = p->remote;
		peer_send_packet(p, &k);
		EXPECT_NONE();
		k.dst = p->local;
		k.src = bad;
		peer_send_packet(p, &k);
		EXPECT_NONE();
		k.flags = TH_ACK;
		peer_send_packet(p, &k);
		EXPECT_NONE();
		k.flags = TH_SYN;

		struct tcp_target target = { .ip = bad, .port = 80 };
		enum tcp_error error = TCP_OK;

		CHECK(tcp_connect(p->stack, &target, p, p->now_us, &error) == NULL);
		CHECK(error == TCP_ERR_NO_ROUTE);
	}
	STATE(TCP_CLOSED);
	EXPECT_NONE_MS(5000);
}

/* Odd but possible senders: loopback, unspecified, port 0. */
SCENARIO(MUST_63_invalid_sources)
{
	struct packet k = { .flags = TH_SYN, .window = 65535, .sport = 0, .dport = 443 };
	struct ip_addr bad;

	memset(&bad, 0, sizeof(bad));
	if (p->config.ip6) {
		bad.b[15] = 1;
	} else {
		bad.b[10] = bad.b[11] = 0xff;
		bad.b[12] = 127;
		bad.b[15] = 1;
	}
	k.src = bad;
	k.sport = 1234;
	peer_send_packet(p, &k);
	EXPECT_NONE();
	if (!p->config.ip6) {
		memset(bad.b + 12, 0, 4);
		k.src = bad;
		peer_send_packet(p, &k);
		EXPECT_NONE();
	}
	STATE(TCP_CLOSED);
}

SCENARIO(MUST_49_ttl)
{
	SEND("S 0:0(0) win 65535 <mss 1460> ttl 1");
	const struct packet *k = peer_next(p);

	/* A TTL of 1 is fine for a packet that has arrived; ours starts at 64 or more. */
	CHECK(k && k->ttl >= 64);
	SEND(". 1:1(0) ack 1 win 65535");
	APP_WRITE(10);
	k = peer_next(p);
	CHECK(k && k->ttl >= 64);
}

/* MUST-50: received IP options that are not understood are ignored. */
SCENARIO(MUST_50_ip_options_ignored)
{
	static const uint8_t nops[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };
	static const uint8_t odd[8] = { 0x99, 7, 1, 2, 3, 4, 5, 0 };
	static uint8_t frame[PACKET_MAX_FRAME], longer[PACKET_MAX_FRAME];
	struct packet k = { .flags = TH_SYN, .window = 65535, .dport = 443 };

	for (unsigned i = 0; i < 2; i++) {
		size_t ip = p->config.ip6 ? 40 : 20, n, l4 = 20;
		uint16_t sum;

		k.src = p->remote;
		k.dst = p->local;
		k.sport = (uint16_t)(p->remote_port + i);
		k.seq = p->isn;
		packet_build(&k, p->remote_mac, p->local_mac, frame);
		n = 14 + ip;
		memcpy(longer, frame, n);
		memcpy(longer + n, i ? odd : nops, 8);
		memcpy(longer + n + 8, frame + n, l4);
		if (p->config.ip6) {
			/* Destination options: PadN, or one that says "skip me" (00 bits). */
			static const uint8_t padn[8] = { 6, 0, 1, 4, 0, 0, 0, 0 };
			static const uint8_t skip[8] = { 6, 0, 0x1e, 4, 1, 2, 3, 4 };

			memcpy(longer + n, i ? skip : padn, 8);
			longer[14 + 6] = 60;
			longer[14 + 4] = 0;
			longer[14 + 5] = 28;
		} else {
			longer[14] = 0x47;
			longer[14 + 3] = 48;
			longer[14 + 10] = longer[14 + 11] = 0;
			sum = packet_sum_fold(packet_sum(longer + 14, 28, 0));
			longer[14 + 10] = (uint8_t)(sum >> 8);
			longer[14 + 11] = (uint8_t)sum;
		}
		peer_new_flow(p, k.sport);
		peer_send_frame(p, longer, n + 8 + l4);
		EXPECT("S. 0:0(0) ack 1");
		SEND("R 1:1(0)");
	}
}

SCENARIO(push_on_the_last_segment_of_a_write)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(4000);
	const struct packet *k = peer_next(p);

	CHECK(k && k->len == 1460 && !(k->flags & TH_PSH));
	k = peer_next(p);
	CHECK(k && k->len == 1460 && !(k->flags & TH_PSH));
	k = peer_next(p);
	CHECK(k && k->len == 1080 && k->flags & TH_PSH);
}

/* The same bytes come twice, different the second time: the first ones were acknowledged. */
SCENARIO(retransmission_with_other_bytes)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:101(100) ack 1 win 65535");
	peer_discard(p);
	p->salt = 0x55;
	SEND("P. 1:101(100) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 101");
	APP_READ(100);
	p->salt = 0;
	SEND("P. 101:111(10) ack 1 win 65535");
	APP_READ(10);
	ADVANCE_MS(500);
	peer_discard(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(MUST_17_nagle_can_be_off),
		RUN(more_holds_the_partial_segment),
		RUN(more_does_not_wait_for_ever),
		RUN(more_then_ack_of_everything),
		RUN(MUST_30_urgent_data_in_line),
		RUN(MUST_30_urgent_data_out_of_order),
		RUN(MUST_30_urgent_data_is_sent),
		RUN(MUST_30_urgent_data_and_a_closed_window),
		RUN(MUST_31_urgent_data_of_any_length_is_sent),
		RUN(MUST_31_urgent_data_of_any_length_is_received),
		RUN(MUST_32_user_hears_of_urgent_data),
		RUN(MUST_32_no_urgent_data_from_outside_of_the_window),
		RUN(MUST_33_user_learns_how_much_is_left),
		RUN(MUST_62_pointer_is_behind_the_urgent_data),
		RUN(reset_answers_to_closed_port),
		RUN(segment_is_trimmed_at_the_left_edge),
		RUN(segment_is_trimmed_at_the_left_edge_with_syn),
		RUN_WITH(segment_is_trimmed_at_the_right_edge, small_window),
		RUN_WITH(fin_behind_the_last_byte_of_the_window, small_window),
		RUN_WITH(data_past_both_edges, small_window),
		RUN(land_attack),
		RUN(MUST_46_57_no_answer_to_broadcast_and_multicast),
		RUN(MUST_63_invalid_sources),
		RUN(MUST_49_ttl),
		RUN(MUST_50_ip_options_ignored),
		RUN(push_on_the_last_segment_of_a_write),
		RUN(retransmission_with_other_bytes),
	};

	return scenario_main(argc, argv, "must_rest", tests, sizeof(tests) / sizeof(tests[0]));
}
