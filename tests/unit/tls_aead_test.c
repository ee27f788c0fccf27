/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include "tests/unit/tls_record_kit.h"
#include "tls/aead.h"

#include <cmocka.h>

#define MAX 20000

struct vector {
	const char *name;
	enum aead_kind kind;
	const char *key, *iv, *aad, *plain, *cipher, *tag;
};

#define P60                                                                                        \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24" \
	"49a6b525b16aedf5aa0de657ba637b39"

/* McGrew and Viega's cases, kept in NIST's GCM validation set; RFC 8439 2.8.2. */
static const struct vector vectors[] = {
	{ "GCM 1", AEAD_AES_128_GCM, "00000000000000000000000000000000", "000000000000000000000000",
	    "", "", "", "58e2fccefa7e3061367f1d57a4e7455a" },
	{ "GCM 2", AEAD_AES_128_GCM, "00000000000000000000000000000000", "000000000000000000000000",
	    "", "00000000000000000000000000000000", "0388dace60b6a392f328c2b971b2fe78",
	    "ab6e47d42cec13bdf53a67b21257bddf" },
	{ "GCM 4", AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
	    "feedfacedeadbeeffeedfacedeadbeefabaddad2", P60,
	    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f"
	    "6a5aac84aa051ba30b396a0aac973d58e091",
	    "5bc94fbc3221a5db94fae95ae7121a47" },
	{ "GCM 13", AEAD_AES_256_GCM,
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "GCM 14", AEAD_AES_256_GCM,
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "000000000000000000000000", "", "00000000000000000000000000000000",
	    "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ "GCM 16", AEAD_AES_256_GCM,
	    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	    "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", P60,
	    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b0"
	    "8b1056828838c5f61e6393ba7a0abcc9f662",
	    "76fc6ece0f4e1768cddf8853bb2d551b" },
	{ "RFC 8439", AEAD_CHACHA20_POLY1305,
	    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	    "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	    "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20"
	    "4966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f722074686520"
	    "6675747572652c2073756e73637265656e20776f756c642062652069742e",
	    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fa"
	    "fb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4"
	    "fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
	    "1ae10b594f09e26a7e902ecbd0600691" },
};

static const enum aead_backend backends[] = { AEAD_WOLFCRYPT, AEAD_IPSEC_MB, AEAD_IPSEC_MB_AVX2,
	AEAD_IPSEC_MB_AVX, AEAD_IPSEC_MB_SSE };
#define N_BACKENDS (sizeof backends / sizeof *backends)
static struct aead_engine *engines[N_BACKENDS];

/* ipsec-mb may be missing on a CPU without AES-NI: said, not hidden. */
static int setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_BACKENDS; i++) {
		engines[i] = aead_engine_new(backends[i], 8);
		if (engines[i] == NULL)
			print_message("backend %u does not work here\n", i);
	}
	return engines[0] != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_BACKENDS; i++)
		aead_engine_free(engines[i]);
	return 0;
}

static size_t key_len(enum aead_kind kind)
{
	return kind == AEAD_AES_128_GCM ? 16 : 32;
}

static void published_vectors(void **state)
{
	uint8_t key[32], iv[12], aad[64], plain[256], cipher[256], tag[16], out[256], got[16];

	(void)state;
	for (unsigned b = 0; b < N_BACKENDS; b++) {
		for (size_t i = 0; engines[b] && i < sizeof vectors / sizeof *vectors; i++) {
			const struct vector *v = &vectors[i];
			size_t len = kit_hex(v->plain, plain), aad_len = kit_hex(v->aad, aad);
			struct iovec in = { plain, len }, to = { out, len };
			struct iovec enc = { cipher, len };
			struct aead_key k;

			kit_hex(v->key, key);
			kit_hex(v->iv, iv);
			kit_hex(v->cipher, cipher);
			kit_hex(v->tag, tag);
			aead_key_init(&k, v->kind, key);
			assert_int_equal(
			    aead_seal(engines[b], &k, iv, aad, aad_len, &in, 1, &to, 1, len, got),
			    0);
			assert_memory_equal(out, cipher, len);
			assert_memory_equal(got, tag, 16);
			assert_int_equal(
			    aead_open(engines[b], &k, iv, aad, aad_len, &enc, 1, &to, 1, len, tag),
			    0);
			assert_memory_equal(out, plain, len);

			memset(got, 0, sizeof got);
			assert_int_equal(
			    aead_seal_once(engines[b], &k, iv, aad, aad_len, plain, out, len, got),
			    0);
			assert_memory_equal(out, cipher, len);
			assert_memory_equal(got, tag, 16);
			assert_int_equal(
			    aead_open_once(engines[b], &k, iv, aad, aad_len, cipher, out, len, tag),
			    0);
			assert_memory_equal(out, plain, len);
			aead_key_wipe(engines[b], &k);
		}
	}
}

