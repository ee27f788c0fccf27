/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Names to things, sorted by name, with cheap copies: a copy shares all leaves with its
 * original, and a change copies the one leaf it touches. So every generation keeps a map of
 * 100,000 certificates of its own for the price of what differs. For one thread.
 */
struct map;

/* How a map counts what it holds; a value's name must live as long as the value. */
struct map_kind {
	const char *(*name)(const void *value);
	void *(*get)(void *value); /* another reference */
	void (*put)(void *value);  /* gives one back */
};

/* An empty map, or NULL: no memory. The caller owns it. */
struct map *map_new(const struct map_kind *kind);

/* A copy that shares what does not change; NULL: no memory. The caller owns it. */
struct map *map_copy(const struct map *m);

/* Frees it; NULL is fine. */
void map_free(struct map *m);

/* The value of that name, borrowed, or NULL. */
void *map_find(const struct map *m, const char *name);

/* Puts value (takes a reference of its own) in the place of the one of its name, if any. 0 or -1: no memory. */
int map_set(struct map *m, void *value);

/* Takes the value of that name out: 1, or 0 when there was none, or -1: no memory, nothing changed. */
int map_remove(struct map *m, const char *name);

size_t map_count(const struct map *m);

/* True when both were copied from one another and not changed since. */
bool map_is_same(const struct map *a, const struct map *b);

/* A place in a map; the map must not change meanwhile. */
struct map_cursor {
	const struct map *m;
	size_t leaf, i;
};

/* Behind every name up to after (NULL: before the first). */
struct map_cursor map_from(const struct map *m, const char *after);

/* The next value in the order of names, borrowed, or NULL at the end. */
void *map_next(struct map_cursor *c);

/*
 * Calls differ(arg, old, new) for every name whose values are not the same pointer, in the order of names;
 * the one that is missing is NULL. Stops when differ returns non-zero and returns that. Skips shared leaves.
 */
int map_compare(const struct map *old, const struct map *new,
    int (*differ)(void *arg, void *old, void *new), void *arg);
