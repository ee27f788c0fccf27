/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/change_edit.h"

#include <jansson.h>
#include <string.h>

#include "config/err.h"

const char *change_crl_id(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "";
}

/* Where the list of that id is among the store's; -1: nowhere. */
static int find_crl(const json_t *lists, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach(lists, i, one)
	{
		if (strcmp(change_crl_id(json_string_value(one)), id) == 0)
			return (int)i;
	}
	return -1;
}

static enum change_edited add_crl(json_t *o, const struct change *c, struct err *e)
{
	const char *id = change_crl_id(c->operand);
	json_t *lists = json_object_get(o, "crls");

	if (!lists) {
		lists = json_array();
		json_object_set_new(o, "crls", lists);
	}
	if (find_crl(lists, id) >= 0) {
		err_set(e, "trust store '%s' has this list already: %s", c->item, id);
		return CHANGE_EDIT_TWICE;
	}
	if (json_array_append_new(lists, json_string(c->operand)) == 0)
		return CHANGE_EDITED;
	return CHANGE_EDIT_NO_MEMORY;
}

static enum change_edited remove_crl(json_t *o, const struct change *c, struct err *e)
{
	json_t *lists = json_object_get(o, "crls");
	int i = find_crl(lists, c->operand);

	if (i >= 0) {
		json_array_remove(lists, (size_t)i);
		return CHANGE_EDITED;
	}
	err_set(e, "trust store '%s' has no revocation list '%s'", c->item, c->operand);
	return CHANGE_EDIT_NOWHERE;
}

static enum change_edited edit(json_t *o, const struct change *c, struct err *e)
{
	switch (c->edit) {
	case CHANGE_EDIT_BUNDLE:
		json_object_set_new(o, "ca_bundle", json_string(c->operand));
		return CHANGE_EDITED;
	case CHANGE_EDIT_ADD_CRL:
		return add_crl(o, c, e);
	case CHANGE_EDIT_REMOVE_CRL:
		return remove_crl(o, c, e);
	case CHANGE_EDIT_NONE:
		break;
	}
	return CHANGE_EDITED;
}

enum change_edited
change_edit_settings(const struct change *c, const char *settings, char **to, struct err *e)
{
	json_t *o = settings ? json_loads(settings, 0, NULL) : json_object();
	enum change_edited result = CHANGE_EDIT_NO_MEMORY;

	*to = NULL;
	if (!settings && c->edit != CHANGE_EDIT_BUNDLE) {
		err_set(e, "there is no trust store '%s'", c->item);
		json_decref(o);
		return CHANGE_EDIT_NOWHERE;
	}
	if (o) {
		json_object_del(o, "name");
		result = edit(o, c, e);
		*to = result == CHANGE_EDITED ? json_dumps(o, JSON_COMPACT) : NULL;
	}
	json_decref(o);
	if (result == CHANGE_EDITED && !*to)
		result = CHANGE_EDIT_NO_MEMORY;
	if (result == CHANGE_EDIT_NO_MEMORY)
		err_set(e, "out of memory for trust store '%s'", c->item);
	return result;
}
