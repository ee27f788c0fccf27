/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cert;

/*
 * A shard is one immutable, counted block of names that have hashes near each other: an open-addressing
 * table of 8-byte slots, then the entries, each with its certificates and its name. Part of
 * tls/sni.c; control thread only but for shard_find.
 */

/* An entry is found within so many slots, or not there: three cache lines. */
#define SHARD_MAX_PROBE 16

struct sni_slot {
	uint32_t hash;  /* low half of the name's hash */
	uint32_t entry; /* bytes from the shard's start; 0: empty */
};

struct sni_shard {
	unsigned references;
	uint32_t n_slots;
	uint32_t n_entries;
	uint32_t first_entry; /* bytes from the start, to walk all entries */
	struct sni_slot slots[];
};

struct sni_entry {
	uint16_t len, n_certs, n_excluded;
	struct cert *certs[]; /* best first, then those that exclude the name, then the name */
};

/* A certificate's name, on its way into a shard or out of it. A wildcard "*.rest" is the key ".rest". */
struct sni_name {
	uint64_t hash;
	const char *at;
	uint16_t len;
	bool excludes;
	bool leaves; /* is to be taken out, not put in */
	struct cert *cert;
};

/* By hash, then all of the name, then whether it excludes, then how good the certificate is. For qsort. */
int sni_name_compare(const void *a, const void *b);

/* Below zero when a is to be preferred (cloud-facts.md 2); among equals the newer one. */
int sni_cert_compare(const struct cert *a, const struct cert *b);

/* Eight bytes at a time. Not secret: which names are served is, at most, known to the asker. */
uint64_t sni_hash(const char *name, size_t len);

/* Sets name's key and hash from one of cert's names. */
void sni_name_set(struct sni_name *name, const char *text, struct cert *cert);

/*
 * The shard that follows old (NULL: none): n changes, sorted, are made to its names. False: no memory, or names
 * that all collide. *next is NULL when no name is left. Takes references to the certificates.
 */
bool shard_change(
    const struct sni_shard *old, const struct sni_name *changes, size_t n, struct sni_shard **next);

struct sni_shard *shard_get(struct sni_shard *shard); /* NULL is fine */
void shard_put(struct sni_shard *shard);

/* Writes all names of a shard to out; returns how many: at most shard_n_pairs. */
size_t shard_n_pairs(const struct sni_shard *shard);
size_t shard_names(const struct sni_shard *shard, struct sni_name *out);

/* mask: slots - 1. NULL when the name is not there. */
const struct sni_entry *shard_find(
    const struct sni_shard *shard, uint32_t mask, uint64_t hash, const char *name, size_t len);
