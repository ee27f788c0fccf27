/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loss recovery: fast retransmit and NewReno (RFC 5681, RFC 6582), limited transmit (RFC 3042),
 * SACK (RFC 6675), RACK and tail loss probes (RFC 8985). The path has an RTT of 100 ms.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/tcp/scenario.h"

#define MSS  1000u
#define SOON 10 /* ms: pacing may spread what is due */

/* Segment number n, from 0: its first sequence number. */
#define SEG(n) ((unsigned)(1 + (n)*MSS))

static void establish_rtt(struct peer *p, const char *options)
{
	p->auto_ts = strstr(options, "TS") != NULL;
	SEND("S 0:0(0) win 65535 <%s>", options);
	EXPECT("S. 0:0(0) ack 1");
	ADVANCE_MS(100);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	p->next = p->una = 1;
}

/* Writes n segments; all of them must come out now or soon. */
static void fly(struct peer *p, unsigned first, unsigned n)
{
	APP_WRITE(n * MSS);
	for (unsigned i = first; i < first + n; i++)
		EXPECT_IN_MS(0, SOON, ". %u:%u(%u) ack 1", SEG(i), SEG(i + 1), MSS);
}

/* The flags line may carry P: matched without. */
static void expect_segment(struct peer *p, unsigned n, unsigned within_ms)
{
	EXPECT_IN_MS(0, within_ms, ". %u:%u(%u) ack 1", SEG(n), SEG(n + 1), MSS);
}

static void ack(struct peer *p, unsigned n)
{
	SEND(". 1:1(0) ack %u win 65535", SEG(n));
}

static void sack(struct peer *p, unsigned n, const char *blocks)
{
	if (p->auto_ts)
		SEND(". 1:1(0) ack %u win 65535 <nop,nop,TS,nop,nop,sack %s>", SEG(n), blocks);
	else
		SEND(". 1:1(0) ack %u win 65535 <nop,nop,sack %s>", SEG(n), blocks);
}

/* --- without SACK --- */

SCENARIO(three_duplicate_acks_retransmit)
{
	establish_rtt(p, "mss 1000");
	fly(p, 0, 6);
	ADVANCE_MS(100 - SOON);
	ack(p, 1);
	ack(p, 1);
	ack(p, 1);
	EXPECT_NONE();
	ack(p, 1);
	expect_segment(p, 1, SOON);
	EXPECT_NONE();
	ack(p, 1);
	EXPECT_NONE();
	ADVANCE_MS(100);
	ack(p, 6);
	EXPECT_NONE_MS(5000);
	CHECK(peer_info(p).retransmits == 1);
}

/* RFC 3042: each of the first two duplicates lets one new segment out. */
SCENARIO(limited_transmit)
{
	establish_rtt(p, "mss 1000");
	APP_WRITE(20 * MSS);
	for (unsigned i = 0; i < 10; i++)
		expect_segment(p, i, SOON);
	EXPECT_NONE_MS(50);
	ack(p, 0);
	expect_segment(p, 10, SOON);
	EXPECT_NONE_MS(SOON);
	ack(p, 0);
	expect_segment(p, 11, SOON);
	EXPECT_NONE_MS(SOON);
	ack(p, 0);
	expect_segment(p, 0, SOON);
	peer_receive(p, 20 * MSS, 65535, 100 * 1000 * 1000);
	peer_discard(p);
}

/* RFC 5681 2: what is no duplicate ACK. */
SCENARIO(not_a_duplicate_ack)
{
	establish_rtt(p, "mss 1000");
	fly(p, 0, 5);
	for (unsigned i = 0; i < 5; i++) {
		SEND(". 1:1(0) ack 1 win %u", 60000 + i); /* a window update */
		EXPECT_NONE();
	}
	for (unsigned i = 0; i < 5; i++) /* data */
		SEND(". %u:%u(10) ack 1 win 60004", 1 + i * 10, 11 + i * 10);
	ADVANCE_MS(50);
	for (const struct packet *k; (k = peer_next(p)) != NULL;)
		CHECK(k->len == 0);
	CHECK(peer_info(p).retransmits == 0);
}

/* What duplicates stood for is forgotten when everything is acknowledged. */
SCENARIO(duplicate_ack_then_ack_of_all)
{
	establish_rtt(p, "mss 1000");
	for (unsigned i = 0; i < 12; i += 3) {
		fly(p, i, 1);
		ack(p, i);
		ack(p, i + 1);
		EXPECT_NONE();
		fly(p, i + 1, 2);
		ack(p, i + 1);
		ack(p, i + 1);
		ack(p, i + 3);
		EXPECT_NONE();
	}
	EXPECT_NONE_MS(2000);
	CHECK(peer_info(p).retransmits == 0);
}

