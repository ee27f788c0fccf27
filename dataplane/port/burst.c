/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_ethdev.h>

#include "dataplane/base/stats.h"
#include "dataplane/port/internal.h"

#define TX_BURST     64u
#define BACKED_UP_US 20000 /* longer than another process is away when it shares its core */

/* Acquire: after a pause its devices may be other than they were. */
static enum port_use use_of(const struct port *p)
{
	return atomic_load_explicit(&p->use, memory_order_acquire);
}

unsigned
port_rx(struct port *p, unsigned queue, struct rte_mbuf *pkts[], unsigned max, struct stats *stats)
{
	struct port_queue *q = &p->queues[queue];
	uint64_t bytes = 0;
	unsigned n;

	if (unlikely(use_of(p) != PORT_USED))
		return 0;
	n = rte_eth_rx_burst(q->dev, q->queue, pkts, (uint16_t)RTE_MIN(max, (unsigned)UINT16_MAX));
	for (unsigned i = 0; i < n; i++) {
		pkts[i]->port = p->index;
		bytes += pkts[i]->pkt_len;
	}
	if (unlikely(p->n_vlans > 0))
		port_sort_vlans(p, pkts, n);
	if (unlikely(atomic_load_explicit(&q->audit, memory_order_relaxed) > 0))
		port_audit(q, pkts, n);
	stats_add(stats, STAT_RX_PACKETS, n);
	stats_add(stats, STAT_RX_BYTES, bytes);
	return n;
}

struct rte_mbuf *port_linear(const struct port *p, struct rte_mbuf *m, struct rte_mempool *pool)
{
	struct rte_mbuf *copy;

	if (likely(m->nb_segs <= p->max_segs && (p->max_segs > 1 || RTE_MBUF_DIRECT(m))))
		return m;
	/* Its cuts are what max_segs is about, and they are of few segments each. */
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG && m->nb_segs <= p->max_tso_segs)
		return m;
	copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
	rte_pktmbuf_free(m);
	if (copy != NULL && copy->nb_segs > 1) {
		rte_pktmbuf_free(copy);
		return NULL;
	}
	return copy;
}

/* Hands frames to the device until all are in, or there is no room; returns how many it took. */
static unsigned
hand_over(const struct port_queue *q, struct rte_mbuf *pkts[], unsigned n, struct stats *stats)
{
	uint32_t len[TX_BURST];
	uint64_t bytes = 0;
	unsigned sent = 0, now;

	for (unsigned i = 0; i < n; i++)
		len[i] = pkts[i]->pkt_len; /* sent frames are no longer ours to look at */
	/* Some drivers take a burst in parts. */
	do {
		now = rte_eth_tx_burst(q->dev, q->queue, pkts + sent, (uint16_t)(n - sent));
		sent += now;
	} while (sent < n && now > 0);
	for (unsigned i = 0; i < sent; i++)
		bytes += len[i];
	stats_add(stats, STAT_TX_PACKETS, sent);
	stats_add(stats, STAT_TX_BYTES, bytes);
	return sent;
}

static void late_add(struct port_queue *q, struct rte_mbuf *pkts[], unsigned n, struct stats *stats)
{
	unsigned kept = RTE_MIN(n, LATE_MAX - q->n_late);

	for (unsigned i = 0; i < kept; i++)
		q->late[(q->late_head + q->n_late++) % LATE_MAX] = pkts[i];
	rte_pktmbuf_free_bulk(pkts + kept, n - kept);
	stats_add(stats, STAT_TX_LATE, kept);
	stats_add(stats, STAT_DROP_TX_FULL, n - kept);
}

/* As many as there is room for; returns how many. */
static unsigned send_late(struct port_queue *q, struct stats *stats)
{
	unsigned total = 0;

	while (unlikely(q->n_late > 0)) {
		/* Up to where the array ends. */
		unsigned n = RTE_MIN(RTE_MIN(q->n_late, LATE_MAX - q->late_head), TX_BURST);
		unsigned sent = hand_over(q, q->late + q->late_head, n, stats);

		q->late_head = (q->late_head + sent) % LATE_MAX;
		q->n_late -= sent;
		total += sent;
		if (sent < n)
			break;
	}
	q->has_taken |= total > 0;
	return total;
}

unsigned port_tx_late(struct port *p, unsigned queue, uint64_t now_us, struct stats *stats)
{
	struct port_queue *q = &p->queues[queue];
	unsigned sent;

	if (unlikely(use_of(p) != PORT_USED))
		return 0; /* what waits when they are gone is port_close's */
	sent = send_late(q, stats);
	if (q->has_taken || q->n_late == 0)
		q->taken_us = now_us;
	q->has_taken = false;
	return sent;
}

bool port_is_backed_up(const struct port *p, unsigned queue, uint64_t now_us)
{
	const struct port_queue *q = &p->queues[queue];
	enum port_use use = use_of(p);

	return use == PORT_PAUSED ||
	    (q->n_late > 0 && now_us - q->taken_us < BACKED_UP_US && use == PORT_USED);
}

/* Leaves in pkts what the device's driver agrees to send, in order; returns how many. */
static unsigned
prepare(const struct port_queue *q, struct rte_mbuf *pkts[], unsigned n, struct stats *stats)
{
	unsigned done = 0;

	while (done < n) {
		done += rte_eth_tx_prepare(q->dev, q->queue, pkts + done, (uint16_t)(n - done));
		if (done == n)
			break;
		rte_pktmbuf_free(pkts[done]);
		stats_inc(stats, STAT_DROP_TX_REFUSED);
		n--;
		for (unsigned i = done; i < n; i++)
			pkts[i] = pkts[i + 1];
	}
	return n;
}

static void send_some(const struct port *p, struct port_queue *q, struct rte_mbuf *pkts[],
    unsigned n, struct stats *stats)
{
	unsigned sent = 0;

	if (p->offloads & (PORT_TX_IP_CHECKSUM | PORT_TX_TCP_CHECKSUM | PORT_TX_TSO))
		n = prepare(q, pkts, n, stats);
	if (likely(q->n_late == 0))
		sent = hand_over(q, pkts, n, stats);
	if (unlikely(sent < n))
		late_add(q, pkts + sent, n - sent, stats);
}

void port_tx(struct port *p, unsigned queue, struct rte_mbuf *pkts[], unsigned n,
    struct rte_mempool *pool, struct stats *stats)
{
	struct port_queue *q = &p->queues[queue];
	struct rte_mbuf *out[TX_BURST];
	unsigned n_out = 0;

	if (unlikely(use_of(p) == PORT_GONE)) {
		rte_pktmbuf_free_bulk(pkts, n);
		stats_add(stats, STAT_DROP_PORT_GONE, n);
		return;
	}
	if (p->sends_from_rx_pool)
		pool = q->pool;
	send_late(q, stats);
	for (unsigned i = 0; i < n; i++) {
		out[n_out] = port_linear(p, pkts[i], pool);
		if (unlikely(out[n_out] == NULL)) {
			stats_inc(stats, STAT_DROP_NO_MBUF);
			continue;
		}
		if (++n_out == TX_BURST) {
			send_some(p, q, out, n_out, stats);
			n_out = 0;
		}
	}
	if (n_out > 0)
		send_some(p, q, out, n_out, stats);
}
