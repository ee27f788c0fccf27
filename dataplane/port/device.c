/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/port/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/port/internal.h"

#define DEFAULT_DESCRIPTORS 1024
#define AF_XDP_FILL_MIN     2048 /* the PMD fills its umem with so many buffers at the start */
#define FRAME_OVERHEAD      (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN + RTE_ETHER_CRC_LEN)
#define XDP_HEADROOM        256 /* the kernel keeps it free in front of each frame */
#define TSO_SEGS            20  /* more than TCP chains for a device to cut */

/*
 * What PMDs of DPDK 22.11 do not tell through their capabilities:
 *
 * net_tap offers checksums and TSO, but computes them in software, and wrongly for a chain whose
 * inner segments have odd lengths: ours, in one pass with the copy, are right and cheaper.
 * net_af_xdp sends mbufs of the umem (the receive pool) in place and copies all others.
 * net_memif says 1,500, and moves frames of any length, over several of its buffers where they do not fit one (bsize=).
 */
static const struct quirk quirks[] = {
	{ .driver = "net_tap", .no_offloads = true },
	{ .driver = "net_af_xdp", .no_offloads = true, .is_umem = true },
	{ .driver = "net_memif", .any_mtu = true },
};

static struct quirk quirk_find(const char *driver)
{
	for (unsigned i = 0; i < RTE_DIM(quirks); i++)
		if (strcmp(driver, quirks[i].driver) == 0)
			return quirks[i];
	return (struct quirk){ .driver = driver };
}

/* The names EAL knows, for a message about one that it does not. */
static void list_known(char *text, size_t size)
{
	size_t n = 0;
	uint16_t id;

	text[0] = '\0';
	RTE_ETH_FOREACH_DEV(id) {
		char name[RTE_ETH_NAME_MAX_LEN];

		if (rte_eth_dev_get_name_by_port(id, name) == 0 && n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n > 0 ? ", " : "", name);
	}
	if (n == 0)
		snprintf(text, size, "none");
}

int device_find(struct device *d, const struct port_config *config, unsigned i, struct err *e)
{
	char known[1024];
	int rc;

	memset(d, 0, sizeof(*d));
	d->name = config->devices[i];
	d->n_queues = (uint16_t)(config->n_devices == 1 ? config->n_queues : 1);
	if (rte_eth_dev_get_port_by_name(d->name, &d->id) != 0) {
		list_known(known, sizeof(known));
		return err_set(e,
		    "port '%s': EAL has no device '%s' (it has: %s); a virtual one needs --vdev in 'eal', a "
		    "PCI one has to be bound to vfio-pci",
		    config->name, d->name, known);
	}
	rc = rte_eth_dev_info_get(d->id, &d->info);
	if (rc != 0)
		return err_set(e, "port '%s': device '%s' does not say what it can: %s",
		    config->name, d->name, rte_strerror(-rc));
	d->quirk = quirk_find(d->info.driver_name);
	d->n_rx_desc = config->rx_descriptors > 0 ? config->rx_descriptors : DEFAULT_DESCRIPTORS;
	d->n_tx_desc = config->tx_descriptors > 0 ? config->tx_descriptors : DEFAULT_DESCRIPTORS;
	return 0;
}

int device_check(const struct device *d, const struct port_config *config, struct err *e)
{
	unsigned max_queues = RTE_MIN(d->info.max_rx_queues, d->info.max_tx_queues);

	if (d->n_queues > max_queues)
		return err_set(e,
		    "port '%s': device '%s' has %u queues and each of the %u workers needs one; use fewer "
		    "workers%s",
		    config->name, d->name, max_queues, config->n_queues,
		    d->quirk.is_umem
			? " or one device per worker (start_queue=0, 1, ...; queue_count=1)"
			: "");
	if (config->mtu < d->info.min_mtu || config->mtu > d->info.max_mtu)
		return err_set(e, "port '%s': device '%s' takes an mtu of %u to %u, not %u",
		    config->name, d->name, d->info.min_mtu, d->info.max_mtu, config->mtu);
	return 0;
}

