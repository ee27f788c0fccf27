/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/sni_shard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tls/cert.h"

#define MAX_SLOTS (1u << 20) /* never reached but by names made to collide */
#define MAX_CERTS UINT16_MAX /* of one name */

/* --- hash and order --- */

static uint64_t mix(uint64_t h, uint64_t word)
{
	__uint128_t product = (__uint128_t)(h ^ word) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t sni_hash(const char *name, size_t len)
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

int sni_cert_compare(const struct cert *a, const struct cert *b)
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

static int compare_keys(const struct sni_name *a, const struct sni_name *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->at, b->at, a->len);
}

int sni_name_compare(const void *va, const void *vb)
{
	const struct sni_name *a = va, *b = vb;
	int order = compare_keys(a, b);

	if (order)
		return order;
	if (a->excludes != b->excludes)
		return a->excludes ? 1 : -1;
	return sni_cert_compare(a->cert, b->cert);
}

static bool is_same(const struct sni_name *a, const struct sni_name *b)
{
	return a->cert == b->cert && a->excludes == b->excludes && compare_keys(a, b) == 0;
}

void sni_name_set(struct sni_name *name, const char *text, struct cert *cert)
{
	size_t len;

	*name = (struct sni_name){ .cert = cert, .excludes = text[0] == '!' };
	text += text[0] == '!' || text[0] == '*';
	len = strlen(text);
	assert(len <= UINT16_MAX);
	name->at = text;
	name->len = (uint16_t)len;
	name->hash = sni_hash(text, len);
}

/* --- entries --- */

static size_t entry_size(size_t n_certs, size_t len)
{
	return (sizeof(struct sni_entry) + n_certs * sizeof(struct cert *) + len + 7) & ~(size_t)7;
}

static char *entry_name(const struct sni_entry *e)
{
	return (char *)(uintptr_t)(e->certs + e->n_certs + e->n_excluded);
}

static struct sni_entry *entry_next(const struct sni_shard *shard, const struct sni_entry *e)
{
	uintptr_t at = e ? (uintptr_t)e + entry_size((size_t)e->n_certs + e->n_excluded, e->len)
			 : (uintptr_t)shard + shard->first_entry;

	return (struct sni_entry *)at;
}

/* How many of the sorted names, from the first on, are the same name. */
static size_t run_length(const struct sni_name *names, size_t n)
{
	size_t run = 1;

	while (run < n && compare_keys(&names[0], &names[run]) == 0)
		run++;
	return run;
}

static void entry_fill(struct sni_entry *e, const struct sni_name *names, size_t run)
{
	e->len = names[0].len;
	for (size_t i = 0; i < run; i++) {
		e->certs[i] = cert_get(names[i].cert);
		if (names[i].excludes)
			e->n_excluded++;
		else
			e->n_certs++;
	}
	memcpy(entry_name(e), names[0].at, e->len);
}

/* --- shards --- */

static bool slots_insert(struct sni_slot *slots, uint32_t mask, uint32_t hash, uint32_t entry)
{
	for (uint32_t i = 0; i < SHARD_MAX_PROBE; i++) {
		struct sni_slot *s = &slots[(hash + i) & mask];

		if (s->entry == 0) {
			*s = (struct sni_slot){ .hash = hash, .entry = entry };
			return true;
		}
	}
	return false;
}

/* Sets *full when a name finds no slot near its own. */
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
		if (!slots_insert(
			shard->slots, n_slots - 1, (uint32_t)names[i].hash, (uint32_t)at)) {
			shard_put(shard);
			*full = true;
			return NULL;
		}
		entry_fill(e, names + i, run);
		at += entry_size(run, names[i].len);
		shard->n_entries++;
	}
	return shard;
}

/* Builds one from n names, sorted, each pair of name and certificate once. */
static struct sni_shard *shard_new(const struct sni_name *names, size_t n)
{
	struct sni_shard *shard = NULL;
	size_t entry_bytes = 0, n_different = 0;
	uint32_t n_slots = SHARD_MAX_PROBE;
	bool full = true;

