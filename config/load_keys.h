/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <libconfig.h>

#include "config/arena.h"
#include "config/model.h"

struct err;
struct load;

/*
 * How libconfig settings become struct config: a table of keys per group, each with the function
 * that reads its value. A new setting is a line in a table of load_sections.c.
 */

struct load_key {
	const char *name;

	/* Reads s into item, which is the struct of the group the key is in. */
	void (*load)(
	    struct load *l, const config_setting_t *s, const struct load_key *k, void *item);

	size_t at;       /* of the member that takes the value */
	size_t size;     /* of that member, where its type varies */
	size_t count_at; /* of the member that takes the number of elements */
	size_t line_at;  /* of the member that takes the line, where there is one */
	double min, max; /* of the number, the bytes of a string, or the elements of a list */
	bool required;
	bool (*unless)(const config_setting_t *group); /* not required then; NULL: never */
	bool is_apart;                  /* may be missing in an item that the control API put */
	const struct load_group *group; /* of a group or of each element of a list of groups */
};

/* Which items are found by name, and the keys of a group in the order they are to be read. */
enum load_names {
	LOAD_NAMELESS,
	LOAD_PORTS,
	LOAD_CERTIFICATES,
	LOAD_POLICIES,
	LOAD_TRUST_STORES,
	LOAD_BACKENDS,
	LOAD_LISTENERS
};
#define LOAD_N_NAMES (LOAD_LISTENERS + 1)

struct load_group {
	const char *what; /* what messages call one: "listener"; NULL: part of what it is in */
	const struct load_key *keys;
	unsigned n_keys;
	size_t size;             /* of the struct; 0: the members lie in the struct around it */
	const void *defaults;    /* copied into every new one; NULL: zeroes */
	size_t file_at, line_at; /* where file and line are noted, when size is not 0 */
	enum load_names names;
};

struct load_name {
	const char *name;
	unsigned index;
};

struct load_names_sorted {
	struct load_name *all; /* sorted by name, then index */
	unsigned n;
	bool complete; /* every item had a name: what is not found does not exist */
};

struct load {
	struct err *e;
	struct arena *arena;
	const char *path; /* of the file, as given */
	const char *dir;  /* its folder, "" when the path names none */
	struct config *config;
	char where[300];  /* "listener 'https': ", for messages */
	unsigned element; /* which of a list is being read, from 1; 0: not in one */
	struct load_names_sorted names[LOAD_N_NAMES];

	/* False when a port's address or route could not be read: rules about who owns or
	 * reaches an address would only repeat that mistake. */
	bool addresses_known;

	/* The last answer of load_file: neighbours mostly come from the same file. */
	const char *raw_file, *file;
};

/* What messages call the file of settings that the control API put; told apart by its address. */
extern const char load_api_file[];

/* Adds a message about s, behind where and which element it is: format begins with its key. */
void load_error(struct load *l, const config_setting_t *s, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The file s was written in, as the process can open it; lives as long as the arena. */
const char *load_file(struct load *l, const config_setting_t *s);

/* As arena_alloc; says so in l->e when it returns NULL. */
void *load_alloc(struct load *l, size_t n, size_t size);

/* The functions for struct load_key's load. */
void load_bool(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
void load_integer(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
void load_seconds(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
void load_string(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
void load_name(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
void load_strings(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
void load_readable(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
void load_group(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
void load_items(struct load *l, const config_setting_t *s, const struct load_key *k, void *item);

/* Pieces of them, for a key with rules of its own. */

/* The whole number s holds, if it is one in min..max; otherwise says so. */
bool load_get_integer(struct load *l, const config_setting_t *s, const char *name, double min,
    double max, long long *value);

/* The string s holds, if it is one of 1..max bytes; otherwise says so and returns NULL. */
const char *
load_get_string(struct load *l, const config_setting_t *s, const char *name, size_t max);

/* True when s is a list or an array of min..max elements; otherwise says so. */
bool load_is_list(struct load *l, const config_setting_t *s, const struct load_key *k);

/* Runs the keys of g over the members of s into item: unknown, missing and wrong ones are told. */
void load_members(
    struct load *l, const config_setting_t *s, const struct load_group *g, void *item);

/* The index of the item called name among those of a kind, or -1 after saying what is wrong. */
int load_reference(struct load *l, const config_setting_t *s, const char *key, enum load_names kind,
    const char *what, const char *name);
