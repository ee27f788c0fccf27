/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/tcp/opt.h"

#include <cmocka.h>

/* In a block of exactly that size, so that ASan sees a read past it. */
static struct opts parse(bool syn, unsigned len, const char *bytes)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct opts o;

	assert_non_null(exact);
	memset(&o, 0xee, sizeof(o));
	memcpy(exact, bytes, len);
	opt_parse(&o, exact, len, syn);
	free(exact);
	return o;
}

#define PARSE(syn, bytes) parse(syn, sizeof(bytes) - 1, bytes)

static void all_options_of_a_syn(void **state)
{
	struct opts o =
	    PARSE(true, "\x02\x04\x05\xb4\x04\x02\x08\x0a\x11\x22\x33\x44\0\0\0\1\x01\x03\x03\x07");

	(void)state;
	assert_int_equal(o.has, OPT_MSS | OPT_SACK_PERMITTED | OPT_TS | OPT_WSCALE);
	assert_int_equal(o.mss, 1460);
	assert_int_equal(o.wscale, 7);
	assert_int_equal(o.tsval, 0x11223344);
	assert_int_equal(o.tsecr, 1);
}

/* Each byte of a Linux SYN's options with each value reads as the same options behind a NOP do, which have no short cut. */
static void short_cut_for_linux_says_the_same(void **state)
{
	static const char usual[] =
	    "\x01\x02\x04\x05\xb4\x04\x02\x08\x0a\x11\x22\x33\x44\0\0\0\1\x01\x03\x03\x07";
	char bytes[sizeof(usual)];

	(void)state;
	for (unsigned at = 1; at <= 20; at++)
		for (unsigned value = 0; value < 256; value++) {
			struct opts fast, slow;

			memcpy(bytes, usual, sizeof(usual));
			bytes[at] = (char)value;
			fast = parse(true, 20, bytes + 1);
			slow = parse(true, 21, bytes);
			assert_int_equal(fast.has, slow.has);
			if (fast.has & OPT_MSS)
				assert_int_equal(fast.mss, slow.mss);
			if (fast.has & OPT_WSCALE)
				assert_int_equal(fast.wscale, slow.wscale);
			if (fast.has & OPT_TS) {
				assert_int_equal(fast.tsval, slow.tsval);
				assert_int_equal(fast.tsecr, slow.tsecr);
			}
		}
}

/* The same for a SYN with the MSS alone. */
static void short_cut_for_the_mss_says_the_same(void **state)
{
	static const char usual[] = "\x01\x02\x04\x05\xb4";
	char bytes[sizeof(usual)];

	(void)state;
	for (unsigned syn = 0; syn <= 1; syn++)
		for (unsigned at = 1; at <= 4; at++)
			for (unsigned value = 0; value < 256; value++) {
				struct opts fast, slow;

				memcpy(bytes, usual, sizeof(usual));
				bytes[at] = (char)value;
				fast = parse(syn, 4, bytes + 1);
				slow = parse(syn, 5, bytes);
				assert_int_equal(fast.has, slow.has);
				assert_int_equal(fast.n_sack, 0);
				if (fast.has & OPT_MSS)
					assert_int_equal(fast.mss, slow.mss);
			}
}

static void timestamps_aligned_and_not(void **state)
{
	struct opts fast = PARSE(false, "\1\1\x08\x0a\0\0\0\5\0\0\0\6");
	struct opts slow = PARSE(false, "\x08\x0a\0\0\0\5\0\0\0\6\1\1");
	struct opts odd = PARSE(false, "\1\x08\x0a\0\0\0\5\0\0\0\6");

	(void)state;
	assert_int_equal(fast.has, OPT_TS);
	assert_int_equal(slow.has, OPT_TS);
	assert_int_equal(odd.has, OPT_TS);
	assert_int_equal(fast.tsval, slow.tsval);
	assert_int_equal(odd.tsecr, 6);
}

static void sack_blocks_one_to_four(void **state)
{
	struct opts o = PARSE(
	    false, "\5\x22\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5\0\0\0\6\0\0\0\7\0\0\0\x08");

	(void)state;
	assert_int_equal(o.has, OPT_SACK);
	assert_int_equal(o.n_sack, 4);
	assert_int_equal(o.sack[3].start, 7);
	assert_int_equal(o.sack[3].end, 8);
}

static void MUST_7_illegal_lengths_end_the_reading(void **state)
{
	(void)state;
	assert_int_equal(PARSE(true, "\x63\0\0\0").has, OPT_BROKEN);
	assert_int_equal(PARSE(true, "\xfe\0\1\1").has, OPT_BROKEN);
	assert_int_equal(PARSE(true, "\xfe\1\2\4\5\xb4").has, OPT_BROKEN);
	assert_int_equal(PARSE(true, "\2").has, OPT_BROKEN);     /* no length at all */
	assert_int_equal(PARSE(true, "\2\4\5").has, OPT_BROKEN); /* reaches past the header */
	assert_int_equal(PARSE(true, "\1\1\1\x08").has, OPT_BROKEN);
	assert_int_equal(PARSE(false, "\5\xff\0\0").has, OPT_BROKEN);
	/* What came before it counts. */
	assert_int_equal(PARSE(true, "\2\4\5\xb4\x63\0").has, OPT_MSS | OPT_BROKEN);
}

