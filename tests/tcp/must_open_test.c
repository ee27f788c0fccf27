/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 9293's MUSTs about opening, closing and giving up, each test named after its id. */
#include <string.h>

#include "tests/tcp/scenario.h"

SCENARIO(MUST_10_simultaneous_open)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	STATE(TCP_SYN_RECEIVED);
	EVENTS(0);
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT_NONE();
	EVENTS(TCP_EV_ESTABLISHED);
	STATE(TCP_ESTABLISHED);
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	SEND("P. 1:11(10) ack 11 win 65535");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 11:11(0) ack 11");
}

/* RFC 9293 figure 8: the peer answers our SYN with a SYN+ACK of its own. */
SCENARIO(MUST_10_simultaneous_open_with_syn_acks)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	SEND("S. 0:0(0) ack 1 win 65535 <mss 1460>");
	const struct packet *k = peer_next(p);

	CHECK(!k || peer_matches(p, k, ". 1:1(0) ack 1"));
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	STATE(TCP_ESTABLISHED);
	peer_discard(p);
}

SCENARIO(MUST_10_simultaneous_open_data_with_last_ack)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	SEND("P. 1:21(20) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED | TCP_EV_READABLE);
	APP_READ(20);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 21");
}

/* The SYN+ACK of a simultaneous open is lost: it is repeated as SYN+ACK. */
SCENARIO(MUST_10_simultaneous_open_retransmits)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	EXPECT_IN_MS(500, 3500, "S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
}

/* MUST-11: remembers which open it was. A passive one goes back to LISTEN unheard. */
SCENARIO(MUST_11_rst_of_passive_half_open)
{
	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	SEND("R 1:1(0)");
	EXPECT_NONE();
	STATE(TCP_CLOSED);
	CHECK(!p->app);
	peer_new_flow(p, 41000);
	ESTABLISH("mss 1460", 65535);
}

SCENARIO(MUST_11_rst_of_active_half_open)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	SEND("R. 1:1(0) ack 1");
	EXPECT_NONE();
	EVENTS(TCP_EV_RESET);
	STATE(TCP_CLOSED);
	APP_RELEASE();
	EXPECT_NONE();
}

SCENARIO(MUST_12_user_hears_of_rst)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:11(10) ack 1 win 65535");
	peer_discard(p);
	SEND("R 11:11(0)");
	CHECK(p->app->events & TCP_EV_RESET);
	STATE(TCP_CLOSED);
	/* The connection is the user's until it lets go; nothing it does may crash or send. */
	p->app->events = 0;
	CHECK(tcp_tx_reserve(p->app->conn, 100, (struct iovec[1]){ { 0 } }, 1) == 0);
	APP_SHUTDOWN();
	EXPECT_NONE();
	APP_ABORT();
	EXPECT_NONE();
	APP_RELEASE();
	EXPECT_NONE();
}

SCENARIO(MUST_12_user_hears_of_refusal)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("R. 0:0(0) ack 1");
	EVENTS(TCP_EV_RESET);
	STATE(TCP_CLOSED);
}

SCENARIO(MUST_12_user_hears_of_timeout)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	for (unsigned i = 0; i < 60 && peer_wait(p, 200ull * 1000 * 1000); i++)
		peer_discard(p);
	EVENTS(TCP_EV_TIMEOUT);
	STATE(TCP_CLOSED);
	APP_RELEASE();
	EXPECT_NONE();
}

SCENARIO(MUST_13_time_wait_lasts_2_msl)
{
	ENTER(TCP_TIME_WAIT, "mss 1460");
	APP_RELEASE();
	EXPECT_NONE_MS(59 * 1000);
	STATE(TCP_TIME_WAIT);
	EXPECT_NONE_MS(2 * 1000);
	STATE(TCP_CLOSED);
	/* And then the tuple is free, and unknown. */
	SEND("F. %u:%u(0) ack %u win 9", p->next - 1, p->next - 1, p->una);
	EXPECT("R %u:%u(0)", p->una, p->una);
}

SCENARIO(MUST_13_fin_restarts_time_wait)
{
	ENTER(TCP_TIME_WAIT, "mss 1460");
	EXPECT_NONE_MS(50 * 1000);
	SEND("F. %u:%u(0) ack %u win 9", p->next - 1, p->next - 1, p->una);
	EXPECT(". %u:%u(0) ack %u", p->una, p->una, p->next);
	EXPECT_NONE_MS(58 * 1000);
	STATE(TCP_TIME_WAIT);
	EXPECT_NONE_MS(4 * 1000);
	STATE(TCP_CLOSED);
}

