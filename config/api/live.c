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

static void keep(struct api_context *c, char *text, size_t len)
{
	struct ops_status s;

	c->ops->status(c->ops->arg, &s);
	pthread_mutex_lock(&c->lock);
	free(c->kept);
	c->kept = text;
	c->kept_len = len;
	c->kept_generation = s.generation;
	c->kept_draining = s.draining;
	pthread_mutex_unlock(&c->lock);
}

void api_keep(struct api_context *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out)
		c->ops->metrics(c->ops->arg, out, true);
	if (out && fclose(out) == 0)
		keep(c, text, len);
	else
		free(text);
}

/* control's part as it is kept, and the counters as they are. */
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
	api_keep(c);
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

/* 200 while connections are taken, 503 from a drain on: what a load balancer in front asks. */
static void health(struct api_request *r, bool draining, uint64_t generation)
{
	api_answer(r, draining ? 503 : 200,
	    json_pack("{s:s, s:I}", "status", draining ? "draining" : "ok", "generation",
		(json_int_t)generation));
}

void api_read_health(struct api_context *c, struct api_request *r)
{
	struct ops_status s;

	c->ops->status(c->ops->arg, &s);
	health(r, s.draining, s.generation);
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
	uint64_t generation;
	bool draining;

	if (r->parts[0][0] == 'm') {
		metrics_text(c, r);
		return;
	}
	pthread_mutex_lock(&c->lock);
	generation = c->kept_generation;
	draining = c->kept_draining;
	pthread_mutex_unlock(&c->lock);
	health(r, draining, generation);
}
