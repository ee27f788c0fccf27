/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dataplane/tcp/tcp.h"
#include "tls/record.h"

/*
 * Client handshakes by wolfSSL over the views of a TCP connection. Afterwards the record layer of tls/
 * has the keys, in the client's role. One thread.
 */
struct tls_kit;
struct tls_client;

struct tls_client_config {
	const char *ca;   /* PEM file: certificates are verified against it; NULL: not at all */
	const char *name; /* SNI, and what a verified certificate must be for */
	uint32_t
	    n_names; /* name is a pattern (names.h): each handshake draws one of so many; 0: it is one */
	uint16_t group; /* the only one offered: 29, 23, 4588, ... */
	bool rsa;       /* offer RSA signatures only: a server with both kinds then uses that one */
	bool tls12;
	bool resume; /* the session of the first connection; a full handshake then fails */
	/* What real clients do not save: */
	bool share_reuse; /* one X25519 key pair for all; group is 29 */
	bool
	    no_verify; /* ECDSA signatures are good unread, but where the certificate is verified */
};

/* NULL when something in config does not work; says what on stderr. */
struct tls_kit *tls_kit_new(const struct tls_client_config *config);
void tls_kit_free(struct tls_kit *k);
struct aead_engine *tls_kit_aead(struct tls_kit *k);

/*
 * A handshake on conn, which is borrowed. Every first and 64th one verifies the certificate: in between
 * only the server's signature is checked (no_verify: not even that), since verifying chains is not what is
 * measured. NULL: no memory.
 */
struct tls_client *tls_client_new(struct tls_kit *k, struct tcp_conn *conn);
void tls_client_free(struct tls_client *t); /* NULL is fine */

enum tls_client_status {
	TLS_CLIENT_AGAIN, /* when the connection has news */
	TLS_CLIENT_DONE,
	TLS_CLIENT_FAILED,
};
enum tls_client_status tls_client_step(struct tls_client *t);

/* After TLS_CLIENT_DONE: sets up r and frees t. 0, or -1 (t is freed all the same). */
int tls_client_finish(struct tls_client *t, struct record *r);

/*
 * Why the last handshake failed: wolfSSL's text and number. What an ECDSA signature that was refused was about has been
 * said on stderr (perf/evidence.h).
 */
const char *tls_kit_error(const struct tls_kit *k);

/* How often which of wolfSSL's errors ended a handshake, as a JSON object. */
void tls_kit_print_errors(const struct tls_kit *k, FILE *to);
