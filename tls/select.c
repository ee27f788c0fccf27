/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/select.h"

#include <assert.h>
#include <string.h>

#include "tls/cert.h"
#include "tls/hello.h"
#include "tls/policy.h"
#include "tls/service.h"
#include "tls/sni.h"

enum { /* RFC 8446 6, RFC 7507, RFC 6066, RFC 7301 */
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_INAPPROPRIATE_FALLBACK = 86,
	ALERT_MISSING_EXTENSION = 109,
	ALERT_UNRECOGNIZED_NAME = 112,
	ALERT_NO_APPLICATION_PROTOCOL = 120,
};

enum {
	TLS_10 = 0x0301,
	TLS_11,
	TLS_12,
	TLS_13
};

#define FALLBACK_SCSV 0x5600 /* RFC 7507 */

static int refuse(struct tls_choice *choice, enum select_reason reason, uint8_t alert)
{
	choice->cert = NULL;
	choice->reason = reason;
	choice->alert = alert;
	return -1;
}

/* --- version --- */

/* The highest version both have, 0 if none. It is final: a client takes anything less for an attack. */
static uint16_t choose_version(const struct policy *policy, const struct hello *hello)
{
	uint16_t version = policy->max_version;

	if (hello->versions.n == 0) { /* everything up to max_version (RFC 5246 E.1) */
		if (hello->max_version < version)
			version = hello->max_version;
		return version >= policy->min_version ? version : 0;
	}
	for (; version >= policy->min_version; version--)
		if (hello_list_has(&hello->versions, version))
			return version;
	return 0;
}

/* --- suites --- */

enum suite_kind {
	SUITE_13,
	SUITE_ECDHE_ECDSA,
	SUITE_ECDHE_RSA,
	SUITE_RSA,
	SUITE_OTHER
};

struct suite_facts {
	enum suite_kind kind;
	uint16_t min_version;
};

/* What a suite asks of certificate and version. Numbers: IANA "TLS Cipher Suites". */
static struct suite_facts suite_facts(uint16_t suite)
{
	if (suite >> 8 == 0x13)
		return (struct suite_facts){ SUITE_13, TLS_13 };
	switch (suite) {
	case 0xc009: /* ECDHE-ECDSA with AES-CBC and SHA-1: from TLS 1.0 on */
	case 0xc00a:
		return (struct suite_facts){ SUITE_ECDHE_ECDSA, TLS_10 };
	case 0xc023: /* with SHA-2 or AEAD: TLS 1.2 */
	case 0xc024:
	case 0xc02b:
	case 0xc02c:
	case 0xcca9: /* ChaCha20-Poly1305, RFC 7905 */
		return (struct suite_facts){ SUITE_ECDHE_ECDSA, TLS_12 };
	case 0xc013: /* ECDHE-RSA */
	case 0xc014:
		return (struct suite_facts){ SUITE_ECDHE_RSA, TLS_10 };
	case 0xc027:
	case 0xc028:
	case 0xc02f:
	case 0xc030:
	case 0xcca8:
		return (struct suite_facts){ SUITE_ECDHE_RSA, TLS_12 };
	case 0x000a: /* static RSA */
	case 0x002f:
	case 0x0035:
		return (struct suite_facts){ SUITE_RSA, TLS_10 };
	case 0x003c:
	case 0x003d:
	case 0x009c:
	case 0x009d:
		return (struct suite_facts){ SUITE_RSA, TLS_12 };
	}
	return (struct suite_facts){ SUITE_OTHER, 0xffff };
}

/* Whether a suite can be negotiated at all in that version: 1.3 and the others share none. */
static bool suite_fits_version(struct suite_facts facts, uint16_t version)
{
	return version >= facts.min_version && (version == TLS_13) == (facts.kind == SUITE_13);
}

/* --- groups --- */

static uint16_t cert_group(const struct cert *c)
{
	switch (c->key_type) {
	case CERT_P256:
		return 23;
	case CERT_P384:
		return 24;
	case CERT_P521:
		return 25;
	case CERT_RSA:
	case CERT_ED25519:
		break;
	}
	return 0;
}

/* Groups of RFC 8446 only; hybrids need the key shares of TLS 1.3. */
static bool is_classic(uint16_t group)
{
	return group < 256;
}

/* The policy's first that the client has in that version; 0: none. */
static uint16_t
first_group(const struct policy *policy, const struct hello *hello, uint16_t version)
{
	for (unsigned i = 0; i < policy->n_groups; i++)
		if ((version == TLS_13 || is_classic(policy->groups[i])) &&
		    hello_list_has(&hello->groups, policy->groups[i]))
			return policy->groups[i];
	return 0;
}

