/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/stack.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "dataplane/tcp/history.h"
#include "dataplane/tcp/mini.h"
#include "dataplane/tcp/ooo.h"
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/rxq.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/timewait.h"
#include "dataplane/tcp/txq.h"

/* One connection in so many may have very many holes at a time. */
#define CONNS_PER_BLOCKS 16
/* Segments a connection sends before it is the next one's turn. */
#define SEND_TURN        64

static void defaults(struct stack_config *c)
{
	if (!c->max_conns)
		c->max_conns = 1024;
	if (!c->max_syn_received)
		c->max_syn_received = RTE_MAX(c->max_conns / 4, 1u);
	if (!c->max_time_wait)
		c->max_time_wait = c->max_conns;
	if (!c->max_mbufs)
		c->max_mbufs = c->pool->size / 4 * 3;
	if (!c->send_buffer)
		c->send_buffer = 4 * 1024 * 1024;
	if (!c->recv_buffer)
		c->recv_buffer = 6 * 1024 * 1024;
	c->recv_buffer = RTE_MIN(c->recv_buffer, (uint32_t)UINT16_MAX << OPT_MAX_WSCALE);
	if (!c->rto_min_us)
		c->rto_min_us = 200000;
	if (!c->time_wait_us)
		c->time_wait_us = 60000000;
	if (!c->delayed_ack_us)
		c->delayed_ack_us = 40000;
	c->delayed_ack_us = RTE_MIN(c->delayed_ack_us, 499000u); /* MUST-40 */
	if (!c->user_timeout_us)
		c->user_timeout_us = 600000000;
	if (!c->keepalive_idle_ms)
		c->keepalive_idle_ms = 7200000;
	if (!c->keepalive_interval_ms)
		c->keepalive_interval_ms = 75000;
	if (!c->keepalive_count)
		c->keepalive_count = 9;
	if (!c->syn_retries)
		c->syn_retries = 7; /* given up 183 s after the first (MUST-23) */
	c->syn_retries = RTE_MIN(c->syn_retries, 100u);
	if (!c->max_port_sets)
		c->max_port_sets = 256;
	c->max_port_sets = RTE_MIN(c->max_port_sets, 4096u);
}

/* One secret, many uses: a key for each. */
static struct siphash_key derive(const struct siphash_key *root, uint8_t use)
{
	uint8_t in[2] = { use, 0 };
	struct siphash_key key;

	key.k[0] = siphash24(root, in, sizeof(in));
	in[1] = 1;
	key.k[1] = siphash24(root, in, sizeof(in));
	return key;
}

static void make_keys(struct stack *s)
{
	struct siphash_key a = siphash_key_make(s->config.cookie_secret);
	struct siphash_key b = siphash_key_make(s->config.cookie_secret + 16);

	s->keys.isn = derive(&a, 1);
	s->keys.ts = derive(&a, 2);
	s->keys.port = derive(&a, 3);
	s->keys.cookie = derive(&b, 1);
}

static void *block(struct stack *s, size_t n, size_t size)
{
	/* One more line, so that the block can begin at one. */
	void *p = calloc(n * size + 64, 1);

	for (unsigned i = 0; i < RTE_DIM(s->memory); i++) {
		if (!s->memory[i]) {
			s->memory[i] = p;
			break;
		}
	}
	return p ? RTE_PTR_ALIGN_CEIL(p, 64) : NULL;
}

