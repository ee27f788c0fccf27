/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/stats.h"
#include "dataplane/tcp/conn.h"

struct net_dst;

/*
 * Sends what c may send now, in this order: what was lost, new data, the FIN, an ACK that is owed.
 * At most budget segments; when that was not enough c is put on the send list again. Returns
 * how many were sent. RFC 9293 3.8.6.2.1 (silly windows), 5681, 6675, 9937.
 */
unsigned output_run(struct tcp_conn *c, unsigned budget);

/* Sends the SYN of SYN-SENT, or the SYN-ACK of SYN-RECEIVED, for the first time or again. */
void output_syn(struct tcp_conn *c);

/* Sends an ACK now. */
void output_ack(struct tcp_conn *c);

/* Sends <SEQ=SND.NXT><CTL=RST,ACK>, counted as why. */
void output_reset(struct tcp_conn *c, enum stat why);

/* Sends <SEQ=seq><CTL=RST>, the answer to an unacceptable ACK, and counts it as one. */
void output_reset_at(struct tcp_conn *c, uint32_t seq);

/* The persist timer: the first byte as a probe, or what silly-window avoidance held back. */
void output_persist(struct tcp_conn *c);

/* <SEQ=SND.NXT-1>, without data: the peer has to answer it (RFC 9293 3.8.4). */
void output_keepalive(struct tcp_conn *c);

/* The retransmission timer: the first that is lost goes again, whatever else is on the wire (RFC 6298 5.4). */
void output_rto(struct tcp_conn *c);

/* The tail-loss probe: a new segment, else the last one again (RFC 8985 7.3). */
void output_tlp(struct tcp_conn *c);

/* Recomputes the effective MSS (MUST-16) for a path; dst NULL: for a path of the default MTU. */
void output_update_mss(struct tcp_conn *c, const struct net_dst *dst);
