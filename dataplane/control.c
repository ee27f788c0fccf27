/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/control.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/err.h"
#include "config/model.h"
#include "dataplane/base/log.h"
#include "dataplane/control_private.h"
#include "dataplane/proxy/snapshot.h"

/* --- a start --- */

struct start {
	struct control *c;
	struct control_file file; /* as on disk; its config is taken by origin */
	struct state *origin;
	struct err *e;
};

static int start_fresh(struct start *s)
{
	struct control *c = s->c;
	struct journal_record r = { .generation = 1, .time = time(NULL), .full = true };
	int result = 0;

	c->state = state_get(s->origin);
	c->state->generation = 1;
	if (!c->journal)
		return 0;
	memcpy(r.file, s->file.digest, sizeof(r.file));
	memcpy(r.disk, s->file.digest, sizeof(r.disk));
	r.action = strdup("start");
	r.who = strdup("sallyport");
	r.key = strdup("");
	r.changes = strdup("[]");
	if (!r.action || !r.who || !r.key || !r.changes)
		result = err_set(s->e, "out of memory");
	if (result == 0 &&
	    (control_file_keep(c, &s->file, s->e) < 0 ||
		journal_append(c->journal, &r, NULL, 0, s->e) < 0))
		result = -1;
	journal_record_clear(&r);
	return result;
}

static bool is_item(const struct change *c)
{
	return c->kind == CHANGE_ITEM_PUT || c->kind == CHANGE_ITEM_DELETE ||
	    c->kind == CHANGE_ITEM_FILE;
}

/*
 * Applies c to *s. An item that does not fit, by itself or with what else there is, leaves *s as it was. False with the
 * reason in e.
 */
static bool
try_change(struct state **s, struct change *c, const struct state_store *store, struct err *e)
{
	struct state *next;

	if (!is_item(c))
		return state_apply(*s, c, store, time(NULL), e) == STATE_OK;
	next = state_copy(*s);
	if (!next || state_apply(next, c, store, time(NULL), e) != STATE_OK ||
	    state_settle(next, e) < 0) {
		state_put(next);
		return false;
	}
	state_put(*s);
	*s = next;
	return true;
}

/* Applies what can be applied; tells of the rest, which can only be due to what lies on disk. */
static void replay(struct control *c, struct state **s, struct change_list *l)
{
	const struct state_store store = control_store(c);
	static struct err e;

	for (unsigned i = 0; i < l->n; i++) {
		const struct change_list one = { .at = &l->at[i], .n = 1 };
		char text[200];

		err_init(&e);
		if (try_change(s, &l->at[i], &store, &e))
			continue;
		log_error("a change of the journal cannot be made again: %s:",
		    change_summary(&one, text, sizeof(text)));
		log_lines(RTE_LOG_ERR, e.text);
	}
}

/* All of l at once: items may only fit together. False: something does not. */
static bool replay_whole(struct control *c, struct state *s, struct change_list *l)
{
	const struct state_store store = control_store(c);
	static struct err e;
	bool ok = true;

	err_init(&e);
	for (unsigned i = 0; ok && i < l->n; i++)
		ok = state_apply(s, &l->at[i], &store, time(NULL), &e) == STATE_OK;
	return ok && state_settle(s, &e) == 0;
}

/* from with the changes made; NULL: no memory. */
static struct state *replayed(struct control *c, const struct state *from, struct change_list *l)
{
	struct state *s = state_copy(from);

	if (s && replay_whole(c, s, l))
		return s;
	state_put(s);
	s = state_copy(from);
	if (s)
		replay(c, &s, l);
	return s;
}

/* The state a full record begins with: from the file on disk, or from the one it was made from. */
static struct state *record_origin(struct start *s, const struct journal_record *r)
{
	struct control *c = s->c;
	struct control_file old;
	struct state *state;
	static struct err e;
	size_t len;
	char *text;

