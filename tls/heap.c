/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/heap.h"

#include <assert.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/memory.h>

#include "tls/heap_class.h"

/*
 * AddressSanitizer must see each block by itself: then all of it is the C library's, and only counted
 * here.
 */
#if defined(__SANITIZE_ADDRESS__)
#define COUNT_ONLY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNT_ONLY 1
#endif
#endif
#ifndef COUNT_ONLY
#define COUNT_ONLY 0
#endif

#define CHUNK    ((size_t)1 << 20)
#define SLAB     ((size_t)1 << 16) /* holds blocks of one size */
#define N_SLABS  (CHUNK / SLAB)
#define N_CHUNKS 16384 /* 16 GB of addresses, for all workers together */

struct block {
	struct block *next;
};

/* The first slab of a chunk begins with this; the rest of that slab is not used. */
struct chunk {
	struct heap *owner;
	struct chunk *next;
	uint8_t class_of[N_SLABS];
};

struct heap {
	struct block *spare[HEAP_N_CLASSES];
	struct {
		uint8_t *at, *end;
	} fresh[HEAP_N_CLASSES]; /* what was never handed out of the newest slab */
	struct chunk *chunks;    /* newest first */
	unsigned n_slabs_used;   /* of the newest */
	uint64_t bytes;

	/* Other threads write it. */
	_Alignas(64) _Atomic(struct block *) returned;
};

/* Chunks are handed out and taken back under the lock: once per megabyte, by threads that start or grow. */
static struct {
	uint8_t *base;
	unsigned n_used; /* chunks below were handed out at least once */
	struct chunk_slot {
		unsigned next; /* index + 1 of the next free one */
	} slots[N_CHUNKS];
	unsigned spare; /* index + 1 */
	pthread_mutex_t lock;
} range = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local struct heap *here;

