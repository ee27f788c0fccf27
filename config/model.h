/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The whole validated configuration: plain data, immutable once loaded. Strings
 * and arrays belong to the struct config that holds them. Paths are as the
 * process can open them (a relative path in the file is relative to the folder of
 * that file). Every item carries the file (an @include may have brought it) and line it was
 * written at, for messages that can only be given later (a key that does not match its
 * certificate).
 */

#define CONFIG_MAX_WORKERS        64
#define CONFIG_MAX_PORTS          8
#define CONFIG_MAX_PORT_ADDRESSES 16
#define CONFIG_MAX_PORT_ROUTES    64
#define CONFIG_MAX_NAME           128 /* bytes of an item's name: letters, digits, '.', '_', '-' */

/* What a listener without a policy uses: tls/policy.h's POLICY_DEFAULT. */
#define CONFIG_DEFAULT_POLICY "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

/* An IPv4 address is held v4-mapped (::ffff:a.b.c.d), as everywhere in sallyport. */
struct config_addr {
	struct in6_addr ip;
	uint16_t port;  /* host order; 0 where an address has none */
	uint8_t prefix; /* as written, 0..32 for IPv4 and 0..128 for IPv6; 0 where there is none */
	bool is_v4;
	const char *file;
	unsigned line;
};

struct config_route {
	struct config_addr to;  /* prefix used, port 0 */
	struct config_addr via; /* a neighbour on this port */
	const char *file;
	unsigned line;
};

/* Ethernet pause frames (IEEE 802.3x). */
enum config_flow_control {
	CONFIG_FLOW_KEEP, /* as the device comes */
	CONFIG_FLOW_OFF,
	CONFIG_FLOW_ON, /* both directions */
};

struct config_port {
	const char *name;
	const char *const *devices; /* DPDK device names; several = one per worker queue */
	unsigned n_devices;
	struct config_addr addresses[CONFIG_MAX_PORT_ADDRESSES];
	unsigned n_addresses;
	const struct config_route *routes;
	unsigned n_routes;
	uint16_t mtu; /* 1280..9000, default 1500 */
	uint16_t
	    vlan; /* 802.1Q id of its frames, 0 = untagged; tells ports on the same devices apart */
	bool offloads; /* false: all checksums in software, whatever the device offers */
	bool promiscuous;
	uint16_t rx_descriptors,
	    tx_descriptors; /* of each queue; 0: 1024, or what the device takes */
	enum config_flow_control flow_control;
	const char *file;
	unsigned line;
};

struct config_runtime {
	unsigned workers[CONFIG_MAX_WORKERS]; /* core numbers, one worker each */
	unsigned n_workers;
	int control_core;         /* -1: any core that is not a worker's */
	const char *const *front; /* names of the ports that face clients */
	const char *const *back;  /* names of the ports that face backends; may be the same */
	unsigned n_front, n_back;
	unsigned front_line, back_line; /* where they are named; 0: left out */
	uint32_t max_connections;       /* proxied connections over all workers */
	uint32_t mbufs;                 /* packet buffers over all workers; 0 = derived */
	double drain_timeout_s;
	bool idle_sleep; /* idle = "sleep" (back off) or "poll" */
	bool watch;      /* certificate files that change on disk are picked up */
	const char *
	    state_dir; /* folder of the journal (config/journal.h); NULL: no changes over the API */
	const char *user; /* whom to become after the start; NULL: stay */
	const char *file;
	unsigned line;
};

struct config_control {
	const char *socket;         /* path of the API's Unix socket; NULL: no API */
	unsigned mode;              /* permission bits of the socket */
	struct config_addr metrics; /* kernel address of /metrics and /healthz; line 0: none */
	const char *file;
	unsigned line; /* 0: the section was left out */
};

struct config_tickets {
	const char *key_file; /* NULL: keys of our own making, forgotten at the end */
	double rotate_s;      /* a new key so often; 0: only on command */
	unsigned keep;        /* keys at once, the sealing one included */
	double lifetime_s;    /* of a ticket */
	const char *file;
	unsigned line; /* 0: the section was left out */
};

enum config_log_format {
	CONFIG_LOG_ALB,  /* as AWS's load balancers write it */
	CONFIG_LOG_JSON, /* an object a line, with all there is */
};

/* The connection log: a line for each. */
struct config_log {
	const char *path; /* NULL: there is none */
	enum config_log_format format;
	const char *file;
	unsigned line; /* 0: the section was left out */
};

struct config_certificate {
	const char *name;
	const char *chain;        /* PEM file, leaf first */
	const char *key;          /* PEM file */
	const char *const *names; /* overrides the names in the certificate; NULL = take those */
	unsigned n_names;
	const char *passphrase_file; /* of an encrypted key; NULL: none */
	const char *ocsp;            /* file with the response to be stapled; NULL: none */
	bool force;                  /* serve it although it has expired or is not valid yet */
	const char *file;
	unsigned line;
};

