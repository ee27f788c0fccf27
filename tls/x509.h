/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/der.h"

/*
 * The fields of an X.509 certificate (RFC 5280 4.1) that a verdict needs, as views into its DER: reading allocates
 * nothing and copies nothing.
 */

enum x509_key_usage { /* RFC 5280 4.2.1.3, as they stand in the first two bytes */
	X509_DIGITAL_SIGNATURE = 0x8000,
	X509_KEY_ENCIPHERMENT = 0x2000,
	X509_KEY_CERT_SIGN = 0x0400,
	X509_CRL_SIGN = 0x0200,
};

struct x509_signature {
	struct der text;       /* what is signed */
	struct der algorithm;  /* OID's content */
	struct der parameters; /* whole; empty: none */
	struct der bits;
};

struct x509 {
	struct der whole;
	struct der issuer, subject; /* Name, whole */
	struct der key;             /* SubjectPublicKeyInfo, whole */
	struct der serial;          /* INTEGER's content */
	struct x509_signature signature;
	int64_t not_before, not_after; /* seconds since the epoch; both included */
	uint8_t version;               /* 1, 2, 3 */

	/* Extensions. */
	bool is_ca;
	int path_len; /* -1: not limited */
	bool has_key_usage;
	uint16_t key_usage; /* enum x509_key_usage */
	bool has_purposes;  /* an extended key usage */
	bool is_for_clients, is_for_servers;
	struct der subject_key_id, authority_key_id; /* contents; empty: none */
	struct der names;                            /* GeneralNames' content; empty: none */
	struct der crl_points;       /* CRLDistributionPoints' content; empty: none */
	struct der name_constraints; /* NameConstraints' content (tls/name_constraints.h) */
	bool has_issuer_url;         /* to its issuer's certificate: no root (RFC 5280 4.2.2.1) */
	bool has_unknown_critical;   /* one that is critical and not read here */
};

/* Reads der, all of it, into x; borrows it. NULL, or why it is no certificate. */
const char *x509_read(struct x509 *x, const uint8_t *der, size_t len);

/* UTCTime or GeneralizedTime off d, as RFC 5280 4.1.2.5 has them. False: it is none. */
bool x509_take_time(struct der *d, int64_t *seconds);

/* AlgorithmIdentifier off d, into s. */
bool x509_take_algorithm(struct der *d, struct x509_signature *s);

/* A BIT STRING of whole bytes off d. */
bool x509_take_bits(struct der *d, struct der *bits);

struct x509_extension {
	struct der id, value;
	bool is_critical;
};

/* Takes the next extension off d. False: malformed. */
bool x509_take_extension(struct der *d, struct x509_extension *e);

static inline bool x509_same(const struct der *a, const struct der *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

enum x509_verdict {
	X509_GOOD,
	X509_BAD,         /* not signed with that key */
	X509_UNSUPPORTED, /* an algorithm, a curve or a key size that is not accepted */
};

/*
 * Whether key (SubjectPublicKeyInfo) made the signature. Accepted are RSA of 2048 bits and more with PKCS #1 or PSS,
 * ECDSA on P-256, P-384 and P-521, each with SHA-256, -384 or -512, and Ed25519. No memory counts as X509_BAD.
 */
enum x509_verdict x509_verify(const struct x509_signature *s, struct der key);

struct x509_key_facts {
	enum {
		X509_KEY_OTHER,
		X509_KEY_RSA,
		X509_KEY_EC,
		X509_KEY_ED25519
	} kind;
	unsigned bits;
};

/* What kind of key a SubjectPublicKeyInfo holds; X509_KEY_OTHER for one that x509_verify would not take. */
struct x509_key_facts x509_key_facts(struct der key);

/* OpenSSL's name of the signature algorithm, "" for one that is not known. A constant. */
const char *x509_signature_name(const struct x509_signature *s);
