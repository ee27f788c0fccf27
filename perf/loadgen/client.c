/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "perf/loadgen/gen.h"
#include "perf/loadgen/tls_client.h"

#define PIECES      32
#define PIECES_WIDE 1024
#define OVERHEAD    64
#define MAX_PLAIN   16384

int client_init(struct gen *g)
{
	unsigned n = g->options.connections;

	TAILQ_INIT(&g->free);
	TAILQ_INIT(&g->ready);
	g->clients = calloc(n, sizeof(*g->clients));
	if (g->clients == NULL)
		return -1;
	for (unsigned i = 0; i < n; i++)
		TAILQ_INSERT_TAIL(&g->free, &g->clients[i], link);
	return 0;
}

static void set_state(struct gen *g, struct client *c, enum client_state next)
{
	bool was_opening = c->state == CLIENT_CONNECT || c->state == CLIENT_HANDSHAKE;
	bool is_opening = next == CLIENT_CONNECT || next == CLIENT_HANDSHAKE;

	if (c->state == CLIENT_FREE) {
		TAILQ_REMOVE(&g->free, c, link);
		g->n_open++;
	}
	if (c->state == CLIENT_READY) {
		TAILQ_REMOVE(&g->ready, c, link);
		g->n_ready--;
	}
	if (next == CLIENT_FREE) {
		TAILQ_INSERT_TAIL(&g->free, c, link);
		g->n_open--;
	}
	if (next == CLIENT_READY) {
		TAILQ_INSERT_TAIL(&g->ready, c, link);
		g->n_ready++;
	}
	g->n_opening += (unsigned)is_opening - (unsigned)was_opening;
	c->state = (uint8_t)next;
}

/* Over, whatever state it is in. */
static void client_end(struct gen *g, struct client *c)
{
	if (c->conn != NULL)
		tcp_release(c->conn);
	c->conn = NULL;
	tls_client_free(c->tls);
	c->tls = NULL;
	if (c->state > CLIENT_HANDSHAKE)
		record_fini(&c->record, g->aead);
	set_state(g, c, CLIENT_FREE);
}

static void client_fail(struct gen *g, struct client *c, enum gen_error e, const char *why)
{
	gen_error(g, e, why);
	if (c->conn != NULL)
		tcp_abort(c->conn);
	client_end(g, c);
}

void client_open(struct gen *g, uint64_t due)
{
	struct client *c = TAILQ_FIRST(&g->free);
	static struct ip_addr sources[16];
	struct tcp_target target = { .port = 443,
		.sources = sources,
		.n_sources = g->hellos != NULL ? 1 : g->options.sources };
	enum tcp_error error;

	for (unsigned i = 0; i < g->options.sources; i++) {
		sources[i].w[2] = rte_cpu_to_be_32(0xffff);
		sources[i].w[3] = rte_cpu_to_be_32(0x0a500002 + i);
	}
	target.ip = sources[0];
	target.ip.w[3] = rte_cpu_to_be_32(0x0a500001);
	set_state(g, c, CLIENT_CONNECT);
	c->due = due;
	c->n_exchanges = 0;
	c->in_at = c->out_at = 0;
	c->conn = tcp_connect(g->stack, &target, c, g->now_us, &error);
	if (c->conn == NULL) {
		gen_error(g, GEN_NO_CONNECTION,
		    error == TCP_ERR_NO_PORT ? "no free port" : "no route or memory");
		client_end(g, c);
	}
}

/* Up to a record's worth of what is left of the request. */
static unsigned request_view(struct gen *g, struct client *c, struct iovec *iov, unsigned max)
{
	uint64_t at = c->out_at, end = message_len(&g->request);
	size_t room = MAX_PLAIN, run;
	unsigned n = 0;

	while (n < max && at < end && room > 0) {
		const uint8_t *bytes = message_run(&g->request, at, c->id, &run);

		if (run > room)
			run = room;
		iov[n++] = (struct iovec){ (void *)(uintptr_t)bytes, run };
		at += run;
		room -= run;
	}
	return n;
}

