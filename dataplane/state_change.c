/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "config/model.h"
#include "config/nearest.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/state.h"
#include "dataplane/state_cert.h"
#include "dataplane/state_item.h"
#include "tls/cert.h"

/* --- applying --- */

static enum state_verdict no_memory(struct err *e)
{
	err_set(e, "out of memory");
	return STATE_NO_MEMORY;
}

static const char *listener_name(const void *from, unsigned i)
{
	const struct state *s = from;

	return i < s->n_listeners ? s->listeners[i].name->text : NULL;
}

static struct state_listener *find_listener(struct state *s, const char *name, struct err *e)
{
	int i = state_listener_find(s, name);
	const char *guess;

	if (i >= 0)
		return &s->listeners[i];
	guess = nearest(name, listener_name, s);
	err_set(e, "there is no listener '%s'%s%s%s", name, guess ? "; did you mean '" : "",
	    guess ? guess : "", guess ? "'?" : "");
	return NULL;
}

static bool has_cert(const struct state *s, const char *name, struct err *e)
{
	if (map_find(s->certs, name))
		return true;
	err_set(e, "there is no certificate '%s'; sallyctl cert list shows those there are", name);
	return false;
}

static enum state_verdict apply_put(
    struct state *s, struct change *c, const struct state_store *store, int64_t now, struct err *e)
{
	struct state_cert *old = map_find(s->certs, c->certificate), *new;
	int result;

	if (old && c->put == CHANGE_PUT_NEW) {
		err_set(e,
		    "there is a certificate '%s' already; replace it, or choose another name",
		    c->certificate);
		return STATE_CONFLICT;
	}
	if (!old && c->put == CHANGE_PUT_OLD) {
		err_set(e, "there is no certificate '%s' to be replaced; add it", c->certificate);
		return STATE_NOT_FOUND;
	}
	new = state_cert_load(c, store, now, e);
	if (!new)
		return STATE_REFUSED;
	new->cert = state_cert_share(new->cert, old);
	result = map_set(s->certs, new);
	state_cert_put(new);
	return result == 0 ? STATE_OK : no_memory(e);
}

static enum state_verdict apply_file(struct state *s, const struct change *c, struct err *e)
{
	struct state_cert *file = s->origin ? map_find(s->origin->certs, c->certificate) : NULL;

	if (!file) {
		err_set(e, "the configuration file names no certificate '%s'", c->certificate);
		return STATE_NOT_FOUND;
	}
	return map_set(s->certs, file) == 0 ? STATE_OK : no_memory(e);
}

/* NULL: by none, or it cannot be told before items settle; then state_build says so. */
static const char *shown_by_backend(const struct state *s, const char *certificate)
{
	const struct config *config = s->base->config;

	for (unsigned i = 0; s->is_settled && i < config->n_backends; i++) {
		const char *name = config->backends[i].tls.certificate;

		if (name && strcmp(name, certificate) == 0)
			return config->backends[i].name;
	}
	return NULL;
}

static enum state_verdict apply_delete(struct state *s, const struct change *c, struct err *e)
{
	const char *shown_by = shown_by_backend(s, c->certificate);

	if (!has_cert(s, c->certificate, e))
		return STATE_NOT_FOUND;
	if (shown_by) {
		err_set(e,
		    "certificate '%s' is shown to the targets of backend '%s': give that another first",
		    c->certificate, shown_by);
		return STATE_CONFLICT;
	}
	for (unsigned i = 0; i < s->n_listeners; i++) {
		struct state_listener *l = &s->listeners[i];

		if (state_is_default(l, c->certificate)) {
			err_set(e,
			    "certificate '%s' is a default of listener '%s': give that another default first",
			    c->certificate, l->name->text);
			return STATE_CONFLICT;
		}
		if (!map_find(l->certs, c->certificate))
			continue;
		if (!c->dissociate) {
			err_set(e,
			    "certificate '%s' is served by listener '%s': dissociate it first, or remove it everywhere",
			    c->certificate, l->name->text);
			return STATE_CONFLICT;
		}
		if (map_remove(l->certs, c->certificate) < 0)
			return no_memory(e);
	}
	return map_remove(s->certs, c->certificate) < 0 ? no_memory(e) : STATE_OK;
}

