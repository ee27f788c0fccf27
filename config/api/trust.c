/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/api.h"
#include "config/api/private.h"
#include "config/change_edit.h"

/*
 * A trust store's CA bundle, replaced as a whole, and its revocation lists, one by one, as cloud load balancers have them. What
 * comes with a request is kept in state_dir under its digest; the store's settings name that file. A list's id is the
 * name of its file.
 */

#define MAX_PATH_TEXT 4096

/* The store's settings as they run; NULL: there is none. The caller owns them. */
static json_t *settings_of(struct api_context *c, const char *name)
{
	struct ops_item item;

	for (unsigned i = 0; c->ops->item_at(c->ops->arg, i, &item); i++)
		if (item.name && strcmp(item.section, "trust_stores") == 0 &&
		    strcmp(item.name, name) == 0)
			return json_loads(item.json, 0, NULL);
	return NULL;
}

/* Edits the store; text (NULL: none) is what operand refers to by its digest. Answers. */
static void edit_store(struct api_context *c, struct api_request *r, enum change_edit edit,
    const char *operand, const char *text)
{
	const char *section = "trust_stores", *name = r->parts[2];
	struct change_list l = { .n = 0 };
	struct change *one = change_add(&l, CHANGE_ITEM_PUT);

	if (one && change_text(&one->section, section, strlen(section)) == 0 &&
	    change_text(&one->item, name, strlen(name)) == 0 &&
	    change_text(&one->operand, operand, strlen(operand)) == 0 &&
	    (!text || change_text(&one->chain, text, strlen(text)) == 0)) {
		one->edit = edit;
		one->chain_len = text ? strlen(text) : 0;
		api_finish(c, r, &l);
		return;
	}
	api_error(r, 500, "out of memory");
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

static const char *const change_args[] = { "dry_run", "tx", NULL };

void api_put_bundle(struct api_context *c, struct api_request *r)
{
	static const char *const fields[] = { "ca_bundle", NULL };
	char path[MAX_PATH_TEXT];
	const char *text;

	if (api_check_form(r, change_args, fields) &&
	    (text = api_field_text(r, "ca_bundle", API_MAX_TEXT)) && make_path(c, r, text, path))
		edit_store(c, r, CHANGE_EDIT_BUNDLE, path, text);
}

/* Tells which id a list got, besides what any change tells. */
static void add_id(struct api_request *r, const char *id)
{
	bool is_good = r->status == 200 || r->status == 202;
	unsigned status = r->status;
	json_t *o = is_good ? json_loadb(r->text, r->text_len, 0, NULL) : NULL;

	if (!o)
		return;
	json_object_set_new(o, "revocation", json_string(id));
	api_answer(r, status, o);
}

void api_post_revocations(struct api_context *c, struct api_request *r)
{
	static const char *const fields[] = { "crl", NULL };
	char path[MAX_PATH_TEXT];
	const char *text;

	if (!api_check_form(r, change_args, fields) ||
	    !(text = api_field_text(r, "crl", API_MAX_TEXT)) || !make_path(c, r, text, path))
		return;
	edit_store(c, r, CHANGE_EDIT_ADD_CRL, path, text);
	add_id(r, change_crl_id(path));
}

void api_delete_revocation(struct api_context *c, struct api_request *r)
{
	if (api_check_form(r, change_args, NULL))
		edit_store(c, r, CHANGE_EDIT_REMOVE_CRL, r->parts[4], NULL);
}

void api_read_revocations(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	json_t *settings, *all;
	const json_t *one;
	size_t i;

	if (!api_check_form(r, none, NULL))
		return;
	settings = settings_of(c, r->parts[2]);
	if (!settings) {
		api_error(r, 404, "there is no trust store '%s'", r->parts[2]);
		return;
	}
	all = json_array();
	json_array_foreach(json_object_get(settings, "crls"), i, one)
	{
		const char *path = json_string_value(one);

		json_array_append_new(
		    all, json_pack("{s:s, s:s}", "id", change_crl_id(path), "file", path));
	}
	json_decref(settings);
	api_answer(r, 200, json_pack("{s:o}", "revocations", all));
}
