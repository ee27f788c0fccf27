/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/internal.h"

#define NONE            0xffff
#define FRAG_TIMEOUT_US 60000000 /* RFC 8200 4.5; RFC 1122 3.3.2 allows 60 to 120 s */
#define FRAG_SEGS_EACH  16       /* mbufs held per entry of the table, on average */

bool frag_new(struct frag_table *t, unsigned n_entries)
{
	uint32_t n_heads = rte_align32pow2(n_entries * 2);

	t->entries = calloc(n_entries, sizeof(*t->entries));
	t->heads = malloc(n_heads * sizeof(*t->heads));
	if (t->entries == NULL || t->heads == NULL)
		return false;
	memset(t->heads, 0xff, n_heads * sizeof(*t->heads));
	t->head_mask = n_heads - 1;
	t->n_entries = (uint16_t)n_entries;
	t->max_segs = n_entries * FRAG_SEGS_EACH;
	t->oldest = t->newest = NONE;
	t->free = NONE;
	for (unsigned i = n_entries; i-- > 0;) {
		t->entries[i].next_in_hash = t->free;
		t->free = (uint16_t)i;
	}
	return true;
}

static void parts_free(struct frag_table *t, struct frag_entry *e)
{
	for (unsigned i = 0; i < e->n_parts; i++)
		rte_pktmbuf_free(e->parts[i].m);
	t->n_segs -= e->n_segs;
	e->n_parts = 0;
	e->n_segs = 0;
}

/* Unlinks the entry and frees what it still holds. */
static void entry_free(struct frag_table *t, struct frag_entry *e)
{
	uint16_t i = (uint16_t)(e - t->entries);
	uint16_t *link = &t->heads[e->hash & t->head_mask];

	parts_free(t, e);
	while (*link != i)
		link = &t->entries[*link].next_in_hash;
	*link = e->next_in_hash;
	if (e->older != NONE)
		t->entries[e->older].newer = e->newer;
	else
		t->oldest = e->newer;
	if (e->newer != NONE)
		t->entries[e->newer].older = e->older;
	else
		t->newest = e->older;
	e->next_in_hash = t->free;
	t->free = i;
}

void frag_free(struct frag_table *t)
{
	if (t->entries != NULL)
		while (t->oldest != NONE)
			entry_free(t, &t->entries[t->oldest]);
	free(t->entries);
	free(t->heads);
}

/* The reassembly this fragment belongs to; begun when there is none, at the oldest one's expense. */
static struct frag_entry *entry_get(struct in *in, uint32_t id)
{
	struct frag_table *t = &in->n->frags;
	const struct pkt *pkt = in->pkt;
	struct {
		struct ip_addr src, dst;
		uint32_t id;
		uint16_t iface, proto;
	} key = { pkt->src, pkt->dst, id, in->m->port, in->proto };
	uint32_t hash = (uint32_t)siphash13(&in->n->key, &key, sizeof(key));
	struct frag_entry *e;

	for (uint16_t i = t->heads[hash & t->head_mask]; i != NONE; i = e->next_in_hash) {
		e = &t->entries[i];
		if (e->hash == hash && e->id == id && e->proto == in->proto &&
		    e->iface == in->m->port && ip_addr_eq(&e->src, &pkt->src) &&
		    ip_addr_eq(&e->dst, &pkt->dst))
			return e;
	}
	if (t->free == NONE) {
		stats_inc(in->n->stats, STAT_IP_REASSEMBLY_EVICTED);
		entry_free(t, &t->entries[t->oldest]);
	}
	e = &t->entries[t->free];
	t->free = e->next_in_hash;
	*e = (struct frag_entry){ .src = pkt->src,
		.dst = pkt->dst,
		.id = id,
		.iface = in->m->port,
		.proto = in->proto,
		.started_us = in->now_us,
		.hash = hash,
		.next_in_hash = t->heads[hash & t->head_mask],
		.newer = NONE,
		.older = t->newest };
	t->heads[hash & t->head_mask] = (uint16_t)(e - t->entries);
	if (t->newest != NONE)
		t->entries[t->newest].newer = (uint16_t)(e - t->entries);
	else
		t->oldest = (uint16_t)(e - t->entries);
	t->newest = (uint16_t)(e - t->entries);
	return e;
}

enum place {
	PLACE_FITS,
	PLACE_AGAIN, /* the same bytes are here already */
	PLACE_CLASH, /* overlaps another fragment, or contradicts the known end */
};

