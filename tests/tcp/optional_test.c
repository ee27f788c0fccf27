/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a user may switch on: keepalive, Nagle, pacing; and black holes (RFC 4821), seen by themselves. */
#include <string.h>

#include "tests/tcp/scenario.h"

static const struct peer_config quick_keepalive = {
	.stack = { .keepalive_idle_ms = 10000, .keepalive_interval_ms = 1000, .keepalive_count = 3 }
};
static const struct peer_config paced = { .stack = { .pacing = true } };

/* RFC 9293 3.8.4: SEG.SEQ = SND.NXT-1, with or without a byte of rubbish. */
static void expect_probe(struct peer *p, uint64_t lo_ms, uint64_t hi_ms)
{
	uint64_t start = p->now_us;
	const struct packet *k;

	CHECK(peer_wait(p, hi_ms * 1000));
	CHECK(p->now_us - start >= lo_ms * 1000);
	k = peer_next(p);
	CHECK(k->seq == p->stack_isn + p->una - 1 && k->len <= 1);
	CHECK(k->flags == TH_ACK && k->ack == p->isn + p->next);
}

SCENARIO(MUST_24_keepalive_can_be_switched)
{
	ESTABLISH("mss 1460", 65535);
	tcp_keepalive(p->app->conn, true);
	expect_probe(p, 9000, 11000);
	SEND(". 1:1(0) ack 1 win 65535");
	expect_probe(p, 9000, 11000);
	SEND(". 1:1(0) ack 1 win 65535");
	tcp_keepalive(p->app->conn, false);
	EXPECT_NONE_MS(3600ull * 1000);
	STATE(TCP_ESTABLISHED);
}

/* Two hours unless told otherwise. */
SCENARIO(MUST_28_keepalive_default_is_two_hours)
{
	ESTABLISH("mss 1460", 65535);
	tcp_keepalive(p->app->conn, true);
	EXPECT_NONE_MS(7190ull * 1000);
	expect_probe(p, 0, 20000);
	SEND(". 1:1(0) ack 1 win 65535");
}

/* Only when nothing was received, and nothing is out. */
SCENARIO(MUST_26_no_keepalive_on_a_busy_connection)
{
	ESTABLISH("mss 1460", 65535);
	tcp_keepalive(p->app->conn, true);
	for (uint32_t i = 0; i < 10; i++) {
		EXPECT_NONE_MS(8000);
		SEND("P. %u:%u(10) ack 1 win 65535", 1 + i * 10, 11 + i * 10);
		EXPECT_IN_MS(0, 100, ". 1:1(0) ack %u", 11 + i * 10);
	}
	APP_READ(100);
	p->next = 101;
	expect_probe(p, 9000, 11000);
	SEND(". 101:101(0) ack 1 win 65535");
}

/* One lost probe says nothing. */
SCENARIO(MUST_29_lost_keepalives_are_tolerated)
{
	ESTABLISH("mss 1460", 65535);
	tcp_keepalive(p->app->conn, true);
	expect_probe(p, 9000, 11000);
	expect_probe(p, 900, 1200);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(0);
	expect_probe(p, 9000, 11000);
	expect_probe(p, 900, 1200);
	expect_probe(p, 900, 1200);
	peer_wait(p, 3000 * 1000);
	peer_discard(p);
	EVENTS(TCP_EV_TIMEOUT);
	STATE(TCP_CLOSED);
}

/* MUST-17: Nagle on: one small segment under way at most. */
SCENARIO(MUST_17_nagle_can_be_on)
{
	ESTABLISH("mss 1460", 65535);
	tcp_nagle(p->app->conn, true);
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	APP_WRITE(10);
	APP_WRITE(10);
	EXPECT_NONE_MS(20);
	SEND(". 1:1(0) ack 11 win 65535");
	EXPECT("P. 11:31(20) ack 1");
	APP_WRITE(2000);
	/* A full segment is never held back. */
	EXPECT(". 31:1491(1460) ack 1");
	EXPECT_NONE_MS(20);
	SEND(". 1:1(0) ack 1491 win 65535");
	EXPECT("P. 1491:2031(540) ack 1");
	tcp_nagle(p->app->conn, false);
	APP_WRITE(10);
	EXPECT("P. 2031:2041(10) ack 1");
}

