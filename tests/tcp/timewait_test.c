/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TIME-WAIT: RFC 9293 3.6.1, RFC 1337, RFC 6191; and what a RST storm may cost (RFC 5961). */
#include "tests/tcp/peer_inside.h"
#include "tests/tcp/scenario.h"

static void reuse(struct peer *p, const char *line)
{
	uint32_t old = p->stack_isn + p->una;
	const struct packet *k;

	SEND("%s", line);
	k = peer_next(p);
	CHECK(k && k->flags == (TH_SYN | TH_ACK));
	/* The new ISN is above all numbers of the old incarnation. */
	CHECK((int32_t)(k->seq - old) > 0);
	STATE(TCP_SYN_RECEIVED);
}

/* RFC 6191: no timestamps: a higher sequence number. */
SCENARIO(reuse_by_sequence_number)
{
	ENTER(TCP_TIME_WAIT, "mss 1460");
	APP_RELEASE();
	ADVANCE_MS(2000);
	reuse(p, "S 5000:5000(0) win 65535 <mss 1460>");
	SEND(". 5001:5001(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	p->isn += 5000;
	SEND("P. 1:11(10) ack 1 win 65535");
	APP_READ(10);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 11");
}

SCENARIO(no_reuse_by_lower_sequence_number)
{
	ENTER(TCP_TIME_WAIT, "mss 1460");
	APP_RELEASE();
	ADVANCE_MS(2000);
	SEND("S 50:50(0) win 65535 <mss 1460>");
	EXPECT(". %u:%u(0) ack %u", p->una, p->una, p->next);
	STATE(TCP_TIME_WAIT);
}

/* RFC 6191: a later timestamp opens it whatever the sequence number is. */
SCENARIO(reuse_by_timestamp)
{
	ENTER(TCP_TIME_WAIT, "mss 1460,sackOK,TS");
	APP_RELEASE();
	ADVANCE_MS(2000);
	reuse(p, "S -100000:-100000(0) win 65535 <mss 1460,sackOK,TS>");
}

SCENARIO(no_reuse_by_older_timestamp)
{
	ENTER(TCP_TIME_WAIT, "mss 1460,sackOK,TS");
	APP_RELEASE();
	ADVANCE_MS(2000);
	SEND("S 5000:5000(0) win 65535 <mss 1460,sackOK,nop,nop,TS val %u ecr 0>",
	    p->ts_base - 5000);
	EXPECT(". %u:%u(0) ack %u", p->una, p->una, p->next);
	STATE(TCP_TIME_WAIT);
}

/* The old incarnation had timestamps, the SYN has none: the sequence number decides. */
SCENARIO(reuse_without_timestamp_after_one_with)
{
	ENTER(TCP_TIME_WAIT, "mss 1460,sackOK,TS");
	APP_RELEASE();
	ADVANCE_MS(2000);
	reuse(p, "S 5000:5000(0) win 65535 <mss 1460>");
}

/* RFC 1337: an old duplicate must not end TIME-WAIT early. */
SCENARIO(old_duplicates_do_not_assassinate)
{
	ENTER(TCP_TIME_WAIT, "mss 1460");
	APP_RELEASE();
	for (unsigned i = 0; i < 50; i++) {
		SEND(". 1:51(50) ack 1 win 65535");
		peer_discard(p);
		SEND("R %u:%u(0)", p->next, p->next);
		peer_discard(p);
		ADVANCE_MS(1000);
		peer_discard(p);
	}
	STATE(TCP_TIME_WAIT);
}

/* The FIN's acknowledgment carries timestamps in TIME-WAIT too (RFC 7323 3.2). */
SCENARIO(ack_from_time_wait_has_timestamps)
{
	ENTER(TCP_TIME_WAIT, "mss 1460,sackOK,TS");
	APP_RELEASE();
	ADVANCE_MS(1000);
	SEND("F. %u:%u(0) ack %u win 65535", p->next - 1, p->next - 1, p->una);
	EXPECT(". %u:%u(0) ack %u <TS>", p->una, p->una, p->next);
}

/* PAWS in TIME-WAIT: an old duplicate with an old stamp is acknowledged, no more. */
SCENARIO(paws_in_time_wait)
{
	ENTER(TCP_TIME_WAIT, "mss 1460,sackOK,TS");
	APP_RELEASE();
	SEND("F. %u:%u(0) ack %u win 65535 <nop,nop,TS val %u ecr 0>", p->next - 1, p->next - 1,
	    p->una, p->ts_base - 90000);
	peer_discard(p);
	STATE(TCP_TIME_WAIT);
}

static const struct peer_config few = { .stack = { .max_time_wait = 8, .max_conns = 16 } };

/* More than fit: the oldest give way, the newest are kept. */
SCENARIO(time_wait_is_bounded)
{
	struct stack_info info;

	for (unsigned i = 0; i < 20; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		ESTABLISH("mss 1460", 65535);
		APP_SHUTDOWN();
		EXPECT("F. 1:1(0) ack 1");
		SEND("F. 1:1(0) ack 2 win 65535");
		EXPECT(". 2:2(0) ack 2");
		APP_RELEASE();
	}
	stack_info_get(p->stack, &info);
	CHECK(info.n_state[TCP_TIME_WAIT] >= 1 && info.n_state[TCP_TIME_WAIT] <= 8);
	CHECK(info.n_conns_free == 16);
	SEND("F. 1:1(0) ack 2 win 65535");
	EXPECT(". 2:2(0) ack 2");
	ADVANCE_MS(62 * 1000);
	STATE(TCP_CLOSED);
}

/* All ports but one are somebody else's. */
static uint64_t port_2000_is_ours(const void *arg, const struct flow *flow)
{
	(void)arg;
	return flow->local_port == 2000 / 64 * 64 ? 1ull << 2000 % 64 : 0;
}

static const struct peer_config one_port = { .stack = { .ports_are_ours = port_2000_is_ours } };

static enum tcp_error connect_again(struct peer *p)
{
	struct tcp_target target = { .ip = p->remote, .port = 80 };
	enum tcp_error error;
	struct tcp_conn *c = tcp_connect(p->stack, &target, p, p->now_us, &error);

	CHECK((c != NULL) == (error == TCP_OK));
	if (c) {
		CHECK(tcp_flow(c)->local_port == 2000);
		peer_run(p);
		peer_discard(p);
		tcp_abort(c);
		tcp_release(c);
		peer_run(p);
		peer_discard(p);
	}
	return error;
}

static void close_actively(struct peer *p, const char *options)
{
	ESTABLISH_ACTIVE(options, 65535);
	CHECK(p->local_port == 2000);
	CHECK(connect_again(p) == TCP_ERR_NO_PORT);
	APP_SHUTDOWN();
	EXPECT("F. 1:1(0) ack 1");
	SEND("F. 1:1(0) ack 2 win 65535");
	EXPECT(". 2:2(0) ack 2");
	APP_RELEASE();
	STATE(TCP_TIME_WAIT);
}

/* RFC 6191 for our own opens: a peer with timestamps tells old from new once the clock has ticked. */
SCENARIO(own_open_takes_over_a_time_wait_with_timestamps)
{
	struct stack_info info;

	close_actively(p, "mss 1460,sackOK,TS");
	ADVANCE_MS(900);
	CHECK(connect_again(p) == TCP_ERR_NO_PORT);
	COUNTED(STAT_TCP_NO_PORT, 2);
	ADVANCE_MS(200);
	CHECK(connect_again(p) == TCP_OK);
	COUNTED(STAT_TCP_PORTS_REUSED, 1);
	CHECK(connect_again(p) == TCP_OK); /* it is free now */
	COUNTED(STAT_TCP_PORTS_REUSED, 1);
	stack_info_get(p->stack, &info);
	CHECK(info.n_ports_taken == 0);
}

SCENARIO(own_open_waits_for_a_time_wait_without_timestamps)
{
	close_actively(p, "mss 1460");
	ADVANCE_MS(59 * 1000);
	CHECK(connect_again(p) == TCP_ERR_NO_PORT);
	ADVANCE_MS(2 * 1000);
	CHECK(connect_again(p) == TCP_OK);
	COUNTED(STAT_TCP_PORTS_REUSED, 0);
}

/* TIME-WAIT does not use up connections (tcp.md 5: 64 bytes in a FIFO). */
SCENARIO(time_wait_frees_the_connection)
{
	struct stack_info before, after;

	stack_info_get(p->stack, &before);
	ENTER(TCP_TIME_WAIT, "mss 1460");
	APP_RELEASE();
	stack_info_get(p->stack, &after);
	CHECK(before.n_conns_free == after.n_conns_free);
	CHECK(after.n_held_mbufs == 0);
}

/* RFC 5961 7 and pitfall 6: challenge ACKs are limited per connection. */
SCENARIO(challenge_acks_are_limited)
{
	unsigned n = 0;

	ENTER(TCP_ESTABLISHED, "mss 1460");
	for (unsigned i = 0; i < 1000; i++) {
		SEND("R %u:%u(0)", p->next + 5 + i, p->next + 5 + i);
		while (peer_next(p))
			n++;
	}
	CHECK(n >= 1 && n <= 20);
	for (unsigned i = 0; i < 1000; i++) {
		SEND("S %u:%u(0) win 9", p->next + 5 + i, p->next + 5 + i);
		while (peer_next(p))
			n++;
	}
	CHECK(n <= 20);
	/* Data still gets its ACK at once. */
	SEND("P. 1:101(100) ack 101 win 65535");
	EXPECT(". 101:101(0) ack 101");
	/* And after a while there is an answer again. */
	ADVANCE_MS(6000);
	SEND("R %u:%u(0)", p->next + 5, p->next + 5);
	EXPECT(". 101:101(0) ack 101");
}

/* The limit is per connection: one flood must not mute, nor be visible on, another connection. */
SCENARIO(challenge_ack_limit_is_no_side_channel)
{
	uint32_t isn;
	uint16_t port = p->remote_port;

	ENTER(TCP_ESTABLISHED, "mss 1460");
	isn = p->stack_isn;
	for (unsigned i = 0; i < 1000; i++) {
		SEND("R %u:%u(0)", p->next + 5, p->next + 5);
		peer_discard(p);
	}
	peer_new_flow(p, 41000);
	ESTABLISH("mss 1460", 65535);
	SEND("R 6:6(0)");
	EXPECT(". 1:1(0) ack 1");
	peer_new_flow(p, port);
	p->stack_isn = isn;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(reuse_by_sequence_number),
		RUN(no_reuse_by_lower_sequence_number),
		RUN(reuse_by_timestamp),
		RUN(no_reuse_by_older_timestamp),
		RUN(reuse_without_timestamp_after_one_with),
		RUN_WITH(own_open_takes_over_a_time_wait_with_timestamps, one_port),
		RUN_WITH(own_open_waits_for_a_time_wait_without_timestamps, one_port),
		RUN(old_duplicates_do_not_assassinate),
		RUN(ack_from_time_wait_has_timestamps),
		RUN(paws_in_time_wait),
		RUN_WITH(time_wait_is_bounded, few),
		RUN(time_wait_frees_the_connection),
		RUN(challenge_acks_are_limited),
		RUN(challenge_ack_limit_is_no_side_channel),
	};

	return scenario_main(argc, argv, "timewait", tests, sizeof(tests) / sizeof(tests[0]));
}
