/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "dataplane/proxy/backend.h"
#include "tls/cert.h"
#include "tls/policy.h"
#include "tls/service.h"

static struct ip_addr endpoint_ip(const struct config_addr *a)
{
	struct ip_addr ip;

	memcpy(ip.b, &a->ip, sizeof(ip.b));
	return ip;
}

static bool blob_eq(const struct cert_blob *a, const struct cert_blob *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* Same bytes under the same name: what workers cached for the old one stays valid. */
static bool cert_is_same(const struct cert *a, const struct cert *b)
{
	if (strcmp(a->name, b->name) != 0 || a->n_chain != b->n_chain || a->n_names != b->n_names ||
	    !blob_eq(&a->key, &b->key))
		return false;
	for (unsigned i = 0; i < a->n_chain; i++)
		if (!blob_eq(&a->chain[i], &b->chain[i]))
			return false;
	for (unsigned i = 0; i < a->n_names; i++)
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	struct cert *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* The certificates of a snapshot in the order of their names, for bsearch; NULL: none. */
static struct cert **sorted_certs(const struct snapshot *s)
{
	struct cert **sorted = s ? calloc(s->n_certs + 1, sizeof(*sorted)) : NULL;

	if (!sorted)
		return NULL;
	memcpy(sorted, s->certs, s->n_certs * sizeof(*sorted));
	qsort(sorted, s->n_certs, sizeof(*sorted), compare_names);
	return sorted;
}

static struct cert *cert_share(struct cert *c, struct cert **old, unsigned n_old)
{
	struct cert **found;

	if (!c || !old)
		return c;
	found = bsearch(&c, old, n_old, sizeof(c), compare_names);
	if (!found || !cert_is_same(c, *found))
		return c;
	cert_put(c);
	return cert_get(*found);
}

static int
load_certs(struct snapshot *s, const struct snapshot *previous, int64_t now, struct err *e)
{
	const struct config *config = s->config;
	struct cert **old = sorted_certs(previous);
	int result = 0;

	s->certs = calloc(config->n_certificates + 1, sizeof(*s->certs));
	if (!s->certs) {
		free(old);
		return err_set(e, "out of memory for %u certificates", config->n_certificates);
	}
	s->n_certs = config->n_certificates;
	for (unsigned i = 0; i < s->n_certs; i++) {
		const struct config_certificate *c = &config->certificates[i];
		const struct cert_source source = {
			.name = c->name,
			.chain_path = c->chain,
			.key_path = c->key,
			.names = c->names,
			.n_names = c->n_names,
			.file = c->file,
			.line = c->line,
		};

		s->certs[i] =
		    cert_share(cert_load(&source, now, e), old, previous ? previous->n_certs : 0);
		if (!s->certs[i])
			result = -1;
	}
	free(old);
	return result;
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

static int build_service(struct listener *l, const struct snapshot *s,
    const struct config_listener *config, struct err *e)
{
	struct cert **certs =
	    calloc(config->n_certificates + config->n_default_certificates + 1, sizeof(*certs));
	struct tls_service_config tls = {
		.listener = config->name,
		.policy = policy_find(config->policy),
		.sni_strict = config->sni_strict,
		.alpn = config->alpn,
		.n_alpn = config->n_alpn,
	};

	if (!certs)
		return err_set(e, "out of memory for listener '%s'", config->name);
	if (!tls.policy) {
		err_add(e, config->file, config->policy_line,
		    "listener '%s': there is no policy '%s'; see README for the names",
		    config->name, config->policy);
		goto fail;
	}
	for (unsigned i = 0; i < config->n_default_certificates; i++)
		certs[i] = s->certs[config->default_certificates[i]];
	for (unsigned i = 0; i < config->n_certificates; i++)
		certs[config->n_default_certificates + i] = s->certs[config->certificates[i]];
	tls.defaults = certs;
	tls.n_defaults = config->n_default_certificates;
	tls.certificates = certs + config->n_default_certificates;
	tls.n_certificates = config->n_certificates;
	l->tls = tls_service_new(&tls, e);
fail:
	free(certs);
	return l->tls ? 0 : -1;
}

static int build_listener(struct listener *l, const struct snapshot *s,
    const struct config_listener *config, struct err *e)
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
	return build_service(l, s, config, e);
}

static int
build_all(struct snapshot *s, const struct snapshot *previous, int64_t now, struct err *e)
{
	const struct config *config = s->config;
	int result = load_certs(s, previous, now, e);

	s->backends = calloc(config->n_backends + 1, sizeof(*s->backends));
	s->listeners = calloc(config->n_listeners + 1, sizeof(*s->listeners));
	if (!s->backends || !s->listeners)
		return err_set(e, "out of memory for %u listeners", config->n_listeners);
	s->n_backends = config->n_backends;
	for (unsigned i = 0; i < s->n_backends; i++)
		result |= build_backend(&s->backends[i], &config->backends[i], e);
	if (result) /* a listener needs its certificates */
		return -1;
	s->n_listeners = config->n_listeners;
	for (unsigned i = 0; i < s->n_listeners; i++)
		result |= build_listener(&s->listeners[i], s, &config->listeners[i], e);
	return result;
}

struct snapshot *
snapshot_new(struct config *config, const struct snapshot *previous, int64_t now, struct err *e)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s) {
		config_free(config);
		err_set(e, "out of memory");
		return NULL;
	}
	s->config = config;
	s->generation = previous ? previous->generation + 1 : 1;
	if (build_all(s, previous, now, e) == 0)
		return s;
	snapshot_free(s);
	return NULL;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_listeners; i++) {
		tls_service_free(s->listeners[i].tls);
		free(s->listeners[i].bind);
	}
	for (unsigned i = 0; i < s->n_backends; i++) {
		free(s->backends[i].targets);
		free(s->backends[i].order);
	}
	for (unsigned i = 0; i < s->n_certs; i++)
		cert_put(s->certs[i]);
	free(s->listeners);
	free(s->backends);
	free(s->certs);
	config_free(s->config);
	free(s);
}
