/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/control_app.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/app.h"
#include "dataplane/control.h"
#include "dataplane/proxy/dump.h"
#include "dataplane/proxy/snapshot.h"
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
	(void)arg;
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

void control_app_host(struct app *app, struct control_host *host)
{
	*host = (struct control_host){
		.arg = app,
		.publish = publish,
		.connections = connections,
		.backends = backends,
		.counters = counters,
		.n_workers = app->n_workers,
	};
}
