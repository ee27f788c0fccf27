/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/app.h"
#include "dataplane/base/log.h"
#include "dataplane/proxy/health.h"
#include "dataplane/proxy/snapshot.h"
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

static uint64_t lane_cut(const struct backend_lane *l)
{
	return l->n_cut;
}

static uint64_t lane_retried(const struct backend_lane *l)
{
	return l->n_retried;
}

static uint64_t lane_tls_errors(const struct backend_lane *l)
{
	uint64_t sum = 0;

	for (unsigned i = TARGET_TLS_RESUMED + 1; i < TARGET_TLS_N; i++)
		sum += l->n_tls[i];
	return sum;
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
	{ "backend_cut_total", "Connections ended because their target has left.", COUNTER,
	    lane_cut },
	{ "backend_retries_total", "Times that another target was tried.", COUNTER, lane_retried },
	{ "target_tls_negotiation_errors_total",
	    "TLS handshakes with targets that came to nothing; backend_tls_handshakes_total tells why.",
	    COUNTER, lane_tls_errors },
};

static bool is_good(const struct target_run *t)
{
	uint8_t verdict = atomic_load_explicit(&t->verdict, memory_order_relaxed);

	return verdict == TARGET_UP || verdict == TARGET_ASSUMED;
}

/* --- verdicts --- */

static void say_verdict(const struct target_run *t, uint8_t verdict)
{
	const struct health *h = t->health;
	enum health_outcome outcome =
	    (enum health_outcome)atomic_load_explicit(&h->outcome, memory_order_relaxed);
	unsigned status = atomic_load_explicit(&h->status, memory_order_relaxed);
	unsigned tls = atomic_load_explicit(&h->tls, memory_order_relaxed);

	if (verdict == TARGET_UP)
		log_notice("backend '%s': target %s is up", t->group->name, t->address);
	else if (outcome == HEALTH_STATUS)
		log_warning("backend '%s': target %s is down: it answers with status %u",
		    t->group->name, t->address, status);
	else if (outcome == HEALTH_TLS)
		log_warning("backend '%s': target %s is down: no TLS with it: %s", t->group->name,
		    t->address, target_tls_name((enum target_tls)tls));
	else
		log_warning("backend '%s': target %s is down: %s", t->group->name, t->address,
		    health_outcome_text(outcome));
}

/* True when fewer are up than it takes to rely on them. */
static bool is_panic(const struct backend *b)
{
	unsigned n = 0, up = 0;

	for (unsigned i = 0; i < b->n_targets; i++) {
		const struct target *t = &b->targets[i];

		if (t->weight == 0 || t->drain)
			continue;
		n++;
		up += is_good(t->run);
	}
	return n > 0 &&
	    (up < b->health.minimum_healthy || up * 100 < b->health.minimum_healthy_percent * n) &&
	    up < n;
}

static void watch_backend(const struct backend *b)
{
	bool panic = false, was = atomic_load_explicit(&b->run->panic, memory_order_relaxed);

	for (unsigned i = 0; b->checked && i < b->n_targets; i++) {
		struct target_run *t = b->targets[i].run;
		uint8_t found = atomic_load_explicit(&t->health->found, memory_order_acquire);

		if (found == atomic_load_explicit(&t->verdict, memory_order_relaxed))
			continue;
		if (found != TARGET_UP || !is_good(t)) /* not: that what was assumed is true */
			say_verdict(t, found);
		atomic_store_explicit(&t->verdict, found, memory_order_relaxed);
	}
	if (b->checked)
		panic = is_panic(b);
	if (panic == was)
		return;
	atomic_store_explicit(&b->run->panic, panic, memory_order_relaxed);
	if (panic)
		log_error(
		    "backend '%s': too few targets are up: all are used, whatever their checks say",
		    b->name);
	else
		log_notice("backend '%s': enough targets are up again", b->name);
}

void app_watch_targets(const struct snapshot *s)
{
	for (unsigned i = 0; i < s->n_backends; i++)
		watch_backend(&s->backends[i]);
}

/* --- metrics --- */

/* Of those that are checked. */
static void print_checks(FILE *out, bool with_help)
{
	static const struct {
		const char *name, *help;
		enum kind kind;
	} all[] = {
		{ "target_up", "1: checks find that the target serves.", GAUGE },
		{ "target_checks_total", "Checks of a target.", COUNTER },
		{ "target_checks_failed_total", "Checks that the target did not pass.", COUNTER },
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (with_help)
			head(out, all[i].name, all[i].kind, all[i].help);
		for (const struct target_run *t = target_runs(); t; t = t->next) {
			const struct health *h = t->health;
			const uint64_t values[] = { is_good(t), h->n_checks, h->n_failed };

			if (h->n_checks > 0)
				fprintf(out, "sallyport_%s{backend=\"%s\",target=\"%s\"} %llu\n",
				    all[i].name, t->group->name, t->address,
				    (unsigned long long)values[i]);
		}
	}
	if (with_help)
		head(out, "backend_panic", GAUGE, "1: too few targets are up, so all are used.");
	for (const struct backend_run *b = backend_runs(); b; b = b->next)
		fprintf(out, "sallyport_backend_panic{backend=\"%s\"} %u\n", b->name,
		    atomic_load_explicit(&b->panic, memory_order_relaxed));
}

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

/* Full and resumed ones of those that are spoken to in TLS; failures where there were any. */
static void print_tls(FILE *out, const struct backend_run *b)
{
	uint64_t sums[TARGET_TLS_N] = { 0 }, all = 0;

	for (unsigned i = 0; i < TARGET_TLS_N; i++) {
		for (unsigned w = 0; w < b->n_lanes; w++)
			sums[i] += b->lanes[w].n_tls[i];
		all += sums[i];
	}
	for (unsigned i = 0; all > 0 && i < TARGET_TLS_N; i++)
		if (sums[i] > 0 || i <= TARGET_TLS_RESUMED)
			fprintf(out,
			    "sallyport_backend_tls_handshakes_total{backend=\"%s\",result=\"%s\"} "
			    "%llu\n",
			    b->name, target_tls_name((enum target_tls)i),
			    (unsigned long long)sums[i]);
}

void app_print_backends(FILE *out, bool with_help)
{
	print_targets(out, with_help);
	print_backends(out, with_help);
	if (with_help)
		head(out, "backend_tls_handshakes_total", COUNTER,
		    "TLS handshakes with targets: full, resumed, or why they failed.");
	for (const struct backend_run *b = backend_runs(); b; b = b->next)
		print_tls(out, b);
	print_checks(out, with_help);
}
