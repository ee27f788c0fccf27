/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* IPv4 addresses are held v4-mapped (::ffff:a.b.c.d) everywhere: one code path. */
struct ip_addr {
	union {
		uint8_t b[16];
		uint32_t w[4]; /* network order */
		uint64_t q[2]; /* network order */
	};
};

static inline bool ip_addr_is_v4(const struct ip_addr *a)
{
	return a->q[0] == 0 && a->w[2] == htonl(0xffff);
}

static inline bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}

/* A transport connection seen from us: local is ours, ports in host order. */
struct flow {
	struct ip_addr remote, local;
	uint16_t remote_port, local_port;
	uint16_t iface; /* index of the port it came in on, or goes out by */
};

/* What a received TCP packet is, once net_input has checked all below TCP. */
struct pkt {
	struct ip_addr src, dst;
	uint16_t iface;
	uint16_t l4_off; /* from the start of the mbuf's data */
	uint16_t l4_len; /* TCP header and payload; trailing Ethernet padding is cut off the mbuf */
	uint8_t ecn;     /* IP ECN bits, 0..3 (RFC 3168) */
	uint8_t ttl;
	bool l4_checked;     /* the TCP checksum was found right by the NIC or by net_input */
	bool is_reassembled; /* from fragments; the frame's headers say that it is whole */
};
