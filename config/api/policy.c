/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "config/api/private.h"

/* Policies as they come out: those that are built in are items, too, which nobody can change. */

static json_t *names(const char *const *all, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_string(all[i]));
	return list;
}

json_t *api_policy_json(const struct ops_policy *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "versions", names(p->versions, p->n_versions));
	json_object_set_new(o, "suites", names(p->suites, p->n_suites));
	json_object_set_new(o, "groups", names(p->groups, p->n_groups));
	if (p->n_sigalgs)
		json_object_set_new(o, "signature_algorithms", names(p->sigalgs, p->n_sigalgs));
	json_object_set_new(
	    o, "preference", json_string(p->client_preference ? "client" : "server"));
	return o;
}

static json_t *as_item(const struct ops_policy *p)
{
	json_t *o = json_pack("{s:s}", "name", p->name), *more = api_policy_json(p);

	json_object_update(o, more);
	json_decref(more);
	json_object_set_new(o, "source", json_string("builtin"));
	return o;
}

json_t *api_builtin_policy(struct api_context *c, const char *name)
{
	struct ops_policy p;

	for (unsigned i = 0; c->ops->policy_at(c->ops->arg, i, &p); i++)
		if (strcmp(p.name, name) == 0)
			return as_item(&p);
	return NULL;
}

void api_add_builtin_policies(struct api_context *c, json_t *all)
{
	struct ops_policy p;

	for (unsigned i = 0; c->ops->policy_at(c->ops->arg, i, &p); i++)
		json_array_append_new(all, as_item(&p));
}
