/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP over IP fragments, cut by what tests/integration/fragments.sh cuts with. */
#include <string.h>

#include "tests/integration/cut.h"
#include "tests/tcp/scenario.h"

/* One data segment of the peer in pieces of size bytes, in an order that turn chooses. */
static void
send_pieces(struct peer *p, uint32_t at, uint32_t n, uint32_t size, unsigned turn, bool clash)
{
	static uint8_t frame[PACKET_MAX_FRAME], data[2000];
	static struct cut cut;
	struct packet k = { .flags = TH_ACK | TH_PSH,
		.window = 65535,
		.src = p->remote,
		.dst = p->local,
		.sport = p->remote_port,
		.dport = p->local_port,
		.seq = p->isn + at,
		.ack = p->stack_isn + 1,
		.payload = data,
		.len = n };
	static uint32_t id;
	size_t len;

	for (uint32_t i = 0; i < n; i++)
		data[i] = peer_byte(false, at - 1 + i);
	len = packet_build(&k, p->remote_mac, p->local_mac, frame);
	CHECK(cut_frame(&cut, frame, (uint32_t)len, size, ++id, clash));
	for (unsigned i = 0; i < cut.n; i++) {
		unsigned piece = turn == 0 ? i : turn == 1 ? cut.n - 1 - i : (i * 5 + turn) % cut.n;

		peer_send_frame(p, cut.bytes[piece], cut.len[piece]);
	}
}

/* A TLS record has to be here whole before any of it is read: pieces must not pin so much that it never is. */
SCENARIO(a_record_in_small_pieces_is_kept)
{
	uint32_t at = 1;
	struct stack_info info;

	ESTABLISH("mss 1460", 65535);
	for (unsigned i = 0; i < 30; i++, at += 1448) {
		send_pieces(p, at, 1448, 200, i % 2, false);
		peer_discard(p);
		APP_AVAILABLE(at + 1447);
	}
	stack_info_get(p->stack, &info);
	/* 240 pieces. */
	CHECK(info.n_held_mbufs <= 40);
	CHECK(p->right_edge - p->isn - at > 10000);
	APP_READ(30 * 1448);
	stack_info_get(p->stack, &info);
	CHECK(info.n_held_mbufs == 0);
	p->drop_output = true;
	peer_discard(p);
}

/* Whatever order they come in; 8 pieces, and 5 is no divisor of that. */
SCENARIO(pieces_in_any_order)
{
	uint32_t at = 1;

	ESTABLISH("mss 1460", 65535);
	for (unsigned turn = 0; turn < 9; turn++, at += 1448) {
		send_pieces(p, at, 1448, 184, turn, false);
		APP_READ(1448);
		peer_discard(p);
	}
	COUNTED(STAT_IP_REASSEMBLED, 9);
	p->drop_output = true;
}

/* RFC 5722, RFC 8200 4.5: all of it is dropped, and the segment comes again. */
SCENARIO(overlapping_pieces_are_dropped)
{
	ESTABLISH("mss 1460", 65535);
	for (unsigned turn = 0; turn < 2; turn++) {
		send_pieces(p, 1, 1448, 480, turn, true);
		EXPECT_NONE_MS(500);
		APP_AVAILABLE(0);
	}
	CHECK(p->stats.v[STAT_DROP_IP_FRAGMENT] >= 4);
	COUNTED(STAT_IP_REASSEMBLED, 0);
	send_pieces(p, 1, 1448, 480, 1, false);
	APP_READ(1448);
	EXPECT_IN_MS(0, 500, ". 1:1(0) ack 1449");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(a_record_in_small_pieces_is_kept),
		RUN(pieces_in_any_order),
		RUN(overlapping_pieces_are_dropped),
	};

	return scenario_main(argc, argv, "fragment", tests, sizeof(tests) / sizeof(tests[0]));
}
