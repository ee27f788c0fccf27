/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/change.h"
#include "config/digest.h"
#include "config/map.h"

struct cert;
struct config;
struct err;
struct snapshot;
struct snapshot_base;
struct snapshot_service;

/*
 * What is wanted, a generation of it: the configuration file and what was changed over the API since.
 * A state is made in steps (copy, apply, build) and immutable from then on; states share what does not
 * differ, so that many generations can be kept. Control thread only.
 */

struct state_cert {
	unsigned references;
	char *name;
	struct cert *cert;
	bool from_file;            /* its files are named in the configuration file */
	uint64_t stamp;            /* of those files as they were read (state_cert.h) */
	char content[DIGEST_TEXT]; /* what the store calls it; "" while from_file */
	char **names;              /* what the API said instead of the certificate's own names */
	unsigned n_names;
};

/* A certificate's name, as a listener serves it. */
struct state_name {
	unsigned references;
	char text[];
};

extern const struct map_kind state_name_kind;

struct state_name *state_name_new(const char *text);
void state_name_put(struct state_name *n); /* NULL is fine */

struct state_listener {
	struct map *certs; /* of struct state_name */
	struct state_name *defaults[CHANGE_MAX_DEFAULTS];
	unsigned n_defaults;
	struct snapshot_service *service; /* NULL until state_build */
};

struct state {
	unsigned references;
	uint64_t generation;
	struct snapshot_base *base;
	char file[DIGEST_TEXT]; /* of the text of the configuration file */
	/* What the file alone says; NULL: this state is that. */
	struct state *origin;
	struct map *certs; /* of struct state_cert */
	struct state_listener *listeners;
	unsigned n_listeners;
};

struct state *state_get(struct state *s);
void state_put(struct state *s); /* NULL is fine */

/*
 * The state that a configuration describes, with all its certificates loaded; takes config, also when it fails.
 * Certificates that are the same as in previous (may be NULL) are shared with it. now: seconds. NULL with
 * every reason in e. The caller owns one reference. Not built yet.
 */
struct state *state_from_config(struct config *config, const char *file,
    const struct state *previous, int64_t now, struct err *e);

/* A copy to be changed; NULL: no memory. */
struct state *state_copy(const struct state *s);

/* Reads what the store has under a name (config/journal.h); the caller wipes and frees it. */
struct state_store {
	char *(*fetch)(void *arg, const char *name, size_t *len, struct err *e);
	void *arg;
};

enum state_verdict {
	STATE_OK,
	STATE_NOT_FOUND, /* it names something that is not there */
	STATE_CONFLICT,  /* it contradicts what is there */
	STATE_REFUSED,   /* wrong in itself */
	STATE_NO_MEMORY,
};

/*
 * Applies one change to a state that is not built. A CHANGE_CERT_PUT with texts gets its content's name. On
 * anything but STATE_OK the reason is in e and the state is only good for state_put.
 */
enum state_verdict state_apply(
    struct state *s, struct change *c, const struct state_store *store, int64_t now, struct err *e);

/*
 * Makes what the listeners serve, sharing with old (may be NULL) what is the same there. 0, or -1 with the
 * reason in e.
 */
int state_build(struct state *s, const struct state *old, struct err *e);

/* The snapshot of a built state; NULL with the reason in e. */
struct snapshot *state_snapshot(const struct state *s, struct err *e);

/*
 * The changes that lead from one state to another whose listeners have the same names, to l: in an order in which they
 * can be applied. Contents are named; those that no store has yet are stored by calling store_cert.
 * 0, or -1 with the reason in e.
 */
int state_diff(const struct state *from, const struct state *to, struct change_list *l,
    int (*store_cert)(void *arg, const struct cert *cert, char name[DIGEST_TEXT], struct err *e),
    void *arg, struct err *e);

/* The index of the listener of that name, or -1. */
int state_listener_find(const struct state *s, const char *name);

bool state_is_default(const struct state_listener *l, const char *certificate);

/* True when the listener serves the certificate, as default or by its names. */
bool state_serves(const struct state_listener *l, const char *certificate);

/* The text under which a certificate put over the API is stored; *len bytes; the caller wipes and frees it. */
char *
state_content(const char *chain, size_t chain_len, const char *key, size_t key_len, size_t *len);

/* The same from a loaded certificate. */
char *state_content_of(const struct cert *cert, size_t *len);