static const struct peer_config short_time_wait = { .stack = { .time_wait_us = 2000 * 1000 } };

SCENARIO(time_wait_is_configurable)
{
	ENTER(TCP_TIME_WAIT, "mss 1460");
	EXPECT_NONE_MS(1900);
	STATE(TCP_TIME_WAIT);
	EXPECT_NONE_MS(400);
	STATE(TCP_CLOSED);
}

/* R2 of a SYN is its own and at least 3 minutes; RFC 6298 (2.1): RTO of a SYN 1 s, doubled. */
SCENARIO(MUST_22_23_syn_is_repeated_for_three_minutes)
{
	uint64_t start = p->now_us, last = p->now_us, gap = 0;
	unsigned n = 0;

	ENTER(TCP_SYN_SENT, "");
	while (peer_wait(p, 400ull * 1000 * 1000)) {
		const struct packet *k = peer_next(p);
		uint64_t previous = gap;

		CHECK(peer_matches(p, k, "S 0:0(0)"));
		gap = p->now_us - last;
		last = p->now_us;
		n++;
		/* pitfall 14: a little jitter is welcome. */
		if (n == 1)
			CHECK(gap >= 900 * 1000 && gap <= 1500 * 1000);
		else
			CHECK(gap >= 59 * 1000 * 1000 ||
			    (gap > previous * 3 / 2 && gap < previous * 3));
		CHECK(gap <= 125ull * 1000 * 1000);
		if (p->app->events & TCP_EV_TIMEOUT)
			break;
		CHECK(n < 30);
	}
	EVENTS(TCP_EV_TIMEOUT);
	CHECK(n >= 5);
	CHECK(p->now_us - start >= 180ull * 1000 * 1000);
	STATE(TCP_CLOSED);
	APP_RELEASE();
}