static enum state_verdict apply_associate(struct state *s, const struct change *c, struct err *e)
{
	struct state_listener *l = find_listener(s, c->listener, e);
	struct state_name *name;
	int result;

	if (!l || !has_cert(s, c->certificate, e))
		return STATE_NOT_FOUND;
	if (map_find(l->certs, c->certificate)) {
		err_set(e, "listener '%s' serves certificate '%s' already", c->listener,
		    c->certificate);
		return STATE_CONFLICT;
	}
	name = state_name_new(c->certificate);
	result = name ? map_set(l->certs, name) : -1;
	state_name_put(name);
	return result == 0 ? STATE_OK : no_memory(e);
}

static enum state_verdict apply_dissociate(struct state *s, const struct change *c, struct err *e)
{
	struct state_listener *l = find_listener(s, c->listener, e);
	int result;

	if (!l)
		return STATE_NOT_FOUND;
	result = map_remove(l->certs, c->certificate);
	if (result == 1)
		return STATE_OK;
	if (result < 0)
		return no_memory(e);
	if (state_is_default(l, c->certificate)) {
		err_set(e,
		    "certificate '%s' is a default of listener '%s': set another default instead",
		    c->certificate, c->listener);
		return STATE_CONFLICT;
	}
	err_set(e, "listener '%s' does not serve certificate '%s'", c->listener, c->certificate);
	return STATE_NOT_FOUND;
}

enum state_verdict state_set_defaults(
    const struct state *s, struct state_listener *l, const struct change *c, struct err *e)
{
	struct state_name *defaults[CHANGE_MAX_DEFAULTS];
	unsigned n = 0;

	if (c->n_names < 1 || c->n_names > CHANGE_MAX_DEFAULTS) {
		err_set(e, "listener '%s': 1 to %u default certificates are possible, not %u",
		    l->name->text, CHANGE_MAX_DEFAULTS, c->n_names);
		return STATE_REFUSED;
	}
	for (unsigned i = 0; i < c->n_names; i++) {
		if (!has_cert(s, c->names[i], e))
			return STATE_NOT_FOUND;
		for (unsigned k = 0; k < i; k++)
			if (strcmp(c->names[k], c->names[i]) == 0) {
				err_set(e, "listener '%s': default certificate '%s' is named twice",
				    l->name->text, c->names[i]);
				return STATE_REFUSED;
			}
	}
	for (; n < c->n_names; n++) {
		defaults[n] = state_name_new(c->names[n]);
		if (!defaults[n])
			break;
	}
	if (n < c->n_names) {
		while (n > 0)
			state_name_put(defaults[--n]);
		return no_memory(e);
	}
	for (unsigned i = 0; i < l->n_defaults; i++)
		state_name_put(l->defaults[i]);
	memcpy(l->defaults, defaults, n * sizeof(defaults[0]));
	l->n_defaults = n;
	return STATE_OK;
}

static enum state_verdict apply_default(struct state *s, const struct change *c, struct err *e)
{
	struct state_listener *l = find_listener(s, c->listener, e);

	return l ? state_set_defaults(s, l, c, e) : STATE_NOT_FOUND;
}

enum state_verdict state_apply(
    struct state *s, struct change *c, const struct state_store *store, int64_t now, struct err *e)
{
	switch (c->kind) {
	case CHANGE_CERT_PUT:
		return apply_put(s, c, store, now, e);
	case CHANGE_CERT_FILE:
		return apply_file(s, c, e);
	case CHANGE_CERT_DELETE:
		return apply_delete(s, c, e);
	case CHANGE_ASSOCIATE:
		return apply_associate(s, c, e);
	case CHANGE_DISSOCIATE:
		return apply_dissociate(s, c, e);
	case CHANGE_DEFAULT:
		return apply_default(s, c, e);
	case CHANGE_ITEM_PUT:
	case CHANGE_ITEM_DELETE:
	case CHANGE_ITEM_FILE:
		return state_item_apply(s, c, e);
	}
	return STATE_REFUSED;
}

