/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/private.h"

/* What changes by itself: connections, counters, health. */

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static void add_connection(void *arg, const struct ops_connection *n)
{
	json_t *o = json_object();

	json_object_set_new(o, "worker", json_integer(n->worker));
	json_object_set_new(o, "client", json_string(n->client));
	json_object_set_new(o, "local", json_string(n->local));
	json_object_set_new(o, "backend", text_or_null(n->backend));
	json_object_set_new(o, "listener", text_or_null(n->listener));
	json_object_set_new(o, "state", json_string(n->state));
	json_object_set_new(o, "version", text_or_null(n->version));
	json_object_set_new(o, "suite", text_or_null(n->suite));
	json_object_set_new(o, "backend_version", text_or_null(n->backend_version));
	json_array_append_new(arg, o);
}

void api_read_connections(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "limit", NULL };
	const char *text = api_arg(r, "limit");
	unsigned long limit = text ? strtoul(text, NULL, 10) : 100;
	unsigned total;
	json_t *all;

	if (!api_check_form(r, args, NULL))
		return;
	if (limit < 1 || limit > API_PAGE) {
		api_error(r, 400, "limit must be 1 to %u", API_PAGE);
		return;
	}
	all = json_array();
	total = c->ops->connections(c->ops->arg, (unsigned)limit, add_connection, all);
	api_answer(r, 200, json_pack("{s:i, s:o}", "total", (int)total, "connections", all));
}

/* --- health --- */

static json_t *backend_json(struct api_context *c, unsigned i, const struct ops_backend *b)
{
	static const char *const health[] = { "healthy", "degraded", "unhealthy", "draining" };
	static const char *const states[] = { "healthy", "unchecked", "new", "unhealthy",
		"draining", "disabled" };
	json_t *targets = json_object();

	for (unsigned k = 0; k < b->n_targets; k++) {
		struct ops_target t;

		c->ops->target_at(c->ops->arg, i, k, &t);
		json_object_set_new(targets, t.address, json_string(states[t.state]));
	}
	return json_pack("{s:s, s:b, s:o}", "status", health[b->health], "panic", b->is_panicking,
	    "targets", targets);
}

/* What a load balancer in front asks: 200 while it may send connections here, else 503. */
static json_t *health_json(struct api_context *c, unsigned *status)
{
	static const char *const words[] = { "ok", "degraded", "unavailable", "draining" };
	enum ops_health health = c->ops->health(c->ops->arg);
	json_t *backends = json_object();
	struct ops_status s;
	struct ops_backend b;

	c->ops->status(c->ops->arg, &s);
	for (unsigned i = 0; c->ops->backend_at(c->ops->arg, i, &b); i++)
		json_object_set_new(backends, b.name, backend_json(c, i, &b));
	*status = health <= OPS_HEALTH_DEGRADED ? 200 : 503;
	return json_pack("{s:s, s:I, s:o}", "status", words[health], "generation",
	    (json_int_t)s.generation, "backends", backends);
}

/* For when control has no time. */
static void keep_health(struct api_context *c, const json_t *o, unsigned status)
{
	char *text = json_dumps(o, JSON_COMPACT);

	if (!text)
		return;
	pthread_mutex_lock(&c->lock);
	free(c->kept_health);
	c->kept_health = text;
	c->kept_health_status = status;
	pthread_mutex_unlock(&c->lock);
}

void api_read_health(struct api_context *c, struct api_request *r)
{
	unsigned status;
	json_t *o = health_json(c, &status);

	keep_health(c, o, status);
	api_answer(r, status, o);
}

/* --- what is kept --- */

static void keep_metrics(struct api_context *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return;
	c->ops->metrics(c->ops->arg, out, true);
	if (fclose(out) != 0) {
		free(text);
		return;
	}
	pthread_mutex_lock(&c->lock);
	free(c->kept);
	c->kept = text;
	c->kept_len = len;
	pthread_mutex_unlock(&c->lock);
}