/* One call over contiguous bytes: what everything is compared with. */
static void whole_seal(enum aead_kind kind, const uint8_t *key, const uint8_t *iv,
    const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len, uint8_t *tag)
{
	Aes aes;

	if (kind == AEAD_CHACHA20_POLY1305) {
		assert_int_equal(wc_ChaCha20Poly1305_Encrypt(
				     key, iv, aad, (word32)aad_len, in, (word32)len, out, tag),
		    0);
		return;
	}
	assert_int_equal(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
	assert_int_equal(wc_AesGcmSetKey(&aes, key, (word32)key_len(kind)), 0);
	assert_int_equal(
	    wc_AesGcmEncrypt(&aes, out, in, (word32)len, iv, 12, tag, 16, aad, (word32)aad_len), 0);
	wc_AesFree(&aes);
}

/* Any cut on either side gives the bytes of one contiguous call, and opens again. */
static void pieces_equal_contiguous(void **state)
{
	static uint8_t plain[MAX], want[MAX], sealed[MAX], opened[MAX];
	static struct iovec in[KIT_PIECES], out[KIT_PIECES];
	struct kit_random rng = { 7 };
	uint8_t key[32], iv[12], aad[40], want_tag[16], tag[16];

	(void)state;
	kit_bytes(&rng, plain, sizeof plain);
	for (unsigned round = 0; round < 10000; round++) {
		struct aead_engine *e = engines[round % N_BACKENDS];
		enum aead_kind kind = kit_below(&rng, 3);
		size_t len = kit_size(&rng, MAX), aad_len = kit_below(&rng, sizeof aad + 1);
		bool in_place = kit_below(&rng, 4) == 0;
		struct aead_key k;
		unsigned n_in, n_out;

		if (e == NULL)
			continue;
		kit_bytes(&rng, key, sizeof key);
		kit_bytes(&rng, iv, sizeof iv);
		kit_bytes(&rng, aad, sizeof aad);
		whole_seal(kind, key, iv, aad, aad_len, plain, want, len, want_tag);
		aead_key_init(&k, kind, key);

		if (in_place)
			memcpy(sealed, plain, len);
		n_in = kit_cut(&rng, in, in_place ? sealed : plain, len);
		n_out = kit_cut(&rng, out, sealed, len);
		assert_int_equal(
		    aead_seal(e, &k, iv, aad, aad_len, in, n_in, out, n_out, len, tag), 0);
		assert_memory_equal(sealed, want, len);
		assert_memory_equal(tag, want_tag, 16);

		n_in = kit_cut(&rng, in, sealed, len);
		n_out = kit_cut(&rng, out, in_place ? sealed : opened, len);
		assert_int_equal(
		    aead_open(e, &k, iv, aad, aad_len, in, n_in, out, n_out, len, tag), 0);
		assert_memory_equal(in_place ? sealed : opened, plain, len);

		memcpy(sealed, plain, len);
		assert_int_equal(aead_seal_once(e, &k, iv, aad, aad_len, in_place ? sealed : plain,
				     sealed, len, tag),
		    0);
		assert_memory_equal(sealed, want, len);
		assert_memory_equal(tag, want_tag, 16);
		assert_int_equal(aead_open_once(e, &k, iv, aad, aad_len, sealed,
				     in_place ? sealed : opened, len, tag),
		    0);
		assert_memory_equal(in_place ? sealed : opened, plain, len);
		aead_key_wipe(e, &k);
	}
}

/* A single wrong bit anywhere is refused, and no plaintext stays behind. */
static void forgeries_are_wiped(void **state)
{
	static uint8_t plain[600], sealed[600], opened[600];
	static struct iovec in[KIT_PIECES], out[KIT_PIECES];
	static const uint8_t zeros[600];
	struct kit_random rng = { 8 };

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		struct aead_engine *e = engines[round % N_BACKENDS];
		size_t len = 1 + kit_below(&rng, sizeof plain), where;
		uint8_t key[32], iv[12], aad[13], tag[16];
		struct aead_key k;
		unsigned n_in, n_out, bit = 1u << kit_below(&rng, 8);

		if (e == NULL)
			continue;
		kit_bytes(&rng, plain, sizeof plain);
		kit_bytes(&rng, key, sizeof key);
		kit_bytes(&rng, iv, sizeof iv);
		kit_bytes(&rng, aad, sizeof aad);
		aead_key_init(&k, kit_below(&rng, 3), key);
		n_in = kit_cut(&rng, in, plain, len);
		n_out = kit_cut(&rng, out, sealed, len);
		assert_int_equal(aead_seal(e, &k, iv, aad, 13, in, n_in, out, n_out, len, tag), 0);
		where = kit_below(&rng, (uint32_t)(len + 16 + 13 + 12));
		if (where < len)
			sealed[where] ^= bit;
		else if (where < len + 16)
			tag[where - len] ^= bit;
		else if (where < len + 29)
			aad[where - len - 16] ^= bit;
		else
			iv[where - len - 29] ^= bit;
		memset(opened, 0xee, sizeof opened);
		n_in = kit_cut(&rng, in, sealed, len);
		n_out = kit_cut(&rng, out, opened, len);
		assert_int_equal(aead_open(e, &k, iv, aad, 13, in, n_in, out, n_out, len, tag), -1);
		assert_memory_equal(opened, zeros, len);
		memset(opened, 0xee, sizeof opened);
		assert_int_equal(aead_open_once(e, &k, iv, aad, 13, sealed, opened, len, tag), -1);
		assert_memory_equal(opened, zeros, len);
		aead_key_wipe(e, &k);
	}
}

