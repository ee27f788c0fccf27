/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What control sees of devices that come, go and fail, and what it says. The link and EAL's events are doubles here:
 * devices of net_ring do as they are told by the test.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOW_EXPERIMENTAL_API /* rte_dev_event_callback_process */
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "config/err.h"
#include "dataplane/base/stats.h"
#include "dataplane/port/internal.h"
#include "dataplane/port/port.h"

#include <cmocka.h>

#define N_MBUFS 4095
#define N_RINGS 12

static struct rte_mempool *pool;
static struct err err;
static char *text; /* what was logged since the case began */
static size_t size;
static FILE *stream;

/* --- doubles ----------------------------------------------------------------------------------- */

static struct rte_eth_link links[RTE_MAX_ETHPORTS];
static int link_rc;

static struct heard {
	rte_eth_dev_cb_fn fn;
	void *arg;
} heard[RTE_MAX_ETHPORTS][RTE_ETH_EVENT_MAX];

/* In the place of ethdev's: these are what the program's own calls come to. */
int rte_eth_link_get_nowait(uint16_t dev, struct rte_eth_link *link)
{
	*link = links[dev];
	return link_rc;
}

int rte_eth_dev_callback_register(
    uint16_t dev, enum rte_eth_event_type event, rte_eth_dev_cb_fn fn, void *arg)
{
	heard[dev][event] = (struct heard){ fn, arg };
	return 0;
}

int rte_eth_dev_callback_unregister(
    uint16_t dev, enum rte_eth_event_type event, rte_eth_dev_cb_fn fn, void *arg)
{
	if (heard[dev][event].fn != fn || heard[dev][event].arg != arg)
		return -EINVAL;
	heard[dev][event] = (struct heard){ 0 };
	return 0;
}

static void happens(const struct port *p, unsigned device, enum rte_eth_event_type event)
{
	const struct heard *h = &heard[p->devs[device]][event];

	assert_non_null(h->fn);
	h->fn(p->devs[device], event, h->arg, NULL);
}

/* --- helpers ----------------------------------------------------------------------------------- */

static int begin(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RTE_MAX_ETHPORTS; i++)
		links[i] = (struct rte_eth_link){ .link_status = RTE_ETH_LINK_UP,
			.link_speed = 10000,
			.link_duplex = RTE_ETH_LINK_FULL_DUPLEX };
	link_rc = 0;
	stream = open_memstream(&text, &size);
	return stream == NULL || rte_openlog_stream(stream) != 0;
}

static int end(void **state)
{
	(void)state;
	rte_openlog_stream(NULL);
	fclose(stream);
	free(text);
	return 0;
}

/* So often, and nothing else since the last call. */
static void assert_said(const char *line, unsigned times)
{
	unsigned n = 0;
	char *rest;

	fflush(stream);
	for (rest = text; (rest = strstr(rest, line)) != NULL; rest++)
		n++;
	if (n != times)
		fail_msg("'%s' was said %u times, not %u, in: %s", line, n, times, text);
	rewind(stream);
	memset(text, 0, size);
}

static void assert_silent(void)
{
	assert_said("sallyport", 0);
}

/* A port of so many devices of net_ring; a device once given back is gone, so each case has its own. */
static struct port *ports_of(unsigned n)
{
	static char names[N_RINGS][16];
	static const char *devices[N_RINGS];
	static struct rte_mempool *pools[N_RINGS];
	static unsigned next;
	struct port_config c = { .name = "front0",
		.devices = &devices[next],
		.n_devices = n,
		.n_queues = n,
		.mtu = 1500,
		.offloads = true,
		.pools = &pools[next] };
	struct port *p;

	assert_true(next + n <= N_RINGS);
	for (unsigned i = 0; i < n; i++, next++) {
		snprintf(names[next], sizeof(names[next]), "net_ring%u", next);
		devices[next] = names[next];
		pools[next] = pool;
	}
	err_init(&err);
	p = port_open(&c, 0, &err);
	if (p == NULL)
		fail_msg("%s", err.text);
	assert_said("port 'front0'", 1);
	return p;
}

static struct rte_mbuf *frame(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, 60), 0, 60);
	return m;
}

static void send_frames(struct port *p, unsigned n, struct stats *stats)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = frame();

		port_tx(p, 0, &m, 1, pool, stats);
	}
}

static void count_xstat(void *arg, unsigned device, const char *name, uint64_t value)
{
	(void)device, (void)name, (void)value;
	++*(unsigned *)arg;
}

static void assert_no_leak(void)
{
	assert_int_equal(rte_mempool_avail_count(pool), N_MBUFS);
}

/* --- links ------------------------------------------------------------------------------------- */

