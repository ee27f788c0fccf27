/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/siphash.h"
#include "dataplane/net/pkt.h"

struct stack;

/* A 4-tuple in 24 bytes: our own address as an index (struct addrs). No byte is unused padding. */
struct tcp_key {
	struct ip_addr raddr;
	uint16_t rport, lport;
	uint32_t laddr;
};

static inline bool tcp_key_eq(const struct tcp_key *a, const struct tcp_key *b)
{
	uint64_t x, y;

	memcpy(&x, &a->rport, 8);
	memcpy(&y, &b->rport, 8);
	return x == y && ip_addr_eq(&a->raddr, &b->raddr);
}

/* Our addresses. Those of the configuration come first; net may know more (link-local). */
#define ADDRS_MAX 255
struct addrs {
	struct ip_addr ip[ADDRS_MAX];
	uint16_t n;
	uint8_t slot[512]; /* index + 1 */
};

/* The index of ip, put in when it is new; -1: the table is full. ip must be one of ours. */
int addrs_index(struct addrs *a, const struct ip_addr *ip);

/*
 * All that has a 4-tuple: connections, SYN-RECEIVED minis and TIME-WAITs, in one hash table that is
 * keyed, since peers choose the tuples. A reference is an object's index in its pool and its
 * kind; 0 is none.
 */
enum table_kind {
	TABLE_CONN = 1,
	TABLE_MINI = 2,
	TABLE_TW = 3,
};

/* A 4-tuple that something has left: when, and the hash of it. */
struct table_left {
	uint32_t hash, at_ms;
};

struct table {
	uint32_t *buckets;
	uint32_t mask;
	uint32_t left_mask;
	struct table_left *left; /* by hash & left_mask, in sets */
	struct siphash_key key;
};

static inline uint32_t table_ref(enum table_kind kind, uint32_t index)
{
	return index << 2 | kind;
}

static inline enum table_kind table_kind(uint32_t ref)
{
	return (enum table_kind)(ref & 3);
}

static inline uint32_t table_index(uint32_t ref)
{
	return ref >> 2;
}

/*
 * Room for n objects; -1 when memory is short. There is a bucket for two: n counts all that may come together, of which
 * TIME-WAITs are the better half, and what is looked up lies before what is older than it.
 */
int table_init(struct table *t, uint32_t n, const uint8_t secret[16]);
void table_fini(struct table *t);

static inline uint32_t table_hash(const struct table *t, const struct tcp_key *key)
{
	uint64_t v4 = (uint64_t)key->raddr.w[3] << 32 | (uint32_t)key->rport << 16 | key->lport;

	/* Two blocks fewer without what is the same in all of IPv4; the lengths tell the two apart. */
	if (ip_addr_is_v4(&key->raddr))
		return (uint32_t)siphash13_words(&t->key, &v4, 1, key->laddr);
	return (uint32_t)siphash13(&t->key, key, sizeof(*key));
}

static inline void table_prefetch(const struct table *t, uint32_t hash)
{
	__builtin_prefetch(&t->buckets[hash & t->mask]);
}

/* The object with this key, or 0. */
uint32_t table_find(const struct stack *s, const struct tcp_key *key, uint32_t hash);

/*
 * Whether something with this hash was in the table less than a minute ago and is no more: a segment for it is late, not
 * astray. Under load the memory is shorter; another key is mistaken for it once in 2^16 times or less.
 */
bool table_has_left(const struct stack *s, uint32_t hash);

/* The key must not be in the table yet. */
void table_add(struct stack *s, uint32_t ref, uint32_t hash);
void table_remove(struct stack *s, uint32_t ref, uint32_t hash);
