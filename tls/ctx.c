/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ctx.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/cert.h"
#include "tls/ctx_names.h"
#include "tls/policy.h"
#include "tls/trust.h"

/* What a context is found by. */
struct key {
	uint64_t cert_version, policy_id;
	uint64_t trust_version; /* of the store whose CAs are named; 0: none are */
	bool is_client;
};

struct entry {
	TAILQ_ENTRY(entry) age;
	struct entry *chain;
	struct key key;
	WOLFSSL_CTX *ctx;
};

struct ctx_cache {
	TAILQ_HEAD(age_head, entry) by_age; /* last used first */
	struct ctx_setup setup;
	struct ctx_cache_stats stats;
	unsigned n_max;
	unsigned mask;
	struct entry *buckets[];
};

struct ctx_cache *ctx_cache_new(unsigned n_max, const struct ctx_setup *setup)
{
	unsigned n_buckets = 16;
	struct ctx_cache *c;

	while (n_buckets < n_max && n_buckets < 1u << 20)
		n_buckets *= 2;
	c = calloc(1, sizeof(*c) + n_buckets * sizeof(c->buckets[0]));
	if (c == NULL)
		return NULL;
	TAILQ_INIT(&c->by_age);
	c->setup = *setup;
	c->n_max = n_max > 0 ? n_max : 1;
	c->mask = n_buckets - 1;
	return c;
}

/* Two numbers count up from one: mixing by odd constants spreads them over the buckets. */
static struct entry **bucket(struct ctx_cache *c, const struct key *key)
{
	uint64_t h = key->cert_version * UINT64_C(0x9e3779b97f4a7c15);

	h ^= key->policy_id * UINT64_C(0xc2b2ae3d27d4eb4f);
	h ^= key->trust_version * UINT64_C(0x165667b19e3779f9);
	h ^= key->is_client ? UINT64_C(0x27d4eb2f165667c5) : 0;
	return &c->buckets[(h >> 32) & c->mask];
}

static bool is_key(const struct entry *e, const struct key *key)
{
	return e->key.cert_version == key->cert_version && e->key.policy_id == key->policy_id &&
	    e->key.trust_version == key->trust_version && e->key.is_client == key->is_client;
}

static void entry_free(struct ctx_cache *c, struct entry *e)
{
	struct entry **at = bucket(c, &e->key);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	TAILQ_REMOVE(&c->by_age, e, age);
	c->stats.n--;
	wolfSSL_CTX_free(e->ctx);
	free(e);
}

void ctx_cache_free(struct ctx_cache *c)
{
	if (c == NULL)
		return;
	while (!TAILQ_EMPTY(&c->by_age))
		entry_free(c, TAILQ_FIRST(&c->by_age));
	free(c);
}

/*
 * All suites by number in the policy's order, which is what the server then goes by; those that
 * this build of wolfSSL does not have are passed over. Naming only older suites would put
 * ChaCha20 first for TLS 1.3 (tls.md 8).
 */
static bool set_suites(WOLFSSL_CTX *ctx, const struct policy *policy)
{
	unsigned char list[2 * POLICY_MAX_SUITES];

	for (unsigned i = 0; i < policy->n_suites; i++) {
		list[2 * i] = (unsigned char)(policy->suites[i] >> 8);
		list[2 * i + 1] = (unsigned char)policy->suites[i];
	}
	return wolfSSL_CTX_set_cipher_list_bytes(ctx, list, (int)(2 * policy->n_suites)) ==
	    WOLFSSL_SUCCESS;
}

static int wolfssl_version(uint16_t version)
{
	switch (version) {
	case 0x0301:
		return TLS1_VERSION;
	case 0x0302:
		return TLS1_1_VERSION;
	case 0x0303:
		return TLS1_2_VERSION;
	default:
		return TLS1_3_VERSION;
	}
}

static bool set_versions(WOLFSSL_CTX *ctx, const struct policy *policy)
{
	return wolfSSL_CTX_set_min_proto_version(ctx, wolfssl_version(policy->min_version)) ==
	    WOLFSSL_SUCCESS &&
	    wolfSSL_CTX_set_max_proto_version(ctx, wolfssl_version(policy->max_version)) ==
	    WOLFSSL_SUCCESS;
}

/* wolfSSL's names of the curves (RFC 8422) that TLS 1.2 knows; NULL for others. */
static const char *old_group_name(uint16_t group)
{
	switch (group) {
	case 23:
		return "P-256";
	case 24:
		return "P-384";
	case 25:
		return "P-521";
	case 29:
		return "X25519";
	default:
		return NULL;
	}
}

/*
 * For TLS 1.2 and below, whose groups wolfSSL_CTX_set_groups does not touch: without this list a curve
 * would be used that the policy does not have. It sets those of 1.3 as well, so it comes first.
 */
