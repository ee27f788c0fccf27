/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#include "dataplane/tcp/opt.h"
#include "dataplane/tcp/stack.h"

/* What a passive open has agreed on. */
struct accepted {
	struct flow flow;
	uint32_t iss, irs;
	uint32_t ts_recent;
	uint16_t peer_mss;
	uint16_t listener;
	uint8_t laddr;
	uint8_t wscale;
	bool sack, ts, has_wscale, ecn;
	bool lost;       /* a SYN-ACK had to be repeated */
	uint32_t rtt_us; /* of the SYN-ACK; 0: not known */
};

/*
 * The connection of a finished passive open, in SYN-RECEIVED and in the table; the segment that
 * finished it goes through tcp_input next. NULL when there is no room (counted).
 */
struct tcp_conn *accept_conn(struct stack *s, const struct accepted *a);

/* The window of our SYN and SYN-ACK, which is never scaled. */
static inline uint16_t accept_window(const struct stack *s)
{
	return (uint16_t)RTE_MIN(s->config.recv_buffer, (uint32_t)UINT16_MAX);
}

/* The window scale that we announce. */
static inline uint8_t accept_wscale(const struct stack *s)
{
	uint32_t above = s->config.recv_buffer >> 16; /* what 16 bits do not hold */
	unsigned shift = above ? 32 - (unsigned)__builtin_clz(above) : 0;

	return (uint8_t)RTE_MIN(shift, (unsigned)OPT_MAX_WSCALE);
}

/* The peer's MSS, with the default when it names none (MUST-15), and bounded from below. */
uint16_t accept_peer_mss(const struct opts *o, bool v4);

/* Derives what depends on the options: effective MSS, initial window. Both roles, once agreed. */
void accept_agreed(struct tcp_conn *c);
