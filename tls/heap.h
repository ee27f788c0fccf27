/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * wolfSSL's memory, one heap per worker (tls.md 5). Its allocator callbacks are global, so they serve the
 * heap of the thread that calls: free lists by size, no lock and no system call once warm. Threads
 * without a heap, and blocks over HEAP_LARGEST, get the C library's. A block may be freed by any
 * thread: one that does not own it hands it back through an atomic list.
 *
 * Heaps live in one reserved range of addresses, so a pointer tells where it came from and blocks of
 * before heap_global_init are freed as they should be.
 */
struct heap;

#define HEAP_LARGEST 32768

/* Reserves the addresses and installs the callbacks. 0 or -1. */
int heap_global_init(void);

/* Gives the C library's functions back to wolfSSL. All heaps must be gone. */
void heap_global_fini(void);

struct heap *heap_new(void); /* NULL: no memory */

/* Every block must have been freed. NULL is fine. */
void heap_free(struct heap *h);

/* From now on wolfSSL on this thread allocates from h; NULL: from the C library. */
void heap_enter(struct heap *h);

/* Bytes in blocks that are allocated now, rounded up to their sizes. */
uint64_t heap_bytes(const struct heap *h);

/* What wolfSSL calls; for tests too. */
void *heap_malloc(size_t size);
void *heap_realloc(void *p, size_t size);
void heap_release(void *p);
