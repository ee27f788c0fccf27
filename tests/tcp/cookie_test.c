/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SYN floods and SYN cookies: RFC 4987, tcp.md 3 and pitfall 7. */
#include "tests/tcp/scenario.h"

#define MODERN "mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7"

static const struct peer_config flooded = { .stack = { .max_syn_received = 4, .max_conns = 32 } };

static unsigned half_open(struct peer *p)
{
	struct stack_info info;

	stack_info_get(p->stack, &info);
	return info.n_state[TCP_SYN_RECEIVED];
}

/* Fills the table of half-open connections, so that cookies answer from here on. */
static void flood(struct peer *p)
{
	for (uint16_t i = 0; i < 16; i++) {
		peer_new_flow(p, (uint16_t)(20000 + i));
		SEND("S 0:0(0) win 65535 <mss 1460>");
		EXPECT("S. 0:0(0) ack 1");
	}
	CHECK(half_open(p) >= 1 && half_open(p) <= 4);
	peer_new_flow(p, PEER_PORT);
}

SCENARIO(half_open_connections_are_bounded)
{
	unsigned answers = 0;

	for (unsigned i = 0; i < 2000; i++) {
		p->remote.b[15] = (uint8_t)(2 + i % 200);
		peer_new_flow(p, (uint16_t)(1024 + i));
		SEND("S 0:0(0) win 65535 <%s>", i & 1 ? MODERN : "mss 1460");
		while (peer_next(p))
			answers++;
		CHECK(half_open(p) <= 4);
	}
	CHECK(answers == 2000);
	/* Every legitimate handshake completes meanwhile. */
	p->remote.b[15] = 2;
	peer_new_flow(p, PEER_PORT);
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1");
	SEND(". 1:1(0) ack 101 win 65535");
	p->drop_output = true; /* SYN+ACKs of the four are repeated */
	ADVANCE_MS(300 * 1000);
	CHECK(half_open(p) == 0);
}

SCENARIO(cookie_keeps_window_scale_and_sack)
{
	struct tcp_info info;

	flood(p);
	SEND("S 0:0(0) win 65535 <" MODERN ">");
	EXPECT("S. 0:0(0) ack 1");
	SEND(". 1:1(0) ack 1 win 512 <nop,nop,TS val 1001 ecr %u>", p->last_ts_val);
	EVENTS(TCP_EV_ESTABLISHED);
	info = peer_info(p);
	CHECK(info.sack && info.timestamps && info.snd_wscale == 7);
	CHECK(info.snd_wnd == 512u << 7);
	CHECK(info.rcv_wscale == p->stack_wscale);
	CHECK(info.mss <= 1448 && info.mss >= 1200);
	APP_WRITE(100);
	EXPECT("P. 1:101(100) ack 1 <TS val 0 ecr 1001>");
	SEND("P. 1:11(10) ack 101 win 512 <nop,nop,TS val 1002 ecr %u>", p->last_ts_val);
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 101:101(0) ack 11 <TS val 0 ecr 1002>");
}

SCENARIO(cookie_without_sack)
{
	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460,TS val 1000 ecr 0>");
	EXPECT("S. 0:0(0) ack 1 <mss 1460,TS val 0 ecr 1000>");
	SEND(". 1:1(0) ack 1 win 512 <nop,nop,TS val 1001 ecr %u>", p->last_ts_val);
	EVENTS(TCP_EV_ESTABLISHED);
	CHECK(!peer_info(p).sack && peer_info(p).timestamps && peer_info(p).snd_wscale == 0);
	CHECK(peer_info(p).snd_wnd == 512 && peer_info(p).rcv_wscale == 0);
}

/* No timestamps: no room for scale and SACK, so the answer must not promise them. */
SCENARIO(cookie_without_timestamps)
{
	struct packet_options o;
	const struct packet *k;

	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460,sackOK,nop,wscale 7>");
	k = peer_next(p);
	CHECK(k && k->flags == (TH_SYN | TH_ACK) && !packet_options_parse(k, &o));
	SEND(". 1:1(0) ack 1 win 512");
	EVENTS(TCP_EV_ESTABLISHED);
	CHECK(peer_info(p).snd_wscale == (o.has_wscale ? 7 : 0));
	CHECK(peer_info(p).sack == o.sack_ok);
	APP_WRITE(3000);
	/* The window of 512, scaled or not, and no more. */
	k = peer_next(p);
	CHECK(k && k->len == (o.has_wscale ? 1460 : 512));
	peer_discard(p);
}

