/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices that do what they say on transmit, and devices that do not: two stacks, the first of which sends
 * a megabyte through one. Whatever it does, the bytes arrive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <rte_mbuf.h>

#include "tests/tcp/model.h"

#include <cmocka.h>

#define ALL   (NET_TX_TCP_CHECKSUM | NET_TX_IP_CHECKSUM | NET_TX_TSO)
#define BOTH  (NET_TX_TCP_CHECKSUM | NET_TX_TSO)
#define BYTES 1000000u

static struct model_result result;

static struct model_config config_of(uint64_t seed, bool ip6)
{
	struct model_config c = { .seed = seed,
		.ip6 = ip6,
		.neighbours_known = true,
		.n_conns = 1,
		.start_us = 1000000,
		.limit_us = 600ull * 1000000 };

	for (unsigned side = 0; side < 2; side++) {
		c.stack[side].max_conns = 16;
		c.path[side] = (struct model_path){
			.delay_us = 1000, .mtu = 1500, .mtu_later = 1500, .queue_bytes = 1000000
		};
		c.habit[side][0] = (struct model_habit){ .chunk = 65536 };
	}
	c.habit[0][0].bytes = BYTES;
	c.offloads[0] = ALL;
	return c;
}

static void run(const struct model_config *c)
{
	result = (struct model_result){ 0 };
	assert_int_equal(model_run(c, &result), 0);
	assert_false(result.gave_up);
}

static void one_that_does_all_is_believed(void **state)
{
	(void)state;
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		struct model_config c = config_of(1, ip6);

		run(&c);
		assert_int_equal(result.verdict[0].believed, BOTH);
		assert_int_equal(result.verdict[0].refuted, 0);
		assert_true(result.tso > 64);
		assert_int_equal(result.stats[0].v[STAT_TCP_RETRANSMITS], 0);
	}
}

/* Whoever cannot make a checksum: the first flights suffer, then nothing does any more. */
static void one_that_leaves_out_checksums_is_found_out(void **state)
{
	(void)state;
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		struct model_config c = config_of(2, ip6);
		uint64_t late_us;

		c.lies[0] = NET_TX_TCP_CHECKSUM;
		run(&c);
		assert_int_equal(result.verdict[0].believed, 0);
		assert_int_equal(result.verdict[0].refuted, BOTH);
		assert_int_equal(result.tso, 0);
		assert_in_range(result.spoilt[0], 8, 100);
		late_us = result.virtual_us;
		c.lies[0] = 0;
		run(&c);
		assert_true(late_us < result.virtual_us + 2000000);
	}
}

static void one_that_cuts_badly_keeps_its_checksums(void **state)
{
	(void)state;
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		struct model_config c = config_of(3, ip6);

		c.lies[0] = NET_TX_TSO;
		run(&c);
		assert_int_equal(result.verdict[0].believed, NET_TX_TCP_CHECKSUM);
		assert_int_equal(result.verdict[0].refuted, NET_TX_TSO);
		assert_in_range(result.spoilt[0], 8, 100);
	}
}

/* A path that loses a fifth of everything is no device's fault. */
static void loss_convicts_no_device(void **state)
{
	(void)state;
	for (uint64_t seed = 10; seed < 40; seed++) {
		struct model_config c = config_of(seed, seed % 2);

		c.habit[0][0].bytes = BYTES / 4;
		c.path[0].loss_ppm = 200000;
		c.path[1].loss_ppm = 100000;
		run(&c);
		assert_int_equal(result.verdict[0].refuted, 0);
	}
}

/* A liar is found over such a path, too. */
static void loss_saves_no_liar(void **state)
{
	(void)state;
	for (uint64_t seed = 50; seed < 60; seed++) {
		struct model_config c = config_of(seed, seed % 2);

		c.path[0].loss_ppm = 30000;
		c.lies[0] = NET_TX_TCP_CHECKSUM;
		run(&c);
		assert_int_equal(result.verdict[0].refuted, BOTH);
	}
}

/* Sixteen jumbo segments are more than an IP packet may claim to be long. */
static void jumbo_frames_are_cut_from_less_than_64_kilobytes(void **state)
{
	struct rte_mempool *pool;

	(void)state;
	pool = rte_pktmbuf_pool_create("jumbo", 2047, 0, 0, 9600, 0); /* EAL runs by now */
	assert_non_null(pool);
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		struct model_config c = config_of(4, ip6);

		c.pool = pool;
		c.mtu = c.path[0].mtu = c.path[0].mtu_later = 9000;
		c.path[1].mtu = c.path[1].mtu_later = 9000;
		c.habit[0][0].bytes = 8 * BYTES;
		run(&c);
		assert_int_equal(result.verdict[0].believed, BOTH);
		assert_true(result.longest > 40000);
		assert_true(result.longest <= 65535 + 14);
		assert_int_equal(result.stats[0].v[STAT_TCP_RETRANSMITS], 0);
	}
	rte_mempool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_does_all_is_believed),
		cmocka_unit_test(one_that_leaves_out_checksums_is_found_out),
		cmocka_unit_test(one_that_cuts_badly_keeps_its_checksums),
		cmocka_unit_test(loss_convicts_no_device),
		cmocka_unit_test(loss_saves_no_liar),
		cmocka_unit_test(jumbo_frames_are_cut_from_less_than_64_kilobytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
