/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/control_private.h"
#include "dataplane/proxy/snapshot.h"
#include "tls/policy.h"
#include "tls/trust.h"

/* Policies and trust stores: what the API and metrics tell of them, and what the operator should know. */

_Static_assert(OPS_POLICY_NAMES >= POLICY_MAX_SUITES, "all of a policy is shown");

/* --- policies --- */

static unsigned take_names(
    const char **to, const uint16_t *numbers, unsigned n, const char *(*name)(uint16_t number))
{
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++) {
		to[taken] = name(numbers[i]);
		taken += to[taken] != NULL;
	}
	return taken;
}

static void show_policy(struct ops_policy *to, const struct policy *p)
{
	*to = (struct ops_policy){ .name = p->name, .client_preference = p->client_order };
	for (uint16_t v = p->min_version; v <= p->max_version && to->n_versions < 4; v++)
		to->versions[to->n_versions++] = policy_version_name(v);
	to->n_suites = take_names(to->suites, p->suites, p->n_suites, policy_suite_name);
	to->n_groups = take_names(to->groups, p->groups, p->n_groups, policy_group_name);
	to->n_sigalgs = take_names(to->sigalgs, p->sigalgs, p->n_sigalgs, policy_sigalg_name);
}

static bool op_policy_at(void *arg, unsigned i, struct ops_policy *to)
{
	const struct policy *p = policy_builtin(i);

	(void)arg;
	if (p)
		show_policy(to, p);
	return p != NULL;
}

static bool op_policy_find(void *arg, const char *name, struct ops_policy *to)
{
	const struct control *c = arg;
	const struct snapshot_base *b = c->state->base;
	const struct policy *p = policy_find(name);

	for (unsigned i = 0; i < b->config->n_policies && !p; i++)
		if (strcmp(b->config->policies[i].name, name) == 0)
			p = &b->policies[i];
	if (p)
		show_policy(to, p);
	return p != NULL;
}

/* --- trust stores --- */

static const char *name_of(const struct snapshot_base *b, unsigned i)
{
	return b->config->trust_stores[i].name;
}

static bool op_trust_find(void *arg, const char *name, struct ops_trust *to)
{
	const struct control *c = arg;
	const struct snapshot_base *b = c->state->base;

	for (unsigned i = 0; i < b->config->n_trust_stores; i++) {
		struct trust_facts f;

		if (strcmp(name_of(b, i), name) != 0)
			continue;
		f = trust_facts(b->trust_stores[i]);
		*to = (struct ops_trust){ .n_cas = f.n_cas,
			.n_crls = f.n_crls,
			.n_revoked = f.n_revoked,
			.next_update = f.next_update,
			.not_after = f.not_after,
			.warnings = trust_warnings(b->trust_stores[i]) };
		return true;
	}
	return false;
}

void control_tls_ops(struct ops *ops)
{
	ops->policy_at = op_policy_at;
	ops->policy_find = op_policy_find;
	ops->trust_find = op_trust_find;
}

static void head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP sallyport_%s %s\n# TYPE sallyport_%s gauge\n", name, help, name);
}

/* Names have no character that a label would have to escape (config/change.h). */
void control_print_trust(const struct control *c, FILE *out)
{
	const struct snapshot_base *b = c->state->base;
	unsigned n = b->config->n_trust_stores;

	head(out, "crl_next_update_seconds",
	    "When the first of a trust store's CRLs becomes stale, in seconds since the epoch.");
	for (unsigned i = 0; i < n; i++) {
		int64_t at = trust_facts(b->trust_stores[i]).next_update;

		if (at != INT64_MAX)
			fprintf(out, "sallyport_crl_next_update_seconds{store=\"%s\"} %lld\n",
			    name_of(b, i), (long long)at);
	}
	head(out, "trust_store_not_after_seconds",
	    "When the first of a trust store's CA certificates ends, in seconds since the epoch.");
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "sallyport_trust_store_not_after_seconds{store=\"%s\"} %lld\n",
		    name_of(b, i), (long long)trust_facts(b->trust_stores[i]).not_after);
	head(out, "trust_store_ca_certificates", "CA certificates in a trust store.");
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "sallyport_trust_store_ca_certificates{store=\"%s\"} %u\n",
		    name_of(b, i), trust_facts(b->trust_stores[i]).n_cas);
	head(out, "trust_store_revoked", "Revoked certificates that a trust store knows of.");
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "sallyport_trust_store_revoked{store=\"%s\"} %zu\n", name_of(b, i),
		    trust_facts(b->trust_stores[i]).n_revoked);
}

static bool has_store(const struct state *s, const struct trust_store *t)
{
	for (unsigned i = 0; s && i < s->base->config->n_trust_stores; i++)
		if (s->base->trust_stores[i] == t)
			return true;
	return false;
}

/* A message of its own for each line. */
static void add_lines(struct err *to, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		err_set(to, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

void control_tell_trust(const struct state *now, const struct state *before, struct err *warnings)
{
	const struct snapshot_base *b = now->base;

	for (unsigned i = 0; i < b->config->n_trust_stores; i++) {
		const char *text = trust_warnings(b->trust_stores[i]);

		if (!*text || has_store(before, b->trust_stores[i]))
			continue;
		if (warnings)
			add_lines(warnings, text);
		else
			log_lines(RTE_LOG_WARNING, text);
	}
}

/* --- what comes to its end --- */

static void
warn_of(const char *store, const char *what, int64_t left, int stage, const char *consequence)
{
	if (left <= 0)
		log_error("trust store '%s': %s: %s", store, what, consequence);
	else
		log_warning("trust store '%s': %s in %lld hours (less than %d day%s)", store, what,
		    (long long)(left / 3600), stage, stage == 1 ? "" : "s");
}

void control_warn_trust(const struct control *c, int64_t now)
{
	const struct snapshot_base *b = c->state->base;

	for (unsigned i = 0; i < b->config->n_trust_stores; i++) {
		const struct trust_facts f = trust_facts(b->trust_stores[i]);
		int is = control_expiry_stage(f.not_after - now);
		bool is_stale = f.next_update <= now;

		if (is >= 0 &&
		    (c->warned == 0 || control_expiry_stage(f.not_after - c->warned) != is))
			warn_of(name_of(b, i), "a CA certificate ends", f.not_after - now, is,
			    "whom it certified is refused");
		if (is_stale && (c->warned == 0 || f.next_update > c->warned))
			warn_of(name_of(b, i), "a CRL is stale", 0, 0, "give it the next one");
	}
}
