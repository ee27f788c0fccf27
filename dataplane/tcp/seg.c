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

static bool differ(const uint8_t *a, const uint8_t *b, size_t n)
{
	return memcmp(a, b, n) != 0;
}

/* Constant lengths: each is a comparison of words. */
bool seg_is_alike(
    const struct seg *seen, const struct rte_mbuf *m, const struct rte_mbuf *before, uint16_t off)
{
	const uint8_t *a = rte_pktmbuf_mtod_offset(m, const uint8_t *, off);
	const uint8_t *b = rte_pktmbuf_mtod_offset(before, const uint8_t *, off);

	if (differ(a, b, 4) || differ(a + 8, b + 8, 4) || a[12] != b[12] ||
	    (a[13] & ~SEG_PSH) != SEG_ACK || (seen->flags & ~SEG_PSH) != SEG_ACK ||
	    differ(a + 14, b + 14, 2) || differ(a + 18, b + 18, 2))
		return false;
	if (seen->header_len == SEG_HEADER_LEN)
		return true;
	return seen->header_len == SEG_HEADER_LEN + OPT_TS_LEN && seen->opts.has == OPT_TS &&
	    m->data_len >= off + SEG_HEADER_LEN + OPT_TS_LEN && !differ(a + 20, b + 20, 8) &&
	    !differ(a + 28, b + 28, 4);
}

void seg_read_alike(struct seg *seg, const struct rte_mbuf *m, uint16_t off, uint16_t l4_len)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, off);
	rte_be32_t seq;

	memcpy(&seq, p + 4, sizeof(seq));
	seg->seq = rte_be_to_cpu_32(seq);
	seg->flags = p[13];
	seg->len = seg->largest = (uint32_t)l4_len - seg->header_len;
}
