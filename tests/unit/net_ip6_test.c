/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;

static struct wire_ip6 *ip = (struct wire_ip6 *)(void *)(f.b + 14);

static void ip6_fills_pkt(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr peer = addr6("fd00::9"), us = addr6("fd00::1");

	frame_tcp6(&f, 3);
	ip->vtc_flow = htonl(0x6fdabcde);
	frame_pattern(&f, 9); /* padding */
	assert_int_equal(give(fx, &f), NET_TCP);
	assert_true(ip_addr_eq(&fx->pkt.src, &peer));
	assert_true(ip_addr_eq(&fx->pkt.dst, &us));
	assert_int_equal(fx->pkt.ecn, 1);
	assert_int_equal(fx->pkt.ttl, 64);
	assert_int_equal(fx->pkt.l4_off, 54);
	assert_int_equal(fx->pkt.l4_len, 23);
	assert_int_equal(fx->tcp->pkt_len, 77);
}

static void ip6_bad_headers(void **state)
{
	struct fixture *fx = *state;

	frame_tcp6(&f, 0);
	ip->vtc_flow = htonl(4u << 28);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	ip->vtc_flow = htonl(7u << 28);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_tcp6(&f, 0);
	ip->payload_len = htons(21);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	ip->payload_len = htons(65535);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_IP_BAD_HEADER, 4);
	for (unsigned len = 0; len < 20; len++) {
		ip->payload_len = htons((uint16_t)len);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_TCP_BAD_HEADER, 20);
}

/* ::ffff:10.0.0.1 inside IPv6 would be taken for IPv4's address further up. */
static void must_57_ip6_sources(void **state)
{
	const char *bad[] = { "::", "::1", "::ffff:10.0.0.9", "::10.0.0.9", "ff02::1", "ff0e::5",
		"fd00::1", "fd01::1", "fe80::ff:fe00:1" };
	struct fixture *fx = *state;

	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		struct ip_addr a = addr6(bad[i]);

		frame_tcp6(&f, 0);
		memcpy(ip->src, &a, 16);
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_IP_SOURCE, RTE_DIM(bad));
	assert_int_equal(take_all(fx), 0);
}

static void must_57_ip6_destinations(void **state)
{
	const char *bad[] = { "fd00::3", "::1", "::", "::ffff:10.0.0.1", "ff0e::1", "fd01::1",
		"ff02::2", "ff02::1:ff00:5" };
	struct fixture *fx = *state;

	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		struct ip_addr a = addr6(bad[i]);

		frame_tcp6(&f, 0);
		memcpy(ip->dst, &a, 16);
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_IP_NOT_OURS, RTE_DIM(bad));
	/* TCP to a group of ours is for nobody, and not answered. */
	frame_eth(&f, (const uint8_t *)"\x33\x33\0\0\0\1", mac_peer, 0x86dd);
	frame_ip6(&f, "fd00::9", "ff02::1", PROTO_TCP);
	frame_tcp(&f, 1, 2, 3);
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_IP_NOT_OURS, RTE_DIM(bad) + 1);
	assert_int_equal(take_all(fx), 0);
}

