/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/proxy/admission.h"
#include "dataplane/proxy/sources.h"

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

static enum admission_verdict
enter_reserved(const struct admission_limits *l, struct admission_ticket *t)
{
	return admission_enter(a, gate, l, NULL, 0, t);
}

static void reserved_sources_have_a_part_of_the_number(void **state)
{
	const struct admission_limits l = {
		.at_once = 2, .reserved_at_once = 2, .source_at_once = 1
	};
	struct admission_ticket t[3], r[5];

	(void)state;
	assert_int_equal(enter(&l, 1, 0, &t[0]), ADMISSION_OK);
	assert_int_equal(enter(&l, 2, 0, &t[1]), ADMISSION_OK);
	assert_int_equal(enter(&l, 3, 0, &t[2]), ADMISSION_AT_ONCE);
	/* Not limited by source, and only by their own number now. */
	assert_int_equal(enter_reserved(&l, &r[0]), ADMISSION_OK);
	assert_int_equal(enter_reserved(&l, &r[1]), ADMISSION_OK);
	assert_int_equal(enter_reserved(&l, &r[2]), ADMISSION_AT_ONCE);
	assert_int_equal(enter(&l, 3, 0, &t[2]), ADMISSION_AT_ONCE);
	admission_leave(a, &r[0]);
	assert_int_equal(enter(&l, 3, 0, &t[2]), ADMISSION_AT_ONCE); /* kept, though it is free */
	assert_int_equal(enter_reserved(&l, &r[0]), ADMISSION_OK);
	/* What is everybody's is theirs as well. */
	admission_leave(a, &t[0]);
	assert_int_equal(enter_reserved(&l, &r[2]), ADMISSION_OK);
	assert_int_equal(enter_reserved(&l, &r[3]), ADMISSION_AT_ONCE);
	assert_int_equal(enter(&l, 3, 0, &t[2]), ADMISSION_AT_ONCE);
	for (unsigned i = 0; i < 3; i++)
		admission_leave(a, &r[i]);
	admission_leave(a, &t[1]);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(enter_reserved(&l, &r[i]), ADMISSION_OK);
	assert_int_equal(enter_reserved(&l, &r[4]), ADMISSION_AT_ONCE);
	/* A reload forgets nothing of it. */
	admission_renew(a);
	assert_int_equal(admission_gate(a, 77, 9), gate);
	assert_int_equal(enter_reserved(&l, &r[4]), ADMISSION_AT_ONCE);
	for (unsigned i = 0; i < 4; i++)
		admission_leave(a, &r[i]);
}

static unsigned started_by(const struct admission_limits *l, const struct admission_ticket *t)
{
	unsigned n = 0;

	while (n < 1000 && admission_start(a, t, l, 5000000))
		n++;
	return n;
}

static void reserved_sources_have_a_part_of_the_rate(void **state)
{
	const struct admission_limits l = { .per_second = 30, .reserved_per_second = 10 };
	struct admission_ticket t, r;

	(void)state;
	assert_int_equal(enter(&l, 1, 0, &t), ADMISSION_OK);
	assert_int_equal(enter_reserved(&l, &r), ADMISSION_OK);
	assert_int_equal(started_by(&l, &t), 30);
	assert_int_equal(started_by(&l, &r), 10);
	admission_leave(a, &t);
	admission_leave(a, &r);
}

static void reserved_sources_may_use_all_of_the_rate(void **state)
{
	const struct admission_limits l = { .per_second = 30, .reserved_per_second = 10 };
	struct admission_ticket t, r;

	(void)state;
	assert_int_equal(enter(&l, 1, 0, &t), ADMISSION_OK);
	assert_int_equal(enter_reserved(&l, &r), ADMISSION_OK);
	assert_int_equal(started_by(&l, &r), 40);
	assert_int_equal(started_by(&l, &t), 0);
	admission_leave(a, &t);
	admission_leave(a, &r);
}

/* --- places --- */

static unsigned take_all(struct admission_places *p, bool is_reserved, unsigned *n_kept)
{
	unsigned n = 0;
	bool is_kept;

	for (*n_kept = 0; admission_places_take(p, is_reserved, &is_kept); n++)
		*n_kept += is_kept;
	assert_false(is_kept);
	return n;
}

