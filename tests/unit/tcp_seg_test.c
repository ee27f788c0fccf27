/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/tcp/seg.h"
#include "tests/unit/eal.h"

#include <cmocka.h>

#define OFF 34 /* Ethernet and IPv4 */

static struct rte_mempool *pool;

/* A packet whose TCP part is these bytes, the first of them in the first mbuf. */
static bool parse(struct seg *seg, const char *bytes, unsigned len, unsigned l4_len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct pkt pkt = { .l4_off = OFF, .l4_len = (uint16_t)l4_len, .ecn = 3 };
	bool ok;

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, OFF), 0xaa, OFF);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	ok = seg_parse(seg, m, &pkt);
	rte_pktmbuf_free(m);
	return ok;
}

#define HEADER(offset, flags) \
	"\x12\x34\x00\x50\x01\x02\x03\x04\xa1\xa2\xa3\xa4" offset flags "\x10\x00\xff\xff\x00\x07"
#define PARSE(seg, bytes) parse(seg, bytes, sizeof(bytes) - 1, sizeof(bytes) - 1)

static void fields_are_in_host_order(void **state)
{
	struct seg seg;

	(void)state;
	assert_true(PARSE(&seg, HEADER("\x50", "\x18") "hello"));
	assert_int_equal(seg.sport, 0x1234);
	assert_int_equal(seg.dport, 80);
	assert_int_equal(seg.seq, 0x01020304);
	assert_int_equal(seg.ack, 0xa1a2a3a4);
	assert_int_equal(seg.flags, SEG_ACK | SEG_PSH);
	assert_int_equal(seg.wnd, 4096);
	assert_int_equal(seg.up, 7);
	assert_int_equal(seg.len, 5);
	assert_int_equal(seg.ecn, 3);
	assert_int_equal(seg_len(&seg), 5);
}

static void syn_and_fin_count(void **state)
{
	struct seg seg;

	(void)state;
	assert_true(PARSE(&seg, HEADER("\x50", "\x03") "ab"));
	assert_int_equal(seg_len(&seg), 4);
	assert_int_equal(seg_end(&seg), 0x01020308);
}

static void options_are_read(void **state)
{
	struct seg seg;

	(void)state;
	assert_true(PARSE(&seg, HEADER("\x60", "\x02") "\2\4\5\xb4xyz"));
	assert_int_equal(seg.opts.mss, 1460);
	assert_int_equal(seg.len, 3);
	assert_int_equal(seg.header_len, 24);
}

static void data_offset_below_five_words(void **state)
{
	struct seg seg;

	(void)state;
	assert_false(
	    PARSE(&seg, HEADER("\x40", "\x10") "1234567890123456789012345678901234567890"));
	assert_false(PARSE(&seg, HEADER("\x00", "\x10")));
}

static void data_offset_past_the_packet(void **state)
{
	struct seg seg;

	(void)state;
	assert_false(PARSE(&seg, HEADER("\x60", "\x10")));
	assert_false(PARSE(&seg, HEADER("\xf0", "\x10") "123"));
	/* The bytes are there, but they are padding behind the IP packet. */
	assert_false(parse(&seg, HEADER("\x60", "\x10") "1234", 24, 20));
}

static void truncated_header(void **state)
{
	struct seg seg;

	(void)state;
	for (unsigned len = 0; len < 20; len++)
		assert_false(parse(&seg, HEADER("\x50", "\x10"), len, len));
}

static void options_that_continue_in_another_mbuf(void **state)
{
	struct seg seg;

	(void)state;
	/* l4_len says 40, this mbuf has 20. */
	assert_false(parse(&seg, HEADER("\x60", "\x10"), 20, 40));
}

static int setup(void **state)
{
	(void)state;
	test_eal_start();
	pool = rte_pktmbuf_pool_create("tcp_seg", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return pool ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_in_host_order),
		cmocka_unit_test(syn_and_fin_count),
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(data_offset_below_five_words),
		cmocka_unit_test(data_offset_past_the_packet),
		cmocka_unit_test(truncated_header),
		cmocka_unit_test(options_that_continue_in_another_mbuf),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
