/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tls/aead.h"

struct legacy;

/*
 * The TLS record layer after the handshake (tls.md 4): RFC 8446 5 and RFC 5246 6.2 with AEAD suites by
 * our own engine, every other suite through the wolfSSL object that did the handshake (tls/legacy.h).
 * No I/O: ciphertext views in, plaintext room out, and the other way round. One touch per byte.
 */

/* One direction's secrets as the handshake left them. */
struct tls_secret {
	uint8_t key[32];
	uint8_t iv[12];
	uint8_t traffic[48]; /* TLS 1.3 application traffic secret, for KeyUpdate */
	uint64_t seq;        /* next record's sequence number */
};

struct tls_keys {
	uint16_t version; /* 0x0303 or 0x0304 */
	uint16_t suite;
	enum aead_kind aead;
	uint8_t hash_len; /* 32 or 48: the suite's hash, for KeyUpdate */
	struct tls_secret read, write;
};

struct record_dir {
	struct aead_key key;
	uint8_t iv[12];
	uint8_t traffic[48];
	uint64_t seq;
};

struct record {
	struct record_dir read, write;
	struct legacy *legacy; /* not NULL: wolfSSL does the records */
	uint16_t version;
	uint8_t hash_len;
	uint8_t flags;       /* private to record.c */
	uint8_t alert_in;    /* what the peer sent, 0xff: nothing yet */
	uint8_t alert_out;   /* what is to be sent or was sent, 0xff: nothing */
	uint8_t hs_len;      /* private: bytes of a fragmented post-handshake message */
	uint8_t hs[8];       /* private */
	uint16_t n_empty;    /* private: empty records in a row */
	uint16_t n_updates;  /* private: key updates asked of us lately */
	uint32_t burst;      /* private: bytes sealed since the last idle, for record sizes */
};

/* Takes over after a handshake. keys are copied and wiped. */
void record_init(struct record *r, struct aead_engine *e, struct tls_keys *keys);

/* The same for suites that stay on wolfSSL. Takes legacy. */
void record_init_legacy(struct record *r, struct legacy *legacy);

/* Wipes everything. */
void record_fini(struct record *r, struct aead_engine *e);

struct record_io {
	const struct iovec *in;
	unsigned n_in;
	const struct iovec *out;
	unsigned n_out;
	size_t consumed; /* of in */
	size_t produced; /* into out */
	size_t need;     /* RECORD_MORE: bytes of in, RECORD_FULL: bytes of out wanted */
};

enum record_status {
	RECORD_OK,     /* progress was made: consumed and produced tell; call again */
	RECORD_MORE,   /* in holds no complete record; nothing consumed */
	RECORD_FULL,   /* out has no room for it; nothing consumed */
	RECORD_CLOSED, /* close_notify was received: nothing follows */
	RECORD_FATAL,  /* a fatal alert came in (alert_in), or goes out (record_control) */
};

/*
 * Opens one record from in to out. Nothing unauthenticated is ever counted in produced. KeyUpdate
 * and alerts are handled inside (then consumed > 0, produced == 0).
 */
enum record_status record_open(struct record *r, struct aead_engine *e, struct record_io *io);

/* Largest number of ciphertext bytes one record may have, header included. */
#define RECORD_MAX (5 + 16384 + 256)

/*
 * Seals one record from in to out; its size follows in, out and how hot the connection is: one segment
 * at first, 16 KB later, back after idle. RECORD_OK, RECORD_FULL or RECORD_FATAL (no more keys).
 */
enum record_status record_seal(struct record *r, struct aead_engine *e, struct record_io *io);

/* Tells that nothing was sent for a while: records start small again. */
void record_idle(struct record *r);

/* Ask for close_notify, or for a fatal alert, to be sent by the next record_control. */
void record_close(struct record *r);
void record_alert(struct record *r, uint8_t alert);

/* True when record_control has something to write: call it before record_seal. */
bool record_has_control(const struct record *r);

/* Writes waiting alerts and KeyUpdates into out: RECORD_OK (produced may be 0) or RECORD_FULL. */
enum record_status record_control(struct record *r, struct aead_engine *e, struct record_io *io);

/* Asks for a KeyUpdate of our own, answered by the peer when request is set (TLS 1.3 only). */
void record_rekey(struct record *r, bool request);
