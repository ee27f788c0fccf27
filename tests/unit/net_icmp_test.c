/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;
/* Checks the ICMP message at the head of the queue, sums and all. */
static struct wire_icmp *expect_icmp(struct fixture *fx, bool v6, uint8_t type, uint8_t code)
{
	struct wire_icmp *h;
	size_t len;
	uint32_t start = 0;

	assert_true(take(fx, &f, NULL));
	h = (void *)(f.b + f.l4);
	len = f.len - f.l4;
	if (v6)
		start = slow_checksum(f.b + f.l3 + 8, 32, (uint32_t)(58 + len));
	else
		assert_int_equal(slow_checksum(f.b + f.l3, 20, 0), 0xffff);
	assert_int_equal(f.b[f.l3 + (v6 ? 6 : 9)], v6 ? 58 : 1);
	assert_int_equal(h->type, type);
	assert_int_equal(h->code, code);
	assert_int_equal(slow_checksum(h, len, start), 0xffff);
	return h;
}

static void know_peers(struct fixture *fx)
{
	resolve4(fx, "10.0.0.9", mac_peer);
	resolve4(fx, "10.0.0.254", mac_router);
	resolve6(fx, "fd00::9", mac_peer);
	resolve6(fx, "fd00::fe", mac_router);
	take_all(fx);
}

static void echo_frame(bool v6, size_t payload)
{
	frame_eth(&f, mac_us, mac_peer, v6 ? 0x86dd : 0x800);
	if (v6)
		frame_ip6(&f, "fd00::9", "fd00::1", PROTO_ICMP6);
	else
		frame_ip4(&f, "10.0.0.9", "10.0.0.1", PROTO_ICMP);
	frame_icmp(&f, v6 ? 128 : 8, 0, 0x12345678);
	frame_pattern(&f, payload);
	frame_seal(&f);
}

static void echo_is_answered(void **state)
{
	struct fixture *fx = *state;
	static struct frame sent;

	know_peers(fx);
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (size_t payload = 0; payload < 1400; payload += 61) {
			struct wire_icmp *h;

			echo_frame(v6, payload);
			sent = f;
			assert_int_equal(give_on(fx, &f, 0, payload % 100, 0, 0), NET_TAKEN);
			h = expect_icmp(fx, v6, v6 ? 129 : 0, 0);
			assert_int_equal(f.len, sent.len);
			assert_memory_equal(h + 1, sent.b + sent.l4 + 8, payload);
			assert_int_equal(ntohl(h->arg), 0x12345678);
			assert_memory_equal(f.b, mac_peer, 6);
			assert_memory_equal(f.b + 6, mac_us, 6);
		}
}

static void echo_bad_checksum(void **state)
{
	struct fixture *fx = *state;

	know_peers(fx);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		echo_frame(v6, 9);
		f.b[f.len - 1] ^= 1;
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	echo_frame(false, 0);
	f.len -= 1; /* less than a header */
	((struct wire_ip4 *)(void *)(f.b + 14))->total_len = 0;
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ICMP_BAD, 3);
	assert_int_equal(take_all(fx), 0);
}

/* To and from groups there is no answer: an amplifier else. */
static void echo_to_group(void **state)
{
	struct fixture *fx = *state;

	know_peers(fx);
	frame_eth(&f, (const uint8_t *)"\x33\x33\0\0\0\1", mac_peer, 0x86dd);
	frame_ip6(&f, "fd00::9", "ff02::1", PROTO_ICMP6);
	frame_icmp(&f, 128, 0, 1);
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_eth(&f, mac_all, mac_peer, 0x800);
	frame_ip4(&f, "10.0.0.9", "10.0.0.255", PROTO_ICMP);
	frame_icmp(&f, 8, 0, 1);
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(take_all(fx), 0);
}

