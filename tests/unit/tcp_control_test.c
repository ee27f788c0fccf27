/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/tcp/cc.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/stack.h"

#include <cmocka.h>

/* Congestion control and RTT estimation on a connection without anything around it. */

#define MSS 1000u

static struct stack *s;
static struct tcp_conn *c;

static void make(enum tcp_cc_kind kind)
{
	memset(s, 0, sizeof(*s) + sizeof(*c));
	c = &s->conns[0];
	s->config.cc = kind;
	s->config.rto_min_us = 200000;
	s->now_us = 1000000;
	c->mss = MSS;
	c->state = TCP_ESTABLISHED;
	c->min_rtt_us = UINT32_MAX;
	c->ssthresh = UINT32_MAX;
	c->cwnd = 10 * MSS;
	cc_init(c);
}

/* One round trip in which the whole window is acknowledged, segment by segment. */
static void ack_round(uint32_t rtt_us)
{
	uint32_t window = c->cwnd;

	c->snd_nxt = c->snd_una + window;
	s->now_us += rtt_us;
	for (uint32_t n = 0; n + MSS <= window; n += MSS) {
		c->snd_una += MSS;
		cc_on_ack(c, MSS, rtt_us);
		c->snd_nxt += MSS;
	}
}

static void initial_window(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	assert_int_equal(cc_initial_window(c), 10000);
	c->mss = 1460;
	assert_int_equal(cc_initial_window(c), 14600);
	c->mss = 2000;
	assert_int_equal(cc_initial_window(c), 14600);
	c->mss = 9000;
	assert_int_equal(cc_initial_window(c), 18000);
	c->flags |= CONN_SYN_LOST;
	assert_int_equal(cc_initial_window(c), 9000);
}

static void slow_start_doubles(void **state)
{
	(void)state;
	make(TCP_CC_NEWRENO);
	c->srtt_us = 20000;
	ack_round(20000);
	assert_int_equal(c->cwnd, 20 * MSS);
	ack_round(20000);
	assert_int_equal(c->cwnd, 40 * MSS);
}

static void slow_start_stops_at_ssthresh(void **state)
{
	(void)state;
	make(TCP_CC_NEWRENO);
	c->ssthresh = 15 * MSS;
	cc_on_ack(c, 100 * MSS, 20000);
	assert_int_equal(c->cwnd, 15 * MSS);
}

static void newreno_adds_a_segment_a_round(void **state)
{
	(void)state;
	make(TCP_CC_NEWRENO);
	c->ssthresh = c->cwnd = 20 * MSS;
	for (unsigned i = 0; i < 5; i++)
		ack_round(20000);
	assert_in_range(c->cwnd, 24 * MSS, 25 * MSS);
}

static void newreno_halves(void **state)
{
	(void)state;
	make(TCP_CC_NEWRENO);
	cc_on_congestion(c, 30 * MSS);
	assert_int_equal(c->ssthresh, 15 * MSS);
	cc_on_congestion(c, MSS);
	assert_int_equal(c->ssthresh, 2 * MSS);
}

/* RFC 9438 4.2: at time K after the reduction the window is W_max again, and flat around it. */
static void cubic_comes_back_in_k_seconds(void **state)
{
	double k;

	(void)state;
	make(TCP_CC_CUBIC);
	c->srtt_us = 100000;
	c->cwnd = 200 * MSS;
	cc_on_congestion(c, 200 * MSS);
	assert_int_equal(c->ssthresh, 140 * MSS);
	c->cwnd = c->ssthresh;
	k = cbrt(200 * 0.3 / 0.4);
	for (double t = 0; t < k; t += 0.1)
		ack_round(100000);
	assert_in_range(c->cwnd, 193 * MSS, 204 * MSS);
	/* Then it probes: convex growth. */
	for (double t = 0; t < 4; t += 0.1)
		ack_round(100000);
	assert_in_range(c->cwnd, 210 * MSS, 250 * MSS);
}

