/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/ack.h"
#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/tcpmbuf.h"

/* RACK-TLP (RFC 8985): loss by time instead of by counting, and a probe for the tail. */

/* t was just found to have arrived (steps 1 to 3). The connection has an extension. */
void rack_delivered(struct tcp_conn *c, const struct txseg *t);

/* A DSACK came: the reordering window was too small (step 4). */
void rack_dsack(struct tcp_conn *c);

/*
 * Marks what is lost (step 5). Returns after how many microseconds to look again; 0: nothing
 * is waited for.
 */
uint32_t rack_detect(struct tcp_conn *c);

/* So long ago sent that it would have been acknowledged: lost when the RTO expires (6.3). Needs an extension. */
bool rack_is_late(const struct tcp_conn *c, const struct txseg *t);

/* A recovery has ended: the widened window is kept for 16 of them. */
void rack_recovery_ended(struct tcp_conn *c);

/* When the tail is to be probed, us from now, at the latest when the RTO would expire; 0: not (7.2). */
uint32_t tlp_timeout(const struct tcp_conn *c);

/* Judges an ACK after a probe (7.4); true when the probe has repaired a loss. */
bool tlp_on_ack(struct tcp_conn *c, const struct seg *seg, const struct ack *a);
