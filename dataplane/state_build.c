/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "config/model.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/state.h"
#include "dataplane/state_cert.h"
#include "tls/cert.h"
#include "tls/policy.h"
#include "tls/select.h"
#include "tls/service.h"
#include "tls/sni.h"

/* --- what is different --- */

struct pair {
	const struct state_cert *old, *new; /* one may be NULL */
};

struct pairs {
	struct pair *at;
	size_t n, room;
};

static int note_pair(void *arg, void *old, void *new)
{
	const struct state_cert *a = old, *b = new;
	struct pairs *p = arg;

	if (a && b && a->cert == b->cert)
		return 0;
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 16;
		struct pair *at = reallocarray(p->at, room, sizeof(*at));

		if (!at)
			return -1;
		p->at = at;
		p->room = room;
	}
	p->at[p->n++] = (struct pair){ a, b };
	return 0;
}

static const char *pair_name(const struct pair *p)
{
	return p->old ? p->old->name : p->new->name;
}

static struct cert *cert_of(const struct state *s, const char *name)
{
	const struct state_cert *c = map_find(s->certs, name);

	return c->cert; /* state_apply lets no listener name what is not there */
}

/* --- one listener --- */

struct certs {
	struct cert **at;
	size_t n, room;
};

static int add_cert(struct certs *c, struct cert *cert)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 16;
		struct cert **at = reallocarray(c->at, room, sizeof(*at));

		if (!at)
			return -1;
		c->at = at;
		c->room = room;
	}
	c->at[c->n++] = cert;
	return 0;
}

struct delta {
	const struct state *old, *new;
	struct certs removed, added;
};

static int note_name(void *arg, void *old, void *new)
{
	const struct state_name *from = old, *to = new;
	struct delta *d = arg;

	if (from && to)
		return 0;
	return from ? add_cert(&d->removed, cert_of(d->old, from->text))
		    : add_cert(&d->added, cert_of(d->new, to->text));
}

/* Certificates that both listeners serve by name, but which are others now. */
static int note_replaced(struct delta *d, const struct state_listener *l,
    const struct state_listener *old, const struct pairs *changed)
{
	for (size_t i = 0; i < changed->n; i++) {
		const struct pair *p = &changed->at[i];

		if (!p->old || !p->new || !map_find(old->certs, p->old->name) ||
		    !map_find(l->certs, p->new->name))
			continue;
		if (add_cert(&d->removed, p->old->cert) < 0 ||
		    add_cert(&d->added, p->new->cert) < 0)
			return -1;
	}
	return 0;
}

static unsigned
fill_defaults(const struct state *s, const struct state_listener *l, struct cert **to)
{
	for (unsigned i = 0; i < l->n_defaults; i++)
		to[i] = cert_of(s, l->defaults[i]->text);
	return l->n_defaults;
}

static bool same_defaults(struct cert *const *a, unsigned n_a, struct cert *const *b, unsigned n_b)
{
	return n_a == n_b && memcmp(a, b, n_a * sizeof(*a)) == 0;
}

/* What leads from what the listener served before to what it serves now; d keeps the lists. */
static int find_change(struct delta *d, const struct state_listener *l,
    const struct state_listener *before, const struct pairs *changed,
    struct cert *defaults[CHANGE_MAX_DEFAULTS], struct sni_change *change)
{
	struct cert *old_defaults[CHANGE_MAX_DEFAULTS];
	unsigned n = fill_defaults(d->new, l, defaults);
	unsigned n_old = fill_defaults(d->old, before, old_defaults);

	if (map_compare(before->certs, l->certs, note_name, d) < 0 ||
	    note_replaced(d, l, before, changed) < 0)
		return -1;
	*change = (struct sni_change){ .removed = d->removed.at,
		.n_removed = (unsigned)d->removed.n,
		.added = d->added.at,
		.n_added = (unsigned)d->added.n };
	if (!same_defaults(defaults, n, old_defaults, n_old)) {
		change->defaults = defaults;
		change->n_defaults = n;
	}
	return 0;
}

