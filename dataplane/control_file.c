/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "config/scan.h"
#include "dataplane/base/log.h"
#include "dataplane/control_private.h"
#include "dataplane/state_item.h"

int control_file_read(
    struct control_file *f, const char *path, char *text, size_t len, struct err *e)
{
	memset(f, 0, sizeof(*f));
	f->text = text ? text : scan_read_file(path, &len);
	f->len = len;
	if (!f->text)
		return err_add(e, path, 0, "cannot read: %s",
		    errno == EINVAL ? "not a regular file" : strerror(errno));
	f->config = config_load_text(path, f->text, len, e);
	if (!f->config) {
		control_file_clear(f);
		return -1;
	}
	f->has_includes = state_source_digest(f->config, f->text, f->len, f->digest);
	return 0;
}

struct state *
control_file_state(struct control_file *f, const struct state *previous, struct err *e)
{
	struct state_source *source =
	    state_source_new(f->config->path, f->text, f->len, f->digest, f->has_includes);
	struct config *config = f->config;
	struct state *s;

	if (!source) {
		err_set(e, "out of memory");
		return NULL;
	}
	f->config = NULL;
	s = state_from_config(config, source, previous, time(NULL), e);
	state_source_put(source);
	return s;
}

int control_test(const char *path, struct err *warnings, struct err *e)
{
	struct control_file file = { .text = NULL };
	struct state *s = control_file_read(&file, path, NULL, 0, e) == 0
	    ? control_file_state(&file, NULL, e)
	    : NULL;
	int result = s ? state_build(s, NULL, e) : -1;

	if (result == 0)
		control_tell_trust(s, NULL, warnings);
	state_put(s);
	control_file_clear(&file);
	return result;
}

void control_file_clear(struct control_file *f)
{
	config_free(f->config);
	free(f->text);
	memset(f, 0, sizeof(*f));
}

int control_file_keep(struct control *c, const struct control_file *f, struct err *e)
{
	char name[DIGEST_TEXT];

	return c->journal && f->text && !f->has_includes
	    ? journal_store(c->journal, JOURNAL_FILES, f->text, f->len, name, e)
	    : 0;
}

/* --- contents --- */

static char *fetch(void *arg, const char *name, size_t *len, struct err *e)
{
	struct control *c = arg;

	return journal_fetch(c->journal, JOURNAL_CERTS, name, len, e);
}

struct state_store control_store(struct control *c)
{
	return (struct state_store){ .fetch = fetch, .arg = c };
}

static int
store_text(struct control *c, char *text, size_t len, char name[DIGEST_TEXT], struct err *e)
{
	int result;

	if (!text)
		return err_set(e, "out of memory");
	result = journal_store(c->journal, JOURNAL_CERTS, text, len, name, e);
	explicit_bzero(text, len);
	free(text);
	return result;
}

int control_store_cert(void *arg, const struct cert *cert, char name[DIGEST_TEXT], struct err *e)
{
	struct control *c = arg;
	size_t len;
	char *text = state_content_of(cert, &len);

	if (c->journal)
		return store_text(c, text, len, name, e);
	if (!text)
		return err_set(e, "out of memory");
	sha256_text(text, len, name);
	explicit_bzero(text, len);
	free(text);
	return 0;
}

void control_contents_free(struct journal_content *contents, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char *text = (char *)(uintptr_t)contents[i].data;

		explicit_bzero(text, contents[i].len);
		free(text);
	}
	free(contents);
}

struct journal_content *control_contents(const struct change_list *l, unsigned *n)
{
	struct journal_content *all = calloc(l->n + 1, sizeof(*all));

	*n = 0;
	for (unsigned i = 0; all && i < l->n; i++) {
		const struct change *one = &l->at[i];
		struct journal_content *c = &all[*n];

		if (one->kind != CHANGE_CERT_PUT || !one->chain)
			continue;
		c->data = state_content(one, &c->len);
		if (!c->data) {
			control_contents_free(all, *n);
			return NULL;
		}
		memcpy(c->name, one->content, sizeof(c->name));
		(*n)++;
	}
	return all;
}

