/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * Two levels: an array of leaves, each a sorted array of values. With leaves of up to LEAF values a
 * change of one among 100,000 copies some thousand pointers to leaves and one leaf.
 */
#define LEAF 128

struct leaf {
	unsigned references;
	unsigned n; /* never 0 */
	void *values[LEAF];
};

struct map {
	const struct map_kind *kind;
	struct leaf **leaves;
	size_t n_leaves, room;
	size_t n;
};

struct map *map_new(const struct map_kind *kind)
{
	struct map *m = calloc(1, sizeof(*m));

	if (m)
		m->kind = kind;
	return m;
}

static int reserve(struct map *m, size_t room)
{
	struct leaf **leaves;

	if (room <= m->room)
		return 0;
	room = room * 3 / 2 + 4;
	leaves = realloc(m->leaves, room * sizeof(*leaves));
	if (!leaves)
		return -1;
	m->leaves = leaves;
	m->room = room;
	return 0;
}

struct map *map_copy(const struct map *from)
{
	struct map *m = map_new(from->kind);

	if (!m || reserve(m, from->n_leaves) < 0) {
		free(m);
		return NULL;
	}
	for (size_t i = 0; i < from->n_leaves; i++) {
		m->leaves[i] = from->leaves[i];
		m->leaves[i]->references++;
	}
	m->n_leaves = from->n_leaves;
	m->n = from->n;
	return m;
}

static void leaf_put(const struct map *m, struct leaf *l)
{
	if (--l->references > 0)
		return;
	for (unsigned i = 0; i < l->n; i++)
		m->kind->put(l->values[i]);
	free(l);
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_leaves; i++)
		leaf_put(m, m->leaves[i]);
	free(m->leaves);
	free(m);
}

static const char *name_at(const struct map *m, const struct leaf *l, unsigned i)
{
	return m->kind->name(l->values[i]);
}

/* The last leaf whose first name is not behind name; 0 when all are. */
static size_t leaf_for(const struct map *m, const char *name)
{
	size_t low = 0, high = m->n_leaves;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(name_at(m, m->leaves[middle], 0), name) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : 0;
}

