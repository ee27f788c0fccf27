/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

/*
 * One TCP segment as the tests see it, built and parsed by code that shares nothing
 * with the stack under test: a mistake in dataplane/ must not cancel out here.
 */

enum {
	TH_FIN = 0x01,
	TH_SYN = 0x02,
	TH_RST = 0x04,
	TH_PSH = 0x08,
	TH_ACK = 0x10,
	TH_URG = 0x20,
	TH_ECE = 0x40,
	TH_CWR = 0x80,
};

#define PACKET_MAX_FRAME   66000u
#define PACKET_MAX_OPTIONS 40u
#define PACKET_MAX_SACKS   4u

struct packet {
	struct ip_addr src, dst;
	uint32_t seq, ack; /* absolute */
	uint32_t len;      /* payload bytes */
	uint16_t sport, dport;
	uint16_t window, urgent;
	uint8_t flags, ecn, ttl;
	uint8_t options_len; /* multiple of 4 */
	uint8_t options[PACKET_MAX_OPTIONS];
	const uint8_t *payload; /* borrowed */

	/* Deliberate damage, for building only. */
	uint8_t data_offset; /* in words, instead of the right one; 0: right */
	bool bad_checksum;
};

/* The options of a segment, decoded by the book. */
struct packet_options {
	bool has_mss, has_wscale, sack_ok, has_ts;
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val, ts_ecr;
	unsigned n_sacks;
	uint32_t sack[PACKET_MAX_SACKS][2]; /* absolute left, right */
};

/* Space that a segment takes in sequence numbers: payload, SYN and FIN. */
static inline uint32_t packet_seq_len(const struct packet *p)
{
	return p->len + ((p->flags & TH_SYN) != 0) + ((p->flags & TH_FIN) != 0);
}

/*
 * Writes an Ethernet frame with right lengths and checksums (but for the damage asked for) to
 * frame, which has room for PACKET_MAX_FRAME bytes. Short frames are padded to 60 bytes with
 * rubbish, as a switch may do. Returns the frame's length.
 */
size_t packet_build(
    const struct packet *p, const uint8_t src_mac[6], const uint8_t dst_mac[6], uint8_t *frame);

/*
 * Reads a TCP frame back, strictly: lengths, checksums, reserved bits, DF. NULL when all is
 * right, else what is wrong. p->payload points into frame.
 */
const char *packet_parse(const uint8_t *frame, size_t len, struct packet *p);

/* Decodes the options strictly (MUST-69 too: zero padding); NULL or what is wrong. */
const char *packet_options_parse(const struct packet *p, struct packet_options *o);

/*
 * One readable line, packetdrill's notation, into text. seq_base and ack_base are what the
 * sequence and acknowledgment numbers are printed relative to.
 */
void packet_print(
    const struct packet *p, uint32_t seq_base, uint32_t ack_base, char *text, size_t room);

/* Sum of 16-bit words in network order, not yet folded; for the ICMP builders in tests. */
uint32_t packet_sum(const void *data, size_t len, uint32_t sum);
uint16_t packet_sum_fold(uint32_t sum);

/* Sum of the pseudo header of protocol proto. */
uint32_t packet_pseudo_sum(
    const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto, uint32_t len);

/* Writes Ethernet and IP headers for l4_len bytes of proto; returns where these start. */
size_t packet_ip_build(uint8_t *frame, const uint8_t src_mac[6], const uint8_t dst_mac[6],
    const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto, uint8_t ttl, uint8_t ecn,
    size_t l4_len);
