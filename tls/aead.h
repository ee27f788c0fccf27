/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tls/view.h"

/*
 * AEAD over scattered bytes, two engines behind one interface: intel-ipsec-mb (VAES, AVX2 or
 * AES-NI, chosen at run time) and wolfCrypt. One struct aead_engine per worker, not shared.
 *
 * Expanded keys are large (1 KB for GCM), connections are many and mostly idle: the engine
 * keeps the expanded keys of those used last in a cache of bounded size and expands again when
 * needed. Connections hold struct aead_key only, and the engine knows a key by its address: it stays
 * where it is from aead_key_init to aead_key_wipe.
 */
enum aead_kind {
	AEAD_AES_128_GCM,
	AEAD_AES_256_GCM,
	AEAD_CHACHA20_POLY1305
};

#define AEAD_TAG 16
#define AEAD_IV  12

/* Most bytes under one IV: far above a TLS record, far below what 32-bit block counters allow. */
#define AEAD_MAX_BYTES (1u << 30)

struct aead_key {
	uint16_t slot; /* where the engine saw its expansion last: a hint, checked by who owns it */
	uint8_t kind;  /* enum aead_kind */
	bool is_set;   /* by aead_key_init; not wiped since */
	uint8_t key[32];
};

struct aead_engine;

enum aead_backend {
	AEAD_BEST,         /* ipsec-mb where it works, otherwise wolfCrypt */
	AEAD_IPSEC_MB,     /* the best it has for this CPU */
	AEAD_IPSEC_MB_SSE, /* these three for comparison and tests */
	AEAD_IPSEC_MB_AVX,
	AEAD_IPSEC_MB_AVX2,
	AEAD_WOLFCRYPT,
};

struct aead_stats {
	uint64_t expansions; /* keys expanded because the cache did not hold them */
	uint64_t evictions;  /* expansions that pushed another key out */
};

/*
 * Makes one; n_cached expanded keys at most (0: 512, which fits a level-2 cache; AEAD_MAX_CACHED is
 * the limit). NULL: no memory, or that backend does not work here.
 */
#define AEAD_MAX_CACHED 65535
struct aead_engine *aead_engine_new(enum aead_backend backend, unsigned n_cached);
void aead_engine_free(struct aead_engine *e); /* wipes; NULL is fine */

/* "ipsec-mb avx512-vaes", "wolfcrypt", ... */
const char *aead_engine_name(const struct aead_engine *e);

const struct aead_stats *aead_engine_stats(const struct aead_engine *e);

/* Takes 16 or 32 bytes of key by kind. Cheap: nothing is expanded yet. */
void aead_key_init(struct aead_key *k, enum aead_kind kind, const uint8_t *key);

/* Wipes the key and what the engine holds of it. */
void aead_key_wipe(struct aead_engine *e, struct aead_key *k);

/*
 * Encrypts the bytes of in (n_in pieces, the first len bytes altogether) into out, then writes the
 * tag to tag[16]. in and out may be cut differently; they must not overlap unless identical.
 * 0, or -1: pieces too short for len, len above AEAD_MAX_BYTES, or the backend failed; nothing
 * useful is in out then.
 */
int aead_seal(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const struct iovec *in, unsigned n_in,
    const struct iovec *out, unsigned n_out, size_t len, uint8_t tag[AEAD_TAG]);

/* Decrypts and compares the tag in constant time: 0, or -1 when it is wrong (out is then wiped). */
int aead_open(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const struct iovec *in, unsigned n_in,
    const struct iovec *out, unsigned n_out, size_t len, const uint8_t tag[AEAD_TAG]);

/*
 * The same over contiguous bytes, which is cheaper for short ones. out may equal in, otherwise they do
 * not overlap.
 */
int aead_seal_once(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
    uint8_t tag[AEAD_TAG]);
int aead_open_once(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
    const uint8_t tag[AEAD_TAG]);

/*
 * The same step by step, for callers with bytes of their own between the pieces (the inner type of
 * TLS 1.3): start, then encrypt or decrypt any number of times, then the matching finish. One
 * operation at a time per engine; a new start abandons the one before.
 *
 * What aead_decrypt wrote is not authenticated before aead_finish_open returned 0: if it returns -1
 * the caller wipes it.
 */
int aead_start_seal(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len); /* 0, or -1: the backend failed */
int aead_start_open(struct aead_engine *e, struct aead_key *k, const uint8_t iv[AEAD_IV],
    const uint8_t *aad, size_t aad_len);

/* Moves both views on by len, which the caller knows to be there. */
void aead_encrypt(struct aead_engine *e, struct view *in, struct view *out, size_t len);
void aead_decrypt(struct aead_engine *e, struct view *in, struct view *out, size_t len);

int aead_finish_seal(struct aead_engine *e, uint8_t tag[AEAD_TAG]); /* 0, or -1: backend failed */
int aead_finish_open(struct aead_engine *e, const uint8_t tag[AEAD_TAG]); /* 0, or -1: wrong */
