/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tls/handshake.h"
#include "tls/record.h"

struct WOLFSSL;
struct wc_CryptoInfo;

/*
 * What wolfSSL negotiated: facts for logs, and the keys. wolfSSL has no getter for the signature
 * scheme in this build; it is read off the private-key operation instead.
 */

/*
 * Looks at one key operation of the handshake. rng_last: bytes of the last random draw before it, which
 * for RSA-PSS is the salt and as long as the hash (RFC 8446 4.2.3).
 */
void handshake_note_operation(
    struct handshake_facts *f, const struct wc_CryptoInfo *info, size_t rng_last);

/* Version, suite, group and resumption of a session that is done or failed; unknown ones stay 0. */
void handshake_note_session(struct handshake_facts *f, struct WOLFSSL *ssl);

enum handshake_keys {
	HANDSHAKE_KEYS_TAKEN, /* an AEAD suite of ours */
	HANDSHAKE_KEYS_STAY,  /* wolfSSL does the records */
	HANDSHAKE_KEYS_NONE,  /* wolfSSL's state is not what we rely on */
};

/*
 * The keys and sequence numbers of a finished handshake, of the side that keys->client names; all else in keys is
 * written. client and server are the TLS 1.3 application traffic secrets (not looked at for TLS 1.2).
 */
enum handshake_keys handshake_take_keys(
    struct WOLFSSL *ssl, const uint8_t client[48], const uint8_t server[48], struct tls_keys *keys);
