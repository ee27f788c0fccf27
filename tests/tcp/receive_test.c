/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Receive processing where the rules meet: FINs and data out of order, old and new window
 * announcements (SND.WL1, SND.WL2), both edges of the window, ACKs that say too little.
 */
#include "tests/tcp/scenario.h"

static const struct peer_config small_window = { .stack = { .recv_buffer = 16384 } };

/* --- FIN among reordered data --- */

SCENARIO(fin_waits_for_the_hole)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND("F. 201:301(100) ack 1 win 65535");
	/* The FIN takes a number of its own in the block. */
	const struct packet *k = peer_next(p);

	CHECK(peer_matches(p, k, ". 1:1(0) ack 1 <sack 201:302>") ||
	    peer_matches(p, k, ". 1:1(0) ack 1 <sack 201:301>"));
	SEND(". 1:201(200) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 302 <>");
	EVENTS(TCP_EV_READABLE | TCP_EV_PEER_FIN);
	APP_READ(300);
	STATE(TCP_CLOSE_WAIT);
}

SCENARIO(bare_fin_waits_for_the_hole)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND("F. 101:101(0) ack 1 win 65535");
	const struct packet *k = peer_next(p);

	CHECK(k && k->ack == p->isn + 1);
	SEND(". 1:101(100) ack 1 win 65535");
	peer_wait(p, 100 * 1000);
	k = peer_next(p);
	/* Kept, or to be sent again: either is right, losing data is not. */
	CHECK(k && (k->ack == p->isn + 101 || k->ack == p->isn + 102));
	if (k->ack == p->isn + 101) {
		SEND("F. 101:101(0) ack 1 win 65535");
		EXPECT_IN_MS(0, 100, ". 1:1(0) ack 102");
	}
	STATE(TCP_CLOSE_WAIT);
	APP_READ(100);
}

SCENARIO(fin_comes_again_with_more_in_front)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND("F. 101:201(100) ack 1 win 65535");
	peer_discard(p);
	SEND("F. 51:201(150) ack 1 win 65535");
	peer_discard(p);
	SEND("F. 1:201(200) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 202");
	APP_READ(200);
	STATE(TCP_CLOSE_WAIT);
}

/* The FIN's bytes came before without it. */
SCENARIO(fin_on_a_duplicate)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND(". 101:201(100) ack 1 win 65535");
	peer_discard(p);
	SEND("F. 101:201(100) ack 1 win 65535");
	peer_discard(p);
	SEND(". 1:101(100) ack 1 win 65535");
	const struct packet *k = peer_next(p);

	CHECK(k && (k->ack == p->isn + 202 || k->ack == p->isn + 201));
	if (k->ack == p->isn + 201) {
		SEND("F. 201:201(0) ack 1 win 65535");
		EXPECT_IN_MS(0, 100, ". 1:1(0) ack 202");
	}
	APP_READ(200);
	STATE(TCP_CLOSE_WAIT);
}

/* A liar: data behind its own FIN. Nothing of it may reach the user. */
SCENARIO(data_behind_a_fin_out_of_order)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND(". 301:401(100) ack 1 win 65535");
	peer_discard(p);
	SEND("F. 101:201(100) ack 1 win 65535");
	peer_discard(p);
	SEND(". 1:101(100) ack 1 win 65535");
	CHECK(peer_wait(p, 100 * 1000));
	CHECK(peer_next(p)->ack == p->isn + 202);
	APP_READ(200);
	CHECK(tcp_rx_is_finished(p->app->conn));
	SEND(". 202:301(99) ack 1 win 65535");
	peer_discard(p);
	APP_AVAILABLE(0);
	STATE(TCP_CLOSE_WAIT);
}

/* Overlaps the FIN that waits, and goes on behind it. */
SCENARIO(data_over_a_fin_out_of_order)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND("F. 301:401(100) ack 1 win 65535");
	peer_discard(p);
	SEND("F. 351:501(150) ack 1 win 65535");
	peer_discard(p);
	SEND(". 381:451(70) ack 1 win 65535");
	peer_discard(p);
	SEND(". 1:301(300) ack 1 win 65535");
	CHECK(peer_wait(p, 100 * 1000));
	peer_discard(p);
	/* Either FIN may win; what is acknowledged is what can be read. */
	APP_READ(tcp_rx_available(p->app->conn));
	peer_discard(p);
	STATE(TCP_CLOSE_WAIT);
	CHECK(tcp_rx_is_finished(p->app->conn));
}

