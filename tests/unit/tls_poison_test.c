/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wolfCrypt's assembly must not depend on what earlier code left behind: all vector registers in their whole width, the
 * mask registers, the stack below the caller's, and freed memory are filled before every call.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/version.h>
#define USE_CERT_BUFFERS_2048
#include <wolfssl/certs_test.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/sha3.h>
#include <wolfssl/wolfcrypt/sha512.h>
#ifdef WOLFSSL_HAVE_MLKEM
#include <wolfssl/wolfcrypt/wc_mlkem.h>
#endif

#include <cmocka.h>

#define N_SEEDS 24
#define LARGEST 1600

static WC_RNG rng;
static RsaKey rsa;

/* What the registers are filled with, 64 octets each; without it they are left alone. */
static const uint8_t *fill;

static uint8_t patterns[4][32 * 64];

#if defined(__x86_64__)
#define EACH_Y(n) "vmovdqu " #n "*64(%0), %%ymm" #n "\n\t"
#define EACH_Z(n) "vmovdqu64 " #n "*64(%0), %%zmm" #n "\n\t"
#define EACH_K(n) "kmovq " #n "*8(%0), %%k" #n "\n\t"
#define SIXTEEN(f) \
	f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)
#define THE_REST(f)                                                                               \
	f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25) f(26) f(27) f(28) f(29) f(30) \
	    f(31)
#define SIXTEEN_CLOBBERED                                                                        \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
	    "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

static void registers_fill(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
		/* What the compiler may use without -mavx512f is clobbered. */
		__asm__ volatile(SIXTEEN(EACH_Z) THE_REST(EACH_Z) EACH_K(1) EACH_K(2) EACH_K(3)
				     EACH_K(4) EACH_K(5) EACH_K(6) EACH_K(7)::"r"(fill)
				 : "memory", SIXTEEN_CLOBBERED);
	else if (__builtin_cpu_supports("avx"))
		__asm__ volatile(SIXTEEN(EACH_Y)::"r"(fill) : "memory", SIXTEEN_CLOBBERED);
}
#else
static void registers_fill(void)
{
}
#endif

static __attribute__((noinline)) void stack_fill(void)
{
	uint8_t below[65536];

	memset(below, fill[0], sizeof(below));
	__asm__ volatile("" ::"r"(below) : "memory");
}

/* Before every call that is under test, and nothing between them. */
static void poison(void)
{
	if (!fill)
		return;
	stack_fill();
	registers_fill();
}

static void scatter(uint8_t *at, size_t len, unsigned seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		at[i] = (uint8_t)(x >> 24);
	}
}

static void p256_run(unsigned seed, uint8_t *out)
{
	ecc_key key, other;
	uint8_t secret[32], hash[32], sig[80];
	word32 len = 65, secret_len = 32, sig_len = sizeof(sig);
	int good = 0;

	scatter(secret, sizeof(secret), seed);
	secret[0] &= 0x7f;
	assert_int_equal(wc_ecc_init(&key) | wc_ecc_init(&other), 0);
	assert_int_equal(wc_ecc_import_private_key_ex(secret, 32, NULL, 0, &key, ECC_SECP256R1), 0);
	scatter(secret, sizeof(secret), seed + 100);
	secret[0] &= 0x7f;
	assert_int_equal(
	    wc_ecc_import_private_key_ex(secret, 32, NULL, 0, &other, ECC_SECP256R1), 0);
	assert_int_equal(wc_ecc_set_rng(&other, &rng), 0);
	poison();
	assert_int_equal(wc_ecc_make_pub(&key, NULL), 0);
	assert_int_equal(wc_ecc_export_x963(&key, out, &len), 0);
	poison();
	assert_int_equal(wc_ecc_shared_secret(&other, &key, out + 65, &secret_len), 0);
	scatter(hash, sizeof(hash), seed + 200);
	poison();
	assert_int_equal(wc_ecc_sign_hash(hash, 32, sig, &sig_len, &rng, &key), 0);
	poison();
	assert_int_equal(wc_ecc_verify_hash(sig, sig_len, hash, 32, &good, &key), 0);
	assert_int_equal(good, 1);
	hash[seed % 32] ^= 1;
	poison();
	assert_int_equal(wc_ecc_verify_hash(sig, sig_len, hash, 32, &good, &key), 0);
	assert_int_equal(good, 0);
	wc_ecc_free(&key);
	wc_ecc_free(&other);
}

