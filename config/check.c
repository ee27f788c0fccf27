/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/addr.h"
#include "config/check_inside.h"
#include "config/err.h"

#define ROLE_TEXT 256 /* bytes of names of ports in a message */

/* --- protocols, of a listener or towards a backend --- */

struct place {
	const char *file;
	unsigned line;
};

/* of: "listener 'https'". */
static void check_alpn(struct check *k, const struct place *where, const char *of,
    const char *const *alpn, unsigned n_alpn)
{
	for (unsigned i = 0; i < n_alpn; i++) {
		/* wolfSSL takes a list with commas in between; no registered protocol has one. */
		if (strchr(alpn[i], ','))
			err_add(k->e, where->file, where->line,
			    "%s: 'alpn' has '%s': a name has no comma; write one string for each",
			    of, alpn[i]);
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(alpn[i], alpn[j]) == 0)
				err_add(k->e, where->file, where->line, "%s: 'alpn' has '%s' twice",
				    of, alpn[i]);
		}
	}
}

/* --- backends --- */

static void
check_target(struct check *k, const struct config_backend *b, const struct config_target *t)
{
	const struct config_addr *a = &t->address;
	const char *why = config_addr_not_unicast(a), *name = or_unnamed(b->name);
	const struct config_port *own = check_owner(k->c, a);
	char text[CONFIG_ADDR_TEXT], ports[ROLE_TEXT];

	config_addr_print(a, ADDR_PORT, text);
	if (why)
		err_add(k->e, a->file, a->line, "backend '%s': target %s %s", name, text, why);
	else if (own)
		err_add(k->e, a->file, a->line,
		    "backend '%s': target %s is sallyport's own address on port '%s'", name, text,
		    or_unnamed(own->name));
	else if (!k->back.n || !k->addresses_known)
		return;
	else if (!check_role_has_family(&k->back, a->is_v4))
		err_add(k->e, a->file, a->line,
		    "backend '%s': no route to target %s: %s %s no %s address", name, text,
		    check_role_text(&k->back, ports, sizeof(ports)),
		    k->back.n == 1 ? "has" : "have", a->is_v4 ? "IPv4" : "IPv6");
	else if (!check_role_reaches(&k->back, a))
		err_add(k->e, a->file, a->line,
		    "backend '%s': no route to target %s; add a route to %s%s", name, text,
		    k->back.n == 1 ? "" : "one of ",
		    check_role_text(&k->back, ports, sizeof(ports)));
}

static int compare_targets(const void *x, const void *y)
{
	const struct config_target *a = *(const struct config_target *const *)x;
	const struct config_target *b = *(const struct config_target *const *)y;
	int order = memcmp(&a->address.ip, &b->address.ip, sizeof(a->address.ip));

	if (!order)
		order = (int)a->address.port - (int)b->address.port;
	return order ? order : (a > b) - (a < b);
}

/* Sorted pointers: a thousand targets must not take a million comparisons each reload. */
static void check_targets_differ(struct check *k, const struct config_backend *b)
{
	const struct config_target **sorted = calloc(b->n_targets + 1, sizeof(*sorted));
	char text[CONFIG_ADDR_TEXT];

	if (!sorted) {
		err_set(k->e, "out of memory");
		return;
	}
	for (unsigned i = 0; i < b->n_targets; i++)
		sorted[i] = &b->targets[i];
	qsort(sorted, b->n_targets, sizeof(*sorted), compare_targets);
	for (unsigned i = 1; i < b->n_targets; i++) {
		const struct config_addr *a = &sorted[i]->address, *first = &sorted[i - 1]->address;

		if (a->line && first->line && a->port == first->port && config_addr_same(a, first))
			err_add(k->e, a->file, a->line,
			    "backend '%s': target %s is already in line %u; remove one and set "
			    "'weight'",
			    or_unnamed(b->name), config_addr_print(a, ADDR_PORT, text),
			    first->line);
	}
	free(sorted);
}

