/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tls/client_cert.h"
#include "tls/handshake.h"
#include "tls/name.h"

struct WOLFSSL;
struct tls_choice;
struct tls_mtls;
struct tls_service;
struct tls_worker;

/*
 * The client-certificate half of a server's handshake: whom it asks, and the verdict on what is shown
 * (tls/handshake_chain.h).
 */
struct handshake_mtls {
	bool asks;      /* the client is asked */
	bool is_judged; /* status is a verdict */
	uint16_t version;
	/* What holds now, in this step; NULL: nobody said, everything fails. */
	const struct tls_mtls *now;
	uint8_t sni_len;
	char sni[NAME_MAX_LEN + 1];
};

/* Makes ssl ask for a certificate when the choice's rule says so. False: no memory. */
bool handshake_mtls_init(
    struct handshake_mtls *m, struct WOLFSSL *ssl, const struct tls_choice *choice, void *arg);

/* Looks up what holds for the client in now; NULL: its listener is gone. */
void handshake_mtls_follow(struct handshake_mtls *m, const struct tls_service *now);

/* Verdict on a chain at now_s; noted in m, and returned. */
enum client_cert_status handshake_mtls_judge(
    struct handshake_mtls *m, const struct client_cert_der *chain, unsigned n_chain, int64_t now_s);

/* A handshake that wolfSSL has finished: what it comes to when no chain was shown. */
enum client_cert_status
handshake_mtls_end(struct handshake_mtls *m, enum client_cert_status status);

/* One that wolfSSL has given up with an error: why, when it was for the certificate's sake. */
enum client_cert_status
handshake_mtls_blame(const struct handshake_mtls *m, enum client_cert_status status, int error);