SCENARIO(fin_is_not_held_by_nagle)
{
	ESTABLISH("mss 1460", 65535);
	tcp_nagle(p->app->conn, true);
	APP_WRITE(10);
	EXPECT("P. 1:11(10) ack 1");
	APP_WRITE(10);
	APP_SHUTDOWN();
	EXPECT("FP. 11:21(10) ack 1");
}

/* A window's worth is spread over the round trip, not sent in one burst. */
SCENARIO(paced_segments_are_spread)
{
	uint64_t start, last = 0;
	unsigned at_once = 0, n = 0;

	SEND("S 0:0(0) win 65535 <mss 1000,sackOK,nop,wscale 7>");
	EXPECT("S. 0:0(0) ack 1");
	ADVANCE_MS(100);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	APP_WRITE(60000);
	/* The initial window first. */
	ADVANCE_MS(100);
	peer_discard(p);
	/* Everything so far is acknowledged at once: the worst trigger of a burst. */
	start = p->now_us;
	SEND(". 1:1(0) ack %u win 65535", peer_info(p).snd_nxt - p->stack_isn);
	while (peer_wait(p, 60 * 1000)) {
		peer_next(p);
		n++;
		at_once += p->now_us == start;
		last = p->now_us;
	}
	CHECK(n >= 8);
	CHECK(at_once <= n / 2 + 2);
	CHECK(last - start >= 15 * 1000);
	p->drop_output = true;
	peer_discard(p);
}

/* Full segments vanish without an ICMP, small ones get through: the MTU is lowered. */
SCENARIO(black_hole_is_seen)
{
	uint32_t una = 1;
	unsigned lost = 0;

	ESTABLISH("mss 1460,sackOK", 65535);
	APP_WRITE(20000);
	while (una < 20001) {
		const struct packet *k;
		uint32_t at;

		CHECK(peer_wait(p, 60 * 1000 * 1000));
		k = peer_next(p);
		at = k->seq - p->stack_isn;
		if (k->len + k->options_len > 1250) {
			CHECK(++lost < 200);
			continue;
		}
		if (at <= una && at + k->len > una) {
			una = at + k->len;
			SEND(". 1:1(0) ack %u win 65535", una);
		}
	}
	CHECK(peer_info(p).mss <= 1250);
	CHECK(p->now_us - p->start_us < 60ull * 1000 * 1000);
	peer_discard(p);
}

/* The segment that is stuck need not be a full one. */
SCENARIO(black_hole_of_a_large_segment)
{
	uint32_t una = 1;

	ESTABLISH("mss 1460,sackOK", 65535);
	APP_WRITE(1400);
	while (una < 1401) {
		const struct packet *k;
		uint32_t at;

		CHECK(peer_wait(p, 120 * 1000 * 1000));
		k = peer_next(p);
		at = k->seq - p->stack_isn;
		CHECK(!(k->flags & TH_RST));
		if (k->len + k->options_len <= 1250 && at <= una && at + k->len > una) {
			una = at + k->len;
			SEND(". 1:1(0) ack %u win 65535", una);
		}
	}
	peer_discard(p);
}

/* Everything is lost for a while: that is no black hole, segments stay large afterwards. */
SCENARIO(outage_is_not_a_black_hole_for_ever)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	APP_WRITE(1460);
	peer_discard(p);
	SEND(". 1:1(0) ack 1461 win 65535");
	p->una = 1461;
	APP_WRITE(14600);
	ADVANCE_MS(1500);
	peer_discard(p);
	peer_receive(p, 14600, 65535, 60 * 1000 * 1000);
	CHECK(peer_info(p).mss == 1460);
	peer_discard(p);
}

/* --- upwards again (RFC 4821) --- */

#define HOLE_BYTES 4000000u

