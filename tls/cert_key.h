/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tls/cert.h"

/* Public keys in a form that can be compared byte by byte. */

#define CERT_MAX_PUBLIC \
	1056 /* RSA: modulus and exponent of 4096 bits; ECC: 0x04, x, y; Ed25519: 32 */

struct cert_public {
	enum cert_key_type type;
	unsigned bits;
	size_t len;
	uint8_t at[CERT_MAX_PUBLIC];
};

struct DecodedCert;

/*
 * The public key that belongs to a private key in DER (PKCS#8 or traditional), calculated from the private part; RSA
 * keys are also checked for consistency, as a CRT value that is wrong gives the key away with the
 * first signature. NULL, or why not, for people.
 */
const char *cert_public_of_key(struct cert_public *out, const uint8_t *der, size_t len);

/* The public key of a parsed certificate. NULL, or why not, for people. */
const char *cert_public_of_cert(struct cert_public *out, const struct DecodedCert *cert);
