/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/table.h"

#include <stdlib.h>

#include <rte_common.h>

#include "dataplane/tcp/mini.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timewait.h"

/* How many 4-tuples that were left are remembered at most, and how long: as a peer's TIME-WAIT. */
#define LEFT_MAX  65536
#define LEFT_MS   60000
#define LEFT_WAYS 4

static unsigned addrs_hash(const struct ip_addr *ip)
{
	uint64_t x = ip->q[0] ^ ip->q[1];

	/* No peer chooses our addresses: a multiplication spreads them well enough. */
	return (unsigned)(x * 0x9e3779b97f4a7c15ULL >> 55);
}

int addrs_index(struct addrs *a, const struct ip_addr *ip)
{
	unsigned i = addrs_hash(ip);

	for (; a->slot[i]; i = (i + 1) & 511)
		if (ip_addr_eq(&a->ip[a->slot[i] - 1], ip))
			return a->slot[i] - 1;
	if (a->n == ADDRS_MAX)
		return -1;
	a->ip[a->n++] = *ip;
	a->slot[i] = (uint8_t)a->n;
	return a->n - 1;
}

int table_init(struct table *t, uint32_t n, const uint8_t secret[16])
{
	uint32_t size = 64;

	while (size < n / 2)
		size *= 2;
	t->buckets = calloc(size, sizeof(*t->buckets));
	t->mask = size - 1;
	t->left_mask = RTE_MIN(size, (uint32_t)LEFT_MAX) / LEFT_WAYS - 1;
	t->left = calloc((t->left_mask + 1) * LEFT_WAYS, sizeof(*t->left));
	t->key = siphash_key_make(secret);
	return t->buckets && t->left ? 0 : -1;
}

void table_fini(struct table *t)
{
	free(t->buckets);
	free(t->left);
}

static uint32_t *next_of(struct stack *s, uint32_t ref)
{
	switch (table_kind(ref)) {
	case TABLE_CONN:
		return &stack_conn(s, table_index(ref))->hash_next;
	case TABLE_MINI:
		return &mini_at(s, table_index(ref))->hash_next;
	case TABLE_TW:
		return &tw_at(s, table_index(ref))->hash_next;
	}
	assert(!"a reference has a kind");
	return NULL;
}

static bool conn_has_key(const struct tcp_conn *c, const struct tcp_key *key)
{
	return c->flow.remote_port == key->rport && c->flow.local_port == key->lport &&
	    c->laddr == key->laddr && ip_addr_eq(&c->flow.remote, &key->raddr);
}

uint32_t table_find(const struct stack *s, const struct tcp_key *key, uint32_t hash)
{
	uint32_t ref = s->table.buckets[hash & s->table.mask];

	while (ref) {
		uint32_t index = table_index(ref);

		switch (table_kind(ref)) {
		case TABLE_CONN:
			if (conn_has_key(&s->conns[index], key))
				return ref;
			ref = s->conns[index].hash_next;
			break;
		case TABLE_MINI: {
			const struct mini *mini = mini_at(s, index);

			if (tcp_key_eq(&mini->key, key))
				return ref;
			ref = mini->hash_next;
			break;
		}
		case TABLE_TW: {
			const struct tw *tw = tw_at(s, index);

			if (tcp_key_eq(&tw->key, key))
				return ref;
			ref = tw->hash_next;
			break;
		}
		}
	}
	return 0;
}

void table_add(struct stack *s, uint32_t ref, uint32_t hash)
{
	uint32_t *bucket = &s->table.buckets[hash & s->table.mask];

	*next_of(s, ref) = *bucket;
	*bucket = ref;
}

/* In place of the oldest of its set. */
static void remember(struct table *t, uint32_t hash, uint32_t now_ms)
{
	struct table_left *set = &t->left[(hash & t->left_mask) * LEFT_WAYS], *oldest = set;

	for (unsigned i = 1; i < LEFT_WAYS; i++)
		if ((int32_t)(set[i].at_ms - oldest->at_ms) < 0)
			oldest = &set[i];
	*oldest = (struct table_left){ hash, now_ms };
}

void table_remove(struct stack *s, uint32_t ref, uint32_t hash)
{
	uint32_t *link = &s->table.buckets[hash & s->table.mask];

	while (*link != ref) {
		assert(*link);
		link = next_of(s, *link);
	}
	*link = *next_of(s, ref);
	remember(&s->table, hash, s->now_ms);
}

bool table_has_left(const struct stack *s, uint32_t hash)
{
	const struct table_left *set = &s->table.left[(hash & s->table.left_mask) * LEFT_WAYS];

	for (unsigned i = 0; i < LEFT_WAYS; i++)
		if (set[i].hash == hash && set[i].at_ms && s->now_ms - set[i].at_ms < LEFT_MS)
			return true;
	return false;
}