struct config_target {
	struct config_addr address;
	unsigned weight;          /* 0..256, default 1; 0: no new connections */
	unsigned max_connections; /* at once, over all workers; 0: no limit */
	bool drain;               /* no new connections; those there are may go on for a while */
	const char *file;
	unsigned line;
};

enum config_algorithm {
	CONFIG_ROUND_ROBIN,
	CONFIG_LEAST_CONNECTIONS,
	CONFIG_RANDOM_TWO,
	CONFIG_CONSISTENT_HASH,
};

enum config_hash_key {
	CONFIG_HASH_CLIENT_ADDRESS,
	CONFIG_HASH_SNI,
};

/* A target that fails again and again is left alone for a while, by each worker that finds it so. */
struct config_outlier {
	unsigned failures; /* in a row; 0: never */
	double ejection_time_s, max_ejection_time_s;
	unsigned max_ejected; /* percent of the targets at once */
};

/* Connections that wait while every target has its max_connections. */
struct config_queue {
	unsigned size; /* over all workers; 0: none waits */
	double timeout_s;
};

/* What a PROXY header of version 2 tells beside addresses. Bits. */
enum config_proxy_tlv {
	CONFIG_PROXY_ALPN = 1,
	CONFIG_PROXY_AUTHORITY = 2, /* SNI */
	CONFIG_PROXY_SSL = 4,
	CONFIG_PROXY_UNIQUE_ID = 8, /* the connection log's conn_trace_id */
	CONFIG_PROXY_CRC32C = 16,
	CONFIG_PROXY_NETNS = 32,       /* what the front in front of us said */
	CONFIG_PROXY_CLIENT_CERT = 64, /* in DER, inside SSL */
};

enum config_health_type {
	CONFIG_HEALTH_NONE,
	CONFIG_HEALTH_TCP,
	CONFIG_HEALTH_HTTP,
	CONFIG_HEALTH_TLS,
	CONFIG_HEALTH_HTTPS,
};

#define CONFIG_MAX_STATUS 8
#define CONFIG_MAX_BODY   128 /* bytes of the text that a check looks for */
#define CONFIG_MAX_PATH   512 /* bytes of a check's path */

struct config_status_range {
	uint16_t low, high; /* both included */
};

/* How targets are checked. */
struct config_health {
	enum config_health_type type;
	double interval_s, timeout_s;
	unsigned healthy, unhealthy; /* checks in a row that change the verdict */
	unsigned port;               /* 0: the target's own */
	const char *path;
	const char *host; /* NULL: the target's address */
	struct config_status_range status[CONFIG_MAX_STATUS];
	unsigned n_status;
	const char *body; /* that the answer must hold; NULL: none */
	/* With fewer than this up, all are used as if they were. */
	unsigned minimum_healthy, minimum_healthy_percent;
};

/* How targets are spoken to in TLS (tls/origin.h). */
struct config_backend_tls {
	bool verify;
	const char *trust_store; /* name of one in config.trust_stores; NULL: none */
	/* Sent as SNI, and whom the certificate must be for; NULL: the target's address, without SNI. */
	const char *server_name;
	const char *policy; /* as a listener's, not looked up here; NULL: the default */
	unsigned policy_line;
	/* Name of one of config.certificates, or of one that the control API added; NULL: none is shown. */
	const char *certificate;
	const char *const *alpn; /* offered; none: no ALPN */
	unsigned n_alpn;
	bool pass_alpn; /* of a client that has negotiated a protocol that one is offered instead */
	bool sessions;  /* are resumed */
	const char *file;
	unsigned line; /* 0: it was left out, targets are spoken to in the clear */
};

struct config_backend {
	const char *name;
	const struct config_target *targets;
	unsigned n_targets;
	enum config_algorithm algorithm;
	enum config_hash_key hash_key;
	double connect_timeout_s;
	unsigned retries;    /* other targets tried when one cannot be reached */
	double slow_start_s; /* 0: full weight at once */
	struct config_outlier outlier;
	struct config_queue queue;
	unsigned proxy_version; /* of the PROXY protocol that targets are spoken to; 0: none */
	unsigned proxy_tlvs;    /* enum config_proxy_tlv */
	unsigned proxy_line;    /* where tlvs are listed; 0: nowhere */
	double deregistration_delay_s; /* for connections to a target that is drained or gone */
	struct config_health health;
	struct config_backend_tls tls;
	const char *file;
	unsigned line;
};

/* Of the cloud load balancers' kind, made from another one; tls/policy.h reads the names. */
struct config_policy {
	const char *name;
	const char *based_on; /* one defined before it, or a built-in; NULL: the default */
	const char *const *versions;
	unsigned n_versions;
	const char *const *suites; /* those of based_on when there are none, as with all lists */
	unsigned n_suites;
	const char *const *groups;
	unsigned n_groups;
	const char *const *signature_algorithms;
	unsigned n_signature_algorithms;
	bool client_preference; /* the client's order of suites decides */
	const char *file;
	unsigned line;
};