SCENARIO(syn_ack_is_repeated)
{
	ENTER(TCP_SYN_RECEIVED, "mss 1460,sackOK,nop,wscale 7");
	EXPECT_IN_MS(900, 1500, "S. 0:0(0) ack 1 <mss 1460,sackOK,wscale %u>", p->stack_wscale);
	EXPECT_IN_MS(1500, 3500, "S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	EXPECT_NONE_MS(10000);
}

/* A SYN-ACK is a SYN, too: 1, 2, 4 ... s, at most a minute, in all three at least. */
SCENARIO(MUST_22_23_syn_ack_is_repeated_for_three_minutes)
{
	static const unsigned seconds[] = { 1, 2, 4, 8, 16, 32, 60 };

	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	for (unsigned i = 0; i < 7; i++)
		EXPECT_IN_MS(
		    seconds[i] * 1000 - 2, seconds[i] * 1000 + 2, "S. 0:0(0) ack 1 <mss 1460>");
	STATE(TCP_SYN_RECEIVED);
	EXPECT_NONE_MS(59900);
	STATE(TCP_SYN_RECEIVED);
	EXPECT_NONE_MS(200);
	STATE(TCP_CLOSED);
	CHECK(!p->app);
	COUNTED(STAT_TCP_SYN_TIMEOUTS, 1);
	COUNTED(STAT_TCP_SYNACK_RESENT, 7);
}

static const struct peer_config two_retries = { .stack = { .syn_retries = 2 } };
static const struct peer_config nine_retries = { .stack = { .syn_retries = 9 } };

SCENARIO(MUST_21_r2_of_syn_ack_is_configurable)
{
	unsigned n = p->config.stack.syn_retries;

	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	for (unsigned i = 0; i < n; i++) {
		CHECK(peer_wait(p, 61ull * 1000 * 1000));
		EXPECT("S. 0:0(0) ack 1");
	}
	EXPECT_NONE_MS(61 * 1000);
	STATE(TCP_CLOSED);
	CHECK(!p->app);
}

/* The last one may still be answered. */
SCENARIO(answer_to_the_last_syn_ack)
{
	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	for (unsigned i = 0; i < 7; i++) {
		CHECK(peer_wait(p, 61ull * 1000 * 1000));
		EXPECT("S. 0:0(0) ack 1");
	}
	EXPECT_NONE_MS(59000);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	EXPECT_NONE_MS(2000);
	STATE(TCP_ESTABLISHED);
}

/* R2 of data at least 100 s (SHLD-11); the connection is still there then. */
SCENARIO(MUST_20_data_is_repeated_for_100_seconds)
{
	unsigned n = 0;
	uint64_t start;

	ESTABLISH("mss 1460", 65535);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	start = p->now_us;
	while (p->now_us - start < 100ull * 1000 * 1000 &&
	    peer_wait(p, 100ull * 1000 * 1000 - (p->now_us - start))) {
		CHECK(peer_matches(p, peer_next(p), "P. 1:101(100) ack 1"));
		n++;
	}
	CHECK(n >= 5);
	EVENTS(0);
	STATE(TCP_ESTABLISHED);
	SEND(". 1:1(0) ack 101 win 65535");
	EXPECT_NONE_MS(60000);
}

static const struct peer_config impatient = { .stack = { .user_timeout_us = 30 * 1000 * 1000 } };

/* The user can choose R2; RFC 5482: progress starts it anew. */
SCENARIO(MUST_21_r2_is_configurable)
{
	uint64_t start;

	ESTABLISH("mss 1460", 65535);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	ADVANCE_MS(20 * 1000);
	peer_discard(p);
	SEND(". 1:1(0) ack 51 win 65535");
	EVENTS(0);
	start = p->now_us;
	for (unsigned i = 0; i < 60 && !p->app->events; i++) {
		peer_wait(p, 60 * 1000 * 1000);
		peer_discard(p);
	}
	EVENTS(TCP_EV_TIMEOUT);
	CHECK(p->now_us - start >= 29 * 1000 * 1000 && p->now_us - start <= 62 * 1000 * 1000);
	STATE(TCP_CLOSED);
}

/* Keepalive is optional; when there is one, it is off by default. */
SCENARIO(MUST_24_25_26_27_28_29_keepalive_is_off)
{
	ESTABLISH("mss 1460", 65535);
	EXPECT_NONE_MS(3ull * 3600 * 1000);
	STATE(TCP_ESTABLISHED);
	EVENTS(0);
	SEND("P. 1:11(10) ack 1 win 65535");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11");
}

/* The peer is gone and comes back without memory (RFC 9293 3.5.1). */
SCENARIO(half_open_connection_is_discovered)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	SEND("S 5000:5000(0) win 65535 <mss 1460>");
	EXPECT(". 101:101(0) ack 101");
	SEND("R 101:101(0)");
	EXPECT_NONE();
	EVENTS(TCP_EV_RESET);
	SEND("S 5000:5000(0) win 65535 <mss 1460>");
	EXPECT("S. * ack 5001");
}

/* --- closing --- */

SCENARIO(close_from_established)
{
	ESTABLISH("mss 1460", 65535);
	APP_SHUTDOWN();
	EXPECT("F. 1:1(0) ack 1");
	STATE(TCP_FIN_WAIT_1);
	SEND(". 1:1(0) ack 2 win 65535");
	STATE(TCP_FIN_WAIT_2);
	SEND("F. 1:1(0) ack 2 win 65535");
	EXPECT(". 2:2(0) ack 2");
	STATE(TCP_TIME_WAIT);
	CHECK(p->app->events & TCP_EV_PEER_FIN);
	CHECK(p->app->events & TCP_EV_CLOSED);
	CHECK(tcp_rx_is_finished(p->app->conn));
	APP_RELEASE();
	STATE(TCP_TIME_WAIT);
}

/* RFC 9293 figure 12. */
SCENARIO(simultaneous_close)
{
	ESTABLISH("mss 1460", 65535);
	APP_SHUTDOWN();
	EXPECT("F. 1:1(0) ack 1");
	SEND("F. 1:1(0) ack 1 win 65535");
	EXPECT(". 2:2(0) ack 2");
	STATE(TCP_CLOSING);
	SEND(". 2:2(0) ack 2 win 65535");
	EXPECT_NONE();
	STATE(TCP_TIME_WAIT);
}

SCENARIO(half_close_by_peer)
{
	ESTABLISH("mss 1460", 65535);
	SEND("F. 1:1(0) ack 1 win 65535");
	EXPECT_IN_MS(0, 100, ". 1:1(0) ack 2");
	EVENTS(TCP_EV_PEER_FIN);
	CHECK(tcp_rx_is_finished(p->app->conn));
	EXPECT_NONE_MS(3600ull * 1000);
	APP_WRITE(2000);
	EXPECT(". 1:1461(1460) ack 2");
	EXPECT("P. 1461:2001(540) ack 2");
	SEND(". 2:2(0) ack 2001 win 65535");
	APP_SHUTDOWN();
	EXPECT("F. 2001:2001(0) ack 2");
	STATE(TCP_LAST_ACK);
	SEND(". 2:2(0) ack 2002 win 65535");
	STATE(TCP_CLOSED);
	CHECK(p->app->events & TCP_EV_CLOSED);
	APP_RELEASE();
	EXPECT_NONE();
}

