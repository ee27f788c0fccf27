/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/change.h"
#include "config/ops.h"

/* Between the files of config/api. */

#define API_MAX_PARTS 6
#define API_MAX_ARGS  16
#define API_PAGE      1000       /* certificates in one answer */
#define API_MAX_TEXT  (1u << 20) /* of a PEM text */

struct MHD_Connection;

struct api_arg {
	char *name, *value;
};

/* One request, from its first line to its answer. */
struct api_request {
	struct api_request *next; /* in the queue */
	struct MHD_Connection *connection;

	/* Set by the API's thread. */
	char *method;
	char *path; /* as parts: cut at '/' */
	char *parts[API_MAX_PARTS];
	unsigned n_parts; /* API_MAX_PARTS + 1: too many */
	struct api_arg args[API_MAX_ARGS];
	unsigned n_args;
	char *if_match, *key; /* headers or NULL */
	char who[64];
	bool is_tcp;
	char *body;
	size_t len, room;
	bool is_too_large;
	json_t *json;             /* the body; NULL: none */
	char digest[DIGEST_TEXT]; /* of method, path, arguments and body, when there is a key */
	bool is_quick;            /* may be answered by api_answer_kept */
	bool is_queued, is_done;

	/* The answer. */
	unsigned status;
	char *text;
	size_t text_len;
	const char *type;
};

/* Open transactions; control thread. */
#define API_MAX_TX     16
#define API_TX_S       600
#define API_TX_CHANGES 100000
#define API_TX_BYTES   (64u << 20)

struct api_tx {
	uint64_t id; /* 0: free */
	int64_t since, touched;
	uint64_t
	    if_match; /* what was staged rests on this generation; 0: on whatever is in force */
	size_t bytes;
	struct change_list changes;
};

struct api_context {
	const struct ops *ops;
	struct api_tx tx[API_MAX_TX];

	/* What control said last, for when it has no time: /metrics and /healthz do not wait for a long change. */
	pthread_mutex_t lock;
	char *kept;
	size_t kept_len;
	char *kept_health; /* JSON */
	unsigned kept_health_status;
};

/* --- answers --- */

/* Answers with JSON text of o, which it takes. */
void api_answer(struct api_request *r, unsigned status, json_t *o);

/* {"error": ...}; several lines of text become several messages. */
void api_error(struct api_request *r, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

unsigned api_status_of(enum ops_verdict verdict);

/* --- requests --- */

/* The value of a query argument, or NULL. */
const char *api_arg(const struct api_request *r, const char *name);

/* True when the argument is "1" or "true". */
bool api_flag(const struct api_request *r, const char *name);

/*
 * True when all arguments and all fields of the body are among those of the lists (NULL-terminated; fields NULL:
 * no body is expected); otherwise answers 400 with the one that is not.
 */
bool api_check_form(struct api_request *r, const char *const *args, const char *const *fields);

/* The half of it about arguments. */
bool api_check_args(struct api_request *r, const char *const *args);

/* The field as text, or NULL after answering 400. */
const char *api_field_text(struct api_request *r, const char *field, size_t max);

/* "30d", "12h", "90s" as seconds, or -1. */
int64_t api_duration(const char *text);

/* Cuts r->path into parts. */
void api_cut_path(struct api_request *r);

/* Collects a piece of the body; what is too much is only counted. False: hang up. */
bool api_add_body(struct api_request *r, const char *data, size_t n);

/* Reads the collected body as JSON and wipes it; false after answering. */
bool api_read_body(struct api_request *r);

void api_request_free(struct api_request *r); /* NULL is fine */

/* Serves a request whose form is good; control thread. */
void api_route(struct api_context *c, struct api_request *r);

/* Adds to o, a listener as it was written, what it serves and what was left out. */
void api_complete_listener(json_t *o, const struct ops_listener *l);

/* The open transaction of that id, or NULL after answering 404. */
struct api_tx *api_find_tx(struct api_context *c, struct api_request *r, const char *id);

/* Makes the changes in l now, or keeps them for a transaction, and answers. Clears l. */
void api_finish(struct api_context *c, struct api_request *r, struct change_list *l);

/* items.c */
void api_read_items(struct api_context *c, struct api_request *r);
void api_read_item(struct api_context *c, struct api_request *r);

/* policy.c: what a policy comes to; the one that is built in under a name, as an item; NULL: there is none. */
json_t *api_policy_json(const struct ops_policy *p);
json_t *api_builtin_policy(struct api_context *c, const char *name);
void api_add_builtin_policies(struct api_context *c, json_t *all);
void api_read_config(struct api_context *c, struct api_request *r);
void api_put_item(struct api_context *c, struct api_request *r);
void api_delete_item(struct api_context *c, struct api_request *r);

/* trust.c */
void api_put_bundle(struct api_context *c, struct api_request *r);
void api_read_revocations(struct api_context *c, struct api_request *r);
void api_post_revocations(struct api_context *c, struct api_request *r);
void api_delete_revocation(struct api_context *c, struct api_request *r);

/* read.c */
void api_read_status(struct api_context *c, struct api_request *r);
void api_read_certs(struct api_context *c, struct api_request *r);
void api_read_cert(struct api_context *c, struct api_request *r);
void api_read_listener_certs(struct api_context *c, struct api_request *r);
void api_read_generations(struct api_context *c, struct api_request *r);
void api_read_diff(struct api_context *c, struct api_request *r);
void api_read_explain(struct api_context *c, struct api_request *r);
void api_read_connections(struct api_context *c, struct api_request *r);
void api_read_stats(struct api_context *c, struct api_request *r);
void api_read_log(struct api_context *c, struct api_request *r);
void api_read_workers(struct api_context *c, struct api_request *r);
void api_read_metrics(struct api_context *c, struct api_request *r);
void api_read_health(struct api_context *c, struct api_request *r);

/* write.c */
void api_put_cert(struct api_context *c, struct api_request *r);
void api_delete_cert(struct api_context *c, struct api_request *r);
void api_associate(struct api_context *c, struct api_request *r);
void api_dissociate(struct api_context *c, struct api_request *r);
void api_default(struct api_context *c, struct api_request *r);
void api_reload(struct api_context *c, struct api_request *r);
void api_rollback(struct api_context *c, struct api_request *r);
void api_drain(struct api_context *c, struct api_request *r);
void api_tx_open(struct api_context *c, struct api_request *r);
void api_tx_show(struct api_context *c, struct api_request *r);
void api_tx_commit(struct api_context *c, struct api_request *r);
void api_tx_abort(struct api_context *c, struct api_request *r);

/* Keeps what api_answer_kept says, or the half of it that costs little; control thread. */
void api_keep(struct api_context *c);
void api_keep_health(struct api_context *c);

/* True for GET /metrics and GET /healthz. */
bool api_is_quick(const struct api_request *r);

/* Answers such a request without control: its part as it said it last, the workers' counters as they are. Any thread. */
void api_answer_kept(struct api_context *c, struct api_request *r);

/* Forgets transactions that nobody has touched for API_TX_S seconds; all: every one. */
void api_tx_expire(struct api_context *c, int64_t now, bool all);

/* {"op", "certificate", ...}: a change for people; owned by the caller. */
json_t *api_change_json(const struct change *c);
