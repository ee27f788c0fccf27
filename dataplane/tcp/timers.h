/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/conn.h"

/*
 * A connection's timers: three deadlines in milliseconds and one wheel node, which is filed for the
 * earliest of them and left where it is when they move away.
 */

/* A released connection goes without progress no longer than RFC 9293 MUST-20 asks for. */
#define TIMERS_ORPHAN_MS     100000u
/* FIN-WAIT-2 of a connection that the user has released. */
#define TIMERS_FIN_WAIT_2_MS 60000u

/*
 * Arms what snd_una, snd_nxt and the send queue ask for: RTO or TLP while something is
 * outstanding, PERSIST while something waits that may not be sent, else nothing. restart: from now
 * (RFC 6298 5.3), else a running one is left alone.
 */
void timers_rexmit(struct tcp_conn *c, bool restart);

/* Arms one kind of it, us from now. */
void timers_arm(struct tcp_conn *c, enum conn_timer kind, uint32_t us);

/* Begins the idle time before the first keepalive probe. */
void timers_keepalive(struct tcp_conn *c);

/* The delayed ACK (MUST-40); a running one is left alone. */
void timers_delay_ack(struct tcp_conn *c);

/* Sending goes on when pace_may_send says so. */
void timers_pace(struct tcp_conn *c);

/* The peer was heard: keepalive (RFC 9293 3.8.4) counts from now. */
static inline void timers_heard(struct tcp_conn *c)
{
	if (c->flags & CONN_KEEPALIVE)
		timers_keepalive(c);
}

/* The state's own limit: FIN-WAIT-2, keepalive. */
void timers_state(struct tcp_conn *c, uint32_t ms);

void timers_stop(struct tcp_conn *c);

/* Does what is due; c came up in the wheel and is filed again when it is still alive. */
void timers_run(struct tcp_conn *c);
