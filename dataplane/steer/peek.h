/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

/*
 * Finds whose a frame is without judging it: the flow of a TCP packet over IPv4 or IPv6 (one VLAN
 * tag, IP options and extension headers passed over), or the flow that an ICMP error quotes. len
 * bytes at frame may be read. False for all else: other protocols, fragments, and whatever is cut
 * short or contradicts itself; net_input says what is wrong with it. flow->iface is 0.
 */
bool peek_flow(const uint8_t *frame, unsigned len, struct flow *flow);
