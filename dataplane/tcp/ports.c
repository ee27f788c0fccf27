/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/ports.h"

#include <assert.h>
#include <string.h>

#include <rte_common.h>

#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timewait.h"

/* TIME-WAITs tried for one connect when nothing else is left. */
#define MAX_REUSE_TRIES 64

/* Sets looked at for one that can be given up. */
#define MAX_EVICT_TRIES 16

#define NONE UINT16_MAX

static uint64_t target_hash(const struct stack *s, const struct ip_addr *remote,
    uint16_t remote_port, const struct ip_addr *local)
{
	struct {
		struct ip_addr remote, local;
		uint64_t port;
	} in = { *remote, *local, remote_port };

	return siphash24(&s->keys.port, &in, sizeof(in));
}

/* --- sets --- */

static uint16_t *bucket(struct ports *p, uint64_t hash)
{
	return &p->buckets[hash >> 32 & (PORTS_BUCKETS - 1)];
}

static struct port_set *set_find(struct stack *s, const struct ip_addr *remote,
    uint16_t remote_port, uint8_t laddr, uint64_t hash)
{
	struct ports *p = &s->ports;

	for (uint16_t i = *bucket(p, hash); i; i = p->sets[i - 1].next) {
		struct port_set *set = &p->sets[i - 1];

		if (set->remote_port == remote_port && set->laddr == laddr &&
		    ip_addr_eq(&set->remote, remote))
			return set;
	}
	return NULL;
}

static void set_forget(struct stack *s, struct port_set *set)
{
	struct ports *p = &s->ports;
	uint64_t hash = target_hash(s, &set->remote, set->remote_port, &s->addrs.ip[set->laddr]);
	uint16_t *at = bucket(p, hash);

	while (&p->sets[*at - 1] != set)
		at = &p->sets[*at - 1].next;
	*at = set->next;
}

/* One that was never used, or one whose target has no connection; NULL: there is none. */
static struct port_set *set_room(struct stack *s)
{
	struct ports *p = &s->ports;

	if (p->n_touched < p->n_sets)
		return &p->sets[p->n_touched++];
	for (unsigned i = 0; i < MAX_EVICT_TRIES && i < p->n_sets; i++) {
		struct port_set *set = &p->sets[p->hand];

		p->hand = (uint16_t)((p->hand + 1) % p->n_sets);
		if (set->n_taken > 0)
			continue;
		set_forget(s, set);
		return set;
	}
	return NULL;
}

static struct port_set *
set_get(struct stack *s, const struct flow *flow, uint8_t laddr, uint64_t hash)
{
	struct port_set *set = set_find(s, &flow->remote, flow->remote_port, laddr, hash);
	uint16_t *at = bucket(&s->ports, hash);

	if (set)
		return set;
	set = set_room(s);
	if (!set)
		return NULL;
	memset(set, 0, sizeof(*set));
	set->remote = flow->remote;
	set->remote_port = flow->remote_port;
	set->laddr = laddr;
	set->next = *at;
	*at = (uint16_t)(set - s->ports.sets + 1);
	return set;
}

/* --- ports --- */

/* Of the 64 ports from first on, those whose return flow comes here. */
static uint64_t ask_ours(const struct stack *s, struct flow flow, uint16_t first)
{
	uint64_t bits = 0;

	flow.local_port = first;
	if (s->config.ports_are_ours)
		return s->config.ports_are_ours(s->config.flow_arg, &flow);
	if (!s->config.flow_is_ours)
		return UINT64_MAX;
	for (unsigned i = 0; i < 64; i++) {
		flow.local_port = (uint16_t)(first + i);
		bits |= (uint64_t)s->config.flow_is_ours(s->config.flow_arg, &flow) << i;
	}
	return bits;
}

static uint64_t
ours(const struct stack *s, struct port_set *set, const struct flow *flow, unsigned word)
{
	uint64_t bit = 1ull << word % 64;

	if (!(set->known[word / 64] & bit)) {
		set->known[word / 64] |= bit;
		set->ours[word] = ask_ours(s, *flow, (uint16_t)(PORTS_FIRST + word * 64));
		set->n_ours += (unsigned)__builtin_popcountll(set->ours[word]);
		set->n_known++;
	}
	return set->ours[word];
}

static void take(struct port_set *set, unsigned bit)
{
	set->taken[bit / 64] |= 1ull << bit % 64;
	set->n_taken++;
}

/* The 4-tuple's place in the table; 0: nothing has it. */
static uint32_t tuple_find(const struct stack *s, const struct flow *flow, uint8_t laddr)
{
	struct tcp_key key = { flow->remote, flow->remote_port, flow->local_port, laddr };

	return table_find(s, &key, table_hash(&s->table, &key));
}

/*
 * The words of a set in a circle that begins and ends in the middle of one: of the i-th, which of
 * 64 bits come before the end.
 */
static uint64_t in_turn(unsigned i, unsigned start)
{
	uint64_t from = UINT64_MAX << start % 64;

	return i == 0 ? from : i == PORTS_WORDS ? ~from : UINT64_MAX;
}

/* The first free port from bit start on; NONE: all are taken. */
static unsigned
find_free(struct stack *s, struct port_set *set, struct flow *flow, uint8_t laddr, unsigned start)
{
	if (set->n_known == PORTS_WORDS && set->n_taken >= set->n_ours)
		return NONE;
	for (unsigned i = 0; i <= PORTS_WORDS; i++) {
		unsigned word = (start / 64 + i) % PORTS_WORDS;
		uint64_t listened = s->listeners.ports[PORTS_FIRST / 64 + word];
		uint64_t free = ours(s, set, flow, word) & ~set->taken[word] & ~listened;

		for (free &= in_turn(i, start); free; free &= free - 1) {
			unsigned bit = word * 64 + (unsigned)__builtin_ctzll(free);

			/* What came in from there, or was opened when there was no set. */
			flow->local_port = (uint16_t)(PORTS_FIRST + bit);
			if (!tuple_find(s, flow, laddr))
				return bit;
		}
	}
	return NONE;
}