/* Each worker has its share of a limit, and a share of nothing would be no limit at all. */
static void check_shares(struct check *k, const struct config_backend *b)
{
	unsigned n_workers = k->c->runtime.n_workers;
	bool limited = false;

	for (unsigned i = 0; i < b->n_targets; i++) {
		const struct config_target *t = &b->targets[i];

		limited = limited || t->max_connections > 0;
		if (t->max_connections > 0 && t->max_connections < n_workers)
			err_add(k->e, t->file, t->line,
			    "backend '%s': target %u: 'max_connections' is %u for %u workers; each "
			    "needs at least one",
			    or_unnamed(b->name), i + 1, t->max_connections, n_workers);
	}
	if (b->queue.size > 0 && b->queue.size < n_workers)
		err_add(k->e, b->file, b->line,
		    "backend '%s': queue: 'size' is %u for %u workers; each needs at least one",
		    or_unnamed(b->name), b->queue.size, n_workers);
	if (b->queue.size > 0 && !limited)
		err_add(k->e, b->file, b->line,
		    "backend '%s': 'queue' has no use: no target has 'max_connections'",
		    or_unnamed(b->name));
}

static void check_health(struct check *k, const struct config_backend *b)
{
	const struct config_health *h = &b->health;

	if (h->timeout_s > h->interval_s)
		err_add(k->e, b->file, b->line,
		    "backend '%s': health: 'timeout' is %g, more than 'interval', which is %g",
		    or_unnamed(b->name), h->timeout_s, h->interval_s);
	if (h->type != CONFIG_HEALTH_HTTP && h->type != CONFIG_HEALTH_HTTPS && (h->body || h->host))
		err_add(k->e, b->file, b->line,
		    "backend '%s': health: '%s' has no use without type = \"http\" or \"https\"",
		    or_unnamed(b->name), h->body ? "body" : "host");
	if ((h->type == CONFIG_HEALTH_TLS || h->type == CONFIG_HEALTH_HTTPS) && !b->tls.line)
		err_add(k->e, b->file, b->line,
		    "backend '%s': health: type = \"%s\" needs a 'tls' group, which says whom to "
		    "trust",
		    or_unnamed(b->name), h->type == CONFIG_HEALTH_TLS ? "tls" : "https");
}

/* Not to verify is a decision: it has to be written down. */
static void check_backend_tls(struct check *k, const struct config_backend *b)
{
	const struct config_backend_tls *t = &b->tls;
	const struct place where = { t->file, t->line };
	char of[CONFIG_MAX_NAME + 20];

	if (!t->line)
		return;
	if (t->verify && !t->trust_store)
		err_add(k->e, t->file, t->line,
		    "backend '%s': tls: a 'trust_store' is needed to verify targets with; or write "
		    "verify = false",
		    or_unnamed(b->name));
	if (!t->verify && t->trust_store)
		err_add(k->e, t->file, t->line,
		    "backend '%s': tls: 'trust_store' has no use with verify = false",
		    or_unnamed(b->name));
	snprintf(of, sizeof(of), "backend '%s': tls", or_unnamed(b->name));
	check_alpn(k, &where, of, t->alpn, t->n_alpn);
}

static void check_balance(struct check *k, const struct config_backend *b)
{
	check_shares(k, b);
	if (b->hash_key != CONFIG_HASH_CLIENT_ADDRESS && b->algorithm != CONFIG_CONSISTENT_HASH)
		err_add(k->e, b->file, b->line,
		    "backend '%s': 'hash_key' has no use without algorithm = \"consistent_hash\"",
		    or_unnamed(b->name));
	if (b->outlier.max_ejection_time_s < b->outlier.ejection_time_s)
		err_add(k->e, b->file, b->line,
		    "backend '%s': outlier: 'max_ejection_time' is %g, less than 'ejection_time', "
		    "which is %g",
		    or_unnamed(b->name), b->outlier.max_ejection_time_s,
		    b->outlier.ejection_time_s);
}

