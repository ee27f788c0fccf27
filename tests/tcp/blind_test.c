/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody off the path may guess, and what must not come of it (RFC 5961, RFC 7323 5, RFC 3168); and the answers
 * that a peer needs which has lost its memory.
 */
#include <string.h>

#include "tests/tcp/scenario.h"

#define MODERN "mss 1460,sackOK,TS,nop,wscale 7"

/* RFC 5961 5.2: the ACK is what cannot be guessed. A timestamp from the far future would make the peer's all old. */
SCENARIO(refused_ack_does_not_change_ts_recent)
{
	uint32_t ts = 1000000;

	p->auto_ts = false;
	SEND("S 0:0(0) win 65535 <mss 1460,sackOK,TS val %u ecr 0>", ts);
	EXPECT("S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 65535 <TS val %u ecr 0>", ts + 1);
	EVENTS(TCP_EV_ESTABLISHED);
	SEND("P. 1:11(10) ack 5000 win 65535 <TS val %u ecr 0>", ts + 1000000000);
	EXPECT(". 1:1(0) ack 1 <TS val 0 ecr %u>", ts + 1);
	SEND(". 1:1(0) ack -1000000 win 65535 <TS val %u ecr 0>", ts + 1000000000);
	EXPECT(". 1:1(0) ack 1 <TS val 0 ecr %u>", ts + 1);
	SEND("P 1:11(10) win 65535 <TS val %u ecr 0>", ts + 1000000000);
	EXPECT_NONE();
	SEND("P. 1:11(10) ack 1 win 65535 <TS val %u ecr 0>", ts + 2);
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11 <TS val 0 ecr %u>", ts + 2);
}

static const struct peer_config with_ecn = { .ecn = true };

