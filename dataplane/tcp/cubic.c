/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_common.h>

#include "dataplane/tcp/cc.h"

/* CUBIC (RFC 9438), in bytes and milliseconds. C = 0.4, beta = 0.7. */
enum {
	W_MAX,     /* window before the last reduction */
	EPOCH,     /* when congestion avoidance began (ms, never 0); 0: not yet */
	K,         /* ms from there until W_MAX is reached again */
	W_EST,     /* what Reno would have */
	W_FRAC,    /* bytes acknowledged and not yet turned into W_EST */
	CWND_FRAC, /* likewise for cwnd */
};

/* Largest x with x^3 <= n. */
static uint32_t cube_root(uint64_t n)
{
	uint64_t x = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t y = x | 1ULL << bit;

		if (y * y * y <= n)
			x = y;
	}
	return (uint32_t)x;
}

static void epoch_start(struct tcp_conn *c, uint32_t now_ms)
{
	c->cc[EPOCH] = now_ms ? now_ms : 1;
	c->cc[W_EST] = c->cwnd;
	c->cc[W_FRAC] = 0;
	c->cc[CWND_FRAC] = 0;
	if (c->cwnd < c->cc[W_MAX]) {
		/* K = cbrt((W_max - cwnd) / C), in segments and seconds; 1e9 makes ms of it. */
		uint64_t gap = (uint64_t)(c->cc[W_MAX] - c->cwnd) * 10 / 4;

		c->cc[K] = cube_root(gap * 1000000 / c->mss * 1000);
	} else {
		c->cc[K] = 0;
		c->cc[W_MAX] = c->cwnd;
	}
}

/* W_cubic(t) = C (t - K)^3 + W_max, in bytes. */
static uint64_t w_cubic(const struct tcp_conn *c, uint32_t t_ms)
{
	int64_t d = (int64_t)t_ms - c->cc[K], w;

	d = RTE_MAX(RTE_MIN(d, 200000), -200000);
	w = d * d * d / 100000 * 4 / 10 * c->mss / 10000;
	w += c->cc[W_MAX];
	return w < 2 * c->mss ? 2 * (uint64_t)c->mss : (uint64_t)w;
}

/*
 * RFC 9438 4.3: grow as Reno would, alpha = 3 (1 - beta) / (1 + beta) = 9 / 17 below W_max. The RFC has cwnd_prior there,
 * which after fast convergence is up to 18 % more: a segment a round trip from W_max on is what Reno itself adds, and gives
 * 6 % more at 0.1 % loss and 80 ms.
 */
static void w_est_update(struct tcp_conn *c, uint32_t acked)
{
	uint64_t part = c->cc[W_FRAC];

	part += c->cc[W_EST] >= c->cc[W_MAX] ? acked : (uint64_t)acked * 9 / 17;
	if (part >= c->cwnd) {
		c->cc[W_EST] += (uint32_t)(part / c->cwnd) * c->mss;
		part %= c->cwnd;
	}
	c->cc[W_FRAC] = (uint32_t)part;
}

static void cubic_on_ack(struct tcp_conn *c, uint32_t acked, uint64_t now_us)
{
	uint32_t now_ms = (uint32_t)(now_us / 1000), t;
	uint64_t target, grow;

	if (c->cc[EPOCH] == 0)
		epoch_start(c, now_ms);
	t = now_ms - c->cc[EPOCH];
	w_est_update(c, acked);
	if (w_cubic(c, t) < c->cc[W_EST]) {
		c->cwnd = RTE_MAX(c->cwnd, c->cc[W_EST]);
		return;
	}
	target = w_cubic(c, t + c->srtt_us / 1000);
	target = RTE_MIN(RTE_MAX(target, c->cwnd), c->cwnd + c->cwnd / 2);
	grow = (target - c->cwnd) * acked + c->cc[CWND_FRAC];
	c->cc[CWND_FRAC] = (uint32_t)(grow % c->cwnd);
	c->cwnd += (uint32_t)(grow / c->cwnd);
}

static uint32_t cubic_on_congestion(struct tcp_conn *c, uint32_t flight)
{
	/* Fast convergence: somebody new takes his share (RFC 9438 4.7). */
	if (c->cwnd < c->cc[W_MAX])
		c->cc[W_MAX] = (uint32_t)((uint64_t)c->cwnd * 17 / 20);
	else
		c->cc[W_MAX] = c->cwnd;
	c->cc[EPOCH] = 0;
	/*
	 * RFC 9438 4.6 allows cwnd in place of what is in flight, which is less after a loss not long ago, where
	 * cwnd does not grow unused: below half of it does not (RFC 7661).
	 */
	if ((uint64_t)flight * 2 >= c->cwnd)
		flight = c->cwnd;
	return (uint32_t)((uint64_t)flight * 7 / 10);
}

/* RFC 9438 4.8: K is 0 and W_max what congestion avoidance begins with. */
static void cubic_on_timeout(struct tcp_conn *c)
{
	c->cc[W_MAX] = 0;
}

static void cubic_on_unused(struct tcp_conn *c, uint32_t ms)
{
	if (c->cc[EPOCH] == 0)
		return;
	c->cc[EPOCH] += ms;
	if (c->cc[EPOCH] == 0)
		c->cc[EPOCH] = 1;
}

const struct cc_ops cc_cubic = {
	.on_ack = cubic_on_ack,
	.on_congestion = cubic_on_congestion,
	.on_timeout = cubic_on_timeout,
	.on_unused = cubic_on_unused,
};
