/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "config/api/api.h"
#include "config/err.h"
#include "config/load.h"
#include "dataplane/app.h"
#include "dataplane/base/log.h"
#include "dataplane/control.h"
#include "dataplane/control_app.h"
#include "dataplane/host.h"
#include "dataplane/notify.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/proxy/target.h"
#include "dataplane/state.h"
#include "dataplane/tickets.h"
#include "dataplane/user.h"
#include "dataplane/watch.h"
#include "dataplane/worker.h"
#include "tls/secret.h"
#include "tls/ticket.h"

#define TICK_MS       50
#define CLOSE_GRACE_S 3.0 /* for last words after drain_timeout */
#define REMINDER_S    3600.0
#define WATCH_S       0.2 /* between two looks at links */
#define API_BATCH     64  /* requests between two looks at signals */
#define LARGE_BLOCK   (256 * 1024)
#define KEPT_TOP      (64 * 1024 * 1024)

static void usage(FILE *out)
{
	fputs(
	    "Usage: sallyport -c FILE [-t | --check-host]\n"
	    "TLS terminator on DPDK.\n\n"
	    "  -c FILE  configuration file\n"
	    "  -t       test the file and all it names, say what is wrong, exit 0 or 1\n"
	    "  --check-host\n"
	    "           say what this machine lacks for line rate with this file, and what to do\n"
	    "           about it; exit 0 when nothing, 1 otherwise\n"
	    "  -V       print the version\n"
	    "  -h       print this help\n\n"
	    "Signals: HUP reads the file again; TERM, INT stop taking connections and exit when the\n"
	    "last one has ended or drain_timeout is over (a second one: at once); USR1 prints counters;\n"
	    "USR2 opens the connection log anew.\n",
	    out);
}

/* What the control thread looks after while workers run. */
struct loop {
	struct app *app;
	struct control *control;
	struct api *api;
	struct watch *watch;
	struct tickets *tickets;
	int signals; /* signalfd */
	enum worker_order order;
	double deadline;
	double wanted_s; /* how long to drain, when the API said so; 0: as configured */
	double next_reminder;
	double next_watch; /* of the ports */
	struct notify notify;
	struct err *e;
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set_busy(struct loop *l, bool is_busy)
{
	if (l->api)
		api_set_busy(l->api, is_busy);
}

static void on_reload(struct loop *l)
{
	int result;

	err_init(l->e);
	set_busy(l, true);
	result = control_reload(l->control, "SIGHUP", l->e);
	set_busy(l, false);
	if (result == 0) {
		if (l->watch)
			watch_renew(l->watch);
		return;
	}
	log_error("not reloaded, generation %llu stays in force:",
	    (unsigned long long)control_generation(l->control));
	log_lines(RTE_LOG_ERR, l->e->text);
}

static void go_on_ending(struct loop *l)
{
	double drain_s =
	    l->wanted_s > 0 ? l->wanted_s : control_config(l->control)->runtime.drain_timeout_s;

	l->order = l->order == WORKER_RUN ? WORKER_DRAIN : WORKER_CLOSE;
	l->deadline = seconds() + (l->order == WORKER_DRAIN ? drain_s : CLOSE_GRACE_S);
	app_order(l->app, l->order);
	control_is_draining(l->control);
	notify_stopping();
	log_notice(l->order == WORKER_DRAIN ? "draining" : "closing what is left");
}

static void on_drain(void *arg, double timeout_s)
{
	struct loop *l = arg;

	if (l->order != WORKER_RUN)
		return;
	l->wanted_s = timeout_s;
	go_on_ending(l);
}

static void take_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			notify_reloading();
			on_reload(l);
			notify_ready();
		} else if (info.ssi_signo == SIGUSR1)
			app_print_stats(l->app, stdout, false);
		else if (info.ssi_signo == SIGUSR2)
			app_log_reopen(l->app);
		else if (l->order != WORKER_CLOSE)
			go_on_ending(l);
	}
}

/* Once an hour at most, the first time right after the start: what the operator may have missed. */
static void remind(struct loop *l)
{
	if (seconds() < l->next_reminder)
		return;
	l->next_reminder = seconds() + REMINDER_S;
	control_warn_expiry(l->control, time(NULL));
	if (!secret_is_locked())
		log_warning(
		    "some private keys could not be locked in memory and may reach swap space: raise "
		    "RLIMIT_MEMLOCK (systemd: LimitMEMLOCK=infinity)");
}

static void look_at_ports(struct loop *l)
{
	if (seconds() < l->next_watch)
		return;
	l->next_watch = seconds() + WATCH_S;
	app_watch_ports(l->app);
}

static void give_sign_of_life(struct loop *l)
{
	double now = seconds();

	if (notify_is_due(&l->notify, now))
		notify_alive(&l->notify, now, app_stuck_worker(l->app));
}

static void refresh(struct loop *l)
{
	err_init(l->e);
	if (control_refresh(l->control, l->e) < 0) {
		log_error(
		    "certificate files have changed and cannot be used; what is served stays:");
		log_lines(RTE_LOG_ERR, l->e->text);
	}
	watch_renew(l->watch);
}

/* True when it is time to go. */
static bool is_over(struct loop *l)
{
	if (l->order == WORKER_RUN || (seconds() < l->deadline && !app_is_empty(l->app)))
		return false;
	if (l->order == WORKER_CLOSE || app_is_empty(l->app))
		return true;
	go_on_ending(l);
	return false;
}

