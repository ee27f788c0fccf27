/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/record.h"

#include <assert.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/kdf.h>

#include "tls/legacy.h"
#include "tls/record_private.h"
#include "tls/record_ticket.h"

static void dir_init(struct record_dir *d, enum aead_kind kind, const struct tls_secret *s)
{
	aead_key_init(&d->key, kind, s->key);
	memcpy(d->iv, s->iv, sizeof d->iv);
	memcpy(d->traffic, s->traffic, sizeof d->traffic);
	d->seq = s->seq;
}

void record_init(struct record *r, struct tls_keys *keys)
{
	assert(keys->version == TLS12 || keys->version == TLS13);
	assert(keys->version == TLS12 || keys->hash_len == 32 || keys->hash_len == 48);
	memset(r, 0, sizeof *r);
	dir_init(&r->read, keys->aead, &keys->read);
	dir_init(&r->write, keys->aead, &keys->write);
	r->flags = (uint16_t)((keys->version == TLS13 ? RECORD_IS_13 : 0) |
	    (keys->hash_len == 48 ? RECORD_IS_SHA384 : 0) | (keys->client ? RECORD_IS_CLIENT : 0));
	r->rekey_shift = RECORD_REKEY_SHIFT;
	r->alert_in = r->alert_out = ALERT_NONE;
	explicit_bzero(keys, sizeof *keys);
}

void record_init_legacy(struct record *r, struct legacy *legacy)
{
	memset(r, 0, sizeof *r);
	r->flags = RECORD_IS_LEGACY;
	r->legacy = legacy;
	r->alert_in = r->alert_out = ALERT_NONE;
}

uint16_t record_version(const struct record *r)
{
	if (record_is_legacy(r))
		return 0;
	return record_is_13(r) ? TLS13 : TLS12;
}

void record_fini(struct record *r, struct aead_engine *e)
{
	if (record_is_legacy(r)) {
		legacy_free(r->legacy);
	} else {
		aead_key_wipe(e, &r->read.key);
		aead_key_wipe(e, &r->write.key);
	}
	record_ticket_free(r->ticket);
	explicit_bzero(r, sizeof *r);
}

void record_nonce(const struct record *r, const struct record_dir *d,
    const uint8_t explicit_nonce[EXPLICIT_NONCE], uint8_t nonce[AEAD_IV])
{
	memcpy(nonce, d->iv, AEAD_IV);
	if (record_nonce_len(r) > 0) {
		memcpy(nonce + 4, explicit_nonce, EXPLICIT_NONCE);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		nonce[AEAD_IV - 1 - i] ^= (uint8_t)(d->seq >> 8 * i);
}

size_t record_aad(const struct record *r, const struct record_dir *d, const uint8_t header[HEADER],
    size_t content_len, uint8_t aad[AAD_MAX])
{
	if (record_is_13(r)) {
		memcpy(aad, header, HEADER);
		return HEADER;
	}
	for (unsigned i = 0; i < 8; i++)
		aad[i] = (uint8_t)(d->seq >> (56 - 8 * i));
	memcpy(aad + 8, header, 3);
	aad[11] = (uint8_t)(content_len >> 8);
	aad[12] = (uint8_t)content_len;
	return 13;
}

/* HKDF-Expand-Label with an empty context, RFC 8446 7.1. */
static int expand_label(
    const struct record *r, const uint8_t *secret, const char *label, uint8_t *to, size_t len)
{
	return wc_Tls13_HKDF_Expand_Label(to, (word32)len, secret, record_hash_len(r),
	    (const byte *)"tls13 ", 6, (const byte *)label, (word32)strlen(label), NULL, 0,
	    r->flags & RECORD_IS_SHA384 ? WC_SHA384 : WC_SHA256);
}

int record_next_keys(struct record *r, struct aead_engine *e, struct record_dir *d)
{
	enum aead_kind kind = d->key.kind;
	uint8_t traffic[48] = { 0 }, key[32], iv[AEAD_IV];
	int rc;

	rc = expand_label(r, d->traffic, "traffic upd", traffic, record_hash_len(r));
	if (rc == 0)
		rc = expand_label(r, traffic, "key", key, kind == AEAD_AES_128_GCM ? 16 : 32);
	if (rc == 0)
		rc = expand_label(r, traffic, "iv", iv, sizeof iv);
	if (rc == 0) {
		aead_key_wipe(e, &d->key);
		aead_key_init(&d->key, kind, key);
		memcpy(d->traffic, traffic, sizeof d->traffic);
		memcpy(d->iv, iv, sizeof d->iv);
		d->seq = 0;
	}
	explicit_bzero(traffic, sizeof traffic);
	explicit_bzero(key, sizeof key);
	explicit_bzero(iv, sizeof iv);
	return rc == 0 ? 0 : -1;
}

enum record_status record_fail(struct record *r, uint8_t alert)
{
	record_alert(r, alert);
	return RECORD_FATAL;
}

void record_idle(struct record *r)
{
	r->burst = 0;
}

void record_close(struct record *r)
{
	if (r->flags & (RECORD_IS_DEAD | RECORD_CLOSING))
		return;
	r->flags |= RECORD_CLOSING | RECORD_DUE_ALERT;
	r->alert_out = ALERT_CLOSE_NOTIFY;
}

void record_alert(struct record *r, uint8_t alert)
{
	if (r->flags & RECORD_IS_DEAD)
		return;
	r->flags &= (uint16_t)~RECORD_DUE;
	r->flags |= RECORD_IS_DEAD;
	/* Nothing may follow a close_notify, not even bad news (RFC 8446 6.1). */
	if (r->flags & RECORD_CLOSE_SENT)
		return;
	r->flags |= RECORD_DUE_ALERT;
	r->alert_out = alert;
}

void record_rekey(struct record *r, bool request)
{
	if (!record_is_13(r) || (r->flags & (RECORD_IS_DEAD | RECORD_CLOSING)))
		return;
	r->flags |= RECORD_DUE_UPDATE | (request ? RECORD_DUE_REQUEST : 0);
}

bool record_has_control(const struct record *r)
{
	return (r->flags & RECORD_DUE) != 0;
}
