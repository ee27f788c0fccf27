/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tls/record.h"

/* What the tests of tls/aead and tls/record share. */

/* --- bytes, sizes and cuts, repeatable from a seed --- */

struct kit_random {
	uint64_t state;
};

uint32_t kit_below(struct kit_random *rng, uint32_t limit); /* 0..limit-1 */
void kit_bytes(struct kit_random *rng, uint8_t *to, size_t len);

/* 0..max, small ones far more often, the ends of the range too. */
size_t kit_size(struct kit_random *rng, size_t max);

#define KIT_PIECES 96

/* Cuts len bytes at base into pieces, empty ones among them. Returns how many. */
unsigned
kit_cut(struct kit_random *rng, struct iovec pieces[KIT_PIECES], uint8_t *base, size_t len);

/* Pieces that lie apart: what is read or written between them shows. */
struct kit_scatter {
	struct iovec piece[KIT_PIECES];
	unsigned n;
	uint8_t arena[72000 + KIT_PIECES * 32];
	size_t used;
};

/* Room for len bytes; data is copied in when it is not NULL. */
void kit_scatter(struct kit_random *rng, struct kit_scatter *s, const uint8_t *data, size_t len);

/* Copies the first len bytes out of the pieces. */
void kit_gather(const struct kit_scatter *s, uint8_t *to, size_t len);

/* True when no byte beyond the first len of the pieces' was written to, gaps included. */
bool kit_scatter_untouched(const struct kit_scatter *s, size_t len);

size_t kit_hex(const char *hex, uint8_t *to); /* bytes written; spaces are skipped */

/* --- is a secret still somewhere in this process? --- */

struct kit_secret {
	uint8_t masked[64]; /* never in clear here, or the search would find itself */
	size_t len;
};

/* Makes len (16..64) random bytes in to. */
void kit_secret_make(struct kit_random *rng, struct kit_secret *s, uint8_t *to, size_t len);
void kit_secret_of(struct kit_secret *s, const uint8_t *from, size_t len);

/* Looks through all writable memory of the process for the first 16 bytes of the secret. */
bool kit_secret_in_memory(const struct kit_secret *s);

/* Overwrites what finished calls left on the stack below the caller. */
void kit_stack_scrub(void);

/*
 * --- a plain record layer: contiguous bytes, one-shot wolfCrypt calls, written from the RFCs
 * without a look at tls/record*.c; it is the peer, and the judge ---
 */

struct plain_dir {
	uint8_t key[32], iv[12], traffic[48];
	uint64_t seq;
};

struct plain {
	uint16_t version;
	enum aead_kind kind;
	uint8_t hash_len;
	struct plain_dir read, write;
};

/* Random keys for a pair: keys as a handshake would hand them to us, p what the peer has. */
void plain_pair(struct kit_random *rng, uint16_t version, enum aead_kind kind,
    struct tls_keys *keys, struct plain *p);

/* Writes one record; padding is for TLS 1.3. Returns its length. Any sizes: also forbidden ones. */
size_t plain_seal(
    struct plain *p, uint8_t type, const uint8_t *content, size_t n, size_t padding, uint8_t *out);

#define PLAIN_OK 0xff

/*
 * Opens the record at in (len bytes, exactly one record): PLAIN_OK and type and content, or the alert that
 * the RFC wants. The sequence number moves on only when it was right.
 */
uint8_t plain_open(
    struct plain *p, const uint8_t *in, size_t len, uint8_t *type, uint8_t *content, size_t *n);

/* Next traffic secret of one direction. */
void plain_update(const struct plain *p, struct plain_dir *d);

/* --- a fake wolfSSL session for tls/legacy.h --- */

struct legacy {
	enum record_status open, seal, alert; /* what to answer */
	unsigned n_open, n_seal, n_alert, n_free;
	uint8_t last_alert, alert_in;
};
