/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;
#define SOLICITED 0x40000000u
#define OVERRIDE  0x20000000u

static const uint8_t group_us[6] = { 0x33, 0x33, 0xff, 0, 0, 1 };
static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };

static const uint8_t *mac_of(struct fixture *fx, const char *ip)
{
	static struct net_dst dst;
	struct ip_addr a = addr6(ip), us = addr6("fd00::1");

	return net_route(fx->net, &us, &a, &dst) && dst.resolved ? dst.header + 64 - 54 : NULL;
}

/* Checks that f is an advertisement of target, and returns its flags. */
static uint32_t advertisement_check(const char *target, const char *to, const uint8_t *to_mac)
{
	const struct wire_ip6 *ip = (const void *)(f.b + 14);
	const struct wire_nd *nd = (const void *)(f.b + 54);
	struct ip_addr t = addr6(target), dst = addr6(to);

	assert_int_equal(f.len, 86);
	assert_memory_equal(f.b, to_mac, 6);
	assert_int_equal(ip->hop_limit, 255);
	assert_memory_equal(ip->dst, &dst, 16);
	assert_memory_equal(ip->src, &t, 16);
	assert_int_equal(nd->icmp.type, 136);
	assert_int_equal(nd->icmp.code, 0);
	assert_memory_equal(nd->target, &t, 16);
	assert_memory_equal(f.b + 78, "\2\1", 2);
	assert_memory_equal(f.b + 80, mac_us, 6);
	assert_int_equal(slow_checksum(f.b + 54, 32, slow_checksum(ip->src, 32, 58 + 32)), 0xffff);
	return ntohl(nd->icmp.arg);
}

