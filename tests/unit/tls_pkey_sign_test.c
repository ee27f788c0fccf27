/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No wrong signature leaves: what a batch, wolfCrypt or a bit in memory did to it is found before it is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tests/unit/tls_pkey_kit.h"
#include "tls/p256.h"
#include "tls/pkey_batch_lanes.h"
#include "tls/pkey_sign.h"

#include <cmocka.h>

/* --- the arithmetic, against wolfCrypt's --- */

static void number(mp_int *to, const uint8_t bytes[P256_LEN])
{
	assert_int_equal(mp_init(to), 0);
	assert_int_equal(mp_read_unsigned_bin(to, bytes, P256_LEN), 0);
}

static void bytes_of(uint8_t bytes[P256_LEN], mp_int *from)
{
	assert_int_equal(mp_to_unsigned_bin_len(from, bytes, P256_LEN), 0);
}

/* What stands for 1 and for the order less 1, now and then. */
static void scalar(uint8_t k[P256_LEN], unsigned round)
{
	p256_scalar_draw(pkey_kit_drbg(), k);
	if (round % 16 == 1) {
		memset(k, 0, P256_LEN - 1);
		k[P256_LEN - 1] = 1;
	} else if (round % 16 == 2) {
		memcpy(k, p256_order, P256_LEN);
		k[P256_LEN - 1]--;
	}
}

/* s = (e + r d) / k mod n, by wolfCrypt; also 1/s. */
static void
sign_by_numbers(uint8_t s[P256_LEN], uint8_t s_inverse[P256_LEN], const uint8_t r[P256_LEN],
    const uint8_t e[P256_LEN], const uint8_t d[P256_LEN], const uint8_t k[P256_LEN])
{
	mp_int n, mr, me, md, mk;

	number(&n, p256_order);
	number(&mr, r);
	number(&me, e);
	number(&md, d);
	number(&mk, k);
	assert_int_equal(mp_mulmod(&mr, &md, &n, &mr), 0);
	assert_int_equal(mp_addmod(&mr, &me, &n, &mr), 0);
	assert_int_equal(mp_invmod(&mk, &n, &mk), 0);
	assert_int_equal(mp_mulmod(&mr, &mk, &n, &mr), 0);
	bytes_of(s, &mr);
	assert_int_equal(mp_invmod(&mr, &n, &mr), 0);
	bytes_of(s_inverse, &mr);
}

enum {
	R,
	S,
	E,
	D,
	K,
	N_PARTS
};

static bool holds(uint64_t w[N_PARTS][P256_WORDS])
{
	return p256_equation_holds(w[R], w[S], w[E], w[D], w[K]);
}

static void equation_is_wolfcrypts(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		uint8_t part[N_PARTS][P256_LEN], inverse[P256_LEN];
		uint64_t w[N_PARTS][P256_WORDS], s_inverse[P256_WORDS], k[P256_WORDS];

		scalar(part[R], round);
		scalar(part[D], round / 2);
		scalar(part[K], round / 4);
		drbg_read(pkey_kit_drbg(), part[E], P256_LEN);
		memset(part[E], round % 3 == 1 ? 0xff : 0, round % 3 ? P256_LEN : 0);
		sign_by_numbers(part[S], inverse, part[R], part[E], part[D], part[K]);
		for (unsigned i = 0; i < N_PARTS; i++)
			words_from_bytes(w[i], part[i], P256_LEN);
		assert_true(holds(w));
		words_from_bytes(s_inverse, inverse, P256_LEN);
		p256_nonce_of(k, w[R], s_inverse, w[E], w[D]);
		assert_memory_equal(k, w[K], sizeof k);
		for (unsigned i = 0; i < N_PARTS; i++) {
			uint64_t *word = &w[i][round % P256_WORDS], bit = 1ull << round % 63;

			/* e may be as far above the order as this makes it, others not. */
			*word ^= bit;
			if (i == E || w[i][3] < 0xffffffff00000000)
				assert_false(holds(w));
			*word ^= bit;
		}
	}
}

