/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 9293's MUSTs about options and the MSS, each test named after its id. */
#include "tests/tcp/scenario.h"

/* Answers a SYN with these options as if the bad ones were not there, in every spelling. */
SCENARIO(MUST_7_illegal_option_length)
{
	static const char *const bad[] = {
		"raw 63000000",                     /* unknown kind, length 0 */
		"raw fe000101",                     /* 254, length 0 */
		"raw 63010000",                     /* length 1 */
		"raw 63ff0000",                     /* past the header */
		"raw 01010163",                     /* kind in the last byte, no length */
		"raw 020305b4",                     /* MSS with length 3 */
		"raw 02050000 ",                    /* MSS past the header */
		"raw 0300",                         /* window scale with length 0 */
		"raw 03020000",                     /* window scale with length 2 */
		"raw 04030000",                     /* SACK permitted with length 3 */
		"raw 0400",                         /* SACK permitted with length 0 */
		"raw 080900000001000000",           /* timestamps with length 9 */
		"raw 080b0000000100000000",         /* timestamps past the header */
		"raw 0500",                         /* SACK with length 0 */
		"raw 0203",                         /* cut off */
		"raw 01010102", "raw 000263000102", /* rubbish after the end of the list */
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		SEND("S 0:0(0) win 65535 <%s>", bad[i]);
		EXPECT("S. 0:0(0) ack 1 <mss 1460>");
		SEND("R 1:1(0)");
		EXPECT_NONE();
	}
	/* The options before the bad one count (RFC 9293 leaves it open; Linux does so too). */
	peer_new_flow(p, 42000);
	SEND("S 0:0(0) win 65535 <mss 700,raw 63000000>");
	EXPECT("S. 0:0(0) ack 1 <mss 1460>");
	SEND(". 1:1(0) ack 1 win 65535");
	APP_WRITE(1000);
	EXPECT(". 1:701(700) ack 1");
	EXPECT("P. 701:1001(300) ack 1");
}

SCENARIO(MUST_7_illegal_option_length_on_data)
{
	ESTABLISH("mss 1460", 65535);
	EVENTS(0);
	SEND("P. 1:11(10) ack 1 win 65535 <raw 63000000>");
	SEND("P. 1:11(10) ack 1 win 65535 <raw fe000101>");
	SEND("P. 1:11(10) ack 1 win 65535 <raw 08000000>");
	SEND("P. 1:11(10) ack 1 win 65535 <raw 05020000>");
	SEND("P. 1:11(10) ack 1 win 65535 <raw 05090000000000000000>");
	SEND("P. 1:11(10) ack 1 win 65535");
	ADVANCE_MS(100);
	APP_READ(10);
	STATE(TCP_ESTABLISHED);
	peer_discard(p);
}

SCENARIO(MUST_64_options_at_any_alignment)
{
	static const char *const shifted[] = { "mss 800,sackOK,TS val 7 ecr 0,wscale 2",
		"nop,mss 800,sackOK,nop,TS val 7 ecr 0,wscale 2",
		"nop,nop,mss 800,wscale 2,TS val 7 ecr 0,sackOK",
		"nop,nop,nop,mss 800,wscale 2,sackOK,TS val 7 ecr 0",
		"wscale 2,mss 800,TS val 7 ecr 0,sackOK",
		"TS val 7 ecr 0,wscale 2,sackOK,mss 800" };

	for (unsigned i = 0; i < 6; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		SEND("S 0:0(0) win 65535 <%s>", shifted[i]);
		CHECK(p->queue_head != p->queue_tail);
		const struct packet *k = peer_next(p);
		struct packet_options o;

		CHECK(!packet_options_parse(k, &o));
		CHECK(o.has_mss && o.has_wscale && o.sack_ok && o.has_ts && o.ts_ecr == 7);
		SEND(". 1:1(0) ack 1 win 65535 <nop,TS val 8 ecr %u>", p->last_ts_val);
		EVENTS(TCP_EV_ESTABLISHED);
		APP_WRITE(800);
		EXPECT(". 1:789(788) ack 1 <TS val 0 ecr 8>");
		EXPECT("P. 789:801(12) ack 1 <TS val 0 ecr 8>");
		SEND("R 1:1(0)");
	}
}

