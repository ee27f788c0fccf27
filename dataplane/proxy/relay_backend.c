/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>

#include "dataplane/proxy/backend.h"
#include "dataplane/proxy/relay.h"

#define ALERT_INTERNAL_ERROR 80 /* RFC 8446 6.2 */

/* The low bit of a backend leg's user pointer tells it from the client's (proxy.c). */
static void *backend_user(struct relay *r)
{
	return (void *)((uintptr_t)r | 1);
}

/*
 * The backend of the connection's listener, as of now: indices mean nothing after a reload. NULL when the
 * listener was taken away since the client was accepted.
 */
static const struct backend *
backend_of(const struct proxy *p, const struct relay *r, unsigned *index)
{
	const struct bound *bound = tcp_listener_user(r->client.conn);

	if (bound->listener < 0)
		return NULL;
	*index = p->snapshot->listeners[bound->listener].backend;
	return &p->snapshot->backends[*index];
}

/* Opens the leg to the next target that lets itself be tried; false: none is left. */
static bool try_targets(struct proxy *p, struct relay *r)
{
	unsigned index = 0;
	const struct backend *b = backend_of(p, r, &index);

	if (!b)
		return false;
	while (r->connects_left > 0) {
		const struct target *t = backend_next(b, &p->turn[index % PROXY_MAX_BACKENDS]);
		struct tcp_target to = { .port = 0 };
		enum tcp_error error;

		r->connects_left--;
		if (!t)
			return false;
		to.ip = t->at.ip;
		to.port = t->at.port;
		r->backend.conn = tcp_connect(p->stack, &to, backend_user(r), p->now_us, &error);
		if (r->backend.conn) {
			relay_deadline(p, r, b->connect_timeout_ms);
			return true;
		}
		stats_inc(p->stats, STAT_BACKEND_FAILED);
	}
	return false;
}

void relay_connect(struct proxy *p, struct relay *r)
{
	unsigned index = 0;
	const struct backend *b = backend_of(p, r, &index);

	relay_set_state(p, r, RELAY_CONNECT);
	r->connects_left = (uint16_t)(b ? b->n_targets : 0);
	if (!try_targets(p, r))
		relay_goodbye(p, r, 0);
}

void relay_backend_failed(struct proxy *p, struct relay *r)
{
	stats_inc(p->stats, STAT_BACKEND_FAILED);
	if (r->state == RELAY_CONNECT) {
		if (!try_targets(p, r))
			relay_goodbye(p, r, 0);
		return;
	}
	/* It broke off in the middle: a clean close would make a cut answer look whole. */
	relay_goodbye(p, r, ALERT_INTERNAL_ERROR);
}
