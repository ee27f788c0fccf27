/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "perf/loadgen/gen.h"

#define PIECES 48
#define SLICE  65536 /* asked for at a time */

int backend_init(struct gen *g)
{
	unsigned n = g->options.connections + g->options.connections / 2 + 64;
	struct ip_addr ip = { .w = { 0, 0, rte_cpu_to_be_32(0xffff), 0 } };

	g->backends = calloc(n, sizeof(*g->backends));
	if (g->backends == NULL)
		return -1;
	g->backends_end = g->backends + n;
	for (unsigned i = 0; i < n; i++) {
		g->backends[i].next = g->free_backends;
		g->free_backends = &g->backends[i];
	}
	for (unsigned i = 0; i < g->options.backends; i++) {
		ip.w[3] = rte_cpu_to_be_32(0x0a510002 + i);
		if (tcp_listen(g->stack, &ip, 8080, g) != 0)
			return -1;
	}
	return 0;
}

static void backend_end(struct gen *g, struct backend *b)
{
	tcp_release(b->conn);
	b->conn = NULL;
	b->next = g->free_backends;
	g->free_backends = b;
}

static void backend_fail(struct gen *g, struct backend *b, enum gen_error e, const char *why)
{
	gen_error(g, e, why);
	tcp_abort(b->conn);
	backend_end(g, b);
}

/* Compares what has come with the request that must come; its id is what the first bytes say. */
static bool take(struct gen *g, struct backend *b, const uint8_t *bytes, size_t len)
{
	const struct message *m = &g->request;
	const uint64_t end = message_len(m);

	while (len > 0) {
		size_t run;
		const uint8_t *want;

		if (b->in_at == end)
			return false;
		want = message_run(m, b->in_at, b->id, &run);
		if (run > len)
			run = len;
		if (message_in_id(m, b->in_at))
			memcpy(b->id + (b->in_at - m->before_len), bytes, run);
		else if (memcmp(bytes, want, run) != 0)
			return false;
		b->in_at += run;
		bytes += run;
		len -= run;
	}
	return true;
}

static bool backend_receive(struct gen *g, struct backend *b)
{
	struct iovec iov[PIECES];
	unsigned n;

	while (!b->answering && (n = tcp_rx_view(b->conn, iov, PIECES)) > 0) {
		size_t done = 0;

		for (unsigned i = 0; i < n; i++) {
			if (!take(g, b, iov[i].iov_base, iov[i].iov_len)) {
				backend_fail(g, b, GEN_BACKEND_CONTENT,
				    "a request is not what a client sent");
				return false;
			}
			done += iov[i].iov_len;
		}
		tcp_rx_consume(b->conn, (uint32_t)done);
		if (b->in_at == message_len(&g->request)) {
			b->answering = true;
			b->out_at = 0;
		}
	}
	return true;
}

static void backend_send(struct gen *g, struct backend *b)
{
	const uint64_t end = message_len(&g->answer);
	struct iovec iov[PIECES];

	while (b->answering) {
		uint64_t left = end - b->out_at;
		unsigned n =
		    tcp_tx_reserve(b->conn, left < SLICE ? (uint32_t)left : SLICE, iov, PIECES);
		size_t done = 0;

		if (n == 0)
			return; /* TCP_EV_WRITABLE follows */
		for (unsigned i = 0; i < n; i++)
			done += message_fill(
			    &g->answer, b->out_at + done, b->id, iov[i].iov_base, iov[i].iov_len);
		b->out_at += done;
		tcp_tx_commit(b->conn, (uint32_t)done, b->out_at < end ? TCP_MORE : TCP_PUSH);
		if (b->out_at == end) {
			b->answering = false;
			b->in_at = 0;
		}
	}
}

static void backend_run(struct gen *g, struct backend *b)
{
	do {
		if (!backend_receive(g, b))
			return;
		backend_send(g, b);
	} while (!b->answering && tcp_rx_available(b->conn) > 0);
	if (!tcp_rx_is_finished(b->conn))
		return;
	if (b->in_at > 0 || b->answering) {
		backend_fail(g, b, GEN_BACKEND_CLOSED, "FIN inside a request");
		return;
	}
	backend_end(g, b);
}

void backend_event(struct gen *g, struct tcp_conn *conn, unsigned events)
{
	struct backend *b = tcp_user(conn);

	if (b == NULL) {
		b = g->free_backends;
		if (b == NULL) {
			gen_error(g, GEN_BACKEND_FULL, "more connections than expected");
			tcp_abort(conn);
			tcp_release(conn);
			return;
		}
		g->free_backends = b->next;
		memset(b, 0, sizeof(*b));
		b->conn = conn;
		tcp_set_user(conn, b);
	}
	if (events & (TCP_EV_RESET | TCP_EV_TIMEOUT)) {
		/* The proxy drops its backend legs when a client goes away: only busy ones matter. */
		if (b->in_at > 0 || b->answering)
			gen_error(g, GEN_BACKEND_CLOSED, "reset inside an exchange");
		backend_end(g, b);
		return;
	}
	backend_run(g, b);
}
