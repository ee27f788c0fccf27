/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/net.h"

struct stack;

/*
 * Routes of the destinations spoken to lately, with their header templates: a direct-mapped
 * cache, so that a connection needs two bytes for it and idle ones need no more.
 */
struct dst_entry {
	struct ip_addr local, remote;
	struct net_dst dst;
	bool is_valid;
};

struct dst_cache {
	struct dst_entry *entries;
	uint32_t mask;
};

/* The slot to remember for this pair of addresses. */
uint16_t dst_slot(const struct stack *s, const struct flow *flow);

/* The route from flow->local to flow->remote; NULL: none at present. Valid until the next call. */
struct net_dst *dst_get(struct stack *s, const struct flow *flow, uint16_t slot);

/* Largest segment without options that the path takes. */
static inline uint16_t dst_mss(const struct net_dst *dst)
{
	return (uint16_t)(dst->mtu - dst->l3_len - 20);
}
