/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/secret.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Chunks of CHUNK bytes, aligned to their size so that a block's chunk is found by its address;
 * each holds blocks of one size. A chunk with no block in use goes back to the system, unless it
 * is the last one open for its size.
 */
#define CHUNK ((size_t)64 * 1024)
#define HEAD  64 /* of a chunk, keeps the blocks aligned */

static const uint16_t sizes[] = { 64, 128, 192, 256, 384, 512, 768, 1024, 1280, 1536, 1792, 2048,
	2432, 3072, 4096, 8192, 16384 };
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct block {
	struct block *next;
};

struct chunk {
	struct chunk *next, *prev; /* in the list of chunks with a free block */
	struct block *free;
	uint32_t n_used;
	uint32_t fresh; /* offset of the first block never used */
};

static_assert(sizeof(struct chunk) <= HEAD, "the head fits before the blocks");

static struct chunk *open_chunks[N_SIZES];
static bool lock_failed;

void secret_wipe(void *at, size_t len)
{
	explicit_bzero(at, len);
}

bool secret_is_locked(void)
{
	return !lock_failed;
}

/* A mapping of len bytes aligned to align (a power of two). */
static void *map_aligned(size_t len, size_t align)
{
	uint8_t *at =
	    mmap(NULL, len + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (at == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)at & (align - 1);
	if (before > 0)
		munmap(at, before);
	if (align > before)
		munmap(at + before + len, align - before);
	at += before;
	madvise(at, len, MADV_DONTDUMP);
	if (mlock(at, len) != 0)
		lock_failed = true;
	return at;
}

static int size_class(size_t len)
{
	for (unsigned i = 0; i < N_SIZES; i++)
		if (len <= sizes[i])
			return (int)i;
	return -1;
}

static size_t round_to_page(size_t len)
{
	return (len + 4095) & ~(size_t)4095;
}

static void chunk_link(struct chunk *c, unsigned class)
{
	c->prev = NULL;
	c->next = open_chunks[class];
	if (c->next)
		c->next->prev = c;
	open_chunks[class] = c;
}

static void chunk_unlink(struct chunk *c, unsigned class)
{
	if (c->next)
		c->next->prev = c->prev;
	if (c->prev)
		c->prev->next = c->next;
	else
		open_chunks[class] = c->next;
}

static bool chunk_is_full(const struct chunk *c, unsigned class)
{
	return !c->free && c->fresh + sizes[class] > CHUNK;
}

void *secret_alloc(size_t len)
{
	int class = size_class(len);
	struct chunk *c;
	void *at;

	if (len > SIZE_MAX / 2)
		return NULL;
	if (class < 0)
		return map_aligned(round_to_page(len), 4096);
	c = open_chunks[class];
	if (!c) {
		c = map_aligned(CHUNK, CHUNK);
		if (!c)
			return NULL;
		c->fresh = HEAD;
		chunk_link(c, (unsigned)class);
	}
	if (c->free) {
		at = c->free;
		c->free = c->free->next;
		memset(at, 0, sizeof(struct block));
	} else {
		at = (uint8_t *)c + c->fresh;
		c->fresh += sizes[class];
	}
	c->n_used++;
	if (chunk_is_full(c, (unsigned)class))
		chunk_unlink(c, (unsigned)class);
	return at;
}

void secret_free(void *at, size_t len)
{
	int class = size_class(len);
	struct chunk *c;
	struct block *b = at;

	if (!at)
		return;
	secret_wipe(at, len);
	if (class < 0) {
		munmap(at, round_to_page(len));
		return;
	}
	c = (struct chunk *)((uintptr_t)at & ~(uintptr_t)(CHUNK - 1));
	if (chunk_is_full(c, (unsigned)class))
		chunk_link(c, (unsigned)class);
	b->next = c->free;
	c->free = b;
	if (--c->n_used == 0 && (c->next || c->prev)) {
		chunk_unlink(c, (unsigned)class);
		munmap(c, CHUNK);
	}
}