/* The first place in l whose name is not before name. */
static unsigned place_for(const struct map *m, const struct leaf *l, const char *name, bool *found)
{
	unsigned low = 0, high = l->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (strcmp(name_at(m, l, middle), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < l->n && strcmp(name_at(m, l, low), name) == 0;
	return low;
}

void *map_find(const struct map *m, const char *name)
{
	const struct leaf *l;
	unsigned i;
	bool found;

	if (m->n_leaves == 0)
		return NULL;
	l = m->leaves[leaf_for(m, name)];
	i = place_for(m, l, name, &found);
	return found ? l->values[i] : NULL;
}

/* Makes the leaf this map's alone. */
static struct leaf *own_leaf(struct map *m, size_t at)
{
	struct leaf *old = m->leaves[at], *l;

	if (old->references == 1)
		return old;
	l = malloc(sizeof(*l));
	if (!l)
		return NULL;
	l->references = 1;
	l->n = old->n;
	for (unsigned i = 0; i < old->n; i++)
		l->values[i] = m->kind->get(old->values[i]);
	leaf_put(m, old);
	m->leaves[at] = l;
	return l;
}

static struct leaf *insert_leaf(struct map *m, size_t at)
{
	struct leaf *l = malloc(sizeof(*l));

	if (!l || reserve(m, m->n_leaves + 1) < 0) {
		free(l);
		return NULL;
	}
	memmove(m->leaves + at + 1, m->leaves + at, (m->n_leaves - at) * sizeof(*m->leaves));
	m->leaves[at] = l;
	m->n_leaves++;
	l->references = 1;
	l->n = 0;
	return l;
}

/* Names often come in order: then the full leaf stays full and the new one begins empty. */
static int split(struct map *m, size_t at, bool at_end)
{
	struct leaf *l = m->leaves[at], *right = insert_leaf(m, at + 1);
	unsigned keep = at_end ? LEAF - 1 : LEAF / 2;

	if (!right)
		return -1;
	right->n = LEAF - keep;
	memcpy(right->values, l->values + keep, right->n * sizeof(right->values[0]));
	l->n = keep;
	return 0;
}

int map_set(struct map *m, void *value)
{
	const char *name = m->kind->name(value);
	size_t at = leaf_for(m, name);
	struct leaf *l;
	unsigned i;
	bool found;

	l = m->n_leaves == 0 ? insert_leaf(m, 0) : own_leaf(m, at);
	if (!l)
		return -1;
	i = place_for(m, l, name, &found);
	if (found) {
		void *old = l->values[i];

		l->values[i] = m->kind->get(value);
		m->kind->put(old);
		return 0;
	}
	if (l->n == LEAF) {
		if (split(m, at, i == LEAF) < 0)
			return -1;
		if (i > m->leaves[at]->n) {
			i -= m->leaves[at]->n;
			at++;
		}
		l = m->leaves[at];
	}
	memmove(l->values + i + 1, l->values + i, (l->n - i) * sizeof(l->values[0]));
	l->values[i] = m->kind->get(value);
	l->n++;
	m->n++;
	return 0;
}

int map_remove(struct map *m, const char *name)
{
	size_t at = leaf_for(m, name);
	struct leaf *l;
	unsigned i;
	bool found;

	if (!map_find(m, name))
		return 0;
	l = own_leaf(m, at);
	if (!l)
		return -1;
	i = place_for(m, l, name, &found);
	assert(found);
	m->kind->put(l->values[i]);
	memmove(l->values + i, l->values + i + 1, (l->n - i - 1) * sizeof(l->values[0]));
	l->n--;
	m->n--;
	if (l->n == 0) {
		free(l);
		m->n_leaves--;
		memmove(
		    m->leaves + at, m->leaves + at + 1, (m->n_leaves - at) * sizeof(*m->leaves));
	}
	return 1;
}

size_t map_count(const struct map *m)
{
	return m->n;
}

bool map_is_same(const struct map *a, const struct map *b)
{
	return a->n_leaves == b->n_leaves &&
	    (a->n_leaves == 0 ||
		memcmp(a->leaves, b->leaves, a->n_leaves * sizeof(*a->leaves)) == 0);
}

struct map_cursor map_from(const struct map *m, const char *after)
{
	struct map_cursor c = { .m = m };
	bool found;

	if (!after || m->n_leaves == 0)
		return c;
	c.leaf = leaf_for(m, after);
	c.i = place_for(m, m->leaves[c.leaf], after, &found);
	c.i += found;
	return c;
}

/* Steps over the end of a leaf; NULL at the end of the map. */
static const struct leaf *cursor_leaf(struct map_cursor *c)
{
	while (c->leaf < c->m->n_leaves && c->i >= c->m->leaves[c->leaf]->n) {
		c->leaf++;
		c->i = 0;
	}
	return c->leaf < c->m->n_leaves ? c->m->leaves[c->leaf] : NULL;
}

void *map_next(struct map_cursor *c)
{
	const struct leaf *l = cursor_leaf(c);

	return l ? l->values[c->i++] : NULL;
}

static void *cursor_peek(struct map_cursor *c)
{
	const struct leaf *l = cursor_leaf(c);

	return l ? l->values[c->i] : NULL;
}

int map_compare(const struct map *old, const struct map *new,
    int (*differ)(void *arg, void *old, void *new), void *arg)
{
	struct map_cursor a = map_from(old, NULL), b = map_from(new, NULL);
	int result = 0;

	while (result == 0) {
		const struct leaf *x = cursor_leaf(&a), *y = cursor_leaf(&b);
		void *p, *q;
		int order;

		if (!x && !y)
			return 0;
		if (x == y && a.i == b.i) { /* shared: the same from here to its end */
			a.i = b.i = x->n;
			continue;
		}
		p = cursor_peek(&a);
		q = cursor_peek(&b);
		order = !p ? 1 : !q ? -1 : strcmp(old->kind->name(p), new->kind->name(q));
		if (order <= 0)
			a.i++;
		if (order >= 0)
			b.i++;
		if (order < 0)
			result = differ(arg, p, NULL);
		else if (order > 0)
			result = differ(arg, NULL, q);
		else if (p != q)
			result = differ(arg, p, q);
	}
	return result;
}