/* Patterns (tls/x509_name.h); NULL: anything. */
struct config_identity {
	const char *subject, *issuer, *san;
	const char *file;
	unsigned line;
};

/* Whose certificates clients may show (tls/trust.h). */
struct config_trust_store {
	const char *name;
	const char *ca_bundle;   /* PEM file */
	const char *const *crls; /* PEM or DER files */
	unsigned n_crls;
	bool crl_missing; /* reject who was issued by a CA without a CRL */
	bool crl_stale;   /* reject when the CRL is past its next update */
	unsigned max_depth;
	const struct config_identity *identities;
	unsigned n_identities;
	struct {
		unsigned ca_certificates, ca_bytes, subject_bytes, crls, revoked, crl_bytes;
	} quotas;
	const char *file;
	unsigned line;
};

enum config_mtls_mode {
	CONFIG_MTLS_OFF,
	CONFIG_MTLS_PASSTHROUGH,
	CONFIG_MTLS_VERIFY
};

struct config_mtls {
	enum config_mtls_mode mode;
	const char *trust_store; /* name of one in config.trust_stores; NULL: none */
	bool advertise_ca_names;
	bool ignore_expiry;
	const char *file;
	unsigned line; /* 0: it was left out */
};

/* What differs for clients that ask for one server name. */
struct config_sni {
	const char *name;   /* a host name or "*.rest" */
	const char *policy; /* NULL: the listener's */
	unsigned policy_line;
	struct config_mtls mtls; /* line 0: the listener's */
	const char *file;
	unsigned line;
};

/* Where a listener that does not decrypt sends clients of a name. */
struct config_sni_route {
	const char *name; /* a host name or "*.rest" */
	unsigned backend; /* index into config.backends */
	const char *file;
	unsigned line;
};

/* Of handshakes that begin; over all workers, 0: no limit. */
struct config_limits {
	uint32_t handshakes_per_second, handshakes_at_once;
	uint32_t source_per_second, source_at_once; /* of one address, or one IPv6 /64 */
};

/*
 * Sources that are served whatever the others do: share percent of the limits, of a worker's connections and of the
 * handshakes that it begins and has under way are theirs alone. Of a worker the largest share of all listeners.
 */
struct config_reserved {
	const struct config_addr *sources; /* prefixes, port 0 */
	unsigned n_sources;                /* 0: there are none */
	unsigned share;
};

#define CONFIG_MAX_BINDS 1024 /* over all listeners */

struct config_listener {
	const char *name;
	bool passthrough; /* protocol "tcp": bytes go through as they are */
	const struct config_sni_route *routes;
	unsigned n_routes;
	/*
	 * Addresses of the front ports, each with a port of its own: 0.0.0.0 and [::] in the file
	 * have become all the front ports' addresses of that family.
	 */
	const struct config_addr *bind;
	unsigned n_bind;
	const char
	    *policy; /* one of config.policies, or a built-in (tls/policy.h); not looked up here */
	unsigned policy_line; /* where it is named; the listener's line when it is the default */
	const unsigned *default_certificates; /* indices into config.certificates */
	unsigned n_default_certificates;
	const unsigned *certificates; /* served by SNI, beside the default ones */
	unsigned n_certificates;
	bool sni_strict;
	struct config_mtls mtls;
	const struct config_sni *sni;
	unsigned n_sni;
	bool tickets;            /* session tickets are given and taken */
	const char *const *alpn; /* in order of preference */
	unsigned n_alpn;
	unsigned backend; /* index into config.backends */
	double handshake_timeout_s;
	double idle_timeout_s;
	struct config_limits limits;
	struct config_reserved reserved;
	/* Fronts that begin with a PROXY header; none: nobody does. Prefixes, port 0. */
	const struct config_addr *proxy_from;
	unsigned n_proxy_from;
	double proxy_timeout_s; /* for the header to come */
	bool proxy_others;      /* clients from elsewhere are served without one; false: refused */
	const char *file;
	unsigned line;
};

/* What was written, as JSON: an item of a section that has named ones (config_section_item), or a whole section. */
struct config_item {
	const char *section; /* "backends" */
	const char *name;    /* NULL: the whole section */
	const char *json;    /* settings that are left out have their defaults */
};

struct config {
	const char *path; /* the file this was read from */
	struct config_runtime runtime;
	struct config_control control;
	struct config_tickets tickets;
	struct config_log log;
	const char *const *eal; /* arguments for rte_eal_init, without argv[0] */
	unsigned n_eal;
	const char *eal_file; /* NULL: not in the file */
	unsigned eal_line;
	const struct config_port *ports;
	unsigned n_ports;
	const struct config_certificate *certificates;
	unsigned n_certificates;
	const struct config_policy *policies;
	unsigned n_policies;
	const struct config_trust_store *trust_stores;
	unsigned n_trust_stores;
	const struct config_backend *backends;
	unsigned n_backends;
	const struct config_listener *listeners;
	unsigned n_listeners;
	const struct config_item *items; /* all that was written but the certificates */
	unsigned n_items;
	void *memory; /* what config_free gives back */
};
