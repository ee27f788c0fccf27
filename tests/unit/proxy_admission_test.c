/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/proxy/admission.h"

#include <cmocka.h>

static const uint8_t secret[16] = "not very secret";
static struct admission *a;
static uint32_t gate;

static int make(void **state)
{
	(void)state;
	a = admission_new(secret);
	gate = a ? admission_gate(a, 77, 0) : 0;
	return gate ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	admission_free(a);
	return 0;
}

static struct ip_addr v4(uint32_t number)
{
	struct ip_addr ip = { .b = { [10] = 0xff, [11] = 0xff } };

	memcpy(ip.b + 12, &number, 4);
	return ip;
}

static enum admission_verdict enter(
    const struct admission_limits *l, uint32_t source, uint64_t now_us, struct admission_ticket *t)
{
	struct ip_addr ip = v4(source);

	return admission_enter(a, gate, l, &ip, now_us, t);
}

static void without_limits_everybody_may(void **state)
{
	const struct admission_limits none = { 0 };
	struct admission_ticket t;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		assert_int_equal(enter(&none, 1, 5, &t), ADMISSION_OK);
		assert_true(admission_start(a, &t, &none, 5));
	}
}

static void a_listener_has_a_number_at_once(void **state)
{
	const struct admission_limits l = { .at_once = 3 };
	struct admission_ticket t[4];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(enter(&l, i, 0, &t[i]), ADMISSION_OK);
	assert_int_equal(enter(&l, 9, 0, &t[3]), ADMISSION_AT_ONCE);
	assert_int_equal(t[3].gate, 0);
	admission_leave(a, &t[3]); /* holds nothing */
	assert_int_equal(enter(&l, 9, 0, &t[3]), ADMISSION_AT_ONCE);
	admission_leave(a, &t[1]);
	admission_leave(a, &t[1]); /* once counts */
	assert_int_equal(enter(&l, 9, 0, &t[3]), ADMISSION_OK);
	assert_int_equal(enter(&l, 9, 0, &t[1]), ADMISSION_AT_ONCE);
}

/* Handshakes that may start in the 10 s after now, asked for every 100 µs. */
static unsigned started(const struct admission_limits *l, uint64_t now_us)
{
	struct admission_ticket t;
	unsigned n = 0;

	assert_int_equal(enter(l, 1, now_us, &t), ADMISSION_OK);
	for (unsigned i = 0; i < 100000; i++)
		n += admission_start(a, &t, l, now_us + i * 100);
	admission_leave(a, &t);
	return n;
}

static void a_listener_has_a_rate(void **state)
{
	static const uint32_t rates[] = { 1, 2, 7, 100, 5000 };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		const struct admission_limits l = { .per_second = rates[i] };
		unsigned n = started(&l, 1000000 + i * UINT64_C(100000000));

		/* A second's worth at once, then the rate. */
		assert_in_range(n, 11 * rates[i] - 1, 11 * rates[i] + 1);
	}
}

static void a_source_has_a_rate_and_a_number_of_its_own(void **state)
{
	const struct admission_limits l = { .source_per_second = 10, .source_at_once = 5 };
	struct admission_ticket t[6];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(enter(&l, 1, 0, &t[i]), ADMISSION_OK);
	assert_int_equal(enter(&l, 1, 0, &t[5]), ADMISSION_SOURCE);
	assert_int_equal(enter(&l, 2, 0, &t[5]), ADMISSION_OK); /* somebody else */
	for (unsigned i = 0; i < 6; i++)
		admission_leave(a, &t[i]);
	for (unsigned i = 0; i < 100; i++)
		if (enter(&l, 1, 0, &t[0]) == ADMISSION_OK) {
			admission_leave(a, &t[0]);
			n++;
		}
	assert_int_equal(n, 5); /* the rest of its second */
	assert_int_equal(enter(&l, 1, 100000, &t[0]), ADMISSION_OK);
	assert_int_equal(enter(&l, 1, 100000, &t[1]), ADMISSION_SOURCE);
}

