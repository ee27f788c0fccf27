/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/dst.h"

#include "dataplane/tcp/stack.h"

uint16_t dst_slot(const struct stack *s, const struct flow *flow)
{
	uint64_t x[3] = { flow->remote.q[0], flow->remote.q[1],
		flow->local.q[0] ^ flow->local.q[1] };

	return (uint16_t)(siphash13(&s->table.key, x, sizeof(x)) & s->dsts.mask);
}

struct net_dst *dst_get(struct stack *s, const struct flow *flow, uint16_t slot)
{
	struct dst_entry *e = &s->dsts.entries[slot];
	struct ip_addr local = flow->local;

	if (e->is_valid && e->dst.generation == net_generation(s->net) &&
	    ip_addr_eq(&e->remote, &flow->remote) && ip_addr_eq(&e->local, &flow->local))
		return &e->dst;
	e->is_valid = net_route(s->net, &local, &flow->remote, &e->dst);
	e->remote = flow->remote;
	e->local = flow->local;
	return e->is_valid ? &e->dst : NULL;
}
