/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;
static struct wire_arp *arp = (struct wire_arp *)(void *)(f.b + 14);

static void request(struct fixture *fx, const char *sender, const char *target)
{
	frame_eth(&f, mac_all, mac_peer, 0x806);
	frame_arp(&f, 1, mac_peer, sender, target);
	assert_int_equal(give(fx, &f), NET_TAKEN);
}

static bool is_known(struct fixture *fx, const char *ip)
{
	struct ip_addr a = addr4(ip), us = addr4("10.0.0.1");
	struct net_dst dst = { 0 };

	return net_route(fx->net, &us, &a, &dst) && dst.resolved;
}

static void arp_request_is_answered(void **state)
{
	struct fixture *fx = *state;
	const char *ours[] = { "10.0.0.1", "10.0.0.2" };

	for (unsigned i = 0; i < 2; i++) {
		request(fx, "10.0.0.9", ours[i]);
		assert_true(take(fx, &f, NULL));
		assert_memory_equal(f.b, mac_peer, 6);
		assert_memory_equal(f.b + 6, mac_us, 6);
		assert_int_equal(f.len, 42);
		assert_int_equal(ntohs(arp->op), 2);
		assert_memory_equal(arp->sender_mac, mac_us, 6);
		assert_int_equal(arp->sender_ip, addr4(ours[i]).w[3]);
		assert_memory_equal(arp->target_mac, mac_peer, 6);
		assert_int_equal(arp->target_ip, addr4("10.0.0.9").w[3]);
	}
	assert_true(is_known(fx, "10.0.0.9"));
	assert_stat(fx, ARP_SENT, 2);
}

static void arp_request_for_others(void **state)
{
	struct fixture *fx = *state;

	request(fx, "10.0.0.9", "10.0.0.3");
	request(fx, "10.0.0.9", "10.1.0.1"); /* ours, on another iface */
	request(fx, "0.0.0.0", "10.0.0.3");
	assert_int_equal(take_all(fx), 0);
	assert_false(is_known(fx, "10.0.0.9"));
}

/* RFC 5227 2.1.1: a probe has no sender address; nothing is learned from it. */
static void arp_probe_is_answered(void **state)
{
	struct fixture *fx = *state;

	request(fx, "0.0.0.0", "10.0.0.1");
	assert_true(take(fx, &f, NULL));
	assert_int_equal(ntohs(arp->op), 2);
	assert_int_equal(arp->target_ip, 0);
	assert_stat(fx, ADDRESS_CONFLICT, 0);
}

/* Another subnet's host on this link gets its answer, but no place in the table. */
static void arp_request_off_subnet(void **state)
{
	struct fixture *fx = *state;
	struct net_neigh news;

	request(fx, "192.0.2.5", "10.0.0.1");
	assert_int_equal(take_all(fx), 1);
	request(fx, "10.0.0.255", "10.0.0.1");
	request(fx, "255.255.255.255", "10.0.0.1");
	assert_false(net_learned_next(fx->net, &news));
}

static void arp_malformed(void **state)
{
	static const uint8_t zero[6];
	struct fixture *fx = *state;

	for (unsigned i = 0; i < 11; i++) {
		frame_eth(&f, mac_us, mac_peer, 0x806);
		frame_arp(&f, 1, mac_peer, "10.0.0.9", "10.0.0.1");
		switch (i) {
		case 0:
			arp->hw_type = htons(2);
			break;
		case 1:
			arp->proto_type = htons(0x801);
			break;
		case 2:
			arp->hw_len = 8;
			break;
		case 3:
			arp->proto_len = 16;
			break;
		case 4:
			arp->op = htons(3);
			break;
		case 5:
			arp->op = 0;
			break;
		case 6:
			memcpy(arp->sender_mac, zero, 6);
			break;
		case 7:
			memcpy(arp->sender_mac, mac_all, 6);
			break;
		case 8:
			memcpy(arp->sender_mac, mac_us, 6);
			break;
		case 9:
			f.len--;
			break;
		case 10:
			f.len = 14;
			break;
		}
		assert_int_equal(give(fx, &f), NET_TAKEN);
		assert_stat(fx, DROP_ARP_BAD, i + 1);
	}
	assert_int_equal(take_all(fx), 0);
	assert_false(is_known(fx, "10.0.0.9"));
}

