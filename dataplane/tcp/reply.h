/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/seg.h"
#include "dataplane/tcp/stack.h"

/* A segment without payload, to be written. */
struct reply {
	uint32_t seq, ack;
	uint16_t sport, dport;
	uint16_t wnd; /* as on the wire */
	uint16_t up;
	uint8_t flags;
	struct opts opts;
};

/* Writes the header (checksum zero) in front of what m holds; m has headroom for it. Returns its length. */
unsigned reply_write(struct rte_mbuf *m, const struct reply *r);

/* Sends r back the way pkt came; nothing when mbufs are short. */
void reply_send(struct stack *s, const struct pkt *pkt, const struct reply *r);

/* Answers a segment that belongs to nothing with the RST of RFC 9293 3.10.7.1, counted as why; never a RST. */
void reply_reset(struct stack *s, const struct pkt *pkt, const struct seg *seg, enum stat why);
