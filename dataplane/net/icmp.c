/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/net/icmp.h"

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/internal.h"

#define QUOTE4_MAX (576 - sizeof(struct wire_ip4) - sizeof(struct wire_icmp)) /* RFC 1812 4.3.2.3 */
#define QUOTE6_MAX (1280 - sizeof(struct wire_ip6) - sizeof(struct wire_icmp)) /* RFC 4443 2.4 c */

static enum net_verdict icmp_ignore(struct in *in)
{
	stats_inc(in->n->stats, STAT_ICMP_IGNORED);
	rte_pktmbuf_free(in->m);
	return NET_TAKEN;
}

static enum net_verdict icmp_bad(struct in *in)
{
	return in_drop(in, STAT_DROP_ICMP_BAD);
}

static uint64_t
pseudo_sum(bool v4, const struct ip_addr *src, const struct ip_addr *dst, uint32_t len)
{
	if (v4)
		return 0; /* ICMP for IPv4 has none */
	return checksum_plus(checksum_addrs(src, dst), checksum_proto(PROTO_ICMP6, len));
}

/* m: a message with its checksum field zero. Takes m. */
static void icmp_send(struct net *n, struct rte_mbuf *m, const struct ip_addr *local,
    const struct ip_addr *remote, uint16_t iface)
{
	struct wire_icmp *h = rte_pktmbuf_mtod(m, struct wire_icmp *);
	bool v4 = ip_addr_is_v4(local);
	uint64_t sum = pseudo_sum(v4, local, remote, m->pkt_len);

	sum = checksum_plus(sum, checksum_chain(m, 0, m->pkt_len));
	h->sum = (uint16_t)~checksum_fold(sum);
	ip_send(n, m, local, remote, iface, v4 ? PROTO_ICMP : PROTO_ICMP6);
}

/* --- echo --- */

/*
 * Answers with a copy: the frame's buffer may be shared. What does not fit into one packet is cut off
 * (RFC 1122 3.2.2.6, RFC 4443 4.2 allow it).
 */
static enum net_verdict echo_input(struct in *in, uint8_t reply)
{
	struct net *n = in->n;
	uint32_t room = in->iface->conf.mtu -
	    (uint32_t)(ip_addr_is_v4(&in->pkt->src) ? sizeof(struct wire_ip4)
						    : sizeof(struct wire_ip6));
	struct rte_mbuf *m;
	struct wire_icmp *h;

	if (in->is_multicast || in->is_unspecified)
		return icmp_ignore(in);
	if (!bucket_take(&n->echoes, in->now_us))
		return in_drop(in, STAT_ICMP_LIMITED);
	m = rte_pktmbuf_copy(in->m, n->pool, in->l4_off, RTE_MIN((uint32_t)in->l4_len, room));
	if (m == NULL)
		return in_drop(in, STAT_DROP_NO_MBUF);
	m->ol_flags = 0;
	h = rte_pktmbuf_mtod(m, struct wire_icmp *);
	h->type = reply;
	h->code = 0;
	h->sum = 0;
	icmp_send(n, m, &in->pkt->dst, &in->pkt->src, in->m->port);
	stats_inc(n->stats, STAT_ICMP_ECHO_ANSWERED);
	rte_pktmbuf_free(in->m);
	return NET_TAKEN;
}

/* --- errors we send --- */

/* An error must never be about an error (RFC 1122 3.2.2, RFC 4443 2.4 e). */
static bool is_about_icmp_error(const struct in *in)
{
	const uint8_t *ip = in_at(in, in->l3_off);
	uint32_t avail = in->m->data_len - in->l3_off, off;
	uint8_t next;

	if (ip_addr_is_v4(&in->pkt->src)) {
		off = (ip[0] & 15u) * 4;
		if (((const struct wire_ip4 *)(const void *)ip)->proto != PROTO_ICMP)
			return false;
		return off >= avail || (ip[off] != ICMP4_ECHO && ip[off] != ICMP4_ECHO_REPLY);
	}
	next = ((const struct wire_ip6 *)(const void *)ip)->next;
	off = sizeof(struct wire_ip6);
	while (off + 8 <= avail &&
	    (next == PROTO_HOPOPTS || next == PROTO_ROUTING || next == PROTO_DSTOPTS ||
		next == PROTO_FRAGMENT)) {
		uint32_t len = next == PROTO_FRAGMENT ? 8 : (ip[off + 1] + 1u) * 8;

		next = ip[off];
		off += len;
	}
	return next == PROTO_ICMP6 && (off >= avail || ip[off] < 128);
}