/* Two FINs at different places: the first one that is reached counts. */
SCENARIO(two_fins)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND("F. 201:301(100) ack 1 win 65535");
	peer_discard(p);
	SEND("F. 101:151(50) ack 1 win 65535");
	peer_discard(p);
	SEND(". 1:101(100) ack 1 win 65535");
	CHECK(peer_wait(p, 100 * 1000));
	CHECK(peer_next(p)->ack == p->isn + 152);
	APP_READ(150);
	STATE(TCP_CLOSE_WAIT);
	peer_discard(p);
}

/* In FIN-WAIT-1 and -2 data still counts, with a FIN at its end. */
SCENARIO(reordered_data_and_fin_in_fin_wait)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	APP_SHUTDOWN();
	EXPECT("F. 1:1(0) ack 1");
	SEND("F. 101:201(100) ack 2 win 65535");
	CHECK(peer_wait(p, 100 * 1000));
	CHECK(peer_next(p)->ack == p->isn + 1);
	STATE(TCP_FIN_WAIT_2);
	SEND(". 1:101(100) ack 2 win 65535");
	EXPECT(". 2:2(0) ack 202");
	STATE(TCP_TIME_WAIT);
	APP_READ(200);
	CHECK(tcp_rx_is_finished(p->app->conn));
}

/* --- which segment's window counts: RFC 9293 3.10.7.4, fifth, SND.WL1 and SND.WL2 --- */

SCENARIO(old_ack_does_not_change_the_window)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(1000);
	EXPECT("P. 1:1001(1000) ack 1");
	SEND(". 1:1(0) ack 1001 win 5000");
	CHECK(peer_info(p).snd_wnd == 5000);
	/* Older by ACK. */
	SEND(". 1:1(0) ack 501 win 60000");
	CHECK(peer_info(p).snd_wnd == 5000);
	SEND("P. 1:11(10) ack 1001 win 6000");
	CHECK(peer_info(p).snd_wnd == 6000);
	/* Older by SEQ: out of the window now, so it may be answered. */
	SEND(". 1:1(0) ack 1001 win 100");
	CHECK(peer_info(p).snd_wnd == 6000);
	peer_discard(p);
	/* Same SEQ, same ACK: an update. */
	SEND(". 11:11(0) ack 1001 win 7000");
	CHECK(peer_info(p).snd_wnd == 7000);
	APP_READ(10);
	ADVANCE_MS(100);
	peer_discard(p);
}

SCENARIO(window_of_out_of_order_segment_counts)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 101:111(10) ack 1 win 4000");
	EXPECT(". 1:1(0) ack 1");
	CHECK(peer_info(p).snd_wnd == 4000);
	/* Older by SEQ although in order. */
	SEND("P. 1:11(10) ack 1 win 9000");
	CHECK(peer_info(p).snd_wnd == 4000);
	APP_READ(10);
	ADVANCE_MS(100);
	peer_discard(p);
}

/* A refused ACK (too high, too low) must not change the window either. */
SCENARIO(refused_ack_does_not_change_the_window)
{
	ESTABLISH("mss 1460", 5000);
	SEND(". 1:1(0) ack 2 win 60000");
	EXPECT(". 1:1(0) ack 1");
	CHECK(peer_info(p).snd_wnd == 5000);
	SEND(". 1:1(0) ack -70000 win 60000");
	peer_discard(p);
	CHECK(peer_info(p).snd_wnd == 5000);
}

/* --- edges --- */

SCENARIO(segment_that_ends_at_the_right_edge)
{
	uint32_t edge;

	ESTABLISH("mss 1460", 65535);
	edge = p->right_edge - p->isn;
	SEND("P. %u:%u(1000) ack 1 win 65535", edge - 1000, edge);
	EXPECT(". 1:1(0) ack 1");
	CHECK(peer_info(p).rcv_nxt == p->isn + 1);
	/* Its last byte is in the window: it must have been kept. */
	p->next = 1;
	while (p->next < edge - 1000) {
		uint32_t n = edge - 1000 - p->next < 1460 ? edge - 1000 - p->next : 1460;

		SEND("P. %u:%u(%u) ack 1 win 65535", p->next, p->next + n, n);
		p->next += n;
		peer_discard(p);
	}
	ADVANCE_MS(100);
	CHECK(peer_info(p).rcv_nxt == p->isn + edge);
	APP_READ(edge - 1);
	peer_discard(p);
}

