/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/journal.h"
#include "config/ops.h"

struct config;
struct err;
struct snapshot;
struct state;

/*
 * The control plane: owns what is wanted, changes it one request at a time, writes every change to the journal and
 * only then publishes and acknowledges it. Control thread only.
 *
 * After a start the state is:
 * - without a journal, or without runtime.state_dir: what the configuration file says;
 * - when the file's text is what it was when the journal was last written: the last acknowledged
 *   generation, changes over the API included;
 * - when the file's text has changed since: the file, in all that it says: its certificates and its
 *   listeners' defaults are as in the file, its listeners serve all that the file says. What was added over the API and the file
 *   does not name stays: certificates of other names, and which listener serves them. This is
 *   a new generation, and a message says what was given up.
 * A reload (SIGHUP, POST /v1/reload) makes the file authoritative again in everything: what was changed over the API is
 * dropped. It is a generation like any other and can be rolled back.
 *
 * What is in certificate files is not journalled: after a start they are read as they are. Rolling back
 * past a change of such a file stores the old content, so that it survives a restart.
 */
struct control;

#define CONTROL_HISTORY 32 /* generations that can be rolled back to, at least */

/* What control asks of the rest of the program; NULL members are not asked. */
struct control_host {
	void *arg;
	/* Puts snapshot into force and frees the one before. Takes snapshot. */
	void (*publish)(void *arg, struct snapshot *snapshot);
	void (*drain)(void *drain_arg, double timeout_s);
	void *drain_arg;
	/* A new ticket key; returns how many are in use, or -1 with the reason in e. */
	int (*rotate_tickets)(void *drain_arg, struct err *e);
	/* These instead (tls/ticket.h); the same. */
	int (*put_tickets)(void *drain_arg, const char *text, size_t len, struct err *e);
	unsigned (*connections)(void *arg, unsigned limit,
	    void (*visit)(void *arg, const struct ops_connection *connection), void *visit_arg);
	unsigned (*workers)(
	    void *arg, void (*visit)(void *arg, const struct ops_worker *worker), void *visit_arg);
	/* The connection log's last lines (config/ops.h). */
	bool (*log_recent)(void *arg, uint64_t *oldest, uint64_t *next);
	const char *(*log_line)(void *arg, uint64_t number);
	/* For Prometheus: of listeners, backends and their targets; of the workers, which any thread may ask. */
	void (*backends)(void *arg, FILE *out);
	void (*counters)(void *arg, FILE *out);
	unsigned n_workers;
};

/*
 * Reads the configuration file and the journal, which is brought up to date. NULL with every reason in e.
 * on_step: for tests (config/journal.h), else NULL. Messages go to the log. The caller owns it.
 */
struct control *control_new(
    const char *path, void (*on_step)(void *arg, const char *step), void *arg, struct err *e);

/*
 * Reads the configuration file and all that it names, and lets it be. 0, with what the operator should know all the same in
 * warnings, or -1 with every reason in e.
 */
int control_test(const char *path, struct err *warnings, struct err *e);

/* Frees it; NULL is fine. */
void control_free(struct control *c);

/* The configuration to start with; valid until the next change. */
const struct config *control_config(const struct control *c);

/* The snapshot to start with; the caller owns it. NULL with the reason in e. */
struct snapshot *control_snapshot(const struct control *c, struct err *e);

uint64_t control_generation(const struct control *c);

/* From now on changes are published. host is copied. */
void control_attach(struct control *c, const struct control_host *host);

/* For config/api; valid as long as c. */
const struct ops *control_ops(struct control *c);

/* The daemon is about to end: from now on it says so to whoever asks for its health. */
void control_is_draining(struct control *c);

/* SIGHUP. 0, or -1 with the reason in e and nothing changed. */
int control_reload(struct control *c, const char *who, struct err *e);

/*
 * Reads again the certificate files whose content has changed, as one generation. Returns how many changed, or -1
 * with the reason in e: then all of them stay as they are.
 */
int control_refresh(struct control *c, struct err *e);

/* Says in the log which certificates end soon: at 30, 7 and 1 days, once each. now: seconds. */
void control_warn_expiry(struct control *c, int64_t now);
