/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/addr.h"
#include "config/check.h"
#include "config/err.h"
#include "config/load_items.h"
#include "config/load_sections.h"
#include "config/scan.h"

/* The folder part of path, as libconfig and scan_join want it; the caller frees it. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup("");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* What to do about what libconfig found. */
static const char *advice(const char *text)
{
	if (strcmp(text, "duplicate setting name") == 0)
		return "; one group has the same key twice, remove one";
	if (strcmp(text, "mismatched element type in array") == 0)
		return "; all elements of an array [ ] must be of one type";
	if (strcmp(text, "syntax error") == 0)
		return "; look for a missing or surplus bracket, '=', ',' or quote here or just before";
	return "";
}

static void parse_error(struct load *l, const config_t *file)
{
	const char *text = config_error_text(file) ? config_error_text(file) : "cannot be read";
	char *included =
	    config_error_file(file) ? scan_join(l->dir, config_error_file(file)) : NULL;

	err_add(l->e, included ? included : l->path, (unsigned)config_error_line(file), "%s%s",
	    text, advice(text));
	free(included);
}

static bool is_front(const struct config *c, const struct config_port *p)
{
	for (unsigned i = 0; i < c->runtime.n_front; i++) {
		if (strcmp(c->runtime.front[i], p->name) == 0)
			return true;
	}
	return false;
}

/*
 * Replaces 0.0.0.0 and [::] by the addresses of the front ports, so that nobody after us has to
 * know about them; check.c has seen to it that none is then bound twice.
 */
static void expand_bind(struct load *l, struct config_listener *to)
{
	const struct config_addr *from = to->bind;
	const struct config *c = l->config;
	unsigned n = to->n_bind;
	struct config_addr *a =
	    load_alloc(l, (size_t)n * c->runtime.n_front * CONFIG_MAX_PORT_ADDRESSES, sizeof(*a));

	if (!a)
		return;
	to->bind = a;
	to->n_bind = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!config_addr_is_any(&from[i])) {
			a[to->n_bind++] = from[i];
			continue;
		}
		for (const struct config_port *p = c->ports; p < c->ports + c->n_ports; p++) {
			for (unsigned j = 0; is_front(c, p) && j < p->n_addresses; j++) {
				if (p->addresses[j].is_v4 != from[i].is_v4)
					continue;
				a[to->n_bind] = from[i];
				a[to->n_bind++].ip = p->addresses[j].ip;
			}
		}
	}
}

/* What can be filled in only when all of it has been read. */
static void complete(struct load *l)
{
	struct config_runtime *r = &l->config->runtime;

	if (l->config->n_ports != 1 || !l->config->ports[0].name)
		return;
	/* With one port there is nothing to choose. */
	if (!r->front_line) {
		r->front = &l->config->ports[0].name;
		r->n_front = 1;
	}
	if (!r->back_line) {
		r->back = &l->config->ports[0].name;
		r->n_back = 1;
	}
}

static void load_settings(struct load *l, const config_t *file)
{
	struct config *c = l->config;
	struct config_listener *listeners;
	unsigned before = l->e->n;

	c->runtime = load_runtime_defaults;
	c->control = load_control_defaults;
	c->tickets = load_tickets_defaults;
	load_members(l, config_root_setting(file), &load_root, c);
	complete(l);
	config_check(c, l->addresses_known, l->e);
	if (l->e->n != before)
		return;
	listeners = arena_alloc(l->arena, c->n_listeners, sizeof(*listeners));
	if (!listeners) {
		err_add(l->e, l->path, 0, "out of memory");
		return;
	}
	memcpy(listeners, c->listeners, c->n_listeners * sizeof(*listeners));
	for (unsigned i = 0; i < c->n_listeners; i++) {
		if (!listeners[i].policy_line)
			listeners[i].policy_line = listeners[i].line;
		expand_bind(l, &listeners[i]);
	}
	c->listeners = listeners;
	load_render(l, file);
}

struct overrides {
	const struct config_override *at;
	unsigned n;
};

static void load_text(struct load *l, const char *text, size_t len, struct overrides overrides)
{
	config_t file;
	char *copy;

	if (scan_text(l->path, l->dir, text, len, l->e) != 0)
		return;
	copy = strndup(text, len); /* the scan found no NUL in it */
	if (!copy) {
		err_add(l->e, l->path, 0, "out of memory");
		return;
	}
	config_init(&file);
	config_set_include_dir(&file, *l->dir ? l->dir : ".");
	if (config_read_string(&file, copy) != CONFIG_TRUE)
		parse_error(l, &file);
	else if (load_overrides(l, &file, overrides.at, overrides.n) == 0)
		load_settings(l, &file);
	config_destroy(&file);
	free(copy);
}

const char *config_section_item(const char *section)
{
	static const char *const sections[][2] = {
		{ "policies", "policy" },
		{ "trust_stores", "trust store" },
		{ "backends", "backend" },
		{ "listeners", "listener" },
	};

	for (unsigned i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(sections[i][0], section) == 0)
			return sections[i][1];
	return NULL;
}

struct config *config_load_text(const char *path, const char *text, size_t len, struct err *e)
{
	return config_load_overridden(path, text, len, NULL, 0, e);
}

struct config *config_load_overridden(const char *path, const char *text, size_t len,
    const struct config_override *overrides, unsigned n, struct err *e)
{
	struct load l = { .e = e, .arena = arena_new(), .addresses_known = true };
	char *folder = folder_of(path);
	unsigned before = e->n;

	l.dir = folder;
	l.names[LOAD_TRUST_STORES].complete =
	    true; /* unless there is something to be read: it may be left out */
	if (l.arena) {
		l.path = arena_string(l.arena, path);
		l.config = arena_alloc(l.arena, 1, sizeof(*l.config));
	}
	if (!l.dir || !l.path || !l.config)
		err_add(e, path, 0, "out of memory");
	else
		load_text(&l, text, len, (struct overrides){ overrides, n });
	free(folder);
	if (e->n != before) {
		arena_free(l.arena);
		return NULL;
	}
	l.config->path = l.path;
	l.config->memory = l.arena;
	return l.config;
}

struct config *config_load(const char *path, struct err *e)
{
	size_t len = 0;
	char *text = scan_read_file(path, &len);
	struct config *c;

	if (!text) {
		err_add(e, path, 0, "cannot read: %s",
		    errno == EINVAL ? "not a regular file" : strerror(errno));
		return NULL;
	}
	c = config_load_text(path, text, len, e);
	free(text);
	return c;
}

void config_free(struct config *c)
{
	if (c)
		arena_free(c->memory);
}