/* A path that swallows what is larger than mtu, and a receiver behind it. */
struct hole {
	uint32_t mtu, una, largest; /* largest IP packet that was sent */
	uint64_t large_at_us;       /* the first one above mtu */
	unsigned swallowed;
	bool got[HOLE_BYTES + 2000];
};

static struct hole hole;

static void hole_take(struct peer *p, const struct packet *k)
{
	uint32_t at = k->seq - p->stack_isn, size = k->len + k->options_len, from = at, to = at;

	size += p->config.ip6 ? 60 : 40;
	if (size > hole.largest)
		hole.largest = size;
	if (size > hole.mtu) {
		hole.large_at_us = p->now_us;
		hole.swallowed++;
		return;
	}
	memset(hole.got + at, true, k->len);
	while (hole.got[hole.una])
		hole.una++;
	if (at + k->len <= hole.una) {
		SEND(". 1:1(0) ack %u win 65535", hole.una);
		return;
	}
	while (hole.got[from - 1])
		from--;
	while (hole.got[to])
		to++;
	SEND(". 1:1(0) ack %u win 65535 <sack %u:%u>", hole.una, from, to);
}

/* The user writes n bytes, which arrive within limit_s seconds; then it is silent for silent_s. */
static void hole_transfer(struct peer *p, uint32_t n, unsigned limit_s, unsigned silent_s)
{
	uint64_t end = p->now_us + limit_s * 1000000ull;
	uint32_t all = hole.una + n;

	APP_WRITE(n);
	while (hole.una < all) {
		const struct packet *k;

		CHECK(p->now_us < end);
		CHECK(peer_wait(p, 60 * 1000 * 1000));
		/* A flight at a time, a millisecond apart. */
		ADVANCE_MS(1);
		while ((k = peer_next(p)) != NULL)
			hole_take(p, k);
	}
	peer_discard(p);
	ADVANCE_MS(silent_s * 1000ull);
	peer_discard(p);
	hole.largest = hole.swallowed = 0;
}

/* What both ends can do: an MSS of 1460. */
static uint32_t mtu_full(const struct peer *p)
{
	return p->config.ip6 ? 1520 : 1500;
}

static uint32_t mtu_now(struct peer *p)
{
	return peer_info(p).mss + (p->config.ip6 ? 60u : 40u);
}

static void hole_fall_into(struct peer *p, uint32_t mtu)
{
	memset(&hole, 0, sizeof(hole));
	hole.got[0] = true;
	hole.una = 1;
	hole.mtu = mtu_full(p);
	ESTABLISH("mss 1460,sackOK,nop,wscale 7", 65535);
	hole_transfer(p, 100000, 10, 0);
	CHECK(mtu_now(p) == mtu_full(p));
	hole.mtu = mtu;
	hole_transfer(p, 100000, 60, 0);
	COUNTED(STAT_TCP_BLACK_HOLES, 1);
	CHECK(mtu_now(p) == 1280);
}

/* The hole was none, or is gone: step by step back to full segments, none of it congestion. */
SCENARIO(mtu_grows_after_a_black_hole)
{
	unsigned recoveries;

	hole_fall_into(p, 1300);
	hole.mtu = mtu_full(p);
	recoveries = (unsigned)p->stats.v[STAT_TCP_FAST_RECOVERIES];
	/* Not within the first minute. */
	for (unsigned i = 0; i < 4; i++)
		hole_transfer(p, 50000, 10, 10);
	COUNTED(STAT_TCP_MTU_PROBES, 0);
	CHECK(mtu_now(p) == 1280);
	hole_transfer(p, 1000, 10, 30);
	for (unsigned i = 0; i < 4; i++)
		hole_transfer(p, 100000, 10, 2);
	CHECK(mtu_now(p) == mtu_full(p));
	COUNTED(STAT_TCP_MTU_PROBES, 3);
	COUNTED(STAT_TCP_FAST_RECOVERIES, recoveries);
	hole_transfer(p, 100000, 10, 600);
	hole_transfer(p, 100000, 10, 0);
	COUNTED(STAT_TCP_MTU_PROBES, 3);
}

