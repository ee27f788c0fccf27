/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/app.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "config/check.h"
#include "config/err.h"
#include "dataplane/grace.h"
#include "dataplane/port/port.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/steer/steer.h"
#include "dataplane/worker.h"
#include "tls/handshake.h"

#define POOL_CACHE        256
#define MAILBOX           256
#define MBUFS_MIN         16384u
#define MBUFS_MAX_DERIVED 131072u
#define RING_MBUFS_GUESS  4096u /* per port and worker */
#define FRONT_ROOM        288u  /* in front of an IP packet: af_xdp's 256 bytes, Ethernet, VLAN */
#define MBUF_OVERHEAD     256   /* struct rte_mbuf, private area, pool header */
#define HEAP_MB           128

/* Per worker, for connections' queues. */
static unsigned buffers_for_connections(const struct config *config)
{
	unsigned n = config->runtime.max_connections / config->runtime.n_workers;

	if (n < MBUFS_MIN)
		return MBUFS_MIN;
	return n < MBUFS_MAX_DERIVED ? n : MBUFS_MAX_DERIVED;
}

/* A frame of the largest MTU fits one buffer: no device has to be able to scatter. */
static uint16_t mbuf_room(const struct config *config)
{
	unsigned room = RTE_MBUF_DEFAULT_DATAROOM;

	for (unsigned i = 0; i < config->n_ports; i++)
		if (config->ports[i].mtu + FRONT_ROOM > room)
			room = RTE_ALIGN_CEIL(config->ports[i].mtu + FRONT_ROOM, 64u);
	return (uint16_t)(room + RTE_PKTMBUF_HEADROOM);
}

unsigned app_memory_mb(const struct config *config)
{
	uint64_t mbufs =
	    (uint64_t)buffers_for_connections(config) + RING_MBUFS_GUESS * config->n_ports;

	return (unsigned)(mbufs * config->runtime.n_workers * (mbuf_room(config) + MBUF_OVERHEAD) >>
		   20) +
	    HEAP_MB;
}

/* The first port in the file that has these devices: they are opened for it, those after it are VLANs. */
static bool is_first(const struct app *a, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (config_ports_share(&a->boot->ports[j], &a->boot->ports[i]))
			return false;
	return true;
}

static int start_eal(struct app *a, struct err *e)
{
	const char *devices[CONFIG_MAX_PORTS * CONFIG_MAX_WORKERS];
	unsigned n_devices = 0;

	for (unsigned i = 0; i < a->boot->n_ports; i++)
		for (unsigned j = 0; is_first(a, i) && j < a->boot->ports[i].n_devices; j++)
			devices[n_devices++] = a->boot->ports[i].devices[j];

	const struct eal_config config = {
		.args = a->boot->eal,
		.n_args = a->boot->n_eal,
		.worker_cores = a->boot->runtime.workers,
		.n_workers = a->n_workers,
		.control_core = a->boot->runtime.control_core,
		.memory_mb = app_memory_mb(a->boot),
		.devices = devices,
		.n_devices = n_devices,
	};

	if (getrandom(a->secret, sizeof(a->secret), 0) != sizeof(a->secret) ||
	    getrandom(a->rss_key, sizeof(a->rss_key), 0) != sizeof(a->rss_key))
		return err_set(e, "the kernel gives no random numbers");
	return eal_start(&config, e);
}

static void stop_eal(struct app *a)
{
	(void)a;
	eal_stop();
}

static struct port_config port_config(const struct app *a, unsigned i)
{
	static const enum port_flow_control flow_control[] = {
		[CONFIG_FLOW_KEEP] = PORT_FLOW_KEEP,
		[CONFIG_FLOW_OFF] = PORT_FLOW_OFF,
		[CONFIG_FLOW_ON] = PORT_FLOW_ON,
	};
	const struct config_port *port = &a->boot->ports[i];
	struct port_config config = {
		.name = port->name,
		.devices = port->devices,
		.n_devices = port->n_devices,
		.n_queues = a->n_workers,
		.mtu = port->mtu,
		.offloads = port->offloads,
		.promiscuous = port->promiscuous,
		.rx_descriptors = port->rx_descriptors,
		.tx_descriptors = port->tx_descriptors,
		.flow_control = flow_control[port->flow_control],
		.rss_key = a->rss_key,
		.pools = a->pools,
	};

	for (unsigned j = 0; j < a->boot->n_ports; j++)
		if (a->boot->ports[j].vlan != 0 && config_ports_share(port, &a->boot->ports[j]))
			config.vlans[config.n_vlans++] = a->boot->ports[j].vlan;
	return config;
}

