/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include <rte_ethdev.h>

#include "dataplane/base/log.h"
#include "dataplane/port/internal.h"

/* What control looks at now and then: links, what the audits found, the devices' own counters. */

void port_link_get(const struct port *p, struct port_link *out)
{
	*out = (struct port_link){ .is_up = true, .is_full_duplex = true };
	for (unsigned i = 0; i < p->n_devs; i++) {
		struct rte_eth_link link = { 0 };

		if (rte_eth_link_get_nowait(p->devs[i], &link) != 0 ||
		    link.link_status != RTE_ETH_LINK_UP)
			out->is_up = false;
		else if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
			out->speed_mbps += link.link_speed;
		out->is_full_duplex &= link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	}
	if (!out->is_up)
		out->speed_mbps = 0;
}

bool port_link_is_up(const struct port *p)
{
	struct port_link link;

	port_link_get(p, &link);
	return link.is_up;
}

unsigned port_link_changes(const struct port *p)
{
	return p->link_changes;
}

static void watch_link(struct port *p)
{
	enum link_seen seen;
	struct port_link link;

	port_link_get(p, &link);
	seen = link.is_up ? LINK_SEEN_UP : LINK_SEEN_DOWN;
	if (seen == p->link_seen)
		return;
	if (p->link_seen != LINK_NEVER_SEEN)
		p->link_changes++;
	p->link_seen = seen;
	if (!link.is_up)
		log_warning("port '%s': link is down", p->name);
	else if (link.speed_mbps > 0)
		log_notice("port '%s': link is up, %u Mbit/s, %s duplex", p->name, link.speed_mbps,
		    link.is_full_duplex ? "full" : "half");
	else
		log_notice("port '%s': link is up", p->name);
}

/* Gone from its slot, or in need of a reset: what the workers get from it then is nothing. */
static int on_event(uint16_t dev, enum rte_eth_event_type event, void *arg, void *ret)
{
	struct port *p = arg;

	(void)dev;
	(void)event;
	(void)ret;
	atomic_store_explicit(&p->is_broken, true, memory_order_relaxed);
	return 0;
}

static const enum rte_eth_event_type events[] = { RTE_ETH_EVENT_INTR_RMV,
	RTE_ETH_EVENT_INTR_RESET };

bool port_listen(struct port *p)
{
	for (unsigned i = 0; i < p->n_devs; i++)
		for (unsigned j = 0; j < RTE_DIM(events); j++)
			if (rte_eth_dev_callback_register(p->devs[i], events[j], on_event, p) != 0)
				return false;
	return true;
}

void port_listen_end(struct port *p)
{
	for (unsigned i = 0; i < p->n_devs; i++)
		for (unsigned j = 0; j < RTE_DIM(events); j++)
			rte_eth_dev_callback_unregister(p->devs[i], events[j], on_event, p);
}

bool port_is_broken(const struct port *p)
{
	return atomic_load_explicit(&p->is_broken, memory_order_relaxed);
}

static void watch_devices(struct port *p)
{
	for (unsigned i = 0; i < p->n_devs; i++)
		if (rte_eth_dev_is_removed(p->devs[i]) == 1)
			atomic_store_explicit(&p->is_broken, true, memory_order_relaxed);
	if (p->said_broken || !port_is_broken(p))
		return;
	p->said_broken = true;
	log_error("port '%s': its device is gone or has failed: restart when it is back", p->name);
}

void port_refute(struct port *p, uint32_t offloads)
{
	static const struct {
		uint32_t bit;
		const char *text;
	} all[] = {
		{ PORT_TX_TCP_CHECKSUM,
		    "sends TCP segments without the checksum it says it makes" },
		{ PORT_TX_TSO, "does not cut large segments as it says it does" },
	};
	uint32_t fresh = offloads & p->offloads & ~p->refuted;

	p->refuted |= fresh;
	for (unsigned i = 0; i < RTE_DIM(all); i++)
		if (fresh & all[i].bit)
			log_error("port '%s': the device %s: only what software made arrived; "
				  "software does it from now on; 'offloads = false' stops asking",
			    p->name, all[i].text);
}

uint32_t port_refuted(const struct port *p)
{
	return p->refuted;
}

void port_watch(struct port *p)
{
	watch_devices(p);
	watch_link(p);
	for (unsigned i = 0; i < p->n_queues && !(p->refuted & PORT_RX_CHECKSUM); i++) {
		if (atomic_load_explicit(&p->queues[i].audit, memory_order_relaxed) != AUDIT_FAILED)
			continue;
		/* Queues judge for themselves; one that lies is enough to say so. */
		p->refuted |= PORT_RX_CHECKSUM;
		log_error(
		    "port '%s': the device calls a checksum good that is wrong (queue %u): "
		    "checksums are verified in software there; 'offloads = false' stops it asking",
		    p->name, i);
	}
}

static void device_xstats(const struct port *p, unsigned device, port_xstat_fn fn, void *arg)
{
	int n = rte_eth_xstats_get(p->devs[device], NULL, 0);
	struct rte_eth_xstat_name *names = NULL;
	struct rte_eth_xstat *values = NULL;

	if (n <= 0)
		return;
	names = calloc((size_t)n, sizeof(*names));
	values = calloc((size_t)n, sizeof(*values));
	if (names != NULL && values != NULL &&
	    rte_eth_xstats_get_names(p->devs[device], names, (unsigned)n) == n &&
	    rte_eth_xstats_get(p->devs[device], values, (unsigned)n) == n)
		for (int i = 0; i < n; i++)
			fn(arg, device, names[i].name, values[i].value);
	free(names);
	free(values);
}

void port_xstats(const struct port *p, port_xstat_fn fn, void *arg)
{
	for (unsigned i = 0; i < p->n_devs; i++)
		device_xstats(p, i, fn, arg);
}
