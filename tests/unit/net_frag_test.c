/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;
/* A TCP packet to be cut up; its IP payload is whole + l4. */
static struct frame whole, got;

static void whole_make(bool v6, size_t payload)
{
	v6 ? frame_tcp6(&whole, payload) : frame_tcp4(&whole, payload);
}

static size_t data_len(void)
{
	return whole.len - whole.l4;
}

/* The fragment of whole with [off, off + len) of its IP payload. */
static void fragment(uint32_t id, size_t off, size_t len, bool more)
{
	bool v6 = whole.b[14] >> 4 == 6;

	f.len = 0;
	frame_bytes(&f, whole.b, whole.l4);
	f.l3 = 14;
	f.l4 = whole.l4;
	if (v6) {
		struct wire_ip6_frag h = {
			.next = 6, .off_more = htons((uint16_t)(off | more)), .id = htonl(id)
		};

		((struct wire_ip6 *)(void *)(f.b + 14))->next = PROTO_FRAGMENT;
		frame_bytes(&f, &h, sizeof(h));
	} else {
		struct wire_ip4 *ip = (void *)(f.b + 14);

		ip->id = htons((uint16_t)id);
		ip->frag = htons((uint16_t)(off / 8 | (more ? IP4_MF : 0)));
	}
	frame_bytes(&f, whole.b + whole.l4 + off, len);
	frame_seal(&f);
}

static enum net_verdict send_fragment(struct fixture *fx, uint32_t id, size_t off, size_t len)
{
	fragment(id, off, len, off + len < data_len());
	return give(fx, &f);
}

static void payload_check(struct fixture *fx)
{
	assert_int_equal(fx->pkt.l4_len, data_len());
	assert_memory_equal(rte_pktmbuf_read(fx->tcp, fx->pkt.l4_off, fx->pkt.l4_len, got.b),
	    whole.b + whole.l4, data_len());
}

/*
 * The reassembled packet is the one that was cut up; and, as another worker would see it, it is a frame
 * that came in whole.
 */
static void whole_check(struct fixture *fx)
{
	static struct frame mended;
	struct pkt pkt = fx->pkt;
	const void *p;

	payload_check(fx);
	assert_true(pkt.is_reassembled);
	mended.len = fx->tcp->pkt_len;
	p = rte_pktmbuf_read(fx->tcp, 0, (uint32_t)mended.len, mended.b);
	if (p != mended.b)
		memcpy(mended.b, p, mended.len);
	assert_int_equal(give_on(fx, &mended, 0, 2000, 0, 0), NET_TCP);
	payload_check(fx);
	assert_false(fx->pkt.is_reassembled);
	assert_int_equal(fx->pkt.ecn, pkt.ecn);
	assert_int_equal(fx->pkt.ttl, pkt.ttl);
}

/* Three fragments in all six orders, in one piece and in crumbs. */
static void frag_any_order(void **state)
{
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 } };
	struct fixture *fx = *state;

	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned o = 0; o < 6; o++)
			for (size_t piece = 0; piece < 90; piece += 13) {
				whole_make(v6, 300);
				for (unsigned i = 0; i < 3; i++) {
					size_t off = orders[o][i] * 112u;
					size_t len = off == 224 ? data_len() - 224 : 112;

					fragment(77, off, len, off != 224);
					assert_int_equal(give_on(fx, &f, 0, piece, 0, 0),
					    i == 2 ? NET_TCP : NET_TAKEN);
				}
				whole_check(fx);
			}
	assert_stat(fx, IP_REASSEMBLED, 2 * 6 * 7);
	assert_stat(fx, DROP_IP_FRAGMENT, 0);
}

/* The largest there is: 65,515 bytes of payload in 45 fragments. */
static void frag_largest(void **state)
{
	struct fixture *fx = *state;

	whole_make(false, 65535 - 40);
	for (size_t off = 0; off < data_len(); off += 1480) {
		size_t len = RTE_MIN(data_len() - off, (size_t)1480);

		assert_int_equal(
		    send_fragment(fx, 5, off, len), off + len == data_len() ? NET_TCP : NET_TAKEN);
	}
	whole_check(fx);
}

