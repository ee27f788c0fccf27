/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 9293's MUSTs about windows and acknowledgments, each test named after its id. */
#include "tests/tcp/scenario.h"

static const struct peer_config small_window = { .stack = { .recv_buffer = 16384 } };

/* Takes one segment that must be a zero-window probe of the byte at una, or the empty one before. */
static void take_probe(struct peer *p)
{
	const struct packet *k = peer_next(p);
	uint32_t at;

	CHECK(k);
	at = k->seq - p->stack_isn;
	CHECK(k->flags & TH_ACK && !(k->flags & (TH_RST | TH_SYN)));
	CHECK((at == p->una && k->len == 1) || (at == p->una - 1 && k->len <= 1));
}

SCENARIO(MUST_66_rst_with_zero_window)
{
	ESTABLISH("mss 1460", 65535);
	peer_fill_window(p);
	SEND("R %u:%u(0)", p->next, p->next);
	EXPECT_NONE();
	CHECK(p->app->events & TCP_EV_RESET);
	STATE(TCP_CLOSED);
}

SCENARIO(MUST_66_rst_beside_zero_window)
{
	ESTABLISH("mss 1460", 65535);
	peer_fill_window(p);
	SEND("R %u:%u(0)", p->next + 1, p->next + 1);
	EXPECT_NONE();
	STATE(TCP_ESTABLISHED);
}

SCENARIO(MUST_66_ack_with_zero_window)
{
	ESTABLISH("mss 1460", 65535);
	peer_fill_window(p);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack %u win 0", p->next);
	SEND(". %u:%u(0) ack 101 win 65535", p->next, p->next);
	EXPECT_NONE();
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
}

/* The byte of a window probe is refused, its acknowledgment is not. */
SCENARIO(MUST_66_ack_on_probe_with_zero_window)
{
	ESTABLISH("mss 1460", 65535);
	peer_fill_window(p);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack %u win 0", p->next);
	SEND(". %u:%u(1) ack 101 win 65535", p->next, p->next + 1);
	EXPECT(". 101:101(0) ack %u win 0", p->next);
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
}

SCENARIO(MUST_66_urg_with_zero_window)
{
	ESTABLISH("mss 1460", 65535);
	peer_fill_window(p);
	SEND("U. %u:%u(0) ack 1 win 65535 urg 10", p->next, p->next);
	peer_discard(p);
	STATE(TCP_ESTABLISHED);
	APP_READ(p->next - 1);
	peer_discard(p);
	SEND("U. %u:%u(20) ack 1 win 65535 urg 10", p->next, p->next + 20);
	APP_READ(20);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack %u", p->next + 20);
}

SCENARIO(fin_at_zero_window_is_not_lost)
{
	ESTABLISH("mss 1460", 65535);
	peer_fill_window(p);
	p->app->events = 0;
	SEND("F. %u:%u(0) ack 1 win 65535", p->next, p->next);
	/* RFC 9293 accepts SEG.LEN = 0 at RCV.NXT only; a FIN has length 1: refused or taken. */
	const struct packet *k = peer_next(p);

	CHECK(k);
	CHECK(peer_matches(p, k, ". 1:1(0) ack %u", p->next) ||
	    peer_matches(p, k, ". 1:1(0) ack %u", p->next + 1));
	EXPECT_NONE();
	APP_READ(p->next - 1);
	peer_discard(p);
	SEND("F. %u:%u(0) ack 1 win 65535", p->next, p->next);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack %u", p->next + 1);
	STATE(TCP_CLOSE_WAIT);
}

/* The peer takes back what it offered: survive, send nothing beyond, lose nothing. */
SCENARIO(MUST_34_window_shrink)
{
	ESTABLISH("mss 1460", 5000);
	APP_WRITE(10000);
	EXPECT(". 1:1461(1460) ack 1");
	EXPECT(". 1461:2921(1460) ack 1");
	EXPECT(". 2921:4381(1460) ack 1");
	peer_discard(p); /* 620 more would be silly, but allowed */
	SEND(". 1:1(0) ack 1461 win 0");
	EXPECT_NONE_MS(100);
	p->una = 1461;
	for (unsigned i = 0; i < 8; i++) {
		CHECK(peer_wait(p, 60 * 1000 * 1000));
		for (const struct packet *k; (k = peer_next(p)) != NULL;)
			CHECK((int32_t)(k->seq + k->len - p->stack_isn - 5001) <= 0);
		SEND(". 1:1(0) ack 1461 win 0");
	}
	STATE(TCP_ESTABLISHED);
	SEND(". 1:1(0) ack 1461 win 20000");
	peer_receive(p, 10000 - 1460, 20000, 120 * 1000 * 1000);
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
}

