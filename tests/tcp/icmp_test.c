/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMP about our connections: RFC 1122 4.2.3.9, RFC 5927, RFC 5461, RFC 1191, RFC 8201, RFC 6633. */
#include <netinet/in.h>
#include <string.h>

#include "tests/tcp/scenario.h"

enum what {
	NET_UNREACH,
	HOST_UNREACH,
	PORT_UNREACH,
	PROTO_UNREACH,
	ADMIN,
	TTL,
	QUENCH,
	TOO_BIG
};

/*
 * Sends an ICMP error that quotes a packet of the connection with this sequence number
 * (relative) to this port of the peer; quoted: bytes of TCP header in it.
 */
static void icmp_send(
    struct peer *p, enum what what, uint32_t seq, uint16_t to_port, uint16_t mtu, size_t quoted)
{
	static const uint8_t v4[][2] = { { 3, 0 }, { 3, 1 }, { 3, 3 }, { 3, 2 }, { 3, 13 },
		{ 11, 0 }, { 4, 0 }, { 3, 4 } };
	static const uint8_t v6[][2] = { { 1, 0 }, { 1, 3 }, { 1, 4 }, { 4, 1 }, { 1, 1 }, { 3, 0 },
		{ 100, 0 }, { 2, 0 } };
	static uint8_t inner[PACKET_MAX_FRAME], frame[2000];
	struct packet k = { .src = p->local,
		.dst = p->remote,
		.sport = p->local_port,
		.dport = to_port,
		.seq = p->stack_isn + seq,
		.ack = p->isn + p->next,
		.flags = TH_ACK,
		.window = 1000 };
	bool ip6 = p->config.ip6;
	size_t ip = ip6 ? 40 : 20, len = 8 + ip + quoted, off;
	struct ip_addr router = p->remote;
	uint16_t sum;

	router.b[15] = 254;
	packet_build(&k, p->local_mac, p->remote_mac, inner);
	off = packet_ip_build(frame, p->remote_mac, p->local_mac, &router, &p->local,
	    ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 64, 0, len);
	memset(frame + off, 0, 8);
	frame[off] = ip6 ? v6[what][0] : v4[what][0];
	frame[off + 1] = ip6 ? v6[what][1] : v4[what][1];
	frame[off + 6] = (uint8_t)(mtu >> 8);
	frame[off + 7] = (uint8_t)mtu;
	memcpy(frame + off + 8, inner + 14, ip + quoted);
	sum = packet_sum_fold(packet_sum(frame + off, len,
	    ip6 ? packet_pseudo_sum(&router, &p->local, IPPROTO_ICMPV6, (uint32_t)len) : 0));
	frame[off + 2] = (uint8_t)(sum >> 8);
	frame[off + 3] = (uint8_t)sum;
	trace_note(&p->trace, 0, p->now_us, "< ICMP %u/%u seq %d mtu %u", frame[off],
	    frame[off + 1], (int)seq, mtu);
	peer_send_frame(p, frame, off + len);
}

#define ICMP(what, seq)        (HERE, icmp_send(p, what, seq, p->remote_port, 0, 20))
#define ICMP_TOO_BIG(seq, mtu) (HERE, icmp_send(p, TOO_BIG, seq, p->remote_port, mtu, 20))

/* RFC 1122 4.2.3.9, RFC 5461: nothing aborts an established connection. */
SCENARIO(established_is_not_aborted_by_icmp)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(100);
	EXPECT("P. 101:201(100) ack 101");
	for (enum what w = NET_UNREACH; w <= QUENCH; w++)
		ICMP(w, 101);
	STATE(TCP_ESTABLISHED);
	EVENTS(0);
	EXPECT_NONE_MS(100);
	SEND(". 101:101(0) ack 201 win 65535");
	APP_WRITE(10);
	EXPECT("P. 201:211(10) ack 101");
}

/* RFC 6633: source quench is ignored: no window shrinks. */
SCENARIO(source_quench_is_ignored)
{
	uint32_t cwnd;

	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(5000);
	peer_discard(p);
	cwnd = peer_info(p).cwnd;
	ICMP(QUENCH, 101);
	CHECK(peer_info(p).cwnd == cwnd);
	EXPECT_NONE();
}

/* Opening: a hard error about our own SYN ends the attempt (RFC 5461 4.1), at the latest by timeout. */
SCENARIO(syn_sent_hard_error)
{
	ENTER(TCP_SYN_SENT, "");
	ICMP(PORT_UNREACH, 0);
	CHECK(p->app->events == 0 || p->app->events == TCP_EV_TIMEOUT ||
	    p->app->events == TCP_EV_RESET);
	peer_discard(p);
}

