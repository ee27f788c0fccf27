/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "dataplane/port/port.h"

/* What the files of this folder know of each other. Read-only once port_open has returned. */

struct port_queue {
	uint16_t dev, queue;      /* of the ethdev */
	struct rte_mempool *pool; /* the receive pool */
};

struct port {
	uint16_t index;
	uint16_t
	    max_segs; /* a frame of more mbufs is copied into one; 1: also indirect mbufs are */
	uint32_t offloads;       /* enum port_offload */
	bool sends_from_rx_pool; /* af_xdp: mbufs of the receive pool are not copied by the PMD */
	unsigned n_queues, n_devs;
	struct port_queue *queues;
	uint16_t *devs;
	char *name;
};

/*
 * A frame the device can send: m itself when it is, else one linear copy from pool and m is freed.
 * NULL when there is no memory or the frame fits no mbuf; m is freed then too. Takes m.
 */
struct rte_mbuf *port_linear(const struct port *p, struct rte_mbuf *m, struct rte_mempool *pool);

/*
 * Takes out of pool, for ever, the buffers that lie outside of the memory which net_af_xdp registers
 * with the kernel. The kernel drops a frame in such a buffer without a word, stops sending
 * at it until the next frame comes, and the buffer is lost anyhow. The pool is in one piece of
 * memory and no worker uses it yet. Returns how many; UINT32_MAX: out of memory.
 */
unsigned port_umem_retire(struct rte_mempool *pool);
