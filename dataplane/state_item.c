/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/state_item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/change_edit.h"
#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "config/scan.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/state.h"

/* --- the text --- */

/* The files that a configuration was read from, each once in a row. */
struct sources {
	struct sha256 hash;
	const char *path, *last;
	unsigned n_included;
};

static void add_source(struct sources *s, const char *file)
{
	size_t len = 0;
	char *text;

	if (!file || file == s->last || strcmp(file, s->path) == 0)
		return;
	s->last = file;
	s->n_included++;
	text = scan_read_file(file, &len);
	if (text)
		sha256_add(&s->hash, text, len);
	free(text);
}

#define ADD_SOURCES(s, c, items)                              \
	do {                                                  \
		for (unsigned i = 0; i < (c)->n_##items; i++) \
			add_source(s, (c)->items[i].file);    \
	} while (0)

bool state_source_digest(
    const struct config *c, const char *text, size_t len, char digest[DIGEST_TEXT])
{
	struct sources s = { .path = c->path };
	uint8_t bytes[32];

	sha256_text(text, len, digest);
	sha256_init(&s.hash);
	sha256_add(&s.hash, text, len);
	add_source(&s, c->runtime.file);
	add_source(&s, c->control.file);
	add_source(&s, c->eal_file);
	ADD_SOURCES(&s, c, ports);
	ADD_SOURCES(&s, c, certificates);
	ADD_SOURCES(&s, c, policies);
	ADD_SOURCES(&s, c, trust_stores);
	ADD_SOURCES(&s, c, backends);
	ADD_SOURCES(&s, c, listeners);
	sha256_final(&s.hash, bytes);
	if (s.n_included)
		sha256_text(bytes, sizeof(bytes), digest);
	return s.n_included > 0;
}

struct state_source *state_source_new(
    const char *path, const char *text, size_t len, const char *digest, bool has_includes)
{
	struct state_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->references = 1;
	s->has_includes = has_includes;
	s->path = strdup(path);
	s->text = malloc(len + 1);
	if (!s->path || !s->text) {
		state_source_put(s);
		return NULL;
	}
	memcpy(s->text, text, len);
	s->text[len] = '\0';
	s->len = len;
	strncat(s->digest, digest, DIGEST_TEXT - 1);
	return s;
}

struct state_source *state_source_get(struct state_source *s)
{
	s->references++;
	return s;
}

void state_source_put(struct state_source *s)
{
	if (!s || --s->references > 0)
		return;
	free(s->path);
	free(s->text);
	free(s);
}

/* --- items --- */

static const char *item_key(const void *value)
{
	return ((const struct state_item *)value)->key;
}

static void *item_ref(void *value)
{
	struct state_item *i = value;

	i->references++;
	return i;
}

static void item_unref(void *value)
{
	state_item_put(value);
}

const struct map_kind state_item_kind = { item_key, item_ref, item_unref };

void state_item_put(struct state_item *i)
{
	if (!i || --i->references > 0)
		return;
	free(i->key);
	free(i->section);
	free(i->name);
	free(i->settings);
	free(i);
}

static void item_path(char key[ITEM_KEY], const char *section, const char *name)
{
	snprintf(key, ITEM_KEY, "%s/%s", section, name);
}

static struct state_item *item_new(const struct change *c, const char *settings)
{
	struct state_item *i = calloc(1, sizeof(*i));
	char key[ITEM_KEY];

	if (!i)
		return NULL;
	item_path(key, c->section, c->item);
	i->references = 1;
	i->key = strdup(key);
	i->section = strdup(c->section);
	i->name = strdup(c->item);
	i->settings = settings ? strdup(settings) : NULL;
	if (i->key && i->section && i->name && (!settings || i->settings))
		return i;
	state_item_put(i);
	return NULL;
}

const char *state_item_settings(const struct state *s, const char *section, const char *name)
{
	const struct config *config = s->base->config;
	const struct state_item *item;
	char key[ITEM_KEY];

	item_path(key, section, name);
	item = map_find(s->items, key);
	if (item)
		return item->settings;
	for (unsigned i = 0; i < config->n_items; i++)
		if (config->items[i].name && strcmp(config->items[i].section, section) == 0 &&
		    strcmp(config->items[i].name, name) == 0)
			return config->items[i].json;
	return NULL;
}

bool state_item_is_put(const struct state *s, const char *section, const char *name)
{
	char key[ITEM_KEY];

	item_path(key, section, name);
	return map_find(s->items, key) != NULL;
}

/* --- a listener's certificates --- */

static bool is_listener(const struct change *c)
{
	return strcmp(c->section, "listeners") == 0;
}

static enum state_verdict no_memory(struct err *e)
{
	err_set(e, "out of memory");
	return STATE_NO_MEMORY;
}

static enum state_verdict
serve(struct state_listener *l, const struct state *s, const struct change *c, struct err *e)
{
	struct map *certs = map_new(&state_name_kind);
	enum state_verdict verdict = certs ? STATE_OK : no_memory(e);

	for (unsigned i = 0; verdict == STATE_OK && i < c->n_served; i++) {
		struct state_name *name;

		if (!map_find(s->certs, c->served[i])) {
			err_set(e, "listener '%s': there is no certificate '%s'", c->item,
			    c->served[i]);
			verdict = STATE_NOT_FOUND;
			break;
		}
		name = state_name_new(c->served[i]);
		if (!name || map_set(certs, name) < 0)
			verdict = no_memory(e);
		state_name_put(name);
	}
	if (verdict != STATE_OK) {
		map_free(certs);
		return verdict;
	}
	map_free(l->certs);
	l->certs = certs;
	return STATE_OK;
}

/* What l served until now is forgotten: it does not decrypt any more. */
static enum state_verdict serve_nothing(struct state_listener *l, struct err *e)
{
	struct map *none = map_new(&state_name_kind);

	if (!none)
		return no_memory(e);
	map_free(l->certs);
	l->certs = none;
	while (l->n_defaults > 0)
		state_name_put(l->defaults[--l->n_defaults]);
	return STATE_OK;
}

static enum state_verdict put_listener(struct state *s, const struct change *c, struct err *e)
{
	int i = state_listener_find(s, c->item);
	struct state_listener *l = i >= 0 ? &s->listeners[i] : NULL;
	bool passes_through = change_passes_through(c);
	enum state_verdict verdict = STATE_OK;

	if (passes_through && (c->n_names > 0 || c->n_served > 0)) {
		err_set(e,
		    "listener '%s': with protocol = \"tcp\" nothing is decrypted: take its certificates out",
		    c->item);
		return STATE_REFUSED;
	}
	if (!passes_through && c->n_names == 0 && (!l || l->n_defaults == 0)) {
		err_set(e, "listener '%s': 'default_certificate' is missing", c->item);
		return STATE_REFUSED;
	}
	if (!l)
		l = state_listener_add(s, c->item);
	if (!l)
		return no_memory(e);
	if (passes_through)
		return serve_nothing(l, e);
	if (c->has_served)
		verdict = serve(l, s, c, e);
	if (verdict == STATE_OK && c->n_names)
		verdict = state_set_defaults(s, l, c, e);
	return verdict;
}

/* As the file has it. */
static enum state_verdict restore_listener(struct state *s, const struct change *c, struct err *e)
{
	const struct state *origin = s->origin ? s->origin : s;
	int from = state_listener_find(origin, c->item), at = state_listener_find(s, c->item);
	struct state_listener *l;

	if (at >= 0)
		state_listener_remove(s, (unsigned)at);
	if (from < 0)
		return STATE_OK;
	l = state_listener_add(s, c->item);
	return l && state_listener_copy(l, &origin->listeners[from]) == 0 ? STATE_OK : no_memory(e);
}

/* --- changes --- */

static enum state_verdict
set_item(struct state *s, const struct change *c, const char *settings, struct err *e)
{
	struct state_item *item = item_new(c, settings);
	int result = item ? map_set(s->items, item) : -1;

	state_item_put(item);
	s->is_settled = false;
	return result == 0 ? STATE_OK : no_memory(e);
}

/* Gives c the settings that its edit makes of old. */
static enum state_verdict apply_edit(struct change *c, const char *old, struct err *e)
{
	char *settings;

	switch (change_edit_settings(c, old, &settings, e)) {
	case CHANGE_EDITED:
		free(c->settings);
		c->settings = settings;
		return STATE_OK;
	case CHANGE_EDIT_NOWHERE:
		return STATE_NOT_FOUND;
	case CHANGE_EDIT_TWICE:
		return STATE_CONFLICT;
	case CHANGE_EDIT_NO_MEMORY:
		break;
	}
	return STATE_NO_MEMORY;
}

static enum state_verdict apply_put(struct state *s, struct change *c, struct err *e)
{
	const char *what = config_section_item(c->section);
	const char *old = state_item_settings(s, c->section, c->item);

	if (old && c->put == CHANGE_PUT_NEW) {
		err_set(e, "there is a %s '%s' already", what, c->item);
		return STATE_CONFLICT;
	}
	if (!old && c->put == CHANGE_PUT_OLD) {
		err_set(e, "there is no %s '%s' to be replaced", what, c->item);
		return STATE_NOT_FOUND;
	}
	if (c->edit || is_listener(c)) {
		enum state_verdict verdict =
		    c->edit ? apply_edit(c, old, e) : put_listener(s, c, e);

		if (verdict != STATE_OK)
			return verdict;
	}
	return set_item(s, c, c->settings, e);
}

static enum state_verdict apply_delete(struct state *s, const struct change *c, struct err *e)
{
	int i;

	if (!state_item_settings(s, c->section, c->item)) {
		err_set(e, "there is no %s '%s'", config_section_item(c->section), c->item);
		return STATE_NOT_FOUND;
	}
	i = is_listener(c) ? state_listener_find(s, c->item) : -1;
	if (i >= 0)
		state_listener_remove(s, (unsigned)i);
	return set_item(s, c, NULL, e);
}

static enum state_verdict apply_file(struct state *s, const struct change *c, struct err *e)
{
	char key[ITEM_KEY];

	item_path(key, c->section, c->item);
	if (map_remove(s->items, key) < 0)
		return no_memory(e);
	s->is_settled = false;
	return is_listener(c) ? restore_listener(s, c, e) : STATE_OK;
}

enum state_verdict state_item_apply(struct state *s, struct change *c, struct err *e)
{
	if (c->kind == CHANGE_ITEM_PUT)
		return apply_put(s, c, e);
	return c->kind == CHANGE_ITEM_DELETE ? apply_delete(s, c, e) : apply_file(s, c, e);
}

/* --- settling --- */

static struct config *read_again(const struct state *s, struct err *e)
{
	const struct state_source *from = s->source;
	size_t n = 0;
	struct config_override *all = calloc(map_count(s->items) + 1, sizeof(*all));
	struct map_cursor at = map_from(s->items, NULL);
	const struct state_item *item;
	struct config *config = NULL;
	char digest[DIGEST_TEXT];
	bool is_same = true;

	while (all && (item = map_next(&at)) != NULL)
		all[n++] = (struct config_override){ item->section, item->name, item->settings };
	if (from->has_includes) {
		config = config_load_text(from->path, from->text, from->len, e);
		is_same = config && state_source_digest(config, from->text, from->len, digest) &&
		    strcmp(digest, from->digest) == 0;
		config_free(config);
		config = NULL;
	}
	if (!is_same)
		err_set(e, "a file that %s includes has changed: reload first", from->path);
	else if (all)
		config =
		    config_load_overridden(from->path, from->text, from->len, all, (unsigned)n, e);
	else
		err_set(e, "out of memory");
	free(all);
	return config;
}

/* Listeners in the order of their configuration. */
static int sort_listeners(struct state *s, const struct snapshot_base *base, struct err *e)
{
	struct state_listener *sorted = calloc(base->n_listeners + 1, sizeof(*sorted));

	if (!sorted)
		return err_set(e, "out of memory");
	for (unsigned i = 0; i < base->n_listeners; i++) {
		int at = state_listener_find(s, base->listeners[i].name);

		if (at < 0) {
			free(sorted);
			return err_set(
			    e, "listener '%s' has no certificates", base->listeners[i].name);
		}
		sorted[i] = s->listeners[at];
	}
	free(s->listeners);
	s->listeners = sorted;
	s->listener_room = base->n_listeners + 1;
	return 0;
}

int state_settle(struct state *s, struct err *e)
{
	struct config *config;
	struct snapshot_base *base;

	if (s->is_settled)
		return 0;
	config = read_again(s, e);
	base = config ? snapshot_base_new(config, e) : NULL;
	if (!base)
		return -1;
	if (base->n_listeners != s->n_listeners) {
		snapshot_base_put(base);
		return err_set(e, "%u listeners are configured, %u have certificates",
		    base->n_listeners, s->n_listeners);
	}
	if (sort_listeners(s, base, e) < 0) {
		snapshot_base_put(base);
		return -1;
	}
	snapshot_base_put(s->base);
	s->base = base;
	s->is_settled = true;
	return 0;
}