static void check_backend(struct check *k, const struct config_backend *b)
{
	unsigned weight = 0;

	for (unsigned i = 0; i < b->n_targets; i++) {
		weight += b->targets[i].weight;
		if (b->targets[i].address.line)
			check_target(k, b, &b->targets[i]);
	}
	if (b->n_targets && !weight)
		err_add(k->e, b->file, b->line,
		    "backend '%s': every target has weight 0; give at least one a weight",
		    or_unnamed(b->name));
	check_targets_differ(k, b);
	check_balance(k, b);
	if (b->proxy_version == 1 && b->proxy_line)
		err_add(k->e, b->file, b->proxy_line,
		    "backend '%s': proxy_protocol: version 1 has no 'tlvs'; use version 2",
		    or_unnamed(b->name));
	if (b->proxy_tlvs & CONFIG_PROXY_CLIENT_CERT && !(b->proxy_tlvs & CONFIG_PROXY_SSL))
		err_add(k->e, b->file, b->proxy_line,
		    "backend '%s': proxy_protocol: 'client_cert' is a part of 'ssl'; list that too",
		    or_unnamed(b->name));
	check_health(k, b);
	check_backend_tls(k, b);
}

/* --- listeners --- */

static void
check_bind(struct check *k, const struct config_listener *l, const struct config_addr *a)
{
	const struct config_port *own = check_owner(k->c, a);
	char text[CONFIG_ADDR_TEXT], ports[ROLE_TEXT];

	config_addr_print(a, ADDR_PORT, text);
	if (!k->front.n || !k->addresses_known || check_role_has(&k->front, own))
		return;
	check_role_text(&k->front, ports, sizeof(ports));
	if (config_addr_is_any(a)) {
		if (!check_role_has_family(&k->front, a->is_v4))
			err_add(k->e, a->file, a->line,
			    "listener '%s': bind %s: %s %s no %s address", or_unnamed(l->name),
			    text, ports, k->front.n == 1 ? "has" : "have",
			    a->is_v4 ? "IPv4" : "IPv6");
		return;
	}
	if (own)
		err_add(k->e, a->file, a->line,
		    "listener '%s': bind %s is an address of port '%s', but runtime.front is %s",
		    or_unnamed(l->name), text, or_unnamed(own->name), ports);
	else
		err_add(k->e, a->file, a->line,
		    "listener '%s': no port owns bind %s; add it to the addresses of %s",
		    or_unnamed(l->name), text, ports);
}

/* One bind of all listeners, and its place among them. */
struct bind {
	const struct config_addr *address;
	const struct config_listener *listener;
	unsigned order;
};

static bool same_family_and_port(const struct bind *a, const struct bind *b)
{
	return a->address->is_v4 == b->address->is_v4 && a->address->port == b->address->port;
}

/* By family and port; within them 0.0.0.0 and [::], being all zeroes, come first. */
static int compare_binds(const void *x, const void *y)
{
	const struct bind *a = x, *b = y;
	int order = (int)a->address->is_v4 - (int)b->address->is_v4;

	if (!order)
		order = (int)a->address->port - (int)b->address->port;
	if (!order)
		order = memcmp(&a->address->ip, &b->address->ip, sizeof(a->address->ip));
	return order ? order : (a->order > b->order) - (a->order < b->order);
}

static void binds_overlap(struct check *k, const struct bind *a, const struct bind *b)
{
	const struct bind *first = a->order < b->order ? a : b, *second = first == a ? b : a;
	char text[CONFIG_ADDR_TEXT], other[CONFIG_ADDR_TEXT];

	err_add(k->e, second->address->file, second->address->line,
	    "listener '%s': bind %s takes the same connections as bind %s of listener '%s' in line %u",
	    or_unnamed(second->listener->name), config_addr_print(second->address, ADDR_PORT, text),
	    config_addr_print(first->address, ADDR_PORT, other), or_unnamed(first->listener->name),
	    first->address->line);
}

