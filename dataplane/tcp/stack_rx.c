/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What came in: from frames to segments, and from segments to connections. */
#include <string.h>

#include <rte_common.h>

#include "dataplane/tcp/history.h"
#include "dataplane/tcp/input.h"
#include "dataplane/tcp/mini.h"
#include "dataplane/tcp/ooo.h"
#include "dataplane/tcp/pmtu.h"
#include "dataplane/tcp/reply.h"
#include "dataplane/tcp/rxq.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timewait.h"
#include "dataplane/tcp/txq.h"

#define BURST          32
#define PREFETCH_AHEAD 3

struct rx {
	struct rte_mbuf *m;
	struct pkt pkt;
	struct seg seg;
	struct tcp_key key;
	uint32_t hash;
	bool
	    is_alike; /* its headers say what those of the one before say, but for numbers and lengths */
};

/* Is it another worker's? Fragments come together at any: what they made belongs to the flow's owner. */
static bool rx_is_stray(const struct stack *s, const struct rx *rx)
{
	struct flow flow;

	if (!s->config.flow_is_ours)
		return false;
	tcp_key_flow(s, &rx->key, rx->pkt.iface, &flow);
	return !s->config.flow_is_ours(s->config.flow_arg, &flow);
}

/* RST, but not for a connection that another worker may have. */
static void rx_refuse(struct stack *s, const struct rx *rx, enum stat why)
{
	if (rx_is_stray(s, rx))
		stats_inc(s->stats, STAT_DROP_TCP_OTHERS);
	else
		reply_reset(
		    s, &rx->pkt, &rx->seg, table_has_left(s, rx->hash) ? STAT_TCP_RST_ENDED : why);
}

/* RFC 9293 3.10.7.1 and .2: nothing has this 4-tuple. */
static struct tcp_conn *rx_new(struct stack *s, struct rx *rx, const uint32_t *iss_after)
{
	uint16_t listener = listen_find(&s->listeners, &rx->pkt.dst, rx->seg.dport);

	if (listener == LISTEN_NONE) {
		stats_inc(s->stats, STAT_DROP_TCP_NO_LISTENER);
		rx_refuse(s, rx, STAT_TCP_RST_PORT);
		return NULL;
	}
	/* LISTEN: first RST, second ACK, third SYN. */
	if (rx->seg.flags & SEG_RST)
		return NULL;
	if (rx->seg.flags & SEG_ACK) {
		struct tcp_conn *c = NULL;
		bool is_shed = false;

		if (!(rx->seg.flags & SEG_SYN))
			c = mini_cookie(
			    s, &rx->key, rx->hash, &rx->pkt, &rx->seg, listener, &is_shed);
		if (!c && !is_shed)
			rx_refuse(s, rx, STAT_TCP_RST_UNKNOWN);
		return c;
	}
	if (rx->seg.flags & SEG_SYN) {
		s->answered = rx->m;
		mini_syn(s, &rx->key, rx->hash, &rx->pkt, &rx->seg, listener, iss_after);
		rx->m = s->answered;
		s->answered = NULL;
	}
	return NULL;
}

/* From here on the packet is its payload. */
static void rx_payload(struct rx *rx)
{
	uint32_t headers = (uint32_t)rx->pkt.l4_off + rx->seg.header_len;

	if (likely(rx->m->nb_segs == 1 && rx->m->data_len == headers + rx->seg.len)) {
		rx->m->data_off = (uint16_t)(rx->m->data_off + headers);
		rx->m->data_len = (uint16_t)rx->seg.len;
		rx->m->pkt_len = rx->seg.len;
		return;
	}
	rx->m = mbuf_cut_front(rx->m, headers);
	if (rx->m->pkt_len > rx->seg.len)
		mbuf_cut_back(rx->m, rx->m->pkt_len - rx->seg.len);
}

/* Does next go on where rx ends, and say the same in all else? */
static bool rx_goes_on(const struct rx *rx, const struct rx *next)
{
	const struct seg *a = &rx->seg, *b = &next->seg;

	if (b->seq != a->seq + a->len || b->len <= RXQ_COPY_MAX)
		return false;
	/* The one before it is part of rx by now, and all of rx says the same. */
	if (next->is_alike)
		return true;
	return next->hash == rx->hash && (b->flags & ~SEG_PSH) == SEG_ACK && b->ack == a->ack &&
	    b->wnd == a->wnd && b->opts.has == a->opts.has && next->pkt.ecn == rx->pkt.ecn &&
	    (!a->opts.has || (b->opts.tsval == a->opts.tsval && b->opts.tsecr == a->opts.tsecr)) &&
	    tcp_key_eq(&next->key, &rx->key);
}

/* The last mbuf of a packet that mostly is one: what next says is in a line that is not needed for that. */
static struct rte_mbuf *rx_last(struct rte_mbuf *m)
{
	return likely(m->nb_segs == 1) ? m : rte_pktmbuf_lastseg(m);
}

