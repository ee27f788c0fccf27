/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ctl/ctl.h"

/* Mutual TLS of listeners, and of server names in them: a part of a listener's settings with a command of its own. */

static const char *text_or(const json_t *o, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : otherwise;
}

static void
add_row(struct ctl_table *t, const char *listener, const char *sni, const json_t *mtls, bool is_own)
{
	ctl_cell(t, "%s", listener);
	ctl_cell(t, "%s", sni);
	ctl_cell(t, "%s", is_own ? text_or(mtls, "mode", "off") : "(the listener's)");
	ctl_cell(t, "%s", text_or(mtls, "trust_store", "-"));
	ctl_cell(t, "%s", json_is_true(json_object_get(mtls, "ignore_expiry")) ? "ignored" : "-");
}

int ctl_mtls_list(struct ctl *c, int n, char **operands)
{
	static const char *const heads[] = { "LISTENER", "SNI", "MODE", "TRUST STORE", "EXPIRY" };
	const json_t *listener, *rule;
	struct ctl_table *t;
	size_t i, k;
	json_t *o;
	int result = ctl_ask(c, "GET", "/v1/listeners", NULL, &o);

	(void)n;
	(void)operands;
	if (result != CTL_OK || ctl_is_json(c, o))
		return result;
	t = ctl_table_new(5, heads);
	json_array_foreach(json_object_get(o, "listeners"), i, listener)
	{
		const char *name = text_or(listener, "name", "-");

		if (strcmp(text_or(listener, "protocol", "tls"), "tls") != 0)
			continue;
		add_row(t, name, "*", json_object_get(listener, "mtls"), true);
		json_array_foreach(json_object_get(listener, "sni"), k, rule)
		{
			const json_t *mtls = json_object_get(rule, "mtls");

			add_row(t, name, text_or(rule, "name", "-"), mtls, mtls != NULL);
		}
	}
	ctl_table_print(t);
	json_decref(o);
	return CTL_OK;
}

/* The rule of that server name, made when there is none. Borrowed. */
static json_t *find_rule(json_t *listener, const char *sni)
{
	json_t *rules = json_object_get(listener, "sni"), *rule;
	size_t i;

	if (!rules) {
		rules = json_array();
		json_object_set_new(listener, "sni", rules);
	}
	json_array_foreach(rules, i, rule)
	{
		if (strcmp(text_or(rule, "name", ""), sni) == 0)
			return rule;
	}
	rule = json_pack("{s:s}", "name", sni);
	json_array_append_new(rules, rule);
	return rule;
}

/* Sets mode and KEY=VALUE in holder's mtls. A rule without one of its own begins with the listener's. */
static int change(json_t *listener, json_t *holder, const char *mode, int n, char **assignments)
{
	json_t *mtls = json_object_get(holder, "mtls");

	if (!mtls) {
		const json_t *from = json_object_get(listener, "mtls");

		mtls = from ? json_deep_copy(from) : json_object();
		json_object_set_new(holder, "mtls", mtls);
	}
	json_object_set_new(mtls, "mode", json_string(mode));
	for (int i = 0; i < n; i++)
		if (!ctl_assign(mtls, assignments[i])) {
			fprintf(stderr, "sallyctl: '%s' is not KEY=VALUE\n", assignments[i]);
			return CTL_USAGE;
		}
	return CTL_OK;
}

static bool is_mode(const char *mode)
{
	return strcmp(mode, "off") == 0 || strcmp(mode, "verify") == 0 ||
	    strcmp(mode, "passthrough") == 0;
}

/* LISTENER MODE [--sni NAME] [KEY=VALUE]... */
int ctl_mtls_set(struct ctl *c, int n, char **operands)
{
	const char *sni = NULL;
	char generation[24];
	json_t *listener;
	int at = 2, result;

	if (n > 3 && strcmp(operands[2], "--sni") == 0) {
		sni = operands[3];
		at = 4;
	}
	if (!is_mode(operands[1])) {
		fprintf(stderr, "sallyctl: '%s' is not off, verify or passthrough\n", operands[1]);
		return CTL_USAGE;
	}
	result = ctl_item_fetch(c, "listeners", operands[0], &listener, generation);
	if (result != CTL_OK)
		return result;
	result = change(listener, sni ? find_rule(listener, sni) : listener, operands[1], n - at,
	    operands + at);
	if (result == CTL_OK)
		return ctl_item_put(c, "listeners", operands[0], listener, generation, "replace");
	json_decref(listener);
	return result;
}
