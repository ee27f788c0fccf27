/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/stats.h"
#include "dataplane/tcp/tcp.h"
#include "tests/tcp/trace.h"

/*
 * Two stacks joined by a network that loses, repeats, reorders and delays packets, has a
 * bandwidth, a queue and an MTU that changes; on each side users that write and read at their own
 * pace. Everything follows from one seed. model_run fails when a byte is wrong, nothing
 * moves for too long, an invariant breaks, a frame is malformed or an mbuf is missing.
 */
#define MODEL_MAX_CONNS  4u
#define MODEL_MAX_FLYING 4096u

struct model_rng {
	uint64_t state;
};

/* Uniform in 0..n-1; n > 0. */
uint32_t model_random(struct model_rng *r, uint32_t n);

/* One direction of the network. */
struct model_path {
	uint32_t loss_ppm, dup_ppm, reorder_ppm, burst_loss_ppm;
	uint32_t delay_us, jitter_us, reorder_us;
	uint32_t us_per_kb; /* 0: no bandwidth limit */
	uint32_t queue_bytes;
	uint16_t mtu, mtu_later; /* IP packet size; changes at mtu_at_us */
	uint64_t mtu_at_us;
	bool mtu_is_told;       /* ICMP comes back; else a black hole (RFC 4821) */
	uint64_t busy_until_us; /* the link has sent everything it took by then */
	unsigned burst_left;    /* packets that a running burst loss still takes */
	uint64_t last_at_us;    /* arrival of the last one, so that order is kept by default */
};

/* How a user behaves. */
struct model_habit {
	uint32_t bytes;               /* to write altogether */
	uint32_t chunk;               /* a write, at most */
	uint32_t think_us;            /* between writes */
	uint32_t read_chunk, read_us; /* 0: reads everything at once */
	uint32_t message;   /* not 0: after this many bytes it waits for the other's message */
	bool more;          /* uses TCP_MORE */
	bool part;          /* reserves more than it commits, as a relay does */
	bool close_late;    /* shuts down only when the other one has */
	bool release_early; /* lets go once both FINs are through, without TCP_EV_CLOSED */
};

struct model_config {
	uint64_t seed;
	bool ip6;
	bool neighbours_known; /* else ARP and ND come first, over the same bad network */
	unsigned n_conns;
	uint64_t start_us;
	struct stack_config stack[2];
	uint32_t offloads[2];
	uint16_t mtu;              /* of both ifaces; 0: 1500 */
	struct rte_mempool *pool;  /* NULL: the shared one, whose buffers take 1500 */
	uint32_t lies[2];          /* NET_TX_*: what the device says it does and does not */
	struct model_path path[2]; /* [0]: from stack 0 to stack 1 */
	struct model_habit habit[2][MODEL_MAX_CONNS];
	uint32_t sleep_ppm,
	    sleep_us;      /* how often, and how long at most, both workers are not run */
	uint64_t limit_us; /* of virtual time for all transfers */

	/*
	 * Optional: may change a frame under way (room: bytes it may grow to), returning its new length,
	 * 0 to lose it. Delivery need not be exact then, all else must hold.
	 */
	size_t (*mutate)(void *arg, unsigned side, uint8_t *frame, size_t len, size_t room);
	void *mutate_arg;
};

/* Makes a whole configuration of a seed. */
void model_config_make(struct model_config *c, uint64_t seed);

struct model_result {
	uint64_t virtual_us;
	uint64_t packets, lost, tso;
	size_t longest;     /* frame that a stack sent, before it was cut */
	uint64_t spoilt[2]; /* frames that a lying device made useless */
	struct stats stats[2];
	struct net_verdict_tx verdict[2];
	bool gave_up; /* a connection ended as RFC 9293 3.8.3 says when nothing gets through */
};

/* Runs it; prints what is wrong, the seed and the trace, and returns -1 on failure. */
int model_run(const struct model_config *c, struct model_result *result);