/*
 * Joins rx[0] with those of the n behind it that continue its data: the connection sees one segment. Only where
 * nothing is missing, since what comes out of order is acknowledged one by one (RFC 5681 4.2), and not
 * crumbs, which are copied together. Returns how many it has become.
 */
static unsigned rx_merge(const struct tcp_conn *c, struct rx rx[], unsigned n)
{
	struct seg *seg = &rx[0].seg;
	struct rte_mbuf *last;
	unsigned used = 1;

	if (c->state != TCP_ESTABLISHED || seg->seq != c->rcv_nxt || seg->len <= RXQ_COPY_MAX ||
	    (seg->flags & ~SEG_PSH) != SEG_ACK || seg->opts.has & ~OPT_TS || !ooo_is_empty(c))
		return 1;
	last = rx_last(rx[0].m);
	for (; used < n && rx_goes_on(&rx[0], &rx[used]); used++) {
		struct rx *next = &rx[used];

		rx_payload(next);
		last->next = next->m;
		last = rx_last(next->m);
		rx[0].m->pkt_len += next->m->pkt_len;
		rx[0].m->nb_segs += next->m->nb_segs;
		seg->len += next->seg.len;
		seg->largest = RTE_MAX(seg->largest, next->seg.largest);
		seg->flags |= next->seg.flags;
	}
	return used;
}

/* Runs rx[0] through TCP, with what of the n it could be merged with; returns how many that were. */
static unsigned rx_segment(struct stack *s, struct rx rx[], unsigned n)
{
	uint32_t ref = table_find(s, &rx->key, rx->hash), iss_after;
	struct tcp_conn *c = NULL;
	unsigned used = 1;

	if (!ref) {
		c = rx_new(s, rx, NULL);
	} else {
		switch (table_kind(ref)) {
		case TABLE_CONN:
			c = stack_conn(s, table_index(ref));
			break;
		case TABLE_MINI:
			c = mini_input(
			    s, mini_at(s, table_index(ref)), rx->hash, &rx->pkt, &rx->seg);
			break;
		case TABLE_TW:
			if (tw_input(s, tw_at(s, table_index(ref)), rx->hash, &rx->pkt, &rx->seg,
				&iss_after))
				c = rx_new(s, rx, &iss_after);
			break;
		}
	}
	if (!c) {
		rte_pktmbuf_free(rx->m);
		return 1;
	}
	if (history_is_kept(s))
		history_in(c, &rx->seg);
	rx_payload(rx);
	if (n > 1)
		used = rx_merge(c, rx, n);
	tcp_input(c, &rx->seg, rx->m);
	return used;
}

/* What an ICMP error is about, as a table reference; 0: nothing of ours. */
static uint32_t icmp_ref(struct stack *s, const struct net_icmp *icmp)
{
	struct tcp_key key = { icmp->flow.remote, icmp->flow.remote_port, icmp->flow.local_port,
		0 };
	int laddr = addrs_index(&s->addrs, &icmp->flow.local);

	if (laddr < 0)
		return 0;
	key.laddr = (uint32_t)laddr;
	return table_find(s, &key, table_hash(&s->table, &key));
}

/* False: the quoted number was never sent (RFC 5927 4.1). */
static bool icmp_conn(struct tcp_conn *c, const struct net_icmp *icmp)
{
	if (!seq_in(icmp->seq, c->snd_una, conn_snd_max(c)))
		return false;
	switch (icmp->kind) {
	case NET_ICMP_SOFT:
		break; /* RFC 5461: the timers decide */
	case NET_ICMP_HARD:
		/* RFC 5927 5: only while the connection is not yet established. */
		if (!conn_is_synchronised(c))
			conn_close(c, TCP_EV_RESET);
		break;
	case NET_ICMP_TOO_BIG:
		pmtu_too_big(c, icmp->mtu);
		break;
	}
	return true;
}

/* As for a connection; a SYN-ACK is below every path's MTU. */
static bool icmp_mini(struct stack *s, struct mini *mini, const struct net_icmp *icmp)
{
	if (icmp->seq != mini->iss || icmp->kind == NET_ICMP_TOO_BIG)
		return false;
	if (icmp->kind == NET_ICMP_HARD)
		mini_drop(s, mini);
	return true;
}

static void rx_icmp(struct stack *s, const struct net_icmp *icmp)
{
	uint32_t ref = icmp_ref(s, icmp);
	bool is_good = false;

	if (table_kind(ref) == TABLE_CONN)
		is_good = icmp_conn(stack_conn(s, table_index(ref)), icmp);
	else if (table_kind(ref) == TABLE_MINI)
		is_good = icmp_mini(s, mini_at(s, table_index(ref)), icmp);
	if (!is_good)
		stats_inc(s->stats, STAT_DROP_TCP_ICMP);
}

static void rx_stray(struct stack *s, struct rte_mbuf *m)
{
	if (s->n_strays == STRAYS_MAX) {
		stats_inc(s->stats, STAT_DROP_IP_FRAGMENT);
		rte_pktmbuf_free(m);
		return;
	}
	s->strays[s->n_strays++] = m;
}

