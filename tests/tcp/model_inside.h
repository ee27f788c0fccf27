/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <rte_mbuf.h>

#include "tests/tcp/model.h"

/* A frame under way. */
struct flying {
	uint64_t at_us;
	uint64_t order; /* ties are delivered as sent */
	unsigned to;
	uint8_t *frame;
	size_t len;
};

/* The user of one connection on one side. */
struct model_user {
	const struct model_habit *habit;
	struct tcp_conn *conn;
	uint32_t to_read; /* what the other side will write */
	uint32_t written, read;
	uint64_t write_at_us, read_at_us;
	bool established, blocked, readable, peer_fin, shut, closed, released, dead;
};

struct model_side {
	struct stack *stack;
	struct ip_addr ip;
	uint8_t mac[6];
	struct stats stats;
	uint64_t deadline_us;
	struct model_user users[MODEL_MAX_CONNS];
};

struct model {
	const struct model_config *config;
	struct model_rng rng;
	struct rte_mempool *pool;
	unsigned pool_free_at_start;
	uint64_t now_us;
	struct model_side side[2];
	struct model_path path[2];
	uint16_t ports[MODEL_MAX_CONNS]; /* of stack 0's connections */
	uint32_t isn[2][MODEL_MAX_CONNS];
	struct flying flying[MODEL_MAX_FLYING]; /* binary heap by at_us, order */
	unsigned n_flying;
	uint64_t order;
	unsigned spins;
	struct model_result result;
	struct trace trace;
	bool failed;
};

__attribute__((format(printf, 2, 3))) void model_fail(struct model *m, const char *fmt, ...);

/* --- model_wire.c --- */

/* Takes a frame that side sends. */
void wire_take(struct model *m, unsigned side, struct rte_mbuf *frame);
/* Hands side what has arrived by now; true when there was something. */
bool wire_deliver(struct model *m, unsigned side);
uint64_t wire_deadline(const struct model *m);
void wire_clear(struct model *m);

/* --- model_user.c --- */

void users_init(struct model *m, unsigned side);
bool user_run(struct model *m, unsigned side);
uint64_t user_deadline(const struct model *m, unsigned side);
/* Notes in the trace where every user stands. */
void user_report(struct model *m);