void api_keep_health(struct api_context *c)
{
	unsigned status;
	json_t *o = health_json(c, &status);

	keep_health(c, o, status);
	json_decref(o);
}

void api_keep(struct api_context *c)
{
	api_keep_health(c);
	keep_metrics(c);
}

static void add_worker(void *arg, const struct ops_worker *w)
{
	json_t *queues = json_array();

	for (unsigned i = 0; i < w->n_queues; i++)
		json_array_append_new(queues, json_string(w->queues[i]));
	json_array_append_new(arg,
	    json_pack("{s:i, s:i, s:i, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:i, s:i}", "worker",
		(int)w->index, "core", (int)w->core, "node", (int)w->node, "queues", queues,
		"steering", w->steering, "cycles", (json_int_t)w->cycles, "busy_cycles",
		(json_int_t)w->busy_cycles, "connections", (json_int_t)w->connections,
		"handed_over", (json_int_t)w->handed_over, "taken_over", (json_int_t)w->taken_over,
		"ports_taken", (int)w->ports_taken, "ports_free_least", (int)w->ports_free_least));
}

void api_read_workers(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	json_t *all;

	if (!api_check_form(r, none, NULL))
		return;
	all = json_array();
	c->ops->workers(c->ops->arg, add_worker, all);
	api_answer(r, 200, json_pack("{s:o}", "workers", all));
}

/* control's part as it is kept, and the counters as they are. */
static void metrics_text(struct api_context *c, struct api_request *r)
{
	FILE *out = open_memstream(&r->text, &r->text_len);

	r->status = 200;
	r->type = "text/plain; version=0.0.4; charset=utf-8";
	if (out) {
		pthread_mutex_lock(&c->lock);
		fwrite(c->kept, 1, c->kept_len, out);
		pthread_mutex_unlock(&c->lock);
		c->ops->counters(c->ops->arg, out);
	}
	if (!out || fclose(out) != 0)
		api_error(r, 500, "out of memory");
}

void api_read_metrics(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };

	if (!api_check_form(r, none, NULL))
		return;
	keep_metrics(c);
	metrics_text(c, r);
}

/* One line of the metrics as a member of o; comments are left out. */
static void add_sample(json_t *o, char *line)
{
	char *value = strrchr(line, ' ');

	if (line[0] == '#' || !value)
		return;
	*value++ = '\0';
	if (strncmp(line, "sallyport_", 10) == 0)
		line += 10;
	if (strpbrk(value, ".eEn"))
		json_object_set_new(o, line, json_real(strtod(value, NULL)));
	else
		json_object_set_new(o, line, json_integer(strtoll(value, NULL, 10)));
}

void api_read_stats(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	char *text = NULL, *rest, *line;
	size_t len;
	json_t *o;
	FILE *out;

	if (!api_check_form(r, none, NULL))
		return;
	out = open_memstream(&text, &len);
	if (out) {
		c->ops->metrics(c->ops->arg, out, false);
		c->ops->counters(c->ops->arg, out);
	}
	if (!out || fclose(out) != 0) {
		free(text);
		api_error(r, 500, "out of memory");
		return;
	}
	o = json_object();
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;)
		add_sample(o, line);
	free(text);
	api_answer(r, 200, o);
}

/* --- without control --- */

bool api_is_quick(const struct api_request *r)
{
	return r->n_parts == 1 && r->n_args == 0 && !r->json &&
	    (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0) &&
	    (strcmp(r->parts[0], "metrics") == 0 || strcmp(r->parts[0], "healthz") == 0);
}

void api_answer_kept(struct api_context *c, struct api_request *r)
{
	unsigned status;
	json_t *o;

	if (r->parts[0][0] == 'm') {
		metrics_text(c, r);
		return;
	}
	pthread_mutex_lock(&c->lock);
	o = c->kept_health ? json_loads(c->kept_health, 0, NULL) : NULL;
	status = c->kept_health_status;
	pthread_mutex_unlock(&c->lock);
	if (o)
		api_answer(r, status, o);
	else
		api_error(r, 503, "out of memory");
}
