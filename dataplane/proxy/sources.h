/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "dataplane/net/pkt.h"

/*
 * Whose connections something holds for: prefixes, kept as disjoint ranges in order, so that an address is looked up in the
 * logarithm of their number. Immutable.
 */
struct source_set;

struct ip_prefix {
	struct ip_addr ip;
	uint8_t bits; /* of 128 */
};

/* May overlap, in any order. NULL: no memory. The caller owns it. */
struct source_set *source_set_new(const struct ip_prefix *prefixes, unsigned n);
void source_set_free(struct source_set *s); /* NULL is fine */

/* False with s NULL: the empty set. */
bool source_set_has(const struct source_set *s, const struct ip_addr *ip);
