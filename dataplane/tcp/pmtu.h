/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/tcp/conn.h"

/*
 * A router says that a segment of c, which was really sent, is too big for a link of mtu bytes (0: it
 * does not say; RFC 1191 7.1's plateaus are gone through then). Remembers the path MTU, lowers
 * the MSS and sends again what was too big, without taking it for congestion (RFC 1191 6.5).
 */
void pmtu_too_big(struct tcp_conn *c, uint32_t mtu);
