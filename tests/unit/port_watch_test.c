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

#include "dataplane/base/stats.h"
#include "dataplane/port/internal.h"
#include "dataplane/port/port.h"
#include "tests/unit/port_kit.h"

#include <cmocka.h>

#define N_RINGS 13

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
	for (unsigned i = 0; i < RTE_MAX_ETHPORTS; i++)
		links[i] = (struct rte_eth_link){ .link_status = RTE_ETH_LINK_UP,
			.link_speed = 10000,
			.link_duplex = RTE_ETH_LINK_FULL_DUPLEX };
	link_rc = 0;
	return port_kit_listen(state);
}

/* A port of so many devices of net_ring; a device once given back is gone, so each case has its own. */
static struct port *ports_of(unsigned n)
{
	static char names[N_RINGS][24];
	static const char *devices[N_RINGS];
	static unsigned next;
	unsigned first = next;
	struct port *p;

	assert_true(next + n <= N_RINGS);
	for (; next < first + n; next++) {
		snprintf(names[next], sizeof(names[next]), "net_ring%u", next);
		devices[next] = names[next];
	}
	p = port_kit_open(devices + first, n);
	port_kit_said("port 'front0'", 1);
	return p;
}

static void send_frames(struct port *p, unsigned n, struct stats *stats)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = port_kit_frame();

		port_tx(p, 0, &m, 1, port_kit_pool(), stats);
	}
}

static void count_xstat(void *arg, unsigned device, const char *name, uint64_t value)
{
	(void)device, (void)name, (void)value;
	++*(unsigned *)arg;
}

/* --- links ------------------------------------------------------------------------------------- */

static void a_link_that_comes_and_goes_is_told_each_time(void **state)
{
	struct port *p = ports_of(1);
	uint16_t dev = p->devs[0];

	(void)state;
	port_watch(p);
	port_kit_said("sallyport: port 'front0': link is up, 10000 Mbit/s, full duplex\n", 1);
	assert_int_equal(port_link_changes(p), 0); /* that it is there at the start is no change */
	for (unsigned i = 0; i < 5; i++) {
		links[dev].link_status = RTE_ETH_LINK_DOWN;
		port_watch(p);
		port_kit_said("sallyport: warning: port 'front0': link is down\n", 1);
		assert_int_equal(port_link_changes(p), 2 * i + 1);
		port_watch(p);
		port_kit_silent();
		links[dev] = (struct rte_eth_link){ .link_status = RTE_ETH_LINK_UP,
			.link_speed = i == 4 ? RTE_ETH_SPEED_NUM_UNKNOWN : 100 };
		port_watch(p);
		port_kit_said(i == 4 ? "port 'front0': link is up\n"
				     : "port 'front0': link is up, 100 Mbit/s, half duplex\n",
		    1);
		port_watch(p);
		port_kit_silent();
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
	port_kit_silent();
	assert_int_equal(port_refuted(p), 0);
	port_refute(p, PORT_TX_TCP_CHECKSUM);
	port_kit_said(lines[0], 1);
	assert_int_equal(port_refuted(p), PORT_TX_TCP_CHECKSUM);
	p->offloads |= PORT_TX_TSO;
	port_refute(p, PORT_TX_TCP_CHECKSUM);
	port_kit_silent();
	port_refute(p, PORT_TX_TCP_CHECKSUM | PORT_TX_TSO);
	port_kit_said(lines[1], 1);
	port_refute(p, PORT_TX_TCP_CHECKSUM | PORT_TX_TSO);
	port_kit_silent();
	port_close(p);
}

/* --- devices that go --------------------------------------------------------------------------- */

static void a_device_that_fails_is_said_once_and_kept(void **state)
{
	struct port *p = ports_of(1);

	(void)state;
	port_watch(p);
	port_kit_said("link is up", 1);
	assert_false(port_is_broken(p));
	happens(p, 0, RTE_ETH_EVENT_INTR_RESET);
	assert_true(port_is_broken(p));
	port_watch(p);
	port_watch(p);
	port_kit_said(
	    "sallyport: error: port 'front0': its device is gone or has failed: restart when it is "
	    "back\n",
	    1);
	assert_false(port_leave(p));
	port_close(p);
	port_kit_no_leak();
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
	port_kit_said(
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
	port_kit_said("port 'front0': link is down", 1);
	port_watch(p);
	port_kit_silent();
	port_close(p);
	port_kit_no_leak();
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
	port_kit_said("link is up", 1);
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
	port_kit_silent();
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
	port_kit_said("link is up", 1);
	happens(p, 0, RTE_ETH_EVENT_INTR_RMV);
	leaves(p, 0);
}

/* One of several goes: the port cannot do without it, so the others are given back as well. */
static void one_of_several_takes_the_others_along(void **state)
{
	struct port *p = ports_of(2);

	(void)state;
	port_watch(p);
	port_kit_said("link is up", 1);
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

static void a_paused_port_brings_nothing_and_takes_nothing(void **state)
{
	struct port *p = ports_of(1);
	struct stats stats = { 0 };
	struct rte_mbuf *got[4];

	(void)state;
	send_frames(p, 2, &stats);
	port_set_paused(p, true);
	assert_int_equal(port_rx(p, 0, got, 4, &stats), 0);
	assert_true(port_is_backed_up(p, 0, UINT64_MAX)); /* however long it lasts */
	p->queues[0].late[p->queues[0].n_late++] = port_kit_frame();
	assert_int_equal(port_tx_late(p, 0, 0, &stats), 0);
	port_set_paused(p, false);
	assert_int_equal(port_tx_late(p, 0, 0, &stats), 1);
	assert_false(port_is_backed_up(p, 0, 0));
	assert_int_equal(port_rx(p, 0, got, 4, &stats), 3);
	rte_pktmbuf_free_bulk(got, 3);
	assert_int_equal(stats.v[STAT_TX_PACKETS], 3);
	/* One that is gone does not come back by that. */
	happens(p, 0, RTE_ETH_EVENT_INTR_RMV);
	assert_true(port_leave(p));
	port_set_paused(p, true);
	assert_false(port_is_backed_up(p, 0, 0));
	port_set_paused(p, false);
	send_frames(p, 1, &stats);
	assert_int_equal(stats.v[STAT_DROP_PORT_GONE], 1);
	port_release(p);
	port_close(p);
	port_kit_no_leak();
}

static int start(void **state)
{
	static char vdevs[N_RINGS][32];
	static const char *args[N_RINGS];

	(void)state;
	for (unsigned i = 0; i < N_RINGS; i++) {
		snprintf(vdevs[i], sizeof(vdevs[i]), "--vdev=net_ring%u", i);
		args[i] = vdevs[i];
	}
	return port_kit_start(args, N_RINGS, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, port_kit_listen_end)

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
		CASE(a_paused_port_brings_nothing_and_takes_nothing),
	};

	return cmocka_run_group_tests(tests, start, port_kit_stop);
}