SCENARIO(syn_sent_soft_error)
{
	ENTER(TCP_SYN_SENT, "");
	ICMP(NET_UNREACH, 0);
	ICMP(HOST_UNREACH, 0);
	ICMP(TTL, 0);
	EVENTS(0);
	STATE(TCP_SYN_SENT);
	SEND("S. 0:0(0) ack 1 win 65535 <mss 1460>");
	EXPECT(". 1:1(0) ack 1");
	EVENTS(TCP_EV_ESTABLISHED);
}

/* RFC 5927 4.1: an error about a sequence number that is not outstanding is a forgery. */
SCENARIO(syn_sent_hard_error_with_wrong_sequence)
{
	ENTER(TCP_SYN_SENT, "");
	ICMP(PORT_UNREACH, 1);
	ICMP(PORT_UNREACH, 0xffffffff);
	ICMP(PORT_UNREACH, 12345678);
	EVENTS(0);
	STATE(TCP_SYN_SENT);
}

SCENARIO(icmp_for_unknown_flows)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	HERE, icmp_send(p, PORT_UNREACH, 101, 9, 0, 20);
	HERE, icmp_send(p, TOO_BIG, 101, 9, 576, 20);
	HERE, icmp_send(p, TOO_BIG, 101, p->remote_port, 576, 7);
	HERE, icmp_send(p, TOO_BIG, 101, p->remote_port, 576, 0);
	STATE(TCP_ESTABLISHED);
	APP_WRITE(3000);
	EXPECT(". 101:1561(1460) ack 101");
	peer_discard(p);
}

/* MUST-56 of RFC 9293 (RFC 5461 3): soft errors say nothing about a half-open connection either. */
SCENARIO(syn_received_soft_error)
{
	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	ICMP(NET_UNREACH, 0);
	ICMP(HOST_UNREACH, 0);
	ICMP(TTL, 0);
	ICMP(QUENCH, 0);
	ICMP_TOO_BIG(0, 1300);
	STATE(TCP_SYN_RECEIVED);
	EXPECT_IN_MS(900, 1100, "S. 0:0(0) ack 1 <mss 1460>");
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	CHECK(peer_info(p).mss == 1460);
}

/* Hard ones end it (RFC 5461 4.1): back to LISTEN, and a new SYN is welcome. */
SCENARIO(syn_received_hard_error)
{
	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	ICMP(PORT_UNREACH, 0);
	STATE(TCP_CLOSED);
	EXPECT_NONE_MS(70000);
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. * ack 1");
	STATE(TCP_SYN_RECEIVED);
}

SCENARIO(syn_received_hard_error_with_wrong_sequence)
{
	ENTER(TCP_SYN_RECEIVED, "mss 1460");
	ICMP(PORT_UNREACH, 1);
	ICMP(PORT_UNREACH, 0xffffffff);
	ICMP(PORT_UNREACH, 12345678);
	HERE, icmp_send(p, PORT_UNREACH, 0, 9, 0, 20);
	COUNTED(STAT_DROP_TCP_ICMP, 4);
	STATE(TCP_SYN_RECEIVED);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
}

/* Opened from both sides at once: half open in a connection of its own. */
SCENARIO(simultaneous_open_hard_error)
{
	ENTER(TCP_SYN_SENT, "");
	SEND("S 0:0(0) win 65535 <mss 1460>");
	EXPECT("S. 0:0(0) ack 1");
	ICMP(PORT_UNREACH, 7);
	STATE(TCP_SYN_RECEIVED);
	ICMP(PORT_UNREACH, 0);
	STATE(TCP_CLOSED);
	EVENTS(TCP_EV_RESET);
}

SCENARIO(icmp_in_time_wait)
{
	ENTER(TCP_TIME_WAIT, "mss 1460");
	APP_RELEASE();
	ICMP(PORT_UNREACH, p->una - 1);
	ICMP_TOO_BIG(p->una - 1, 1300);
	EXPECT_NONE();
	STATE(TCP_TIME_WAIT);
}

/* RFC 1191 6.5, RFC 8201: smaller segments, what was too big at once again. */
SCENARIO(path_mtu_is_learned)
{
	uint32_t mss = p->config.ip6 ? 1340 : 1360; /* of an MTU of 1400 */
	uint32_t cwnd;

	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(4380);
	peer_discard(p);
	cwnd = peer_info(p).cwnd;
	ICMP_TOO_BIG(101, 1400);
	CHECK(peer_info(p).mss == mss);
	/* RFC 1191 6.5: not a sign of congestion. */
	CHECK(peer_info(p).cwnd + 3000 >= cwnd);
	EXPECT_IN_MS(0, 1000, ". 101:%u(%u) ack 101", 101 + mss, mss);
	p->una = 101;
	SEND(". 101:101(0) ack %u win 65535", 101 + mss);
	p->una = 101 + mss;
	p->next = 101;
	for (const struct packet *k; p->una < 4481;) {
		CHECK(peer_wait(p, 10 * 1000 * 1000));
		k = peer_next(p);
		CHECK(k->len <= mss);
		if (k->seq == p->stack_isn + p->una) {
			p->una += k->len;
			SEND(". 101:101(0) ack %u win 65535", p->una);
		}
	}
	peer_discard(p);
	/* The next connection to there knows. */
	peer_new_flow(p, 41000);
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(3000);
	EXPECT(". 1:%u(%u) ack 1", 1 + mss, mss);
	peer_discard(p);
}

