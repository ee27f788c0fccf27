/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Receive processing against a plain reference: every order of five segments, every pair of
 * overlapping ones, and random heaps of them. Bytes, acknowledgments and SACK and DSACK
 * blocks must be exact (RFC 2018 4, RFC 2883 4, RFC 5681 4.2).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/tcp/scenario.h"

#define UNIT      100u /* the 32-bit wrap of the peer's numbers lies inside the third unit */
#define MAX_UNITS 32u

struct block {
	unsigned left, right; /* units */
};

/* What a receiver by the book has and says. */
struct reference {
	bool got[MAX_UNITS + 1];
	unsigned next;
	struct block blocks[MAX_UNITS]; /* above next, the most recently reported first */
	unsigned n_blocks;
	unsigned max_sacks;
	/* Of the last segment: */
	bool at_once;
	struct block dup;
	unsigned n_dups;
};

static void blocks_drop(struct reference *r, unsigned left, unsigned right)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_blocks; i++)
		if (r->blocks[i].right < left || r->blocks[i].left > right)
			r->blocks[n++] = r->blocks[i];
	r->n_blocks = n;
}

static void reference_take(struct reference *r, unsigned left, unsigned right)
{
	bool had_gap = r->n_blocks > 0, fresh = false;

	r->n_dups = 0;
	for (unsigned i = left; i < right; i++) {
		if (!r->got[i]) {
			fresh = true;
			continue;
		}
		if (i == left || !r->got[i - 1] || !r->n_dups) {
			if (!r->n_dups++)
				r->dup.left = i;
		}
		if (r->n_dups == 1)
			r->dup.right = i + 1;
	}
	for (unsigned i = left; i < right; i++)
		r->got[i] = true;
	while (r->got[r->next])
		r->next++;
	if (left > r->next || (r->n_dups && right > r->next)) {
		/* The block around it goes to the front, in place of those it has swallowed. */
		struct block b = { left, right };

		while (b.left > 0 && r->got[b.left - 1])
			b.left--;
		while (r->got[b.right])
			b.right++;
		blocks_drop(r, b.left, b.right);
		if (b.left >= r->next) {
			memmove(r->blocks + 1, r->blocks, r->n_blocks * sizeof(b));
			r->blocks[0] = b;
			r->n_blocks++;
		}
	} else if (r->next > left) {
		/* In order now: what is below next is no block any more. */
		unsigned n = 0;

		for (unsigned i = 0; i < r->n_blocks; i++)
			if (r->blocks[i].left > r->next)
				r->blocks[n++] = r->blocks[i];
		r->n_blocks = n;
	}
	r->at_once = had_gap || r->n_blocks || r->n_dups || !fresh;
}

static int at(unsigned unit)
{
	return (int)(1 + unit * UNIT);
}

/* The answer the reference would give, as a line. */
static void reference_line(const struct reference *r, const char *options, char *text, size_t room)
{
	unsigned n = 0, room_blocks = r->max_sacks;
	int len = snprintf(text, room, ". 1:1(0) ack %d <%s", at(r->next), options);

#define ADD(b)                                                      \
	(len += snprintf(text + len, room - (size_t)len, "%s%d:%d", \
	     n++            ? " "                                   \
		 : *options ? ",sack "                              \
			    : "sack ",                              \
	     at((b).left), at((b).right)))
	if (r->n_dups)
		ADD(r->dup);
	/* RFC 2883 4 (4): next the larger block that the duplicate is part of, if any. */
	for (unsigned i = 0; i < r->n_blocks && n < room_blocks; i++)
		ADD(r->blocks[i]);
	snprintf(text + len, room - (size_t)len, ">");
#undef ADD
}

static void segment_check(
    struct peer *p, struct reference *r, const char *options, unsigned left, unsigned right)
{
	char line[300];

	SEND(". %d:%d(%u) ack 1 win 65535", at(left), at(right), (right - left) * UNIT);
	reference_take(r, left, right);
	reference_line(r, options, line, sizeof(line));
	if (r->at_once) {
		EXPECT("%s", line);
		EXPECT_NONE();
		return;
	}
	/* In order: now, or with the second one, or after the delay. */
	for (const struct packet *k; (k = peer_next(p)) != NULL;)
		CHECK(peer_matches(p, k, "%s", line));
}

static uint16_t next_port = 41000;

static void connection_begin(struct peer *p, struct reference *r, const char *options)
{
	peer_new_flow(p, next_port++);
	memset(r, 0, sizeof(*r));
	r->max_sacks = strstr(options, "TS") ? 3 : 4;
	HERE;
	peer_establish(p, options, 65535);
}

