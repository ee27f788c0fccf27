/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/change.h"
#include "config/err.h"

static const char *const kinds[] = {
	[CHANGE_CERT_PUT] = "put",
	[CHANGE_CERT_DELETE] = "delete",
	[CHANGE_ASSOCIATE] = "associate",
	[CHANGE_DISSOCIATE] = "dissociate",
	[CHANGE_DEFAULT] = "default",
	[CHANGE_CERT_FILE] = "file",
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static json_t *print_one(const struct change *c)
{
	json_t *o = json_object(), *names;

	json_object_set_new(o, "op", json_string(kinds[c->kind]));
	if (c->certificate)
		json_object_set_new(o, "certificate", json_string(c->certificate));
	if (c->listener)
		json_object_set_new(o, "listener", json_string(c->listener));
	if (c->content[0])
		json_object_set_new(o, "content", json_string(c->content));
	if (c->dissociate)
		json_object_set_new(o, "everywhere", json_true());
	if (c->n_names == 0)
		return o;
	names = json_array();
	for (unsigned i = 0; i < c->n_names; i++)
		json_array_append_new(names, json_string(c->names[i]));
	json_object_set_new(o, "names", names);
	return o;
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

static int parse_names(struct change *c, const json_t *names)
{
	unsigned max = c->kind == CHANGE_DEFAULT ? CHANGE_MAX_DEFAULTS : CHANGE_MAX_NAMES;
	const json_t *name;
	size_t i;

	if (names && (!json_is_array(names) || json_array_size(names) > max))
		return -1;
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);

		if (!text || strlen(text) > 253 ||
		    (c->kind == CHANGE_DEFAULT && !change_name_is_valid(text)) ||
		    change_name(c, text) < 0)
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

static int parse_one(struct change_list *l, const json_t *o)
{
	const char *op = json_string_value(json_object_get(o, "op"));
	const char *content = json_string_value(json_object_get(o, "content"));
	struct change *c;
	unsigned kind = 0;

	while (op && kind < N_KINDS && strcmp(kinds[kind], op) != 0)
		kind++;
	if (!op || kind == N_KINDS)
		return -1;
	c = change_add(l, (enum change_kind)kind);
	if (!c || parse_names(c, json_object_get(o, "names")) < 0)
		return -1;
	if (parse_name(&c->certificate, json_object_get(o, "certificate"), kind != CHANGE_DEFAULT) <
		0 ||
	    parse_name(&c->listener, json_object_get(o, "listener"),
		kind == CHANGE_ASSOCIATE || kind == CHANGE_DISSOCIATE || kind == CHANGE_DEFAULT) <
		0)
		return -1;
	c->dissociate = json_is_true(json_object_get(o, "everywhere"));
	if (kind == CHANGE_DEFAULT && c->n_names == 0)
		return -1;
	if (kind != CHANGE_CERT_PUT)
		return 0;
	c->force = true; /* it was good when it was acknowledged */
	if (!content || !is_digest(content))
		return -1;
	memcpy(c->content, content, DIGEST_TEXT);
	return 0;
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