static void a_link_that_comes_and_goes_is_told_each_time(void **state)
{
	struct port *p = ports_of(1);
	uint16_t dev = p->devs[0];

	(void)state;
	port_watch(p);
	assert_said("sallyport: port 'front0': link is up, 10000 Mbit/s, full duplex\n", 1);
	assert_int_equal(port_link_changes(p), 0); /* that it is there at the start is no change */
	for (unsigned i = 0; i < 5; i++) {
		links[dev].link_status = RTE_ETH_LINK_DOWN;
		port_watch(p);
		assert_said("sallyport: warning: port 'front0': link is down\n", 1);
		assert_int_equal(port_link_changes(p), 2 * i + 1);
		port_watch(p);
		assert_silent();
		links[dev] = (struct rte_eth_link){ .link_status = RTE_ETH_LINK_UP,
			.link_speed = i == 4 ? RTE_ETH_SPEED_NUM_UNKNOWN : 100 };
		port_watch(p);
		assert_said(i == 4 ? "port 'front0': link is up\n"
				   : "port 'front0': link is up, 100 Mbit/s, half duplex\n",
		    1);
		port_watch(p);
		assert_silent();
	}
	assert_int_equal(port_link_changes(p), 10);
	port_close(p);
}

/* Of devices that are the queues of one port. */
static void a_port_s_link_is_up_when_all_of_its_devices_are(void **state)
{
	struct port *p = ports_of(2);
	struct port_link link;

	(void)state;
	port_link_get(p, &link);
	assert_true(link.is_up);
	assert_int_equal(link.speed_mbps, 20000);
	links[p->devs[1]].link_status = RTE_ETH_LINK_DOWN;
	port_link_get(p, &link);
	assert_false(link.is_up);
	assert_int_equal(link.speed_mbps, 0);
	links[p->devs[1]].link_status = RTE_ETH_LINK_UP;
	link_rc = -ENODEV; /* a device that does not say is no link */
	assert_false(port_link_is_up(p));
	port_close(p);
}

/* --- offloads ---------------------------------------------------------------------------------- */

static void what_is_refuted_is_said_once_and_why(void **state)
{
	static const char *const lines[] = {
		"sallyport: error: port 'front0': the device sends TCP segments without the checksum it "
		"says it makes: only what software made arrived; software does it from now on; "
		"'offloads = false' stops asking\n",
		"sallyport: error: port 'front0': the device does not cut large segments as it says it "
		"does: only what software made arrived; software does it from now on; "
		"'offloads = false' stops asking\n",
	};
	struct port *p = ports_of(1);

	(void)state;
	p->offloads = PORT_TX_TCP_CHECKSUM;
	port_refute(p, 0);
	port_refute(p, PORT_TX_TSO); /* was never asked of it */
	assert_silent();
	assert_int_equal(port_refuted(p), 0);
	port_refute(p, PORT_TX_TCP_CHECKSUM);
	assert_said(lines[0], 1);
	assert_int_equal(port_refuted(p), PORT_TX_TCP_CHECKSUM);
	p->offloads |= PORT_TX_TSO;
	port_refute(p, PORT_TX_TCP_CHECKSUM);
	assert_silent();
	port_refute(p, PORT_TX_TCP_CHECKSUM | PORT_TX_TSO);
	assert_said(lines[1], 1);
	port_refute(p, PORT_TX_TCP_CHECKSUM | PORT_TX_TSO);
	assert_silent();
	port_close(p);
}

/* --- devices that go --------------------------------------------------------------------------- */

static void a_device_that_fails_is_said_once_and_kept(void **state)
{
	struct port *p = ports_of(1);

	(void)state;
	port_watch(p);
	assert_said("link is up", 1);
	assert_false(port_is_broken(p));
	happens(p, 0, RTE_ETH_EVENT_INTR_RESET);
	assert_true(port_is_broken(p));
	port_watch(p);
	port_watch(p);
	assert_said(
	    "sallyport: error: port 'front0': its device is gone or has failed: restart when it is "
	    "back\n",
	    1);
	assert_false(port_leave(p));
	port_close(p);
	assert_no_leak();
}

/* From the moment it leaves: nothing comes, what goes is dropped and counted, and nothing is lost of buffers. */
static void leaves(struct port *p, unsigned n_waiting)
{
	struct stats stats = { 0 };
	struct rte_mbuf *got[4];
	struct port_link link;
	unsigned n = 0;
	char name[64];

	assert_true(port_is_broken(p));
	assert_true(port_leave(p));
	assert_said(
	    "sallyport: error: port 'front0': its device is being unplugged and is given back: "
	    "restart when it is there again\n",
	    1);
	assert_false(port_leave(p));
	assert_int_equal(port_rx(p, 0, got, 4, &stats), 0);
	send_frames(p, 3, &stats);
	assert_int_equal(stats.v[STAT_DROP_PORT_GONE], 3);
	assert_int_equal(stats.v[STAT_TX_PACKETS], 0);
	assert_int_equal(p->queues[0].n_late, n_waiting);
	assert_int_equal(port_tx_late(p, 0, 0, &stats), 0);
	assert_false(port_is_backed_up(p, 0, 0)); /* or everything would wait for it */

	port_release(p);
	assert_int_equal(port_rx(p, 0, got, 4, &stats), 0);
	send_frames(p, 1, &stats);
	assert_int_equal(stats.v[STAT_DROP_PORT_GONE], 4);
	port_link_get(p, &link);
	assert_false(link.is_up);
	port_xstats(p, count_xstat, &n);
	assert_int_equal(n, 0);
	port_queue_name(p, 0, name, sizeof(name));
	assert_string_equal(name, "front0: ? queue 0");
	assert_true(port_is_broken(p));
	port_watch(p);
	assert_said("port 'front0': link is down", 1);
	port_watch(p);
	assert_silent();
	port_close(p);
	assert_no_leak();
}

