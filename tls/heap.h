/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * wolfSSL's memory, one heap per worker (tls.md 5): its allocator callbacks are global, so they serve the heap of
 * the thread that calls. Free lists by size, no lock and no system call once warm. A block may be
 * freed by any thread: one that is not the owner hands it back through an atomic list.
 */
struct heap;

/* Installs the callbacks; before anything else uses wolfSSL. 0 or -1. */
int heap_global_init(void);
void heap_global_fini(void);

struct heap *heap_new(void); /* NULL: no memory */

/* Every block must have been freed. NULL is fine. */
void heap_free(struct heap *a);

/* From now on wolfSSL on this thread allocates from a; NULL: from the C library. */
void heap_enter(struct heap *a);

/* Bytes in blocks that are allocated now (rounded up to their sizes). */
uint64_t heap_bytes(const struct heap *a);

/* Allocations ever. */
uint64_t heap_calls(const struct heap *a);