/* Somebody claims our address: we say once, not for every claim, that it is ours. */
static void arp_conflict_is_defended(void **state)
{
	struct fixture *fx = *state;

	for (unsigned i = 0; i < 5; i++)
		request(fx, "10.0.0.1", "10.0.0.1");
	assert_stat(fx, ADDRESS_CONFLICT, 5);
	assert_true(take(fx, &f, NULL));
	assert_memory_equal(f.b, mac_all, 6);
	assert_int_equal(arp->sender_ip, addr4("10.0.0.1").w[3]);
	assert_int_equal(arp->target_ip, addr4("10.0.0.1").w[3]);
	assert_false(take(fx, &f, NULL));
	fx->now_us += 11000000;
	request(fx, "10.0.0.1", "10.0.0.9");
	assert_int_equal(take_all(fx), 1);
}

/* Gratuitous ARP moves a known neighbour, and makes no entry for an unknown one. */
static void arp_gratuitous(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr4("10.0.0.1"), peer = addr4("10.0.0.9");
	struct net_dst dst = { 0 };

	request(fx, "10.0.0.9", "10.0.0.9");
	assert_false(is_known(fx, "10.0.0.9"));
	resolve4(fx, "10.0.0.9", mac_router);
	request(fx, "10.0.0.9", "10.0.0.9");
	assert_true(net_route(fx->net, &us, &peer, &dst));
	assert_memory_equal(dst.header + 64 - 34, mac_peer, 6);
	assert_int_equal(take_all(fx), 0);
}

/* A storm of questions gets a bounded number of answers, and more when time has passed. */
static void arp_answers_are_limited(void **state)
{
	struct fixture *fx = *state;
	unsigned n;

	for (unsigned i = 0; i < 2000; i++)
		request(fx, "10.0.0.9", "10.0.0.1");
	n = take_all(fx);
	assert_in_range(n, 100, 600);
	fx->now_us += 1000000;
	request(fx, "10.0.0.9", "10.0.0.1");
	assert_int_equal(take_all(fx), 1);
}

/* At the start all our addresses are announced, twice, two seconds apart (RFC 5227 2.3). */
static void arp_nd_announcements(void **state)
{
	struct fixture *fx = *state;
	unsigned n_arp = 0, n_na = 0, n_mld = 0, n_tagged = 0;
	uint16_t iface;

	for (unsigned round = 0; round < 2; round++) {
		net_timers(fx->net, fx->now_us, 0); /* no neighbours asked for: no budget */
		while (take(fx, &f, &iface)) {
			size_t type = f.l3 - 2;

			n_tagged += iface == 1 && f.l3 == 18;
			if (f.b[type] == 0x08 && f.b[type + 1] == 0x06) {
				const struct wire_arp *a = (const void *)(f.b + f.l3);

				assert_memory_equal(f.b, mac_all, 6);
				assert_int_equal(a->sender_ip, a->target_ip);
				n_arp++;
			} else if (f.b[f.l3 + 6] == 0) {
				n_mld++; /* net_mld_test looks closer */
			} else {
				assert_int_equal(f.b[f.l3 + 40], 136);
				assert_int_equal(f.b[f.l3 + 44], 0x20); /* O, neither R nor S */
				assert_memory_equal(f.b, "\x33\x33\0\0\0\1", 6);
				n_na++;
			}
		}
		assert_int_equal(n_arp, 3 * (round + 1));
		assert_int_equal(n_na, 4 * (round + 1)); /* with both link-local addresses */
		assert_int_equal(n_mld, 2 * (round + 1));
		assert_int_equal(n_tagged, 4 * (round + 1));
		net_timers(fx->net, fx->now_us + 1999999, 0);
		assert_int_equal(take_all(fx), 0);
		fx->now_us += 2000000;
	}
	net_timers(fx->net, fx->now_us + 60000000, 0);
	assert_int_equal(take_all(fx), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(arp_request_is_answered),
		T(arp_request_for_others),
		T(arp_probe_is_answered),
		T(arp_request_off_subnet),
		T(arp_malformed),
		T(arp_conflict_is_defended),
		T(arp_gratuitous),
		T(arp_answers_are_limited),
		T(arp_nd_announcements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
