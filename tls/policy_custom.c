/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "tls/policy.h"

/* --- names to numbers --- */

static const struct {
	uint16_t number;
	const char *name;
} sigalg_names[] = {
	{ 0x0403, "ecdsa_secp256r1_sha256" },
	{ 0x0503, "ecdsa_secp384r1_sha384" },
	{ 0x0603, "ecdsa_secp521r1_sha512" },
	{ 0x0804, "rsa_pss_rsae_sha256" },
	{ 0x0805, "rsa_pss_rsae_sha384" },
	{ 0x0806, "rsa_pss_rsae_sha512" },
	{ 0x0401, "rsa_pkcs1_sha256" },
	{ 0x0501, "rsa_pkcs1_sha384" },
	{ 0x0601, "rsa_pkcs1_sha512" },
	{ 0x0807, "ed25519" },
};

#define N_SIGALGS (sizeof(sigalg_names) / sizeof(sigalg_names[0]))

const char *policy_sigalg_name(uint16_t sigalg)
{
	for (size_t i = 0; i < N_SIGALGS; i++)
		if (sigalg_names[i].number == sigalg)
			return sigalg_names[i].name;
	return NULL;
}

static uint16_t find_sigalg(const char *name)
{
	for (size_t i = 0; i < N_SIGALGS; i++)
		if (strcasecmp(sigalg_names[i].name, name) == 0)
			return sigalg_names[i].number;
	return 0;
}

static uint16_t find_version(const char *name)
{
	for (uint16_t v = 0x0301; v <= 0x0304; v++)
		if (strcasecmp(policy_version_name(v), name) == 0)
			return v;
	return strcasecmp(name, "TLSv1.0") == 0 ? 0x0301 : 0;
}

/* Numbers with names are few: all of the two bytes are tried. */
static uint16_t find_number(const char *(*name_of)(uint16_t), const char *name)
{
	for (unsigned i = 1; i <= UINT16_MAX; i++) {
		const char *known = name_of((uint16_t)i);

		if (known && strcasecmp(known, name) == 0)
			return (uint16_t)i;
	}
	return 0;
}

static uint16_t find_suite(const char *name)
{
	return find_number(policy_suite_name, name);
}

static uint16_t find_group(const char *name)
{
	static const struct {
		const char *name;
		uint16_t number;
	} others[] = { { "P-256", 23 }, { "prime256v1", 23 }, { "P-384", 24 }, { "P-521", 25 } };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcasecmp(others[i].name, name) == 0)
			return others[i].number;
	return find_number(policy_group_name, name);
}

/* --- lists --- */

struct reading {
	char *text;
	size_t room;
};

static const char *
refuse(const struct reading *r, const char *what, const char *name, const char *why)
{
	snprintf(r->text, r->room, "%s '%s' %s", what, name, why);
	return r->text;
}

/* Reads names into a list that has room for so many; an empty one leaves it as it is. */
static const char *
read_list(const struct reading *r, const char *what, uint16_t (*find)(const char *),
    const char *const *names, unsigned n, uint16_t *to, unsigned *n_to, unsigned max)
{
	if (n == 0)
		return NULL;
	if (n > max) {
		snprintf(r->text, r->room, "there are more than %u of '%s'", max, what);
		return r->text;
	}
	for (unsigned i = 0; i < n; i++) {
		to[i] = find(names[i]);
		if (to[i] == 0)
			return refuse(r, what, names[i], "is not known");
		for (unsigned k = 0; k < i; k++)
			if (to[k] == to[i])
				return refuse(r, what, names[i], "is listed twice");
	}
	*n_to = n;
	return NULL;
}

static const char *
read_versions(const struct reading *r, struct policy *p, const struct policy_spec *spec)
{
	uint16_t versions[4], lowest = UINT16_MAX, highest = 0;
	unsigned n = 0;
	const char *why = read_list(
	    r, "versions", find_version, spec->versions, spec->n_versions, versions, &n, 4);

	if (why || n == 0)
		return why;
	for (unsigned i = 0; i < n; i++) {
		if (versions[i] < lowest)
			lowest = versions[i];
		if (versions[i] > highest)
			highest = versions[i];
	}
	if (highest - lowest + 1u != n)
		return refuse(
		    r, "versions", spec->name, "has a gap: TLS versions are negotiated as a range");
	p->min_version = lowest;
	p->max_version = highest;
	return NULL;
}

/* --- what fits together --- */

static bool is_13(uint16_t suite)
{
	return suite >> 8 == 0x13;
}

/* Static RSA needs no group (RFC 5246 7.4.7.1): those suites are below 0xc000. */
static bool needs_group(uint16_t suite)
{
	return is_13(suite) || suite >= 0xc000;
}

/* SHA-2 and AEAD suites came with TLS 1.2 (RFC 5246, 5288, 5289); all others here are older. */
static bool is_old(uint16_t suite)
{
	switch (suite) {
	case 0x000a:
	case 0x002f:
	case 0x0035:
	case 0xc009:
	case 0xc00a:
	case 0xc013:
	case 0xc014:
		return true;
	}
	return false;
}

