/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_MAX_SUITES  40
#define POLICY_MAX_GROUPS  8
#define POLICY_MAX_SIGALGS 16

/* A named security policy (cloud-facts.md 1 and 6): what a listener may negotiate. */
struct policy {
	const char *name;
	uint16_t min_version, max_version;  /* 0x0301..0x0304 */
	uint16_t suites[POLICY_MAX_SUITES]; /* IANA numbers, server's order of preference */
	unsigned n_suites;
	uint16_t groups[POLICY_MAX_GROUPS]; /* IANA numbers, in order */
	unsigned n_groups;
	/* Signature schemes of servers and clients (RFC 8446 4.2.3), in order; none: whatever both have. */
	uint16_t sigalgs[POLICY_MAX_SIGALGS];
	unsigned n_sigalgs;
	bool client_order; /* the client's order of suites decides instead */
	uint64_t id;       /* unique: contexts are cached by it, tickets bound to it */
};

/* The built-in policy of that name, or NULL. Never freed. */
const struct policy *policy_find(const char *name);

/* The i-th built-in policy, or NULL past the last. */
const struct policy *policy_builtin(unsigned i);

/* What a listener without a policy uses. */
#define POLICY_DEFAULT "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

/* What a configuration asks for. Lists that are empty come from the policy it is based on. */
struct policy_spec {
	const char *name;
	const struct policy *based_on; /* NULL: POLICY_DEFAULT */
	const char *const
	    *versions; /* "TLSv1.2"; those between the lowest and the highest are meant, too */
	unsigned n_versions;
	const char *const *suites; /* OpenSSL's names */
	unsigned n_suites;
	const char *const
	    *groups; /* as policy_group_name has them, or OpenSSL's "P-256"; any case */
	unsigned n_groups;
	const char *const *sigalgs; /* IANA's names, "ecdsa_secp256r1_sha256" */
	unsigned n_sigalgs;
	bool client_order;
};

/*
 * Makes a custom policy in *p, with an id that depends on what it allows. Its name is borrowed. NULL, or why it is refused, for
 * people; room is for that text.
 */
const char *policy_make(struct policy *p, const struct policy_spec *spec, char *text, size_t room);

/* IANA name of a signature scheme, or NULL. */
const char *policy_sigalg_name(uint16_t sigalg);

/* OpenSSL's name of a suite ("TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"), or NULL. */
const char *policy_suite_name(uint16_t suite);

/* IANA name of a group ("x25519", "secp256r1", "X25519MLKEM768"), or NULL. */
const char *policy_group_name(uint16_t group);

/* "TLSv1.2" and so on, or NULL. */
const char *policy_version_name(uint16_t version);
