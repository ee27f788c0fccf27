/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/cert.h"
#include "tls/handshake.h"
#include "tls/policy.h"
#include "tls/record.h"
#include "tls/select.h"
#include "tls/service.h"

/* What the tests of tls/handshake and its parts share: certificates, and a wolfSSL client in memory. */

enum kit_key {
	KIT_RSA2048,
	KIT_RSA3072,
	KIT_RSA4096,
	KIT_P256,
	KIT_P384,
	KIT_P521,
	KIT_ED25519,
	KIT_N_KEYS
};

/* Makes all certificates once per process (openssl, in a folder of its own); fails the test otherwise. */
int kit_setup(void **state);
int kit_teardown(void **state);

/* Leaf for www.kit.test and an intermediate. */
const struct cert *kit_cert(enum kit_key key);

/* A policy of everything that wolfSSL does here; change a copy. */
struct policy kit_policy(void);

/* A service and a choice over cert and policy (borrowed), without ALPN. */
struct kit_choice {
	struct tls_service service;
	struct tls_choice choice;
	struct tls_rules rules; /* last: it has room for names at its end */
};
void kit_choose(struct kit_choice *c, const struct cert *cert, const struct policy *policy);

/* --- bytes on the way --- */

struct kit_pipe {
	uint8_t *at;
	size_t head, len, size;
};

void kit_put(struct kit_pipe *p, const void *from, size_t len);
static inline size_t kit_left(const struct kit_pipe *p)
{
	return p->len - p->head;
}

/* --- the client --- */

struct kit_client_config {
	uint16_t min_version, max_version; /* 0: 0x0303, 0x0304 */
	const char *suites;                /* wolfSSL's list; NULL: its default */
	int groups[6];                     /* 0 ends it; none: wolfSSL's default */
	int share;        /* the group a key share is sent for; 0: wolfSSL's choice */
	const char *alpn; /* comma-separated; NULL: none */
	bool no_trust;    /* our root is not among its trusted ones */
	int device; /* wolfCrypt's number of what does its key operations; 0: wolfCrypt itself */
};

struct kit_client {
	WOLFSSL_CTX *ctx;
	WOLFSSL *ssl;
	struct kit_pipe in, out;
	bool done;
	int error;
};

void kit_client_open(struct kit_client *c, const struct kit_client_config *config);
void kit_client_step(struct kit_client *c);
void kit_client_close(struct kit_client *c);

/* --- the two together --- */

struct kit_cut {
	size_t in, out; /* bytes shown to a step at most, and room given; 0: no limit */
};

/* Some that matter: all at once, byte by byte, as segments come. */
#define KIT_CUTS 6
extern const struct kit_cut kit_cuts[KIT_CUTS];

/*
 * One step of h with what the client sent, answers go to the client. Polls the worker when a key
 * operation is wanted.
 */
enum handshake_status kit_server_step(
    struct tls_worker *w, struct handshake *h, struct kit_client *c, struct kit_cut cut);

/* Runs both until the server is done or has failed, or neither gets any further. */
enum handshake_status
kit_run(struct tls_worker *w, struct handshake *h, struct kit_client *c, struct kit_cut cut);

/* Sends len bytes both ways over finished sessions and checks what arrives. */
void kit_exchange(struct tls_worker *w, struct record *r, struct kit_client *c, size_t len);
