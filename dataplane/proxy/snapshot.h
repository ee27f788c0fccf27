/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/net/pkt.h"

struct cert;
struct config;
struct err;
struct tls_service;

/*
 * All that workers read and control replaces: immutable once built, published through RCU, freed
 * after the grace period. Connections copy what they need of it and keep no pointer into it.
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
	struct tls_service *tls;
	unsigned backend;
	uint32_t handshake_timeout_ms;
	uint32_t idle_timeout_ms;
};

struct snapshot {
	uint64_t generation;
	struct config *config; /* owned */
	struct cert **certs;   /* as config->certificates */
	unsigned n_certs;
	struct backend *backends;
	unsigned n_backends;
	struct listener *listeners;
	unsigned n_listeners;
};

/*
 * Builds the snapshot of a configuration, which it takes (also when it fails). Certificates that are
 * the same as in previous (may be NULL) are shared with it. now: seconds since the epoch. NULL with every
 * reason in e. Control thread only.
 */
struct snapshot *
snapshot_new(struct config *config, const struct snapshot *previous, int64_t now, struct err *e);

/* Frees it; NULL is fine. Control thread only, after the grace period. */
void snapshot_free(struct snapshot *s);