/* Tells which binds take connections that another one takes. */
static void check_binds_differ(struct check *k)
{
	unsigned n = 0, group = 0;
	struct bind *sorted;

	for (unsigned i = 0; i < k->c->n_listeners; i++)
		n += k->c->listeners[i].n_bind;
	if (n > CONFIG_MAX_BINDS) {
		err_add(k->e, k->c->listeners[k->c->n_listeners - 1].file,
		    k->c->listeners[k->c->n_listeners - 1].line,
		    "the listeners have %u addresses in 'bind'; %u are possible", n,
		    CONFIG_MAX_BINDS);
		return;
	}
	sorted = calloc(n + 1, sizeof(*sorted));
	if (!sorted) {
		err_set(k->e, "out of memory");
		return;
	}
	n = 0;
	for (const struct config_listener *l = k->c->listeners;
	     l && l < k->c->listeners + k->c->n_listeners; l++) {
		for (unsigned i = 0; i < l->n_bind; i++, n++)
			sorted[n] = (struct bind){ &l->bind[i], l, n };
	}
	qsort(sorted, n, sizeof(*sorted), compare_binds);
	for (unsigned i = 1; i < n; i++) {
		if (!same_family_and_port(&sorted[group], &sorted[i]))
			group = i;
		else if (config_addr_is_any(sorted[group].address))
			binds_overlap(k, &sorted[group], &sorted[i]);
		else if (config_addr_same(sorted[i - 1].address, sorted[i].address))
			binds_overlap(k, &sorted[i - 1], &sorted[i]);
	}
	free(sorted);
}

static int compare_indices(const void *x, const void *y)
{
	unsigned a = *(const unsigned *)x, b = *(const unsigned *)y;

	return (a > b) - (a < b);
}

static void check_certificates_differ(struct check *k, const struct config_listener *l,
    const char *key, const unsigned *all, unsigned n)
{
	unsigned *sorted = calloc(n + 1, sizeof(*sorted));

	if (!sorted) {
		err_set(k->e, "out of memory");
		return;
	}
	if (n)
		memcpy(sorted, all, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_indices);
	for (unsigned i = 1; i < n; i++) {
		if (sorted[i] == sorted[i - 1])
			err_add(k->e, l->file, l->line,
			    "listener '%s': '%s' names certificate '%s' twice", or_unnamed(l->name),
			    key, or_unnamed(k->c->certificates[sorted[i]].name));
	}
	free(sorted);
}

/* Who may speak for others, or is served before others, is a matter of trust: no prefix may mean more than it seems to. */
static void check_prefixes(struct check *k, const struct config_listener *l, const char *what,
    const struct config_addr *all, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct config_addr a = all[i];
		char was[CONFIG_ADDR_TEXT], is[CONFIG_ADDR_TEXT];

		config_addr_print(&a, ADDR_PREFIX, was);
		if (!config_addr_trim(&a))
			err_add(k->e, a.file, a.line,
			    "listener '%s': %s has %s, with bits set past its "
			    "prefix; did you mean %s?",
			    or_unnamed(l->name), what, was, config_addr_print(&a, ADDR_PREFIX, is));
	}
}

