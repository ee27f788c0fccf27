/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/sni.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "tls/cert.h"
#include "tls/sni_shard.h"

/*
 * The names are spread by the top bits of their hash: over pages of places, one shard each. Pages and shards are
 * counted, so the next table shares all but the pages and shards that a change touches: at 100,000
 * names there are 64 pages of 64 shards, and a new table costs 64 pointers, a page and a shard.
 *
 * A lookup reads at most: the page's pointer, the place, SHARD_MAX_PROBE slots (three lines), one entry;
 * twice, the second time for the wildcard. An entry is only read when 32 bits of hash agree, so a
 * stranger's names cannot make it read more.
 */
#define PAGE_BITS       6
#define PLACES_PER_PAGE (1u << PAGE_BITS)
#define MAX_PAGE_BITS   10 /* 1024 pages: two million names at 32 to a shard */
#define NAMES_PER_SHARD 32 /* at first; twice as many make the table grow */
#define MAX_NAME        255

/* The number of slots lies beside the pointer: a lookup does not read the shard's head. */
struct sni_place {
	struct sni_shard *shard; /* NULL: no name has such a hash */
	uint32_t mask;           /* slots - 1 */
};

struct sni_page {
	unsigned references;
	struct sni_place places[PLACES_PER_PAGE];
};

struct sni_table {
	unsigned shift; /* hash >> shift is the place, counted over all pages */
	unsigned n_pages;
	size_t n_names;
	struct cert **defaults;
	bool *is_listed; /* of each default: it is served for its names besides */
	unsigned n_defaults;
	struct sni_page *pages[];
};

static const struct sni_place *place_of(const struct sni_table *t, uint64_t hash)
{
	uint64_t at = hash >> t->shift;

	return &t->pages[at >> PAGE_BITS]->places[at & (PLACES_PER_PAGE - 1)];
}

static const struct sni_entry *table_find(const struct sni_table *t, const char *name, size_t len)
{
	uint64_t hash = sni_hash(name, len);
	const struct sni_place *place = place_of(t, hash);

	return place->shard ? shard_find(place->shard, place->mask, hash, name, len) : NULL;
}

/* --- pages --- */

static void page_put(struct sni_page *page)
{
	if (!page || --page->references > 0)
		return;
	for (unsigned i = 0; i < PLACES_PER_PAGE; i++)
		shard_put(page->places[i].shard);
	free(page);
}

/* Makes the page one of t's own, unless it is. NULL: no memory. */
static struct sni_page *page_own(struct sni_table *t, uint64_t number)
{
	struct sni_page *shared = t->pages[number], *own;

	if (shared && shared->references == 1)
		return shared;
	own = shared ? malloc(sizeof(*own)) : calloc(1, sizeof(*own));
	if (!own)
		return NULL;
	if (shared) {
		*own = *shared;
		for (unsigned i = 0; i < PLACES_PER_PAGE; i++)
			shard_get(own->places[i].shard);
		page_put(shared);
	}
	own->references = 1;
	t->pages[number] = own;
	return own;
}

/* Changes one place's names: n changes, sorted, all of that place. */
static int place_change(struct sni_table *t, const struct sni_name *changes, size_t n)
{
	uint64_t at = changes[0].hash >> t->shift;
	struct sni_page *page = page_own(t, at >> PAGE_BITS);
	struct sni_place *place;
	struct sni_shard *next;

	if (!page)
		return -1;
	place = &page->places[at & (PLACES_PER_PAGE - 1)];
	if (!shard_change(place->shard, changes, n, &next))
		return -1;
	t->n_names += next ? next->n_entries : 0;
	t->n_names -= place->shard ? place->shard->n_entries : 0;
	shard_put(place->shard);
	place->shard = next;
	place->mask = next ? next->n_slots - 1 : 0;
	return 0;
}

/* Makes n changes, in any order, each place once. */
static int table_change(struct sni_table *t, struct sni_name *changes, size_t n)
{
	qsort(changes, n, sizeof(*changes), sni_name_compare);
	for (size_t i = 0, end; i < n; i = end) {
		uint64_t at = changes[i].hash >> t->shift;

		for (end = i; end < n && changes[end].hash >> t->shift == at;)
			end++;
		if (place_change(t, changes + i, end - i) < 0)
			return -1;
	}
	return 0;
}

/* --- the table --- */

/* An empty one with places for n names. */
static struct sni_table *table_new(size_t n_names)
{
	unsigned bits = 0;
	struct sni_table *t;

	while (bits < MAX_PAGE_BITS && ((size_t)NAMES_PER_SHARD << (PAGE_BITS + bits)) < n_names)
		bits++;
	t = calloc(1, sizeof(*t) + ((size_t)1 << bits) * sizeof(t->pages[0]));
	if (!t)
		return NULL;
	t->shift = 64 - PAGE_BITS - bits;
	t->n_pages = 1u << bits;
	for (unsigned i = 0; i < t->n_pages; i++) {
		if (!page_own(t, i)) {
			sni_free(t);
			return NULL;
		}
	}
	return t;
}

