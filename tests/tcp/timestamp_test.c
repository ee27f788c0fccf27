/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 7323: timestamps, PAWS and window scaling. The peer's values wrap on the way. */
#include "tests/tcp/scenario.h"

#define V 0xfffffff0u /* the peer's clock */

/* A connection whose last in-order segment had TS val V. */
static void establish_at_v(struct peer *p)
{
	SEND("S 0:0(0) win 65535 <mss 1460,sackOK,TS val %u ecr 0>", V);
	EXPECT("S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 0 ecr %u>", V);
	SEND(". 1:1(0) ack 1 win 65535 <nop,nop,TS val %u ecr %u>", V, p->last_ts_val);
	EVENTS(TCP_EV_ESTABLISHED);
	p->next = p->una = 1;
}

/* 3.2: once agreed, on every segment but RST. */
SCENARIO(timestamps_are_on_every_segment)
{
	ESTABLISH("mss 1460,sackOK,TS,nop,wscale 7", 65535);
	APP_WRITE(3000);
	EXPECT(". 1:1449(1448) ack 1 <TS>");
	EXPECT(". 1449:2897(1448) ack 1 <TS>");
	EXPECT("P. 2897:3001(104) ack 1 <TS>");
	SEND(". 1:1(0) ack 3001 win 65535");
	SEND("P. 101:201(100) ack 3001 win 65535");
	EXPECT(". 3001:3001(0) ack 1 <TS,sack 101:201>");
	APP_SHUTDOWN();
	EXPECT("F. 3001:3001(0) ack 1 <TS,sack 101:201>");
	SEND("S 1:1(0) win 65535");
	EXPECT(". 3002:3002(0) ack 1");
	peer_discard(p);
}

/* 3.2: a segment without one may be dropped in silence; MUST not be processed with RST. */
SCENARIO(segment_without_timestamp)
{
	establish_at_v(p);
	p->auto_ts = false;
	SEND("P. 1:11(10) ack 1 win 65535");
	/* RFC 7323 3.2: SHOULD be dropped; accepting is the known leniency. */
	ADVANCE_MS(100);
	peer_discard(p);
	STATE(TCP_ESTABLISHED);
	SEND("R 1:1(0)");
	if (tcp_rx_available(p->app->conn) == 0) {
		STATE(TCP_CLOSED);
	} else {
		SEND("R 11:11(0)");
		STATE(TCP_CLOSED);
	}
	peer_discard(p);
}

/* 5.3 R1: an older value is refused with an ACK, and the data with it. */
SCENARIO(paws_refuses_old_data)
{
	establish_at_v(p);
	SEND("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", V - 1);
	EXPECT(". 1:1(0) ack 1 <TS val 0 ecr %u>", V);
	APP_AVAILABLE(0);
	SEND("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", V - 0x7fffffffu);
	EXPECT(". 1:1(0) ack 1 <TS val 0 ecr %u>", V);
	APP_AVAILABLE(0);
	SEND("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", V);
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11 <TS val 0 ecr %u>", V);
}

/* A pure ACK that is old gets no answer that another old ACK could answer: no loop. */
SCENARIO(paws_of_pure_ack_makes_no_storm)
{
	unsigned n = 0;

	establish_at_v(p);
	for (unsigned i = 0; i < 100; i++) {
		SEND(". 1:1(0) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", V - 100);
		while (peer_next(p))
			n++;
	}
	/* RFC 5961 7: limited, or silent. */
	CHECK(n <= 20);
	STATE(TCP_ESTABLISHED);
}

/* 5.2: not on RST. */
SCENARIO(paws_does_not_apply_to_rst)
{
	establish_at_v(p);
	SEND("R 1:1(0) <nop,nop,TS val %u ecr 0>", V - 1000);
	EXPECT_NONE();
	STATE(TCP_CLOSED);
}

SCENARIO(paws_of_fin)
{
	establish_at_v(p);
	SEND("F. 1:1(0) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", V - 1);
	EXPECT(". 1:1(0) ack 1");
	STATE(TCP_ESTABLISHED);
}

/* The value wraps through zero. */
SCENARIO(paws_across_the_wrap)
{
	establish_at_v(p);
	SEND("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 0 ecr 0>");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11 <TS val 0 ecr 0>");
	SEND("P. 11:21(10) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", V);
	EXPECT(". 1:1(0) ack 11 <TS val 0 ecr 0>");
	SEND("P. 11:21(10) ack 1 win 65535 <nop,nop,TS val 1 ecr 0>");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 21 <TS val 0 ecr 1>");
}

/* 4.3 (2): TS.Recent only from a segment that covers Last.ACK.sent. */
SCENARIO(ts_recent_not_from_out_of_order_segments)
{
	establish_at_v(p);
	SEND("P. 11:21(10) ack 1 win 65535 <nop,nop,TS val 100 ecr 0>");
	EXPECT(". 1:1(0) ack 1 <TS val 0 ecr %u,sack 11:21>", V);
	SEND("P. 21:31(10) ack 1 win 65535 <nop,nop,TS val 101 ecr 0>");
	EXPECT(". 1:1(0) ack 1 <TS val 0 ecr %u,sack 11:31>", V);
	SEND("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 102 ecr 0>");
	EXPECT(". 1:1(0) ack 31 <TS val 0 ecr 102>");
	APP_READ(30);
}