/* Whether an ephemeral key can be agreed on in that version. */
static bool have_group(const struct policy *policy, const struct hello *hello, uint16_t version)
{
	/* RFC 8422 4: a client without the extension leaves the choice to the server. */
	return (hello->groups.n == 0 && version < TLS_13) ||
	    first_group(policy, hello, version) != 0;
}

/* --- signatures --- */

static const uint16_t ecdsa_12[] = { 0x0403, 0x0503, 0x0603 };
static const uint16_t rsa_12[] = { 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601 };
static const uint16_t rsa_13[] = { 0x0804, 0x0805, 0x0806 };

/* Whether policy lets anybody sign with it. */
static bool may_sign(const struct policy *policy, uint16_t sigalg)
{
	for (unsigned i = 0; i < policy->n_sigalgs; i++)
		if (policy->sigalgs[i] == sigalg)
			return true;
	return policy->n_sigalgs == 0;
}

/* Whether the client verifies one of so many schemes that the policy allows; list NULL: any client. */
static bool
has_any(const struct policy *policy, const struct hello_list *list, const uint16_t *of, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if ((!list || hello_list_has(list, of[i])) && may_sign(policy, of[i]))
			return true;
	return false;
}

#define HAS_ANY(policy, list, of) has_any(policy, list, of, sizeof(of) / sizeof((of)[0]))

static bool has(const struct policy *policy, const struct hello_list *list, uint16_t sigalg)
{
	return has_any(policy, list, &sigalg, 1);
}

/*
 * RFC 8446 4.2.3: ECDSA schemes name the curve; RSA keys sign with PSS. list: what the client verifies, NULL: all.
 */
static bool
can_sign_13(const struct policy *policy, const struct hello_list *list, const struct cert *c)
{
	switch (c->key_type) {
	case CERT_RSA:
		return HAS_ANY(policy, list, rsa_13);
	case CERT_P256:
		return has(policy, list, 0x0403);
	case CERT_P384:
		return has(policy, list, 0x0503);
	case CERT_P521:
		return has(policy, list, 0x0603);
	case CERT_ED25519:
		return has(policy, list, 0x0807);
	}
	return false;
}

/* In a ServerKeyExchange of TLS 1.2. */
static bool
can_sign_12(const struct policy *policy, const struct hello_list *list, const struct cert *c)
{
	switch (c->key_type) {
	case CERT_RSA:
		return HAS_ANY(policy, list, rsa_12);
	case CERT_P256: /* any hash with any curve (RFC 8422 5.10) */
	case CERT_P384:
	case CERT_P521:
		return HAS_ANY(policy, list, ecdsa_12);
	case CERT_ED25519:
		return has(policy, list, 0x0807);
	}
	return false;
}

/*
 * Whether the client verifies what c signs in that version. SHA-1 never counts: wolfSSL does not sign with it and
 * RFC 9155 forbids it. In TLS 1.2 a client without the extension would mean SHA-1
 * (RFC 5246 7.4.1.4.1); it gets SHA-256, which TLS 1.2 cannot do without.
 */
static bool can_verify(
    const struct policy *policy, const struct hello *hello, const struct cert *c, uint16_t version)
{
	bool has_list = hello->sigalgs.n > 0;

	if (version ==
	    TLS_13) /* RFC 8446 9.2: with a PSK it may be absent; then only the PSK can succeed. */
		return has_list ? can_sign_13(policy, &hello->sigalgs, c) : hello->has_psk;
	if (version == TLS_12 && has_list)
		return can_sign_12(policy, &hello->sigalgs, c);
	/* RFC 8422 5.2 gives Ed25519 to TLS 1.2 and above. */
	return c->key_type != CERT_ED25519;
}

/* --- the certificate --- */

/* How far a certificate got; the furthest of all is the reason when none is served. */
enum fit {
	FIT_NO_SUITE,
	FIT_OTHER_KEY,
	FIT_NO_GROUP,
	FIT_NO_SIGNATURE,
	FIT_SERVES
};

static enum fit fit_suite(const struct policy *policy, const struct hello *hello,
    const struct cert *c, uint16_t version, enum suite_kind kind)
{
	bool is_rsa = c->key_type == CERT_RSA;

	switch (kind) {
	case SUITE_13:
		if (!have_group(policy, hello, version))
			return FIT_NO_GROUP;
		break;
	case SUITE_RSA: /* the client encrypts to the certificate's key: nothing to agree on or sign */
		return is_rsa ? FIT_SERVES : FIT_OTHER_KEY;
	case SUITE_ECDHE_RSA:
	case SUITE_ECDHE_ECDSA:
		if (is_rsa != (kind == SUITE_ECDHE_RSA))
			return FIT_OTHER_KEY;
		if (!have_group(policy, hello, version))
			return FIT_NO_GROUP;
		/* RFC 8422 5.1: the key's own curve is among the groups, too. */
		if (cert_group(c) && hello->groups.n > 0 &&
		    !hello_list_has(&hello->groups, cert_group(c)))
			return FIT_NO_SIGNATURE;
		break;
	case SUITE_OTHER:
		return FIT_NO_SUITE;
	}
	return can_verify(policy, hello, c, version) ? FIT_SERVES : FIT_NO_SIGNATURE;
}