SCENARIO(MUST_5_options_on_any_segment)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:11(10) ack 1 win 65535 <nop,nop,nop,eol>");
	APP_READ(10);
	SEND("P. 11:21(10) ack 1 win 65535 <nop,nop,TS val 5 ecr 5>");
	APP_READ(10);
	/* Timestamps that were not agreed on are not answered with ours. */
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 21 <>");
	SEND("F. 21:21(0) ack 1 win 65535 <nop,nop,nop,nop,nop,nop,nop,nop>");
	EXPECT_IN_MS(0, 100, ". 1:1(0) ack 22 <>");
	STATE(TCP_CLOSE_WAIT);
}

SCENARIO(MUST_6_unknown_options_ignored)
{
	ESTABLISH("raw fd041234,mss 1460,raw 1e03ff,raw 22020000", 65535);
	SEND("P. 1:11(10) ack 1 win 65535 <raw fe0a0102030405060708,raw 1302>");
	APP_READ(10);
	SEND("P. 11:21(10) ack 1 win 65535 <raw "
	     "fd28000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425>");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 21");
}

SCENARIO(MUST_65_mss_only_on_syn)
{
	ESTABLISH("mss 1460", 65535);
	SEND(". 1:1(0) ack 1 win 65535 <mss 500>");
	EXPECT_NONE();
	APP_WRITE(2000);
	EXPECT(". 1:1461(1460) ack 1 <>");
	EXPECT("P. 1461:2001(540) ack 1 <>");
	SEND(". 1:1(0) ack 2001 win 65535");
	APP_SHUTDOWN();
	EXPECT("F. 2001:2001(0) ack 1 <>");
}

SCENARIO(MUST_14_mss_is_sent)
{
	SEND("S 0:0(0) win 65535 <mss 1200>");
	EXPECT("S. 0:0(0) ack 1 <mss 1460>");
	SEND("R 1:1(0)");
	peer_new_flow(p, 80);
	APP_CONNECT();
	EXPECT("S 0:0(0)");
	CHECK(p->stack_isn_known);
}

SCENARIO(MUST_15_default_send_mss)
{
	uint32_t mss = p->config.ip6 ? 1220 : 536;

	SEND("S 0:0(0) win 65535");
	EXPECT("S. 0:0(0) ack 1 <mss 1460>");
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	APP_WRITE(2 * mss + 9);
	EXPECT(". 1:%u(%u) ack 1", 1 + mss, mss);
	EXPECT(". %u:%u(%u) ack 1", 1 + mss, 1 + 2 * mss, mss);
	EXPECT("P. %u:%u(9) ack 1", 1 + 2 * mss, 1 + 2 * mss + 9);
}

SCENARIO(MUST_15_default_send_mss_active)
{
	uint32_t mss = p->config.ip6 ? 1220 : 536;

	p->remote_port = 80;
	APP_CONNECT();
	EXPECT("S 0:0(0)");
	SEND("S. 0:0(0) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 1 <>");
	EVENTS(TCP_EV_ESTABLISHED);
	APP_WRITE(mss + 9);
	EXPECT(". 1:%u(%u) ack 1", 1 + mss, mss);
	EXPECT("P. %u:%u(9) ack 1", 1 + mss, 1 + mss + 9);
}

SCENARIO(MUST_16_effective_mss)
{
	ESTABLISH("mss 1000,TS", 65535);
	APP_WRITE(1000);
	EXPECT(". 1:989(988) ack 1 <TS>");
	EXPECT("P. 989:1001(12) ack 1 <TS>");
	CHECK(peer_info(p).mss == 988);
}

/* SACK blocks in front of data must not push the packet over the MTU. */
SCENARIO(MUST_16_effective_mss_with_sack_blocks)
{
	ESTABLISH("mss 1460,sackOK,TS", 65535);
	SEND("P. 101:201(100) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 1 <TS,sack 101:201>");
	APP_WRITE(3000);
	for (const struct packet *k; (k = peer_next(p)) != NULL;)
		CHECK(k->len + k->options_len <= 1460);
}

