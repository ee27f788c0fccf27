/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cert;
struct hello;
struct policy;
struct tls_rule;
struct tls_service;

/* Why a certificate was chosen or refused: what the control API's explain prints. */
enum select_reason {
	SELECT_EXACT,
	SELECT_WILDCARD,
	SELECT_DEFAULT_NO_SNI,
	SELECT_DEFAULT_NO_MATCH,
	SELECT_NO_NAME,      /* sni_strict: unrecognized_name(112) */
	SELECT_NO_VERSION,   /* protocol_version(70) */
	SELECT_NO_SUITE,     /* handshake_failure(40) */
	SELECT_NO_SIGNATURE, /* no certificate that the client can verify: handshake_failure(40) */
	SELECT_NO_GROUP,     /* handshake_failure(40) */
	SELECT_NO_ALPN,      /* no_application_protocol(120) */
	SELECT_FALLBACK,     /* TLS_FALLBACK_SCSV (RFC 7507): inappropriate_fallback(86) */
};

struct tls_choice {
	const struct tls_service *service;
	const struct tls_rule *rule; /* of the service, for the name */
	const struct cert *cert;     /* NULL when refused */
	uint16_t version;            /* what will be negotiated: the highest both have */
	uint16_t suite;              /* the policy's first that client and certificate can do */
	/* TLS 1.2 and below: the policy's first group that the client has; 0: it does not say. */
	uint16_t old_group;
	const char *sni; /* the hello's; borrowed with it */
	size_t sni_len;
	const uint8_t *alpn; /* the chosen protocol's name, in the service; NULL: none */
	uint8_t alpn_len;
	enum select_reason reason;
	uint8_t alert; /* when refused */
};

/*
 * Chooses certificate, version and ALPN protocol for a ClientHello: a pure function (tls.md 2).
 * Returns 0, or -1 with reason and alert set. RSA or ECDSA is decided by what the
 * client says it can verify: signature_algorithms (1.3), suites and groups too (1.2),
 * suites alone (<= 1.1).
 *
 * Only certificates of the best matching name are looked at: when a client knows RSA only and the
 * name has an ECDSA certificate only, it is refused (SELECT_NO_SIGNATURE) and not given
 * the default certificate, whose name would be wrong. With sni_strict a client without SNI
 * is refused as well. SHA-1 signatures do not count (RFC 9155).
 */
int select_certificate(
    const struct tls_service *service, const struct hello *hello, struct tls_choice *choice);

/* Whether any client could be served cert with policy. */
bool select_is_possible(const struct policy *policy, const struct cert *cert);

/* A sentence for people. */
const char *select_reason_text(enum select_reason reason);
