/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/dst.h"

/*
 * A router says that a segment of c, which was really sent, is too big for a link of mtu bytes (0: it
 * does not say; RFC 1191 7.1's plateaus are gone through then). Remembers the path MTU, lowers
 * the MSS and sends again what was too big, without taking it for congestion (RFC 1191 6.5).
 */
void pmtu_too_big(struct tcp_conn *c, uint32_t mtu);

/*
 * The retransmission timer has expired: when full segments get no answer time after time, though no
 * router complains, they may be too big for one that keeps silent (RFC 4821 7.7, RFC 2923
 * 2.1). This connection goes on with smaller ones.
 */
void pmtu_black_hole(struct tcp_conn *c);

/*
 * For a connection with ext->mss_limit and something unsent: when it is time, makes the first unsent segment a
 * larger one, if enough follows it that its loss would be noticed. A minute after the hole was suspected the
 * search goes upwards step by step (RFC 4821 7.2); after a step that fails it rests for ten minutes.
 */
void pmtu_probe(struct tcp_conn *c, const struct net_dst *dst);

/* The probe was acknowledged: segments grow to its size. */
void pmtu_probe_arrived(struct tcp_conn *c);

/* It was not: len bytes are lost, and cwnd stays what it is. */
void pmtu_probe_lost(struct tcp_conn *c, uint32_t len);
