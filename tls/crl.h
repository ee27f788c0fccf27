/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/x509.h"

/*
 * Certificate revocation lists (RFC 5280 5): read as views into their DER, and kept as a set of serial numbers that
 * is asked in constant time. wolfSSL's is a linked list under a lock.
 */

struct crl_text {
	struct der issuer; /* Name, whole */
	struct x509_signature signature;
	int64_t this_update,
	    next_update;             /* seconds; INT64_MAX: it does not say when the next comes */
	struct der revoked;          /* the entries; may be empty */
	struct der authority_key_id; /* empty: none */
	bool for_users, for_cas;     /* whose certificates it covers (RFC 5280 5.2.5) */
	bool is_part;                /* only those that name its distribution point, */
	struct der points; /* GeneralNames' content; empty: it has none that can be compared */
};

/*
 * Reads der, all of it, and looks at every entry; borrows it. *n_revoked: how many there are. NULL, or why it
 * cannot be used: delta CRLs and indirect ones are not.
 */
const char *crl_read(struct crl_text *t, const uint8_t *der, size_t len, size_t *n_revoked);

struct crl {
	int64_t this_update, next_update;
	bool for_users, for_cas, is_part;
	size_t n;
	/* Control's hash of open addressing: offsets + 1 into serials, 0: free. A serial is {u8 length, bytes}. */
	uint32_t *table;
	uint32_t mask;
	uint8_t *serials;
	uint8_t *points;
	size_t points_len;
};

/* A set of its own of what t lists; NULL: no memory. The caller owns it. */
struct crl *crl_new(const struct crl_text *t, size_t n_revoked);
void crl_free(struct crl *c); /* NULL is fine */

bool crl_has(const struct crl *c, struct der serial);

/*
 * Whether a certificate with these CRLDistributionPoints (their content) is one that c would list: what c, a part of
 * its CA's whole list, does not have, says nothing of the others.
 */
bool crl_covers(const struct crl *c, struct der crl_points);
