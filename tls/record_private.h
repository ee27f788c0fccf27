/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/record.h"
#include "tls/view.h"

/* What the files tls/record*.c share; nobody else includes this. */

enum { /* content types, RFC 8446 5.1 */
	TYPE_CHANGE_CIPHER_SPEC = 20,
	TYPE_ALERT = 21,
	TYPE_HANDSHAKE = 22,
	TYPE_DATA = 23,
};

enum { /* alerts, RFC 8446 6, RFC 5246 7.2 */
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_BAD_RECORD_MAC = 20,
	ALERT_RECORD_OVERFLOW = 22,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_DECODE_ERROR = 50,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_USER_CANCELED = 90,
	ALERT_NO_RENEGOTIATION = 100,
	ALERT_NONE = 0xff,
};

enum { /* struct record: flags; one more is RECORD_IS_LEGACY, record.h */
	RECORD_IS_CLIENT = 1 << 0,
	RECORD_IS_DEAD = 1 << 1,   /* a fatal alert came or goes: only that may still be written */
	RECORD_SAW_CLOSE = 1 << 2, /* close_notify came */
	RECORD_CLOSING = 1 << 3,   /* close_notify asked for, maybe written */
	RECORD_CLOSE_SENT = 1 << 4,
	RECORD_DUE_ALERT = 1 << 5,   /* alert_out is to be written */
	RECORD_DUE_UPDATE = 1 << 6,  /* a KeyUpdate is to be written */
	RECORD_DUE_REQUEST = 1 << 7, /* ... with update_requested */
	RECORD_ASKED = 1 << 8,       /* our update_requested is not answered yet */
	RECORD_DUE_NO_RENEGOTIATION = 1 << 9,
	RECORD_IS_13 = 1 << 10,     /* TLS 1.3; otherwise 1.2 */
	RECORD_IS_SHA384 = 1 << 11, /* the suite's hash, for KeyUpdate; otherwise SHA-256 */
};

#define RECORD_DUE (RECORD_DUE_ALERT | RECORD_DUE_UPDATE | RECORD_DUE_NO_RENEGOTIATION)

enum { /* sizes */
	HEADER = 5,
	EXPLICIT_NONCE = 8, /* TLS 1.2 AES-GCM, RFC 5288 3 */
	MAX_PLAIN = 16384,
	AAD_MAX = 13,
	/* Up to here one call over contiguous bytes is cheaper than piece by piece, copy included. */
	RECORD_ONCE = 2048,
};

#define TLS12 0x0303
#define TLS13 0x0304

static inline bool record_is_13(const struct record *r)
{
	return r->flags & RECORD_IS_13;
}

static inline uint8_t record_hash_len(const struct record *r)
{
	return r->flags & RECORD_IS_SHA384 ? 48 : 32;
}

/* Bytes of the nonce that travel in each record. */
static inline size_t record_nonce_len(const struct record *r)
{
	return record_is_13(r) || r->read.key.kind == AEAD_CHACHA20_POLY1305 ? 0 : EXPLICIT_NONCE;
}

/* Bytes a record has beyond its content: header, explicit nonce, inner type, tag. */
static inline size_t record_overhead(const struct record *r)
{
	return HEADER + record_nonce_len(r) + (record_is_13(r) ? 1 : 0) + AEAD_TAG;
}

/*
 * The nonce of sequence number d->seq: RFC 8446 5.3 and RFC 7905 2 (IV xor number), or for AES-GCM in
 * TLS 1.2 the 4-byte salt with explicit_nonce (RFC 5288 3).
 */
void record_nonce(const struct record *r, const struct record_dir *d,
    const uint8_t explicit_nonce[EXPLICIT_NONCE], uint8_t nonce[AEAD_IV]);

/*
 * The additional data: the header as it travels (RFC 8446 5.2), or number, type, version and length
 * of the content (RFC 5246 6.2.3.3). Returns its length.
 */
size_t record_aad(const struct record *r, const struct record_dir *d, const uint8_t header[HEADER],
    size_t content_len, uint8_t aad[AAD_MAX]);

/* Moves one direction to its next traffic secret (RFC 8446 7.2); the old keys are wiped. 0 or -1. */
int record_next_keys(struct record *r, struct aead_engine *e, struct record_dir *d);

/* Marks the connection dead; alert goes out if the write side still works. Returns RECORD_FATAL. */
enum record_status record_fail(struct record *r, uint8_t alert);

/*
 * A ticket's body of len bytes begins (its header was checked), and n bytes of it are next in content. A ticket that nobody
 * wants is passed over.
 */
void record_begin_ticket(struct record *r, size_t len);
void record_collect_ticket(struct record *r, struct view content, size_t n);

/*
 * Takes the content of an alert or handshake record that was authenticated: n bytes, at least one,
 * of content, with the flags and keys following from it. Returns ALERT_NONE, or the alert
 * that ends the connection (then nothing was said to the peer yet). A fatal alert from the
 * peer sets RECORD_IS_DEAD.
 */
uint8_t record_take_alert(struct record *r, struct view content, size_t n);
uint8_t
record_take_handshake(struct record *r, struct aead_engine *e, struct view content, size_t n);