	if (strcmp(r->file, s->file.digest) == 0)
		return state_get(s->origin);
	err_init(&e);
	text = journal_fetch(c->journal, JOURNAL_FILES, r->file, &len, &e);
	if (!text || control_file_read(&old, c->path, text, len, &e) < 0)
		return NULL;
	state = control_file_state(&old, s->origin, &e);
	control_file_clear(&old);
	return state;
}

/* One generation of the journal more; c->state may be NULL before. */
static int replay_record(struct start *s, const struct journal_record *r)
{
	struct control *c = s->c;
	struct change_list l = { .n = 0 };
	struct state *from = NULL, *next = NULL;
	char summary[256];
	int result = -1;

	if (change_parse(&l, r->changes, strlen(r->changes), s->e) < 0)
		return err_set(
		    s->e, "generation %llu of the journal", (unsigned long long)r->generation);
	from = r->full ? record_origin(s, r) : state_get(c->state);
	next = from ? replayed(c, from, &l) : NULL;
	if (!next) {
		err_set(s->e,
		    "generation %llu of the journal rests on a configuration file that cannot be used",
		    (unsigned long long)r->generation);
		goto out;
	}
	next->generation = r->generation;
	if (state_build(next, c->state ? c->state : from, s->e) < 0)
		goto out;
	if (r->key[0])
		control_remember_key(c, r->key, r->request, r->generation, l.n);
	result = control_remember(c, next, r->action, r->who,
	    change_summary(&l, summary, sizeof(summary)), r->time, true, s->e);
	if (result == 0) {
		state_put(c->state);
		c->state = state_get(next);
	}
out:
	state_put(next);
	state_put(from);
	change_clear(&l);
	return result;
}

/* The newest full record at or before i; the first record is one. */
static unsigned full_before(const struct journal_record *records, unsigned i)
{
	while (i > 0 && !records[i].full)
		i--;
	return i;
}

/* Makes the generations from the full record at from on again. */
static int
replay_from(struct start *s, const struct journal_record *records, unsigned from, unsigned n)
{
	for (unsigned i = from; i < n; i++)
		if (replay_record(s, &records[i]) < 0)
			return -1;
	return 0;
}

/*
 * The file is what it was: the last generation comes back, with those before it that can be gone back to.
 * When an older part of the history cannot be made again (its file is gone), what comes after it still is.
 */
static int start_again(struct start *s, const struct journal_record *records, unsigned n)
{
	unsigned last = full_before(records, n - 1);
	unsigned from = full_before(records, n > CONTROL_HISTORY ? n - CONTROL_HISTORY : 0);

	if (replay_from(s, records, from, n) < 0) {
		if (from == last)
			return -1;
		log_warning("the generations before %llu cannot be made again:",
		    (unsigned long long)records[last].generation);
		log_lines(RTE_LOG_WARNING, s->e->text);
		err_init(s->e);
		control_forget_all(s->c);
		state_put(s->c->state);
		s->c->state = NULL;
		if (replay_from(s, records, last, n) < 0)
			return -1;
	}
	log_notice("generation %llu is back, with %zu certificates",
	    (unsigned long long)s->c->state->generation, map_count(s->c->state->certs));
	return 0;
}

/* Does the file say something else, so that it wins? */
static bool file_says(const struct start *s, const struct change *c)
{
	int i = c->listener ? state_listener_find(s->origin, c->listener) : -1;

	switch (c->kind) {
	case CHANGE_CERT_PUT:
	case CHANGE_CERT_DELETE:
	case CHANGE_CERT_FILE:
		return map_find(s->origin->certs, c->certificate) != NULL;
	case CHANGE_DEFAULT:
		return i >= 0;
	case CHANGE_DISSOCIATE:
	case CHANGE_ASSOCIATE:
		return i >= 0 && map_find(s->origin->listeners[i].certs, c->certificate);
	case CHANGE_ITEM_PUT:
	case CHANGE_ITEM_DELETE:
	case CHANGE_ITEM_FILE:
		return state_item_settings(s->origin, c->section, c->item) != NULL;
	}
	return true;
}

