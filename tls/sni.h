/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cert;
struct err;

/*
 * Names to certificates: immutable once made. A lookup takes no lock, allocates nothing and touches
 * a bounded number of cache lines: exact name, then the one-label wildcard (RFC 6125 6.4.3).
 *
 * A certificate's name "!old.example.com" is an exclusion: a wildcard of this certificate does not
 * cover that name. Another certificate's wildcard may, and so does a certificate that has the
 * name itself.
 */
struct sni_table;

/* The certificates of one name, best first (ECDSA, then hash, key length, later expiry). */
struct sni_match {
	struct cert *const *certs;
	unsigned n_certs;
	/* Those of certs that exclude the name; at least one of certs does not (SNI_WILDCARD only). */
	struct cert *const *excluded;
	unsigned n_excluded;
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

/* What is different in the next table. A certificate that is replaced is removed, and its successor added. */
struct sni_change {
	struct cert *const
	    *removed; /* no longer served for their names, unless they are defaults */
	unsigned n_removed;
	struct cert *const *added;
	unsigned n_added;
	struct cert *const *defaults; /* all of the new defaults; NULL: those of before */
	unsigned n_defaults;
};

/*
 * Makes the table that follows old, which stays as it is. All that the change does not touch is
 * shared by count, so that the cost does not depend on the size of the table (16 names or so are
 * copied for each name of a changed certificate). Certificates are told apart by their address.
 * Removed is done before added; what is not there may be removed, what is there may be added.
 * NULL with the reason in e. Control thread only. Either is freed with sni_free, in any order.
 */
struct sni_table *
sni_replace(const struct sni_table *old, const struct sni_change *change, struct err *e);

void sni_free(struct sni_table *t); /* NULL is fine */

/* Names in it, wildcards and exclusions too, each once. */
size_t sni_n_names(const struct sni_table *t);

/* name in lower case, len bytes; len 0: no SNI. Never fails: SNI_DEFAULT when nothing matches. */
void sni_find(const struct sni_table *t, const char *name, size_t len, struct sni_match *match);