/* --- comparing --- */

struct diff {
	const struct state *to;
	const char *listener;
	const struct state *from;
	struct change_list *put, *items, *associate, *dissociate, *delete;
	int (*store_cert)(
	    void *arg, const struct cert *cert, char name[DIGEST_TEXT], struct err *e);
	void *arg;
	struct err *e;
};

/* A change of that kind and certificate at the end of l; NULL with the reason in d->e. */
static struct change *
diff_add(struct diff *d, struct change_list *l, enum change_kind kind, const char *certificate)
{
	struct change *c = change_add(l, kind);

	if (c && certificate && change_text(&c->certificate, certificate, strlen(certificate)) < 0)
		c = NULL;
	if (c && d->listener && change_text(&c->listener, d->listener, strlen(d->listener)) < 0)
		c = NULL;
	if (!c)
		err_set(d->e, "out of memory, or more than %u changes", CHANGE_MAX);
	return c;
}

static bool same_names(const struct state_cert *a, const struct state_cert *b)
{
	if (a->n_names != b->n_names)
		return false;
	for (unsigned i = 0; i < a->n_names; i++)
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	return true;
}

static bool same_entry(const struct state_cert *a, const struct state_cert *b)
{
	return a->cert == b->cert && a->from_file == b->from_file && same_names(a, b);
}

/* The names a certificate has because the configuration file said so are those of the loaded one. */
static int diff_put(struct diff *d, const struct state_cert *to)
{
	struct change *c = diff_add(d, d->put, CHANGE_CERT_PUT, to->name);
	char *const *names = to->from_file ? to->cert->names : to->names;
	unsigned n = to->from_file ? to->cert->n_names : to->n_names;

	if (!c)
		return -1;
	c->force = true;
	for (unsigned i = 0; i < n; i++)
		if (change_name(c, names[i]) < 0)
			return err_set(d->e, "out of memory");
	if (to->from_file)
		return d->store_cert(d->arg, to->cert, c->content, d->e);
	memcpy(c->content, to->content, sizeof(c->content));
	return 0;
}

static int differ_cert(void *arg, void *old, void *new)
{
	const struct state_cert *from = old, *to = new;
	struct diff *d = arg;
	const struct state *origin = d->to->origin ? d->to->origin : d->to;
	const struct state_cert *in_file;

	if (from && to && same_entry(from, to))
		return 0;
	if (!to)
		return diff_add(d, d->delete, CHANGE_CERT_DELETE, from->name) ? 0 : -1;
	in_file = map_find(origin->certs, to->name);
	if (to->from_file && in_file && in_file->cert == to->cert)
		return diff_add(d, d->put, CHANGE_CERT_FILE, to->name) ? 0 : -1;
	return diff_put(d, to);
}

static int differ_name(void *arg, void *old, void *new)
{
	const struct state_name *from = old, *to = new;
	struct diff *d = arg;

	if (from && to)
		return 0;
	if (to)
		return diff_add(d, d->associate, CHANGE_ASSOCIATE, to->text) ? 0 : -1;
	return diff_add(d, d->dissociate, CHANGE_DISSOCIATE, from->text) ? 0 : -1;
}

static int
diff_defaults(struct diff *d, const struct state_listener *from, const struct state_listener *to)
{
	bool same = from->n_defaults == to->n_defaults;
	struct change *c;

	for (unsigned i = 0; same && i < to->n_defaults; i++)
		same = strcmp(from->defaults[i]->text, to->defaults[i]->text) == 0;
	if (same)
		return 0;
	c = diff_add(d, d->associate, CHANGE_DEFAULT, NULL);
	if (!c)
		return -1;
	for (unsigned i = 0; i < to->n_defaults; i++)
		if (change_name(c, to->defaults[i]->text) < 0)
			return err_set(d->e, "out of memory");
	return 0;
}