/* The file has changed while we were away: it wins where it says something. */
static int start_merged(struct start *s, const struct journal_record *records, unsigned n)
{
	const struct ops_request request = { .who = "sallyport", .action = "start" };
	const struct state_store store = control_store(s->c);
	struct control_commit commit = { .full = true, .request = &request };
	struct change_list overlay = { .n = 0 };
	struct ops_result ignored;
	unsigned from = n - 1, given_up = 0;
	static struct err e;
	int result = -1;

	while (from > 0 && !records[from].full)
		from--;
	for (unsigned i = from; i < n; i++)
		if (change_parse(&overlay, records[i].changes, strlen(records[i].changes), s->e) <
		    0)
			goto out;
	commit.next = state_copy(s->origin);
	for (unsigned i = 0; commit.next && i < overlay.n; i++) {
		err_init(&e);
		if (file_says(s, &overlay.at[i]) ||
		    !try_change(&commit.next, &overlay.at[i], &store, &e))
			given_up++;
	}
	change_clear(&overlay);
	if (!commit.next ||
	    state_diff(s->origin, commit.next, &overlay, control_store_cert, s->c, s->e) < 0)
		goto out;
	log_warning(
	    "%s has changed since generation %llu: it wins; %u changes made over the API are given "
	    "up, %u stay",
	    s->c->path, (unsigned long long)records[n - 1].generation, given_up, overlay.n);
	s->c->state = state_get(s->origin);
	s->c->state->generation = records[n - 1].generation;
	commit.changes = &overlay;
	commit.summary = "the configuration file had changed";
	if (control_file_keep(s->c, &s->file, s->e) == 0 &&
	    control_commit(s->c, &commit, &ignored, s->e) == OPS_OK)
		result = 0;
out:
	state_put(commit.next);
	change_clear(&overlay);
	return result;
}

static int start_state(struct start *s)
{
	struct control *c = s->c;
	unsigned n = 0;
	const struct journal_record *records = c->journal ? journal_records(c->journal, &n) : NULL;

	if (state_build(s->origin, NULL, s->e) < 0)
		return -1;
	if (n == 0) {
		if (start_fresh(s) < 0)
			return -1;
		return control_remember(c, c->state, "start", "sallyport", "the configuration file",
		    time(NULL), true, s->e);
	}
	if (strcmp(records[n - 1].disk, s->file.digest) != 0)
		return start_merged(s, records, n);
	return start_again(s, records, n);
}

static int open_journal(struct control *c, const struct config *config,
    void (*on_step)(void *arg, const char *step), void *arg, struct err *e)
{
	const struct journal_config journal = {
		.dir = config->runtime.state_dir, .on_step = on_step, .arg = arg
	};
	static struct err notes;

	if (!journal.dir)
		return 0;
	err_init(&notes);
	c->journal = journal_open(&journal, &notes, e);
	if (notes.n)
		log_lines(RTE_LOG_WARNING, notes.text);
	return c->journal ? 0 : -1;
}

static int control_start(
    struct control *c, void (*on_step)(void *arg, const char *step), void *arg, struct err *e)
{
	struct start s = { .c = c, .e = e };
	int result = -1;

	if (control_file_read(&s.file, c->path, NULL, 0, e) < 0)
		return -1;
	memcpy(c->disk, s.file.digest, sizeof(c->disk));
	if (open_journal(c, s.file.config, on_step, arg, e) < 0)
		goto out;
	s.origin = control_file_state(&s.file, NULL, e);
	if (s.origin)
		result = start_state(&s);
	if (result == 0)
		control_tell_trust(c->state, NULL, NULL);
	state_put(s.origin);
	c->is_started = result == 0;
	if (c->is_started)
		control_shed(c);
	if (result == 0 && c->journal) {
		control_sweep(c);
		journal_tidy(c->journal, UINT_MAX);
	}
out:
	control_file_clear(&s.file);
	return result;
}

