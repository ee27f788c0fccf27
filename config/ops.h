/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/change.h"

struct err;

/*
 * What the control API asks of the daemon: the control thread calls these functions while it serves a
 * request (config/api/api.h), and nobody else. Strings and arrays in answers are borrowed until the
 * next call that changes something.
 */

enum ops_verdict {
	OPS_OK,
	OPS_BAD,       /* the request makes no sense */
	OPS_NOT_FOUND, /* it names something that is not there */
	OPS_CONFLICT,  /* it contradicts what is there */
	OPS_STALE,     /* If-Match: somebody was faster */
	OPS_REFUSED,   /* what it brings is wrong */
	OPS_FAILED,    /* it is right, but could not be done: disk, memory */
};

struct ops_status {
	uint64_t generation;
	const char *config;    /* path of the file */
	const char *state_dir; /* NULL: none */
	size_t n_certificates;
	unsigned n_listeners, n_backends, n_workers;
	bool draining;
	int64_t started; /* seconds since the epoch */
};

struct ops_cert {
	const char *name;
	bool from_file;
	const char *content;  /* "" while from_file */
	const char *key_type; /* "RSA", "P-256", "P-384", "P-521", "Ed25519" */
	unsigned key_bits, signature_hash_bits;
	char *const *names;
	unsigned n_names, n_chain;
	int64_t not_before, not_after;
	const uint8_t *fingerprint; /* SHA-256 of the leaf */
	const char *serial;
	bool has_staple;            /* an OCSP response */
	int64_t staple_next_update; /* 0: never */
	char warnings[400];         /* what the operator should know, "" when there is nothing */
};

struct ops_listener {
	const char *name, *policy, *backend;
	const struct config_addr *bind;
	unsigned n_bind;
	const char *defaults[CHANGE_MAX_DEFAULTS];
	unsigned n_defaults;
	size_t n_certificates;
	bool sni_strict;
	const char *const *alpn;
	unsigned n_alpn;
	double handshake_timeout_s, idle_timeout_s;
};

struct ops_generation {
	uint64_t generation;
	int64_t time;
	const char *action, *who, *summary;
	bool is_current, can_roll_back;
};

/* A piece of the configuration as it was written (struct config_item). */
struct ops_item {
	const char *section, *name, *json; /* name NULL: a whole section */
	bool from_file;
};

/* How a change is to be made. */
struct ops_request {
	const char *who;    /* "uid 0, pid 1234" */
	const char *action; /* for the journal: "change" */
	uint64_t if_match;  /* 0: whatever the generation is */
	bool dry_run;
	const char *key;     /* Idempotency-Key or NULL */
	const char *request; /* digest of what is asked, with a key */
	struct err *
	    warnings; /* gets what is doubtful about a change that is possible; NULL: nobody asks */
};

struct ops_result {
	uint64_t generation; /* now in force; with dry_run: what would be */
	unsigned n_changes;
	bool was_done_before; /* the key is known: nothing was done */
};

struct ops_explain {
	const char *listener, *name;       /* name NULL: no SNI */
	uint16_t sigalgs[32], versions[4]; /* 0 of them: what a current client says */
	unsigned n_sigalgs, n_versions;
};

struct ops_explained {
	const char *certificate; /* NULL: refused */
	const char *reason;      /* a sentence */
	const char *version, *suite;
	unsigned alert; /* when refused */
};

struct ops_connection {
	unsigned worker;
	const char *client, *local, *backend; /* "10.80.0.2:40123"; backend NULL: none yet */
	const char *listener, *state, *version, *suite;
	const char *backend_version; /* of TLS with the target; NULL: none */
};

#define OPS_WORKER_QUEUES 8

struct ops_worker {
	unsigned index, core, node; /* node: of NUMA */
	/* "front0: 0000:3b:00.0 queue 1", one for each port. */
	char queues[OPS_WORKER_QUEUES][96];
	unsigned n_queues;
	const char *steering;                   /* the mode */
	unsigned long long cycles, busy_cycles; /* since the start */
	unsigned long long connections, handed_over, taken_over;
	unsigned ports_taken, ports_free_least;
};

/* A trust store that is in force. */
struct ops_trust {
	unsigned n_cas, n_crls;
	uint64_t n_revoked;
	int64_t next_update;  /* when the first of its CRLs becomes stale; INT64_MAX: none does */
	int64_t not_after;    /* of the CA certificate that ends first */
	const char *warnings; /* one sentence a line; "": none */
};

#define OPS_POLICY_NAMES 40

/* What a policy comes to, in order of preference. */
struct ops_policy {
	const char *name;
	const char *versions[4], *suites[OPS_POLICY_NAMES], *groups[OPS_POLICY_NAMES];
	const char *sigalgs[OPS_POLICY_NAMES]; /* none: whatever both ends have */
	unsigned n_versions, n_suites, n_groups, n_sigalgs;
	bool client_preference;
};

/* From best to worst. */
enum ops_health {
	OPS_HEALTH_OK,
	OPS_HEALTH_DEGRADED,    /* of targets, or of backends, some can serve */
	OPS_HEALTH_UNAVAILABLE, /* none can */
	OPS_HEALTH_DRAINING,    /* of the daemon: it is about to end */
};

