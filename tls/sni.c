/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/sni.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "tls/cert.h"

/*
 * The names are spread over shards by the top bits of their hash. A shard is one immutable,
 * counted block: an open-addressing table of 8-byte slots, then the entries, each with its
 * certificates and its name. A table is little more than an array of shards, so the
 * next table can share all but the shards a change touches.
 *
 * A wildcard "*.rest" is kept as ".rest", a key that no exact name can have. A lookup reads at
 * most: the place of the shard, MAX_PROBE slots (three lines), one entry; twice. An entry
 * is only read when 32 bits of hash agree, so a stranger's names cannot make it read more.
 */
#define NAMES_PER_SHARD 32
#define MAX_SHARDS      4096
#define MAX_PROBE       16
#define MAX_SLOTS       (1u << 20) /* never reached but by names made to collide */
#define MAX_NAME        255

struct sni_slot {
	uint32_t hash;  /* low half of the name's hash */
	uint32_t entry; /* bytes from the shard's start; 0: empty */
};

struct sni_shard {
	unsigned references; /* control thread only */
	uint32_t n_slots;
	uint32_t n_entries;
	uint32_t first_entry; /* bytes from the start, for the walk that gives certificates back */
	struct sni_slot slots[];
};

struct sni_entry {
	uint16_t len, n_certs;
	uint32_t size;        /* bytes to the next entry */
	struct cert *certs[]; /* best first; then the name, len bytes */
};

/* The number of slots lies beside the pointer: a lookup does not read the shard's head. */
struct sni_place {
	struct sni_shard *shard; /* NULL: no name has such a hash */
	uint32_t mask;           /* slots - 1 */
};

struct sni_table {
	unsigned shift; /* hash >> shift is the place */
	unsigned n_places;
	struct cert **defaults;
	unsigned n_defaults;
	struct sni_place places[];
};

/* One name of one certificate while a table is built. */
struct sni_name {
	uint64_t hash;
	const char *at; /* a wildcard without its star */
	size_t len;
	struct cert *cert;
};

/* --- hash and order --- */

static uint64_t mix(uint64_t h, uint64_t word)
{
	__uint128_t product = (__uint128_t)(h ^ word) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time. Not secret: which names are served is, at most, known to the asker. */
static uint64_t hash_name(const char *name, size_t len)
{
	uint64_t h = UINT64_C(0x2545f4914f6cdd1d) ^ len, word = 0;

	for (; len >= 8; name += 8, len -= 8) {
		memcpy(&word, name, 8);
		h = mix(h, word);
	}
	word = 0;
	memcpy(&word, name, len);
	return mix(mix(h, word), UINT64_C(0xd6e8feb86659fd93));
}

static unsigned key_rank(const struct cert *c)
{
	switch (c->key_type) {
	case CERT_P256:
	case CERT_P384:
	case CERT_P521:
		return 2;
	case CERT_ED25519:
		return 1;
	case CERT_RSA:
		return 0;
	}
	return 0;
}

/* Below zero when a is to be preferred (cloud-facts.md 2); among equals the newer one. */
static int compare_certs(const struct cert *a, const struct cert *b)
{
	if (key_rank(a) != key_rank(b))
		return key_rank(a) > key_rank(b) ? -1 : 1;
	if (a->signature_hash_bits != b->signature_hash_bits)
		return a->signature_hash_bits > b->signature_hash_bits ? -1 : 1;
	if (a->key_bits != b->key_bits)
		return a->key_bits > b->key_bits ? -1 : 1;
	if (a->not_after != b->not_after)
		return a->not_after > b->not_after ? -1 : 1;
	if (a->version != b->version)
		return a->version > b->version ? -1 : 1;
	return 0;
}

static int compare_cert_pointers(const void *a, const void *b)
{
	return compare_certs(*(struct cert *const *)a, *(struct cert *const *)b);
}

static int compare_keys(const struct sni_name *a, const struct sni_name *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->at, b->at, a->len);
}

/* By shard, name, and how good the certificate is. */
static int compare_names(const void *va, const void *vb)
{
	const struct sni_name *a = va, *b = vb;
	int order = compare_keys(a, b);

	return order ? order : compare_certs(a->cert, b->cert);
}

/* --- shards --- */

static size_t entry_size(unsigned n_certs, size_t len)
{
	return (sizeof(struct sni_entry) + n_certs * sizeof(struct cert *) + len + 7) & ~(size_t)7;
}