/* RFC 6582: a partial ACK retransmits the next hole at once. */
SCENARIO(newreno_partial_ack)
{
	establish_rtt(p, "mss 1000");
	fly(p, 0, 8);
	ADVANCE_MS(90);
	for (unsigned i = 0; i < 4; i++)
		ack(p, 0);
	expect_segment(p, 0, SOON);
	for (unsigned i = 0; i < 2; i++)
		ack(p, 0);
	EXPECT_NONE();
	ADVANCE_MS(90);
	ack(p, 3);
	expect_segment(p, 3, SOON);
	EXPECT_NONE_MS(SOON);
	ADVANCE_MS(80);
	ack(p, 6);
	expect_segment(p, 6, SOON);
	ADVANCE_MS(80);
	ack(p, 8);
	EXPECT_NONE_MS(5000);
	CHECK(peer_info(p).retransmits == 3);
}

/* RFC 5681 (4): ssthresh = max(FlightSize / 2, 2 SMSS) on entry; NewReno keeps to it. */
SCENARIO(fast_recovery_halves_the_window)
{
	struct tcp_info info;

	establish_rtt(p, "mss 1000");
	fly(p, 0, 10);
	ADVANCE_MS(90);
	for (unsigned i = 0; i < 3; i++)
		ack(p, 0);
	expect_segment(p, 0, SOON);
	info = peer_info(p);
	CHECK(info.ssthresh >= 2 * MSS);
	if (p->config.stack.cc == TCP_CC_NEWRENO)
		CHECK(info.ssthresh >= 5 * MSS && info.ssthresh <= 6 * MSS);
	else
		CHECK(info.ssthresh >= 5 * MSS && info.ssthresh <= 8 * MSS);
	ADVANCE_MS(90);
	ack(p, 10);
	info = peer_info(p);
	CHECK(info.cwnd <= info.ssthresh + MSS);
	EXPECT_NONE_MS(5000);
}

/* RFC 6582 4: duplicates of our own retransmission must not start a second recovery. */
SCENARIO(no_second_recovery_from_old_duplicates)
{
	establish_rtt(p, "mss 1000");
	fly(p, 0, 6);
	ADVANCE_MS(90);
	for (unsigned i = 0; i < 3; i++)
		ack(p, 0);
	expect_segment(p, 0, SOON);
	ADVANCE_MS(90);
	ack(p, 6);
	fly(p, 6, 2);
	for (unsigned i = 0; i < 3; i++)
		ack(p, 6);
	peer_discard(p);
	STATE(TCP_ESTABLISHED);
	ADVANCE_MS(90);
	ack(p, 8);
	EXPECT_NONE_MS(1000);
}

/* --- with SACK --- */

SCENARIO(sack_of_three_segments_retransmits_the_hole)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 6);
	ADVANCE_MS(100 - SOON);
	sack(p, 0, "1001:2001");
	EXPECT_NONE();
	sack(p, 0, "1001:3001");
	EXPECT_NONE();
	sack(p, 0, "1001:4001");
	expect_segment(p, 0, SOON);
	EXPECT_NONE();
	ADVANCE_MS(90);
	ack(p, 6);
	EXPECT_NONE_MS(5000);
	CHECK(peer_info(p).retransmits == 1);
}

/* One SACK can say as much as three: RFC 6675 IsLost by bytes. */
SCENARIO(one_sack_of_three_segments_retransmits)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 6);
	ADVANCE_MS(90);
	sack(p, 0, "1001:4001");
	expect_segment(p, 0, SOON);
	ADVANCE_MS(90);
	ack(p, 6);
	EXPECT_NONE_MS(5000);
}

/* Only holes are sent again, each once. */
SCENARIO(sack_fills_exactly_the_holes)
{
	unsigned mask = 0;

	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 10);
	ADVANCE_MS(90);
	sack(p, 0, "1001:3001");
	sack(p, 0, "1001:3001 4001:6001");
	sack(p, 0, "1001:3001 4001:6001 7001:10001");
	for (unsigned i = 0; i < 3; i++) {
		const struct packet *k;
		unsigned at;

		CHECK(peer_wait(p, 95 * 1000));
		k = peer_next(p);
		at = (k->seq - p->stack_isn - 1) / MSS;
		CHECK(k->len == MSS && (at == 0 || at == 3 || at == 6));
		CHECK(!(mask & 1u << at));
		mask |= 1u << at;
	}
	EXPECT_NONE();
	ADVANCE_MS(60);
	ack(p, 10);
	EXPECT_NONE_MS(5000);
	CHECK(peer_info(p).retransmits == 3);
}