static int make_pools(struct stack *s)
{
	const struct stack_config *c = &s->config;
	void *ext = block(s, c->max_conns, sizeof(struct conn_ext));
	void *ooo = block(s, c->max_conns, sizeof(struct ooo));
	uint32_t n_blocks = c->max_conns / CONNS_PER_BLOCKS + 1;
	void *blocks = block(s, n_blocks, sizeof(struct ooo_block[OOO_MAX_BLOCKS]));
	void *mini = block(s, c->max_syn_received, sizeof(struct mini));
	void *tw = block(s, c->max_time_wait, sizeof(struct tw));

	s->dsts.mask = 63;
	while (s->dsts.mask < c->max_conns / 4 && s->dsts.mask < 8191)
		s->dsts.mask = s->dsts.mask * 2 + 1;
	s->dsts.entries = block(s, s->dsts.mask + 1, sizeof(struct dst_entry));
	s->ports.sets = block(s, c->max_port_sets, sizeof(struct port_set));
	s->ports.n_sets = (uint16_t)c->max_port_sets;
	s->ifaces = block(s, c->net.n_ifaces, sizeof(*s->ifaces));
	if (s->ifaces)
		memcpy(s->ifaces, c->net.ifaces, c->net.n_ifaces * sizeof(*s->ifaces));
	if (!s->ifaces || !s->ports.sets || !ext || !ooo || !blocks || !mini || !tw ||
	    !s->dsts.entries)
		return -1;
	if (c->history) {
		s->histories = block(s, c->max_conns, sizeof(struct history));
		if (!s->histories)
			return -1;
	}
	pool_init(&s->conn_pool, s->conns, sizeof(struct tcp_conn), c->max_conns);
	pool_init(&s->ext_pool, ext, sizeof(struct conn_ext), c->max_conns);
	pool_init(&s->ooo_pool, ooo, sizeof(struct ooo), c->max_conns);
	pool_init(&s->blocks_pool, blocks, sizeof(struct ooo_block[OOO_MAX_BLOCKS]), n_blocks);
	pool_init(&s->mini_pool, mini, sizeof(struct mini), c->max_syn_received);
	pool_init(&s->tw_pool, tw, sizeof(struct tw), c->max_time_wait);
	return table_init(
	    &s->table, c->max_conns + c->max_syn_received + c->max_time_wait, c->net.secret);
}

/* Rounded up to whole lines, as aligned_alloc wants it; zeroed pages stay untouched. */
static struct stack *stack_memory(uint32_t max_conns, void **raw)
{
	size_t size = sizeof(struct stack) + (size_t)max_conns * sizeof(struct tcp_conn);

	*raw = calloc(size + 64, 1);
	return *raw ? RTE_PTR_ALIGN_CEIL(*raw, 64) : NULL;
}

struct stack *stack_new(const struct stack_config *config, uint64_t now_us)
{
	struct stack_config c = *config;
	struct stack *s;
	void *raw;

	defaults(&c);
	s = stack_memory(c.max_conns, &raw);
	if (!s)
		return NULL;
	s->memory[0] = raw;
	s->config = c;
	s->stats = c.net.stats;
	s->pool = c.pool;
	s->held_limit = c.max_mbufs;
	s->held_shed = c.max_mbufs / 4 * 3;
	stack_set_now(s, now_us);
	make_keys(s);
	listen_init(&s->listeners);
	wheel_init(&s->wheel, s->now_ms);
	s->net = net_new(&c.net);
	if (!s->net || make_pools(s) < 0) {
		stack_free(s);
		return NULL;
	}
	for (unsigned i = 0; i < c.net.n_ifaces; i++)
		for (unsigned j = 0; j < c.net.ifaces[i].n_addresses; j++)
			addrs_index(&s->addrs, &c.net.ifaces[i].addresses[j].ip);
	return s;
}

void stack_free(struct stack *s)
{
	void *memory[RTE_DIM(s->memory)];

	if (!s)
		return;
	for (uint32_t i = 0; i < s->conn_pool.n_touched; i++) {
		struct tcp_conn *c = stack_conn(s, i);

		/* Free ones have their link where the flow was and nothing in their queues. */
		txq_free(c);
		ooo_free(c);
		rxq_free(c);
	}
	for (unsigned i = 0; i < s->n_strays; i++)
		rte_pktmbuf_free(s->strays[i]);
	net_free(s->net);
	table_fini(&s->table);
	memcpy(memory, s->memory, sizeof(memory));
	for (unsigned i = RTE_DIM(memory); i-- > 0;)
		free(memory[i]);
}

struct net *stack_net(struct stack *s)
{
	return s->net;
}

struct rte_mbuf *stack_alloc(struct stack *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pool);

	if (!m)
		stats_inc(s->stats, STAT_DROP_NO_MBUF);
	return m;
}

/* --- after the burst --- */

/* Takes the first of the send list; NULL: it is empty. */
static struct tcp_conn *send_pop(struct stack *s)
{
	while (s->send.head) {
		struct tcp_conn *c = stack_conn(s, s->send.head - 1);

		s->send.head = c->send_next;
		if (!s->send.head)
			s->send.tail = 0;
		c->flags &= ~(uint32_t)CONN_ON_SEND;
		if (!(c->flags & CONN_DEAD))
			return c;
		conn_put(c);
	}
	return NULL;
}

