/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "dataplane/net/pkt.h"

/* Headers as they are on the wire; packed, because IP starts at byte 14 of a frame. */

struct wire_ip4 {
	uint8_t version_ihl;
	uint8_t tos;
	rte_be16_t total_len;
	rte_be16_t id;
	rte_be16_t frag;
	uint8_t ttl;
	uint8_t proto;
	uint16_t sum;
	rte_be32_t src, dst;
} __attribute__((packed));

#define IP4_DF       0x4000
#define IP4_MF       0x2000
#define IP4_OFF_MASK 0x1fff

struct wire_ip6 {
	rte_be32_t vtc_flow;
	rte_be16_t payload_len;
	uint8_t next;
	uint8_t hop_limit;
	uint8_t src[16], dst[16];
} __attribute__((packed));

struct wire_ip6_frag {
	uint8_t next;
	uint8_t reserved;
	rte_be16_t off_more; /* 13 bits offset, 2 reserved, M */
	rte_be32_t id;
} __attribute__((packed));

struct wire_arp {
	rte_be16_t hw_type, proto_type;
	uint8_t hw_len, proto_len;
	rte_be16_t op;
	uint8_t sender_mac[6];
	rte_be32_t sender_ip;
	uint8_t target_mac[6];
	rte_be32_t target_ip;
} __attribute__((packed));

/* ICMP and ICMPv6 begin alike; arg is id and sequence, an MTU, a pointer or flags. */
struct wire_icmp {
	uint8_t type, code;
	uint16_t sum;
	rte_be32_t arg;
} __attribute__((packed));

/* Neighbour solicitation and advertisement (RFC 4861 4.3, 4.4); options follow. */
struct wire_nd {
	struct wire_icmp icmp; /* arg of an advertisement: R, S and O flags */
	uint8_t target[16];
} __attribute__((packed));

struct wire_nd_mac {
	uint8_t type;
	uint8_t len8; /* in units of 8 bytes */
	uint8_t mac[6];
} __attribute__((packed));

struct wire_ports {
	rte_be16_t src, dst;
	rte_be32_t seq;
} __attribute__((packed));

/* RFC 9293 3.1. */
struct wire_tcp {
	rte_be16_t src, dst;
	rte_be32_t seq, ack;
	uint8_t off; /* high nibble: header length in words */
	uint8_t flags;
	rte_be16_t wnd;
	uint16_t sum;
	rte_be16_t urg;
} __attribute__((packed));

enum {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_ICMP6 = 58,
	PROTO_NONE = 59,
	PROTO_DSTOPTS = 60,
};

/* An IPv4 address on the wire as we keep it. */
static inline struct ip_addr wire_addr4(rte_be32_t a)
{
	return (struct ip_addr){ .w = { 0, 0, RTE_BE32(0xffff), a } };
}

/* An IPv6 address on the wire as we keep it. */
static inline struct ip_addr wire_addr6(const uint8_t a[16])
{
	struct ip_addr out;

	memcpy(&out, a, 16);
	return out;
}
