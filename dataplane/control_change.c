/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/diff.h"
#include "config/err.h"
#include "config/model.h"
#include "dataplane/base/log.h"
#include "dataplane/control_private.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/state_cert.h"
#include "tls/cert.h"

/* --- what happened --- */

static void forget(struct control_generation *g)
{
	free(g->action);
	free(g->who);
	free(g->summary);
	state_put(g->state);
}

void control_forget_all(struct control *c)
{
	for (unsigned i = 0; i < c->n_history; i++)
		forget(&c->history[i]);
	c->n_history = 0;
	for (unsigned i = 0; i < CONTROL_KEYS; i++)
		free(c->keys[i].key);
	memset(c->keys, 0, sizeof(c->keys));
	c->n_keys = 0;
}

static bool has_cert(const struct state *s, const struct state_cert *cert)
{
	const struct state_cert *has = s ? map_find(s->certs, cert->name) : NULL;

	return has && has->cert == cert->cert;
}

/* Is it what runs, or what can be gone back to but for the first n generations? */
static bool is_kept(const struct control *c, const struct state_cert *cert, unsigned n)
{
	for (unsigned i = n; i < c->n_history; i++)
		if (has_cert(c->history[i].state, cert))
			return true;
	return has_cert(c->state, cert);
}

struct shed {
	struct control *c;
	unsigned n_forgotten;
};

/* A certificate of the file (old: as an older state has it) that was replaced. */
static int shed_cert(void *arg, void *old, void *new)
{
	const struct state_cert *was = old, *next = new;
	const struct shed *s = arg;
	struct state_cert *file;

	if (!was || !was->cert || (next && next->cert == was->cert))
		return 0;
	file = map_find(s->c->state->origin->certs, was->name);
	if (file && file->cert == was->cert && !is_kept(s->c, file, s->n_forgotten))
		state_cert_shed(file);
	return 0;
}

void control_shed(struct control *c)
{
	struct shed all = { .c = c };
	struct state *origin = c->state->origin;

	if (!origin)
		return;
	for (unsigned i = 0; i < c->n_history; i++)
		if (c->history[i].state == origin)
			return;
	state_retire(origin);
	map_compare(origin->certs, c->state->certs, shed_cert, &all);
}

/* The oldest generation, which cannot be gone back to any more. */
static void forget_oldest(struct control *c)
{
	struct state *oldest = c->history[0].state, *next = c->history[1].state;
	struct shed shed = { .c = c, .n_forgotten = 1 };

	/* While the journal is read again, changes to come may be back to what the file says. */
	if (c->is_started && oldest && oldest != c->state) {
		state_retire(oldest);
		if (next && c->state->origin)
			map_compare(oldest->certs, next->certs, shed_cert, &shed);
	}
	forget(&c->history[0]);
	memmove(c->history, c->history + 1, (CONTROL_HISTORY - 1) * sizeof(c->history[0]));
	c->n_history--;
}

int control_remember(struct control *c, struct state *state, const char *action, const char *who,
    const char *summary, int64_t time, bool can_roll_back, struct err *e)
{
	struct control_generation g = { .generation = state->generation,
		.time = time,
		.action = strdup(action),
		.who = strdup(who),
		.summary = strdup(summary) };

	if (!g.action || !g.who || !g.summary) {
		forget(&g);
		return err_set(e, "out of memory");
	}
	g.state = can_roll_back ? state_get(state) : NULL;
	if (c->n_history == CONTROL_HISTORY)
		forget_oldest(c);
	c->history[c->n_history++] = g;
	return 0;
}

void control_remember_key(struct control *c, const char *key, const char *request,
    uint64_t generation, unsigned n_changes)
{
	struct control_key *k = &c->keys[c->n_keys % CONTROL_KEYS];

	free(k->key);
	memset(k, 0, sizeof(*k));
	k->key = strdup(key);
	if (!k->key)
		return;
	strncat(k->request, request, DIGEST_TEXT - 1);
	k->generation = generation;
	k->n_changes = n_changes;
	c->n_keys++;
}

static const struct control_key *find_key(const struct control *c, const char *key)
{
	for (unsigned i = 0; i < c->n_keys && i < CONTROL_KEYS; i++)
		if (c->keys[i].key && strcmp(c->keys[i].key, key) == 0)
			return &c->keys[i];
	return NULL;
}

/* --- one new generation --- */

/* OPS_OK: go on. With *result->was_done_before set there is nothing to be done. */
static enum ops_verdict check_request(const struct control *c, const struct ops_request *request,
    struct ops_result *result, struct err *e)
{
	const struct control_key *k =
	    request->key && !request->dry_run ? find_key(c, request->key) : NULL;