/* 4.3 case A: with delayed ACKs the echo is of the earliest segment not yet acknowledged. */
SCENARIO(echo_of_the_first_unacked_segment)
{
	const struct packet *k;

	establish_at_v(p);
	for (unsigned i = 0; i < 50; i++) { /* out of a quick-ack phase, if there is one */
		SEND("P. %u:%u(10) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", 1 + i * 10,
		    11 + i * 10, V + i);
		ADVANCE_MS(100);
	}
	APP_READ(500);
	peer_discard(p);
	SEND("P. 501:511(10) ack 1 win 65535 <nop,nop,TS val 1000 ecr 0>");
	k = peer_next(p);
	if (k) {
		/* Acknowledged at once: then the echo is this one's. */
		CHECK(peer_matches(p, k, ". 1:1(0) ack 511 <TS val 0 ecr 1000>"));
		return;
	}
	SEND("P. 511:521(10) ack 1 win 65535 <nop,nop,TS val 1005 ecr 0>");
	k = peer_next(p);
	if (!k) {
		CHECK(peer_wait(p, 500 * 1000));
		k = peer_next(p);
	}
	CHECK(peer_matches(p, k, ". 1:1(0) ack 521 <TS val 0 ecr 1000>"));
}

/* 5.5: after 24 days of silence an old value is accepted again. */
SCENARIO(paws_forgets_after_24_days)
{
	establish_at_v(p);
	HERE, peer_leap(p, 25ull * 24 * 3600 * 1000000, 1800ull * 1000000);
	EXPECT_NONE();
	SEND("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", V - 50000);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11 <TS val 0 ecr %u>", V - 50000);
	APP_READ(10);
}

SCENARIO(paws_remembers_for_a_day)
{
	establish_at_v(p);
	HERE, peer_leap(p, 24ull * 3600 * 1000000, 60ull * 1000000);
	EXPECT_NONE();
	SEND("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val %u ecr 0>", V - 50000);
	EXPECT(". 1:1(0) ack 1 <TS val 0 ecr %u>", V);
	APP_AVAILABLE(0);
}

/* 5.4: a clock of 1 ms to 1 s a tick. */
SCENARIO(our_timestamp_clock)
{
	uint32_t before;

	establish_at_v(p);
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	before = p->last_ts_val;
	SEND(". 1:1(0) ack 11 win 65535 <nop,nop,TS val %u ecr %u>", V, before);
	ADVANCE_MS(1000);
	APP_WRITE(10);
	EXPECT("P. 11:21(10) ack 1");
	CHECK(p->last_ts_val - before >= 1 && p->last_ts_val - before <= 1001);
}

/* 7323 7.1, 9: offsets are random per peer: two connections tell nothing of uptime. */
SCENARIO(timestamp_offsets_differ)
{
	uint32_t first, second;

	SEND("S 0:0(0) win 65535 <mss 1460,TS val 1 ecr 0>");
	EXPECT("S. 0:0(0) ack 1");
	first = p->last_ts_val;
	SEND("R 1:1(0)");
	p->remote.b[15] = 77;
	peer_new_flow(p, 41000);
	SEND("S 0:0(0) win 65535 <mss 1460,TS val 1 ecr 0>");
	EXPECT("S. 0:0(0) ack 1");
	second = p->last_ts_val;
	CHECK(first - second > 10000 && second - first > 10000);
}

/* An echo that we never sent, or from the future, is no RTT sample. */
SCENARIO(absurd_echo_is_no_sample)
{
	static const uint32_t echoes[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
	uint32_t at = 1;

	establish_at_v(p);
	for (unsigned i = 0; i < 5; i++, at += 10) {
		APP_WRITE(10);
		EXPECT("P. %u:%u(10) ack 1", at, at + 10);
		ADVANCE_MS(20);
		SEND(". 1:1(0) ack %u win 65535 <nop,nop,TS val %u ecr %u>", at + 10, V,
		    p->last_ts_val + echoes[i]);
		CHECK(peer_info(p).srtt_us <= 200 * 1000);
		CHECK(peer_info(p).rto_us <= 1500 * 1000);
	}
}

/* Scaled windows both ways: 2.3. */
SCENARIO(window_is_scaled_both_ways)
{
	struct tcp_info info;

	ESTABLISH("mss 1460,nop,wscale 10", 64);
	info = peer_info(p);
	CHECK(info.snd_wscale == 10 && info.snd_wnd == 65536);
	CHECK(info.rcv_wscale == p->stack_wscale);
	/* Ours: the advertised right edge is what the stack believes itself. */
	SEND("P. 1:11(10) ack 1 win 64");
	ADVANCE_MS(500);
	peer_discard(p);
	info = peer_info(p);
	CHECK(p->right_edge - p->isn - 11 <= info.rcv_wnd + 10);
}

SCENARIO(no_scaling_without_the_option)
{
	ESTABLISH("mss 1460", 65535);
	CHECK(peer_info(p).snd_wscale == 0 && peer_info(p).rcv_wscale == 0);
	CHECK(peer_info(p).snd_wnd == 65535);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(timestamps_are_on_every_segment),
		RUN(segment_without_timestamp),
		RUN(paws_refuses_old_data),
		RUN(paws_of_pure_ack_makes_no_storm),
		RUN(paws_does_not_apply_to_rst),
		RUN(paws_of_fin),
		RUN(paws_across_the_wrap),
		RUN(ts_recent_not_from_out_of_order_segments),
		RUN(echo_of_the_first_unacked_segment),
		RUN(paws_forgets_after_24_days),
		RUN(paws_remembers_for_a_day),
		RUN(our_timestamp_clock),
		RUN(timestamp_offsets_differ),
		RUN(absurd_echo_is_no_sample),
		RUN(window_is_scaled_both_ways),
		RUN(no_scaling_without_the_option),
	};

	return scenario_main(argc, argv, "timestamp", tests, sizeof(tests) / sizeof(tests[0]));
}