/* The NUMA node worker i runs on. Ordinary memory (--no-huge) is on no node in particular. */
static int worker_socket(unsigned i)
{
	return rte_eal_has_hugepages() ? (int)rte_lcore_to_socket_id(i + 1) : SOCKET_ID_ANY;
}

/* Per worker: what its rings may hold, and room for connections' queues (tcp.md, pitfall 5). */
static unsigned mbufs_per_worker(const struct app *a)
{
	unsigned n = buffers_for_connections(a->boot);

	if (a->boot->runtime.mbufs)
		return a->boot->runtime.mbufs / a->n_workers;
	for (unsigned i = 0; i < a->boot->n_ports; i++) {
		const struct port_config config = port_config(a, i);

		if (is_first(a, i))
			n += port_ring_mbufs(&config);
	}
	return n;
}

static int start_pools(struct app *a, struct err *e)
{
	unsigned n = mbufs_per_worker(a);

	for (unsigned i = 0; i < a->n_workers; i++) {
		char name[32];

		snprintf(name, sizeof(name), "worker%u", i);
		a->pools[i] = rte_pktmbuf_pool_create(
		    name, n, POOL_CACHE, 0, mbuf_room(a->boot), worker_socket(i));
		if (!a->pools[i])
			return err_set(e,
			    "cannot make %u packet buffers for worker %u: %s; lower runtime.mbufs or reserve "
			    "more hugepages",
			    n, i, rte_strerror(rte_errno));
	}
	return 0;
}

static void stop_pools(struct app *a)
{
	for (unsigned i = 0; i < a->n_workers; i++) {
		rte_mempool_free(a->pools[i]);
		a->pools[i] = NULL;
	}
}

static uint32_t net_offloads(uint32_t port)
{
	return (port & PORT_RX_CHECKSUM ? NET_RX_CHECKSUM : 0) |
	    (port & PORT_TX_IP_CHECKSUM ? NET_TX_IP_CHECKSUM : 0) |
	    (port & PORT_TX_TCP_CHECKSUM ? NET_TX_TCP_CHECKSUM : 0) |
	    (port & PORT_TX_TSO ? NET_TX_TSO : 0);
}

/* Prefixes count from the first of 128 bits: an IPv4 address is held v4-mapped. */
static uint8_t prefix128(const struct config_addr *a)
{
	return (uint8_t)(a->is_v4 ? a->prefix + 96 : a->prefix);
}

static struct ip_addr plain_ip(const struct config_addr *a)
{
	struct ip_addr ip;

	memcpy(ip.b, &a->ip, sizeof(ip.b));
	return ip;
}

static int fill_iface(struct net_iface *iface, const struct config_port *config,
    const struct port *port, struct err *e)
{
	memset(iface, 0, sizeof(*iface));
	port_mac(port, iface->mac);
	iface->mtu = config->mtu;
	iface->vlan = config->vlan;
	iface->offloads = net_offloads(port_offloads(port));
	if (config->n_addresses > NET_MAX_ADDRESSES || config->n_routes > NET_MAX_ROUTES)
		return err_set(e, "port '%s': at most %u addresses and %u routes", config->name,
		    NET_MAX_ADDRESSES, NET_MAX_ROUTES);
	for (unsigned i = 0; i < config->n_addresses; i++) {
		iface->addresses[i].ip = plain_ip(&config->addresses[i]);
		iface->addresses[i].prefix = prefix128(&config->addresses[i]);
	}
	iface->n_addresses = config->n_addresses;
	for (unsigned i = 0; i < config->n_routes; i++) {
		iface->routes[i].to = plain_ip(&config->routes[i].to);
		iface->routes[i].prefix = prefix128(&config->routes[i].to);
		iface->routes[i].via = plain_ip(&config->routes[i].via);
	}
	iface->n_routes = config->n_routes;
	return 0;
}

/* Opens the devices of boot->ports[i] for it and for all later ports that have the same ones. */
static struct port *open_port(struct app *a, unsigned i, struct err *e)
{
	const struct port_config config = port_config(a, i);
	struct port *port = port_open(&config, (uint16_t)i, e);
	struct port_vlan vlans[PORT_VLANS_MAX];
	unsigned n = 0;

	if (!port)
		return NULL;
	a->ports[a->n_ports] = port;
	for (unsigned j = i; j < a->boot->n_ports; j++) {
		if (!config_ports_share(&a->boot->ports[i], &a->boot->ports[j]))
			continue;
		a->port_of[j] = (uint8_t)a->n_ports;
		vlans[n++] = (struct port_vlan){ a->boot->ports[j].vlan, (uint16_t)j };
	}
	a->n_ports++;
	if (n > 1)
		port_set_vlans(port, vlans, n);
	return port;
}