/* Two datagrams at once do not mix; nor do two sources, or two protocols. */
static void frag_interleaved(void **state)
{
	struct fixture *fx = *state;

	whole_make(false, 100);
	assert_int_equal(send_fragment(fx, 1, 0, 56), NET_TAKEN);
	assert_int_equal(send_fragment(fx, 2, 56, data_len() - 56), NET_TAKEN);
	assert_int_equal(send_fragment(fx, 2, 0, 56), NET_TCP);
	whole_check(fx);
	fragment(1, 56, data_len() - 56, false);
	((struct wire_ip4 *)(void *)(f.b + 14))->src = addr4("10.0.0.10").w[3];
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	fragment(1, 56, data_len() - 56, false);
	((struct wire_ip4 *)(void *)(f.b + 14))->proto = 17;
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(send_fragment(fx, 1, 56, data_len() - 56), NET_TCP);
	whole_check(fx);
}

/* The same fragment twice is a duplicate by the network, not an attack. */
static void frag_duplicate(void **state)
{
	struct fixture *fx = *state;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		whole_make(v6, 100);
		assert_int_equal(send_fragment(fx, 1, 0, 56), NET_TAKEN);
		assert_int_equal(send_fragment(fx, 1, 0, 56), NET_TAKEN);
		assert_int_equal(send_fragment(fx, 1, 56, data_len() - 56), NET_TCP);
		whole_check(fx);
	}
	assert_stat(fx, DROP_IP_FRAGMENT, 2);
	assert_stat(fx, IP_REASSEMBLED, 2);
}

/* RFC 5722 (and the same for IPv4): an overlap kills the datagram, with what is still to come. */
static void frag_overlap(void **state)
{
	struct fixture *fx = *state;
	static const size_t bad[][3] = { { 48, 16, 1 }, { 40, 8, 1 }, { 0, 64, 1 }, { 0, 48, 1 },
		{ 8, 112, 0 }, { 48, 8, 0 } };

	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned i = 0; i < RTE_DIM(bad); i++) {
			if (!v6 && bad[i][0] == 8)
				continue; /* for IPv4 refused for itself: frag_tiny_first */
			whole_make(v6, 100);
			assert_int_equal(send_fragment(fx, 50 + i, 0, 56), NET_TAKEN);
			fragment(50 + i, bad[i][0], bad[i][1], bad[i][2]);
			assert_int_equal(give(fx, &f), NET_TAKEN);
			assert_int_equal(rte_mempool_in_use_count(fx->pool), 0);
			/* Even both parts again, whole and sound, are not believed now. */
			assert_int_equal(send_fragment(fx, 50 + i, 0, 56), NET_TAKEN);
			assert_int_equal(send_fragment(fx, 50 + i, 56, data_len() - 56), NET_TAKEN);
			assert_int_equal(rte_mempool_in_use_count(fx->pool), 0);
		}
	assert_stat(fx, IP_REASSEMBLED, 0);
}

/* Two ends, or data behind the end. */
static void frag_contradicting_end(void **state)
{
	struct fixture *fx = *state;

	whole_make(false, 200);
	fragment(1, 112, 56, false);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	fragment(1, 168, 40, false);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	fragment(2, 112, 56, false);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	fragment(2, 168, 16, true);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	fragment(3, 112, 56, true);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	fragment(3, 56, 24, false);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(rte_mempool_in_use_count(fx->pool), 0);
}

/* RFC 1858, RFC 3128, RFC 7112: the first fragment must show what the packet is. */
static void frag_tiny_first(void **state)
{
	struct fixture *fx = *state;

	whole_make(false, 100);
	assert_int_equal(send_fragment(fx, 1, 0, 16), NET_TAKEN);
	assert_int_equal(send_fragment(fx, 1, 8, 16), NET_TAKEN);
	assert_int_equal(send_fragment(fx, 1, 16, 8), NET_TAKEN);
	assert_stat(fx, DROP_IP_FRAGMENT, 3);
	resolve6(fx, "fd00::9", mac_peer);
	whole_make(true, 100);
	assert_int_equal(send_fragment(fx, 1, 0, 16), NET_TAKEN);
	assert_stat(fx, DROP_IP_FRAGMENT, 4);
	assert_true(take(fx, &got, NULL));
	assert_int_equal(got.b[54], 4); /* parameter problem: incomplete header chain */
	assert_int_equal(got.b[55], 3);
	assert_int_equal(rte_mempool_in_use_count(fx->pool), 0);
}