static uint32_t has_all(uint64_t offered, uint64_t wanted, uint32_t then)
{
	return (offered & wanted) == wanted ? then : 0;
}

uint32_t device_offloads(const struct device *d, bool wanted)
{
	uint64_t rx = d->info.rx_offload_capa, tx = d->info.tx_offload_capa;
	uint32_t offloads = has_all(tx, RTE_ETH_TX_OFFLOAD_MULTI_SEGS, PORT_TX_MULTI_SEGS);

	if (!wanted || d->quirk.no_offloads)
		return offloads;
	/* virtio and vmxnet3 look at TCP alone: what a device says nothing about, net does. */
	offloads |= has_all(rx, RTE_ETH_RX_OFFLOAD_TCP_CKSUM, PORT_RX_CHECKSUM);
	offloads |= has_all(tx, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, PORT_TX_IP_CHECKSUM);
	offloads |= has_all(tx, RTE_ETH_TX_OFFLOAD_TCP_CKSUM, PORT_TX_TCP_CHECKSUM);
	if (d->info.tx_desc_lim.nb_seg_max == 0 || d->info.tx_desc_lim.nb_seg_max >= TSO_SEGS)
		offloads |= has_all(tx,
		    RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
			RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		    PORT_TX_TSO);
	return offloads;
}