static void short_pieces_are_refused(void **state)
{
	uint8_t key[32] = { 1 }, iv[12] = { 2 }, bytes[32] = { 0 }, tag[16] = { 0 };
	struct iovec whole = { bytes, 32 }, part = { bytes, 31 };
	struct aead_key k;

	(void)state;
	for (unsigned b = 0; b < N_BACKENDS; b++) {
		struct aead_engine *e = engines[b];

		if (e == NULL)
			continue;
		aead_key_init(&k, AEAD_AES_128_GCM, key);
		assert_int_equal(aead_seal(e, &k, iv, NULL, 0, &part, 1, &whole, 1, 32, tag), -1);
		assert_int_equal(aead_seal(e, &k, iv, NULL, 0, &whole, 1, &part, 1, 32, tag), -1);
		assert_int_equal(aead_open(e, &k, iv, NULL, 0, &part, 1, &whole, 1, 32, tag), -1);
		assert_int_equal(aead_open(e, &k, iv, NULL, 0, NULL, 0, &whole, 1, 1, tag), -1);
		aead_key_wipe(e, &k);
	}
}

/* Far more keys than slots, used in any order: always the right one, and the cache stays bounded. */
static void cache_never_mixes_keys(void **state)
{
	enum {
		KEYS = 40
	};
	struct kit_random rng = { 9 };

	(void)state;
	for (unsigned b = 0; b < N_BACKENDS; b++) {
		struct aead_engine *e = engines[b];
		struct aead_key keys[KEYS];
		uint8_t raw[KEYS][32], iv[12] = { 0 }, plain[50] = { 3 };
		const struct aead_stats *stats;

		if (e == NULL)
			continue;
		for (unsigned i = 0; i < KEYS; i++) {
			kit_bytes(&rng, raw[i], 32);
			aead_key_init(&keys[i], i % 3, raw[i]);
		}
		for (unsigned round = 0; round < 4000; round++) {
			unsigned i = kit_below(&rng, KEYS);
			uint8_t want[50], want_tag[16], got[50], tag[16];
			struct iovec in = { plain, 50 }, out = { got, 50 };

			if (kit_below(&rng, 50) == 0) { /* a connection goes, another comes */
				aead_key_wipe(e, &keys[i]);
				assert_false(keys[i].is_set);
				kit_bytes(&rng, raw[i], 32);
				aead_key_init(&keys[i], i % 3, raw[i]);
			}
			whole_seal(i % 3, raw[i], iv, NULL, 0, plain, want, 50, want_tag);
			assert_int_equal(
			    aead_seal(e, &keys[i], iv, NULL, 0, &in, 1, &out, 1, 50, tag), 0);
			assert_memory_equal(got, want, 50);
			assert_memory_equal(tag, want_tag, 16);
		}
		stats = aead_engine_stats(e);
		assert_true(stats->evictions > 0 && stats->evictions < stats->expansions);
		for (unsigned i = 0; i < KEYS; i++)
			aead_key_wipe(e, &keys[i]);
	}
}

