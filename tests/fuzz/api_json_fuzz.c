/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests of the control API: the first line is "METHOD PATH NAME=VALUE NAME=VALUE...", then come an If-Match line and
 * an Idempotency-Key line (both may be empty), then the body. Behind it stands a control plane that says yes to
 * everything.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/private.h"
#include "config/err.h"
#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t fingerprint[32];
static char a_name[] = "www.test";
static char *names[] = { a_name };

static void status(void *arg, struct ops_status *s)
{
	(void)arg;
	*s = (struct ops_status){ .generation = 7, .config = "sallyport.cfg" };
}

static bool cert_find(void *arg, const char *name, struct ops_cert *c)
{
	(void)arg;
	*c = (struct ops_cert){ .name = name,
		.content = "",
		.key_type = "RSA",
		.names = names,
		.n_names = 1,
		.fingerprint = fingerprint,
		.serial = "01" };
	return strcmp(name, "none") != 0;
}

static bool cert_next(void *arg, const char *after, struct ops_cert *c)
{
	return !after && cert_find(arg, "www", c);
}

static bool listener_at(void *arg, unsigned i, struct ops_listener *l)
{
	(void)arg;
	*l = (struct ops_listener){ .name = "https", .policy = "p", .backend = "b" };
	return i == 0;
}

static const char *listener_cert_next(void *arg, unsigned i, const char *after)
{
	(void)arg;
	(void)i;
	return after ? NULL : "www";
}

static bool listener_serves(void *arg, unsigned i, const char *certificate)
{
	(void)arg;
	(void)i;
	(void)certificate;
	return true;
}

static bool item_at(void *arg, unsigned i, struct ops_item *item)
{
	static const struct ops_item all[] = {
		{ "listeners", "https", "{\"name\":\"https\",\"backend\":\"app\"}", true },
		{ "backends", "app", "{\"name\":\"app\",\"targets\":[]}", false },
		{ "runtime", NULL, "{\"workers\":[1]}", true },
		{ "policies", "p", "{\"name\":\"p\"}", false },
		{ "trust_stores", "partners", "{\"name\":\"partners\"}", true },
	};

	(void)arg;
	*item = all[i % 5];
	return i < 5;
}

static bool generation_at(void *arg, unsigned i, struct ops_generation *g)
{
	(void)arg;
	*g = (struct ops_generation){ .generation = 7, .action = "a", .who = "w", .summary = "s" };
	return i == 0;
}

static void check_change(const struct change *c)
{
	assert(!c->certificate || change_name_is_valid(c->certificate));
	assert(!c->listener || change_name_is_valid(c->listener));
	assert((c->kind == CHANGE_CERT_PUT) == (c->chain != NULL));
	assert((c->kind == CHANGE_CERT_PUT) == (c->key != NULL));
	if (c->chain)
		assert(strlen(c->chain) == c->chain_len && strlen(c->key) == c->key_len);
	assert((c->settings != NULL) == (c->kind == CHANGE_ITEM_PUT));
	assert(!c->passphrase || (c->chain && *c->passphrase));
	if (c->section) {
		assert(config_section_item(c->section) && change_name_is_valid(c->item));
		assert(!c->settings || c->settings[0] == '{');
		assert(c->n_names <= CHANGE_MAX_DEFAULTS);
	}
	for (unsigned i = 0; i < c->n_served; i++)
		assert(change_name_is_valid(c->served[i]));
	for (unsigned i = 0; i < c->n_names; i++)
		assert(strlen(c->names[i]) > 0 && strlen(c->names[i]) <= 253);
}

static enum ops_verdict change(void *arg, struct change_list *l, const struct ops_request *request,
    struct ops_result *result, struct err *e)
{
	(void)arg;
	for (unsigned i = 0; i < l->n; i++)
		check_change(&l->at[i]);
	if (request->warnings)
		err_set(request->warnings, "weak");
	*result = (struct ops_result){ .generation = 8, .n_changes = l->n };
	return request->if_match > 9 ? err_set(e, "stale"), OPS_STALE : OPS_OK;
}

static enum ops_verdict
reload(void *arg, const struct ops_request *request, struct ops_result *result, struct err *e)
{
	struct change_list none = { .n = 0 };

	return change(arg, &none, request, result, e);
}

static enum ops_verdict rollback(void *arg, uint64_t generation, const struct ops_request *request,
    struct ops_result *result, struct err *e)
{
	assert(generation > 0);
	return reload(arg, request, result, e);
}

static enum ops_verdict diff(void *arg, struct change_list *l, struct err *notes, struct err *e)
{
	(void)arg;
	(void)l;
	(void)e;
	err_set(notes, "backends: 1 added");
	return OPS_OK;
}

static enum ops_verdict
explain(void *arg, const struct ops_explain *q, struct ops_explained *a, struct err *e)
{
	(void)arg;
	(void)e;
	assert(q->n_sigalgs <= 32 && q->n_versions <= 4 && q->listener);
	*a = (struct ops_explained){ .reason = "r" };
	return OPS_OK;
}

static void drain(void *arg, double timeout_s, const char *who)
{
	(void)arg;
	(void)who;
	assert(timeout_s >= 0);
}

static enum ops_verdict rotate_tickets(void *arg, const char *who, unsigned *n, struct err *e)
{
	(void)arg;
	(void)who;
	*n = 0;
	return err_set(e, "none"), OPS_FAILED;
}

static enum ops_verdict
put_tickets(void *arg, const char *text, size_t len, const char *who, unsigned *n, struct err *e)
{
	(void)arg;
	(void)who;
	assert(len > 0 && strlen(text) == len);
	*n = 1;
	return len > 80 ? OPS_OK : (err_set(e, "short"), OPS_REFUSED);
}

