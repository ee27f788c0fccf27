/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/load_tls.h"

#include <limits.h>
#include <string.h>

#include "config/load_tables.h"

#define MAX_PATH    (PATH_MAX - 1)
#define MAX_PATTERN 1024

/* The place in words (the last one NULL) of the string s holds, or -1 after saying what there is. */
static int load_word(struct load *l, const config_setting_t *s, const struct load_key *k,
    const char *const *words, const char *all)
{
	const char *text = load_get_string(l, s, k->name, 100);

	for (int i = 0; text && words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	if (text)
		load_error(l, s, "'%s' is '%s'; it must be %s", k->name, text, all);
	return -1;
}

/* "reject" is true, "allow" false. */
static void
load_rejection(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	static const char *const words[] = { "allow", "reject", NULL };
	int word = load_word(l, s, k, words, "\"allow\" or \"reject\"");

	if (word >= 0)
		*(bool *)((char *)item + k->at) = word == 1;
}

/* --- policies --- */

void load_policy_name(
    struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	*(unsigned *)((char *)item + k->line_at) = config_setting_source_line(s);
	load_name(l, s, k, item);
}

static void
load_preference(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	static const char *const words[] = { "server", "client", NULL };
	int word = load_word(l, s, k, words, "\"server\" or \"client\"");

	if (word >= 0)
		((struct config_policy *)item)->client_preference = word == 1;
}

static const struct load_key policy_keys[] = {
	{ "name", load_name, AT(config_policy, name), .required = true },
	{ "based_on", load_name, AT(config_policy, based_on) },
	{ "versions", load_strings, LISTED(config_policy, versions), .size = 16, .min = 1,
	    .max = 4 },
	{ "suites", load_strings, LISTED(config_policy, suites), .size = 64, .min = 1, .max = 40 },
	{ "groups", load_strings, LISTED(config_policy, groups), .size = 64, .min = 1, .max = 8 },
	{ "signature_algorithms", load_strings, LISTED(config_policy, signature_algorithms),
	    .size = 64, .min = 1, .max = 16 },
	{ "preference", load_preference, .required = false },
};

const struct load_group load_policies = { "policy", KEYS(policy_keys), PLACED(config_policy),
	.names = LOAD_POLICIES };

/* --- trust stores --- */

/* Like load_readable, for every element: relative to the folder of the file. */
static void
load_files(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const struct load_key one = { .name = k->name, .max = MAX_PATH };
	const char **paths;
	unsigned n = 0;

	if (!load_is_list(l, s, k))
		return;
	paths = load_alloc(l, (size_t)config_setting_length(s) + 1, sizeof(*paths));
	for (int i = 0; paths && i < config_setting_length(s); i++) {
		load_readable(l, config_setting_get_elem(s, (unsigned)i), &one, &paths[n]);
		if (paths[n])
			n++;
	}
	*(const char ***)((char *)item + k->at) = paths;
	*(unsigned *)((char *)item + k->count_at) = n;
}

static const struct load_key identity_keys[] = {
	{ "subject", load_string, AT(config_identity, subject), .max = MAX_PATTERN },
	{ "issuer", load_string, AT(config_identity, issuer), .max = MAX_PATTERN },
	{ "san", load_string, AT(config_identity, san), .max = MAX_PATTERN },
};

static const struct load_group identity = { "identity", KEYS(identity_keys),
	PLACED(config_identity) };

static const struct load_key quota_keys[] = {
	{ "ca_certificates", load_integer, SIZED(config_trust_store, quotas.ca_certificates),
	    .min = 1, .max = 10000 },
	{ "ca_bytes", load_integer, SIZED(config_trust_store, quotas.ca_bytes), .min = 256,
	    .max = 1 << 20 },
	{ "subject_bytes", load_integer, SIZED(config_trust_store, quotas.subject_bytes), .min = 64,
	    .max = 16000 },
	{ "crls", load_integer, SIZED(config_trust_store, quotas.crls), .min = 0, .max = 10000 },
	{ "revoked", load_integer, SIZED(config_trust_store, quotas.revoked), .min = 0,
	    .max = 50000000 },
	{ "crl_bytes", load_integer, SIZED(config_trust_store, quotas.crl_bytes), .min = 256,
	    .max = 1 << 30 },
};

/* Its members lie in the trust store. */
static const struct load_group quotas = { KEYS(quota_keys) };

static const struct config_trust_store trust_store_defaults = {
	.crl_stale = true,
	.max_depth = 4,
	.quotas = { .ca_certificates = 25,
	    .ca_bytes = 16384,
	    .subject_bytes = 10000,
	    .crls = 30,
	    .revoked = 500000,
	    .crl_bytes = 52428800 },
};

static const struct load_key trust_store_keys[] = {
	{ "name", load_name, AT(config_trust_store, name), .required = true },
	{ "ca_bundle", load_readable, AT(config_trust_store, ca_bundle), .max = MAX_PATH,
	    .required = true },
	{ "crls", load_files, LISTED(config_trust_store, crls), .max = 10000 },
	{ "crl_missing", load_rejection, AT(config_trust_store, crl_missing) },
	{ "crl_stale", load_rejection, AT(config_trust_store, crl_stale) },
	{ "max_depth", load_integer, SIZED(config_trust_store, max_depth), .min = 1, .max = 7 },
	{ "identities", load_items, LISTED(config_trust_store, identities), .max = 1000,
	    .group = &identity },
	{ "quotas", load_group, .group = &quotas },
};

const struct load_group load_trust_stores = { "trust store", KEYS(trust_store_keys),
	PLACED(config_trust_store), .defaults = &trust_store_defaults, .names = LOAD_TRUST_STORES };

static void
load_trust_store(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *name = load_get_string(l, s, k->name, CONFIG_MAX_NAME);
	int index =
	    name ? load_reference(l, s, k->name, LOAD_TRUST_STORES, "trust store", name) : -1;

	/* Empty: one was named, and what is wrong with it has been told. */
	*(const char **)((char *)item + k->at) =
	    index >= 0 ? l->config->trust_stores[index].name : "";
}

/* --- mutual TLS of a listener or a server name --- */

static void
load_mode(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	static const char *const words[] = { "off", "passthrough", "verify", NULL };
	int word = load_word(l, s, k, words, "\"off\", \"passthrough\" or \"verify\"");

	if (word >= 0)
		((struct config_mtls *)item)->mode = (enum config_mtls_mode)word;
}

static const struct load_key mtls_keys[] = {
	{ "mode", load_mode, .required = true },
	{ "trust_store", load_trust_store, AT(config_mtls, trust_store) },
	{ "advertise_ca_names", load_bool, AT(config_mtls, advertise_ca_names) },
	{ "ignore_expiry", load_bool, AT(config_mtls, ignore_expiry) },
};

const struct load_group load_mtls = { KEYS(mtls_keys), PLACED(config_mtls) };

static const struct config_sni sni_defaults = { .mtls = { .advertise_ca_names = true } };

static const struct load_key sni_keys[] = {
	{ "name", load_string, AT(config_sni, name), .max = 254, .required = true },
	{ "policy", load_policy_name, NOTED(config_sni, policy) },
	{ "mtls", load_group, AT(config_sni, mtls), .group = &load_mtls },
};

const struct load_group load_sni = { "sni entry", KEYS(sni_keys), PLACED(config_sni),
	.defaults = &sni_defaults };

/* --- TLS to a backend's targets --- */

/* What is put over the API may name a certificate that the API has added: state_build knows those. */
static void load_own_certificate(
    struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *name = load_get_string(l, s, k->name, CONFIG_MAX_NAME);

	if (!name)
		return;
	if (load_file(l, s) != load_api_file)
		load_reference(l, s, k->name, LOAD_CERTIFICATES, "certificate", name);
	load_name(l, s, k, item);
}

static const struct load_key backend_tls_keys[] = {
	{ "verify", load_bool, AT(config_backend_tls, verify) },
	{ "trust_store", load_trust_store, AT(config_backend_tls, trust_store) },
	{ "server_name", load_string, AT(config_backend_tls, server_name), .max = 253 },
	{ "policy", load_policy_name, NOTED(config_backend_tls, policy) },
	{ "certificate", load_own_certificate, AT(config_backend_tls, certificate) },
	{ "alpn", load_strings, LISTED(config_backend_tls, alpn), .size = 255, .max = 32 },
	{ "pass_alpn", load_bool, AT(config_backend_tls, pass_alpn) },
	{ "sessions", load_bool, AT(config_backend_tls, sessions) },
};

const struct load_group load_backend_tls = { KEYS(backend_tls_keys), PLACED(config_backend_tls) };