/* Up to what the path takes and no further; a probe that is lost costs its repetition and ten minutes. */
SCENARIO(mtu_probe_fails)
{
	unsigned recoveries, rtos;
	uint32_t cwnd;

	hole_fall_into(p, 1300);
	hole.mtu = 1450;
	hole_transfer(p, 1000, 10, 70);
	hole_transfer(p, 100000, 10, 2);
	CHECK(mtu_now(p) == 1400);
	recoveries = (unsigned)p->stats.v[STAT_TCP_FAST_RECOVERIES];
	rtos = (unsigned)p->stats.v[STAT_TCP_RTOS];
	cwnd = peer_info(p).cwnd;
	hole_transfer(p, 100000, 2, 2);
	COUNTED(STAT_TCP_MTU_PROBES, 2);
	COUNTED(STAT_TCP_FAST_RECOVERIES, recoveries);
	COUNTED(STAT_TCP_RTOS, rtos);
	CHECK(peer_info(p).cwnd >= cwnd / 2);
	CHECK(mtu_now(p) == 1400);
	for (unsigned i = 0; i < 9; i++)
		hole_transfer(p, 50000, 10, 60);
	COUNTED(STAT_TCP_MTU_PROBES, 2);
	hole_transfer(p, 1000, 10, 60);
	hole_transfer(p, 50000, 10, 2);
	COUNTED(STAT_TCP_MTU_PROBES, 3);
	hole.mtu = mtu_full(p);
	hole_transfer(p, 1000, 10, 601);
	hole_transfer(p, 50000, 10, 2);
	hole_transfer(p, 50000, 10, 2);
	CHECK(mtu_now(p) == mtu_full(p));
	COUNTED(STAT_TCP_MTU_PROBES, 5);
	COUNTED(STAT_TCP_FAST_RECOVERIES, recoveries);
}

/* Beside the probe something else is lost: that is congestion. */
SCENARIO(mtu_probe_is_lost_among_others)
{
	unsigned recoveries;
	const struct packet *k;
	bool probed = false;
	unsigned n = 0;

	hole_fall_into(p, 1300);
	hole_transfer(p, 1000, 10, 70);
	recoveries = (unsigned)p->stats.v[STAT_TCP_FAST_RECOVERIES];
	APP_WRITE(30000);
	while ((k = peer_next(p)) != NULL) {
		probed |= k->len + k->options_len > 1300;
		/* The one behind the probe is lost as well. */
		if (probed && n++ == 1)
			continue;
		hole_take(p, k);
	}
	CHECK(probed);
	ADVANCE_MS(50);
	COUNTED(STAT_TCP_FAST_RECOVERIES, recoveries + 1);
	while ((k = peer_next(p)) != NULL)
		hole_take(p, k);
	hole_transfer(p, 1000, 10, 0);
}

/* Too little to send for a loss to be noticed by what follows. */
SCENARIO(mtu_is_not_probed_with_short_messages)
{
	hole_fall_into(p, 1300);
	hole_transfer(p, 1000, 10, 70);
	for (unsigned i = 0; i < 10; i++)
		hole_transfer(p, 5000, 10, 60);
	COUNTED(STAT_TCP_MTU_PROBES, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(MUST_24_keepalive_can_be_switched, quick_keepalive),
		RUN(MUST_28_keepalive_default_is_two_hours),
		RUN_WITH(MUST_26_no_keepalive_on_a_busy_connection, quick_keepalive),
		RUN_WITH(MUST_29_lost_keepalives_are_tolerated, quick_keepalive),
		RUN(MUST_17_nagle_can_be_on),
		RUN(fin_is_not_held_by_nagle),
		RUN_WITH(paced_segments_are_spread, paced),
		RUN(black_hole_is_seen),
		RUN(black_hole_of_a_large_segment),
		RUN(outage_is_not_a_black_hole_for_ever),
		RUN(mtu_grows_after_a_black_hole),
		RUN(mtu_probe_fails),
		RUN(mtu_probe_is_lost_among_others),
		RUN(mtu_is_not_probed_with_short_messages),
	};

	return scenario_main(argc, argv, "optional", tests, sizeof(tests) / sizeof(tests[0]));
}