static void x25519_run(unsigned seed, uint8_t *out)
{
	uint8_t secret[32], point[32];

	scatter(secret, sizeof(secret), seed);
	scatter(point, sizeof(point), seed + 100);
	secret[0] &= 248;
	secret[31] = (uint8_t)((secret[31] & 127) | 64);
	point[31] &= 127;
	poison();
	assert_int_equal(wc_curve25519_make_pub(32, out, 32, secret), 0);
	poison();
	assert_int_equal(wc_curve25519_generic(32, out + 32, 32, secret, 32, point), 0);
}

static void ed25519_run(unsigned seed, uint8_t *out)
{
	ed25519_key key;
	uint8_t secret[64], message[100];
	word32 len = 64;
	int good = 0;

	scatter(secret, 32, seed);
	scatter(message, sizeof(message), seed + 100);
	assert_int_equal(wc_ed25519_init(&key), 0);
	assert_int_equal(wc_ed25519_import_private_only(secret, 32, &key), 0);
	poison();
	assert_int_equal(wc_ed25519_make_public(&key, secret + 32, 32), 0);
	assert_int_equal(wc_ed25519_import_private_key(secret, 64, secret + 32, 32, &key), 0);
	poison();
	assert_int_equal(wc_ed25519_sign_msg(message, sizeof(message), out, &len, &key), 0);
	poison();
	assert_int_equal(wc_ed25519_verify_msg(out, len, message, sizeof(message), &good, &key), 0);
	assert_int_equal(good, 1);
	memcpy(out + 64, secret + 32, 32);
	wc_ed25519_free(&key);
}

static void rsa2048_run(unsigned seed, uint8_t *out)
{
	uint8_t digest[51], sig[256];

	scatter(digest, sizeof(digest), seed);
	poison();
	assert_int_equal(wc_RsaSSL_Sign(digest, sizeof(digest), out, 256, &rsa, &rng), 256);
	memcpy(sig, out, 256);
	poison();
	assert_int_equal(wc_RsaSSL_Verify(sig, 256, out + 256, 256, &rsa), sizeof(digest));
	assert_memory_equal(out + 256, digest, sizeof(digest));
}

static void hashes_run(unsigned seed, uint8_t *out)
{
	uint8_t message[LARGEST];
	word32 len = seed * 67;

	scatter(message, sizeof(message), seed);
	poison();
	assert_int_equal(wc_Sha256Hash(message, len, out), 0);
	poison();
	assert_int_equal(wc_Sha384Hash(message, len, out + 32), 0);
	poison();
	assert_int_equal(wc_Sha512Hash(message, len, out + 80), 0);
	poison();
	assert_int_equal(wc_Sha3_256Hash(message, len, out + 144), 0);
}

