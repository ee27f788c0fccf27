/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cert;
struct err;

/*
 * Names to certificates: immutable after sni_new. A lookup takes no lock, allocates nothing and touches
 * a bounded number of cache lines: exact name, then the one-label wildcard (RFC 6125 6.4.3).
 */
struct sni_table;

/* The certificates of one name, best first (ECDSA, then hash, key length, later expiry). */
struct sni_match {
	struct cert *const *certs;
	unsigned n_certs;
	enum {
		SNI_EXACT,
		SNI_WILDCARD,
		SNI_DEFAULT
	} how;
};

/*
 * Builds the table from the certificates' own names, those of the defaults included. Takes
 * references of its own. The defaults are put in the same order, best first. NULL with the reason
 * in e. Control thread only, as sni_free is.
 */
struct sni_table *sni_new(struct cert *const *certs, unsigned n_certs, struct cert *const *defaults,
    unsigned n_defaults, struct err *e);

void sni_free(struct sni_table *t);

/* name in lower case, len bytes; len 0: no SNI. Never fails: SNI_DEFAULT when nothing matches. */
void sni_find(const struct sni_table *t, const char *name, size_t len, struct sni_match *match);