static int start_ports(struct app *a, struct err *e)
{
	_Static_assert(PORT_VLANS_MAX >= CONFIG_MAX_PORTS, "all ports may share their devices");
	for (unsigned i = 0; i < a->boot->n_ports; i++) {
		if (is_first(a, i) && !open_port(a, i, e))
			return -1;
		if (fill_iface(&a->ifaces[i], &a->boot->ports[i], a->ports[a->port_of[i]], e) < 0)
			return -1;
		snprintf(
		    a->iface_names[i], sizeof(a->iface_names[i]), "%s", a->boot->ports[i].name);
		a->n_ifaces = i + 1;
	}
	return port_guard_start(e);
}

static void stop_ports(struct app *a)
{
	while (a->n_ports > 0)
		port_close(a->ports[--a->n_ports]);
	port_guard_stop();
}

static int start_rcu(struct app *a, struct err *e)
{
	size_t size = rte_rcu_qsbr_get_memsize(CONFIG_MAX_WORKERS);

	a->qsbr = rte_zmalloc("qsbr", size, RTE_CACHE_LINE_SIZE);
	if (!a->qsbr || rte_rcu_qsbr_init(a->qsbr, CONFIG_MAX_WORKERS) != 0)
		return err_set(e, "out of memory for RCU");
	return 0;
}

static void stop_rcu(struct app *a)
{
	rte_free(a->qsbr);
	a->qsbr = NULL;
}

static int start_tls(struct app *a, struct err *e)
{
	(void)a;
	return tls_global_init() == 0 ? 0 : err_set(e, "wolfSSL does not start");
}

static void stop_tls(struct app *a)
{
	(void)a;
	tls_global_fini();
}

static int init_worker(struct app *a, unsigned i, struct err *e)
{
	struct worker *w = &a->workers[i];
	struct worker_config config = { .config = a->boot, .ifaces = a->ifaces };
	char name[32];

	memcpy(config.secret, a->secret, sizeof(config.secret));
	w->index = i;
	w->n_workers = a->n_workers;
	w->n_ports = a->n_ports;
	w->ports = a->ports;
	w->n_ifaces = a->boot->n_ports;
	w->port_of = a->port_of;
	w->workers = a->workers;
	w->steer = a->steer;
	w->qsbr = a->qsbr;
	w->pool = a->pools[i];
	w->log = a->log_rings[i];
	w->idle_sleep = a->boot->runtime.idle_sleep;
	atomic_store(&w->snapshot, a->snapshot);
	snprintf(name, sizeof(name), "mailbox%u", i);
	w->mailbox = rte_ring_create_elem(
	    name, sizeof(struct net_neigh), MAILBOX, worker_socket(i), RING_F_SC_DEQ);
	if (!w->mailbox)
		return err_set(e, "out of memory for worker %u", i);
	return worker_init(w, &config, e);
}

static int start_workers(struct app *a, struct err *e)
{
	unsigned lcore, i = 0;

	a->workers = rte_zmalloc("workers", a->n_workers * sizeof(*a->workers), 64);
	if (!a->workers)
		return err_set(e, "out of memory for %u workers", a->n_workers);
	for (unsigned w = 0; w < a->n_workers; w++)
		if (init_worker(a, w, e) < 0)
			return -1;
	a->workers_tsc = rte_rdtsc();
	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (i < a->n_workers &&
		    rte_eal_remote_launch(worker_main, &a->workers[i], lcore) != 0)
			return err_set(e, "lcore %u does not take its worker", lcore);
		i++;
	}
	return i >= a->n_workers ? 0
				 : err_set(e, "EAL has %u lcores for %u workers", i, a->n_workers);
}

static void stop_workers(struct app *a)
{
	if (!a->workers)
		return;
	app_order(a, WORKER_STOP);
	rte_eal_mp_wait_lcore();
	for (unsigned i = 0; i < a->n_workers; i++) {
		app_log_run(a); /* room for the last words of connections that are cut */
		worker_fini(&a->workers[i]);
		a->log_lost += a->workers[i].stats.v[STAT_LOG_LOST];
		rte_ring_free(a->workers[i].mailbox);
	}
	rte_free(a->workers);
	a->workers = NULL;
}

/* The order of starting, read from the top, and of stopping, read from the bottom. */
static const struct step {
	int (*start)(struct app *, struct err *);
	void (*stop)(struct app *);
} steps[] = {
	{ app_log_start, app_log_stop }, /* workers may say last words until they are gone */
	{ start_eal, stop_eal },
	{ start_tls, stop_tls },
	{ start_pools, stop_pools },
	{ start_ports, stop_ports },
	{ start_rcu, stop_rcu },
	{ app_steer_start, app_steer_stop },
	{ start_workers, stop_workers },
};