static void nd_solicitation_is_answered(void **state)
{
	struct fixture *fx = *state;

	frame_ns(&f, group_us, "fd00::9", "ff02::1:ff00:1", "fd00::1", mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_true(take(fx, &f, NULL));
	assert_int_equal(advertisement_check("fd00::1", "fd00::9", mac_peer), SOLICITED | OVERRIDE);
	assert_memory_equal(mac_of(fx, "fd00::9"), mac_peer, 6);
	/* Unicast, and without the option: to where it came from. */
	frame_ns(&f, mac_us, "fd00::8", "fd00::1", "fd00::1", NULL);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_true(take(fx, &f, NULL));
	assert_int_equal(advertisement_check("fd00::1", "fd00::8", mac_peer), SOLICITED | OVERRIDE);
	assert_null(mac_of(fx, "fd00::8"));
	/* Our link-local address is made from the MAC. */
	frame_ns(&f, mac_us, "fe80::9", "fe80::ff:fe00:1", "fe80::ff:fe00:1", mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_true(take(fx, &f, NULL));
	advertisement_check("fe80::ff:fe00:1", "fe80::9", mac_peer);
}

/* Duplicate address detection by somebody who wants our address (RFC 4862 5.4.3, RFC 4861 7.2.4). */
static void nd_dad_is_answered(void **state)
{
	struct fixture *fx = *state;

	frame_ns(&f, group_us, "::", "ff02::1:ff00:1", "fd00::1", NULL);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_true(take(fx, &f, NULL));
	assert_int_equal(advertisement_check("fd00::1", "ff02::1", all_nodes), OVERRIDE);
	/* RFC 4861 7.1.1: not with an option, and only to the solicited-node group. */
	frame_ns(&f, group_us, "::", "ff02::1:ff00:1", "fd00::1", mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_ns(&f, all_nodes, "::", "ff02::1", "fd00::1", NULL);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ND_BAD, 2);
	/* DAD for an address that is not ours is none of our business. */
	frame_ns(&f, group_us, "::", "ff02::1:ff00:1", "fd00::7:0:1", NULL);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ND_BAD, 2);
	assert_int_equal(take_all(fx), 0);
}

static void nd_solicitation_for_others(void **state)
{
	struct fixture *fx = *state;

	frame_ns(&f, group_us, "fd00::9", "ff02::1:ff00:1", "fd00::aa:0:1", mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_ns(&f, mac_us, "fd00::9", "fd00::1", "fd01::1", mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(take_all(fx), 0);
	assert_null(mac_of(fx, "fd00::9"));
}

static void nd_bad_solicitations(void **state)
{
	static const uint8_t zero[6];
	struct fixture *fx = *state;
	struct wire_ip6 *ip = (void *)(f.b + 14);

	for (unsigned i = 0; i < 10; i++) {
		frame_ns(&f, mac_us, "fd00::9", "fd00::1", "fd00::1", mac_peer);
		switch (i) {
		case 0: /* passed on by a router */
			ip->hop_limit = 254;
			break;
		case 1:
			f.b[55] = 1;
			break;
		case 2: /* option of length 0: would never end */
			f.b[79] = 0;
			break;
		case 3: /* option longer than the message */
			f.b[79] = 2;
			break;
		case 4:
			f.len--;
			break;
		case 5: /* half an option */
			frame_bytes(&f, "\1", 1);
			break;
		case 6: /* no room for the target */
			f.len = 77;
			break;
		case 7:
			memcpy(f.b + 80, zero, 6);
			break;
		case 8:
			memcpy(f.b + 80, mac_us, 6);
			break;
		case 9: /* target is a group */
			f.b[62] = 0xff;
			break;
		}
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
		assert_stat(fx, DROP_ND_BAD, i + 1);
	}
	frame_ns(&f, mac_us, "fd00::9", "fd00::1", "fd00::1", mac_peer);
	f.b[56] ^= 1;
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ICMP_BAD, 1);
	assert_int_equal(take_all(fx), 0);
	assert_null(mac_of(fx, "fd00::9"));
}

/* RFC 6980: not even an atomic fragment header. */
static void nd_in_fragment_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct wire_ip6 *ip = (void *)(f.b + 14);

	frame_ns(&f, mac_us, "fd00::9", "fd00::1", "fd00::1", mac_peer);
	memmove(f.b + 62, f.b + 54, f.len - 54);
	memcpy(f.b + 54, "\72\0\0\0\0\0\0\1", 8);
	f.len += 8;
	ip->next = PROTO_FRAGMENT;
	ip->payload_len = htons((uint16_t)(f.len - 54));
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ND_BAD, 1);
	assert_int_equal(take_all(fx), 0);
}