static size_t iov_bytes(const struct iovec *iov, unsigned n)
{
	size_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

static void client_send(struct gen *g, struct client *c)
{
	const uint64_t end = message_len(&g->request);

	while (c->out_at < end) {
		struct iovec in[8], out[PIECES];
		struct record_io io = { .in = in, .out = out };
		size_t want, room;

		io.n_in = request_view(g, c, in, 8);
		want = iov_bytes(in, io.n_in) + OVERHEAD;
		io.n_out = tcp_tx_reserve(c->conn, (uint32_t)want, out, PIECES);
		room = iov_bytes(out, io.n_out);
		if (room < want && room < RECORD_SEGMENT)
			return; /* TCP_EV_WRITABLE follows */
		if (record_seal(&c->record, g->aead, &io) != RECORD_OK || io.produced == 0)
			return;
		c->out_at += io.consumed;
		tcp_tx_commit(
		    c->conn, (uint32_t)io.produced, c->out_at < end ? TCP_MORE : TCP_PUSH);
	}
}

void client_begin(struct gen *g, struct client *c, uint64_t due)
{
	set_state(g, c, CLIENT_EXCHANGE);
	message_id(c->id, g->next_id++);
	c->due = due;
	c->in_at = c->out_at = 0;
	client_send(g, c);
}

void client_close(struct gen *g, struct client *c)
{
	struct iovec out[PIECES];
	struct record_io io = { .out = out };

	set_state(g, c, CLIENT_CLOSING);
	record_close(&c->record);
	io.n_out = tcp_tx_reserve(c->conn, OVERHEAD, out, PIECES);
	if (record_control(&c->record, g->aead, &io) == RECORD_OK && io.produced > 0)
		tcp_tx_commit(c->conn, (uint32_t)io.produced, TCP_PUSH);
	tcp_shutdown(c->conn);
}

static void exchange_done(struct gen *g, struct client *c)
{
	struct results *r = &g->results;
	uint64_t ns;

	if (g->phase == GEN_LOAD || g->phase == GEN_DRAIN) {
		r->exchanges++;
		r->bytes_up += message_len(&g->request);
		r->bytes_down += message_len(&g->answer);
		r->end = rte_rdtsc();
		ns = (uint64_t)((double)(r->end - c->due) * 1e9 / (double)rte_get_tsc_hz());
		hist_add(&r->latency, ns);
		if (c->due >= g->made_up)
			hist_add(&r->undisturbed, ns);
	}
	c->n_exchanges++;
	set_state(g, c, CLIENT_READY);
	if (g->options.exchanges > 0 && c->n_exchanges >= g->options.exchanges) {
		r->connections++;
		client_close(g, c);
	} else {
		schedule_next(g, c);
	}
}

/* Bytes of an answer. False: they are wrong, and c is gone. */
static bool take(struct gen *g, struct client *c, const uint8_t *bytes, size_t len)
{
	if (c->state != CLIENT_EXCHANGE || len > message_len(&g->answer) - c->in_at ||
	    !message_check(&g->answer, c->in_at, c->id, bytes, len)) {
		client_fail(g, c, GEN_CONTENT, "an answer is not what was asked for");
		return false;
	}
	c->in_at += len;
	if (c->in_at == message_len(&g->answer))
		exchange_done(g, c);
	return true;
}

/* One record; false when there is none, or c is gone. */
static bool receive_one(struct gen *g, struct client *c)
{
	static struct iovec wide[PIECES_WIDE];
	struct iovec in[PIECES], out = { g->scratch, sizeof(g->scratch) };
	struct record_io io = { .in = in, .out = &out, .n_out = 1 };
	enum record_status status;
	uint32_t available = tcp_rx_available(c->conn);

	if (available == 0)
		return false;
	io.n_in = tcp_rx_view(c->conn, in, PIECES);
	status = record_open(&c->record, g->aead, &io);
	if (status == RECORD_MORE && iov_bytes(in, io.n_in) < available) {
		io.in = wide;
		io.n_in = tcp_rx_view(c->conn, wide, PIECES_WIDE);
		status = record_open(&c->record, g->aead, &io);
	}
	if (io.consumed > 0)
		tcp_rx_consume(c->conn, (uint32_t)io.consumed);
	switch (status) {
	case RECORD_OK:
		return io.produced == 0 || take(g, c, g->scratch, io.produced);
	case RECORD_CLOSED:
		if (c->state == CLIENT_CLOSING)
			return io.consumed > 0;
		client_fail(g, c, GEN_CLOSED, "close_notify before the end");
		return false;
	case RECORD_MORE:
		return false;
	case RECORD_FULL:
	case RECORD_FATAL:
		client_fail(g, c, GEN_RECORD, "a record cannot be opened, or a fatal alert");
		return false;
	}
	return false;
}

static void handshake(struct gen *g, struct client *c)
{
	struct results *r = &g->results;

	switch (tls_client_step(c->tls)) {
	case TLS_CLIENT_AGAIN:
		if (tcp_rx_is_finished(c->conn))
			client_fail(g, c, GEN_HANDSHAKE, "the server hung up");
		return;
	case TLS_CLIENT_FAILED:
		client_fail(g, c, GEN_HANDSHAKE, tls_kit_error(g->tls));
		return;
	case TLS_CLIENT_DONE:
		break;
	}
	if (tls_client_finish(c->tls, &c->record) != 0) {
		c->tls = NULL;
		client_fail(g, c, GEN_HANDSHAKE, "no keys");
		return;
	}
	c->tls = NULL;
	hist_add(&r->handshake,
	    (uint64_t)((double)(rte_rdtsc() - c->due) * 1e9 / (double)rte_get_tsc_hz()));
	set_state(g, c, CLIENT_READY);
	/* With a fixed number of exchanges the connection is part of what was due. */
	if (g->options.exchanges > 0)
		client_begin(g, c, c->due);
	else
		schedule_next(g, c);
}

static void client_run(struct gen *g, struct client *c)
{
	if (c->state == CLIENT_HANDSHAKE)
		handshake(g, c);
	while (c->state >= CLIENT_READY && receive_one(g, c))
		;
	if (c->state == CLIENT_EXCHANGE)
		client_send(g, c);
	if (c->state < CLIENT_READY || !tcp_rx_is_finished(c->conn))
		return;
	if (c->state != CLIENT_CLOSING)
		client_fail(g, c, GEN_CLOSED, "FIN before the end");
	else
		client_end(g, c);
}

void client_event(struct gen *g, struct client *c, unsigned events)
{
	if (c->state == CLIENT_CLOSING &&
	    events & (TCP_EV_RESET | TCP_EV_TIMEOUT | TCP_EV_CLOSED)) {
		if (!(events & TCP_EV_CLOSED))
			gen_error(g, GEN_CLOSED, "reset while closing");
		client_end(g, c);
		return;
	}
	if (events & TCP_EV_RESET) {
		client_fail(g, c, GEN_RESET, "reset");
		return;
	}
	if (events & (TCP_EV_TIMEOUT | TCP_EV_CLOSED)) {
		client_fail(g, c, GEN_TIMEOUT, "TCP timed out");
		return;
	}
	if (events & TCP_EV_ESTABLISHED) {
		c->tls = tls_client_new(g->tls, c->conn);
		if (c->tls == NULL) {
			client_fail(g, c, GEN_HANDSHAKE, "no memory");
			return;
		}
		set_state(g, c, CLIENT_HANDSHAKE);
	}
	client_run(g, c);
}
