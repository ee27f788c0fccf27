/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/tcp/model.h"

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/tcp/check.h"
#include "tests/tcp/model_inside.h"
#include "tests/tcp/peer_inside.h"

void model_fail(struct model *m, const char *fmt, ...)
{
	va_list ap;

	if (m->failed)
		return;
	m->failed = true;
	fprintf(stderr, "model: seed %llu: ", (unsigned long long)m->config->seed);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	trace_print(&m->trace, stderr);
	for (unsigned side = 0; side < 2; side++) {
		fprintf(stderr, "  what stack %c itself remembers:\n", "AB"[side]);
		history_print(m->side[side].stack);
	}
	fflush(stderr);
}

/* --- what must always hold --- */

static void check(struct model *m, unsigned side)
{
	char why[200] = "";

	if (tcp_check(m->side[side].stack, why, sizeof(why)) != 0)
		model_fail(m, "stack %c: invariant broken: %s", "AB"[side], why);
}

/* When nothing moves any more, and what was to be sent is on the wire. */
static void check_mbufs(struct model *m)
{
	unsigned held = 0, net = 0, out;

	for (unsigned side = 0; side < 2; side++) {
		struct stack_info info;

		stack_info_get(m->side[side].stack, &info);
		held += info.n_held_mbufs;
		net += net_held_mbufs(stack_net(m->side[side].stack));
	}
	out = m->pool_free_at_start - rte_mempool_avail_count(m->pool);
	/* What waits for a neighbour may be in the send queue as well: counted twice then. */
	if (out > held || out + net < held)
		model_fail(
		    m, "mbufs: %u are out of the pool, the stacks say they hold %u", out, held);
}

/* --- stacks --- */

static void side_make(struct model *m, unsigned side)
{
	static const uint8_t secret[2][32] = { "the one's secret, repeated here",
		"the other one's" };
	const struct model_config *config = m->config;
	struct stack_config c = config->stack[side];
	struct net_iface iface = { .mtu = config->mtu ? config->mtu : 1500,
		.offloads = config->offloads[side] };
	struct model_side *s = &m->side[side];

	s->ip.b[15] = (uint8_t)(side + 1);
	if (config->ip6) {
		s->ip.b[0] = 0xfd;
	} else {
		s->ip.b[10] = s->ip.b[11] = 0xff;
		s->ip.b[12] = 10;
	}
	s->mac[0] = 2;
	s->mac[5] = (uint8_t)(side + 1);
	memcpy(iface.mac, s->mac, 6);
	iface.addresses[0].ip = s->ip;
	iface.addresses[0].prefix = config->ip6 ? 64 : 120;
	iface.n_addresses = 1;
	c.net.ifaces = &iface;
	c.net.n_ifaces = 1;
	c.net.pool = m->pool;
	c.net.stats = &s->stats;
	c.net.max_neighbours = 16;
	c.net.max_fragments = 4;
	memcpy(c.net.secret, &secret[side][4], 16);
	memcpy(c.cookie_secret, secret[side], 32);
	c.pool = m->pool;
	c.history = true;
	s->stack = stack_new(&c, m->now_us);
	if (!s->stack)
		abort();
}

/* Sends what the stack has to send; true when there was something. */
static bool side_transmit(struct model *m, unsigned side)
{
	struct rte_mbuf *out[32];
	unsigned n;
	bool moved = false;

	do {
		n = stack_tx(m->side[side].stack, out, 32, m->now_us);
		for (unsigned i = 0; i < n; i++)
			wire_take(m, side, out[i]);
		moved |= n > 0;
	} while (n);
	return moved;
}

static bool side_run(struct model *m, unsigned side)
{
	struct model_side *s = &m->side[side];
	bool moved = wire_deliver(m, side);

	if (moved)
		check(m, side);
	moved |= user_run(m, side);
	s->deadline_us = stack_timers(s->stack, m->now_us, 32);
	moved |= side_transmit(m, side);
	if (moved)
		check(m, side);
	return moved;
}

/* --- the whole --- */

static bool all_done(const struct model *m)
{
	for (unsigned side = 0; side < 2; side++) {
		struct stack_info info;

		for (unsigned i = 0; i < m->config->n_conns; i++)
			if (!m->side[side].users[i].released && !m->config->mutate)
				return false;
		stack_info_get(m->side[side].stack, &info);
		for (unsigned i = TCP_CLOSED + 1; i < TCP_N_STATES; i++)
			if (info.n_state[i])
				return false;
	}
	return m->n_flying == 0;
}

