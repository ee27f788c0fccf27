/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/seg.h"
#include "dataplane/tcp/tcpmbuf.h"

/* What one acceptable ACK told us. */
struct ack {
	uint32_t acked; /* bytes newly acknowledged in sequence */
	uint32_t
	    delivered; /* bytes newly known to have arrived, SACKed ones too (RFC 9937 DeliveredData) */
	uint32_t sacked;    /* of these, by SACK */
	uint32_t rtt_us;    /* a sample; 0: none */
	uint64_t oldest_us; /* when the oldest of what was SACKed had been sent */
	bool dsack;
	bool is_dup;       /* RFC 5681 2 */
	bool resent_acked; /* a retransmitted segment was acknowledged in sequence */
	uint64_t
	    head_resent_us; /* when the first of what was acknowledged had been sent again; 0: never */
};

/*
 * Step 5 for synchronised states: takes seg's acknowledgment (SND.UNA =< SEG.ACK =< SND.MAX),
 * SACK blocks and window (RFC 9293 3.10.7.4, 5681, 6675, 8985).
 */
void ack_input(struct tcp_conn *c, const struct seg *seg);

/* t, whose first transmission was a trial of the device's offloads, has arrived: tells net what that shows. */
void ack_judge_device(struct tcp_conn *c, struct txseg *t);
