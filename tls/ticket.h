/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct policy;

/*
 * Session tickets (RFC 5077, RFC 8446 4.6.1): the keys they are sealed with, and the sealing. A ring of keys is
 * immutable; control makes the next one, publishes it and frees the old one after the grace period.
 * The first key seals, all of them open.
 *
 * Keys are 80 random bytes each, as nginx and HAProxy have them: a name of 16 bytes, which the ticket carries, and 64
 * of which the AES-256-GCM key is derived. A file has them as text, one to a line in base64 ("openssl rand 80 |
 * openssl base64 -A"), the sealing one first, with '#' before comments; or bare, one behind the other.
 * Nodes that share a file take each other's tickets. A key seals up to 2^32 tickets (random 96-bit
 * nonces, NIST SP 800-38D 8.3): at 100,000 handshakes a second it is to be replaced after half a day.
 */

#define TICKET_KEY_BYTES  80
#define TICKET_NAME_BYTES 16
#define TICKET_MAX_KEYS   16
#define TICKET_MAX_LIFE_S 604800 /* RFC 8446 4.6.1: seven days */

struct ticket_key {
	uint8_t bytes[TICKET_KEY_BYTES]; /* the name first */
	uint8_t aead[32];
};

struct ticket_ring {
	uint32_t lifetime_s; /* a ticket older than that is not taken */
	unsigned n_keys;
	struct ticket_key keys[TICKET_MAX_KEYS]; /* the first one seals */
};

/* --- keys: control thread only --- */

/* A ring of one new key; NULL with the reason in e. lifetime_s: 1..TICKET_MAX_LIFE_S. */
struct ticket_ring *ticket_ring_new(uint32_t lifetime_s, struct err *e);

/* A ring of the keys in text or bare bytes. file is for messages. NULL with the reason in e. */
struct ticket_ring *ticket_ring_parse(
    const char *file, const uint8_t *bytes, size_t len, uint32_t lifetime_s, struct err *e);

/* The same from a file, which must not be readable by everybody. */
struct ticket_ring *ticket_ring_load(const char *file, uint32_t lifetime_s, struct err *e);

/*
 * The ring after old: a new key in front, and of the old ones so many that there are n_keep at most
 * (1..TICKET_MAX_KEYS). NULL with the reason in e.
 */
struct ticket_ring *
ticket_ring_rotate(const struct ticket_ring *old, unsigned n_keep, struct err *e);

/*
 * Writes the ring as text, readable by its owner only, so that after a crash there is either the old file
 * or the new one (write, fsync, rename, fsync of the folder). 0, or -1 with the reason in e.
 */
int ticket_ring_save(const struct ticket_ring *ring, const char *file, struct err *e);

/* Whether both have the same keys in the same order, and the same lifetime. */
bool ticket_ring_is_same(const struct ticket_ring *a, const struct ticket_ring *b);

void ticket_ring_free(struct ticket_ring *ring); /* wipes; NULL is fine */

/* --- what a ticket is bound to --- */

#define TICKET_BINDING 32

/*
 * A digest of all that a ticket must not cross: the listener's name, what the policy allows, and the
 * build (a ticket holds wolfSSL's own struct). The same on all nodes and after a restart. Where
 * clients show certificates there are no tickets. 0 or -1 (no memory).
 */
int ticket_bind(uint8_t out[TICKET_BINDING], const char *listener, const struct policy *policy);

/* --- sealing: workers --- */

/* What a ticket's head has besides its ciphertext; as wolfSSL has it. */
struct ticket_head {
	uint8_t *name; /* TICKET_NAME_BYTES */
	uint8_t *iv;   /* 16: a random nonce of 12, the second of issue */
	uint8_t *mac;  /* 32: the tag of 16, zeros */
};

/* Who is given a ticket or shows one. */
struct ticket_owner {
	const uint8_t *binding; /* TICKET_BINDING, of the listener */
	const uint8_t *name;    /* digest of the server name the client asked for, 32 bytes */
};

/*
 * Seals text in place (AES-256-GCM) and fills head. nonce: 12 random bytes. now_s: seconds, of which 32 bits are
 * kept. False: no memory.
 */
bool ticket_seal(const struct ticket_ring *ring, const struct ticket_owner *owner, uint32_t now_s,
    const uint8_t nonce[12], const struct ticket_head *head, uint8_t *text, size_t len);

enum ticket_verdict {
	TICKET_OK,
	TICKET_OLD_KEY, /* good, but not of the key that seals now: give a new one */
	TICKET_UNKNOWN, /* of no key of the ring */
	TICKET_EXPIRED, /* or from a future more than a minute away */
	TICKET_FORGED,  /* or bound to something else */
};

/* Opens text in place. On anything but the first two text is not to be used. */
enum ticket_verdict ticket_open(const struct ticket_ring *ring, const struct ticket_owner *owner,
    uint32_t now_s, const struct ticket_head *head, uint8_t *text, size_t len);
