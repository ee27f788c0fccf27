/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/listener_run.h"

#include <stdlib.h>
#include <string.h>

/* Control thread only: every run there is. */
static struct listener_run *all;

struct listener_run *listener_runs(void)
{
	return all;
}

static bool is_held(const struct listener_run *l)
{
	for (unsigned i = 0; i < l->n_lanes; i++)
		if (atomic_load_explicit(&l->lanes[i].active, memory_order_acquire) > 0)
			return true;
	return false;
}

/* Frees those that no configuration names and no connection holds: without the first, no second comes. */
static void sweep(void)
{
	struct listener_run **at = &all, *l;

	while ((l = *at) != NULL) {
		if (l->references > 0 || is_held(l)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		free(l->name);
		free(l);
	}
}

struct listener_run *listener_run_get(const char *name, unsigned n_workers)
{
	size_t size = sizeof(struct listener_run) + n_workers * sizeof(struct listener_lane);
	struct listener_run *l = all;

	while (l && strcmp(l->name, name) != 0)
		l = l->next;
	if (l) {
		l->references++;
		return l;
	}
	l = aligned_alloc(64, size);
	if (!l)
		return NULL;
	memset(l, 0, size);
	l->name = strdup(name);
	if (!l->name) {
		free(l);
		return NULL;
	}
	l->references = 1;
	l->n_lanes = n_workers;
	l->next = all;
	all = l;
	return l;
}

void listener_run_put(struct listener_run *l)
{
	if (l && --l->references == 0)
		sweep();
}
