/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/origin.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "config/err.h"
#include "tls/cert.h"
#include "tls/origin_private.h"
#include "tls/trust.h"

static void set_address(struct origin *o, int family, const char *text)
{
	o->address_len = family == AF_INET ? 4 : 16;
	inet_pton(family, text, o->address);
}

/* An address may stand in brackets, as in a URL. */
static int set_name(struct origin *o, const struct origin_config *config, struct err *e)
{
	const char *name = config->server_name;
	char bare[INET6_ADDRSTRLEN];
	size_t len;

	if (name == NULL)
		return 0;
	len = strlen(name);
	if (len > 2 && len - 2 < sizeof(bare) && name[0] == '[' && name[len - 1] == ']') {
		memcpy(bare, name + 1, len - 2);
		bare[len - 2] = '\0';
		name = bare;
		len -= 2;
	}
	if (name_is_address((const uint8_t *)name, len)) {
		set_address(o, strchr(name, ':') ? AF_INET6 : AF_INET, name);
		return 0;
	}
	if (name != bare && name_copy(o->host, (const uint8_t *)name, len) >= 0)
		return 0;
	o->host[0] = '\0';
	return err_set(e, "backend '%s': '%s' is neither a host name nor an address", config->name,
	    config->server_name);
}

static int set_alpn(struct origin *o, const struct origin_config *config, struct err *e)
{
	size_t at = 0;

	for (unsigned i = 0; i < config->n_alpn; i++) {
		const char *name = config->alpn[i];
		size_t len = strlen(name);

		/* wolfSSL takes them as a list with commas. */
		if (len == 0 || strchr(name, ','))
			return err_set(
			    e, "backend '%s': '%s' is no protocol's name", config->name, name);
		if (at + (at > 0) + len > ORIGIN_MAX_ALPN)
			return err_set(e, "backend '%s': the protocols' names have over %d bytes",
			    config->name, ORIGIN_MAX_ALPN);
		if (at > 0)
			o->alpn[at++] = ',';
		memcpy(o->alpn + at, name, len);
		at += len;
	}
	o->alpn_len = (uint8_t)at;
	return 0;
}

/* Part of a digest that what a session depends on goes into; false: wolfCrypt has no memory. */
static bool add(wc_Sha256 *sha, const void *at, size_t len)
{
	const uint8_t size = (uint8_t)len;

	return wc_Sha256Update(sha, &size, 1) == 0 && wc_Sha256Update(sha, at, (word32)len) == 0;
}

static bool set_version(struct origin *o)
{
	const uint64_t trust = o->trust ? trust_version(o->trust) : 0;
	const uint64_t certificate = o->certificate ? o->certificate->version : 0;
	uint8_t digest[WC_SHA256_DIGEST_SIZE];
	wc_Sha256 sha;
	bool good;

	if (wc_InitSha256(&sha) != 0)
		return false;
	good = add(&sha, &o->policy.id, sizeof(o->policy.id)) && add(&sha, &trust, sizeof(trust)) &&
	    add(&sha, &certificate, sizeof(certificate)) && add(&sha, o->host, strlen(o->host)) &&
	    add(&sha, o->address, o->address_len) && add(&sha, o->alpn, o->alpn_len) &&
	    wc_Sha256Final(&sha, digest) == 0;
	wc_Sha256Free(&sha);
	memcpy(&o->version, digest, sizeof(o->version));
	return good;
}

struct origin *origin_new(const struct origin_config *config, struct err *e)
{
	const struct policy *policy = config->policy ? config->policy : policy_find(POLICY_DEFAULT);
	struct origin *o = calloc(1, sizeof(*o));
	int bad = 0;

	if (o == NULL) {
		err_set(e, "backend '%s': no memory", config->name);
		return NULL;
	}
	o->policy = *policy;
	o->policy.name = NULL; /* it may go before this */
	o->no_sessions = config->no_sessions;
	if (config->verify && config->trust == NULL)
		bad |=
		    err_set(e, "backend '%s': its servers cannot be verified without a trust store",
			config->name);
	if (config->certificate && config->certificate->not_for_clients)
		bad |= err_set(e,
		    "backend '%s': certificate '%s' is not meant for clients: its extended key usage lacks clientAuth",
		    config->name, config->certificate->name);
	bad |= set_name(o, config, e);
	bad |= set_alpn(o, config, e);
	if (config->verify && config->trust)
		o->trust = trust_get(config->trust);
	if (config->certificate)
		o->certificate = cert_get(config->certificate);
	if (bad == 0 && !set_version(o))
		bad = err_set(e, "backend '%s': no memory", config->name);
	if (bad == 0)
		return o;
	origin_free(o);
	return NULL;
}

void origin_free(struct origin *o)
{
	if (o == NULL)
		return;
	trust_put(o->trust);
	cert_put(o->certificate);
	free(o);
}

uint64_t origin_version(const struct origin *o)
{
	return o->version;
}