void icmp_error(struct in *in, uint8_t type, uint8_t code, uint32_t arg)
{
	struct net *n = in->n;
	bool v4 = ip_addr_is_v4(&in->pkt->src);
	bool to_group = !v4 && type == ICMP6_PARAMETER && code == ICMP6_BAD_OPTION;
	uint32_t quote = in->m->pkt_len - in->l3_off;
	const struct ip_addr *local = &in->pkt->dst;
	struct wire_icmp h = { .type = type, .code = code, .arg = rte_cpu_to_be_32(arg) };
	struct rte_mbuf *m;

	/* Not about groups (but RFC 4443 2.4 e.3), nobody, errors, or what was put together. */
	if (((in->is_l2_multicast || in->is_multicast) && !to_group) || in->is_unspecified ||
	    in->is_reassembled || is_about_icmp_error(in))
		return;
	if (in->is_multicast)
		local = route_source(n, in->pkt->iface, &in->pkt->src);
	if (local == NULL)
		return;
	if (!bucket_take(&n->errors, in->now_us)) {
		stats_inc(n->stats, STAT_ICMP_LIMITED);
		return;
	}
	quote = RTE_MIN(quote, (uint32_t)(v4 ? QUOTE4_MAX : QUOTE6_MAX));
	m = rte_pktmbuf_copy(in->m, n->pool, in->l3_off, quote);
	if (m == NULL || rte_pktmbuf_prepend(m, sizeof(h)) == NULL) {
		stats_inc(n->stats, STAT_DROP_NO_MBUF);
		rte_pktmbuf_free(m);
		return;
	}
	m->ol_flags = 0;
	memcpy(rte_pktmbuf_mtod(m, void *), &h, sizeof(h));
	stats_inc(n->stats, STAT_ICMP_ERRORS_SENT);
	icmp_send(n, m, local, &in->pkt->src, in->pkt->iface);
}

/* --- errors we get --- */

/*
 * Fills the flow from a quoted packet that we are supposed to have sent: from the address the error
 * came to, to somebody else, over TCP. Whether the sequence number is one of ours is for TCP to say.
 */
static bool quote_parse(struct in *in, struct net_icmp *out)
{
	uint32_t off = in->l4_off + (uint32_t)sizeof(struct wire_icmp), ihl;
	uint32_t avail = RTE_MIN(in->m->data_len, in->l4_off + in->l4_len) - off;
	const struct wire_ip4 *ip4 = in_at(in, off);
	const struct wire_ip6 *ip6 = in_at(in, off);
	const struct wire_ports *ports;

	if (ip_addr_is_v4(&in->pkt->dst)) {
		if (avail < sizeof(*ip4) || ip4->version_ihl >> 4 != 4)
			return false;
		ihl = (ip4->version_ihl & 15u) * 4;
		if (ihl < sizeof(*ip4) || avail < ihl + sizeof(*ports) || ip4->proto != PROTO_TCP ||
		    (ip4->frag & rte_cpu_to_be_16(IP4_OFF_MASK)) != 0)
			return false;
		out->flow.local = wire_addr4(ip4->src);
		out->flow.remote = wire_addr4(ip4->dst);
	} else {
		ihl = sizeof(*ip6);
		/* We never send extension headers. */
		if (avail < ihl + sizeof(*ports) || rte_be_to_cpu_32(ip6->vtc_flow) >> 28 != 6 ||
		    ip6->next != PROTO_TCP)
			return false;
		out->flow.local = wire_addr6(ip6->src);
		out->flow.remote = wire_addr6(ip6->dst);
		if (ip_addr_is_v4(&out->flow.remote))
			return false;
	}
	ports = in_at(in, off + ihl);
	out->flow.local_port = rte_be_to_cpu_16(ports->src);
	out->flow.remote_port = rte_be_to_cpu_16(ports->dst);
	out->flow.iface = in->m->port;
	out->seq = rte_be_to_cpu_32(ports->seq);
	return ip_addr_eq(&out->flow.local, &in->pkt->dst) &&
	    !net_is_local(in->n, &out->flow.remote, NULL);
}

