/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wolfCrypt's multiples of a base point, whatever earlier code left in the upper halves of the vector registers: 5.9.2 as it is
 * published takes them for its own (scripts/wolfssl-5.9.2.patch).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ed25519.h>

#include <cmocka.h>

#define N_KEYS 200

#if defined(__x86_64__)
static void registers_fill(void)
{
	if (!__builtin_cpu_supports("avx2"))
		return;
	__asm__ volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n\tvmovdqa %%ymm0, %%ymm1\n\t"
			 "vmovdqa %%ymm0, %%ymm2\n\tvmovdqa %%ymm0, %%ymm3\n\t"
			 "vmovdqa %%ymm0, %%ymm4\n\tvmovdqa %%ymm0, %%ymm5\n\t"
			 "vmovdqa %%ymm0, %%ymm6\n\tvmovdqa %%ymm0, %%ymm7\n\t"
			 "vmovdqa %%ymm0, %%ymm8\n\tvmovdqa %%ymm0, %%ymm9\n\t"
			 "vmovdqa %%ymm0, %%ymm10\n\tvmovdqa %%ymm0, %%ymm11\n\t"
			 "vmovdqa %%ymm0, %%ymm12\n\tvmovdqa %%ymm0, %%ymm13\n\t"
			 "vmovdqa %%ymm0, %%ymm14\n\tvmovdqa %%ymm0, %%ymm15\n\t" ::
			     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
			 "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void registers_clear(void)
{
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroupper" ::
				     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
				 "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
				 "xmm14", "xmm15");
}
#else
static void registers_fill(void)
{
}

static void registers_clear(void)
{
}
#endif

/* A secret that differs from the others in all of its bytes. */
static void secret_make(uint8_t secret[32], unsigned i)
{
	uint32_t x = i * 2654435761u + 1;

	for (unsigned j = 0; j < 32; j++) {
		x = x * 1664525 + 1013904223;
		secret[j] = (uint8_t)(x >> 24);
	}
}

/* Nothing may come between the registers and the call: memcpy uses them, too. */
static void x25519_public(const uint8_t secret[32], uint8_t public[32], void (*registers)(void))
{
	uint8_t clamped[32];

	memcpy(clamped, secret, 32);
	clamped[0] &= 248;
	clamped[31] = (uint8_t)((clamped[31] & 127) | 64);
	registers();
	assert_int_equal(wc_curve25519_make_pub(32, public, 32, clamped), 0);
}

static void ed25519_public(const uint8_t secret[32], uint8_t public[32])
{
	ed25519_key key;

	assert_int_equal(wc_ed25519_init(&key), 0);
	assert_int_equal(wc_ed25519_import_private_only(secret, 32, &key), 0);
	registers_fill();
	assert_int_equal(wc_ed25519_make_public(&key, public, 32), 0);
	wc_ed25519_free(&key);
}

/* RFC 7748 6.1. */
static void x25519_as_the_rfc_has_it(void **state)
{
	static const uint8_t secret[32] = { 0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c,
		0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99,
		0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a };
	static const uint8_t wanted[32] = { 0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74,
		0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a,
		0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a };
	uint8_t public[32];

	(void)state;
	x25519_public(secret, public, registers_fill);
	assert_memory_equal(public, wanted, 32);
	x25519_public(secret, public, registers_clear);
	assert_memory_equal(public, wanted, 32);
}

static void x25519_whatever_is_in_the_registers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_KEYS; i++) {
		uint8_t secret[32], clean[32], dirty[32];

		secret_make(secret, i);
		x25519_public(secret, clean, registers_clear);
		x25519_public(secret, dirty, registers_fill);
		assert_memory_equal(clean, dirty, 32);
	}
}

/* RFC 8032 7.1, test 1. */
static void ed25519_as_the_rfc_has_it(void **state)
{
	static const uint8_t secret[32] = { 0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba,
		0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69,
		0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60 };
	static const uint8_t wanted[32] = { 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5,
		0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23,
		0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a };
	uint8_t public[32];

	(void)state;
	for (unsigned i = 0; i < N_KEYS; i++) {
		ed25519_public(secret, public);
		assert_memory_equal(public, wanted, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x25519_as_the_rfc_has_it),
		cmocka_unit_test(x25519_whatever_is_in_the_registers),
		cmocka_unit_test(ed25519_as_the_rfc_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
