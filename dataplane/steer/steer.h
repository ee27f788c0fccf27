/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/net/pkt.h"
#include "dataplane/steer/mode.h"

struct err;
struct stats;

/*
 * Which worker owns a flow, and how its packets get there (tcp.md 2). The owner is always computed in
 * software from the 4-tuple; the mode says by which function. RING: a keyed hash of ours. HASH: the one the
 * devices use, so that packets arrive at their owner's queue. FLOW: bits of the ports, which devices have
 * rules for, to the same end. In any case a packet that
 * arrived at another worker's queue is handed over by a single-producer single-consumer ring per
 * pair of workers, and never answered with RST: a device that lies costs time, no connection.
 *
 * In HASH and FLOW mode each plain TCP packet is compared: the queue it came by and, in HASH mode, the hash that
 * the device wrote into it, if any. A worker that finds more than one in 16 wrong ends the mode for good:
 * from then on it is RING with the same owners, so that no connection moves.
 */
struct steer;

/*
 * For n workers; with one everything is its own and nothing is computed. rss: what the devices were found to
 * do (steer_agree), NULL for RING; it is copied. NULL with the reason.
 */
struct steer *
steer_new(unsigned n_workers, const uint8_t secret[16], const struct steer_rss *rss, struct err *e);

/* The same for FLOW: bits, which are copied, are what the devices have taken rules for. */
struct steer *steer_new_flow(
    unsigned n_workers, const uint8_t secret[16], const struct steer_bits *bits, struct err *e);
void steer_free(struct steer *s); /* with the packets in its rings; NULL is fine */

/* Any thread, at any time: HASH and FLOW become RING when a device has proved wrong. */
enum steer_mode steer_mode(const struct steer *s);

/* The worker that owns this flow. A pure function. */
unsigned steer_owner(const struct steer *s, const struct flow *flow);

/* For stack_config.flow_is_ours and .ports_are_ours; arg is a struct steer_self. */
struct steer_self {
	const struct steer *steer;
	unsigned worker;
};
bool steer_is_ours(const void *arg, const struct flow *flow);

uint64_t steer_ports(const void *arg, const struct flow *flow);

/*
 * Sorts a burst that worker me received from a device: keeps its own in pkts (order kept) and returns how
 * many; hands the others to their owners' rings. Looks at TCP over IPv4 and IPv6 and, in ICMP errors, at
 * the packet they quote. Fragments meet at one worker, chosen by their addresses, which hands on what it
 * made of them (stack_strays). Everything else (ARP, ND, echo) stays where it arrived. Every byte
 * is checked before it is read.
 */
unsigned
steer_sort(struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned n, struct stats *stats);

/* How many packets the worker of these counters has handed to others, in whatever mode. */
uint64_t steer_forwarded(const struct stats *stats);

/* The same for frames that were made here: they are no evidence of what a device does. */
unsigned steer_strays(
    struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned n, struct stats *stats);

/* Takes what other workers handed to me. */
unsigned steer_take(
    struct steer *s, unsigned me, struct rte_mbuf *pkts[], unsigned max, struct stats *stats);