/* Where in e->parts [off, off + len) goes. */
static enum place
part_place(const struct frag_entry *e, uint32_t off, uint32_t len, bool more, unsigned *at)
{
	unsigned i = 0;

	while (i < e->n_parts && e->parts[i].off < off)
		i++;
	*at = i;
	if (i < e->n_parts && e->parts[i].off == off && e->parts[i].len == len &&
	    more == (e->total != off + len))
		return PLACE_AGAIN;
	if (e->total != 0 && (more ? off + len > e->total : off + len != e->total))
		return PLACE_CLASH;
	if (i > 0 && e->parts[i - 1].off + e->parts[i - 1].len > off)
		return PLACE_CLASH;
	if (i < e->n_parts && (!more || e->parts[i].off < off + len))
		return PLACE_CLASH; /* also: data behind what calls itself the last one */
	return PLACE_FITS;
}

/*
 * Chains the parts behind the mbuf that came last: net_input's caller knows no other. Its own
 * payload moves to a copy, and the first fragment's headers take its place.
 */
static bool parts_join(struct in *in, struct frag_entry *e, struct rte_mbuf *last, unsigned at)
{
	struct rte_mbuf *first = e->parts[0].m, *copy, *tail;
	uint8_t head[PULL_BYTES];
	uint16_t head_len = e->head_len;

	if (at == 0) {
		e->parts[0].m = NULL; /* its payload follows its headers already */
	} else {
		copy = rte_pktmbuf_copy(last, in->n->pool, 0, UINT32_MAX);
		if (copy == NULL)
			return false;
		e->parts[at].m = copy;
		memcpy(head, rte_pktmbuf_mtod(first, const void *), head_len);
		if (!mbuf_take_header(last, head, head_len))
			return false;
		rte_pktmbuf_adj(first, head_len);
	}
	/* Append one by one: rte_pktmbuf_chain would walk the head's list each time. */
	tail = rte_pktmbuf_lastseg(last);
	for (unsigned i = 0; i < e->n_parts; i++) {
		struct rte_mbuf *m = e->parts[i].m;

		if (m == NULL)
			continue;
		tail->next = m;
		last->nb_segs += m->nb_segs;
		last->pkt_len += m->pkt_len;
		tail = rte_pktmbuf_lastseg(m);
		m->nb_segs = 1;
		m->pkt_len = m->data_len;
		e->parts[i].m = NULL;
	}
	return true;
}

/* Gives up older reassemblies, but not keep, until that many more mbufs may be held. */
static void room_make(struct net *n, const struct frag_entry *keep, unsigned n_segs)
{
	struct frag_table *t = &n->frags;

	while (t->n_segs + n_segs > t->max_segs && &t->entries[t->oldest] != keep) {
		stats_inc(n->stats, STAT_IP_REASSEMBLY_EVICTED);
		entry_free(t, &t->entries[t->oldest]);
	}
}

/*
 * Makes the headers those of a datagram that never was cut up, so that another worker can be given it as if
 * it had come in whole; IPv6's fragment header becomes that of an atomic fragment (RFC 6946). False: too long
 * for its header's length field, which no sender's datagram was (RFC 791 3.2, "ping of death").
 */
static bool header_mend(struct in *in)
{
	uint32_t len = (uint32_t)in->l4_off - in->l3_off + in->l4_len;
	struct wire_ip4 *ip4 = in_at(in, in->l3_off);
	struct wire_ip6 *ip6 = in_at(in, in->l3_off);
	struct wire_ip6_frag *h = in_at(in, in->l4_off - (uint32_t)sizeof(*h));

	if (!ip_addr_is_v4(&in->pkt->src)) {
		len -= (uint32_t)sizeof(*ip6);
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)len);
		ip6->vtc_flow &= ~rte_cpu_to_be_32(3u << 20);
		ip6->vtc_flow |= rte_cpu_to_be_32((uint32_t)in->pkt->ecn << 20);
		h->off_more = 0;
		return len <= UINT16_MAX;
	}
	ip4->total_len = rte_cpu_to_be_16((uint16_t)len);
	ip4->frag = 0;
	ip4->tos = (uint8_t)((ip4->tos & ~3u) | in->pkt->ecn);
	ip4->sum = 0;
	ip4->sum = (uint16_t)~checksum_fold(checksum_add(ip4, in->l4_off - in->l3_off));
	return len <= UINT16_MAX;
}

