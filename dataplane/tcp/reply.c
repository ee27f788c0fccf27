/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/reply.h"

#include <string.h>

#include <rte_byteorder.h>

unsigned reply_write(struct rte_mbuf *m, const struct reply *r)
{
	uint8_t options[OPT_MAX_LEN];
	unsigned n_options = opt_build(options, &r->opts);
	unsigned len = SEG_HEADER_LEN + n_options;
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)len);
	rte_be16_t ports[2] = { rte_cpu_to_be_16(r->sport), rte_cpu_to_be_16(r->dport) };
	rte_be32_t numbers[2] = { rte_cpu_to_be_32(r->seq), rte_cpu_to_be_32(r->ack) };
	rte_be16_t wnd = rte_cpu_to_be_16(r->wnd), up = rte_cpu_to_be_16(r->up);

	memcpy(p, ports, 4);
	memcpy(p + 4, numbers, 8);
	p[12] = (uint8_t)(len / 4 << 4);
	p[13] = r->flags;
	memcpy(p + 14, &wnd, 2);
	memset(p + 16, 0, 2);
	memcpy(p + 18, &up, 2);
	/* Word by word: a copy of so few bytes, if their number is not known, is a call. */
	for (unsigned i = 0; i < n_options; i += 4)
		memcpy(p + SEG_HEADER_LEN + i, options + i, 4);
	return len;
}

/* A buffer for an answer: that of the packet which is answered, where nothing else of it is of use. */
static struct rte_mbuf *reply_alloc(struct stack *s)
{
	struct rte_mbuf *m = s->answered;

	if (!m || m->pool != s->pool || m->nb_segs != 1 || !RTE_MBUF_DIRECT(m) ||
	    rte_mbuf_refcnt_read(m) != 1)
		return stack_alloc(s);
	s->answered = NULL;
	rte_pktmbuf_reset(m);
	return m;
}

void reply_send(struct stack *s, const struct pkt *pkt, const struct reply *r)
{
	struct rte_mbuf *m = reply_alloc(s);

	if (!m)
		return;
	reply_write(m, r);
	net_reply_tcp(s->net, pkt, m, s->now_us);
}

void reply_reset(struct stack *s, const struct pkt *pkt, const struct seg *seg, enum stat why)
{
	struct reply r = { .sport = seg->dport, .dport = seg->sport };

	if (seg->flags & SEG_RST)
		return;
	if (seg->flags & SEG_ACK) {
		r.seq = seg->ack;
		r.flags = SEG_RST;
	} else {
		r.ack = seg_end(seg);
		r.flags = SEG_RST | SEG_ACK;
	}
	stats_inc(s->stats, why);
	reply_send(s, pkt, &r);
}
