/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tls/aead.h"

struct legacy;
struct record_ticket;

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
	uint8_t hash_len; /* 32 or 48: the suite's hash, for KeyUpdate (TLS 1.3 only) */
	bool client;      /* we are the client: the peer may send tickets; default: server */
	struct tls_secret read, write;
};

/* What a record needs comes first; the key itself is looked at when it has to be expanded. */
struct record_dir {
	uint64_t seq;
	uint8_t iv[12];
	struct aead_key key;
	uint8_t traffic[48]; /* last: touched by KeyUpdates only */
};

/* Most connections are idle and have one of these, so every byte counts. Stays where it is (aead.h). */
struct record {
	struct record_ticket *ticket; /* a client's (tls/record_ticket.h); NULL: none is wanted */

	/* What follows is private to record*.c, but for the alerts and rekey_shift. */
	uint32_t hs_left; /* of the body of a post-handshake message under way */
	uint16_t burst;   /* bytes sealed since the last idle, up to RECORD_HOT, for record sizes */
	uint16_t flags;
	uint8_t hs_type;    /* of that message */
	uint8_t hs_len;     /* bytes of its header so far */
	uint8_t alert_in;   /* what the peer sent, 0xff: nothing yet; 0 is close_notify */
	uint8_t alert_out;  /* what is to be sent or was sent, 0xff: nothing */
	uint8_t n_empty;    /* empty records in a row */
	uint8_t n_warnings; /* warnings and renegotiations tried, ever */
	uint8_t n_updates;  /* KeyUpdates and tickets, less one for each record of data */
	/*
	 * 1 << rekey_shift records are sealed under one key before we send a KeyUpdate, and opened under
	 * one before we ask for it: RECORD_REKEY_SHIFT; tests change it. At most 63. TLS 1.3 only.
	 */
	uint8_t rekey_shift;
	union {
		struct {
			struct record_dir read, write;
		};
		struct legacy *legacy; /* record_is_legacy */
	};
};
static_assert(sizeof(struct record) == 232, "struct relay (dataplane/proxy/relay.h) counts on it");

/* AES-GCM: 2^24.5 full-size records (RFC 8446 5.5), less a margin. */
#define RECORD_REKEY_SHIFT 24

/* In flags: wolfSSL does the records. */
#define RECORD_IS_LEGACY (1u << 15)

static inline bool record_is_legacy(const struct record *r)
{
	return r->flags & RECORD_IS_LEGACY;
}

/* 0x0303 or 0x0304; 0: wolfSSL does the records, and knows. */
uint16_t record_version(const struct record *r);

/* Takes over after a handshake. keys are copied and wiped. */
void record_init(struct record *r, struct tls_keys *keys);

/* The same for suites that stay on wolfSSL. Takes legacy. */
void record_init_legacy(struct record *r, struct legacy *legacy);

/* Wipes everything. */
void record_fini(struct record *r, struct aead_engine *e);

/*
 * Views of one call: in and out are borrowed, pieces may be of any size and number, and must not
 * overlap each other. consumed, produced and need are written by the call.
 */
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
	RECORD_MORE,   /* in holds no complete record (seal: nothing); nothing consumed */
	RECORD_FULL,   /* out has no room for it; nothing consumed */
	RECORD_CLOSED, /* open: close_notify was received; seal: we asked for one. Nothing follows */
	RECORD_FATAL,  /* a fatal alert came in (alert_in), or goes out (record_control) */
};

/*
 * Opens one record from in to out. Nothing unauthenticated is ever counted in produced. KeyUpdate
 * and alerts are handled inside (then consumed > 0, produced == 0).
 *
 * out needs room for the record's content with its padding: never more than 16,384 bytes; short
 * control records need none. Bytes of out past produced are scratch. After RECORD_CLOSED
 * further input is swallowed (RFC 8446 6.1); after RECORD_FATAL every call returns it again.
 */
enum record_status record_open(struct record *r, struct aead_engine *e, struct record_io *io);

/* Largest number of ciphertext bytes one record may have, header included. */
#define RECORD_MAX (5 + 16384 + 256)

/*
 * Seals one record from in to out; its size follows in, out and how hot the connection is: one segment
 * at first, 16 KB later, back after idle. RECORD_OK, RECORD_FULL, RECORD_MORE (in is empty),
 * RECORD_CLOSED (after record_close) or RECORD_FATAL (also: no more keys).
 *
 * RECORD_FULL rather than a record much smaller than a segment while more waits in in. What
 * record_control has to write goes first, into the same out: after RECORD_OK consumed > 0, and
 * produced counts everything. Ciphertext is retransmitted as it is: sealing the same bytes
 * twice makes two records.
 */
enum record_status record_seal(struct record *r, struct aead_engine *e, struct record_io *io);

/* Ciphertext bytes of the small records a connection starts with, header included. */
#define RECORD_SEGMENT 1400

/* Bytes after which records get large. */
#define RECORD_HOT UINT16_MAX

/* Tells that nothing was sent for a while: records start small again. */
void record_idle(struct record *r);

/* Ask for close_notify, or for a fatal alert, to be sent by the next record_control. */
void record_close(struct record *r);
void record_alert(struct record *r, uint8_t alert);

/* True when record_control has something to write: call it before record_seal. */
bool record_has_control(const struct record *r);

/*
 * Writes waiting alerts and KeyUpdates into out: RECORD_OK (produced may be 0) or RECORD_FULL (not even
 * the first fits). io->in is not looked at.
 */
enum record_status record_control(struct record *r, struct aead_engine *e, struct record_io *io);

/*
 * As a client, after handshake_finish or record_open: whether a session waits for origin_session_keep
 * (tls/origin_session.h).
 */
bool record_has_ticket(const struct record *r);

/* Asks for a KeyUpdate of our own, answered by the peer when request is set (TLS 1.3 only). */
void record_rekey(struct record *r, bool request);