/* Fills what is missing, reads all n units, and takes the connection down. */
static void connection_end(struct peer *p, struct reference *r, const char *options, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!r->got[i])
			segment_check(p, r, options, i, i + 1);
	APP_READ(n * UNIT);
	ADVANCE_MS(50);
	for (const struct packet *k; (k = peer_next(p)) != NULL;)
		CHECK(peer_matches(p, k, ". 1:1(0) ack %d", at(n)));
	APP_AVAILABLE(0);
	SEND("R %d:%d(0)", at(n), at(n));
	APP_RELEASE();
	EXPECT_NONE();
}

/* Next permutation in lexicographic order; false after the last. */
static bool permute(unsigned *v, unsigned n)
{
	unsigned i = n - 1, j = n - 1, t;

	while (i && v[i - 1] >= v[i])
		i--;
	if (!i)
		return false;
	while (v[j] <= v[i - 1])
		j--;
	t = v[i - 1], v[i - 1] = v[j], v[j] = t;
	for (j = n - 1; i < j; i++, j--)
		t = v[i], v[i] = v[j], v[j] = t;
	return true;
}

static void all_orders(struct peer *p, const char *syn, const char *options)
{
	unsigned order[5] = { 0, 1, 2, 3, 4 };
	struct reference r;

	do {
		connection_begin(p, &r, syn);
		for (unsigned i = 0; i < 5; i++)
			segment_check(p, &r, options, order[i], order[i] + 1);
		connection_end(p, &r, options, 5);
	} while (permute(order, 5));
}

SCENARIO(five_segments_in_120_orders)
{
	all_orders(p, "mss 1460,sackOK", "");
}

SCENARIO(five_segments_in_120_orders_with_timestamps)
{
	all_orders(p, "mss 1460,sackOK,TS", "TS");
}

/* Without SACK: duplicate ACKs, no options. */
SCENARIO(five_segments_in_120_orders_without_sack)
{
	unsigned order[5] = { 0, 1, 2, 3, 4 };

	do {
		bool got[6] = { false };
		unsigned next = 0;

		peer_new_flow(p, next_port++);
		ESTABLISH("mss 1460", 65535);
		for (unsigned i = 0; i < 5; i++) {
			bool gap = false;

			SEND(". %d:%d(%u) ack 1 win 65535", at(order[i]), at(order[i] + 1), UNIT);
			for (unsigned j = next; j < 5; j++)
				gap |= got[j];
			got[order[i]] = true;
			gap |= order[i] != next;
			while (got[next])
				next++;
			if (gap)
				EXPECT(". 1:1(0) ack %d <>", at(next));
			else
				peer_discard(p);
			EXPECT_NONE();
		}
		APP_READ(5 * UNIT);
		ADVANCE_MS(50);
		peer_discard(p);
		SEND("R %d:%d(0)", at(5), at(5));
		APP_RELEASE();
	} while (permute(order, 5));
}

/* The last segment carries a FIN; it counts only when all before it is there. */
SCENARIO(fin_in_120_orders)
{
	unsigned order[5] = { 0, 1, 2, 3, 4 };

	do {
		bool got[6] = { false };
		unsigned next = 0;

		peer_new_flow(p, next_port++);
		ESTABLISH("mss 1460,sackOK", 65535);
		for (unsigned i = 0; i < 5; i++) {
			SEND("%s. %d:%d(%u) ack 1 win 65535", order[i] == 4 ? "F" : "",
			    at(order[i]), at(order[i] + 1), UNIT);
			got[order[i]] = true;
			while (got[next])
				next++;
			CHECK(!(p->app->events & TCP_EV_PEER_FIN) == (next < 5));
			peer_discard(p);
		}
		STATE(TCP_CLOSE_WAIT);
		CHECK(!tcp_rx_is_finished(p->app->conn));
		APP_READ(5 * UNIT);
		CHECK(tcp_rx_is_finished(p->app->conn));
		APP_SHUTDOWN();
		EXPECT("F. 1:1(0) ack %d", at(5) + 1);
		SEND(". %d:%d(0) ack 2 win 65535", at(5) + 1, at(5) + 1);
		STATE(TCP_CLOSED);
		APP_RELEASE();
	} while (permute(order, 5));
}

static void all_pairs(struct peer *p, const char *syn, const char *options)
{
	struct reference r;

	for (unsigned a = 0; a < 6; a++)
		for (unsigned b = a + 1; b <= 6; b++)
			for (unsigned c = 0; c < 6; c++)
				for (unsigned d = c + 1; d <= 6; d++) {
					connection_begin(p, &r, syn);
					segment_check(p, &r, options, a, b);
					segment_check(p, &r, options, c, d);
					connection_end(p, &r, options, 6);
				}
}

SCENARIO(every_pair_of_overlaps)
{
	all_pairs(p, "mss 1460,sackOK", "");
}

SCENARIO(every_pair_of_overlaps_with_timestamps)
{
	all_pairs(p, "mss 1460,sackOK,TS", "TS");
}