/* A key that was copied, or that another one took the place of, is expanded anew: never another's expansion. */
static void moved_keys_are_expanded_again(void **state)
{
	struct aead_engine *e = aead_engine_new(AEAD_BEST, 4);
	uint8_t raw[2][32] = { { 1 }, { 2 } }, iv[12] = { 0 }, plain[20] = { 3 };
	struct aead_key key, copy;

	(void)state;
	assert_non_null(e);
	aead_key_init(&key, AEAD_AES_256_GCM, raw[0]);
	for (unsigned i = 0; i < 6; i++) {
		uint8_t want[20], want_tag[16], got[20], tag[16];

		whole_seal(AEAD_AES_256_GCM, raw[0], iv, NULL, 0, plain, want, 20, want_tag);
		assert_int_equal(aead_seal_once(e, &key, iv, NULL, 0, plain, got, 20, tag), 0);
		assert_memory_equal(tag, want_tag, 16);
		copy = key;
		assert_int_equal(aead_seal_once(e, &copy, iv, NULL, 0, plain, got, 20, tag), 0);
		assert_memory_equal(tag, want_tag, 16);
		/* Not wiped: what it has left in the cache is this address's, but not this key's. */
		aead_key_init(&key, AEAD_AES_256_GCM, raw[1]);
		whole_seal(AEAD_AES_256_GCM, raw[1], iv, NULL, 0, plain, want, 20, want_tag);
		assert_int_equal(aead_seal_once(e, &key, iv, NULL, 0, plain, got, 20, tag), 0);
		assert_memory_equal(tag, want_tag, 16);
		aead_key_wipe(e, &key);
		aead_key_wipe(e, &copy);
		aead_key_init(&key, AEAD_AES_256_GCM, raw[0]);
	}
	aead_engine_free(e);
}

/* The keys used over and over are not expanded again while others pass through. */
static void hot_keys_stay(void **state)
{
	struct aead_engine *e = aead_engine_new(AEAD_BEST, 8);
	uint8_t raw[32] = { 5 }, iv[12] = { 0 }, byte[1] = { 0 }, tag[16];
	struct iovec v = { byte, 1 };
	struct aead_key hot, cold;
	unsigned hot_expansions = 0;

	(void)state;
	assert_non_null(e);
	aead_key_init(&hot, AEAD_AES_128_GCM, raw);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t before = aead_engine_stats(e)->expansions;

		assert_int_equal(aead_seal(e, &hot, iv, NULL, 0, &v, 1, &v, 1, 1, tag), 0);
		hot_expansions += aead_engine_stats(e)->expansions != before;
		aead_key_init(&cold, AEAD_AES_128_GCM, raw); /* never wiped: ages out */
		assert_int_equal(aead_seal(e, &cold, iv, NULL, 0, &v, 1, &v, 1, 1, tag), 0);
	}
	assert_int_equal(hot_expansions, 1);
	aead_engine_free(e);
}

static void wiped_keys_leave_memory(void **state)
{
	struct kit_random rng = { 10 };

	(void)state;
	for (unsigned b = 0; b < N_BACKENDS; b++) {
		for (unsigned kind = 0; kind < 3; kind++) {
			struct kit_secret secret;
			uint8_t iv[12] = { 1 }, data[100] = { 0 }, tag[16], *key = malloc(32);
			struct iovec v = { data, sizeof data };
			struct aead_key *k = malloc(sizeof *k);

			if (engines[b] == NULL || key == NULL || k == NULL) {
				free(key);
				free(k);
				continue;
			}
			kit_secret_make(&rng, &secret, key, key_len(kind));
			aead_key_init(k, kind, key);
			explicit_bzero(key, 32);
			aead_seal(engines[b], k, iv, NULL, 0, &v, 1, &v, 1, sizeof data, tag);
			assert_true(kit_secret_in_memory(&secret)); /* the search works */
			aead_key_wipe(engines[b], k);
			kit_stack_scrub();
			assert_false(kit_secret_in_memory(&secret));
			free(key);
			free(k);
		}
	}
}

static void engine_without_backend_is_null(void **state)
{
	struct aead_engine *e = aead_engine_new(AEAD_BEST, 0);

	(void)state;
	assert_non_null(e);
	assert_string_equal(
	    aead_engine_name(e), aead_engine_name(engines[1] != NULL ? engines[1] : engines[0]));
	assert_string_equal(aead_engine_name(engines[0]), "wolfcrypt");
	aead_engine_free(e);
	aead_engine_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(pieces_equal_contiguous),
		cmocka_unit_test(forgeries_are_wiped),
		cmocka_unit_test(short_pieces_are_refused),
		cmocka_unit_test(cache_never_mixes_keys),
		cmocka_unit_test(moved_keys_are_expanded_again),
		cmocka_unit_test(hot_keys_stay),
		cmocka_unit_test(wiped_keys_leave_memory),
		cmocka_unit_test(engine_without_backend_is_null),
	};

	return cmocka_run_group_tests_name("tls_aead", tests, setup, teardown);
}
