/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdarg.h>
#include <stdio.h>

#include "dataplane/tcp/tcp.h"
#include "tests/tcp/packet.h"

/*
 * The last things that happened to a stack under test: packets and calls, kept in
 * binary and printed as a script only when something went wrong.
 */
#define TRACE_ENTRIES 256u
#define TRACE_NOTE    72u

enum trace_kind {
	TRACE_SENT,
	TRACE_GOT,
	TRACE_LOST,
	TRACE_NOTED
};

struct trace_entry {
	enum trace_kind kind;
	char side; /* which stack of a pair; 0: the only one */
	uint64_t at_us;
	uint32_t seq_base, ack_base;
	union {
		struct packet packet;
		char note[TRACE_NOTE];
	};
};

struct trace {
	uint64_t start_us;
	unsigned n; /* ever */
	struct trace_entry entries[TRACE_ENTRIES];
};

/* kind: TRACE_SENT by the stack, TRACE_GOT by it, TRACE_LOST on the way. Payload is not kept. */
void trace_packet(struct trace *t, enum trace_kind kind, char side, uint64_t at_us,
    const struct packet *p, uint32_t seq_base, uint32_t ack_base);

__attribute__((format(printf, 4, 5))) void
trace_note(struct trace *t, char side, uint64_t at_us, const char *fmt, ...);

/* Prints what the stack itself remembers of its connections (stack_config.history); NULL is fine. */
void history_print(const struct stack *s);

/* Prints everything that is still there, oldest first. */
void trace_print(const struct trace *t, FILE *to);
