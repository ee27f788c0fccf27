/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* TCP options: RFC 9293 3.1, RFC 2018 (SACK), RFC 7323 (window scale, timestamps), RFC 5482. */

#define OPT_MAX_LEN    40
#define OPT_MAX_SACK   4
#define OPT_MAX_WSCALE 14 /* RFC 7323 2.3: larger values are taken as 14 */
#define OPT_TS_LEN     12 /* with the two NOPs that align it */

enum opt_has {
	OPT_MSS = 1 << 0,
	OPT_WSCALE = 1 << 1,
	OPT_SACK_PERMITTED = 1 << 2,
	OPT_TS = 1 << 3,
	OPT_SACK = 1 << 4,
	OPT_BROKEN = 1 << 5, /* an illegal length: what follows it was not looked at (MUST-7) */
};

struct opt_block {
	uint32_t start, end; /* [start, end) */
};

struct opts {
	uint8_t has; /* enum opt_has */
	uint8_t wscale;
	uint8_t n_sack;
	uint16_t mss;
	uint32_t tsval, tsecr;
	struct opt_block sack[OPT_MAX_SACK];
};

/*
 * Reads len (<= 40) option bytes at any alignment (MUST-64) into o. Unknown options are
 * skipped (MUST-6), MSS, window scale and SACK-permitted are only taken when syn is set
 * (MUST-65, RFC 7323 2.2). Never fails: an illegal length ends the reading (MUST-7) and sets
 * OPT_BROKEN. The first of several equal options counts.
 */
void opt_parse(struct opts *o, const uint8_t *p, unsigned len, bool syn);

/*
 * Writes what o->has asks for to out (room for 40 bytes), in network order, padded with NOP
 * in front and zeros behind (MUST-69) to a multiple of four. SACK blocks that have no room
 * are left out. Returns the bytes written.
 */
unsigned opt_build(uint8_t out[OPT_MAX_LEN], const struct opts *o);
