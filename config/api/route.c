/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/private.h"
#include "config/err.h"
#include "config/nearest.h"

#define MAX_TICKET_KEYS 65536 /* bytes; 16 keys of 108 characters, and comments */

/* --- answers --- */

void api_answer(struct api_request *r, unsigned status, json_t *o)
{
	free(r->text);
	r->status = status;
	r->type = "application/json";
	r->text = o ? json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(o);
	if (!r->text) {
		r->status = 500;
		r->text = strdup("{\"error\":\"out of memory\"}");
	}
	r->text_len = r->text ? strlen(r->text) : 0;
}

void api_error(struct api_request *r, unsigned status, const char *format, ...)
{
	json_t *o = json_object(), *lines = json_array();
	char *text, *rest, *line;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	rest = n < 0 ? NULL : text;
	while ((line = strsep(&rest, "\n")) != NULL) {
		/* What a client sent may be in it, and need not be UTF-8. */
		json_t *message = *line ? json_string(line) : NULL;

		if (*line)
			json_array_append_new(
			    lines, message ? message : json_string("the request is wrong"));
	}
	json_object_set_new(o, "error", json_incref(json_array_get(lines, 0)));
	if (json_array_size(lines) > 1)
		json_object_set(o, "errors", lines);
	json_decref(lines);
	if (n >= 0)
		free(text);
	api_answer(r, status, o);
}

unsigned api_status_of(enum ops_verdict verdict)
{
	switch (verdict) {
	case OPS_OK:
		return 200;
	case OPS_BAD:
		return 400;
	case OPS_NOT_FOUND:
		return 404;
	case OPS_CONFLICT:
		return 409;
	case OPS_STALE:
		return 412;
	case OPS_REFUSED:
		return 422;
	case OPS_FAILED:
		return 500;
	}
	return 500;
}

/* --- requests --- */

const char *api_arg(const struct api_request *r, const char *name)
{
	for (unsigned i = 0; i < r->n_args; i++)
		if (strcmp(r->args[i].name, name) == 0)
			return r->args[i].value;
	return NULL;
}

bool api_flag(const struct api_request *r, const char *name)
{
	const char *value = api_arg(r, name);

	return value && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

static const char *list_at(const void *from, unsigned i)
{
	return ((const char *const *)from)[i];
}

static bool is_in(const char *const *list, const char *name)
{
	while (list && *list && strcmp(*list, name) != 0)
		list++;
	return list && *list;
}

static void
unknown(struct api_request *r, const char *what, const char *name, const char *const *list)
{
	const char *guess = list ? nearest(name, list_at, list) : NULL;
	char all[300] = "";

	if (guess) {
		api_error(r, 400, "unknown %s '%.100s'; did you mean '%s'?", what, name, guess);
		return;
	}
	for (; list && *list; list++) {
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%s%s", len ? ", " : "; there are: ", *list);
	}
	api_error(r, 400, "unknown %s '%.100s'%s", what, name, all);
}

bool api_check_args(struct api_request *r, const char *const *args)
{
	for (unsigned i = 0; i < r->n_args; i++) {
		if (is_in(args, r->args[i].name))
			continue;
		unknown(r, "argument", r->args[i].name, args);
		return false;
	}
	return true;
}

bool api_check_form(struct api_request *r, const char *const *args, const char *const *fields)
{
	const char *name;
	json_t *value;

	if (!api_check_args(r, args))
		return false;
	if (!fields && r->json) {
		api_error(r, 400, "%s %s takes no body", r->method, r->parts[1]);
		return false;
	}
	if (fields && !json_is_object(r->json)) {
		api_error(r, 400,
		    r->json ? "the body must be a JSON object"
			    : "the request needs a body: a JSON object");
		return false;
	}
	json_object_foreach(r->json, name, value)
	{
		if (is_in(fields, name))
			continue;
		unknown(r, "field", name, fields);
		return false;
	}
	return true;
}

const char *api_field_text(struct api_request *r, const char *field, size_t max)
{
	const json_t *value = json_object_get(r->json, field);
	const char *text = json_string_value(value);

	if (!value)
		api_error(r, 400, "field '%s' is missing", field);
	else if (!text)
		api_error(r, 400, "field '%s' must be a string", field);
	else if (strlen(text) != json_string_length(value))
		api_error(r, 400, "field '%s' contains a NUL character", field);
	else if (strlen(text) < 1 || strlen(text) > max)
		api_error(r, 400, "field '%s' must have 1 to %zu bytes", field, max);
	else
		return text;
	return NULL;
}

int64_t api_duration(const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 } };
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || text[0] == '-' || n < 0 || n > 100000000)
		return -1;
	if (!*end)
		return n;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end[0] == units[i].unit && !end[1])
			return n * units[i].seconds;
	return -1;
}

/* --- ticket keys --- */

static void rotate_tickets(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { NULL };
	static struct err e;
	unsigned n_keys;

	if (!api_check_form(r, args, NULL))
		return;
	err_init(&e);
	if (c->ops->rotate_tickets(c->ops->arg, r->who, &n_keys, &e) != OPS_OK)
		api_error(r, 500, "%s", e.text);
	else
		api_answer(r, 200, json_pack("{s:i}", "keys", (int)n_keys));
}

