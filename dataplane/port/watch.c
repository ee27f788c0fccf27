/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ALLOW_EXPERIMENTAL_API /* rte_dev_event_callback_*: so marked in DPDK 22.11 */
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include "dataplane/base/log.h"
#include "dataplane/port/internal.h"

/* What control looks at now and then: links, what the audits found, the devices' own counters. */

/*
 * Whoever asks the devices, and who gives them back: metrics are also printed by other threads than control. No
 * worker takes it.
 */
static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER;

void port_link_get(const struct port *p, struct port_link *out)
{
	pthread_mutex_lock(&devices_lock);
	*out = (struct port_link){ .is_up = p->n_devs > 0, .is_full_duplex = true };
	for (unsigned i = 0; i < p->n_devs; i++) {
		struct rte_eth_link link = { 0 };

		if (rte_eth_link_get_nowait(p->devs[i], &link) != 0 ||
		    link.link_status != RTE_ETH_LINK_UP)
			out->is_up = false;
		else if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
			out->speed_mbps += link.link_speed;
		out->is_full_duplex &= link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	}
	pthread_mutex_unlock(&devices_lock);
	if (!out->is_up)
		out->speed_mbps = 0;
}

void port_queue_name(const struct port *p, unsigned queue, char *text, size_t size)
{
	const struct port_queue *q = &p->queues[queue];
	char device[RTE_ETH_NAME_MAX_LEN] = "?";

	pthread_mutex_lock(&devices_lock);
	if (p->n_devs > 0)
		rte_eth_dev_get_name_by_port(q->dev, device);
	pthread_mutex_unlock(&devices_lock);
	snprintf(text, size, "%s: %s queue %u", p->name, device, q->queue);
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

static void set(_Atomic bool *flag)
{
	atomic_store_explicit(flag, true, memory_order_relaxed);
}

/* Gone, or in need of a reset: what the workers get from it then is nothing. EAL's interrupt thread. */
static int on_event(uint16_t dev, enum rte_eth_event_type event, void *arg, void *ret)
{
	struct port *p = arg;

	(void)dev;
	(void)ret;
	if (event == RTE_ETH_EVENT_INTR_RMV)
		set(&p->is_leaving);
	set(&p->is_broken);
	return 0;
}

/* vfio has been asked for the device; it asks us every few seconds until it gets it. The same thread. */
static void on_device_event(const char *device, enum rte_dev_event_type event, void *arg)
{
	struct port *p = arg;

	(void)device;
	if (event != RTE_DEV_EVENT_REMOVE)
		return;
	set(&p->is_leaving);
	set(&p->is_broken);
}

/* The same of a bond's member, in the same thread: its bond may go on without it. */
static int on_member_event(uint16_t dev, enum rte_eth_event_type event, void *arg, void *ret)
{
	struct port_member *m = arg;

	(void)dev;
	(void)event;
	(void)ret;
	set(&m->is_leaving);
	return 0;
}

static void on_member_device_event(const char *device, enum rte_dev_event_type event, void *arg)
{
	struct port_member *m = arg;

	(void)device;
	if (event == RTE_DEV_EVENT_REMOVE)
		set(&m->is_leaving);
}

static const enum rte_eth_event_type events[] = { RTE_ETH_EVENT_INTR_RMV,
	RTE_ETH_EVENT_INTR_RESET };

/* What the bus calls a device, which may have several ports; NULL: nothing. */
static struct rte_device *device_of(uint16_t dev)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(dev, &info) == 0 ? info.device : NULL;
}

/* Of a device with several ports somebody may listen to the bus already. */
static bool listen_to_bus(uint16_t dev, rte_dev_event_cb_fn fn, void *arg)
{
	const struct rte_device *device = device_of(dev);
	int rc = 0;

	if (device != NULL)
		rc = rte_dev_event_callback_register(rte_dev_name(device), fn, arg);
	return rc == 0 || rc == -EEXIST;
}

/* Refused while it is being called, and it must not be called for what is freed then. */
static void listen_to_bus_end(uint16_t dev, rte_dev_event_cb_fn fn, void *arg)
{
	const struct rte_device *device = device_of(dev);

	while (device != NULL &&
	    rte_dev_event_callback_unregister(rte_dev_name(device), fn, arg) == -EAGAIN)
		rte_pause();
}

static void listen_end(uint16_t dev, enum rte_eth_event_type event, rte_eth_dev_cb_fn fn, void *arg)
{
	while (rte_eth_dev_callback_unregister(dev, event, fn, arg) == -EAGAIN)
		rte_pause();
}

static bool listen_to_member(struct port_member *m)
{
	return rte_eth_dev_callback_register(m->dev, RTE_ETH_EVENT_INTR_RMV, on_member_event, m) ==
	    0 &&
	    listen_to_bus(m->dev, on_member_device_event, m);
}

