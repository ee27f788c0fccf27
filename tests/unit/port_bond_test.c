/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ports that are a bond: its members are closed with it, and one that is unplugged is given back while it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define ALLOW_EXPERIMENTAL_API /* rte_dev_event_callback_process */
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "config/err.h"
#include "dataplane/base/stats.h"
#include "dataplane/port/internal.h"
#include "dataplane/port/port.h"
#include "tests/unit/port_kit.h"

#include <cmocka.h>

/* Bond i is of net_null<2i> and net_null<2i + 1>; a closed one is gone, so each case has its own. */
enum {
	PLAIN,
	REFUSED,
	UNPLUGGED,
	HALF,
	BONDS
};

static const char *const bonds[BONDS] = { "net_bonding0", "net_bonding1", "net_bonding2",
	"net_bonding3" };

static struct port *bond_open(unsigned bond)
{
	struct port *p = port_kit_open(&bonds[bond], 1);

	/* It looks for its members' links by and by. */
	for (unsigned i = 0; !port_link_is_up(p) && i < 1000; i++)
		usleep(10000);
	port_kit_said("port 'front0'", 1);
	return p;
}

static bool exists(unsigned member)
{
	char name[24];
	uint16_t dev;

	snprintf(name, sizeof(name), "net_null%u", member);
	return rte_eth_dev_get_port_by_name(name, &dev) == 0;
}

static void unplug(unsigned member)
{
	char name[24];

	snprintf(name, sizeof(name), "net_null%u", member);
	rte_dev_event_callback_process(name, RTE_DEV_EVENT_REMOVE);
}

/* net_null has frames without end, and takes all. */
static unsigned moves(struct port *p)
{
	struct stats stats = { 0 };
	struct rte_mbuf *got[8], *m = port_kit_frame();
	unsigned n = port_rx(p, 0, got, 8, &stats);

	rte_pktmbuf_free_bulk(got, n);
	port_tx(p, 0, &m, 1, port_kit_pool(), &stats);
	return n;
}

/* Their rings may hold buffers, and EAL's end would come after the pools'. */
static void members_are_closed_with_their_bond(void **state)
{
	const unsigned first = 2 * PLAIN;
	struct port *p = bond_open(PLAIN);

	(void)state;
	assert_int_equal(p->n_members, 2);
	assert_true(exists(first) && exists(first + 1));
	assert_true(moves(p) > 0);
	port_close(p);
	assert_false(exists(first) || exists(first + 1));
	port_kit_no_leak();
}

static void members_of_a_port_that_does_not_open_are_closed(void **state)
{
	struct port_config config = port_kit_config(&bonds[REFUSED], 1);
	struct err e = { 0 };

	(void)state;
	config.flow_control = PORT_FLOW_ON; /* which is refused after the start */
	assert_null(port_open(&config, 0, &e));
	assert_false(exists(2 * REFUSED) || exists(2 * REFUSED + 1));
	port_kit_no_leak();
}

static void an_unplugged_member_is_given_back(void **state)
{
	const unsigned first = 2 * UNPLUGGED;
	struct port *p = bond_open(UNPLUGGED);
	char line[160];

	(void)state;
	port_watch(p);
	port_kit_said("link is up", 1);
	unplug(2 * BONDS); /* somebody else's */
	assert_false(port_member_leaves(p));
	for (unsigned left = 2; left-- > 0;) {
		unsigned member = first + 1 - left;

		assert_true(moves(p) > 0);
		unplug(member);
		unplug(member); /* vfio asks again and again */
		assert_true(port_member_leaves(p));
		assert_false(port_leave(p)); /* the port as such stays */
		port_set_paused(p, true);
		port_release_members(p);
		port_set_paused(p, false);
		snprintf(line, sizeof(line),
		    "error: port 'front0': 'net_null%u', a member of its bond, is being unplugged and is "
		    "given back, %u left: restart when it is there again\n",
		    member, left);
		port_kit_said(line, 1);
		assert_false(port_member_leaves(p));
		assert_false(exists(member));
		moves(p);
		moves(p);
		port_kit_said("not ready", 0); /* EAL's complaint when somebody still turns to it */
		assert_int_equal(port_is_broken(p), left == 0);
	}
	assert_int_equal(moves(p), 0); /* there is nobody any more */
	port_close(p);
	port_kit_no_leak();
}

static void one_member_is_unplugged_and_the_other_closed(void **state)
{
	const unsigned first = 2 * HALF;
	struct port *p = bond_open(HALF);

	(void)state;
	unplug(first);
	port_set_paused(p, true);
	port_release_members(p);
	port_set_paused(p, false);
	port_close(p);
	assert_false(exists(first) || exists(first + 1));
	unplug(first + 1); /* nobody is called for it; ASan would see it */
	port_kit_no_leak();
}

static void without_shared_memory_there_is_nothing_to_guard(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(port_guard_start(&e), 0);
	assert_false(port_guard_is_due(1e9));
	port_guard_pass(0);
	port_guard_stop();
}

static int start(void **state)
{
	static char vdevs[3 * BONDS][96];
	static const char *args[3 * BONDS];

	(void)state;
	for (unsigned i = 0; i < 2 * BONDS; i++)
		snprintf(vdevs[i], sizeof(vdevs[i]), "--vdev=net_null%u", i);
	for (unsigned i = 0; i < BONDS; i++)
		snprintf(vdevs[2 * BONDS + i], sizeof(vdevs[0]),
		    "--vdev=net_bonding%u,mode=1,slave=net_null%u,slave=net_null%u", i, 2 * i,
		    2 * i + 1);
	for (unsigned i = 0; i < 3 * BONDS; i++)
		args[i] = vdevs[i];
	return port_kit_start(args, 3 * BONDS, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, port_kit_listen, port_kit_listen_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(members_are_closed_with_their_bond),
		CASE(members_of_a_port_that_does_not_open_are_closed),
		CASE(an_unplugged_member_is_given_back),
		CASE(one_member_is_unplugged_and_the_other_closed),
		CASE(without_shared_memory_there_is_nothing_to_guard),
	};

	return cmocka_run_group_tests(tests, start, port_kit_stop);
}
