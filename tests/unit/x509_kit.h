/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/der.h"
#include "tls/trust.h"

/*
 * Certificates and CRLs that no tool would make: DER put together by hand, signed by OpenSSL. All memory is the kit's, and
 * gone with kit_x509_reset; every mistake of a test's own ends it.
 */
void kit_x509_reset(void);

/* --- DER --- */

struct der kit_bytes(const void *bytes, size_t len); /* a copy */
struct der kit_tlv(uint8_t tag, struct der content);
struct der kit_join(const struct der *parts, size_t n);
struct der kit_text(uint8_t tag, const char *text);

#define KIT_PARTS(...)                                \
	kit_join((const struct der[]){ __VA_ARGS__ }, \
	    sizeof((const struct der[]){ __VA_ARGS__ }) / sizeof(struct der))
#define KIT_SEQUENCE(...) kit_tlv(DER_SEQUENCE, KIT_PARTS(__VA_ARGS__))
#define KIT_BYTES(text)   kit_bytes(text, sizeof(text) - 1)
#define KIT_NOTHING       ((struct der){ NULL, 0 })

/* A Name of common names, from the top down, with '/' between them: "Root/Sub"; "": an empty one. */
struct der kit_name(const char *names);

/* An extension of id-ce (2.5.29): the last number, flag and value. */
struct der kit_extension(uint8_t number, bool is_critical, struct der value);

/* basicConstraints of a CA; path_len < 0: none. */
struct der kit_ca(int path_len);
/* keyUsage: the first byte of its bits. */
struct der kit_usage(uint8_t bits);
/* extendedKeyUsage with id-kp and these numbers: 1 server, 2 client. */
struct der kit_purposes(const char *numbers);
/* subjectKeyIdentifier and authorityKeyIdentifier of those keys; authority NULL: the first alone. */
struct der kit_key_ids(EVP_PKEY *subject, EVP_PKEY *authority);

/* --- keys --- */

EVP_PKEY *kit_ec_key(void);
EVP_PKEY *kit_rsa_key(unsigned bits);

/* --- certificates and CRLs --- */

struct kit_x509 {
	const char *subject, *issuer; /* kit_name */
	EVP_PKEY *key, *signer;
	struct der extensions;      /* kit_join of them */
	bool is_v1, uses_sha1;      /* default: version 3, SHA-256 */
	struct der serial;          /* INTEGER's content; default 1 */
	struct der validity;        /* both times; default 2025 to 2035 */
	struct der subject_name;    /* instead of subject */
	struct der outer_algorithm; /* instead of the one that was signed */
};

struct der kit_x509(const struct kit_x509 *from);

struct kit_crl {
	const char *issuer;
	EVP_PKEY *signer;
	struct der serials;    /* INTEGERs, whole */
	struct der extensions; /* kit_join of them */
};

struct der kit_crl(const struct kit_crl *from);

/* --- asking --- */

/* A store of these; crls empty: none. NULL with the reason in *why. */
struct trust_store *kit_store(const struct der *cas, unsigned n, struct der crl,
    struct trust_options options, const char **why);

enum client_cert_status
kit_verify(const struct trust_store *t, const struct der *chain, unsigned n);
