/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/tcp/conn.h"

/*
 * Congestion control. An algorithm answers two questions; all that is the same for all of them (slow
 * start with HyStart++, what a timeout does, PRR) is outside. Its state is c->cc, meaningful once
 * slow start is over; before that the words belong to HyStart++.
 */
struct cc_ops {
	/* Congestion avoidance: acked bytes more were delivered, the window was in use; grows cwnd. */
	void (*on_ack)(struct tcp_conn *c, uint32_t acked, uint64_t now_us);
	/* The window to go down to, for flight bytes outstanding: ssthresh. */
	uint32_t (*on_congestion)(struct tcp_conn *c, uint32_t flight);
	/* NULL: nothing to do. */
	void (*on_timeout)(struct tcp_conn *c);
	void (*on_unused)(struct tcp_conn *c, uint32_t ms);
};

extern const struct cc_ops cc_newreno; /* RFC 5681 */
extern const struct cc_ops cc_cubic;   /* RFC 9438 */

/* RFC 6928; RFC 5681 3.1 after a lost SYN. */
uint32_t cc_initial_window(const struct tcp_conn *c);

void cc_init(struct tcp_conn *c);

/* acked bytes were delivered outside of recovery; rtt_us: a sample, 0: none. */
void cc_on_ack(struct tcp_conn *c, uint32_t acked, uint32_t rtt_us);

/* Loss or ECE: sets ssthresh, leaves cwnd to the caller. */
void cc_on_congestion(struct tcp_conn *c, uint32_t flight);

/* After cc_on_congestion, when it was a timeout: what was known of the path is forgotten (RFC 9438 4.8). */
void cc_on_timeout(struct tcp_conn *c);

/* The window was not in use for ms: that time does not count (RFC 9438 4.2, 5.8). */
void cc_on_unused(struct tcp_conn *c, uint32_t ms);

/* Nothing was sent for idle_us: cwnd decays (RFC 5681 4.1, RFC 7661). */
void cc_on_idle(struct tcp_conn *c, uint32_t idle_us);

/* --- HyStart++ (RFC 9406), for the first slow start --- */

void hystart_init(struct tcp_conn *c);

/* How many bytes slow start adds for acked ones; leaves slow start when the RTT has grown. */
uint32_t hystart_on_ack(struct tcp_conn *c, uint32_t acked, uint32_t rtt_us);
