/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/private.h"
#include "config/change_edit.h"
#include "config/err.h"
#include "config/load.h"

/*
 * The named items of the configuration as resources, one way for all sections: a JSON object has the keys
 * that the configuration file has, and the loader judges it (config/load_items.h).
 */

/* "trust-stores" of a path is the section "trust_stores". NULL: the path names none. */
static const char *section_of(const struct api_request *r)
{
	return strcmp(r->parts[1], "trust-stores") == 0 ? "trust_stores" : r->parts[1];
}

/* --- reading --- */

/* A line each. */
static json_t *warnings_json(const char *text)
{
	json_t *all = json_array();

	while (*text) {
		size_t n = strcspn(text, "\n");

		json_array_append_new(all, json_stringn(text, n));
		text += n + (text[n] == '\n');
	}
	return all;
}

static json_t *trust_json(const struct ops_trust *t)
{
	json_t *o = json_pack("{s:i, s:i, s:I, s:I, s:o}", "ca_certificates", (int)t->n_cas, "crls",
	    (int)t->n_crls, "revoked", (json_int_t)t->n_revoked, "ca_not_after",
	    (json_int_t)t->not_after, "warnings", warnings_json(t->warnings));

	if (t->next_update != INT64_MAX)
		json_object_set_new(o, "crl_next_update", json_integer(t->next_update));
	return o;
}

/* What has become of it, beside what was written. */
static void add_status(struct api_context *c, const struct ops_item *item, json_t *o)
{
	struct ops_policy p;
	struct ops_trust t;

	if (!item->name)
		return;
	if (strcmp(item->section, "trust_stores") == 0 &&
	    c->ops->trust_find(c->ops->arg, item->name, &t))
		json_object_set_new(o, "status", trust_json(&t));
	if (strcmp(item->section, "policies") == 0 &&
	    c->ops->policy_find(c->ops->arg, item->name, &p))
		json_object_set_new(o, "status", api_policy_json(&p));
}

static json_t *item_json(struct api_context *c, const struct ops_item *item)
{
	json_t *o = json_loads(item->json, 0, NULL);
	struct ops_listener l;

	if (!o)
		return json_null();
	for (unsigned i = 0;
	     strcmp(item->section, "listeners") == 0 && c->ops->listener_at(c->ops->arg, i, &l);
	     i++)
		if (strcmp(l.name, item->name) == 0)
			api_complete_listener(o, &l);
	json_object_set_new(o, "source", json_string(item->from_file ? "file" : "api"));
	add_status(c, item, o);
	return o;
}

void api_read_items(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL }, *const builtin[] = { "builtin", NULL };
	const char *section = section_of(r);
	bool are_policies = strcmp(section, "policies") == 0;
	struct ops_item item;
	json_t *all;

	if (!api_check_form(r, are_policies ? builtin : none, NULL))
		return;
	all = json_array();
	for (unsigned i = 0; c->ops->item_at(c->ops->arg, i, &item); i++)
		if (item.name && strcmp(item.section, section) == 0)
			json_array_append_new(all, item_json(c, &item));
	if (are_policies && api_flag(r, "builtin"))
		api_add_builtin_policies(c, all);
	api_answer(r, 200, json_pack("{s:o}", section, all));
}

static const char *running_settings(struct api_context *c, const char *section, const char *name)
{
	struct ops_item item;

	for (unsigned i = 0; c->ops->item_at(c->ops->arg, i, &item); i++)
		if (item.name && strcmp(item.section, section) == 0 && strcmp(item.name, name) == 0)
			return item.json;
	return NULL;
}

/* What c makes of settings (NULL: there is no such item), which it takes; NULL: the item goes, or memory is short. */
static char *staged(char *settings, const struct change *c)
{
	static struct err e;
	char *next = NULL;

	err_init(&e);
	if (c->kind == CHANGE_ITEM_PUT && !c->edit)
		next = strdup(c->settings);
	else if (c->kind == CHANGE_ITEM_PUT &&
	    change_edit_settings(c, settings, &next, &e) != CHANGE_EDITED)
		return settings; /* the commit will say so */
	free(settings);
	return next;
}

