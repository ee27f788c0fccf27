/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/aead.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tls/aead_backend.h"

/* Expanding an AES-GCM key costs little more than fetching a cold one from memory: stay in L2. */
#define N_CACHED 512

/* Of no slot: what was never expanded has this hint. */
#define NO_SLOT UINT16_MAX

struct slot {
	const struct aead_key *owner; /* whose key is expanded here; NULL: empty */
	bool used;                    /* since the clock hand passed last */
};

struct aead_engine {
	const struct aead_backend_ops *ops;
	void *state;
	const char *name;
	bool failed; /* the operation under way went wrong: finish says so */

	struct slot *slots;
	uint8_t *expanded; /* n_slots of slot_size bytes */
	size_t slot_size;
	unsigned n_slots, hand;
	struct aead_stats stats;
};

static struct aead_engine *
engine_try(const struct aead_backend_ops *ops, enum aead_backend which, unsigned n_slots)
{
	struct aead_engine *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->ops = ops;
	e->n_slots = n_slots;
	e->slot_size = (ops->expanded_size + 63) & ~(size_t)63;
	e->slots = calloc(n_slots, sizeof *e->slots);
	e->expanded = aligned_alloc(64, n_slots * e->slot_size);
	e->state = ops->create(which, &e->name);
	if (e->slots == NULL || e->expanded == NULL || e->state == NULL) {
		aead_engine_free(e);
		return NULL;
	}
	memset(e->expanded, 0, n_slots * e->slot_size);
	return e;
}

struct aead_engine *aead_engine_new(enum aead_backend backend, unsigned n_cached)
{
	struct aead_engine *e = NULL;

	if (n_cached == 0)
		n_cached = N_CACHED;
	assert(n_cached <= AEAD_MAX_CACHED);
	if (backend != AEAD_WOLFCRYPT)
		e = engine_try(&aead_ipsecmb_ops, backend, n_cached);
	if (e == NULL && (backend == AEAD_BEST || backend == AEAD_WOLFCRYPT))
		e = engine_try(&aead_wolfcrypt_ops, backend, n_cached);
	return e;
}

static void slot_empty(struct aead_engine *e, unsigned i)
{
	e->ops->wipe(e->expanded + i * e->slot_size);
	e->slots[i] = (struct slot){ 0 };
}

void aead_engine_free(struct aead_engine *e)
{
	if (e == NULL)
		return;
	for (unsigned i = 0; e->slots != NULL && i < e->n_slots; i++)
		if (e->slots[i].owner != NULL)
			slot_empty(e, i);
	if (e->state != NULL)
		e->ops->free(e->state);
	free(e->slots);
	free(e->expanded);
	free(e);
}

const char *aead_engine_name(const struct aead_engine *e)
{
	return e->name;
}

const struct aead_stats *aead_engine_stats(const struct aead_engine *e)
{
	return &e->stats;
}

void aead_key_init(struct aead_key *k, enum aead_kind kind, const uint8_t *key)
{
	memset(k, 0, sizeof *k);
	memcpy(k->key, key, kind == AEAD_AES_128_GCM ? 16 : 32);
	k->kind = (uint8_t)kind;
	k->is_set = true;
	/* What a key that was here before may have left in the cache is not this one's. */
	k->slot = NO_SLOT;
}

static bool key_is_cached(const struct aead_engine *e, const struct aead_key *k)
{
	return k->is_set && k->slot < e->n_slots && e->slots[k->slot].owner == k;
}

void aead_key_wipe(struct aead_engine *e, struct aead_key *k)
{
	if (key_is_cached(e, k))
		slot_empty(e, k->slot);
	explicit_bzero(k, sizeof *k);
}

/* Second chance: the first slot not used since the hand came by last. Ends within two rounds. */
static unsigned slot_choose(struct aead_engine *e)
{
	for (;;) {
		unsigned i = e->hand;

		e->hand = i + 1 < e->n_slots ? i + 1 : 0;
		if (!e->slots[i].used)
			return i;
		e->slots[i].used = false;
	}
}

/* The expanded key, from the cache or made now; NULL: the backend failed. */
static void *key_expand(struct aead_engine *e, struct aead_key *k)
{
	void *expanded;
	unsigned i;

	if (key_is_cached(e, k)) {
		e->slots[k->slot].used = true;
		return e->expanded + k->slot * e->slot_size;
	}
	i = slot_choose(e);
	if (e->slots[i].owner != NULL) {
		slot_empty(e, i);
		e->stats.evictions++;
	}
	expanded = e->expanded + i * e->slot_size;
	e->stats.expansions++;
	if (e->ops->expand(e->state, expanded, k->kind, k->key) != 0) {
		e->ops->wipe(expanded);
		return NULL;
	}
	/* Not marked as used yet: keys seen once must not push out those in steady use. */
	e->slots[i] = (struct slot){ .owner = k };
	k->slot = (uint16_t)i;
	return expanded;
}

