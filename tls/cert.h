/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * A certificate chain and its key: immutable DER and facts. Made and counted by the control
 * thread only; workers reach it through a snapshot and never count.
 */

enum cert_key_type {
	CERT_RSA,
	CERT_P256,
	CERT_P384,
	CERT_P521,
	CERT_ED25519
};

struct cert_blob {
	uint8_t *at;
	size_t len;
};

#define CERT_MAX_CHAIN 10

/* What the operator should know of a certificate that is served all the same. Bits. */
enum cert_warning {
	CERT_EXPIRED = 1,          /* accepted by force */
	CERT_NOT_YET_VALID = 2,    /* accepted by force */
	CERT_ISSUER_EXPIRED = 4,   /* a CA certificate behind the leaf; or not valid yet */
	CERT_CHAIN_INCOMPLETE = 8, /* there is only the leaf, and its issuer is no root */
	CERT_WEAK_SIGNATURE = 16,  /* SHA-1, which clients no longer accept */
	CERT_WEAK_KEY_FILE = 32,   /* the key's file can be read by its group */
	CERT_STAPLE_EXPIRED = 64,  /* the OCSP response is out of its dates and was left out */
};

struct cert {
	uint64_t version; /* unique in this process: contexts are cached by it */
	unsigned references;
	char *name; /* the operator's name for it */
	/* DER, leaf first. Certificates share the bytes of those behind it (tls/cert_blob.h). */
	struct cert_blob chain[CERT_MAX_CHAIN];
	unsigned n_chain;
	struct cert_blob key; /* DER (PKCS#8 or traditional); wiped on free */
	enum cert_key_type key_type;
	unsigned key_bits;
	char **
	    names; /* lower case: DNS names of the SAN (or of the configuration: "!name" excludes) */
	unsigned n_names;
	int64_t not_before, not_after; /* seconds since the epoch */
	uint16_t signature_hash_bits;  /* of the leaf's own signature: 160, 256, 384, 512 */
	uint8_t fingerprint[32];       /* SHA-256 of the leaf */
	char serial[65];               /* hex, upper case, without leading zero bytes but one */
	bool not_for_servers;          /* its purposes have no serverAuth: no listener takes it */
	bool not_for_clients;          /* ... no clientAuth: no backend is shown it */
	unsigned warnings;             /* enum cert_warning */
	struct cert_blob ocsp;         /* the response to be stapled, DER; at NULL: none */
	int64_t ocsp_next_update;      /* seconds; not stapled afterwards. 0: there is none */
	char *issuer;                  /* who is missing, with CERT_CHAIN_INCOMPLETE; else NULL */
};

/* Where a message about it belongs, and what the configuration says beyond the files. */
struct cert_source {
	const char *name;
	const char *chain_path, *key_path;
	const char *const *names; /* NULL: from the certificate */
	unsigned n_names;
	const char *file; /* configuration file and line, for messages */
	unsigned line;
	/* For an encrypted key; NULL: none. cert_load reads it from passphrase_path (its first line). */
	const char *passphrase_path;
	const char *passphrase;
	size_t passphrase_len;
	const char *ocsp_path; /* response to be stapled (tls/ocsp.h); NULL: none */
	bool force; /* take a leaf that has expired or is not valid yet; it is a warning then */
};

#define CERT_ANY_TIME INT64_MIN

/*
 * Loads and checks chain and key. NULL with every reason in e. The caller owns one reference.
 * - The leaf is the certificate the key belongs to; the others are put in order behind it, each
 *   the issuer of the one before. One that is no part of the chain is an error.
 * - Keys: RSA of 2048 to 4096 bits, P-256, P-384, P-521, Ed25519; PKCS#8 or traditional; they
 *   may be encrypted (tls/cert_crypt.h); the file not readable by everybody, nor is that of
 *   the passphrase.
 * - The leaf is for servers or for clients, going by its extended key usage.
 * - The leaf is valid at now (seconds; CERT_ANY_TIME: dates do not matter), unless forced. A CA certificate
 *   out of its dates is a warning: clients may well find another way to a root.
 * - Names: source->names, else the DNS names of the SAN, else (no SAN) the CN if it is a host name.
 *   "*.example.com" is the only form of wildcard; "!old.example.com" in source->names takes a name out of
 *   one. There may be none: then it can only be a default.
 */
struct cert *cert_load(const struct cert_source *source, int64_t now, struct err *e);

/*
 * The same from PEM text in memory: chain_path and key_path only stand in messages. The key is copied
 * into locked memory (tls/secret.h); the caller wipes its own copy.
 */
struct cert *cert_parse(const struct cert_source *source, const char *chain, size_t chain_len,
    const char *key, size_t key_len, int64_t now, struct err *e);

/*
 * All warnings of c as one sentence part for people, cut to room bytes; "" when there are none. Returns
 * text.
 */
const char *cert_warning_text(const struct cert *c, char *text, size_t room);

/*
 * Gives c, which nobody else has yet, the OCSP response that a file holds (len bytes; source for messages). One that is
 * wrong, revokes c or does not match it is an error; one out of its dates is left out with a
 * warning. cert_load does this. 0, or -1 with the reason in e.
 */
int cert_staple(struct cert *c, const struct cert_source *source, const uint8_t *file, size_t len,
    int64_t now, struct err *e);

/* Another reference; returns c. Control thread only. */
struct cert *cert_get(struct cert *c);

/* Gives one back; the last one wipes the key and frees. NULL is fine. Control thread only. */
void cert_put(struct cert *c);