static char *entry_name(const struct sni_entry *e)
{
	return (char *)(uintptr_t)(e->certs + e->n_certs);
}

/* How many of the sorted names, from the first on, are the same name. */
static size_t run_length(const struct sni_name *names, size_t n)
{
	size_t run = 1;

	while (run < n && compare_keys(&names[0], &names[run]) == 0)
		run++;
	return run;
}

static bool slots_insert(struct sni_slot *slots, uint32_t mask, uint32_t hash, uint32_t entry)
{
	for (uint32_t i = 0; i < MAX_PROBE; i++) {
		struct sni_slot *s = &slots[(hash + i) & mask];

		if (s->entry == 0) {
			*s = (struct sni_slot){ .hash = hash, .entry = entry };
			return true;
		}
	}
	return false;
}

static struct sni_shard *
shard_try(const struct sni_name *names, size_t n, uint32_t n_slots, size_t entry_bytes, bool *full)
{
	size_t at = sizeof(struct sni_shard) + n_slots * sizeof(struct sni_slot);
	struct sni_shard *shard = calloc(1, at + entry_bytes);

	*full = false;
	if (!shard)
		return NULL;
	shard->references = 1;
	shard->n_slots = n_slots;
	shard->first_entry = (uint32_t)at;
	for (size_t i = 0, run; i < n; i += run) {
		struct sni_entry *e = (struct sni_entry *)((char *)shard + at);

		run = run_length(names + i, n - i);
		e->len = (uint16_t)names[i].len;
		for (size_t k = i; k < i + run; k++)
			if (e->n_certs == 0 || e->certs[e->n_certs - 1] != names[k].cert)
				e->certs[e->n_certs++] = names[k].cert;
		memcpy(entry_name(e), names[i].at, e->len);
		e->size = (uint32_t)entry_size((unsigned)run, e->len);
		if (!slots_insert(
			shard->slots, n_slots - 1, (uint32_t)names[i].hash, (uint32_t)at)) {
			free(shard);
			*full = true;
			return NULL;
		}
		at += e->size;
		shard->n_entries++;
	}
	return shard;
}

static struct sni_entry *entry_next(const struct sni_shard *shard, const struct sni_entry *e)
{
	uintptr_t at = e ? (uintptr_t)e + e->size : (uintptr_t)shard + shard->first_entry;

	return (struct sni_entry *)at;
}

/* Builds one from n sorted names. NULL: no memory, or names that all collide. */
static struct sni_shard *shard_new(const struct sni_name *names, size_t n)
{
	struct sni_shard *shard = NULL;
	struct sni_entry *e = NULL;
	size_t entry_bytes = 0, n_different = 0;
	uint32_t n_slots = MAX_PROBE;
	bool full = true;

	for (size_t i = 0, run; i < n; i += run, n_different++) {
		run = run_length(names + i, n - i);
		if (run > UINT16_MAX)
			return NULL;
		entry_bytes += entry_size((unsigned)run, names[i].len);
	}
	while (n_slots < 2 * n_different)
		n_slots *= 2;
	if (entry_bytes > UINT32_MAX / 2)
		return NULL;
	for (; full && n_slots <= MAX_SLOTS; n_slots *= 2)
		shard = shard_try(names, n, n_slots, entry_bytes, &full);
	for (uint32_t i = 0; shard && i < shard->n_entries; i++) {
		e = entry_next(shard, e);
		for (unsigned k = 0; k < e->n_certs; k++)
			cert_get(e->certs[k]);
	}
	return shard;
}

static void shard_put(struct sni_shard *shard)
{
	struct sni_entry *e = NULL;

	if (!shard || --shard->references > 0)
		return;
	for (uint32_t i = 0; i < shard->n_entries; i++) {
		e = entry_next(shard, e);
		for (unsigned k = 0; k < e->n_certs; k++)
			cert_put(e->certs[k]);
	}
	free(shard);
}

static const struct sni_entry *table_find(const struct sni_table *t, const char *name, size_t len)
{
	uint64_t hash = hash_name(name, len);
	const struct sni_place *place = &t->places[hash >> t->shift];
	const struct sni_shard *shard = place->shard;

	if (!shard)
		return NULL;
	for (uint32_t i = 0; i < MAX_PROBE; i++) {
		const struct sni_slot *s = &shard->slots[((uint32_t)hash + i) & place->mask];
		const struct sni_entry *e;

		if (s->entry == 0)
			return NULL;
		if (s->hash != (uint32_t)hash)
			continue;
		e = (const struct sni_entry *)((const char *)shard + s->entry);
		if (e->len == len && memcmp(entry_name(e), name, len) == 0)
			return e;
	}
	return NULL;
}

