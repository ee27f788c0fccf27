/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * OCSP responses to be stapled (RFC 6960, RFC 6066 8, RFC 8446 4.4.2.1). Somebody else fetches them ("openssl ocsp
 * -respout"); here they are checked as a client would, so that none is served that makes clients refuse us.
 */

#define OCSP_MAX 16384

struct ocsp_facts {
	int64_t this_update,
	    next_update; /* seconds since the epoch; both end the response's life */
};

enum ocsp_verdict {
	OCSP_GOOD,
	OCSP_EXPIRED, /* good but for its dates, also when it is from the future */
	OCSP_REFUSED,
};

/*
 * Decodes what a file holds into out (OCSP_MAX bytes): DER, or its base64 with or without "-----BEGIN OCSP
 * RESPONSE-----". Returns the length, or -1.
 */
int ocsp_decode(const uint8_t *file, size_t len, uint8_t out[OCSP_MAX]);

/*
 * Judges a response: it says that leaf is good, it is signed by leaf's issuer or by a responder that the issuer
 * certified for it (extended key usage OCSPSigning), with RSA (PKCS #1 v1.5) or ECDSA and SHA-256 or better,
 * and it has both dates. leaf and issuer are DER. On OCSP_REFUSED *why is the reason for people.
 */
enum ocsp_verdict ocsp_check(const uint8_t *response, size_t len, const uint8_t *leaf,
    size_t leaf_len, const uint8_t *issuer, size_t issuer_len, int64_t now,
    struct ocsp_facts *facts, const char **why);
