/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "config/err.h"
#include "config/load.h"
#include "dataplane/app.h"
#include "dataplane/base/log.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/reload.h"
#include "dataplane/worker.h"

#define TICK_MS       50
#define CLOSE_GRACE_S 3.0 /* for last words after drain_timeout */

static void usage(FILE *out)
{
	fputs(
	    "Usage: sallyport -c FILE [-t]\n"
	    "TLS terminator on DPDK.\n\n"
	    "  -c FILE  configuration file\n"
	    "  -t       test the file and all it names, say what is wrong, exit 0 or 1\n"
	    "  -V       print the version\n"
	    "  -h       print this help\n\n"
	    "Signals: HUP reads the file again; TERM, INT stop taking connections and exit when the\n"
	    "last one has ended or drain_timeout is over (a second one: at once); USR1 prints counters.\n",
	    out);
}

static struct snapshot *load(const char *path, struct err *e)
{
	struct config *config = config_load(path, e);

	return config ? snapshot_new(config, NULL, time(NULL), e) : NULL;
}

static void on_reload(struct app *a, const char *path, struct err *e)
{
	err_init(e);
	if (reload(a, path, e) == 0) {
		log_notice(
		    "reloaded: generation %llu", (unsigned long long)a->snapshot->generation);
		return;
	}
	log_error("not reloaded, generation %llu stays in force:",
	    (unsigned long long)a->snapshot->generation);
	log_lines(RTE_LOG_ERR, e->text);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Signals until it is time to go; drains before it returns. */
static void control_loop(struct app *a, const char *path, const sigset_t *signals, struct err *e)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	enum worker_order order = WORKER_RUN;
	double deadline = 0;

	for (;;) {
		int sig = sigtimedwait(signals, NULL, &tick);

		if (sig == SIGHUP)
			on_reload(a, path, e);
		if (sig == SIGUSR1)
			app_print_stats(a, stdout, false);
		if (sig == SIGTERM || sig == SIGINT) {
			order = order == WORKER_RUN ? WORKER_DRAIN : WORKER_CLOSE;
			deadline = seconds() +
			    (order == WORKER_DRAIN ? a->boot->runtime.drain_timeout_s
						   : CLOSE_GRACE_S);
			app_order(a, order);
			log_notice("draining");
		}
		if (order == WORKER_RUN || (seconds() < deadline && !app_is_empty(a)))
			continue;
		if (order == WORKER_CLOSE || app_is_empty(a))
			return;
		order = WORKER_CLOSE;
		deadline = seconds() + CLOSE_GRACE_S;
		app_order(a, order);
	}
}

static int run(const char *path, struct snapshot *snapshot, struct err *e)
{
	struct app *a = calloc(1, sizeof(*a));
	sigset_t signals;

	if (!a) {
		snapshot_free(snapshot);
		return err_set(e, "out of memory");
	}
	/* Before EAL makes threads: they inherit the mask, and signals come to this one. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (app_start(a, snapshot, e) < 0) {
		free(a);
		return -1;
	}
	printf("sallyport: ready\n");
	fflush(stdout);
	control_loop(a, path, &signals, e);
	app_stop(a);
	free(a);
	return 0;
}

int main(int argc, char **argv)
{
	static struct err e;
	struct snapshot *snapshot;
	const char *path = NULL;
	bool test = false;
	int option;

	while ((option = getopt(argc, argv, "c:tVh")) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'V':
			printf("sallyport %s\n", VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (!path || optind != argc) {
		usage(stderr);
		return 2;
	}
	snapshot = load(path, &e);
	if (!snapshot) {
		fputs(e.text, stderr);
		return 1;
	}
	if (test) {
		snapshot_free(snapshot);
		printf("%s: configuration is valid\n", path);
		return 0;
	}
	if (run(path, snapshot, &e) < 0) {
		fputs(e.text, stderr);
		return 1;
	}
	return 0;
}
