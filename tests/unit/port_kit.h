/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <rte_mbuf.h>

struct port;
struct port_config;

/* For tests of ports: EAL with virtual devices, a pool of packet buffers, and what is logged. */

#define PORT_KIT_MBUFS  4095
#define PORT_KIT_QUEUES 17

/*
 * Starts EAL, without hugepages and PCI, with these arguments more, and makes the pool. 0, or -1: for a group's
 * setup, whose teardown is port_kit_stop.
 */
int port_kit_start(const char *const args[], unsigned n_args, unsigned n_workers);
int port_kit_stop(void **state);

struct rte_mempool *port_kit_pool(void);

/* Everything is in the pool again. */
void port_kit_no_leak(void);

/* A frame of 60 zeros. */
struct rte_mbuf *port_kit_frame(void);

/* A port of these devices, a queue for each; devices is borrowed. */
struct port_config port_kit_config(const char *const devices[], unsigned n);

/* Opens it; a case fails when it does not open. */
struct port *port_kit_open(const char *const devices[], unsigned n);

/* Setup and teardown of a case: what is logged is kept meanwhile. */
int port_kit_listen(void **state);
int port_kit_listen_end(void **state);

/* What was logged since the last call has line in it so often. */
void port_kit_said(const char *line, unsigned times);

/* Nothing was logged since. */
void port_kit_silent(void);
