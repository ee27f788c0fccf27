/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Cuts IP packets up, as routers in front of narrow links do, and as attackers do. */
#define CUT_PIECES 32
#define CUT_FRAME  1600

struct cut {
	unsigned n;
	uint32_t len[CUT_PIECES];
	uint8_t bytes[CUT_PIECES][CUT_FRAME];
};

/*
 * Puts fragments of the IPv4 or IPv6 packet in an Ethernet frame into c: size payload bytes each (a multiple of 8), with
 * this identification, whatever DF says. clash: the first one comes twice, the second time eight bytes longer, which
 * makes the whole packet unacceptable (RFC 5722). False: it is no longer than size, in pieces already, or not IP.
 */
bool cut_frame(
    struct cut *c, const uint8_t *frame, uint32_t len, uint32_t size, uint32_t id, bool clash);
