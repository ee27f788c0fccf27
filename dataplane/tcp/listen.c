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

static uint16_t *chain_of(struct listeners *l, uint16_t port)
{
	return &l->chains[port % LISTEN_CHAINS];
}

void listen_init(struct listeners *l)
{
	for (unsigned i = 0; i < LISTEN_CHAINS; i++)
		l->chains[i] = LISTEN_NONE;
}

uint16_t listen_find(const struct listeners *l, const struct ip_addr *local, uint16_t port)
{
	uint16_t any = LISTEN_NONE;

	if (!(l->ports[port / 64] >> (port % 64) & 1))
		return LISTEN_NONE;
	for (uint16_t i = l->chains[port % LISTEN_CHAINS]; i != LISTEN_NONE; i = l->all[i].next) {
		const struct listener *x = &l->all[i];

		if (x->port != port)
			continue;
		if (ip_addr_eq(&x->ip, local))
			return i;
		if (listener_takes(x, local))
			any = i;
	}
	return any;
}

/* The one for exactly ip and port; LISTEN_NONE: there is none. */
static uint16_t find_exact(const struct listeners *l, const struct ip_addr *ip, uint16_t port)
{
	uint16_t i = l->chains[port % LISTEN_CHAINS];

	while (i != LISTEN_NONE && !(l->all[i].port == port && ip_addr_eq(&l->all[i].ip, ip)))
		i = l->all[i].next;
	return i;
}

static uint16_t find_spare(const struct listeners *l)
{
	for (uint16_t i = 0; i < LISTEN_MAX; i++)
		if (!l->all[i].is_open && l->all[i].n_refs == 0)
			return i;
	return LISTEN_NONE;
}

int tcp_listen(struct stack *s, const struct ip_addr *ip, uint16_t port, void *user)
{
	struct listeners *l = &s->listeners;
	uint16_t spare = find_spare(l);

	if (spare == LISTEN_NONE || port == 0 || find_exact(l, ip, port) != LISTEN_NONE)
		return -1;
	l->all[spare] = (struct listener){
		.ip = *ip,
		.port = port,
		.next = *chain_of(l, port),
		.is_open = true,
		.user = user,
	};
	*chain_of(l, port) = spare;
	l->ports[port / 64] |= 1ULL << (port % 64);
	return 0;
}

void tcp_unlisten(struct stack *s, const struct ip_addr *ip, uint16_t port)
{
	struct listeners *l = &s->listeners;
	uint16_t i = find_exact(l, ip, port), *at = chain_of(l, port);
	bool others = false;

	if (i == LISTEN_NONE)
		return;
	while (*at != i)
		at = &l->all[*at].next;
	*at = l->all[i].next;
	l->all[i].is_open = false;
	mini_drop_listener(s, i);
	for (i = *chain_of(l, port); i != LISTEN_NONE; i = l->all[i].next)
		others |= l->all[i].port == port;
	if (!others)
		l->ports[port / 64] &= ~(1ULL << (port % 64));
}

bool tcp_listener_is_used(const struct stack *s, const void *user)
{
	for (unsigned i = 0; i < LISTEN_MAX; i++) {
		const struct listener *l = &s->listeners.all[i];

		if (l->user == user && (l->is_open || l->n_refs > 0))
			return true;
	}
	return false;
}
