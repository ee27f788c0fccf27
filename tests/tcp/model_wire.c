/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network between the two stacks. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "tests/tcp/model_inside.h"
#include "tests/tcp/peer_inside.h"

static bool comes_before(const struct flying *a, const struct flying *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void heap_push(struct model *m, struct flying f)
{
	unsigned i = m->n_flying;

	if (m->n_flying == MODEL_MAX_FLYING) {
		/* A network with that much under way loses something, too. */
		free(f.frame);
		m->result.lost++;
		return;
	}
	m->n_flying++;
	for (; i && comes_before(&f, &m->flying[(i - 1) / 2]); i = (i - 1) / 2)
		m->flying[i] = m->flying[(i - 1) / 2];
	m->flying[i] = f;
}

static struct flying heap_pop(struct model *m)
{
	struct flying top = m->flying[0], last = m->flying[--m->n_flying];
	unsigned i = 0;

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child >= m->n_flying)
			break;
		if (child + 1 < m->n_flying &&
		    comes_before(&m->flying[child + 1], &m->flying[child]))
			child++;
		if (comes_before(&last, &m->flying[child]))
			break;
		m->flying[i] = m->flying[child];
		i = child;
	}
	m->flying[i] = last;
	return top;
}

/* Puts one copy on its way; order is kept unless the reordering dice say otherwise. */
static void fly(struct model *m, unsigned from, const uint8_t *frame, size_t len, uint64_t ready_us)
{
	struct model_path *p = &m->path[from];
	struct flying f = { .to = !from, .len = len, .order = m->order++ };

	f.at_us = ready_us + p->delay_us;
	if (p->jitter_us)
		f.at_us += model_random(&m->rng, p->jitter_us);
	if (model_random(&m->rng, 1000000) < p->reorder_ppm)
		f.at_us += p->reorder_us;
	else if (f.at_us < p->last_at_us)
		f.at_us = p->last_at_us;
	else
		p->last_at_us = f.at_us;
	f.frame = malloc(len);
	if (!f.frame)
		abort();
	memcpy(f.frame, frame, len);
	heap_push(m, f);
}

static bool is_lost(struct model *m, struct model_path *p)
{
	if (p->burst_left) {
		p->burst_left--;
		return true;
	}
	if (model_random(&m->rng, 1000000) < p->burst_loss_ppm)
		p->burst_left = 1 + model_random(&m->rng, 12);
	return model_random(&m->rng, 1000000) < p->loss_ppm;
}

/* Fragmentation needed (RFC 1191) or packet too big (RFC 4443), from the next hop's address. */
static void too_big(struct model *m, unsigned from, const uint8_t *frame, size_t len, uint16_t mtu)
{
	uint8_t reply[1400];
	size_t quoted = len - 14, off;
	const struct ip_addr *src = &m->side[!from].ip, *dst = &m->side[from].ip;
	uint8_t proto = m->config->ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	uint32_t sum;
	uint16_t folded;

	if (m->config->ip6)
		quoted = quoted > 1232 ? 1232 : quoted;
	else
		quoted = quoted > 28 ? 28 : quoted;
	off = packet_ip_build(
	    reply, m->side[!from].mac, m->side[from].mac, src, dst, proto, 64, 0, 8 + quoted);
	memset(reply + off, 0, 8);
	reply[off] = m->config->ip6 ? 2 : 3;
	reply[off + 1] = m->config->ip6 ? 0 : 4;
	reply[off + 6] = (uint8_t)(mtu >> 8);
	reply[off + 7] = (uint8_t)mtu;
	memcpy(reply + off + 8, frame + 14, quoted);
	sum = m->config->ip6 ? packet_pseudo_sum(src, dst, proto, (uint32_t)(8 + quoted)) : 0;
	folded = packet_sum_fold(packet_sum(reply + off, 8 + quoted, sum));
	reply[off + 2] = (uint8_t)(folded >> 8);
	reply[off + 3] = (uint8_t)folded;
	trace_note(&m->trace, "AB"[from], m -> now_us, "too big for %u", mtu);
	fly(m, !from, reply, off + 8 + quoted, m->now_us);
}

