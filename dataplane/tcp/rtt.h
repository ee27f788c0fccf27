/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/tcp/conn.h"

#define RTO_MAX_US   60000000u /* RFC 6298 2.5 */
#define RTO_FIRST_US 1000000u  /* RFC 6298 2.1 */
#define RTO_LOST_US  3000000u  /* RFC 6298 5.7 */

/* One sample, never of a segment that was retransmitted (Karn, RFC 6298 3); microseconds. */
void rtt_sample(struct tcp_conn *c, uint32_t rtt_us);

/* The retransmission timeout without back-off (RFC 6298 2.2 to 2.4, the floor is configured). */
uint32_t rtt_rto(const struct tcp_conn *c);

/* With back-off (RFC 6298 5.5). */
uint32_t rtt_rto_backed_off(const struct tcp_conn *c);