/* Every ACK pulls the edge back a little, down to nothing; then it opens again. */
SCENARIO(MUST_34_window_shrinks_while_data_flows)
{
	uint16_t window = 30000;

	ESTABLISH("mss 1460", 30000);
	APP_WRITE(60000);
	while (p->una < 60001) {
		const struct packet *k;
		uint32_t at;

		CHECK(peer_wait(p, 60 * 1000 * 1000));
		k = peer_next(p);
		at = k->seq - p->stack_isn;
		CHECK((int32_t)(at - p->una) <= 0 || at + k->len <= p->una + 30000);
		if (at <= p->una && at + k->len > p->una)
			p->una = at + k->len;
		window = window > 1500 ? (uint16_t)(window - 1500) : window ? 0 : 30000;
		SEND(". 1:1(0) ack %u win %u", p->una, window);
	}
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
	peer_discard(p);
}

/* MUST-35, MUST-36 (probes), MUST-37 (never give up while answered). */
SCENARIO(MUST_36_zero_window_is_probed)
{
	uint64_t last, gap, previous = 0;

	ESTABLISH("mss 1460", 65535);
	SEND(". 1:1(0) ack 1 win 0");
	APP_WRITE(3000);
	EXPECT_NONE_MS(150);
	last = p->now_us - 150 * 1000;
	for (unsigned i = 0; i < 12; i++) {
		CHECK(peer_wait(p, 130 * 1000 * 1000));
		take_probe(p);
		EXPECT_NONE();
		gap = p->now_us - last;
		last = p->now_us;
		/* SHLD-30: intervals grow exponentially, up to 60 s here. */
		CHECK(gap + gap / 4 > previous);
		CHECK(i == 0 || gap > 59 * 1000 * 1000 || gap > previous + previous / 2);
		CHECK(gap < 125 * 1000 * 1000);
		previous = gap;
		SEND(". 1:1(0) ack 1 win 0");
	}
	SEND(". 1:1(0) ack 1 win 65535");
	peer_receive(p, 3000, 65535, 2 * 1000 * 1000);
}

SCENARIO(MUST_37_answered_probes_go_on_for_ever)
{
	ESTABLISH("mss 1460", 65535);
	SEND(". 1:1(0) ack 1 win 0");
	APP_WRITE(3000);
	for (unsigned i = 0; i < 100; i++) {
		CHECK(peer_wait(p, 130 * 1000 * 1000));
		take_probe(p);
		SEND(". 1:1(0) ack 1 win 0");
		EXPECT_NONE();
	}
	STATE(TCP_ESTABLISHED);
	EVENTS(0);
	SEND(". 1:1(0) ack 1 win 65535");
	peer_receive(p, 3000, 65535, 2 * 1000 * 1000);
}

/* A probe may carry a byte, and the peer may take it although it said zero. */
SCENARIO(MUST_35_accepted_probe_byte)
{
	ESTABLISH("mss 1460", 65535);
	SEND(". 1:1(0) ack 1 win 0");
	APP_WRITE(100);
	CHECK(peer_wait(p, 2 * 1000 * 1000));
	const struct packet *k = peer_next(p);

	if (k->len == 1) {
		p->una = 2;
		SEND(". 1:1(0) ack 2 win 0");
		CHECK(peer_wait(p, 130 * 1000 * 1000));
		take_probe(p);
	}
	SEND(". 1:1(0) ack %u win 1000", p->una);
	peer_receive(p, 101 - p->una, 1000, 2 * 1000 * 1000);
}

SCENARIO(unanswered_probes_end_with_timeout)
{
	ESTABLISH("mss 1460", 65535);
	SEND(". 1:1(0) ack 1 win 0");
	APP_WRITE(100);
	for (unsigned i = 0; i < 100 && peer_wait(p, 200ull * 1000 * 1000); i++)
		peer_discard(p);
	EVENTS(TCP_EV_TIMEOUT);
	STATE(TCP_CLOSED);
}

/* A window update is not a duplicate ACK and is not needed when nothing waits. */
SCENARIO(window_opens_before_the_probe)
{
	ESTABLISH("mss 1460", 65535);
	SEND(". 1:1(0) ack 1 win 0");
	APP_WRITE(3000);
	EXPECT_NONE_MS(50);
	SEND(". 1:1(0) ack 1 win 3000");
	EXPECT(". 1:1461(1460) ack 1");
	EXPECT(". 1461:2921(1460) ack 1");
	EXPECT("P. 2921:3001(80) ack 1");
}

