/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/cert_blob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tls/sni_shard.h"

struct shared {
	struct shared *next;
	uint64_t hash;
	size_t len;
	unsigned references;
	uint8_t bytes[];
};

/* Chained buckets, twice as many when there are more blobs than buckets. */
static struct shared **buckets;
static size_t n_buckets, n_blobs;

static struct shared **bucket(uint64_t hash)
{
	return &buckets[hash & (n_buckets - 1)];
}

static void buckets_grow(void)
{
	size_t n_old = n_buckets, n = n_old ? 2 * n_old : 64;
	struct shared **old = buckets, **grown = calloc(n, sizeof(*grown)), *s;

	if (!grown)
		return; /* longer chains, no harm */
	buckets = grown;
	n_buckets = n;
	for (size_t i = 0; i < n_old; i++) {
		while ((s = old[i]) != NULL) {
			old[i] = s->next;
			s->next = *bucket(s->hash);
			*bucket(s->hash) = s;
		}
	}
	free(old);
}

static struct shared *shared_find(uint64_t hash, const uint8_t *bytes, size_t len)
{
	struct shared *s = *bucket(hash);

	while (s && (s->hash != hash || s->len != len || memcmp(s->bytes, bytes, len) != 0))
		s = s->next;
	return s;
}

void blob_share(struct cert_blob *out, const uint8_t *bytes, size_t len)
{
	uint64_t hash = sni_hash((const char *)bytes, len);
	struct shared *s;

	*out = (struct cert_blob){ 0 };
	if (n_blobs >= n_buckets)
		buckets_grow();
	if (n_buckets == 0)
		return;
	s = shared_find(hash, bytes, len);
	if (!s) {
		s = malloc(sizeof(*s) + len);
		if (!s)
			return;
		*s = (struct shared){ .next = *bucket(hash), .hash = hash, .len = len };
		memcpy(s->bytes, bytes, len);
		*bucket(hash) = s;
		n_blobs++;
	}
	s->references++;
	*out = (struct cert_blob){ .at = s->bytes, .len = len };
}

void blob_put(uint8_t *at)
{
	struct shared *s, **link;

	if (!at)
		return;
	s = (struct shared *)(at - offsetof(struct shared, bytes));
	assert(s->references > 0);
	if (--s->references > 0)
		return;
	for (link = bucket(s->hash); *link != s;)
		link = &(*link)->next;
	*link = s->next;
	free(s);
	if (--n_blobs == 0) {
		free(buckets);
		buckets = NULL;
		n_buckets = 0;
	}
}

size_t blob_n(void)
{
	return n_blobs;
}
