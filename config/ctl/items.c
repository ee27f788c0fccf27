/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ctl/ctl.h"

/* Backends, policies, trust stores and the settings of listeners: one way for all of them. */

#define MAX_PATH_TEXT 300

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "-";
}

static void item_path(char path[MAX_PATH_TEXT], const char *section, const char *name)
{
	char *escaped = ctl_escape(name);

	snprintf(path, MAX_PATH_TEXT, "/v1/%s/%.250s", section, escaped ? escaped : "");
	free(escaped);
}

/* --- looking --- */

/* "10.0.0.1:80 (weight 3)", or a setting as JSON; the caller frees it. */
static char *value_text(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
}

static char *targets_text(const json_t *targets)
{
	char *text = NULL;
	const json_t *one;
	size_t i, len;
	FILE *f = open_memstream(&text, &len);

	json_array_foreach(targets, i, one)
	{
		const json_t *weight = json_object_get(one, "weight");

		fprintf(f, "%s%s", i ? ", " : "", text_of(one, "address"));
		if (weight)
			fprintf(f, " (weight %lld)", (long long)json_integer_value(weight));
		if (json_is_true(json_object_get(one, "drain")))
			fprintf(f, " (draining)");
	}
	fclose(f);
	return text;
}

/* All settings but the name, in a line. */
static char *settings_text(json_t *item)
{
	json_t *copy = json_copy(item);
	char *text;

	json_object_del(copy, "name");
	json_object_del(copy, "source");
	text = value_text(copy);
	json_decref(copy);
	return text;
}

static int list(struct ctl *c, const char *path_section, const char *section)
{
	static const char *const heads[] = { "NAME", "SOURCE", "TARGETS" };
	static const char *const plain[] = { "NAME", "SOURCE", "SETTINGS" };
	bool are_backends = strcmp(section, "backends") == 0;
	char path[MAX_PATH_TEXT];
	struct ctl_table *t;
	json_t *o, *item;
	size_t i;
	int status;

	snprintf(path, sizeof(path), "/v1/%s", path_section);
	status = ctl_ask(c, "GET", path, NULL, &o);
	if (status != CTL_OK || ctl_is_json(c, o))
		return status;
	t = ctl_table_new(3, are_backends ? heads : plain);
	json_array_foreach(json_object_get(o, section), i, item)
	{
		char *text = are_backends ? targets_text(json_object_get(item, "targets"))
					  : settings_text(item);

		ctl_cell(t, "%s", text_of(item, "name"));
		ctl_cell(t, "%s", text_of(item, "source"));
		ctl_cell(t, "%.100s%s", text ? text : "", text && strlen(text) > 100 ? "..." : "");
		free(text);
	}
	ctl_table_print(t);
	json_decref(o);
	return CTL_OK;
}

static int show(struct ctl *c, const char *section, const char *name)
{
	char path[MAX_PATH_TEXT];
	const char *key;
	json_t *o, *value;
	int status;

	item_path(path, section, name);
	status = ctl_ask(c, "GET", path, NULL, &o);
	if (status != CTL_OK || ctl_is_json(c, o))
		return status;
	json_object_foreach(o, key, value)
	{
		char *text = value_text(value);

		printf("%-20s %s\n", key, text ? text : "?");
		free(text);
	}
	json_decref(o);
	return CTL_OK;
}

/* --- changing --- */

/* The item as it is, to be changed and put again; *generation is the one it is of. */
static int
fetch(struct ctl *c, const char *section, const char *name, json_t **item, char generation[24])
{
	char path[MAX_PATH_TEXT];
	json_t *status;
	int result = ctl_ask(c, "GET", "/v1/status", NULL, &status);

	if (result != CTL_OK)
		return result;
	snprintf(generation, 24, "%lld",
	    (long long)json_integer_value(json_object_get(status, "generation")));
	json_decref(status);
	item_path(path, section, name);
	result = ctl_ask(c, "GET", path, NULL, item);
	if (result == CTL_OK && strcmp(section, "listeners") == 0) {
		/* These stay as they are: listener default, associate and dissociate. */
		json_object_del(*item, "default_certificate");
		json_object_del(*item, "certificates");
	}
	return result;
}

/* Puts what fetch gave, changed: refused when somebody else was faster. Takes item. */
static int put(struct ctl *c, const char *section, const char *name, json_t *item,
    const char *generation, const char *mode)
{
	struct ctl careful = *c;
	char path[MAX_PATH_TEXT], *all;
	json_t *answer;
	int status;

	if (!careful.if_match && *generation)
		careful.if_match = generation;
	item_path(path, section, name);
	all = ctl_change_path(c, "%s%s%s", path, mode ? "?mode=" : "", mode ? mode : "");
	status = ctl_ask(&careful, "PUT", all, item, &answer);
	free(all);
	json_decref(item);
	return ctl_done(c, status, answer);
}

/* KEY=VALUE, also of a group (limits.idle_timeout=5); a value that is no JSON is a text. False: it is none. */
static bool assign(json_t *item, char *text)
{
	char *value = strchr(text, '='), *dot;
	json_t *parsed;

	if (!value || value == text)
		return false;
	*value++ = '\0';
	while ((dot = strchr(text, '.')) != NULL) {
		json_t *group;

		*dot = '\0';
		group = json_object_get(item, text);
		if (!json_is_object(group)) {
			group = json_object();
			json_object_set_new(item, text, group);
		}
		item = group;
		text = dot + 1;
	}
	if (!*value) {
		json_object_del(item, text);
		return true;
	}
	parsed = json_loads(value, JSON_DECODE_ANY, NULL);
	return json_object_set_new(item, text, parsed ? parsed : json_string(value)) == 0;
}

