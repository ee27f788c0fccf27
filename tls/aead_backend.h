/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/aead.h"

/*
 * What an engine's library must offer; private to tls/aead*.c. An operation is start, then update
 * with contiguous runs, then finish; the backend keeps its state between them. Functions that can
 * fail return 0 or -1.
 */
struct aead_call {
	enum aead_kind kind;
	void *expanded; /* as for start */
	const uint8_t *key, *iv, *aad;
	size_t aad_len;
	const uint8_t *in;
	uint8_t *out;
	size_t len;
};

struct aead_backend_ops {
	/* Sets *name (static text). NULL: no memory, or the library does not work on this CPU. */
	void *(*create)(enum aead_backend which, const char **name);
	void (*free)(void *state); /* wipes */

	size_t expanded_size; /* of one expanded key; slots are 64-byte aligned */
	int (*expand)(void *state, void *expanded, enum aead_kind kind, const uint8_t *key);
	void (*wipe)(void *expanded); /* of one that expand filled */

	/* expanded is NULL for ChaCha20-Poly1305, whose key needs no expansion. */
	int (*start)(void *state, enum aead_kind kind, void *expanded, const uint8_t *key,
	    const uint8_t *iv, const uint8_t *aad, size_t aad_len, bool seal);
	int (*update)(void *state, uint8_t *out, const uint8_t *in, size_t len);
	int (*finish_seal)(void *state, uint8_t tag[AEAD_TAG]);
	int (*finish_open)(void *state, const uint8_t tag[AEAD_TAG]); /* in constant time */

	/* The three in one, over contiguous bytes: cheaper for short ones. out may equal in. */
	int (*seal)(void *state, const struct aead_call *call, uint8_t tag[AEAD_TAG]);
	int (*open)(void *state, const struct aead_call *call, const uint8_t tag[AEAD_TAG]);
};

extern const struct aead_backend_ops aead_ipsecmb_ops;
extern const struct aead_backend_ops aead_wolfcrypt_ops;
