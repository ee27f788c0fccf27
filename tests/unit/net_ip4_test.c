/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;

static struct wire_ip4 *ip = (struct wire_ip4 *)(void *)(f.b + 14);

static void resum(void)
{
	ip->sum = 0;
	ip->sum = htons((uint16_t)~slow_checksum(ip, (ip->version_ihl & 15u) * 4, 0));
}

static void ip4_fills_pkt(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr peer = addr4("10.0.0.9"), us = addr4("10.0.0.1");

	frame_tcp4(&f, 3);
	ip->tos = 0xff;
	ip->ttl = 0; /* a host takes what reached it */
	resum();
	assert_int_equal(give(fx, &f), NET_TCP);
	assert_true(ip_addr_eq(&fx->pkt.src, &peer));
	assert_true(ip_addr_eq(&fx->pkt.dst, &us));
	assert_int_equal(fx->pkt.ecn, 3);
	assert_int_equal(fx->pkt.ttl, 0);
	assert_int_equal(fx->pkt.l4_off, 34);
	assert_int_equal(fx->pkt.l4_len, 23);
}

/* Ethernet pads to 60 bytes; the padding, in however many segments, is not data. */
static void ip4_padding_is_cut(void **state)
{
	struct fixture *fx = *state;

	for (size_t piece = 0; piece < 100; piece += 7) {
		frame_tcp4(&f, 3);
		frame_pattern(&f, 200);
		assert_int_equal(give_on(fx, &f, 0, piece, 0, 0), NET_TCP);
		assert_int_equal(fx->tcp->pkt_len, 57);
	}
}

static void ip4_bad_headers(void **state)
{
	struct fixture *fx = *state;
	const uint8_t version_ihl[] = { 0x40, 0x44, 0x35, 0x65, 0x05, 0xf5, 0x4f };
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(version_ihl); i++) {
		frame_tcp4(&f, 0);
		ip->version_ihl = version_ihl[i];
		assert_int_equal(give(fx, &f), NET_TAKEN);
		n++;
	}
	for (unsigned total = 0; total < 20; total++) {
		frame_tcp4(&f, 0);
		ip->total_len = htons((uint16_t)total);
		resum();
		assert_int_equal(give(fx, &f), NET_TAKEN);
		n++;
	}
	frame_tcp4(&f, 0);
	ip->total_len = htons(41);
	resum();
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_IP_BAD_HEADER, n + 1);
	frame_tcp4(&f, 0); /* room for the IP header, not for TCP's */
	for (unsigned total = 20; total < 40; total++) {
		ip->total_len = htons((uint16_t)total);
		resum();
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_TCP_BAD_HEADER, 20);
}

