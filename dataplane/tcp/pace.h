/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/conn.h"

/*
 * Pacing: segments leave at twice the rate that the window allows in slow start, at 1.2 times
 * later, in pieces of a millisecond, which is what the timer wheel can tell apart. Paths
 * with a round trip of less than two of those are not paced.
 */

/* May a segment go now? When not, c comes back by timer. */
bool pace_may_send(struct tcp_conn *c);

/* n bytes have gone. */
void pace_sent(struct tcp_conn *c, uint32_t n);

/* Microseconds until pace_may_send; 0: now. */
uint32_t pace_wait(const struct tcp_conn *c);
