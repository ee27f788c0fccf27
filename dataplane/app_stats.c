/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/app.h"
#include "dataplane/port/port.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/steer/steer.h"
#include "dataplane/worker.h"

static const struct {
	const char *name;
	size_t at; /* in struct tls_worker_stats */
} ticket_events[] = {
	{ "issued", offsetof(struct tls_worker_stats, tickets_issued) },
	{ "taken", offsetof(struct tls_worker_stats, tickets_taken) },
	{ "unknown_key", offsetof(struct tls_worker_stats, tickets_unknown) },
	{ "expired", offsetof(struct tls_worker_stats, tickets_expired) },
	{ "forged", offsetof(struct tls_worker_stats, tickets_forged) },
};
#define N_TICKET_EVENTS RTE_DIM(ticket_events)

static uint64_t ticket_event(const struct tls_worker_stats *stats, unsigned i)
{
	return *(const uint64_t *)((const char *)stats + ticket_events[i].at);
}

static const char *const state_names[TCP_N_STATES] = {
	[TCP_CLOSED] = "closed",
	[TCP_SYN_SENT] = "syn_sent",
	[TCP_SYN_RECEIVED] = "syn_received",
	[TCP_ESTABLISHED] = "established",
	[TCP_FIN_WAIT_1] = "fin_wait_1",
	[TCP_FIN_WAIT_2] = "fin_wait_2",
	[TCP_CLOSE_WAIT] = "close_wait",
	[TCP_CLOSING] = "closing",
	[TCP_LAST_ACK] = "last_ack",
	[TCP_TIME_WAIT] = "time_wait",
};

static bool any_worker_has(const struct app *a, enum stat i)
{
	for (unsigned w = 0; w < a->n_workers; w++)
		if (a->workers[w].stats.v[i] != 0)
			return true;
	return false;
}

/* One line a worker; suffix goes behind the family's name. */
static void print_counter(const struct app *a, FILE *out, enum stat i, const char *suffix)
{
	const char *name = stats_name(i), *label = stats_label(name);

	for (unsigned w = 0; w < a->n_workers; w++)
		fprintf(out, "sallyport_%.*s%s{worker=\"%u\"%s} %llu\n", (int)(label - name), name,
		    suffix, w, label, (unsigned long long)a->workers[w].stats.v[i]);
}

static void print_counters(const struct app *a, FILE *out, bool all)
{
	for (int i = 0; i < STAT_N; i++)
		if (all || any_worker_has(a, (enum stat)i))
			print_counter(a, out, (enum stat)i, "");
}

static void print_states(const struct app *a, FILE *out, unsigned w)
{
	const struct stack_info *info = &a->workers[w].stack_info;

	for (int s = TCP_SYN_SENT; s < TCP_N_STATES; s++)
		fprintf(out, "sallyport_tcp_connections{worker=\"%u\",state=\"%s\"} %u\n", w,
		    state_names[s], info->n_state[s]);
	fprintf(out, "sallyport_tcp_mbufs_held{worker=\"%u\"} %u\n", w, info->n_held_mbufs);
	fprintf(out, "sallyport_source_ports_taken{worker=\"%u\"} %u\n", w, info->n_ports_taken);
	fprintf(out, "sallyport_source_ports_free_least{worker=\"%u\"} %u\n", w,
	    info->n_ports_free_least);
}

/* Handshakes by what their client's certificate came to; failures only when they have happened. */
static void print_client_certs(const struct app *a, FILE *out, unsigned w)
{
	const uint64_t *n = a->workers[w].tls_stats.client_certs;

	for (int s = 0; s < CLIENT_CERT_N_STATUS; s++)
		if (n[s] > 0 && client_cert_has_failed((enum client_cert_status)s))
			fprintf(out,
			    "sallyport_mtls_verify_failures_total{worker=\"%u\",code=\"%s\"} %llu\n",
			    w, client_cert_status_name((enum client_cert_status)s),
			    (unsigned long long)n[s]);
	fprintf(out, "sallyport_mtls_verified_total{worker=\"%u\"} %llu\n", w,
	    (unsigned long long)n[CLIENT_CERT_SUCCESS]);
	fprintf(out, "sallyport_mtls_passed_total{worker=\"%u\"} %llu\n", w,
	    (unsigned long long)n[CLIENT_CERT_PASSED]);
}