/* Every single flipped bit in the IP header is noticed one way or the other. */
static void ip4_checksum_every_bit(void **state)
{
	struct fixture *fx = *state;

	for (unsigned bit = 0; bit < 160; bit++) {
		frame_tcp4(&f, 0);
		f.b[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_true(fx->stats.v[STAT_DROP_IP_BAD_CHECKSUM] > 100);
}

static void tcp4_checksum_every_bit(void **state)
{
	struct fixture *fx = *state;

	for (unsigned bit = 0; bit < (20 + 7) * 8; bit++) {
		frame_tcp4(&f, 7);
		f.b[34 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_TCP_BAD_CHECKSUM, 27 * 8);
}

/* The NIC's verdict counts only where the configuration says that it is one. */
static void ip4_nic_checksum_flags(void **state)
{
	const uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	const uint64_t none = RTE_MBUF_F_RX_IP_CKSUM_NONE | RTE_MBUF_F_RX_L4_CKSUM_NONE;
	struct fixture *fx = *state;

	frame_tcp4(&f, 7);
	f.b[60] ^= 1; /* wrong TCP checksum */
	assert_int_equal(give_on(fx, &f, 0, 0, good, 0), NET_TAKEN);
	frame_tcp4(&f, 7);
	assert_int_equal(give_on(fx, &f, 0, 0, RTE_MBUF_F_RX_L4_CKSUM_BAD, 0), NET_TCP);

	net_free(fx->net);
	fx->ifaces[0].offloads = NET_RX_CHECKSUM;
	fixture_net(fx);
	f.b[60] ^= 1;
	ip->sum ^= 0x1111;
	assert_int_equal(give_on(fx, &f, 0, 0, good, 0), NET_TCP);
	assert_int_equal(give_on(fx, &f, 0, 0, none, 0), NET_TCP);
	assert_int_equal(give_on(fx, &f, 0, 0, 0, 0), NET_TAKEN);
	assert_int_equal(give_on(fx, &f, 0, 0, RTE_MBUF_F_RX_IP_CKSUM_GOOD, 0), NET_TAKEN);
	frame_tcp4(&f, 7);
	assert_int_equal(give_on(fx, &f, 0, 0, 0, 0), NET_TCP);
	assert_int_equal(give_on(fx, &f, 0, 0, RTE_MBUF_F_RX_IP_CKSUM_BAD, 0), NET_TAKEN);
	assert_int_equal(give_on(fx, &f, 0, 0, RTE_MBUF_F_RX_L4_CKSUM_BAD, 0), NET_TAKEN);
}

/* MUST-46, MUST-57, land attack, martians: no source that is not one host somewhere else. */
static void must_57_ip4_sources(void **state)
{
	const char *bad[] = { "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.0.1", "224.0.0.1",
		"239.1.1.1", "240.0.0.1", "255.255.255.255", "10.0.0.1", "10.0.0.2", "10.1.0.1",
		"10.0.0.0", "10.0.0.255", "10.1.0.255" };
	struct fixture *fx = *state;

	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		frame_tcp4(&f, 0);
		ip->src = addr4(bad[i]).w[3];
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_IP_SOURCE, RTE_DIM(bad));
	assert_int_equal(take_all(fx), 0);
}

static void must_57_ip4_destinations(void **state)
{
	/* 10.1.0.1 is ours, but not on this iface (RFC 1122 3.3.4.2, strong end system). */
	const char *bad[] = { "10.0.0.3", "10.0.0.255", "10.0.0.0", "255.255.255.255", "224.0.0.1",
		"127.0.0.1", "0.0.0.0", "10.1.0.1" };
	struct fixture *fx = *state;

	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		frame_tcp4(&f, 0);
		ip->dst = addr4(bad[i]).w[3];
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_IP_NOT_OURS, RTE_DIM(bad));
	assert_int_equal(take_all(fx), 0);
}

static enum net_verdict with_options(struct fixture *fx, const char *options, size_t len)
{
	frame_eth(&f, mac_us, mac_peer, 0x800);
	frame_ip4(&f, "10.0.0.9", "10.0.0.1", PROTO_TCP)->version_ihl = (uint8_t)(0x45 + len / 4);
	frame_bytes(&f, options, len);
	frame_tcp(&f, 1, 2, 3);
	frame_seal(&f);
	return give(fx, &f);
}

/* MUST-50: options are passed over, but source routes and malformed ones are refused. */
static void must_50_ip4_options(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(with_options(fx, "\x94\x04\0\0", 4), NET_TCP); /* router alert */
	assert_int_equal(fx->pkt.l4_off, 38);
	assert_int_equal(with_options(fx, "\1\1\1\0", 4), NET_TCP);
	assert_int_equal(with_options(fx, "\0\x83\xff\xff", 4), NET_TCP); /* behind the end */
	assert_int_equal(with_options(fx,
			     "\7\x27\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			     "\0\0\0\0\0\0\0\0\0\0",
			     40),
	    NET_TCP);
	assert_int_equal(with_options(fx, "\x83\x07\4\1\2\3\4\0", 8), NET_TAKEN);
	assert_int_equal(with_options(fx, "\x89\x07\4\1\2\3\4\0", 8), NET_TAKEN);
	assert_int_equal(with_options(fx, "\x94\0\0\0", 4), NET_TAKEN);
	assert_int_equal(with_options(fx, "\x94\1\0\0", 4), NET_TAKEN);
	assert_int_equal(with_options(fx, "\x94\5\0\0", 4), NET_TAKEN);
	assert_int_equal(with_options(fx, "\1\1\1\x94", 4), NET_TAKEN);
	assert_stat(fx, DROP_IP_OPTION, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

		T(ip4_fills_pkt),
		T(ip4_padding_is_cut),
		T(ip4_bad_headers),
		T(ip4_checksum_every_bit),
		T(tcp4_checksum_every_bit),
		T(ip4_nic_checksum_flags),
		T(must_57_ip4_sources),
		T(must_57_ip4_destinations),
		T(must_50_ip4_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
