/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/digest.h"
#include "config/model.h"

struct err;

/*
 * What is asked to be different: certificates, and which listener serves which. A list of changes is applied in
 * order and as a whole; it becomes one generation.
 */

#define CHANGE_MAX_NAMES    1000 /* of one certificate, as in the file */
#define CHANGE_MAX_DEFAULTS 8
#define CHANGE_MAX_SERVED   100000
#define CHANGE_MAX          200000 /* in one list */

enum change_kind {
	CHANGE_CERT_PUT,
	CHANGE_CERT_DELETE,
	CHANGE_ASSOCIATE,
	CHANGE_DISSOCIATE,
	CHANGE_DEFAULT,
	CHANGE_CERT_FILE, /* the certificate is the one that the configuration file names again */
	CHANGE_ITEM_PUT,
	CHANGE_ITEM_DELETE,
	CHANGE_ITEM_FILE, /* the item is as in the configuration file again, or not there as it is not */
};

/* For CHANGE_CERT_PUT and CHANGE_ITEM_PUT: whether there may be one of that name already. */
enum change_put {
	CHANGE_PUT_ANY,
	CHANGE_PUT_NEW,
	CHANGE_PUT_OLD
};

/* What a CHANGE_ITEM_PUT of a trust store does to it (config/change_edit.h). */
enum change_edit {
	CHANGE_EDIT_NONE,       /* settings say all of it */
	CHANGE_EDIT_BUNDLE,     /* another CA bundle: the file operand */
	CHANGE_EDIT_ADD_CRL,    /* one revocation list more: the file operand */
	CHANGE_EDIT_REMOVE_CRL, /* one less: whose file has the name operand */
};

struct change {
	enum change_kind kind;
	char *certificate; /* its name; NULL with CHANGE_DEFAULT */
	char *listener;    /* NULL with CHANGE_CERT_* */
	char **names;      /* PUT: served for these; DEFAULT: the certificates, best first */
	unsigned n_names;

	/* Of CHANGE_ITEM_*: a named item of the configuration (config/load.h); the others are NULL. */
	char *section, *item;
	char *settings; /* PUT: a JSON object; with an edit only once that was applied */
	enum change_edit edit;
	char *operand; /* of edit; NULL without one */
	/*
	 * PUT of a listener: names are its default certificates, these are what it serves besides; none of the first or no
	 * list of the second: as before.
	 */
	char **served;
	unsigned n_served;
	bool has_served;

	/*
	 * Of CHANGE_CERT_PUT: the PEM texts, or the name under which the store has them. chain of a CHANGE_ITEM_PUT: a text that
	 * its settings name as a file of the store, or NULL.
	 */
	char *chain, *key;
	size_t chain_len, key_len;
	char *ocsp;                /* response to be stapled, in base64, or NULL */
	char *passphrase;          /* of the key, or NULL; gone once the key is decrypted */
	char content[DIGEST_TEXT]; /* "": not stored yet */
	enum change_put put;
	bool force; /* dates do not matter */

	/* Of CHANGE_CERT_DELETE: take it from the listeners that serve it first. */
	bool dissociate;
};

struct change_list {
	struct change *at;
	unsigned n, room;
};

/* A new change at the end, zeroed but for its kind; NULL: no memory or too many. */
struct change *change_add(struct change_list *l, enum change_kind kind);

/* Copies text (len bytes) to *to; 0 or -1: no memory. */
int change_text(char **to, const char *text, size_t len);

/* Adds a copy of name to c's names; 0 or -1: no memory. */
int change_name(struct change *c, const char *name);

/* Adds a copy of name to what c, a listener's CHANGE_ITEM_PUT, serves; 0 or -1: no memory. */
int change_serve(struct change *c, const char *name);

/* Moves all of from to the end of to, or nothing (-1: no memory or too many). */
int change_move(struct change_list *to, struct change_list *from);

/* Frees all of it and wipes keys. */
void change_clear(struct change_list *l);

/* True when name may be an item's: 1..CONFIG_MAX_NAME letters, digits, '.', '_', '-'. */
bool change_name_is_valid(const char *name);

/*
 * A sentence part for people: "replace certificate 'www'", "3 changes, first: ...". Returns text.
 */
const char *change_summary(const struct change_list *l, char *text, size_t room);

/* True when c, a listener's CHANGE_ITEM_PUT, makes one that does not decrypt: it has no certificates. */
bool change_passes_through(const struct change *c);

/* As JSON for the journal; keys and chains go by their content's name only. NULL: no memory. The caller frees it. */
char *change_print(const struct change_list *l);

/*
 * Reads what change_print wrote, however damaged it is. Adds to l. 0, or -1 with the reason in e; l is then
 * as before.
 */
int change_parse(struct change_list *l, const char *text, size_t len, struct err *e);
