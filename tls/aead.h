/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * AEAD over scattered bytes, two engines behind one interface: intel-ipsec-mb (VAES, AVX2 or
 * AES-NI, chosen at run time) and wolfCrypt. One struct aead_engine per worker, not shared.
 *
 * Expanded keys are large (over 1 KB for GCM), connections are many and mostly idle: the engine
 * keeps the expanded keys of those used last in a cache of bounded size and expands again when
 * needed. Connections hold struct aead_key only.
 */
enum aead_kind { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 };

#define AEAD_TAG 16
#define AEAD_IV 12

struct aead_key {
	uint8_t key[32];
	uint64_t id; /* names this key in the engine's cache; set by aead_key_init */
	uint8_t kind; /* enum aead_kind */
};

struct aead_engine;

enum aead_backend { AEAD_BEST, AEAD_IPSEC_MB, AEAD_WOLFCRYPT };

/* Makes one; n_cached expanded keys at most. NULL: no memory, or that backend does not work here. */
struct aead_engine *aead_engine_new(enum aead_backend backend, unsigned n_cached);
void aead_engine_free(struct aead_engine *e); /* wipes; NULL is fine */

/* "ipsec-mb avx512-vaes", "wolfcrypt", ... */
const char *aead_engine_name(const struct aead_engine *e);

void aead_key_init(struct aead_engine *e, struct aead_key *k, enum aead_kind kind,
    const uint8_t *key);

/* Wipes the key and what the engine holds of it. */
void aead_key_wipe(struct aead_engine *e, struct aead_key *k);

/*
 * Encrypts the bytes of in (n_in pieces, the first len bytes altogether) into out, then writes the
 * tag to tag[16]. in and out may be cut differently; they must not overlap unless identical.
 */
int aead_seal(struct aead_engine *e, const struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const struct iovec *in, unsigned n_in,
    const struct iovec *out, unsigned n_out, size_t len, uint8_t tag[AEAD_TAG]);

/* Decrypts and compares the tag in constant time: 0, or -1 when it is wrong (out is then wiped). */
int aead_open(struct aead_engine *e, const struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const struct iovec *in, unsigned n_in,
    const struct iovec *out, unsigned n_out, size_t len, const uint8_t tag[AEAD_TAG]);