static void echo_is_limited(void **state)
{
	struct fixture *fx = *state;
	unsigned n = 0;

	know_peers(fx);
	echo_frame(false, 9);
	for (unsigned i = 0; i < 3000; i++) {
		assert_int_equal(give(fx, &f), NET_TAKEN);
		struct rte_mbuf *m;

		if (net_tx(fx->net, &m, 1) == 1) {
			rte_pktmbuf_free(m);
			n++;
		}
	}
	assert_int_equal(n, 1000);
	assert_stat(fx, ICMP_LIMITED, 2000);
	fx->now_us += 10000;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(take_all(fx), 10);
}

static void unreachable_port_and_protocol(void **state)
{
	struct fixture *fx = *state;
	static struct frame sent;

	know_peers(fx);
	for (unsigned i = 0; i < 4; i++) {
		bool v6 = i & 1, udp = i & 2;
		struct wire_icmp *h;
		size_t max;

		frame_eth(&f, mac_us, mac_peer, v6 ? 0x86dd : 0x800);
		if (v6)
			frame_ip6(&f, "fd00::9", "fd00::1", udp ? 17 : 200);
		else
			frame_ip4(&f, "10.0.0.9", "10.0.0.1", udp ? 17 : 200);
		frame_pattern(&f, 1400);
		frame_seal(&f);
		sent = f;
		assert_int_equal(give(fx, &f), NET_TAKEN);
		if (v6)
			h = udp ? expect_icmp(fx, true, 1, 4) : expect_icmp(fx, true, 4, 1);
		else
			h = expect_icmp(fx, false, 3, udp ? 3 : 2);
		assert_int_equal(ntohl(h->arg), v6 && !udp ? 6 : 0);
		max = v6 ? 1280 : 576; /* the error's whole length */
		assert_int_equal(f.len - f.l3, max);
		assert_memory_equal(h + 1, sent.b + 14, f.len - f.l4 - 8);
	}
	assert_stat(fx, ICMP_ERRORS_SENT, 4);
	assert_stat(fx, DROP_IP_PROTO, 4);
}

/* RFC 1122 3.2.2, RFC 4443 2.4 e: nothing about errors, groups or fragments behind the first. */
static void error_about_error_is_not_sent(void **state)
{
	struct fixture *fx = *state;

	know_peers(fx);
	/* An ICMPv6 error behind an option that asks for an error. */
	frame_eth(&f, mac_us, mac_peer, 0x86dd);
	frame_ip6(&f, "fd00::9", "fd00::1", PROTO_DSTOPTS);
	frame_bytes(&f, "\72\0\x80\4\0\0\0\0", 8);
	frame_icmp(&f, 1, 4, 0);
	frame_pattern(&f, 48);
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(take_all(fx), 0);
	/* The same behind an echo is told. */
	f.b[14 + 40 + 8] = 128;
	assert_int_equal(give(fx, &f), NET_TAKEN);
	expect_icmp(fx, true, 4, 2);
	/* UDP to a group */
	frame_eth(&f, (const uint8_t *)"\x33\x33\0\0\0\1", mac_peer, 0x86dd);
	frame_ip6(&f, "fd00::9", "ff02::1", PROTO_UDP);
	frame_pattern(&f, 8);
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(take_all(fx), 0);
}

static void errors_sent_are_limited(void **state)
{
	struct fixture *fx = *state;

	know_peers(fx);
	frame_eth(&f, mac_us, mac_peer, 0x800);
	frame_ip4(&f, "10.0.0.9", "10.0.0.1", PROTO_UDP);
	frame_pattern(&f, 30);
	frame_seal(&f);
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(take_all(fx), 50);
	assert_stat(fx, ICMP_LIMITED, 450);
}

/* --- errors about our TCP --- */