/* An absurdly small MSS must neither divide by zero nor cost a packet a byte. */
SCENARIO(MUST_16_tiny_mss)
{
	static const unsigned tiny[] = { 0, 1, 11, 12, 13, 40, 63 };

	for (unsigned i = 0; i < 7; i++) {
		unsigned n = 0;

		peer_new_flow(p, (uint16_t)(41000 + i));
		SEND("S 0:0(0) win 65535 <mss %u,nop,nop,TS val 1 ecr 0>", tiny[i]);
		EXPECT("S. 0:0(0) ack 1");
		SEND(". 1:1(0) ack 1 win 65535 <nop,nop,TS val 2 ecr %u>", p->last_ts_val);
		EVENTS(TCP_EV_ESTABLISHED);
		APP_WRITE(200);
		for (const struct packet *k; (k = peer_next(p)) != NULL; n++)
			CHECK(k->len > 0);
		CHECK(n >= 1 && n <= 10);
		SEND("R 1:1(0)");
	}
}

SCENARIO(MUST_16_huge_mss_is_cut_to_our_mtu)
{
	ESTABLISH("mss 65535", 65535);
	APP_WRITE(2000);
	EXPECT(". 1:1461(1460) ack 1");
	EXPECT("P. 1461:2001(540) ack 1");
}

/* packet_options_parse looks at the padding of everything that is sent. */
SCENARIO(MUST_69_header_padding_is_zero)
{
	static const char *const odd[] = { "mss 1460,wscale 3", "wscale 3", "sackOK",
		"wscale 3,sackOK", "TS val 1 ecr 0,wscale 1" };

	for (unsigned i = 0; i < 5; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		SEND("S 0:0(0) win 65535 <%s>", odd[i]);
		const struct packet *k = peer_next(p);
		struct packet_options o;

		CHECK(k && k->flags == (TH_SYN | TH_ACK));
		CHECK(!packet_options_parse(k, &o));
		SEND("R 1:1(0)");
	}
}

/* RFC 7323 2.2: only if both SYNs had it. */
SCENARIO(options_of_syn_ack_mirror_those_of_syn)
{
	static const struct {
		const char *syn, *answer;
	} pairs[] = {
		{ "", "mss 1460" },
		{ "mss 1", "mss 1460" },
		{ "mss 1460,sackOK", "mss 1460,sackOK" },
		{ "mss 1460,TS val 9 ecr 0", "mss 1460,TS val 0 ecr 9" },
		{ "mss 1460,sackOK,TS val 9 ecr 0", "mss 1460,sackOK,TS val 0 ecr 9" },
	};

	for (unsigned i = 0; i < 5; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		SEND("S 0:0(0) win 65535 <%s>", pairs[i].syn);
		EXPECT("S. 0:0(0) ack 1 <%s>", pairs[i].answer);
		SEND("R 1:1(0)");
	}
}

SCENARIO(syn_with_duplicate_options)
{
	SEND("S 0:0(0) win 65535 <mss 1000,mss 700,sackOK,sackOK,wscale 2,wscale 3>");
	const struct packet *k = peer_next(p);
	struct packet_options o;

	CHECK(k && k->flags == (TH_SYN | TH_ACK));
	CHECK(!packet_options_parse(k, &o) && o.has_wscale && o.sack_ok);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	APP_WRITE(2000);
	k = peer_next(p);
	CHECK(k && (k->len == 700 || k->len == 1000));
	CHECK(peer_info(p).snd_wscale == 2 || peer_info(p).snd_wscale == 3);
	peer_discard(p);
}

/* RFC 7323 2.3: a shift above 14 is taken for 14. */
SCENARIO(syn_with_window_scale_above_14)
{
	ESTABLISH("mss 1460,nop,wscale 15", 65535);
	CHECK(peer_info(p).snd_wscale == 14);
	CHECK(peer_info(p).snd_wnd == 65535u << 14);
	peer_new_flow(p, 41001);
	ESTABLISH("mss 1460,nop,wscale 255", 65535);
	CHECK(peer_info(p).snd_wscale == 14);
}

/* RFC 7323 2.2: the window field of a SYN is never scaled. */
SCENARIO(window_of_syn_is_not_scaled)
{
	SEND("S 0:0(0) win 1000 <mss 1460,nop,wscale 7>");
	EXPECT("S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 20");
	EVENTS(TCP_EV_ESTABLISHED);
	CHECK(peer_info(p).snd_wnd == 20u << 7);
	APP_WRITE(4000);
	EXPECT(". 1:1461(1460) ack 1");
}

SCENARIO(window_of_syn_ack_is_not_scaled)
{
	p->remote_port = 80;
	APP_CONNECT();
	EXPECT("S 0:0(0)");
	SEND("S. 0:0(0) ack 1 win 2000 <mss 1460,nop,wscale 7>");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(TCP_EV_ESTABLISHED);
	CHECK(peer_info(p).snd_wnd == 2000);
	APP_WRITE(4000);
	EXPECT(". 1:1461(1460) ack 1");
	EXPECT_NONE();
}