static void set_offloads(struct device *d, uint32_t offloads)
{
	struct rte_eth_conf *c = &d->conf;

	if (offloads & PORT_RX_CHECKSUM)
		c->rxmode.offloads |= d->info.rx_offload_capa &
		    (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
	if (offloads & PORT_TX_IP_CHECKSUM)
		c->txmode.offloads |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	if (offloads & PORT_TX_TCP_CHECKSUM)
		c->txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	if (offloads & PORT_TX_TSO)
		c->txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
	if (offloads & PORT_TX_MULTI_SEGS)
		c->txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
}

/* Spreads flows over the queues; who owns a flow is steer's business, not the hash's. */
static void set_rss(struct device *d, const struct port_config *config)
{
	const uint64_t flows = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP;

	if (d->n_queues == 1 || d->quirk.no_offloads ||
	    (d->info.flow_type_rss_offloads & flows) == 0)
		return;
	d->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	d->conf.rx_adv_conf.rss_conf.rss_hf = d->info.flow_type_rss_offloads & flows;
	/* Some take a key now and never again (vmxnet3), some only later (port_rss_set_key). */
	if (config->rss_key != NULL && d->info.hash_key_size > 0 &&
	    d->info.hash_key_size <= PORT_RSS_KEY_MAX) {
		d->conf.rx_adv_conf.rss_conf.rss_key = (uint8_t *)(uintptr_t)config->rss_key;
		d->conf.rx_adv_conf.rss_conf.rss_key_len = d->info.hash_key_size;
	}
	/* What steer compares with its own. */
	d->conf.rxmode.offloads |= d->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
}

/*
 * A device that can filter VLANs drops all tagged frames when it is not told of them: QEMU's virtio
 * does as soon as the driver knows filters at all.
 */
static void set_vlans(struct device *d, const struct port_config *config)
{
	if (config->n_vlans > 0)
		d->conf.rxmode.offloads |= d->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
}

/* A frame of the full mtu has to fit a buffer, or the device has to scatter it over several. */
int device_set_scatter(struct device *d, const struct port_config *config, struct err *e)
{
	unsigned front = RTE_PKTMBUF_HEADROOM + (d->quirk.is_umem ? XDP_HEADROOM : 0);
	unsigned room = UINT16_MAX;

	for (unsigned i = 0; i < config->n_queues; i++)
		room = RTE_MIN(room, (unsigned)rte_pktmbuf_data_room_size(config->pools[i]));
	if (room >= front + config->mtu + FRAME_OVERHEAD)
		return 0;
	if ((d->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) == 0)
		return err_set(e,
		    "port '%s': frames of mtu %u do not fit buffers of %u bytes of device '%s'",
		    config->name, config->mtu, room - RTE_MIN(room, front), d->name);
	d->conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	return 0;
}

static int fail(const struct port_config *config, const struct device *d, const char *what, int rc,
    struct err *e)
{
	return err_set(e, "port '%s': device '%s' (%s): %s: %s", config->name, d->name,
	    d->info.driver_name, what, rte_strerror(-rc));
}

static int prepare_umem(const struct device *d, const struct port_config *config,
    struct rte_mempool *pool, struct err *e)
{
	unsigned n;

	if (pool->nb_mem_chunks != 1)
		return err_set(e,
		    "port '%s': device '%s' needs its buffers in one piece of memory; add "
		    "\"--iova-mode=va\" to 'eal'",
		    config->name, d->name);
	n = port_umem_retire(pool);
	if (n == UINT32_MAX)
		return err_set(e, "port '%s': out of memory", config->name);
	if (n > 0)
		log_info("port '%s': %u of %u packet buffers of pool '%s' are out of reach of '%s'",
		    config->name, n, pool->populated_size, pool->name, d->name);
	return 0;
}

static int setup_queues(struct device *d, const struct port_config *config,
    struct rte_mempool *const *pools, struct err *e)
{
	int socket = rte_eth_dev_socket_id(d->id);
	int rc;

	for (uint16_t i = 0; i < d->n_queues; i++) {
		if (d->quirk.is_umem && prepare_umem(d, config, pools[i], e) != 0)
			return -1;
		rc = rte_eth_rx_queue_setup(
		    d->id, i, d->n_rx_desc, (unsigned)socket, NULL, pools[i]);
		if (rc != 0)
			return fail(config, d, "receive queue", rc, e);
		rc = rte_eth_tx_queue_setup(d->id, i, d->n_tx_desc, (unsigned)socket, NULL);
		if (rc != 0)
			return fail(config, d, "transmit queue", rc, e);
	}
	return 0;
}

static int set_mtu(const struct device *d, const struct port_config *config, struct err *e)
{
	int rc = rte_eth_dev_set_mtu(d->id, config->mtu);

	/* A device that cannot be told takes what it takes: rte_eth_dev_configure has checked. */
	if (rc == 0 || rc == -ENOTSUP)
		return 0;
	return fail(config, d, "mtu", rc, e);
}

static int take_vlans(const struct device *d, const struct port_config *config, struct err *e)
{
	if ((d->conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) == 0)
		return 0;
	for (unsigned i = 0; i < config->n_vlans; i++) {
		int rc = rte_eth_dev_vlan_filter(d->id, config->vlans[i], 1);

		if (rc != 0)
			return fail(config, d, "receiving a VLAN", rc, e);
	}
	return 0;
}

/*
 * Neighbour discovery listens to multicast groups. A device without a switch for all of them has
 * to take everything; net looks at addresses anyhow. Devices with neither filter nothing. A virtual
 * function that its host does not trust may do neither: it works, but for IPv6's neighbours.
 */
static int take_multicast(const struct device *d, const struct port_config *config, struct err *e)
{
	int rc;

	/* Some come promiscuous, or as who had them last left them. */
	rc = config->promiscuous ? rte_eth_promiscuous_enable(d->id)
				 : rte_eth_promiscuous_disable(d->id);
	if (rc != 0 && config->promiscuous)
		return fail(config, d, "promiscuous mode", rc, e);
	if (rc != 0 && rc != -ENOTSUP)
		log_warning("port '%s': device '%s' may be promiscuous: %s", config->name, d->name,
		    rte_strerror(-rc));
	rc = rte_eth_allmulticast_enable(d->id);
	if (rc != 0)
		rc = rte_eth_promiscuous_enable(d->id);
	if (rc != 0 && rc != -ENOTSUP)
		log_warning(
		    "port '%s': device '%s' receives no multicast, so IPv6 neighbours may not "
		    "find it: %s",
		    config->name, d->name, rte_strerror(-rc));
	return 0;
}

static int set_flow_control(const struct device *d, const struct port_config *config, struct err *e)
{
	struct rte_eth_fc_conf conf = { 0 };
	int rc;

	if (config->flow_control == PORT_FLOW_KEEP)
		return 0;
	rc = rte_eth_dev_flow_ctrl_get(d->id, &conf);
	if (rc == 0) {
		conf.mode =
		    config->flow_control == PORT_FLOW_ON ? RTE_ETH_FC_FULL : RTE_ETH_FC_NONE;
		rc = rte_eth_dev_flow_ctrl_set(d->id, &conf);
	}
	return rc == 0 ? 0 : fail(config, d, "flow_control (leave it out, or \"keep\")", rc, e);
}

/* What became of set_rss; steer copes with any of it, so nothing here is fatal. */
static void check_rss(struct port *p, const struct device *d, const struct port_config *config)
{
	int rc;

	if (d->conf.rxmode.mq_mode != RTE_ETH_MQ_RX_RSS)
		return;
	if (config->rss_key != NULL)
		port_rss_set_key(d->id, config->rss_key);
	rc = port_rss_read(d->id, d->n_queues, &p->rss);
	p->has_rss = rc == 0;
	if (rc == -ENOTSUP)
		log_info("port '%s': device '%s' does not tell how it spreads flows", config->name,
		    d->name);
	else if (rc != 0)
		log_warning(
		    "port '%s': device '%s' does not spread flows evenly over %u queues: %s",
		    config->name, d->name, d->n_queues, rte_strerror(-rc));
	else
		log_info("port '%s': RSS by a key of %u bytes and a table of %u over %u queues",
		    config->name, p->rss.key_size, p->rss.table_size, d->n_queues);
}

/* Workers on the other socket reach the device's memory through the link between sockets. */
static void check_numa(const struct device *d, const struct port_config *config)
{
	int socket = rte_eth_dev_socket_id(d->id);
	unsigned lcore;

	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (socket >= 0 && rte_lcore_to_socket_id(lcore) != (unsigned)socket) {
			log_warning(
			    "port '%s': device '%s' is on NUMA node %d and a worker is not: choose "
			    "runtime.workers from that node",
			    config->name, d->name, socket);
			return;
		}
	}
}

