/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/net/pkt.h"

struct err;
struct stats;

/*
 * Which worker owns a flow, and how its packets get there (tcp.md 2). RING: the owner is computed in
 * software from the 4-tuple, and a packet that arrived at another worker's queue is handed over by a
 * single-producer single-consumer ring per pair of workers. Never answered with RST.
 */
struct steer;

/* For n workers; with one worker everything is its own and nothing is computed. NULL with the reason. */
struct steer *steer_new(unsigned n_workers, const uint8_t secret[16], struct err *e);
void steer_free(struct steer *s); /* with the packets in its rings; NULL is fine */

/* The worker that owns this flow. A pure function. */
unsigned steer_owner(const struct steer *s, const struct flow *flow);

/* For stack_config.flow_is_ours; arg is a struct steer_self. */
struct steer_self {
	const struct steer *steer;
	unsigned worker;
};
bool steer_is_ours(const void *arg, const struct flow *flow);

/*
 * Sorts a burst that worker me received: keeps its own in pkts (order kept) and returns how many; hands the
 * others to their owners' rings. Looks at TCP over IPv4 and IPv6 and, in ICMP errors, at the packet
 * they quote. Fragments meet at one worker, chosen by their addresses, which hands on what it made of them
 * (stack_strays). Everything else (ARP, ND, echo) stays where it arrived. Every byte is checked before it is
 * read.
 */
unsigned
steer_sort(struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned n, struct stats *stats);

/* Takes what other workers handed to me. */
unsigned steer_take(
    struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned max, struct stats *stats);
