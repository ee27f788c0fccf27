/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "perf/loadgen/gen.h"
#include "perf/loadgen/tls_client.h"

#define TOLD 5 /* errors of a kind that are told on stderr */

static const char *const error_names[GEN_N_ERRORS] = {
	[GEN_NO_CONNECTION] = "no_connection",
	[GEN_RESET] = "reset",
	[GEN_TIMEOUT] = "timeout",
	[GEN_HANDSHAKE] = "handshake",
	[GEN_RECORD] = "record",
	[GEN_CONTENT] = "content",
	[GEN_CLOSED] = "closed_early",
	[GEN_UNFINISHED] = "unfinished",
	[GEN_BACKEND_CONTENT] = "backend_content",
	[GEN_BACKEND_CLOSED] = "backend_closed_early",
	[GEN_BACKEND_FULL] = "backend_full",
};

void gen_error(struct gen *g, enum gen_error e, const char *why)
{
	if (g->results.errors[e]++ < TOLD)
		fprintf(stderr, "loadgen: %s: %s\n", error_names[e], why);
}

static void describe(const char *who, const struct tcp_conn *conn)
{
	struct tcp_info i;

	tcp_info_get(conn, &i);
	fprintf(stderr,
	    "  %s: state %d, unread %u, room %u, snd_una %u nxt +%u wnd %u cwnd %u, rcv_wnd %u, "
	    "srtt %u us, rto %u us, retransmits %llu\n",
	    who, i.state, tcp_rx_available(conn), tcp_tx_space(conn), i.snd_una,
	    i.snd_nxt - i.snd_una, i.snd_wnd, i.cwnd, i.rcv_wnd, i.srtt_us, i.rto_us,
	    (unsigned long long)i.retransmits);
}

void gen_unfinished(struct gen *g, const struct client *c)
{
	char text[128];

	snprintf(text, sizeof(text), "client state %u, sent %llu of %llu, received %llu of %llu",
	    c->state, (unsigned long long)c->out_at, (unsigned long long)message_len(&g->request),
	    (unsigned long long)c->in_at, (unsigned long long)message_len(&g->answer));
	gen_error(g, GEN_UNFINISHED, text);
	if (g->results.errors[GEN_UNFINISHED] > TOLD || c->conn == NULL)
		return;
	describe("client", c->conn);
	for (const struct backend *b = g->backends; b < g->backends_end; b++)
		if (b->conn != NULL && memcmp(b->id, c->id, sizeof(b->id)) == 0) {
			fprintf(stderr, "  backend: received %llu, %s, sent %llu\n",
			    (unsigned long long)b->in_at, b->answering ? "answering" : "listening",
			    (unsigned long long)b->out_at);
			describe("backend", b->conn);
		}
}

static void print_hist(const char *name, const struct hist *h)
{
	printf("\"%s\": {\"n\": %llu, \"mean\": %.2f, \"p50\": %.2f, \"p90\": %.2f, \"p99\": %.2f, "
	       "\"p999\": %.2f, \"max\": %.2f}",
	    name, (unsigned long long)h->n, hist_mean(h) / 1e3,
	    (double)hist_percentile(h, 50) / 1e3, (double)hist_percentile(h, 90) / 1e3,
	    (double)hist_percentile(h, 99) / 1e3, (double)hist_percentile(h, 99.9) / 1e3,
	    (double)h->max / 1e3);
}

void report(const struct gen *g)
{
	const struct results *r = &g->results;
	const double hz = (double)rte_get_tsc_hz();
	const double seconds = r->end > r->start ? (double)(r->end - r->start) / hz : 0;
	uint64_t n_errors = 0;

	for (unsigned e = 0; e < GEN_N_ERRORS; e++)
		n_errors += r->errors[e];
	printf("{\"exchanges\": %llu, \"connections\": %llu, \"open\": %u, \"seconds\": %.6f, "
	       "\"per_second\": %.1f, \"bytes_up\": %llu, \"bytes_down\": %llu, \"busy\": %.3f, ",
	    (unsigned long long)r->exchanges, (unsigned long long)r->connections, g->n_open,
	    seconds, seconds > 0 ? (double)r->exchanges / seconds : 0,
	    (unsigned long long)r->bytes_up, (unsigned long long)r->bytes_down,
	    seconds > 0 ? (double)r->busy / hz / seconds : 0);
	printf("\"corrected\": %s, \"share_reuse\": %s, \"no_verify\": %s, ",
	    g->options.rate > 0 ? "true" : "false", g->options.share_reuse ? "true" : "false",
	    g->options.no_verify ? "true" : "false");
	print_hist("latency_us", &r->latency);
	printf(", ");
	print_hist("undisturbed_us", &r->undisturbed);
	printf(", ");
	print_hist("handshake_us", &r->handshake);
	printf(", \"retransmits\": %llu, \"dropped\": %llu",
	    (unsigned long long)g->stats.v[STAT_TCP_RETRANSMITS],
	    (unsigned long long)(g->stats.v[STAT_DROP_TX_FULL] + g->stats.v[STAT_DROP_NO_MBUF]));
	if (g->options.flood)
		printf(", \"syns\": %llu, \"syn_answers\": %llu", (unsigned long long)r->flooded,
		    (unsigned long long)r->flood_answers);
	if (g->options.hellos > 0)
		printf(", \"hellos\": %llu, \"hellos_answered\": %llu, \"hellos_refused\": %llu",
		    (unsigned long long)r->hellos_sent, (unsigned long long)r->hellos_answered,
		    (unsigned long long)r->hellos_refused);
	printf(", \"errors\": %llu, \"error_kinds\": {", (unsigned long long)n_errors);
	for (unsigned e = 0, n = 0; e < GEN_N_ERRORS; e++)
		if (r->errors[e] > 0)
			printf("%s\"%s\": %llu", n++ > 0 ? ", " : "", error_names[e],
			    (unsigned long long)r->errors[e]);
	printf("}, \"handshake_errors\": ");
	tls_kit_print_errors(g->tls, stdout);
	printf("}\n");
	fflush(stdout);
}