/*
 * The settings as they will be when the transaction is committed, for whoever wants to change them further. What a listener
 * serves is left out: that is staged apart.
 */
static void read_staged(struct api_context *c, struct api_request *r, const char *tx_id)
{
	const char *section = section_of(r), *name = r->parts[2], *running;
	const struct api_tx *tx = api_find_tx(c, r, tx_id);
	json_t *o = NULL;
	char *settings;

	if (!tx)
		return;
	running = running_settings(c, section, name);
	settings = running ? strdup(running) : NULL;
	for (unsigned i = 0; i < tx->changes.n; i++) {
		const struct change *one = &tx->changes.at[i];

		if (one->section && strcmp(one->section, section) == 0 &&
		    strcmp(one->item, name) == 0)
			settings = staged(settings, one);
	}
	if (settings)
		o = json_loads(settings, 0, NULL);
	free(settings);
	if (!o) {
		api_error(r, 404, "there is no %s '%s'", config_section_item(section), name);
		return;
	}
	json_object_set_new(o, "name", json_string(name));
	json_object_set_new(o, "source", json_string("transaction"));
	api_answer(r, 200, o);
}

void api_read_item(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "tx", NULL };
	const char *section = section_of(r), *tx = api_arg(r, "tx");
	struct ops_item item;
	json_t *builtin;

	if (!api_check_form(r, args, NULL))
		return;
	if (tx) {
		read_staged(c, r, tx);
		return;
	}
	for (unsigned i = 0; c->ops->item_at(c->ops->arg, i, &item); i++)
		if (item.name && strcmp(item.section, section) == 0 &&
		    strcmp(item.name, r->parts[2]) == 0) {
			api_answer(r, 200, item_json(c, &item));
			return;
		}
	builtin = strcmp(section, "policies") == 0 ? api_builtin_policy(c, r->parts[2]) : NULL;
	if (builtin)
		api_answer(r, 200, builtin);
	else
		api_error(r, 404, "there is no %s '%s'", config_section_item(section), r->parts[2]);
}

/* Everything but the certificates, which are many and have lists of their own. */
void api_read_config(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	struct ops_status status;
	struct ops_item item;
	json_t *o, *list;

	if (!api_check_form(r, none, NULL))
		return;
	c->ops->status(c->ops->arg, &status);
	o = json_pack("{s:I, s:I}", "generation", (json_int_t)status.generation, "certificates",
	    (json_int_t)status.n_certificates);
	for (unsigned i = 0; c->ops->item_at(c->ops->arg, i, &item); i++) {
		if (!item.name) {
			json_object_set_new(o, item.section, json_loads(item.json, 0, NULL));
			continue;
		}
		list = json_object_get(o, item.section);
		if (!list) {
			list = json_array();
			json_object_set_new(o, item.section, list);
		}
		json_array_append_new(list, item_json(c, &item));
	}
	api_answer(r, 200, o);
}

/* --- writing --- */

static bool no_memory(struct api_request *r)
{
	api_error(r, 500, "out of memory");
	return false;
}

/* The names in a field that the file has as a string or a list of strings; false after answering 400. */
static bool take_certs(struct api_request *r, struct change *c, const char *field, size_t max,
    int (*add)(struct change *c, const char *name))
{
	json_t *value = json_object_get(r->json, field), *list;
	const json_t *one;
	bool ok = true;
	size_t i;

	if (!value)
		return true;
	list = json_is_string(value) ? json_pack("[O]", value) : json_incref(value);
	if (!json_is_array(list) || json_array_size(list) > max) {
		api_error(r, 400, "field '%s' must be a list of at most %zu names", field, max);
		ok = false;
	}
	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(one);

		if (ok && (!name || !change_name_is_valid(name))) {
			api_error(r, 400, "field '%s': %zu is not the name of a certificate", field,
			    i + 1);
			ok = false;
		}
		ok = ok && (add(c, name) == 0 || no_memory(r));
	}
	json_decref(list);
	json_object_del(r->json, field);
	return ok;
}

