/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

enum peek {
	PEEK_NONE,
	PEEK_FLOW, /* what no NIC can be expected to see: quoted, a fragment, behind options or extensions */
	PEEK_PLAIN, /* a TCP packet right behind its IP header, which a NIC hashes by its 4-tuple */
};

/*
 * Finds whose a frame is without judging it: the flow of a TCP packet over IPv4 or IPv6 (one VLAN
 * tag, IP options and extension headers passed over), or the flow that an ICMP error quotes. Of
 * a fragment of anything it is the two addresses with ports 0: the same for all fragments of a datagram.
 * len bytes at frame may be read, of whole >= len in the frame. PEEK_NONE for all else: other protocols, and
 * whatever is cut short or contradicts itself; net_input says what is wrong with it. flow->iface is 0.
 */
enum peek peek_flow(const uint8_t *frame, unsigned len, unsigned whole, struct flow *flow);
