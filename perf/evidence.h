/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct wc_CryptoInfo; /* wolfSSL's */

/*
 * What is kept of handshakes that fail in a client: how often with which of wolfSSL's errors, and of the first
 * ones whose ECDSA signature is no good everything that tells whether signature, key or verification was wrong.
 * For one thread with any number of handshakes under way, as the crypto callback of their contexts.
 */

#define EVIDENCE_KINDS    12
#define EVIDENCE_MAX_LEAF 4096
#define EVIDENCE_MAX_SIG  144 /* DER, P-521 */
#define EVIDENCE_MAX_HASH 64
#define EVIDENCE_MAX_KEY  133 /* uncompressed point, P-521 */

struct evidence_verdict {
	int ret, good; /* wc_ecc_verify_hash's; good is 1 or the signature is not */
};

struct evidence {
	uint64_t who; /* whose handshake is under way: the user's number, not 0 */

	/* The certificate that evidence_leaf had last, and of whose handshake. */
	uint64_t leaf_of;
	size_t leaf_len;
	uint8_t leaf[EVIDENCE_MAX_LEAF];

	/* The verification that failed last, and in whose handshake. */
	uint64_t bad_of;
	uint8_t hash[EVIDENCE_MAX_HASH], sig[EVIDENCE_MAX_SIG], key[EVIDENCE_MAX_KEY];
	uint32_t hash_len, sig_len, key_len;
	int curve; /* wolfSSL's number */
	struct evidence_verdict first, again, fresh;

	unsigned n_told;
	struct {
		int error; /* wolfSSL's; 0: free */
		uint64_t n;
	} kinds[EVIDENCE_KINDS]; /* the last one is of all that found no place */
};

/*
 * To be called by the crypto callback of the contexts with what it does not answer itself; ECDSA signatures are
 * verified as wolfCrypt does it. Returns what the callback is to.
 */
int evidence_watch(struct evidence *e, struct wc_CryptoInfo *info);

/* The server's certificate in the handshake that is under way: worth it where there are many. Copied. */
void evidence_leaf(struct evidence *e, const uint8_t *der, size_t len);

/* Keeps a verification that gave that verdict, and verifies again: with the same key, and with a new copy of it. */
void evidence_keep(
    struct evidence *e, const struct wc_CryptoInfo *info, struct evidence_verdict first);

/*
 * A handshake of who, with that server name, failed with wolfSSL's error: counted. When a signature is to blame,
 * says all of it on to, the first three times: some ten lines.
 */
void evidence_failed(struct evidence *e, uint64_t who, int error, const char *name, FILE *to);

/* The counts as a JSON object of wolfSSL's texts. */
void evidence_print_kinds(const struct evidence *e, FILE *to);
