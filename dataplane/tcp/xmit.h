/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/dst.h"
#include "dataplane/tcp/reply.h"

/*
 * Segments of a connection, put into packets. Payload is sent by reference: the first time the buffer
 * itself goes, its header written into its own headroom, with a second reference; while the
 * NIC may still read it, a header of its own and an indirect mbuf go.
 */

/* The way to the peer; NULL: none at present. */
struct net_dst *xmit_route(const struct tcp_conn *c);

/*
 * Writes the TCP header, with timestamps, SACK blocks as far as there is room, and the window, in
 * front of m's payload. All that was owed to the peer goes with it.
 */
void xmit_header(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint8_t flags);

/* Sends segment m of the send queue, for the first time or again; how: enum net_how. False: out of mbufs. */
bool xmit_segment(struct tcp_conn *c, struct net_dst *dst, struct rte_mbuf *m, uint8_t how);

/*
 * The header of a new segment, from which those behind it differ in sequence number and flags only: as long as no
 * segment is received and nobody else sends for c in between.
 */
struct xmit_run {
	uint8_t len; /* 0: there is none to go by */
	uint8_t header[SEG_HEADER_LEN + OPT_TS_LEN];
	struct reply reply; /* the same for the history, where one is kept */
	struct net_run net; /* all headers, of the second: most runs are of one segment */
};

static inline void xmit_run_init(struct xmit_run *run)
{
	run->len = 0;
	run->net.payload = 0;
}

/* Sends m, a segment that was not sent before, as xmit_segment does; goes by run and notes in it what it can. */
bool xmit_new(
    struct tcp_conn *c, struct net_dst *dst, struct rte_mbuf *m, uint8_t how, struct xmit_run *run);

/*
 * Sends the first n unsent segments, all of them full and nobody else's, as one packet that the
 * device cuts (NET_TX_TSO).
 */
void xmit_tso(struct tcp_conn *c, struct net_dst *dst, unsigned n);
