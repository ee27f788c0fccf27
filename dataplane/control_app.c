/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/control_app.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "dataplane/app.h"
#include "dataplane/control.h"
#include "dataplane/port/port.h"
#include "dataplane/proxy/dump.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/steer/steer.h"
#include "dataplane/worker.h"
#include "tls/policy.h"

#define DUMP_POLL_US 200
#define ENDPOINT     64

static void publish(void *arg, struct snapshot *snapshot)
{
	app_publish(arg, snapshot);
}

static void backends(void *arg, FILE *out)
{
	app_print_listeners(arg, out);
	app_print_backends(out, true);
}

static void counters(void *arg, FILE *out)
{
	app_print_metrics(arg, out);
}

static const char *endpoint(const struct ip_addr *ip, uint16_t port, char text[ENDPOINT])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (ip_addr_is_v4(ip))
		inet_ntop(AF_INET, ip->b + 12, host, sizeof(host));
	else
		inet_ntop(AF_INET6, ip->b, host, sizeof(host));
	snprintf(text, ENDPOINT, ip_addr_is_v4(ip) ? "%s:%u" : "[%s]:%u", host, port);
	return text;
}

static void visit_one(const struct app *a, unsigned worker, const struct proxy_dumped *d,
    void (*visit)(void *arg, const struct ops_connection *connection), void *arg)
{
	char client[ENDPOINT], local[ENDPOINT], backend[ENDPOINT];
	const struct snapshot *s = a->snapshot;
	const struct ops_connection connection = {
		.worker = worker,
		.client = endpoint(&d->client.remote, d->client.remote_port, client),
		.local = endpoint(&d->client.local, d->client.local_port, local),
		.backend = d->has_backend
		    ? endpoint(&d->backend.remote, d->backend.remote_port, backend)
		    : NULL,
		.listener = d->listener >= 0 && (unsigned)d->listener < s->n_listeners
		    ? s->listeners[d->listener].name
		    : NULL,
		.state = proxy_state_name(d->state),
		.version = d->version ? policy_version_name(d->version) : NULL,
		.backend_version =
		    d->backend_version ? policy_version_name(d->backend_version) : NULL,
	};

	visit(arg, &connection);
}

/* The worker fills it between two bursts; its loop never takes long. */
static void ask_worker(struct worker *w, struct proxy_dump *d)
{
	atomic_store_explicit(&w->dump, d, memory_order_release);
	while (atomic_load_explicit(&w->dump, memory_order_acquire) == d)
		usleep(DUMP_POLL_US);
}

static unsigned connections(void *arg, unsigned limit,
    void (*visit)(void *arg, const struct ops_connection *connection), void *visit_arg)
{
	struct app *a = arg;
	unsigned total = 0;

	for (unsigned w = 0; w < a->n_workers; w++) {
		struct proxy_dump *d = calloc(1, sizeof(*d) + limit * sizeof(d->at[0]));

		if (!d)
			return total;
		d->room = limit;
		ask_worker(&a->workers[w], d);
		for (unsigned i = 0; i < d->n; i++)
			visit_one(a, w, &d->at[i], visit, visit_arg);
		limit -= d->n;
		total += d->total;
		free(d);
	}
	return total;
}

static bool log_recent(void *arg, uint64_t *oldest, uint64_t *next)
{
	return app_log_recent(arg, oldest, next);
}

static const char *log_line(void *arg, uint64_t number)
{
	return app_log_line(arg, number);
}

static void fill_worker(const struct app *a, unsigned i, struct ops_worker *o)
{
	const struct worker *w = &a->workers[i];

	*o = (struct ops_worker){
		.index = i,
		.core = a->boot->runtime.workers[i],
		.node = rte_lcore_to_socket_id(i + 1),
		.steering = steer_mode_name(steer_mode(a->steer)),
		.cycles = rte_rdtsc() - a->workers_tsc,
		.busy_cycles = w->stats.v[STAT_BUSY_CYCLES],
		.connections = w->stats.v[STAT_CONNECTIONS_ACTIVE],
		.handed_over = steer_forwarded(&w->stats),
		.taken_over = w->stats.v[STAT_STEER_RECEIVED],
		.ports_taken = w->stack_info.n_ports_taken,
		.ports_free_least = w->stack_info.n_ports_free_least,
	};
	for (unsigned p = 0; p < a->n_ports && p < OPS_WORKER_QUEUES; p++)
		port_queue_name(a->ports[p], i, o->queues[o->n_queues++], sizeof(o->queues[0]));
}

static unsigned
workers(void *arg, void (*visit)(void *arg, const struct ops_worker *worker), void *visit_arg)
{
	const struct app *a = arg;

	for (unsigned i = 0; i < a->n_workers; i++) {
		struct ops_worker o;

		fill_worker(a, i, &o);
		visit(visit_arg, &o);
	}
	return a->n_workers;
}

void control_app_host(struct app *app, struct control_host *host)
{
	*host = (struct control_host){
		.arg = app,
		.publish = publish,
		.connections = connections,
		.workers = workers,
		.log_recent = log_recent,
		.log_line = log_line,
		.backends = backends,
		.counters = counters,
		.n_workers = app->n_workers,
	};
}