static enum net_verdict error_input(struct in *in, int kind, uint32_t mtu)
{
	if (in->is_multicast || in->is_unspecified)
		return icmp_bad(in);
	*in->icmp = (struct net_icmp){ .mtu = mtu };
	switch (kind) {
	case NET_ICMP_SOFT:
		in->icmp->kind = NET_ICMP_SOFT;
		break;
	case NET_ICMP_HARD:
		in->icmp->kind = NET_ICMP_HARD;
		break;
	default:
		in->icmp->kind = NET_ICMP_TOO_BIG;
		break;
	}
	if (!quote_parse(in, in->icmp))
		return icmp_bad(in);
	stats_inc(in->n->stats, STAT_ICMP_ERRORS_RECEIVED);
	rte_pktmbuf_free(in->m);
	return NET_ICMP;
}

/* RFC 1122 4.2.3.9: protocol and port unreachable are hard, all others soft. */
static enum net_verdict unreachable4_input(struct in *in, const struct wire_icmp *h)
{
	uint32_t mtu;

	switch (h->code) {
	case ICMP4_PROTOCOL:
	case ICMP4_PORT:
		return error_input(in, NET_ICMP_HARD, 0);
	case ICMP4_TOO_BIG:
		mtu = rte_be_to_cpu_32(h->arg) & 0xffff; /* 0: a router older than RFC 1191 */
		if (mtu != 0 && mtu < 68)
			return icmp_bad(in);
		return error_input(in, NET_ICMP_TOO_BIG, mtu);
	default:
		return error_input(in, NET_ICMP_SOFT, 0);
	}
}

/* What is common to all messages. */
static bool icmp_is_good(struct in *in)
{
	uint64_t sum;

	if (in->l4_len < sizeof(struct wire_icmp) ||
	    in->l4_off + sizeof(struct wire_icmp) > in->m->data_len)
		return false;
	sum = pseudo_sum(ip_addr_is_v4(&in->pkt->src), &in->pkt->src, &in->pkt->dst, in->l4_len);
	sum = checksum_plus(sum, checksum_chain(in->m, in->l4_off, in->l4_len));
	return checksum_fold(sum) == 0xffff;
}

enum net_verdict icmp4_input(struct in *in)
{
	const struct wire_icmp *h = in_at(in, in->l4_off);

	if (!icmp_is_good(in))
		return icmp_bad(in);
	switch (h->type) {
	case ICMP4_ECHO:
		return echo_input(in, ICMP4_ECHO_REPLY);
	case ICMP4_UNREACHABLE:
		return unreachable4_input(in, h);
	case ICMP4_TIME_EXCEEDED:
	case ICMP4_PARAMETER:
		return error_input(in, NET_ICMP_SOFT, 0);
	default:
		/* Source quench (RFC 6633) and redirects (routes are static) among them. */
		return icmp_ignore(in);
	}
}

enum net_verdict icmp6_input(struct in *in)
{
	const struct wire_icmp *h = in_at(in, in->l4_off);

	if (!icmp_is_good(in))
		return icmp_bad(in);
	if (h->type >= ICMP6_ROUTER_SOLICITATION && h->type <= ICMP6_REDIRECT)
		return nd_input(in);
	switch (h->type) {
	case ICMP6_ECHO:
		return echo_input(in, ICMP6_ECHO_REPLY);
	case ICMP6_MLD_QUERY:
		return mld_query_input(in);
	case ICMP6_UNREACHABLE:
		/* RFC 5461 3.1 for which are hard. */
		return error_input(in,
		    h->code == ICMP6_PORT || h->code == ICMP6_PROHIBITED ? NET_ICMP_HARD
									 : NET_ICMP_SOFT,
		    0);
	case ICMP6_TOO_BIG:
		/* Less than 1280 must be discarded (RFC 8201 4). */
		if (rte_be_to_cpu_32(h->arg) < 1280)
			return icmp_bad(in);
		return error_input(in, NET_ICMP_TOO_BIG, rte_be_to_cpu_32(h->arg));
	case ICMP6_TIME_EXCEEDED:
		return error_input(in, NET_ICMP_SOFT, 0);
	case ICMP6_PARAMETER:
		return error_input(
		    in, h->code == ICMP6_BAD_NEXT_HEADER ? NET_ICMP_HARD : NET_ICMP_SOFT, 0);
	default:
		return icmp_ignore(in);
	}
}
