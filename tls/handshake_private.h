/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tls/handshake.h"
#include "tls/handshake_client.h"
#include "tls/handshake_io.h"
#include "tls/handshake_mtls.h"
#include "tls/pkey.h"
#include "tls/ticket.h"

/* Shared by handshake.c, which runs handshakes, and handshake_end.c, which says how they end. */

struct WOLFSSL;

struct handshake {
	struct tls_worker *worker;
	struct WOLFSSL *ssl;
	void *user;
	struct fiber *fiber; /* a step that waits for a key operation; NULL: none */
	struct pkey_op op;
	struct handshake_io pipe;
	enum handshake_status status; /* what the last step of wolfSSL's came to */
	bool dying;                   /* being freed: no operation is done any more */
	struct handshake_facts facts;
	struct client_cert *client_cert; /* facts.client_cert; NULL: none */
	struct handshake_mtls mtls;      /* as a server */
	struct handshake_client client;  /* as a client */
	/* Empty when tickets are off; else both are ours. */
	struct ticket_owner ticket_owner;
	uint8_t ticket_binding[TICKET_BINDING], ticket_name[32];
	/* TLS 1.3 application traffic secrets (RFC 8446 7.1), for KeyUpdate. */
	uint8_t client_traffic[48], server_traffic[48];
};

/* What a call of wolfSSL's that returned ret comes to; on failure the alert is on its way and the facts say why. */
enum handshake_status handshake_classify(struct handshake *h, int ret);