void control_is_draining(struct control *c)
{
	c->draining = true;
}

static void op_drain(void *arg, double timeout_s, const char *who)
{
	struct control *c = arg;

	c->draining = true;
	log_notice("draining, asked by %s", who);
	if (c->host.drain)
		c->host.drain(c->host.drain_arg, timeout_s);
}

static enum ops_verdict
op_rotate_tickets(void *arg, const char *who, unsigned *n_keys, struct err *e)
{
	struct control *c = arg;
	int n;

	if (!c->host.rotate_tickets) {
		err_set(e, "there are no ticket keys");
		return OPS_FAILED;
	}
	n = c->host.rotate_tickets(c->host.drain_arg, e);
	if (n < 0)
		return OPS_FAILED;
	log_notice("new ticket key, asked by %s; %d are in use", who, n);
	*n_keys = (unsigned)n;
	return OPS_OK;
}

static enum ops_verdict op_put_tickets(
    void *arg, const char *text, size_t len, const char *who, unsigned *n_keys, struct err *e)
{
	struct control *c = arg;
	int n;

	if (!c->host.put_tickets) {
		err_set(e, "there are no ticket keys");
		return OPS_FAILED;
	}
	n = c->host.put_tickets(c->host.drain_arg, text, len, e);
	if (n < 0)
		return OPS_REFUSED;
	log_notice("%d ticket keys put by %s", n, who);
	*n_keys = (unsigned)n;
	return OPS_OK;
}

static unsigned op_connections(void *arg, unsigned limit,
    void (*visit)(void *arg, const struct ops_connection *connection), void *visit_arg)
{
	struct control *c = arg;

	return c->host.connections ? c->host.connections(c->host.arg, limit, visit, visit_arg) : 0;
}

static unsigned
op_workers(void *arg, void (*visit)(void *arg, const struct ops_worker *worker), void *visit_arg)
{
	struct control *c = arg;

	return c->host.workers ? c->host.workers(c->host.arg, visit, visit_arg) : 0;
}

static bool op_log_recent(void *arg, uint64_t *oldest, uint64_t *next)
{
	struct control *c = arg;

	*oldest = *next = 0;
	return c->host.log_recent && c->host.log_recent(c->host.arg, oldest, next);
}

static const char *op_log_line(void *arg, uint64_t number)
{
	struct control *c = arg;

	return c->host.log_line ? c->host.log_line(c->host.arg, number) : NULL;
}

struct control *control_new(
    const char *path, void (*on_step)(void *arg, const char *step), void *arg, struct err *e)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(e, "out of memory");
		return NULL;
	}
	c->started = time(NULL);
	c->path = strdup(path);
	c->ops = (struct ops){ .arg = c,
		.change = control_op_change,
		.reload = control_op_reload,
		.rollback = control_op_rollback,
		.diff = control_op_diff,
		.explain = control_op_explain,
		.drain = op_drain,
		.rotate_tickets = op_rotate_tickets,
		.put_tickets = op_put_tickets,
		.connections = op_connections,
		.workers = op_workers,
		.log_recent = op_log_recent,
		.log_line = op_log_line,
		.metrics = control_op_metrics,
		.counters = control_op_counters };
	control_read_ops(&c->ops);
	if (!c->path)
		err_set(e, "out of memory");
	else if (control_start(c, on_step, arg, e) == 0)
		return c;
	control_free(c);
	return NULL;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	control_forget_all(c);
	state_put(c->state);
	journal_close(c->journal);
	free(c->path);
	free(c);
}

const struct config *control_config(const struct control *c)
{
	return c->state->base->config;
}

struct snapshot *control_snapshot(const struct control *c, struct err *e)
{
	return state_snapshot(c->state, e);
}

uint64_t control_generation(const struct control *c)
{
	return c->state->generation;
}

void control_attach(struct control *c, const struct control_host *host)
{
	c->host = *host;
}

const struct ops *control_ops(struct control *c)
{
	return &c->ops;
}