SCENARIO(one_byte_beyond_the_right_edge)
{
	uint32_t edge;

	ESTABLISH("mss 1460", 65535);
	edge = p->right_edge - p->isn;
	SEND("P. %u:%u(1) ack 1 win 65535", edge, edge + 1);
	EXPECT(". 1:1(0) ack 1");
	SEND("P. %u:%u(2) ack 1 win 65535", edge - 1, edge + 1);
	EXPECT(". 1:1(0) ack 1");
	SEND("P. %u:%u(1) ack 1 win 65535", edge + 0x40000000, edge + 0x40000001);
	EXPECT(". 1:1(0) ack 1");
	SEND("P. %u:%u(1) ack 1 win 65535", 0x80000001, 0x80000002);
	peer_discard(p);
	APP_AVAILABLE(0);
}

/* Data arrives while the window is closed, then room is made: nothing is lost or doubled. */
SCENARIO(window_closes_and_opens_many_times)
{
	uint32_t total = 0;

	ESTABLISH("mss 1460", 65535);
	for (unsigned i = 0; i < 20; i++) {
		uint32_t before = p->next;

		peer_fill_window(p);
		/* Into the closed window: a probe. */
		SEND(". %u:%u(1) ack 1 win 65535", p->next, p->next + 1);
		EXPECT(". 1:1(0) ack %u win 0", p->next);
		total += p->next - before;
		APP_AVAILABLE(p->next - before);
		APP_READ(p->next - before);
		peer_discard(p);
	}
	CHECK(total >= 20 * 8192);
}

/* Segments with neither data nor anything new: no answer, no matter how many. */
SCENARIO(pure_acks_are_not_answered)
{
	ESTABLISH("mss 1460", 65535);
	for (unsigned i = 0; i < 1000; i++)
		SEND(". 1:1(0) ack 1 win %u", 60000 + i);
	EXPECT_NONE_MS(1000);
}

/* An ACK loop needs two who answer: an ACK below RCV.NXT is answered, in window not. */
SCENARIO(no_ack_war)
{
	unsigned n = 0;

	ENTER(TCP_ESTABLISHED, "mss 1460");
	for (unsigned i = 0; i < 1000; i++) {
		SEND(". %u:%u(0) ack %u win 65535", p->next - 50, p->next - 50, p->una);
		while (peer_next(p))
			n++;
	}
	/* RFC 5961 7 limits what carries no data. */
	CHECK(n >= 1 && n <= 200);
}

SCENARIO(ack_of_part_of_a_segment)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(1000);
	EXPECT("P. 1:1001(1000) ack 1");
	SEND(". 1:1(0) ack 401 win 65535");
	CHECK(tcp_tx_unacked(p->app->conn) == 600);
	CHECK(peer_wait(p, 5000 * 1000));
	EXPECT("P. 401:1001(600) ack 1");
	SEND(". 1:1(0) ack 1000 win 65535");
	CHECK(tcp_tx_unacked(p->app->conn) == 1);
	CHECK(peer_wait(p, 5000 * 1000));
	EXPECT("P. 1000:1001(1) ack 1");
	SEND(". 1:1(0) ack 1001 win 65535");
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
	EXPECT_NONE_MS(5000);
}

/* Never a byte beyond the window, whatever its size. */
SCENARIO(sender_keeps_to_odd_windows)
{
	static const unsigned windows[] = { 1, 2, 7, 100, 1459, 1460, 1461, 2921, 5000 };

	for (unsigned i = 0; i < 9; i++) {
		uint32_t sent = 0;

		peer_new_flow(p, (uint16_t)(41000 + i));
		ESTABLISH("mss 1460", (uint16_t)windows[i]);
		APP_WRITE(20000);
		ADVANCE_MS(50);
		for (const struct packet *k; (k = peer_next(p)) != NULL; sent += k->len)
			CHECK(k->seq + k->len - (p->stack_isn + 1) <= windows[i]);
		/* The largest window ever seen is worth filling. */
		CHECK(sent + 1460 > windows[i] || sent == windows[i]);
		SEND("R 1:1(0)");
		APP_RELEASE();
	}
}

