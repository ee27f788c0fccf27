/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * P-256 signatures made for the corners of wolfCrypt's verification, OpenSSL doing the sums. What is signed and by whom
 * follows from what verification is to meet on its way: the inverse w of s, u1 and u2, and the point u1 G + u2 Q.
 */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/sp.h>

#include <cmocka.h>

static EC_GROUP *group;
static BN_CTX *bn;
static BIGNUM *order, *prime;

/* A signature over the hash h by the key q. All of it lives until the test ends (BN_CTX_end). */
struct made {
	EC_POINT *q;
	BIGNUM *h, *r, *s;
};

static void sure(int rc)
{
	assert_int_equal(rc, 1);
}

static BIGNUM *number(void)
{
	BIGNUM *n = BN_CTX_get(bn);

	assert_non_null(n);
	return n;
}

static BIGNUM *times(const BIGNUM *a, const BIGNUM *b)
{
	BIGNUM *n = number();

	sure(BN_mod_mul(n, a, b, order, bn));
	return n;
}

static BIGNUM *minus(const BIGNUM *a, const BIGNUM *b)
{
	BIGNUM *n = number();

	sure(BN_mod_sub(n, a, b, order, bn));
	return n;
}

static BIGNUM *inverse(const BIGNUM *a)
{
	BIGNUM *n = number();

	assert_non_null(BN_mod_inverse(n, a, order, bn));
	return n;
}

/* value + 2^bit, and less than nothing counts from the order. */
static BIGNUM *chosen(int bit, long value)
{
	BIGNUM *n = number();

	if (bit >= 0)
		sure(BN_set_bit(n, bit));
	sure(value < 0 ? BN_sub_word(n, (BN_ULONG)-value) : BN_add_word(n, (BN_ULONG)value));
	sure(BN_nnmod(n, n, order, bn));
	return n;
}

/* The same in every run, and never 0. */
static BIGNUM *scattered(unsigned i, int bits)
{
	uint8_t bytes[32];
	uint32_t x = i * 2654435761u + 1;
	BIGNUM *n = number();

	for (unsigned j = 0; j < 32; j++) {
		x = x * 1664525 + 1013904223;
		bytes[j] = (uint8_t)(x >> 24);
	}
	assert_non_null(BN_bin2bn(bytes, 32, n));
	sure(BN_rshift(n, n, 256 - bits));
	sure(BN_set_bit(n, bits - 2));
	return n;
}

/* u1 G + u2 q. */
static EC_POINT *sum(const BIGNUM *u1, const EC_POINT *q, const BIGNUM *u2)
{
	EC_POINT *p = EC_POINT_new(group);

	assert_non_null(p);
	sure(EC_POINT_mul(group, p, u1, q, u2, bn));
	return p;
}

static BIGNUM *x_of(const EC_POINT *p)
{
	BIGNUM *x = number();

	sure(EC_POINT_get_affine_coordinates(group, p, x, NULL, bn));
	return x;
}

static void made_free(struct made *m)
{
	EC_POINT_free(m->q);
}

/* The signature by the key d that has u1 and u2. False when their sum is no point: then any r will do for one to be refused. */
static bool made_of_sum(struct made *m, const BIGNUM *d, const BIGNUM *u1, const BIGNUM *u2)
{
	EC_POINT *r;
	bool is_point;

	m->q = sum(d, NULL, NULL);
	r = sum(u1, m->q, u2);
	is_point = !EC_POINT_is_at_infinity(group, r);
	m->r = is_point ? x_of(r) : chosen(77, 5);
	EC_POINT_free(r);
	sure(BN_nnmod(m->r, m->r, order, bn));
	m->s = times(m->r, inverse(u2));
	m->h = times(u1, m->s);
	return is_point;
}

/* The signature by the key d with the nonce k and 1 / s = w. */
static void made_of_inverse(struct made *m, const BIGNUM *d, const BIGNUM *k, const BIGNUM *w)
{
	EC_POINT *r = sum(k, NULL, NULL);

	m->q = sum(d, NULL, NULL);
	m->r = x_of(r);
	EC_POINT_free(r);
	sure(BN_nnmod(m->r, m->r, order, bn));
	m->s = inverse(w);
	m->h = minus(times(m->s, k), times(m->r, d));
}