static bool
fits_any(const struct state *s, const struct state_listener *l, const struct policy *policy)
{
	struct map_cursor at = map_from(l->certs, NULL);
	const struct state_name *name;

	for (unsigned i = 0; i < l->n_defaults; i++)
		if (select_is_possible(policy, cert_of(s, l->defaults[i]->text)))
			return true;
	while ((name = map_next(&at)) != NULL)
		if (select_is_possible(policy, cert_of(s, name->text)))
			return true;
	return false;
}

/* Each policy must be good for one of the certificates, or nobody could ever connect. */
static int check_policies(const struct state *s, const struct state_listener *l, struct err *e)
{
	const struct config_listener *config = &s->base->config->listeners[l - s->listeners];
	const struct tls_rules *rules = l->service->tls->rules;

	for (unsigned i = 0; i <= rules->n; i++) {
		const struct policy *policy =
		    i < rules->n ? rules->named[i].policy : rules->own.policy;

		if (!fits_any(s, l, policy))
			return err_add(e, config->file, config->policy_line,
			    "listener '%s': no certificate of it can be served with policy '%s'",
			    l->name->text, policy->name);
	}
	return 0;
}

/* From what the listener served before: all that is the same is shared, whatever else is new. */
static int follow_service(struct state *s, unsigned i, const struct state *old,
    const struct state_listener *before, const struct pairs *changed, struct err *e)
{
	struct state_listener *l = &s->listeners[i];
	struct cert *defaults[CHANGE_MAX_DEFAULTS];
	struct delta d = { .old = old, .new = s };
	bool is_same = old->base == s->base;
	struct sni_change change;

	if (find_change(&d, l, before, changed, defaults, &change) < 0) {
		err_set(e, "out of memory for listener '%s'", l->name->text);
	} else if (!is_same) {
		l->service = snapshot_service_follow(s->base, i, before->service, &change, e);
	} else if (change.defaults || change.n_removed > 0 || change.n_added > 0) {
		l->service = snapshot_service_replace(before->service, &change, e);
		is_same = false;
	} else {
		l->service = snapshot_service_get(before->service);
	}
	free(d.removed.at);
	free(d.added.at);
	if (!l->service)
		return -1;
	return is_same ? 0 : check_policies(s, l, e);
}

/* From nothing. */
static int build_service(struct state *s, unsigned i, struct err *e)
{
	struct state_listener *l = &s->listeners[i];
	size_t n = map_count(l->certs), k = 0;
	struct cert **certs = calloc(n + 1, sizeof(*certs));
	struct cert *defaults[CHANGE_MAX_DEFAULTS];
	struct snapshot_certs all = {
		.defaults = defaults, .certs = certs, .n_certs = (unsigned)n
	};
	struct map_cursor at = map_from(l->certs, NULL);
	const struct state_name *name;

	if (!certs)
		return err_set(e, "out of memory for listener '%s'", l->name->text);
	while ((name = map_next(&at)) != NULL)
		certs[k++] = cert_of(s, name->text);
	all.n_defaults = fill_defaults(s, l, defaults);
	l->service = snapshot_service_new(s->base, i, &all, e);
	free(certs);
	return l->service ? 0 : -1;
}

/* Serves the new listener what the old one does? */
static bool is_untouched(
    const struct state_listener *l, const struct state_listener *old, const struct pairs *changed)
{
	if (!map_is_same(l->certs, old->certs) || l->n_defaults != old->n_defaults)
		return false;
	for (unsigned i = 0; i < l->n_defaults; i++)
		if (strcmp(l->defaults[i]->text, old->defaults[i]->text) != 0)
			return false;
	for (size_t i = 0; i < changed->n; i++)
		if (state_serves(l, pair_name(&changed->at[i])))
			return false;
	return true;
}

/* The listener whose service l's can follow from, or NULL. */
static const struct state_listener *
find_before(const struct state *s, unsigned i, const struct state *old)
{
	int at = old ? state_listener_find(old, s->listeners[i].name->text) : -1;
	const struct snapshot_service *service = at >= 0 ? old->listeners[at].service : NULL;

	if (!service || !service->tls || s->base->config->listeners[i].passthrough)
		return NULL;
	return &old->listeners[at];
}