unsigned stack_strays(struct stack *s, struct rte_mbuf *out[], unsigned max)
{
	unsigned n = RTE_MIN(max, s->n_strays);

	memcpy(out, s->strays, n * sizeof(out[0]));
	memmove(s->strays, s->strays + n, (s->n_strays - n) * sizeof(out[0]));
	s->n_strays -= n;
	return n;
}

/* Everything below TCP, and the parsing; false: nothing is left to do with the packet. */
static bool rx_prepare(struct stack *s, struct rte_mbuf *m, struct rx *rx)
{
	struct net_icmp icmp;
	int laddr;

	switch (net_input(s->net, m, s->now_us, &rx->pkt, &icmp)) {
	case NET_TAKEN:
		return false;
	case NET_ICMP:
		rx_icmp(s, &icmp);
		return false;
	case NET_TCP:
		break;
	}
	laddr = addrs_index(&s->addrs, &rx->pkt.dst);
	if (laddr < 0 || !seg_parse(&rx->seg, m, &rx->pkt) || rx->seg.sport == 0) {
		stats_inc(s->stats, STAT_DROP_TCP_BAD_HEADER);
		rte_pktmbuf_free(m);
		return false;
	}
	rx->m = m;
	rx->is_alike = false;
	rx->key = (struct tcp_key){ rx->pkt.src, rx->seg.sport, rx->seg.dport, (uint32_t)laddr };
	if (unlikely(rx->pkt.is_reassembled) && rx_is_stray(s, rx)) {
		rx_stray(s, m);
		return false;
	}
	rx->hash = table_hash(&s->table, &rx->key);
	table_prefetch(&s->table, rx->hash);
	return true;
}

/*
 * The same for what continues the one before it, as most of a burst of data does; false: rx_prepare has to look at it.
 * Nothing is taken for granted: what is not compared is checked.
 */
static bool
rx_prepare_alike(struct stack *s, struct rte_mbuf *m, const struct rx *before, struct rx *rx)
{
	uint16_t off = before->pkt.l4_off, l4_len;

	if (m->data_len < off + SEG_HEADER_LEN || !seg_is_alike(&before->seg, m, before->m, off) ||
	    !net_input_alike(s->net, m, before->m, &before->pkt, &l4_len))
		return false;
	*rx = *before;
	rx->m = m;
	rx->is_alike = true;
	rx->pkt.l4_len = l4_len;
	seg_read_alike(&rx->seg, m, off, l4_len);
	return true;
}

/* What is first in its bucket, if that is a connection: almost always the packet's. */
static struct tcp_conn *rx_guess(struct stack *s, const struct rx *rx)
{
	uint32_t ref = s->table.buckets[rx->hash & s->table.mask];

	return table_kind(ref) == TABLE_CONN ? stack_conn(s, table_index(ref)) : NULL;
}

static void rx_prefetch(struct stack *s, const struct rx *rx)
{
	const char *c = (const char *)rx_guess(s, rx);

	if (!c)
		return;
	__builtin_prefetch(c);
	__builtin_prefetch(c + 64);
	__builtin_prefetch(c + 128);
	__builtin_prefetch(c + 256);
}

/* The first of the segments that a bare ACK is about to free: it has waited for a round trip. */
static void rx_prefetch_acked(struct stack *s, const struct rx *rx)
{
	const struct tcp_conn *c = rx->seg.len == 0 ? rx_guess(s, rx) : NULL;

	if (c && c->txq_head)
		txseg_prefetch(s->pool, c->txq_head, 0);
}

void stack_rx(struct stack *s, struct rte_mbuf *const pkts[], unsigned n, uint64_t now_us)
{
	struct rx rx[BURST];

	stack_set_now(s, now_us);
	while (n) {
		unsigned burst = RTE_MIN(n, (unsigned)BURST), n_rx = 0;

		for (unsigned i = 0; i < burst && i < PREFETCH_AHEAD; i++)
			net_prefetch(s->net, pkts[i]);
		for (unsigned i = 0; i < burst; i++) {
			if (i + PREFETCH_AHEAD < burst)
				net_prefetch(s->net, pkts[i + PREFETCH_AHEAD]);
			if (n_rx > 0 && rx_prepare_alike(s, pkts[i], &rx[n_rx - 1], &rx[n_rx]))
				n_rx++;
			else
				n_rx += rx_prepare(s, pkts[i], &rx[n_rx]);
		}
		for (unsigned i = 0; i < n_rx; i++)
			if (!rx[i].is_alike)
				rx_prefetch(s, &rx[i]);
		for (unsigned i = 0; i < n_rx; i++)
			if (!rx[i].is_alike)
				rx_prefetch_acked(s, &rx[i]);
		for (unsigned i = 0; i < n_rx;)
			i += rx_segment(s, &rx[i], n_rx - i);
		pkts += burst;
		n -= burst;
	}
}