/* The keys in the order of the file: the first one seals. */
static void put_tickets(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { NULL };
	static const char *const fields[] = { "keys", NULL };
	static struct err e;
	enum ops_verdict verdict;
	unsigned n_keys;
	const char *text;

	if (!api_check_form(r, args, fields))
		return;
	text = api_field_text(r, "keys", MAX_TICKET_KEYS);
	if (!text)
		return;
	err_init(&e);
	verdict = c->ops->put_tickets(c->ops->arg, text, strlen(text), r->who, &n_keys, &e);
	if (verdict != OPS_OK)
		api_error(r, api_status_of(verdict), "%s", e.text);
	else
		api_answer(r, 200, json_pack("{s:i}", "keys", (int)n_keys));
}

/* --- routes --- */

/* clang-format off */
#define ITEMS(section)                                              \
	{ "GET", { "v1", section }, api_read_items },               \
	{ "GET", { "v1", section, "*" }, api_read_item },           \
	{ "PUT", { "v1", section, "*" }, api_put_item },            \
	{ "DELETE", { "v1", section, "*" }, api_delete_item }
/* clang-format on */

static const struct route {
	const char *method;
	const char *path[API_MAX_PARTS]; /* "*": a name */
	void (*serve)(struct api_context *c, struct api_request *r);
} routes[] = {
	{ "GET", { "v1", "status" }, api_read_status },
	{ "GET", { "v1", "certificates" }, api_read_certs },
	{ "GET", { "v1", "certificates", "*" }, api_read_cert },
	{ "PUT", { "v1", "certificates", "*" }, api_put_cert },
	{ "DELETE", { "v1", "certificates", "*" }, api_delete_cert },
	ITEMS("listeners"),
	ITEMS("backends"),
	ITEMS("policies"),
	ITEMS("trust-stores"),
	{ "PUT", { "v1", "trust-stores", "*", "ca-bundle" }, api_put_bundle },
	{ "GET", { "v1", "trust-stores", "*", "revocations" }, api_read_revocations },
	{ "POST", { "v1", "trust-stores", "*", "revocations" }, api_post_revocations },
	{ "DELETE", { "v1", "trust-stores", "*", "revocations", "*" }, api_delete_revocation },
	{ "GET", { "v1", "config" }, api_read_config },
	{ "GET", { "v1", "listeners", "*", "certificates" }, api_read_listener_certs },
	{ "POST", { "v1", "listeners", "*", "certificates" }, api_associate },
	{ "DELETE", { "v1", "listeners", "*", "certificates", "*" }, api_dissociate },
	{ "PUT", { "v1", "listeners", "*", "default-certificate" }, api_default },
	{ "GET", { "v1", "generations" }, api_read_generations },
	{ "GET", { "v1", "diff" }, api_read_diff },
	{ "GET", { "v1", "explain" }, api_read_explain },
	{ "GET", { "v1", "connections" }, api_read_connections },
	{ "GET", { "v1", "log" }, api_read_log },
	{ "GET", { "v1", "workers" }, api_read_workers },
	{ "GET", { "v1", "stats" }, api_read_stats },
	{ "POST", { "v1", "reload" }, api_reload },
	{ "POST", { "v1", "rollback", "*" }, api_rollback },
	{ "POST", { "v1", "drain" }, api_drain },
	{ "PUT", { "v1", "ticket-keys" }, put_tickets },
	{ "POST", { "v1", "ticket-keys", "rotate" }, rotate_tickets },
	{ "POST", { "v1", "transactions" }, api_tx_open },
	{ "GET", { "v1", "transactions", "*" }, api_tx_show },
	{ "POST", { "v1", "transactions", "*", "commit" }, api_tx_commit },
	{ "DELETE", { "v1", "transactions", "*" }, api_tx_abort },
	{ "GET", { "metrics" }, api_read_metrics },
	{ "GET", { "healthz" }, api_read_health },
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static bool path_fits(const struct route *route, const struct api_request *r)
{
	for (unsigned i = 0; i < r->n_parts; i++)
		if (i >= API_MAX_PARTS || !route->path[i] ||
		    (strcmp(route->path[i], "*") != 0 && strcmp(route->path[i], r->parts[i]) != 0))
			return false;
	return r->n_parts > 0 && (r->n_parts == API_MAX_PARTS || !route->path[r->n_parts]);
}

static bool names_are_valid(const struct route *route, const struct api_request *r)
{
	for (unsigned i = 0; i < r->n_parts; i++)
		if (strcmp(route->path[i], "*") == 0 && !change_name_is_valid(r->parts[i]))
			return false;
	return true;
}

void api_route(struct api_context *c, struct api_request *r)
{
	bool is_known = false;

	/* A HEAD is a GET whose body the server leaves out. */
	for (unsigned i = 0; i < N_ROUTES; i++) {
		const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;

		if (!path_fits(&routes[i], r))
			continue;
		if (r->is_tcp &&
		    routes[i].path[1]) /* only /metrics and /healthz are for the network */
			continue;
		is_known = true;
		if (strcmp(routes[i].method, method) != 0)
			continue;
		if (!names_are_valid(&routes[i], r)) {
			api_error(r, 400, "names have 1 to %u letters, digits, '.', '_' or '-'",
			    CONFIG_MAX_NAME);
			return;
		}
		routes[i].serve(c, r);
		return;
	}
	if (is_known)
		api_error(r, 405, "%s is not possible there", r->method);
	else
		api_error(r, 404, "there is nothing at this address");
}
