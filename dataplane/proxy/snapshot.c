/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "tls/name.h"
#include "tls/origin.h"
#include "tls/policy.h"
#include "tls/service.h"
#include "tls/trust.h"

static struct ip_addr endpoint_ip(const struct config_addr *a)
{
	struct ip_addr ip;

	memcpy(ip.b, &a->ip, sizeof(ip.b));
	return ip;
}

static uint32_t milliseconds(double seconds)
{
	return (uint32_t)(seconds * 1000.0);
}

static int build_target(struct backend *b, unsigned i, const struct config_target *config)
{
	struct target *t = &b->targets[i];
	bool is_open = !config->drain;

	t->at.ip = endpoint_ip(&config->address);
	t->at.port = config->address.port;
	t->weight = config->weight;
	t->max_connections = config->max_connections;
	t->drain = config->drain;
	b->sums[i + 1] = b->sums[i] + (is_open ? config->weight : 0);
	t->run = target_run_get(b->run, &t->at);
	return t->run ? 0 : -1;
}

static void build_health(struct backend_health *h, const struct config_health *config)
{
	*h = (struct backend_health){
		.type = config->type,
		.interval_ms = milliseconds(config->interval_s),
		.timeout_ms = milliseconds(config->timeout_s),
		.healthy = config->healthy,
		.unhealthy = config->unhealthy,
		.port = (uint16_t)config->port,
		.path = config->path,
		.host = config->host,
		.status = config->status,
		.n_status = config->n_status,
		.minimum_healthy = config->minimum_healthy,
		.minimum_healthy_percent = config->minimum_healthy_percent,
	};
	http_text_init(
	    &h->body, config->body ? config->body : "", config->body ? strlen(config->body) : 0);
}

static int build_backend(
    struct backend *b, const struct config_backend *config, unsigned n_workers, struct err *e)
{
	*b = (struct backend){
		.name = config->name,
		.algorithm = config->algorithm,
		.hash_key = config->hash_key,
		.connect_timeout_ms = milliseconds(config->connect_timeout_s),
		.retries = config->retries,
		.slow_start_ms = milliseconds(config->slow_start_s),
		.outlier = { .failures = config->outlier.failures,
		    .ejection_ms = milliseconds(config->outlier.ejection_time_s),
		    .max_ejection_ms = milliseconds(config->outlier.max_ejection_time_s),
		    .max_ejected = config->outlier.max_ejected },
		.proxy_version = (uint8_t)config->proxy_version,
		.proxy_tlvs = (uint8_t)config->proxy_tlvs,
		.has_tls = config->tls.line > 0,
		.pass_alpn = config->tls.pass_alpn,
		.queue_size = config->queue.size,
		.queue_timeout_ms = milliseconds(config->queue.timeout_s),
		.deregistration_ms = milliseconds(config->deregistration_delay_s),
		.checked = config->health.type != CONFIG_HEALTH_NONE,
		.run = backend_run_get(config->name, n_workers),
		.targets = calloc(config->n_targets + 1, sizeof(*b->targets)),
		.sums = calloc(config->n_targets + 1, sizeof(*b->sums)),
	};
	build_health(&b->health, &config->health);
	if (!b->run || !b->targets || !b->sums)
		return err_set(e, "out of memory for backend '%s'", config->name);
	for (; b->n_targets < config->n_targets; b->n_targets++)
		if (build_target(b, b->n_targets, &config->targets[b->n_targets]) < 0)
			return err_set(e, "out of memory for backend '%s'", config->name);
	return 0;
}

static void clear_backend(struct backend *b)
{
	for (unsigned i = 0; i < b->n_targets; i++)
		target_run_put(b->targets[i].run);
	backend_run_put(b->run);
	free(b->targets);
	free(b->sums);
}

/* One for each worker; NULL: no memory. */
static struct admission_limits *
build_limits(const struct config_listener *config, unsigned n_workers)
{
	const struct config_limits *l = &config->limits;
	const struct admission_limits all = {
		.per_second = l->handshakes_per_second,
		.at_once = l->handshakes_at_once,
		.source_per_second = l->source_per_second,
		.source_at_once = l->source_at_once,
	};
	unsigned share = config->reserved.n_sources > 0 ? config->reserved.share : 0;
	struct admission_limits *parts = calloc(n_workers, sizeof(*parts));

	for (unsigned i = 0; parts && i < n_workers; i++)
		parts[i] = admission_part(&all, share, i, n_workers);
	return parts;
}

