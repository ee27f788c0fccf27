/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/net/internal.h"

/* Offload flags survive what we do to a buffer; flags about the buffer itself do not. */
#define BUFFER_FLAGS (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

/* True when nobody else sees what is written into m's room. */
bool mbuf_is_writable(const struct rte_mbuf *m)
{
	if (rte_mbuf_refcnt_read(m) != 1)
		return false;
	if (RTE_MBUF_HAS_EXTBUF(m))
		return rte_mbuf_ext_refcnt_read(m->shinfo) == 1;
	return !RTE_MBUF_CLONED(m);
}

/* Gives m its own, empty room of at least n bytes; what it pointed to is let go. */
static bool own_room(struct rte_mbuf *m, uint32_t n)
{
	uint64_t flags = m->ol_flags & ~BUFFER_FLAGS;

	if (rte_mbuf_refcnt_read(m) != 1)
		return false;
	if (!mbuf_is_writable(m) || m->buf_len < n) {
		if (RTE_MBUF_DIRECT(m) || RTE_MBUF_HAS_PINNED_EXTBUF(m))
			return false;
		rte_pktmbuf_detach(m);
		m->ol_flags |= flags;
	}
	if (m->buf_len < n)
		return false;
	m->data_off = RTE_MIN((uint16_t)RTE_PKTMBUF_HEADROOM, (uint16_t)(m->buf_len - n));
	m->data_len = 0;
	return true;
}

/* Takes n bytes, all of which exist, from the segments behind m. */
static void eat_behind(struct rte_mbuf *m, uint32_t n)
{
	struct rte_mbuf *seg;

	while (n > 0) {
		seg = m->next;
		if (seg->data_len > n) {
			seg->data_off += (uint16_t)n;
			seg->data_len -= (uint16_t)n;
			return;
		}
		n -= seg->data_len;
		m->next = seg->next;
		m->nb_segs--;
		rte_pktmbuf_free_seg(seg);
	}
}

/*
 * Makes the first n <= PULL_BYTES bytes contiguous, within the same head mbuf: callers up the stack
 * hold on to it. False when there is no room for that; m is then good for nothing but freeing.
 */
bool mbuf_pull(struct rte_mbuf *m, uint32_t n)
{
	uint8_t head[PULL_BYTES];
	uint32_t had = m->data_len;

	if (had >= n)
		return true;
	/* Copies, as the wanted bytes are not contiguous. */
	if (rte_pktmbuf_read(m, 0, n, head) == NULL || !own_room(m, n))
		return false;
	memcpy(rte_pktmbuf_mtod(m, void *), head, n);
	m->data_len = (uint16_t)n;
	eat_behind(m, n - had);
	return true;
}

/* Shortens a chain to its first len <= pkt_len bytes. */
void mbuf_cut(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *last = m;
	uint32_t before = 0;
	uint16_t n_segs = 1;

	if (likely(m->next == NULL)) {
		m->data_len = (uint16_t)len;
		m->pkt_len = len;
		return;
	}
	while (before + last->data_len < len) {
		before += last->data_len;
		last = last->next;
		n_segs++;
	}
	last->data_len = (uint16_t)(len - before);
	rte_pktmbuf_free(last->next);
	last->next = NULL;
	m->nb_segs = n_segs;
	m->pkt_len = len;
}

/* Drops everything m holds and puts these bytes in; keeps its port and flags. */
bool mbuf_take_header(struct rte_mbuf *m, const void *header, uint16_t len)
{
	rte_pktmbuf_free(m->next);
	m->next = NULL;
	m->nb_segs = 1;
	if (!own_room(m, len)) {
		m->pkt_len = m->data_len;
		return false;
	}
	memcpy(rte_pktmbuf_mtod(m, void *), header, len);
	m->data_len = len;
	m->pkt_len = len;
	return true;
}
