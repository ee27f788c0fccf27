/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/ctl/ctl.h"

/* What goes on in the daemon: connections, workers, counters. */

int ctl_connections(struct ctl *c, int n, char **operands)
{
	static const char *const heads[] = { "CLIENT", "LOCAL", "LISTENER", "STATE", "VERSION",
		"BACKEND", "BACKEND VERSION" };
	static const char *const keys[] = { "client", "local", "listener", "state", "version",
		"backend", "backend_version" };
	const unsigned n_columns = sizeof(heads) / sizeof(heads[0]);
	struct ctl_table *t;
	const json_t *one;
	char path[80];
	json_t *o;
	size_t i;
	int result;

	snprintf(path, sizeof(path), "/v1/connections?limit=%.20s", n ? operands[0] : "100");
	result = ctl_ask(c, "GET", path, NULL, &o);
	if (result != CTL_OK || ctl_is_json(c, o))
		return result;
	t = ctl_table_new(n_columns, heads);
	json_array_foreach(json_object_get(o, "connections"), i,
	    one) for (unsigned k = 0; k < n_columns; k++) ctl_cell(t, "%s", ctl_text(one, keys[k]));
	ctl_table_print(t);
	printf("%lld in all\n", ctl_number(o, "total"));
	json_decref(o);
	return CTL_OK;
}

/* Cycles with work of all that passed between two answers, in percent. */
static double busy(const json_t *before, const json_t *now)
{
	double all = (double)(ctl_number(now, "cycles") - ctl_number(before, "cycles"));
	double work = (double)(ctl_number(now, "busy_cycles") - ctl_number(before, "busy_cycles"));

	return all > 0 ? 100 * work / all : 0;
}

static void print_workers(const json_t *before, const json_t *now)
{
	static const char *const heads[] = { "WORKER", "CORE", "NODE", "BUSY", "CONNECTIONS",
		"HANDED OVER", "PORTS FREE", "STEERING", "QUEUES" };
	struct ctl_table *t = ctl_table_new(9, heads);
	const json_t *w;
	size_t i;

	json_array_foreach(now, i, w)
	{
		char *queues = ctl_join(json_object_get(w, "queues"));

		ctl_cell(t, "%lld", ctl_number(w, "worker"));
		ctl_cell(t, "%lld", ctl_number(w, "core"));
		ctl_cell(t, "%lld", ctl_number(w, "node"));
		ctl_cell(t, "%.1f %%", busy(json_array_get(before, i), w));
		ctl_cell(t, "%lld", ctl_number(w, "connections"));
		ctl_cell(t, "%lld", ctl_number(w, "handed_over"));
		ctl_cell(t, "%lld", ctl_number(w, "ports_free_least"));
		ctl_cell(t, "%s", ctl_text(w, "steering"));
		ctl_cell(t, "%s", queues ? queues : "");
		free(queues);
	}
	ctl_table_print(t);
}

/* Asks twice, a second apart: how busy a worker is now says more than how busy it has been. */
int ctl_workers(struct ctl *c, int n, char **operands)
{
	json_t *before, *now;
	int result = ctl_ask(c, "GET", "/v1/workers", NULL, &before);

	(void)n;
	(void)operands;
	if (result != CTL_OK || ctl_is_json(c, before))
		return result;
	sleep(1);
	result = ctl_ask(c, "GET", "/v1/workers", NULL, &now);
	if (result == CTL_OK) {
		print_workers(json_object_get(before, "workers"), json_object_get(now, "workers"));
		json_decref(now);
	}
	json_decref(before);
	return result;
}

static void print_stats(const json_t *now, const json_t *before)
{
	static const char *const heads[] = { "COUNTER", "VALUE", "PER SECOND" };
	struct ctl_table *t = ctl_table_new(before ? 3 : 2, heads);
	const json_t *value;
	const char *name;
	json_t *copy = json_deep_copy(now);

	json_object_foreach(copy, name, value)
	{
		double v = json_number_value(value);
		double d = v - json_number_value(json_object_get(before, name));

		if (v == 0 || (before && d == 0))
			continue;
		ctl_cell(t, "%s", name);
		ctl_cell(t, "%.*f", json_is_real(value) ? 6 : 0, v);
		if (before)
			ctl_cell(t, "%+.0f", d);
	}
	ctl_table_print(t);
	json_decref(copy);
}

int ctl_stats(struct ctl *c, int n, char **operands)
{
	bool watch = n == 1 && strcmp(operands[0], "--watch") == 0;
	json_t *now, *before = NULL;
	int result = n == 1 && !watch ? CTL_USAGE : ctl_ask(c, "GET", "/v1/stats", NULL, &now);

	if (result != CTL_OK || (!watch && ctl_is_json(c, now)))
		return result;
	while (watch && result == CTL_OK) {
		if (c->json) {
			json_dumpf(now, stdout, JSON_COMPACT);
			putchar('\n');
		} else if (before) {
			printf("%s", isatty(1) ? "\033[H\033[J" : "\n");
			print_stats(now, before);
		}
		fflush(stdout);
		json_decref(before);
		before = now;
		sleep(1);
		result = ctl_ask(c, "GET", "/v1/stats", NULL, &now);
	}
	if (!watch)
		print_stats(now, NULL);
	json_decref(watch ? before : now);
	return result;
}
