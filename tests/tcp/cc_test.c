/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Congestion control: RFC 5681, RFC 6928 (IW10), RFC 9438, RFC 7661, and ECN (RFC 3168). The
 * window is measured on the wire, by what is sent in one round trip, where that is possible.
 */
#include "tests/tcp/scenario.h"

#define MSS    1000u
#define RTT_MS 100u

static const struct peer_config with_ecn = { .ecn = true };
static const struct peer_config newreno = { .stack = { .cc = TCP_CC_NEWRENO } };

static void establish_rtt(struct peer *p, const char *options, const char *syn_flags)
{
	SEND("%s 0:0(0) win 65535 <%s>", syn_flags, options);
	peer_next(p);
	ADVANCE_MS(RTT_MS);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	p->next = p->una = 1;
}

/* What is sent within most of a round trip, without an ACK. */
static uint32_t flight(struct peer *p)
{
	uint32_t n = 0;

	ADVANCE_MS(RTT_MS * 9 / 10);
	for (const struct packet *k; (k = peer_next(p)) != NULL; n += k->len)
		;
	return n;
}

SCENARIO(initial_window_is_ten_segments)
{
	establish_rtt(p, "mss 1000,sackOK,nop,wscale 4", "S");
	APP_WRITE(40 * MSS);
	CHECK(flight(p) == 10 * MSS);
}

/* RFC 6928: min(10 MSS, max(2 MSS, 14600)). */
SCENARIO(initial_window_of_large_segments)
{
	establish_rtt(p, "mss 1460,sackOK,nop,wscale 4", "S");
	APP_WRITE(40000);
	CHECK(flight(p) == 14600);
}

/* RFC 6928 2: the SYN or SYN+ACK was lost: one segment (RFC 5681 3.1). */
SCENARIO(initial_window_after_a_lost_syn_ack)
{
	SEND("S 0:0(0) win 65535 <mss 1000,nop,wscale 4>");
	EXPECT("S. 0:0(0) ack 1");
	EXPECT_IN_MS(900, 1500, "S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 65535");
	APP_WRITE(40 * MSS);
	/* RFC 6928 allows no more than one when the handshake lost something. */
	CHECK(flight(p) <= 2 * MSS);
}

/* RFC 5681 3.1: slow start doubles. */
SCENARIO(slow_start_doubles)
{
	uint32_t sent, total = 0;

	establish_rtt(p, "mss 1000,sackOK,nop,wscale 4", "S");
	APP_WRITE(150 * MSS);
	for (unsigned round = 0; round < 3; round++) {
		uint32_t expected = 10 * MSS << round;

		sent = flight(p);
		CHECK(sent <= expected + 2 * MSS);
		CHECK(sent >= expected * 3 / 4);
		ADVANCE_MS(RTT_MS / 10);
		/* One ACK for every two segments. */
		for (uint32_t at = 2 * MSS; at <= sent; at += 2 * MSS)
			SEND(". 1:1(0) ack %u win 65535", 1 + total + at);
		total += sent;
		if (sent % (2 * MSS))
			SEND(". 1:1(0) ack %u win 65535", 1 + total);
	}
	peer_discard(p);
}

/* Appropriate byte counting: acknowledging bytewise must not blow the window up. */
SCENARIO(ack_division_gains_nothing)
{
	uint32_t sent;

	establish_rtt(p, "mss 1000,sackOK,nop,wscale 4", "S");
	APP_WRITE(100 * MSS);
	CHECK(flight(p) == 10 * MSS);
	for (uint32_t at = 1; at <= MSS; at += 10)
		SEND(". 1:1(0) ack %u win 65535", 1 + at);
	sent = flight(p);
	CHECK(sent <= 3 * MSS);
}

/* ACKs of data never sent do nothing (optimistic ACKs, RFC 9293 3.10.7.4). */
SCENARIO(optimistic_acks_gain_nothing)
{
	establish_rtt(p, "mss 1000,sackOK,nop,wscale 4", "S");
	APP_WRITE(100 * MSS);
	CHECK(flight(p) == 10 * MSS);
	for (unsigned i = 1; i < 20; i++)
		SEND(". 1:1(0) ack %u win 65535", 1 + (10 + i) * MSS);
	CHECK(peer_info(p).cwnd <= 10 * MSS);
	CHECK(flight(p) == 0);
}

