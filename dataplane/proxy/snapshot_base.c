/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/load.h"
#include "dataplane/proxy/snapshot_private.h"
#include "tls/policy.h"
#include "tls/trust.h"

static int build_target(struct backend *b, unsigned i, const struct config_target *config)
{
	struct target *t = &b->targets[i];
	bool is_open = !config->drain;

	t->at.ip = snapshot_ip(&config->address);
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
		.interval_ms = snapshot_ms(config->interval_s),
		.timeout_ms = snapshot_ms(config->timeout_s),
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
		.connect_timeout_ms = snapshot_ms(config->connect_timeout_s),
		.retries = config->retries,
		.slow_start_ms = snapshot_ms(config->slow_start_s),
		.outlier = { .failures = config->outlier.failures,
		    .ejection_ms = snapshot_ms(config->outlier.ejection_time_s),
		    .max_ejection_ms = snapshot_ms(config->outlier.max_ejection_time_s),
		    .max_ejected = config->outlier.max_ejected },
		.proxy_version = (uint8_t)config->proxy_version,
		.proxy_tlvs = (uint8_t)config->proxy_tlvs,
		.has_tls = config->tls.line > 0,
		.pass_alpn = config->tls.pass_alpn,
		.queue_size = config->queue.size,
		.queue_timeout_ms = snapshot_ms(config->queue.timeout_s),
		.deregistration_ms = snapshot_ms(config->deregistration_delay_s),
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

/* --- policies and trust stores --- */

const struct policy *
snapshot_find_policy(const struct snapshot_base *b, unsigned n, const char *name)
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
		.based_on = config->based_on ? snapshot_find_policy(b, i, config->based_on) : NULL,
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
	return !name || snapshot_find_policy(b, b->config->n_policies, name);
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

struct trust_store *snapshot_find_trust_store(const struct snapshot_base *b, const char *name)
{
	for (unsigned i = 0; name && i < b->config->n_trust_stores; i++)
		if (strcmp(b->config->trust_stores[i].name, name) == 0)
			return b->trust_stores[i];
	return NULL;
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
		result |= snapshot_build_listener(
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

void snapshot_base_put(struct snapshot_base *b)
{
	if (!b || --b->references > 0)
		return;
	for (unsigned i = 0; i < b->n_listeners; i++)
		snapshot_clear_listener(&b->listeners[i]);
	for (unsigned i = 0; i < b->n_backends; i++)
		clear_backend(&b->backends[i]);
	clear_trust(b);
	free(b->listeners);
	free(b->backends);
	config_free(b->config);
	free(b);
}