int heap_global_init(void)
{
	if (!COUNT_ONLY && range.base == NULL) {
		/* Twice aligned: the low bits of a pointer lead to its chunk. */
		uint8_t *map = mmap(NULL, (N_CHUNKS + 1) * CHUNK, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		/* Without addresses (a limit on them) everything is the C library's. */
		if (map != MAP_FAILED)
			range.base = (uint8_t *)(((uintptr_t)map + CHUNK - 1) & ~(CHUNK - 1));
	}
	return wolfSSL_SetAllocators(heap_malloc, heap_release, heap_realloc) == 0 ? 0 : -1;
}

void heap_global_fini(void)
{
	/* The range stays: a stray block may still point into it. */
	wolfSSL_SetAllocators(malloc, free, realloc);
}

struct heap *heap_new(void)
{
	struct heap *h = aligned_alloc(64, (sizeof(*h) + 63) & ~(size_t)63);

	if (h != NULL)
		memset(h, 0, sizeof(*h));
	return h;
}

static struct chunk *chunk_get(struct heap *h)
{
	struct chunk *c = NULL;
	unsigned index;

	if (range.base == NULL)
		return NULL;
	pthread_mutex_lock(&range.lock);
	index = range.spare;
	if (index != 0)
		range.spare = range.slots[index - 1].next;
	else if (range.n_used < N_CHUNKS)
		index = ++range.n_used;
	pthread_mutex_unlock(&range.lock);
	if (index == 0)
		return NULL;
	c = (struct chunk *)(range.base + (index - 1) * CHUNK);
	if (mprotect(c, CHUNK, PROT_READ | PROT_WRITE) != 0) {
		pthread_mutex_lock(&range.lock);
		range.slots[index - 1].next = range.spare;
		range.spare = index;
		pthread_mutex_unlock(&range.lock);
		return NULL;
	}
	c->owner = h;
	return c;
}

/* Its memory goes back to the kernel, and a late access faults. */
static void chunk_put(struct chunk *c)
{
	unsigned index = (unsigned)(((uint8_t *)c - range.base) / CHUNK) + 1;

	madvise(c, CHUNK, MADV_DONTNEED);
	mprotect(c, CHUNK, PROT_NONE);
	pthread_mutex_lock(&range.lock);
	range.slots[index - 1].next = range.spare;
	range.spare = index;
	pthread_mutex_unlock(&range.lock);
}

static bool in_range(const void *p)
{
	return range.base != NULL &&
	    (uintptr_t)p - (uintptr_t)range.base < (uintptr_t)N_CHUNKS * CHUNK;
}

static struct chunk *chunk_of(const void *p)
{
	return (struct chunk *)((uintptr_t)p & ~(CHUNK - 1));
}

static unsigned class_of(const void *p)
{
	const struct chunk *c = chunk_of(p);

	return c->class_of[((uintptr_t)p & (CHUNK - 1)) / SLAB];
}

static void push(struct heap *h, void *p)
{
	struct block *b = p;
	unsigned class = class_of(p);

	b->next = h->spare[class];
	h->spare[class] = b;
	h->bytes -= heap_class_size(class);
}

/* Blocks that other threads freed. */
static void collect(struct heap *h)
{
	struct block *b = atomic_exchange_explicit(&h->returned, NULL, memory_order_acquire);

	while (b != NULL) {
		struct block *next = b->next;

		push(h, b);
		b = next;
	}
}

void heap_free(struct heap *h)
{
	if (h == NULL)
		return;
	collect(h);
	assert(h->bytes == 0);
	while (h->chunks != NULL) {
		struct chunk *next = h->chunks->next;

		chunk_put(h->chunks);
		h->chunks = next;
	}
	free(h);
}

void heap_enter(struct heap *h)
{
	here = h;
}

uint64_t heap_bytes(const struct heap *h)
{
	return h->bytes;
}

/* Another slab for class. False: no memory. */
static bool grow(struct heap *h, unsigned class)
{
	uint8_t *slab;

	if (h->chunks == NULL || h->n_slabs_used == N_SLABS) {
		struct chunk *c = chunk_get(h);

		if (c == NULL)
			return false;
		c->next = h->chunks;
		h->chunks = c;
		h->n_slabs_used = 1;
	}
	slab = (uint8_t *)h->chunks + h->n_slabs_used * SLAB;
	h->chunks->class_of[h->n_slabs_used++] = (uint8_t) class;
	h->fresh[class].at = slab;
	h->fresh[class].end = slab + SLAB / heap_class_size(class) * heap_class_size(class);
	return true;
}

static void *take(struct heap *h, unsigned class)
{
	struct block *b = h->spare[class];
	uint8_t *p;

	if (b == NULL && atomic_load_explicit(&h->returned, memory_order_relaxed) != NULL) {
		collect(h);
		b = h->spare[class];
	}
	if (b != NULL) {
		h->spare[class] = b->next;
		h->bytes += heap_class_size(class);
		return b;
	}
	if (h->fresh[class].at == h->fresh[class].end && !grow(h, class))
		return NULL;
	p = h->fresh[class].at;
	h->fresh[class].at += heap_class_size(class);
	h->bytes += heap_class_size(class);
	return p;
}

void *heap_malloc(size_t size)
{
	struct heap *h = here;
	void *p;

	if (COUNT_ONLY) {
		p = malloc(size);
		if (h != NULL && p != NULL)
			h->bytes += malloc_usable_size(p);
		return p;
	}
	if (h == NULL || size > HEAP_LARGEST)
		return malloc(size);
	p = take(h, heap_class(size));
	return p != NULL ? p : malloc(size);
}

void heap_release(void *p)
{
	struct heap *owner;
	struct block *b = p;

	if (!in_range(p)) {
		if (COUNT_ONLY && here != NULL && p != NULL)
			here->bytes -= malloc_usable_size(p);
		free(p);
		return;
	}
	owner = chunk_of(p)->owner;
	if (owner == here) {
		push(owner, p);
		return;
	}
	b->next = atomic_load_explicit(&owner->returned, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
	    &owner->returned, &b->next, b, memory_order_release, memory_order_relaxed))
		;
}

void *heap_realloc(void *p, size_t size)
{
	size_t before;
	void *q;

	if (p == NULL)
		return heap_malloc(size);
	if (!in_range(p)) {
		if (COUNT_ONLY && here != NULL)
			here->bytes -= malloc_usable_size(p);
		q = realloc(p, size);
		if (COUNT_ONLY && here != NULL)
			here->bytes += malloc_usable_size(q != NULL ? q : p);
		return q;
	}
	before = heap_class_size(class_of(p));
	if (size <= before && size <= HEAP_LARGEST && heap_class(size) == class_of(p))
		return p;
	q = heap_malloc(size);
	if (q == NULL)
		return NULL;
	memcpy(q, p, size < before ? size : before);
	heap_release(p);
	return q;
}
