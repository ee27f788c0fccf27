/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tls/pkey_batch_ifma.h"

/*
 * Eight modular exponentiations side by side with secret exponents, a few windows of them at a time, so that a worker
 * gets to its packets in between. The way is crypto_mb's own (ifma_exp52x20_mb8.c and its like), in constant time.
 */

#define MB_EXP_DIGITS 40 /* at most: moduli of 2,048 bits */
#define MB_EXP_WORDS  32
#define MB_EXP_TABLE  32 /* powers of the base */

/* Arithmetic of one size of modulus. */
struct mb_size {
	unsigned bits, digits;
	unsigned window; /* bits of the exponent taken at a time */
	void (*mul)(struct mb_row *out, const struct mb_row *a, const struct mb_row *b,
	    const struct mb_row *m, const struct mb_row *k0);
	void (*sqr)(struct mb_row *out, const struct mb_row *a, const struct mb_row *m,
	    const struct mb_row *k0);
	void (*reduce)(struct mb_row *res, const struct mb_row *a, const struct mb_row *m,
	    const struct mb_row *k0);
	void (*sub)(struct mb_row *res, const struct mb_row *a, const struct mb_row *b,
	    const struct mb_row *m);
	void (*mul_add)(struct mb_row *res, const struct mb_row *a, const struct mb_row *b);
};

/* Of moduli of that many bits: 1024, 1536 or 2048. */
const struct mb_size *mb_size_of(unsigned bits);

struct mb_exp {
	const struct mb_size *size;
	int at; /* the exponent's bits below it are still to come */
	struct mb_row k0, m[MB_EXP_DIGITS], rr[MB_EXP_DIGITS], y[MB_EXP_DIGITS];
	struct mb_row exponent[MB_EXP_WORDS + 1];
	struct mb_row table[MB_EXP_TABLE * MB_EXP_DIGITS];
};

/*
 * Begins base^exponent mod m; base has twice the digits. m: odd, with their highest bit set; m and exponents are words, least
 * first. k0, m and rr stay as they are until the next beginning.
 */
void mb_exp_begin(struct mb_exp *e, const struct mb_size *size, const uint64_t *const m[PKEY_LANES],
    const uint64_t *const exponent[PKEY_LANES], const struct mb_row *base);

/* At most n windows more; true: that was the last one. */
bool mb_exp_step(struct mb_exp *e, unsigned n);

/* The results, after the last step; below m. */
void mb_exp_end(struct mb_exp *e, struct mb_row *out);
