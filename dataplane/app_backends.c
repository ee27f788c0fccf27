/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/app.h"
#include "dataplane/proxy/target.h"

/* What backends and their targets have counted, summed over the workers: names come from the file and need no escapes. */

enum kind {
	COUNTER,
	GAUGE
};

static void head(FILE *out, const char *name, enum kind kind, const char *help)
{
	fprintf(out, "# HELP sallyport_%s %s\n# TYPE sallyport_%s %s\n", name, help, name,
	    kind == GAUGE ? "gauge" : "counter");
}

static uint64_t lane_active(const struct target_lane *l)
{
	return l->active;
}

static uint64_t lane_connected(const struct target_lane *l)
{
	return l->n_connected;
}

static uint64_t lane_failed(const struct target_lane *l)
{
	return l->n_failed;
}

static uint64_t lane_ejections(const struct target_lane *l)
{
	return l->n_ejected;
}

static uint64_t lane_is_ejected(const struct target_lane *l)
{
	return (l->flags & LANE_EJECTED) != 0;
}

static const struct {
	const char *name, *help;
	enum kind kind;
	uint64_t (*value)(const struct target_lane *l);
} of_target[] = {
	{ "target_connections", "Connections to a target, open or being opened.", GAUGE,
	    lane_active },
	{ "target_connections_total", "Connections that a target took.", COUNTER, lane_connected },
	{ "target_failures_total", "Connections that a target failed before it said a word.",
	    COUNTER, lane_failed },
	{ "target_ejections_total", "Times that a worker left a target alone for failing.", COUNTER,
	    lane_ejections },
	{ "target_ejected", "Workers that leave a target alone now.", GAUGE, lane_is_ejected },
};

static uint64_t lane_waiting(const struct backend_lane *l)
{
	return l->n_waiting;
}

static uint64_t lane_queued(const struct backend_lane *l)
{
	return l->n_queued;
}

static uint64_t lane_queue_full(const struct backend_lane *l)
{
	return l->n_queue_full;
}

static uint64_t lane_queue_timeouts(const struct backend_lane *l)
{
	return l->n_queue_timeouts;
}

static uint64_t lane_none(const struct backend_lane *l)
{
	return l->n_none;
}

static uint64_t lane_retried(const struct backend_lane *l)
{
	return l->n_retried;
}

static const struct {
	const char *name, *help;
	enum kind kind;
	uint64_t (*value)(const struct backend_lane *l);
} of_backend[] = {
	{ "backend_waiting", "Connections that wait for a target with room.", GAUGE, lane_waiting },
	{ "backend_queued_total", "Connections that had to wait for a target.", COUNTER,
	    lane_queued },
	{ "backend_queue_full_total", "Connections refused: no target and no room to wait.",
	    COUNTER, lane_queue_full },
	{ "backend_queue_timeouts_total", "Connections that waited in vain.", COUNTER,
	    lane_queue_timeouts },
	{ "backend_no_target_total", "Connections refused: no target that could be used.", COUNTER,
	    lane_none },
	{ "backend_retries_total", "Times that another target was tried.", COUNTER, lane_retried },
};

static void print_targets(FILE *out, bool with_help)
{
	for (unsigned i = 0; i < sizeof(of_target) / sizeof(of_target[0]); i++) {
		if (with_help)
			head(out, of_target[i].name, of_target[i].kind, of_target[i].help);
		for (const struct target_run *t = target_runs(); t; t = t->next) {
			uint64_t sum = 0;

			for (unsigned w = 0; w < t->n_lanes; w++)
				sum += of_target[i].value(&t->lanes[w]);
			fprintf(out, "sallyport_%s{backend=\"%s\",target=\"%s\"} %llu\n",
			    of_target[i].name, t->group->name, t->address, (unsigned long long)sum);
		}
	}
}

static void print_backends(FILE *out, bool with_help)
{
	for (unsigned i = 0; i < sizeof(of_backend) / sizeof(of_backend[0]); i++) {
		if (with_help)
			head(out, of_backend[i].name, of_backend[i].kind, of_backend[i].help);
		for (const struct backend_run *b = backend_runs(); b; b = b->next) {
			uint64_t sum = 0;

			for (unsigned w = 0; w < b->n_lanes; w++)
				sum += of_backend[i].value(&b->lanes[w]);
			fprintf(out, "sallyport_%s{backend=\"%s\"} %llu\n", of_backend[i].name,
			    b->name, (unsigned long long)sum);
		}
	}
}

void app_print_backends(FILE *out, bool with_help)
{
	print_targets(out, with_help);
	print_backends(out, with_help);
}
