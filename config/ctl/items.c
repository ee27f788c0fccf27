/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/ctl/ctl.h"

/* Backends, policies, trust stores and the settings of listeners: one way for all of them. */

#define MAX_PATH_TEXT 320

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

		fprintf(f, "%s%s", i ? ", " : "", ctl_text(one, "address"));
		if (weight)
			fprintf(f, " (weight %lld)", (long long)json_integer_value(weight));
		if (json_is_true(json_object_get(one, "drain")))
			fprintf(f, " (draining)");
	}
	fclose(f);
	return text;
}

/* "59 d", or "-" for a time that is not there. */
static const char *left_text(const json_t *status, const char *key, char text[32])
{
	const json_t *at = json_object_get(status, key);

	return at ? ctl_left(json_integer_value(at) - (json_int_t)time(NULL), text) : "-";
}

static void trust_row(struct ctl_table *t, const json_t *item)
{
	const json_t *status = json_object_get(item, "status");
	char due[32], ends[32];

	ctl_cell(
	    t, "%lld", (long long)json_integer_value(json_object_get(status, "ca_certificates")));
	ctl_cell(t, "%s", left_text(status, "ca_not_after", ends));
	ctl_cell(t, "%lld", (long long)json_integer_value(json_object_get(status, "crls")));
	ctl_cell(t, "%lld", (long long)json_integer_value(json_object_get(status, "revoked")));
	ctl_cell(t, "%s", left_text(status, "crl_next_update", due));
	ctl_cell(t, "%s", ctl_text(item, "ca_bundle"));
}

/* What it comes to, whether it is built in or somebody's. */
static void policy_row(struct ctl_table *t, json_t *item)
{
	const json_t *status = json_object_get(item, "status");
	const json_t *from = status ? status : item;
	char *versions = ctl_join(json_object_get(from, "versions"));
	char *groups = ctl_join(json_object_get(from, "groups"));

	ctl_cell(t, "%s", versions ? versions : "");
	ctl_cell(t, "%zu", json_array_size(json_object_get(from, "suites")));
	ctl_cell(t, "%s", groups ? groups : "");
	free(versions);
	free(groups);
}

static void backend_row(struct ctl_table *t, const json_t *item)
{
	char *text = targets_text(json_object_get(item, "targets"));

	ctl_cell(t, "%.100s%s", text ? text : "", text && strlen(text) > 100 ? "..." : "");
	free(text);
}

static struct ctl_table *item_table(const char *section)
{
	static const char *const backends[] = { "NAME", "SOURCE", "TARGETS" };
	static const char *const policies[] = { "NAME", "SOURCE", "VERSIONS", "SUITES", "GROUPS" };
	static const char *const stores[] = { "NAME", "SOURCE", "CAS", "FIRST ENDS", "CRLS",
		"REVOKED", "NEXT CRL DUE", "BUNDLE" };

	return section[0] == 'b' ? ctl_table_new(3, backends)
	    : section[0] == 'p'  ? ctl_table_new(5, policies)
				 : ctl_table_new(8, stores);
}

