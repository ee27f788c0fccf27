/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/dump.h"

#include "dataplane/proxy/relay.h"

static const char *const names[RELAY_N_STATES] = {
	[RELAY_FREE] = "free",
	[RELAY_PROXY] = "proxy",
	[RELAY_HELLO] = "hello",
	[RELAY_HANDSHAKE] = "handshake",
	[RELAY_CONNECT] = "connect",
	[RELAY_ORIGIN] = "target handshake",
	[RELAY_OPEN] = "open",
	[RELAY_LINGER] = "linger",
};

const char *proxy_state_name(unsigned state)
{
	return state < RELAY_N_STATES ? names[state] : "?";
}

static void dump_one(const struct proxy *p, const struct relay *r, struct proxy_dumped *to)
{
	const struct bound *b = tcp_listener_user(r->client.conn);

	*to = (struct proxy_dumped){ .client = *tcp_flow(r->client.conn),
		.state = r->state,
		.listener = b ? (int16_t)b->listener : -1 };
	if ((r->state == RELAY_CONNECT || r->state == RELAY_ORIGIN || r->state == RELAY_OPEN) &&
	    !(r->flags & RELAY_PASS))
		to->version = record_version(&r->record);
	if (r->flags & RELAY_ORIGIN_KEYS)
		to->backend_version = record_version(relay_origin_record(p, r));
	if (leg_is_open(&r->backend)) {
		to->backend = *tcp_flow(r->backend.conn);
		to->has_backend = true;
	}
}

void proxy_dump(const struct proxy *p, struct proxy_dump *d, unsigned budget)
{
	for (; budget > 0 && d->next < p->n_relays; budget--, d->next++) {
		const struct relay *r = &p->relays[d->next];

		if (r->state == RELAY_FREE || !leg_is_open(&r->client))
			continue;
		d->total++;
		if (d->n < d->room)
			dump_one(p, r, &d->at[d->n++]);
	}
	if (d->next == p->n_relays)
		atomic_store_explicit(&d->done, true, memory_order_release);
}
