/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

#define MINUTE 60000000ull

static uint16_t mtu_to(struct fixture *fx, const char *remote)
{
	bool v6 = strchr(remote, ':') != NULL;
	struct ip_addr r = v6 ? addr6(remote) : addr4(remote), l = { .q = { 0, 0 } };
	struct net_dst dst;

	assert_true(net_route(fx->net, &l, &r, &dst));
	return dst.mtu;
}

static void set(struct fixture *fx, const char *remote, uint32_t mtu)
{
	bool v6 = strchr(remote, ':') != NULL;
	struct ip_addr r = v6 ? addr6(remote) : addr4(remote);

	net_pmtu_set(fx->net, &r, mtu, fx->now_us);
}

static void pmtu_is_lowered_for_one(void **state)
{
	struct fixture *fx = *state;
	uint32_t generation = net_generation(fx->net);

	set(fx, "192.0.2.1", 1400);
	assert_int_not_equal(net_generation(fx->net), generation);
	assert_int_equal(mtu_to(fx, "192.0.2.1"), 1400);
	assert_int_equal(mtu_to(fx, "192.0.2.2"), 1500);
	set(fx, "2001:db8::1", 1300);
	assert_int_equal(mtu_to(fx, "2001:db8::1"), 1300);
	assert_int_equal(mtu_to(fx, "2001:db8::2"), 1500);
	assert_stat(fx, PMTU_LOWERED, 2);
}

/* RFC 1191 6.3 and pitfall 12: never raised by a message, never below the floors. */
static void pmtu_bounds(void **state)
{
	struct fixture *fx = *state;
	uint32_t generation;

	set(fx, "192.0.2.1", 1400);
	generation = net_generation(fx->net);
	set(fx, "192.0.2.1", 1450);
	set(fx, "192.0.2.1", 1400);
	set(fx, "192.0.2.3", 1500);
	set(fx, "192.0.2.3", 9000);
	set(fx, "192.0.2.3", UINT32_MAX);
	assert_int_equal(net_generation(fx->net), generation);
	assert_int_equal(mtu_to(fx, "192.0.2.1"), 1400);
	assert_int_equal(mtu_to(fx, "192.0.2.3"), 1500);
	set(fx, "192.0.2.1", 1);
	assert_int_equal(mtu_to(fx, "192.0.2.1"), 552);
	set(fx, "2001:db8::1", 600);
	assert_int_equal(mtu_to(fx, "2001:db8::1"), 1280);
}

/* RFC 1191 7.1: a router that does not tell is answered with the next plateau. */
static void pmtu_plateaus(void **state)
{
	static const uint16_t want[] = { 1492, 1006, 552, 552 };
	static const uint16_t jumbo[] = { 8166, 4352, 2002, 1492 };
	struct fixture *fx = *state;

	for (unsigned i = 0; i < 4; i++) {
		set(fx, "192.0.2.1", 0);
		assert_int_equal(mtu_to(fx, "192.0.2.1"), want[i]);
		set(fx, "10.1.0.9", 0);
		assert_int_equal(mtu_to(fx, "10.1.0.9"), jumbo[i]);
	}
}

static void pmtu_ages_out(void **state)
{
	struct fixture *fx = *state;
	uint32_t generation;

	set(fx, "192.0.2.1", 1400);
	set(fx, "2001:db8::1", 1280);
	fx->now_us += 10 * MINUTE - 1;
	net_timers(fx->net, fx->now_us, 100000);
	assert_int_equal(mtu_to(fx, "192.0.2.1"), 1400);
	generation = net_generation(fx->net);
	advance(fx, 200000);
	take_all(fx);
	assert_int_equal(mtu_to(fx, "192.0.2.1"), 1500);
	assert_int_equal(mtu_to(fx, "2001:db8::1"), 1500);
	assert_int_not_equal(net_generation(fx->net), generation);
}

/* More destinations than there is room for: the cache stays a cache. */
static void pmtu_many(void **state)
{
	struct fixture *fx = *state;
	unsigned kept = 0;
	char text[32];

	for (unsigned i = 0; i < 4000; i++) {
		snprintf(text, sizeof(text), "192.0.%u.%u", i >> 8, i & 255);
		fx->now_us++;
		set(fx, text, 1400);
		assert_int_equal(mtu_to(fx, text), 1400);
	}
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(text, sizeof(text), "192.0.%u.%u", i >> 8, i & 255);
		kept += mtu_to(fx, text) == 1400;
	}
	assert_in_range(kept, 400, 512);
	fx->now_us += 11 * MINUTE;
	net_timers(fx->net, fx->now_us, 100000);
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(text, sizeof(text), "192.0.%u.%u", i >> 8, i & 255);
		assert_int_equal(mtu_to(fx, text), 1500);
	}
	take_all(fx);
}

static void pmtu_without_route(void **state)
{
	struct fixture *fx = *state;
	uint32_t generation;

	net_free(fx->net);
	fx->ifaces[0].n_routes = 0;
	fixture_net(fx);
	generation = net_generation(fx->net);
	set(fx, "192.0.2.1", 1400);
	assert_int_equal(net_generation(fx->net), generation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(pmtu_is_lowered_for_one),
		T(pmtu_bounds),
		T(pmtu_plateaus),
		T(pmtu_ages_out),
		T(pmtu_many),
		T(pmtu_without_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
