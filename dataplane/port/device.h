/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <rte_ethdev.h>

#include "dataplane/port/port.h"

/*
 * One ethdev of a port, while the port is opened. What these say of errors names the port and the
 * device.
 */

/* What a driver does not tell through its capabilities. */
struct quirk {
	const char *driver;
	bool no_offloads;
	bool is_umem;
	bool any_mtu;
};

struct device {
	const char *name; /* borrowed from the configuration */
	uint16_t id;
	uint16_t n_queues;
	uint16_t n_rx_desc, n_tx_desc;
	struct quirk quirk;
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
};

/* Device i of config as EAL knows it, not configured yet; -1: it has none of that name. */
int device_find(struct device *d, const struct port_config *config, unsigned i, struct err *e);

/* -1 when it has too few queues, or does not take frames of the mtu. */
int device_check(const struct device *d, const struct port_config *config, struct err *e);

/*
 * Has it scatter a frame of the full mtu over several buffers, where it does not fit one; -1 when it
 * cannot. Before device_start.
 */
int device_set_scatter(struct device *d, const struct port_config *config, struct err *e);

/* What it does for us, enum port_offload; with wanted false no more than frames of several mbufs. */
uint32_t device_offloads(const struct device *d, bool wanted);

/*
 * Configures it with the offloads of p and starts it; pools are those of its queues. What p has to
 * know of its RSS and its bond is written there. After -1 it may be configured, and is the caller's to
 * close.
 */
int device_start(struct port *p, struct device *d, const struct port_config *config,
    struct rte_mempool *const *pools, struct err *e);

/* The most mbufs that one of its queues holds in its rings. */
unsigned device_ring_mbufs(struct device *d);
