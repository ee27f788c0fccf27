/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "config/model.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/stats.h"
#include "dataplane/idle.h"
#include "dataplane/net/net.h"
#include "dataplane/steer/steer.h"
#include "dataplane/tcp/tcp.h"
#include "tls/handshake.h"

struct conn_ring;
struct err;
struct port;
struct proxy;
struct proxy_dump;
struct snapshot;
struct ticket_ring;

/* What control asks of a worker; each includes the ones before. */
enum worker_order {
	WORKER_RUN,
	WORKER_DRAIN, /* no new connections */
	WORKER_CLOSE, /* end those there are */
	WORKER_STOP,  /* leave the loop */
};

/* One poll-mode worker. Owns all it touches but the lines that say otherwise. */
struct worker {
	/* Control writes, this worker reads once per loop. */
	_Atomic(const struct snapshot *) snapshot;
	_Atomic(const struct ticket_ring *) tickets;
	_Atomic(enum worker_order) order;
	_Atomic(struct proxy_dump *) dump; /* to be filled; the worker takes it when it is done */

	/* This worker writes, control reads, each on cache lines of their own. */
	struct stats stats;
	struct stack_info stack_info __attribute__((aligned(64))); /* renewed every INFO_US */
	struct tls_worker_stats tls_stats;
	/* The order under which there is no connection and nothing left to send; WORKER_RUN: there is something. */
	_Atomic(enum worker_order) empty_under;

	/* Set before the start, then read only. */
	unsigned index;
	unsigned n_ports, n_workers;
	struct port **ports;
	unsigned n_ifaces;
	const uint8_t *port_of; /* iface number -> index into ports: VLANs share a port */
	struct worker *workers; /* all of them, for neighbours learned */
	struct steer *steer;
	struct steer_self self;
	struct rte_rcu_qsbr *qsbr;
	struct rte_ring *mailbox; /* struct net_neigh; many producers, this worker takes */
	struct rte_mempool *pool;
	struct conn_ring *log; /* records of connections, to control */
	bool idle_sleep;

	/* Only this worker. */
	struct clock clock __attribute__((aligned(64)));
	struct stack *stack;
	struct tls_worker *tls;
	struct proxy *proxy;
	uint64_t adopted; /* generation; an address may come back with another snapshot in it */
	enum worker_order obeyed;
	uint64_t now_us, info_us;
	uint64_t stack_wake_us, proxy_wake_us;
	bool is_crowded; /* the last burst left packets behind */
	struct idle idle;
} __attribute__((aligned(64)));

struct worker_config {
	const struct config *config;
	const struct net_iface *ifaces;
	uint8_t secret[32]; /* the same for all workers */
};

/*
 * Makes stack, TLS worker and proxy of a worker whose read-only part is set. 0, or -1 with the reason;
 * worker_fini is to be called either way.
 */
int worker_init(struct worker *w, const struct worker_config *config, struct err *e);
void worker_fini(struct worker *w);

/* The loop; arg is the worker. For rte_eal_remote_launch. Returns 0 after WORKER_STOP. */
int worker_main(void *arg);