static bool set_old_groups(WOLFSSL_CTX *ctx, const struct policy *policy)
{
	char list[64] = "";

	for (unsigned i = 0; i < policy->n_groups; i++) {
		const char *name = old_group_name(policy->groups[i]);
		size_t len = strlen(list);

		if (name != NULL)
			snprintf(list + len, sizeof(list) - len, "%s%s", len > 0 ? ":" : "", name);
	}
	/* Only hybrids: then no suite of 1.2 that needs a group can be had. */
	return list[0] == '\0' || wolfSSL_CTX_set1_curves_list(ctx, list) == WOLFSSL_SUCCESS;
}

bool ctx_narrow(WOLFSSL *ssl, uint16_t group)
{
	const char *name = old_group_name(group);

	return name != NULL && wolfSSL_set1_curves_list(ssl, name) == WOLFSSL_SUCCESS;
}

/* One by one: wolfSSL refuses a whole list for one group that it does not have. */
static bool set_groups(WOLFSSL_CTX *ctx, const struct policy *policy)
{
	int groups[POLICY_MAX_GROUPS];
	int n = 0;

	if (!set_old_groups(ctx, policy))
		return false;
	for (unsigned i = 0; i < policy->n_groups; i++) {
		groups[n] = policy->groups[i];
		if (wolfSSL_CTX_set_groups(ctx, &groups[n], 1) == WOLFSSL_SUCCESS)
			n++;
	}
	return n > 0 && wolfSSL_CTX_set_groups(ctx, groups, n) == WOLFSSL_SUCCESS;
}

/* Leaf and intermediates, DER one after the other, as the Certificate message will list them. */
static bool set_chain(WOLFSSL_CTX *ctx, const struct cert *cert)
{
	size_t len = 0, at = 0;
	uint8_t *all;
	int ok;

	for (unsigned i = 0; i < cert->n_chain; i++)
		len += cert->chain[i].len;
	all = malloc(len);
	if (all == NULL)
		return false;
	for (unsigned i = 0; i < cert->n_chain; i++) {
		memcpy(all + at, cert->chain[i].at, cert->chain[i].len);
		at += cert->chain[i].len;
	}
	ok = wolfSSL_CTX_use_certificate_chain_buffer_format(
	    ctx, all, (long)len, WOLFSSL_FILETYPE_ASN1);
	free(all);
	return ok == WOLFSSL_SUCCESS;
}

static bool set_key(WOLFSSL_CTX *ctx, const struct cert *cert)
{
	return wolfSSL_CTX_use_PrivateKey_buffer(ctx, cert->key.at, (long)cert->key.len,
		   WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS;
}

/* The session has what is to be stapled. Without a callback wolfSSL would ask the responder itself, and block. */
static int staple(WOLFSSL *ssl, void *arg)
{
	unsigned char *response;

	(void)arg;
	return wolfSSL_get_tlsext_status_ocsp_resp(ssl, &response) > 0
	    ? WOLFSSL_OCSP_STATUS_CB_OK
	    : WOLFSSL_OCSP_STATUS_CB_NOACK;
}

static bool set_staple(WOLFSSL_CTX *ctx, const struct cert *cert)
{
	return cert->ocsp.at == NULL ||
	    (wolfSSL_CTX_EnableOCSPStapling(ctx) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_tlsext_status_cb(ctx, staple) == WOLFSSL_SUCCESS);
}

/* wolfSSL's spelling of a scheme in a list of them; NULL: it has no name for it. */
static const char *sigalg_text(uint16_t sigalg)
{
	switch (sigalg) {
	case 0x0403:
		return "ECDSA+SHA256";
	case 0x0503:
		return "ECDSA+SHA384";
	case 0x0603:
		return "ECDSA+SHA512";
	case 0x0804:
		return "RSA-PSS+SHA256";
	case 0x0805:
		return "RSA-PSS+SHA384";
	case 0x0806:
		return "RSA-PSS+SHA512";
	case 0x0401:
		return "RSA+SHA256";
	case 0x0501:
		return "RSA+SHA384";
	case 0x0601:
		return "RSA+SHA512";
	case 0x0807:
		return "ED25519";
	}
	return NULL;
}

static bool set_sigalgs(WOLFSSL_CTX *ctx, const struct policy *policy)
{
	char list[POLICY_MAX_SIGALGS * 16] = "";

	for (unsigned i = 0; i < policy->n_sigalgs; i++) {
		const char *text = sigalg_text(policy->sigalgs[i]);
		size_t len = strlen(list);

		if (text == NULL)
			return false;
		snprintf(list + len, sizeof(list) - len, "%s%s", len > 0 ? ":" : "", text);
	}
	return list[0] == '\0' || wolfSSL_CTX_set1_sigalgs_list(ctx, list) == WOLFSSL_SUCCESS;
}

/* What both sides have in common. cert may be NULL. */
static bool set_common(WOLFSSL_CTX *ctx, const struct ctx_setup *setup, const struct cert *cert,
    const struct policy *policy)
{
	/* The device comes before the key: the key remembers it. */
	if (wolfSSL_CTX_SetDevId(ctx, setup->device) != WOLFSSL_SUCCESS ||
	    !set_versions(ctx, policy) ||
	    (cert != NULL && (!set_chain(ctx, cert) || !set_key(ctx, cert))) ||
	    !set_suites(ctx, policy) || !set_groups(ctx, policy) || !set_sigalgs(ctx, policy))
		return false;
	wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
	wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
	wolfSSL_CTX_set_group_messages(ctx);
	if (setup->finish != NULL)
		setup->finish(ctx, setup->arg);
	return true;
}

static bool set_server(WOLFSSL_CTX *ctx, const struct cert *cert, const struct policy *policy)
{
	return set_staple(ctx, cert) &&
	    (!policy->client_order || wolfSSL_CTX_UseClientSuites(ctx) == 0);
}

/*
 * Of TLS 1.3's resumptions only those with a fresh key exchange; and no SHA-1, which wolfSSL offers for the sake of
 * TLS 1.0 when it is not told otherwise.
 */
static bool set_client(WOLFSSL_CTX *ctx, const struct policy *policy)
{
	static const struct policy defaults = {
		.sigalgs = { 0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
		    0x0601 },
		.n_sigalgs = 10,
	};

	if (policy->max_version >= 0x0304 && wolfSSL_CTX_only_dhe_psk(ctx) != 0)
		return false;
	return policy->n_sigalgs > 0 || set_sigalgs(ctx, &defaults);
}

static WOLFSSL_CTX *build(const struct ctx_setup *setup, const struct key *key,
    const struct cert *cert, const struct policy *policy)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(
	    key->is_client ? wolfSSLv23_client_method() : wolfSSLv23_server_method());

	if (ctx == NULL)
		return NULL;
	if (set_common(ctx, setup, cert, policy) &&
	    (key->is_client ? set_client(ctx, policy) : set_server(ctx, cert, policy)))
		return ctx;
	wolfSSL_CTX_free(ctx);
	return NULL;
}