static int build_listener(struct state *s, unsigned i, const struct state *old,
    const struct pairs *changed, struct err *e)
{
	const struct state_listener *before = find_before(s, i, old);
	struct state_listener *l = &s->listeners[i];

	if (s->base->config->listeners[i].passthrough && (l->n_defaults || map_count(l->certs)))
		return err_set(e,
		    "listener '%s' has protocol = \"tcp\" and does not decrypt: it has no certificates",
		    l->name->text);
	if (l->service)
		return 0;
	if (!before)
		return build_service(s, i, e);
	if (old->base != s->base || !is_untouched(l, before, changed))
		return follow_service(s, i, old, before, changed, e);
	l->service = snapshot_service_get(before->service);
	return 0;
}

/* --- one backend --- */

/* How old speaks to the backend of that name, or NULL. */
static struct snapshot_origin *find_origin(const struct state *old, const char *name)
{
	const struct config *config = old->base->config;

	for (unsigned i = 0; i < old->n_origins; i++)
		if (strcmp(config->backends[i].name, name) == 0)
			return old->origins[i];
	return NULL;
}

/* What we show to its targets; NULL: nothing, or it is not there. */
static struct cert *own_cert(const struct state *s, unsigned i)
{
	const char *name = s->base->config->backends[i].tls.certificate;
	const struct state_cert *c = name ? map_find(s->certs, name) : NULL;

	return c ? c->cert : NULL;
}

static struct snapshot_origin *
new_origin(struct state *s, unsigned i, struct snapshot_origin *before, struct err *e)
{
	const struct config_backend *config = &s->base->config->backends[i];
	struct cert *cert = own_cert(s, i);
	struct snapshot_origin *origin;

	if (config->tls.certificate && !cert) {
		err_add(e, config->tls.file, config->tls.line,
		    "backend '%s': tls: there is no certificate '%s'; sallyctl cert list shows "
		    "those there are",
		    config->name, config->tls.certificate);
		return NULL;
	}
	origin = snapshot_origin_new(s->base, i, cert, e);
	if (!origin || !before || !snapshot_origin_is_same(before, origin))
		return origin;
	snapshot_origin_put(origin);
	return snapshot_origin_get(before);
}

static int build_origin(struct state *s, unsigned i, const struct state *old, struct err *e)
{
	struct snapshot_origin *before = NULL;

	if (!s->base->backends[i].has_tls)
		return 0;
	if (old && old->base == s->base && old->origins)
		before = old->origins[i];
	else if (old)
		before = find_origin(old, s->base->backends[i].name);
	if (before && old->base == s->base && before->cert == own_cert(s, i))
		s->origins[i] = snapshot_origin_get(before);
	else
		s->origins[i] = new_origin(s, i, before, e);
	return s->origins[i] ? 0 : -1;
}

static int build_origins(struct state *s, const struct state *old, struct err *e)
{
	int result = 0;

	if (s->origins)
		return 0;
	s->origins = calloc(s->base->n_backends + 1, sizeof(struct snapshot_origin *));
	if (!s->origins)
		return err_set(e, "out of memory for %u backends", s->base->n_backends);
	s->n_origins = s->base->n_backends;
	for (unsigned i = 0; i < s->n_origins; i++)
		result |= build_origin(s, i, old, e);
	return result;
}

int state_build(struct state *s, const struct state *old, struct err *e)
{
	struct pairs changed = { .n = 0 };
	int result = state_settle(s, e);

	if (result == 0)
		result = build_origins(s, old, e);
	if (result == 0 && old && map_compare(old->certs, s->certs, note_pair, &changed) < 0)
		result = err_set(e, "out of memory");
	for (unsigned i = 0; result == 0 && i < s->n_listeners; i++)
		result = build_listener(s, i, old, &changed, e);
	free(changed.at);
	return result;
}