/* One with all of old's pages, shared. */
static struct sni_table *table_share(const struct sni_table *old)
{
	size_t size = sizeof(*old) + old->n_pages * sizeof(old->pages[0]);
	struct sni_table *t = malloc(size);

	if (!t)
		return NULL;
	memcpy(t, old, size);
	t->defaults = NULL;
	t->is_listed = NULL;
	t->n_defaults = 0;
	for (unsigned i = 0; i < t->n_pages; i++)
		t->pages[i]->references++;
	return t;
}

/* One with all of old's names in more places, n_names of them to come. */
static struct sni_table *table_grow(const struct sni_table *old, size_t n_names)
{
	struct sni_table *t = table_new(n_names);
	struct sni_name *names;
	size_t n = 0;

	if (!t)
		return NULL;
	for (unsigned i = 0; i < old->n_pages; i++)
		for (unsigned k = 0; k < PLACES_PER_PAGE; k++)
			n += shard_n_pairs(old->pages[i]->places[k].shard);
	names = malloc((n + 1) * sizeof(*names));
	n = 0;
	for (unsigned i = 0; names && i < old->n_pages; i++)
		for (unsigned k = 0; k < PLACES_PER_PAGE; k++)
			n += shard_names(old->pages[i]->places[k].shard, names + n);
	if (!names || table_change(t, names, n) < 0) {
		sni_free(t);
		t = NULL;
	}
	free(names);
	return t;
}

void sni_free(struct sni_table *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n_pages; i++)
		page_put(t->pages[i]);
	for (unsigned i = 0; i < t->n_defaults; i++)
		cert_put(t->defaults[i]);
	free(t->defaults);
	free(t->is_listed);
	free(t);
}

size_t sni_n_names(const struct sni_table *t)
{
	return t->n_names;
}

/* --- changes --- */

static size_t count_names(struct cert *const *certs, unsigned n_certs)
{
	size_t n = 0;

	for (unsigned i = 0; i < n_certs; i++)
		n += certs[i]->n_names;
	return n;
}

static bool has_cert(struct cert *const *certs, unsigned n, const struct cert *c)
{
	for (unsigned i = 0; i < n; i++)
		if (certs[i] == c)
			return true;
	return false;
}

/* Whether old serves c for its names without it being a default. */
static bool is_served(const struct sni_table *old, const struct cert *c)
{
	const char *text = c->n_names > 0 ? c->names[0] : "";
	const struct sni_entry *e;

	text += text[0] == '!' || text[0] == '*';
	e = text[0] ? table_find(old, text, strlen(text)) : NULL;
	return e && has_cert(e->certs, (unsigned)e->n_certs + e->n_excluded, c);
}

static int compare_cert_pointers(const void *a, const void *b)
{
	return sni_cert_compare(*(struct cert *const *)a, *(struct cert *const *)b);
}

/* What a default is besides, after the change. */
static bool
default_is_listed(const struct sni_table *old, const struct sni_change *change, struct cert *c)
{
	if (has_cert(change->added, change->n_added, c))
		return true;
	if (has_cert(change->removed, change->n_removed, c))
		return false;
	for (unsigned i = 0; i < old->n_defaults; i++)
		if (old->defaults[i] == c)
			return old->is_listed[i];
	return is_served(old, c);
}

static int
set_defaults(struct sni_table *t, const struct sni_table *old, const struct sni_change *change)
{
	struct cert *const *from = change->defaults ? change->defaults : old->defaults;
	unsigned n = change->defaults ? change->n_defaults : old->n_defaults;

	t->defaults = malloc((n + 1) * sizeof(*t->defaults));
	t->is_listed = malloc((n + 1) * sizeof(*t->is_listed));
	if (!t->defaults || !t->is_listed)
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (!has_cert(t->defaults, t->n_defaults, from[i]))
			t->defaults[t->n_defaults++] = cert_get(from[i]);
	qsort(t->defaults, t->n_defaults, sizeof(*t->defaults), compare_cert_pointers);
	for (unsigned i = 0; i < t->n_defaults; i++)
		t->is_listed[i] = default_is_listed(old, change, t->defaults[i]);
	return 0;
}

static size_t add_names(struct sni_name *out, struct cert *c, bool leaves)
{
	for (unsigned i = 0; i < c->n_names; i++) {
		sni_name_set(&out[i], c->names[i], c);
		assert(out[i].len <= MAX_NAME);
		out[i].leaves = leaves;
	}
	return c->n_names;
}

/*
 * All names that leave old or come to t, whose defaults are set. A default's names stay when it leaves the
 * certificates, and a certificate's names stay when it is a default no longer.
 */
