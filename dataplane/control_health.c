/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/control_private.h"
#include "dataplane/proxy/snapshot.h"

/*
 * What /healthz says of targets. Only what checks find counts: whom a worker leaves alone for failing is taken back by the next
 * connection, which would never come if this sent them all elsewhere.
 */

static bool is_open(const struct target *t)
{
	return t->weight > 0 && !t->drain;
}

static enum ops_target_state state_of(const struct backend *b, const struct target *t)
{
	if (t->drain)
		return OPS_TARGET_DRAINING;
	if (t->weight == 0)
		return OPS_TARGET_DISABLED;
	if (!b->checked)
		return OPS_TARGET_UNCHECKED;
	switch ((enum target_verdict)atomic_load_explicit(&t->run->verdict, memory_order_relaxed)) {
	case TARGET_ASSUMED:
	case TARGET_UP:
		return OPS_TARGET_HEALTHY;
	case TARGET_NEW:
		return OPS_TARGET_NEW;
	case TARGET_DOWN:
		break;
	}
	return OPS_TARGET_UNHEALTHY;
}

static bool can_serve(enum ops_target_state state)
{
	return state == OPS_TARGET_HEALTHY || state == OPS_TARGET_UNCHECKED;
}

static enum ops_health backend_health(const struct backend *b)
{
	unsigned n = 0, good = 0;

	for (unsigned i = 0; i < b->n_targets; i++) {
		n += is_open(&b->targets[i]);
		good += can_serve(state_of(b, &b->targets[i]));
	}
	if (good == 0)
		return OPS_HEALTH_UNAVAILABLE;
	return good == n ? OPS_HEALTH_OK : OPS_HEALTH_DEGRADED;
}

static bool op_backend_at(void *arg, unsigned i, struct ops_backend *to)
{
	const struct control *c = arg;
	const struct backend *b;

	if (i >= c->state->base->n_backends)
		return false;
	b = &c->state->base->backends[i];
	*to = (struct ops_backend){
		.name = b->name,
		.health = backend_health(b),
		.is_panicking = atomic_load_explicit(&b->run->panic, memory_order_relaxed),
		.n_targets = b->n_targets,
	};
	return true;
}

static void op_target_at(void *arg, unsigned backend, unsigned i, struct ops_target *to)
{
	const struct control *c = arg;
	const struct backend *b = &c->state->base->backends[backend];

	to->address = b->targets[i].run->address;
	to->state = state_of(b, &b->targets[i]);
}

/* The best of the backends that its clients may go to; *worst: of them. */
static enum ops_health
listener_health(const struct snapshot_base *base, const struct listener *l, enum ops_health *worst)
{
	enum ops_health best = backend_health(&base->backends[l->backend]);

	*worst = best > *worst ? best : *worst;
	for (unsigned i = 0; i < l->n_routes; i++) {
		enum ops_health h = backend_health(&base->backends[l->routes[i].backend]);

		best = h < best ? h : best;
		*worst = h > *worst ? h : *worst;
	}
	return best;
}

static enum ops_health op_health(void *arg)
{
	const struct control *c = arg;
	const struct snapshot_base *base = c->state->base;
	enum ops_health best = OPS_HEALTH_UNAVAILABLE, worst = OPS_HEALTH_OK;

	if (c->draining)
		return OPS_HEALTH_DRAINING;
	for (unsigned i = 0; i < base->n_listeners; i++) {
		enum ops_health h = listener_health(base, &base->listeners[i], &worst);

		best = h < best ? h : best;
	}
	if (best == OPS_HEALTH_UNAVAILABLE)
		return best;
	return worst == OPS_HEALTH_OK ? OPS_HEALTH_OK : OPS_HEALTH_DEGRADED;
}

void control_health_ops(struct ops *ops)
{
	ops->health = op_health;
	ops->backend_at = op_backend_at;
	ops->target_at = op_target_at;
}
