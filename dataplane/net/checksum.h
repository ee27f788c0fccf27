/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/net/pkt.h"

/*
 * Internet checksums (RFC 1071). Sums are kept in memory order, as one's complement
 * does not care, and wide: add up what belongs together, then fold once.
 */

/* Sum of len bytes (1 MB at most), as if they began at an even offset. */
uint64_t checksum_add(const void *data, size_t len);

/* The ways of which checksum_add chooses one by length and processor, for tests to go through. */
enum checksum_way {
	CHECKSUM_PLAIN,
	CHECKSUM_AVX2,
	CHECKSUM_VNNI, /* AVX-512 */
};
bool checksum_can(enum checksum_way way);
uint64_t checksum_add_by(enum checksum_way way, const void *data, size_t len);

/* Sum of len bytes of a chain from off on; off + len <= m->pkt_len. */
uint64_t checksum_chain(const struct rte_mbuf *m, uint32_t off, uint32_t len);

/* Adds two sums with the carry. */
static inline uint64_t checksum_plus(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < a);
}

/* Down to 16 bits; not complemented. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	uint32_t low = (uint32_t)sum, both = low + (uint32_t)(sum >> 32);

	both += both < low;
	both = (both & 0xffff) + (both >> 16);
	return (uint16_t)(both + (both >> 16));
}

/* Sum of an IPv4 header without options: 20 bytes. */
static inline uint64_t checksum_ip4(const void *header)
{
	uint32_t w[5];

	memcpy(w, header, sizeof(w));
	return (uint64_t)w[0] + w[1] + w[2] + w[3] + w[4];
}

/* Sum of the two addresses of a pseudo header; both of one family. */
static inline uint64_t checksum_addrs(const struct ip_addr *src, const struct ip_addr *dst)
{
	if (ip_addr_is_v4(src))
		return (uint64_t)src->w[3] + dst->w[3];
	return checksum_plus(
	    checksum_plus(src->q[0], src->q[1]), checksum_plus(dst->q[0], dst->q[1]));
}

/* Sum of the rest of a pseudo header (RFC 9293 3.1, RFC 8200 8.1). */
static inline uint64_t checksum_proto(uint8_t proto, uint32_t len)
{
	return rte_cpu_to_be_16((uint16_t)(len & 0xffff)) +
	    rte_cpu_to_be_16((uint16_t)(len >> 16)) + rte_cpu_to_be_16(proto);
}
