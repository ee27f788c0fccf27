/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <string.h>

#include "tests/tcp/peer_inside.h"

static size_t arp_answer(const uint8_t *frame, size_t len, const uint8_t mac[6], uint8_t *reply)
{
	static const uint8_t nobody[4];

	if (len < 42 || frame[21] != 1)
		return 0;
	/* Probes and announcements (RFC 5227) are no questions to us. */
	if (memcmp(frame + 28, nobody, 4) == 0 || memcmp(frame + 28, frame + 38, 4) == 0)
		return 0;
	memset(reply, 0, 60);
	memcpy(reply, frame + 6, 6);
	memcpy(reply + 6, mac, 6);
	memcpy(reply + 12, frame + 12, 10);
	reply[21] = 2;
	memcpy(reply + 22, mac, 6);
	memcpy(reply + 28, frame + 38, 4);
	memcpy(reply + 32, frame + 22, 10);
	return 60;
}

static size_t nd_answer(const uint8_t *frame, size_t len, const uint8_t mac[6], uint8_t *reply)
{
	static const struct ip_addr unspecified;
	const uint8_t *ip = frame + 14, *icmp = ip + 40;
	struct ip_addr to, target;
	uint16_t sum;
	size_t off;

	if (len < 14 + 40 + 24 || ip[6] != IPPROTO_ICMPV6 || icmp[0] != 135)
		return 0;
	memcpy(to.b, ip + 8, 16);
	memcpy(target.b, icmp + 8, 16);
	if (ip_addr_eq(&to, &unspecified))
		return 0;
	off = packet_ip_build(reply, mac, frame + 6, &target, &to, IPPROTO_ICMPV6, 255, 0, 32);
	memset(reply + off, 0, 32);
	reply[off] = 136;
	reply[off + 4] = 0x60;
	memcpy(reply + off + 8, target.b, 16);
	reply[off + 24] = 2;
	reply[off + 25] = 1;
	memcpy(reply + off + 26, mac, 6);
	sum = packet_sum_fold(
	    packet_sum(reply + off, 32, packet_pseudo_sum(&target, &to, IPPROTO_ICMPV6, 32)));
	reply[off + 2] = (uint8_t)(sum >> 8);
	reply[off + 3] = (uint8_t)sum;
	return off + 32;
}

size_t neighbour_answer(const uint8_t *frame, size_t len, const uint8_t mac[6], uint8_t *reply)
{
	if (len > 14 && frame[12] == 0x08 && frame[13] == 0x06)
		return arp_answer(frame, len, mac, reply);
	if (len > 14 && frame[12] == 0x86 && frame[13] == 0xdd)
		return nd_answer(frame, len, mac, reply);
	return 0;
}

bool neighbour_is_one(const uint8_t *frame, size_t len)
{
	if (len < 14 + 20)
		return false;
	if (frame[12] == 0x08 && frame[13] == 0x06)
		return true;
	/* MLD reports carry a hop-by-hop option (RFC 3810). */
	return frame[12] == 0x86 && frame[13] == 0xdd &&
	    (frame[20] == IPPROTO_HOPOPTS ||
		(frame[20] == IPPROTO_ICMPV6 && len > 54 && frame[54] >= 133 && frame[54] <= 136));
}