static void nd_advertisement_flags(void **state)
{
	struct fixture *fx = *state;

	/* Unsolicited, about somebody unknown: no entry (RFC 4861 7.2.5). */
	frame_na(&f, all_nodes, "fd00::9", "ff02::1", "fd00::9", OVERRIDE, mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_null(mac_of(fx, "fd00::9"));
	frame_na(&f, mac_us, "fd00::9", "fd00::1", "fd00::9", SOLICITED, mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_memory_equal(mac_of(fx, "fd00::9"), mac_peer, 6);
	/* Without O another MAC is not taken over; with O it is. */
	frame_na(&f, mac_us, "fd00::9", "fd00::1", "fd00::9", SOLICITED, mac_router);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_memory_equal(mac_of(fx, "fd00::9"), mac_peer, 6);
	frame_na(&f, all_nodes, "fd00::9", "ff02::1", "fd00::9", OVERRIDE, mac_router);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_memory_equal(mac_of(fx, "fd00::9"), mac_router, 6);
}

static void nd_bad_advertisements(void **state)
{
	struct fixture *fx = *state;

	/* Solicited ones are not sent to groups (RFC 4861 7.1.2). */
	frame_na(&f, all_nodes, "fd00::9", "ff02::1", "fd00::9", SOLICITED | OVERRIDE, mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_na(&f, mac_us, "fd00::9", "fd00::1", "ff02::9", SOLICITED, mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_na(&f, mac_us, "fd00::9", "fd00::1", "::ffff:10.0.0.9", SOLICITED, mac_peer);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_na(
	    &f, mac_us, "fd00::9", "fd00::1", "2001:db8::1", SOLICITED, mac_peer); /* off link */
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_na(&f, mac_us, "fd00::9", "fd00::1", "fd00::9", SOLICITED, mac_all);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ND_BAD, 5);
	/* Without the option there is nothing to learn about somebody unknown. */
	frame_na(&f, mac_us, "fd00::9", "fd00::1", "fd00::9", SOLICITED, NULL);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ND_BAD, 5);
	assert_null(mac_of(fx, "fd00::9"));
}

static void nd_conflict_is_defended(void **state)
{
	struct fixture *fx = *state;

	for (unsigned i = 0; i < 5; i++) {
		frame_na(&f, all_nodes, "fd00::1", "ff02::1", "fd00::1", OVERRIDE, mac_peer);
		/* The IP source is ours, so it does not even get that far; a relay's does. */
		assert_int_equal(give(fx, &f), NET_TAKEN);
		frame_na(&f, all_nodes, "fe80::9", "ff02::1", "fd00::1", OVERRIDE, mac_peer);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, DROP_IP_SOURCE, 5);
	assert_stat(fx, ADDRESS_CONFLICT, 5);
	assert_true(take(fx, &f, NULL));
	assert_int_equal(advertisement_check("fd00::1", "ff02::1", all_nodes), OVERRIDE);
	assert_int_equal(take_all(fx), 0);
}

/* Routers and redirects are for hosts without a configuration. */
static void nd_router_messages_are_ignored(void **state)
{
	struct fixture *fx = *state;
	const uint8_t types[] = { 133, 134, 137 };

	for (unsigned i = 0; i < sizeof(types); i++) {
		frame_eth(&f, all_nodes, mac_router, 0x86dd);
		frame_ip6(&f, "fe80::fe", "ff02::1", PROTO_ICMP6)->hop_limit = 255;
		frame_icmp(&f, types[i], 0, 0);
		frame_pattern(&f, 40);
		frame_seal(&f);
		assert_int_equal(give(fx, &f), NET_TAKEN);
	}
	assert_stat(fx, ND_RA_IGNORED, 1);
	assert_stat(fx, ICMP_IGNORED, 2);
	assert_int_equal(take_all(fx), 0);
}

/* Our own question goes to the target's group, from an address it can answer. */
static void nd_question(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr6("fd00::1"), peer = addr6("fd00::1:2:aabb:ccdd"), group;
	struct flow flow = { .local = us, .remote = peer };
	struct net_dst dst = { 0 };
	const struct wire_ip6 *ip = (const void *)(f.b + 14);
	const struct wire_nd *nd = (const void *)(f.b + 54);

	net_send_tcp(fx->net, &dst, &flow, segment(fx, 1, 2, 0), 0, fx->now_us);
	assert_true(take(fx, &f, NULL));
	group = addr6("ff02::1:ffbb:ccdd");
	assert_memory_equal(f.b, "\x33\x33\xff\xbb\xcc\xdd", 6);
	assert_memory_equal(ip->dst, &group, 16);
	assert_memory_equal(ip->src, &us, 16);
	assert_int_equal(ip->hop_limit, 255);
	assert_int_equal(nd->icmp.type, 135);
	assert_memory_equal(nd->target, &peer, 16);
	assert_memory_equal(f.b + 78, "\1\1", 2);
	assert_memory_equal(f.b + 80, mac_us, 6);
	assert_int_equal(slow_checksum(f.b + 54, 32, slow_checksum(ip->src, 32, 58 + 32)), 0xffff);
	assert_stat(fx, ND_SENT, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(nd_solicitation_is_answered),
		T(nd_dad_is_answered),
		T(nd_solicitation_for_others),
		T(nd_bad_solicitations),
		T(nd_in_fragment_is_refused),
		T(nd_advertisement_flags),
		T(nd_bad_advertisements),
		T(nd_conflict_is_defended),
		T(nd_router_messages_are_ignored),
		T(nd_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