/* NULL with n > 0: no memory. */
static struct source_set *build_sources(const struct config_addr *all, unsigned n)
{
	struct ip_prefix *prefixes = n > 0 ? calloc(n, sizeof(*prefixes)) : NULL;
	struct source_set *set;

	if (!prefixes)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		prefixes[i] = (struct ip_prefix){ endpoint_ip(&all[i]),
			(uint8_t)(all[i].prefix + (all[i].is_v4 ? 96 : 0)) };
	set = source_set_new(prefixes, n);
	free(prefixes);
	return set;
}

/* Fronts, and who is reserved a part of the limits. */
static int build_admission(
    struct listener *l, const struct config_listener *config, unsigned n_workers, struct err *e)
{
	const struct config_reserved *reserved = &config->reserved;

	l->limits = build_limits(config, n_workers);
	l->proxy_timeout_ms = milliseconds(config->proxy_timeout_s);
	l->proxy_others = config->proxy_others;
	l->fronts = build_sources(config->proxy_from, config->n_proxy_from);
	l->reserved = build_sources(reserved->sources, reserved->n_sources);
	l->reserved_share = reserved->n_sources > 0 ? reserved->share : 0;
	if (!l->limits || (config->n_proxy_from > 0 && !l->fronts) ||
	    (reserved->n_sources > 0 && !l->reserved))
		return err_set(e, "out of memory for listener '%s'", config->name);
	return 0;
}

static int compare_routes(const void *a, const void *b)
{
	return strcmp(((const struct sni_route *)a)->name, ((const struct sni_route *)b)->name);
}

