/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/net/pkt.h"

struct cert;
struct config;
struct err;
struct sni_change;
struct tls_service;

/*
 * All that workers read and control replaces: immutable once built, published through RCU, freed
 * after the grace period. Connections copy what they need of it and keep no pointer into it.
 *
 * A snapshot is put together from parts that it shares with those before and after it: what the
 * configuration file says (snapshot_base) and what each listener serves (snapshot_service). Parts are
 * counted, by control alone; making a snapshot of parts that exist costs one small struct per listener.
 */

struct endpoint {
	struct ip_addr ip;
	uint16_t port; /* host order */
};

struct target {
	struct endpoint at;
	unsigned weight;
};

struct backend {
	const char *name; /* in config */
	struct target *targets;
	unsigned n_targets;
	/* Indices of targets in the order of smooth weighted round robin; repeated for ever. */
	uint16_t *order;
	unsigned n_order; /* 0: every weight is 0, no target may be used */
	uint32_t connect_timeout_ms;
};

struct listener {
	const char *name; /* in config */
	struct endpoint *bind;
	unsigned n_bind;
	struct tls_service *tls; /* NULL in a base */
	unsigned backend;
	uint32_t handshake_timeout_ms;
	uint32_t idle_timeout_ms;
};

/* What a configuration says of listeners and backends; control thread only, as all below. */
struct snapshot_base {
	unsigned references;
	struct config *config; /* owned */
	struct backend *backends;
	unsigned n_backends;
	struct listener *listeners; /* as config->listeners, but without tls */
	unsigned n_listeners;
};

/* Takes config, also when it fails: NULL with the reason in e. The caller owns one reference. */
struct snapshot_base *snapshot_base_new(struct config *config, struct err *e);
struct snapshot_base *snapshot_base_get(struct snapshot_base *b);
void snapshot_base_put(struct snapshot_base *b); /* NULL is fine */

/* What one listener serves. */
struct snapshot_service {
	unsigned references;
	struct tls_service *tls;
};

/* Certificates of a listener; borrowed. */
struct snapshot_certs {
	struct cert *const *defaults;
	unsigned n_defaults;
	struct cert *const *certs;
	unsigned n_certs;
};

/* Builds what the listener of that index serves. NULL with the reason in e. One reference is the caller's. */
struct snapshot_service *snapshot_service_new(const struct snapshot_base *b, unsigned listener,
    const struct snapshot_certs *certs, struct err *e);
/*
 * What follows old when only certificates change (tls/sni.h): shares all the rest with it, at a cost that does not
 * depend on how many there are.
 */
struct snapshot_service *snapshot_service_replace(
    const struct snapshot_service *old, const struct sni_change *change, struct err *e);
struct snapshot_service *snapshot_service_get(struct snapshot_service *s);
void snapshot_service_put(struct snapshot_service *s); /* NULL is fine */

struct snapshot {
	uint64_t generation;
	const struct config *config; /* of base */
	const struct backend *backends;
	unsigned n_backends;
	struct listener *listeners;
	unsigned n_listeners;

	/* Control only. */
	struct snapshot_base *base;
	struct snapshot_service **services; /* one per listener */
};

/* Puts a snapshot together; takes references of its own. NULL with the reason in e. */
struct snapshot *snapshot_new(uint64_t generation, struct snapshot_base *base,
    struct snapshot_service *const *services, struct err *e);

/* Frees it; NULL is fine. After the grace period. */
void snapshot_free(struct snapshot *s);