/* Small segments in big buffers: what is held is bounded by what they carry. */
SCENARIO(crumbs_do_not_pin_buffers)
{
	struct stack_info info;

	ESTABLISH("mss 1460", 65535);
	for (uint32_t i = 0; i < 4000; i++) {
		SEND("P. %u:%u(1) ack 1 win 65535", 1 + i, 2 + i);
		peer_discard(p);
	}
	stack_info_get(p->stack, &info);
	CHECK(info.n_held_mbufs <= 200);
	APP_READ(4000);
	stack_info_get(p->stack, &info);
	CHECK(info.n_held_mbufs == 0);
	ADVANCE_MS(100);
	peer_discard(p);
}

SCENARIO(crumbs_out_of_order_do_not_pin_buffers)
{
	struct stack_info info;

	ESTABLISH("mss 1460,sackOK", 65535);
	for (uint32_t i = 0; i < 4000; i++) {
		SEND("P. %u:%u(1) ack 1 win 65535", 3 + 2 * i, 4 + 2 * i);
		peer_discard(p);
	}
	stack_info_get(p->stack, &info);
	CHECK(info.n_held_mbufs <= 1000);
	SEND("P. 1:9001(9000) ack 1 win 65535");
	APP_READ(9000);
	ADVANCE_MS(100);
	peer_discard(p);
	stack_info_get(p->stack, &info);
	CHECK(info.n_held_mbufs == 0);
}

/* --- segments of one burst, taken as one where nothing is missing --- */

/* All in sequence: one ACK, exact bytes, and delayed ACKs count the segments that came. */
SCENARIO(burst_in_sequence)
{
	ESTABLISH("mss 1460,sackOK,nop,wscale 7", 65535);
	peer_hold(p);
	for (uint32_t i = 0; i < 10; i++)
		SEND("%s. %u:%u(1460) ack 1 win 65535", i == 9 ? "P" : "", 1 + i * 1460,
		    1461 + i * 1460);
	peer_flush(p);
	EXPECT(". 1:1(0) ack 14601 <>");
	EXPECT_NONE();
	EVENTS(TCP_EV_READABLE);
	APP_READ(14600);
	/* The largest was 1,460: one more is not yet two of them. */
	SEND(". 14601:16061(1460) ack 1 win 65535");
	EXPECT_NONE();
	SEND(". 16061:17521(1460) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 17521");
	APP_READ(2920);
}

/* A gap in the burst: what is behind it is acknowledged one by one, as ever (RFC 5681 4.2). */
SCENARIO(burst_with_a_gap)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	peer_hold(p);
	SEND(". 1:1001(1000) ack 1 win 65535");
	SEND(". 1001:2001(1000) ack 1 win 65535");
	SEND(". 3001:4001(1000) ack 1 win 65535");
	SEND(". 4001:5001(1000) ack 1 win 65535");
	SEND(". 5001:6001(1000) ack 1 win 65535");
	peer_flush(p);
	EXPECT(". 1:1(0) ack 2001 <sack 3001:4001>");
	EXPECT(". 1:1(0) ack 2001 <sack 3001:5001>");
	EXPECT(". 1:1(0) ack 2001 <sack 3001:6001>");
	/* What fills it comes in a burst with what follows. */
	peer_hold(p);
	SEND(". 2001:3001(1000) ack 1 win 65535");
	SEND(". 3001:4001(1000) ack 1 win 65535");
	SEND(". 6001:7001(1000) ack 1 win 65535");
	peer_flush(p);
	EXPECT(". 1:1(0) ack 6001 <sack 3001:4001>");
	EXPECT_IN_MS(10, 60, ". 1:1(0) ack 7001 <>");
	APP_READ(7000);
}

/* A duplicate in front, and one in the middle. */
SCENARIO(burst_with_duplicates)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND(". 1:1001(1000) ack 1 win 65535");
	peer_hold(p);
	SEND(". 1:1001(1000) ack 1 win 65535");
	SEND(". 1001:2001(1000) ack 1 win 65535");
	SEND(". 2001:3001(1000) ack 1 win 65535");
	SEND(". 1001:3001(2000) ack 1 win 65535");
	SEND(". 3001:4001(1000) ack 1 win 65535");
	peer_flush(p);
	EXPECT(". 1:1(0) ack 1001 <sack 1:1001>");
	EXPECT(". 1:1(0) ack 3001 <sack 1001:3001>");
	EXPECT_IN_MS(10, 60, ". 1:1(0) ack 4001 <>");
	APP_READ(4000);
}