int app_start(struct app *a, struct snapshot *snapshot, struct err *e)
{
	memset(a, 0, sizeof(*a));
	a->snapshot = snapshot;
	a->boot = snapshot->config;
	a->n_workers = a->boot->runtime.n_workers;
	for (size_t i = 0; i < RTE_DIM(steps); i++) {
		a->n_started = (unsigned)i + 1; /* a step that failed half-way is undone too */
		if (steps[i].start(a, e) < 0) {
			app_stop(a);
			return -1;
		}
	}
	return 0;
}

void app_stop(struct app *a)
{
	while (a->n_started > 0)
		steps[--a->n_started].stop(a);
	snapshot_free(a->snapshot);
	a->snapshot = NULL;
}

void app_publish(struct app *a, struct snapshot *snapshot)
{
	struct snapshot *old = a->snapshot;
	uint64_t start = rte_rdtsc();

	/*
	 * Publish, wait, drop, in this order: after the wait no worker can start a session on
	 * old, and those that run have copied what they need of it.
	 */
	app_watch_targets(snapshot); /* else new targets, not checked yet, could be none at all */
	a->snapshot = snapshot;
	a->boot = snapshot->config; /* the same in all that was used at the start (config/diff.h) */
	for (unsigned i = 0; i < a->n_workers; i++)
		atomic_store_explicit(&a->workers[i].snapshot, snapshot, memory_order_release);
	grace_wait(a->qsbr);
	a->grace_s = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
	snapshot_free(old);
	app_log_configure(a);
}

void app_publish_tickets(struct app *a, const struct ticket_ring *ring)
{
	for (unsigned i = 0; i < a->n_workers; i++)
		atomic_store_explicit(&a->workers[i].tickets, ring, memory_order_release);
	grace_wait(a->qsbr);
}

struct net_verdict_tx app_offloads(const struct app *a, unsigned iface)
{
	struct net_verdict_tx all = { 0 };

	for (unsigned i = 0; i < a->n_workers; i++) {
		const struct net_verdict_tx *one = &a->workers[i].stack_info.offloads[iface];

		all.believed |= one->believed;
		all.refuted |= one->refuted;
	}
	return all;
}

static void give_back(struct app *a, struct port *port)
{
	if (port_leave(port)) {
		grace_wait(a->qsbr);
		port_release(port);
	}
	if (port_member_leaves(port)) {
		port_set_paused(port, true);
		grace_wait(a->qsbr);
		port_release_members(port);
		port_set_paused(port, false);
	}
}

void app_watch_ports(struct app *a)
{
	/* Ports that share devices hear of them from each of their ifaces. */
	for (unsigned i = 0; i < a->boot->n_ports; i++) {
		uint32_t refuted = app_offloads(a, i).refuted;

		port_refute(a->ports[a->port_of[i]],
		    (refuted & NET_TX_TCP_CHECKSUM ? PORT_TX_TCP_CHECKSUM : 0) |
			(refuted & NET_TX_TSO ? PORT_TX_TSO : 0));
	}
	for (unsigned i = 0; i < a->n_ports; i++) {
		give_back(a, a->ports[i]);
		port_watch(a->ports[i]);
	}
}

void app_run_guard(struct app *a, double now_s)
{
	if (!port_guard_is_due(now_s))
		return;
	for (unsigned i = 0; i < a->n_ports; i++)
		port_set_paused(a->ports[i], true);
	grace_wait(a->qsbr);
	port_guard_pass(now_s);
	for (unsigned i = 0; i < a->n_ports; i++)
		port_set_paused(a->ports[i], false);
}

int app_stuck_worker(struct app *a)
{
	int stuck = -1;

	for (unsigned i = 0; i < a->n_workers; i++) {
		uint64_t loops = a->workers[i].stats.v[STAT_LOOPS];

		if (loops == a->loops_seen[i])
			stuck = (int)i;
		a->loops_seen[i] = loops;
	}
	return stuck;
}

void app_order(struct app *a, int order)
{
	for (unsigned i = 0; i < a->n_workers; i++)
		atomic_store_explicit(
		    &a->workers[i].order, (enum worker_order)order, memory_order_release);
}

bool app_is_empty(const struct app *a)
{
	for (unsigned i = 0; i < a->n_workers; i++)
		if (atomic_load_explicit(&a->workers[i].empty_under, memory_order_relaxed) <
		    WORKER_DRAIN)
			return false;
	return true;
}