static void ciphers_run(unsigned seed, uint8_t *out)
{
	uint8_t key[32], nonce[12], message[700], back[700];
	word32 len = seed * 29;
	Aes aes;

	scatter(key, sizeof(key), seed);
	scatter(nonce, sizeof(nonce), seed + 100);
	scatter(message, sizeof(message), seed + 200);
	assert_int_equal(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
	poison();
	assert_int_equal(wc_AesGcmSetKey(&aes, key, seed % 2 ? 16 : 32), 0);
	poison();
	assert_int_equal(
	    wc_AesGcmEncrypt(&aes, out + 16, message, len, nonce, 12, out, 16, key, 13), 0);
	poison();
	assert_int_equal(
	    wc_AesGcmDecrypt(&aes, back, out + 16, len, nonce, 12, out, 16, key, 13), 0);
	assert_memory_equal(back, message, len);
	wc_AesFree(&aes);
	out += 16 + 700;
	poison();
	assert_int_equal(
	    wc_ChaCha20Poly1305_Encrypt(key, nonce, key, 13, message, len, out + 16, out), 0);
	poison();
	assert_int_equal(
	    wc_ChaCha20Poly1305_Decrypt(key, nonce, key, 13, out + 16, len, out, back), 0);
	assert_memory_equal(back, message, len);
}

#if defined(WOLFSSL_HAVE_MLKEM) && LIBWOLFSSL_VERSION_HEX >= 0x05009002
static void mlkem768_run(unsigned seed, uint8_t *out)
{
	uint8_t random[64], public[WC_ML_KEM_768_PUBLIC_KEY_SIZE], same[32];
	MlKemKey key, peer;

	scatter(random, sizeof(random), seed);
	assert_int_equal(wc_MlKemKey_Init(&key, WC_ML_KEM_768, NULL, INVALID_DEVID), 0);
	assert_int_equal(wc_MlKemKey_Init(&peer, WC_ML_KEM_768, NULL, INVALID_DEVID), 0);
	poison();
	assert_int_equal(wc_MlKemKey_MakeKeyWithRandom(&key, random, 64), 0);
	assert_int_equal(wc_MlKemKey_EncodePublicKey(&key, public, sizeof(public)), 0);
	poison();
	assert_int_equal(wc_MlKemKey_DecodePublicKey(&peer, public, sizeof(public)), 0);
	poison();
	assert_int_equal(wc_MlKemKey_EncapsulateWithRandom(&peer, out + 32, out, random, 32), 0);
	poison();
	assert_int_equal(
	    wc_MlKemKey_Decapsulate(&key, same, out + 32, WC_ML_KEM_768_CIPHER_TEXT_SIZE), 0);
	assert_memory_equal(same, out, 32);
	wc_MlKemKey_Free(&key);
	wc_MlKemKey_Free(&peer);
}
#endif

/* The same from every state. */
static void compare(void (*run)(unsigned seed, uint8_t *out))
{
	for (unsigned seed = 0; seed < N_SEEDS; seed++) {
		uint8_t wanted[LARGEST] = { 0 };

		fill = NULL;
		run(seed, wanted);
		for (unsigned i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
			uint8_t got[LARGEST] = { 0 };

			fill = patterns[i];
			mallopt(M_PERTURB, 1 + (int)i * 84);
			run(seed, got);
			mallopt(M_PERTURB, 0);
			assert_memory_equal(got, wanted, LARGEST);
		}
	}
}

#define STATE_TEST(name)               \
	static void name(void **state) \
	{                              \
		(void)state;           \
		compare(name##_run);   \
	}

STATE_TEST(p256)
STATE_TEST(x25519)
STATE_TEST(ed25519)
STATE_TEST(rsa2048)
STATE_TEST(hashes)
STATE_TEST(ciphers)
#if defined(WOLFSSL_HAVE_MLKEM) && LIBWOLFSSL_VERSION_HEX >= 0x05009002
STATE_TEST(mlkem768)
#endif

static int setup(void **state)
{
	word32 at = 0;

	(void)state;
	memset(patterns[1], 255, sizeof(patterns[1]));
	scatter(patterns[2], sizeof(patterns[2]), 1);
	for (size_t i = 0; i < sizeof(patterns[3]); i++)
		patterns[3][i] = i / 16 % 2 ? 255 : 0; /* what movd and the like leave above */
	if (wc_InitRng(&rng) != 0 || wc_InitRsaKey(&rsa, NULL) != 0 ||
	    wc_RsaSetRNG(&rsa, &rng) != 0)
		return -1;
	return wc_RsaPrivateKeyDecode(client_key_der_2048, &at, &rsa, sizeof(client_key_der_2048));
}

static int teardown(void **state)
{
	(void)state;
	wc_FreeRsaKey(&rsa);
	return wc_FreeRng(&rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p256),
		cmocka_unit_test(x25519),
		cmocka_unit_test(ed25519),
		cmocka_unit_test(rsa2048),
		cmocka_unit_test(hashes),
		cmocka_unit_test(ciphers),
#if defined(WOLFSSL_HAVE_MLKEM) && LIBWOLFSSL_VERSION_HEX >= 0x05009002
		cmocka_unit_test(mlkem768),
#endif
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