/* Pitfall 12: the quoted number must be outstanding. */
SCENARIO(path_mtu_with_wrong_sequence)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(2920);
	peer_discard(p);
	ICMP_TOO_BIG(100, 600);
	ICMP_TOO_BIG(3021, 600);
	ICMP_TOO_BIG(0x80000000, 600);
	CHECK(peer_info(p).mss == 1460);
	EXPECT_NONE();
}

/* Nothing is outstanding: nothing can have been too big. */
SCENARIO(path_mtu_when_nothing_is_out)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	ICMP_TOO_BIG(101, 600);
	ICMP_TOO_BIG(100, 600);
	CHECK(peer_info(p).mss == 1460);
	EXPECT_NONE();
}

/* Floors: 552 and 1280 (RFC 8201 4: smaller is discarded). */
SCENARIO(path_mtu_has_a_floor)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(2920);
	peer_discard(p);
	ICMP_TOO_BIG(101, 68);
	CHECK(peer_info(p).mss >= (p->config.ip6 ? 1220 : 512));
	ICMP_TOO_BIG(101, 1);
	CHECK(peer_info(p).mss >= (p->config.ip6 ? 1220 : 512));
	p->una = 101;
	p->next = 101;
	peer_receive(p, 2920, 65535, 60 * 1000 * 1000);
	peer_discard(p);
}

/* RFC 1191 5: an old router does not say the MTU (0): a plateau below, for IPv4. */
SCENARIO(path_mtu_not_told)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(2920);
	peer_discard(p);
	ICMP_TOO_BIG(101, 0);
	if (!p->config.ip6)
		CHECK(peer_info(p).mss < 1460 && peer_info(p).mss >= 512);
	p->una = 101;
	p->next = 101;
	peer_receive(p, 2920, 65535, 60 * 1000 * 1000);
	peer_discard(p);
}

/* It never grows by ICMP: larger than what we sent is a lie. */
SCENARIO(path_mtu_never_grows_by_icmp)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(2920);
	peer_discard(p);
	ICMP_TOO_BIG(101, 9000);
	ICMP_TOO_BIG(101, 65535);
	CHECK(peer_info(p).mss == 1460);
	EXPECT_NONE();
}

/* RFC 1191 6.3: an increase may be tried after ten minutes. */
SCENARIO(path_mtu_ages_out)
{
	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(2920);
	peer_discard(p);
	ICMP_TOO_BIG(101, 1400);
	p->una = 101;
	p->next = 101;
	peer_receive(p, 2920, 65535, 60 * 1000 * 1000);
	peer_discard(p);
	ADVANCE_MS(11 * 60 * 1000);
	peer_discard(p);
	peer_new_flow(p, 41000);
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(3000);
	EXPECT(". 1:1461(1460) ack 1");
	peer_discard(p);
}

/* A storm of believable errors must not send a segment for each. */
SCENARIO(path_mtu_storm)
{
	unsigned n = 0;

	ENTER(TCP_ESTABLISHED, "mss 1460");
	APP_WRITE(14600);
	peer_discard(p);
	for (uint16_t mtu = 1490; mtu > 1290; mtu--) {
		ICMP_TOO_BIG(101, mtu);
		while (peer_next(p))
			n++;
	}
	CHECK(n <= 100);
	STATE(TCP_ESTABLISHED);
	p->una = 101;
	p->next = 101;
	peer_receive(p, 14600, 65535, 120 * 1000 * 1000);
	peer_discard(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(established_is_not_aborted_by_icmp),
		RUN(source_quench_is_ignored),
		RUN(syn_sent_hard_error),
		RUN(syn_sent_soft_error),
		RUN(syn_sent_hard_error_with_wrong_sequence),
		RUN(icmp_for_unknown_flows),
		RUN(syn_received_soft_error),
		RUN(syn_received_hard_error),
		RUN(syn_received_hard_error_with_wrong_sequence),
		RUN(simultaneous_open_hard_error),
		RUN(icmp_in_time_wait),
		RUN(path_mtu_is_learned),
		RUN(path_mtu_with_wrong_sequence),
		RUN(path_mtu_when_nothing_is_out),
		RUN(path_mtu_has_a_floor),
		RUN(path_mtu_not_told),
		RUN(path_mtu_never_grows_by_icmp),
		RUN(path_mtu_ages_out),
		RUN(path_mtu_storm),
	};

	return scenario_main(argc, argv, "icmp", tests, sizeof(tests) / sizeof(tests[0]));
}