/* Pitfall 10: an application that writes little does not save up a window. */
SCENARIO(window_does_not_grow_when_application_limited)
{
	uint32_t at = 1;

	establish_rtt(p, "mss 1000,sackOK,nop,wscale 4", "S");
	for (unsigned i = 0; i < 100; i++) {
		APP_WRITE(1000);
		ADVANCE_MS(RTT_MS);
		at += 1000;
		SEND(". 1:1(0) ack %u win 65535", at);
		peer_discard(p);
	}
	CHECK(peer_info(p).cwnd <= 20 * MSS);
}

SCENARIO(window_does_not_grow_when_receiver_limited)
{
	uint32_t at = 1;

	establish_rtt(p, "mss 1000,sackOK", "S");
	SEND(". 1:1(0) ack 1 win 4000");
	APP_WRITE(60 * MSS);
	for (unsigned i = 0; i < 14; i++) {
		ADVANCE_MS(RTT_MS);
		at += 4000;
		SEND(". 1:1(0) ack %u win 4000", at);
		peer_discard(p);
	}
	CHECK(peer_info(p).cwnd <= 20 * MSS);
}

/* RFC 5681 4.1: after idling for more than an RTO no more than the initial window in a burst. */
SCENARIO(restart_after_idle)
{
	uint32_t at = 1, sent;

	establish_rtt(p, "mss 1000,sackOK,nop,wscale 4", "S");
	APP_WRITE(150 * MSS);
	while (at < 150 * MSS) {
		sent = flight(p);
		CHECK(sent > 0);
		at += sent;
		ADVANCE_MS(RTT_MS / 10);
		SEND(". 1:1(0) ack %u win 65535", at);
	}
	EXPECT_NONE_MS(30 * 1000);
	APP_WRITE(150 * MSS);
	peer_run(p);
	sent = 0;
	for (const struct packet *k; (k = peer_next(p)) != NULL; sent += k->len)
		;
	CHECK(sent <= 10 * MSS);
	peer_discard(p);
	p->drop_output = true;
}

/* RFC 5681 (3): one segment a round trip in congestion avoidance. */
SCENARIO(newreno_congestion_avoidance_is_linear)
{
	uint32_t una = 1, sent, before, after;

	establish_rtt(p, "mss 1000,sackOK,nop,wscale 4", "S");
	APP_WRITE(20 * MSS);
	sent = flight(p);
	ADVANCE_MS(RTT_MS / 10);
	/* The first one is lost. */
	SEND(". 1:1(0) ack 1 win 65535 <nop,nop,sack 1001:%u>", 1 + sent);
	ADVANCE_MS(RTT_MS);
	for (const struct packet *k; (k = peer_next(p)) != NULL;)
		if ((int32_t)(k->seq + k->len - p->stack_isn - una) > 0)
			una = k->seq + k->len - p->stack_isn;
	SEND(". 1:1(0) ack %u win 65535", una);
	p->una = una;
	if (una < 20 * MSS + 1)
		peer_receive(p, 20 * MSS + 1 - una, 65535, 10 * 1000 * 1000);
	peer_discard(p);
	una = 20 * MSS + 1;
	before = peer_info(p).cwnd;
	CHECK(before < 9 * MSS);
	APP_WRITE(100 * MSS);
	for (unsigned round = 0; round < 5; round++) {
		sent = flight(p);
		for (uint32_t at = MSS; at <= sent; at += MSS)
			SEND(". 1:1(0) ack %u win 65535", una + at);
		una += sent;
	}
	after = peer_info(p).cwnd;
	CHECK(after - before >= 3 * MSS && after - before <= 6 * MSS);
	peer_discard(p);
	p->drop_output = true;
}

/* --- RFC 3168 --- */

static bool has_ecn(struct peer *p, const char *syn_flags)
{
	const struct packet *k;

	SEND("%s 0:0(0) win 65535 <mss 1000,sackOK>", syn_flags);
	k = peer_next(p);
	CHECK(k && (k->flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK));
	/* 6.1.1: neither SYN nor SYN+ACK is ECT. */
	CHECK(k->ecn == 0);
	CHECK(!(k->flags & TH_CWR));
	return k->flags & TH_ECE;
}

