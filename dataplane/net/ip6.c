/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "dataplane/net/icmp.h"
#include "dataplane/net/internal.h"

#define MAX_HEADERS 6 /* extension headers, each kind once; destination options twice */
#define MAX_OPTIONS 8 /* in one header (RFC 8504 5.3) */

/* Where the walk along the extension headers stands. */
struct walk {
	uint8_t next;
	uint16_t next_field; /* where next was read, for parameter problems */
	uint16_t off;        /* of the header named by next */
	unsigned n_headers;
};

static uint32_t ip6_end(const struct in *in)
{
	return in->m->pkt_len;
}

/* Tells the sender which byte we did not understand (RFC 4443 3.4), and drops. */
static enum net_verdict ip6_problem(struct in *in, uint8_t code, uint32_t at, enum stat why)
{
	icmp_error(in, ICMP6_PARAMETER, code, at - in->l3_off);
	return in_drop(in, why);
}

/* ff02::1 or the solicited-node group of one of this iface's addresses (RFC 4291 2.7.1, 2.8). */
static bool ip6_group_is_ours(const struct in *in, const struct ip_addr *dst)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
	static const uint8_t solicited[13] = { 0xff, 2, [11] = 1, [12] = 0xff };
	const struct net *n = in->n;

	if (memcmp(dst->b, all_nodes, 16) == 0)
		return true;
	if (memcmp(dst->b, solicited, 13) != 0)
		return false;
	for (unsigned i = 0; i < n->n_locals; i++)
		if (n->locals[i].iface == in->m->port && !ip_addr_is_v4(&n->locals[i].ip) &&
		    memcmp(n->locals[i].ip.b + 13, dst->b + 13, 3) == 0)
			return true;
	return false;
}

static bool ip6_is_multicast(const struct ip_addr *a)
{
	return a->b[0] == 0xff;
}

/*
 * ::/64 holds the unspecified address, loopback and the IPv4 forms; a v4-mapped one would be
 * taken for an IPv4 address further up. None of them may be on the wire (RFC 4291
 * 2.5), but for :: as the source of duplicate address detection, which nd.c judges.
 */
static enum stat ip6_addresses_check(struct in *in)
{
	const struct ip_addr *src = &in->pkt->src, *dst = &in->pkt->dst;

	in->is_multicast = ip6_is_multicast(dst);
	if (in->is_multicast) {
		if (!ip6_group_is_ours(in, dst))
			return STAT_DROP_IP_NOT_OURS;
	} else if (dst->q[0] == 0 || in->is_l2_multicast ||
	    local_find(in->n, dst, in->m->port) == NULL) {
		return STAT_DROP_IP_NOT_OURS;
	}
	in->is_unspecified = src->q[0] == 0 && src->q[1] == 0;
	if (in->is_unspecified)
		return in->is_multicast ? STAT_N : STAT_DROP_IP_SOURCE;
	if (src->q[0] == 0 || ip6_is_multicast(src) || net_is_local(in->n, src, NULL))
		return STAT_DROP_IP_SOURCE;
	return STAT_N;
}

/*
 * Walks the options of a hop-by-hop or destination options header (RFC 8200 4.2); what to do with
 * an unknown one is in its type's two high bits. True to go on; else in->m was taken.
 */
static bool ip6_options_walk(struct in *in, uint32_t off, uint32_t len)
{
	const uint8_t *p = in_at(in, off);
	uint32_t at = 2, n_options = 0;

	while (at < len) {
		if (p[at] == 0) { /* Pad1 */
			at++;
			continue;
		}
		if (at + 2 > len || at + 2 + p[at + 1] > len || ++n_options > MAX_OPTIONS)
			break;
		/* PadN, and those that ask to be skipped; a jumbogram (0xc2) is not. */
		if (p[at] >> 6 == 0) {
			at += 2 + p[at + 1];
			continue;
		}
		if (p[at] >> 6 == 2 || (p[at] >> 6 == 3 && !in->is_multicast))
			icmp_error(in, ICMP6_PARAMETER, ICMP6_BAD_OPTION, off + at - in->l3_off);
		break;
	}
	if (at >= len)
		return true;
	in_drop(in, STAT_DROP_IP_OPTION);
	return false;
}

/*
 * Whether a first fragment, len bytes from off on, holds the whole header chain with the upper
 * layer's header (RFC 7112); else later fragments could hide what the packet is.
 */
static bool ip6_chain_is_whole(const struct in *in, uint8_t next, uint32_t off, uint32_t len)
{
	uint32_t avail = RTE_MIN(len, in->m->data_len - off), ext;
	const uint8_t *p;

	for (unsigned i = 0; i < MAX_HEADERS; i++) {
		switch (next) {
		case PROTO_TCP:
			return avail >= sizeof(struct wire_tcp);
		case PROTO_NONE:
			return true;
		case PROTO_HOPOPTS:
		case PROTO_ROUTING:
		case PROTO_DSTOPTS:
			break;
		default:
			return avail >= 8;
		}
		if (avail < 8)
			return false;
		p = in_at(in, off);
		ext = (p[1] + 1u) * 8;
		if (ext > avail)
			return false;
		next = p[0];
		off += ext;
		avail -= ext;
	}
	return false;
}