static void print_tls(const struct app *a, FILE *out, unsigned w)
{
	const struct tls_worker_stats *tls = &a->workers[w].tls_stats;

	fprintf(out, "sallyport_tls_contexts{worker=\"%u\"} %u\n", w, tls->contexts);
	fprintf(out, "sallyport_tls_contexts_built_total{worker=\"%u\"} %llu\n", w,
	    (unsigned long long)tls->contexts_built);
	fprintf(out, "sallyport_tls_handshakes_active{worker=\"%u\"} %u\n", w, tls->handshakes);
	fprintf(out, "sallyport_tls_key_operations_total{worker=\"%u\"} %llu\n", w,
	    (unsigned long long)tls->key_operations);
	fprintf(out, "sallyport_tls_key_batches_total{worker=\"%u\"} %llu\n", w,
	    (unsigned long long)tls->key_batches);
	fprintf(out, "sallyport_tls_wrong_signatures_total{worker=\"%u\"} %llu\n", w,
	    (unsigned long long)tls->wrong_signatures);
	fprintf(out, "sallyport_tls_heap_bytes{worker=\"%u\"} %llu\n", w,
	    (unsigned long long)tls->bytes);
	for (unsigned i = 0; i < N_TICKET_EVENTS; i++)
		fprintf(out, "sallyport_tls_tickets_total{worker=\"%u\",event=\"%s\"} %llu\n", w,
		    ticket_events[i].name, (unsigned long long)ticket_event(tls, i));
	print_client_certs(a, out, w);
}

static void print_steer(const struct app *a, FILE *out)
{
	for (enum steer_mode mode = STEER_ALONE; mode < STEER_N_MODES; mode++)
		fprintf(out, "sallyport_steer_mode{mode=\"%s\"} %d\n", steer_mode_name(mode),
		    steer_mode(a->steer) == mode);
}

/* --- for Prometheus --- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP sallyport_%s %s\n# TYPE sallyport_%s %s\n", name, help, name, type);
}

static bool is_drop(const char *name)
{
	return strncmp(name, "drop_", 5) == 0;
}

static void metric_drops(const struct app *a, FILE *out)
{
	head(out, "packet_drops_total", "counter", "Packets thrown away.");
	for (int i = 0; i < STAT_N; i++)
		for (unsigned w = 0; is_drop(stats_name((enum stat)i)) && w < a->n_workers; w++)
			fprintf(out,
			    "sallyport_packet_drops_total{worker=\"%u\",reason=\"%s\"} %llu\n", w,
			    stats_name((enum stat)i) + 5,
			    (unsigned long long)a->workers[w].stats.v[i]);
}

/* Operators know these by listener (app_print_listeners). */
static bool is_of_listener(enum stat i)
{
	return i == STAT_CONNECTIONS_ACCEPTED || i == STAT_CONNECTIONS_ACTIVE ||
	    i == STAT_CONNECTIONS_REJECTED || i == STAT_HANDSHAKES_DONE ||
	    i == STAT_HANDSHAKES_FAILED || i == STAT_BYTES_CLIENT_IN || i == STAT_BYTES_CLIENT_OUT;
}

/* Is i of the same family as the one in front of it? */
static bool goes_on(enum stat i)
{
	const char *name = stats_name(i);
	size_t len = (size_t)(stats_label(name) - name);

	return i > 0 && name[len] && strncmp(stats_name(i - 1), name, len + 1) == 0;
}

/* "rx_packets" and "accepts_total" alike are what Prometheus calls ..._total. */
static void metric_counters(const struct app *a, FILE *out)
{
	for (int i = 0; i < STAT_N; i++) {
		const char *name = stats_name((enum stat)i);
		size_t len = (size_t)(stats_label(name) - name);
		bool is_total = len > 6 && strncmp(name + len - 6, "_total", 6) == 0;
		const char *suffix = is_total ? "" : "_total";
		char full[96], help[96];

		if (is_drop(name) || is_of_listener((enum stat)i))
			continue;
		snprintf(full, sizeof(full), "%.*s%s", (int)len, name, suffix);
		snprintf(help, sizeof(help), "Per worker: %.*s.", (int)len, name);
		for (char *at = help; *at; at++)
			if (*at == '_')
				*at = ' ';
		if (!goes_on((enum stat)i))
			head(out, full, "counter", help);
		print_counter(a, out, (enum stat)i, suffix);
	}
}