static void time_pass(struct model *m)
{
	uint64_t next = wire_deadline(m);

	for (unsigned side = 0; side < 2; side++) {
		uint64_t user = user_deadline(m, side);

		if (m->side[side].deadline_us < next)
			next = m->side[side].deadline_us;
		if (user < next)
			next = user;
	}
	if (next <= m->now_us) {
		if (++m->spins > 5000)
			model_fail(m, "a deadline that is due, and nothing happens");
		next = m->now_us + 1;
	} else {
		m->spins = 0;
	}
	m->now_us = next;
	if (model_random(&m->rng, 1000000) < m->config->sleep_ppm)
		m->now_us += model_random(&m->rng, m->config->sleep_us);
}

static void neighbours_learn(struct model *m)
{
	for (unsigned side = 0; side < 2; side++) {
		struct net_neigh neigh = { .ip = m->side[!side].ip };

		memcpy(neigh.mac, m->side[!side].mac, 6);
		net_learn(stack_net(m->side[side].stack), &neigh, m->now_us);
	}
}

static void connect_all(struct model *m)
{
	struct tcp_target target = { .ip = m->side[1].ip, .port = 443 };

	if (tcp_listen(m->side[1].stack, &m->side[1].ip, 443, m) != 0)
		abort();
	for (unsigned i = 0; i < m->config->n_conns; i++) {
		enum tcp_error error;
		struct tcp_conn *c =
		    tcp_connect(m->side[0].stack, &target, &m->side[0].users[i], m->now_us, &error);

		if (!c) {
			model_fail(m, "tcp_connect fails with %d", (int)error);
			return;
		}
		m->side[0].users[i].conn = c;
		m->ports[i] = tcp_flow(c)->local_port;
	}
}

static void run(struct model *m)
{
	uint64_t end = m->now_us + m->config->limit_us;

	connect_all(m);
	while (!m->failed && !all_done(m)) {
		unsigned rounds = 0;
		bool moved;

		do {
			moved = side_run(m, 0);
			moved |= side_run(m, 1);
			if (++rounds > 10000)
				model_fail(m, "does not come to rest");
		} while (moved && !m->failed);
		check_mbufs(m);
		time_pass(m);
		if (m->now_us > end) {
			m->result.gave_up = m->side[0].stats.v[STAT_TCP_TIMEOUTS] ||
			    m->side[1].stats.v[STAT_TCP_TIMEOUTS];
			if (m->config->mutate || m->result.gave_up)
				return;
			user_report(m);
			model_fail(m, "not finished after %llu s of virtual time",
			    (unsigned long long)m->config->limit_us / 1000000);
		}
	}
}

int model_run(const struct model_config *c, struct model_result *result)
{
	struct model *m = calloc(1, sizeof(*m));
	unsigned missing;
	int failed;

	if (!m)
		abort();
	m->config = c;
	m->rng.state = c->seed * 0xbf58476d1ce4e5b9ull + 99;
	m->path[0] = c->path[0];
	m->path[1] = c->path[1];
	m->now_us = m->trace.start_us = c->start_us;
	m->pool = c->pool ? c->pool : peer_pool(0);
	m->pool_free_at_start = rte_mempool_avail_count(m->pool);
	for (unsigned side = 0; side < 2; side++) {
		side_make(m, side);
		users_init(m, side);
	}
	if (c->neighbours_known)
		neighbours_learn(m);
	run(m);
	wire_clear(m);
	for (unsigned side = 0; side < 2; side++) {
		net_offload_verdict(stack_net(m->side[side].stack), 0, &m->result.verdict[side]);
		stack_free(m->side[side].stack);
	}
	missing = m->pool_free_at_start - rte_mempool_avail_count(m->pool);
	if (missing)
		model_fail(m, "%d mbufs are missing at the end", (int)missing);
	if (m->result.gave_up && getenv("MODEL_TRACE"))
		trace_print(&m->trace, stderr);
	if (result) {
		*result = m->result;
		result->virtual_us = m->now_us - c->start_us;
		result->stats[0] = m->side[0].stats;
		result->stats[1] = m->side[1].stats;
	}
	failed = m->failed ? -1 : 0;
	free(m);
	return failed;
}
