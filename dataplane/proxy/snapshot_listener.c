/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "dataplane/proxy/snapshot_private.h"
#include "tls/name.h"

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
		prefixes[i] = (struct ip_prefix){ snapshot_ip(&all[i]),
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
	l->proxy_timeout_ms = snapshot_ms(config->proxy_timeout_s);
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

int snapshot_build_listener(
    struct listener *l, const struct config_listener *config, unsigned n_workers, struct err *e)
{
	l->name = config->name;
	l->backend = config->backend;
	l->handshake_timeout_ms = snapshot_ms(config->handshake_timeout_s);
	l->idle_timeout_ms = snapshot_ms(config->idle_timeout_s);
	l->n_bind = config->n_bind;
	l->bind = calloc(config->n_bind + 1, sizeof(*l->bind));
	l->run = listener_run_get(config->name, n_workers);
	if (!l->bind || !l->run)
		return err_set(e, "out of memory for listener '%s'", config->name);
	for (unsigned i = 0; i < config->n_bind; i++) {
		l->bind[i].ip = snapshot_ip(&config->bind[i]);
		l->bind[i].port = config->bind[i].port;
	}
	l->passthrough = config->passthrough;
	l->sni_strict = config->sni_strict;
	return build_admission(l, config, n_workers, e) | build_routes(l, config, e);
}

void snapshot_clear_listener(struct listener *l)
{
	for (unsigned i = 0; i < l->n_routes; i++)
		free(l->routes[i].name);
	free(l->routes);
	listener_run_put(l->run);
	free(l->bind);
	free(l->limits);
	source_set_free(l->fronts);
	source_set_free(l->reserved);
}