static size_t list_changes(const struct sni_table *t, const struct sni_table *old,
    const struct sni_change *change, struct sni_name *out)
{
	size_t n = 0;

	for (unsigned i = 0; i < change->n_removed; i++)
		if (!has_cert(t->defaults, t->n_defaults, change->removed[i]))
			n += add_names(out + n, change->removed[i], true);
	for (unsigned i = 0; i < old->n_defaults; i++)
		if (!old->is_listed[i] && !has_cert(t->defaults, t->n_defaults, old->defaults[i]))
			n += add_names(out + n, old->defaults[i], true);
	for (unsigned i = 0; i < change->n_added; i++)
		n += add_names(out + n, change->added[i], false);
	for (unsigned i = 0; i < t->n_defaults; i++)
		if (!has_cert(old->defaults, old->n_defaults, t->defaults[i]))
			n += add_names(out + n, t->defaults[i], false);
	return n;
}

/* Those that are for clients only belong to backends (tls/origin.h). */
static int check_purposes(struct cert *const *certs, unsigned n, struct err *e)
{
	int status = 0;

	for (unsigned i = 0; certs && i < n; i++)
		if (certs[i]->not_for_servers)
			status = err_set(e,
			    "certificate '%s' is not meant for servers: its extended key usage lacks serverAuth",
			    certs[i]->name);
	return status;
}

struct sni_table *
sni_replace(const struct sni_table *old, const struct sni_change *change, struct err *e)
{
	size_t n_added = count_names(change->added, change->n_added) +
	    count_names(change->defaults, change->n_defaults);
	size_t n = n_added + count_names(change->removed, change->n_removed) +
	    count_names(old->defaults, old->n_defaults);
	size_t places = (size_t)old->n_pages << PAGE_BITS, n_changes;
	bool grows = old->n_names + n_added > 2 * NAMES_PER_SHARD * places &&
	    old->n_pages < 1u << MAX_PAGE_BITS;
	struct sni_name *names;
	struct sni_table *t;

	if (check_purposes(change->added, change->n_added, e) < 0 ||
	    check_purposes(change->defaults, change->n_defaults, e) < 0)
		return NULL;
	t = grows ? table_grow(old, old->n_names + n_added) : table_share(old);
	names = malloc((n + 1) * sizeof(*names));
	if (!t || !names || set_defaults(t, old, change) < 0)
		goto fail;
	n_changes = list_changes(t, old, change, names);
	assert(n_changes <= n);
	if (table_change(t, names, n_changes) < 0)
		goto fail;
	free(names);
	return t;
fail:
	free(names);
	sni_free(t);
	err_set(e, "no memory for a table of %zu host names", old->n_names + n_added);
	return NULL;
}

struct sni_table *sni_new(struct cert *const *certs, unsigned n_certs, struct cert *const *defaults,
    unsigned n_defaults, struct err *e)
{
	static struct cert *const none[1];
	const struct sni_change change = {
		.added = certs,
		.n_added = n_certs,
		.defaults = defaults ? defaults : none,
		.n_defaults = n_defaults,
	};
	size_t n = count_names(certs, n_certs) + count_names(defaults, n_defaults);
	struct sni_table *empty = table_new(n), *t = NULL;

	if (empty)
		t = sni_replace(empty, &change, e);
	else
		err_set(e, "no memory for a table of %zu host names", n);
	sni_free(empty);
	return t;
}

/* --- lookup --- */

/* Whether all of the wildcard's certificates exclude the name. */
static bool is_excluded(const struct sni_entry *wildcard, const struct sni_entry *exact)
{
	for (unsigned i = 0; i < wildcard->n_certs; i++)
		if (!has_cert(exact->certs, exact->n_excluded, wildcard->certs[i]))
			return false;
	return true;
}

void sni_find(const struct sni_table *t, const char *name, size_t len, struct sni_match *match)
{
	const struct sni_entry *exact, *wildcard = NULL;
	const char *dot;

	*match = (struct sni_match){
		.certs = t->defaults, .n_certs = t->n_defaults, .how = SNI_DEFAULT
	};
	/* A leading dot would find a wildcard's key. */
	if (len == 0 || len > MAX_NAME || name[0] == '.')
		return;
	exact = table_find(t, name, len);
	if (exact && exact->n_certs > 0) {
		match->how = SNI_EXACT;
		match->certs = exact->certs;
		match->n_certs = exact->n_certs;
		return;
	}
	dot = memchr(name, '.', len);
	if (dot && len - (size_t)(dot - name) > 1)
		wildcard = table_find(t, dot, len - (size_t)(dot - name));
	if (!wildcard || (exact && is_excluded(wildcard, exact)))
		return;
	match->how = SNI_WILDCARD;
	match->certs = wildcard->certs;
	match->n_certs = wildcard->n_certs;
	if (exact) {
		match->excluded = exact->certs;
		match->n_excluded = exact->n_excluded;
	}
}
