/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of a flight: when the tail loss probe goes (RFC 8985 7.2, 7.3), what the RTO sends (RFC 6298 5.4, RFC 8985 6.3),
 * and how long it stays backed off (RFC 6298 5). The path has an RTT of 100 ms.
 */
#include <string.h>

#include "tests/tcp/scenario.h"

#define MSS 1000u

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

static void fly(struct peer *p, unsigned n)
{
	APP_WRITE(n * MSS);
	for (unsigned i = 0; i < n; i++)
		EXPECT("%s. %u:%u(1000) ack 1", i == n - 1 ? "P" : "", SEG(i), SEG(i + 1));
}

/* 7.2: 2 SRTT + 200 ms = 400 ms, but the RTO of 300 ms is sooner: the probe goes then, and the RTO comes after it. */
SCENARIO(probe_takes_the_place_of_an_earlier_rto)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 1);
	EXPECT_IN_MS(298, 305, "P. 1:1001(1000) ack 1");
	COUNTED(STAT_TCP_TLPS, 1);
	COUNTED(STAT_TCP_RTOS, 0);
	CHECK(peer_info(p).cwnd == 10 * MSS);
	EXPECT_IN_MS(298, 305, "P. 1:1001(1000) ack 1");
	COUNTED(STAT_TCP_RTOS, 1);
	CHECK(peer_info(p).cwnd == MSS);
	EXPECT_IN_MS(598, 605, "P. 1:1001(1000) ack 1");
}

/* FlightSize is counted in segments: two small ones are two, and the peer acknowledges the second at once. */
SCENARIO(two_small_segments_are_no_single_one)
{
	establish_rtt(p, "mss 1000,sackOK");
	APP_WRITE(10);
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	EXPECT("P. 11:21(10) ack 1");
	EXPECT_IN_MS(198, 205, "P. 11:21(10) ack 1");
}

/* 7.2: without an RTT sample the probe goes after a second. Here the handshake's was spoiled by a loss. */
SCENARIO(probe_without_a_sample_goes_after_a_second)
{
	SEND("S 0:0(0) win 65535 <mss 1000,sackOK>");
	EXPECT("S. 0:0(0) ack 1");
	EXPECT_IN_MS(900, 1500, "S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 65535");
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	EXPECT_IN_MS(998, 1005, "P. 1:11(10) ack 1");
	COUNTED(STAT_TCP_TLPS, 1);
	/* RFC 6298 5.7: 3 s after a lost SYN-ACK. */
	EXPECT_IN_MS(2900, 3100, "P. 1:11(10) ack 1");
	COUNTED(STAT_TCP_RTOS, 1);
}

/* 7.1: new data starts the probe's time anew, an ACK that we send does not. */
SCENARIO(our_acks_do_not_postpone_the_probe)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 4);
	for (uint32_t i = 0; i < 3; i++) {
		EXPECT_NONE_MS(50);
		SEND("P. %u:%u(1000) ack 1 win 65535", SEG(2 * i), SEG(2 * i + 1));
		SEND("P. %u:%u(1000) ack 1 win 65535", SEG(2 * i + 1), SEG(2 * i + 2));
		EXPECT(". 4001:4001(0) ack %u", SEG(2 * i + 2));
	}
	EXPECT_IN_MS(48, 55, "P. 3001:4001(1000) ack 6001");
}

SCENARIO(new_data_postpones_the_probe)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 4);
	EXPECT_NONE_MS(80);
	APP_WRITE(MSS);
	EXPECT("P. 4001:5001(1000) ack 1");
	EXPECT_IN_MS(198, 205, "P. 4001:5001(1000) ack 1");
}

/* RFC 6298 5.4: the earliest segment and no other, though many would fit into a window of one MSS. */
SCENARIO(rto_sends_one_segment_however_small)
{
	establish_rtt(p, "mss 1000");
	for (unsigned i = 0; i < 8; i++) {
		APP_WRITE(20);
		EXPECT("P. %u:%u(20) ack 1", 1 + i * 20, 21 + i * 20);
	}
	EXPECT_IN_MS(298, 305, "P. 1:21(20) ack 1");
	EXPECT_NONE_MS(100);
	CHECK(peer_info(p).cwnd == MSS);
	/* Slow start: 20 bytes were acknowledged. */
	SEND(". 1:1(0) ack 21 win 65535");
	EXPECT("P. 21:41(20) ack 1");
	CHECK(peer_info(p).cwnd == MSS + 20);
	SEND(". 1:1(0) ack 161 win 65535");
	peer_discard(p);
	EXPECT_NONE_MS(5000);
}

/* RFC 8985 6.3: what went just before the timer is not lost yet; it is not sent twice, and does not hold up what is. */
SCENARIO(rto_leaves_the_youngest_alone)
{
	establish_rtt(p, "mss 1000,sackOK");
	fly(p, 2);
	EXPECT_IN_MS(198, 205, "P. 1001:2001(1000) ack 1");
	EXPECT_NONE_MS(250);
	APP_WRITE(2 * MSS);
	EXPECT(". 2001:3001(1000) ack 1");
	EXPECT("P. 3001:4001(1000) ack 1");
	EXPECT_IN_MS(40, 55, ". 1:1001(1000) ack 1");
	COUNTED(STAT_TCP_RTOS, 1);
	EXPECT_NONE_MS(90);
	SEND(". 1:1(0) ack 1001 win 65535 <nop,nop,sack 2001:4001>");
	EXPECT_IN_MS(0, 5, "P. 1001:2001(1000) ack 1");
	EXPECT_NONE_MS(90);
	SEND(". 1:1(0) ack 4001 win 65535");
	EXPECT_NONE_MS(5000);
	CHECK(peer_info(p).retransmits == 3);
}