/* RFC 2018 8, tcp.md pitfall 9: after a timeout SACKs are no promise. */
SCENARIO(reneging_peer_is_served)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 6);
	ADVANCE_MS(90);
	sack(p, 0, "1001:6001");
	expect_segment(p, 0, SOON);
	/* It dropped everything but what it acknowledges. */
	ack(p, 1);
	p->una = SEG(1);
	peer_receive(p, 5 * MSS, 65535, 100 * 1000 * 1000);
	peer_discard(p);
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
}

SCENARIO(everything_sacked_and_nothing_acked)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 4);
	ADVANCE_MS(90);
	sack(p, 0, "1:4001");
	p->una = 1;
	peer_receive(p, 4 * MSS, 65535, 100 * 1000 * 1000);
	peer_discard(p);
	EXPECT_NONE_MS(10000);
}

/* A lost retransmission is found without another timeout (RACK), or by the timeout. */
SCENARIO(lost_retransmission_is_repeated)
{
	establish_rtt(p, "mss 1000,sackOK,TS");
	APP_WRITE(10 * MSS);
	ADVANCE_MS(10);
	peer_discard(p);
	ADVANCE_MS(90);
	sack(p, 0, "989:3953");
	CHECK(peer_wait(p, 50 * 1000));
	CHECK(peer_next(p)->seq == p->stack_isn + 1);
	peer_discard(p);
	p->una = 1;
	peer_receive(p, 10 * MSS, 65535, 100 * 1000 * 1000);
	peer_discard(p);
}

/* --- RFC 8985 --- */

/* 7.2: PTO = 2 SRTT with more than one segment out; the last one is sent again. */
SCENARIO(tlp_after_two_rtts)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 4);
	EXPECT_IN_MS(190, 215, ". %u:%u(%u) ack 1", SEG(3), SEG(4), MSS);
	EXPECT_NONE();
	sack(p, 4, "3001:4001");
	EXPECT_NONE_MS(5000);
	/* RFC 8985 7.4: the probe was spurious: no reduction. */
	CHECK(peer_info(p).cwnd >= 10 * MSS);
}

/* 7.2: a single segment allows for the peer's delayed ACK, but never beyond the RTO. */
SCENARIO(tlp_of_a_single_segment_waits_for_a_delayed_ack)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 1);
	EXPECT_IN_MS(205, 305, ". %u:%u(%u) ack 1", SEG(0), SEG(1), MSS);
}

/* 7.3: new data first, when there is some and the window allows it. */
SCENARIO(tlp_prefers_new_data)
{
	establish_rtt(p, "mss 1000,sackOK");
	APP_WRITE(12 * MSS);
	for (unsigned i = 0; i < 10; i++)
		expect_segment(p, i, SOON);
	EXPECT_IN_MS(150, 215, ". %u:%u(%u) ack 1", SEG(10), SEG(11), MSS);
}

/* The probe shows the tail was lost: repaired by SACK, without a timeout. */
SCENARIO(tlp_repairs_the_tail)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 5);
	ADVANCE_MS(90);
	ack(p, 2);
	CHECK(peer_wait(p, 260 * 1000));
	CHECK(peer_matches(p, peer_next(p), ". %u:%u(%u) ack 1", SEG(4), SEG(5), MSS));
	EXPECT_NONE_MS(95);
	sack(p, 2, "4001:5001");
	EXPECT_IN_MS(0, SOON, ". %u:%u(%u) ack 1", SEG(2), SEG(3), MSS);
	EXPECT_NONE_MS(50);
	/* PRR (RFC 9937): the second hole at the latest when the first is filled. */
	sack(p, 3, "4001:5001");
	EXPECT_IN_MS(0, SOON, ". %u:%u(%u) ack 1", SEG(3), SEG(4), MSS);
	ADVANCE_MS(80);
	ack(p, 5);
	EXPECT_NONE_MS(5000);
}

/* Only one probe in a row: then the RTO. */
SCENARIO(rto_follows_an_unanswered_tlp)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 4);
	EXPECT_IN_MS(190, 215, ". %u:%u(%u) ack 1", SEG(3), SEG(4), MSS);
	EXPECT_IN_MS(80, 420, ". %u:%u(%u) ack 1", SEG(0), SEG(1), MSS);
	EXPECT_NONE_MS(200);
}

/* tcp.md pitfall 9: only a FIN is out. */
SCENARIO(tlp_with_only_a_fin_outstanding)
{
	establish_rtt(p, "mss 1000,sackOK");
	APP_SHUTDOWN();
	EXPECT("F. 1:1(0) ack 1");
	EXPECT_IN_MS(150, 320, "F. 1:1(0) ack 1");
	EXPECT_IN_MS(10, 1000, "F. 1:1(0) ack 1");
	SEND(". 1:1(0) ack 2 win 65535");
	EXPECT_NONE_MS(5000);
	STATE(TCP_FIN_WAIT_2);
}