static bool take_mode(struct api_request *r, struct change *c)
{
	const char *mode = api_arg(r, "mode");

	if (mode && strcmp(mode, "any") != 0 && strcmp(mode, "add") != 0 &&
	    strcmp(mode, "replace") != 0) {
		api_error(r, 400, "mode is any, add or replace");
		return false;
	}
	c->put = !mode || mode[1] == 'n' ? CHANGE_PUT_ANY
	    : mode[0] == 'a'             ? CHANGE_PUT_NEW
					 : CHANGE_PUT_OLD;
	return true;
}

#define MAX_NESTING 16  /* of settings; the configuration has five */
#define MAX_KEYS    100 /* of one group: looking one up takes its time with each */

/* True when no group or list in value is deeper or larger than any setting can be. */
static bool is_sane(const json_t *value, unsigned depth)
{
	const char *name;
	json_t *one;
	size_t i;

	if (depth > MAX_NESTING || json_object_size(value) > MAX_KEYS)
		return false;
	json_object_foreach(
	    (json_t *)(uintptr_t)value, name, one) if (!is_sane(one, depth + 1)) return false;
	json_array_foreach(value, i, one) if (!is_sane(one, depth + 1)) return false;
	return true;
}

static bool take_item(struct api_request *r, struct change *c)
{
	const char *section = section_of(r);
	const json_t *name = json_object_get(r->json, "name");

	if (name && (!json_is_string(name) || strcmp(json_string_value(name), r->parts[2]) != 0)) {
		api_error(r, 400, "field 'name' differs from the name in the address");
		return false;
	}
	if (!is_sane(r->json, 1)) {
		api_error(r, 400,
		    "settings have at most %u keys in a group and are nested %u deep at most",
		    MAX_KEYS, MAX_NESTING);
		return false;
	}
	/* What a GET says about it is no setting. */
	json_object_del(r->json, "name");
	json_object_del(r->json, "source");
	json_object_del(r->json, "status");
	if (!take_mode(r, c))
		return false;
	if (strcmp(section, "listeners") == 0) {
		c->has_served = json_object_get(r->json, "certificates") != NULL;
		if (!take_certs(r, c, "default_certificate", CHANGE_MAX_DEFAULTS, change_name) ||
		    !take_certs(r, c, "certificates", CHANGE_MAX_SERVED, change_serve))
			return false;
	}
	c->settings = json_dumps(r->json, JSON_COMPACT);
	if (!c->settings || change_text(&c->section, section, strlen(section)) < 0 ||
	    change_text(&c->item, r->parts[2], strlen(r->parts[2])) < 0)
		return no_memory(r);
	return true;
}

void api_put_item(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", "tx", "mode", NULL };
	struct change_list l = { .n = 0 };
	struct change *one;

	if (!api_check_args(r, args))
		return;
	if (!json_is_object(r->json)) {
		api_error(r, 400, "the body must be a JSON object with the settings");
		return;
	}
	one = change_add(&l, CHANGE_ITEM_PUT);
	if (!one)
		no_memory(r);
	else if (take_item(r, one)) {
		api_finish(c, r, &l);
		return;
	}
	change_clear(&l);
}

void api_delete_item(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", "tx", NULL };
	const char *section = section_of(r);
	struct change_list l = { .n = 0 };
	struct change *one;

	if (!api_check_form(r, args, NULL))
		return;
	one = change_add(&l, CHANGE_ITEM_DELETE);
	if (one && change_text(&one->section, section, strlen(section)) == 0 &&
	    change_text(&one->item, r->parts[2], strlen(r->parts[2])) == 0) {
		api_finish(c, r, &l);
		return;
	}
	no_memory(r);
	change_clear(&l);
}