/* --- the table --- */

static size_t count_names(struct cert *const *certs, unsigned n_certs)
{
	size_t n = 0;

	for (unsigned i = 0; i < n_certs; i++)
		n += certs[i]->n_names;
	return n;
}

static size_t add_names(struct sni_name *out, struct cert *const *certs, unsigned n_certs)
{
	size_t n = 0;

	for (unsigned i = 0; i < n_certs; i++) {
		for (unsigned k = 0; k < certs[i]->n_names; k++) {
			const char *name = certs[i]->names[k];

			if (name[0] == '*')
				name++;
			out[n].at = name;
			out[n].len = strlen(name);
			assert(out[n].len <= MAX_NAME);
			out[n].hash = hash_name(name, out[n].len);
			out[n++].cert = certs[i];
		}
	}
	return n;
}

static int add_defaults(struct sni_table *t, struct cert *const *defaults, unsigned n)
{
	t->defaults = malloc((n ? n : 1) * sizeof(*t->defaults));
	if (!t->defaults)
		return -1;
	for (unsigned i = 0; i < n; i++)
		t->defaults[t->n_defaults++] = cert_get(defaults[i]);
	qsort(t->defaults, n, sizeof(*t->defaults), compare_cert_pointers);
	return 0;
}

/* Cuts n sorted names into shards; one without names stays NULL. */
static int add_shards(struct sni_table *t, const struct sni_name *names, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		struct sni_place *place = &t->places[names[i].hash >> t->shift];

		for (end = i; end < n && &t->places[names[end].hash >> t->shift] == place;)
			end++;
		place->shard = shard_new(names + i, end - i);
		if (!place->shard)
			return -1;
		place->mask = place->shard->n_slots - 1;
	}
	return 0;
}

static struct sni_table *table_alloc(size_t n_names)
{
	unsigned bits = 1; /* a shift by 64 would be undefined */
	struct sni_table *t;

	while ((1u << bits) < MAX_SHARDS && (size_t)NAMES_PER_SHARD << bits < n_names)
		bits++;
	t = calloc(1, sizeof(*t) + ((size_t)1 << bits) * sizeof(t->places[0]));
	if (!t)
		return NULL;
	t->n_places = 1u << bits;
	t->shift = 64 - bits;
	return t;
}

struct sni_table *sni_new(struct cert *const *certs, unsigned n_certs, struct cert *const *defaults,
    unsigned n_defaults, struct err *e)
{
	size_t n = count_names(certs, n_certs) + count_names(defaults, n_defaults), done;
	struct sni_name *names = malloc((n ? n : 1) * sizeof(*names));
	struct sni_table *t = table_alloc(n);

	if (!names || !t)
		goto fail;
	done = add_names(names, certs, n_certs);
	done += add_names(names + done, defaults, n_defaults);
	assert(done == n);
	qsort(names, n, sizeof(*names), compare_names);
	if (add_defaults(t, defaults, n_defaults) < 0 || add_shards(t, names, n) < 0)
		goto fail;
	free(names);
	return t;
fail:
	free(names);
	sni_free(t);
	err_set(e, "no memory for a table of %zu host names", n);
	return NULL;
}

void sni_free(struct sni_table *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n_places; i++)
		shard_put(t->places[i].shard);
	for (unsigned i = 0; i < t->n_defaults; i++)
		cert_put(t->defaults[i]);
	free(t->defaults);
	free(t);
}

void sni_find(const struct sni_table *t, const char *name, size_t len, struct sni_match *match)
{
	const struct sni_entry *e = NULL;
	const char *dot;

	*match = (struct sni_match){
		.certs = t->defaults, .n_certs = t->n_defaults, .how = SNI_DEFAULT
	};
	/* A leading dot would find a wildcard's key. */
	if (len == 0 || len > MAX_NAME || name[0] == '.')
		return;
	match->how = SNI_EXACT;
	e = table_find(t, name, len);
	if (!e) {
		match->how = SNI_WILDCARD;
		dot = memchr(name, '.', len);
		if (dot && len - (size_t)(dot - name) > 1)
			e = table_find(t, dot, len - (size_t)(dot - name));
	}
	if (!e) {
		match->how = SNI_DEFAULT;
		return;
	}
	match->certs = e->certs;
	match->n_certs = e->n_certs;
}
