/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/handshake.h"

/*
 * An OpenSSL client in memory against all of the server's path: hello_read, select_certificate, handshake,
 * record layer.
 */

struct cert;
struct tls_service;

struct peer_client {
	int version;          /* 0x0303, 0x0304; 0: 1.2 and 1.3 */
	const char *name;     /* SNI; NULL: none */
	const char *ciphers;  /* TLS 1.2's; NULL: all */
	const char *suites13; /* TLS 1.3's; NULL: OpenSSL's usual ones */
	const char *sigalgs, *groups;
	const char *alpn;     /* wire form, terminated; NULL: none */
	SSL_SESSION *session; /* to be resumed; NULL: none */
	bool wants_staple;
	const char *chain, *key; /* what it shows: files below tests/; NULL: nothing */
	/* What the listener serves by the time the client shows it; NULL: the same as at first. */
	const struct tls_service *later;
};

struct peer_result {
	bool done;    /* both sides, and data went both ways */
	bool resumed; /* both sides say so */
	struct handshake_facts facts;
	SSL_SESSION *session;   /* what the client got last; NULL: none that resumes */
	unsigned char leaf[32]; /* SHA-256 of the certificate the client has */
	uint8_t staple[8192];   /* what was stapled */
	size_t staple_len;
	uint8_t alert;                   /* the fatal one that the client got; 0: none */
	unsigned n_ca_names;             /* in the request for its certificate */
	char ca_name[256];               /* one of them, on one line */
	struct client_cert *client_cert; /* what the server knows of it; the caller frees it */
};

/* Runs one connection from ClientHello to data and gives all back but the session. Refused hellos: done is false. */
struct peer_result
peer_connect(struct tls_worker *w, const struct tls_service *s, const struct peer_client *client);

/* tests/unit/pki's certificate and key of that name, with the intermediate; fails the test without. */
struct cert *peer_cert(const char *name);
