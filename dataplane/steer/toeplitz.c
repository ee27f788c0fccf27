/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/steer/toeplitz.h"

#include <assert.h>
#include <string.h>

#define PLACES  (TOEPLITZ_KEY - 4)
#define PORTS_4 8 /* where the ports begin */
#define PORTS_6 32

/* The 32 bits of key from bit n on. */
static uint32_t window(const uint8_t key[TOEPLITZ_KEY], unsigned n)
{
	uint64_t five = 0;

	for (unsigned i = 0; i < 5; i++)
		five = five << 8 | key[n / 8 + i];
	return (uint32_t)(five >> (8 - n % 8));
}

void toeplitz_init(struct toeplitz *t, const uint8_t key[TOEPLITZ_KEY])
{
	memset(t, 0, sizeof(*t));
	for (unsigned place = 0; place < PLACES; place++)
		for (unsigned bit = 0; bit < 8; bit++)
			for (unsigned v = 0; v < 256; v++)
				if (v & 0x80u >> bit)
					t->at[place][v] ^= window(key, place * 8 + bit);
}

static uint32_t bytes(const uint32_t at[][256], const uint8_t *b, unsigned n)
{
	uint32_t hash = 0;

	for (unsigned i = 0; i < n; i++)
		hash ^= at[i][b[i]];
	return hash;
}

static uint32_t port(const uint32_t at[][256], uint16_t port)
{
	return at[0][port >> 8] ^ at[1][port & 255];
}

uint32_t toeplitz_flow(const struct toeplitz *t, const struct flow *flow)
{
	if (ip_addr_is_v4(&flow->remote))
		return bytes(t->at, flow->remote.b + 12, 4) ^
		    bytes(t->at + 4, flow->local.b + 12, 4) ^
		    port(t->at + PORTS_4, flow->remote_port) ^
		    port(t->at + PORTS_4 + 2, flow->local_port);
	return bytes(t->at, flow->remote.b, 16) ^ bytes(t->at + 16, flow->local.b, 16) ^
	    port(t->at + PORTS_6, flow->remote_port) ^ port(t->at + PORTS_6 + 2, flow->local_port);
}

uint64_t toeplitz_ports(const struct toeplitz *t, const struct flow *flow, const uint16_t table[],
    uint32_t mask, uint16_t queue)
{
	const uint32_t *low = t->at[(ip_addr_is_v4(&flow->remote) ? PORTS_4 : PORTS_6) + 3];
	unsigned first = flow->local_port & 255u;
	uint32_t base = toeplitz_flow(t, flow) ^ low[first];
	uint64_t bits = 0;

	assert(flow->local_port % 64 == 0);
	for (unsigned i = 0; i < 64; i++)
		bits |= (uint64_t)(table[(base ^ low[first + i]) & mask] == queue) << i;
	return bits;
}
