/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define ALLOW_EXPERIMENTAL_API /* rte_intr_instance_alloc, ..._set: so marked in DPDK 22.11 */
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_pause.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/port/internal.h"

/*
 * The thread is held in a callback of ours, on an event that makes it come there. All callbacks run in this one
 * thread: while it waits in ours it is in no other.
 */

#define UP_S      1.0 /* between two passes while all links are up: a peer's end is noticed so late */
#define DOWN_S    0.2   /* else */
#define LINGER_NS 50000 /* between two looks at links that are to come up, LINGERS times */
#define LINGERS   20
#define KNOCK_NS  100000000 /* it is called again when it has not come for so long, */
#define KNOCKS    10        /* and after so many times said to be lost */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_open;                   /* it may go */
	bool is_inside;                 /* it waits */
	int knock;                      /* eventfd: readable when it is to come */
	pid_t tid;                      /* the thread's, once it was here */
	struct rte_intr_handle *handle; /* of knock; NULL: no guard */
	uint16_t devs[RTE_MAX_ETHPORTS];
	unsigned n_devs;
	double next_s;
} guard = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .knock = -1 };

/* EAL's interrupt thread. */
static void on_knock(void *arg)
{
	eventfd_t ignored;

	(void)arg;
	eventfd_read(guard.knock, &ignored);
	pthread_mutex_lock(&guard.lock);
	guard.tid = gettid();
	guard.is_inside = true;
	pthread_cond_broadcast(&guard.changed);
	while (!guard.is_open)
		pthread_cond_wait(&guard.changed, &guard.lock);
	guard.is_inside = false;
	pthread_cond_broadcast(&guard.changed);
	pthread_mutex_unlock(&guard.lock);
}

/* Where the thread is, for the operator: the number of the system call it is in and its arguments (proc(5), syscall). */
static void say_lost(void)
{
	char path[64], where[128] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)guard.tid);
	f = fopen(path, "re");
	if (f == NULL || fgets(where, sizeof(where), f) == NULL)
		snprintf(where, sizeof(where), "unknown");
	if (f != NULL)
		fclose(f);
	where[strcspn(where, "\n")] = '\0';
	log_error(
	    "EAL's interrupt thread does not come back from a driver; no port is used until it does. It is in "
	    "system call %s",
	    where);
}

static struct timespec later(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += KNOCK_NS;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/*
 * Sets is_open, and waits until the thread is where that leads it. Once in some hundred starts on a machine with too much
 * to do it was waited for in vain, for a reason that was not found: so it is called again, and missed aloud.
 */
static void set_open(bool is_open)
{
	struct timespec until = later();
	unsigned knocks = 0;

	pthread_mutex_lock(&guard.lock);
	guard.is_open = is_open;
	pthread_cond_broadcast(&guard.changed);
	if (!is_open)
		eventfd_write(guard.knock, 1);
	while (guard.is_inside == is_open) {
		if (pthread_cond_clockwait(&guard.changed, &guard.lock, CLOCK_MONOTONIC, &until) !=
		    ETIMEDOUT)
			continue;
		until = later();
		pthread_cond_broadcast(&guard.changed);
		if (!is_open)
			eventfd_write(guard.knock, 1);
		if (++knocks == KNOCKS)
			say_lost();
	}
	pthread_mutex_unlock(&guard.lock);
	if (knocks >= KNOCKS)
		log_notice("EAL's interrupt thread is back");
}

static bool all_up(void)
{
	for (unsigned i = 0; i < guard.n_devs; i++) {
		struct rte_eth_link link = { 0 };

		/* One that was given back is nobody's to wait for. */
		if (rte_eth_link_get_nowait(guard.devs[i], &link) == 0 &&
		    link.link_status != RTE_ETH_LINK_UP)
			return false;
	}
	return true;
}

static void find_devices(void)
{
	struct rte_eth_dev_info info;
	uint16_t dev;

	guard.n_devs = 0;
	RTE_ETH_FOREACH_DEV(dev) {
		if (rte_eth_dev_info_get(dev, &info) == 0 &&
		    strcmp(info.driver_name, "net_memif") == 0)
			guard.devs[guard.n_devs++] = dev;
	}
}

static void forget_knock(void)
{
	rte_intr_instance_free(guard.handle);
	guard.handle = NULL;
	close(guard.knock);
	guard.knock = -1;
}

int port_guard_start(struct err *e)
{
	find_devices();
	if (guard.n_devs == 0)
		return 0;
	guard.knock = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (guard.knock < 0)
		return err_set(e, "no eventfd for EAL's interrupt thread: %s", strerror(errno));
	guard.handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (guard.handle == NULL || rte_intr_fd_set(guard.handle, guard.knock) != 0 ||
	    rte_intr_type_set(guard.handle, RTE_INTR_HANDLE_EXT) != 0 ||
	    rte_intr_callback_register(guard.handle, on_knock, NULL) != 0) {
		forget_knock();
		return err_set(e, "EAL's interrupt thread does not listen to us");
	}
	guard.next_s = 0;
	set_open(false);
	return 0;
}

void port_guard_stop(void)
{
	if (guard.handle == NULL)
		return;
	set_open(true);
	/* Refused while the thread is on its way out. */
	while (rte_intr_callback_unregister(guard.handle, on_knock, NULL) == -EAGAIN)
		rte_pause();
	forget_knock();
}

bool port_guard_is_due(double now_s)
{
	return guard.handle != NULL && now_s >= guard.next_s;
}

void port_guard_pass(double now_s)
{
	const struct timespec linger = { .tv_nsec = LINGER_NS };

	if (guard.handle == NULL)
		return;
	set_open(true);
	/* Two processes that connect say several things to each other. */
	for (unsigned i = 0; i < LINGERS && !all_up(); i++)
		nanosleep(&linger, NULL);
	set_open(false);
	/* It may have come to ours before others that were due as well. */
	set_open(true);
	set_open(false);
	guard.next_s = now_s + (all_up() ? UP_S : DOWN_S);
}