static const struct sni_route *route_find(const struct listener *l, const char *name)
{
	unsigned low = 0, high = l->n_routes;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = strcmp(name, l->routes[middle].name);

		if (order == 0)
			return &l->routes[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

int listener_route(const struct listener *l, const char *name)
{
	const struct sni_route *route = route_find(l, name);
	const char *rest = strchr(name, '.');
	char wild[NAME_MAX_LEN + 2];

	if (!route && rest && strlen(rest) < sizeof(wild) - 1) {
		wild[0] = '*';
		strcpy(wild + 1, rest);
		route = route_find(l, wild);
	}
	return route ? (int)route->backend : -1;
}

static int build_routes(struct listener *l, const struct config_listener *config, struct err *e)
{
	l->routes = calloc(config->n_routes + 1, sizeof(*l->routes));
	if (!l->routes)
		return err_set(e, "out of memory for listener '%s'", config->name);
	for (unsigned i = 0; i < config->n_routes; i++) {
		const struct config_sni_route *from = &config->routes[i];
		char name[NAME_MAX_LEN + 1];

		if (name_copy_pattern(name, (const uint8_t *)from->name, strlen(from->name)) < 0)
			return err_add(e, from->file, from->line,
			    "listener '%s': '%s' is no host name", config->name, from->name);
		l->routes[i].name = strdup(name);
		l->routes[i].backend = from->backend;
		if (!l->routes[i].name)
			return err_set(e, "out of memory for listener '%s'", config->name);
		l->n_routes++;
	}
	qsort(l->routes, l->n_routes, sizeof(*l->routes), compare_routes);
	return 0;
}

static int build_listener(
    struct listener *l, const struct config_listener *config, unsigned n_workers, struct err *e)
{
	l->name = config->name;
	l->backend = config->backend;
	l->handshake_timeout_ms = milliseconds(config->handshake_timeout_s);
	l->idle_timeout_ms = milliseconds(config->idle_timeout_s);
	l->n_bind = config->n_bind;
	l->bind = calloc(config->n_bind + 1, sizeof(*l->bind));
	l->run = listener_run_get(config->name, n_workers);
	if (!l->bind || !l->run)
		return err_set(e, "out of memory for listener '%s'", config->name);
	for (unsigned i = 0; i < config->n_bind; i++) {
		l->bind[i].ip = endpoint_ip(&config->bind[i]);
		l->bind[i].port = config->bind[i].port;
	}
	l->passthrough = config->passthrough;
	l->sni_strict = config->sni_strict;
	return build_admission(l, config, n_workers, e) | build_routes(l, config, e);
}

/* --- policies and trust stores --- */

/* A custom one that is among the first n, or a built-in; NULL: there is none. */
static const struct policy *find_policy(const struct snapshot_base *b, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(b->config->policies[i].name, name) == 0)
			return &b->policies[i];
	return policy_find(name);
}

/* Makes the i-th, which may be based on one before it. */
static int build_policy(struct snapshot_base *b, unsigned i, struct err *e)
{
	const struct config_policy *config = &b->config->policies[i];
	const struct policy_spec spec = {
		.name = config->name,
		.based_on = config->based_on ? find_policy(b, i, config->based_on) : NULL,
		.versions = config->versions,
		.n_versions = config->n_versions,
		.suites = config->suites,
		.n_suites = config->n_suites,
		.groups = config->groups,
		.n_groups = config->n_groups,
		.sigalgs = config->signature_algorithms,
		.n_sigalgs = config->n_signature_algorithms,
		.client_order = config->client_preference,
	};
	char text[300];
	const char *why;

	if (policy_find(config->name))
		return err_add(e, config->file, config->line,
		    "policy '%s': a built-in policy has that name; choose another", config->name);
	if (config->based_on && !spec.based_on)
		return err_add(e, config->file, config->line,
		    "policy '%s': 'based_on' names policy '%s', which is neither built in nor "
		    "defined before",
		    config->name, config->based_on);
	why = policy_make(&b->policies[i], &spec, text, sizeof(text));
	return why ? err_add(e, config->file, config->line, "policy '%s': %s", config->name, why)
		   : 0;
}

static bool has_policy(const struct snapshot_base *b, const char *name)
{
	return !name || find_policy(b, b->config->n_policies, name);
}

static int check_policy(const struct snapshot_base *b, const struct config_listener *l,
    const char *name, unsigned line, struct err *e)
{
	if (has_policy(b, name))
		return 0;
	return err_add(e, l->file, line,
	    "listener '%s': there is no policy '%s'; see README for the names", l->name, name);
}

static int
check_policies(const struct snapshot_base *b, const struct config_listener *l, struct err *e)
{
	int result = check_policy(b, l, l->policy, l->policy_line, e);

	for (unsigned i = 0; i < l->n_sni; i++)
		result |= check_policy(b, l, l->sni[i].policy, l->sni[i].policy_line, e);
	return result;
}

static int check_backend_policy(
    const struct snapshot_base *b, const struct config_backend *backend, struct err *e)
{
	const struct config_backend_tls *t = &backend->tls;

	if (has_policy(b, t->policy))
		return 0;
	return err_add(e, t->file, t->policy_line,
	    "backend '%s': tls: there is no policy '%s'; see README for the names", backend->name,
	    t->policy);
}

static int build_trust_store(struct snapshot_base *b, unsigned i, struct err *e)
{
	const struct config_trust_store *config = &b->config->trust_stores[i];
	struct trust_identity *ids = calloc(config->n_identities + 1, sizeof(*ids));
	const struct trust_source source = {
		.name = config->name,
		.bundle = config->ca_bundle,
		.crls = config->crls,
		.n_crls = config->n_crls,
		.options = {
			.max_depth = config->max_depth,
			.needs_crl = config->crl_missing,
			.may_be_stale = !config->crl_stale,
			.identities = ids,
			.n_identities = config->n_identities,
			.quotas = {
				.ca_certificates = config->quotas.ca_certificates,
				.ca_bytes = config->quotas.ca_bytes,
				.subject_bytes = config->quotas.subject_bytes,
				.crls = config->quotas.crls,
				.revoked = config->quotas.revoked,
				.crl_bytes = config->quotas.crl_bytes,
			},
		},
		.file = config->file,
		.line = config->line,
	};

	if (!ids)
		return err_set(e, "out of memory for trust store '%s'", config->name);
	for (unsigned k = 0; k < config->n_identities; k++)
		ids[k] = (struct trust_identity){ .subject = config->identities[k].subject,
			.issuer = config->identities[k].issuer,
			.san = config->identities[k].san };
	b->trust_stores[i] = trust_load(&source, time(NULL), e);
	free(ids);
	return b->trust_stores[i] ? 0 : -1;
}

static int build_trust(struct snapshot_base *b, struct err *e)
{
	const struct config *config = b->config;
	int result = 0;

	b->policies = calloc(config->n_policies + 1, sizeof(*b->policies));
	b->trust_stores = calloc(config->n_trust_stores + 1, sizeof(struct trust_store *));
	if (!b->policies || !b->trust_stores)
		return err_set(e, "out of memory for %u policies", config->n_policies);
	for (unsigned i = 0; i < config->n_policies; i++)
		result |= build_policy(b, i, e);
	for (unsigned i = 0; i < config->n_trust_stores; i++)
		result |= build_trust_store(b, i, e);
	for (unsigned i = 0; i < config->n_listeners; i++)
		result |= check_policies(b, &config->listeners[i], e);
	for (unsigned i = 0; i < config->n_backends; i++)
		result |= check_backend_policy(b, &config->backends[i], e);
	return result;
}

static void clear_trust(struct snapshot_base *b)
{
	for (unsigned i = 0; b->trust_stores && i < b->config->n_trust_stores; i++)
		trust_put(b->trust_stores[i]);
	free(b->trust_stores);
	free(b->policies);
}

static int build_base(struct snapshot_base *b, struct err *e)
{
	const struct config *config = b->config;
	int result = build_trust(b, e);

	b->backends = calloc(config->n_backends + 1, sizeof(*b->backends));
	b->listeners = calloc(config->n_listeners + 1, sizeof(*b->listeners));
	if (!b->backends || !b->listeners)
		return err_set(e, "out of memory for %u listeners", config->n_listeners);
	b->n_backends = config->n_backends;
	for (unsigned i = 0; i < b->n_backends; i++)
		result |= build_backend(
		    &b->backends[i], &config->backends[i], config->runtime.n_workers, e);
	b->n_listeners = config->n_listeners;
	for (unsigned i = 0; i < b->n_listeners; i++)
		result |= build_listener(
		    &b->listeners[i], &config->listeners[i], config->runtime.n_workers, e);
	for (unsigned i = 0; i < b->n_listeners && result == 0; i++) {
		struct listener *l = &b->listeners[i];

		l->is_logged = config->log.path != NULL;
		l->is_printed = l->is_logged && config->log.format == CONFIG_LOG_JSON;
		l->is_remembered = l->is_logged || l->fronts ||
		    b->backends[l->backend].proxy_version || b->backends[l->backend].pass_alpn;
		for (unsigned k = 0; k < l->n_routes; k++)
			l->is_remembered =
			    l->is_remembered || b->backends[l->routes[k].backend].proxy_version;
	}
	return result;
}

struct snapshot_base *snapshot_base_new(struct config *config, struct err *e)
{
	struct snapshot_base *b = calloc(1, sizeof(*b));

	if (!b) {
		config_free(config);
		err_set(e, "out of memory");
		return NULL;
	}
	b->references = 1;
	b->config = config;
	if (build_base(b, e) == 0)
		return b;
	snapshot_base_put(b);
	return NULL;
}

struct snapshot_base *snapshot_base_get(struct snapshot_base *b)
{
	b->references++;
	return b;
}

static void clear_routes(struct listener *l)
{
	for (unsigned i = 0; i < l->n_routes; i++)
		free(l->routes[i].name);
	free(l->routes);
}

void snapshot_base_put(struct snapshot_base *b)
{
	if (!b || --b->references > 0)
		return;
	for (unsigned i = 0; i < b->n_listeners; i++) {
		listener_run_put(b->listeners[i].run);
		free(b->listeners[i].bind);
		free(b->listeners[i].limits);
		source_set_free(b->listeners[i].fronts);
		source_set_free(b->listeners[i].reserved);
		clear_routes(&b->listeners[i]);
	}
	for (unsigned i = 0; i < b->n_backends; i++)
		clear_backend(&b->backends[i]);
	clear_trust(b);
	free(b->listeners);
	free(b->backends);
	config_free(b->config);
	free(b);
}

static struct snapshot_service *service_of(struct tls_service *tls, struct err *e)
{
	struct snapshot_service *s = tls ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		if (tls)
			err_set(e, "out of memory");
		tls_service_free(tls);
		return NULL;
	}
	s->references = 1;
	s->tls = tls;
	return s;
}

