/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/ack.h"
#include "dataplane/tcp/conn.h"

/* Loss recovery: RFC 6675, 6582, 9937 (PRR), 3042; undo by RFC 3708 and RFC 4015. */

/* The ACK was taken, marks are set: looks for losses, begins and ends recovery, sets cwnd in it. */
void recovery_on_ack(struct tcp_conn *c, const struct seg *seg, const struct ack *a);

/* The reordering timer: looks for losses again. */
void recovery_on_reo_timer(struct tcp_conn *c);

/* The retransmission timer has expired (RFC 5681 3.1, RFC 8985 6.3). */
void recovery_on_rto(struct tcp_conn *c);

/* The peer echoes congestion (RFC 3168 6.1.2): once per window, as a loss without retransmission. */
void recovery_on_ece(struct tcp_conn *c);

/* A loss that the tail probe repaired: the window is reduced, nothing is left to repair. */
void recovery_on_tlp_loss(struct tcp_conn *c);

/* A retransmission arrived twice. */
void recovery_dsack(struct tcp_conn *c, const struct opt_block *b);

/* n bytes were sent (PRR counts them). */
static inline void recovery_on_sent(struct tcp_conn *c, uint32_t n)
{
	if (c->ext)
		c->ext->prr_out += n;
}