static int set_from_file(struct ctl *c, const char *section, const char *name, const char *path)
{
	json_error_t why;
	char *text = ctl_read_file(path);
	json_t *item = text ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : NULL;

	if (text && !item)
		fprintf(stderr, "sallyctl: %s:%d:%d: %s\n", path, why.line, why.column, why.text);
	free(text);
	return item ? put(c, section, name, item, "", NULL) : CTL_USAGE;
}

static int set(struct ctl *c, const char *section, int n, char **operands)
{
	char generation[24];
	json_t *item;
	int status;

	if (n == 3 && strcmp(operands[1], "--file") == 0)
		return set_from_file(c, section, operands[0], operands[2]);
	status = fetch(c, section, operands[0], &item, generation);
	if (status != CTL_OK)
		return status;
	for (int i = 1; i < n; i++)
		if (!assign(item, operands[i])) {
			fprintf(stderr, "sallyctl: '%s' is not KEY=VALUE\n", operands[i]);
			json_decref(item);
			return CTL_USAGE;
		}
	return put(c, section, operands[0], item, generation, "replace");
}

static int drop(struct ctl *c, const char *section, const char *name)
{
	char path[MAX_PATH_TEXT], *all;
	json_t *answer;
	int status;

	item_path(path, section, name);
	all = ctl_change_path(c, "%s", path);
	status = ctl_ask(c, "DELETE", all, NULL, &answer);
	free(all);
	return ctl_done(c, status, answer);
}

/* --- targets of a backend --- */

static json_t *find_target(const json_t *item, const char *address, size_t *at)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(item, "targets"), i, one)
	{
		*at = i;
		if (strcmp(text_of(one, "address"), address) == 0)
			return one;
	}
	return NULL;
}

/* Does what operands[0] says to the target operands[2] of item. */
static int change_target(json_t *item, int n, char **operands)
{
	const char *what = operands[0], *address = operands[2];
	long weight = n == 4 ? strtol(operands[3], NULL, 10) : 1;
	size_t at = 0;
	json_t *target = find_target(item, address, &at);

	if (strcmp(what, "add") == 0) {
		json_array_append_new(json_object_get(item, "targets"),
		    json_pack("{s:s, s:i}", "address", address, "weight", (int)weight));
		return CTL_OK;
	}
	if (!target) {
		fprintf(stderr, "sallyctl: backend '%s' has no target %s\n", operands[1], address);
		return CTL_REFUSED;
	}
	if (strcmp(what, "remove") == 0)
		json_array_remove(json_object_get(item, "targets"), at);
	else if (strcmp(what, "weight") == 0)
		json_object_set_new(target, "weight", json_integer(weight));
	else
		json_object_set_new(target, "drain", json_boolean(strcmp(what, "drain") == 0));
	return CTL_OK;
}

int ctl_backend_target(struct ctl *c, int n, char **operands)
{
	bool takes_weight = strcmp(operands[0], "weight") == 0;
	bool may_take = takes_weight || strcmp(operands[0], "add") == 0;
	char generation[24], *end = NULL;
	json_t *item;
	int status;

	if ((!may_take && strcmp(operands[0], "drain") != 0 &&
		strcmp(operands[0], "remove") != 0) ||
	    (takes_weight && n != 4) || (!may_take && n != 3))
		return CTL_USAGE;
	if (n == 4 && (strtol(operands[3], &end, 10) < 0 || *end || end == operands[3])) {
		fprintf(stderr, "sallyctl: '%s' is not a weight\n", operands[3]);
		return CTL_USAGE;
	}
	status = fetch(c, "backends", operands[1], &item, generation);
	if (status != CTL_OK)
		return status;
	status = change_target(item, n, operands);
	if (status == CTL_OK)
		return put(c, "backends", operands[1], item, generation, "replace");
	json_decref(item);
	return status;
}

/* --- the commands --- */

#define COMMANDS(prefix, path, section)                                  \
	int ctl_##prefix##_list(struct ctl *c, int n, char **operands)   \
	{                                                                \
		(void)n;                                                 \
		(void)operands;                                          \
		return list(c, path, section);                           \
	}                                                                \
	int ctl_##prefix##_show(struct ctl *c, int n, char **operands)   \
	{                                                                \
		(void)n;                                                 \
		return show(c, path, operands[0]);                       \
	}                                                                \
	int ctl_##prefix##_set(struct ctl *c, int n, char **operands)    \
	{                                                                \
		return set(c, path, n, operands);                        \
	}                                                                \
	int ctl_##prefix##_remove(struct ctl *c, int n, char **operands) \
	{                                                                \
		(void)n;                                                 \
		return drop(c, path, operands[0]);                       \
	}

COMMANDS(backend, "backends", "backends")
COMMANDS(policy, "policies", "policies")
COMMANDS(trust_store, "trust-stores", "trust_stores")

int ctl_listener_set(struct ctl *c, int n, char **operands)
{
	return set(c, "listeners", n, operands);
}

int ctl_listener_remove(struct ctl *c, int n, char **operands)
{
	(void)n;
	return drop(c, "listeners", operands[0]);
}

int ctl_config(struct ctl *c, int n, char **operands)
{
	struct ctl as_json = *c;
	json_t *o;
	int status = ctl_ask(c, "GET", "/v1/config", NULL, &o);

	(void)n;
	(void)operands;
	as_json.json = true;
	if (status == CTL_OK)
		ctl_is_json(&as_json, o);
	return status;
}
