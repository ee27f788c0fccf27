/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/ticket.h"

struct cert;
struct err;
struct trust_store;
struct policy;
struct sni_change;
struct sni_table;

enum mtls_mode {
	MTLS_OFF,         /* clients are not asked for a certificate */
	MTLS_PASSTHROUGH, /* they are asked; what they show, or that they show nothing, is only noted */
	MTLS_VERIFY, /* without a certificate that the trust store finds good there is no connection */
};

struct tls_mtls {
	enum mtls_mode mode;
	struct trust_store *trust; /* with MTLS_VERIFY; else it may be NULL */
	bool ignores_expiry;       /* of the client's own certificate */
	bool advertises;           /* the store's CA names go into the request */
};

/* What holds for one server name, or for the whole listener. */
struct tls_rule {
	char *name; /* as in a certificate, "*.example.com" too; NULL: the listener's own */
	const struct policy *policy;
	struct tls_mtls mtls;
	uint8_t ticket_binding[TICKET_BINDING];
};

/* Shared by the services of a listener that follow one another; counted by control. */
struct tls_rules {
	unsigned references;
	struct tls_rule own;
	unsigned n;
	struct tls_rule named[]; /* sorted by name */
};

/*
 * What one TLS listener serves: immutable, part of a snapshot. Holds references to its
 * certificates (taken and given back by control).
 */
struct tls_service {
	uint32_t
	    listener_id; /* stable over reloads while the listener keeps its name: binds tickets */
	struct tls_rules *rules;
	struct sni_table *names;
	bool sni_strict;
	uint8_t *alpn; /* wire form {u8 length, bytes}... in order of preference; NULL: none */
	uint16_t alpn_len;
	bool no_tickets; /* neither given nor taken (tls/ticket.h); nor where mTLS is on */
};

struct tls_rule_config {
	const char *name; /* NULL with the listener's own */
	const struct policy
	    *policy;          /* NULL: POLICY_DEFAULT; borrowed as long as the service lives */
	struct tls_mtls mtls; /* the service takes a reference of its own to the store */
};

struct tls_service_config {
	const char *listener; /* its name: listener_id is derived from it */
	const char *file;     /* and line in the configuration, for messages; NULL: none */
	unsigned line;
	struct tls_rule_config own;
	const struct tls_rule_config *named; /* each name once, in any order */
	unsigned n_named;
	struct cert *const *defaults; /* served without SNI or without a match; at least one */
	unsigned n_defaults;
	struct cert *const *certificates; /* served for their names, the defaults' names too */
	unsigned n_certificates;
	bool sni_strict;
	const char *const *alpn;
	unsigned n_alpn;
	bool no_tickets;
	/*
	 * Not NULL: the names and defaults are those of this service, shared with it, but for change (NULL:
	 * none); defaults and certificates above are not looked at. For a listener whose settings changed.
	 */
	const struct tls_service *names_of;
	const struct sni_change *change;
};

/*
 * Builds one; takes references of its own to the certificates. NULL with the reason in e, among them a policy that
 * none of the certificates can be served with.
 */
struct tls_service *tls_service_new(const struct tls_service_config *config, struct err *e);

/*
 * Makes the service that follows old when only certificates change: it shares with old all that the
 * change (tls/sni.h) does not touch, and costs microseconds at any number of certificates. old stays as it
 * is; both are freed with tls_service_free, in any order. NULL with the reason in e (the last
 * default is not taken away). Control thread only.
 */
struct tls_service *
tls_service_replace(const struct tls_service *old, const struct sni_change *change, struct err *e);

/* What holds for a client that asks for that name, in lower case (len 0: for none). Never NULL; part of s. */
const struct tls_rule *tls_service_rule(const struct tls_service *s, const char *name, size_t len);

/* Frees it after the grace period; NULL is fine. Control thread only. */
void tls_service_free(struct tls_service *s);
