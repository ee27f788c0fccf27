/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdatomic.h>

#include "dataplane/port/port.h"

/*
 * What the files of this folder know of each other. Read-only once port_open has returned, but for
 * audit (its worker) and what port_watch keeps (control).
 */

/*
 * How many more frames with a checksum that the device calls good are verified. When one is wrong,
 * the queue's device is not believed any more.
 */
#define AUDIT_FRAMES 256u
#define AUDIT_FAILED UINT32_MAX

/*
 * Frames that may wait for room in the transmit ring: as many as Linux lets wait for a NIC. A modelled one
 * has 256 descriptors and a thread that gets to them when it gets to them; what a congestion window lets go at once is
 * more.
 */
#define LATE_MAX 1024u

struct port_queue {
	uint16_t dev, queue;      /* of the ethdev */
	struct rte_mempool *pool; /* the receive pool */
	_Atomic uint32_t audit;   /* frames left, or AUDIT_FAILED; 0: over */
	/* Its worker's own: frames for which there was no room, from late_head on. */
	uint32_t late_head, n_late;
	uint64_t taken_us;      /* when nothing waited, or the device took some of it */
	bool has_taken;         /* since then */
	struct rte_mbuf **late; /* LATE_MAX */
} __attribute__((aligned(64)));

enum link_seen {
	LINK_NEVER_SEEN,
	LINK_SEEN_DOWN,
	LINK_SEEN_UP
};

/* A device that a net_bonding of the port is made of. */
struct port_member {
	uint16_t dev, bond;      /* ethdevs */
	_Atomic bool is_leaving; /* EAL's interrupt thread sets it: the machine wants it back */
	bool is_gone;            /* it was given back */
};

/* What workers may do with the devices; control sets it. */
enum port_use {
	PORT_USED,
	PORT_PAUSED,
	PORT_GONE
};

struct port {
	uint16_t index;
	uint16_t
	    max_segs; /* a frame of more mbufs is copied into one; 1: also indirect mbufs are */
	uint16_t max_tso_segs;   /* of a frame that the device cuts */
	uint32_t offloads;       /* enum port_offload */
	uint32_t refuted;        /* of these; control's own */
	_Atomic bool is_broken;  /* EAL's interrupt thread sets it */
	_Atomic bool is_leaving; /* that too: the machine wants a device back */
	_Atomic enum port_use use;
	bool said_broken;
	bool sends_from_rx_pool; /* af_xdp: mbufs of the receive pool are not copied by the PMD */
	unsigned n_queues, n_devs;
	struct port_queue *queues;
	uint16_t *devs;
	char *name;
	struct port_vlan vlans[PORT_VLANS_MAX]; /* n_vlans 0: all frames are this port's */
	unsigned n_vlans;
	struct port_rss rss;
	bool has_rss;
	struct rte_flow **flows; /* rules of port_flow_set, n_flows of them */
	unsigned n_flows;
	enum link_seen link_seen;
	unsigned link_changes;
	struct port_member
	    *members; /* of all bonds among devs; n_members of them, for as long as p lives */
	unsigned n_members;
};

/*
 * Takes up the members of dev, if it is a bond, which is configured. False: out of memory. Before port_listen, which
 * keeps pointers to them.
 */
bool port_bond_add(struct port *p, uint16_t dev);

/* Takes m out of its bond, which goes on. No worker may be using p. 0, or negative. */
int port_bond_remove(const struct port *p, struct port_member *m);

/* How many members that bond still has. */
unsigned port_bond_left(const struct port *p, uint16_t bond);

/*
 * Closes the members, and forgets them: the bond itself, which is closed before, only stops them. Their rings hold packets, which
 * EAL would free when it ends, and that is after their pools.
 */
void port_bond_close(struct port *p);

/* Of each frame that is in one of p's VLANs: sets m->port to that VLAN's index. */
void port_sort_vlans(const struct port *p, struct rte_mbuf *pkts[], unsigned n);

/* False when the device has called a checksum of m good that is not; true when there is no telling. */
bool port_audit_is_true(const struct rte_mbuf *m);

/*
 * Verifies what the device says of these frames' checksums while the audit of q lasts; once it has
 * failed, takes the device's word off every frame, so that net looks for itself.
 */
void port_audit(struct port_queue *q, struct rte_mbuf *pkts[], unsigned n);

/* Hears from EAL of devices that go away or fail; false: out of memory. */
bool port_listen(struct port *p);
void port_listen_end(struct port *p);

/* True when every one of n_queues has its share of the table, to one entry, and no other has any. */
bool port_rss_is_even(const struct port_rss *rss, unsigned n_queues);

/*
 * Reads back the key and the table of a started device and evens the table out when it is not. 0, or
 * a negative errno: -ENOTSUP when the device cannot say, -EIO when it did not take the table.
 */
int port_rss_read(uint16_t dev, unsigned n_queues, struct port_rss *rss);

/*
 * Asks a started device to hash by this key, as long as it wants one of at most PORT_RSS_KEY_MAX bytes. What
 * came of it, port_rss_read tells.
 */
void port_rss_set_key(uint16_t dev, const uint8_t key[PORT_RSS_KEY_MAX]);

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