/* ChaCha20-Poly1305 works from the key itself. 0, or -1: the backend failed. */
static int key_ready(struct aead_engine *e, struct aead_key *k, void **expanded)
{
	assert(k->is_set); /* never initialised, or wiped */
	*expanded = NULL;
	if (k->kind != AEAD_CHACHA20_POLY1305)
		*expanded = key_expand(e, k);
	return *expanded != NULL || k->kind == AEAD_CHACHA20_POLY1305 ? 0 : -1;
}

static int start(struct aead_engine *e, struct aead_key *k, const uint8_t *iv, const uint8_t *aad,
    size_t aad_len, bool seal)
{
	void *expanded;

	if (key_ready(e, k, &expanded) != 0)
		return -1;
	e->failed = false;
	return e->ops->start(e->state, k->kind, expanded, k->key, iv, aad, aad_len, seal);
}

int aead_start_seal(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len)
{
	return start(e, k, iv, aad, aad_len, true);
}

int aead_start_open(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len)
{
	return start(e, k, iv, aad, aad_len, false);
}

/* Both lists are walked in the runs that are contiguous in both. */
static void update(struct aead_engine *e, struct view *in, struct view *out, size_t len)
{
	while (len > 0) {
		size_t from = view_run(in), to = view_run(out);
		size_t run = from < to ? from : to;

		if (run > len)
			run = len;
		if (run == 0 || e->ops->update(e->state, view_at(out), view_at(in), run) != 0) {
			e->failed = true;
			return;
		}
		in->skip += run;
		out->skip += run;
		len -= run;
	}
}

void aead_encrypt(struct aead_engine *e, struct view *in, struct view *out, size_t len)
{
	update(e, in, out, len);
}

void aead_decrypt(struct aead_engine *e, struct view *in, struct view *out, size_t len)
{
	update(e, in, out, len);
}

int aead_finish_seal(struct aead_engine *e, uint8_t tag[AEAD_TAG])
{
	return e->failed ? -1 : e->ops->finish_seal(e->state, tag);
}

int aead_finish_open(struct aead_engine *e, const uint8_t tag[AEAD_TAG])
{
	return e->failed ? -1 : e->ops->finish_open(e->state, tag);
}

int aead_seal_once(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
    uint8_t tag[AEAD_TAG])
{
	struct aead_call call = { .kind = k->kind,
		.key = k->key,
		.iv = iv,
		.aad = aad,
		.aad_len = aad_len,
		.in = in,
		.out = out,
		.len = len };

	if (len > AEAD_MAX_BYTES || key_ready(e, k, &call.expanded) != 0)
		return -1;
	return e->ops->seal(e->state, &call, tag);
}

int aead_open_once(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
    const uint8_t tag[AEAD_TAG])
{
	struct aead_call call = { .kind = k->kind,
		.key = k->key,
		.iv = iv,
		.aad = aad,
		.aad_len = aad_len,
		.in = in,
		.out = out,
		.len = len };

	if (len > AEAD_MAX_BYTES || key_ready(e, k, &call.expanded) != 0)
		return -1;
	if (e->ops->open(e->state, &call, tag) == 0)
		return 0;
	explicit_bzero(out, len);
	return -1;
}

static bool lengths_fit(const struct view *in, const struct view *out, size_t len)
{
	return len <= AEAD_MAX_BYTES && view_left(in, len) == len && view_left(out, len) == len;
}

int aead_seal(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const struct iovec *in, unsigned n_in,
    const struct iovec *out, unsigned n_out, size_t len, uint8_t tag[AEAD_TAG])
{
	struct view from = view_of(in, n_in), to = view_of(out, n_out);

	if (!lengths_fit(&from, &to, len) || aead_start_seal(e, k, iv, aad, aad_len) != 0)
		return -1;
	aead_encrypt(e, &from, &to, len);
	return aead_finish_seal(e, tag);
}

int aead_open(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const struct iovec *in, unsigned n_in,
    const struct iovec *out, unsigned n_out, size_t len, const uint8_t tag[AEAD_TAG])
{
	struct view from = view_of(in, n_in), to = view_of(out, n_out), wipe = to;

	if (!lengths_fit(&from, &to, len) || aead_start_open(e, k, iv, aad, aad_len) != 0)
		return -1;
	aead_decrypt(e, &from, &to, len);
	if (aead_finish_open(e, tag) == 0)
		return 0;
	view_wipe(&wipe, len);
	return -1;
}
