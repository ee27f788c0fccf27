/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/port/port.h"

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/port/device.h"
#include "dataplane/port/internal.h"

static struct port *port_alloc(const struct port_config *config, uint16_t index)
{
	struct port *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->index = index;
	p->name = strdup(config->name);
	p->queues = aligned_alloc(64, config->n_queues * sizeof(*p->queues));
	p->devs = calloc(config->n_devices, sizeof(*p->devs));
	if (p->name == NULL || p->queues == NULL || p->devs == NULL)
		goto fail;
	memset(p->queues, 0, config->n_queues * sizeof(*p->queues));
	for (; p->n_queues < config->n_queues; p->n_queues++) {
		struct port_queue *q = &p->queues[p->n_queues];

		q->late = calloc(LATE_MAX, sizeof(struct rte_mbuf *));
		if (q->late == NULL)
			goto fail;
	}
	return p;
fail:
	port_close(p);
	return NULL;
}

static void set_limits(struct port *p, const struct device *devs, unsigned n)
{
	p->max_segs = p->max_tso_segs = UINT16_MAX;
	for (unsigned i = 0; i < n; i++) {
		const struct rte_eth_desc_lim *lim = &devs[i].info.tx_desc_lim;

		/* Per frame as it leaves the device; i40e takes eight. 0: it does not say. */
		if (lim->nb_mtu_seg_max > 0)
			p->max_segs = RTE_MIN(p->max_segs, lim->nb_mtu_seg_max);
		if (lim->nb_seg_max > 0)
			p->max_tso_segs = RTE_MIN(p->max_tso_segs, lim->nb_seg_max);
		p->sends_from_rx_pool |= devs[i].quirk.is_umem;
	}
	if ((p->offloads & PORT_TX_MULTI_SEGS) == 0)
		p->max_segs = 1;
}

static void log_opened(const struct port *p, const struct device *d)
{
	uint8_t mac[6];

	port_mac(p, mac);
	log_info(
	    "port '%s': %s, %u device(s), %u queue(s), %02x:%02x:%02x:%02x:%02x:%02x, offloads:%s%s%s%s%s%s",
	    p->name, d->info.driver_name, p->n_devs, p->n_queues, mac[0], mac[1], mac[2], mac[3],
	    mac[4], mac[5], p->offloads == 0 ? " none" : "",
	    p->offloads & PORT_RX_CHECKSUM ? " rx-checksum" : "",
	    p->offloads & PORT_TX_IP_CHECKSUM ? " tx-ip-checksum" : "",
	    p->offloads & PORT_TX_TCP_CHECKSUM ? " tx-tcp-checksum" : "",
	    p->offloads & PORT_TX_TSO ? " tso" : "",
	    p->offloads & PORT_TX_MULTI_SEGS ? " gather" : "");
}

/* Starts every device and maps our queues to theirs. */
static int
port_start(struct port *p, struct device *devs, const struct port_config *config, struct err *e)
{
	unsigned next = 0;

	for (unsigned dev = 0; dev < config->n_devices; dev++) {
		struct device *d = &devs[dev];

		p->devs[p->n_devs++] = d->id; /* port_close sees to it from here on */
		if (device_start(p, d, config, config->pools + next, e) != 0)
			return -1;
		for (uint16_t i = 0; i < d->n_queues; i++, next++) {
			struct port_queue *q = &p->queues[next];

			q->dev = d->id;
			q->queue = i;
			q->pool = config->pools[next];
			q->audit = p->offloads & PORT_RX_CHECKSUM ? AUDIT_FRAMES : 0;
		}
	}
	return port_listen(p) ? 0 : err_set(e, "port '%s': out of memory", config->name);
}

struct port *port_open(const struct port_config *config, uint16_t index, struct err *e)
{
	struct port *p = NULL;
	struct device *devs;

	if (config->n_devices != 1 && config->n_devices != config->n_queues) {
		err_set(e,
		    "port '%s': %u devices for %u workers; name one device, or one per worker",
		    config->name, config->n_devices, config->n_queues);
		return NULL;
	}
	devs = calloc(config->n_devices, sizeof(*devs));
	p = port_alloc(config, index);
	if (devs == NULL || p == NULL) {
		err_set(e, "port '%s': out of memory", config->name);
		goto fail;
	}
	p->offloads = UINT32_MAX;
	for (unsigned i = 0; i < config->n_devices; i++) {
		if (device_find(&devs[i], config, i, e) != 0 ||
		    device_check(&devs[i], config, e) != 0 ||
		    device_set_scatter(&devs[i], config, e) != 0)
			goto fail;
		/* The port uses what all its devices do. */
		p->offloads &= device_offloads(&devs[i], config->offloads);
	}
	set_limits(p, devs, config->n_devices);
	if (port_start(p, devs, config, e) != 0)
		goto fail;
	log_opened(p, &devs[0]);
	free(devs);
	return p;
fail:
	free(devs);
	port_close(p);
	return NULL;
}

void port_close(struct port *p)
{
	if (p == NULL)
		return;
	port_flow_clear(p);
	port_listen_end(p);
	for (unsigned i = 0; i < p->n_queues; i++) {
		struct port_queue *q = &p->queues[i];

		for (; q->n_late > 0; q->n_late--)
			rte_pktmbuf_free(q->late[q->late_head++ % LATE_MAX]);
		free(q->late);
	}
	for (unsigned i = 0; i < p->n_devs; i++) {
		rte_eth_dev_stop(p->devs[i]);
		rte_eth_dev_close(p->devs[i]);
	}
	port_bond_close(p);
	free(p->devs);
	free(p->queues);
	free(p->name);
	free(p);
}

void port_mac(const struct port *p, uint8_t mac[6])
{
	struct rte_ether_addr addr = { 0 };

	rte_eth_macaddr_get(p->devs[0], &addr);
	memcpy(mac, addr.addr_bytes, 6);
}

uint32_t port_offloads(const struct port *p)
{
	return p->offloads;
}

const struct port_rss *port_rss(const struct port *p)
{
	return p->has_rss ? &p->rss : NULL;
}

const char *port_name(const struct port *p)
{
	return p->name;
}

unsigned port_ring_mbufs(const struct port_config *config)
{
	unsigned worst = 0;

	for (unsigned i = 0; i < config->n_devices; i++) {
		struct err ignored = { 0 };
		struct device d;

		if (device_find(&d, config, i, &ignored) != 0)
			return 0;
		worst = RTE_MAX(worst, device_ring_mbufs(&d) + LATE_MAX);
	}
	return worst;
}
