/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "dataplane/control.h"
#include "dataplane/state.h"

/* Between the files of struct control. */

#define CONTROL_KEYS 1024 /* Idempotency-Keys that are remembered */

struct control_generation {
	uint64_t generation;
	int64_t time;
	char *action, *who, *summary;
	struct state *state; /* NULL: cannot be rolled back to */
};

struct control_key {
	char *key;
	char request[DIGEST_TEXT];
	uint64_t generation;
	unsigned n_changes;
};

struct control {
	char *path;
	struct state *state;
	struct journal *journal; /* NULL: no state_dir */
	char disk[DIGEST_TEXT];  /* of the configuration file when it was last read */
	struct control_host host;
	struct ops ops;
	bool draining, is_started;
	int64_t started;
	struct control_generation history[CONTROL_HISTORY]; /* oldest first */
	unsigned n_history;
	struct control_key keys[CONTROL_KEYS]; /* a ring */
	unsigned n_keys;                       /* ever */
	unsigned n_base_changes;               /* in the journal's first record */
	int64_t warned;          /* when it was last looked how long certificates last */
	uint64_t warned_version; /* the newest that was looked at */
};

/* A configuration as it was read. */
struct control_file {
	struct config *config;
	char digest[DIGEST_TEXT];
	char *text;
	size_t len;
	bool has_includes; /* text is not all of it and cannot be kept as one */
};

/* Reads the file at path (text NULL) or text in its place. 0, or -1 with every reason in e. */
int control_file_read(
    struct control_file *f, const char *path, char *text, size_t len, struct err *e);

/* The state of f, whose config it takes. NULL with every reason in e. */
struct state *
control_file_state(struct control_file *f, const struct state *previous, struct err *e);

/* Frees the text, and config when it was not taken (set to NULL). */
void control_file_clear(struct control_file *f);

/* Stores the text of f, when it can be. 0, or -1 with the reason in e. */
int control_file_keep(struct control *c, const struct control_file *f, struct err *e);

struct state_store control_store(struct control *c);

/* For state_diff; arg is the struct control. */
int control_store_cert(void *arg, const struct cert *cert, char name[DIGEST_TEXT], struct err *e);

/*
 * The texts of new certificates in l, as the journal wants them: *n of them, to be given to control_contents_free. NULL: no
 * memory.
 */
struct journal_content *control_contents(const struct change_list *l, unsigned *n);
void control_contents_free(struct journal_content *contents, unsigned n);

/*
 * Stores the texts that items of l name as files, so that they can be read. Those that are new are forgotten again by
 * control_items_forget, when l comes to nothing.
 */
int control_items_store(struct control *c, struct change_list *l, struct err *e);
void control_items_forget(struct control *c, const struct change_list *l);

/* Takes action, who and summary (copies) and a reference of state. */
int control_remember(struct control *c, struct state *state, const char *action, const char *who,
    const char *summary, int64_t time, bool can_roll_back, struct err *e);

/*
 * Lets go of certificates that the file names, that were replaced, and that cannot be gone back to. To be called once at the start;
 * from then on control_remember sees to it.
 */
void control_shed(struct control *c);

/* Frees what was remembered. */
void control_forget_all(struct control *c);

void control_remember_key(struct control *c, const char *key, const char *request,
    uint64_t generation, unsigned n_changes);

/* Makes the journal shorter when it is time. */
void control_compact(struct control *c);

/* Removes stored contents that no record names. */
void control_sweep(struct control *c);

/* One new generation on its way; state_put(next) is the caller's. */
struct control_commit {
	struct state *next;          /* not built */
	struct change_list *changes; /* what led to it; of a full one: from its origin */
	bool full;
	const char *summary; /* NULL: of changes */
	const struct ops_request *request;
};

/* Builds, stores, writes, publishes; numbers next. OPS_OK and *result, or nothing has changed and the reason is in e. */
enum ops_verdict control_commit(struct control *c, const struct control_commit *commit,
    struct ops_result *result, struct err *e);

/* control_change.c */
enum ops_verdict control_op_change(void *arg, struct change_list *l,
    const struct ops_request *request, struct ops_result *result, struct err *e);
enum ops_verdict control_op_reload(
    void *arg, const struct ops_request *request, struct ops_result *result, struct err *e);
enum ops_verdict control_op_rollback(void *arg, uint64_t generation,
    const struct ops_request *request, struct ops_result *result, struct err *e);
enum ops_verdict
control_op_diff(void *arg, struct change_list *l, struct err *notes, struct err *e);

/* control_read.c */
void control_read_ops(struct ops *ops);
const char *control_key_type(const struct cert *cert);

/* control_health.c */
void control_health_ops(struct ops *ops);

/* control_explain.c */
enum ops_verdict control_op_explain(
    void *arg, const struct ops_explain *question, struct ops_explained *answer, struct err *e);

/* control_tls.c */
void control_tls_ops(struct ops *ops);
void control_print_trust(const struct control *c, FILE *out);
/* Says what is doubtful about the trust stores in now that are not in before (may be NULL): to warnings, or to the log (NULL). */
void control_tell_trust(const struct state *now, const struct state *before, struct err *warnings);
/* The half of control_warn_expiry about trust stores. */
void control_warn_trust(const struct control *c, int64_t now);

/* The smallest of 30, 7, 1 and 0 days that is not less than what is left, in seconds; -1: there is time. */
int control_expiry_stage(int64_t left);

/* control_metrics.c */
void control_op_metrics(void *arg, FILE *out, bool with_certificates);
void control_op_counters(void *arg, FILE *out);