/* Each worker has its part of a limit, and where sources are reserved these have a part of that: none is to be 0. */
static void check_limits(struct check *k, const struct config_listener *l)
{
	const struct {
		const char *name;
		uint32_t limit;
		bool is_kept_of; /* for those that are reserved */
	} all[] = {
		{ "handshakes_per_second", l->limits.handshakes_per_second, true },
		{ "handshakes_at_once", l->limits.handshakes_at_once, true },
		{ "per_source: handshakes_per_second", l->limits.source_per_second, false },
		{ "per_source: handshakes_at_once", l->limits.source_at_once, false },
	};
	unsigned n_workers = k->c->runtime.n_workers;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		bool is_kept_of = all[i].is_kept_of && l->reserved.n_sources > 0;

		if (all[i].limit > 0 && all[i].limit < n_workers)
			err_add(k->e, l->file, l->line,
			    "listener '%s': limits: %s is %u for %u workers; each needs at least one",
			    or_unnamed(l->name), all[i].name, all[i].limit, n_workers);
		else if (is_kept_of && all[i].limit > 0 && all[i].limit < 2 * n_workers)
			err_add(k->e, l->file, l->line,
			    "listener '%s': limits: reserved: a limit of %u cannot be shared; the "
			    "least is %u",
			    or_unnamed(l->name), all[i].limit, 2 * n_workers);
	}
}

/* of: "listener 'https'", or an entry of its sni. */
static void check_mtls(struct check *k, const struct config_mtls *m, const char *of)
{
	if (m->mode == CONFIG_MTLS_VERIFY && !m->trust_store)
		err_add(k->e, m->file, m->line,
		    "%s: mtls: mode \"verify\" needs a 'trust_store' to verify with", of);
}

static void check_rules(struct check *k, const struct config_listener *l)
{
	char of[CONFIG_MAX_NAME + 300];

	snprintf(of, sizeof(of), "listener '%s'", or_unnamed(l->name));
	check_mtls(k, &l->mtls, of);
	for (unsigned i = 0; i < l->n_sni; i++) {
		const struct config_sni *s = &l->sni[i];

		snprintf(of, sizeof(of), "listener '%s': sni '%s'", or_unnamed(l->name),
		    or_unnamed(s->name));
		check_mtls(k, &s->mtls, of);
		if (!s->policy && !s->mtls.line)
			err_add(k->e, s->file, s->line,
			    "%s: neither a 'policy' nor 'mtls' of its own; give one, or remove it",
			    of);
		for (unsigned j = 0; j < i && s->name; j++)
			if (l->sni[j].name && strcasecmp(l->sni[j].name, s->name) == 0)
				err_add(k->e, s->file, s->line, "%s is there twice", of);
	}
}

static void check_trust_store(struct check *k, const struct config_trust_store *t)
{
	for (unsigned i = 0; i < t->n_identities; i++) {
		const struct config_identity *id = &t->identities[i];

		if (!id->subject && !id->issuer && !id->san)
			err_add(k->e, id->file, id->line,
			    "trust store '%s': identity %u lets everybody in: give it a 'subject', "
			    "'issuer' or 'san'",
			    or_unnamed(t->name), i + 1);
	}
}

static int compare_routes(const void *x, const void *y)
{
	const struct config_sni_route *const *a = x, *const *b = y;
	int order = strcasecmp(or_unnamed((*a)->name), or_unnamed((*b)->name));

	return order ? order : (*a > *b) - (*a < *b);
}

static void check_routes(struct check *k, const struct config_listener *l)
{
	const struct config_sni_route **sorted = calloc(l->n_routes + 1, sizeof(*sorted));

	if (!sorted) {
		err_set(k->e, "out of memory");
		return;
	}
	for (unsigned i = 0; i < l->n_routes; i++)
		sorted[i] = &l->routes[i];
	qsort(sorted, l->n_routes, sizeof(*sorted), compare_routes);
	for (unsigned i = 1; i < l->n_routes; i++)
		if (sorted[i]->name && sorted[i - 1]->name &&
		    strcasecmp(sorted[i]->name, sorted[i - 1]->name) == 0)
			err_add(k->e, sorted[i]->file, sorted[i]->line,
			    "listener '%s': a second route for '%s'", or_unnamed(l->name),
			    sorted[i]->name);
	free(sorted);
}