static bool has_suite_for(const struct policy *p, uint16_t version)
{
	for (unsigned i = 0; i < p->n_suites; i++) {
		uint16_t s = p->suites[i];

		if (version == 0x0304 ? is_13(s) : !is_13(s) && (version == 0x0303 || is_old(s)))
			return true;
	}
	return false;
}

static const char *check_suites(const struct reading *r, const struct policy *p, bool are_its_own)
{
	for (uint16_t v = p->min_version; v <= p->max_version; v++)
		if (!has_suite_for(p, v))
			return refuse(r, "versions", policy_version_name(v),
			    "has no suite among those of the policy");
	for (unsigned i = 0; i < p->n_suites && are_its_own; i++) {
		uint16_t s = p->suites[i];
		bool is_used = is_13(s)
		    ? p->max_version >= 0x0304
		    : p->min_version < 0x0304 && (p->max_version >= 0x0303 || is_old(s));

		if (!is_used)
			return refuse(r, "suites", policy_suite_name(s),
			    "belongs to none of the policy's versions");
	}
	return NULL;
}

/* Hybrids exist in TLS 1.3 only (draft-ietf-tls-ecdhe-mlkem). */
static const char *check_groups(const struct reading *r, const struct policy *p)
{
	bool has_old = false, need_old = false;

	for (unsigned i = 0; i < p->n_groups; i++)
		has_old |= p->groups[i] < 256;
	for (unsigned i = 0; i < p->n_suites; i++)
		need_old |=
		    !is_13(p->suites[i]) && needs_group(p->suites[i]) && p->min_version < 0x0304;
	if (need_old && !has_old)
		return refuse(r, "groups", policy_group_name(p->groups[0]),
		    "is for TLS 1.3 only, and the policy has ECDHE suites below it: list a curve, too");
#if !defined(WOLFSSL_HAVE_MLKEM) || !defined(WOLFSSL_PQC_HYBRIDS)
	for (unsigned i = 0; i < p->n_groups; i++)
		if (p->groups[i] >= 4587 && p->groups[i] <= 4589)
			return refuse(r, "groups", policy_group_name(p->groups[i]),
			    "is not in this build of wolfSSL");
#endif
	return NULL;
}

/* Those of the base that the versions leave without use are dropped. */
static void drop_unused(struct policy *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_suites; i++) {
		bool is_used = is_13(p->suites[i])
		    ? p->max_version >= 0x0304
		    : p->min_version < 0x0304 && (p->max_version >= 0x0303 || is_old(p->suites[i]));

		if (is_used)
			p->suites[n++] = p->suites[i];
	}
	p->n_suites = n;
}

/* Of what it allows, never one of a built-in: tickets on all nodes agree on it. */
static uint64_t make_id(const struct policy *p)
{
	uint16_t all[6 + POLICY_MAX_SUITES + POLICY_MAX_GROUPS + POLICY_MAX_SIGALGS] = {
		p->min_version, p->max_version, (uint16_t)p->n_suites, (uint16_t)p->n_groups,
		(uint16_t)p->n_sigalgs, p->client_order
	};
	unsigned n = 6;
	byte digest[WC_SHA256_DIGEST_SIZE] = { 0 };
	uint64_t id = 0;

	for (unsigned i = 0; i < p->n_suites; i++)
		all[n++] = p->suites[i];
	for (unsigned i = 0; i < p->n_groups; i++)
		all[n++] = p->groups[i];
	for (unsigned i = 0; i < p->n_sigalgs; i++)
		all[n++] = p->sigalgs[i];
	if (wc_Sha256Hash((const byte *)all, n * (word32)sizeof(all[0]), digest) != 0)
		return UINT64_MAX;
	for (unsigned i = 0; i < 8; i++)
		id = id << 8 | digest[i];
	return id | UINT64_C(1) << 63;
}

const char *policy_make(struct policy *p, const struct policy_spec *spec, char *text, size_t room)
{
	const struct reading r = { text, room };
	const char *why;

	*p = spec->based_on ? *spec->based_on : *policy_find(POLICY_DEFAULT);
	p->name = spec->name;
	p->client_order = spec->client_order;
	why = read_versions(&r, p, spec);
	if (!why)
		why = read_list(&r, "suites", find_suite, spec->suites, spec->n_suites, p->suites,
		    &p->n_suites, POLICY_MAX_SUITES);
	if (!why)
		why = read_list(&r, "groups", find_group, spec->groups, spec->n_groups, p->groups,
		    &p->n_groups, POLICY_MAX_GROUPS);
	if (!why)
		why = read_list(&r, "signature_algorithms", find_sigalg, spec->sigalgs,
		    spec->n_sigalgs, p->sigalgs, &p->n_sigalgs, POLICY_MAX_SIGALGS);
	if (!why && spec->n_suites == 0)
		drop_unused(p);
	if (!why)
		why = check_suites(&r, p, spec->n_suites > 0);
	if (!why)
		why = check_groups(&r, p);
	p->id = make_id(p);
	return why;
}
