/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64 * 1024)

struct chunk {
	struct chunk *next;
	size_t used, size;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct chunk *chunks; /* the first one is being filled */
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	while (a->chunks) {
		struct chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	free(a);
}

static struct chunk *chunk_new(struct arena *a, size_t bytes)
{
	size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		return NULL;
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct chunk *c = a->chunks;
	size_t bytes;
	void *at;

	if (size && n > (SIZE_MAX / 2 - align) / size)
		return NULL;
	bytes = (n * size + align - 1) / align * align;
	if (!c || c->size - c->used < bytes)
		c = chunk_new(a, bytes);
	if (!c)
		return NULL;
	at = c->data + c->used;
	c->used += bytes;
	return at;
}

const char *arena_string(struct arena *a, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = arena_alloc(a, 1, size);

	return copy ? memcpy(copy, text, size) : NULL;
}
