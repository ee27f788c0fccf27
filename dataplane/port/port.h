/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

struct err;
struct stats;

/*
 * EAL and Ethernet ports. A port of ours has one queue pair per worker; it is either one ethdev
 * with that many queues, or several ethdevs with one queue each (af_xdp on veth).
 */

struct eal_config {
	const char *const *args; /* the operator's, without argv[0]; they win over our defaults */
	unsigned n_args;
	const unsigned *worker_cores; /* workers become EAL lcores 1..n, in this order */
	unsigned n_workers;
	int control_core;   /* main lcore 0; -1: any core that is no worker's (else shared) */
	unsigned memory_mb; /* what pools will need; 0: 1024. Decides whether hugepages suffice. */
};

/*
 * Starts EAL once per process and pins the calling thread to the control core. Without enough free
 * hugepages memory is ordinary memory of memory_mb, and the log says so. 0, or -1 with the reason.
 */
int eal_start(const struct eal_config *config, struct err *e);
void eal_stop(void);

struct port_config {
	const char *name;
	const char *const *devices; /* ethdev names, or a PCI address */
	unsigned n_devices;         /* 1, or n_queues */
	unsigned n_queues;          /* workers */
	uint16_t mtu;
	bool offloads;                           /* false: use none */
	uint16_t rx_descriptors, tx_descriptors; /* 0: 1024, cut to what the device allows */
	/*
	 * The receive pool of each queue; borrowed. Its data room takes a frame of mtu behind the
	 * headroom, and 256 bytes more for af_xdp, which also wants it in one piece of memory.
	 */
	struct rte_mempool *const *pools;
};

enum port_offload {
	PORT_RX_CHECKSUM = 1 << 0,
	PORT_TX_IP_CHECKSUM = 1 << 1,
	PORT_TX_TCP_CHECKSUM = 1 << 2,
	PORT_TX_TSO = 1 << 3,
	PORT_TX_MULTI_SEGS = 1 << 4,
};

struct port;

/* Configures and starts the devices. NULL with the reason, which names the device. index is
 * what port_rx writes to m->port. The caller owns it. */
struct port *port_open(const struct port_config *config, uint16_t index, struct err *e);

/* Stops and closes the devices; NULL is fine. No worker may be using it. */
void port_close(struct port *p);

void port_mac(const struct port *p, uint8_t mac[6]);
uint32_t port_offloads(const struct port *p); /* enum port_offload bits in use */
const char *port_name(const struct port *p);
bool port_link_is_up(const struct port *p); /* control only */

/*
 * The worst number of mbufs the devices may hold in their rings, per queue: for sizing pools
 * before port_open. 0 when a device is not known to EAL.
 */
unsigned port_ring_mbufs(const struct port_config *config);

/* Receives up to max frames from queue; each gets m->port = index. Counts in stats. */
unsigned
port_rx(struct port *p, unsigned queue, struct rte_mbuf *pkts[], unsigned max, struct stats *stats);

/*
 * Sends n frames, and takes them all: what the device does not accept after a bounded number of
 * tries is dropped and counted (TCP sends it again). Chains become one linear copy, from pool,
 * when the device cannot gather (af_xdp: from the queue's receive pool, which it sends from without
 * another copy). Counts in stats.
 */
void port_tx(struct port *p, unsigned queue, struct rte_mbuf *pkts[], unsigned n,
    struct rte_mempool *pool, struct stats *stats);

/* Fills the device's own counters as "name value\n" lines for SIGUSR1 and metrics; control only.
 * Returns bytes written, at most size. */
size_t port_print_xstats(const struct port *p, char *text, size_t size);
