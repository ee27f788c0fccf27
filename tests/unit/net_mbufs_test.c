/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/net/internal.h"
#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;
static void check_bytes(struct rte_mbuf *m, size_t len)
{
	uint8_t copy[3000];

	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(m->pkt_len, len);
	assert_memory_equal(rte_pktmbuf_read(m, 0, (uint32_t)len, copy), f.b, len);
}

static void mbuf_pull_all_sizes(void **state)
{
	struct fixture *fx = *state;

	f.len = 0;
	frame_pattern(&f, 700);
	for (size_t piece = 1; piece < 420; piece += piece < 30 ? 1 : 13)
		for (uint32_t want = 0; want <= PULL_BYTES; want += 16) {
			struct rte_mbuf *m = frame_mbuf(fx, &f, 0, piece);

			m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
			assert_true(mbuf_pull(m, want));
			assert_true(m->data_len >= want);
			assert_true(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD);
			check_bytes(m, f.len);
			rte_pktmbuf_free(m);
		}
}

/* A buffer that somebody else looks at too is not written to. */
static void mbuf_pull_shared(void **state)
{
	struct fixture *fx = *state;
	struct rte_mbuf *m, *clone, *direct = rte_pktmbuf_alloc(fx->pool);

	f.len = 0;
	frame_pattern(&f, 300);
	memcpy(rte_pktmbuf_append(direct, 100), f.b, 100);
	m = frame_mbuf(fx, &f, 0, 0);
	rte_pktmbuf_adj(m, 100);
	assert_int_equal(rte_pktmbuf_chain(direct, m), 0);
	assert_true(mbuf_is_writable(direct));
	clone = rte_pktmbuf_clone(direct, fx->pool);
	assert_non_null(clone);
	assert_false(mbuf_is_writable(direct));
	assert_false(mbuf_is_writable(clone));
	assert_false(mbuf_pull(direct, 200)); /* its room is the clone's data */
	check_bytes(direct, 300);
	assert_true(mbuf_pull(clone, 200)); /* moves to room of its own */
	check_bytes(clone, 300);
	check_bytes(direct, 300);
	assert_true(mbuf_is_writable(direct));
	assert_true(mbuf_pull(direct, 200));
	check_bytes(clone, 300);
	check_bytes(direct, 300);
	rte_pktmbuf_free(clone);
	rte_pktmbuf_free(direct);
}

static void mbuf_cut_anywhere(void **state)
{
	struct fixture *fx = *state;

	f.len = 0;
	frame_pattern(&f, 100);
	for (size_t piece = 0; piece < 60; piece += 7)
		for (uint32_t len = 1; len <= 100; len++) {
			struct rte_mbuf *m = frame_mbuf(fx, &f, 0, piece);

			mbuf_cut(m, len);
			check_bytes(m, len);
			rte_pktmbuf_free(m);
		}
}

static void mbuf_take_header_replaces(void **state)
{
	struct fixture *fx = *state;
	struct rte_mbuf *m;

	for (size_t piece = 0; piece < 60; piece += 7) {
		f.len = 0;
		frame_pattern(&f, 100);
		m = frame_mbuf(fx, &f, 1, piece);
		assert_true(mbuf_take_header(m, f.b + 30, 40));
		assert_int_equal(m->port, 1);
		assert_int_equal(m->nb_segs, 1);
		assert_int_equal(m->pkt_len, 40);
		rte_mbuf_sanity_check(m, 1);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.b + 30, 40);
		rte_pktmbuf_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(mbuf_pull_all_sizes),
		T(mbuf_pull_shared),
		T(mbuf_cut_anywhere),
		T(mbuf_take_header_replaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
