/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Retransmission timer: RFC 6298, with Karn's algorithm (RFC 9293 MUST-18, MUST-19). Without
 * SACK, so that no tail loss probe (RFC 8985) comes first.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/tcp/scenario.h"

/* Our side opens and gets its first RTT sample from the handshake. */
static void establish_rtt(struct peer *p, const char *options, unsigned rtt_ms)
{
	p->auto_ts = strstr(options, "TS") != NULL;
	SEND("S 0:0(0) win 65535 <%s>", options);
	EXPECT("S. 0:0(0) ack 1");
	ADVANCE_MS(rtt_ms);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	p->next = p->una = 1;
}

/* (2.2): SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR = 3 R. */
SCENARIO(rto_after_the_first_sample_is_three_rtts)
{
	establish_rtt(p, "mss 1460", 100);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	EXPECT_IN_MS(298, 305, "P. 1:101(100) ack 1");
}

SCENARIO(rto_after_the_first_sample_active)
{
	ENTER(TCP_SYN_SENT, "");
	ADVANCE_MS(100);
	SEND("S. 0:0(0) ack 1 win 65535 <mss 1460>");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(TCP_EV_ESTABLISHED);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	EXPECT_IN_MS(298, 305, "P. 1:101(100) ack 1");
}

/* MUST-19: exponential back-off; the cap is at least 60 s (2.5). */
SCENARIO(MUST_19_rto_backs_off)
{
	uint64_t expected = 300;

	establish_rtt(p, "mss 1460", 100);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	for (unsigned i = 0; i < 8; i++) {
		EXPECT_IN_MS(expected - 5, expected + 5 + expected / 100, "P. 1:101(100) ack 1");
		EXPECT_NONE();
		expected *= 2;
		if (expected > 60 * 1000)
			expected = 60 * 1000;
	}
	STATE(TCP_ESTABLISHED);
}

SCENARIO(rto_has_a_floor)
{
	establish_rtt(p, "mss 1460", 1);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	EXPECT_IN_MS(198, 210, "P. 1:101(100) ack 1");
	EXPECT_IN_MS(398, 410, "P. 1:101(100) ack 1");
}

static const struct peer_config floor_1s = { .stack = { .rto_min_us = 1000 * 1000 } };

SCENARIO(rto_floor_is_configurable)
{
	establish_rtt(p, "mss 1460", 10);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	EXPECT_IN_MS(998, 1010, "P. 1:101(100) ack 1");
}

/* (2.3), (2.4): SRTT and RTTVAR against the formulas, over a hundred samples. */
SCENARIO(rtt_is_smoothed_by_the_book)
{
	double srtt = 100, rttvar = 50;
	unsigned seed = 7;

	establish_rtt(p, "mss 1460", 100);
	for (unsigned i = 0; i < 100; i++) {
		unsigned r = 20 + (unsigned)rand_r(&seed) % 150;
		double d;
		struct tcp_info info;

		if (r + 5 > srtt + 4 * rttvar || r + 5 > 200)
			r = 100; /* not into the timer */
		APP_WRITE(100);
		EXPECT("P. %u:%u(100) ack 1", p->una, p->una + 100);
		EXPECT_NONE_MS(r);
		p->una += 100;
		SEND(". 1:1(0) ack %u win 65535", p->una);
		d = srtt > r ? srtt - r : r - srtt;
		rttvar = 0.75 * rttvar + 0.25 * d;
		srtt = 0.875 * srtt + 0.125 * r;
		info = peer_info(p);
		CHECK(info.srtt_us > srtt * 1000 * 0.97 - 500 &&
		    info.srtt_us < srtt * 1000 * 1.03 + 500);
		CHECK(info.rttvar_us > rttvar * 1000 * 0.90 - 1000);
		/* A floor under RTTVAR is allowed, an RTO below the formula is not. */
		CHECK(info.rto_us + 5000 >= (srtt + 4 * rttvar) * 1000);
	}
}

/* (5.1), (5.2), (5.3): runs when data is out, restarts on a new ACK, stops when all is acked. */
SCENARIO(rto_restarts_when_new_data_is_acked)
{
	establish_rtt(p, "mss 1460", 100);
	APP_WRITE(2920);
	EXPECT(". 1:1461(1460) ack 1");
	EXPECT("P. 1461:2921(1460) ack 1");
	EXPECT_NONE_MS(100);
	SEND(". 1:1(0) ack 1461 win 65535");
	/* SRTT 100, RTTVAR 37.5 now: 250 ms from here. */
	EXPECT_IN_MS(245, 260, "P. 1461:2921(1460) ack 1");
}