static void point_has_its_x_only(void **state)
{
	static const uint64_t one[P256_WORDS] = { 1 }, zero[P256_WORDS];

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		uint8_t x_bytes[P256_LEN], y_bytes[P256_LEN], z_bytes[P256_LEN], k_bytes[P256_LEN];
		uint64_t r[P256_WORDS], x[P256_WORDS], z[P256_WORDS];
		word32 x_len = P256_LEN, y_len = P256_LEN;
		mp_int p, mx, mz;
		ecc_key key;

		p256_make(&key);
		assert_int_equal(
		    wc_ecc_export_public_raw(&key, x_bytes, &x_len, y_bytes, &y_len), 0);
		assert_int_equal(mp_init(&p), 0);
		assert_int_equal(mp_read_radix(&p, key.dp->prime, MP_RADIX_HEX), 0);
		words_from_bytes(r, x_bytes, P256_LEN);
		assert_true(p256_is_x_of(r, r, one));
		scalar(z_bytes, round);
		number(&mx, x_bytes);
		number(&mz, z_bytes);
		assert_int_equal(mp_mulmod(&mx, &mz, &p, &mx), 0);
		assert_int_equal(mp_mulmod(&mx, &mz, &p, &mx), 0);
		bytes_of(k_bytes, &mx);
		words_from_bytes(x, k_bytes, P256_LEN);
		words_from_bytes(z, z_bytes, P256_LEN);
		assert_true(p256_is_x_of(r, x, z));
		/* Nothing at all is no point, whatever the equation says of it. */
		assert_false(p256_is_x_of(r, zero, zero));
		assert_false(p256_is_x_of(zero, zero, zero));
		r[round % P256_WORDS] ^= 1ull << round;
		assert_false(p256_is_x_of(r, x, z));
		r[round % P256_WORDS] ^= 1ull << round;
		x[0] ^= 4;
		assert_false(p256_is_x_of(r, x, z));
		x[0] ^= 4;
		z[0] ^= 2;
		assert_false(p256_is_x_of(r, x, z));
		wc_ecc_free(&key);
	}
}

/* --- batches --- */

static void p256_point(struct lanes *l, unsigned i, ecc_key *key, const uint8_t *hash)
{
	l->info[i].pk.eccsign.in = hash;
	l->info[i].pk.eccsign.inlen = 32;
	l->info[i].pk.eccsign.out = l->out[i];
	l->info[i].pk.eccsign.outlen = &l->out_len[i];
	l->out_len[i] = 80;
	l->info[i].pk.eccsign.key = key;
	l->info[i].pk.eccsign.rng = pkey_kit_rng();
}