	for (size_t i = 0, run; i < n; i += run, n_different++) {
		run = run_length(names + i, n - i);
		if (run > MAX_CERTS)
			return NULL;
		entry_bytes += entry_size(run, names[i].len);
	}
	while (n_slots < 2 * n_different)
		n_slots *= 2;
	if (entry_bytes > UINT32_MAX / 2)
		return NULL;
	for (; full && n_slots <= MAX_SLOTS; n_slots *= 2)
		shard = shard_try(names, n, n_slots, entry_bytes, &full);
	return shard;
}

struct sni_shard *shard_get(struct sni_shard *shard)
{
	if (shard)
		shard->references++;
	return shard;
}

void shard_put(struct sni_shard *shard)
{
	struct sni_entry *e = NULL;

	if (!shard || --shard->references > 0)
		return;
	for (uint32_t i = 0; i < shard->n_entries; i++) {
		e = entry_next(shard, e);
		for (unsigned k = 0; k < (unsigned)e->n_certs + e->n_excluded; k++)
			cert_put(e->certs[k]);
	}
	free(shard);
}

size_t shard_n_pairs(const struct sni_shard *shard)
{
	struct sni_entry *e = NULL;
	size_t n = 0;

	for (uint32_t i = 0; shard && i < shard->n_entries; i++) {
		e = entry_next(shard, e);
		n += (size_t)e->n_certs + e->n_excluded;
	}
	return n;
}

size_t shard_names(const struct sni_shard *shard, struct sni_name *out)
{
	struct sni_entry *e = NULL;
	size_t n = 0;

	for (uint32_t i = 0; shard && i < shard->n_entries; i++) {
		uint64_t hash;

		e = entry_next(shard, e);
		hash = sni_hash(entry_name(e), e->len);
		for (unsigned k = 0; k < (unsigned)e->n_certs + e->n_excluded; k++)
			out[n++] = (struct sni_name){ .hash = hash,
				.at = entry_name(e),
				.len = e->len,
				.excludes = k >= e->n_certs,
				.cert = e->certs[k] };
	}
	return n;
}

static bool is_leaving(const struct sni_name *name, const struct sni_name *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].leaves && is_same(name, &changes[i]))
			return true;
	return false;
}

/* The names of old that stay and those that come, sorted, each pair once. Returns how many. */
static size_t merge(const struct sni_name *old, size_t n_old, const struct sni_name *changes,
    size_t n, struct sni_name *out)
{
	size_t at_old = 0, at = 0, n_out = 0;

	while (at_old < n_old || at < n) {
		const struct sni_name *next;

		if (at < n && changes[at].leaves) {
			at++;
			continue;
		}
		if (at_old < n_old && is_leaving(&old[at_old], changes, n)) {
			at_old++;
			continue;
		}
		if (at == n ||
		    (at_old < n_old && sni_name_compare(&old[at_old], &changes[at]) <= 0))
			next = &old[at_old++];
		else
			next = &changes[at++];
		if (n_out == 0 || !is_same(&out[n_out - 1], next))
			out[n_out++] = *next;
	}
	return n_out;
}

bool shard_change(
    const struct sni_shard *old, const struct sni_name *changes, size_t n, struct sni_shard **next)
{
	size_t n_old = shard_n_pairs(old), n_names;
	struct sni_name *before = malloc((2 * n_old + n) * sizeof(*before)),
			*names = before + n_old;

	*next = NULL;
	if (!before)
		return false;
	shard_names(old, before);
	n_names = merge(before, n_old, changes, n, names);
	if (n_names > 0)
		*next = shard_new(names, n_names);
	free(before);
	return n_names == 0 || *next;
}

const struct sni_entry *shard_find(
    const struct sni_shard *shard, uint32_t mask, uint64_t hash, const char *name, size_t len)
{
	for (uint32_t i = 0; i < SHARD_MAX_PROBE; i++) {
		const struct sni_slot *s = &shard->slots[((uint32_t)hash + i) & mask];
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
