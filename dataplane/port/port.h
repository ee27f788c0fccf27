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
	/*
	 * Names of the devices that will be opened. Unless args choose (-a, -b, --no-pci), EAL takes of
	 * the machine's PCI devices these and no others; NULL: as args and EAL's defaults say.
	 */
	const char *const *devices;
	unsigned n_devices;
};

/*
 * Starts EAL once per process and pins the calling thread to the control core. Without enough free
 * hugepages memory is ordinary memory of memory_mb, and the log says so. 0, or -1 with the reason.
 */
int eal_start(const struct eal_config *config, struct err *e);
void eal_stop(void);

enum port_flow_control {
	PORT_FLOW_KEEP,
	PORT_FLOW_OFF,
	PORT_FLOW_ON
};

#define PORT_RSS_KEY_MAX 64
#define PORT_VLANS_MAX   8

struct port_config {
	const char *name;
	const char *const *devices; /* ethdev names, or a PCI address */
	unsigned n_devices;         /* 1, or n_queues */
	unsigned n_queues;          /* workers */
	uint16_t mtu;
	bool offloads;                           /* false: use none */
	uint16_t rx_descriptors, tx_descriptors; /* 0: 1024, cut to what the device allows */
	bool promiscuous;
	enum port_flow_control
	    flow_control; /* pause frames; a device that cannot be told is refused */
	uint16_t vlans
	    [PORT_VLANS_MAX]; /* ids of tagged frames to be received, for devices that filter */
	unsigned n_vlans;
	/*
	 * What devices that let themselves be told shall hash flows by: secret, so that clients cannot choose their
	 * queue, and the same for all ports. NULL: each its own. Borrowed for as long as the port is open.
	 */
	const uint8_t *rss_key; /* PORT_RSS_KEY_MAX bytes */
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

struct port_vlan {
	uint16_t vlan;  /* 802.1Q id; 0: untagged */
	uint16_t index; /* what port_rx writes to m->port of its frames */
};

/*
 * Several networks on one wire: tells their frames apart from now on. Those of none of them keep the
 * port's own index. At most PORT_VLANS_MAX; to be called before any worker uses p.
 */
void port_set_vlans(struct port *p, const struct port_vlan vlans[], unsigned n);

/* Stops and closes the devices; NULL is fine. No worker may be using it. */
void port_close(struct port *p);

void port_mac(const struct port *p, uint8_t mac[6]);
uint32_t port_offloads(const struct port *p); /* enum port_offload bits asked of the devices */
const char *port_name(const struct port *p);

#define PORT_RSS_TABLE_MAX 2048 /* ice has as many */

/* How a device spreads flows, as it says itself. */
struct port_rss {
	uint64_t types; /* RTE_ETH_RSS_* */
	unsigned key_size, table_size;
	uint8_t key[PORT_RSS_KEY_MAX];
	uint16_t table[PORT_RSS_TABLE_MAX]; /* queue of each hash value, modulo table_size */
};

/* NULL: the port has one queue, several devices, or a device that does not say. */
const struct port_rss *port_rss(const struct port *p);

/* Which queue TCP packets go to, over IPv4 and IPv6, by some bits of their two ports. */
struct port_flow_config {
	unsigned shift, bits;     /* of each port: bits of them from shift on, 1..5 */
	const uint16_t *queue_of; /* [source bits << bits | destination bits] */
	bool untagged, tagged;    /* of frames without an 802.1Q tag, with one */
};

/*
 * Gives these rules to the device (rte_flow), instead of any from before: each is asked for with validate, then
 * created. 0; or -1 with the reason and no rule left when it does not take one of them all.
 */
int port_flow_set(struct port *p, const struct port_flow_config *config, struct err *why);

/* Takes them off; port_close does so, too. */
void port_flow_clear(struct port *p);

unsigned port_flow_rules(const struct port *p);

/* "front0: 0000:3b:00.0 queue 1": what serves queue of ours; cut to size. */
void port_queue_name(const struct port *p, unsigned queue, char *text, size_t size);

struct port_link {
	bool is_up; /* of several devices: all of them */
	bool is_full_duplex;
	uint32_t speed_mbps; /* 0: down, or not known */
};

/*
 * Control only, as all that follows up to port_ring_mbufs; but port_queue_name, port_link_get and port_xstats any thread
 * but a worker, also while control releases the devices.
 */
void port_link_get(const struct port *p, struct port_link *out);
bool port_link_is_up(const struct port *p);

/* How often the link went up or down between calls of port_watch. */
unsigned port_link_changes(const struct port *p);

/*
 * To be called some times a second: logs links that come and go, devices that are gone, and one found to call
 * wrong checksums good (the first frames of each queue are verified, and software does it all afterwards).
 */
void port_watch(struct port *p);

/*
 * The stack has found that the devices do not do what they say (enum port_offload): logged, once for
 * each. It has stopped asking by itself.
 */
void port_refute(struct port *p, uint32_t offloads);
uint32_t port_refuted(const struct port *p); /* by this or by port_watch */

/* True once a device of the port has been unplugged, or reports an error that only a restart mends. */
bool port_is_broken(const struct port *p);

/*
 * True once: the machine wants a device of the port back, as somebody unplugs it, and waits until it gets it. From
 * now on port_rx brings nothing, and what is to be sent is dropped and counted; a grace period later, when no worker
 * is within port_rx or port_tx any more, port_release has to be called. Logged.
 */
bool port_leave(struct port *p);

/* Closes the devices and gives them back. p stays, without any, until port_close. */
void port_release(struct port *p);

/*
 * True while the machine wants a member of a bond (net_bonding) back. Then pause p, and a grace period later call
 * port_release_members, which gives it back; the bond goes on with the others, or the port is gone with the last. Logged.
 */
bool port_member_leaves(const struct port *p);
void port_release_members(struct port *p);

/*
 * Paused, port_rx brings nothing and port_is_backed_up is true: who sees that calls no port_tx. A grace period later
 * no worker is within the devices' drivers.
 */
void port_set_paused(struct port *p, bool is_paused);

/*
 * What EAL's interrupt thread does is done when control chooses. That is for devices that share memory with another
 * process (net_memif): when that one ends, however it does, the driver unmaps the memory there and then, whether or not
 * a worker is about to read it (DPDK 22.11 and later).
 *
 * From here on the thread is held, until no port is open any more: a device that is closed while its peer goes away would be
 * taken apart by two threads, which the driver does not see to. Without such a device all of this does nothing. Once all ports
 * are open, before workers use them. 0, or -1 with the reason.
 */
int port_guard_start(struct err *e);

/* Lets it go its own ways again: when all ports are closed. */
void port_guard_stop(void);

/* True when the thread is to have another turn: every second, or more often while links are down. Any clock. */
bool port_guard_is_due(double now_s);

/* Gives it a turn: what waits is done, which takes some 0.1 ms, or 2 ms while links are down. No worker may be using a port. */
void port_guard_pass(double now_s);

/* Calls fn for each of the devices' own counters; device counts from 0 within the port. */
typedef void (*port_xstat_fn)(void *arg, unsigned device, const char *name, uint64_t value);
void port_xstats(const struct port *p, port_xstat_fn fn, void *arg);

/*
 * The worst number of mbufs the devices may hold in their rings, per queue: for sizing pools
 * before port_open. 0 when a device is not known to EAL.
 */
unsigned port_ring_mbufs(const struct port_config *config);

/* Receives up to max frames from queue; each gets m->port = index. Counts in stats. */
unsigned
port_rx(struct port *p, unsigned queue, struct rte_mbuf *pkts[], unsigned max, struct stats *stats);

/*
 * Sends n frames, and takes them all: what the device has no room for waits in order, up to a bound
 * beyond which it is dropped and counted (TCP sends it again). Chains become one linear copy, from pool,
 * when the device cannot gather (af_xdp: from the queue's receive pool, which it sends from without
 * another copy). Counts in stats.
 */
void port_tx(struct port *p, unsigned queue, struct rte_mbuf *pkts[], unsigned n,
    struct rte_mempool *pool, struct stats *stats);

/* Sends what waits; to be called in every round. Returns how many it sent. */
unsigned port_tx_late(struct port *p, unsigned queue, uint64_t now_us, struct stats *stats);

/*
 * Frames wait, and the device had room not long ago: it takes them more slowly than they are made, so no more should be
 * until it has caught up. A device that has taken none for 20 ms (its link is down) is not waited for. Also while the
 * port is paused.
 */
bool port_is_backed_up(const struct port *p, unsigned queue, uint64_t now_us);
