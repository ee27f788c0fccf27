/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/service.h"

#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "tls/policy.h"
#include "tls/sni.h"

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
	s->policy = config->policy ? config->policy : policy_find(POLICY_DEFAULT);
	s->sni_strict = config->sni_strict;
	s->no_tickets = config->no_tickets;
	s->trust_generation = config->trust_generation;
	if (ticket_bind(s->ticket_binding, config->listener, s->policy, s->trust_generation) < 0) {
		err_set(e, "listener '%s': no memory", config->listener);
		tls_service_free(s);
		return NULL;
	}
	s->names = make_names(config, e);
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
	free(s->alpn);
	free(s);
}
