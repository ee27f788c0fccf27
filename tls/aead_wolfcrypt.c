/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include "tls/aead_backend.h"

#ifndef WOLFSSL_AESGCM_STREAM
#error "wolfSSL without AES-GCM streaming (--enable-aesgcm-stream)"
#endif

struct wolfcrypt {
	ChaChaPoly_Aead chacha;
	Aes *aes; /* of the operation under way: wolfCrypt keeps its state beside the key */
	enum aead_kind kind;
	bool seal;
};

static void *wolfcrypt_new(enum aead_backend which, const char **name)
{
	struct wolfcrypt *s = aligned_alloc(64, (sizeof *s + 63) & ~(size_t)63);

	(void)which;
	if (s == NULL)
		return NULL;
	memset(s, 0, sizeof *s);
	*name = "wolfcrypt";
	return s;
}

static void wolfcrypt_free(void *state)
{
	explicit_bzero(state, sizeof(struct wolfcrypt));
	free(state);
}

static int wolfcrypt_expand(void *state, void *expanded, enum aead_kind kind, const uint8_t *key)
{
	Aes *aes = expanded;

	(void)state;
	if (wc_AesInit(aes, NULL, INVALID_DEVID) != 0)
		return -1;
	return wc_AesGcmSetKey(aes, key, kind == AEAD_AES_128_GCM ? 16 : 32) == 0 ? 0 : -1;
}

static void wolfcrypt_wipe(void *expanded)
{
	wc_AesFree(expanded);
	explicit_bzero(expanded, sizeof(Aes));
}

static int chacha_start(
    struct wolfcrypt *s, const uint8_t *key, const uint8_t *iv, const uint8_t *aad, size_t aad_len)
{
	uint8_t nothing = 0;
	int rc = wc_ChaCha20Poly1305_Init(&s->chacha, key, iv, s->seal);

	if (rc == 0 && aad_len > 0)
		rc = wc_ChaCha20Poly1305_UpdateAad(&s->chacha, aad, (word32)aad_len);
	else if (rc == 0) /* Final refuses an operation that saw neither AAD nor data */
		rc = wc_ChaCha20Poly1305_UpdateData(&s->chacha, &nothing, &nothing, 0);
	return rc == 0 ? 0 : -1;
}

static int wolfcrypt_start(void *state, enum aead_kind kind, void *expanded, const uint8_t *key,
    const uint8_t *iv, const uint8_t *aad, size_t aad_len, bool seal)
{
	struct wolfcrypt *s = state;
	int rc;

	s->kind = kind;
	s->seal = seal;
	s->aes = expanded;
	if (kind == AEAD_CHACHA20_POLY1305)
		return chacha_start(s, key, iv, aad, aad_len);
	if (seal) {
		rc = wc_AesGcmEncryptInit(s->aes, NULL, 0, iv, AEAD_IV);
		if (rc == 0)
			rc = wc_AesGcmEncryptUpdate(s->aes, NULL, NULL, 0, aad, (word32)aad_len);
	} else {
		rc = wc_AesGcmDecryptInit(s->aes, NULL, 0, iv, AEAD_IV);
		if (rc == 0)
			rc = wc_AesGcmDecryptUpdate(s->aes, NULL, NULL, 0, aad, (word32)aad_len);
	}
	return rc == 0 ? 0 : -1;
}

static int wolfcrypt_update(void *state, uint8_t *out, const uint8_t *in, size_t len)
{
	struct wolfcrypt *s = state;
	int rc;

	if (s->kind == AEAD_CHACHA20_POLY1305)
		rc = wc_ChaCha20Poly1305_UpdateData(&s->chacha, in, out, (word32)len);
	else if (s->seal)
		rc = wc_AesGcmEncryptUpdate(s->aes, out, in, (word32)len, NULL, 0);
	else
		rc = wc_AesGcmDecryptUpdate(s->aes, out, in, (word32)len, NULL, 0);
	return rc == 0 ? 0 : -1;
}

static int wolfcrypt_finish_seal(void *state, uint8_t tag[AEAD_TAG])
{
	struct wolfcrypt *s = state;
	int rc;

	if (s->kind == AEAD_CHACHA20_POLY1305)
		rc = wc_ChaCha20Poly1305_Final(&s->chacha, tag); /* wipes its state */
	else
		rc = wc_AesGcmEncryptFinal(s->aes, tag, AEAD_TAG);
	return rc == 0 ? 0 : -1;
}

static int wolfcrypt_finish_open(void *state, const uint8_t tag[AEAD_TAG])
{
	struct wolfcrypt *s = state;
	uint8_t computed[AEAD_TAG];
	int rc;

	if (s->kind != AEAD_CHACHA20_POLY1305)
		return wc_AesGcmDecryptFinal(s->aes, tag, AEAD_TAG) == 0 ? 0 : -1;
	rc = wc_ChaCha20Poly1305_Final(&s->chacha, computed);
	if (rc == 0)
		rc = wc_ChaCha20Poly1305_CheckTag(tag, computed);
	explicit_bzero(computed, sizeof computed);
	return rc == 0 ? 0 : -1;
}

static int wolfcrypt_seal(void *state, const struct aead_call *c, uint8_t tag[AEAD_TAG])
{
	int rc;

	(void)state;
	if (c->kind == AEAD_CHACHA20_POLY1305)
		rc = wc_ChaCha20Poly1305_Encrypt(
		    c->key, c->iv, c->aad, (word32)c->aad_len, c->in, (word32)c->len, c->out, tag);
	else
		rc = wc_AesGcmEncrypt(c->expanded, c->out, c->in, (word32)c->len, c->iv, AEAD_IV,
		    tag, AEAD_TAG, c->aad, (word32)c->aad_len);
	return rc == 0 ? 0 : -1;
}

static int wolfcrypt_open(void *state, const struct aead_call *c, const uint8_t tag[AEAD_TAG])
{
	int rc;

	(void)state;
	if (c->kind == AEAD_CHACHA20_POLY1305)
		rc = wc_ChaCha20Poly1305_Decrypt(
		    c->key, c->iv, c->aad, (word32)c->aad_len, c->in, (word32)c->len, tag, c->out);
	else
		rc = wc_AesGcmDecrypt(c->expanded, c->out, c->in, (word32)c->len, c->iv, AEAD_IV,
		    tag, AEAD_TAG, c->aad, (word32)c->aad_len);
	return rc == 0 ? 0 : -1;
}

const struct aead_backend_ops aead_wolfcrypt_ops = {
	.create = wolfcrypt_new,
	.free = wolfcrypt_free,
	.expanded_size = sizeof(Aes),
	.expand = wolfcrypt_expand,
	.wipe = wolfcrypt_wipe,
	.start = wolfcrypt_start,
	.update = wolfcrypt_update,
	.finish_seal = wolfcrypt_finish_seal,
	.finish_open = wolfcrypt_finish_open,
	.seal = wolfcrypt_seal,
	.open = wolfcrypt_open,
};