static void tcp6_checksum_every_bit(void **state)
{
	struct fixture *fx = *state;

	for (unsigned bit = 0; bit < (20 + 7) * 8; bit++) {
		frame_tcp6(&f, 7);
		f.b[54 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_TCP_BAD_CHECKSUM, 27 * 8);
}

/* TCP behind extension headers; the TCP checksum is made for it alone. */
static enum net_verdict
with_headers(struct fixture *fx, uint8_t first, const void *headers, size_t len, uint8_t last)
{
	frame_eth(&f, mac_us, mac_peer, 0x86dd);
	frame_ip6(&f, "fd00::9", "fd00::1", last);
	frame_tcp(&f, 40000, 443, 1);
	frame_seal(&f);
	/* Then the headers are slipped in. */
	memmove(f.b + 54 + len, f.b + 54, f.len - 54);
	memcpy(f.b + 54, headers, len);
	f.len += len;
	ip->next = first;
	ip->payload_len = htons((uint16_t)(f.len - 54));
	return give(fx, &f);
}

static void ip6_extension_headers(void **state)
{
	static const uint8_t chain[] = {
		60, 0, 5, 2, 0, 0, 1, 0, /* hop-by-hop: router alert, PadN */
		43, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* destination: PadN, Pad1 */
		60, 0, 2, 0, 1, 2, 3, 4,                         /* routing, nothing left */
		6, 0, 0x1e, 4, 1, 2, 3, 4,                       /* destination: unknown, to skip */
	};
	struct fixture *fx = *state;

	assert_int_equal(with_headers(fx, 0, chain, sizeof(chain), 6), NET_TCP);
	assert_int_equal(fx->pkt.l4_off, 54 + sizeof(chain));
	assert_int_equal(fx->pkt.l4_len, 20);
	for (size_t piece = 1; piece < 60; piece++) {
		assert_int_equal(give_on(fx, &f, 0, piece, 0, 0), NET_TCP);
		assert_int_equal(fx->pkt.l4_off, 54 + sizeof(chain));
	}
	for (size_t cut = 54; cut < f.len; cut++) {
		struct frame *g = malloc(sizeof(*g));

		assert_non_null(g);
		memcpy(g, &f, sizeof(*g));
		g->len = cut;
		((struct wire_ip6 *)(void *)(g->b + 14))->payload_len = htons((uint16_t)(cut - 54));
		assert_int_equal(give(fx, g), NET_TAKEN);
		free(g);
	}
}

/* Expects an ICMPv6 error of this kind in the queue, about the frame just given. */
static void expect_problem(struct fixture *fx, uint8_t type, uint8_t code, uint32_t arg)
{
	static struct frame got;
	struct wire_icmp *h = (void *)(got.b + 54);
	struct wire_ip6 *outer = (void *)(got.b + 14);

	assert_true(take(fx, &got, NULL));
	assert_int_equal(outer->next, PROTO_ICMP6);
	assert_int_equal(h->type, type);
	assert_int_equal(h->code, code);
	assert_int_equal(ntohl(h->arg), arg);
	assert_int_equal(slow_checksum(got.b + 54, got.len - 54,
			     slow_checksum(outer->src, 32, (uint32_t)(58 + got.len - 54))),
	    0xffff);
	assert_memory_equal(got.b + 62, f.b + 14, got.len - 62);
	assert_false(take(fx, &got, NULL));
}

static void ip6_options_ask_for_errors(void **state)
{
	struct fixture *fx = *state;

	resolve6(fx, "fd00::9", mac_peer);
	/* 01: discard in silence; 10 and 11: tell (RFC 8200 4.2). */
	assert_int_equal(with_headers(fx, 60, "\6\0\x40\4\0\0\0\0", 8, 6), NET_TAKEN);
	assert_int_equal(take_all(fx), 0);
	assert_int_equal(with_headers(fx, 60, "\6\0\x80\4\0\0\0\0", 8, 6), NET_TAKEN);
	expect_problem(fx, 4, 2, 42);
	assert_int_equal(
	    with_headers(fx, 0, "\6\0\1\0\xc2\4\0\0\0\0\0\0\0\0\0\0", 8, 6), NET_TAKEN);
	assert_int_equal(take_all(fx), 0); /* runs out of the header */
	assert_int_equal(with_headers(fx, 0, "\6\0\xc2\4\0\1\0\0", 8, 6), NET_TAKEN); /* jumbo */
	expect_problem(fx, 4, 2, 42);
	assert_int_equal(with_headers(fx, 60, "\6\0\5\5\0\0\0\0", 8, 6), NET_TAKEN); /* too long */
	assert_int_equal(
	    with_headers(fx, 60, "\6\1\1\4\0\0\0\0\0\0\0\0\0\0\0\5", 16, 6), NET_TAKEN);
	assert_stat(fx, DROP_IP_OPTION, 6);
	/* Sixteen options of nothing: none of our business to walk (RFC 8504 5.3). */
	assert_int_equal(
	    with_headers(fx, 60, "\6\2\5\0\5\0\5\0\5\0\5\0\5\0\5\0\5\0\5\0\5\0\5\0", 24, 6),
	    NET_TAKEN);
	assert_stat(fx, DROP_IP_OPTION, 7);
	assert_int_equal(take_all(fx), 0);
}

static void ip6_header_order_and_limits(void **state)
{
	struct fixture *fx = *state;
	uint8_t many[64], big[264];

	resolve6(fx, "fd00::9", mac_peer);
	/* Hop-by-hop anywhere but first is an unrecognised next header (RFC 8200 4.1). */
	assert_int_equal(
	    with_headers(fx, 60, "\0\0\1\4\0\0\0\0\6\0\1\4\0\0\0\0", 16, 6), NET_TAKEN);
	expect_problem(fx, 4, 1, 40);
	/* A route that goes on through us (RFC 5095 for type 0). */
	assert_int_equal(with_headers(fx, 43, "\6\0\0\1\0\0\0\0", 8, 6), NET_TAKEN);
	expect_problem(fx, 4, 0, 42);
	assert_int_equal(with_headers(fx, 200, "\6\0\0\1\0\0\0\0", 8, 6), NET_TAKEN);
	expect_problem(fx, 4, 1, 6);
	assert_int_equal(with_headers(fx, PROTO_NONE, "\6\0\0\1\0\0\0\0", 8, 6), NET_TAKEN);
	assert_int_equal(take_all(fx), 0);
	for (unsigned i = 0; i < sizeof(many); i += 8)
		memcpy(many + i, "\74\0\1\4\0\0\0\0", 8);
	many[56] = 6;
	assert_int_equal(with_headers(fx, 60, many, sizeof(many), 6), NET_TAKEN);
	memset(big, 0, sizeof(big)); /* Pad1 all over */
	big[0] = 6;
	big[1] = sizeof(big) / 8 - 1;
	assert_int_equal(with_headers(fx, 60, big, sizeof(big), 6), NET_TAKEN);
	big[1] = 31;
	assert_int_equal(with_headers(fx, 60, big, 256, 6), NET_TCP);
	assert_int_equal(give_on(fx, &f, 0, 100, 0, 0), NET_TCP);
	assert_stat(fx, DROP_IP_OPTION, 3);
}

/* Without IPv6 addresses an iface does not speak IPv6, not even link-local. */
static void ip6_not_configured(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr ll = addr6("fe80::ff:fe00:1");

	assert_true(net_is_local(fx->net, &ll, NULL));
	net_free(fx->net);
	fx->ifaces[0].n_addresses = 2;
	fx->ifaces[0].n_routes = 1;
	fixture_net(fx);
	assert_false(net_is_local(fx->net, &ll, NULL));
	frame_tcp6(&f, 0);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_IP_NOT_OURS, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

		T(ip6_fills_pkt),
		T(ip6_bad_headers),
		T(must_57_ip6_sources),
		T(must_57_ip6_destinations),
		T(tcp6_checksum_every_bit),
		T(ip6_extension_headers),
		T(ip6_options_ask_for_errors),
		T(ip6_header_order_and_limits),
		T(ip6_not_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