static void a_part_of_the_places_is_kept(void **state)
{
	static const struct {
		uint32_t n;
		unsigned share, kept;
	} cases[] = { { 100, 25, 25 }, { 41, 25, 10 }, { 8192, 90, 7372 }, { 10, 0, 0 },
		{ 2, 1, 1 }, { 1, 90, 0 }, { 0, 25, 0 }, { 4000000000, 50, 2000000000 } };
	unsigned n_kept;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct admission_places p = { 0 };

		admission_places_split(&p, cases[i].n, cases[i].share);
		assert_int_equal(p.kept, cases[i].kept);
		assert_int_equal(p.everybodys, cases[i].n - cases[i].kept);
		if (cases[i].n > 10000)
			continue;
		assert_int_equal(take_all(&p, false, &n_kept), cases[i].n - cases[i].kept);
		assert_int_equal(take_all(&p, true, &n_kept), cases[i].kept);
		assert_int_equal(n_kept, cases[i].kept);
	}
}

static void kept_places_come_first_and_go_back_where_they_were(void **state)
{
	struct admission_places p = { 0 };
	unsigned n_kept;
	bool is_kept;

	(void)state;
	admission_places_split(&p, 8, 25);
	assert_int_equal(take_all(&p, true, &n_kept), 8);
	assert_int_equal(n_kept, 2);
	admission_places_give(&p, true);
	assert_false(admission_places_take(&p, false, &is_kept));
	admission_places_give(&p, false);
	assert_true(admission_places_take(&p, false, &is_kept));
	assert_false(is_kept);
	assert_true(admission_places_take(&p, true, &is_kept));
	assert_true(is_kept);
	/* A reload keeps more than is free: who is there stays, and places come free as they go. */
	admission_places_split(&p, 8, 75);
	assert_int_equal(take_all(&p, true, &n_kept), 4);
	assert_int_equal(n_kept, 4);
	for (unsigned i = 0; i < 4; i++) {
		admission_places_give(&p, false);
		assert_false(admission_places_take(&p, false, &is_kept));
	}
	admission_places_give(&p, false);
	assert_true(admission_places_take(&p, false, &is_kept));
}

static void handshakes_have_places(void **state)
{
	const struct admission_limits none = { 0 };
	struct admission_ticket t[3], r[2];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(enter(&none, i, 0, &t[i]), ADMISSION_OK);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(enter_reserved(&none, &r[i]), ADMISSION_OK);
	assert_false(admission_take_place(a, &t[0])); /* nobody has said how many */
	admission_room(a, 3, 34);
	assert_true(admission_take_place(a, &t[0]));
	assert_true(admission_take_place(a, &t[1]));
	assert_false(admission_take_place(a, &t[2]));
	assert_true(admission_take_place(a, &r[0]));
	assert_false(admission_take_place(a, &r[1]));
	admission_leave(a, &t[2]); /* had none to give back */
	assert_int_equal(enter(&none, 2, 0, &t[2]), ADMISSION_OK);
	assert_false(admission_take_place(a, &t[2]));
	admission_leave(a, &r[0]);
	assert_false(admission_take_place(a, &t[2]));
	assert_true(admission_take_place(a, &r[1]));
	admission_leave(a, &t[0]);
	assert_true(admission_take_place(a, &t[2]));
	for (unsigned i = 0; i < 3; i++)
		admission_leave(a, &t[i]);
	admission_leave(a, &r[1]);
}

/* --- sets of sources --- */

static struct ip_prefix prefix(uint32_t host, unsigned bits)
{
	uint32_t wire = __builtin_bswap32(host);

	return (struct ip_prefix){ v4(wire), (uint8_t)(96 + bits) };
}

