/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/seg.h"

#include <string.h>

#include <rte_byteorder.h>

/* The TCP header (RFC 9293 3.1). */
struct wire {
	rte_be16_t sport, dport;
	rte_be32_t seq, ack;
	uint8_t offset, flags;
	rte_be16_t wnd, checksum, up;
} __attribute__((packed));

bool seg_parse(struct seg *seg, const struct rte_mbuf *m, const struct pkt *pkt)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off);
	struct wire w;
	unsigned header_len;

	if (pkt->l4_len < SEG_HEADER_LEN || pkt->l4_off + SEG_HEADER_LEN > m->data_len)
		return false;
	memcpy(&w, p, sizeof(w));
	header_len = (unsigned)(w.offset >> 4) * 4;
	if (header_len < SEG_HEADER_LEN || header_len > pkt->l4_len ||
	    pkt->l4_off + header_len > m->data_len)
		return false;
	seg->seq = rte_be_to_cpu_32(w.seq);
	seg->ack = rte_be_to_cpu_32(w.ack);
	seg->len = seg->largest = pkt->l4_len - header_len;
	seg->sport = rte_be_to_cpu_16(w.sport);
	seg->dport = rte_be_to_cpu_16(w.dport);
	seg->wnd = rte_be_to_cpu_16(w.wnd);
	seg->up = rte_be_to_cpu_16(w.up);
	seg->flags = w.flags;
	seg->header_len = (uint8_t)header_len;
	seg->ecn = pkt->ecn;
	opt_parse(
	    &seg->opts, p + SEG_HEADER_LEN, header_len - SEG_HEADER_LEN, (w.flags & SEG_SYN) != 0);
	return true;
}