static void metric_worker(const struct app *a, FILE *out)
{
	head(out, "mbufs_free", "gauge", "Packet buffers that are free.");
	for (unsigned w = 0; w < a->n_workers; w++)
		fprintf(out, "sallyport_mbufs_free{worker=\"%u\"} %u\n", w,
		    rte_mempool_avail_count(a->pools[w]));
	head(out, "tcp_connections", "gauge", "TCP connections, both legs, by state.");
	for (unsigned w = 0; w < a->n_workers; w++)
		for (int s = TCP_SYN_SENT; s < TCP_N_STATES; s++)
			fprintf(out, "sallyport_tcp_connections{worker=\"%u\",state=\"%s\"} %u\n",
			    w, state_names[s], a->workers[w].stack_info.n_state[s]);
	head(out, "source_ports_taken", "gauge",
	    "Source ports of connections to backends, TIME-WAIT included.");
	for (unsigned w = 0; w < a->n_workers; w++)
		fprintf(out, "sallyport_source_ports_taken{worker=\"%u\"} %u\n", w,
		    a->workers[w].stack_info.n_ports_taken);
	head(out, "source_ports_free_least", "gauge",
	    "Source ports left towards the target, from the address, that has fewest.");
	for (unsigned w = 0; w < a->n_workers; w++)
		fprintf(out, "sallyport_source_ports_free_least{worker=\"%u\"} %u\n", w,
		    a->workers[w].stack_info.n_ports_free_least);
	head(out, "tls_handshakes_active", "gauge", "Handshakes under way.");
	for (unsigned w = 0; w < a->n_workers; w++)
		fprintf(out, "sallyport_tls_handshakes_active{worker=\"%u\"} %u\n", w,
		    a->workers[w].tls_stats.handshakes);
	head(out, "tls_contexts", "gauge", "TLS contexts kept for certificates in use.");
	for (unsigned w = 0; w < a->n_workers; w++)
		fprintf(out, "sallyport_tls_contexts{worker=\"%u\"} %u\n", w,
		    a->workers[w].tls_stats.contexts);
	head(out, "tls_heap_bytes", "gauge", "Memory that TLS holds.");
	for (unsigned w = 0; w < a->n_workers; w++)
		fprintf(out, "sallyport_tls_heap_bytes{worker=\"%u\"} %llu\n", w,
		    (unsigned long long)a->workers[w].tls_stats.bytes);
	head(out, "tls_tickets_total", "counter", "Session tickets, by what became of them.");
	for (unsigned w = 0; w < a->n_workers; w++)
		for (unsigned i = 0; i < N_TICKET_EVENTS; i++)
			fprintf(out,
			    "sallyport_tls_tickets_total{worker=\"%u\",event=\"%s\"} %llu\n", w,
			    ticket_events[i].name,
			    (unsigned long long)ticket_event(&a->workers[w].tls_stats, i));
	/* A ratio over the scrape interval is rate(busy_cycles_total) / tsc_hertz. */
	head(out, "worker_busy_ratio", "gauge", "Share of loops with work, since the start.");
	for (unsigned w = 0; w < a->n_workers; w++) {
		const struct stats *s = &a->workers[w].stats;
		double loops = (double)s->v[STAT_LOOPS];

		fprintf(out, "sallyport_worker_busy_ratio{worker=\"%u\"} %.6f\n", w,
		    loops > 0 ? (double)s->v[STAT_LOOPS_BUSY] / loops : 0.0);
	}
}

struct xstat_out {
	FILE *out;
	const char *port;
};

static void print_xstat(void *arg, unsigned device, const char *name, uint64_t value)
{
	const struct xstat_out *x = arg;

	fprintf(x->out, "sallyport_port_xstats_total{port=\"%s\",device=\"%u\",name=\"%s\"} %llu\n",
	    x->port, device, name, (unsigned long long)value);
}