/* RFC 9438 4.3: on a short, thin path it is at least as fast as Reno's equivalent. */
static void cubic_is_friendly_to_reno(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	c->srtt_us = 1000;
	c->cwnd = 20 * MSS;
	cc_on_congestion(c, 20 * MSS);
	c->cwnd = c->ssthresh;
	for (unsigned i = 0; i < 20; i++)
		ack_round(1000);
	/* 14 + 20 * 9/17 = 24.6, and one a round once 20 was passed. */
	assert_in_range(c->cwnd, 23 * MSS, 28 * MSS);
}

static void cubic_converges_fast(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	c->flags |= CONN_HYSTART_OFF;
	c->cwnd = 100 * MSS;
	cc_on_congestion(c, 100 * MSS);
	c->cwnd = 80 * MSS;
	cc_on_congestion(c, 80 * MSS);
	/* W_max is below the window that was lost: 80 * (1 + 0.7) / 2. */
	assert_int_equal(c->cc[0], 68 * MSS);
}

/* RFC 9438 4.8: after a timeout the old window is no aim any more, K is 0. */
static void cubic_forgets_at_a_timeout(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	c->flags |= CONN_HYSTART_OFF;
	c->srtt_us = 100000;
	c->cwnd = 200 * MSS;
	cc_on_congestion(c, 200 * MSS);
	cc_on_timeout(c);
	assert_int_equal(c->ssthresh, 140 * MSS);
	c->cwnd = MSS;
	while (c->cwnd < c->ssthresh)
		ack_round(100000);
	assert_int_equal(c->cwnd, 140 * MSS);
	/* With the old W_max it would be concave: 45 segments in these two seconds, not 20. */
	for (unsigned i = 0; i < 20; i++)
		ack_round(100000);
	assert_in_range(c->cwnd, 158 * MSS, 162 * MSS);
}

/* RFC 9438 5.8: time in which the window was not in use does not count. */
static void cubic_does_not_save_up_idle_time(void **state)
{
	uint32_t before;

	(void)state;
	make(TCP_CC_CUBIC);
	c->flags |= CONN_HYSTART_OFF;
	c->srtt_us = 100000;
	c->cwnd = 100 * MSS;
	cc_on_congestion(c, 100 * MSS);
	c->cwnd = c->ssthresh;
	ack_round(100000);
	before = c->cwnd;
	s->now_us += 60000000;
	cc_on_unused(c, 60000);
	ack_round(100000);
	assert_in_range(c->cwnd, before, before + 5 * MSS);
	/* Having counted it would be half as much again in one round. */
	s->now_us += 60000000;
	ack_round(100000);
	assert_true(c->cwnd > before + 30 * MSS);
}

static void cubic_survives_extremes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		make(TCP_CC_CUBIC);
		c->mss = i == 0 ? 64 : i == 1 ? 1460 : 65000;
		c->cwnd = 1u << 30;
		c->srtt_us = 60000000;
		cc_on_congestion(c, 1u << 30);
		c->cwnd = c->ssthresh;
		for (unsigned t = 0; t < 100; t++) {
			s->now_us += 3600ull * 1000000;
			cc_on_ack(c, 1 << 20, 1);
			assert_true(c->cwnd >= 2u * c->mss && c->cwnd <= 1u << 30);
		}
	}
}

/* RFC 9406: a round trip that grows by an eighth ends slow start after five cautious rounds. */
static void hystart_leaves_slow_start_on_delay(void **state)
{
	unsigned rounds = 0;

	(void)state;
	make(TCP_CC_CUBIC);
	ack_round(40000);
	ack_round(40000);
	assert_int_equal(c->ssthresh, UINT32_MAX);
	while (c->ssthresh == UINT32_MAX && rounds < 20) {
		ack_round(48000);
		rounds++;
	}
	assert_in_range(rounds, 5, 8);
	assert_true(c->flags & CONN_HYSTART_OFF);
}