/* All parts are there: hands the datagram over in in->m, or drops it. */
static bool entry_finish(struct in *in, struct frag_entry *e, unsigned at)
{
	struct frag_table *t = &in->n->frags;
	struct rte_mbuf *m = in->m;
	bool ok;

	ok = (e->ecn_seen & 1 << 3) == 0 || (e->ecn_seen & 1 << 0) == 0; /* RFC 3168 5.3 */
	ok = ok && parts_join(in, e, m, at);
	in->l4_off = e->head_len;
	in->l4_len = (uint16_t)e->total;
	if (e->ecn_seen & 1 << 3)
		in->pkt->ecn = 3;
	/* m is freed or handed over by us, not with the entry. */
	for (unsigned i = 0; i < e->n_parts; i++)
		if (e->parts[i].m == m)
			e->parts[i].m = NULL;
	in->l3_off = e->l3_off;
	entry_free(t, e);
	in->is_reassembled = true;
	m->ol_flags &= ~(RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK);
	if (!ok || !mbuf_pull(m, RTE_MIN(m->pkt_len, (uint32_t)PULL_BYTES)) || !header_mend(in)) {
		in_drop(in, STAT_DROP_IP_FRAGMENT);
		return false;
	}
	stats_inc(in->n->stats, STAT_IP_REASSEMBLED);
	return true;
}

static bool entry_is_complete(const struct frag_entry *e)
{
	return e->total != 0 && e->bytes == e->total;
}

static bool refuse(struct in *in)
{
	in_drop(in, STAT_DROP_IP_FRAGMENT);
	return false;
}

/*
 * Checks that hold for a fragment by itself. The transport header must be in the first one whole,
 * or later ones could rewrite what was checked (RFC 1858, RFC 3128).
 */
static bool fragment_is_good(const struct in *in, uint32_t off, bool more, uint16_t len)
{
	if (len == 0 || (more && len % 8 != 0) || off + len > UINT16_MAX)
		return false;
	return in->proto != PROTO_TCP ||
	    (off == 0 ? len >= sizeof(struct wire_tcp) : off >= sizeof(struct wire_tcp));
}

bool frag_input(
    struct in *in, uint32_t id, uint32_t off, bool more, uint16_t data_off, uint16_t data_len)
{
	struct frag_table *t = &in->n->frags;
	struct rte_mbuf *m = in->m;
	struct frag_entry *e;
	unsigned at;
	enum place place;

	if (!fragment_is_good(in, off, more, data_len))
		return refuse(in);
	e = entry_get(in, id);
	if (e->is_dead)
		return refuse(in);
	place = part_place(e, off, data_len, more, &at);
	if (place == PLACE_AGAIN)
		return refuse(in);
	if (place == PLACE_CLASH) {
		parts_free(t, e);
		e->is_dead = true;
		return refuse(in);
	}
	room_make(in->n, e, m->nb_segs);
	if (e->n_parts == FRAG_PARTS || t->n_segs + m->nb_segs > t->max_segs ||
	    (off == 0 && data_off > PULL_BYTES)) {
		entry_free(t, e);
		return refuse(in);
	}

	if (off == 0) {
		e->head_len = data_off;
		e->l3_off = in->l3_off;
		e->is_multicast = in->is_multicast;
	} else {
		rte_pktmbuf_adj(m, data_off);
	}
	memmove(&e->parts[at + 1], &e->parts[at], (e->n_parts - at) * sizeof(e->parts[0]));
	e->parts[at] = (struct frag_part){ .off = (uint16_t)off, .len = data_len, .m = m };
	e->n_parts++;
	e->n_segs += m->nb_segs;
	t->n_segs += m->nb_segs;
	e->bytes += data_len;
	e->ecn_seen |= (uint8_t)(1 << in->pkt->ecn);
	if (!more)
		e->total = off + data_len;
	return entry_is_complete(e) && entry_finish(in, e, at);
}

/* Tells the sender, as RFC 8200 4.5 and RFC 1122 3.3.2 ask, if the first fragment is here. */
static void expiry_report(struct net *n, struct frag_entry *e, uint64_t now_us)
{
	struct pkt pkt = { .src = e->src, .dst = e->dst, .iface = e->iface };
	struct in in = { .n = n,
		.now_us = now_us,
		.pkt = &pkt,
		.iface = &n->ifaces[e->iface],
		.l3_off = e->l3_off,
		.is_multicast = e->is_multicast };
	bool is_v4 = ip_addr_is_v4(&e->src);

	if (e->n_parts == 0 || e->parts[0].off != 0)
		return;
	in.m = e->parts[0].m;
	icmp_error(&in, is_v4 ? ICMP4_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED, ICMP_REASSEMBLY, 0);
}

unsigned frag_expire(struct net *n, uint64_t now_us, unsigned budget)
{
	struct frag_table *t = &n->frags;
	struct frag_entry *e;
	unsigned done = 0;

	for (; done < budget && t->oldest != NONE; done++) {
		e = &t->entries[t->oldest];
		if (now_us - e->started_us < FRAG_TIMEOUT_US)
			break;
		expiry_report(n, e, now_us);
		stats_inc(n->stats, STAT_IP_REASSEMBLY_TIMEOUT);
		entry_free(t, e);
	}
	return done;
}
