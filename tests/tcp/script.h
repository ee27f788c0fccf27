/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tests/tcp/packet.h"

/*
 * One line of a script, close to packetdrill:
 *
 *   [ect0] S. 0:0(0) ack 1 win 65535 urg 3 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>
 *
 * Flags are F S R P . U E W, or - for none; . is ACK. Sequence numbers are relative: seq and the
 * right edges of what one sends to that side's ISN, ack and SACK blocks to the other side's ISN.
 * For what is expected:  * in place of the numbers accepts any, "ack *" too; a field left
 * out is not looked at, and neither are nop, eol and the P flag. Options when given
 * must be these in any order and no others; <> means none.
 *   TS             sending: our clock and the last value seen; expecting: present
 *   TS val A ecr B sending: these; expecting: ecr B, val is not looked at
 *   raw 6300       sending: these bytes
 * For what is sent also:  ttl N, doff N (in words), badsum.
 */
#define SCRIPT_MAX_OPTIONS 40

enum script_option_kind {
	OPT_MSS,
	OPT_WSCALE,
	OPT_SACKOK,
	OPT_SACK,
	OPT_TS,
	OPT_NOP,
	OPT_EOL,
	OPT_RAW
};

struct script_option {
	enum script_option_kind kind;
	uint32_t value; /* MSS, shift, TS val, raw byte */
	uint32_t ecr;
	bool has_value;
	unsigned n_sacks;
	uint32_t sack[PACKET_MAX_SACKS][2];
};

struct script_line {
	uint8_t flags;
	bool any_seq, has_ack, any_ack, has_win, has_urg, has_ecn, has_options, bad_checksum;
	uint32_t seq, len, ack;
	uint16_t win, urg;
	uint8_t ecn, ttl, data_offset;
	unsigned n_options;
	struct script_option options[SCRIPT_MAX_OPTIONS];
};

/* What relative numbers are relative to, and the clock of "TS". */
struct script_base {
	uint32_t seq, ack; /* of the sender of the line; SACK blocks belong to ack */
	uint32_t ts_val, ts_ecr;
};

/* Reads a line; NULL, or what is wrong with it (a bug in the test). */
const char *script_parse(const char *text, struct script_line *line);

/* Makes a packet to send of it; addresses, ports and payload are the caller's business. */
const char *
script_build(const struct script_line *line, const struct script_base *base, struct packet *p);

/* NULL when p is what the line expects, else the name of the field that differs. */
const char *script_match(
    const struct script_line *line, const struct script_base *base, const struct packet *p);