static unsigned connections(void *arg, unsigned limit,
    void (*visit)(void *arg, const struct ops_connection *connection), void *visit_arg)
{
	const struct ops_connection one = { .client = "c", .local = "l", .state = "open" };

	(void)arg;
	assert(limit >= 1 && limit <= API_PAGE);
	visit(visit_arg, &one);
	return 1;
}

static void counters(void *arg, FILE *out)
{
	(void)arg;
	fputs("# HELP x y\nx{a=\"b\"} 1\nz 0.5\n\nbroken\n", out);
}

static void metrics(void *arg, FILE *out, bool with_certificates)
{
	counters(arg, out);
	if (with_certificates)
		fputs("c 1\n", out);
}

static bool trust_find(void *arg, const char *name, struct ops_trust *t)
{
	(void)arg;
	*t = (struct ops_trust){ .n_cas = 1, .next_update = INT64_MAX, .warnings = "a\nb" };
	return strcmp(name, "partners") == 0;
}

static bool policy_at(void *arg, unsigned i, struct ops_policy *p)
{
	(void)arg;
	*p = (struct ops_policy){ .name = "p", .suites = { "s" }, .n_suites = 1 };
	return i == 0;
}

static bool policy_find(void *arg, const char *name, struct ops_policy *p)
{
	return policy_at(arg, strcmp(name, "p") != 0, p);
}

static bool log_recent(void *arg, uint64_t *oldest, uint64_t *next)
{
	(void)arg;
	*oldest = 5;
	*next = 8;
	return true;
}

static const char *log_line(void *arg, uint64_t number)
{
	(void)arg;
	assert(number >= 5 && number < 8);
	return number == 6 ? NULL : "a line";
}

static unsigned
workers(void *arg, void (*visit)(void *arg, const struct ops_worker *worker), void *visit_arg)
{
	const struct ops_worker one = { .steering = "alone" };

	(void)arg;
	visit(visit_arg, &one);
	return 1;
}

static enum ops_health health(void *arg)
{
	(void)arg;
	return OPS_HEALTH_UNAVAILABLE;
}

static bool backend_at(void *arg, unsigned i, struct ops_backend *to)
{
	(void)arg;
	*to = (struct ops_backend){
		.name = i ? "new" : "app", .health = OPS_HEALTH_DEGRADED, .n_targets = 2
	};
	return i < 2;
}

static void target_at(void *arg, unsigned backend, unsigned i, struct ops_target *to)
{
	(void)arg;
	*to = (struct ops_target){ i ? "10.80.0.8:80" : "[fd80::8]:80",
		backend ? OPS_TARGET_NEW : OPS_TARGET_DISABLED };
}

static const struct ops ops = {
	.status = status,
	.cert_next = cert_next,
	.cert_find = cert_find,
	.listener_at = listener_at,
	.listener_cert_next = listener_cert_next,
	.listener_serves = listener_serves,
	.item_at = item_at,
	.generation_at = generation_at,
	.change = change,
	.reload = reload,
	.rollback = rollback,
	.diff = diff,
	.explain = explain,
	.drain = drain,
	.rotate_tickets = rotate_tickets,
	.put_tickets = put_tickets,
	.connections = connections,
	.workers = workers,
	.health = health,
	.backend_at = backend_at,
	.target_at = target_at,
	.trust_find = trust_find,
	.policy_at = policy_at,
	.policy_find = policy_find,
	.log_recent = log_recent,
	.log_line = log_line,
	.metrics = metrics,
	.counters = counters,
};

/* Takes the next word of *at up to any of ends, and the end with it. */
static char *word(char **at, const char *ends)
{
	char *text = strsep(at, ends);

	return text ? text : (char *)(uintptr_t) "";
}

static void fill(struct api_request *r, char *first)
{
	char *arg;

	r->method = strdup(word(&first, " "));
	r->path = strdup(word(&first, " "));
	assert(r->method && r->path);
	while ((arg = strsep(&first, " ")) != NULL && r->n_args < API_MAX_ARGS) {
		r->args[r->n_args].name = strdup(word(&arg, "="));
		r->args[r->n_args].value = strdup(arg ? arg : "");
		r->n_args++;
	}
	api_cut_path(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_context context = { .ops = &ops };
	struct api_request *r = calloc(1, sizeof(*r));
	char *copy = malloc(size + 1), *at = copy, *line;
	size_t used;
	json_t *answer;

	assert(copy && r);
	memcpy(copy, data, size);
	copy[size] = '\0';
	strcpy(r->who, "fuzz");
	line = word(&at, "\n");
	fill(r, line);
	line = word(&at, "\n");
	r->if_match = *line ? strdup(line) : NULL;
	line = word(&at, "\n");
	r->key = *line ? strdup(line) : NULL;
	used = at ? (size_t)(at - copy) : size;
	if (used < size)
		assert(api_add_body(r, (const char *)data + used, size - used));
	/* A transaction whose id can be guessed. */
	context.tx[0].id = 0xabc;
	if (api_read_body(r))
		api_route(&context, r);
	assert(r->status >= 200 && r->status < 600 && r->text && r->type);
	assert(strlen(r->text) == r->text_len);
	if (strcmp(r->type, "application/json") == 0) {
		answer = json_loadb(r->text, r->text_len, JSON_DECODE_ANY, NULL);
		assert(answer);
		assert(r->status < 400 || json_object_get(answer, "error") || r->status == 503);
		json_decref(answer);
	}
	api_tx_expire(&context, 0, true);
	free(context.kept);
	free(context.kept_health);
	api_request_free(r);
	free(copy);
	return 0;
}