SCENARIO(half_close_by_us)
{
	ESTABLISH("mss 1460", 65535);
	APP_SHUTDOWN();
	EXPECT("F. 1:1(0) ack 1");
	SEND(". 1:1(0) ack 2 win 65535");
	STATE(TCP_FIN_WAIT_2);
	/* The user still holds it: no limit on FIN-WAIT-2 while data flows. */
	for (uint32_t i = 0; i < 10; i++) {
		EXPECT_NONE_MS(30 * 1000);
		SEND("P. %u:%u(100) ack 2 win 65535", 1 + i * 100, 101 + i * 100);
		APP_READ(100);
		EXPECT_IN_MS(0, 500, ". 2:2(0) ack %u", 101 + i * 100);
	}
	SEND("F. 1001:1001(0) ack 2 win 65535");
	EXPECT(". 2:2(0) ack 1002");
	STATE(TCP_TIME_WAIT);
}

SCENARIO(fin_rides_on_the_last_data)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE_MORE(100);
	APP_SHUTDOWN();
	EXPECT("FP. 1:101(100) ack 1");
	EXPECT_NONE();
	SEND(". 1:1(0) ack 101 win 65535");
	STATE(TCP_FIN_WAIT_1);
	SEND(". 1:1(0) ack 102 win 65535");
	STATE(TCP_FIN_WAIT_2);
}

SCENARIO(lost_fin_is_repeated)
{
	ESTABLISH("mss 1460", 65535);
	APP_SHUTDOWN();
	EXPECT("F. 1:1(0) ack 1");
	EXPECT_IN_MS(150, 2000, "F. 1:1(0) ack 1");
	EXPECT_IN_MS(150, 4000, "F. 1:1(0) ack 1");
	SEND(". 1:1(0) ack 2 win 65535");
	EXPECT_NONE_MS(10000);
	STATE(TCP_FIN_WAIT_2);
}

/* RFC 2525 2.17: letting go with unread data is a reset, the peer must not believe it was read. */
SCENARIO(release_with_unread_data_resets)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:101(100) ack 1 win 65535");
	peer_discard(p);
	APP_RELEASE();
	EXPECT("R. 1:1(0) ack 101");
	STATE(TCP_CLOSED);
}

SCENARIO(release_sends_what_was_written)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(2000);
	APP_RELEASE();
	EXPECT(". 1:1461(1460) ack 1");
	const struct packet *k = peer_next(p);

	CHECK(k);
	if (!(k->flags & TH_FIN))
		EXPECT("F. 2001:2001(0) ack 1");
	SEND(". 1:1(0) ack 2002 win 65535");
	EXPECT_NONE();
	STATE(TCP_FIN_WAIT_2);
	/* Nobody is there to read it. */
	SEND("P. 1:101(100) ack 2002 win 65535");
	k = peer_next(p);
	CHECK(k && k->flags & TH_RST);
	STATE(TCP_CLOSED);
}

/* FIN-WAIT-2 of a released connection is limited in time. */
SCENARIO(orphan_in_fin_wait_2_goes_away)
{
	ESTABLISH("mss 1460", 65535);
	APP_RELEASE();
	EXPECT("F. 1:1(0) ack 1");
	SEND(". 1:1(0) ack 2 win 65535");
	STATE(TCP_FIN_WAIT_2);
	ADVANCE_MS(300 * 1000);
	peer_discard(p);
	STATE(TCP_CLOSED);
}

SCENARIO(abort_sends_rst)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(50);
	EXPECT("P. 101:151(50) ack 101");
	APP_ABORT();
	EXPECT("R. 151:151(0) ack 101");
	EXPECT_NONE_MS(5000);
	STATE(TCP_CLOSED);
	EVENTS(0);
	APP_RELEASE();
	EXPECT_NONE();
}

SCENARIO(abort_in_syn_sent_is_silent)
{
	ENTER(TCP_SYN_SENT, "");
	APP_ABORT();
	EXPECT_NONE_MS(5000);
	STATE(TCP_CLOSED);
	APP_RELEASE();
}