static void sets_find_what_their_prefixes_hold(void **state)
{
	struct ip_prefix all[64];
	struct source_set *s;
	uint32_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		unsigned n = 1 + round;

		/* In a space of 2^12 addresses, so that they touch, overlap and repeat. */
		for (unsigned i = 0; i < n; i++) {
			unsigned bits = 20 + (seed = seed * 1664525 + 1013904223) % 13;

			all[i] = prefix(0x0a500000 | (seed >> 12 & 0xfff), bits);
		}
		s = source_set_new(all, n);
		assert_non_null(s);
		for (uint32_t host = 0x0a4fffff; host <= 0x0a501000; host++) {
			struct ip_addr ip = v4(__builtin_bswap32(host));
			bool wanted = false;

			for (unsigned i = 0; i < n; i++) {
				uint32_t base, mask = ~0u << (128 - all[i].bits);

				memcpy(&base, all[i].ip.b + 12, 4);
				wanted |= ((__builtin_bswap32(base) ^ host) & mask) == 0;
			}
			if (source_set_has(s, &ip) != wanted)
				fail_msg("round %u: %08x", round, host);
		}
		source_set_free(s);
	}
}

static void sets_know_ipv6_and_everybody(void **state)
{
	struct ip_addr net = { .b = { 0xfd, 0x80, [8] = 0x12 } }, ip = net, other = v4(1);
	const struct ip_prefix some = { net, 64 }, everybody = { other, 0 };
	struct source_set *s = source_set_new(&some, 1);

	(void)state;
	ip.b[15] = 0xff;
	assert_true(source_set_has(s, &ip));
	assert_false(source_set_has(NULL, &ip));
	ip.b[7] = 1;
	assert_false(source_set_has(s, &ip));
	assert_false(source_set_has(s, &other));
	source_set_free(s);
	s = source_set_new(&everybody, 1);
	assert_true(source_set_has(s, &ip) && source_set_has(s, &other));
	source_set_free(s);
	source_set_free(NULL);
}

/* Over 1 to 64 workers, for limits that divide and that do not: no part is none, and together they are the limit. */
static void parts_come_to_the_limit(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 64; n++)
		for (uint32_t limit = 2 * n; limit < 2 * n + 200; limit += 7) {
			const struct admission_limits all = { limit, limit + 1, 0, 0, limit,
				limit };
			struct admission_limits sum = { 0 };

			for (unsigned w = 0; w < n; w++) {
				struct admission_limits p = admission_part(&all, 25, w, n);

				assert_true(p.per_second > 0 && p.at_once > 0);
				assert_true(p.reserved_per_second > 0 && p.reserved_at_once > 0);
				assert_true(p.reserved_per_second <= p.per_second);
				assert_true(p.source_per_second > 0 && p.source_at_once > 0);
				sum.per_second += p.per_second + p.reserved_per_second;
				sum.at_once += p.at_once + p.reserved_at_once;
				sum.source_per_second += p.source_per_second;
				sum.source_at_once += p.source_at_once;
			}
			assert_int_equal(sum.per_second, limit);
			assert_int_equal(sum.at_once, limit + 1);
			assert_int_equal(sum.source_per_second, limit);
			assert_int_equal(sum.source_at_once, limit);
		}
}

static void no_limit_stays_none(void **state)
{
	const struct admission_limits none = { 0 };

	(void)state;
	for (unsigned w = 0; w < 16; w++) {
		struct admission_limits p = admission_part(&none, 90, w, 16);

		assert_memory_equal(&p, &none, sizeof(p));
	}
}

static void nothing_is_kept_for_nobody(void **state)
{
	const struct admission_limits all = { .per_second = 16, .at_once = 17 };

	(void)state;
	for (unsigned w = 0; w < 16; w++) {
		struct admission_limits p = admission_part(&all, 0, w, 16);

		assert_int_equal(p.per_second, 1);
		assert_int_equal(p.at_once, w == 0 ? 2 : 1);
		assert_int_equal(p.reserved_per_second + p.reserved_at_once, 0);
	}
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
		TEST(reserved_sources_have_a_part_of_the_number),
		TEST(reserved_sources_have_a_part_of_the_rate),
		TEST(reserved_sources_may_use_all_of_the_rate),
		TEST(a_part_of_the_places_is_kept),
		TEST(kept_places_come_first_and_go_back_where_they_were),
		TEST(handshakes_have_places),
		TEST(sets_find_what_their_prefixes_hold),
		TEST(sets_know_ipv6_and_everybody),
		TEST(parts_come_to_the_limit),
		TEST(no_limit_stays_none),
		TEST(nothing_is_kept_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