SCENARIO(fin_waits_for_the_window_like_data)
{
	ESTABLISH("mss 1460", 65535);
	SEND(". 1:1(0) ack 1 win 0");
	APP_WRITE(100);
	APP_SHUTDOWN();
	EXPECT_NONE_MS(100);
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT("FP. 1:101(100) ack 1");
	STATE(TCP_FIN_WAIT_1);
}

/* A lone FIN takes no buffer: a peer with a full window must still hear of the end. */
SCENARIO(fin_alone_in_zero_window)
{
	ESTABLISH("mss 1460", 65535);
	SEND(". 1:1(0) ack 1 win 0");
	APP_SHUTDOWN();
	CHECK(peer_wait(p, 5 * 1000 * 1000));
	const struct packet *k = peer_next(p);

	CHECK(k->flags & TH_FIN || k->len <= 1);
	if (!(k->flags & TH_FIN)) {
		SEND(". 1:1(0) ack 1 win 10");
		EXPECT_IN_MS(0, 2000, "F. 1:1(0) ack 1");
	}
	SEND(". 1:1(0) ack 2 win 0");
	STATE(TCP_FIN_WAIT_2);
}

/* Sender: no small segment into a small window while much waits. */
SCENARIO(MUST_38_sender_avoids_silly_window)
{
	ESTABLISH("mss 1460", 20000);
	APP_WRITE(2920);
	peer_receive(p, 2920, 100, 100 * 1000);
	APP_WRITE(5000);
	EXPECT_NONE_MS(90);
	/* The override timeout (RFC 9293 3.8.6.2.1: 0.1 to 1 s) or the persist timer ends it. */
	CHECK(peer_wait(p, 1500 * 1000));
	const struct packet *k = peer_next(p);

	CHECK(k->len >= 1 && k->len <= 100);
}

SCENARIO(MUST_38_sender_fills_half_of_the_largest_window)
{
	ESTABLISH("mss 1460", 1000);
	APP_WRITE(3000);
	/* The peer never offered more than 1000: that much is worth sending. */
	EXPECT(". 1:1001(1000) ack 1");
	SEND(". 1:1(0) ack 1001 win 1000");
	EXPECT(". 1001:2001(1000) ack 1");
	SEND(". 1:1(0) ack 2001 win 500");
	EXPECT(". 2001:2501(500) ack 1");
}

/* Receiver: the edge moves by a segment or half the buffer, not by crumbs. */
SCENARIO(MUST_39_receiver_avoids_silly_window)
{
	uint32_t edge, read = 0;

	ESTABLISH("mss 1460", 65535);
	peer_fill_window(p);
	edge = p->right_edge;
	while (read < 8000) {
		const struct packet *k;

		APP_READ(100);
		read += 100;
		k = peer_next(p);
		if (!k)
			continue;
		CHECK(peer_matches(p, k, ". 1:1(0) ack %u", p->next));
		CHECK(p->right_edge - edge >= 1460);
		edge = p->right_edge;
	}
	/* It did open. */
	CHECK(edge != p->isn + p->next);
	EXPECT_NONE();
}

SCENARIO(window_update_after_reading_everything)
{
	uint32_t n;

	ESTABLISH("mss 1460", 65535);
	peer_fill_window(p);
	n = p->next - 1;
	APP_READ(n);
	CHECK(p->queue_head != p->queue_tail);
	CHECK(p->right_edge - (p->isn + p->next) >= 8192);
	peer_discard(p);
	SEND("P. %u:%u(1460) ack 1 win 65535", p->next, p->next + 1460);
	APP_READ(1460);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack %u", p->next + 1460);
}

/* MUST-58: one ACK for what came in together; MUST-59: after all of it was looked at. */
SCENARIO(MUST_58_acks_are_aggregated)
{
	unsigned n_acks = 0;
	const struct packet *k, *last = NULL;
	static struct packet copy;

	ESTABLISH("mss 1460", 65535);
	peer_hold(p);
	for (uint32_t i = 0; i < 8; i++)
		SEND(". %u:%u(1000) ack 1 win 65535", 1 + i * 1000, 1001 + i * 1000);
	peer_flush(p);
	while ((k = peer_next(p)) != NULL) {
		n_acks++;
		copy = *k;
		last = &copy;
	}
	CHECK(n_acks == 1);
	CHECK(peer_matches(p, last, ". 1:1(0) ack 8001"));
	APP_READ(8000);
}