static void an_unplugged_device_is_given_back(void **state)
{
	struct port *p = ports_of(1);
	char name[RTE_ETH_NAME_MAX_LEN];
	struct stats stats = { 0 };
	unsigned n = 0;
	uint16_t dev;

	(void)state;
	assert_int_equal(rte_eth_dev_get_name_by_port(p->devs[0], name), 0);
	port_watch(p);
	assert_said("link is up", 1);
	port_xstats(p, count_xstat, &n);
	assert_true(n > 0);
	rte_dev_event_callback_process("net_ring99", RTE_DEV_EVENT_REMOVE); /* somebody else's */
	rte_dev_event_callback_process(name, RTE_DEV_EVENT_ADD);
	assert_false(port_is_broken(p));
	assert_false(port_leave(p));
	/* More than the ring takes: some wait for room when it goes. */
	send_frames(p, 1100, &stats);
	assert_true(p->queues[0].n_late > 0);
	rte_dev_event_callback_process(name, RTE_DEV_EVENT_REMOVE);
	rte_dev_event_callback_process(name, RTE_DEV_EVENT_REMOVE); /* vfio asks again and again */
	port_watch(p); /* says nothing: it is not broken but wanted */
	assert_silent();
	/* What the ring holds is no NIC's: a real one frees what is in its own. */
	for (struct rte_mbuf *m; rte_eth_rx_burst(p->devs[0], 0, &m, 1) == 1;)
		rte_pktmbuf_free(m);
	leaves(p, p->queues[0].n_late);
	assert_int_not_equal(rte_eth_dev_get_port_by_name(name, &dev), 0);
}

static void a_driver_may_say_it_too(void **state)
{
	struct port *p = ports_of(1);

	(void)state;
	port_watch(p);
	assert_said("link is up", 1);
	happens(p, 0, RTE_ETH_EVENT_INTR_RMV);
	leaves(p, 0);
}

/* One of several goes: the port cannot do without it, so the others are given back as well. */
static void one_of_several_takes_the_others_along(void **state)
{
	struct port *p = ports_of(2);

	(void)state;
	port_watch(p);
	assert_said("link is up", 1);
	happens(p, 1, RTE_ETH_EVENT_INTR_RMV);
	leaves(p, 0);
}

static void nobody_is_called_for_a_port_that_is_closed(void **state)
{
	struct port *p = ports_of(1);
	uint16_t dev = p->devs[0];
	char name[RTE_ETH_NAME_MAX_LEN];

	(void)state;
	assert_int_equal(rte_eth_dev_get_name_by_port(dev, name), 0);
	port_close(p);
	assert_null(heard[dev][RTE_ETH_EVENT_INTR_RMV].fn);
	assert_null(heard[dev][RTE_ETH_EVENT_INTR_RESET].fn);
	rte_dev_event_callback_process(name, RTE_DEV_EVENT_REMOVE); /* ASan would see it */
}

static int start(void **state)
{
	static char vdevs[N_RINGS][32];
	static const char *args[N_RINGS + 2] = { "--no-huge", "--no-pci" };
	static const unsigned cores[] = { 0 };

	(void)state;
	for (unsigned i = 0; i < N_RINGS; i++) {
		snprintf(vdevs[i], sizeof(vdevs[i]), "--vdev=net_ring%u", i);
		args[2 + i] = vdevs[i];
	}
	err_init(&err);
	if (eal_start(&(struct eal_config){ .args = args,
			  .n_args = RTE_DIM(args),
			  .worker_cores = cores,
			  .n_workers = 1,
			  .control_core = -1,
			  .memory_mb = 256 },
		&err) != 0) {
		print_error("%s", err.text);
		return -1;
	}
	pool = rte_pktmbuf_pool_create("test", N_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return pool != NULL ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	eal_stop();
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_link_that_comes_and_goes_is_told_each_time),
		CASE(a_port_s_link_is_up_when_all_of_its_devices_are),
		CASE(what_is_refuted_is_said_once_and_why),
		CASE(a_device_that_fails_is_said_once_and_kept),
		CASE(an_unplugged_device_is_given_back),
		CASE(a_driver_may_say_it_too),
		CASE(one_of_several_takes_the_others_along),
		CASE(nobody_is_called_for_a_port_that_is_closed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
