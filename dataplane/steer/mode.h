/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/steer/toeplitz.h"

struct err;

/* How packets come to the worker that owns their flow (tcp.md 2). */
enum steer_mode {
	STEER_ALONE, /* one worker, all is its own */
	STEER_HASH, /* owner by the devices' own hash and table: packets arrive where they belong */
	STEER_FLOW, /* owner by bits of the ports, which the devices have rules for: the same */
	STEER_RING, /* owner by software: packets arrive anywhere and are handed over */
	STEER_N_MODES
};

const char *steer_mode_name(enum steer_mode mode);

#define STEER_TABLE_MAX 2048

/* How a device spreads flows: queue = worker = table[hash % table_size]. */
struct steer_rss {
	uint8_t key[TOEPLITZ_KEY];
	unsigned table_size; /* a power of 2 */
	uint16_t table[STEER_TABLE_MAX];
};

/*
 * Owners by some bits of a TCP packet's two ports: what masked rules of devices can say. The lowest bit is not
 * among them: Linux gives out even source ports before odd ones.
 */
#define STEER_BITS_SHIFT 1
#define STEER_BITS_MAX   5

struct steer_bits {
	unsigned n;
	uint16_t table[1 << 2 * STEER_BITS_MAX]; /* [remote bits << n | local bits] */
};

/*
 * Bits for so many workers, such that connections to one port of ours spread over all of them, and
 * those from us to one port, too: within an eighth. False when that would take more than STEER_BITS_MAX bits.
 */
bool steer_bits_make(struct steer_bits *b, unsigned n_workers);

/* What a port says of itself, read back from its device. */
struct steer_offer {
	const char *port;
	const struct steer_rss *rss; /* NULL: it does not say, or has no RSS over our queues */
	bool hashes_tcp;             /* by the 4-tuple, over IPv4 and over IPv6 */
};

/*
 * The rss that all n ports share: a connection's packets may come in by any of them, and its owner must be
 * the same. NULL when HASH is not to be had for n_workers, with the reason in why.
 */
const struct steer_rss *
steer_agree(const struct steer_offer offers[], unsigned n, unsigned n_workers, struct err *why);
