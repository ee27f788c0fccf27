/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cert;
struct err;
struct policy;
struct trust_store;

/*
 * What the targets of one backend are spoken to with over TLS: immutable, made by control, part of a snapshot. It
 * holds references of its own to certificate and trust store.
 */
struct origin;

struct origin_config {
	const char *name;            /* the backend's, for messages */
	const struct policy *policy; /* copied; NULL: POLICY_DEFAULT */
	/*
	 * A server without a chain to this store, or with another name, is refused, unless verify is off; then trust
	 * may be NULL, and what the server shows is only noted.
	 */
	struct trust_store *trust;
	bool verify;
	/*
	 * Asked for in SNI, and the certificate has to be for it: a dNSName, exact or with a wildcard as its whole
	 * first label, never the common name (RFC 9525 6); an IP address is looked for among the iPAddress names
	 * and goes into no SNI (RFC 6066 3). NULL: the target's address.
	 */
	const char *server_name;
	struct cert *certificate; /* shown to a server that asks for one; NULL: none is */
	const char *const *alpn;  /* offered, in order of preference */
	unsigned n_alpn;
	bool no_sessions; /* neither kept nor resumed */
};

/* NULL with every reason in e: no trust store with verify, a bad name, a bad or too long list of protocols. Control thread. */
struct origin *origin_new(const struct origin_config *config, struct err *e);

/* Frees it after the grace period; NULL is fine. Control thread. */
void origin_free(struct origin *o);

/*
 * Two origins have the same version when a session made with one may be resumed with the other: same policy, name,
 * trust store (by its version, so a new CRL counts), verification, certificate and protocols.
 */
uint64_t origin_version(const struct origin *o);

/*
 * The last session with one target on one worker; opaque, plain memory. A worker's: made by
 * origin_session_keep (tls/origin_session.h).
 */
struct origin_session;

void origin_session_free(struct origin_session *s); /* wipes it; NULL is fine */

/* Who is connected to; borrowed by handshake_new_client until it returns. */
struct origin_peer {
	uint8_t address[16];
	uint8_t address_len;                  /* 4 or 16: network order */
	const struct origin_session *session; /* the last one with it; NULL: none */
	const char *alpn;                     /* offered instead of the origin's; no comma in it */
	uint8_t alpn_len;                     /* 0: the origin's are */
};
