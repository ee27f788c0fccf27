/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ether.h>

#include "config/err.h"
#include "dataplane/port/port.h"
#include "perf/loadgen/gen.h"
#include "perf/loadgen/tls_client.h"

#define BURST        32
#define TIMER_BUDGET 256
#define MAX_ARGS     24
#define PAUSE_US     100
#define GUARD_US     1000000 /* between two turns of EAL's interrupt thread */

static __attribute__((noreturn)) void die(const char *what)
{
	fprintf(stderr, "loadgen: %s\n", what);
	exit(1);
}

/* "net_memif_front,role=client,..." becomes --vdev and its name; a PCI address stays what it is. */
static const char *device(const char *text, const char *args[], unsigned *n)
{
	static char vdevs[2][512];
	static unsigned n_vdevs;
	char *vdev = vdevs[n_vdevs];

	if (strncmp(text, "net_", 4) != 0)
		return text;
	snprintf(vdev, sizeof(vdevs[0]), "--vdev=%s", text);
	args[(*n)++] = vdev;
	n_vdevs++;
	return strndup(text, strcspn(text, ","));
}

static void start_ports(struct gen *g)
{
	const struct options *o = &g->options;
	struct rte_mempool *pools[OPTIONS_MAX_QUEUES];
	const char *args[MAX_ARGS] = { "--no-pci" }, *names[2];
	struct err e = { 0 };
	unsigned n = 1;
	struct eal_config eal = {
		.args = args,
		.control_core = (int)o->core,
		.memory_mb = (unsigned)((uint64_t)o->mbufs * (o->mtu + 800u) >> 20) + 192,
	};

	g->n_ports = o->back != NULL ? 2 : 1;
	names[0] = device(o->front, args, &n);
	if (o->back != NULL)
		names[1] = device(o->back, args, &n);
	for (unsigned i = 0; i < o->n_eal; i++)
		args[n++] = o->eal[i];
	eal.n_args = n;
	if (eal_start(&eal, &e) != 0)
		die(e.text);
	g->pool = rte_pktmbuf_pool_create("loadgen", o->mbufs, 256, 0,
	    (uint16_t)(RTE_ALIGN_CEIL(o->mtu + 32u, 64u) + 576), SOCKET_ID_ANY);
	if (g->pool == NULL)
		die("no memory for that many packet buffers");
	for (unsigned i = 0; i < o->queues; i++)
		pools[i] = g->pool;
	for (unsigned i = 0; i < g->n_ports; i++) {
		const struct port_config port = {
			.name = i == 0 ? "front" : "back",
			.devices = &names[i],
			.n_devices = 1,
			.n_queues = o->queues,
			.mtu = (uint16_t)o->mtu,
			.offloads = true,
			.pools = pools,
		};

		g->ports[i] = port_open(&port, (uint16_t)i, &e);
		if (g->ports[i] == NULL)
			die(e.text);
	}
}

static uint32_t net_offloads(uint32_t port)
{
	return (port & PORT_RX_CHECKSUM ? NET_RX_CHECKSUM : 0) |
	    (port & PORT_TX_IP_CHECKSUM ? NET_TX_IP_CHECKSUM : 0) |
	    (port & PORT_TX_TCP_CHECKSUM ? NET_TX_TCP_CHECKSUM : 0) |
	    (port & PORT_TX_TSO ? NET_TX_TSO : 0);
}

/* 10.80.0.2 and up on the front, 10.81.0.2 and up on the back. */
static void fill_iface(struct gen *g, unsigned side, struct net_iface *iface)
{
	const unsigned n = side == 0 ? g->options.sources : g->options.backends;

	memset(iface, 0, sizeof(*iface));
	port_mac(g->ports[side], iface->mac);
	iface->mtu = (uint16_t)g->options.mtu;
	iface->offloads = net_offloads(port_offloads(g->ports[side]));
	iface->n_addresses = n;
	for (unsigned i = 0; i < n; i++) {
		iface->addresses[i].prefix = 120;
		iface->addresses[i].ip.w[2] = rte_cpu_to_be_32(0xffff);
		iface->addresses[i].ip.w[3] =
		    rte_cpu_to_be_32((side == 0 ? 0x0a500002u : 0x0a510002u) + i);
	}
}

/*
 * TIME-WAIT is cut short: thousands of connections a second come from one address, and the wire
 * between the two processes keeps nothing back for long.
 */
static void start_stack(struct gen *g)
{
	struct net_iface ifaces[2];
	struct stack_config config = {
		.net = { .ifaces = ifaces,
		    .n_ifaces = g->n_ports,
		    .pool = g->pool,
		    .stats = &g->stats },
		.pool = g->pool,
		.max_conns = 3 * g->options.connections +
		    (g->options.hellos > 0 ? 2 * g->options.hellos_open : 0) + 1024,
		.max_time_wait = 16384,
		.time_wait_us = 1000,
	};

	for (unsigned i = 0; i < g->n_ports; i++)
		fill_iface(g, i, &ifaces[i]);
	if (getrandom(config.net.secret, sizeof(config.net.secret), 0) < 0 ||
	    getrandom(config.cookie_secret, sizeof(config.cookie_secret), 0) < 0)
		die("the kernel gives no random numbers");
	g->stack = stack_new(&config, g->now_us);
	if (g->stack == NULL)
		die("no memory for that many connections");
}

static void start_messages(struct gen *g)
{
	message_init();
	if (g->options.byte) {
		message_byte(&g->request);
		message_byte(&g->answer);
	} else {
		message_request(&g->request, g->options.up);
		message_answer(&g->answer, g->options.down);
	}
}

