/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_cycles.h>

#include "dataplane/app.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/worker.h"

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

static void print_counters(const struct app *a, FILE *out, bool all)
{
	for (int i = 0; i < STAT_N; i++) {
		if (!all && !any_worker_has(a, (enum stat)i))
			continue;
		for (unsigned w = 0; w < a->n_workers; w++)
			fprintf(out, "sallyport_%s{worker=\"%u\"} %llu\n", stats_name((enum stat)i),
			    w, (unsigned long long)a->workers[w].stats.v[i]);
	}
}

static void print_states(const struct app *a, FILE *out, unsigned w)
{
	const struct stack_info *info = &a->workers[w].stack_info;

	for (int s = TCP_SYN_SENT; s < TCP_N_STATES; s++)
		fprintf(out, "sallyport_tcp_connections{worker=\"%u\",state=\"%s\"} %u\n", w,
		    state_names[s], info->n_state[s]);
	fprintf(out, "sallyport_tcp_mbufs_held{worker=\"%u\"} %u\n", w, info->n_held_mbufs);
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
	fprintf(out, "sallyport_tls_heap_bytes{worker=\"%u\"} %llu\n", w,
	    (unsigned long long)tls->bytes);
}

void app_print_stats(const struct app *a, FILE *out, bool all)
{
	fprintf(out, "sallyport_tsc_hertz %llu\n", (unsigned long long)rte_get_tsc_hz());
	fprintf(out, "sallyport_generation %llu\n", (unsigned long long)a->snapshot->generation);
	print_counters(a, out, all);
	for (unsigned w = 0; w < a->n_workers; w++) {
		print_states(a, out, w);
		print_tls(a, out, w);
		fprintf(out, "sallyport_mbufs_free{worker=\"%u\"} %u\n", w,
		    rte_mempool_avail_count(a->pools[w]));
	}
	fflush(out);
}