enum ops_target_state {
	OPS_TARGET_HEALTHY,
	OPS_TARGET_UNCHECKED, /* the backend has no checks: taken for good */
	OPS_TARGET_NEW,       /* it has to pass checks first */
	OPS_TARGET_UNHEALTHY,
	OPS_TARGET_DRAINING,
	OPS_TARGET_DISABLED, /* its weight is 0 */
};

struct ops_backend {
	const char *name;
	enum ops_health health;
	bool is_panicking; /* too few are up, so all are used */
	unsigned n_targets;
};

struct ops_target {
	const char *address; /* "10.81.0.2:8080" */
	enum ops_target_state state;
};

struct ops {
	void *arg;

	void (*status)(void *arg, struct ops_status *status);

	/* The one behind after (NULL: the first), or the one of that name. False: there is none. */
	bool (*cert_next)(void *arg, const char *after, struct ops_cert *cert);
	bool (*cert_find)(void *arg, const char *name, struct ops_cert *cert);

	/* Listeners are numbered; certificates served beside the defaults come as cert_next's do. */
	bool (*listener_at)(void *arg, unsigned i, struct ops_listener *listener);
	const char *(*listener_cert_next)(void *arg, unsigned i, const char *after);
	bool (*listener_serves)(void *arg, unsigned i, const char *certificate);

	/* Numbered; names are not sorted. */
	bool (*item_at)(void *arg, unsigned i, struct ops_item *item);

	/* The trust store of that name; false: there is none. */
	bool (*trust_find)(void *arg, const char *name, struct ops_trust *to);

	/* The policy of that name, built in or not; the i-th that is built in. False: there is none. */
	bool (*policy_find)(void *arg, const char *name, struct ops_policy *to);
	bool (*policy_at)(void *arg, unsigned i, struct ops_policy *to);

	/*
	 * The connection log's last lines, numbered: *oldest up to, not including, *next. False: there is no log. A line
	 * that is not remembered any more is NULL.
	 */
	bool (*log_recent)(void *arg, uint64_t *oldest, uint64_t *next);
	const char *(*log_line)(void *arg, uint64_t number);

	/* From the newest, number 0, on. */
	bool (*generation_at)(void *arg, unsigned i, struct ops_generation *generation);

	/* Take what is in l. OPS_OK and *result, or the reason in e and nothing has changed. */
	enum ops_verdict (*change)(void *arg, struct change_list *l,
	    const struct ops_request *request, struct ops_result *result, struct err *e);
	enum ops_verdict (*reload)(
	    void *arg, const struct ops_request *request, struct ops_result *result, struct err *e);
	enum ops_verdict (*rollback)(void *arg, uint64_t generation,
	    const struct ops_request *request, struct ops_result *result, struct err *e);

	/* What a reload would change, to l; what else differs as lines in notes. */
	enum ops_verdict (*diff)(
	    void *arg, struct change_list *l, struct err *notes, struct err *e);

	enum ops_verdict (*explain)(void *arg, const struct ops_explain *question,
	    struct ops_explained *answer, struct err *e);

	/* Stops taking connections; the daemon ends with the last one, at the latest after timeout_s (0: drain_timeout). */
	void (*drain)(void *arg, double timeout_s, const char *who);

	/* A new ticket key, which seals from now on. OPS_OK and how many are in use, or the reason in e. */
	enum ops_verdict (*rotate_tickets)(
	    void *arg, const char *who, unsigned *n_keys, struct err *e);

	/*
	 * These ticket keys instead of those in use: text as the key file has it (tls/ticket.h), which is written when
	 * there is one. OPS_OK and how many there are, or the reason in e and nothing has changed.
	 */
	enum ops_verdict (*put_tickets)(void *arg, const char *text, size_t len, const char *who,
	    unsigned *n_keys, struct err *e);

	/* Of the daemon; it can serve while one listener has one backend with a target. */
	enum ops_health (*health)(void *arg);

	/* The i-th, false: there is none; and the i-th target of that one. */
	bool (*backend_at)(void *arg, unsigned i, struct ops_backend *to);
	void (*target_at)(void *arg, unsigned backend, unsigned i, struct ops_target *to);

	/* Calls visit for at most limit connections; returns how many there are. */
	unsigned (*connections)(void *arg, unsigned limit,
	    void (*visit)(void *arg, const struct ops_connection *connection), void *visit_arg);

	/* Calls visit for each worker; returns how many there are. */
	unsigned (*workers)(
	    void *arg, void (*visit)(void *arg, const struct ops_worker *worker), void *visit_arg);

	/*
	 * What control knows, for Prometheus, as text with HELP and TYPE; with_certificates: a line or two for each, which are
	 * megabytes where there are 100,000.
	 */
	void (*metrics)(void *arg, FILE *out, bool with_certificates);
	/* The workers' counters, likewise. Any thread may call it. */
	void (*counters)(void *arg, FILE *out);
};
