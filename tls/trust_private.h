/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/crl.h"
#include "tls/trust.h"
#include "tls/x509.h"

/* Shared by trust.c, which makes stores of what trust_read.c reads, and trust_verify.c, which asks them. */

struct trust_anchor {
	struct x509 x; /* views into der */
	uint8_t *der;
	struct trust_anchor *chain;        /* of its bucket */
	const struct trust_anchor *parent; /* who issued it, when that is in the store; else NULL */
	const struct crl **crls;           /* in the store */
	unsigned n_crls;
};

#define TRUST_BUCKETS 256

struct trust_store {
	uint64_t version;
	unsigned references;
	struct trust_store *next; /* all there are, control thread */
	uint8_t digest[32];       /* of all it was made of */
	struct trust_options options;
	struct trust_anchor *anchors;
	unsigned n_anchors;
	struct trust_anchor *buckets[TRUST_BUCKETS]; /* by subject */
	struct crl **crls;
	unsigned n_crls;
	char *warnings;
};

static inline unsigned trust_bucket(struct der name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ name.at[i]) * 16777619u;
	return (h ^ h >> 16) % TRUST_BUCKETS;
}

/* Whether key identifiers allow that issuer signed what names authority (either may be empty). */
static inline bool trust_keys_fit(const struct x509 *issuer, const struct der *authority)
{
	return issuer->subject_key_id.len == 0 || authority->len == 0 ||
	    x509_same(&issuer->subject_key_id, authority);
}

/* RFC 5280 4.2.1.3: without the extension a key may do everything. */
static inline bool trust_key_may(const struct x509 *x, enum x509_key_usage usage)
{
	return !x->has_key_usage || (x->key_usage & usage);
}

/* What is read into a store, and where it is said what is wrong with it. */
struct trust_job {
	const struct trust_source *source;
	struct trust_store *store;
	int64_t now;
	struct err *e;
	unsigned errors; /* before */
	size_t subject_bytes, n_revoked;
};

/* Adds an error that names the store. Returns -1. */
int trust_complain(const struct trust_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* All CA certificates of bundle, and who of them issued whom. 0, or -1 with reasons among the job's errors. */
int trust_read_bundle(struct trust_job *job, const struct trust_text *bundle);

/* The CRLs of a file, PEM or DER, after the bundle. 0, or -1 with the reason. */
int trust_read_crl(struct trust_job *job, const struct trust_text *file);