static void quote4(uint8_t type, uint8_t code, uint32_t arg, const char *src, const char *dst)
{
	struct wire_ip4 inner = { .version_ihl = 0x45,
		.ttl = 3,
		.proto = 6,
		.frag = htons(IP4_DF),
		.total_len = htons(1500),
		.src = addr4(src).w[3],
		.dst = addr4(dst).w[3] };

	frame_eth(&f, mac_us, mac_router, 0x800);
	frame_ip4(&f, "192.0.2.254", "10.0.0.1", PROTO_ICMP);
	frame_icmp(&f, type, code, arg);
	frame_bytes(&f, &inner, sizeof(inner));
	frame_bytes(&f, "\x01\xbb\x9c\x40\x11\x22\x33\x44", 8);
	frame_seal(&f);
}

static void quote6(uint8_t type, uint8_t code, uint32_t arg, const char *src, const char *dst)
{
	struct wire_ip6 inner = { .vtc_flow = htonl(6u << 28), .next = 6, .hop_limit = 3 };
	struct ip_addr a = addr6(src), b = addr6(dst);

	memcpy(inner.src, &a, 16);
	memcpy(inner.dst, &b, 16);
	frame_eth(&f, mac_us, mac_router, 0x86dd);
	frame_ip6(&f, "2001:db8::fe", "fd00::1", PROTO_ICMP6);
	frame_icmp(&f, type, code, arg);
	frame_bytes(&f, &inner, sizeof(inner));
	frame_bytes(&f, "\x01\xbb\x9c\x40\x11\x22\x33\x44", 8);
	frame_seal(&f);
}

static void error_about_our_tcp(void **state)
{
	struct fixture *fx = *state;
	const struct {
		uint8_t v6, type, code, kind;
	} cases[] = {
		{ 0, 3, 0, NET_ICMP_SOFT },
		{ 0, 3, 1, NET_ICMP_SOFT },
		{ 0, 3, 2, NET_ICMP_HARD },
		{ 0, 3, 3, NET_ICMP_HARD },
		{ 0, 3, 4, NET_ICMP_TOO_BIG },
		{ 0, 3, 5, NET_ICMP_SOFT },
		{ 0, 3, 13, NET_ICMP_SOFT },
		{ 0, 11, 0, NET_ICMP_SOFT },
		{ 0, 12, 0, NET_ICMP_SOFT },
		{ 1, 1, 0, NET_ICMP_SOFT },
		{ 1, 1, 1, NET_ICMP_HARD },
		{ 1, 1, 3, NET_ICMP_SOFT },
		{ 1, 1, 4, NET_ICMP_HARD },
		{ 1, 2, 0, NET_ICMP_TOO_BIG },
		{ 1, 3, 0, NET_ICMP_SOFT },
		{ 1, 4, 0, NET_ICMP_SOFT },
		{ 1, 4, 1, NET_ICMP_HARD },
	};

	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		struct ip_addr us = cases[i].v6 ? addr6("fd00::1") : addr4("10.0.0.1");
		struct ip_addr far = cases[i].v6 ? addr6("2001:db8::7") : addr4("198.51.100.7");

		if (cases[i].v6)
			quote6(cases[i].type, cases[i].code, 1400, "fd00::1", "2001:db8::7");
		else
			quote4(cases[i].type, cases[i].code, 1400, "10.0.0.1", "198.51.100.7");
		assert_int_equal(give_on(fx, &f, 0, i * 3, 0, 0), NET_ICMP);
		assert_int_equal(fx->icmp.kind, cases[i].kind);
		assert_int_equal(fx->icmp.mtu, cases[i].kind == NET_ICMP_TOO_BIG ? 1400 : 0);
		assert_int_equal(fx->icmp.seq, 0x11223344);
		assert_true(ip_addr_eq(&fx->icmp.flow.local, &us));
		assert_true(ip_addr_eq(&fx->icmp.flow.remote, &far));
		assert_int_equal(fx->icmp.flow.local_port, 443);
		assert_int_equal(fx->icmp.flow.remote_port, 40000);
		assert_int_equal(fx->icmp.flow.iface, 0);
	}
	quote4(3, 4, 0, "10.0.0.1", "198.51.100.7"); /* a router older than RFC 1191 */
	assert_int_equal(give(fx, &f), NET_ICMP);
	assert_int_equal(fx->icmp.mtu, 0);
}