/* What wolfCrypt says of it: 1 good, 0 bad, -1 not to be had at all. */
static int judged(const struct made *m)
{
	uint8_t h[32], r[32], s[32], sig[80];
	uint8_t q[65];
	word32 sig_len = sizeof(sig);
	ecc_key key;
	int good = 0, rc;

	assert_int_equal(BN_bn2binpad(m->h, h, 32), 32);
	assert_int_equal(BN_bn2binpad(m->r, r, 32), 32);
	assert_int_equal(BN_bn2binpad(m->s, s, 32), 32);
	assert_int_equal(
	    EC_POINT_point2oct(group, m->q, POINT_CONVERSION_UNCOMPRESSED, q, 65, bn), 65);
	assert_int_equal(wc_ecc_init(&key), 0);
	assert_int_equal(wc_ecc_import_x963(q, sizeof(q), &key), 0);
	rc = wc_ecc_rs_raw_to_sig(r, 32, s, 32, sig, &sig_len);
	if (rc == 0)
		rc = wc_ecc_verify_hash(sig, sig_len, h, 32, &good, &key);
	wc_ecc_free(&key);
	return rc == 0 ? good : -1;
}

/* It is good, and is not with anything changed. */
static void must_be_good(struct made *m)
{
	assert_int_equal(judged(m), 1);
	sure(BN_add_word(m->h, 1));
	assert_int_not_equal(judged(m), 1);
	sure(BN_sub_word(m->h, 1));
	sure(BN_add_word(m->s, 1));
	assert_int_not_equal(judged(m), 1);
	sure(BN_sub_word(m->s, 1));
	sure(BN_add_word(m->r, 1));
	assert_int_not_equal(judged(m), 1);
	sure(BN_sub_word(m->r, 1));
}

/* 5.9.2 as it is published gets one of 60 of these inverses wrong, by 2^256 - n. */
static void inverse_just_above_the_order(void **state)
{
	(void)state;
	if (LIBWOLFSSL_VERSION_HEX < 0x05009002)
		skip(); /* 5.7.2 is built as it comes */
	for (unsigned i = 0; i < 400; i++) {
		struct made m;

		BN_CTX_start(bn);
		made_of_inverse(&m, scattered(i, 255), scattered(i + 1000, 255),
		    scattered(i + 2000, 225 + (int)i % 12));
		must_be_good(&m);
		made_free(&m);
		BN_CTX_end(bn);
	}
}

static const struct {
	int bit;
	long value;
} corners[] = { { -1, 1 }, { -1, 2 }, { -1, 64 }, { -1, -1 }, { -1, -2 }, { -1, -64 }, { 64, -1 },
	{ 128, 0 }, { 224, 0 }, { 255, 12345 } };

enum {
	N_CORNERS = sizeof(corners) / sizeof(*corners)
};

static BIGNUM *corner(unsigned i)
{
	return chosen(corners[i].bit, corners[i].value);
}

/* Among them sums of a point with itself, with its opposite, and with nothing. */
static void sums_of_every_kind(void **state)
{
	unsigned n_none = 0;

	(void)state;
	for (unsigned i = 0; i < N_CORNERS * N_CORNERS * N_CORNERS; i++) {
		struct made m;

		BN_CTX_start(bn);
		if (made_of_sum(&m, corner(i % N_CORNERS), corner(i / N_CORNERS % N_CORNERS),
			corner(i / N_CORNERS / N_CORNERS))) {
			must_be_good(&m);
		} else {
			n_none++;
			assert_int_equal(judged(&m), 0);
		}
		made_free(&m);
		BN_CTX_end(bn);
	}
	assert_true(n_none > N_CORNERS);
}

/* u1 = 0. A hash of zeroes wolfCrypt refuses without a look; no SHA-256 of anything is known to be one. */
static void hash_that_is_the_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_CORNERS; i++) {
		struct made m;

		BN_CTX_start(bn);
		sure(made_of_sum(&m, scattered(i, 255), number(), corner(i)));
		assert_true(BN_is_zero(m.h));
		assert_int_equal(judged(&m), -1);
		assert_non_null(BN_copy(m.h, order));
		must_be_good(&m);
		made_free(&m);
		BN_CTX_end(bn);
	}
}