/* The first port from bit start on whose TIME-WAIT can be taken over (RFC 6191). */
static unsigned find_reusable(struct stack *s, const struct port_set *set, struct flow *flow,
    uint8_t laddr, unsigned start, uint32_t *iss_after)
{
	unsigned tries = 0;

	if (set->n_waiting == 0)
		return NONE;
	for (unsigned i = 0; i <= PORTS_WORDS; i++) {
		unsigned word = (start / 64 + i) % PORTS_WORDS;
		uint64_t old = set->waiting[word] & in_turn(i, start);

		for (; old; old &= old - 1) {
			unsigned bit = word * 64 + (unsigned)__builtin_ctzll(old);
			uint32_t ref;

			flow->local_port = (uint16_t)(PORTS_FIRST + bit);
			ref = tuple_find(s, flow, laddr);
			assert(table_kind(ref) == TABLE_TW);
			if (tw_reuse(s, tw_at(s, table_index(ref)), iss_after))
				return bit;
			if (++tries == MAX_REUSE_TRIES)
				return NONE;
		}
	}
	return NONE;
}

/* Every set is in use by others: some ports are tried. What this takes no set knows of. */
static bool probe(struct stack *s, struct flow *flow, uint8_t laddr, unsigned start)
{
	for (unsigned i = 0; i < MAX_REUSE_TRIES; i++) {
		unsigned word = (start / 64 + i) % PORTS_WORDS;
		uint16_t first = (uint16_t)(PORTS_FIRST + word * 64);
		uint64_t free = ask_ours(s, *flow, first) & ~s->listeners.ports[first / 64];

		for (; free; free &= free - 1) {
			flow->local_port = (uint16_t)(first + __builtin_ctzll(free));
			if (!tuple_find(s, flow, laddr))
				return true;
		}
	}
	return false;
}

bool ports_choose(
    struct stack *s, struct flow *flow, uint8_t laddr, uint32_t *iss_after, bool *reused)
{
	uint64_t hash = target_hash(s, &flow->remote, flow->remote_port, &flow->local);
	struct port_set *set = set_get(s, flow, laddr, hash);
	uint32_t *counter = &s->ports.counters[hash >> 58];
	unsigned start, bit;

	/* Steps of varying size: the next port is not to be guessed from the last. */
	*counter += 1 + ((uint32_t)siphash13(&s->keys.port, counter, sizeof(*counter)) & 31);
	start = ((uint32_t)hash + *counter) % PORTS_COUNT;
	*reused = false;
	if (!set && probe(s, flow, laddr, start))
		return true;
	if (set) {
		bit = find_free(s, set, flow, laddr, start);
		if (bit == NONE) {
			bit = find_reusable(s, set, flow, laddr, start, iss_after);
			*reused = bit != NONE;
		}
		if (bit != NONE) {
			take(set, bit);
			stats_add(s->stats, STAT_TCP_PORTS_REUSED, *reused);
			return true;
		}
	}
	stats_inc(s->stats, STAT_TCP_NO_PORT);
	return false;
}

/* The set that knows this 4-tuple, and its bit; NULL: none does. */
static struct port_set *set_of(struct stack *s, const struct tcp_key *key, unsigned *bit)
{
	uint8_t laddr = (uint8_t)key->laddr;
	uint64_t hash = target_hash(s, &key->raddr, key->rport, &s->addrs.ip[laddr]);
	struct port_set *set = set_find(s, &key->raddr, key->rport, laddr, hash);

	*bit = key->lport - PORTS_FIRST;
	return set && set->taken[*bit / 64] & 1ull << *bit % 64 ? set : NULL;
}

void ports_wait(struct stack *s, const struct tcp_key *key)
{
	unsigned bit;
	struct port_set *set = set_of(s, key, &bit);

	if (!set)
		return;
	set->waiting[bit / 64] |= 1ull << bit % 64;
	set->n_waiting++;
}

void ports_give_back(struct stack *s, const struct tcp_key *key)
{
	unsigned bit;
	struct port_set *set = set_of(s, key, &bit);
	uint64_t mask = 1ull << bit % 64;

	if (!set)
		return;
	set->taken[bit / 64] &= ~mask;
	set->n_taken--;
	if (set->waiting[bit / 64] & mask) {
		set->waiting[bit / 64] &= ~mask;
		set->n_waiting--;
	}
}

/* How many there will be when every word is known. */
static uint32_t estimate(const struct port_set *set)
{
	if (set->n_known == 0)
		return PORTS_COUNT;
	return (uint32_t)((uint64_t)set->n_ours * PORTS_WORDS / set->n_known);
}

void ports_info(const struct stack *s, struct stack_info *info)
{
	info->n_ports_taken = 0;
	info->n_ports_free_least = PORTS_COUNT;
	for (unsigned i = 0; i < s->ports.n_touched; i++) {
		const struct port_set *set = &s->ports.sets[i];
		uint32_t all = estimate(set);
		uint32_t free = all > set->n_taken ? all - set->n_taken : 0;

		info->n_ports_taken += set->n_taken;
		info->n_ports_free_least = RTE_MIN(info->n_ports_free_least, free);
	}
}
