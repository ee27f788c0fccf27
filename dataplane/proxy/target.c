/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/target.h"

#include <arpa/inet.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/siphash.h"
#include "dataplane/proxy/health.h"

/* Control thread only: every run there is, by name and as lists. */
static void *target_tree, *backend_tree;
static struct target_run *all_targets;
static struct backend_run *all_backends;
static uint32_t last_id;
static bool workers_run;

const char *endpoint_print(const struct endpoint *at, char *text)
{
	char host[INET6_ADDRSTRLEN] = "?";
	bool is_v4 = ip_addr_is_v4(&at->ip);

	inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? at->ip.b + 12 : at->ip.b, host, sizeof(host));
	snprintf(text, ENDPOINT_TEXT, is_v4 ? "%s:%u" : "[%s]:%u", host, at->port);
	return text;
}

void target_runs_started(bool started)
{
	workers_run = started;
}

struct target_run *target_runs(void)
{
	return all_targets;
}

struct backend_run *backend_runs(void)
{
	return all_backends;
}

static int compare_targets(const void *x, const void *y)
{
	const struct target_run *a = x, *b = y;
	int order = memcmp(&a->at.ip, &b->at.ip, sizeof(a->at.ip));

	if (!order)
		order = (int)a->at.port - (int)b->at.port;
	return order ? order : (a->group > b->group) - (a->group < b->group);
}

static int compare_backends(const void *x, const void *y)
{
	const struct backend_run *a = x, *b = y;

	return strcmp(a->name, b->name);
}

static bool is_held(const struct target_run *t)
{
	for (unsigned i = 0; i < t->n_lanes; i++)
		if (atomic_load_explicit(&t->lanes[i].holds, memory_order_acquire) > 0)
			return true;
	return false;
}

static void target_free(struct target_run *t)
{
	free(t->health);
	backend_run_put(t->group);
	free(t->address);
	free(t);
}

/* Frees those that nobody names and no worker holds: a worker that has let go does not come back. */
static void sweep(void)
{
	struct target_run **at = &all_targets, *t;

	while ((t = *at) != NULL) {
		if (t->references > 0 || is_held(t)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		tdelete(t, &target_tree, compare_targets);
		target_free(t);
	}
}

static struct target_run *target_new(struct backend_run *group, const struct endpoint *at)
{
	/* Whoever hashes to find a target finds the same one on another machine and after a restart. */
	static const struct siphash_key key = { .k = { 0x73616c6c79706f72, 0x7420746172676574 } };
	size_t size = sizeof(struct target_run) + group->n_lanes * sizeof(struct target_lane);
	struct target_run *t = aligned_alloc(64, size);
	char text[ENDPOINT_TEXT];

	if (!t)
		return NULL;
	memset(t, 0, size);
	t->at = *at;
	t->n_lanes = group->n_lanes;
	t->id = ++last_id;
	t->group = group;
	group->references++;
	t->address = strdup(endpoint_print(at, text));
	t->health = calloc(1, sizeof(*t->health));
	if (!t->address || !t->health || !tsearch(t, &target_tree, compare_targets)) {
		target_free(t);
		return NULL;
	}
	t->hash = siphash24(&key, t->address, strlen(t->address));
	atomic_init(&t->verdict, workers_run ? TARGET_NEW : TARGET_ASSUMED);
	t->health->run = t;
	atomic_init(&t->health->found, atomic_load(&t->verdict));
	for (unsigned i = 0; !workers_run && i < t->n_lanes; i++)
		t->lanes[i].flags = LANE_USED; /* at the start nobody is slow */
	t->next = all_targets;
	all_targets = t;
	return t;
}

struct target_run *target_run_get(struct backend_run *group, const struct endpoint *at)
{
	struct target_run key = { .group = group, .at = *at };
	struct target_run *const *found = tfind(&key, &target_tree, compare_targets);
	struct target_run *t = found ? *found : target_new(group, at);

	if (t)
		t->references++;
	return t;
}

void target_run_put(struct target_run *t)
{
	if (t && --t->references == 0)
		sweep();
}

static struct backend_run *backend_new(const char *name, unsigned n_workers)
{
	size_t size = sizeof(struct backend_run) + n_workers * sizeof(struct backend_lane);
	struct backend_run *b = aligned_alloc(64, size);

	if (!b)
		return NULL;
	memset(b, 0, size);
	b->n_lanes = n_workers;
	b->name = strdup(name);
	if (!b->name || !tsearch(b, &backend_tree, compare_backends)) {
		free(b->name);
		free(b);
		return NULL;
	}
	for (unsigned i = 0; i < n_workers; i++)
		b->lanes[i].last = &b->lanes[i].first;
	b->next = all_backends;
	all_backends = b;
	return b;
}

struct backend_run *backend_run_get(const char *name, unsigned n_workers)
{
	struct backend_run key = { .references = 0 };
	struct backend_run *const *found, *b;

	memcpy(&key.name, &name, sizeof(name)); /* only compared */
	found = tfind(&key, &backend_tree, compare_backends);
	b = found ? *found : backend_new(name, n_workers);
	if (b)
		b->references++;
	return b;
}

void backend_run_put(struct backend_run *b)
{
	struct backend_run **at = &all_backends;

	if (!b || --b->references > 0)
		return;
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	tdelete(b, &backend_tree, compare_backends);
	free(b->name);
	free(b);
}
