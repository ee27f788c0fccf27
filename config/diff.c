/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/diff.h"

#include <stdlib.h>
#include <string.h>

#include "config/addr.h"
#include "config/err.h"
#include "config/model.h"

static bool same_strings(const char *const *a, unsigned n_a, const char *const *b, unsigned n_b)
{
	if (n_a != n_b)
		return false;
	for (unsigned i = 0; i < n_a; i++) {
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return true;
}

/* Both may be NULL. */
static bool same_string(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_addr(const struct config_addr *a, const struct config_addr *b)
{
	return config_addr_same(a, b) && a->port == b->port && a->prefix == b->prefix;
}

static bool
same_addrs(const struct config_addr *a, unsigned n_a, const struct config_addr *b, unsigned n_b)
{
	if (n_a != n_b)
		return false;
	for (unsigned i = 0; i < n_a; i++) {
		if (!same_addr(&a[i], &b[i]))
			return false;
	}
	return true;
}

/* --- what needs a restart --- */

static void restart_runtime(const struct config *next, bool same, const char *key, struct err *e)
{
	if (!same)
		err_add(e, next->runtime.file, next->runtime.line,
		    "runtime: '%s' differs from the running one; restart to change it", key);
}

static void diff_runtime(const struct config *a, const struct config *b, struct err *e)
{
	const struct config_runtime *r = &a->runtime, *s = &b->runtime;
	bool same_workers = r->n_workers == s->n_workers &&
	    memcmp(r->workers, s->workers, r->n_workers * sizeof(r->workers[0])) == 0;

	restart_runtime(b, same_workers, "workers", e);
	restart_runtime(b, r->control_core == s->control_core, "control_core", e);
	restart_runtime(b, same_strings(r->front, r->n_front, s->front, s->n_front), "front", e);
	restart_runtime(b, same_strings(r->back, r->n_back, s->back, s->n_back), "back", e);
	restart_runtime(b, r->max_connections == s->max_connections, "max_connections", e);
	restart_runtime(b, r->mbufs == s->mbufs, "mbufs", e);
	restart_runtime(b, r->idle_sleep == s->idle_sleep, "idle", e);
	restart_runtime(b, r->watch == s->watch, "watch", e);
	restart_runtime(b, same_string(r->state_dir, s->state_dir), "state_dir", e);
	restart_runtime(b, same_string(r->user, s->user), "user", e);
	if (!same_strings(a->eal, a->n_eal, b->eal, b->n_eal))
		err_add(e, b->eal_file ? b->eal_file : b->path, b->eal_line,
		    "eal: differs from the running one; restart to change it");
}

static void restart_control(const struct config *next, bool same, const char *key, struct err *e)
{
	if (!same)
		err_add(e, next->control.line ? next->control.file : next->path, next->control.line,
		    "control: '%s' differs from the running one; restart to change it", key);
}

static void diff_control(const struct config *a, const struct config *b, struct err *e)
{
	const struct config_control *r = &a->control, *s = &b->control;

	restart_control(b, same_string(r->socket, s->socket), "socket", e);
	restart_control(b, r->mode == s->mode, "mode", e);
	restart_control(b,
	    !r->metrics.line == !s->metrics.line &&
		(!r->metrics.line || same_addr(&r->metrics, &s->metrics)),
	    "metrics", e);
}

static void diff_tickets(const struct config *a, const struct config *b, struct err *e)
{
	const struct config_tickets *r = &a->tickets, *s = &b->tickets;

	if (!same_string(r->key_file, s->key_file) || r->rotate_s != s->rotate_s ||
	    r->keep != s->keep || r->lifetime_s != s->lifetime_s)
		err_add(e, s->line ? s->file : b->path, s->line,
		    "tickets: differs from the running one; restart to change it");
}

static bool same_routes(const struct config_port *p, const struct config_port *q)
{
	if (p->n_routes != q->n_routes)
		return false;
	for (unsigned i = 0; i < p->n_routes; i++) {
		if (!same_addr(&p->routes[i].to, &q->routes[i].to) ||
		    !same_addr(&p->routes[i].via, &q->routes[i].via))
			return false;
	}
	return true;
}

static void restart_port(const struct config_port *q, bool same, const char *key, struct err *e)
{
	if (!same)
		err_add(e, q->file, q->line,
		    "port '%s': '%s' differs from the running one; restart to change it", q->name,
		    key);
}

static void diff_port(const struct config_port *p, const struct config_port *q, struct err *e)
{
	restart_port(
	    q, same_strings(p->devices, p->n_devices, q->devices, q->n_devices), "devices", e);
	restart_port(q, same_addrs(p->addresses, p->n_addresses, q->addresses, q->n_addresses),
	    "addresses", e);
	restart_port(q, same_routes(p, q), "routes", e);
	restart_port(q, p->mtu == q->mtu, "mtu", e);
	restart_port(q, p->vlan == q->vlan, "vlan", e);
	restart_port(q, p->offloads == q->offloads, "offloads", e);
	restart_port(q, p->promiscuous == q->promiscuous, "promiscuous", e);
	restart_port(q, p->rx_descriptors == q->rx_descriptors, "rx_descriptors", e);
	restart_port(q, p->tx_descriptors == q->tx_descriptors, "tx_descriptors", e);
	restart_port(q, p->flow_control == q->flow_control, "flow_control", e);
}

/* Ports are at most CONFIG_MAX_PORTS: no index is needed. Their order is their number in DPDK. */
static void diff_ports(const struct config *a, const struct config *b, struct err *e)
{
	bool same_order = a->n_ports == b->n_ports;

	for (unsigned i = 0; same_order && i < a->n_ports; i++)
		same_order = strcmp(a->ports[i].name, b->ports[i].name) == 0;
	if (!same_order) {
		err_add(e, b->ports[0].file, b->ports[0].line,
		    "ports: their names or order differ from the running ones; restart to change them");
		return;
	}
	for (unsigned i = 0; i < a->n_ports; i++)
		diff_port(&a->ports[i], &b->ports[i], e);
}

/* --- what a reload can change --- */

static bool same_certificate(const struct config *a, unsigned i, const struct config *b, unsigned j)
{
	const struct config_certificate *x = &a->certificates[i], *y = &b->certificates[j];

	return strcmp(x->chain, y->chain) == 0 && strcmp(x->key, y->key) == 0 &&
	    same_strings(x->names, x->n_names, y->names, y->n_names) &&
	    same_string(x->passphrase_file, y->passphrase_file) && same_string(x->ocsp, y->ocsp) &&
	    x->force == y->force;
}

static bool same_target(const struct config_target *x, const struct config_target *y)
{
	return same_addr(&x->address, &y->address) && x->weight == y->weight &&
	    x->max_connections == y->max_connections && x->drain == y->drain;
}

static bool same_health(const struct config_health *x, const struct config_health *y)
{
	return x->type == y->type && x->interval_s == y->interval_s &&
	    x->timeout_s == y->timeout_s && x->healthy == y->healthy &&
	    x->unhealthy == y->unhealthy && x->port == y->port && same_string(x->path, y->path) &&
	    same_string(x->host, y->host) && x->n_status == y->n_status &&
	    memcmp(x->status, y->status, x->n_status * sizeof(x->status[0])) == 0 &&
	    same_string(x->body, y->body) && x->minimum_healthy == y->minimum_healthy &&
	    x->minimum_healthy_percent == y->minimum_healthy_percent;
}

static bool same_tls(const struct config_backend_tls *x, const struct config_backend_tls *y)
{
	return !x->line == !y->line && x->verify == y->verify &&
	    same_string(x->trust_store, y->trust_store) &&
	    same_string(x->server_name, y->server_name) && same_string(x->policy, y->policy) &&
	    same_string(x->certificate, y->certificate) &&
	    same_strings(x->alpn, x->n_alpn, y->alpn, y->n_alpn) && x->pass_alpn == y->pass_alpn &&
	    x->sessions == y->sessions;
}

static bool same_backend(const struct config *a, unsigned i, const struct config *b, unsigned j)
{
	const struct config_backend *x = &a->backends[i], *y = &b->backends[j];

	if (x->n_targets != y->n_targets || x->connect_timeout_s != y->connect_timeout_s ||
	    x->algorithm != y->algorithm || x->hash_key != y->hash_key ||
	    x->retries != y->retries || x->slow_start_s != y->slow_start_s ||
	    x->outlier.failures != y->outlier.failures ||
	    x->outlier.ejection_time_s != y->outlier.ejection_time_s ||
	    x->outlier.max_ejection_time_s != y->outlier.max_ejection_time_s ||
	    x->outlier.max_ejected != y->outlier.max_ejected || x->queue.size != y->queue.size ||
	    x->queue.timeout_s != y->queue.timeout_s || x->proxy_version != y->proxy_version ||
	    x->proxy_tlvs != y->proxy_tlvs ||
	    x->deregistration_delay_s != y->deregistration_delay_s ||
	    !same_health(&x->health, &y->health) || !same_tls(&x->tls, &y->tls))
		return false;
	for (unsigned t = 0; t < x->n_targets; t++) {
		if (!same_target(&x->targets[t], &y->targets[t]))
			return false;
	}
	return true;
}

/* Indices differ as soon as the order does, so certificates are compared by name. */
static bool same_references(const struct config *a, const unsigned *x, unsigned n_x,
    const struct config *b, const unsigned *y, unsigned n_y)
{
	if (n_x != n_y)
		return false;
	for (unsigned i = 0; i < n_x; i++) {
		if (strcmp(a->certificates[x[i]].name, b->certificates[y[i]].name) != 0)
			return false;
	}
	return true;
}

static bool same_policy(const struct config *a, unsigned i, const struct config *b, unsigned j)
{
	const struct config_policy *x = &a->policies[i], *y = &b->policies[j];

	return same_string(x->based_on, y->based_on) &&
	    same_strings(x->versions, x->n_versions, y->versions, y->n_versions) &&
	    same_strings(x->suites, x->n_suites, y->suites, y->n_suites) &&
	    same_strings(x->groups, x->n_groups, y->groups, y->n_groups) &&
	    same_strings(x->signature_algorithms, x->n_signature_algorithms,
		y->signature_algorithms, y->n_signature_algorithms) &&
	    x->client_preference == y->client_preference;
}

static bool same_identities(const struct config_trust_store *x, const struct config_trust_store *y)
{
	if (x->n_identities != y->n_identities)
		return false;
	for (unsigned i = 0; i < x->n_identities; i++) {
		const struct config_identity *p = &x->identities[i], *q = &y->identities[i];

		if (!same_string(p->subject, q->subject) || !same_string(p->issuer, q->issuer) ||
		    !same_string(p->san, q->san))
			return false;
	}
	return true;
}

static bool same_trust_store(const struct config *a, unsigned i, const struct config *b, unsigned j)
{
	const struct config_trust_store *x = &a->trust_stores[i], *y = &b->trust_stores[j];

	return strcmp(x->ca_bundle, y->ca_bundle) == 0 &&
	    same_strings(x->crls, x->n_crls, y->crls, y->n_crls) &&
	    x->crl_missing == y->crl_missing && x->crl_stale == y->crl_stale &&
	    x->max_depth == y->max_depth && same_identities(x, y) &&
	    memcmp(&x->quotas, &y->quotas, sizeof(x->quotas)) == 0;
}

static bool same_mtls(const struct config_mtls *x, const struct config_mtls *y)
{
	return x->mode == y->mode && same_string(x->trust_store, y->trust_store) &&
	    x->advertise_ca_names == y->advertise_ca_names && x->ignore_expiry == y->ignore_expiry;
}

static bool same_sni(const struct config_listener *x, const struct config_listener *y)
{
	if (x->n_sni != y->n_sni)
		return false;
	for (unsigned i = 0; i < x->n_sni; i++) {
		const struct config_sni *p = &x->sni[i], *q = &y->sni[i];

		if (strcmp(p->name, q->name) != 0 || !same_string(p->policy, q->policy) ||
		    !p->mtls.line != !q->mtls.line || !same_mtls(&p->mtls, &q->mtls))
			return false;
	}
	return true;
}

static bool same_routing(const struct config *a, const struct config_listener *x,
    const struct config *b, const struct config_listener *y)
{
	if (x->passthrough != y->passthrough || x->n_routes != y->n_routes)
		return false;
	for (unsigned i = 0; i < x->n_routes; i++)
		if (strcmp(x->routes[i].name, y->routes[i].name) != 0 ||
		    strcmp(a->backends[x->routes[i].backend].name,
			b->backends[y->routes[i].backend].name) != 0)
			return false;
	return true;
}

/* Certificates are compared by their names. */
static bool same_listener(const struct config *a, unsigned i, const struct config *b, unsigned j)
{
	const struct config_listener *x = &a->listeners[i], *y = &b->listeners[j];

	return same_addrs(x->bind, x->n_bind, y->bind, y->n_bind) && same_routing(a, x, b, y) &&
	    strcmp(x->policy, y->policy) == 0 &&
	    same_references(a, x->default_certificates, x->n_default_certificates, b,
		y->default_certificates, y->n_default_certificates) &&
	    same_references(
		a, x->certificates, x->n_certificates, b, y->certificates, y->n_certificates) &&
	    same_mtls(&x->mtls, &y->mtls) && same_sni(x, y) && x->sni_strict == y->sni_strict &&
	    x->tickets == y->tickets && same_strings(x->alpn, x->n_alpn, y->alpn, y->n_alpn) &&
	    strcmp(a->backends[x->backend].name, b->backends[y->backend].name) == 0 &&
	    x->handshake_timeout_s == y->handshake_timeout_s &&
	    x->idle_timeout_s == y->idle_timeout_s &&
	    memcmp(&x->limits, &y->limits, sizeof(x->limits)) == 0 &&
	    x->reserved.share == y->reserved.share &&
	    same_addrs(x->reserved.sources, x->reserved.n_sources, y->reserved.sources,
		y->reserved.n_sources) &&
	    same_addrs(x->proxy_from, x->n_proxy_from, y->proxy_from, y->n_proxy_from) &&
	    x->proxy_timeout_s == y->proxy_timeout_s && x->proxy_others == y->proxy_others;
}

/* One kind of named items: where they are, and when two of them are the same. */
struct items {
	const void *at; /* an array of structs with the name as first member */
	unsigned n;
	size_t size;
};

struct named {
	const char *name;
	unsigned index;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static struct named *sort_items(const struct items *items)
{
	struct named *all = calloc(items->n + 1, sizeof(*all));

	for (unsigned i = 0; all && i < items->n; i++) {
		const char *item = (const char *)items->at + i * items->size;

		all[i] = (struct named){ *(const char *const *)item, i };
	}
	if (all)
		qsort(all, items->n, sizeof(*all), compare_named);
	return all;
}

/* Merges both sorted lists of names. */
static int
diff_items(const struct config *a, struct items x, const struct config *b, struct items y,
    bool (*same)(const struct config *a, unsigned i, const struct config *b, unsigned j),
    struct config_delta *d, struct err *e)
{
	struct named *old = sort_items(&x), *new = sort_items(&y);
	unsigned i = 0, j = 0;
	int ok = old && new ? 0 : err_set(e, "out of memory");

	while (ok == 0 && (i < x.n || j < y.n)) {
		int order = i == x.n ? 1 : j == y.n ? -1 : compare_named(&old[i], &new[j]);

		if (order < 0)
			d->removed++;
		else if (order > 0)
			d->added++;
		else if (!same(a, old[i].index, b, new[j].index))
			d->changed++;
		i += order <= 0;
		j += order >= 0;
	}
	free(old);
	free(new);
	return ok;
}

#define ITEMS(c, kind) ((struct items){ (c)->kind, (c)->n_##kind, sizeof((c)->kind[0]) })

int config_diff(
    const struct config *running, const struct config *next, struct config_diff *d, struct err *e)
{
	const struct config *a = running, *b = next;
	unsigned before = e->n;

	memset(d, 0, sizeof(*d));
	diff_runtime(a, b, e);
	diff_control(a, b, e);
	diff_tickets(a, b, e);
	diff_ports(a, b, e);
	d->log = !same_string(a->log.path, b->log.path) || a->log.format != b->log.format;
	d->drain_timeout = a->runtime.drain_timeout_s != b->runtime.drain_timeout_s;
	diff_items(a, ITEMS(a, certificates), b, ITEMS(b, certificates), same_certificate,
	    &d->certificates, e);
	diff_items(a, ITEMS(a, policies), b, ITEMS(b, policies), same_policy, &d->policies, e);
	diff_items(a, ITEMS(a, trust_stores), b, ITEMS(b, trust_stores), same_trust_store,
	    &d->trust_stores, e);
	diff_items(a, ITEMS(a, backends), b, ITEMS(b, backends), same_backend, &d->backends, e);
	diff_items(a, ITEMS(a, listeners), b, ITEMS(b, listeners), same_listener, &d->listeners, e);
	return e->n == before ? 0 : -1;
}
