/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <time.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "config/err.h"
#include "dataplane/app.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"
#include "dataplane/conn_writer.h"
#include "dataplane/proxy/conn_log.h"
#include "dataplane/proxy/conn_ring.h"

/* The connection log between workers and file. */

static struct conn_clock clock_now(void)
{
	struct clock clock;
	struct timespec t;

	clock_init(&clock);
	clock_gettime(CLOCK_REALTIME, &t);
	return (struct conn_clock){
		.wall_us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000,
		.worker_us = clock_us(&clock, rte_rdtsc()),
	};
}

int app_log_start(struct app *a, struct err *e)
{
	a->log = conn_writer_new();
	if (!a->log)
		return err_set(e, "out of memory for the connection log");
	for (unsigned i = 0; i < a->n_workers; i++) {
		a->log_rings[i] = conn_ring_new();
		if (!a->log_rings[i])
			return err_set(e, "out of memory for the connection log");
	}
	return conn_writer_configure(a->log, &a->boot->log, e);
}

/* Nobody can ask for counters any more. */
static void tell_losses(const struct app *a)
{
	uint64_t lost = a->log_lost + conn_writer_stats(a->log).lost;

	if (lost > 0)
		log_warning(
		    "the connection log lacks %llu lines of this run: its disk was full or too slow",
		    (unsigned long long)lost);
}

void app_log_stop(struct app *a)
{
	struct conn_clock now;

	if (a->log && a->log_rings[a->n_workers - 1]) { /* else it has not begun */
		now = clock_now();
		conn_writer_finish(a->log, a->log_rings, a->n_workers, now.wall_us, now.worker_us);
		tell_losses(a);
	}
	conn_writer_free(a->log);
	a->log = NULL;
	for (unsigned i = 0; i < a->n_workers; i++) {
		free(a->log_rings[i]);
		a->log_rings[i] = NULL;
	}
}

void app_log_print(const struct app *a, FILE *out, bool with_help)
{
	const struct conn_writer_stats s = conn_writer_stats(a->log);
	const struct {
		const char *name, *help;
		uint64_t value;
	} all[] = {
		{ "connection_log_lines_total", "Lines written to the connection log.", s.lines },
		{ "connection_log_errors_total", "Failed writes to the connection log.", s.errors },
		{ "connection_log_dropped_total",
		    "Lines given up with a file that took nothing; connection_log_lost_total counts the others.",
		    s.lost },
	};

	for (size_t i = 0; i < RTE_DIM(all); i++) {
		if (with_help)
			fprintf(out, "# HELP sallyport_%s %s\n# TYPE sallyport_%s counter\n",
			    all[i].name, all[i].help, all[i].name);
		fprintf(out, "sallyport_%s %llu\n", all[i].name, (unsigned long long)all[i].value);
	}
}

void app_log_run(struct app *a)
{
	const struct conn_clock now = clock_now();

	conn_writer_run(a->log, a->log_rings, a->n_workers, now.wall_us, now.worker_us);
}

void app_log_configure(struct app *a)
{
	struct err e;

	err_init(&e);
	app_log_run(a);
	if (conn_writer_configure(a->log, &a->boot->log, &e) < 0) {
		log_error("the connection log stays as it was:");
		log_lines(RTE_LOG_ERR, e.text);
	}
}

void app_log_reopen(struct app *a)
{
	struct err e;

	err_init(&e);
	app_log_run(a);
	if (conn_writer_reopen(a->log, &e) < 0) {
		log_error("the connection log stays in the old file:");
		log_lines(RTE_LOG_ERR, e.text);
	}
}

bool app_log_recent(const struct app *a, uint64_t *oldest, uint64_t *next)
{
	return conn_writer_recent(a->log, oldest, next);
}

const char *app_log_line(const struct app *a, uint64_t number)
{
	return conn_writer_line(a->log, number);
}