/* 6.1.1: agreed only if the SYN had both flags. */
SCENARIO(ecn_is_agreed_on)
{
	CHECK(has_ecn(p, "SEW"));
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	CHECK(peer_info(p).ecn);
	APP_WRITE(1000);
	EXPECT("[ect0] P. 1:1001(1000) ack 1");
}

SCENARIO(ecn_is_not_agreed_on)
{
	CHECK(!has_ecn(p, "S"));
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	APP_WRITE(1000);
	EXPECT("[noecn] P. 1:1001(1000) ack 1");
	/* A CE mark on such a connection says nothing. */
	SEND("[ce] P. 1:11(10) ack 1001 win 65535");
	CHECK(peer_wait(p, 500 * 1000));
	CHECK(!(peer_next(p)->flags & TH_ECE));
	peer_new_flow(p, 41000);
	CHECK(!has_ecn(p, "SE"));
	peer_new_flow(p, 41001);
	CHECK(!has_ecn(p, "SW"));
	peer_discard(p);
	p->drop_output = true;
}

/* 6.1.3: CE is echoed in every ACK until CWR comes. */
SCENARIO(ecn_receiver_echoes_until_cwr)
{
	CHECK(has_ecn(p, "SEW"));
	SEND(". 1:1(0) ack 1 win 65535");
	SEND("[ce] P. 1:1001(1000) ack 1 win 65535");
	CHECK(peer_wait(p, 500 * 1000));
	EXPECT("E. 1:1(0) ack 1001");
	SEND("[ect0] P. 1001:2001(1000) ack 1 win 65535");
	CHECK(peer_wait(p, 500 * 1000));
	EXPECT("E. 1:1(0) ack 2001");
	SEND("[ect0] PW. 2001:3001(1000) ack 1 win 65535");
	CHECK(peer_wait(p, 500 * 1000));
	EXPECT(". 1:1(0) ack 3001");
	/* CE on the segment with CWR starts over. */
	SEND("[ce] PW. 3001:4001(1000) ack 1 win 65535");
	CHECK(peer_wait(p, 500 * 1000));
	EXPECT("E. 1:1(0) ack 4001");
	APP_READ(4000);
	peer_discard(p);
}

/* 6.1.2: ECE lowers the window once a round trip, and the next new segment says CWR. */
SCENARIO(ecn_sender_reduces_once_per_rtt)
{
	uint32_t cwnd, una = 1;
	const struct packet *k;
	unsigned cwrs = 0;

	SEND("SEW 0:0(0) win 65535 <mss 1000,sackOK>");
	peer_next(p);
	ADVANCE_MS(RTT_MS);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	APP_WRITE(60 * MSS);
	CHECK(flight(p) == 10 * MSS);
	cwnd = peer_info(p).cwnd;
	for (unsigned i = 0; i < 4; i++) {
		una += MSS;
		SEND("E. 1:1(0) ack %u win 65535", una);
	}
	CHECK(peer_info(p).ssthresh <= cwnd * 9 / 10);
	CHECK(peer_info(p).ssthresh >= cwnd * 4 / 10);
	cwnd = peer_info(p).ssthresh;
	for (unsigned i = 0; i < 6; i++) {
		una += MSS;
		SEND("E. 1:1(0) ack %u win 65535", una);
	}
	CHECK(peer_info(p).ssthresh == cwnd);
	ADVANCE_MS(RTT_MS);
	while ((k = peer_next(p)) != NULL)
		if (k->flags & TH_CWR) {
			CHECK(k->len > 0);
			cwrs++;
		}
	CHECK(cwrs == 1);
	peer_discard(p);
	p->drop_output = true;
}

/* 6.1.4, 6.1.5: pure ACKs and retransmissions are not ECT. */
SCENARIO(ecn_not_on_acks_and_retransmissions)
{
	CHECK(has_ecn(p, "SEW"));
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	SEND("[ect0] P. 1:11(10) ack 1 win 65535");
	CHECK(peer_wait(p, 500 * 1000));
	EXPECT("[noecn] . 1:1(0) ack 11");
	APP_WRITE(1000);
	EXPECT("[ect0] P. 1:1001(1000) ack 11");
	CHECK(peer_wait(p, 5000 * 1000));
	EXPECT("[noecn] P. 1:1001(1000) ack 11");
	SEND(". 11:11(0) ack 1001 win 65535");
	APP_READ(10);
	peer_discard(p);
}