/* RFC 6298 5, Karn: the ACK of a retransmission says nothing about the RTT, so the RTO stays what it was backed off to. */
SCENARIO(rto_stays_backed_off_until_there_is_a_sample)
{
	establish_rtt(p, "mss 1000");
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	EXPECT_IN_MS(298, 305, "P. 1:11(10) ack 1");
	EXPECT_IN_MS(598, 605, "P. 1:11(10) ack 1");
	SEND(". 1:1(0) ack 11 win 65535");
	APP_WRITE(10);
	EXPECT("P. 11:21(10) ack 1");
	EXPECT_IN_MS(1198, 1205, "P. 11:21(10) ack 1");
	SEND(". 1:1(0) ack 21 win 65535");
	APP_WRITE(10);
	EXPECT("P. 21:31(10) ack 1");
	ADVANCE_MS(100);
	/* Sent once, acknowledged: a sample at last. SRTT 100, RTTVAR 37.5. */
	SEND(". 1:1(0) ack 31 win 65535");
	APP_WRITE(10);
	EXPECT("P. 31:41(10) ack 1");
	EXPECT_IN_MS(245, 255, "P. 31:41(10) ack 1");
}

/* With timestamps each ACK is a sample. */
SCENARIO(timestamps_end_the_back_off)
{
	establish_rtt(p, "mss 1000,TS");
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	EXPECT_IN_MS(298, 305, "P. 1:11(10) ack 1");
	EXPECT_IN_MS(598, 605, "P. 1:11(10) ack 1");
	ADVANCE_MS(100);
	SEND(". 1:1(0) ack 11 win 65535");
	APP_WRITE(10);
	EXPECT("P. 11:21(10) ack 1");
	EXPECT_IN_MS(200, 300, "P. 11:21(10) ack 1");
}

/* Window probes back off by the same count, which is not the path's fault. */
SCENARIO(window_probes_do_not_back_off_the_rto)
{
	establish_rtt(p, "mss 1000");
	SEND(". 1:1(0) ack 1 win 0");
	APP_WRITE(10);
	for (unsigned i = 0, ms = 300; i < 4; i++, ms *= 2) {
		EXPECT_IN_MS(ms - 2, ms + 10, ". 1:2(1) ack 1");
		SEND(". 1:1(0) ack 1 win 0");
	}
	SEND(". 1:1(0) ack 1 win 1000");
	EXPECT("P. 1:11(10) ack 1");
	EXPECT_IN_MS(298, 305, "P. 1:11(10) ack 1");
}

/* The same when the peer has taken the probe's byte. */
SCENARIO(accepted_probe_does_not_back_off_the_rto)
{
	establish_rtt(p, "mss 1000");
	SEND(". 1:1(0) ack 1 win 0");
	APP_WRITE(10);
	for (unsigned i = 0, ms = 300; i < 3; i++, ms *= 2)
		EXPECT_IN_MS(ms - 2, ms + 10, ". 1:2(1) ack 1");
	SEND(". 1:1(0) ack 2 win 1000");
	EXPECT("P. 2:11(9) ack 1");
	EXPECT_IN_MS(298, 305, "P. 2:11(9) ack 1");
}

/* RFC 5681 2: a duplicate ACK carries no data, a byte that does not fit into our window included. */
SCENARIO(probes_of_the_peer_are_no_duplicate_acks)
{
	establish_rtt(p, "mss 1000");
	peer_fill_window(p);
	peer_discard(p);
	APP_WRITE(4 * MSS);
	peer_discard(p);
	for (unsigned i = 0; i < 5; i++) {
		SEND(". %u:%u(1) ack 1 win 65535", p->next, p->next + 1);
		EXPECT(". 4001:4001(0) ack %u win 0", p->next);
		EXPECT_NONE();
	}
	CHECK(peer_info(p).retransmits == 0);
	SEND(". %u:%u(0) ack 4001 win 65535", p->next, p->next);
}

/* MUST-35, SHLD-17: a peer that has taken its window back and answers is not given up, however little it takes. */
SCENARIO(shrunk_window_does_not_time_out)
{
	establish_rtt(p, "mss 1000");
	fly(p, 4);
	SEND(". 1:1(0) ack 1 win 10");
	for (unsigned i = 0; i < 60; i++) {
		CHECK(peer_wait(p, 61 * 1000 * 1000));
		peer_discard(p);
		SEND(". 1:1(0) ack 1 win 10");
		peer_discard(p);
	}
	STATE(TCP_ESTABLISHED);
	EVENTS(0);
	SEND(". 1:1(0) ack 4001 win 65535");
	EXPECT_NONE_MS(5000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(probe_takes_the_place_of_an_earlier_rto),
		RUN(two_small_segments_are_no_single_one),
		RUN(probe_without_a_sample_goes_after_a_second),
		RUN(our_acks_do_not_postpone_the_probe),
		RUN(new_data_postpones_the_probe),
		RUN(rto_sends_one_segment_however_small),
		RUN(rto_leaves_the_youngest_alone),
		RUN(rto_stays_backed_off_until_there_is_a_sample),
		RUN(timestamps_end_the_back_off),
		RUN(window_probes_do_not_back_off_the_rto),
		RUN(accepted_probe_does_not_back_off_the_rto),
		RUN(probes_of_the_peer_are_no_duplicate_acks),
		RUN(shrunk_window_does_not_time_out),
	};

	return scenario_main(argc, argv, "tail", tests, sizeof(tests) / sizeof(tests[0]));
}