/* The MSS a cookie remembers is never above the peer's. */
SCENARIO(cookie_mss_is_rounded_down)
{
	static const unsigned sizes[] = { 216, 300, 536, 537, 900, 1300, 1439, 1440, 1441, 1459,
		1460, 1461, 8960, 65535 };

	flood(p);
	for (unsigned i = 0; i < 14; i++) {
		const struct packet *k;

		peer_new_flow(p, (uint16_t)(41000 + i));
		SEND("S 0:0(0) win 65535 <mss %u>", sizes[i]);
		EXPECT("S. 0:0(0) ack 1");
		SEND(". 1:1(0) ack 1 win 65535");
		EVENTS(TCP_EV_ESTABLISHED);
		APP_WRITE(2000);
		k = peer_next(p);
		CHECK(k && k->len <= sizes[i] && k->len <= 1460);
		/* Not wastefully below it either. */
		CHECK(sizes[i] < 536 || k->len * 3 >= (sizes[i] < 1460 ? sizes[i] : 1460));
		peer_discard(p);
		SEND("R 1:1(0)");
		APP_RELEASE();
	}
}

SCENARIO(cookie_ack_with_data)
{
	flood(p);
	SEND("S 0:0(0) win 65535 <" MODERN ">");
	EXPECT("S. 0:0(0) ack 1");
	SEND("P. 1:301(300) ack 1 win 512 <nop,nop,TS val 1001 ecr %u>", p->last_ts_val);
	CHECK(p->app && p->app->events & TCP_EV_ESTABLISHED);
	APP_READ(300);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 301");
}

SCENARIO(cookie_ack_with_fin)
{
	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	SEND("FP. 1:301(300) ack 1 win 512");
	CHECK(p->app && p->app->events & TCP_EV_ESTABLISHED);
	CHECK(p->app->events & TCP_EV_PEER_FIN);
	EXPECT_IN_MS(0, 100, ". 1:1(0) ack 302");
	APP_READ(300);
}

/* The bare ACK was lost; the data right behind it must do. */
SCENARIO(cookie_ack_is_lost)
{
	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	ADVANCE_MS(3000);
	p->drop_output = true;
	peer_discard(p);
	SEND("P. 1:301(300) ack 1 win 512");
	CHECK(p->app && p->app->events & TCP_EV_ESTABLISHED);
	APP_READ(300);
}

/* Two keys live: 64 s is never too late. */
SCENARIO(cookie_after_a_key_rotation)
{
	uint32_t isn;

	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	isn = p->stack_isn;
	p->drop_output = true;
	ADVANCE_MS(60 * 1000);
	p->drop_output = false;
	p->stack_isn = isn;
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
}

SCENARIO(cookie_expires)
{
	uint32_t isn;

	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	isn = p->stack_isn;
	p->drop_output = true;
	ADVANCE_MS(200 * 1000);
	p->drop_output = false;
	p->stack_isn = isn;
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT("R 1:1(0)");
	CHECK(!p->app);
}

/* Whatever is not exactly what we handed out is refused, and costs nothing. */
SCENARIO(forged_cookies)
{
	struct stack_info info;
	uint32_t isn;

	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	isn = p->stack_isn;
	SEND(". 1:1(0) ack 2 win 65535");
	EXPECT("R 2:2(0)");
	SEND(". 1:1(0) ack 0 win 65535");
	EXPECT("R 0:0(0)");
	SEND(". 2:2(0) ack 1 win 65535");
	EXPECT("R 1:1(0)");
	SEND(". 0:0(0) ack 1 win 65535");
	EXPECT("R 1:1(0)");
	for (unsigned bit = 0; bit < 32; bit++) {
		SEND(". 1:1(0) ack %u win 65535", 1 ^ 1u << bit);
		EXPECT("R %u:%u(0)", 1 ^ 1u << bit, 1 ^ 1u << bit);
	}
	peer_new_flow(p, 41000);
	p->stack_isn = isn;
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT("R 1:1(0)");
	CHECK(!p->app);
	p->remote.b[15]++;
	peer_new_flow(p, PEER_PORT);
	p->stack_isn = isn;
	SEND(". 1:1(0) ack 1 win 65535");
	EXPECT("R 1:1(0)");
	CHECK(!p->app);
	stack_info_get(p->stack, &info);
	CHECK(info.n_conns_free + info.n_state[TCP_SYN_RECEIVED] >= 32 || info.n_conns_free == 32);
}

/* Forged timestamps on a right cookie must not switch on what the SYN never offered. */
SCENARIO(forged_cookie_timestamp)
{
	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460,TS val 1000 ecr 0>");
	EXPECT("S. 0:0(0) ack 1");
	for (unsigned i = 0; i < 64; i++) {
		SEND(". 1:1(0) ack 1 win 512 <nop,nop,TS val 1001 ecr %u>", p->last_ts_val + 1 + i);
		peer_discard(p);
		if (p->app) {
			CHECK(peer_info(p).snd_wscale <= 14);
			break;
		}
	}
}

