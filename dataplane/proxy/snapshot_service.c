/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "dataplane/proxy/snapshot_private.h"
#include "tls/service.h"

static struct snapshot_service *service_of(struct tls_service *tls, struct err *e)
{
	struct snapshot_service *s = tls ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		if (tls)
			err_set(e, "out of memory");
		tls_service_free(tls);
		return NULL;
	}
	s->references = 1;
	s->tls = tls;
	return s;
}

/* Finds what the loader has seen to be there. */
static struct tls_mtls mtls_of(const struct snapshot_base *b, const struct config_mtls *config)
{
	static const enum mtls_mode modes[] = {
		[CONFIG_MTLS_OFF] = MTLS_OFF,
		[CONFIG_MTLS_PASSTHROUGH] = MTLS_PASSTHROUGH,
		[CONFIG_MTLS_VERIFY] = MTLS_VERIFY,
	};
	return (struct tls_mtls){ .mode = modes[config->mode],
		.trust = snapshot_find_trust_store(b, config->trust_store),
		.ignores_expiry = config->ignore_expiry,
		.advertises = config->advertise_ca_names };
}

/* What is left out of an entry of sni is the listener's. The caller frees them; NULL: no memory. */
static struct tls_rule_config *
named_rules(const struct snapshot_base *b, const struct config_listener *config)
{
	struct tls_rule_config *rules = calloc(config->n_sni + 1, sizeof(*rules));

	for (unsigned i = 0; rules && i < config->n_sni; i++) {
		const struct config_sni *s = &config->sni[i];

		rules[i] = (struct tls_rule_config){
			.name = s->name,
			.policy = snapshot_find_policy(
			    b, b->config->n_policies, s->policy ? s->policy : config->policy),
			.mtls = mtls_of(b, s->mtls.line ? &s->mtls : &config->mtls),
		};
	}
	return rules;
}

/* Of a listener that does not decrypt. */
static struct snapshot_service *service_without_tls(struct err *e)
{
	struct snapshot_service *s = calloc(1, sizeof(*s));

	if (s)
		s->references = 1;
	else
		err_set(e, "out of memory");
	return s;
}

/* tls: which certificates; the rest is what the listener's settings say. */
static struct snapshot_service *make_service(
    const struct snapshot_base *b, unsigned listener, struct tls_service_config *tls, struct err *e)
{
	const struct config_listener *config = &b->config->listeners[listener];
	struct tls_rule_config *named = named_rules(b, config);
	struct tls_service *service;

	if (!named) {
		err_set(e, "out of memory for listener '%s'", config->name);
		return NULL;
	}
	tls->listener = config->name;
	tls->file = config->file;
	tls->line = config->policy_line;
	tls->own.policy = snapshot_find_policy(b, b->config->n_policies, config->policy);
	tls->own.mtls = mtls_of(b, &config->mtls);
	tls->named = named;
	tls->n_named = config->n_sni;
	tls->sni_strict = config->sni_strict;
	tls->no_tickets = !config->tickets;
	tls->alpn = config->alpn;
	tls->n_alpn = config->n_alpn;
	service = tls_service_new(tls, e);
	free(named);
	return service_of(service, e);
}

struct snapshot_service *snapshot_service_new(const struct snapshot_base *b, unsigned listener,
    const struct snapshot_certs *certs, struct err *e)
{
	struct tls_service_config tls = {
		.defaults = certs->defaults,
		.n_defaults = certs->n_defaults,
		.certificates = certs->certs,
		.n_certificates = certs->n_certs,
	};

	return b->config->listeners[listener].passthrough ? service_without_tls(e)
							  : make_service(b, listener, &tls, e);
}

struct snapshot_service *snapshot_service_follow(const struct snapshot_base *b, unsigned listener,
    const struct snapshot_service *old, const struct sni_change *change, struct err *e)
{
	struct tls_service_config tls = { .names_of = old->tls, .change = change };

	return make_service(b, listener, &tls, e);
}

struct snapshot_service *snapshot_service_replace(
    const struct snapshot_service *old, const struct sni_change *change, struct err *e)
{
	if (!old->tls) {
		err_set(e,
		    "a listener with protocol = \"tcp\" does not decrypt: it has no certificates");
		return NULL;
	}
	return service_of(tls_service_replace(old->tls, change, e), e);
}

struct snapshot_service *snapshot_service_get(struct snapshot_service *s)
{
	s->references++;
	return s;
}

void snapshot_service_put(struct snapshot_service *s)
{
	if (!s || --s->references > 0)
		return;
	tls_service_free(s->tls);
	free(s);
}