static void frag_bad_lengths(void **state)
{
	struct fixture *fx = *state;

	resolve6(fx, "fd00::9", mac_peer);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		whole_make(v6, 100);
		fragment(1, 56, 15, true); /* not a multiple of 8 */
		assert_int_equal(give(fx, &f), NET_TAKEN);
		fragment(1, 56, 0, true);
		assert_int_equal(give(fx, &f), NET_TAKEN);
		fragment(1, 56, 0, false);
		assert_int_equal(give(fx, &f), NET_TAKEN);
		fragment(1, 65528, 8, false); /* ends at 65,536: the "ping of death" */
		if (v6 == 0)
			((struct wire_ip4 *)(void *)(f.b + 14))->frag = htons(8191);
		else
			memcpy(f.b + 56, "\xff\xf8", 2);
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_IP_FRAGMENT, 8);
	/* IPv6 tells of the first and the last (RFC 8200 4.5). */
	assert_true(take(fx, &got, NULL));
	assert_int_equal(got.b[54] << 16 | got.b[55] << 8 | got.b[61], 4 << 16 | 0 << 8 | 4);
	assert_true(take(fx, &got, NULL));
	assert_int_equal(got.b[54] << 16 | got.b[55] << 8 | got.b[61], 4 << 16 | 0 << 8 | 42);
	assert_false(take(fx, &got, NULL));
	assert_int_equal(rte_mempool_in_use_count(fx->pool), 0);
}

/* RFC 6946: an atomic fragment is whole, whatever else with its id is under way. */
static void frag_atomic(void **state)
{
	struct fixture *fx = *state;

	whole_make(true, 100);
	assert_int_equal(send_fragment(fx, 1, 0, 56), NET_TAKEN);
	assert_int_equal(send_fragment(fx, 1, 0, data_len()), NET_TCP);
	payload_check(fx);
	assert_int_equal(fx->pkt.l4_off, 62);
	assert_int_equal(send_fragment(fx, 1, 56, data_len() - 56), NET_TCP);
	payload_check(fx);
	assert_stat(fx, IP_REASSEMBLED, 1);
	/* A fragment of a fragment there is not. */
	fragment(1, 0, data_len(), false);
	memmove(f.b + 62, f.b + 54, f.len - 54);
	f.len += 8;
	f.b[54] = PROTO_FRAGMENT;
	((struct wire_ip6 *)(void *)(f.b + 14))->payload_len = htons((uint16_t)(f.len - 54));
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_IP_FRAGMENT, 1);
}

/* Given up after a minute, and told to the sender if the first fragment is there. */
static void frag_timeout(void **state)
{
	struct fixture *fx = *state;

	resolve4(fx, "10.0.0.9", mac_peer);
	resolve6(fx, "fd00::9", mac_peer);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		whole_make(v6, 100);
		assert_int_equal(send_fragment(fx, 1, 0, 56), NET_TAKEN);
		assert_int_equal(send_fragment(fx, 2, 56, 8), NET_TAKEN);
		fx->now_us += 59999999;
		net_timers(fx->net, fx->now_us, 0);
		assert_stat(fx, IP_REASSEMBLY_TIMEOUT, v6 * 2);
		take_all(fx);
		fx->now_us += 1;
		net_timers(fx->net, fx->now_us, 2); /* enough for the two, not for neighbours */
		assert_stat(fx, IP_REASSEMBLY_TIMEOUT, v6 * 2 + 2);
		assert_true(take(fx, &got, NULL));
		assert_int_equal(got.b[got.l4], v6 ? 3 : 11);
		assert_int_equal(got.b[got.l4 + 1], 1);
		assert_memory_equal(got.b + got.l4 + 8, whole.b + 14, 2);
		take_all(fx);
		assert_int_equal(rte_mempool_in_use_count(fx->pool), 0);
		/* What comes late completes nothing. */
		assert_int_equal(send_fragment(fx, 1, 56, data_len() - 56), NET_TAKEN);
		assert_int_equal(rte_mempool_in_use_count(fx->pool), 1);
		assert_int_equal(send_fragment(fx, 1, 0, 56), NET_TCP);
		rte_pktmbuf_free(fx->tcp);
		fx->tcp = NULL;
	}
}