/* Which connection a packet belongs to, for the trace's relative numbers. */
static unsigned conn_of(const struct model *m, unsigned from, const struct packet *k)
{
	uint16_t port = from == 0 ? k->sport : k->dport;

	for (unsigned i = 0; i < m->config->n_conns; i++)
		if (m->ports[i] == port)
			return i;
	return 0;
}

/* Looks at a TCP frame: it must be well formed; false for what is not TCP. */
static bool inspect(struct model *m, unsigned from, const uint8_t *frame, size_t len,
    struct packet *k, unsigned *conn)
{
	const char *error;

	if (neighbour_is_one(frame, len))
		return false;
	error = packet_parse(frame, len, k);
	/* A mangled packet may be answered with an ICMP error. */
	if (error && m->config->mutate && strcmp(error, "not TCP") == 0)
		return false;
	if (error) {
		model_fail(m, "stack %c sent a bad frame of %zu bytes: %s", "AB"[from], len, error);
		return false;
	}
	*conn = conn_of(m, from, k);
	if (k->flags & TH_SYN)
		m->isn[from][*conn] = k->seq;
	return true;
}

/* With checksum offload the NIC would put them in: so does the wire. */
static void checksums_finish(const struct rte_mbuf *mbuf, uint8_t *frame, size_t len)
{
	size_t l2 = mbuf->l2_len, l3 = mbuf->l3_len, l4 = l2 + l3;
	uint16_t sum;

	if (mbuf->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) {
		frame[l2 + 10] = frame[l2 + 11] = 0;
		sum = packet_sum_fold(packet_sum(frame + l2, l3, 0));
		frame[l2 + 10] = (uint8_t)(sum >> 8);
		frame[l2 + 11] = (uint8_t)sum;
	}
	if ((mbuf->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM) {
		sum = packet_sum_fold(packet_sum(frame + l4, len - l4, 0));
		frame[l4 + 16] = (uint8_t)(sum >> 8);
		frame[l4 + 17] = (uint8_t)sum;
	}
}

static void wire_frame(struct model *m, unsigned from, const uint8_t *frame, size_t len)
{
	struct model_path *p = &m->path[from];
	uint16_t mtu = m->now_us - m->config->start_us >= p->mtu_at_us ? p->mtu_later : p->mtu;
	uint64_t ready = m->now_us;
	struct packet k;
	unsigned conn = 0;
	bool tcp = inspect(m, from, frame, len, &k, &conn), lost;

	m->result.packets++;
	lost = len - 14 > mtu || is_lost(m, p);
	if (p->us_per_kb && !lost) {
		uint64_t backlog_us = p->busy_until_us > ready ? p->busy_until_us - ready : 0;

		if (backlog_us * 1000 / p->us_per_kb > p->queue_bytes) {
			lost = true;
		} else {
			p->busy_until_us = ready + backlog_us + len * p->us_per_kb / 1000;
			ready = p->busy_until_us;
		}
	}
	if (tcp)
		trace_packet(&m->trace, lost ? TRACE_LOST : TRACE_SENT, "AB"[from], m -> now_us, &k,
		    m -> isn[from][conn], m -> isn[!from][conn]);
	if (len - 14 > mtu && p->mtu_is_told)
		too_big(m, from, frame, len, mtu);
	if (lost) {
		m->result.lost++;
		return;
	}
	fly(m, from, frame, len, ready);
	if (model_random(&m->rng, 1000000) < p->dup_ppm)
		fly(m, from, frame, len, ready);
}

static void put16(uint8_t *at, size_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* Cuts a frame as a NIC does: IP length and ID, sequence numbers, FIN and PSH last, CWR first. */
static void segment_and_send(
    struct model *m, unsigned from, const struct rte_mbuf *mbuf, const uint8_t *frame, size_t len)
{
	static uint8_t out[PACKET_MAX_FRAME];
	size_t l2 = mbuf->l2_len, l4 = l2 + mbuf->l3_len, head = l4 + mbuf->l4_len;
	bool ip6 = m->config->ip6;

	if (head >= len || mbuf->l4_len < 20 || !mbuf->tso_segsz) {
		model_fail(m, "stack %c asks for TSO without sizes", "AB"[from]);
		return;
	}
	for (size_t at = head; at < len; at += mbuf->tso_segsz) {
		size_t n = len - at < mbuf->tso_segsz ? len - at : mbuf->tso_segsz;
		uint32_t seq = (uint32_t)frame[l4 + 4] << 24 | (uint32_t)frame[l4 + 5] << 16 |
		    (uint32_t)frame[l4 + 6] << 8 | frame[l4 + 7];
		uint32_t sum;

		memcpy(out, frame, head);
		memcpy(out + head, frame + at, n);
		seq += (uint32_t)(at - head);
		put16(out + l4 + 4, seq >> 16);
		put16(out + l4 + 6, seq & 0xffff);
		if (at + n < len)
			out[l4 + 13] &= (uint8_t) ~(TH_FIN | TH_PSH);
		if (at > head)
			out[l4 + 13] &= (uint8_t)~TH_CWR;
		put16(out + l2 + (ip6 ? 4 : 2), head - l2 - (ip6 ? 40 : 0) + n);
		if (!ip6) {
			put16(out + l2 + 10, 0);
			put16(out + l2 + 10, packet_sum_fold(packet_sum(out + l2, l4 - l2, 0)));
		}
		/* The pseudo header's sum is there, its length is not (tcp.md pitfall 8). */
		sum = packet_sum(out + l4, head - l4 + n, (uint32_t)(head - l4 + n));
		put16(out + l4 + 16, packet_sum_fold(sum));
		if (m->config->lies[from] & NET_TX_TSO && at > head) {
			m->result.spoilt[from]++; /* only the first header was ours to make */
			continue;
		}
		wire_frame(m, from, out, head + n);
	}
}

void wire_take(struct model *m, unsigned from, struct rte_mbuf *mbuf)
{
	static uint8_t frame[PACKET_MAX_FRAME];
	size_t len = rte_pktmbuf_pkt_len(mbuf);
	const void *at = len <= sizeof(frame) ? rte_pktmbuf_read(mbuf, 0, (uint32_t)len, frame) : 0;

	if (!at) {
		model_fail(m, "a frame of %zu bytes that its chain does not hold", len);
		rte_pktmbuf_free(mbuf);
		return;
	}
	if (at != frame)
		memcpy(frame, at, len);
	if (len > m->result.longest)
		m->result.longest = len;
	if (m->config->lies[from] & NET_TX_TCP_CHECKSUM && mbuf->ol_flags & RTE_MBUF_F_TX_L4_MASK) {
		m->result.spoilt[from]++; /* nobody takes such a frame */
	} else if (mbuf->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		m->result.tso++;
		segment_and_send(m, from, mbuf, frame, len);
	} else {
		checksums_finish(mbuf, frame, len);
		wire_frame(m, from, frame, len);
	}
	rte_pktmbuf_free(mbuf);
}

bool wire_deliver(struct model *m, unsigned side)
{
	static uint8_t frame[PACKET_MAX_FRAME];
	struct rte_mbuf *burst[32];
	unsigned n = 0;

	while (
	    n < 32 && m->n_flying && m->flying[0].at_us <= m->now_us && m->flying[0].to == side) {
		struct flying f = heap_pop(m);
		struct rte_mbuf *mbuf;

		memcpy(frame, f.frame, f.len);
		free(f.frame);
		if (m->config->mutate) {
			f.len = m->config->mutate(
			    m->config->mutate_arg, side, frame, f.len, sizeof(frame));
			if (!f.len)
				continue;
		}
		mbuf = peer_mbuf(m->pool, frame, f.len);
		if (!mbuf)
			continue;
		if (m->config->offloads[side] & NET_RX_CHECKSUM && !m->config->mutate)
			mbuf->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		burst[n++] = mbuf;
	}
	if (n)
		stack_rx(m->side[side].stack, burst, n, m->now_us);
	return n > 0;
}

uint64_t wire_deadline(const struct model *m)
{
	return m->n_flying ? m->flying[0].at_us : UINT64_MAX;
}

void wire_clear(struct model *m)
{
	while (m->n_flying)
		free(heap_pop(m).frame);
}
