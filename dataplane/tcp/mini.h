/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <assert.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/tcp/seg.h"
#include "dataplane/tcp/stack.h"

/*
 * Passive opens in SYN-RECEIVED: one cache line each, so that a flood of SYNs costs little.
 * The connection is made when the handshake's third packet arrives. Past
 * config.max_syn_received nothing is kept at all: cookies answer (cookie.h).
 */
enum mini_flag {
	MINI_SACK = 1 << 0,
	MINI_TS = 1 << 1,
	MINI_WSCALE = 1 << 2,
	MINI_ECN = 1 << 3,
	MINI_ANSWERED = 1 << 4, /* more than one SYN-ACK was sent */
};

struct mini {
	struct tcp_key key;
	uint32_t hash_next;
	uint32_t next, prev; /* struct fifo by timeout: index + 1 */
	uint32_t irs, iss;
	uint32_t ts_recent;
	uint32_t expires_ms;
	uint32_t sent_us; /* last SYN-ACK, low bits */
	uint16_t peer_mss;
	uint16_t listener;
	uint8_t wscale; /* the peer's */
	uint8_t flags;  /* enum mini_flag */
	uint8_t retries;
	uint8_t iface;
};
static_assert(sizeof(struct mini) == 64, "one line");

static inline struct mini *mini_at(const struct stack *s, uint32_t index)
{
	return (struct mini *)s->mini_pool.base + index;
}

/*
 * A SYN for a listener (RFC 9293 3.10.7.2): makes a mini, or a cookie, and answers. iss_after:
 * the ISN is behind this one (a TIME-WAIT was taken over); NULL: no condition.
 */
void mini_syn(struct stack *s, const struct tcp_key *key, uint32_t hash, const struct pkt *pkt,
    const struct seg *seg, uint16_t listener, const uint32_t *iss_after);

/*
 * A segment for a mini (RFC 9293 3.10.7.4, SYN-RECEIVED). Returns the connection when the
 * handshake is complete, and then the segment is still to be run through it; else NULL.
 */
struct tcp_conn *mini_input(struct stack *s, struct mini *mini, uint32_t hash,
    const struct pkt *pkt, const struct seg *seg);

/*
 * An ACK to a listener without connection: when it answers a cookie, the connection. NULL with *is_shed set:
 * it does, but there is no room now; nothing is to be said about it.
 */
struct tcp_conn *mini_cookie(struct stack *s, const struct tcp_key *key, uint32_t hash,
    const struct pkt *pkt, const struct seg *seg, uint16_t listener, bool *is_shed);

/* Repeats SYN-ACKs and gives up old minis; at most budget. Returns how many were looked at. */
unsigned mini_timers(struct stack *s, unsigned budget);

/* When mini_timers has work next (ms); false: never. */
bool mini_deadline(const struct stack *s, uint32_t *at_ms);

/* Forgets one; nothing is sent. */
void mini_drop(struct stack *s, struct mini *mini);

/* Forgets all of a listener that is closing. */
void mini_drop_listener(struct stack *s, uint16_t listener);

/* The flow a key stands for. */
void tcp_key_flow(
    const struct stack *s, const struct tcp_key *key, uint16_t iface, struct flow *flow);