/* Each with an acknowledgment, a window or a flag of its own is seen by itself. */
SCENARIO(burst_of_different_segments)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(2920);
	EXPECT(". 1:1461(1460) ack 1");
	EXPECT("P. 1461:2921(1460) ack 1");
	peer_hold(p);
	SEND(". 1:1001(1000) ack 1 win 65535");
	SEND(". 1001:2001(1000) ack 1461 win 65535");
	SEND(". 2001:3001(1000) ack 2921 win 65535");
	SEND(". 3001:4001(1000) ack 2921 win 5000");
	SEND("U. 4001:5001(1000) ack 2921 win 5000 urg 1000");
	SEND("F. 5001:6001(1000) ack 2921 win 5000");
	peer_flush(p);
	EXPECT(". 2921:2921(0) ack 6002");
	EXPECT_NONE();
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
	CHECK(peer_info(p).snd_wnd == 5000);
	CHECK(tcp_rx_urgent(p->app->conn) == 5000);
	EVENTS(TCP_EV_READABLE | TCP_EV_URGENT | TCP_EV_PEER_FIN);
	APP_READ(6000);
	STATE(TCP_CLOSE_WAIT);
}

/* Past the right edge: cut there, as it would be segment by segment. */
SCENARIO(burst_past_the_window)
{
	uint32_t edge, n = 0;

	ESTABLISH("mss 1460", 65535);
	edge = p->right_edge - p->isn;
	peer_hold(p);
	for (uint32_t at = 1; at < edge + 3000; at += 1460, n++)
		SEND(". %u:%u(1460) ack 1 win 65535", at, at + 1460);
	CHECK(n > 40);
	peer_flush(p);
	while (peer_next(p))
		;
	CHECK(peer_info(p).rcv_nxt == p->isn + edge);
	APP_READ(edge - 1);
	peer_discard(p);
}

/* A RST between data ends it there, and timestamps that differ keep their order. */
SCENARIO(burst_with_a_reset)
{
	ESTABLISH("mss 1460", 65535);
	peer_hold(p);
	SEND(". 1:1001(1000) ack 1 win 65535");
	SEND(". 1001:2001(1000) ack 1 win 65535");
	SEND("R 2001:2001(0) win 0");
	SEND(". 2001:3001(1000) ack 1 win 65535");
	peer_flush(p);
	EVENTS(TCP_EV_READABLE | TCP_EV_RESET);
	EXPECT("R 1:1(0)");
	APP_READ(2000);
	STATE(TCP_CLOSED);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(fin_waits_for_the_hole),
		RUN(bare_fin_waits_for_the_hole),
		RUN(fin_comes_again_with_more_in_front),
		RUN(fin_on_a_duplicate),
		RUN(data_behind_a_fin_out_of_order),
		RUN(data_over_a_fin_out_of_order),
		RUN(two_fins),
		RUN(reordered_data_and_fin_in_fin_wait),
		RUN(old_ack_does_not_change_the_window),
		RUN(window_of_out_of_order_segment_counts),
		RUN(refused_ack_does_not_change_the_window),
		RUN(segment_that_ends_at_the_right_edge),
		RUN(one_byte_beyond_the_right_edge),
		RUN_WITH(window_closes_and_opens_many_times, small_window),
		RUN(pure_acks_are_not_answered),
		RUN(no_ack_war),
		RUN(ack_of_part_of_a_segment),
		RUN(sender_keeps_to_odd_windows),
		RUN(burst_in_sequence),
		RUN(burst_with_a_gap),
		RUN(burst_with_duplicates),
		RUN(burst_of_different_segments),
		RUN(burst_past_the_window),
		RUN(burst_with_a_reset),
		RUN(crumbs_do_not_pin_buffers),
		RUN(crumbs_out_of_order_do_not_pin_buffers),
	};

	return scenario_main(argc, argv, "receive", tests, sizeof(tests) / sizeof(tests[0]));
}
