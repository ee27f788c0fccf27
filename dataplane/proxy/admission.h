/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

/*
 * Who may begin a TLS handshake on one worker: rates and numbers at once, of a listener and of a single source. All of
 * it is decided before a handshake costs anything. Sources are remembered in a table of fixed
 * size under a keyed hash: an attacker can neither make it grow nor choose whom he collides with; a source that finds
 * no place in it goes unlimited, and is counted.
 */
struct admission;

/* What one worker lets in. 0: no limit. */
struct admission_limits {
	uint32_t per_second; /* a second's worth may come at once */
	uint32_t at_once;    /* from accepted until the handshake is over */
	/* Beside them, for reserved sources alone, who may use the others' as well. */
	uint32_t reserved_per_second, reserved_at_once;
	uint32_t source_per_second, source_at_once;
};

/*
 * What worker of n_workers lets in, where all is what they let in together, its reserved_... 0: of its part of the first two
 * limits share percent, rounded down but at least 1, are kept for reserved sources. Limits are not below n_workers, and not below
 * twice that where share is not 0.
 */
struct admission_limits admission_part(
    const struct admission_limits *all, unsigned share, unsigned worker, unsigned n_workers);

/*
 * Places of a worker, for connections or for handshakes, a part of which is kept for reserved sources. These take from their
 * own part first, then from what is everybody's.
 */
struct admission_places {
	uint32_t everybodys, kept; /* as many as there are */
	uint32_t n_everybodys, n_kept;
};

/* share: percent that is kept; 0: none. May be called again: who has a place keeps it. */
void admission_places_split(struct admission_places *p, uint32_t n, unsigned share);

/* False: there is none. *is_kept says which part it is of, for giving it back. */
bool admission_places_take(struct admission_places *p, bool is_reserved, bool *is_kept);
void admission_places_give(struct admission_places *p, bool is_kept);

/* What a connection holds while its handshake is not over; all zero: nothing. */
struct admission_ticket {
	uint32_t source; /* index + 1, as gate */
	uint16_t gate;
	bool is_reserved : 1;
	bool is_apart : 1; /* counts for what reserved sources have for themselves */
	bool has_place : 1, place_is_kept : 1; /* of a worker's handshakes */
};

enum admission_verdict {
	ADMISSION_OK,
	ADMISSION_AT_ONCE, /* the listener has its number */
	ADMISSION_SOURCE,  /* the source has its number, or its rate */
};

#define ADMISSION_MAX_GATES 2048

/* secret: keys the table. NULL: no memory. The caller owns it. */
struct admission *admission_new(const uint8_t secret[16]);
void admission_free(struct admission *a); /* NULL is fine */

/*
 * The gate of the listener with that id, as long as it or a connection through it exists: to be looked up once for each
 * snapshot. guess is where it may be. 0: there are too many, it has no limits.
 */
uint32_t admission_gate(struct admission *a, uint32_t listener_id, uint32_t guess);

/* Forgets which listeners there are: before admission_gate is asked for those of a new snapshot. */
void admission_renew(struct admission *a);

/*
 * A connection from source begins. ADMISSION_OK: it holds *ticket until admission_leave. Sources count by address (IPv4)
 * or by /64 (IPv6), for each listener; NULL: a reserved one, which is not counted by itself.
 */
enum admission_verdict
admission_enter(struct admission *a, uint32_t gate, const struct admission_limits *limits,
    const struct ip_addr *source, uint64_t now_us, struct admission_ticket *ticket);

/* Its handshake is over, or it is; *ticket is empty afterwards. An empty one is fine. */
void admission_leave(struct admission *a, struct admission_ticket *ticket);

/* As many handshakes may be under way at once, share percent of them of reserved sources alone. At first: none. */
void admission_room(struct admission *a, uint32_t handshakes, unsigned share);

/* A place among them, held until admission_leave; false: there is none. */
bool admission_take_place(struct admission *a, struct admission_ticket *ticket);

/* Its ClientHello is there: whether the listener's rate allows a handshake now. */
bool admission_start(struct admission *a, const struct admission_ticket *ticket,
    const struct admission_limits *limits, uint64_t now_us);

/* Sources that found no place, ever. */
uint64_t admission_untracked(const struct admission *a);