SCENARIO(release_in_syn_sent)
{
	ENTER(TCP_SYN_SENT, "");
	APP_RELEASE();
	EXPECT_NONE();
	SEND("S. 0:0(0) ack 1 win 65535");
	const struct packet *k = peer_next(p);

	/* It is either unknown by now, or completes and closes in order. */
	CHECK(k && (k->flags & (TH_RST | TH_FIN) || peer_matches(p, k, ". 1:1(0) ack 1")));
	peer_discard(p);
}

SCENARIO(unlisten_refuses_and_keeps_connections)
{
	ESTABLISH("mss 1460", 65535);
	tcp_unlisten(p->stack, &p->local, PEER_LISTEN_PORT);
	SEND("P. 1:11(10) ack 1 win 65535");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11");
	peer_new_flow(p, 41000);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("R. 0:0(0) ack 1");
}

SCENARIO(unlisten_drops_half_open)
{
	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	tcp_unlisten(p->stack, &p->local, PEER_LISTEN_PORT);
	peer_run(p);
	STATE(TCP_CLOSED);
	peer_discard(p);
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT("R 1:1(0)");
}

SCENARIO(listeners_exact_and_any)
{
	static const struct ip_addr any;

	CHECK(tcp_listen(p->stack, &p->local, PEER_LISTEN_PORT, p) == -1);
	CHECK(tcp_listen(p->stack, &any, PEER_LISTEN_PORT, &p->stats) == 0);
	CHECK(tcp_listen(p->stack, &any, 8443, &p->trace) == 0);
	/* The exact one wins. */
	ESTABLISH("mss 1460", 65535);
	CHECK(tcp_listener_user(p->app->conn) == p);
	peer_new_flow(p, 41000);
	p->local_port = 8443;
	ESTABLISH("mss 1460", 65535);
	CHECK(tcp_listener_user(p->app->conn) == &p->trace);
	CHECK(tcp_flow(p->app->conn)->local_port == 8443);
	CHECK(tcp_flow(p->app->conn)->remote_port == 41000);
	CHECK(memcmp(&tcp_flow(p->app->conn)->remote, &p->remote, 16) == 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(MUST_10_simultaneous_open),
		RUN(MUST_10_simultaneous_open_with_syn_acks),
		RUN(MUST_10_simultaneous_open_data_with_last_ack),
		RUN(MUST_10_simultaneous_open_retransmits),
		RUN(MUST_11_rst_of_passive_half_open),
		RUN(MUST_11_rst_of_active_half_open),
		RUN(MUST_12_user_hears_of_rst),
		RUN(MUST_12_user_hears_of_refusal),
		RUN(MUST_12_user_hears_of_timeout),
		RUN(MUST_13_time_wait_lasts_2_msl),
		RUN(MUST_13_fin_restarts_time_wait),
		RUN_WITH(time_wait_is_configurable, short_time_wait),
		RUN(MUST_22_23_syn_is_repeated_for_three_minutes),
		RUN(syn_ack_is_repeated),
		RUN(MUST_22_23_syn_ack_is_repeated_for_three_minutes),
		RUN_WITH(MUST_21_r2_of_syn_ack_is_configurable, two_retries),
		RUN_WITH(MUST_21_r2_of_syn_ack_is_configurable, nine_retries),
		RUN(answer_to_the_last_syn_ack),
		RUN(MUST_20_data_is_repeated_for_100_seconds),
		RUN_WITH(MUST_21_r2_is_configurable, impatient),
		RUN(MUST_24_25_26_27_28_29_keepalive_is_off),
		RUN(half_open_connection_is_discovered),
		RUN(close_from_established),
		RUN(simultaneous_close),
		RUN(half_close_by_peer),
		RUN(half_close_by_us),
		RUN(fin_rides_on_the_last_data),
		RUN(lost_fin_is_repeated),
		RUN(release_with_unread_data_resets),
		RUN(release_sends_what_was_written),
		RUN(orphan_in_fin_wait_2_goes_away),
		RUN(abort_sends_rst),
		RUN(abort_in_syn_sent_is_silent),
		RUN(release_in_syn_sent),
		RUN(unlisten_refuses_and_keeps_connections),
		RUN(unlisten_drops_half_open),
		RUN(listeners_exact_and_any),
	};

	return scenario_main(argc, argv, "must_open", tests, sizeof(tests) / sizeof(tests[0]));
}