/* Twelve segments anywhere in 20 units; duplicates in two pieces are left out. */
SCENARIO(random_heaps)
{
	unsigned seed = 1;

	for (unsigned round = 0; round < 600; round++) {
		struct reference r;
		bool modern = round & 1;

		connection_begin(p, &r, modern ? "mss 1460,sackOK,TS" : "mss 1460,sackOK");
		for (unsigned i = 0; i < 14; i++) {
			unsigned left = (unsigned)rand_r(&seed) % 20;
			unsigned right = left + 1 + (unsigned)rand_r(&seed) % 4;
			struct reference trial = r;

			right = right > 20 ? 20 : right;
			reference_take(&trial, left, right);
			if (trial.n_dups < 2)
				segment_check(p, &r, modern ? "TS" : "", left, right);
		}
		connection_end(p, &r, modern ? "TS" : "", 20);
	}
}

/* A duplicate in two pieces: one DSACK, the first piece (RFC 2883 4.2.2). */
SCENARIO(duplicate_in_two_pieces)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND(". 201:301(100) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 1 <sack 201:301>");
	SEND(". 401:501(100) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 1 <sack 401:501 201:301>");
	SEND(". 201:601(400) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 1 <sack 201:301 201:601>");
	SEND(". 1:201(200) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 601 <>");
	APP_READ(600);
}

/* RFC 2883 4.1.1: a whole duplicate below the acknowledgment. */
SCENARIO(dsack_below_the_acknowledgment)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	SEND(". 1:501(500) ack 1 win 65535");
	ADVANCE_MS(100);
	peer_discard(p);
	SEND(". 1:501(500) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 501 <sack 1:501>");
	SEND(". 101:301(200) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 501 <sack 101:301>");
	/* A DSACK is said once. */
	SEND(". 601:701(100) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 501 <sack 601:701>");
	APP_READ(500);
}

/* No SACK agreed: no block, whatever arrives. */
SCENARIO(no_dsack_without_sack)
{
	ESTABLISH("mss 1460", 65535);
	SEND(". 1:501(500) ack 1 win 65535");
	ADVANCE_MS(100);
	peer_discard(p);
	SEND(". 1:501(500) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 501 <>");
}

/* More holes than a header has room for: the most recent ones are told. */
SCENARIO(more_blocks_than_fit)
{
	ESTABLISH("mss 1460,sackOK", 65535);
	for (int i = 1; i <= 6; i++) {
		SEND(". %d:%d(100) ack 1 win 65535", 1 + i * 200, 101 + i * 200);
		if (i < 6)
			peer_discard(p);
	}
	EXPECT(". 1:1(0) ack 1 <sack 1201:1301 1001:1101 801:901 601:701>");
	/* Repeating an old one brings it to the front, as a duplicate. */
	SEND(". 201:301(100) ack 1 win 65535");
	EXPECT(". 1:1(0) ack 1 <sack 201:301 201:301 1201:1301 1001:1101>");
	/* One-byte crumbs in hundreds: bounded, and the connection lives. */
	for (int i = 0; i < 600; i++) {
		SEND(". %d:%d(1) ack 1 win 65535", 3001 + i * 2, 3002 + i * 2);
		peer_discard(p);
	}
	STATE(TCP_ESTABLISHED);
	for (int i = 0; i < 46; i++) {
		SEND(". %d:%d(100) ack 1 win 65535", 1 + i * 100, 101 + i * 100);
		peer_discard(p);
	}
	APP_READ(4600);
	ADVANCE_MS(500);
	peer_discard(p);
}

/* A peer that sends as much as it may, and a user who reads it: the window grows to hundreds of segments. */
static void fill_window(struct peer *p, uint32_t part)
{
	for (uint32_t left = (p->right_edge - (p->isn + p->next)) / part; left >= 1460;
	     left -= 1460) {
		SEND("P. %u:%u(1460) ack 1 win 65535", p->next, p->next + 1460);
		p->next += 1460;
		peer_discard(p);
	}
}

static void open_window(struct peer *p)
{
	/* A round trip of 20 ms, that the window is tuned by. */
	SEND("S 0:0(0) win 65535 <mss 1460,sackOK,nop,wscale 7>");
	peer_discard(p);
	ADVANCE_MS(20);
	SEND(". 1:1(0) ack 1 win 65535");
	EVENTS(TCP_EV_ESTABLISHED);
	p->next = p->una = 1;
	while (peer_info(p).rcv_wnd < 600 * 1460) {
		/* Half of it: under ASan buffers pin more than they hold, and a full window would not fit. */
		fill_window(p, 2);
		ADVANCE_MS(50);
		APP_READ(tcp_rx_available(p->app->conn));
		peer_discard(p);
	}
}

