/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/load_items.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"

#define MAX_DEPTH 8 /* of what the API puts; nothing of ours is deeper than 4 */

/* --- from JSON --- */

struct put {
	struct load *l;
	const struct config_override *o;
};

static int refuse(const struct put *p, const char *key, const char *why)
{
	return err_set(p->l->e, "%s '%s': '%.100s' %s", config_section_item(p->o->section),
	    p->o->name, key ? key : "", why);
}

static int put_value(
    const struct put *p, config_setting_t *to, const char *key, const json_t *value, int depth);

static int put_members(const struct put *p, config_setting_t *to, const json_t *from, int depth)
{
	json_t *members = (json_t *)(uintptr_t)from; /* jansson's iterators take no const */
	const char *key;
	json_t *value;
	int result = 0;

	json_object_foreach(members, key, value) result |= put_value(p, to, key, value, depth);
	return result;
}

/* A line, for those who take 0 for a setting that was left out. */
static config_setting_t *add_setting(config_setting_t *to, const char *key, int type)
{
	config_setting_t *s = config_setting_add(to, key, type);

	if (s) {
		s->file = load_api_file;
		s->line = 1;
	}
	return s;
}

/* libconfig checks the form of key and refuses one that is there already. */
static int put_value(
    const struct put *p, config_setting_t *to, const char *key, const json_t *value, int depth)
{
	static const int types[] = {
		[JSON_OBJECT] = CONFIG_TYPE_GROUP,
		[JSON_ARRAY] = CONFIG_TYPE_LIST,
		[JSON_STRING] = CONFIG_TYPE_STRING,
		[JSON_INTEGER] = CONFIG_TYPE_INT64,
		[JSON_REAL] = CONFIG_TYPE_FLOAT,
		[JSON_TRUE] = CONFIG_TYPE_BOOL,
		[JSON_FALSE] = CONFIG_TYPE_BOOL,
	};
	config_setting_t *s;
	const json_t *element;
	size_t i;
	int result = 0;

	if (json_is_null(value))
		return refuse(p, key, "is null; leave it out");
	if (depth == MAX_DEPTH)
		return refuse(p, key, "is too deep");
	s = add_setting(to, key, types[json_typeof(value)]);
	if (!s)
		return refuse(p, key, "cannot be the name of a setting");
	if (json_is_string(value))
		config_setting_set_string(s, json_string_value(value));
	else if (json_is_integer(value))
		config_setting_set_int64(s, json_integer_value(value));
	else if (json_is_real(value))
		config_setting_set_float(s, json_real_value(value));
	else if (json_is_boolean(value))
		config_setting_set_bool(s, json_is_true(value));
	else if (json_is_object(value))
		return put_members(p, s, value, depth + 1);
	json_array_foreach(value, i, element) result |= put_value(p, s, NULL, element, depth + 1);
	return result;
}

static int find_element(const config_setting_t *list, const char *name)
{
	for (int i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *s = config_setting_get_elem(list, (unsigned)i);
		const char *text;

		if (config_setting_is_group(s) &&
		    config_setting_lookup_string(s, "name", &text) == CONFIG_TRUE &&
		    strcmp(text, name) == 0)
			return i;
	}
	return -1;
}

static int apply_one(const struct put *p, config_t *file)
{
	config_setting_t *root = config_root_setting(file), *list, *s;
	json_error_t why;
	json_t *o;
	int i, result;

	list = config_setting_get_member(root, p->o->section);
	if (!list && p->o->json)
		list = add_setting(root, p->o->section, CONFIG_TYPE_LIST);
	if (!list)
		return 0;
	i = config_setting_is_list(list) ? find_element(list, p->o->name) : -1;
	if (i >= 0)
		config_setting_remove_elem(list, (unsigned)i);
	if (!p->o->json)
		return 0;
	o = json_loads(p->o->json, JSON_REJECT_DUPLICATES, &why);
	s = json_is_object(o) ? add_setting(list, NULL, CONFIG_TYPE_GROUP) : NULL;
	json_object_del(o, "name");
	if (!s || !add_setting(s, "name", CONFIG_TYPE_STRING))
		result = refuse(p, NULL, "is no object, or its section no list");
	else {
		config_setting_set_string(config_setting_get_member(s, "name"), p->o->name);
		result = put_members(p, s, o, 0);
	}
	json_decref(o);
	return result;
}

int load_overrides(
    struct load *l, config_t *file, const struct config_override *overrides, unsigned n)
{
	int result = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct put p = { l, &overrides[i] };

		result |= apply_one(&p, file);
	}
	return result;
}

/* --- to JSON --- */

static json_t *render(const config_setting_t *s);

static json_t *render_members(const config_setting_t *s)
{
	bool is_group = config_setting_is_group(s);
	json_t *all = is_group ? json_object() : json_array();

	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *member = config_setting_get_elem(s, (unsigned)i);

		if (is_group)
			json_object_set_new(all, config_setting_name(member), render(member));
		else
			json_array_append_new(all, render(member));
	}
	return all;
}

static json_t *render(const config_setting_t *s)
{
	json_t *text;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
		return json_integer(config_setting_get_int(s));
	case CONFIG_TYPE_INT64:
		return json_integer(config_setting_get_int64(s));
	case CONFIG_TYPE_FLOAT:
		return json_real(config_setting_get_float(s));
	case CONFIG_TYPE_BOOL:
		return json_boolean(config_setting_get_bool(s));
	case CONFIG_TYPE_STRING:
		/* A path need not be UTF-8. */
		text = json_string(config_setting_get_string(s));
		return text ? text : json_string("(not UTF-8)");
	default:
		return render_members(s);
	}
}

static void note(struct load *l, const char *section, const config_setting_t *s, bool is_named)
{
	struct config_item *item =
	    (struct config_item *)(uintptr_t)&l->config->items[l->config->n_items];
	json_t *o = render(s);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	const char *name = NULL;

	if (is_named)
		config_setting_lookup_string(s, "name", &name);
	item->section = arena_string(l->arena, section);
	item->name = name ? arena_string(l->arena, name) : NULL;
	item->json = text ? arena_string(l->arena, text) : NULL;
	if (item->section && item->json && (!name || item->name))
		l->config->n_items++;
	else
		err_add(l->e, l->path, 0, "out of memory");
	free(text);
	json_decref(o);
}

static bool is_left_out(const config_setting_t *s)
{
	return strcmp(config_setting_name(s), "certificates") == 0;
}

void load_render(struct load *l, const config_t *file)
{
	const config_setting_t *root = config_root_setting(file), *s;
	size_t n = 0;

	for (int i = 0; i < config_setting_length(root); i++) {
		s = config_setting_get_elem(root, (unsigned)i);
		n += config_section_item(config_setting_name(s)) ? (size_t)config_setting_length(s)
								 : !is_left_out(s);
	}
	l->config->items = load_alloc(l, n + 1, sizeof(*l->config->items));
	for (int i = 0; l->config->items && i < config_setting_length(root); i++) {
		const char *section;

		s = config_setting_get_elem(root, (unsigned)i);
		section = config_setting_name(s);
		if (!config_section_item(section) && !is_left_out(s))
			note(l, section, s, false);
		for (int k = 0; config_section_item(section) && k < config_setting_length(s); k++)
			note(l, section, config_setting_get_elem(s, (unsigned)k), true);
	}
}
