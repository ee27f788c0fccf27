/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/siphash.h"
#include "dataplane/net/pkt.h"

/*
 * SYN cookies (RFC 4987 3.6): what a SYN said, kept in the SYN-ACK's sequence number (MSS) and
 * timestamp (window scale, SACK, ECN) and authenticated by a keyed hash. The key changes every
 * 64 s and the one before is still good, so a cookie lives between 64 and 128 s; it is made of
 * the secret and the time only, so any worker understands the cookies of all.
 */
struct cookie {
	uint16_t mss;
	uint8_t wscale;     /* COOKIE_NO_WSCALE: was not offered */
	bool sack, ecn, ts; /* without ts, the other three cannot be kept */
};

#define COOKIE_NO_WSCALE 15
#define COOKIE_TS_BITS   6

/*
 * The ISN for a SYN-ACK to a SYN with sequence number irs; in->mss is rounded down to one
 * of eight values, and in is changed to what the cookie can keep.
 */
uint32_t cookie_make(const struct siphash_key *key, const struct flow *flow, uint32_t irs,
    struct cookie *in, uint64_t now_us);

/* Our timestamp for that SYN-ACK: at most ts, and never more than 127 behind it. */
uint32_t cookie_ts(const struct cookie *in, uint32_t ts);

/*
 * Judges the third packet of a handshake: isn is its ACK - 1, irs its SEQ - 1, tsecr the timestamp it
 * echoes with ts set. True when this was a cookie of ours that is not too old; then out is what
 * it kept.
 */
bool cookie_check(const struct siphash_key *key, const struct flow *flow, uint32_t irs,
    uint32_t isn, bool ts, uint32_t tsecr, uint64_t now_us, struct cookie *out);