static int list(struct ctl *c, const char *path_section, const char *section)
{
	char path[MAX_PATH_TEXT];
	struct ctl_table *t;
	json_t *o, *item;
	size_t i;
	int status;

	snprintf(
	    path, sizeof(path), "/v1/%s%s", path_section, section[0] == 'p' ? "?builtin=1" : "");
	status = ctl_ask(c, "GET", path, NULL, &o);
	if (status != CTL_OK || ctl_is_json(c, o))
		return status;
	t = item_table(section);
	json_array_foreach(json_object_get(o, section), i, item)
	{
		ctl_cell(t, "%s", ctl_text(item, "name"));
		ctl_cell(t, "%s", ctl_text(item, "source"));
		if (section[0] == 'b')
			backend_row(t, item);
		else if (section[0] == 'p')
			policy_row(t, item);
		else
			trust_row(t, item);
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

int ctl_item_fetch(
    struct ctl *c, const char *section, const char *name, json_t **item, char generation[24])
{
	char path[MAX_PATH_TEXT], *all;
	struct ctl reading = *c;
	json_t *status;
	int result = ctl_ask(c, "GET", "/v1/status", NULL, &status);

	reading.dry_run = false;
	if (result != CTL_OK)
		return result;
	snprintf(generation, 24, "%lld",
	    (long long)json_integer_value(json_object_get(status, "generation")));
	json_decref(status);
	/* In a transaction: with what was staged before. */
	item_path(path, section, name);
	all = ctl_change_path(&reading, "%s", path);
	result = ctl_ask(c, "GET", all, NULL, item);
	free(all);
	if (result == CTL_OK && strcmp(section, "listeners") == 0) {
		/* These stay as they are: listener default, associate and dissociate. */
		json_object_del(*item, "default_certificate");
		json_object_del(*item, "certificates");
	}
	return result;
}

int ctl_item_put(struct ctl *c, const char *section, const char *name, json_t *item,
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

bool ctl_assign(json_t *item, char *text)
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
	return item ? ctl_item_put(c, section, name, item, "", NULL) : CTL_REFUSED;
}

static int set(struct ctl *c, const char *section, int n, char **operands)
{
	char generation[24];
	json_t *item;
	int status;

	if (n == 3 && strcmp(operands[1], "--file") == 0)
		return set_from_file(c, section, operands[0], operands[2]);
	status = ctl_item_fetch(c, section, operands[0], &item, generation);
	if (status != CTL_OK)
		return status;
	for (int i = 1; i < n; i++)
		if (!ctl_assign(item, operands[i])) {
			fprintf(stderr, "sallyctl: '%s' is not KEY=VALUE\n", operands[i]);
			json_decref(item);
			return CTL_USAGE;
		}
	return ctl_item_put(c, section, operands[0], item, generation, "replace");
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
		if (strcmp(ctl_text(one, "address"), address) == 0)
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
		strcmp(operands[0], "undrain") != 0 && strcmp(operands[0], "remove") != 0) ||
	    (takes_weight && n != 4) || (!may_take && n != 3))
		return CTL_USAGE;
	if (n == 4 && (strtol(operands[3], &end, 10) < 0 || *end || end == operands[3])) {
		fprintf(stderr, "sallyctl: '%s' is not a weight\n", operands[3]);
		return CTL_USAGE;
	}
	status = ctl_item_fetch(c, "backends", operands[1], &item, generation);
	if (status != CTL_OK)
		return status;
	status = change_target(item, n, operands);
	if (status == CTL_OK)
		return ctl_item_put(c, "backends", operands[1], item, generation, "replace");
	json_decref(item);
	return status;
}

/* --- what a trust store consists of --- */

/* Sends the text of a file as a field of a JSON object. */
static int
send_file(struct ctl *c, const char *method, const char *part, const char *field, char **operands)
{
	char path[MAX_PATH_TEXT], *text = ctl_read_file(operands[1]), *all;
	json_t *body = text ? json_pack("{s:s}", field, text) : NULL, *answer;
	int status;

	if (text && !body)
		fprintf(stderr, "sallyctl: %s is no text: PEM is expected\n", operands[1]);
	free(text);
	if (!body)
		return CTL_REFUSED;
	item_path(path, "trust-stores", operands[0]);
	all = ctl_change_path(c, "%s/%s", path, part);
	status = ctl_ask(c, method, all, body, &answer);
	free(all);
	json_decref(body);
	if (status == CTL_OK && !c->json && json_object_get(answer, "revocation"))
		printf("revocation    %s\n", ctl_text(answer, "revocation"));
	return ctl_done(c, status, answer);
}

int ctl_trust_bundle(struct ctl *c, int n, char **operands)
{
	(void)n;
	return send_file(c, "PUT", "ca-bundle", "ca_bundle", operands);
}

int ctl_trust_revoke(struct ctl *c, int n, char **operands)
{
	(void)n;
	return send_file(c, "POST", "revocations", "crl", operands);
}

int ctl_trust_unrevoke(struct ctl *c, int n, char **operands)
{
	char path[MAX_PATH_TEXT], *id = ctl_escape(operands[1]), *all;
	json_t *answer;
	int status;

	(void)n;
	item_path(path, "trust-stores", operands[0]);
	all = ctl_change_path(c, "%s/revocations/%s", path, id);
	status = ctl_ask(c, "DELETE", all, NULL, &answer);
	free(all);
	free(id);
	return ctl_done(c, status, answer);
}

int ctl_trust_revocations(struct ctl *c, int n, char **operands)
{
	static const char *const heads[] = { "ID", "FILE" };
	char path[MAX_PATH_TEXT];
	struct ctl_table *t;
	const json_t *one;
	json_t *o;
	size_t i;
	int status;

	(void)n;
	item_path(path, "trust-stores", operands[0]);
	strcat(path, "/revocations");
	status = ctl_ask(c, "GET", path, NULL, &o);
	if (status != CTL_OK || ctl_is_json(c, o))
		return status;
	t = ctl_table_new(2, heads);
	json_array_foreach(json_object_get(o, "revocations"), i, one)
	{
		ctl_cell(t, "%s", ctl_text(one, "id"));
		ctl_cell(t, "%s", ctl_text(one, "file"));
	}
	ctl_table_print(t);
	json_decref(o);
	return CTL_OK;
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