unsigned stack_tx(struct stack *s, struct rte_mbuf *out[], unsigned max, uint64_t now_us)
{
	unsigned n;

	stack_set_now(s, now_us);
	n = net_tx(s->net, out, max);
	while (n < max) {
		struct tcp_conn *c = send_pop(s);

		if (!c)
			break;
		output_run(c, RTE_MIN(max - n, (unsigned)SEND_TURN));
		n += net_tx(s->net, out + n, max - n);
	}
	return n;
}

struct tcp_conn *stack_ready_next(struct stack *s, unsigned *events)
{
	while (s->ready.head) {
		struct tcp_conn *c = stack_conn(s, s->ready.head - 1);

		s->ready.head = c->ready_next;
		if (!s->ready.head)
			s->ready.tail = 0;
		c->flags &= ~(uint32_t)CONN_ON_READY;
		if (c->flags & CONN_DEAD) {
			conn_put(c);
			continue;
		}
		if (c->flags & (CONN_RELEASED | CONN_ABORTED) || !c->events)
			continue;
		*events = c->events;
		c->events = 0;
		return c;
	}
	return NULL;
}

/* --- time --- */

/* Connections that were short of mbufs try again. */
static void run_starved(struct stack *s)
{
	uint32_t i = s->starved.head;
	struct rte_mbuf *m;

	if (!i || s->n_held >= s->held_limit)
		return;
	m = rte_pktmbuf_alloc(s->pool);
	if (!m)
		return;
	rte_pktmbuf_free(m);
	s->starved.head = s->starved.tail = 0;
	while (i) {
		struct tcp_conn *c = stack_conn(s, i - 1);

		i = c->starved_next;
		c->flags &= ~(uint32_t)CONN_ON_STARVED;
		if (c->flags & CONN_DEAD) {
			conn_put(c);
			continue;
		}
		if (c->flags & CONN_WANT_WRITE && txq_space(c)) {
			c->flags &= ~(uint32_t)CONN_WANT_WRITE;
			conn_raise(c, TCP_EV_WRITABLE);
		}
		conn_want_send(c);
	}
}

static uint64_t ms_to_us(const struct stack *s, uint32_t at_ms)
{
	int32_t left = (int32_t)(at_ms - s->now_ms);

	return left <= 0 ? s->now_us : s->now_us - s->now_us % 1000 + (uint64_t)left * 1000;
}

static uint64_t next_deadline(const struct stack *s, uint64_t at_us)
{
	uint32_t ms;

	at_us = RTE_MIN(at_us, ms_to_us(s, wheel_deadline(&s->wheel)));
	if (mini_deadline(s, &ms))
		at_us = RTE_MIN(at_us, ms_to_us(s, ms));
	if (tw_deadline(s, &ms))
		at_us = RTE_MIN(at_us, ms_to_us(s, ms));
	if (s->starved.head)
		at_us = RTE_MIN(at_us, s->now_us + 1000);
	return at_us;
}

uint64_t stack_timers(struct stack *s, uint64_t now_us, unsigned budget)
{
	uint64_t net_at;
	unsigned n = 0;

	stack_set_now(s, now_us);
	while (n < budget) {
		struct wheel_node *node = wheel_next(&s->wheel, s->now_ms);

		if (!node)
			break;
		timers_run(RTE_PTR_SUB(node, offsetof(struct tcp_conn, node)));
		n++;
	}
	n += mini_timers(s, budget - n);
	tw_timers(s, budget - n);
	run_starved(s);
	net_at = net_timers(s->net, now_us, budget);
	return next_deadline(s, net_at);
}

void stack_info_get(const struct stack *s, struct stack_info *info)
{
	memcpy(info->n_state, s->n_state, sizeof(info->n_state));
	info->n_held_mbufs = s->n_held + net_held_mbufs(s->net);
	for (unsigned i = 0; i < s->n_strays; i++)
		info->n_held_mbufs += s->strays[i]->nb_segs;
	info->n_conns_free = s->conn_pool.n_objects - s->conn_pool.n_used;
	ports_info(s, info);
	for (unsigned i = 0; i < net_n_ifaces(s->net); i++)
		net_offload_verdict(s->net, i, &info->offloads[i]);
}