/* The client's own TLS goes through as it is: wrapped into ours no target would understand it. */
static void check_through(struct check *k, const struct config_listener *l)
{
	if (k->e->n) /* a backend may not be the one that was meant */
		return;
	for (unsigned i = 0; i <= l->n_routes; i++) {
		unsigned at = i < l->n_routes ? l->routes[i].backend : l->backend;
		const struct config_backend *b = &k->c->backends[at];

		if (!b->tls.line)
			continue;
		err_add(k->e, l->file, l->line,
		    "listener '%s': backend '%s' has 'tls', which has no use with protocol = "
		    "\"tcp\": it passes on what clients send as it is",
		    l->name, b->name);
		return;
	}
}

/* What only those that decrypt can use, and the other way round. */
static void check_protocol(struct check *k, const struct config_listener *l)
{
	const struct {
		const char *key;
		bool is_there;
	} of_tls[] = {
		{ "default_certificate", l->n_default_certificates > 0 },
		{ "certificates", l->n_certificates > 0 },
		{ "policy", l->policy_line > 0 && l->policy_line != l->line },
		{ "sni", l->n_sni > 0 },
		{ "mtls", l->mtls.line > 0 },
		{ "alpn", l->n_alpn > 0 },
	};

	for (unsigned i = 0; l->passthrough && i < sizeof(of_tls) / sizeof(of_tls[0]); i++)
		if (of_tls[i].is_there)
			err_add(k->e, l->file, l->line,
			    "listener '%s': '%s' has no use with protocol = \"tcp\", which does "
			    "not decrypt",
			    or_unnamed(l->name), of_tls[i].key);
	if (l->passthrough)
		check_through(k, l);
	if (!l->passthrough && l->n_routes)
		err_add(k->e, l->file, l->line,
		    "listener '%s': 'routes' has no use without protocol = \"tcp\"",
		    or_unnamed(l->name));
	if (l->passthrough && l->sni_strict && !l->n_routes)
		err_add(k->e, l->file, l->line,
		    "listener '%s': 'sni_strict' has no use without 'routes'", or_unnamed(l->name));
	check_routes(k, l);
}

static void check_listener(struct check *k, const struct config_listener *l)
{
	const struct place where = { l->file, l->line };
	char of[CONFIG_MAX_NAME + 20];

	check_protocol(k, l);
	check_rules(k, l);
	check_prefixes(k, l, "proxy_protocol: 'from'", (l)->proxy_from, (l)->n_proxy_from);
	check_prefixes(
	    k, l, "limits: reserved: 'sources'", l->reserved.sources, l->reserved.n_sources);
	check_limits(k, l);
	for (unsigned i = 0; i < l->n_bind; i++)
		check_bind(k, l, &l->bind[i]);
	snprintf(of, sizeof(of), "listener '%s'", or_unnamed(l->name));
	check_alpn(k, &where, of, l->alpn, l->n_alpn);
	check_certificates_differ(
	    k, l, "default_certificate", l->default_certificates, l->n_default_certificates);
	check_certificates_differ(k, l, "certificates", l->certificates, l->n_certificates);
}

int config_check(const struct config *c, bool addresses_known, struct err *e)
{
	struct check k = {
		.c = c,
		.e = e,
		.addresses_known = addresses_known,
	};
	unsigned before = e->n;

	for (unsigned i = 0; i < c->n_ports; i++)
		k.addresses_known = k.addresses_known && c->ports[i].n_addresses > 0;
	check_roles_find(&k);
	check_runtime(&k);
	check_eal(&k);
	for (unsigned i = 0; i < c->n_ports; i++)
		check_port(&k, &c->ports[i]);
	for (unsigned i = 0; i < c->n_trust_stores; i++)
		check_trust_store(&k, &c->trust_stores[i]);
	for (unsigned i = 0; i < c->n_backends; i++)
		check_backend(&k, &c->backends[i]);
	for (unsigned i = 0; i < c->n_listeners; i++)
		check_listener(&k, &c->listeners[i]);
	check_binds_differ(&k);
	return e->n == before ? 0 : -1;
}
