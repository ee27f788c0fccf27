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

struct cert {
	uint64_t version; /* unique in this process: contexts are cached by it */
	unsigned references;
	char *name;                             /* the operator's name for it */
	struct cert_blob chain[CERT_MAX_CHAIN]; /* DER, leaf first */
	unsigned n_chain;
	struct cert_blob key; /* DER (PKCS#8 or traditional); wiped on free */
	enum cert_key_type key_type;
	unsigned key_bits;
	char **names; /* lower case: DNS names of the SAN (or of the configuration) */
	unsigned n_names;
	int64_t not_before, not_after; /* seconds since the epoch */
	uint16_t signature_hash_bits;  /* of the leaf's own signature: 160, 256, 384, 512 */
	uint8_t fingerprint[32];       /* SHA-256 of the leaf */
	char serial[65];               /* hex, upper case, without leading zero bytes but one */
};

/* Where a message about it belongs, and what the configuration says beyond the files. */
struct cert_source {
	const char *name;
	const char *chain_path, *key_path;
	const char *const *names; /* NULL: from the certificate */
	unsigned n_names;
	const char *file; /* configuration file and line, for messages */
	unsigned line;
};

/*
 * Loads and checks chain and key. NULL with every reason in e. The caller owns one reference.
 * - The leaf is the certificate the key belongs to; the others are put in order behind it, each
 *   the issuer of the one before. One that is no part of the chain is an error.
 * - Keys: RSA of 2048 to 4096 bits, P-256, P-384, P-521, Ed25519; PKCS#8 or traditional; not
 *   encrypted; the file not readable by everybody.
 * - Every certificate is valid at now (seconds), but for a root at the end of the chain.
 * - Names: source->names, else the DNS names of the SAN, else (no SAN) the CN if it is a host name.
 *   "*.example.com" is the only form of wildcard. There may be none: then it can only be a default.
 */
struct cert *cert_load(const struct cert_source *source, int64_t now, struct err *e);

/*
 * The same from PEM text in memory: chain_path and key_path only stand in messages. The key is copied
 * into locked memory (tls/secret.h); the caller wipes its own copy.
 */
struct cert *cert_parse(const struct cert_source *source, const char *chain, size_t chain_len,
    const char *key, size_t key_len, int64_t now, struct err *e);

/* Another reference; returns c. Control thread only. */
struct cert *cert_get(struct cert *c);

/* Gives one back; the last one wipes the key and frees. NULL is fine. Control thread only. */
void cert_put(struct cert *c);