/* The oldest go when there are too many, and mbufs held are bounded. */
static void frag_flood(void **state)
{
	struct fixture *fx = *state;

	whole_make(false, 1000);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(send_fragment(fx, i, 0, 56), NET_TAKEN);
	assert_int_equal(rte_mempool_in_use_count(fx->pool), 64);
	assert_stat(fx, IP_REASSEMBLY_EVICTED, 5000 - 64);
	/* The latest can still be completed. */
	assert_int_equal(send_fragment(fx, 4999, 56, data_len() - 56), NET_TCP);
	whole_check(fx);
	/* One datagram in ever so many fragments, in ever so many segments each. */
	for (unsigned i = 0; i < 100; i++) {
		fragment(9, 24 + i * 8, 8, true);
		assert_int_equal(give_on(fx, &f, 0, 1, 0, 0), NET_TAKEN);
		assert_in_range(rte_mempool_in_use_count(fx->pool), 0, 64 * 16 + 80);
	}
	for (unsigned id = 0; id < 500; id++) {
		fragment(id, 24, 8, true);
		assert_int_equal(give_on(fx, &f, 0, 1, 0, 0), NET_TAKEN);
	}
	assert_in_range(rte_mempool_in_use_count(fx->pool), 1, 64 * 16);
}

/* RFC 3168 5.3: congestion on one fragment is congestion on the datagram. */
static void frag_ecn(void **state)
{
	struct fixture *fx = *state;
	struct wire_ip4 *ip = (void *)(f.b + 14);
	static const uint8_t cases[][3] = { { 2, 2, 2 }, { 2, 3, 3 }, { 3, 1, 3 }, { 0, 0, 0 } };

	whole_make(false, 100);
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		fragment(i, 0, 56, true);
		ip->tos = cases[i][0];
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
		fragment(i, 56, data_len() - 56, false);
		ip->tos = cases[i][1];
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TCP);
		assert_int_equal(fx->pkt.ecn, cases[i][2]);
	}
	fragment(9, 0, 56, true);
	ip->tos = 0;
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	fragment(9, 56, data_len() - 56, false);
	ip->tos = 3;
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
}

/* A bad TCP checksum is found in what was put together. */
static void frag_checksum(void **state)
{
	struct fixture *fx = *state;
	const uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;

	net_free(fx->net);
	fx->ifaces[0].offloads = NET_RX_CHECKSUM; /* a NIC knows nothing of the whole */
	fixture_net(fx);
	whole_make(false, 100);
	whole.b[whole.len - 1] ^= 1;
	fragment(1, 0, 56, true);
	assert_int_equal(give_on(fx, &f, 0, 0, good, 0), NET_TAKEN);
	fragment(1, 56, data_len() - 56, false);
	assert_int_equal(give_on(fx, &f, 0, 0, good, 0), NET_TAKEN);
	assert_stat(fx, DROP_TCP_BAD_CHECKSUM, 1);
}

/* A fragmented echo is answered, cut to what one packet holds. */
static void frag_echo(void **state)
{
	struct fixture *fx = *state;
	size_t n = 0;

	resolve4(fx, "10.0.0.9", mac_peer);
	frame_eth(&whole, mac_us, mac_peer, 0x800);
	frame_ip4(&whole, "10.0.0.9", "10.0.0.1", PROTO_ICMP);
	frame_icmp(&whole, 8, 0, 1);
	frame_pattern(&whole, 3000);
	frame_seal(&whole);
	for (size_t off = 0; off < data_len(); off += 1480)
		assert_int_equal(
		    send_fragment(fx, 5, off, RTE_MIN(data_len() - off, (size_t)1480)), NET_TAKEN);
	assert_true(take(fx, &got, NULL));
	assert_int_equal(got.len, 1514);
	assert_int_equal(got.b[34], 0);
	assert_int_equal(slow_checksum(got.b + 34, got.len - 34, 0), 0xffff);
	for (n = 8; n < got.len - 34; n++)
		assert_int_equal(got.b[34 + n], whole.b[34 + n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(frag_any_order),
		T(frag_largest),
		T(frag_interleaved),
		T(frag_duplicate),
		T(frag_overlap),
		T(frag_contradicting_end),
		T(frag_tiny_first),
		T(frag_bad_lengths),
		T(frag_atomic),
		T(frag_timeout),
		T(frag_flood),
		T(frag_ecn),
		T(frag_checksum),
		T(frag_echo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
