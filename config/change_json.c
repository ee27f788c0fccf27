/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/change.h"
#include "config/err.h"
#include "config/load.h"

static const char *const kinds[] = {
	[CHANGE_CERT_PUT] = "put",
	[CHANGE_CERT_DELETE] = "delete",
	[CHANGE_ASSOCIATE] = "associate",
	[CHANGE_DISSOCIATE] = "dissociate",
	[CHANGE_DEFAULT] = "default",
	[CHANGE_CERT_FILE] = "file",
	[CHANGE_ITEM_PUT] = "put-item",
	[CHANGE_ITEM_DELETE] = "delete-item",
	[CHANGE_ITEM_FILE] = "file-item",
};
/* Fields for people to read: what is applied is the settings that came of it. */
static const char *const edits[] = {
	[CHANGE_EDIT_BUNDLE] = "puts_ca_bundle",
	[CHANGE_EDIT_ADD_CRL] = "adds_crl",
	[CHANGE_EDIT_REMOVE_CRL] = "removes_crl",
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static json_t *print_strings(char *const *all, unsigned n)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, json_string(all[i]));
	return a;
}

static json_t *print_one(const struct change *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "op", json_string(kinds[c->kind]));
	if (c->certificate)
		json_object_set_new(o, "certificate", json_string(c->certificate));
	if (c->listener)
		json_object_set_new(o, "listener", json_string(c->listener));
	if (c->content[0])
		json_object_set_new(o, "content", json_string(c->content));
	if (c->dissociate)
		json_object_set_new(o, "everywhere", json_true());
	if (c->section) {
		json_object_set_new(o, "section", json_string(c->section));
		json_object_set_new(o, "item", json_string(c->item));
	}
	if (c->edit)
		json_object_set_new(o, edits[c->edit], json_string(c->operand));
	if (c->settings)
		json_object_set_new(o, "settings", json_loads(c->settings, 0, NULL));
	if (c->has_served)
		json_object_set_new(o, "serves", print_strings(c->served, c->n_served));
	if (c->n_names)
		json_object_set_new(o, "names", print_strings(c->names, c->n_names));
	return o;
}

bool change_passes_through(const struct change *c)
{
	json_t *o = c->settings ? json_loads(c->settings, 0, NULL) : NULL;
	const char *protocol = json_string_value(json_object_get(o, "protocol"));
	bool is_tcp = protocol && strcmp(protocol, "tcp") == 0;

	json_decref(o);
	return is_tcp;
}

char *change_print(const struct change_list *l)
{
	json_t *all = json_array();
	char *text;

	for (unsigned i = 0; i < l->n; i++)
		json_array_append_new(all, print_one(&l->at[i]));
	text = json_array_size(all) == l->n ? json_dumps(all, JSON_COMPACT) : NULL;
	json_decref(all);
	return text;
}

static bool is_digest(const char *text)
{
	return strlen(text) == DIGEST_TEXT - 1 &&
	    strspn(text, "0123456789abcdef") == DIGEST_TEXT - 1;
}

static int parse_names(struct change *c, const json_t *names, unsigned max, bool are_items,
    int (*add)(struct change *c, const char *name))
{
	const json_t *name;
	size_t i;

	if (names && (!json_is_array(names) || json_array_size(names) > max))
		return -1;
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);

		if (!text || strlen(text) > 253 || (are_items && !change_name_is_valid(text)) ||
		    add(c, text) < 0)
			return -1;
	}
	return 0;
}

static int parse_name(char **to, const json_t *value, bool wanted)
{
	const char *text = json_string_value(value);

	if (!wanted)
		return value ? -1 : 0;
	if (!text || !change_name_is_valid(text))
		return -1;
	return change_text(to, text, strlen(text));
}

static bool is_item(enum change_kind kind)
{
	return kind == CHANGE_ITEM_PUT || kind == CHANGE_ITEM_DELETE || kind == CHANGE_ITEM_FILE;
}

static bool has_listener(enum change_kind kind)
{
	return kind == CHANGE_ASSOCIATE || kind == CHANGE_DISSOCIATE || kind == CHANGE_DEFAULT;
}

static int parse_item(struct change *c, const json_t *o)
{
	const char *section = json_string_value(json_object_get(o, "section"));
	const json_t *settings = json_object_get(o, "settings"),
		     *serves = json_object_get(o, "serves");

	if (!section || !config_section_item(section) ||
	    change_text(&c->section, section, strlen(section)) < 0 ||
	    parse_name(&c->item, json_object_get(o, "item"), true) < 0)
		return -1;
	if (c->kind != CHANGE_ITEM_PUT)
		return 0;
	c->settings = json_is_object(settings) ? json_dumps(settings, JSON_COMPACT) : NULL;
	c->has_served = serves != NULL;
	if (!c->settings)
		return -1;
	return parse_names(c, serves, CHANGE_MAX_SERVED, true, change_serve);
}

static int parse_content(struct change *c, const json_t *o)
{
	const char *content = json_string_value(json_object_get(o, "content"));

	if (!content || !is_digest(content))
		return -1;
	c->force = true; /* it was good when it was acknowledged */
	memcpy(c->content, content, DIGEST_TEXT);
	return 0;
}

static int parse_one(struct change_list *l, const json_t *o)
{
	const char *op = json_string_value(json_object_get(o, "op"));
	bool are_items, has_certificate;
	struct change *c;
	unsigned kind = 0;

	while (op && kind < N_KINDS && strcmp(kinds[kind], op) != 0)
		kind++;
	if (!op || kind == N_KINDS)
		return -1;
	c = change_add(l, (enum change_kind)kind);
	are_items = kind == CHANGE_DEFAULT || kind == CHANGE_ITEM_PUT;
	has_certificate = kind != CHANGE_DEFAULT && !is_item((enum change_kind)kind);
	if (!c ||
	    parse_names(c, json_object_get(o, "names"),
		are_items ? CHANGE_MAX_DEFAULTS : CHANGE_MAX_NAMES, are_items, change_name) < 0 ||
	    parse_name(&c->certificate, json_object_get(o, "certificate"), has_certificate) < 0 ||
	    parse_name(&c->listener, json_object_get(o, "listener"), has_listener(c->kind)) < 0)
		return -1;
	c->dissociate = json_is_true(json_object_get(o, "everywhere"));
	if (kind == CHANGE_DEFAULT && c->n_names == 0)
		return -1;
	if (is_item(c->kind))
		return parse_item(c, o);
	return kind == CHANGE_CERT_PUT ? parse_content(c, o) : 0;
}

int change_parse(struct change_list *l, const char *text, size_t len, struct err *e)
{
	struct change_list more = { .n = 0 };
	json_error_t why;
	json_t *all = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	const json_t *one;
	size_t i;

	if (!all || !json_is_array(all)) {
		err_set(e, "not a list of changes: %s", all ? "no list" : why.text);
		goto fail;
	}
	json_array_foreach(all, i, one)
	{
		if (parse_one(&more, one) < 0) {
			err_set(e, "change %zu makes no sense", i + 1);
			goto fail;
		}
	}
	if (change_move(l, &more) < 0) {
		err_set(e, "out of memory for %u changes", more.n);
		goto fail;
	}
	json_decref(all);
	return 0;
fail:
	change_clear(&more);
	json_decref(all);
	return -1;
}