/* A bit for each of the policy's suites that the client offers in that version. */
static uint64_t
common_suites(const struct policy *policy, const struct hello *hello, uint16_t version)
{
	uint64_t common = 0;

	static_assert(POLICY_MAX_SUITES <= 64, "a bit for each suite");
	for (unsigned i = 0; i < policy->n_suites; i++)
		if (suite_fits_version(suite_facts(policy->suites[i]), version) &&
		    hello_list_has(&hello->suites, policy->suites[i]))
			common |= UINT64_C(1) << i;
	return common;
}

/* The i-th of the policy's suites, or of the client's where its order decides; false: there are no more. */
static bool
suite_at(const struct policy *policy, const struct hello *hello, unsigned i, unsigned *index)
{
	if (!policy->client_order) {
		*index = i;
		return i < policy->n_suites;
	}
	if (i >= hello->suites.n)
		return false;
	for (*index = 0; *index < policy->n_suites; ++*index)
		if (policy->suites[*index] == hello_list_get(&hello->suites, i))
			break;
	return true;
}

static enum fit fit_cert(const struct policy *policy, const struct hello *hello,
    const struct cert *c, uint16_t version, uint64_t common, uint16_t *suite)
{
	enum fit best = FIT_NO_SUITE;
	unsigned at;

	for (unsigned i = 0; suite_at(policy, hello, i, &at); i++) {
		enum fit fit;

		if (at == policy->n_suites || !(common >> at & 1))
			continue;
		fit = fit_suite(policy, hello, c, version, suite_facts(policy->suites[at]).kind);
		if (fit == FIT_SERVES) {
			*suite = policy->suites[at];
			return fit;
		}
		if (fit > best)
			best = fit;
		/* wolfSSL takes the first suite of key and group, and does not go on to static RSA. */
		if (fit == FIT_NO_SIGNATURE)
			break;
	}
	return best;
}

/* Whether a suite of the policy can be had with c by a client that has everything. */
static bool is_suite_possible(const struct policy *policy, uint16_t suite, const struct cert *c)
{
	struct suite_facts facts = suite_facts(suite);
	bool is_rsa = c->key_type == CERT_RSA;

	if (facts.kind == SUITE_13)
		return policy->max_version >= TLS_13 && can_sign_13(policy, NULL, c);
	if (facts.min_version > policy->max_version || policy->min_version > TLS_12)
		return false;
	if (facts.kind == SUITE_RSA)
		return is_rsa;
	if (is_rsa ? facts.kind != SUITE_ECDHE_RSA : facts.kind != SUITE_ECDHE_ECDSA)
		return false;
	/* Below TLS 1.2 nobody says how a signature is made. */
	return (policy->min_version < TLS_12 && facts.min_version < TLS_12) ||
	    can_sign_12(policy, NULL, c);
}

bool select_is_possible(const struct policy *policy, const struct cert *c)
{
	for (unsigned i = 0; i < policy->n_suites; i++)
		if (is_suite_possible(policy, policy->suites[i], c))
			return true;
	return false;
}

/* RFC 8446 9.2: what a TLS 1.3 hello without a PSK must have. */
static bool lacks_extension(const struct hello *hello, uint16_t version)
{
	return version == TLS_13 && !hello->has_psk &&
	    (hello->sigalgs.n == 0 || hello->groups.n == 0);
}

static bool excludes(const struct sni_match *match, const struct cert *c)
{
	for (unsigned i = 0; i < match->n_excluded; i++)
		if (match->excluded[i] == c)
			return true;
	return false;
}

