/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/net/pkt.h"

/* As much of an RSS key as a TCP packet over IPv6 needs: 36 bytes of tuple and 32 bits. */
#define TOEPLITZ_KEY 40

/*
 * The hash by which NICs spread flows (Microsoft's RSS specification, rte_softrss): linear over XOR, so the
 * value of each byte at each place is looked up and the results are added. IPv4 takes the first 12 places.
 */
struct toeplitz {
	uint32_t at[TOEPLITZ_KEY - 4][256];
};

void toeplitz_init(struct toeplitz *t, const uint8_t key[TOEPLITZ_KEY]);

/* The hash of this flow's packets as they come in: from remote, to local. flow->iface does not count. */
uint32_t toeplitz_flow(const struct toeplitz *t, const struct flow *flow);

/*
 * Of flow with each of 64 local ports, which are flow->local_port (a multiple of 64) and those after it,
 * bit i of the result says whether table[hash & mask] is queue. Two cycles or so for each: only a
 * byte's value changes between them.
 */
uint64_t toeplitz_ports(const struct toeplitz *t, const struct flow *flow, const uint16_t table[],
    uint32_t mask, uint16_t queue);
