/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/p256.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "tls/drbg.h"

#define LEN   P256_LEN
#define WORDS P256_WORDS

/* FIPS 186-4 D.1.2.3: the order of P-256's base point. */
const uint8_t p256_order[LEN] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9,
	0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };

struct modulus {
	uint64_t m[WORDS];
	uint64_t k0;        /* -1/m modulo 2^64 */
	uint64_t rr[WORDS]; /* R^2 modulo m, R = 2^256 */
};

static const struct modulus order = {
	{ 0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000 },
	0xccd1c8aaee00bc4f,
	{ 0x83244c95be79eea2, 0x4699799c49bd6fa6, 0x2845b2392b6bec59, 0x66e12d94f3d95620 },
};

static const struct modulus field = {
	{ 0xffffffffffffffff, 0x00000000ffffffff, 0x0000000000000000, 0xffffffff00000001 },
	0x0000000000000001,
	{ 0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd },
};

static const uint64_t one[WORDS] = { 1 };

/* to = from - m if that is not below zero, where carry stands before from. */
static void
reduce_once(uint64_t to[WORDS], const uint64_t from[WORDS], uint64_t carry, const struct modulus *m)
{
	uint64_t less[WORDS], borrow = 0, keep;

	for (unsigned i = 0; i < WORDS; i++) {
		unsigned __int128 v = (unsigned __int128)from[i] - m->m[i] - borrow;

		less[i] = (uint64_t)v;
		borrow = (uint64_t)(v >> 64) & 1;
	}
	keep = -(uint64_t)(carry < borrow); /* all ones: from is below m */
	for (unsigned i = 0; i < WORDS; i++)
		to[i] = (from[i] & keep) | (less[i] & ~keep);
}

/* to = a b / R mod m, for a b < m R (Montgomery 1985; Koç, Acar, Kaliski 1996: CIOS). */
static void
mul(uint64_t to[WORDS], const uint64_t a[WORDS], const uint64_t b[WORDS], const struct modulus *m)
{
	uint64_t t[WORDS + 2] = { 0 };

	for (unsigned i = 0; i < WORDS; i++) {
		unsigned __int128 v = 0;
		uint64_t q;

#pragma GCC unroll 4
		for (unsigned j = 0; j < WORDS; j++) {
			v = (unsigned __int128)a[j] * b[i] + t[j] + (uint64_t)(v >> 64);
			t[j] = (uint64_t)v;
		}
		v = (unsigned __int128)t[WORDS] + (uint64_t)(v >> 64);
		t[WORDS] = (uint64_t)v;
		t[WORDS + 1] = (uint64_t)(v >> 64);

		q = t[0] * m->k0;
		v = (unsigned __int128)q * m->m[0] + t[0];
#pragma GCC unroll 4
		for (unsigned j = 1; j < WORDS; j++) {
			v = (unsigned __int128)q * m->m[j] + t[j] + (uint64_t)(v >> 64);
			t[j - 1] = (uint64_t)v;
		}
		v = (unsigned __int128)t[WORDS] + (uint64_t)(v >> 64);
		t[WORDS - 1] = (uint64_t)v;
		t[WORDS] = t[WORDS + 1] + (uint64_t)(v >> 64);
	}
	reduce_once(to, t, t[WORDS], m);
	explicit_bzero(t, sizeof(t));
}

static void
add(uint64_t to[WORDS], const uint64_t a[WORDS], const uint64_t b[WORDS], const struct modulus *m)
{
	uint64_t sum[WORDS], carry = 0;

	for (unsigned i = 0; i < WORDS; i++) {
		unsigned __int128 v = (unsigned __int128)a[i] + b[i] + carry;

		sum[i] = (uint64_t)v;
		carry = (uint64_t)(v >> 64);
	}
	reduce_once(to, sum, carry, m);
	explicit_bzero(sum, sizeof(sum));
}

static bool is_equal(const uint64_t a[WORDS], const uint64_t b[WORDS])
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < WORDS; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* --- scalars --- */