/*
 * What follows is about numbers of p or more. wolfCrypt multiplies in Montgomery's form, a 2^256 for a, and subtracts p
 * only where 2^256 is reached, so that any number below 2^256 may be the result: once in 2^32 one between p and that, which
 * it has to be less than 2^224 for, taken mod p. Such ones are made here on purpose.
 */

/* Of points for which 4 x y^2, which 2 q takes twice of, is 2^224 - 1 - i 2^210 in that form, 0 < i < 32. */
static const char *const doubled_x[] = {
	"98c91bfe6b0244c39b99a2594ac7bc85f6f00515abe0166271653908a2f63fc3",
	"9e76c50fc8f783e97e1c05bd5f5b58ca441bde56be597eec1697304009588f3d",
	"aa8930508182d51bc7dec7172b879a36c444082289a249d24f73402610ef8697",
	"fe865a2d6fb26510105bc233a188c583133e3b79c5d4c9665bb86bfcf219780f",
	"469618fdc4128e1976e8a8f4b2b8e77e072425b69ac35c990cf4b39016db7583",
	"ff46b828975bc597e4ae66eb49304efbfa85bb2d7d82d5e8a1624fb42348edb7"
};

/* 5.9.2 as it is published has a carry wrong there: signatures by these keys were refused. */
static void doubling_with_a_number_of_two_forms(void **state)
{
	(void)state;
	if (LIBWOLFSSL_VERSION_HEX < 0x05009002)
		skip(); /* 5.7.2 is built as it comes */
	for (unsigned i = 0; i < 60; i++) {
		struct made m;
		EC_POINT *r;
		BIGNUM *x, *u1, *u2;

		BN_CTX_start(bn);
		x = number();
		u1 = scattered(i, 255);
		u2 = scattered(i + 1000, 255);
		m.q = EC_POINT_new(group);
		assert_int_equal(BN_hex2bn(&x, doubled_x[i % 6]), 64);
		sure(EC_POINT_set_compressed_coordinates(group, m.q, x, (int)i / 6 % 2, bn));
		r = sum(u1, m.q, u2);
		m.r = x_of(r);
		EC_POINT_free(r);
		sure(BN_nnmod(m.r, m.r, order, bn));
		m.s = times(m.r, inverse(u2));
		m.h = times(u1, m.s);
		must_be_good(&m);
		made_free(&m);
		BN_CTX_end(bn);
	}
}

#if defined(WOLFSSL_SP_X86_64_ASM)
static void mp_of(mp_int *mp, const BIGNUM *n)
{
	uint8_t bytes[32];

	assert_int_equal(BN_bn2binpad(n, bytes, 32), 32);
	assert_int_equal(mp_init(mp), 0);
	assert_int_equal(mp_read_unsigned_bin(mp, bytes, 32), 0);
}

/* What is signed is chosen for an s below 2^224: s + n is none (FIPS 186-5 6.4.2, 1). */
static void signature_of_a_number_of_two_forms(void **state)
{
	(void)state;
	if (LIBWOLFSSL_VERSION_HEX < 0x05009002)
		skip(); /* 5.7.2 is built as it comes */
	for (unsigned i = 0; i < 200; i++) {
		BIGNUM *k, *d, *s;
		mp_int mp_d, mp_k, mp_r, mp_s;
		uint8_t h[32], got[32], wanted[32];
		struct made m;

		BN_CTX_start(bn);
		k = scattered(i, 255);
		d = scattered(i + 1000, 255);
		s = scattered(i + 2000, 224);
		made_of_inverse(&m, d, k, inverse(s));
		assert_int_equal(BN_bn2binpad(m.h, h, 32), 32);
		assert_int_equal(BN_bn2binpad(s, wanted, 32), 32);
		mp_of(&mp_d, d);
		mp_of(&mp_k, k);
		mp_of(&mp_r, k);
		mp_of(&mp_s, k);
		assert_int_equal(sp_ecc_sign_256(h, 32, NULL, &mp_d, &mp_r, &mp_s, &mp_k, NULL), 0);
		assert_int_equal(mp_to_unsigned_bin_len(&mp_s, got, 32), 0);
		assert_memory_equal(got, wanted, 32);
		made_free(&m);
		BN_CTX_end(bn);
	}
}
#else
static void signature_of_a_number_of_two_forms(void **state)
{
	(void)state;
	skip();
}
#endif

