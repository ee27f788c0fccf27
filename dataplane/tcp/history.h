/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/tcp/reply.h"
#include "dataplane/tcp/seg.h"
#include "dataplane/tcp/stack.h"

/*
 * What last happened to each connection, for whoever has to find out why it stands where it stands: segments
 * both ways, timers, states. Only with stack_config.history; otherwise one test per segment. Printed as a
 * script by tcp_history (check.h).
 */
#define HISTORY_ENTRIES 64
#define HISTORY_SACKS   2

enum history_kind {
	HISTORY_IN,
	HISTORY_OUT,
	HISTORY_TIMER, /* value: enum conn_timer */
	HISTORY_STATE, /* value: enum tcp_state */
};

struct history_entry {
	uint64_t at_us;
	uint32_t seq, ack, len;
	uint32_t tsval, tsecr;
	struct opt_block sack[HISTORY_SACKS];
	uint16_t wnd, up;
	uint8_t kind; /* enum history_kind */
	uint8_t value;
	uint8_t flags; /* enum seg_flag */
	uint8_t has;   /* enum opt_has */
	uint8_t n_sack;
};

struct history {
	uint32_t n; /* ever; the last HISTORY_ENTRIES are kept */
	uint32_t iss, irs;
	struct history_entry entries[HISTORY_ENTRIES];
};

/* c begins, with its own ISN: forgets whoever had its place. Then the peer's ISN. */
void history_begin(const struct tcp_conn *c, uint32_t iss);
void history_peer(const struct tcp_conn *c, uint32_t irs);

void history_in(const struct tcp_conn *c, const struct seg *seg);
void history_out(const struct tcp_conn *c, const struct reply *r, uint32_t len);
void history_note(const struct tcp_conn *c, enum history_kind kind, uint8_t value);

static inline bool history_is_kept(const struct stack *s)
{
	return unlikely(s->histories != NULL);
}
