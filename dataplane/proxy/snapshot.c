/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/proxy/snapshot_private.h"
#include "tls/origin.h"

/* --- TLS to targets --- */

struct snapshot_origin *snapshot_origin_new(
    const struct snapshot_base *b, unsigned backend, struct cert *cert, struct err *e)
{
	const struct config_backend *config = &b->config->backends[backend];
	const struct config_backend_tls *t = &config->tls;
	const struct origin_config origin = {
		.name = config->name,
		.policy =
		    t->policy ? snapshot_find_policy(b, b->config->n_policies, t->policy) : NULL,
		.trust = snapshot_find_trust_store(b, t->trust_store),
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
