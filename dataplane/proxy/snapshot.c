/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "tls/policy.h"
#include "tls/service.h"

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
		.queue_size = config->queue.size,
		.queue_timeout_ms = milliseconds(config->queue.timeout_s),
		.run = backend_run_get(config->name, n_workers),
		.targets = calloc(config->n_targets + 1, sizeof(*b->targets)),
		.sums = calloc(config->n_targets + 1, sizeof(*b->sums)),
	};
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

static int build_fronts(struct listener *l, const struct config_listener *config, struct err *e)
{
	l->proxy_timeout_ms = (uint32_t)(config->proxy_timeout_s * 1000.0);
	l->proxy_others = config->proxy_others;
	l->n_proxy_from = config->n_proxy_from;
	l->proxy_from = calloc(config->n_proxy_from + 1, sizeof(*l->proxy_from));
	if (!l->proxy_from)
		return err_set(e, "out of memory for listener '%s'", config->name);
	for (unsigned i = 0; i < config->n_proxy_from; i++) {
		const struct config_addr *a = &config->proxy_from[i];

		l->proxy_from[i].ip = endpoint_ip(a);
		l->proxy_from[i].bits = (uint8_t)(a->prefix + (a->is_v4 ? 96 : 0));
	}
	return 0;
}

static int build_listener(struct listener *l, const struct config_listener *config, struct err *e)
{
	l->name = config->name;
	l->backend = config->backend;
	l->handshake_timeout_ms = milliseconds(config->handshake_timeout_s);
	l->idle_timeout_ms = milliseconds(config->idle_timeout_s);
	l->n_bind = config->n_bind;
	l->bind = calloc(config->n_bind + 1, sizeof(*l->bind));
	if (!l->bind)
		return err_set(e, "out of memory for listener '%s'", config->name);
	for (unsigned i = 0; i < config->n_bind; i++) {
		l->bind[i].ip = endpoint_ip(&config->bind[i]);
		l->bind[i].port = config->bind[i].port;
	}
	if (build_fronts(l, config, e) < 0)
		return -1;
	if (!policy_find(config->policy))
		return err_add(e, config->file, config->policy_line,
		    "listener '%s': there is no policy '%s'; see README for the names",
		    config->name, config->policy);
	return 0;
}

static int build_base(struct snapshot_base *b, struct err *e)
{
	const struct config *config = b->config;
	int result = 0;

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
		result |= build_listener(&b->listeners[i], &config->listeners[i], e);
	for (unsigned i = 0; i < b->n_listeners && result == 0; i++) {
		struct listener *l = &b->listeners[i];

		l->is_remembered = l->n_proxy_from || b->backends[l->backend].proxy_version;
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
	for (unsigned i = 0; i < b->n_listeners; i++) {
		free(b->listeners[i].bind);
		free(b->listeners[i].proxy_from);
	}
	for (unsigned i = 0; i < b->n_backends; i++)
		clear_backend(&b->backends[i]);
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

struct snapshot_service *snapshot_service_new(const struct snapshot_base *b, unsigned listener,
    const struct snapshot_certs *certs, struct err *e)
{
	const struct config_listener *config = &b->config->listeners[listener];
	const struct tls_service_config tls = {
		.listener = config->name,
		.policy = policy_find(config->policy),
		.defaults = certs->defaults,
		.n_defaults = certs->n_defaults,
		.certificates = certs->certs,
		.n_certificates = certs->n_certs,
		.sni_strict = config->sni_strict,
		.no_tickets = !config->tickets,
		.alpn = config->alpn,
		.n_alpn = config->n_alpn,
	};

	return service_of(tls_service_new(&tls, e), e);
}

struct snapshot_service *snapshot_service_replace(
    const struct snapshot_service *old, const struct sni_change *change, struct err *e)
{
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

struct snapshot *snapshot_new(uint64_t generation, struct snapshot_base *base,
    struct snapshot_service *const *services, struct err *e)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (s) {
		s->listeners = calloc(base->n_listeners + 1, sizeof(*s->listeners));
		s->services = calloc(base->n_listeners + 1, sizeof(*s->services));
	}
	if (!s || !s->listeners || !s->services) {
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
		s->services[i] = snapshot_service_get(services[i]);
		s->listeners[i].tls = services[i]->tls;
	}
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_listeners; i++)
		snapshot_service_put(s->services[i]);
	snapshot_base_put(s->base);
	free(s->listeners);
	free(s->services);
	free(s);
}