SCENARIO(MUST_59_queued_segments_before_the_ack)
{
	ESTABLISH("mss 1460", 65535);
	peer_hold(p);
	SEND(". 1001:2001(1000) ack 1 win 65535");
	SEND(". 1:1001(1000) ack 1 win 65535");
	SEND("F. 2001:2001(0) ack 1 win 65535");
	peer_flush(p);
	/* The gap may be reported first; the last word is the whole. */
	const struct packet *k = peer_next(p);

	CHECK(k);
	if (!peer_matches(p, k, ". 1:1(0) ack 2002")) {
		CHECK(peer_matches(p, k, ". 1:1(0) ack 1"));
		EXPECT(". 1:1(0) ack 2002");
	}
	EXPECT_NONE();
	APP_READ(2000);
	STATE(TCP_CLOSE_WAIT);
}

SCENARIO(MUST_40_ack_delay_below_half_a_second)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:11(10) ack 1 win 65535");
	EXPECT_IN_MS(0, 499, ". 1:1(0) ack 11");
	EXPECT_NONE_MS(2000);
}

static const struct peer_config slow_acks = { .stack = { .delayed_ack_us = 200 * 1000 } };

SCENARIO(delayed_ack_is_configurable)
{
	ESTABLISH("mss 1460", 65535);
	for (uint32_t i = 0; i < 40; i++) {
		/* Out of a possible quick-ack phase at the start. */
		SEND("P. %u:%u(10) ack 1 win 65535", 1 + i * 10, 11 + i * 10);
		ADVANCE_MS(300);
	}
	peer_discard(p);
	SEND("P. 401:411(10) ack 1 win 65535");
	EXPECT_IN_MS(190, 210, ". 1:1(0) ack 411");
}

/* RFC 5681 4.2: at least every second full-sized segment, at once. */
SCENARIO(every_second_full_segment_is_acked_at_once)
{
	ESTABLISH("mss 1460", 65535);
	for (uint32_t i = 0; i < 20; i += 2) {
		SEND(". %u:%u(1460) ack 1 win 65535", 1 + i * 1460, 1461 + i * 1460);
		peer_discard(p);
		SEND(". %u:%u(1460) ack 1 win 65535", 1461 + i * 1460, 2921 + i * 1460);
		EXPECT(". 1:1(0) ack %u", 2921 + i * 1460);
		APP_READ(2920);
		peer_discard(p);
	}
}

/* A delayed ACK rides on data that goes out before it is due. */
SCENARIO(delayed_ack_rides_on_data)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:11(10) ack 1 win 65535");
	peer_discard(p);
	APP_READ(10);
	peer_discard(p);
	APP_WRITE(20);
	EXPECT("P. 1:21(20) ack 11");
	EXPECT_NONE_MS(150);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(MUST_66_rst_with_zero_window, small_window),
		RUN_WITH(MUST_66_rst_beside_zero_window, small_window),
		RUN_WITH(MUST_66_ack_with_zero_window, small_window),
		RUN_WITH(MUST_66_ack_on_probe_with_zero_window, small_window),
		RUN_WITH(MUST_66_urg_with_zero_window, small_window),
		RUN_WITH(fin_at_zero_window_is_not_lost, small_window),
		RUN(MUST_34_window_shrink),
		RUN(MUST_34_window_shrinks_while_data_flows),
		RUN(MUST_36_zero_window_is_probed),
		RUN(MUST_37_answered_probes_go_on_for_ever),
		RUN(MUST_35_accepted_probe_byte),
		RUN(unanswered_probes_end_with_timeout),
		RUN(window_opens_before_the_probe),
		RUN(fin_waits_for_the_window_like_data),
		RUN(fin_alone_in_zero_window),
		RUN(MUST_38_sender_avoids_silly_window),
		RUN(MUST_38_sender_fills_half_of_the_largest_window),
		RUN_WITH(MUST_39_receiver_avoids_silly_window, small_window),
		RUN_WITH(window_update_after_reading_everything, small_window),
		RUN(MUST_58_acks_are_aggregated),
		RUN(MUST_59_queued_segments_before_the_ack),
		RUN(MUST_40_ack_delay_below_half_a_second),
		RUN_WITH(delayed_ack_is_configurable, slow_acks),
		RUN(every_second_full_segment_is_acked_at_once),
		RUN(delayed_ack_rides_on_data),
	};

	return scenario_main(argc, argv, "must_window", tests, sizeof(tests) / sizeof(tests[0]));
}