/* Several at once, the last of them short: each says all that the first one says, and blocks go where there is room. */
SCENARIO(ecn_and_blocks_in_each_of_several)
{
	CHECK(has_ecn(p, "SEW"));
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	SEND("[ce] P. 1:1001(1000) ack 1 win 65535");
	CHECK(peer_wait(p, 500 * 1000));
	EXPECT("E. 1:1(0) ack 1001");
	APP_WRITE(4500);
	for (unsigned i = 0; i < 4; i++)
		EXPECT("[ect0] E. %u:%u(1000) ack 1001 <>", 1 + i * 1000, 1001 + i * 1000);
	EXPECT("[ect0] PE. 4001:4501(500) ack 1001 <>");
	SEND("[ect0] W. 2001:3001(1000) ack 4501 win 65535");
	EXPECT(". 4501:4501(0) ack 1001 <sack 2001:3001>");
	APP_WRITE(3500);
	for (unsigned i = 0; i < 3; i++)
		EXPECT("[ect0] . %u:%u(1000) ack 1001 <>", 4501 + i * 1000, 5501 + i * 1000);
	EXPECT("[ect0] P. 7501:8001(500) ack 1001 <sack 2001:3001>");
	APP_READ(1000);
	peer_discard(p);
	p->drop_output = true;
}

SCENARIO(ecn_active_open)
{
	const struct packet *k;
	bool offered;

	p->remote_port = 80;
	APP_CONNECT();
	k = peer_next(p);
	CHECK(k && k->flags & TH_SYN && k->ecn == 0);
	offered = (k->flags & (TH_ECE | TH_CWR)) == (TH_ECE | TH_CWR);
	CHECK(offered || !(k->flags & (TH_ECE | TH_CWR)));
	/* 6.1.1: a SYN+ACK with both flags is a reflecting host: no ECN. */
	SEND("SEW. 0:0(0) ack 1 win 65535 <mss 1000>");
	EXPECT(". 1:1(0) ack 1");
	CHECK(!peer_info(p).ecn);
	APP_WRITE(100);
	EXPECT("[noecn] P. 1:101(100) ack 1");
	p->remote_port = 81;
	APP_CONNECT();
	k = peer_next(p);
	CHECK(k && k->flags & TH_SYN);
	SEND("SE. 0:0(0) ack 1 win 65535 <mss 1000>");
	peer_discard(p);
	CHECK(peer_info(p).ecn == offered);
}

/* RFC 3168 6.1.1.1: a SYN with ECN that gets no answer is repeated without, at some point. */
SCENARIO(ecn_syn_falls_back)
{
	bool plain = false;

	p->remote_port = 80;
	APP_CONNECT();
	for (unsigned i = 0; i < 4; i++) {
		const struct packet *k = peer_next(p);

		CHECK(k && k->flags & TH_SYN);
		plain |= !(k->flags & (TH_ECE | TH_CWR));
		CHECK(peer_wait(p, 20 * 1000 * 1000));
	}
	CHECK(plain);
	peer_discard(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(initial_window_is_ten_segments),
		RUN(initial_window_of_large_segments),
		RUN(initial_window_after_a_lost_syn_ack),
		RUN(slow_start_doubles),
		RUN_WITH(slow_start_doubles, newreno),
		RUN(ack_division_gains_nothing),
		RUN(optimistic_acks_gain_nothing),
		RUN(window_does_not_grow_when_application_limited),
		RUN_WITH(window_does_not_grow_when_application_limited, newreno),
		RUN(window_does_not_grow_when_receiver_limited),
		RUN(restart_after_idle),
		RUN_WITH(newreno_congestion_avoidance_is_linear, newreno),
		RUN_WITH(ecn_is_agreed_on, with_ecn),
		RUN_WITH(ecn_is_not_agreed_on, with_ecn),
		RUN_WITH(ecn_receiver_echoes_until_cwr, with_ecn),
		RUN_WITH(ecn_sender_reduces_once_per_rtt, with_ecn),
		RUN_WITH(ecn_not_on_acks_and_retransmissions, with_ecn),
		RUN_WITH(ecn_and_blocks_in_each_of_several, with_ecn),
		RUN_WITH(ecn_active_open, with_ecn),
		RUN_WITH(ecn_syn_falls_back, with_ecn),
	};

	return scenario_main(argc, argv, "cc", tests, sizeof(tests) / sizeof(tests[0]));
}