/* What of lane i a bit falls over in: its nth bit from part on. */
static void flip(struct pkey_signing *g, unsigned lane, unsigned part, unsigned bit)
{
	uint8_t *const at[N_PARTS] = { g->r[lane], g->s[lane], g->message[lane],
		(uint8_t *)g->d[lane], (uint8_t *)g->k[lane] };

	at[part][bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void batch_lets_no_fault_out(void **state)
{
	static const uint8_t hash[32] = { 1, 2, 3 };
	struct pkey_queue q;
	ecc_key key;

	(void)state;
	need_batches();
	assert_int_equal(pkey_queue_init(&q, pkey_kit_drbg()), 0);
	p256_make(&key);
	for (unsigned round = 0; round < 100; round++) {
		struct lanes *l = lanes_new(WC_PK_TYPE_ECDSA_SIGN);
		unsigned n = round % 7 + 2, bad = round % n;

		for (unsigned i = 0; i < n; i++) {
			p256_point(l, i, &key, hash);
			pkey_submit(&q, &l->op[i], &l->info[i], PKEY_P256_SIGN);
		}
		pkey_poll(&q);
		assert_null(pkey_next_done(&q));
		assert_true(pkey_is_amid(&q));
		assert_int_equal(q.in_signing.n, n);
		flip(q.signing, bad, round % N_PARTS, round * 37 % 256);
		pkey_poll(&q);
		assert_false(pkey_is_amid(&q));
		assert_int_equal(q.n_wrong, round + 1);
		for (unsigned i = 0; i < n; i++) {
			struct pkey_op *op = pkey_next_done(&q);
			int good = 0;

			assert_ptr_equal(op, &l->op[i]);
			if (i == bad) {
				assert_int_equal(op->result, CRYPTOCB_UNAVAILABLE);
				assert_int_equal(l->out[i][0], 0);
				continue;
			}
			assert_int_equal(op->result, 0);
			assert_int_equal(
			    wc_ecc_verify_hash(l->out[i], l->out_len[i], hash, 32, &good, &key), 0);
			assert_int_equal(good, 1);
		}
		free(l);
	}
	pkey_queue_fini(&q);
	wc_ecc_free(&key);
}

/* to = 2^shift times a small number. False: not below the order. */
static bool digit_scalar(uint8_t to[P256_LEN], unsigned digit, unsigned shift)
{
	mp_int m;
	bool fits;

	assert_int_equal(mp_init(&m), 0);
	assert_int_equal(mp_set_int(&m, digit), 0);
	assert_int_equal(mp_mul_2d(&m, (int)shift, &m), 0);
	fits = mp_count_bits(&m) <= 256;
	if (fits)
		bytes_of(to, &m);
	return fits && p256_scalar_is_good(to);
}

/* r of the nonce's point, by wolfCrypt. */
static void r_of(uint8_t r[P256_LEN], const uint8_t k[P256_LEN])
{
	uint8_t y[P256_LEN];
	word32 r_len = P256_LEN, y_len = P256_LEN;
	mp_int n, x;
	ecc_key key;

	assert_int_equal(wc_ecc_init(&key), 0);
	assert_int_equal(
	    wc_ecc_import_private_key_ex(k, P256_LEN, NULL, 0, &key, ECC_SECP256R1), 0);
	assert_int_equal(wc_ecc_make_pub(&key, NULL), 0);
	assert_int_equal(wc_ecc_export_public_raw(&key, r, &r_len, y, &y_len), 0);
	number(&n, p256_order);
	number(&x, r);
	assert_int_equal(mp_mod(&x, &n, &x), 0);
	bytes_of(r, &x);
	wc_ecc_free(&key);
}

/*
 * Each entry of crypto_mb's table for the base point, which scripts/crypto_mb-*.patch chooses: the check makes the point of the
 * negative of the nonce, which is one digit here and zeros. With what wolfCrypt has for that point it holds, else not.
 */
static void each_digit_is_wolfcrypts(void **state)
{
	struct lanes *l = lanes_new(WC_PK_TYPE_ECDSA_SIGN);
	struct pkey_signing *g = pkey_signing_new();
	unsigned n_tried = 0;

	(void)state;
	need_batches();
	assert_non_null(g);
	for (unsigned i = 0; i < 52 * 16; i++) {
		uint8_t k[P256_LEN], inverse[P256_LEN], d[P256_LEN];
		uint64_t digit[P256_WORDS], words[P256_WORDS];
		unsigned wrong = i % 2;

		if (!digit_scalar(k, i % 16 + 1, i / 16 * 5))
			continue;
		words_from_bytes(digit, k, P256_LEN);
		p256_scalar_negate(words, digit);
		bytes_from_words(k, words, P256_LEN);
		g->n = 2;
		for (unsigned lane = 0; lane < 2; lane++) {
			memcpy(g->k[lane], words, sizeof words);
			p256_scalar_draw(pkey_kit_drbg(), d);
			words_from_bytes(g->d[lane], d, P256_LEN);
			drbg_read(pkey_kit_drbg(), g->message[lane], P256_LEN);
			r_of(g->r[lane], k);
			if (lane == wrong)
				g->r[lane][31] ^= 1;
			/* Its equation holds either way. */
			sign_by_numbers(g->s[lane], inverse, g->r[lane], g->message[lane], d, k);
			g->made[lane] = true;
			l->info[lane].pk.eccsign.out = l->out[lane];
			l->info[lane].pk.eccsign.outlen = &l->out_len[lane];
			l->out_len[lane] = 80;
		}
		assert_int_equal(pkey_signing_end(g, l->ops), 1);
		assert_int_equal(l->op[!wrong].result, 0);
		assert_int_equal(l->op[wrong].result, CRYPTOCB_UNAVAILABLE);
		n_tried++;
	}
	assert_int_equal(n_tried, 51 * 16 + 1); /* of the last digit there is one bit only */
	pkey_signing_free(g);
	free(l);
}

/* Between being made and being checked, too. Nonces and keys are gone with the last one. */
static void signatures_are_cancelled(void **state)
{
	static const uint8_t hash[32] = { 1, 2, 3 };
	struct lanes *l = lanes_new(WC_PK_TYPE_ECDSA_SIGN);
	static const struct pkey_signing none;
	struct pkey_queue q;
	ecc_key key;

	(void)state;
	need_batches();
	assert_int_equal(pkey_queue_init(&q, pkey_kit_drbg()), 0);
	p256_make(&key);
	for (unsigned left = 0; left < 3; left++) {
		for (unsigned i = 0; i < 3; i++) {
			p256_point(l, i, &key, hash);
			pkey_submit(&q, &l->op[i], &l->info[i], PKEY_P256_SIGN);
		}
		pkey_poll(&q);
		for (unsigned i = left; i < 3; i++) {
			pkey_cancel(&q, &l->op[i]);
			memset(&l->info[i], 0, sizeof l->info[i]);
			l->info[i].pk.type = WC_PK_TYPE_ECDSA_SIGN;
		}
		assert_int_equal(pkey_is_busy(&q), left > 0);
		pkey_poll(&q);
		for (unsigned i = 0; i < left; i++) {
			assert_ptr_equal(pkey_next_done(&q), &l->op[i]);
			assert_int_equal(l->op[i].result, 0);
		}
		assert_null(pkey_next_done(&q));
		assert_false(pkey_is_busy(&q));
		assert_memory_equal(q.signing, &none, sizeof none);
	}
	assert_int_equal(q.n_wrong, 0);
	pkey_queue_fini(&q);
	wc_ecc_free(&key);
	free(l);
}

/* --- alone --- */

#define FAULTY_DEVICE 4711
static unsigned fault;      /* the bit of a signature's last number that falls over; 0: none */
static uint8_t planted[80]; /* the signature, whatever is signed */
static word32 planted_len;  /* 0: none */

/* wolfCrypt's signature with that bit the other way. */
static int faulty(int device, wc_CryptoInfo *info, void *arg)
{
	ecc_key *key = info->pk.eccsign.key;
	int ret;

	(void)device, (void)arg;
	if (info->algo_type != WC_ALGO_TYPE_PK || info->pk.type != WC_PK_TYPE_ECDSA_SIGN)
		return CRYPTOCB_UNAVAILABLE;
	if (planted_len > 0) {
		memcpy(info->pk.eccsign.out, planted, planted_len);
		*info->pk.eccsign.outlen = planted_len;
		return 0;
	}
	key->devId = INVALID_DEVID;
	ret = wc_ecc_sign_hash(info->pk.eccsign.in, info->pk.eccsign.inlen, info->pk.eccsign.out,
	    info->pk.eccsign.outlen, info->pk.eccsign.rng, key);
	key->devId = FAULTY_DEVICE;
	if (fault > 0)
		info->pk.eccsign.out[*info->pk.eccsign.outlen - 1 - fault / 8] ^=
		    (uint8_t)(1 << fault % 8);
	return ret;
}

static void ecdsa_alone_is_checked(void **state)
{
	static const int curves[] = { ECC_SECP256R1, ECC_SECP384R1, ECC_SECP521R1 };
	static const int sizes[] = { 32, 48, 66 };
	static const uint8_t none[256];
	uint8_t hash[64];

	(void)state;
	assert_int_equal(wc_CryptoCb_RegisterDevice(FAULTY_DEVICE, faulty, NULL), 0);
	for (unsigned c = 0; c < 3; c++)
		for (unsigned round = 0; round < 60; round++) {
			struct lanes *l = lanes_new(WC_PK_TYPE_ECDSA_SIGN);
			int good = 0;
			ecc_key key;

			assert_int_equal(wc_ecc_init_ex(&key, NULL, FAULTY_DEVICE), 0);
			assert_int_equal(
			    wc_ecc_make_key_ex(pkey_kit_rng(), sizes[c], &key, curves[c]), 0);
			assert_int_equal(wc_ecc_set_rng(&key, pkey_kit_rng()), 0);
			drbg_read(pkey_kit_drbg(), hash, sizeof hash);
			p256_point(l, 0, &key, hash);
			l->info[0].pk.eccsign.inlen = 20 + round % 3 * 14;
			l->out_len[0] = 256;
			fault = round < 40 ? 0 : round * 3;
			if (fault == 0) {
				assert_int_equal(pkey_sign_alone(&l->info[0]), 0);
				assert_int_equal(wc_ecc_verify_hash(l->out[0], l->out_len[0], hash,
						     l->info[0].pk.eccsign.inlen, &good, &key),
				    0);
				assert_int_equal(good, 1);
			} else {
				assert_int_equal(pkey_sign_alone(&l->info[0]), SIG_VERIFY_E);
				assert_memory_equal(l->out[0], none, sizeof none);
			}
			wc_ecc_free(&key);
			free(l);
		}
	wc_CryptoCb_UnRegisterDevice(FAULTY_DEVICE);
}

static void plant(mp_int *r, mp_int *s)
{
	uint8_t bytes[2][P256_LEN];

	bytes_of(bytes[0], r);
	bytes_of(bytes[1], s);
	planted_len = sizeof planted;
	assert_int_equal(
	    wc_ecc_rs_raw_to_sig(bytes[0], P256_LEN, bytes[1], P256_LEN, planted, &planted_len), 0);
}

/* s and s + n mean the same to arithmetic, and only s to a peer. */
static void numbers_above_the_order_are_refused(void **state)
{
	struct lanes *l = lanes_new(WC_PK_TYPE_ECDSA_SIGN);
	mp_int n, d, k, r, s, e, rd;
	ecc_key key, nonce;
	uint8_t hash[32];

	(void)state;
	assert_int_equal(wc_CryptoCb_RegisterDevice(FAULTY_DEVICE, faulty, NULL), 0);
	p256_make(&key);
	p256_make(&nonce);
	key.devId = FAULTY_DEVICE;
	number(&n, p256_order);
	assert_int_equal(mp_init_multi(&d, &k, &r, &s, &e, &rd), 0);
	assert_int_equal(mp_copy(wc_ecc_key_get_priv(&key), &d), 0);
	assert_int_equal(mp_copy(wc_ecc_key_get_priv(&nonce), &k), 0);
	assert_int_equal(mp_mod(nonce.pubkey.x, &n, &r), 0);
	assert_int_equal(mp_set_int(&s, 0x1234567), 0);
	/* The message whose signature with this nonce has this s. */
	assert_int_equal(mp_mulmod(&s, &k, &n, &e), 0);
	assert_int_equal(mp_mulmod(&r, &d, &n, &rd), 0);
	assert_int_equal(mp_submod(&e, &rd, &n, &e), 0);
	bytes_of(hash, &e);
	plant(&r, &s);
	p256_point(l, 0, &key, hash);
	assert_int_equal(pkey_sign_alone(&l->info[0]), 0);
	assert_int_equal(mp_add(&s, &n, &s), 0);
	plant(&r, &s);
	p256_point(l, 0, &key, hash);
	assert_int_equal(pkey_sign_alone(&l->info[0]), SIG_VERIFY_E);
	planted_len = 0;
	key.devId = INVALID_DEVID;
	wc_ecc_free(&key);
	wc_ecc_free(&nonce);
	wc_CryptoCb_UnRegisterDevice(FAULTY_DEVICE);
	free(l);
}

/* A private half that is not that of the public one any more. */
static void ed25519_alone_is_checked(void **state)
{
	uint8_t message[40] = { 5 }, out[ED25519_SIG_SIZE];
	wc_CryptoInfo info = { .algo_type = WC_ALGO_TYPE_PK };
	word32 len = sizeof out;
	ed25519_key key;
	int good = 0;

	(void)state;
	assert_int_equal(wc_ed25519_init(&key), 0);
	assert_int_equal(wc_ed25519_make_key(pkey_kit_rng(), ED25519_KEY_SIZE, &key), 0);
	info.pk.type = WC_PK_TYPE_ED25519_SIGN;
	info.pk.ed25519sign.in = message;
	info.pk.ed25519sign.inLen = sizeof message;
	info.pk.ed25519sign.out = out;
	info.pk.ed25519sign.outLen = &len;
	info.pk.ed25519sign.key = &key;
	info.pk.ed25519sign.type = Ed25519;
	assert_int_equal(pkey_sign_alone(&info), 0);
	assert_int_equal(wc_ed25519_verify_msg(out, len, message, sizeof message, &good, &key), 0);
	assert_int_equal(good, 1);
	key.k[3] ^= 0x10;
	assert_int_equal(pkey_sign_alone(&info), SIG_VERIFY_E);
	assert_int_equal(out[0] | out[31] | out[63], 0);
	wc_ed25519_free(&key);
}

static void others_are_not_signed(void **state)
{
	wc_CryptoInfo info = { .algo_type = WC_ALGO_TYPE_PK };

	(void)state;
	info.pk.type = WC_PK_TYPE_RSA;
	assert_int_equal(pkey_sign_alone(&info), CRYPTOCB_UNAVAILABLE);
	info.pk.type = WC_PK_TYPE_ECDH;
	assert_int_equal(pkey_sign_alone(&info), CRYPTOCB_UNAVAILABLE);
}

/* --- RSA --- */

static void rsa_check_is_answered_once(void **state)
{
	static struct pkey_rsa_checked c;
	uint8_t block[256], signature[256], out[512];
	wc_CryptoInfo made = { .algo_type = WC_ALGO_TYPE_PK }, asked = made;
	word32 made_len = 256, len;
	RsaKey key, other;

	(void)state;
	memset(block, 3, sizeof block);
	memset(signature, 4, sizeof signature);
	made.pk.type = WC_PK_TYPE_RSA;
	made.pk.rsa.out = signature;
	made.pk.rsa.outLen = &made_len;
	made.pk.rsa.key = &key;
	made.pk.rsa.type = RSA_PRIVATE_ENCRYPT;
	for (unsigned wrong = 0; wrong < 8; wrong++) {
		uint8_t shown[257];

		asked = made;
		asked.pk.rsa.type = RSA_PUBLIC_DECRYPT;
		memset(shown, 4, sizeof shown);
		asked.pk.rsa.in = shown;
		asked.pk.rsa.inLen = 256;
		asked.pk.rsa.out = out;
		asked.pk.rsa.outLen = &len;
		len = sizeof out;
		pkey_rsa_note(&c, &made, block);
		switch (wrong) {
		case 0:
			assert_true(pkey_rsa_answer(&c, &asked));
			assert_int_equal(len, 256);
			assert_memory_equal(out, block, 256);
			break; /* a second time: no */
		case 1:
			shown[255] ^= 1;
			break;
		case 2:
			asked.pk.rsa.inLen = 257;
			break;
		case 3:
			asked.pk.rsa.key = &other;
			break;
		case 4:
			asked.pk.rsa.type = RSA_PUBLIC_ENCRYPT;
			break;
		case 5:
			asked.pk.type = WC_PK_TYPE_ECDH;
			break;
		case 6:
			len = 255;
			break;
		case 7: /* what was decrypted is nobody's to see again */
			made.pk.rsa.type = RSA_PRIVATE_DECRYPT;
			pkey_rsa_note(&c, &made, block);
			break;
		}
		memset(out, 0, sizeof out);
		assert_false(pkey_rsa_answer(&c, &asked));
		assert_int_equal(out[0], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equation_is_wolfcrypts),
		cmocka_unit_test(point_has_its_x_only),
		cmocka_unit_test(batch_lets_no_fault_out),
		cmocka_unit_test(each_digit_is_wolfcrypts),
		cmocka_unit_test(signatures_are_cancelled),
		cmocka_unit_test(ecdsa_alone_is_checked),
		cmocka_unit_test(numbers_above_the_order_are_refused),
		cmocka_unit_test(ed25519_alone_is_checked),
		cmocka_unit_test(others_are_not_signed),
		cmocka_unit_test(rsa_check_is_answered_once),
	};

	return cmocka_run_group_tests_name(
	    "tls_pkey_sign", tests, pkey_kit_setup, pkey_kit_teardown);
}