static void known_options_of_wrong_length_are_not_taken(void **state)
{
	(void)state;
	assert_int_equal(PARSE(true, "\2\3\5").has, OPT_BROKEN);
	assert_int_equal(PARSE(true, "\2\5\5\5\5").has, OPT_BROKEN);
	assert_int_equal(PARSE(true, "\3\2").has, OPT_BROKEN);
	assert_int_equal(PARSE(true, "\4\3\0").has, OPT_BROKEN);
	assert_int_equal(PARSE(true, "\x08\x09\0\0\0\0\0\0\0").has, OPT_BROKEN);
	assert_int_equal(PARSE(false, "\5\2").has, OPT_BROKEN);
	assert_int_equal(PARSE(false, "\5\x09\0\0\0\0\0\0\0").has, OPT_BROKEN);
	assert_int_equal(PARSE(false, "\5\x0b\0\0\0\0\0\0\0\0\0").has, OPT_BROKEN);
}

static void MUST_6_unknown_options_are_skipped(void **state)
{
	struct opts o = PARSE(true, "\xfd\4\x12\x34\x1e\2\2\4\2\x18");

	(void)state;
	assert_int_equal(o.has, OPT_MSS);
	assert_int_equal(o.mss, 536);
}

static void MUST_65_syn_options_only_on_syns(void **state)
{
	(void)state;
	assert_int_equal(PARSE(false, "\2\4\5\xb4\3\3\7\4\2").has, 0);
	assert_int_equal(PARSE(true, "\5\x0a\0\0\0\1\0\0\0\2").has, 0);
}

static void end_of_options_ends_them(void **state)
{
	(void)state;
	assert_int_equal(PARSE(true, "\0\2\4\5\xb4").has, 0);
	assert_int_equal(PARSE(true, "").has, 0);
	assert_int_equal(PARSE(true, "\1\1\1\1").has, 0);
}

static void first_of_several_counts(void **state)
{
	struct opts o = PARSE(true, "\2\4\5\xb4\2\4\0\1\3\3\2\3\3\x09");

	(void)state;
	assert_int_equal(o.mss, 1460);
	assert_int_equal(o.wscale, 2);
}

static void window_scale_is_cut_to_fourteen(void **state)
{
	(void)state;
	assert_int_equal(PARSE(true, "\3\3\x0e").wscale, 14);
	assert_int_equal(PARSE(true, "\3\3\x0f").wscale, 14);
	assert_int_equal(PARSE(true, "\3\3\xff").wscale, 14);
}

static void built_options_read_back(void **state)
{
	(void)state;
	for (unsigned has = 0; has < 16; has++) {
		struct opts in = { .has = (uint8_t)has,
			.mss = 1234,
			.wscale = 9,
			.tsval = 0xdeadbeef,
			.tsecr = 77 };
		uint8_t bytes[OPT_MAX_LEN];
		unsigned len = opt_build(bytes, &in);
		struct opts out;

		assert_int_equal(len % 4, 0);
		opt_parse(&out, bytes, len, true);
		assert_int_equal(out.has, has);
		if (has & OPT_MSS)
			assert_int_equal(out.mss, 1234);
		if (has & OPT_WSCALE)
			assert_int_equal(out.wscale, 9);
		if (has & OPT_TS)
			assert_int_equal(out.tsval, 0xdeadbeef);
	}
}

static void blocks_without_room_are_left_out(void **state)
{
	struct opts in = { .has = OPT_TS | OPT_SACK, .n_sack = 4 }, out;
	uint8_t bytes[OPT_MAX_LEN];
	unsigned len;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		in.sack[i] = (struct opt_block){ 10 * i + 1, 10 * i + 5 };
	len = opt_build(bytes, &in);
	assert_int_equal(len, 40);
	opt_parse(&out, bytes, len, false);
	assert_int_equal(out.n_sack, 3);
	assert_int_equal(out.sack[2].start, 21);
	in.has = OPT_SACK;
	assert_int_equal(opt_build(bytes, &in), 36);
	in.n_sack = 0;
	assert_int_equal(opt_build(bytes, &in), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_options_of_a_syn),
		cmocka_unit_test(short_cut_for_linux_says_the_same),
		cmocka_unit_test(short_cut_for_the_mss_says_the_same),
		cmocka_unit_test(timestamps_aligned_and_not),
		cmocka_unit_test(sack_blocks_one_to_four),
		cmocka_unit_test(MUST_7_illegal_lengths_end_the_reading),
		cmocka_unit_test(known_options_of_wrong_length_are_not_taken),
		cmocka_unit_test(MUST_6_unknown_options_are_skipped),
		cmocka_unit_test(MUST_65_syn_options_only_on_syns),
		cmocka_unit_test(end_of_options_ends_them),
		cmocka_unit_test(first_of_several_counts),
		cmocka_unit_test(window_scale_is_cut_to_fourteen),
		cmocka_unit_test(built_options_read_back),
		cmocka_unit_test(blocks_without_room_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
