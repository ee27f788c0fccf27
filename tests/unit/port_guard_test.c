/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EAL's interrupt thread, held: two ends of a memif in one process, and an event of the test's own, of which what is
 * done is seen.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ALLOW_EXPERIMENTAL_API /* rte_intr_instance_alloc */
#include <rte_ethdev.h>
#include <rte_interrupts.h>

#include "config/err.h"
#include "dataplane/base/stats.h"
#include "dataplane/port/internal.h"
#include "dataplane/port/port.h"
#include "tests/unit/port_kit.h"

#include <cmocka.h>

#define PASSES  200   /* for what takes one or a few */
#define LONG_US 20000 /* in which a thread that is not held gets its turn, most of the time */

static const char *const server_name[] = { "net_memif0" };
static const char *const client_name[] = { "net_memif1" };
static struct port *server, *client;

/* --- an event of our own --- */

static struct rte_intr_handle *event;
static atomic_uint n_seen;
static atomic_uint slow_us; /* that the event's callback takes */

static void on_event(void *arg)
{
	eventfd_t ignored;

	(void)arg;
	eventfd_read(rte_intr_fd_get(event), &ignored);
	usleep(slow_us);
	atomic_fetch_add(&n_seen, 1);
}

static void event_start(void)
{
	n_seen = 0;
	event = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	assert_non_null(event);
	assert_int_equal(rte_intr_fd_set(event, eventfd(0, EFD_NONBLOCK)), 0);
	assert_int_equal(rte_intr_type_set(event, RTE_INTR_HANDLE_EXT), 0);
	assert_int_equal(rte_intr_callback_register(event, on_event, NULL), 0);
}

static void event_end(void)
{
	while (rte_intr_callback_unregister(event, on_event, NULL) == -EAGAIN)
		;
	close(rte_intr_fd_get(event));
	rte_intr_instance_free(event);
}

static void event_happens(void)
{
	assert_int_equal(eventfd_write(rte_intr_fd_get(event), 1), 0);
}

static void guard_start(void)
{
	struct err e = { 0 };

	if (port_guard_start(&e) != 0)
		fail_msg("%s", e.text);
}

/* --- cases --- */

static void nothing_is_done_but_in_a_pass(void **state)
{
	(void)state;
	event_start();
	guard_start();
	for (unsigned i = 1; i <= 50; i++) {
		event_happens();
		if (i <= 3)
			usleep(LONG_US);
		assert_int_equal(n_seen, i - 1);
		for (unsigned j = 0; n_seen < i && j < PASSES; j++)
			port_guard_pass(0);
		assert_int_equal(n_seen, i);
	}
	port_guard_stop();
	event_end();
}

static void afterwards_it_goes_its_own_ways(void **state)
{
	(void)state;
	event_start();
	for (unsigned i = 0; i < 50; i++) { /* at whatever moment it is let go */
		guard_start();
		event_happens();
		port_guard_stop();
	}
	for (unsigned i = 0; n_seen == 0 && i < 1000; i++)
		usleep(10000);
	assert_true(n_seen > 0);
	event_end();
	port_guard_stop(); /* nothing to let go */
	assert_false(port_guard_is_due(1e9));
}

/* --- a knock that does not come through --- */

#define FDS 1024

static atomic_bool is_stealing;

/* Which descriptors are eventfds. */
static void find_eventfds(bool found[FDS])
{
	for (int fd = 0; fd < FDS; fd++) {
		char path[32], name[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		found[fd] =
		    readlink(path, name, sizeof(name) - 1) > 0 && strstr(name, "[eventfd]") != NULL;
	}
}

static void *steal(void *arg)
{
	const int *fd = arg;
	eventfd_t ignored;

	while (is_stealing)
		eventfd_read(*fd, &ignored);
	return NULL;
}

static void a_knock_that_is_lost_is_repeated(void **state)
{
	bool before[FDS], after[FDS];
	pthread_t thief;
	int knock = 0;

	(void)state;
	event_start();
	slow_us = LONG_US;
	find_eventfds(before);
	guard_start();
	find_eventfds(after);
	while (knock < FDS && (before[knock] || !after[knock]))
		knock++;
	assert_true(knock < FDS);
	is_stealing = true;
	assert_int_equal(pthread_create(&thief, NULL, steal, &knock), 0);
	for (unsigned i = 0; i < 10; i++) {
		event_happens(); /* the thread is elsewhere while it is stolen */
		port_guard_pass(0);
	}
	is_stealing = false;
	pthread_join(thief, NULL);
	port_guard_stop();
	slow_us = 0;
	event_end();
}

static void open_both(void)
{
	server = port_kit_open(server_name, 1);
	client = port_kit_open(client_name, 1);
	assert_false(port_link_is_up(server));
	for (unsigned i = 0; !(port_link_is_up(server) && port_link_is_up(client)) && i < PASSES;
	     i++)
		port_guard_pass(0);
	assert_true(port_link_is_up(server) && port_link_is_up(client));
}

static unsigned cross(struct port *from, struct port *to, unsigned n)
{
	struct stats stats = { 0 };
	struct rte_mbuf *got[32];
	unsigned came;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = port_kit_frame();

		port_tx(from, 0, &m, 1, port_kit_pool(), &stats);
	}
	came = port_rx(to, 0, got, 32, &stats);
	rte_pktmbuf_free_bulk(got, came);
	return came;
}

/* What a crash came of: the peer is gone, and a worker still reads what they shared. */
static void a_peer_s_end_waits_for_a_pass(void **state)
{
	(void)state;
	guard_start();
	assert_true(port_guard_is_due(0));
	open_both();
	port_guard_pass(100);
	assert_false(port_guard_is_due(100.9));
	assert_true(port_guard_is_due(101.1));
	assert_int_equal(cross(client, server, 8), 8);
	cross(client, client, 0); /* it hands out buffers for what comes */
	assert_int_equal(cross(server, client, 8), 8);
	port_close(client);
	for (unsigned i = 0; i < 5; i++) {
		usleep(LONG_US);
		cross(server, server, 8);
		assert_true(port_link_is_up(server));
	}
	for (unsigned i = 0; port_link_is_up(server) && i < PASSES; i++)
		port_guard_pass(200);
	assert_false(port_link_is_up(server));
	assert_false(port_guard_is_due(200.1)); /* more often, while somebody may come */
	assert_true(port_guard_is_due(200.3));
	assert_int_equal(cross(server, server, 8), 0);
	port_close(server);
	port_guard_stop();
	port_kit_no_leak();
}

static int start(void **state)
{
	static char vdevs[2][128];
	const char *args[] = { vdevs[0], vdevs[1], "--log-level=user1:error" };

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		snprintf(vdevs[i], sizeof(vdevs[i]),
		    "--vdev=net_memif%u,role=%s,socket=port-guard-%d", i,
		    i == 0 ? "server" : "client", getpid());
	return port_kit_start(args, RTE_DIM(args), 1);
}

int main(void)
{
	/* A device that was closed is gone: the one that opens both comes last. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_done_but_in_a_pass),
		cmocka_unit_test(afterwards_it_goes_its_own_ways),
		cmocka_unit_test(a_knock_that_is_lost_is_repeated),
		cmocka_unit_test(a_peer_s_end_waits_for_a_pass),
	};

	return cmocka_run_group_tests(tests, start, port_kit_stop);
}
