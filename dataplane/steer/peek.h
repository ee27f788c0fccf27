/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

/*
 * Finds whose a frame is without judging it: the flow of a TCP packet over IPv4 or IPv6 (one VLAN
 * tag, IP options and extension headers passed over), or the flow that an ICMP error quotes. Of
 * a fragment of anything it is the two addresses with ports 0: the same for all fragments of a datagram.
 * len bytes at frame may be read, of whole >= len in the frame. False for all else: other protocols, and
 * whatever is cut short or contradicts itself; net_input says what is wrong with it. flow->iface is 0.
 */
bool peek_flow(const uint8_t *frame, unsigned len, unsigned whole, struct flow *flow);