int control_items_store(struct control *c, struct change_list *l, struct err *e)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct change *one = &l->at[i];
		char name[DIGEST_TEXT];
		bool is_new;

		if (one->kind != CHANGE_ITEM_PUT || !one->chain)
			continue;
		one->content[0] = '\0'; /* a transaction that was refused may come again */
		sha256_text(one->chain, one->chain_len, name);
		is_new = !journal_has(c->journal, JOURNAL_CERTS, name);
		if (journal_store(c->journal, JOURNAL_CERTS, one->chain, one->chain_len, name, e) <
		    0)
			return -1;
		if (is_new)
			memcpy(one->content, name, sizeof(name));
	}
	return 0;
}

void control_items_forget(struct control *c, const struct change_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->at[i].kind == CHANGE_ITEM_PUT && l->at[i].content[0])
			journal_doom(c->journal, JOURNAL_CERTS, l->at[i].content);
}

/* --- making the journal shorter --- */

#define TIDY 4 /* contents removed with a change, which stores one */
#define KEPT_RECORDS \
	1024 /* before the journal is worth being made shorter: that waits for the disk */

/* The names behind each mark in text. */
static int collect_marked(struct map *keep, const char *text, const char *mark)
{
	while ((text = strstr(text, mark)) != NULL) {
		struct state_name *name;
		char digest[DIGEST_TEXT] = "";
		int result;

		text += strlen(mark);
		strncat(digest, text, DIGEST_TEXT - 1);
		name = state_name_new(digest);
		result = name ? map_set(keep, name) : -1;
		state_name_put(name);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* Certificates go by their digest, what trust stores consist of by its path. */
static int collect_contents(struct map *keep, const char *changes)
{
	return collect_marked(keep, changes, "\"content\":\"") < 0 ||
		collect_marked(keep, changes, "/certs/") < 0
	    ? -1
	    : 0;
}

static bool is_kept(void *arg, const char *name)
{
	return map_find(arg, name) != NULL;
}

struct kept_files {
	const struct journal_record *records;
	unsigned n;
};

static bool is_file_kept(void *arg, const char *name)
{
	const struct kept_files *k = arg;

	for (unsigned i = 0; i < k->n; i++)
		if (strcmp(k->records[i].file, name) == 0 || strcmp(k->records[i].disk, name) == 0)
			return true;
	return false;
}

void control_sweep(struct control *c)
{
	struct kept_files files;
	struct map *keep = map_new(&state_name_kind);
	int result = keep ? 0 : -1;

	files.records = journal_records(c->journal, &files.n);
	for (unsigned i = 0; result == 0 && i < files.n; i++)
		result = collect_contents(keep, files.records[i].changes);
	if (result == 0) {
		journal_sweep(c->journal, JOURNAL_CERTS, is_kept, keep);
		journal_sweep(c->journal, JOURNAL_FILES, is_file_kept, &files);
	}
	map_free(keep);
}

static int compact(struct control *c, struct err *e)
{
	const struct control_generation *oldest = &c->history[0];
	struct state *s = oldest->state;
	struct change_list overlay = { .n = 0 };
	struct journal_record first = {
		.generation = oldest->generation, .time = oldest->time, .full = true
	};
	int result = s->origin ? state_diff(s->origin, s, &overlay, control_store_cert, c, e) : 0;

	memcpy(first.file, s->source->digest, sizeof(first.file));
	memcpy(first.disk, c->disk, sizeof(first.disk));
	first.action = strdup(oldest->action);
	first.who = strdup(oldest->who);
	first.key = strdup("");
	first.changes = change_print(&overlay);
	if (result == 0 && (!first.action || !first.who || !first.key || !first.changes))
		result = err_set(e, "out of memory");
	if (result == 0)
		result = journal_compact(c->journal, &first, e);
	if (result == 0)
		c->n_base_changes = overlay.n;
	journal_record_clear(&first);
	change_clear(&overlay);
	return result;
}

void control_compact(struct control *c)
{
	static struct err e;
	unsigned n;

	journal_tidy(c->journal, TIDY);
	journal_records(c->journal, &n);
	/* What is written again is paid for by the changes since it was written last. */
	if (n <= KEPT_RECORDS + c->n_base_changes / 4 || !c->history[0].state)
		return;
	err_init(&e);
	if (compact(c, &e) == 0) {
		control_sweep(c);
		return;
	}
	log_warning("the journal could not be made shorter:");
	log_lines(RTE_LOG_WARNING, e.text);
}
