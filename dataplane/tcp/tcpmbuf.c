/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/tcpmbuf.h"

uint32_t mbuf_truesize(const struct rte_mbuf *m)
{
	uint32_t n = 0;

	for (; m; m = m->next)
		n += mbuf_segment_truesize(m);
	return n;
}

struct rte_mbuf *mbuf_cut_front(struct rte_mbuf *m, uint32_t n)
{
	while (n >= m->data_len && m->next) {
		struct rte_mbuf *next = m->next;

		n -= m->data_len;
		next->pkt_len = m->pkt_len - m->data_len;
		next->nb_segs = (uint16_t)(m->nb_segs - 1);
		next->hash.usr = m->hash.usr;
		next->vlan_tci_outer = m->vlan_tci_outer;
		rte_pktmbuf_free_seg(m);
		m = next;
	}
	m->data_off = (uint16_t)(m->data_off + n);
	m->data_len = (uint16_t)(m->data_len - n);
	m->pkt_len -= n;
	return m;
}

void mbuf_cut_back(struct rte_mbuf *m, uint32_t n)
{
	uint32_t keep = m->pkt_len - n;
	struct rte_mbuf *last = m;
	unsigned n_segs = 1;

	m->pkt_len = keep;
	while (keep > last->data_len) {
		keep -= last->data_len;
		last = last->next;
		n_segs++;
	}
	last->data_len = (uint16_t)keep;
	while (last->next) {
		struct rte_mbuf *gone = last->next;

		last->next = gone->next;
		rte_pktmbuf_free_seg(gone);
	}
	m->nb_segs = (uint16_t)n_segs;
}