/* Who reads slowly what is always there needs no large window, and has one again as soon as he is fast. */
SCENARIO(window_follows_a_slow_reader)
{
	uint32_t before;

#ifdef __SANITIZE_ADDRESS__
	skip(); /* a full window of its buffers does not fit */
#endif
	open_window(p);
	before = peer_info(p).rcv_buf;
	fill_window(p, 1);
	CHECK(peer_info(p).rcv_buf == before); /* not for what came in one burst */
	for (unsigned i = 0; i < 200; i++) {
		APP_READ(14600);
		peer_discard(p);
		fill_window(p, 1);
		ADVANCE_MS(30);
		peer_discard(p);
	}
	CHECK(peer_info(p).rcv_buf == 65536);
	APP_READ(tcp_rx_available(p->app->conn));
	peer_discard(p);
	for (unsigned i = 0; i < 8; i++) {
		fill_window(p, 2);
		ADVANCE_MS(50);
		APP_READ(tcp_rx_available(p->app->conn));
		peer_discard(p);
	}
	CHECK(peer_info(p).rcv_buf > 600 * 1460);
}

/*
 * Every other segment of a window is lost, as when slow start meets a full queue: what came is kept, and the
 * holes alone need be sent again.
 */
SCENARIO(hundreds_of_holes)
{
	uint32_t n = 500, at;

	open_window(p);
	for (uint32_t i = 1; i < n; i += 2) {
		at = p->next + i * 1000;
		SEND(". %u:%u(1000) ack 1 win 65535", at, at + 1000);
		EXPECT(". 1:1(0) ack %u", p->next);
	}
	COUNTED(STAT_DROP_TCP_MEMORY, 0);
	for (uint32_t i = 0; i < n; i += 2) {
		at = p->next + i * 1000;
		SEND(". %u:%u(1000) ack 1 win 65535", at, at + 1000);
		EXPECT(". 1:1(0) ack %u", at + 2000);
	}
	APP_READ(n * 1000);
	peer_discard(p);
}

/* The longer lists are few: who gets none keeps what a short one holds. */
SCENARIO(hundreds_of_holes_for_everybody)
{
	unsigned n_lists = p->config.stack.max_conns / 16 + 1, dropped = 0;

	for (uint16_t k = 0; k < n_lists + 2; k++) {
		if (k)
			peer_new_flow(p, (uint16_t)(41000 + k));
		open_window(p);
		for (uint32_t i = 1; i < 200; i += 2) {
			uint32_t at = p->next + i * 1000;

			SEND(". %u:%u(1000) ack 1 win 65535", at, at + 1000);
			peer_discard(p);
		}
		dropped += k < n_lists ? 0 : 36;
		COUNTED(STAT_DROP_TCP_MEMORY, dropped);
	}
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t at = p->next + i * 1000;

		SEND(". %u:%u(1000) ack 1 win 65535", at, at + 1000);
		peer_discard(p);
	}
	APP_READ(200000);
	peer_discard(p);
}

static const struct peer_config few_conns = { .stack = { .max_conns = 16 } };

/* SACK lies: blocks must not crash, stall or free what was not received. */
SCENARIO(absurd_sack_blocks)
{
	static const char *const blocks[] = { "5000000:6000000", "-5000:-4000", "1:1", "101:51",
		"2921:1461", "-100:5", "1461:2921 1461:2921 2921:1461", "0:0", "4380:4382" };

	ESTABLISH("mss 1460,sackOK", 65535);
	APP_WRITE(4380);
	peer_discard(p);
	for (unsigned i = 0; i < 9; i++) {
		SEND(". 1:1(0) ack 1 win 65535 <nop,nop,sack %s>", blocks[i]);
		peer_discard(p);
	}
	CHECK(tcp_tx_unacked(p->app->conn) == 4380);
	p->una = 1;
	peer_receive(p, 4380, 65535, 100 * 1000 * 1000);
	CHECK(tcp_tx_unacked(p->app->conn) == 0);
	peer_discard(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(five_segments_in_120_orders),
		RUN(five_segments_in_120_orders_with_timestamps),
		RUN(five_segments_in_120_orders_without_sack),
		RUN(fin_in_120_orders),
		RUN(every_pair_of_overlaps),
		RUN(every_pair_of_overlaps_with_timestamps),
		RUN(random_heaps),
		RUN(duplicate_in_two_pieces),
		RUN(dsack_below_the_acknowledgment),
		RUN(no_dsack_without_sack),
		RUN(more_blocks_than_fit),
		RUN(window_follows_a_slow_reader),
		RUN(hundreds_of_holes),
		RUN_WITH(hundreds_of_holes_for_everybody, few_conns),
		RUN(absurd_sack_blocks),
	};

	return scenario_main(argc, argv, "reorder", tests, sizeof(tests) / sizeof(tests[0]));
}
