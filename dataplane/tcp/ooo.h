/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/tcpmbuf.h"

/*
 * The reassembly queue: what has arrived beyond a gap, as disjoint blocks in the order in which
 * they last grew, which is the order RFC 2018 4 wants them reported in. Blocks are bounded, so all
 * searches are walks over one array: a short one, which nearly always suffices, or a longer one while there
 * are any left. A slow start that ends in a full queue leaves a hole behind every other segment.
 */
#define OOO_FEW_BLOCKS 64
#define OOO_MAX_BLOCKS 512

struct ooo_block {
	struct opt_block seq;
	struct rte_mbuf *head, *tail; /* packets in sequence, through rxseg_next */
};

struct ooo {
	uint32_t n, max;
	struct ooo_block
	    *block; /* the last one that grew first; few, or of the stack's blocks_pool */
	struct ooo_block few[OOO_FEW_BLOCKS];
};

/*
 * Takes m: payload at seq, all of it beyond rcv_nxt and inside the window, with a FIN behind it if
 * fin is set (then there may be no payload). The FIN counts as a byte of its block. Bytes that are there already are reported as duplicates (*dup, start == end:
 * none; RFC 2883). What there is no room for is dropped and counted.
 */
void ooo_insert(
    struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, bool fin, struct opt_block *dup);

/*
 * Moves what has become contiguous with rcv_nxt to the receive queue, rcv_nxt with it. True
 * when a FIN was reached; it is counted in rcv_nxt. What rcv_nxt has already gone past came twice,
 * and widens *dup as in ooo_insert.
 */
bool ooo_advance(struct tcp_conn *c, struct opt_block *dup);

static inline bool ooo_is_empty(const struct tcp_conn *c)
{
	return !c->ext || !c->ext->ooo;
}

/* The SACK option's blocks, DSACK first; at most max (RFC 2018 4, RFC 2883 4). */
unsigned ooo_sack_blocks(const struct tcp_conn *c, struct opt_block *out, unsigned max);

/* Frees all. */
void ooo_free(struct tcp_conn *c);