int device_start(struct port *p, struct device *d, const struct port_config *config,
    struct rte_mempool *const *pools, struct err *e)
{
	int rc;

	d->conf.rxmode.mtu = d->quirk.any_mtu ? RTE_ETHER_MTU : config->mtu;
	d->conf.intr_conf.rmv = (*d->info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
	set_offloads(d, p->offloads);
	set_vlans(d, config);
	set_rss(d, config);
	rc = rte_eth_dev_configure(d->id, d->n_queues, d->n_queues, &d->conf);
	if (rc != 0)
		return fail(config, d, "configuration refused", rc, e);
	if (!port_bond_add(p, d->id)) /* a bond has its members from here on */
		return err_set(e, "port '%s': out of memory", config->name);
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(d->id, &d->n_rx_desc, &d->n_tx_desc);
	if (rc != 0)
		return fail(config, d, "ring sizes", rc, e);
	if (set_mtu(d, config, e) != 0 || setup_queues(d, config, pools, e) != 0)
		return -1;
	rc = rte_eth_dev_start(d->id);
	if (rc != 0)
		return fail(config, d, "start", rc, e);
	check_rss(p, d, config);
	check_numa(d, config);
	if (set_flow_control(d, config, e) != 0 || take_vlans(d, config, e) != 0)
		return -1;
	return take_multicast(d, config, e);
}

unsigned device_ring_mbufs(struct device *d)
{
	unsigned n;

	/* Limits are known before the device is configured, so its rings are too. */
	rte_eth_dev_adjust_nb_rx_tx_desc(d->id, &d->n_rx_desc, &d->n_tx_desc);
	n = (unsigned)d->n_rx_desc + d->n_tx_desc;
	if (d->quirk.is_umem) /* a fill ring before and a completion ring behind */
		n += RTE_MAX(2u * d->n_rx_desc, (unsigned)AF_XDP_FILL_MIN) + d->n_tx_desc;
	return n;
}
