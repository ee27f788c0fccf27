/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Objects of one size out of one block. Objects that were never used stay untouched, so that
 * their pages cost no memory until there is need; those given back are used first. A link is kept
 * in the first four bytes of a free object.
 */
struct pool {
	uint8_t *base; /* borrowed */
	uint32_t object_size;
	uint32_t n_objects;
	uint32_t n_touched; /* objects [0, n_touched) were used at least once */
	uint32_t n_used;
	uint32_t free_head; /* index + 1; 0: none */
};

/* base: n objects of size bytes (>= 4), zeroed, aligned as the caller needs them. */
static inline void pool_init(struct pool *p, void *base, uint32_t size, uint32_t n)
{
	p->base = base;
	p->object_size = size;
	p->n_objects = n;
	p->n_touched = 0;
	p->n_used = 0;
	p->free_head = 0;
}

static inline void *pool_at(const struct pool *p, uint32_t index)
{
	return p->base + (size_t)index * p->object_size;
}

static inline uint32_t pool_index(const struct pool *p, const void *object)
{
	return (uint32_t)((size_t)((const uint8_t *)object - p->base) / p->object_size);
}

static inline bool pool_is_empty(const struct pool *p)
{
	return p->n_used == p->n_objects;
}

/* NULL when all are in use. The object's bytes are undefined. */
static inline void *pool_get(struct pool *p)
{
	uint32_t *object;

	if (p->free_head) {
		object = pool_at(p, p->free_head - 1);
		p->free_head = *object;
	} else if (p->n_touched < p->n_objects) {
		object = pool_at(p, p->n_touched++);
	} else {
		return NULL;
	}
	p->n_used++;
	return object;
}

static inline void pool_put(struct pool *p, void *object)
{
	*(uint32_t *)object = p->free_head;
	p->free_head = pool_index(p, object) + 1;
	p->n_used--;
}
