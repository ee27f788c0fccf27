/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Memory for private keys: locked against swapping, left out of core dumps, wiped when it is given back.
 * Small blocks share pages, so that 100,000 keys do not need 100,000 mappings. For the
 * control thread only: it is not safe for several threads.
 */

/* Zeroed memory of len bytes, or NULL. */
void *secret_alloc(size_t len);

/* Wipes and gives back what secret_alloc(len) returned; NULL is fine. */
void secret_free(void *at, size_t len);

/* Wipes in a way the compiler may not remove. */
void secret_wipe(void *at, size_t len);

/*
 * Whether all of it could be locked so far. It is used all the same when not (RLIMIT_MEMLOCK
 * too small): the operator is to be told.
 */
bool secret_is_locked(void);
