/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clocks that wrap: the same life of a connection starts shortly before 32-bit microseconds and
 * milliseconds (and their signed halves) run over, at zero, and late.
 */
#include "tests/tcp/scenario.h"

#define SECOND  1000000ull
#define WRAP_US (1ull << 32)
#define WRAP_MS ((1ull << 32) * 1000)

/* Delayed ACK, RTO with back-off, window probe, close and TIME-WAIT, each over the border. */
static void life(struct peer *p)
{
	SEND("S 0:0(0) win 65535 <mss 1000,sackOK,TS,nop,wscale 7>");
	EXPECT("S. 0:0(0) ack 1");
	ADVANCE_MS(100);
	p->auto_ts = true;
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	CHECK(peer_info(p).srtt_us > 90000 && peer_info(p).srtt_us < 110000);
	for (uint32_t i = 0; i < 30; i++) {
		SEND("P. %u:%u(10) ack 1 win 65535", 1 + i * 10, 11 + i * 10);
		EXPECT_IN_MS(0, 50, ". 1:1(0) ack %u", 11 + i * 10);
	}
	APP_READ(300);
	p->next = 301;
	p->una = 1;
	APP_WRITE(500);
	EXPECT("P. 1:501(500) ack 301");
	/* A probe, then timeouts. */
	for (unsigned i = 0; i < 4; i++)
		EXPECT_IN_MS(50, 3000, "P. 1:501(500) ack 301");
	SEND(". 301:301(0) ack 501 win 0");
	CHECK(peer_info(p).srtt_us < 3000000);
	APP_WRITE(100);
	EXPECT_NONE_MS(100);
	CHECK(peer_wait(p, 10 * SECOND));
	CHECK(peer_next(p)->len <= 1);
	SEND(". 301:301(0) ack 501 win 512");
	p->una = 501;
	peer_receive(p, 100, 512, 2 * SECOND);
	APP_SHUTDOWN();
	EXPECT_IN_MS(0, 150, "F. 601:601(0) ack 301");
	SEND("F. 301:301(0) ack 602 win 512");
	EXPECT(". 602:602(0) ack 302");
	APP_RELEASE();
	EXPECT_NONE_MS(59 * 1000);
	STATE(TCP_TIME_WAIT);
	EXPECT_NONE_MS(2000);
	STATE(TCP_CLOSED);
}

SCENARIO(microseconds_wrap)
{
	life(p);
}

SCENARIO(milliseconds_wrap)
{
	life(p);
}

SCENARIO(milliseconds_turn_negative)
{
	life(p);
}

SCENARIO(time_begins_at_zero)
{
	life(p);
}

SCENARIO(time_is_late)
{
	life(p);
}

/* A release time that starts at 0 would lie seconds or half an hour ahead here. */
SCENARIO(paced_before_the_border)
{
	life(p);
}

/* The border lies in the middle of an idle time, a TIME-WAIT, an opening. */
SCENARIO(idle_over_the_border)
{
	ENTER(TCP_ESTABLISHED, "mss 1460,sackOK,TS");
	EXPECT_NONE_MS(120 * 1000);
	APP_WRITE(10);
	EXPECT("P. 101:111(10) ack 101");
	EXPECT_IN_MS(100, 2000, "P. 101:111(10) ack 101");
	SEND(". 101:101(0) ack 111 win 65535");
	EXPECT_NONE_MS(10000);
}

SCENARIO(time_wait_over_the_border)
{
	ENTER(TCP_TIME_WAIT, "mss 1460");
	APP_RELEASE();
	EXPECT_NONE_MS(59 * 1000);
	STATE(TCP_TIME_WAIT);
	EXPECT_NONE_MS(2000);
	STATE(TCP_CLOSED);
}

SCENARIO(opening_over_the_border)
{
	ENTER(TCP_SYN_SENT, "");
	for (unsigned i = 0; i < 5; i++)
		EXPECT_IN_MS(500, 20000, "S 0:0(0)");
	SEND("S. 0:0(0) ack 1 win 65535 <mss 1460>");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(TCP_EV_ESTABLISHED);
}

#define CONFIG_PACED(name, at) \
	static const struct peer_config name = { .start_us = (at), .stack = { .pacing = true } }
#define CONFIG(name, at) static const struct peer_config name = { .start_us = (at) }

CONFIG(before_us, WRAP_US - SECOND / 2);
CONFIG(before_us_late, 1000 * WRAP_US - 3 * SECOND);
CONFIG(before_ms, WRAP_MS - SECOND / 2);
CONFIG(before_ms_late, WRAP_MS - 5 * SECOND);
CONFIG(before_ms_60, WRAP_MS - 30 * SECOND);
CONFIG(before_half, WRAP_MS / 2 - SECOND / 2);
CONFIG(before_half_60, WRAP_MS / 2 - 30 * SECOND);
CONFIG(zero, 1);
CONFIG_PACED(paced_upper, 7 * WRAP_US + WRAP_US / 4 * 3);
CONFIG_PACED(paced_lower, 7 * WRAP_US + WRAP_US / 4);
CONFIG_PACED(paced_border, 8 * WRAP_US - 3 * SECOND);
CONFIG(late, 20 * WRAP_MS + 12345678);

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(microseconds_wrap, before_us),
		RUN_WITH(microseconds_wrap, before_us_late),
		RUN_WITH(milliseconds_wrap, before_ms),
		RUN_WITH(milliseconds_wrap, before_ms_late),
		RUN_WITH(milliseconds_wrap, before_ms_60),
		RUN_WITH(milliseconds_turn_negative, before_half),
		RUN_WITH(time_begins_at_zero, zero),
		RUN_WITH(time_is_late, late),
		RUN_WITH(paced_before_the_border, paced_upper),
		RUN_WITH(paced_before_the_border, paced_lower),
		RUN_WITH(paced_before_the_border, paced_border),
		RUN_WITH(idle_over_the_border, before_ms_60),
		RUN_WITH(idle_over_the_border, before_half_60),
		RUN_WITH(time_wait_over_the_border, before_ms_60),
		RUN_WITH(time_wait_over_the_border, before_half_60),
		RUN_WITH(opening_over_the_border, before_ms_late),
		RUN_WITH(opening_over_the_border, before_half),
	};

	return scenario_main(argc, argv, "wrap", tests, sizeof(tests) / sizeof(tests[0]));
}