SCENARIO(rto_does_not_restart_on_duplicate_acks)
{
	establish_rtt(p, "mss 1460", 100);
	APP_WRITE(2920);
	peer_discard(p);
	EXPECT_NONE_MS(150);
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT_NONE_MS(140);
	EXPECT_IN_MS(0, 20, ". 1:1461(1460) ack 1");
}

SCENARIO(rto_stops_when_all_is_acked)
{
	establish_rtt(p, "mss 1460", 100);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	SEND(". 1:1(0) ack 101 win 65535");
	EXPECT_NONE_MS(100 * 1000);
}

/* MUST-18, Karn: an ACK of something sent twice says nothing about the RTT. */
SCENARIO(MUST_18_no_sample_from_retransmissions)
{
	struct tcp_info before, after;

	establish_rtt(p, "mss 1460", 100);
	before = peer_info(p);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	EXPECT_IN_MS(298, 305, "P. 1:101(100) ack 1");
	ADVANCE_MS(3);
	SEND(". 1:1(0) ack 101 win 65535");
	after = peer_info(p);
	CHECK(before.srtt_us == after.srtt_us);
	CHECK(before.rttvar_us == after.rttvar_us);
}

/* With timestamps the echo tells which transmission was acknowledged (RFC 7323 4). */
SCENARIO(sample_from_retransmission_with_timestamps)
{
	struct tcp_info after;

	establish_rtt(p, "mss 1460,TS", 100);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	EXPECT_IN_MS(290, 310, "P. 1:101(100) ack 1");
	ADVANCE_MS(60);
	SEND(". 1:1(0) ack 101 win 65535");
	after = peer_info(p);
	CHECK(after.srtt_us >= 93000 && after.srtt_us <= 97000);
}

/* (5.7): the handshake's timer went off: 3 s for the first data. */
SCENARIO(rto_is_3_s_after_a_lost_syn)
{
	ENTER(TCP_SYN_SENT, "");
	EXPECT_IN_MS(900, 1500, "S 0:0(0)");
	ADVANCE_MS(20);
	SEND("S. 0:0(0) ack 1 win 65535 <mss 1460>");
	EXPECT(". 1:1(0) ack 1");
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	EXPECT_IN_MS(2900, 3100, "P. 1:101(100) ack 1");
}

SCENARIO(rto_is_3_s_after_a_lost_syn_ack)
{
	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	EXPECT_IN_MS(900, 1500, "S. 0:0(0) ack 1");
	ADVANCE_MS(20);
	SEND(". 1:1(0) ack 1 win 65535");
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	EXPECT_IN_MS(2900, 3100, "P. 1:101(100) ack 1");
}

/* RFC 5681 3.1: one segment after a timeout, then slow start through what was out. */
SCENARIO(timeout_goes_back_to_one_segment)
{
	establish_rtt(p, "mss 1000", 100);
	APP_WRITE(10000);
	for (uint32_t i = 0; i < 10; i++)
		EXPECT("%s. %u:%u(1000) ack 1", i == 9 ? "P" : "", 1 + i * 1000, 1001 + i * 1000);
	EXPECT_IN_MS(290, 310, ". 1:1001(1000) ack 1");
	EXPECT_NONE_MS(50);
	CHECK(peer_info(p).cwnd <= 2000);
	CHECK(peer_info(p).ssthresh >= 2000 && peer_info(p).ssthresh <= 7000);
	SEND(". 1:1(0) ack 1001 win 65535");
	EXPECT_IN_MS(0, 50, ". 1001:2001(1000) ack 1");
	EXPECT_IN_MS(0, 50, ". 2001:3001(1000) ack 1");
	EXPECT_NONE_MS(20);
	SEND(". 1:1(0) ack 3001 win 65535");
	EXPECT_IN_MS(0, 50, ". 3001:4001(1000) ack 1");
	EXPECT_IN_MS(0, 50, ". 4001:5001(1000) ack 1");
	p->una = 3001;
	peer_receive(p, 7000, 65535, 60 * 1000 * 1000);
	peer_discard(p);
	EXPECT_NONE_MS(10000);
}