	memset(result, 0, sizeof(*result));
	if (k && strcmp(k->request, request->request) != 0) {
		err_set(e, "Idempotency-Key '%s' was used for another request", request->key);
		return OPS_CONFLICT;
	}
	if (k) {
		result->generation = k->generation;
		result->n_changes = k->n_changes;
		result->was_done_before = true;
		return OPS_OK;
	}
	if (request->if_match && request->if_match != c->state->generation) {
		err_set(e,
		    "the generation is %llu, not %llu: somebody else has changed something; look again",
		    (unsigned long long)c->state->generation,
		    (unsigned long long)request->if_match);
		return OPS_STALE;
	}
	return OPS_OK;
}

static int
write_record(struct control *c, const struct control_commit *commit, int64_t now, struct err *e)
{
	const struct ops_request *q = commit->request;
	const struct change_list none = { .n = 0 };
	struct journal_record r = {
		.generation = commit->next->generation, .time = now, .full = commit->full
	};
	unsigned n_contents;
	struct journal_content *contents =
	    control_contents(commit->changes ? commit->changes : &none, &n_contents);
	int result;

	memcpy(r.file, commit->next->source->digest, sizeof(r.file));
	memcpy(r.disk, c->disk, sizeof(r.disk));
	if (q->key)
		strncat(r.request, q->request, DIGEST_TEXT - 1);
	r.action = strdup(q->action);
	r.who = strdup(q->who);
	r.key = strdup(q->key ? q->key : "");
	r.changes = change_print(commit->changes ? commit->changes : &none);
	result = r.action && r.who && r.key && r.changes && contents
	    ? journal_append(c->journal, &r, contents, n_contents, e)
	    : err_set(e, "out of memory");
	journal_record_clear(&r);
	if (contents)
		control_contents_free(contents, n_contents);
	return result;
}

static void publish(struct control *c, struct state *next, struct snapshot *snapshot)
{
	if (c->host.publish)
		c->host.publish(c->host.arg, snapshot);
	else
		snapshot_free(snapshot);
	state_put(c->state);
	c->state = state_get(next);
}

enum ops_verdict control_commit(struct control *c, const struct control_commit *commit,
    struct ops_result *result, struct err *e)
{
	const struct ops_request *q = commit->request;
	int64_t now = time(NULL);
	struct snapshot *snapshot;
	char text[256];

	commit->next->generation = c->state->generation + 1;
	result->generation = commit->next->generation;
	result->n_changes = commit->changes ? commit->changes->n : 0;
	if (state_build(commit->next, c->state, e) < 0)
		return OPS_REFUSED;
	if (q->dry_run)
		return OPS_OK;
	snapshot = state_snapshot(commit->next, e);
	if (!snapshot)
		return OPS_FAILED;
	if (c->journal && write_record(c, commit, now, e) < 0) {
		snapshot_free(snapshot);
		return OPS_FAILED;
	}
	control_tell_trust(commit->next, c->state, NULL);
	publish(c, commit->next, snapshot);
	if (commit->summary)
		snprintf(text, sizeof(text), "%s", commit->summary);
	else
		change_summary(commit->changes, text, sizeof(text));
	log_notice("generation %llu by %s: %s: %s", (unsigned long long)result->generation, q->who,
	    q->action, text);
	/* It is done, whatever memory is left for remembering it. */
	if (control_remember(c, commit->next, q->action, q->who, text, now, true, e) < 0)
		err_init(e);
	if (q->key)
		control_remember_key(c, q->key, q->request, result->generation, result->n_changes);
	if (c->journal)
		control_compact(c);
	return OPS_OK;
}

/* --- changes --- */

static enum ops_verdict verdict_of(enum state_verdict v)
{
	switch (v) {
	case STATE_OK:
		return OPS_OK;
	case STATE_NOT_FOUND:
		return OPS_NOT_FOUND;
	case STATE_CONFLICT:
		return OPS_CONFLICT;
	case STATE_REFUSED:
		return OPS_REFUSED;
	case STATE_NO_MEMORY:
		return OPS_FAILED;
	}
	return OPS_FAILED;
}

/* What is doubtful about the certificates that l puts. */
static void tell_warnings(const struct state *s, const struct change_list *l, struct err *warnings)
{
	char text[512];

	for (unsigned i = 0; warnings && i < l->n; i++) {
		const struct state_cert *c = l->at[i].kind == CHANGE_CERT_PUT
		    ? map_find(s->certs, l->at[i].certificate)
		    : NULL;

		if (c && c->cert->warnings)
			err_set(warnings, "certificate '%s': %s", c->name,
			    cert_warning_text(c->cert, text, sizeof(text)));
	}
}

