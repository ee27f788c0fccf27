/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/net/checksum.h"
#include "tests/unit/net_frames.h"

#include <cmocka.h>

static uint32_t seed = 1;

static uint8_t next_byte(void)
{
	seed = seed * 1664525 + 1013904223;
	return (uint8_t)(seed >> 24);
}

/* By every way that this processor has, and by the one that is chosen. */
static void assert_sum(const uint8_t *data, size_t len, uint16_t want)
{
	for (enum checksum_way way = CHECKSUM_PLAIN; way <= CHECKSUM_VNNI; way++)
		if (checksum_can(way))
			assert_int_equal(
			    ntohs(checksum_fold(checksum_add_by(way, data, len))), want);
	assert_int_equal(ntohs(checksum_fold(checksum_add(data, len))), want);
}

/* Every length and alignment against RFC 1071 4.1. */
static void checksum_add_all_lengths(void **state)
{
	uint8_t buf[700];

	(void)state;
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = next_byte();
	for (unsigned off = 0; off < 33; off++)
		for (unsigned len = 0; off + len <= sizeof(buf); len++)
			assert_sum(buf + off, len, slow_checksum(buf + off, len, 0));
}

/* All ones is where carries get lost. */
static void checksum_add_all_ones(void **state)
{
	static uint8_t buf[1 << 20]; /* as much as it may be at once */

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	for (size_t len = 2; len <= sizeof(buf); len *= 2)
		assert_sum(buf, len, 0xffff);
	assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(checksum_fold(0), 0);
	assert_int_equal(checksum_plus(UINT64_MAX, 1), 1);
	assert_int_equal(checksum_plus(UINT64_MAX, UINT64_MAX), UINT64_MAX);
}

static void checksum_add_large_random(void **state)
{
	static uint8_t buf[65535];

	(void)state;
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = next_byte();
	assert_sum(buf, sizeof(buf), slow_checksum(buf, sizeof(buf), 0));
}

/* Nothing behind or before what is summed is touched, where that is the end of memory. */
static void checksum_add_at_page_ends(void **state)
{
	const size_t page = 4096;
	uint8_t *p = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + page, page, PROT_READ | PROT_WRITE), 0);
	for (size_t i = 0; i < page; i++)
		p[page + i] = next_byte();
	for (size_t len = 0; len <= page; len += len < 300 ? 1 : 61) {
		assert_sum(p + page, len, slow_checksum(p + page, len, 0));
		assert_sum(p + 2 * page - len, len, slow_checksum(p + 2 * page - len, len, 0));
	}
	munmap(p, 3 * page);
}

/* Pieces of any length, odd ones too, are as good as one; from any offset. */
static void checksum_chain_odd_segments(void **state)
{
	struct fixture *fx = *state;
	struct frame *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	frame_eth(f, mac_us, mac_peer, 0x800);
	frame_pattern(f, 1201);
	for (size_t piece = 1; piece < 400; piece += piece < 40 ? 1 : 37) {
		struct rte_mbuf *m = frame_mbuf(fx, f, 0, piece);

		for (unsigned off = 0; off < 300; off += 23)
			for (unsigned len = 0; off + len <= f->len; len += 101)
				assert_int_equal(ntohs(checksum_fold(checksum_chain(m, off, len))),
				    slow_checksum(f->b + off, len, 0));
		assert_int_equal(checksum_fold(checksum_chain(m, (uint32_t)f->len, 0)), 0);
		rte_pktmbuf_free(m);
	}
	free(f);
}

/* RFC 1071's own example, section 3. */
static void checksum_rfc1071_example(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(ntohs(checksum_fold(checksum_add(bytes, sizeof(bytes)))), 0xddf2);
}

static void checksum_ip4_header(void **state)
{
	uint8_t buf[24];

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		for (unsigned i = 0; i < sizeof(buf); i++)
			buf[i] = round < 4 ? 0xff : next_byte();
		assert_int_equal(ntohs(checksum_fold(checksum_ip4(buf + round % 4))),
		    slow_checksum(buf + round % 4, 20, 0));
	}
}

static void checksum_pseudo_header(void **state)
{
	struct ip_addr a = addr4("10.1.2.3"), b = addr4("192.0.2.77");
	struct ip_addr c = addr6("2001:db8::1"), d = addr6("fe80::ffff:ffff:ffff:ffff");
	uint8_t v4[12] = { 10, 1, 2, 3, 192, 0, 2, 77, 0, 6, 0x12, 0x34 }, v6[40];

	(void)state;
	assert_int_equal(
	    ntohs(checksum_fold(checksum_plus(checksum_addrs(&a, &b), checksum_proto(6, 0x1234)))),
	    slow_checksum(v4, sizeof(v4), 0));
	memcpy(v6, &c, 16);
	memcpy(v6 + 16, &d, 16);
	memcpy(v6 + 32, "\0\1\2\3\0\0\0\72", 8);
	assert_int_equal(ntohs(checksum_fold(
			     checksum_plus(checksum_addrs(&c, &d), checksum_proto(58, 0x10203)))),
	    slow_checksum(v6, sizeof(v6), 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_add_all_lengths),
		cmocka_unit_test(checksum_add_all_ones),
		cmocka_unit_test(checksum_add_large_random),
		cmocka_unit_test(checksum_add_at_page_ends),
		cmocka_unit_test_setup_teardown(
		    checksum_chain_odd_segments, fixture_setup, fixture_teardown),
		cmocka_unit_test(checksum_rfc1071_example),
		cmocka_unit_test(checksum_ip4_header),
		cmocka_unit_test(checksum_pseudo_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