bool p256_scalar_is_good(const uint8_t k[LEN])
{
	uint32_t borrow = 0, any = 0;

	for (int i = LEN - 1; i >= 0; i--) {
		borrow = ((uint32_t)k[i] - p256_order[i] - borrow) >> 31;
		any |= k[i];
	}
	return borrow == 1 && any != 0;
}

void p256_scalar_draw(struct drbg *drbg, uint8_t k[LEN])
{
	do
		drbg_read(drbg, k, LEN);
	while (!p256_scalar_is_good(k));
}

bool p256_nonce_draw(
    struct drbg *drbg, const uint8_t key[LEN], const uint8_t message[LEN], uint8_t k[LEN])
{
	wc_Sha256 sha;
	int bad;

	do {
		uint8_t fresh[LEN];

		drbg_read(drbg, fresh, LEN);
		bad = wc_InitSha256_ex(&sha, NULL, INVALID_DEVID);
		bad |= wc_Sha256Update(&sha, key, LEN);
		bad |= wc_Sha256Update(&sha, fresh, LEN);
		bad |= wc_Sha256Update(&sha, message, LEN);
		bad |= wc_Sha256Final(&sha, k);
		wc_Sha256Free(&sha);
		explicit_bzero(fresh, LEN);
	} while (bad == 0 && !p256_scalar_is_good(k));
	explicit_bzero(&sha, sizeof(sha));
	return bad == 0;
}

void p256_message(uint8_t message[LEN], const uint8_t *hash, size_t len)
{
	memset(message, 0, LEN);
	if (len >= LEN)
		memcpy(message, hash, LEN);
	else
		memcpy(message + LEN - len, hash, len);
}

void p256_scalar_negate(uint64_t to[WORDS], const uint64_t k[WORDS])
{
	uint64_t borrow = 0;

	for (unsigned i = 0; i < WORDS; i++) {
		unsigned __int128 v = (unsigned __int128)order.m[i] - k[i] - borrow;

		to[i] = (uint64_t)v;
		borrow = (uint64_t)(v >> 64) & 1;
	}
}

/* --- signatures --- */

/* to = (e + r d) / R */
static void right_side(
    uint64_t to[WORDS], const uint64_t r[WORDS], const uint64_t e[WORDS], const uint64_t d[WORDS])
{
	uint64_t rd[WORDS], e_by_r[WORDS];

	mul(rd, r, d, &order);
	mul(e_by_r, e, one, &order);
	add(to, rd, e_by_r, &order);
	explicit_bzero(rd, sizeof(rd));
}

bool p256_equation_holds(const uint64_t r[WORDS], const uint64_t s[WORDS], const uint64_t e[WORDS],
    const uint64_t d[WORDS], const uint64_t k[WORDS])
{
	uint64_t left[WORDS], right[WORDS];
	bool holds;

	mul(left, s, k, &order);
	right_side(right, r, e, d);
	holds = is_equal(left, right);
	explicit_bzero(left, sizeof(left));
	explicit_bzero(right, sizeof(right));
	return holds;
}

void p256_nonce_of(uint64_t k[WORDS], const uint64_t r[WORDS], const uint64_t s_inverse[WORDS],
    const uint64_t e[WORDS], const uint64_t d[WORDS])
{
	uint64_t sum[WORDS];

	right_side(sum, r, e, d);
	mul(sum, sum, order.rr, &order);
	mul(sum, sum, order.rr, &order);
	mul(k, sum, s_inverse, &order);
	explicit_bzero(sum, sizeof(sum));
}

bool p256_is_x_of(const uint64_t r[WORDS], const uint64_t x[WORDS], const uint64_t z[WORDS])
{
	static const uint64_t zero[WORDS];
	uint64_t left[WORDS], right[WORDS];
	bool is;

	/* x / R^2 = r z z / R^2 */
	mul(left, x, one, &field);
	mul(left, left, one, &field);
	mul(right, z, z, &field);
	is = !is_equal(right, zero);
	mul(right, right, r, &field);
	is = is_equal(left, right) && is;
	explicit_bzero(left, sizeof(left));
	explicit_bzero(right, sizeof(right));
	return is;
}
