/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/tcp/cookie.h"
#include "dataplane/tcp/isn.h"

#include <cmocka.h>

#define SECOND 1000000ull

static const struct siphash_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };
static const struct siphash_key other_key = { { 1, 2 } };

static struct flow flow_of(uint16_t port)
{
	struct flow f = { .remote_port = port, .local_port = 443 };

	f.remote.w[3] = 0x01020304;
	f.local.w[3] = 0x05060708;
	return f;
}

static void everything_is_kept_with_timestamps(void **state)
{
	struct flow f = flow_of(4000);

	(void)state;
	for (unsigned i = 0; i < 16 * 4; i++) {
		struct cookie in = { .mss = 1460,
			.wscale = i & 15,
			.sack = i >> 4 & 1,
			.ecn = i >> 5 & 1,
			.ts = true },
			      out;
		uint32_t isn = cookie_make(&key, &f, 77, &in, 100 * SECOND);
		uint32_t ts = cookie_ts(&in, 123456 + i);

		assert_in_range(123456 + i - ts, 0, 127);
		assert_true(cookie_check(&key, &f, 77, isn, true, ts, 100 * SECOND, &out));
		assert_int_equal(out.mss, 1460);
		assert_int_equal(out.wscale, i & 15);
		assert_int_equal(out.sack, i >> 4 & 1);
		assert_int_equal(out.ecn, i >> 5 & 1);
	}
}

static void only_the_mss_is_kept_without(void **state)
{
	struct cookie in = { .mss = 1450, .wscale = 7, .sack = true, .ecn = true }, out;
	struct flow f = flow_of(4000);
	uint32_t isn = cookie_make(&key, &f, 77, &in, SECOND);

	(void)state;
	assert_int_equal(in.wscale, COOKIE_NO_WSCALE);
	assert_false(in.sack || in.ecn);
	assert_true(cookie_check(&key, &f, 77, isn, false, 0, SECOND, &out));
	assert_int_equal(out.mss, 1440);
	assert_int_equal(out.wscale, COOKIE_NO_WSCALE);
	assert_false(out.sack || out.ecn || out.ts);
}

static void mss_is_never_rounded_up(void **state)
{
	struct flow f = flow_of(1);

	(void)state;
	for (unsigned mss = 64; mss < 65536; mss += 37) {
		struct cookie in = { .mss = (uint16_t)mss };

		cookie_make(&key, &f, 1, &in, 0);
		assert_true(in.mss <= mss);
	}
}

static void lives_for_one_rotation_and_no_longer(void **state)
{
	struct flow f = flow_of(4000);

	(void)state;
	/* Made just before a rotation, just after one, and in both parities of the epoch. */
	for (uint64_t made = 63 * SECOND; made < 400 * SECOND; made += 13 * SECOND) {
		struct cookie in = { .mss = 536 }, out;
		uint32_t isn = cookie_make(&key, &f, 5, &in, made);
		uint64_t rotated = (made / (64 * SECOND) + 1) * 64 * SECOND;

		assert_true(cookie_check(&key, &f, 5, isn, false, 0, made, &out));
		assert_true(cookie_check(&key, &f, 5, isn, false, 0, rotated, &out));
		assert_true(cookie_check(&key, &f, 5, isn, false, 0, rotated + 63 * SECOND, &out));
		assert_false(cookie_check(&key, &f, 5, isn, false, 0, rotated + 64 * SECOND, &out));
		assert_false(
		    cookie_check(&key, &f, 5, isn, false, 0, rotated + 128 * SECOND, &out));
	}
}

static void anything_changed_is_refused(void **state)
{
	struct cookie in = { .mss = 1460, .wscale = 7, .sack = true, .ts = true }, out;
	struct flow f = flow_of(4000), g = flow_of(4001);
	uint32_t isn = cookie_make(&key, &f, 77, &in, SECOND), ts = cookie_ts(&in, 1000);

	(void)state;
	assert_true(cookie_check(&key, &f, 77, isn, true, ts, SECOND, &out));
	assert_false(cookie_check(&key, &g, 77, isn, true, ts, SECOND, &out));
	assert_false(cookie_check(&key, &f, 78, isn, true, ts, SECOND, &out));
	assert_false(cookie_check(&other_key, &f, 77, isn, true, ts, SECOND, &out));
	assert_false(cookie_check(&key, &f, 77, isn, false, ts, SECOND, &out));
	for (unsigned bit = 0; bit < COOKIE_TS_BITS; bit++)
		assert_false(cookie_check(&key, &f, 77, isn, true, ts ^ 1u << bit, SECOND, &out));
	for (unsigned bit = 0; bit < 32; bit++)
		assert_false(cookie_check(&key, &f, 77, isn ^ 1u << bit, true, ts, SECOND, &out));
}