/* The first transmission was only late: its ACK covers everything. */
SCENARIO(timeout_then_ack_of_all)
{
	establish_rtt(p, "mss 1000", 100);
	APP_WRITE(5000);
	peer_discard(p);
	EXPECT_IN_MS(290, 310, ". 1:1001(1000) ack 1");
	SEND(". 1:1(0) ack 5001 win 65535");
	EXPECT_NONE_MS(10000);
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
	APP_WRITE(2000);
	EXPECT_IN_MS(0, 50, ". 5001:6001(1000) ack 1");
	EXPECT_IN_MS(0, 200, "P. 6001:7001(1000) ack 1");
}

/* However much one ACK covers, slow start adds eight segments for it and no more (RFC 9406 4.2). */
SCENARIO(timeout_then_ack_of_very_much)
{
	establish_rtt(p, "mss 1000", 100);
	APP_WRITE(250000);
	p->una = 1;
	peer_receive(p, 150000, 65535, 60 * 1000 * 1000);
	while (p->stats.v[STAT_TCP_RTOS] == 0) {
		CHECK(peer_wait(p, 10 * 1000 * 1000));
		peer_discard(p);
	}
	CHECK(peer_info(p).cwnd == 1000);
	CHECK(peer_info(p).ssthresh > 20000);
	CHECK(peer_info(p).snd_nxt - peer_info(p).snd_una > 20000);
	p->una = peer_info(p).snd_nxt - p->stack_isn;
	SEND(". 1:1(0) ack %u win 65535", p->una);
	CHECK(peer_info(p).cwnd == 9000);
	peer_receive(p, 250001 - p->una, 65535, 60 * 1000 * 1000);
	peer_discard(p);
}

/* Retransmitted segments take data that was written meanwhile into account, or not; bytes hold. */
SCENARIO(small_writes_are_retransmitted_exactly)
{
	establish_rtt(p, "mss 1000", 100);
	for (unsigned i = 0; i < 8; i++)
		APP_WRITE(37);
	peer_discard(p);
	p->una = 1;
	peer_receive(p, 8 * 37, 65535, 60 * 1000 * 1000);
	peer_discard(p);
	EXPECT_NONE_MS(5000);
}

/* MSS and window taken into account: a retransmission is never larger than allowed. */
SCENARIO(rto_of_fin_with_data)
{
	establish_rtt(p, "mss 1000", 100);
	APP_WRITE(1500);
	APP_SHUTDOWN();
	EXPECT(". 1:1001(1000) ack 1");
	peer_discard(p);
	SEND(". 1:1(0) ack 1001 win 65535");
	/* RFC 6298 5.4: the first alone, though both would fit into the window. */
	EXPECT_IN_MS(100, 400, ". 1001:1501(500) ack 1");
	EXPECT_NONE_MS(100);
	SEND(". 1:1(0) ack 1501 win 65535");
	EXPECT("F. 1501:1501(0) ack 1");
	SEND(". 1:1(0) ack 1502 win 65535");
	EXPECT_NONE_MS(5000);
	STATE(TCP_FIN_WAIT_2);
}

/* The data queue grows during silence; the timer must not be pushed out by writes. */
SCENARIO(writes_do_not_postpone_the_timer)
{
	establish_rtt(p, "mss 1000", 100);
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	for (unsigned i = 0; i < 5; i++) {
		ADVANCE_MS(50);
		APP_WRITE(10);
		peer_discard(p);
	}
	CHECK(peer_wait(p, 60 * 1000));
	const struct packet *k = peer_next(p);

	CHECK(k->seq == p->stack_isn + 1 && k->len >= 10);
	peer_discard(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(rto_after_the_first_sample_is_three_rtts),
		RUN(rto_after_the_first_sample_active),
		RUN(MUST_19_rto_backs_off),
		RUN(rto_has_a_floor),
		RUN_WITH(rto_floor_is_configurable, floor_1s),
		RUN(rtt_is_smoothed_by_the_book),
		RUN(rto_restarts_when_new_data_is_acked),
		RUN(rto_does_not_restart_on_duplicate_acks),
		RUN(rto_stops_when_all_is_acked),
		RUN(MUST_18_no_sample_from_retransmissions),
		RUN(sample_from_retransmission_with_timestamps),
		RUN(rto_is_3_s_after_a_lost_syn),
		RUN(rto_is_3_s_after_a_lost_syn_ack),
		RUN(timeout_goes_back_to_one_segment),
		RUN(timeout_then_ack_of_all),
		RUN(timeout_then_ack_of_very_much),
		RUN(small_writes_are_retransmitted_exactly),
		RUN(rto_of_fin_with_data),
		RUN(writes_do_not_postpone_the_timer),
	};

	return scenario_main(argc, argv, "rto", tests, sizeof(tests) / sizeof(tests[0]));
}