/* A point whose x is n or more gives r = x - n, so that both are to be tried; r + n of p or more is none. */
static void points_between_the_order_and_the_prime(void **state)
{
	unsigned n_points = 0;

	(void)state;
	for (unsigned i = 1; n_points < 20; i++) {
		EC_POINT *point = EC_POINT_new(group), *neg;
		struct made m;
		BIGNUM *x, *u1, *u2;

		BN_CTX_start(bn);
		x = number();
		if (i % 2) {
			sure(BN_add(x, order, BN_value_one()));
			sure(BN_add_word(x, i));
		} else {
			assert_non_null(BN_copy(x, prime));
			sure(BN_sub_word(x, i));
		}
		if (EC_POINT_set_compressed_coordinates(group, point, x, 1, bn) == 1) {
			n_points++;
			u1 = scattered(i, 255);
			u2 = scattered(i + 1000, 255);
			/* q = (point - u1 G) / u2. */
			neg = sum(u1, NULL, NULL);
			sure(EC_POINT_invert(group, neg, bn));
			sure(EC_POINT_add(group, point, point, neg, bn));
			m.q = sum(NULL, point, inverse(u2));
			EC_POINT_free(neg);
			m.r = number();
			sure(BN_sub(m.r, x, order));
			m.s = times(m.r, inverse(u2));
			m.h = times(u1, m.s);
			must_be_good(&m);
			made_free(&m);
		}
		EC_POINT_free(point);
		BN_CTX_end(bn);
	}
}

static void numbers_out_of_range(void **state)
{
	struct made m;
	BIGNUM *wrong[4], *r, *s;

	(void)state;
	BN_CTX_start(bn);
	sure(made_of_sum(&m, chosen(200, 3), chosen(100, 5), chosen(150, 7)));
	wrong[0] = number();
	for (unsigned i = 1; i < 4; i++)
		wrong[i] = number();
	assert_non_null(BN_copy(wrong[1], order));
	sure(BN_set_bit(wrong[2], 256));
	sure(BN_sub_word(wrong[2], 1));
	assert_non_null(BN_copy(wrong[3], prime));
	r = m.r;
	s = m.s;
	assert_int_equal(judged(&m), 1);
	for (unsigned i = 0; i < 16; i++) {
		m.r = wrong[i % 4];
		m.s = wrong[i / 4];
		assert_int_not_equal(judged(&m), 1);
		m.r = wrong[i % 4];
		m.s = s;
		assert_int_not_equal(judged(&m), 1);
		m.r = r;
		m.s = wrong[i / 4];
		assert_int_not_equal(judged(&m), 1);
	}
	made_free(&m);
	BN_CTX_end(bn);
}

static int setup(void **state)
{
	(void)state;
	group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	bn = BN_CTX_new();
	order = BN_new();
	prime = BN_new();
	return group && bn && order && prime && EC_GROUP_get_order(group, order, bn) &&
		EC_GROUP_get_curve(group, prime, NULL, NULL, bn)
	    ? 0
	    : -1;
}

static int teardown(void **state)
{
	(void)state;
	BN_free(prime);
	BN_free(order);
	BN_CTX_free(bn);
	EC_GROUP_free(group);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inverse_just_above_the_order),
		cmocka_unit_test(sums_of_every_kind),
		cmocka_unit_test(hash_that_is_the_order),
		cmocka_unit_test(doubling_with_a_number_of_two_forms),
		cmocka_unit_test(signature_of_a_number_of_two_forms),
		cmocka_unit_test(points_between_the_order_and_the_prime),
		cmocka_unit_test(numbers_out_of_range),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
