/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

/* Memory that is given back all at once: everything a struct config points to. */
struct arena;

/* NULL when memory is short. The caller owns it. */
struct arena *arena_new(void);

/* Frees everything that came from a; NULL is fine. */
void arena_free(struct arena *a);

/* n zeroed objects of size bytes, aligned for any type; NULL when memory is short. */
void *arena_alloc(struct arena *a, size_t n, size_t size);

/* A copy of text; NULL when memory is short. */
const char *arena_string(struct arena *a, const char *text);
