/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/steer/peek.h"

#include <string.h>

#define ETH_LEN        14
#define VLAN_LEN       4
#define ETHERTYPE_IP4  0x0800
#define ETHERTYPE_IP6  0x86dd
#define ETHERTYPE_VLAN 0x8100

#define IP4_LEN            20
#define IP4_FRAGMENT_MASK  0x3fff /* more fragments, or an offset */
#define IP6_LEN            40
#define IP6_MAX_EXTENSIONS 8
#define IP6_FRAGMENT_MASK  0xfff9

#define PROTO_HOP_BY_HOP  0
#define PROTO_ICMP        1
#define PROTO_TCP         6
#define PROTO_ROUTING     43
#define PROTO_FRAGMENT    44
#define PROTO_ICMP6       58
#define PROTO_DESTINATION 60

#define ICMP_LEN       8
#define TCP_LEN        20
#define QUOTED_TCP_LEN 8 /* all that RFC 792 promises: ports and sequence number */

/*
 * Bytes not yet looked at, and how many more are out of reach behind them. quoted: the packet is one of ours that came back in an ICMP error, so
 * its source is our side, it may be cut off, and it must not hold an ICMP error itself.
 */
struct view {
	const uint8_t *p;
	unsigned len, more;
	bool quoted;
};

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool skip(struct view *v, unsigned n)
{
	if (n > v->len)
		return false;
	v->p += n;
	v->len -= n;
	return true;
}

static struct ip_addr mapped(const uint8_t ip4[4])
{
	struct ip_addr a = { .b = { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, ip4, 4);
	return a;
}

static struct ip_addr addr6(const uint8_t ip6[16])
{
	struct ip_addr a;

	memcpy(a.b, ip6, 16);
	return a;
}

static enum peek peek_tcp(
    const struct view *v, bool is_plain, struct ip_addr src, struct ip_addr dst, struct flow *flow)
{
	if (v->len < (v->quoted ? QUOTED_TCP_LEN : TCP_LEN))
		return PEEK_NONE;
	*flow = (struct flow){
		.remote = src,
		.local = dst,
		.remote_port = read16(v->p),
		.local_port = read16(v->p + 2),
	};
	if (v->quoted)
		*flow = (struct flow){
			.remote = dst,
			.local = src,
			.remote_port = flow->local_port,
			.local_port = flow->remote_port,
		};
	return v->quoted || !is_plain ? PEEK_FLOW : PEEK_PLAIN;
}

/* What the next fragment shares with this one. Those we sent ourselves do not exist: DF. */
static enum peek
peek_fragment(const struct view *v, struct ip_addr src, struct ip_addr dst, struct flow *flow)
{
	if (v->quoted || v->len + v->more == 0)
		return PEEK_NONE;
	*flow = (struct flow){ .remote = src, .local = dst };
	return PEEK_FLOW;
}

static enum peek peek_ip4(struct view v, struct flow *flow);
static enum peek peek_ip6(struct view v, struct flow *flow);

/* Destination unreachable, source quench, time exceeded, parameter problem (RFC 792). */
static enum peek peek_icmp(struct view v, struct flow *flow)
{
	uint8_t type = v.len > 0 ? v.p[0] : 0;

	if (v.quoted || (type != 3 && type != 4 && type != 11 && type != 12) || !skip(&v, ICMP_LEN))
		return PEEK_NONE;
	v.quoted = true;
	return peek_ip4(v, flow);
}

/* Errors have types below 128 (RFC 4443 2.1); 1 to 4 are defined. */
static enum peek peek_icmp6(struct view v, struct flow *flow)
{
	uint8_t type = v.len > 0 ? v.p[0] : 0;

	if (v.quoted || type < 1 || type > 4 || !skip(&v, ICMP_LEN))
		return PEEK_NONE;
	v.quoted = true;
	return peek_ip6(v, flow);
}

/* Cuts v to the packet's own length; a quotation may have less of it. */
static bool cut(struct view *v, unsigned packet_len)
{
	if (packet_len > v->len + v->more)
		return v->quoted;
	if (packet_len < v->len)
		v->len = packet_len;
	v->more = packet_len - v->len;
	return true;
}

static enum peek peek_ip4(struct view v, struct flow *flow)
{
	const uint8_t *ip = v.p;
	unsigned header_len;

	if (v.len < IP4_LEN || ip[0] >> 4 != 4)
		return PEEK_NONE;
	header_len = (ip[0] & 15u) * 4;
	if (header_len < IP4_LEN || !cut(&v, read16(ip + 2)) || !skip(&v, header_len))
		return PEEK_NONE;
	if (read16(ip + 6) & IP4_FRAGMENT_MASK)
		return peek_fragment(&v, mapped(ip + 12), mapped(ip + 16), flow);
	if (ip[9] == PROTO_TCP)
		return peek_tcp(&v, header_len == IP4_LEN, mapped(ip + 12), mapped(ip + 16), flow);
	return ip[9] == PROTO_ICMP ? peek_icmp(v, flow) : PEEK_NONE;
}

static enum peek peek_ip6(struct view v, struct flow *flow)
{
	const uint8_t *ip = v.p;
	unsigned header_len;
	uint8_t next;

	if (v.len < IP6_LEN || ip[0] >> 4 != 6)
		return PEEK_NONE;
	if (!cut(&v, IP6_LEN + read16(ip + 4)) || !skip(&v, IP6_LEN))
		return PEEK_NONE;
	next = ip[6];
	for (unsigned i = 0; i < IP6_MAX_EXTENSIONS; i++) {
		if (next == PROTO_TCP)
			return peek_tcp(&v, i == 0, addr6(ip + 8), addr6(ip + 24), flow);
		if (next == PROTO_ICMP6)
			return peek_icmp6(v, flow);
		if (next != PROTO_HOP_BY_HOP && next != PROTO_ROUTING &&
		    next != PROTO_DESTINATION && next != PROTO_FRAGMENT)
			return PEEK_NONE;
		if (v.len < 8)
			return PEEK_NONE;
		if (next == PROTO_FRAGMENT && read16(v.p + 2) & IP6_FRAGMENT_MASK)
			return skip(&v, 8) ? peek_fragment(&v, addr6(ip + 8), addr6(ip + 24), flow)
					   : PEEK_NONE;
		/* An atomic fragment is whole (RFC 6946); its header has no length. */
		header_len = next == PROTO_FRAGMENT ? 8 : 8 * (v.p[1] + 1u);
		next = v.p[0];
		if (!skip(&v, header_len))
			return PEEK_NONE;
	}
	return PEEK_NONE;
}

enum peek peek_flow(const uint8_t *frame, unsigned len, unsigned whole, struct flow *flow)
{
	struct view v = { .p = frame, .len = len, .more = whole - len };
	uint16_t type;

	if (len < ETH_LEN)
		return PEEK_NONE;
	type = read16(frame + 12);
	skip(&v, ETH_LEN);
	if (type == ETHERTYPE_VLAN) {
		if (v.len < VLAN_LEN)
			return PEEK_NONE;
		type = read16(v.p + 2);
		skip(&v, VLAN_LEN);
	}
	if (type == ETHERTYPE_IP4)
		return peek_ip4(v, flow);
	return type == ETHERTYPE_IP6 ? peek_ip6(v, flow) : PEEK_NONE;
}
