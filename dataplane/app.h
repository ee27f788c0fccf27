/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>

#include "config/model.h"
#include "dataplane/net/net.h"
#include "dataplane/port/port.h"
#include "dataplane/steer/mode.h"

struct err;
struct port;
struct snapshot;
struct steer;
struct conn_ring;
struct conn_writer;
struct ticket_ring;
struct worker;

/* The whole program between start and stop; control thread only. */
struct app {
	struct snapshot *snapshot; /* published; owned */
	const struct config *boot; /* what ports and workers were made from, or the same */
	struct rte_mempool *pools[CONFIG_MAX_WORKERS];
	struct port
	    *ports[CONFIG_MAX_PORTS]; /* n_ports of them; VLANs on the same devices share one */
	unsigned n_ports;
	uint8_t
	    port_of[CONFIG_MAX_PORTS]; /* of boot->ports, which are the ifaces: index into ports */
	struct net_iface ifaces[CONFIG_MAX_PORTS];
	/* Names of the ifaces, for threads that must not look at boot: control frees it when another is published. */
	char iface_names[CONFIG_MAX_PORTS][CONFIG_MAX_NAME + 1];
	unsigned n_ifaces;
	struct steer *steer;
	enum steer_mode steer_mode; /* as the log says */
	struct rte_rcu_qsbr *qsbr;
	struct worker *workers;
	uint64_t workers_tsc; /* when they began */
	unsigned n_workers;
	unsigned n_started; /* steps of the start that were taken */
	struct conn_writer *log;
	struct conn_ring *log_rings[CONFIG_MAX_WORKERS];
	uint64_t log_lost; /* for want of room in the rings, by workers that are gone */
	double grace_s;    /* how long the last publication waited for the workers */
	uint8_t secret[32];
	uint8_t rss_key[PORT_RSS_KEY_MAX];
	uint64_t loops_seen[CONFIG_MAX_WORKERS]; /* by app_stuck_worker */
};

/* What packet buffers and DPDK's own will need, before EAL can tell how large the devices' rings are. */
unsigned app_memory_mb(const struct config *config);

/* Starts everything in order; takes snapshot. 0, or -1 with the reason and all undone. */
int app_start(struct app *a, struct snapshot *snapshot, struct err *e);

/* Undoes the start in reverse order; workers must have been told to stop (app_order). */
void app_stop(struct app *a);

/* Steps of start and stop (app_log.c). */
int app_log_start(struct app *a, struct err *e);
void app_log_stop(struct app *a);

/* Takes what workers have to log to the file: to be called every few milliseconds. */
void app_log_run(struct app *a);
/* As conn_writer_recent and conn_writer_line. */
bool app_log_recent(const struct app *a, uint64_t *oldest, uint64_t *next);
const char *app_log_line(const struct app *a, uint64_t number);

/* What became of it, as app_print_stats and app_print_metrics say it. */
void app_log_print(const struct app *a, FILE *out, bool with_help);

/* Goes on as a->boot says. What goes wrong is told to the operator's log. */
void app_log_configure(struct app *a);

/* Opens the log's file again, after it was renamed. */
void app_log_reopen(struct app *a);

/* Publishes snapshot to every worker, waits until none uses the old one, frees that. Takes snapshot. */
void app_publish(struct app *a, struct snapshot *snapshot);

/* Gives the ticket keys to every worker and waits until none uses others any more; borrowed until the next call. */
void app_publish_tickets(struct app *a, const struct ticket_ring *ring);

/* A step of the start, and of the stop: chooses how flows come to their workers, and says it. */
int app_steer_start(struct app *a, struct err *e);
void app_steer_stop(struct app *a);

/* To be called now and then: logs what the workers have found out about the devices. */
void app_watch(struct app *a);

/* Tells every worker (enum worker_order). */
void app_order(struct app *a, int order);

/*
 * Logs links that changed and offloads that turned out wrong (port_watch), and gives back devices that are unplugged.
 * Some times a second.
 */
void app_watch_ports(struct app *a);

/* Gives EAL's interrupt thread its turns where it is held (port_guard_pass): as often as the control loop goes round, with any clock. */
void app_run_guard(struct app *a, double now_s);

/* What the workers have found of the transmit offloads of this iface, put together. */
struct net_verdict_tx app_offloads(const struct app *a, unsigned iface);

/* A worker that has not been round its loop since the last call, or -1. */
int app_stuck_worker(struct app *a);

/* True when no worker has a connection left. */
bool app_is_empty(const struct app *a);

/*
 * Writes counters, states and buffers in use as Prometheus text lines to out, one sample a worker; a counter
 * that is 0 everywhere is left out unless all is set.
 */
void app_print_stats(const struct app *a, FILE *out, bool all);

/* Passes on what checks of the targets of s have found since the last call; says in the log what changed. */
void app_watch_targets(const struct snapshot *s);

/* Of backends and targets, which app_print_stats includes. Control thread only. */
void app_print_backends(FILE *out, bool with_help);

/* Of listeners in force or with connections, for Prometheus: with HELP and TYPE. Control thread only. */
void app_print_listeners(const struct app *a, FILE *out);

/* The workers' for Prometheus: with HELP and TYPE, and in the names that operators know. Any thread. */
void app_print_metrics(const struct app *a, FILE *out);