/* Nor does it make us echo congestion, or stop doing so. */
SCENARIO(refused_ack_does_not_change_ecn)
{
	SEND("SEW 0:0(0) win 65535 <mss 1460>");
	EXPECT("SE. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	SEND("[ce] . 1:11(10) ack 5000 win 65535");
	EXPECT(". 1:1(0) ack 1");
	SEND("[ce] P. 1:11(10) ack 1 win 65535");
	EXPECT("E. 1:1(0) ack 11");
	SEND("W. 11:21(10) ack 5000 win 65535");
	EXPECT("E. 1:1(0) ack 11");
	SEND("W. 11:21(10) ack 1 win 65535");
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 21");
	APP_READ(20);
}

/* A peer that has rebooted offers what it likes: it gets its challenge, answers it, and is free (RFC 5961 4.2). */
SCENARIO(syn_without_timestamp_is_challenged)
{
	ENTER(TCP_ESTABLISHED, MODERN);
	p->auto_ts = false;
	SEND("S 5000:5000(0) win 65535 <mss 1460>");
	EXPECT(". 101:101(0) ack 101");
	SEND("R 101:101(0)");
	EXPECT_NONE();
	EVENTS(TCP_EV_RESET);
}

/* The same with a clock that has started over. */
SCENARIO(syn_with_older_timestamp_is_challenged)
{
	ENTER(TCP_ESTABLISHED, MODERN);
	p->auto_ts = false;
	SEND("S 5000:5000(0) win 65535 <mss 1460,TS val 1 ecr 0>");
	EXPECT(". 101:101(0) ack 101");
	EXPECT_NONE();
	SEND("R 101:101(0)");
	EVENTS(TCP_EV_RESET);
}

/* And not more often than other challenges. */
SCENARIO(syns_are_challenged_ten_times)
{
	unsigned n = 0;

	ENTER(TCP_ESTABLISHED, MODERN);
	p->auto_ts = false;
	for (unsigned i = 0; i < 100; i++) {
		SEND("S %u:%u(0) win 65535 <mss 1460%s>", i, i, i & 1 ? ",TS val 1 ecr 0" : "");
		if (peer_next(p))
			n++;
	}
	CHECK(n == 10);
	COUNTED(STAT_TCP_CHALLENGE_LIMITED, 90);
	STATE(TCP_ESTABLISHED);
}

/* RFC 2883: a copy from the network, with the timestamp it had, came twice, too. */
SCENARIO(duplicate_with_old_timestamp_is_reported)
{
	p->auto_ts = false;
	SEND("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0>");
	EXPECT("S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 65535 <TS val 101 ecr 0>");
	EVENTS(TCP_EV_ESTABLISHED);
	SEND("P. 1:101(100) ack 1 win 65535 <TS val 102 ecr 0>");
	APP_READ(100);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 101");
	SEND("P. 101:201(100) ack 1 win 65535 <TS val 103 ecr 0>");
	APP_READ(100);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 201");
	SEND("P. 1:101(100) ack 1 win 65535 <TS val 102 ecr 0>");
	EXPECT(". 1:1(0) ack 201 <TS val 0 ecr 103,sack 1:101>");
	/* Old, and new data: no duplicate, and not taken. */
	SEND("P. 201:301(100) ack 1 win 65535 <TS val 102 ecr 0>");
	EXPECT(". 1:1(0) ack 201 <TS val 0 ecr 103>");
	APP_AVAILABLE(0);
}

/* RFC 7323 3.2: resets of ours carry them, too. */
SCENARIO(resets_have_timestamps)
{
	ENTER(TCP_ESTABLISHED, MODERN);
	APP_ABORT();
	EXPECT("R. 101:101(0) ack 101 <TS>");
}

/* RFC 9293 3.10.5: in CLOSING and LAST-ACK both sides are done, and nothing is reset. */
SCENARIO(abort_in_closing_is_silent)
{
	ENTER(TCP_CLOSING, "mss 1460");
	APP_ABORT();
	EXPECT_NONE_MS(5000);
	STATE(TCP_CLOSED);
	APP_RELEASE();
}

SCENARIO(abort_in_last_ack_is_silent)
{
	ENTER(TCP_LAST_ACK, "mss 1460");
	APP_ABORT();
	EXPECT_NONE_MS(5000);
	STATE(TCP_CLOSED);
	APP_RELEASE();
}

/* But what the peer never got in full is cut off loudly. */
SCENARIO(abort_with_unsent_data_in_last_ack_resets)
{
	ESTABLISH("mss 1460", 100);
	SEND("F. 1:1(0) ack 1 win 100");
	EXPECT(". 1:1(0) ack 2");
	APP_WRITE(200);
	EXPECT(". 1:101(100) ack 2");
	APP_SHUTDOWN();
	STATE(TCP_LAST_ACK);
	APP_ABORT();
	EXPECT("R. 101:101(0) ack 2");
	APP_RELEASE();
}

SCENARIO(abort_in_the_other_states_resets)
{
	static const enum tcp_state states[] = { TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT };

	for (unsigned i = 0; i < 3; i++) {
		if (i)
			peer_new_flow(p, (uint16_t)(41000 + i));
		ENTER(states[i], "mss 1460");
		APP_ABORT();
		EXPECT("R. %u:%u(0) ack %u", p->una, p->una, p->next);
		APP_RELEASE();
		EXPECT_NONE();
	}
}

/* RFC 9293 figure 8, line 6: the SYN+ACK of a simultaneous open completes it. Its window is not scaled. */
SCENARIO(simultaneous_open_ends_with_the_syn_ack)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 1000 <mss 1460,nop,wscale 7>");
	EXPECT("S. 0:0(0) ack 1");
	SEND("S. 0:0(0) ack 1 win 1000 <mss 1460,nop,wscale 7>");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(TCP_EV_ESTABLISHED);
	STATE(TCP_ESTABLISHED);
	CHECK(peer_info(p).snd_wnd == 1000);
	/* Once more is a challenge, as in all synchronised states. */
	SEND("S. 0:0(0) ack 1 win 1000 <mss 1460,nop,wscale 7>");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(0);
	SEND(". 1:1(0) ack 1 win 1000");
	CHECK(peer_info(p).snd_wnd == 128000);
}