/* 6.2: sent before what was delivered, and a quarter RTT has passed: lost. */
SCENARIO(rack_marks_by_time)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 3);
	ADVANCE_MS(95);
	/* One SACK only: below the three of RFC 6675, so the reordering timer decides. */
	sack(p, 0, "1001:2001");
	EXPECT_NONE();
	EXPECT_IN_MS(1, 60, ". %u:%u(%u) ack 1", SEG(0), SEG(1), MSS);
	ADVANCE_MS(90);
	ack(p, 3);
	EXPECT_NONE_MS(5000);
}

/* Reordering within the window is no loss. */
SCENARIO(rack_tolerates_reordering)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 3);
	ADVANCE_MS(95);
	sack(p, 0, "1001:2001");
	ADVANCE_MS(5);
	ack(p, 2);
	ack(p, 3);
	EXPECT_NONE_MS(5000);
	CHECK(peer_info(p).retransmits == 0);
}

/* Room lent and not yet committed is no segment that could be lost. */
SCENARIO(rack_leaves_reserved_room_alone)
{
	struct iovec iov[4];
	uint32_t at = 1;

	establish_rtt(p, "mss 1000,sackOK");
	for (unsigned round = 0; round < 5; round++) {
		APP_WRITE(4 * MSS);
		ADVANCE_MS(5);
		peer_discard(p);
		CHECK(tcp_tx_reserve(p->app->conn, 8 * MSS, iov, 4) >= 1);
		ADVANCE_MS(95);
		SEND(". 1:1(0) ack %u win 65535 <nop,nop,sack %u:%u>", at, at + MSS, at + 2 * MSS);
		ADVANCE_MS(60);
		peer_discard(p);
		SEND(". 1:1(0) ack %u win 65535 <nop,nop,sack %u:%u>", at + 2 * MSS, at + 3 * MSS,
		    at + 4 * MSS);
		ADVANCE_MS(60);
		peer_discard(p);
		at += 4 * MSS;
		SEND(". 1:1(0) ack %u win 65535", at);
		EXPECT_NONE_MS(500);
		CHECK(tcp_tx_unacked(p->app->conn) == 0);
	}
}

/* The worker slept: every timer is late at once, and ACKs wait in the ring. */
SCENARIO(late_timers_and_acks)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 10);
	p->now_us += 5000 * 1000;
	peer_hold(p);
	for (unsigned i = 1; i <= 10; i++)
		ack(p, i);
	peer_flush(p);
	peer_discard(p);
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
	fly(p, 10, 5);
	ADVANCE_MS(90);
	ack(p, 15);
	EXPECT_NONE_MS(2000);
}

/* DSACK: the retransmission was needless; counted, and data goes on. */
SCENARIO(dsack_is_counted)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 0, 6);
	ADVANCE_MS(90);
	sack(p, 0, "1001:4001");
	expect_segment(p, 0, SOON);
	ack(p, 6);
	sack(p, 6, "1:1001");
	CHECK(peer_info(p).dsacks == 1);
	EXPECT_NONE_MS(5000);
}

static const struct peer_config newreno = { .stack = { .cc = TCP_CC_NEWRENO } };

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(three_duplicate_acks_retransmit),
		RUN(limited_transmit),
		RUN(not_a_duplicate_ack),
		RUN(duplicate_ack_then_ack_of_all),
		RUN(newreno_partial_ack),
		RUN(fast_recovery_halves_the_window),
		RUN_WITH(fast_recovery_halves_the_window, newreno),
		RUN(no_second_recovery_from_old_duplicates),
		RUN(sack_of_three_segments_retransmits_the_hole),
		RUN(one_sack_of_three_segments_retransmits),
		RUN(sack_fills_exactly_the_holes),
		RUN(reneging_peer_is_served),
		RUN(everything_sacked_and_nothing_acked),
		RUN(lost_retransmission_is_repeated),
		RUN(tlp_after_two_rtts),
		RUN(tlp_of_a_single_segment_waits_for_a_delayed_ack),
		RUN(tlp_prefers_new_data),
		RUN(tlp_repairs_the_tail),
		RUN(rto_follows_an_unanswered_tlp),
		RUN(tlp_with_only_a_fin_outstanding),
		RUN(rack_marks_by_time),
		RUN(rack_tolerates_reordering),
		RUN(rack_leaves_reserved_room_alone),
		RUN(late_timers_and_acks),
		RUN(dsack_is_counted),
	};

	return scenario_main(argc, argv, "recovery", tests, sizeof(tests) / sizeof(tests[0]));
}
