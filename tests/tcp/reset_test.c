/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each RST that is sent is counted by its reason, and none goes to a connection that another worker may have. */
#include "tests/tcp/scenario.h"

static const enum stat reasons[] = { STAT_TCP_RST_PORT, STAT_TCP_RST_UNKNOWN, STAT_TCP_RST_ENDED,
	STAT_TCP_RST_BAD_ACK, STAT_TCP_RST_UNREAD, STAT_TCP_RST_ABORTED, STAT_TCP_RST_TIMEOUT };

/* One RST for this reason since the start, and none for another. */
static void counted_as(struct peer *p, enum stat why)
{
	for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		COUNTED(reasons[i], reasons[i] == why);
}

SCENARIO(nobody_listens)
{
	p->local_port = 444;
	SEND("S 0:0(0) win 65535");
	EXPECT("R. 0:0(0) ack 1");
	counted_as(p, STAT_TCP_RST_PORT);
}

SCENARIO(nobody_has_the_connection)
{
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT("R 1:1(0)");
	counted_as(p, STAT_TCP_RST_UNKNOWN);
}

/* Its last ACK has come, and then one that was sent before it. */
SCENARIO(a_segment_is_late)
{
	ENTER(TCP_LAST_ACK, "mss 1460");
	SEND(". 102:102(0) ack 102 win 65535");
	EXPECT_NONE();
	SEND(". 101:101(0) ack 101 win 65535");
	EXPECT("R 101:101(0)");
	counted_as(p, STAT_TCP_RST_ENDED);
}

/* The memory is by 4-tuple: another of the same peer was never there. */
SCENARIO(another_is_not_late)
{
	ENTER(TCP_LAST_ACK, "mss 1460");
	SEND(". 102:102(0) ack 102 win 65535");
	p->remote_port++;
	SEND(". 101:101(0) ack 101 win 65535");
	EXPECT("R 101:101(0)");
	counted_as(p, STAT_TCP_RST_UNKNOWN);
}

SCENARIO(late_is_not_for_ever)
{
	ENTER(TCP_LAST_ACK, "mss 1460");
	SEND(". 102:102(0) ack 102 win 65535");
	ADVANCE_MS(61 * 1000);
	SEND(". 101:101(0) ack 101 win 65535");
	EXPECT("R 101:101(0)");
	counted_as(p, STAT_TCP_RST_UNKNOWN);
}

SCENARIO(a_handshake_ends_with_a_wrong_number)
{
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 5 win 65535");
	EXPECT("R 5:5(0)");
	counted_as(p, STAT_TCP_RST_BAD_ACK);
}

SCENARIO(data_is_left_unread)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:11(10) ack 1 win 65535");
	APP_RELEASE();
	EXPECT("R. 1:1(0) ack 11");
	counted_as(p, STAT_TCP_RST_UNREAD);
}

SCENARIO(the_user_gives_up)
{
	ESTABLISH("mss 1460", 65535);
	APP_ABORT();
	EXPECT("R. 1:1(0) ack 1");
	counted_as(p, STAT_TCP_RST_ABORTED);
}

SCENARIO(the_peer_is_silent)
{
	ESTABLISH("mss 1460", 65535);
	p->drop_output = true;
	APP_WRITE(10);
	ADVANCE_MS(700 * 1000);
	peer_discard(p);
	EVENTS(TCP_EV_TIMEOUT);
	counted_as(p, STAT_TCP_RST_TIMEOUT);
}

/* --- several workers --- */

/* What comes to the wrong worker, in spite of all, does not cost the right one its connection. */
SCENARIO(anothers_connection_is_not_reset)
{
	all_are_ours = false;
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT_NONE();
	COUNTED(STAT_DROP_TCP_OTHERS, 1);
	p->local_port = 444;
	SEND("P. 1:11(10) ack 1 win 65535");
	EXPECT_NONE();
	COUNTED(STAT_DROP_TCP_OTHERS, 2);
	counted_as(p, STAT_N);
	all_are_ours = true;
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT("R 1:1(0)");
	counted_as(p, STAT_TCP_RST_PORT);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(nobody_listens),
		RUN(nobody_has_the_connection),
		RUN(a_segment_is_late),
		RUN(another_is_not_late),
		RUN(late_is_not_for_ever),
		RUN(a_handshake_ends_with_a_wrong_number),
		RUN(data_is_left_unread),
		RUN(the_user_gives_up),
		RUN(the_peer_is_silent),
		RUN_WITH(anothers_connection_is_not_reset, one_of_many),
	};

	return scenario_main(argc, argv, "reset", tests, sizeof(tests) / sizeof(tests[0]));
}