SCENARIO(simultaneous_open_with_data_on_the_syn_ack)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 1000 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	SEND("SF. 0:20(20) ack 1 win 1000 <mss 1460>");
	EXPECT(". 1:1(0) ack 22");
	EVENTS(TCP_EV_ESTABLISHED | TCP_EV_READABLE | TCP_EV_PEER_FIN);
	STATE(TCP_CLOSE_WAIT);
}

/* With another ACK it is no answer to ours. */
SCENARIO(simultaneous_open_with_a_foreign_syn_ack)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 1000 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	SEND("S. 0:0(0) ack 2 win 1000 <mss 1460>");
	EXPECT(". 1:1(0) ack 1");
	SEND("S. 1:1(0) ack 1 win 1000 <mss 1460>");
	EXPECT(". 1:1(0) ack 1");
	STATE(TCP_SYN_RECEIVED);
	EVENTS(0);
}

/* RFC 2018 4: full segments have no room for blocks; the ACK that has them follows. */
SCENARIO(blocks_follow_full_segments)
{
	unsigned n = 0, told = 0;

	ESTABLISH("mss 1460,sackOK", 65535);
	APP_WRITE(12 * 1460);
	for (unsigned i = 0; i < 10; i++)
		EXPECT(". %u:%u(1460) ack 1", 1 + i * 1460, 1461 + i * 1460);
	SEND(". 1001:2001(1000) ack 1 win 65535");
	EXPECT(". 14601:14601(0) ack 1 <sack 1001:2001>");
	SEND(". 3001:4001(1000) ack 1 win 65535");
	EXPECT(". 14601:14601(0) ack 1 <sack 3001:4001 1001:2001>");
	/* The first gap is filled, an ACK is due, and data may go. */
	SEND(". 1:1001(1000) ack 1461 win 65535");
	EXPECT(". 14601:16061(1460) ack 2001 <>");
	EXPECT("P. 16061:17521(1460) ack 2001 <>");
	EXPECT(". 17521:17521(0) ack 2001 <sack 3001:4001>");
	SEND(". 2001:3001(1000) ack 17521 win 65535");
	EXPECT(". 17521:17521(0) ack 4001 <>");
	/* A duplicate is reported once, and by an ACK of its own. */
	APP_WRITE(40 * 1460);
	peer_discard(p);
	SEND(". 3901:4101(200) ack 18981 win 65535");
	for (const struct packet *k; (k = peer_next(p)) != NULL; n++) {
		told += k->len == 0;
		CHECK(k->len || peer_matches(p, k, ". * ack 4101 <sack 3901:4001>"));
	}
	CHECK(n > 1 && told == 1);
	p->drop_output = true;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(refused_ack_does_not_change_ts_recent),
		RUN_WITH(refused_ack_does_not_change_ecn, with_ecn),
		RUN(syn_without_timestamp_is_challenged),
		RUN(syn_with_older_timestamp_is_challenged),
		RUN(syns_are_challenged_ten_times),
		RUN(duplicate_with_old_timestamp_is_reported),
		RUN(resets_have_timestamps),
		RUN(abort_in_closing_is_silent),
		RUN(abort_in_last_ack_is_silent),
		RUN(abort_with_unsent_data_in_last_ack_resets),
		RUN(abort_in_the_other_states_resets),
		RUN(simultaneous_open_ends_with_the_syn_ack),
		RUN(simultaneous_open_with_data_on_the_syn_ack),
		RUN(simultaneous_open_with_a_foreign_syn_ack),
		RUN(blocks_follow_full_segments),
	};

	return scenario_main(argc, argv, "blind", tests, sizeof(tests) / sizeof(tests[0]));
}
