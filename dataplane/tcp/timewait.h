/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/seg.h"
#include "dataplane/tcp/stack.h"

/*
 * TIME-WAIT (RFC 9293 3.10.7.4, MUST-13) in one cache line, in a list by age. When there is no
 * room the oldest goes early, which is counted.
 */
struct tw {
	struct tcp_key key;
	uint32_t hash_next;
	uint32_t next, prev; /* index + 1 */
	uint32_t snd_nxt, rcv_nxt;
	uint32_t rcv_wnd; /* as on the wire */
	uint32_t ts_recent;
	uint32_t expires_ms;
	uint32_t answered_ms;
	uint16_t iface;
	bool ts : 1, answered : 1;
	bool active; /* we had opened it */
};
static_assert(sizeof(struct tw) == 64, "one line");

static inline struct tw *tw_at(const struct stack *s, uint32_t index)
{
	return (struct tw *)s->tw_pool.base + index;
}

/* Takes over c's place in the table, which c leaves; c's timers and queues are not touched. */
void tw_enter(struct tcp_conn *c);

/*
 * A segment for a TIME-WAIT. True when it is a SYN that may start a new connection at once (RFC
 * 9293 MAY-2, RFC 6191); then the TIME-WAIT is gone and *iss_after is its SND.NXT.
 */
bool tw_input(struct stack *s, struct tw *tw, uint32_t hash, const struct pkt *pkt,
    const struct seg *seg, uint32_t *iss_after);

/* May an active open take this 4-tuple over (RFC 6191)? Then it is removed and *iss_after set. */
bool tw_reuse(struct stack *s, struct tw *tw, uint32_t *iss_after);

/* Ends those that are old enough, at most budget; returns how many. */
unsigned tw_timers(struct stack *s, unsigned budget);
bool tw_deadline(const struct stack *s, uint32_t *at_ms);
