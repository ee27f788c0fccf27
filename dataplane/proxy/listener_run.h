/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/base/tally.h"
#include "dataplane/proxy/conn_facts.h"

/*
 * What a listener has counted. It outlives configurations, as a target's run does (target.h): a listener of the same
 * name goes on counting where it was. Each worker writes a lane of its own and nobody else's cache lines. Runs
 * are made and freed by control alone; one that no configuration names is freed when no connection holds it.
 */

#define LISTENER_HANDSHAKES 64 /* combinations of version, suite, group and resumption */
#define LISTENER_FAILURES   32 /* combinations of reason and alert */
#define LISTENER_REFUSALS   8  /* reasons */
#define LISTENER_VERDICTS   16 /* on client certificates */

#define LISTENER_NO_ALERT 0xff

/* One worker's side. */
struct listener_lane {
	_Atomic uint32_t active; /* connections: each holds the run */
	uint64_t accepted;
	uint64_t bytes_in, bytes_out; /* plaintext from and to the clients */
	struct tally handshakes[LISTENER_HANDSHAKES];
	struct tally failures[LISTENER_FAILURES];
	struct tally refusals[LISTENER_REFUSALS];   /* by enum conn_end */
	struct tally unverified[LISTENER_VERDICTS]; /* by enum client_cert_status + 1 */
	uint64_t verified, passed;                  /* client certificates */
} __attribute__((aligned(64)));

struct listener_run {
	/* Control's. */
	struct listener_run *next; /* of all */
	char *name;
	unsigned references, n_lanes;
	bool is_shown; /* while metrics are printed: it is in force, or has connections */

	struct listener_lane lanes[];
} __attribute__((aligned(64)));

/* The run of that name, made when there is none; NULL: no memory. The caller owns one reference. */
struct listener_run *listener_run_get(const char *name, unsigned n_workers);
void listener_run_put(struct listener_run *l); /* NULL is fine */

/* All there are, in no order: the first, those behind it by next. */
struct listener_run *listener_runs(void);

/* --- for the worker whose lane it is --- */

/* Whose lane it is, that worker's. Borrowed while a connection is within. */
static inline const char *listener_lane_name(const struct listener_lane *l, unsigned worker)
{
	const char *lanes = (const char *)(l - worker);

	return ((const struct listener_run *)(const void *)(lanes -
		    offsetof(struct listener_run, lanes)))
	    ->name;
}

/* A connection begins; it is to leave again. */
static inline void listener_lane_enter(struct listener_lane *l)
{
	uint32_t active = atomic_load_explicit(&l->active, memory_order_relaxed);

	l->accepted++;
	atomic_store_explicit(&l->active, active + 1, memory_order_relaxed);
}

/* Control may free the run from here on. */
static inline void listener_lane_leave(struct listener_lane *l)
{
	uint32_t active = atomic_load_explicit(&l->active, memory_order_relaxed);

	atomic_store_explicit(&l->active, active - 1, memory_order_release);
}

static inline void listener_lane_refused(struct listener_lane *l, enum conn_end why)
{
	tally_add(l->refusals, LISTENER_REFUSALS, why);
}

/* alert: sent or received; LISTENER_NO_ALERT: neither. ours: it was sent. */
static inline void
listener_lane_failed(struct listener_lane *l, enum conn_end why, uint8_t alert, bool ours)
{
	tally_add(l->failures, LISTENER_FAILURES,
	    (uint64_t)(ours && alert != LISTENER_NO_ALERT) << 16 | (uint64_t)why << 8 | alert);
}

/* What a client's certificate came to. */
static inline void listener_lane_judged(struct listener_lane *l, enum client_cert_status status)
{
	if (client_cert_has_failed(status))
		tally_add(l->unverified, LISTENER_VERDICTS, (uint64_t)status + 1);
	else if (status == CLIENT_CERT_SUCCESS)
		l->verified++;
	else if (status == CLIENT_CERT_PASSED)
		l->passed++;
}

static inline void listener_lane_shook(struct listener_lane *l, const struct handshake_facts *f)
{
	tally_add(l->handshakes, LISTENER_HANDSHAKES,
	    (uint64_t)f->version << 48 | (uint64_t)f->suite << 32 | (uint64_t)f->group << 16 |
		(f->resumed ? 3u : 1u));
}
