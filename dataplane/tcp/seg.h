/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/net/pkt.h"
#include "dataplane/tcp/opt.h"

/* Header flags as on the wire (RFC 9293 3.1, RFC 3168). */
enum seg_flag {
	SEG_FIN = 0x01,
	SEG_SYN = 0x02,
	SEG_RST = 0x04,
	SEG_PSH = 0x08,
	SEG_ACK = 0x10,
	SEG_URG = 0x20,
	SEG_ECE = 0x40,
	SEG_CWR = 0x80,
};

#define SEG_HEADER_LEN     20
#define SEG_MAX_HEADER_LEN 60

/* A received segment, in host order. */
struct seg {
	uint32_t seq, ack;
	uint32_t len;     /* payload bytes, without SYN and FIN */
	uint32_t largest; /* of the segments it was merged from */
	uint16_t sport, dport;
	uint16_t wnd; /* as on the wire, not scaled */
	uint16_t up;
	uint8_t flags; /* enum seg_flag */
	uint8_t header_len;
	uint8_t ecn; /* of the IP header */
	struct opts opts;
};

/* SEG.LEN of RFC 9293: payload, SYN and FIN. */
static inline uint32_t seg_len(const struct seg *seg)
{
	return seg->len + !!(seg->flags & SEG_SYN) + !!(seg->flags & SEG_FIN);
}

/* The sequence number behind the segment. */
static inline uint32_t seg_end(const struct seg *seg)
{
	return seg->seq + seg_len(seg);
}

/*
 * Reads the TCP header that pkt found in m. False when the header does not fit in its first
 * mbuf or in the packet; then seg is undefined. m is only read.
 */
bool seg_parse(struct seg *seg, const struct rte_mbuf *m, const struct pkt *pkt);

/*
 * Whether the TCP header at off in m's first mbuf, off + SEG_HEADER_LEN <= m->data_len, says the same as the one at off in
 * before's, which was read as seen, but for sequence number, PSH and checksum; and neither has flags besides ACK or
 * options besides timestamps. Only reads.
 */
bool seg_is_alike(
    const struct seg *seen, const struct rte_mbuf *m, const struct rte_mbuf *before, uint16_t off);

/* Makes of a copy of the seen one what seg_parse would make of such an m, whose TCP part has l4_len bytes. */
void seg_read_alike(struct seg *seg, const struct rte_mbuf *m, uint16_t off, uint16_t l4_len);