static bool is_cookie_of(const struct flow *f, uint32_t irs, uint32_t isn)
{
	struct cookie out;

	return cookie_check(&key, f, irs, isn, false, 0, SECOND, &out);
}

/* Every bit of the 4-tuple and of the peer's number is in the hash, of IPv4 and of IPv6. */
static void every_bit_of_the_tuple_counts(void **state)
{
	for (unsigned v4 = 0; v4 <= 1; v4++) {
		struct cookie in = { .mss = 1460 };
		struct flow f = flow_of(4000), g;
		uint32_t isn;

		f.remote.w[0] = f.local.w[0] = v4 ? 0 : 0xfd;
		f.remote.w[2] = f.local.w[2] = v4 ? 0xffff0000 : 0;
		isn = cookie_make(&key, &f, 77, &in, SECOND);
		assert_true(is_cookie_of(&f, 77, isn));
		for (unsigned bit = 0; bit < 32; bit++)
			assert_false(is_cookie_of(&f, 77 ^ 1u << bit, isn));
		for (unsigned bit = v4 ? 96 : 0; bit < 128; bit++) {
			g = f;
			g.remote.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(is_cookie_of(&g, 77, isn));
			g = f;
			g.local.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(is_cookie_of(&g, 77, isn));
		}
		for (unsigned bit = 0; bit < 16; bit++) {
			g = f;
			g.remote_port ^= (uint16_t)(1 << bit);
			assert_false(is_cookie_of(&g, 77, isn));
			g = f;
			g.local_port ^= (uint16_t)(1 << bit);
			assert_false(is_cookie_of(&g, 77, isn));
		}
	}
	(void)state;
}

static void guesses_do_not_pass(void **state)
{
	struct flow f = flow_of(4000);
	struct cookie out;
	unsigned passed = 0;

	(void)state;
	for (uint32_t i = 0; i < 300000; i++)
		passed += cookie_check(&key, &f, 1, i * 2654435761u, false, 0, 1000 * SECOND, &out);
	assert_int_equal(passed, 0);
}

static void isn_moves_with_the_clock_and_the_tuple(void **state)
{
	struct flow f = flow_of(4000), g = flow_of(4001);
	uint32_t a = isn_make(&key, &f, 1000000);

	(void)state;
	assert_int_equal(isn_make(&key, &f, 1000400) - a, 100);
	assert_int_equal(isn_make(&key, &f, 1000000), a);
	assert_int_not_equal(isn_make(&key, &g, 1000000), a);
	assert_int_not_equal(isn_make(&other_key, &f, 1000000), a);
}

static void timestamp_offset_is_per_pair_of_hosts(void **state)
{
	struct flow f = flow_of(4000);
	uint32_t a = isn_ts_offset(&key, &f.local, &f.remote);

	(void)state;
	assert_int_equal(isn_ts_offset(&key, &f.local, &f.remote), a);
	assert_int_not_equal(isn_ts_offset(&key, &f.remote, &f.local), a);
	assert_int_not_equal(isn_ts_offset(&other_key, &f.local, &f.remote), a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_kept_with_timestamps),
		cmocka_unit_test(only_the_mss_is_kept_without),
		cmocka_unit_test(mss_is_never_rounded_up),
		cmocka_unit_test(lives_for_one_rotation_and_no_longer),
		cmocka_unit_test(anything_changed_is_refused),
		cmocka_unit_test(every_bit_of_the_tuple_counts),
		cmocka_unit_test(guesses_do_not_pass),
		cmocka_unit_test(isn_moves_with_the_clock_and_the_tuple),
		cmocka_unit_test(timestamp_offset_is_per_pair_of_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
