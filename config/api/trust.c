/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/api.h"
#include "config/api/private.h"

/*
 * A trust store's CA bundle, replaced as a whole, and its revocation lists, one by one, as cloud load balancers have them. What
 * comes with a request is kept in state_dir under its digest; the store's settings name that file. A list's id is the
 * name of its file.
 */

#define MAX_PATH_TEXT 4096

static bool no_memory(struct api_request *r)
{
	api_error(r, 500, "out of memory");
	return false;
}

/* The store's settings as they run, to be changed; NULL: there is none. The caller owns them. */
static json_t *settings_of(struct api_context *c, const char *name)
{
	struct ops_item item;

	for (unsigned i = 0; c->ops->item_at(c->ops->arg, i, &item); i++)
		if (item.name && strcmp(item.section, "trust_stores") == 0 &&
		    strcmp(item.name, name) == 0)
			return json_loads(item.json, 0, NULL);
	return NULL;
}

static const char *id_of(const json_t *path)
{
	const char *text = json_string_value(path), *slash = text ? strrchr(text, '/') : NULL;

	return slash ? slash + 1 : text ? text : "";
}

/* Puts the store with these settings, which it takes; text (NULL: none) is what they refer to by its digest. Answers. */
static void
put_store(struct api_context *c, struct api_request *r, json_t *settings, const char *text)
{
	const char *section = "trust_stores", *name = r->parts[2];
	struct change_list l = { .n = 0 };
	struct change *one = change_add(&l, CHANGE_ITEM_PUT);

	json_object_del(settings, "name");
	if (one)
		one->settings = json_dumps(settings, JSON_COMPACT);
	json_decref(settings);
	if (one && one->settings && change_text(&one->section, section, strlen(section)) == 0 &&
	    change_text(&one->item, name, strlen(name)) == 0 &&
	    (!text || change_text(&one->chain, text, strlen(text)) == 0)) {
		one->chain_len = text ? strlen(text) : 0;
		api_finish(c, r, &l);
		return;
	}
	no_memory(r);
	change_clear(&l);
}

/* Where text will lie; false after answering. */
static bool
make_path(struct api_context *c, struct api_request *r, const char *text, char path[MAX_PATH_TEXT])
{
	struct ops_status status;
	char digest[DIGEST_TEXT];
	int n;

	c->ops->status(c->ops->arg, &status);
	if (!status.state_dir) {
		api_error(r, 422, "it needs a place to be kept: set runtime.state_dir and restart");
		return false;
	}
	sha256_text(text, strlen(text), digest);
	n = snprintf(path, MAX_PATH_TEXT, "%s/certs/%s", status.state_dir, digest);
	if (n < MAX_PATH_TEXT)
		return true;
	api_error(r, 422, "the path of runtime.state_dir is too long");
	return false;
}

void api_put_bundle(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", NULL };
	static const char *const fields[] = { "ca_bundle", NULL };
	char path[MAX_PATH_TEXT];
	const char *text;
	json_t *settings;

	if (!api_check_form(r, args, fields) ||
	    !(text = api_field_text(r, "ca_bundle", API_MAX_TEXT)) || !make_path(c, r, text, path))
		return;
	settings = settings_of(c, r->parts[2]);
	if (!settings) /* a new one, with the defaults */
		settings = json_object();
	json_object_set_new(settings, "ca_bundle", json_string(path));
	put_store(c, r, settings, text);
}

/* The store's settings, and its lists as an array in them; NULL after answering. */
static json_t *lists_of(struct api_context *c, struct api_request *r, json_t **lists)
{
	json_t *settings = settings_of(c, r->parts[2]);

	if (!settings) {
		api_error(r, 404, "there is no trust store '%s'", r->parts[2]);
		return NULL;
	}
	*lists = json_object_get(settings, "crls");
	if (!*lists) {
		*lists = json_array();
		json_object_set_new(settings, "crls", *lists);
	}
	return settings;
}

/* Tells which id a list got, besides what any change tells. */
static void add_id(struct api_request *r, const char *id)
{
	json_t *o = r->status == 200 ? json_loadb(r->text, r->text_len, 0, NULL) : NULL;

	if (!o)
		return;
	json_object_set_new(o, "revocation", json_string(id));
	api_answer(r, 200, o);
}

void api_post_revocations(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", NULL };
	static const char *const fields[] = { "crl", NULL };
	char path[MAX_PATH_TEXT];
	json_t *settings, *lists;
	const json_t *one;
	const char *text;
	size_t i;

	if (!api_check_form(r, args, fields) || !(text = api_field_text(r, "crl", API_MAX_TEXT)) ||
	    !make_path(c, r, text, path))
		return;
	settings = lists_of(c, r, &lists);
	if (!settings)
		return;
	json_array_foreach(lists, i, one)
	{
		if (strcmp(json_string_value(one), path) != 0)
			continue;
		api_error(
		    r, 409, "trust store '%s' has this list already: %s", r->parts[2], id_of(one));
		json_decref(settings);
		return;
	}
	json_array_append_new(lists, json_string(path));
	put_store(c, r, settings, text);
	add_id(r, strrchr(path, '/') + 1);
}

void api_delete_revocation(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", NULL };
	json_t *settings, *lists;
	const json_t *one;
	size_t i;

	if (!api_check_form(r, args, NULL) || !(settings = lists_of(c, r, &lists)))
		return;
	json_array_foreach(lists, i, one)
	{
		if (strcmp(id_of(one), r->parts[4]) != 0)
			continue;
		json_array_remove(lists, i);
		put_store(c, r, settings, NULL);
		return;
	}
	json_decref(settings);
	api_error(r, 404, "trust store '%s' has no revocation list '%s'", r->parts[2], r->parts[4]);
}

void api_read_revocations(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	json_t *settings, *lists, *all;
	const json_t *one;
	size_t i;

	if (!api_check_form(r, none, NULL) || !(settings = lists_of(c, r, &lists)))
		return;
	all = json_array();
	json_array_foreach(lists, i, one) json_array_append_new(
	    all, json_pack("{s:s, s:s}", "id", id_of(one), "file", json_string_value(one)));
	json_decref(settings);
	api_answer(r, 200, json_pack("{s:o}", "revocations", all));
}