static void ipv6_sources_are_networks(void **state)
{
	const struct admission_limits l = { .source_at_once = 1 };
	struct ip_addr ip = { .b = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	struct admission_ticket t;

	(void)state;
	assert_int_equal(admission_enter(a, gate, &l, &ip, 0, &t), ADMISSION_OK);
	ip.b[15] = 2;
	assert_int_equal(admission_enter(a, gate, &l, &ip, 0, &t), ADMISSION_SOURCE);
	ip.b[7] = 1;
	assert_int_equal(admission_enter(a, gate, &l, &ip, 0, &t), ADMISSION_OK);
}

/* A refused source takes nothing of the listener's; a refused connection nothing of the source's number. */
static void what_is_refused_holds_nothing(void **state)
{
	const struct admission_limits l = { .at_once = 2, .source_at_once = 1 };
	struct admission_ticket t[4];

	(void)state;
	assert_int_equal(enter(&l, 1, 0, &t[0]), ADMISSION_OK);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(enter(&l, 1, 0, &t[3]), ADMISSION_SOURCE);
	assert_int_equal(enter(&l, 2, 0, &t[1]), ADMISSION_OK);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(enter(&l, 3, 0, &t[3]), ADMISSION_AT_ONCE);
	admission_leave(a, &t[0]);
	assert_int_equal(enter(&l, 3, 0, &t[2]), ADMISSION_OK);
}

/* A million sources: no memory is used, those who hold something stay known, and newcomers are not refused. */
static void the_table_does_not_grow_and_forgets_the_idle(void **state)
{
	const struct admission_limits l = { .source_at_once = 1 };
	struct admission_ticket held, t;

	(void)state;
	assert_int_equal(enter(&l, 1, 0, &held), ADMISSION_OK);
	for (unsigned i = 2; i < 1000000; i++) {
		assert_int_equal(enter(&l, i, i, &t), ADMISSION_OK);
		admission_leave(a, &t);
	}
	assert_int_equal(admission_untracked(a), 0);
	assert_int_equal(enter(&l, 1, 1000000, &t), ADMISSION_SOURCE);
	/* All hold something: newcomers go unlimited and are counted. */
	for (unsigned i = 2; i < 200000; i++)
		assert_int_equal(enter(&l, i, 0, &t), ADMISSION_OK);
	assert_true(admission_untracked(a) > 100000);
	assert_int_equal(enter(&l, 1, 0, &t), ADMISSION_SOURCE);
}

static void gates_live_as_long_as_their_connections(void **state)
{
	const struct admission_limits l = { .at_once = 1 };
	struct admission_ticket t, u;
	uint32_t other;

	(void)state;
	assert_int_equal(enter(&l, 1, 0, &t), ADMISSION_OK);
	/* A reload that moves the listener to another place in the list. */
	admission_renew(a);
	other = admission_gate(a, 5, 0);
	assert_int_not_equal(other, gate);
	assert_int_equal(admission_gate(a, 77, 1), gate);
	assert_int_equal(enter(&l, 2, 0, &u), ADMISSION_AT_ONCE);
	/* One that takes it away: the connection can still leave. */
	admission_renew(a);
	assert_int_equal(admission_gate(a, 5, 1), other);
	admission_leave(a, &t);
	/* More listeners than gates: they go without limits. */
	for (uint32_t id = 1000; id < 1000 + ADMISSION_MAX_GATES; id++)
		gate = admission_gate(a, id, id);
	assert_int_equal(gate, 0);
	assert_int_equal(enter(&l, 1, 0, &t), ADMISSION_OK);
	assert_true(admission_start(a, &t, &l, 0));
	admission_leave(a, &t);
}

static void shares_are_never_none(void **state)
{
	(void)state;
	assert_int_equal(admission_share(0, 4), 0);
	assert_int_equal(admission_share(1, 4), 1);
	assert_int_equal(admission_share(8, 4), 2);
	assert_int_equal(admission_share(9, 4), 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_limits_everybody_may),
		TEST(a_listener_has_a_number_at_once),
		TEST(a_listener_has_a_rate),
		TEST(a_source_has_a_rate_and_a_number_of_its_own),
		TEST(ipv6_sources_are_networks),
		TEST(what_is_refused_holds_nothing),
		TEST(the_table_does_not_grow_and_forgets_the_idle),
		TEST(gates_live_as_long_as_their_connections),
		TEST(shares_are_never_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