/* A new entry; the context is the caller's to free when it fails. */
static struct entry *insert(struct ctx_cache *c, const struct key *key, WOLFSSL_CTX *ctx)
{
	struct entry *e = calloc(1, sizeof(*e));
	struct entry **at = bucket(c, key);

	if (e == NULL)
		return NULL;
	e->ctx = ctx;
	e->key = *key;
	e->chain = *at;
	*at = e;
	TAILQ_INSERT_HEAD(&c->by_age, e, age);
	c->stats.n++;
	c->stats.built++;
	return e;
}

static WOLFSSL_CTX *get(struct ctx_cache *c, const struct key *key, const struct cert *cert,
    const struct policy *policy, const struct trust_store *advertised)
{
	struct entry *e = *bucket(c, key);
	WOLFSSL_CTX *ctx;

	while (e != NULL && !is_key(e, key))
		e = e->chain;
	if (e != NULL) {
		if (e != TAILQ_FIRST(&c->by_age)) {
			TAILQ_REMOVE(&c->by_age, e, age);
			TAILQ_INSERT_HEAD(&c->by_age, e, age);
		}
		return e->ctx;
	}
	ctx = build(&c->setup, key, cert, policy);
	if (ctx && advertised && !ctx_names_set(ctx, advertised)) {
		wolfSSL_CTX_free(ctx);
		return NULL;
	}
	e = ctx ? insert(c, key, ctx) : NULL;
	if (e == NULL) {
		wolfSSL_CTX_free(ctx);
		return NULL;
	}
	/* Only for one that could be built. */
	if (c->stats.n > c->n_max) {
		entry_free(c, TAILQ_LAST(&c->by_age, age_head));
		c->stats.evicted++;
	}
	return e->ctx;
}

WOLFSSL_CTX *ctx_get(struct ctx_cache *c, const struct cert *cert, const struct policy *policy,
    const struct trust_store *advertised)
{
	const struct key key = { .cert_version = cert->version,
		.policy_id = policy->id,
		.trust_version = advertised ? trust_version(advertised) : 0 };

	return get(c, &key, cert, policy, advertised);
}

WOLFSSL_CTX *
ctx_get_client(struct ctx_cache *c, const struct cert *cert, const struct policy *policy)
{
	const struct key key = {
		.cert_version = cert ? cert->version : 0, .policy_id = policy->id, .is_client = true
	};

	return get(c, &key, cert, policy, NULL);
}

const struct ctx_cache_stats *ctx_cache_stats(const struct ctx_cache *c)
{
	return &c->stats;
}