/* Finds what the loader has seen to be there. */
static struct tls_mtls mtls_of(const struct snapshot_base *b, const struct config_mtls *config)
{
	static const enum mtls_mode modes[] = {
		[CONFIG_MTLS_OFF] = MTLS_OFF,
		[CONFIG_MTLS_PASSTHROUGH] = MTLS_PASSTHROUGH,
		[CONFIG_MTLS_VERIFY] = MTLS_VERIFY,
	};
	struct tls_mtls m = { .mode = modes[config->mode],
		.ignores_expiry = config->ignore_expiry,
		.advertises = config->advertise_ca_names };

	for (unsigned i = 0; config->trust_store && i < b->config->n_trust_stores; i++)
		if (strcmp(b->config->trust_stores[i].name, config->trust_store) == 0)
			m.trust = b->trust_stores[i];
	return m;
}

/* What is left out of an entry of sni is the listener's. The caller frees them; NULL: no memory. */
static struct tls_rule_config *
named_rules(const struct snapshot_base *b, const struct config_listener *config)
{
	struct tls_rule_config *rules = calloc(config->n_sni + 1, sizeof(*rules));

	for (unsigned i = 0; rules && i < config->n_sni; i++) {
		const struct config_sni *s = &config->sni[i];

		rules[i] = (struct tls_rule_config){
			.name = s->name,
			.policy = find_policy(
			    b, b->config->n_policies, s->policy ? s->policy : config->policy),
			.mtls = mtls_of(b, s->mtls.line ? &s->mtls : &config->mtls),
		};
	}
	return rules;
}