enum ops_verdict control_op_change(void *arg, struct change_list *l,
    const struct ops_request *request, struct ops_result *result, struct err *e)
{
	struct control *c = arg;
	struct control_commit commit = { .changes = l, .request = request };
	const struct state_store store = control_store(c);
	enum ops_verdict verdict = check_request(c, request, result, e);
	struct state *before;

	if (verdict != OPS_OK || result->was_done_before)
		return verdict;
	if (!c->journal) {
		err_set(e,
		    "changes need a place to be kept: set runtime.state_dir and restart, or change the configuration file and reload");
		return OPS_REFUSED;
	}
	commit.next = state_copy(c->state);
	if (!commit.next) {
		err_set(e, "out of memory");
		return OPS_FAILED;
	}
	if (control_items_store(c, l, e) < 0)
		verdict = OPS_FAILED;
	for (unsigned i = 0; verdict == OPS_OK && i < l->n; i++)
		verdict = verdict_of(state_apply(commit.next, &l->at[i], &store, time(NULL), e));
	before = state_get(c->state);
	if (verdict == OPS_OK)
		verdict = control_commit(c, &commit, result, e);
	if (verdict == OPS_OK)
		tell_warnings(commit.next, l, request->warnings);
	if (verdict == OPS_OK && request->warnings)
		control_tell_trust(commit.next, before, request->warnings);
	state_put(before);
	if (verdict != OPS_OK || request->dry_run)
		control_items_forget(c, l);
	state_put(commit.next);
	return verdict;
}

/* --- reload --- */

/* Reads file and certificates as they are now; *file is to be cleared. NULL with every reason in e. */
static struct state *
read_file(struct control *c, struct control_file *file, struct config_diff *d, struct err *e)
{
	if (control_file_read(file, c->path, NULL, 0, e) < 0)
		return NULL;
	if (config_diff(control_config(c), file->config, d, e) < 0)
		return NULL;
	return control_file_state(file, c->state, e);
}

static void add_delta(char *text, size_t room, const char *what, const struct config_delta *d)
{
	size_t len = strlen(text);

	if (d->added || d->removed || d->changed)
		snprintf(text + len, room - len, "%s%s: %u added, %u removed, %u changed",
		    len ? "; " : "", what, d->added, d->removed, d->changed);
}

static void describe(const struct config_diff *d, char *text, size_t room)
{
	text[0] = '\0';
	add_delta(text, room, "certificates", &d->certificates);
	add_delta(text, room, "policies", &d->policies);
	add_delta(text, room, "trust stores", &d->trust_stores);
	add_delta(text, room, "backends", &d->backends);
	add_delta(text, room, "listeners", &d->listeners);
	if (!text[0])
		snprintf(text, room, "the file and all it names were read again");
}

enum ops_verdict control_op_reload(
    void *arg, const struct ops_request *request, struct ops_result *result, struct err *e)
{
	struct control *c = arg;
	struct control_file file = { .text = NULL };
	struct control_commit commit = { .full = true, .request = request };
	enum ops_verdict verdict = check_request(c, request, result, e);
	struct config_diff d;
	char summary[200], before[DIGEST_TEXT];

	if (verdict != OPS_OK || result->was_done_before)
		return verdict;
	commit.next = read_file(c, &file, &d, e);
	if (!commit.next || (!request->dry_run && control_file_keep(c, &file, e) < 0)) {
		state_put(commit.next);
		control_file_clear(&file);
		return OPS_REFUSED;
	}
	describe(&d, summary, sizeof(summary));
	commit.summary = summary;
	memcpy(before, c->disk, sizeof(before));
	memcpy(c->disk, file.digest, sizeof(c->disk));
	verdict = control_commit(c, &commit, result, e);
	if (verdict != OPS_OK || request->dry_run)
		memcpy(c->disk, before, sizeof(before));
	state_put(commit.next);
	control_file_clear(&file);
	return verdict;
}

int control_reload(struct control *c, const char *who, struct err *e)
{
	const struct ops_request request = { .who = who, .action = "reload" };
	struct ops_result result;

	return control_op_reload(c, &request, &result, e) == OPS_OK ? 0 : -1;
}

/* --- rollback --- */

static struct control_generation *find_generation(struct control *c, uint64_t generation)
{
	for (unsigned i = 0; i < c->n_history; i++)
		if (c->history[i].generation == generation)
			return &c->history[i];
	return NULL;
}

/* Listeners and backends come from another text of the file: that must be in the store. */
static enum ops_verdict check_other_file(struct control *c, const struct state *to, struct err *e)
{
	struct config_diff d;
	size_t len;
	char *text;

