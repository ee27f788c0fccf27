/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * ECDSA with P-256 (FIPS 186-5 6.4, SP 800-186 3.2.1.3): nonces, and what shows that a signature is right before it is sent.
 * Scalars are four words, least first, or 32 bytes, greatest first. Nothing here branches on a secret or is indexed by one.
 */
struct drbg;

#define P256_LEN   32
#define P256_WORDS 4

extern const uint8_t p256_order[P256_LEN];

/* Whether 0 < k < order. Only the verdict shows. */
bool p256_scalar_is_good(const uint8_t k[P256_LEN]);

/* A secret scalar, evenly distributed (FIPS 186-5 A.2.2: testing candidates). */
void p256_scalar_draw(struct drbg *drbg, uint8_t k[P256_LEN]);

/*
 * The nonce of a signature by key of message. It is random, and hashed together with both, so that a generator
 * that repeats itself (a virtual machine resumed twice) does not give the key away
 * (after RFC 6979 3.6, without its rounds of HMAC). False: wolfCrypt's hash failed.
 */
bool p256_nonce_draw(struct drbg *drbg, const uint8_t key[P256_LEN],
    const uint8_t message[P256_LEN], uint8_t k[P256_LEN]);

/* The leftmost bits of a hash of len bytes (FIPS 186-5 6.4.1); a shorter one has zeros before it. */
void p256_message(uint8_t message[P256_LEN], const uint8_t *hash, size_t len);

/* to = order - k, for 0 < k < order. */
void p256_scalar_negate(uint64_t to[P256_WORDS], const uint64_t k[P256_WORDS]);

/* Whether s k = e + r d modulo the order: 0 < r, s, k, d < order, any e. */
bool p256_equation_holds(const uint64_t r[P256_WORDS], const uint64_t s[P256_WORDS],
    const uint64_t e[P256_WORDS], const uint64_t d[P256_WORDS], const uint64_t k[P256_WORDS]);

/* The k for which that equation holds, from s^-1 modulo the order, which is public as s is. */
void p256_nonce_of(uint64_t k[P256_WORDS], const uint64_t r[P256_WORDS],
    const uint64_t s_inverse[P256_WORDS], const uint64_t e[P256_WORDS],
    const uint64_t d[P256_WORDS]);

/*
 * Whether the point with Jacobian coordinates (x, ., z), z not 0, has r for its affine x: then r is that of a
 * signature with this point. (An x from the order on, one in 2^128, is refused, too: then r is less by the order.)
 */
bool p256_is_x_of(
    const uint64_t r[P256_WORDS], const uint64_t x[P256_WORDS], const uint64_t z[P256_WORDS]);