static void metric_offloads(const struct app *a, unsigned i, FILE *out)
{
	static const struct {
		const char *name;
		uint32_t port, net;
	} all[] = {
		{ "rx_checksum", PORT_RX_CHECKSUM, 0 },
		{ "tx_tcp_checksum", PORT_TX_TCP_CHECKSUM, NET_TX_TCP_CHECKSUM },
		{ "tso", PORT_TX_TSO, NET_TX_TSO },
	};
	struct net_verdict_tx verdict = app_offloads(a, i);
	const struct port *port = a->ports[a->port_of[i]];
	uint32_t offered = port_offloads(port), refuted = port_refuted(port);

	for (unsigned j = 0; j < RTE_DIM(all); j++) {
		const char *state = "offered";

		if (!(offered & all[j].port))
			continue;
		if (refuted & all[j].port)
			state = "refuted";
		else if (verdict.believed & all[j].net)
			state = "proven";
		fprintf(out, "sallyport_port_offload{port=\"%s\",offload=\"%s\",state=\"%s\"} 1\n",
		    a->iface_names[i], all[j].name, state);
	}
}

static void metric_ports(const struct app *a, FILE *out)
{
	struct port_link link;

	head(out, "port_failed", "gauge", "1 when the device is gone or needs a restart.");
	for (unsigned i = 0; i < a->n_ports; i++)
		fprintf(out, "sallyport_port_failed{port=\"%s\"} %d\n", port_name(a->ports[i]),
		    port_is_broken(a->ports[i]));
	head(out, "port_offload", "gauge",
	    "1 for what the device is asked to do; state: offered, proven by what peers "
	    "acknowledged, or refuted.");
	for (unsigned i = 0; i < a->n_ifaces; i++)
		metric_offloads(a, i, out);

	head(out, "port_link_up", "gauge", "1 while the link is up.");
	for (unsigned i = 0; i < a->n_ports; i++) {
		port_link_get(a->ports[i], &link);
		fprintf(out, "sallyport_port_link_up{port=\"%s\"} %d\n", port_name(a->ports[i]),
		    link.is_up);
	}
	head(out, "port_link_speed_mbps", "gauge", "Of the link, in Mbit/s; 0: down or not known.");
	for (unsigned i = 0; i < a->n_ports; i++) {
		port_link_get(a->ports[i], &link);
		fprintf(out, "sallyport_port_link_speed_mbps{port=\"%s\"} %u\n",
		    port_name(a->ports[i]), link.speed_mbps);
	}
	head(out, "port_link_changes_total", "counter", "Links that went up or down.");
	for (unsigned i = 0; i < a->n_ports; i++)
		fprintf(out, "sallyport_port_link_changes_total{port=\"%s\"} %u\n",
		    port_name(a->ports[i]), port_link_changes(a->ports[i]));
	head(out, "port_xstats_total", "counter", "What the devices count themselves.");
	for (unsigned i = 0; i < a->n_ports; i++) {
		struct xstat_out x = { .out = out, .port = port_name(a->ports[i]) };

		port_xstats(a->ports[i], print_xstat, &x);
	}
}

void app_print_metrics(const struct app *a, FILE *out)
{
	head(out, "tsc_hertz", "gauge", "Cycles a second of the busy_cycles counters.");
	fprintf(out, "sallyport_tsc_hertz %llu\n", (unsigned long long)rte_get_tsc_hz());
	head(out, "rcu_grace_period_seconds", "gauge",
	    "How long the last change waited for the workers.");
	fprintf(out, "sallyport_rcu_grace_period_seconds %.9f\n", a->grace_s);
	head(out, "steer_mode", "gauge",
	    "1 for how packets come to the worker that owns their flow.");
	print_steer(a, out);
	metric_counters(a, out);
	metric_drops(a, out);
	metric_ports(a, out);
	metric_worker(a, out);
	app_log_print(a, out, true);
}

void app_print_stats(const struct app *a, FILE *out, bool all)
{
	fprintf(out, "sallyport_tsc_hertz %llu\n", (unsigned long long)rte_get_tsc_hz());
	fprintf(out, "sallyport_generation %llu\n", (unsigned long long)a->snapshot->generation);
	print_steer(a, out);
	print_counters(a, out, all);
	for (unsigned w = 0; w < a->n_workers; w++) {
		print_states(a, out, w);
		print_tls(a, out, w);
		fprintf(out, "sallyport_mbufs_free{worker=\"%u\"} %u\n", w,
		    rte_mempool_avail_count(a->pools[w]));
	}
	app_print_backends(out, false);
	app_log_print(a, out, false);
	fflush(out);
}