static void hystart_ignores_jitter_and_spikes(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	for (unsigned i = 0; i < 6; i++)
		ack_round(40000 + (i & 1) * 3000); /* below the threshold of 5 ms */
	assert_int_equal(c->ssthresh, UINT32_MAX);
	make(TCP_CC_CUBIC);
	ack_round(40000);
	ack_round(48000);
	for (unsigned i = 0; i < 5; i++)
		ack_round(40000); /* it was a spike */
	assert_int_equal(c->ssthresh, UINT32_MAX);
}

static void idle_window_decays_to_the_initial_one(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	c->srtt_us = 50000;
	c->rttvar_us = 10000;
	c->cwnd = 160 * MSS;
	cc_on_idle(c, 100000);
	assert_int_equal(c->cwnd, 160 * MSS);
	cc_on_idle(c, 210000);
	assert_int_equal(c->cwnd, 80 * MSS);
	cc_on_idle(c, 60000000);
	assert_int_equal(c->cwnd, 10 * MSS);
	c->cwnd = 4 * MSS;
	cc_on_idle(c, 60000000);
	assert_int_equal(c->cwnd, 4 * MSS);
}

static void rto_by_the_book(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	assert_int_equal(rtt_rto(c), 1000000);
	rtt_sample(c, 100000);
	assert_int_equal(c->srtt_us, 100000);
	assert_int_equal(c->rttvar_us, 50000);
	assert_int_equal(rtt_rto(c), 300000);
	rtt_sample(c, 60000);
	assert_int_equal(c->rttvar_us, 47500);
	assert_int_equal(c->srtt_us, 95000);
	assert_int_equal(c->min_rtt_us, 60000);
}

static void rto_has_a_floor_and_a_ceiling(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	for (unsigned i = 0; i < 50; i++)
		rtt_sample(c, 100);
	assert_int_equal(rtt_rto(c), 200000);
	c->backoff = 3;
	assert_int_equal(rtt_rto_backed_off(c), 1600000);
	c->backoff = 255;
	assert_int_equal(rtt_rto_backed_off(c), RTO_MAX_US);
	c->backoff = 0;
	rtt_sample(c, UINT32_MAX);
	assert_int_equal(rtt_rto(c), RTO_MAX_US);
	c->srtt_us = 0;
	c->flags |= CONN_SYN_LOST;
	assert_int_equal(rtt_rto(c), RTO_LOST_US);
}

static void zero_sample_is_a_sample(void **state)
{
	(void)state;
	make(TCP_CC_CUBIC);
	rtt_sample(c, 0);
	assert_int_equal(c->srtt_us, 1);
	assert_int_equal(rtt_rto(c), 200000);
}

static int setup(void **state)
{
	(void)state;
	s = aligned_alloc(64, sizeof(*s) + sizeof(*c));
	return s ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(s);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initial_window),
		cmocka_unit_test(slow_start_doubles),
		cmocka_unit_test(slow_start_stops_at_ssthresh),
		cmocka_unit_test(newreno_adds_a_segment_a_round),
		cmocka_unit_test(newreno_halves),
		cmocka_unit_test(cubic_comes_back_in_k_seconds),
		cmocka_unit_test(cubic_is_friendly_to_reno),
		cmocka_unit_test(cubic_converges_fast),
		cmocka_unit_test(cubic_forgets_at_a_timeout),
		cmocka_unit_test(cubic_does_not_save_up_idle_time),
		cmocka_unit_test(cubic_survives_extremes),
		cmocka_unit_test(hystart_leaves_slow_start_on_delay),
		cmocka_unit_test(hystart_ignores_jitter_and_spikes),
		cmocka_unit_test(idle_window_decays_to_the_initial_one),
		cmocka_unit_test(rto_by_the_book),
		cmocka_unit_test(rto_has_a_floor_and_a_ceiling),
		cmocka_unit_test(zero_sample_is_a_sample),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