	if (config_diff(control_config(c), to->base->config, &d, e) < 0)
		return OPS_REFUSED;
	if (!c->journal)
		return OPS_OK;
	text = journal_fetch(c->journal, JOURNAL_FILES, to->source->digest, &len, e);
	free(text);
	if (text)
		return OPS_OK;
	err_set(e,
	    "that generation rests on a configuration file with @include, which is not kept: put the old files back and reload");
	return OPS_REFUSED;
}

/* What a certificate's files held once is kept in the store: they hold something else now. */
struct pin {
	struct control *c;
	struct map *certs; /* to be changed */
	struct err *e;
};

static int pin_cert(void *arg, void *on_disk, void *wanted)
{
	const struct state_cert *disk = on_disk, *to = wanted;
	struct pin *p = arg;
	struct state_cert *pinned;
	int result;

	if (!to || !to->from_file || (disk && disk->cert == to->cert))
		return 0;
	pinned = state_cert_new(to->name, cert_get(to->cert), to->cert->names, to->cert->n_names);
	result = pinned ? control_store_cert(p->c, to->cert, pinned->content, p->e)
			: err_set(p->e, "out of memory");
	if (result == 0 && map_set(p->certs, pinned) < 0)
		result = err_set(p->e, "out of memory");
	state_cert_put(pinned);
	return result;
}

/* A copy of to that stays what it is over a restart. */
static struct state *pinned_copy(struct control *c, const struct state *to, struct err *e)
{
	struct state *origin = c->state->origin ? c->state->origin : c->state;
	struct state *next = state_copy(to);
	struct pin pin = { .c = c, .e = e };

	if (!next) {
		err_set(e, "out of memory");
		return NULL;
	}
	if (to->source == c->state->source) {
		state_put(next->origin);
		next->origin = state_get(origin);
	}
	pin.certs = next->certs;
	if (map_compare(origin->certs, to->certs, pin_cert, &pin) == 0)
		return next;
	state_put(next);
	return NULL;
}

static enum ops_verdict go_back(struct control *c, const struct control_generation *g,
    const struct ops_request *request, struct ops_result *result, struct err *e)
{
	struct change_list l = { .n = 0 };
	const struct state *to = g->state;
	struct control_commit commit = { .changes = &l, .request = request };
	enum ops_verdict verdict = OPS_OK;
	char summary[64];

	commit.full = to->source != c->state->source;
	if (commit.full)
		verdict = check_other_file(c, to, e);
	if (verdict != OPS_OK)
		return verdict;
	commit.next = pinned_copy(c, to, e);
	if (!commit.next)
		return OPS_FAILED;
	if (state_diff(commit.full ? commit.next->origin : c->state, commit.next, &l,
		control_store_cert, c, e) < 0)
		verdict = OPS_FAILED;
	for (unsigned i = 0; verdict == OPS_OK && i < commit.next->n_listeners; i++)
		commit.next->listeners[i].service = snapshot_service_get(to->listeners[i].service);
	snprintf(
	    summary, sizeof(summary), "as in generation %llu", (unsigned long long)g->generation);
	commit.summary = summary;
	if (verdict == OPS_OK)
		verdict = control_commit(c, &commit, result, e);
	state_put(commit.next);
	change_clear(&l);
	return verdict;
}

enum ops_verdict control_op_rollback(void *arg, uint64_t generation,
    const struct ops_request *request, struct ops_result *result, struct err *e)
{
	struct control *c = arg;
	const struct control_generation *g = find_generation(c, generation);
	enum ops_verdict verdict = check_request(c, request, result, e);

	if (verdict != OPS_OK || result->was_done_before)
		return verdict;
	if (!g || !g->state) {
		err_set(e, "generation %llu is not kept; sallyctl generations shows those that are",
		    (unsigned long long)generation);
		return OPS_NOT_FOUND;
	}
	return go_back(c, g, request, result, e);
}

/* --- file against running --- */

enum ops_verdict control_op_diff(void *arg, struct change_list *l, struct err *notes, struct err *e)
{
	struct control *c = arg;
	struct control_file file = { .text = NULL };
	struct config_diff d;
	struct state *s = read_file(c, &file, &d, e);
	char text[200] = "";
	int result;

	control_file_clear(&file);
	if (!s)
		return OPS_REFUSED;
	add_delta(text, sizeof(text), "backends", &d.backends);
	add_delta(text, sizeof(text), "listeners", &d.listeners);
	if (text[0])
		err_set(notes, "%s", text);
	result = state_diff(c->state, s, l, control_store_cert, c, e);
	state_put(s);
	return result == 0 ? OPS_OK : OPS_FAILED;
}