/* Of a listener that does not decrypt. */
static struct snapshot_service *service_without_tls(struct err *e)
{
	struct snapshot_service *s = calloc(1, sizeof(*s));

	if (s)
		s->references = 1;
	else
		err_set(e, "out of memory");
	return s;
}

/* tls: which certificates; the rest is what the listener's settings say. */
static struct snapshot_service *make_service(
    const struct snapshot_base *b, unsigned listener, struct tls_service_config *tls, struct err *e)
{
	const struct config_listener *config = &b->config->listeners[listener];
	struct tls_rule_config *named = named_rules(b, config);
	struct tls_service *service;

	if (!named) {
		err_set(e, "out of memory for listener '%s'", config->name);
		return NULL;
	}
	tls->listener = config->name;
	tls->file = config->file;
	tls->line = config->policy_line;
	tls->own.policy = find_policy(b, b->config->n_policies, config->policy);
	tls->own.mtls = mtls_of(b, &config->mtls);
	tls->named = named;
	tls->n_named = config->n_sni;
	tls->sni_strict = config->sni_strict;
	tls->no_tickets = !config->tickets;
	tls->alpn = config->alpn;
	tls->n_alpn = config->n_alpn;
	service = tls_service_new(tls, e);
	free(named);
	return service_of(service, e);
}

struct snapshot_service *snapshot_service_new(const struct snapshot_base *b, unsigned listener,
    const struct snapshot_certs *certs, struct err *e)
{
	struct tls_service_config tls = {
		.defaults = certs->defaults,
		.n_defaults = certs->n_defaults,
		.certificates = certs->certs,
		.n_certificates = certs->n_certs,
	};

	return b->config->listeners[listener].passthrough ? service_without_tls(e)
							  : make_service(b, listener, &tls, e);
}

struct snapshot_service *snapshot_service_follow(const struct snapshot_base *b, unsigned listener,
    const struct snapshot_service *old, const struct sni_change *change, struct err *e)
{
	struct tls_service_config tls = { .names_of = old->tls, .change = change };

	return make_service(b, listener, &tls, e);
}

struct snapshot_service *snapshot_service_replace(
    const struct snapshot_service *old, const struct sni_change *change, struct err *e)
{
	if (!old->tls) {
		err_set(e,
		    "a listener with protocol = \"tcp\" does not decrypt: it has no certificates");
		return NULL;
	}
	return service_of(tls_service_replace(old->tls, change, e), e);
}