/* tcp.md pitfall 7: the ACK reaches another worker, with the same secret. */
SCENARIO(cookie_at_another_worker)
{
	struct peer_config config = flooded;
	struct peer *first = p, *second;

	flood(p);
	SEND("S 0:0(0) win 65535 <" MODERN ">");
	EXPECT("S. 0:0(0) ack 1");
	config.ip6 = first->config.ip6;
	config.start_us = p->now_us + 20000;
	second = peer_new(&config);
	p = second;
	p->stack_isn = first->stack_isn;
	p->stack_wscale = first->stack_wscale;
	SEND("P. 1:11(10) ack 1 win 512 <nop,nop,TS val 1001 ecr %u>", first->last_ts_val);
	CHECK(p->app && p->app->events & TCP_EV_ESTABLISHED);
	CHECK(peer_info(p).snd_wscale == 7 && peer_info(p).sack);
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11");
	/* The pools are one: the first one's count starts again without the second. */
	peer_free(second);
}

/* A SYN that is repeated gets an answer again, and either answer's cookie is good. */
SCENARIO(repeated_syn_and_cookies)
{
	uint32_t first;

	flood(p);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	first = p->stack_isn;
	ADVANCE_MS(500);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	const struct packet *k = peer_next(p);

	CHECK(k && k->flags == (TH_SYN | TH_ACK));
	p->stack_isn = first;
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
}

/* No listener, no cookie. */
SCENARIO(no_cookie_without_listener)
{
	flood(p);
	p->local_port = 444;
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("R. 0:0(0) ack 1");
}

/* RFC 6528: for a given tuple ISNs grow with a clock of 4 us; between tuples they are unrelated. */
SCENARIO(isn_grows_with_the_clock)
{
	uint32_t first, second;

	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	first = p->stack_isn;
	SEND("R 1:1(0)");
	ADVANCE_MS(1000);
	SEND("S 100:100(0) win 65535 <mss 1460>");
	EXPECT("S. * ack 101");
	second = p->stack_isn;
	CHECK(second - first >= 240000 && second - first <= 260000);
	peer_new_flow(p, PEER_PORT + 1);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	CHECK(p->stack_isn - second > 100000 && second - p->stack_isn > 100000);
}

SCENARIO(isns_and_ports_of_active_opens_are_unpredictable)
{
	uint32_t isn[8];
	uint16_t port[8];

	p->remote_port = 80;
	for (unsigned i = 0; i < 8; i++) {
		APP_CONNECT();
		EXPECT("S 0:0(0)");
		isn[i] = p->stack_isn;
		port[i] = p->local_port;
		CHECK(port[i] >= 1024);
		for (unsigned j = 0; j < i; j++) {
			CHECK(port[i] != port[j]);
			CHECK(isn[i] - isn[j] > 1000 && isn[j] - isn[i] > 1000);
		}
	}
	for (unsigned i = 1; i < 8; i++)
		if (port[i] != port[i - 1] + 1)
			return;
	CHECK(!"ports are given out one after the other (RFC 6056)");
}

int main(int argc, char **argv)
{
	static const struct peer_config shared = { .loose_mbufs = true,
		.stack = { .max_syn_received = 4, .max_conns = 32 } };
	const struct CMUnitTest tests[] = {
		RUN_WITH(half_open_connections_are_bounded, flooded),
		RUN_WITH(cookie_keeps_window_scale_and_sack, flooded),
		RUN_WITH(cookie_without_sack, flooded),
		RUN_WITH(cookie_without_timestamps, flooded),
		RUN_WITH(cookie_mss_is_rounded_down, flooded),
		RUN_WITH(cookie_ack_with_data, flooded),
		RUN_WITH(cookie_ack_with_fin, flooded),
		RUN_WITH(cookie_ack_is_lost, flooded),
		RUN_WITH(cookie_after_a_key_rotation, flooded),
		RUN_WITH(cookie_expires, flooded),
		RUN_WITH(forged_cookies, flooded),
		RUN_WITH(forged_cookie_timestamp, flooded),
		RUN_WITH(cookie_at_another_worker, shared),
		RUN_WITH(repeated_syn_and_cookies, flooded),
		RUN_WITH(no_cookie_without_listener, flooded),
		RUN(isn_grows_with_the_clock),
		RUN(isns_and_ports_of_active_opens_are_unpredictable),
	};

	return scenario_main(argc, argv, "cookie", tests, sizeof(tests) / sizeof(tests[0]));
}
