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
struct snapshot_origin;
struct snapshot_service;

/*
 * What is wanted, a generation of it: the configuration file and what was changed over the API since.
 * A state is made in steps (copy, apply, build) and immutable from then on; states share what does not
 * differ, so that many generations can be kept. Control thread only.
 */

struct state_cert {
	unsigned references;
	char *name;
	struct cert
	    *cert;      /* NULL: only an origin has it, and nobody asks for it (state_cert_shed) */
	bool from_file; /* its files are named in the configuration file */
	uint64_t stamp; /* of those files as they were read (state_cert.h) */
	char content[DIGEST_TEXT]; /* what the store calls it; "" while from_file, unless shed */
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

/* The text that a configuration was read from. */
struct state_source {
	unsigned references;
	char *path, *text;
	size_t len;
	char digest[DIGEST_TEXT]; /* of all of it */
	bool has_includes; /* they are not in text: what is on disk must still be what it was */
};

/* Copies path and text. NULL: no memory. The caller owns one reference. */
struct state_source *state_source_new(
    const char *path, const char *text, size_t len, const char *digest, bool has_includes);
struct state_source *state_source_get(struct state_source *s);
void state_source_put(struct state_source *s); /* NULL is fine */

/* An item of the configuration that is not as the file has it (config/load.h). */
struct state_item {
	unsigned references;
	char *key; /* "listeners/https" */
	char *section, *name;
	char *settings; /* JSON; NULL: deleted */
};

extern const struct map_kind state_item_kind;

struct state_listener {
	struct state_name *name;
	struct map *certs; /* of struct state_name */
	struct state_name *defaults[CHANGE_MAX_DEFAULTS];
	unsigned n_defaults;
	struct snapshot_service *service; /* NULL until state_build */
};

struct state {
	unsigned references;
	uint64_t generation;
	/* What source and items say; until state_settle, what they said before items changed. */
	struct snapshot_base *base;
	bool is_settled;
	struct state_source *source;
	struct map *items; /* of struct state_item */
	/* What the file alone says; NULL: this state is that. */
	struct state *origin;
	struct map *certs;                /* of struct state_cert */
	struct state_listener *listeners; /* in base's order once settled */
	unsigned n_listeners, listener_room;
	struct snapshot_origin *
	    *origins; /* n_origins, as base's backends; NULL until state_build */
	unsigned n_origins;
};

struct state *state_get(struct state *s);
void state_put(struct state *s); /* NULL is fine */

/* s lives on only as others' origin: what its listeners serve is let go. */
void state_retire(struct state *s);

/*
 * The state that a configuration read from source describes, with all its certificates loaded; takes config, also when it fails.
 * Certificates that are the same as in previous (may be NULL) are shared with it. now: seconds. NULL with
 * every reason in e. The caller owns one reference. Not built yet.
 */
struct state *state_from_config(struct config *config, struct state_source *source,
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
 * Reads the configuration again when items have changed. Only now is known whether they fit together: 0, or -1 with every
 * reason in e; the state is then only good for state_put.
 */
int state_settle(struct state *s, struct err *e);

/*
 * Settles the state and makes what the listeners serve and how backends are spoken to, sharing with old (may be NULL) what
 * is the same there. 0, or -1 with the
 * reason in e.
 */
int state_build(struct state *s, const struct state *old, struct err *e);

/* The snapshot of a built state; NULL with the reason in e. */
struct snapshot *state_snapshot(const struct state *s, struct err *e);

/*
 * The changes that lead from one state to another of the same source, to l: in an order in which they
 * can be applied. Contents are named; those that no store has yet are stored by calling store_cert.
 * 0, or -1 with the reason in e.
 */
int state_diff(const struct state *from, const struct state *to, struct change_list *l,
    int (*store_cert)(void *arg, const struct cert *cert, char name[DIGEST_TEXT], struct err *e),
    void *arg, struct err *e);

/* The index of the listener of that name, or -1. */
int state_listener_find(const struct state *s, const char *name);

/* What runs of the item, as JSON, or NULL: there is none. Of a listener whose certificates are kept apart: without them. */
const char *state_item_settings(const struct state *s, const char *section, const char *name);

/* True when the item was put over the API. */
bool state_item_is_put(const struct state *s, const char *section, const char *name);

bool state_is_default(const struct state_listener *l, const char *certificate);

/* True when the listener serves the certificate, as default or by its names. */
bool state_serves(const struct state_listener *l, const char *certificate);

/* What a certificate put over the API is stored as; *len bytes; the caller wipes and frees it. NULL: no memory. */
char *state_content(const struct change *c, size_t *len);

/* The same from a loaded certificate, with its staple. */
char *state_content_of(const struct cert *cert, size_t *len);
