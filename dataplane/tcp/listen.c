/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/listen.h"

#include "dataplane/tcp/mini.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/tcp.h"

static bool ip_is_any(const struct ip_addr *ip)
{
	return ip->q[0] == 0 && ip->q[1] == 0;
}

/* 0.0.0.0 mapped means any IPv4 address. */
static bool ip_is_any4(const struct ip_addr *ip)
{
	return ip_addr_is_v4(ip) && ip->w[3] == 0;
}

static bool listener_takes(const struct listener *l, const struct ip_addr *local)
{
	return ip_is_any(&l->ip) || (ip_is_any4(&l->ip) && ip_addr_is_v4(local));
}

uint16_t listen_find(const struct listeners *l, const struct ip_addr *local, uint16_t port)
{
	uint16_t any = LISTEN_NONE;

	if (!(l->ports[port / 64] >> (port % 64) & 1))
		return LISTEN_NONE;
	for (unsigned i = 0; i < LISTEN_MAX; i++) {
		const struct listener *x = &l->all[i];

		if (!x->is_open || x->port != port)
			continue;
		if (ip_addr_eq(&x->ip, local))
			return (uint16_t)i;
		if (listener_takes(x, local))
			any = (uint16_t)i;
	}
	return any;
}

int tcp_listen(struct stack *s, const struct ip_addr *ip, uint16_t port, void *user)
{
	struct listener *spare = NULL;

	for (unsigned i = 0; i < LISTEN_MAX; i++) {
		struct listener *l = &s->listeners.all[i];

		if (l->is_open && l->port == port && ip_addr_eq(&l->ip, ip))
			return -1;
		if (!l->is_open && l->n_refs == 0 && !spare)
			spare = l;
	}
	if (!spare || port == 0)
		return -1;
	spare->ip = *ip;
	spare->port = port;
	spare->user = user;
	spare->is_open = true;
	s->listeners.ports[port / 64] |= 1ULL << (port % 64);
	return 0;
}

void tcp_unlisten(struct stack *s, const struct ip_addr *ip, uint16_t port)
{
	bool others = false;

	for (unsigned i = 0; i < LISTEN_MAX; i++) {
		struct listener *l = &s->listeners.all[i];

		if (!l->is_open || l->port != port)
			continue;
		if (!ip_addr_eq(&l->ip, ip)) {
			others = true;
			continue;
		}
		l->is_open = false;
		mini_drop_listener(s, (uint16_t)i);
	}
	if (!others)
		s->listeners.ports[port / 64] &= ~(1ULL << (port % 64));
}
