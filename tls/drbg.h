/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * One worker's random generator: ChaCha20 with fast key erasure (Bernstein, "Fast-key-erasure
 * random-number generators", 2017): what was handed out cannot be computed again from the state. Seeded
 * from the kernel at the start and again every mebibyte. Not for two threads.
 */
struct drbg;

struct drbg *drbg_new(void);    /* NULL: no memory, or the kernel gives no randomness */
void drbg_free(struct drbg *d); /* wipes; NULL is fine */

void drbg_read(struct drbg *d, uint8_t *out, size_t len);