static int
choose_cert(struct tls_choice *choice, const struct hello *hello, const struct sni_match *match)
{
	const struct policy *policy = choice->rule->policy;
	uint64_t common = common_suites(policy, hello, choice->version);
	enum fit best = FIT_NO_SUITE;

	for (unsigned i = 0; i < match->n_certs; i++) {
		enum fit fit;

		if (excludes(match, match->certs[i]))
			continue;
		fit = fit_cert(
		    policy, hello, match->certs[i], choice->version, common, &choice->suite);
		if (fit == FIT_SERVES) {
			choice->cert = match->certs[i];
			return 0;
		}
		if (fit > best)
			best = fit;
	}
	switch (best) {
	case FIT_NO_GROUP:
		return refuse(choice, SELECT_NO_GROUP,
		    lacks_extension(hello, choice->version) ? ALERT_MISSING_EXTENSION
							    : ALERT_HANDSHAKE_FAILURE);
	case FIT_OTHER_KEY:
	case FIT_NO_SIGNATURE:
		return refuse(choice, SELECT_NO_SIGNATURE,
		    lacks_extension(hello, choice->version) ? ALERT_MISSING_EXTENSION
							    : ALERT_HANDSHAKE_FAILURE);
	case FIT_NO_SUITE:
	case FIT_SERVES:
		break;
	}
	return refuse(choice, SELECT_NO_SUITE, ALERT_HANDSHAKE_FAILURE);
}

/* --- ALPN --- */

static bool alpn_has(const uint8_t *list, size_t len, const uint8_t *name)
{
	for (size_t i = 0; i < len; i += 1 + (size_t)list[i])
		if (list[i] == name[0] && memcmp(list + i, name, 1 + (size_t)name[0]) == 0)
			return true;
	return false;
}

/* RFC 7301 3.2: the server's order decides; a client that offers none gets none. */
static int choose_alpn(struct tls_choice *choice, const struct hello *hello)
{
	const struct tls_service *s = choice->service;

	if (s->alpn_len == 0 || hello->alpn_len == 0)
		return 0;
	for (size_t i = 0; i < s->alpn_len; i += 1 + (size_t)s->alpn[i]) {
		if (!alpn_has(hello->alpn, hello->alpn_len, s->alpn + i))
			continue;
		choice->alpn = s->alpn + i + 1;
		choice->alpn_len = s->alpn[i];
		return 0;
	}
	return refuse(choice, SELECT_NO_ALPN, ALERT_NO_APPLICATION_PROTOCOL);
}

int select_certificate(
    const struct tls_service *service, const struct hello *hello, struct tls_choice *choice)
{
	const struct policy *policy;
	struct sni_match match;

	*choice = (struct tls_choice){ .service = service,
		.rule = tls_service_rule(service, hello->sni, hello->sni_len),
		.sni = hello->sni,
		.sni_len = hello->sni_len };
	policy = choice->rule->policy;
	choice->version = choose_version(policy, hello);
	if (choice->version == 0)
		return refuse(choice, SELECT_NO_VERSION, ALERT_PROTOCOL_VERSION);
	if (hello->max_version < policy->max_version &&
	    hello_list_has(&hello->suites, FALLBACK_SCSV))
		return refuse(choice, SELECT_FALLBACK, ALERT_INAPPROPRIATE_FALLBACK);
	sni_find(service->names, hello->sni, hello->sni_len, &match);
	if (match.how == SNI_DEFAULT && service->sni_strict)
		return refuse(choice, SELECT_NO_NAME, ALERT_UNRECOGNIZED_NAME);
	if (choose_cert(choice, hello, &match) < 0 || choose_alpn(choice, hello) < 0)
		return -1;
	if (choice->version < TLS_13)
		choice->old_group = first_group(policy, hello, choice->version);
	switch (match.how) {
	case SNI_EXACT:
		choice->reason = SELECT_EXACT;
		break;
	case SNI_WILDCARD:
		choice->reason = SELECT_WILDCARD;
		break;
	case SNI_DEFAULT:
		choice->reason =
		    hello->sni_len == 0 ? SELECT_DEFAULT_NO_SNI : SELECT_DEFAULT_NO_MATCH;
		break;
	}
	return 0;
}

const char *select_reason_text(enum select_reason reason)
{
	switch (reason) {
	case SELECT_EXACT:
		return "the name is one of the certificate's";
	case SELECT_WILDCARD:
		return "a wildcard of the certificate covers the name";
	case SELECT_DEFAULT_NO_SNI:
		return "the client named no host: default certificate";
	case SELECT_DEFAULT_NO_MATCH:
		return "no certificate has the name: default certificate";
	case SELECT_NO_NAME:
		return "refused: no certificate has the name, and sni_strict is set";
	case SELECT_NO_VERSION:
		return "refused: client and policy have no TLS version in common";
	case SELECT_NO_SUITE:
		return "refused: client and policy have no cipher suite in common";
	case SELECT_NO_SIGNATURE:
		return "refused: the client cannot verify any certificate of the name";
	case SELECT_NO_GROUP:
		return "refused: client and policy have no key-exchange group in common";
	case SELECT_NO_ALPN:
		return "refused: client and listener have no ALPN protocol in common";
	case SELECT_FALLBACK:
		return "refused: the client fell back to a lower version than both have";
	}
	return "unknown";
}
