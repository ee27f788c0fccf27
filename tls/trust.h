/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/client_cert.h"

struct err;

/*
 * Trust stores: whose certificates clients, or the servers of a backend, may show. Immutable; made and counted by the control thread only,
 * workers reach one through a snapshot.
 *
 * The verdict is all ours: wolfSSL's certificate manager learns CA certificates from what clients send
 * (tls.md 7), a store learns nothing.
 */
struct trust_store;

/* Patterns (tls/x509_name.h); NULL: anything. A certificate must match all of one identity. */
struct trust_identity {
	const char *subject, *issuer; /* over RFC 2253 text */
	const char *san;              /* over one of the alternative names, "DNS:*.example.com" */
};

struct trust_quotas {
	unsigned ca_certificates;
	size_t ca_bytes;      /* DER of each */
	size_t subject_bytes; /* of all together: what is advertised */
	unsigned crls;
	size_t revoked;   /* over all CRLs */
	size_t crl_bytes; /* of each file */
};

#define TRUST_MAX_DEPTH 7

struct trust_options {
	/* Certificates above the client's, the trusted one included: 1..TRUST_MAX_DEPTH. */
	unsigned max_depth;
	bool needs_crl;    /* refuse who was issued by a CA without a CRL here */
	bool may_be_stale; /* a CRL past its next update is believed all the same */
	const struct trust_identity *identities; /* one must match; none: everybody */
	unsigned n_identities;
	struct trust_quotas quotas;
};

extern const struct trust_options trust_defaults; /* AWS's quotas, max_depth 4 */

struct trust_source {
	const char *name;
	const char *bundle;      /* PEM file of CA certificates */
	const char *const *crls; /* PEM or DER files, of one CRL or several */
	unsigned n_crls;
	struct trust_options options; /* copied */
	const char *file;             /* configuration file and line, for messages */
	unsigned line;
};

/*
 * Loads one. Every CA certificate of the bundle is trusted, a root or not. A CRL counts for the CA certificates
 * that signed it; one that none of them signed is a warning. When nothing has changed since a store that is still
 * in use was loaded, that is returned (another reference). NULL with every reason in e. now: seconds, for
 * warnings.
 */
struct trust_store *trust_load(const struct trust_source *source, int64_t now, struct err *e);

/* A file's content; path is for messages. */
struct trust_text {
	const char *path;
	const uint8_t *at;
	size_t len;
};

/* The same from memory. crls has source->n_crls elements. */
struct trust_store *trust_parse(const struct trust_source *source, const struct trust_text *bundle,
    const struct trust_text *crls, int64_t now, struct err *e);

struct trust_store *trust_get(struct trust_store *t); /* another reference; returns t */
void trust_put(struct trust_store *t);                /* NULL is fine */

/* Unique in this process: contexts are kept and tickets bound by it. */
uint64_t trust_version(const struct trust_store *t);

/* What the operator should know, one sentence a line; "" when there is nothing. */
const char *trust_warnings(const struct trust_store *t);

struct trust_facts {
	unsigned n_cas, n_crls;
	size_t n_revoked;
	int64_t next_update; /* the first of all CRLs' that passes; INT64_MAX: none */
	int64_t not_after;   /* of the CA certificate that expires first */
};

struct trust_facts trust_facts(const struct trust_store *t);

/* The i-th CA certificate, DER; len 0: there is none. */
struct client_cert_der trust_ca(const struct trust_store *t, unsigned i);

/*
 * The verdict on a chain that a client showed, its own certificate first, at now (seconds). Costs at most 24 signature
 * checks whatever the chain is. Any thread; allocates and frees.
 */
enum client_cert_status trust_verify(const struct trust_store *t, bool ignore_expiry,
    const struct client_cert_der *chain, unsigned n_chain, int64_t now);

/* Whom a client wanted to reach. */
struct trust_server {
	const char *host;       /* as name_copy makes it; NULL: the address counts */
	const uint8_t *address; /* network order */
	size_t address_len;
	bool
	    may_encipher; /* TLS 1.2 and below: a key that only decrypts will do (RFC 5246 7.4.2) */
};

/*
 * The same for a chain that a server showed (RFC 5280 6, RFC 9525 6): for servers, and for this one; identities of the store
 * count as well. *until, when it is good: the second up to which nothing in it, nor a CRL it needs, expires.
 */
enum client_cert_status
trust_verify_server(const struct trust_store *t, const struct trust_server *server,
    const struct client_cert_der *chain, unsigned n_chain, int64_t now, int64_t *until);
