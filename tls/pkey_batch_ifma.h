/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "tls/pkey.h"

/*
 * Inner functions of crypto_mb 2021.12.1, which scripts/setup pins by its hash and links statically: its public interface
 * has no exponentiation that stops in between. Eight numbers side by side: row i holds digit i of each, 52 bits in
 * 64 (sources/ippcp/crypto_mb/include/internal/rsa/ifma_rsa_arith.h). Names and order of arguments are
 * theirs; 20, 30 and 40 digits are for moduli of 1,024, 1,536 and 2,048 bits.
 */
struct mb_row {
	uint64_t lane[PKEY_LANES];
} __attribute__((aligned(64)));

/* out = a b / R mod m, almost: below 2m or so, with R = 2^(52 digits). k0 = -1/m mod 2^52. */
void ifma_amm52x20_mb8(struct mb_row *out, const struct mb_row *a, const struct mb_row *b,
    const struct mb_row *m, const struct mb_row *k0);
void ifma_amm52x30_mb8(struct mb_row *out, const struct mb_row *a, const struct mb_row *b,
    const struct mb_row *m, const struct mb_row *k0);
void ifma_amm52x40_mb8(struct mb_row *out, const struct mb_row *a, const struct mb_row *b,
    const struct mb_row *m, const struct mb_row *k0);

/* The same of a with itself. */
void AMS52x20_diagonal_mb8(
    struct mb_row *out, const struct mb_row *a, const struct mb_row *m, const struct mb_row *k0);
void AMS52x30_diagonal_mb8(
    struct mb_row *out, const struct mb_row *a, const struct mb_row *m, const struct mb_row *k0);
void AMS52x40_diagonal_mb8(
    struct mb_row *out, const struct mb_row *a, const struct mb_row *m, const struct mb_row *k0);

/*
 * For 20 digits: half of a reduction, which makes bx of b; a b from b and bx; and four squarings while b and bx are taken from
 * their tables of 16 by index, in constant time.
 */
void ifma_ahmr52x20_mb8(
    struct mb_row *bx, const struct mb_row *b, const struct mb_row *m, const struct mb_row *k0);
void ifma_ahmm52x20_mb8(struct mb_row *out, const struct mb_row *a, const struct mb_row *b,
    const struct mb_row *bx, const struct mb_row *m, const struct mb_row *k0);
void AMS4x52x20_diagonal_stitched_with_extract_mb8(struct mb_row *out, struct mb_row *b,
    struct mb_row *bx, const struct mb_row *a, const struct mb_row *m, const struct mb_row *k0,
    const struct mb_row *table, const struct mb_row *table_x, const struct mb_row *index);

/* res = a / R mod m, a having twice the digits. */
void ifma_amred52x20_mb8(
    struct mb_row *res, const struct mb_row *a, const struct mb_row *m, const struct mb_row *k0);
void ifma_amred52x30_mb8(
    struct mb_row *res, const struct mb_row *a, const struct mb_row *m, const struct mb_row *k0);
void ifma_amred52x40_mb8(
    struct mb_row *res, const struct mb_row *a, const struct mb_row *m, const struct mb_row *k0);

/* res = a - b mod m. */
void ifma_modsub52x20_mb8(
    struct mb_row *res, const struct mb_row *a, const struct mb_row *b, const struct mb_row *m);
void ifma_modsub52x30_mb8(
    struct mb_row *res, const struct mb_row *a, const struct mb_row *b, const struct mb_row *m);
void ifma_modsub52x40_mb8(
    struct mb_row *res, const struct mb_row *a, const struct mb_row *b, const struct mb_row *m);

/* res += a b, res having twice the digits. */
void ifma_addmul52x20_mb8(struct mb_row *res, const struct mb_row *a, const struct mb_row *b);
void ifma_addmul52x30_mb8(struct mb_row *res, const struct mb_row *a, const struct mb_row *b);
void ifma_addmul52x40_mb8(struct mb_row *res, const struct mb_row *a, const struct mb_row *b);

/* k0 and R^2 mod m of odd moduli m. */
void ifma_montFactor52_mb8(struct mb_row *k0, const struct mb_row *m);
void ifma_montRR52x_mb8(struct mb_row *rr, struct mb_row *m, int bits);

/* From and to 64-bit words, least first, and bytes, greatest first; transposed only: words stay words of 64 bits. */
uint8_t ifma_BNU_to_mb8(struct mb_row *out, const uint64_t *const words[PKEY_LANES], int bits);
uint8_t
ifma_BNU_transpose_copy(struct mb_row *out, const uint64_t *const words[PKEY_LANES], int bits);
uint8_t ifma_HexStr8_to_mb8(struct mb_row *out, const uint8_t *const bytes[PKEY_LANES], int bits);
uint8_t ifma_mb8_to_HexStr8(uint8_t *const bytes[PKEY_LANES], const struct mb_row *in, int bits);

/* --- multiples of the base point of Ed25519's curve (sources/ippcp/crypto_mb/include/internal/ed25519) --- */

/* An element of the field modulo 2^255 - 19: five digits of 52 bits, below 2^255. */
#define MB_25519_DIGITS 5

struct mb_point_25519 { /* x = X/Z, y = Y/Z, XY = ZT */
	struct mb_row x[MB_25519_DIGITS], y[MB_25519_DIGITS], t[MB_25519_DIGITS],
	    z[MB_25519_DIGITS];
};

/* For scalars below 2^255, as words of 64 bits. Each digit's entry is taken from a table by looking at all of them. */
void ifma_ed25519_mul_basepoint(struct mb_point_25519 *out, const struct mb_row scalar[4]);

void fe52_mb_add_mod25519(struct mb_row *out, const struct mb_row *a, const struct mb_row *b);
void fe52_mb_sub_mod25519(struct mb_row *out, const struct mb_row *a, const struct mb_row *b);
void fe52_mb_mul_mod25519(struct mb_row *out, const struct mb_row *a, const struct mb_row *b);
void fe52_mb_inv_mod25519(struct mb_row *out, const struct mb_row *a); /* of 0: 0 */
void fe52mb8_red_p25519(struct mb_row *out, const struct mb_row *a);   /* to the end */
