/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/ack.h"
#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/tcpmbuf.h"

/*
 * The sender's scoreboard (RFC 2018, RFC 6675): marks on the segments of the send queue, and their
 * sums in struct conn_ext. Marks change here only.
 */

/* Marks what the blocks of seg cover; notes a DSACK (RFC 2883). Cost: one walk of the queue. */
void sack_input(struct tcp_conn *c, const struct seg *seg, struct ack *a);

/* t is lost, or its retransmission is. */
void sack_mark_lost(struct tcp_conn *c, struct txseg *t);

/* t goes out again. */
void sack_mark_resent(struct tcp_conn *c, struct txseg *t);

/* The first n sequence numbers of t were acknowledged: takes them out of the sums. */
void sack_forget(struct tcp_conn *c, const struct txseg *t, uint32_t n);

/*
 * The RTO has expired: the head is lost, and so is all that is not SACKed and old enough (RFC 8985 6.3). When the head is
 * SACKed the peer has reneged: SACKs are forgotten.
 */
void sack_mark_lost_on_rto(struct tcp_conn *c);

/* The reduction was a mistake: what was marked lost and not sent again is no longer lost. */
void sack_unmark_lost(struct tcp_conn *c);

/* The first segment that is lost and not sent again. */
struct rte_mbuf *sack_first_pending(const struct tcp_conn *c);
