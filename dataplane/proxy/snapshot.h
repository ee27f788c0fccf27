/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "config/model.h"
#include "dataplane/proxy/admission.h"
#include "dataplane/proxy/http_reply.h"
#include "dataplane/proxy/listener_run.h"
#include "dataplane/proxy/sources.h"
#include "dataplane/proxy/target.h"

struct cert;
struct err;
struct origin;
struct policy;
struct sni_change;
struct tls_service;
struct trust_store;

/*
 * All that workers read and control replaces: immutable once built, published through RCU, freed
 * after the grace period. Connections copy what they need of it and keep no pointer into it.
 *
 * A snapshot is put together from parts that it shares with those before and after it: what the
 * configuration file says (snapshot_base) and what each listener serves (snapshot_service). Parts are
 * counted, by control alone; making a snapshot of parts that exist costs one small struct per listener.
 */

struct target {
	struct endpoint at;
	unsigned weight;
	uint32_t max_connections; /* over all workers; 0: no limit */
	bool drain;
	struct target_run *run; /* a reference */
};

struct backend_outlier {
	unsigned failures; /* in a row; 0: never */
	uint32_t ejection_ms, max_ejection_ms;
	unsigned max_ejected; /* percent */
};

/* How targets are checked (config/model.h). */
struct backend_health {
	enum config_health_type type;
	uint32_t interval_ms, timeout_ms;
	unsigned healthy, unhealthy;
	uint16_t port;           /* 0: the target's own */
	const char *path, *host; /* in config; host NULL: the target's address */
	const struct config_status_range *status;
	unsigned n_status;
	struct http_text body;
	unsigned minimum_healthy, minimum_healthy_percent;
};

struct backend {
	const char *name; /* in config */
	struct target *targets;
	unsigned n_targets;
	uint32_t *sums; /* n_targets + 1 of them: of the weights before each target, and of all */
	enum config_algorithm algorithm;
	enum config_hash_key hash_key;
	uint32_t connect_timeout_ms;
	unsigned retries;
	uint32_t slow_start_ms;
	struct backend_outlier outlier;
	uint32_t queue_size; /* over all workers */
	uint32_t queue_timeout_ms;
	uint32_t deregistration_ms;
	bool checked; /* the targets' verdicts count */
	struct backend_health health;
	struct backend_run *run; /* a reference */
	uint8_t proxy_version;   /* of the header that targets are sent; 0: none */
	uint8_t proxy_tlvs;      /* enum proxy_protocol_tlv */
	bool has_tls;            /* targets are spoken to in TLS, as snapshot.origins says */
	bool pass_alpn;          /* and offered the protocol that the client has negotiated */
};

/* A name and where its clients go. */
struct sni_route {
	char *name; /* in lower case, owned */
	unsigned backend;
};

struct listener {
	const char *name;         /* in config */
	struct listener_run *run; /* what it has counted; a reference */
	bool passthrough;         /* nothing is decrypted; tls is NULL */
	bool sni_strict;          /* of routes: a name without one is refused */
	struct sni_route *routes; /* by name */
	unsigned n_routes;
	struct endpoint *bind;
	unsigned n_bind;
	struct tls_service *tls; /* NULL in a base */
	unsigned backend;
	uint32_t handshake_timeout_ms;
	uint32_t idle_timeout_ms;
	struct source_set *fronts; /* who sends a PROXY header; NULL: nobody */
	uint32_t proxy_timeout_ms;
	bool proxy_others;               /* served without one; false: refused */
	struct admission_limits *limits; /* each worker's part */
	struct source_set *reserved;     /* NULL: nobody is */
	unsigned reserved_share;         /* percent; 0: nobody is */
	bool is_remembered;              /* facts of its connections are wanted (conn_facts.h) */
	bool is_logged;                  /* and a line in the log */
	bool is_printed;                 /* with prints of the ClientHello (tls/prints.h) */
};

/*
 * Where clients of that name (in lower case) go by l's routes: exact, then "*.rest" for its first label. Index of a
 * backend, or -1.
 */
int listener_route(const struct listener *l, const char *name);

/* What a configuration says of listeners and backends; control thread only, as all below. */
struct snapshot_base {
	unsigned references;
	struct config *config;             /* owned */
	struct policy *policies;           /* as config->policies */
	struct trust_store **trust_stores; /* as config->trust_stores */
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
/*
 * The same when the listener's settings have changed, too, or what they refer to: b is another base than old's. Both decrypt.
 * Whether a policy is good for any of the certificates is not looked at.
 */
struct snapshot_service *snapshot_service_follow(const struct snapshot_base *b, unsigned listener,
    const struct snapshot_service *old, const struct sni_change *change, struct err *e);
struct snapshot_service *snapshot_service_get(struct snapshot_service *s);
void snapshot_service_put(struct snapshot_service *s); /* NULL is fine */

/* How the targets of one backend are spoken to in TLS. */
struct snapshot_origin {
	unsigned references;
	struct origin *tls;
	const struct cert *cert; /* that is shown to them; NULL: none */
	bool sessions;
};

/*
 * Builds it for the backend of that index, which has tls, and which shows cert (NULL: nothing). NULL with the reason in e. One
 * reference is the caller's.
 */
struct snapshot_origin *snapshot_origin_new(
    const struct snapshot_base *b, unsigned backend, struct cert *cert, struct err *e);
struct snapshot_origin *snapshot_origin_get(struct snapshot_origin *o);
void snapshot_origin_put(struct snapshot_origin *o); /* NULL is fine */

/* True when one does for the other: then the older one is kept, and with it what workers have of it. */
bool snapshot_origin_is_same(const struct snapshot_origin *a, const struct snapshot_origin *b);

struct snapshot {
	uint64_t generation;
	const struct config *config; /* of base */
	const struct backend *backends;
	const struct origin **origins; /* as backends; NULL: targets are spoken to in the clear */
	unsigned n_backends;
	struct listener *listeners;
	unsigned n_listeners;

	/* Control only. */
	struct snapshot_base *base;
	struct snapshot_service **services;    /* one per listener */
	struct snapshot_origin **held_origins; /* one per backend */
};

/* What a snapshot is put together from. */
struct snapshot_parts {
	struct snapshot_base *base;
	struct snapshot_service *const *services; /* one per listener */
	struct snapshot_origin *const *origins;   /* one per backend, NULL for those without */
};

/* Puts a snapshot together; takes references of its own. NULL with the reason in e. */
struct snapshot *
snapshot_new(uint64_t generation, const struct snapshot_parts *parts, struct err *e);

/* Frees it; NULL is fine. After the grace period. */
void snapshot_free(struct snapshot *s);
