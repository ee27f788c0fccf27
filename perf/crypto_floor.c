/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the public-key operations of one full handshake cost when they are done one after the other by
 * wolfCrypt, the fastest scalar code here: a server that did nothing else could not be cheaper. One line
 * of JSON, µs. crypto_floor RSA_KEY.pem [seconds per operation]
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/wc_mlkem.h>

#define ROUNDS 7 /* the median of so many */

static WC_RNG rng;
static curve25519_key x25519, x25519_peer;
static ecc_key p256;
static RsaKey rsa;
static MlKemKey *mlkem;
static byte digest[32], out[4096];

static void do_x25519_keygen(void)
{
	curve25519_key k;

	wc_curve25519_init(&k);
	assert(wc_curve25519_make_key(&rng, 32, &k) == 0);
	wc_curve25519_free(&k);
}

static void do_x25519_agree(void)
{
	word32 len = 32;

	assert(wc_curve25519_shared_secret(&x25519, &x25519_peer, out, &len) == 0);
}

static void do_p256_sign(void)
{
	word32 len = sizeof(out);

	assert(wc_ecc_sign_hash(digest, sizeof(digest), out, &len, &rng, &p256) == 0);
}

static void do_rsa2048_sign(void)
{
	assert(wc_RsaPSS_Sign(digest, sizeof(digest), out, sizeof(out), WC_HASH_TYPE_SHA256,
		   WC_MGF1SHA256, &rsa, &rng) > 0);
}

static void do_mlkem768_encapsulate(void)
{
	static byte secret[64];

	assert(wc_MlKemKey_Encapsulate(mlkem, out, secret, &rng) == 0);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double measure(void (*operation)(void), double seconds)
{
	double rounds[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		double start = now(), end;
		unsigned n = 0;

		do {
			operation();
			n++;
			end = now();
		} while (end - start < seconds / ROUNDS);
		rounds[i] = (end - start) / n * 1e6;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	return rounds[ROUNDS / 2];
}

static void load_rsa(const char *path)
{
	static byte pem[8192], der[8192];
	FILE *f = fopen(path, "rb");
	word32 at = 0;
	int len;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	len = (int)fread(pem, 1, sizeof(pem), f);
	fclose(f);
	len = wc_KeyPemToDer(pem, len, der, sizeof(der), NULL);
	assert(len > 0);
	wc_InitRsaKey(&rsa, NULL);
	assert(wc_RsaPrivateKeyDecode(der, &at, &rsa, (word32)len) == 0);
	assert(wc_RsaEncryptSize(&rsa) == 256);
	wc_RsaSetRNG(&rsa, &rng);
}

static void setup(const char *rsa_key)
{
	assert(wc_InitRng(&rng) == 0);
	assert(wc_RNG_GenerateBlock(&rng, digest, sizeof(digest)) == 0); /* zeros are not signed */
	wc_curve25519_init(&x25519);
	wc_curve25519_init(&x25519_peer);
	assert(wc_curve25519_make_key(&rng, 32, &x25519) == 0);
	assert(wc_curve25519_make_key(&rng, 32, &x25519_peer) == 0);
	wc_ecc_init(&p256);
	assert(wc_ecc_make_key_ex(&rng, 32, &p256, ECC_SECP256R1) == 0);
	load_rsa(rsa_key);
	mlkem = wc_MlKemKey_New(WC_ML_KEM_768, NULL, INVALID_DEVID);
	assert(mlkem != NULL && wc_MlKemKey_MakeKey(mlkem, &rng) == 0);
}

int main(int argc, char **argv)
{
	double seconds = argc > 2 ? atof(argv[2]) : 0.35, keygen, agree, sign, rsa_sign,
	       encapsulate;

	if (argc < 2) {
		fprintf(stderr, "usage: crypto_floor RSA_KEY.pem [seconds per operation]\n");
		return 2;
	}
	setup(argv[1]);
	keygen = measure(do_x25519_keygen, seconds);
	agree = measure(do_x25519_agree, seconds);
	sign = measure(do_p256_sign, seconds);
	rsa_sign = measure(do_rsa2048_sign, seconds);
	encapsulate = measure(do_mlkem768_encapsulate, seconds);
	printf("{\"x25519_keygen\": %.2f, \"x25519_agree\": %.2f, \"p256_sign\": %.2f, "
	       "\"rsa2048_sign\": %.2f, \"mlkem768_encapsulate\": %.2f, \"handshake_ecdsa\": %.2f, "
	       "\"handshake_rsa2048\": %.2f, \"handshake_pq\": %.2f}\n",
	    keygen, agree, sign, rsa_sign, encapsulate, keygen + agree + sign,
	    keygen + agree + rsa_sign, keygen + agree + sign + encapsulate);
	return 0;
}
