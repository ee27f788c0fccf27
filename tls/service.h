/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/ticket.h"

struct cert;
struct err;
struct policy;
struct sni_change;
struct sni_table;

/*
 * What one TLS listener serves: immutable, part of a snapshot. Holds references to its
 * certificates (taken and given back by control).
 */
struct tls_service {
	uint32_t
	    listener_id; /* stable over reloads while the listener keeps its name: binds tickets */
	const struct policy *policy;
	struct sni_table *names;
	bool sni_strict;
	uint8_t *alpn; /* wire form {u8 length, bytes}... in order of preference; NULL: none */
	uint16_t alpn_len;
	bool no_tickets; /* neither given nor taken (tls/ticket.h) */
	uint8_t ticket_binding[TICKET_BINDING];
	/* Of the listener's trust store; tickets are bound to it. 0: clients need no certificate. */
	uint64_t trust_generation;
};

struct tls_service_config {
	const char *listener; /* its name: listener_id is derived from it */
	const struct policy *policy;
	struct cert *const *defaults; /* served without SNI or without a match; at least one */
	unsigned n_defaults;
	struct cert *const *certificates; /* served for their names, the defaults' names too */
	unsigned n_certificates;
	bool sni_strict;
	const char *const *alpn;
	unsigned n_alpn;
	bool no_tickets;
	uint64_t trust_generation;
	/*
	 * Not NULL: the names and defaults are those of this service, shared with it, but for change (NULL:
	 * none); defaults and certificates above are not looked at. For a listener whose settings changed.
	 */
	const struct tls_service *names_of;
	const struct sni_change *change;
};

/* Builds one; takes references of its own to the certificates. NULL with the reason in e. */
struct tls_service *tls_service_new(const struct tls_service_config *config, struct err *e);

/*
 * Makes the service that follows old when only certificates change: it shares with old all that the
 * change (tls/sni.h) does not touch, and costs microseconds at any number of certificates. old stays as it
 * is; both are freed with tls_service_free, in any order. NULL with the reason in e (the last
 * default is not taken away). Control thread only.
 */
struct tls_service *
tls_service_replace(const struct tls_service *old, const struct sni_change *change, struct err *e);

/* Frees it after the grace period; NULL is fine. Control thread only. */
void tls_service_free(struct tls_service *s);
