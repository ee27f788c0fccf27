/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/ports.h"

#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timewait.h"

/*
 * With n workers one port in n is ours: enough candidates that failing means the set is nearly used
 * up, few enough that a storm of connects stays cheap.
 */
#define MAX_CANDIDATES 2048

static bool port_is_free(struct stack *s, struct flow *flow, uint8_t laddr, bool reuse,
    uint32_t *iss_after, bool *reused)
{
	struct tcp_key key = { flow->remote, flow->remote_port, flow->local_port, laddr };
	uint32_t ref = table_find(s, &key, table_hash(&s->table, &key));

	if (!ref)
		return true;
	if (!reuse || table_kind(ref) != TABLE_TW)
		return false;
	*reused = tw_reuse(s, tw_at(s, table_index(ref)), iss_after);
	return *reused;
}

static bool port_is_ours(const struct stack *s, const struct flow *flow)
{
	if (listen_find(&s->listeners, &flow->local, flow->local_port) != LISTEN_NONE)
		return false;
	return !s->config.flow_is_ours || s->config.flow_is_ours(s->config.flow_arg, flow);
}

bool ports_choose(
    struct stack *s, struct flow *flow, uint8_t laddr, uint32_t *iss_after, bool *reused)
{
	struct {
		struct ip_addr remote, local;
		uint64_t port;
	} in = { flow->remote, flow->local, flow->remote_port };
	uint64_t hash = siphash24(&s->keys.port, &in, sizeof(in));
	uint32_t *counter = &s->port_counters[hash >> 58];
	uint32_t offset = (uint32_t)hash;

	*reused = false;
	/* First only what is free altogether, then also TIME-WAITs whose peers keep timestamps. */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < MAX_CANDIDATES; i++) {
			uint32_t at = offset + *counter;

			/* Steps of varying size: the next port is not to be guessed from the last. */
			*counter += 1 +
			    ((uint32_t)siphash13(&s->keys.port, counter, sizeof(*counter)) & 31);

			flow->local_port = (uint16_t)(PORTS_FIRST + at % PORTS_COUNT);
			if (port_is_ours(s, flow) &&
			    port_is_free(s, flow, laddr, pass == 1, iss_after, reused))
				return true;
		}
	}
	return false;
}