static void listen_to_member_end(struct port_member *m)
{
	listen_end(m->dev, RTE_ETH_EVENT_INTR_RMV, on_member_event, m);
	listen_to_bus_end(m->dev, on_member_device_event, m);
}

bool port_listen(struct port *p)
{
	for (unsigned i = 0; i < p->n_devs; i++) {
		for (unsigned j = 0; j < RTE_DIM(events); j++)
			if (rte_eth_dev_callback_register(p->devs[i], events[j], on_event, p) != 0)
				return false;
		if (!listen_to_bus(p->devs[i], on_device_event, p))
			return false;
	}
	for (unsigned i = 0; i < p->n_members; i++)
		if (!listen_to_member(&p->members[i]))
			return false;
	return true;
}

void port_listen_end(struct port *p)
{
	for (unsigned i = 0; i < p->n_devs; i++) {
		for (unsigned j = 0; j < RTE_DIM(events); j++)
			listen_end(p->devs[i], events[j], on_event, p);
		listen_to_bus_end(p->devs[i], on_device_event, p);
	}
	for (unsigned i = 0; i < p->n_members; i++)
		if (!p->members[i].is_gone)
			listen_to_member_end(&p->members[i]);
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
	if (p->said_broken || !port_is_broken(p) ||
	    atomic_load_explicit(&p->is_leaving, memory_order_relaxed))
		return;
	p->said_broken = true;
	log_error("port '%s': its device is gone or has failed: restart when it is back", p->name);
}

bool port_leave(struct port *p)
{
	if (!atomic_load_explicit(&p->is_leaving, memory_order_relaxed) ||
	    atomic_load_explicit(&p->use, memory_order_relaxed) == PORT_GONE)
		return false;
	atomic_store_explicit(&p->use, PORT_GONE, memory_order_relaxed);
	log_error("port '%s': its device is being unplugged and is given back: restart when it is "
		  "there again",
	    p->name);
	return true;
}

void port_set_paused(struct port *p, bool is_paused)
{
	if (atomic_load_explicit(&p->use, memory_order_relaxed) != PORT_GONE)
		atomic_store_explicit(
		    &p->use, is_paused ? PORT_PAUSED : PORT_USED, memory_order_release);
}

static bool is_used(const struct rte_device *device)
{
	uint16_t dev;

	RTE_ETH_FOREACH_DEV(dev) {
		if (device_of(dev) == device)
			return true;
	}
	return false;
}

/* Closed, a device is held still: the bus has to let go of it. */
static void give_back(const struct port *p, uint16_t dev)
{
	struct rte_device *device = device_of(dev);
	int rc = 0;

	rte_eth_dev_stop(dev);
	rte_eth_dev_close(dev);
	if (device != NULL && !is_used(device))
		rc = rte_dev_remove(device);
	if (rc != 0)
		log_error("port '%s': a device is not given back: %s", p->name, rte_strerror(-rc));
}

void port_release(struct port *p)
{
	port_flow_clear(p);
	port_listen_end(p);
	pthread_mutex_lock(&devices_lock);
	for (unsigned i = 0; i < p->n_devs; i++)
		give_back(p, p->devs[i]);
	p->n_devs = 0;
	pthread_mutex_unlock(&devices_lock);
}

static bool is_leaving(const struct port_member *m)
{
	return !m->is_gone && atomic_load_explicit(&m->is_leaving, memory_order_relaxed);
}

bool port_member_leaves(const struct port *p)
{
	for (unsigned i = 0; i < p->n_members; i++)
		if (is_leaving(&p->members[i]))
			return true;
	return false;
}

static void release_member(struct port *p, struct port_member *m)
{
	char name[RTE_ETH_NAME_MAX_LEN] = "?";
	unsigned left = port_bond_left(p, m->bond) - 1;

	rte_eth_dev_get_name_by_port(m->dev, name);
	log_error("port '%s': '%s', a member of its bond, is being unplugged and is given back, %u "
		  "left: restart when it is there again",
	    p->name, name, left);
	listen_to_member_end(m);
	pthread_mutex_lock(&devices_lock);
	if (port_bond_remove(p, m) != 0)
		log_error("port '%s': the bond does not let '%s' go", p->name, name);
	else
		give_back(p, m->dev);
	pthread_mutex_unlock(&devices_lock);
	if (left > 0)
		return;
	/* An empty bond would still be asked for what its last member has. */
	set(&p->is_broken);
	atomic_store_explicit(&p->use, PORT_GONE, memory_order_relaxed);
}

void port_release_members(struct port *p)
{
	for (unsigned i = 0; i < p->n_members; i++)
		if (is_leaving(&p->members[i]))
			release_member(p, &p->members[i]);
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
	pthread_mutex_lock(&devices_lock);
	for (unsigned i = 0; i < p->n_devs; i++)
		device_xstats(p, i, fn, arg);
	pthread_mutex_unlock(&devices_lock);
}