static void start(struct gen *g)
{
	const struct options *o = &g->options;
	const struct tls_client_config tls = { .ca = o->ca,
		.name = o->name,
		.n_names = o->names,
		.group = o->group,
		.rsa = o->rsa,
		.tls12 = o->tls12,
		.resume = o->resume,
		.share_reuse = o->share_reuse,
		.no_verify = o->no_verify };

	start_ports(g);
	clock_init(&g->clock);
	g->now_us = clock_us(&g->clock, rte_rdtsc());
	start_stack(g);
	start_messages(g);
	hist_init(&g->results.latency);
	hist_init(&g->results.undisturbed);
	hist_init(&g->results.handshake);
	g->tls = tls_kit_new(&tls);
	if (g->tls == NULL)
		exit(1);
	g->aead = tls_kit_aead(g->tls);
	if (client_init(g) != 0 || backend_init(g) != 0 || (o->flood && flood_init(g) != 0) ||
	    (o->hellos > 0 && hellos_init(g) != 0))
		die("no memory for that many connections");
}

static unsigned receive(struct gen *g)
{
	struct rte_mbuf *pkts[BURST];
	unsigned total = 0, n;

	for (unsigned i = 0; i < g->n_ports * g->options.queues; i++) {
		n = port_rx(g->ports[i % g->n_ports], i / g->n_ports, pkts, BURST, &g->stats);
		total += n;
		if (i % g->n_ports == 0 && g->flood != NULL)
			n = flood_filter(g, pkts, n);
		if (n > 0)
			stack_rx(g->stack, pkts, n, g->now_us);
	}
	return total;
}

/* As a NIC on the other side would choose: one for each connection. What is not TCP over IPv4 goes to the first. */
static unsigned queue_of(const struct gen *g, const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	uint32_t ports;

	if (g->options.queues == 1 || eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    m->data_len < 38)
		return 0;
	memcpy(&ports, (const char *)eth + 34, sizeof(ports)); /* without IP options */
	return (ports * 0x9e3779b1u >> 16) % g->options.queues;
}

static unsigned transmit(struct gen *g)
{
	struct rte_mbuf *out[BURST];
	unsigned total = 0, n;

	do {
		unsigned first = 0;

		n = stack_tx(g->stack, out, BURST, g->now_us);
		for (unsigned i = 1; i <= n; i++) {
			unsigned queue = queue_of(g, out[first]);

			if (i < n && out[i]->port == out[first]->port &&
			    queue_of(g, out[i]) == queue)
				continue;
			port_tx(g->ports[out[first]->port], queue, out + first, i - first, g->pool,
			    &g->stats);
			first = i;
		}
		total += n;
	} while (n == BURST);
	return total;
}

static void dispatch(struct gen *g)
{
	struct tcp_conn *conn;
	unsigned events;

	while ((conn = stack_ready_next(g->stack, &events)) != NULL) {
		if (tcp_listener_user(conn) != NULL)
			backend_event(g, conn, events);
		else if (hellos_own(g, tcp_user(conn)))
			hellos_event(g, tcp_user(conn), events);
		else
			client_event(g, tcp_user(conn), events);
	}
}

/*
 * Something else had the core since the last loop, or the core had nobody: a latency that it is part of says nothing about
 * the server, nor does one of the burst that makes up for it, which takes about as long again.
 */
static void look_for_pause(struct gen *g)
{
	uint64_t now = rte_rdtsc(), since = now - g->tsc;

	if (since > rte_get_tsc_hz() / 1000000 * PAUSE_US)
		g->made_up = now + since;
	g->tsc = now;
}

static bool loop(struct gen *g)
{
	static uint64_t guard_us;
	unsigned work;

	look_for_pause(g);
	g->now_us = clock_us(&g->clock, g->tsc);
	work = receive(g);
	dispatch(g);
	if (!schedule(g))
		return false;
	if (g->flood != NULL && g->phase == GEN_LOAD)
		work += flood_send(g);
	if (g->hellos != NULL && g->phase == GEN_LOAD)
		work += hellos_send(g);
	stack_timers(g->stack, g->now_us, TIMER_BUDGET);
	work += transmit(g);
	if (work > 0)
		g->results.busy += rte_rdtsc() - g->tsc;
	if (g->now_us - guard_us >= GUARD_US) { /* the daemon may end while it is looked at */
		guard_us = g->now_us;
		port_guard_pass(0);
	}
	return true;
}

/* A memif is up once both processes have agreed. */
static void wait_for_links(const struct gen *g)
{
	for (unsigned i = 0; i < g->n_ports; i++)
		for (unsigned tries = 0; !port_link_is_up(g->ports[i]); tries++) {
			if (tries == 2000)
				die("the link does not come up: is the other side there?");
			usleep(1000);
		}
}

int main(int argc, char **argv)
{
	struct gen *g = aligned_alloc(64, (sizeof(*g) + 63) & ~(size_t)63);
	struct err e = { 0 };
	uint64_t errors = 0;

	if (g == NULL)
		die("no memory");
	memset(g, 0, sizeof(*g));
	options_read(&g->options, argc, argv);
	start(g);
	wait_for_links(g);
	if (port_guard_start(&e) != 0)
		die(e.text);
	g->tsc = rte_rdtsc();
	while (loop(g))
		;
	for (unsigned i = 0; i < GEN_N_ERRORS; i++)
		errors += g->results.errors[i];
	if (g->hellos != NULL)
		hellos_end(g);
	stack_free(g->stack);
	for (unsigned i = 0; i < g->n_ports; i++)
		port_close(g->ports[i]);
	port_guard_stop();
	eal_stop();
	return errors > 0 ? 3 : 0;
}