/* The fragment header at w->off (RFC 8200 4.5). True to go on with w behind it. */
static bool ip6_fragment(struct in *in, struct walk *w)
{
	const struct wire_ip6_frag *h = in_at(in, w->off);
	uint16_t field = rte_be_to_cpu_16(h->off_more);
	uint32_t data_off = w->off + sizeof(*h), len = ip6_end(in) - data_off;
	uint32_t off = field & 0xfff8u;
	bool more = field & 1;

	if (in->has_fragment_header) {
		in_drop(in, STAT_DROP_IP_FRAGMENT);
		return false;
	}
	in->has_fragment_header = true;
	w->next_field = w->off;
	/* An atomic fragment is whole by itself, whatever else is under way (RFC 6946). */
	if (off != 0 || more) {
		if (more && len % 8 != 0) {
			ip6_problem(in, ICMP6_BAD_FIELD, in->l3_off + 4u, STAT_DROP_IP_FRAGMENT);
			return false;
		}
		if (off + len > UINT16_MAX) {
			ip6_problem(in, ICMP6_BAD_FIELD, w->off + 2u, STAT_DROP_IP_FRAGMENT);
			return false;
		}
		if (off == 0 && !ip6_chain_is_whole(in, h->next, data_off, len)) {
			ip6_problem(in, ICMP6_BAD_CHAIN, in->l3_off, STAT_DROP_IP_FRAGMENT);
			return false;
		}
		in->proto = 0;
		if (!frag_input(in, h->id, off, more, (uint16_t)data_off, (uint16_t)len))
			return false;
		/* Only the first fragment's next header counts, and its headers are kept. */
		data_off = in->l4_off;
		h = in_at(in, data_off - (uint32_t)sizeof(*h));
	}
	w->next = h->next;
	w->off = (uint16_t)data_off;
	return true;
}

/* One extension header that is not a fragment header. True to go on with w behind it. */
static bool ip6_extension(struct in *in, struct walk *w)
{
	const uint8_t *p = in_at(in, w->off);
	uint32_t len = (p[1] + 1u) * 8;
	uint32_t walked = w->off - in->l3_off - (uint32_t)sizeof(struct wire_ip6);

	if (walked + len > IP6_MAX_EXTENSIONS || w->off + len > in->m->data_len) {
		in_drop(in, STAT_DROP_IP_OPTION);
		return false;
	}
	/* We forward nothing: a route through us ends here (RFC 8200 4.4, RFC 5095). */
	if (w->next == PROTO_ROUTING && p[3] != 0) {
		ip6_problem(in, ICMP6_BAD_FIELD, w->off + 2u, STAT_DROP_IP_OPTION);
		return false;
	}
	if (w->next != PROTO_ROUTING && !ip6_options_walk(in, w->off, len))
		return false;
	w->next_field = w->off;
	w->next = p[0];
	w->off += (uint16_t)len;
	return true;
}

static enum net_verdict ip6_deliver(struct in *in, const struct walk *w)
{
	in->proto = w->next;
	in->l4_off = w->off;
	in->l4_len = (uint16_t)(ip6_end(in) - w->off);
	if (in->is_unspecified && w->next != PROTO_ICMP6)
		return in_drop(in, STAT_DROP_IP_SOURCE);
	switch (w->next) {
	case PROTO_TCP:
		if (in->is_multicast)
			return in_drop(in, STAT_DROP_IP_NOT_OURS);
		return tcp_deliver(in);
	case PROTO_ICMP6:
		return icmp6_input(in);
	case PROTO_NONE:
		return in_drop(in, STAT_DROP_IP_PROTO);
	case PROTO_UDP:
		icmp_error(in, ICMP6_UNREACHABLE, ICMP6_PORT, 0);
		return in_drop(in, STAT_DROP_IP_PROTO);
	default:
		/* Hop-by-hop options not in the first place end here too (RFC 8200 4.1). */
		return ip6_problem(in, ICMP6_BAD_NEXT_HEADER, w->next_field, STAT_DROP_IP_PROTO);
	}
}

static enum net_verdict ip6_walk(struct in *in, struct walk *w)
{
	bool more;

	for (;; w->n_headers++) {
		switch (w->next) {
		case PROTO_HOPOPTS:
			if (w->n_headers > 0)
				return ip6_deliver(in, w);
			break;
		case PROTO_ROUTING:
		case PROTO_DSTOPTS:
		case PROTO_FRAGMENT:
			break;
		default:
			return ip6_deliver(in, w);
		}
		if (w->n_headers >= MAX_HEADERS || w->off + 8u > in->m->data_len)
			return in_drop(in, STAT_DROP_IP_OPTION);
		more = w->next == PROTO_FRAGMENT ? ip6_fragment(in, w) : ip6_extension(in, w);
		if (!more)
			return NET_TAKEN;
	}
}

enum net_verdict ip6_input(struct in *in)
{
	const struct wire_ip6 *ip = in_at(in, in->l3_off);
	struct walk w;
	uint32_t vtc_flow, end, data_off = in->l3_off + (uint32_t)sizeof(*ip);
	enum stat why;

	if (in->m->data_len < data_off)
		return in_drop(in, STAT_DROP_IP_BAD_HEADER);
	vtc_flow = rte_be_to_cpu_32(ip->vtc_flow);
	end = data_off + rte_be_to_cpu_16(ip->payload_len);
	if (vtc_flow >> 28 != 6 || end > in->m->pkt_len)
		return in_drop(in, STAT_DROP_IP_BAD_HEADER);
	in->pkt->src = wire_addr6(ip->src);
	in->pkt->dst = wire_addr6(ip->dst);
	why = ip6_addresses_check(in);
	if (unlikely(why != STAT_N))
		return in_drop(in, why);
	in->pkt->ecn = vtc_flow >> 20 & 3;
	in->pkt->ttl = ip->hop_limit;
	if (end < in->m->pkt_len)
		mbuf_cut(in->m, end);

	w = (struct walk){ .next = ip->next,
		.next_field = in->l3_off + (uint16_t)offsetof(struct wire_ip6, next),
		.off = (uint16_t)data_off };
	return ip6_walk(in, &w);
}
