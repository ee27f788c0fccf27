/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "tls/client_cert.h"

struct WOLFSSL;

/*
 * The chain that a peer shows, on its way from wolfSSL to our own verdict (tls/trust.h). wolfSSL proves that the peer has
 * the key; what it thinks of the chain is overruled, and what it learns from it goes away with the session,
 * which has a certificate store of its own (tls.md 7).
 */

/*
 * Makes handshake_peer_chain(arg, ...) see what ssl's peer shows. how: WOLFSSL_VERIFY_*. may_be_old: TLS 1.2 or below
 * may be spoken. False: no memory.
 */
bool handshake_chain_watch(struct WOLFSSL *ssl, int how, bool may_be_old, void *arg);

/* Undoes it: ssl outlives the handshake that arg is. */
void handshake_chain_unwatch(struct WOLFSSL *ssl);

/* handshake_end.c: what the peer showed. False: the handshake is over. */
bool handshake_peer_chain(void *arg, const struct client_cert_der *chain, unsigned n_chain);

/* As many or more in a chain: there may have been others that wolfSSL passed over. */
#define HANDSHAKE_MAX_CHAIN 9

/*
 * What an error of wolfSSL's, on which it gave up before a verdict, says of the peer's certificate; CLIENT_CERT_SUCCESS:
 * nothing.
 */
enum client_cert_status handshake_chain_blame(int error);
