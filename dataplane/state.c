/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/err.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/state_cert.h"
#include "dataplane/state_item.h"
#include "tls/cert.h"

struct state *state_get(struct state *s)
{
	s->references++;
	return s;
}

static void listener_fini(struct state_listener *l)
{
	state_name_put(l->name);
	map_free(l->certs);
	for (unsigned k = 0; k < l->n_defaults; k++)
		state_name_put(l->defaults[k]);
	snapshot_service_put(l->service);
}

static void origins_fini(struct state *s)
{
	for (unsigned i = 0; i < s->n_origins; i++)
		snapshot_origin_put(s->origins[i]);
	free(s->origins);
}

void state_put(struct state *s)
{
	if (!s || --s->references > 0)
		return;
	for (unsigned i = 0; i < s->n_listeners; i++)
		listener_fini(&s->listeners[i]);
	free(s->listeners);
	origins_fini(s);
	map_free(s->certs);
	map_free(s->items);
	state_source_put(s->source);
	state_put(s->origin);
	snapshot_base_put(s->base);
	free(s);
}

void state_retire(struct state *s)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		snapshot_service_put(s->listeners[i].service);
		s->listeners[i].service = NULL;
	}
}

struct state_listener *state_listener_add(struct state *s, const char *name)
{
	struct state_listener *l;

	if (s->n_listeners == s->listener_room) {
		unsigned room = 2 * s->listener_room + 4;

		l = reallocarray(s->listeners, room, sizeof(*l));
		if (!l)
			return NULL;
		s->listeners = l;
		s->listener_room = room;
	}
	l = &s->listeners[s->n_listeners];
	memset(l, 0, sizeof(*l));
	l->name = state_name_new(name);
	l->certs = map_new(&state_name_kind);
	if (!l->name || !l->certs) {
		listener_fini(l);
		return NULL;
	}
	s->n_listeners++;
	return l;
}

int state_listener_copy(struct state_listener *l, const struct state_listener *from)
{
	struct map *certs = map_copy(from->certs);

	if (!certs)
		return -1;
	map_free(l->certs);
	l->certs = certs;
	for (unsigned i = 0; i < from->n_defaults; i++)
		from->defaults[i]->references++;
	for (unsigned i = 0; i < l->n_defaults; i++)
		state_name_put(l->defaults[i]);
	memcpy(l->defaults, from->defaults, sizeof(l->defaults));
	l->n_defaults = from->n_defaults;
	return 0;
}

void state_listener_remove(struct state *s, unsigned i)
{
	listener_fini(&s->listeners[i]);
	s->n_listeners--;
	memmove(
	    &s->listeners[i], &s->listeners[i + 1], (s->n_listeners - i) * sizeof(s->listeners[0]));
}

int state_listener_find(const struct state *s, const char *name)
{
	for (unsigned i = 0; i < s->n_listeners; i++)
		if (strcmp(s->listeners[i].name->text, name) == 0)
			return (int)i;
	return -1;
}

bool state_is_default(const struct state_listener *l, const char *certificate)
{
	for (unsigned i = 0; i < l->n_defaults; i++)
		if (strcmp(l->defaults[i]->text, certificate) == 0)
			return true;
	return false;
}

bool state_serves(const struct state_listener *l, const char *certificate)
{
	return state_is_default(l, certificate) || map_find(l->certs, certificate);
}

/* --- from the file --- */

static struct state *state_new(struct snapshot_base *base, struct state_source *source)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->references = 1;
	s->base = snapshot_base_get(base);
	s->source = state_source_get(source);
	s->is_settled = true;
	return s;
}

static uint64_t add_stamp(uint64_t stamp, const char *path)
{
	struct stat s;
	uint64_t of[5] = { 0 };

	if (path && stat(path, &s) == 0) {
		of[0] = s.st_ino;
		of[1] = (uint64_t)s.st_size;
		of[2] = (uint64_t)s.st_mtim.tv_sec * 1000000000 + (uint64_t)s.st_mtim.tv_nsec;
		of[3] = (uint64_t)s.st_ctim.tv_sec * 1000000000 + (uint64_t)s.st_ctim.tv_nsec;
		of[4] = s.st_dev;
	}
	for (unsigned i = 0; i < 5; i++) /* FNV-1a, a word at a time */
		stamp = (stamp ^ of[i]) * UINT64_C(0x100000001b3);
	return stamp;
}

uint64_t state_cert_stamp(const struct config_certificate *c)
{
	uint64_t stamp = UINT64_C(0xcbf29ce484222325);

	stamp = add_stamp(stamp, c->chain);
	stamp = add_stamp(stamp, c->key);
	stamp = add_stamp(stamp, c->passphrase_file);
	return add_stamp(stamp, c->ocsp);
}

