/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/service.h"

#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "tls/name.h"
#include "tls/policy.h"
#include "tls/select.h"
#include "tls/sni.h"
#include "tls/trust.h"

/* The same for a name on every node and build: tickets are bound to it. FNV-1a. */
static uint32_t name_id(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

static int check_alpn(const struct tls_service_config *config, struct err *e, size_t *len)
{
	*len = 0;
	for (unsigned i = 0; i < config->n_alpn; i++) {
		size_t n = strlen(config->alpn[i]);

		if (n < 1 || n > 255) /* RFC 7301 3.1 */
			return err_set(e, "listener '%s': ALPN name '%s' must have 1 to 255 bytes",
			    config->listener, config->alpn[i]);
		for (unsigned k = 0; k < i; k++)
			if (strcmp(config->alpn[k], config->alpn[i]) == 0)
				return err_set(e, "listener '%s': ALPN name '%s' is given twice",
				    config->listener, config->alpn[i]);
		*len += 1 + n;
	}
	if (*len > UINT16_MAX)
		return err_set(
		    e, "listener '%s': the ALPN names are too long together", config->listener);
	return 0;
}

static int set_alpn(struct tls_service *s, const struct tls_service_config *config, struct err *e)
{
	size_t len;
	uint8_t *at;

	if (check_alpn(config, e, &len) < 0)
		return -1;
	if (len == 0)
		return 0;
	s->alpn = at = malloc(len);
	if (!at)
		return err_set(e, "listener '%s': no memory", config->listener);
	s->alpn_len = (uint16_t)len;
	for (unsigned i = 0; i < config->n_alpn; i++) {
		size_t n = strlen(config->alpn[i]);

		*at++ = (uint8_t)n;
		memcpy(at, config->alpn[i], n);
		at += n;
	}
	return 0;
}

/* --- rules --- */

static void rules_put(struct tls_rules *rules)
{
	if (!rules || --rules->references > 0)
		return;
	for (unsigned i = 0; i < rules->n; i++) {
		free(rules->named[i].name);
		trust_put(rules->named[i].mtls.trust);
	}
	trust_put(rules->own.mtls.trust);
	free(rules);
}

/* The policy must be good for one of the certificates, or nobody could ever connect. */
static int
check_policy(const struct tls_service_config *config, const struct policy *policy, struct err *e)
{
	if (config->names_of)
		return 0; /* its certificates are not at hand; control builds from all of them */
	for (unsigned i = 0; i < config->n_defaults; i++)
		if (select_is_possible(policy, config->defaults[i]))
			return 0;
	for (unsigned i = 0; i < config->n_certificates; i++)
		if (select_is_possible(policy, config->certificates[i]))
			return 0;
	return err_add(e, config->file, config->line,
	    "listener '%s': no certificate of it can be served with policy '%s'", config->listener,
	    policy->name);
}

static int rule_fill(struct tls_rule *rule, const struct tls_rule_config *from,
    const struct tls_service_config *config, struct err *e)
{
	rule->policy = from->policy ? from->policy : policy_find(POLICY_DEFAULT);
	rule->mtls = from->mtls;
	if (rule->mtls.trust)
		trust_get(rule->mtls.trust);
	if (rule->mtls.mode == MTLS_VERIFY && !rule->mtls.trust)
		return err_set(
		    e, "listener '%s': mtls needs a trust store to verify with", config->listener);
	if (ticket_bind(rule->ticket_binding, config->listener, rule->policy) < 0)
		return err_set(e, "listener '%s': no memory", config->listener);
	return check_policy(config, rule->policy, e);
}

static int name_fill(struct tls_rule *rule, const struct tls_rule_config *from,
    const struct tls_service_config *config, struct err *e)
{
	char name[NAME_MAX_LEN + 1];

	if (name_copy_pattern(name, (const uint8_t *)from->name, strlen(from->name)) < 0)
		return err_set(e, "listener '%s': sni: '%s' is no host name, nor a wildcard",
		    config->listener, from->name);
	rule->name = strdup(name);
	return rule->name ? 0 : err_set(e, "listener '%s': no memory", config->listener);
}

static int compare_rules(const void *a, const void *b)
{
	return strcmp(((const struct tls_rule *)a)->name, ((const struct tls_rule *)b)->name);
}

static struct tls_rules *rules_new(const struct tls_service_config *config, struct err *e)
{
	struct tls_rules *rules =
	    calloc(1, sizeof(*rules) + config->n_named * sizeof(rules->named[0]));
	int result;

	if (!rules) {
		err_set(e, "listener '%s': no memory", config->listener);
		return NULL;
	}
	rules->references = 1;
	result = rule_fill(&rules->own, &config->own, config, e);
	for (unsigned i = 0; i < config->n_named && result == 0; i++) {
		rules->n++;
		result = name_fill(&rules->named[i], &config->named[i], config, e);
		if (result == 0)
			result = rule_fill(&rules->named[i], &config->named[i], config, e);
	}
	if (result == 0)
		qsort(rules->named, rules->n, sizeof(rules->named[0]), compare_rules);
	for (unsigned i = 1; i < rules->n && result == 0; i++)
		if (strcmp(rules->named[i - 1].name, rules->named[i].name) == 0)
			result = err_set(e, "listener '%s': sni has '%s' twice", config->listener,
			    rules->named[i].name);
	if (result == 0)
		return rules;
	rules_put(rules);
	return NULL;
}

static const struct tls_rule *find_rule(const struct tls_rules *rules, const char *name)
{
	unsigned low = 0, high = rules->n;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = strcmp(name, rules->named[middle].name);

		if (order == 0)
			return &rules->named[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct tls_rule *tls_service_rule(const struct tls_service *s, const char *name, size_t len)
{
	const struct tls_rules *rules = s->rules;
	const struct tls_rule *rule;
	char text[NAME_MAX_LEN + 2];
	const char *dot;

	if (rules->n == 0 || len == 0 || len > NAME_MAX_LEN)
		return &rules->own;
	memcpy(text + 1, name, len);
	text[1 + len] = '\0';
	rule = find_rule(rules, text + 1);
	if (rule)
		return rule;
	dot = strchr(text + 1, '.');
	if (!dot || dot == text + 1)
		return &rules->own;
	/* "*.rest", in the place of what is before the dot. */
	text[dot - text - 1] = '*';
	rule = find_rule(rules, dot - 1);
	return rule ? rule : &rules->own;
}

static struct sni_table *make_names(const struct tls_service_config *config, struct err *e)
{
	static const struct sni_change none;

	if (config->names_of)
		return sni_replace(
		    config->names_of->names, config->change ? config->change : &none, e);
	return sni_new(
	    config->certificates, config->n_certificates, config->defaults, config->n_defaults, e);
}

/* Whether there will be no default certificate. */
static bool lacks_default(const struct tls_service_config *config)
{
	const struct sni_change *change = config->change;

	/* One that is followed has a default, and only a new list takes it away. */
	if (config->names_of)
		return change && change->defaults && change->n_defaults == 0;
	return config->n_defaults == 0;
}

struct tls_service *tls_service_new(const struct tls_service_config *config, struct err *e)
{
	struct tls_service *s;

	if (lacks_default(config)) {
		err_set(e, "listener '%s': at least one default certificate is needed",
		    config->listener);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		err_set(e, "listener '%s': no memory", config->listener);
		return NULL;
	}
	s->listener_id = name_id(config->listener);
	s->sni_strict = config->sni_strict;
	s->no_tickets = config->no_tickets;
	s->rules = rules_new(config, e);
	s->names = s->rules ? make_names(config, e) : NULL;
	if (!s->names || set_alpn(s, config, e) < 0) {
		tls_service_free(s);
		return NULL;
	}
	return s;
}

struct tls_service *
tls_service_replace(const struct tls_service *old, const struct sni_change *change, struct err *e)
{
	struct tls_service *s;

	if (change->defaults && change->n_defaults == 0) {
		err_set(e, "at least one default certificate is needed");
		return NULL;
	}
	s = malloc(sizeof(*s));
	if (!s) {
		err_set(e, "no memory");
		return NULL;
	}
	*s = *old;
	s->rules->references++;
	s->alpn = old->alpn_len > 0 ? malloc(old->alpn_len) : NULL;
	if (s->alpn)
		memcpy(s->alpn, old->alpn, old->alpn_len);
	s->names = sni_replace(old->names, change, e);
	if (!s->names || (old->alpn && !s->alpn)) {
		if (s->names)
			err_set(e, "no memory");
		tls_service_free(s);
		return NULL;
	}
	return s;
}

void tls_service_free(struct tls_service *s)
{
	if (!s)
		return;
	sni_free(s->names);
	rules_put(s->rules);
	free(s->alpn);
	free(s);
}