struct snapshot_service *snapshot_service_get(struct snapshot_service *s)
{
	s->references++;
	return s;
}

void snapshot_service_put(struct snapshot_service *s)
{
	if (!s || --s->references > 0)
		return;
	tls_service_free(s->tls);
	free(s);
}

/* --- TLS to targets --- */

/* The one the loader has seen to be there. */
static struct trust_store *find_trust_store(const struct snapshot_base *b, const char *name)
{
	for (unsigned i = 0; name && i < b->config->n_trust_stores; i++)
		if (strcmp(b->config->trust_stores[i].name, name) == 0)
			return b->trust_stores[i];
	return NULL;
}

struct snapshot_origin *snapshot_origin_new(
    const struct snapshot_base *b, unsigned backend, struct cert *cert, struct err *e)
{
	const struct config_backend *config = &b->config->backends[backend];
	const struct config_backend_tls *t = &config->tls;
	const struct origin_config origin = {
		.name = config->name,
		.policy = t->policy ? find_policy(b, b->config->n_policies, t->policy) : NULL,
		.trust = find_trust_store(b, t->trust_store),
		.verify = t->verify,
		.server_name = t->server_name,
		.certificate = cert,
		.alpn = t->alpn,
		.n_alpn = t->n_alpn,
		.no_sessions = !t->sessions,
	};
	struct snapshot_origin *o = calloc(1, sizeof(*o));
	struct err why;

	err_init(&why);
	if (o)
		o->tls = origin_new(&origin, &why);
	if (!o || !o->tls) {
		/* Its reasons end their lines themselves. */
		why.text[strcspn(why.text, "\n")] = '\0';
		err_add(e, t->file, t->line, "%s", why.n ? why.text : "out of memory");
		free(o);
		return NULL;
	}
	o->references = 1;
	o->cert = cert;
	o->sessions = t->sessions;
	return o;
}

struct snapshot_origin *snapshot_origin_get(struct snapshot_origin *o)
{
	o->references++;
	return o;
}

void snapshot_origin_put(struct snapshot_origin *o)
{
	if (!o || --o->references > 0)
		return;
	origin_free(o->tls);
	free(o);
}

bool snapshot_origin_is_same(const struct snapshot_origin *a, const struct snapshot_origin *b)
{
	return a->sessions == b->sessions && origin_version(a->tls) == origin_version(b->tls);
}

/* --- the whole --- */

struct snapshot *
snapshot_new(uint64_t generation, const struct snapshot_parts *parts, struct err *e)
{
	struct snapshot_base *base = parts->base;
	struct snapshot *s = calloc(1, sizeof(*s));

	if (s) {
		s->listeners = calloc(base->n_listeners + 1, sizeof(*s->listeners));
		s->services = calloc(base->n_listeners + 1, sizeof(*s->services));
		s->origins = calloc(base->n_backends + 1, sizeof(*s->origins));
		s->held_origins = calloc(base->n_backends + 1, sizeof(*s->held_origins));
	}
	if (!s || !s->listeners || !s->services || !s->origins || !s->held_origins) {
		err_set(e, "out of memory for %u listeners", base->n_listeners);
		snapshot_free(s);
		return NULL;
	}
	s->generation = generation;
	s->base = snapshot_base_get(base);
	s->config = base->config;
	s->backends = base->backends;
	s->n_backends = base->n_backends;
	s->n_listeners = base->n_listeners;
	for (unsigned i = 0; i < s->n_listeners; i++) {
		s->listeners[i] = base->listeners[i];
		s->services[i] = snapshot_service_get(parts->services[i]);
		s->listeners[i].tls = parts->services[i]->tls;
	}
	for (unsigned i = 0; i < s->n_backends; i++) {
		if (!parts->origins[i])
			continue;
		s->held_origins[i] = snapshot_origin_get(parts->origins[i]);
		s->origins[i] = parts->origins[i]->tls;
	}
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_listeners; i++)
		snapshot_service_put(s->services[i]);
	for (unsigned i = 0; i < s->n_backends; i++)
		snapshot_origin_put(s->held_origins[i]);
	snapshot_base_put(s->base);
	free(s->listeners);
	free(s->services);
	free(s->origins);
	free(s->held_origins);
	free(s);
}
