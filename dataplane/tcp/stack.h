/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/base/siphash.h"
#include "dataplane/base/stats.h"
#include "dataplane/base/wheel.h"
#include "dataplane/net/net.h"
#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/dst.h"
#include "dataplane/tcp/listen.h"
#include "dataplane/tcp/pool.h"
#include "dataplane/tcp/ports.h"
#include "dataplane/tcp/table.h"
#include "dataplane/tcp/tcp.h"

/* The state of one worker's TCP; visible inside dataplane/tcp only. */

/* SYN-ACKs are repeated after 1, 2, 4, 8, 16, 32 s, and then each minute. */
#define MINI_LEVELS 7

struct history;

/* As many as a burst may bring. */
#define STRAYS_MAX 32

/* A first-in first-out list of pool objects by index + 1. */
struct fifo {
	uint32_t head, tail;
};

/* Keys made of the shared secret: the same for all workers. */
struct stack_keys {
	struct siphash_key isn, ts, cookie, port;
};

struct stack {
	struct stack_config config;
	struct net *net;
	struct net_iface *ifaces; /* as in config.net, which is the caller's */
	struct stats *stats;
	struct rte_mempool *pool;
	struct rte_mbuf
	    *answered; /* a SYN, while its answer is made: may be taken for it; else NULL */
	uint64_t now_us;
	uint32_t now_ms;
	uint32_t n_held;     /* mbufs in queues of TCP */
	uint32_t held_shed;  /* above: no new connections, nothing out of order kept */
	uint32_t held_limit; /* above: nothing is queued any more */
	struct stack_keys keys;
	struct addrs addrs;
	struct table table;
	struct wheel wheel;

	/* Lists of connections by index + 1, linked through ready_next, send_next, starved_next. */
	struct fifo ready, send, starved;

	struct pool conn_pool, ext_pool, ooo_pool, blocks_pool, mini_pool, tw_pool;
	struct fifo minis[MINI_LEVELS]; /* by timeout */
	struct fifo tws;                /* by age */
	struct listeners listeners;
	struct dst_cache dsts;
	struct ports ports;
	uint32_t source_turn;
	uint32_t n_state[TCP_N_STATES];
	uint64_t entered[TCP_N_STATES];
	struct history *histories; /* one per connection; NULL: not kept */
	struct rte_mbuf *strays[STRAYS_MAX];
	unsigned n_strays;
	void *memory[12]; /* what stack_free gives back */

	struct tcp_conn conns[] __attribute__((aligned(64)));
};

/* A connection knows its place in the array at the end of its stack. */
static inline struct stack *conn_stack(const struct tcp_conn *c)
{
	uintptr_t first = (uintptr_t)c - (uintptr_t)c->index * sizeof(*c);

	return (struct stack *)(first - offsetof(struct stack, conns));
}

/* The time of the call we are in, us. */
static inline uint64_t conn_now(const struct tcp_conn *c)
{
	return conn_stack(c)->now_us;
}

static inline struct tcp_conn *stack_conn(struct stack *s, uint32_t index)
{
	return &s->conns[index];
}

static inline void stack_hold(struct stack *s, unsigned n)
{
	s->n_held += n;
}

static inline void stack_unhold(struct stack *s, unsigned n)
{
	s->n_held -= n;
}

/* Too little memory for anything new. */
static inline bool stack_is_short(const struct stack *s)
{
	return s->n_held > s->held_shed;
}

/* The time us from now on the millisecond clock, rounded up: a timer never fires early. */
static inline uint32_t stack_deadline(const struct stack *s, uint64_t us)
{
	return (uint32_t)((s->now_us + us + 999) / 1000);
}

/* Our timestamp clock for a connection (RFC 7323 5.4: 1 ms). */
static inline uint32_t stack_ts(const struct stack *s, uint32_t ts_off)
{
	return s->now_ms + ts_off;
}

/* Every call from outside begins with this. */
static inline void stack_set_now(struct stack *s, uint64_t now_us)
{
	s->now_us = now_us;
	s->now_ms = (uint32_t)(now_us / 1000);
}

/* An mbuf for a header or for payload, or NULL (counted). */
struct rte_mbuf *stack_alloc(struct stack *s);
