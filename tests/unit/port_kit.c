/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/port_kit.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>
#include <rte_mempool.h>

#include "config/err.h"
#include "dataplane/port/port.h"

#include <cmocka.h>

#define MAX_ARGS 24

static struct rte_mempool *pool;
static char *text; /* what was logged since the last look */
static size_t size;
static FILE *stream;

/* The first core that we may run on: a machine that is measured on keeps its first to itself. */
static unsigned own_core(void)
{
	unsigned core = 0;
	cpu_set_t ours;

	assert_int_equal(sched_getaffinity(0, sizeof(ours), &ours), 0);
	while (!CPU_ISSET(core, &ours))
		core++;
	return core;
}

int port_kit_start(const char *const args[], unsigned n_args, unsigned n_workers)
{
	static const char *all[MAX_ARGS] = { "--no-huge", "--no-pci" };
	const unsigned cores[] = { own_core(), own_core() }; /* the machine may have no more */
	struct err err = { 0 };

	assert_true(n_args + 2 <= MAX_ARGS && n_workers <= RTE_DIM(cores));
	for (unsigned i = 0; i < n_args; i++)
		all[2 + i] = args[i];
	if (eal_start(&(struct eal_config){ .args = all,
			  .n_args = 2 + n_args,
			  .worker_cores = cores,
			  .n_workers = n_workers,
			  .control_core = -1,
			  .memory_mb = 256 },
		&err) != 0) {
		print_error("%s", err.text);
		return -1;
	}
	pool = rte_pktmbuf_pool_create("test", PORT_KIT_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return pool != NULL ? 0 : -1;
}

int port_kit_stop(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	eal_stop();
	return 0;
}

struct rte_mempool *port_kit_pool(void)
{
	return pool;
}

void port_kit_no_leak(void)
{
	assert_int_equal(rte_mempool_avail_count(pool), PORT_KIT_MBUFS);
}

struct rte_mbuf *port_kit_frame(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, 60), 0, 60);
	return m;
}

struct port_config port_kit_config(const char *const devices[], unsigned n)
{
	static struct rte_mempool *pools[PORT_KIT_QUEUES];

	for (unsigned i = 0; i < PORT_KIT_QUEUES; i++)
		pools[i] = pool;
	return (struct port_config){ .name = "front0",
		.devices = devices,
		.n_devices = n,
		.n_queues = n,
		.mtu = 1500,
		.offloads = true,
		.pools = pools };
}

struct port *port_kit_open(const char *const devices[], unsigned n)
{
	struct port_config config = port_kit_config(devices, n);
	struct err err = { 0 };
	struct port *p = port_open(&config, 0, &err);

	if (p == NULL)
		fail_msg("%s", err.text);
	return p;
}

int port_kit_listen(void **state)
{
	(void)state;
	stream = open_memstream(&text, &size);
	return stream == NULL || rte_openlog_stream(stream) != 0;
}

int port_kit_listen_end(void **state)
{
	(void)state;
	rte_openlog_stream(NULL);
	fclose(stream);
	free(text);
	return 0;
}

void port_kit_said(const char *line, unsigned times)
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

void port_kit_silent(void)
{
	port_kit_said("sallyport", 0);
}