/* Options in the SYN+ACK we did not ask for, or asked for and did not get. */
SCENARIO(syn_ack_without_options)
{
	ESTABLISH_ACTIVE("", 65535);
	CHECK(!peer_info(p).sack && !peer_info(p).timestamps && peer_info(p).snd_wscale == 0);
	CHECK(peer_info(p).rcv_wscale == 0);
	SEND("P. 101:201(100) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 1 <>");
}

/* RFC 9293 3.10.7.2: data on a SYN may be queued; losing it is allowed, corrupting is not. */
SCENARIO(syn_with_data)
{
	SEND("S 0:10(10) win 65535 <mss 1460>");
	const struct packet *k = peer_next(p);

	CHECK(k && k->flags == (TH_SYN | TH_ACK));
	CHECK(peer_matches(p, k, "S. 0:0(0) ack 1") || peer_matches(p, k, "S. 0:0(0) ack 11"));
	SEND("P. 1:21(20) ack 1 win 65535");
	APP_READ(20);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 21");
}

SCENARIO(syn_with_fin)
{
	SEND("SF 0:0(0) win 65535 <mss 1460>");
	const struct packet *k = peer_next(p);

	/* Answered or ignored; but the listener must be as before for the next one. */
	CHECK(!k || k->flags == (TH_SYN | TH_ACK) || k->flags & TH_RST);
	SEND("R 1:1(0)");
	peer_discard(p);
	peer_new_flow(p, 41001);
	ESTABLISH("mss 1460", 65535);
	STATE(TCP_ESTABLISHED);
}

SCENARIO(data_offset_below_5_or_past_the_end)
{
	ESTABLISH("mss 1460", 65535);
	for (unsigned words = 1; words < 5; words++)
		SEND("P. 1:11(10) ack 1 win 65535 doff %u", words);
	SEND(". 1:1(0) ack 1 win 65535 doff 6");
	SEND(". 1:1(0) ack 1 win 65535 doff 15");
	EXPECT_NONE();
	APP_AVAILABLE(0);
	SEND("P. 1:11(10) ack 1 win 65535");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11");
}

/* MUST-2, MUST-3. */
SCENARIO(MUST_3_bad_checksum_is_dropped)
{
	ESTABLISH("mss 1460", 65535);
	SEND("P. 1:11(10) ack 1 win 65535 badsum");
	SEND("R 1:1(0) badsum");
	SEND("F. 1:1(0) ack 1 win 65535 badsum");
	EXPECT_NONE();
	APP_AVAILABLE(0);
	STATE(TCP_ESTABLISHED);
	COUNTED(STAT_DROP_TCP_BAD_CHECKSUM, 3);
	SEND("P. 1:11(10) ack 1 win 65535");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(MUST_7_illegal_option_length),
		RUN(MUST_7_illegal_option_length_on_data),
		RUN(MUST_64_options_at_any_alignment),
		RUN(MUST_5_options_on_any_segment),
		RUN(MUST_6_unknown_options_ignored),
		RUN(MUST_65_mss_only_on_syn),
		RUN(MUST_14_mss_is_sent),
		RUN(MUST_15_default_send_mss),
		RUN(MUST_15_default_send_mss_active),
		RUN(MUST_16_effective_mss),
		RUN(MUST_16_effective_mss_with_sack_blocks),
		RUN(MUST_16_tiny_mss),
		RUN(MUST_16_huge_mss_is_cut_to_our_mtu),
		RUN(MUST_69_header_padding_is_zero),
		RUN(options_of_syn_ack_mirror_those_of_syn),
		RUN(syn_with_duplicate_options),
		RUN(syn_with_window_scale_above_14),
		RUN(window_of_syn_is_not_scaled),
		RUN(window_of_syn_ack_is_not_scaled),
		RUN(syn_ack_without_options),
		RUN(syn_with_data),
		RUN(syn_with_fin),
		RUN(data_offset_below_5_or_past_the_end),
		RUN(MUST_3_bad_checksum_is_dropped),
	};

	return scenario_main(argc, argv, "must_option", tests, sizeof(tests) / sizeof(tests[0]));
}