/* RFC 5927: what cannot be about a packet of ours is not believed. */
static void error_forged(void **state)
{
	struct fixture *fx = *state;
	struct wire_ip4 *in4 = (void *)(f.b + 14 + 20 + 8);
	struct wire_ip6 *in6 = (void *)(f.b + 14 + 40 + 8);
	unsigned n = 0;

	for (unsigned i = 0; i < 15; i++) {
		i < 10 ? quote4(3, 4, 1400, "10.0.0.1", "198.51.100.7")
		       : quote6(2, 0, 1400, "fd00::1", "2001:db8::7");
		switch (i) {
		case 0:
			in4->src = addr4("10.0.0.2").w[3]; /* ours, but not whom it was sent to */
			break;
		case 1:
			in4->src = addr4("10.9.9.9").w[3];
			break;
		case 2:
			in4->dst = addr4("10.0.0.2").w[3];
			break;
		case 3:
			in4->version_ihl = 0x46; /* then the ports are missing */
			break;
		case 4:
			in4->version_ihl = 0x44;
			break;
		case 5:
			in4->version_ihl = 0x65;
			break;
		case 6:
			in4->proto = 17;
			break;
		case 7:
			in4->frag = htons(1);
			break;
		case 8:
			f.len--;
			break;
		case 9: /* below what any link carries */
			memcpy(f.b + 14 + 20 + 4, "\0\0\0\x43", 4);
			break;
		case 10:
			in6->vtc_flow = htonl(4u << 28);
			break;
		case 11:
			in6->next = PROTO_FRAGMENT;
			break;
		case 12:
			in6->src[15] = 2;
			break;
		case 13: /* RFC 8201 4: less than 1280 is not heeded */
			memcpy(f.b + 14 + 40 + 4, "\0\0\4\xff", 4);
			break;
		case 14: {
			struct ip_addr mapped = addr6("::ffff:1.2.3.4");

			memcpy(in6->dst, &mapped, 16);
			break;
		}
		}
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
		assert_stat(fx, DROP_ICMP_BAD, ++n);
	}
	/* Cut off anywhere. */
	for (unsigned v6 = 0; v6 < 2; v6++) {
		size_t whole, head = v6 ? 54 : 34;

		v6 ? quote6(2, 0, 1400, "fd00::1", "2001:db8::7")
		   : quote4(3, 4, 1400, "10.0.0.1", "198.51.100.7");
		for (whole = f.len; f.len > head; f.len--) {
			frame_seal(&f);
			assert_int_equal(give(fx, &f), f.len == whole ? NET_ICMP : NET_TAKEN);
		}
	}
}

/* Source quench (RFC 6633), redirects, timestamps and what nobody knows: ignored. */
static void icmp_ignored(void **state)
{
	struct fixture *fx = *state;
	const uint8_t types[] = { 0, 4, 5, 9, 10, 13, 15, 17, 200 },
		      types6[] = { 100, 129, 132, 143, 200 };

	for (unsigned i = 0; i < sizeof(types); i++) {
		quote4(types[i], 0, 0, "10.0.0.1", "198.51.100.7");
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	for (unsigned i = 0; i < sizeof(types6); i++) {
		quote6(types6[i], 0, 0, "fd00::1", "2001:db8::7");
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, ICMP_IGNORED, sizeof(types) + sizeof(types6));
	assert_int_equal(take_all(fx), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(echo_is_answered),
		T(echo_bad_checksum),
		T(echo_to_group),
		T(echo_is_limited),
		T(unreachable_port_and_protocol),
		T(error_about_error_is_not_sent),
		T(errors_sent_are_limited),
		T(error_about_our_tcp),
		T(error_forged),
		T(icmp_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