static int differ_item(void *arg, void *old, void *new)
{
	const struct state_item *from = old, *to = new, *either = to ? to : from;
	enum change_kind kind = !to ? CHANGE_ITEM_FILE
	    : to->settings          ? CHANGE_ITEM_PUT
				    : CHANGE_ITEM_DELETE;
	struct diff *d = arg;
	struct change *c = change_add(d->items, kind);
	int l;

	if (!c || change_text(&c->section, either->section, strlen(either->section)) < 0 ||
	    change_text(&c->item, either->name, strlen(either->name)) < 0 ||
	    (kind == CHANGE_ITEM_PUT &&
		change_text(&c->settings, to->settings, strlen(to->settings)) < 0))
		return err_set(d->e, "out of memory, or more than %u changes", CHANGE_MAX);
	l = strcmp(either->section, "listeners") == 0 ? state_listener_find(d->to, either->name)
						      : -1;
	if (kind != CHANGE_ITEM_PUT || l < 0)
		return 0;
	for (unsigned i = 0; i < d->to->listeners[l].n_defaults; i++)
		if (change_name(c, d->to->listeners[l].defaults[i]->text) < 0)
			return err_set(d->e, "out of memory");
	return 0;
}

/* What the listener serves once items are as they are to be. */
static const struct state_listener *listener_before(const struct diff *d, const char *name)
{
	static const struct state_listener nothing = { .n_defaults = 0 };
	const struct state *from = d->from;
	const struct state *origin = d->to->origin ? d->to->origin : d->to;
	char key[ITEM_KEY];
	int i;

	snprintf(key, sizeof(key), "listeners/%s", name);
	if (map_find(from->items, key) && !map_find(d->to->items, key))
		from = origin; /* by CHANGE_ITEM_FILE */
	i = state_listener_find(from, name);
	if (i >= 0)
		return &from->listeners[i];
	/* One that another file has is no matter of changes. */
	return map_find(d->to->items, key) ? &nothing : NULL;
}

static int diff_listeners(struct diff *d)
{
	struct map *none = map_new(&state_name_kind);
	int result = none ? 0 : err_set(d->e, "out of memory");

	for (unsigned i = 0; result == 0 && i < d->to->n_listeners; i++) {
		const struct state_listener *to = &d->to->listeners[i], *before;

		if (to->n_defaults == 0)
			continue; /* it does not decrypt */
		d->listener = to->name->text;
		before = listener_before(d, d->listener);
		if (!before)
			continue;
		result =
		    map_compare(before->certs ? before->certs : none, to->certs, differ_name, d);
		if (result == 0 && before->n_defaults) /* a new one was put with them */
			result = diff_defaults(d, before, to);
	}
	d->listener = NULL;
	map_free(none);
	return result;
}

int state_diff(const struct state *from, const struct state *to, struct change_list *l,
    int (*store_cert)(void *arg, const struct cert *cert, char name[DIGEST_TEXT], struct err *e),
    void *arg, struct err *e)
{
	/* What is needed comes first, what is not needed any more goes last. */
	struct change_list lists[5] = { { .n = 0 } };
	struct diff d = { .from = from,
		.to = to,
		.put = &lists[0],
		.items = &lists[1],
		.associate = &lists[2],
		.dissociate = &lists[3],
		.delete = &lists[4],
		.store_cert = store_cert,
		.arg = arg,
		.e = e };
	int result = map_compare(from->certs, to->certs, differ_cert, &d);

	if (result == 0)
		result = map_compare(from->items, to->items, differ_item, &d);
	if (result == 0)
		result = diff_listeners(&d);
	for (unsigned i = 0; i < 5; i++) {
		if (result == 0 && change_move(l, &lists[i]) < 0)
			result = err_set(e, "out of memory, or more than %u changes", CHANGE_MAX);
		change_clear(&lists[i]);
	}
	return result;
}
