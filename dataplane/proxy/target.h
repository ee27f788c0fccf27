/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/wheel.h"
#include "dataplane/net/pkt.h"
#include "tls/client_cert.h"

/*
 * What of a backend and its targets outlives a configuration: connections counted, failures, verdicts. The
 * same backend and address of two configurations have the same run, so that a reload forgets nothing.
 * Each worker writes a lane of its own; what control writes lies on lines apart. Runs are made and freed by
 * control alone; a run that no configuration names is freed when no lane holds it any more.
 */

struct health;
struct origin_session;
struct relay;

struct endpoint {
	struct ip_addr ip;
	uint16_t port; /* host order */
};

enum target_lane_flag {
	LANE_USED = 1 << 0,    /* it could be chosen when it was last looked at */
	LANE_RAMPING = 1 << 1, /* it gets less than its weight: since_ms tells since when */
	LANE_EJECTED = 1 << 2, /* until until_ms */
	LANE_LEAVING = 1 << 3, /* drained or gone: leave_timer is filed */
	LANE_CLOSING = 1 << 4, /* its connections have had their time */
};

/* What a TLS handshake with a target came to. */
enum target_tls {
	TARGET_TLS_FULL,
	TARGET_TLS_RESUMED,
	TARGET_TLS_TIMEOUT,  /* connect_timeout, or a check's */
	TARGET_TLS_CLOSED,   /* the target ended or broke the connection */
	TARGET_TLS_ALERT,    /* it refused with an alert */
	TARGET_TLS_PROTOCOL, /* we refused, for something else than its certificate */
	TARGET_TLS_LOCAL,    /* memory that we lack, or a reload that took the backend away */
	/* We refused its certificate: with the verdict added, which has failed. */
	TARGET_TLS_CERT,
	TARGET_TLS_N = TARGET_TLS_CERT + CLIENT_CERT_N_STATUS,
};

/* "full", "timeout"; "Expired", "HostnameMismatch" and so on: stable words, for metrics and messages. */
const char *target_tls_name(enum target_tls result);

/* One worker's side of a backend. */
struct backend_lane {
	struct relay *first, **last; /* those that wait for a target, oldest first */
	uint32_t n_waiting;
	uint64_t n_queued, n_queue_full, n_queue_timeouts, n_none, n_retried, n_cut;
	uint64_t n_tls[TARGET_TLS_N]; /* handshakes with targets, checks not counted */
} __attribute__((aligned(64)));

struct backend_run {
	struct backend_run *next; /* of all; control's, as the next two */
	char *name;
	unsigned references, n_lanes;

	/* Control writes it when it changes: too few targets are up, so all of them are used. */
	_Atomic bool panic __attribute__((aligned(64)));

	struct backend_lane lanes[];
} __attribute__((aligned(64)));

/* One worker's side of a target: written by it alone, counters read by control. */
struct target_lane {
	_Atomic uint32_t holds; /* connections, timers and checks that point here */
	uint32_t active;        /* connections open or being opened */
	int64_t credit;         /* of smooth weighted round robin */
	uint32_t since_ms, until_ms;
	uint32_t eject_ms; /* how long the last ejection was */
	uint32_t leave_ms; /* when its connections have had their time */
	uint32_t seen;     /* the last configuration that names it (leaving.c) */
	uint16_t failures; /* in a row */
	uint16_t flags;    /* enum target_lane_flag */
	uint64_t n_connected, n_failed, n_ejected;
	struct wheel_node leave_timer;
	struct origin_session
	    *session; /* the last one in TLS; kept while a configuration names the target */
} __attribute__((aligned(64)));

/* What active checks say; without any it stays as it was made. */
enum target_verdict {
	TARGET_ASSUMED, /* not checked yet, and taken for good: it was there at the start */
	TARGET_NEW,     /* not checked yet, and to prove itself first */
	TARGET_UP,
	TARGET_DOWN,
};

struct target_run {
	/* Control's. */
	struct target_run *next;   /* of all */
	struct backend_run *group; /* a reference */
	char *address;             /* "10.81.0.2:8080" */
	struct endpoint at;
	unsigned references, n_lanes;
	uint32_t id;   /* never used again */
	uint64_t hash; /* of address: the same on every machine */
	struct health *health;

	/* Control writes it when it changes, workers read it. */
	_Atomic uint8_t verdict __attribute__((aligned(64)));

	struct target_lane lanes[];
} __attribute__((aligned(64)));

/* The run of a target or a backend, made when there is none; NULL: no memory. The caller owns one reference. */
struct target_run *target_run_get(struct backend_run *group, const struct endpoint *at);
void target_run_put(struct target_run *t); /* NULL is fine */
struct backend_run *backend_run_get(const char *name, unsigned n_workers);
void backend_run_put(struct backend_run *b); /* NULL is fine; after the grace period */

/* Targets made from now on are TARGET_NEW and not TARGET_ASSUMED: workers run. */
void target_runs_started(bool started);

/* All there are, in no order: the first, those behind it by next. */
struct target_run *target_runs(void);
struct backend_run *backend_runs(void);

/* "10.81.0.2:8080" or "[fd81::2]:8080", into text of ENDPOINT_TEXT bytes; returns it. */
#define ENDPOINT_TEXT 56
const char *endpoint_print(const struct endpoint *at, char *text);

/* For the worker whose lane it is. */
static inline void target_lane_hold(struct target_lane *l)
{
	uint32_t holds = atomic_load_explicit(&l->holds, memory_order_relaxed);

	atomic_store_explicit(&l->holds, holds + 1, memory_order_relaxed);
}

/* Control may free the run from here on. */
static inline void target_lane_drop(struct target_lane *l)
{
	uint32_t holds = atomic_load_explicit(&l->holds, memory_order_relaxed);

	atomic_store_explicit(&l->holds, holds - 1, memory_order_release);
}
