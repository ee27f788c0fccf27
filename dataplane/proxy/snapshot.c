/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "dataplane/proxy/backend.h"
#include "tls/policy.h"
#include "tls/service.h"

static struct ip_addr endpoint_ip(const struct config_addr *a)
{
	struct ip_addr ip;

	memcpy(ip.b, &a->ip, sizeof(ip.b));
	return ip;
}

static int build_backend(struct backend *b, const struct config_backend *config, struct err *e)
{
	b->name = config->name;
	b->connect_timeout_ms = (uint32_t)(config->connect_timeout_s * 1000.0);
	b->n_targets = config->n_targets;
	b->targets = calloc(config->n_targets + 1, sizeof(*b->targets));
	if (!b->targets)
		return err_set(e, "out of memory for backend '%s'", config->name);
	for (unsigned i = 0; i < config->n_targets; i++) {
		b->targets[i].at.ip = endpoint_ip(&config->targets[i].address);
		b->targets[i].at.port = config->targets[i].address.port;
		b->targets[i].weight = config->targets[i].weight;
	}
	return backend_order(b) == 0 ? 0 : err_set(e, "out of memory for backend '%s'", b->name);
}

static int build_listener(struct listener *l, const struct config_listener *config, struct err *e)
{
	l->name = config->name;
	l->backend = config->backend;
	l->handshake_timeout_ms = (uint32_t)(config->handshake_timeout_s * 1000.0);
	l->idle_timeout_ms = (uint32_t)(config->idle_timeout_s * 1000.0);
	l->n_bind = config->n_bind;
	l->bind = calloc(config->n_bind + 1, sizeof(*l->bind));
	if (!l->bind)
		return err_set(e, "out of memory for listener '%s'", config->name);
	for (unsigned i = 0; i < config->n_bind; i++) {
		l->bind[i].ip = endpoint_ip(&config->bind[i]);
		l->bind[i].port = config->bind[i].port;
	}
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
		result |= build_backend(&b->backends[i], &config->backends[i], e);
	b->n_listeners = config->n_listeners;
	for (unsigned i = 0; i < b->n_listeners; i++)
		result |= build_listener(&b->listeners[i], &config->listeners[i], e);
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
		free(b->listeners[i].bind);
	for (unsigned i = 0; i < b->n_backends; i++) {
		free(b->backends[i].targets);
		free(b->backends[i].order);
	}
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
