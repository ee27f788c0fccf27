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

/* Opens the leg to the next target that lets itself be tried; false: none is left. */
static bool try_targets(struct proxy *p, struct relay *r)
{
	const struct backend *b;

	/* A reload may have taken the backend away since the client was accepted. */
	if (r->backend_ix >= p->snapshot->n_backends)
		return false;
	b = &p->snapshot->backends[r->backend_ix];
	while (r->connects_left > 0) {
		const struct target *t =
		    backend_next(b, &p->turn[r->backend_ix % PROXY_MAX_BACKENDS]);
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
	relay_set_state(p, r, RELAY_CONNECT);
	r->connects_left = 1;
	if (r->backend_ix < p->snapshot->n_backends)
		r->connects_left = (uint16_t)p->snapshot->backends[r->backend_ix].n_targets;
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