/* Waits for signals, requests and changed files until it is time to go; drains before it returns. */
static void control_loop(struct loop *l)
{
	struct pollfd fds[3] = { { .fd = l->signals, .events = POLLIN },
		{ .fd = l->api ? api_fd(l->api) : -1, .events = POLLIN },
		{ .fd = l->watch ? watch_fd(l->watch) : -1, .events = POLLIN } };

	do {
		poll(fds, 3, TICK_MS);
		take_signals(l);
		app_log_run(l->app);
		if (l->api)
			api_poll(l->api, API_BATCH);
		if (l->watch && watch_is_due(l->watch)) {
			set_busy(l, true);
			refresh(l);
			set_busy(l, false);
		}
		remind(l);
		app_watch_targets(l->app->snapshot);
		look_at_ports(l);
		app_run_guard(l->app, seconds());
		give_sign_of_life(l);
		app_watch(l->app);
		tickets_tick(l->tickets, time(NULL));
	} while (!is_over(l));
}

static struct api *start_api(struct loop *l, struct err *e)
{
	const struct config_control *config = &control_config(l->control)->control;
	const struct api_config api = {
		.socket = config->socket,
		.mode = config->mode,
		.metrics = config->metrics.line ? &config->metrics : NULL,
		.ops = control_ops(l->control),
	};

	return api_start(&api, e);
}

static void publish_tickets(void *arg, const struct ticket_ring *ring)
{
	app_publish_tickets(arg, ring);
}

static int start_tickets(struct loop *l, struct err *e)
{
	const struct tickets_host host = { .arg = l->app, .publish = publish_tickets };

	l->tickets = tickets_new(&control_config(l->control)->tickets, time(NULL), e);
	if (!l->tickets)
		return -1;
	tickets_attach(l->tickets, &host);
	return 0;
}

static int on_rotate_tickets(void *arg, struct err *e)
{
	struct loop *l = arg;

	if (tickets_rotate(l->tickets, time(NULL), e) < 0)
		return -1;
	return (int)tickets_ring(l->tickets)->n_keys;
}

static int on_put_tickets(void *arg, const char *text, size_t len, struct err *e)
{
	struct loop *l = arg;

	if (tickets_put(l->tickets, text, len, time(NULL), e) < 0)
		return -1;
	return (int)tickets_ring(l->tickets)->n_keys;
}

static int start_control(struct loop *l, struct err *e)
{
	const struct config *config = control_config(l->control);
	struct control_host host;

	control_app_host(l->app, &host);
	host.drain = on_drain;
	host.drain_arg = l;
	host.rotate_tickets = on_rotate_tickets;
	host.put_tickets = on_put_tickets;
	control_attach(l->control, &host);
	if (config->runtime.watch) {
		l->watch = watch_new(l->control, e);
		if (!l->watch)
			return -1;
	}
	if (!config->control.socket && !config->control.metrics.line)
		return 0;
	l->api = start_api(l, e);
	return l->api ? 0 : -1;
}

/* Before EAL makes threads: they inherit the mask, and signals come to the control thread alone. */
static int block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int run(struct control *control, struct err *e)
{
	struct app *a = calloc(1, sizeof(*a));
	struct loop l = { .app = a, .control = control, .order = WORKER_RUN, .e = e };
	struct snapshot *snapshot = a ? control_snapshot(control, e) : NULL;
	int result = -1;

	l.signals = block_signals();
	if (!snapshot || app_start(a, snapshot, e) < 0) {
		free(a);
		return e->n ? -1 : err_set(e, "out of memory");
	}
	if (start_tickets(&l, e) == 0 && start_control(&l, e) == 0 &&
	    user_become(control_config(control), e) == 0) {
		target_runs_started(true);
		printf("sallyport: ready\n");
		fflush(stdout);
		notify_init(&l.notify);
		notify_ready();
		control_loop(&l);
		result = 0;
	}
	api_stop(l.api);
	watch_free(l.watch);
	app_stop(a);
	tickets_free(l.tickets);
	free(a);
	close(l.signals);
	return result;
}

/* -t: the file and all that it names. */
static int test_file(const char *path, struct err *e)
{
	static struct err warnings;
	int result = control_test(path, &warnings, e);

	fputs(warnings.text, stderr);
	if (result == 0)
		printf(
		    "%s: configuration is valid%s\n", path, warnings.n ? "; see the warnings" : "");
	return result;
}

/* --check-host: how many things are lacking, or -1 when the file is not valid. */
static int check_host(const char *path, struct err *e)
{
	struct config *config = config_load(path, e);
	int result = -1;

	if (config)
		result = (int)host_check(config, app_memory_mb(config), "", stdout);
	config_free(config);
	return result;
}

/*
 * A large block (the text of 100,000 certificates' metrics, a configuration's) is a mapping of its own, always: as glibc has
 * it by default the first one that is freed makes the next ones part of the heap, which what outlives them then keeps
 * from getting smaller again.
 */
static void keep_heap_whole(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	/* Workers have heaps of their own, which are not to be given back and asked for again while packets wait. */
	mallopt(M_TRIM_THRESHOLD, KEPT_TOP);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "check-host", no_argument, NULL, 'H' },
		{ 0 },
	};
	static struct err e;
	struct control *control;
	int result;
	const char *path = NULL;
	bool test = false, host = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:tVh", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'H':
			host = true;
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
	if (!path || optind != argc || (test && host)) {
		usage(stderr);
		return 2;
	}
	if (host) {
		result = check_host(path, &e);
		if (result > 0)
			return 1;
	} else if (test) {
		result = test_file(path, &e);
	} else {
		user_hide();
		keep_heap_whole();
		control = control_new(path, NULL, NULL, &e);
		result = control ? run(control, &e) : -1;
		control_free(control);
	}
	if (result < 0)
		fputs(e.text, stderr);
	return result < 0;
}
