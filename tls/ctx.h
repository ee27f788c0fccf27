/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct WOLFSSL;
struct WOLFSSL_CTX;
struct cert;
struct policy;
struct trust_store;

/*
 * One worker's wolfSSL contexts, built on first use and kept in an LRU by certificate version, policy and the CA names
 * that clients are told (tls.md 3). A context is never changed after it was built. A session holds its own reference, so
 * an evicted context dies with the last session on it.
 */
struct ctx_cache;

/* What a context is told besides certificate and policy. */
struct ctx_setup {
	int device; /* wolfCrypt's crypto callback, or INVALID_DEVID */
	/* Installs I/O callbacks and the like; NULL: none. */
	void (*finish)(struct WOLFSSL_CTX *c, void *arg);
	void *arg;
};

struct ctx_cache *
ctx_cache_new(unsigned n_max, const struct ctx_setup *setup); /* NULL: no memory */
void ctx_cache_free(struct ctx_cache *c);                     /* NULL is fine */

/*
 * The context for cert and policy, which names the CAs of advertised (NULL: none) to clients; borrowed until the next call on c. NULL: no memory, or wolfSSL refuses
 * the certificate, the key, the versions, or every suite or group of the policy. That the key belongs to the
 * certificate is cert_load's to see to.
 */
struct WOLFSSL_CTX *ctx_get(struct ctx_cache *c, const struct cert *cert,
    const struct policy *policy, const struct trust_store *advertised);

/*
 * The same for clients: cert (NULL: none) is what a server that asks is shown. Signature schemes are those of the policy, or
 * else all that tls/x509.h accepts.
 */
struct WOLFSSL_CTX *
ctx_get_client(struct ctx_cache *c, const struct cert *cert, const struct policy *policy);

/*
 * Of TLS 1.2's groups leaves ssl, a session of such a context, this one: among several wolfSSL takes the client's first of 256
 * bits, whatever the policy's order. False: no memory, or it is none of theirs.
 */
bool ctx_narrow(struct WOLFSSL *ssl, uint16_t group);

struct ctx_cache_stats {
	uint64_t built, evicted;
	uint32_t n; /* now */
};

const struct ctx_cache_stats *ctx_cache_stats(const struct ctx_cache *c);
