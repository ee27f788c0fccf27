/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tls/client_cert.h"
#include "tls/handshake.h"

struct WOLFSSL;
struct origin;
struct origin_peer;
struct record_ticket;

/* What a handshake has as a client (tls/origin.h): whom it wants to reach, the verdict on who answers, the session. */
struct handshake_client {
	bool is_client;
	bool verifies;  /* by what held at the start; now may have changed since */
	bool is_judged; /* a verdict was reached */
	bool is_resuming, keeps_session;
	bool may_be_old; /* TLS 1.2 or below is offered */
	uint8_t n_shares;
	uint16_t shares[2]; /* groups a key share is sent of */
	uint64_t version;   /* the origin's, at the start */
	const struct origin *now;
	int64_t until; /* a good verdict's end */
	uint8_t address[16];
	uint8_t address_len;
};

/*
 * Sets ssl up for o and peer. arg: for handshake_peer_chain. now: seconds since the epoch. False: no memory, or wolfSSL refuses what
 * o holds.
 */
bool handshake_client_init(struct handshake_client *c, struct WOLFSSL *ssl, const struct origin *o,
    const struct origin_peer *peer, int64_t now, void *arg);

/* One step; returns what wolfSSL_connect does. May wait for key operations. */
int handshake_client_connect(struct handshake_client *c, struct WOLFSSL *ssl);

/* Verdict on a chain at now_s; noted in c, and returned. version: the protocol's. */
enum client_cert_status handshake_client_judge(struct handshake_client *c, uint16_t version,
    const struct client_cert_der *chain, unsigned n_chain, int64_t now_s);

/* A handshake that wolfSSL has finished: what it comes to when no chain was shown. */
enum client_cert_status
handshake_client_end(struct handshake_client *c, enum client_cert_status status, bool is_resumed);

/* One that wolfSSL has given up with an error: why, when it was for the certificate's sake. */
enum client_cert_status
handshake_client_blame(const struct handshake_client *c, enum client_cert_status status, int error);

/* What a finished handshake leaves for a session; NULL: nothing. */
struct record_ticket *handshake_client_ticket(const struct handshake_client *c, struct WOLFSSL *ssl,
    const struct handshake_facts *facts, uint32_t now_s);