int state_cert_read(
    const struct config_certificate *c, struct state_cert **to, int64_t now, struct err *e)
{
	const struct cert_source source = {
		.name = c->name,
		.chain_path = c->chain,
		.key_path = c->key,
		.names = c->names,
		.n_names = c->n_names,
		.passphrase_path = c->passphrase_file,
		.ocsp_path = c->ocsp,
		.force = c->force,
		.file = c->file,
		.line = c->line,
	};
	uint64_t stamp = state_cert_stamp(c); /* before: what is written meanwhile differs */
	struct cert *cert = cert_load(&source, now, e);

	if (!cert)
		return -1;
	*to = state_cert_new(c->name, cert, NULL, 0);
	if (!*to)
		return err_set(e, "out of memory for certificate '%s'", c->name);
	(*to)->from_file = true;
	(*to)->stamp = stamp;
	return 0;
}

static int load_file_cert(struct state *s, const struct config_certificate *c,
    const struct state *previous, int64_t now, struct err *e)
{
	struct state_cert *entry;
	int result;

	if (state_cert_read(c, &entry, now, e) < 0)
		return -1;
	if (previous)
		entry->cert = state_cert_share(entry->cert, map_find(previous->certs, c->name));
	result = map_set(s->certs, entry);
	state_cert_put(entry);
	return result == 0 ? 0 : err_set(e, "out of memory for certificate '%s'", c->name);
}

static int set_name(struct map *m, const char *text)
{
	struct state_name *name = state_name_new(text);
	int result = name ? map_set(m, name) : -1;

	state_name_put(name);
	return result;
}

static int load_listener(struct state *s, unsigned i, struct err *e)
{
	const struct config *config = s->base->config;
	const struct config_listener *l = &config->listeners[i];
	struct state_listener *to = state_listener_add(s, l->name);
	bool ok = to != NULL;

	for (unsigned k = 0; ok && k < l->n_certificates; k++)
		ok = set_name(to->certs, config->certificates[l->certificates[k]].name) == 0;
	for (unsigned k = 0; ok && k < l->n_default_certificates; k++) {
		to->defaults[k] =
		    state_name_new(config->certificates[l->default_certificates[k]].name);
		ok = to->defaults[k] != NULL;
		to->n_defaults += ok;
	}
	return ok ? 0 : err_set(e, "out of memory for listener '%s'", l->name);
}

struct state *state_from_config(struct config *config, struct state_source *source,
    const struct state *previous, int64_t now, struct err *e)
{
	struct snapshot_base *base = snapshot_base_new(config, e);
	struct state *s = base ? state_new(base, source) : NULL;
	unsigned before = e->n;

	snapshot_base_put(base);
	if (!s) {
		if (base)
			err_set(e, "out of memory");
		return NULL;
	}
	s->certs = map_new(&state_cert_kind);
	s->items = map_new(&state_item_kind);
	if (!s->certs || !s->items)
		err_set(e, "out of memory");
	for (unsigned i = 0; s->certs && i < config->n_certificates; i++)
		load_file_cert(s, &config->certificates[i], previous, now, e);
	for (unsigned i = 0; s->certs && i < config->n_listeners; i++)
		load_listener(s, i, e);
	if (e->n == before)
		return s;
	state_put(s);
	return NULL;
}

struct state *state_copy(const struct state *from)
{
	struct state *s = state_new(from->base, from->source);
	bool ok;

	if (!s)
		return NULL;
	s->generation = from->generation;
	s->is_settled = from->is_settled;
	s->origin = state_get(from->origin ? from->origin : (struct state *)(uintptr_t)from);
	s->certs = map_copy(from->certs);
	s->items = map_copy(from->items);
	ok = s->certs && s->items;
	for (unsigned i = 0; ok && i < from->n_listeners; i++) {
		const struct state_listener *old = &from->listeners[i];
		struct state_listener *l = state_listener_add(s, old->name->text);

		ok = l && state_listener_copy(l, old) == 0;
	}
	if (ok)
		return s;
	state_put(s);
	return NULL;
}

struct snapshot *state_snapshot(const struct state *s, struct err *e)
{
	struct snapshot_service **services = calloc(s->n_listeners + 1, sizeof(*services));
	const struct snapshot_parts parts = {
		.base = s->base, .services = services, .origins = s->origins
	};
	struct snapshot *snapshot = NULL;

	if (!services)
		err_set(e, "out of memory");
	for (unsigned i = 0; services && i < s->n_listeners; i++)
		services[i] = s->listeners[i].service;
	if (services)
		snapshot = snapshot_new(s->generation, &parts, e);
	free(services);
	return snapshot;
}
