/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;

/* Checks that f is a report of fd00::1's and the link-local address's groups, in records of a type. */
static void report_check(uint8_t type)
{
	const struct wire_ip6 *ip = (const void *)(f.b + 14);
	struct ip_addr ll = addr6("fe80::ff:fe00:1"), to = addr6("ff02::16"),
		       g = addr6("ff02::1:ff00:1");

	assert_memory_equal(f.b, "\x33\x33\0\0\0\x16", 6);
	assert_memory_equal(ip->src, &ll, 16);
	assert_memory_equal(ip->dst, &to, 16);
	assert_int_equal(ip->hop_limit, 1);
	assert_int_equal(ip->next, 0);
	assert_memory_equal(f.b + 54, "\x3a\0\5\2\0\0\1\0", 8);
	assert_int_equal(f.b[62], 143);
	/* Both addresses end in 00:0001: one group, told once. */
	assert_memory_equal(f.b + 66, "\0\0\0\1", 4);
	assert_int_equal(f.len, 62 + 8 + 20);
	assert_int_equal(f.b[70], type);
	assert_memory_equal(f.b + 71, "\0\0\0", 3);
	assert_memory_equal(f.b + 74, &g, 16);
	assert_int_equal(slow_checksum(f.b + 62, 28, slow_checksum(ip->src, 32, 58 + 28)), 0xffff);
}

static void query(const char *src, uint8_t hops, size_t body)
{
	frame_eth(&f, (const uint8_t *)"\x33\x33\0\0\0\1", mac_router, 0x86dd);
	frame_ip6(&f, src, "ff02::1", 0)->hop_limit = hops;
	frame_bytes(&f, "\x3a\0\5\2\0\0\1\0", 8);
	f.l4 = f.len;
	frame_icmp(&f, 130, 0, 10000 << 16);
	frame_bytes(&f, NULL, body);
	frame_seal(&f);
}

static void mld_announced_at_start(void **state)
{
	struct fixture *fx = *state;
	unsigned n = 0;

	net_timers(fx->net, fx->now_us, 0);
	while (take(fx, &f, NULL))
		if (f.l3 == 14 && f.b[12] == 0x86 && f.b[20] == 0) {
			report_check(4);
			n++;
		}
	assert_int_equal(n, 1);
	assert_stat(fx, MLD_SENT, 2);
}

static void mld_query_is_answered(void **state)
{
	struct fixture *fx = *state;

	query("fe80::fe", 1, 20); /* MLDv2's 28 bytes */
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_true(take(fx, &f, NULL));
	report_check(2);
	query("fe80::fe", 1, 16); /* MLDv1's 24 */
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_int_equal(take_all(fx), 1);
}

static void mld_bad_queries(void **state)
{
	struct fixture *fx = *state;

	query("fe80::fe", 64, 20);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	query("fd00::9", 1, 20);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	query("fe80::fe", 1, 15);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ND_BAD, 3);
	query("fe80::fe", 1, 20);
	f.b[64] ^= 1;
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ICMP_BAD, 1);
	assert_int_equal(take_all(fx), 0);
}

/* Without IPv6 there are no groups, so no reports. */
static void mld_without_ip6(void **state)
{
	struct fixture *fx = *state;

	net_free(fx->net);
	fx->ifaces[0].n_addresses = 2;
	fx->ifaces[0].n_routes = 1;
	fx->ifaces[1].n_addresses = 1;
	fixture_net(fx);
	net_timers(fx->net, fx->now_us, 0);
	assert_stat(fx, MLD_SENT, 0);
	take_all(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(mld_announced_at_start),
		T(mld_query_is_answered),
		T(mld_bad_queries),
		T(mld_without_ip6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
