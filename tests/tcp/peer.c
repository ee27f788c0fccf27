/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/tcp/peer.h"

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/tcp/check.h"
#include "tests/tcp/peer_inside.h"

static peer_fail_handler *fail_handler;

void peer_set_fail_handler(peer_fail_handler *handler)
{
	fail_handler = handler;
}

void peer_fail(struct peer *p, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", p->file ? p->file : "?", p->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr,
	    "\n  > stack to peer, < peer to stack; numbers relative, peer ISN %#x, "
	    "stack ISN %#x\n",
	    p->isn, p->stack_isn);
	trace_print(&p->trace, stderr);
	history_print(p->stack);
	for (unsigned i = 0; i < STAT_N; i++)
		if (p->stats.v[i])
			fprintf(stderr, "  %s %llu\n", stats_name(i),
			    (unsigned long long)p->stats.v[i]);
	fflush(stderr);
	p->failed = true;
	if (fail_handler)
		fail_handler(p->file ? p->file : "?", p->line);
	abort();
}

/* --- what must always hold --- */

void peer_check(struct peer *p)
{
	struct stack_info info;
	unsigned out = p->pool_free_at_start - rte_mempool_avail_count(p->pool), held;
	char why[200] = "";

	if (tcp_check(p->stack, why, sizeof(why)) != 0)
		peer_fail(p, "invariant broken: %s", why);
	stack_info_get(p->stack, &info);
	held = info.n_held_mbufs;
	/* What waits for a neighbour may be in the send queue as well: counted twice then. */
	if (!p->config.loose_mbufs &&
	    (out > held || out + net_held_mbufs(stack_net(p->stack)) < held))
		peer_fail(
		    p, "mbufs: %u are out of the pool, the stack says it holds %u", out, held);
}

/* --- what comes out --- */

static bool is_our_flow(const struct peer *p, const struct packet *k)
{
	return k->dport == p->remote_port && k->sport == p->local_port &&
	    ip_addr_eq(&k->dst, &p->remote);
}

/* The first segment of a flow we know nothing of: the stack opens it itself. */
static void flow_adopt(struct peer *p, const struct packet *k)
{
	if ((k->flags & (TH_SYN | TH_ACK)) != TH_SYN || k->dport != p->remote_port)
		return;
	if (!p->local_port)
		p->local_port = k->sport;
}

static void flow_learn(struct peer *p, const struct packet *k)
{
	struct packet_options o;
	uint32_t edge;

	if (packet_options_parse(k, &o))
		return;
	if (k->flags & TH_SYN) {
		p->stack_isn = k->seq;
		p->stack_isn_known = true;
		p->stack_wscale = o.has_wscale && p->peer_wscale_sent ? o.wscale : 0;
		p->right_edge_known = k->flags & TH_ACK;
		if (k->flags & TH_ACK)
			p->right_edge = k->ack + k->window;
	} else if (k->flags & TH_ACK && !(k->flags & TH_RST)) {
		edge = k->ack + ((uint32_t)k->window << p->stack_wscale);
		/* RFC 9293 3.8.6.2.1, MUST-34's other end: never pull the edge back. */
		if (!p->right_edge_known || (int32_t)(edge - p->right_edge) > 0)
			p->right_edge = edge;
		else if (edge != p->right_edge && !(p->fin_sent && k->ack == p->fin_end))
			peer_fail(p, "the right edge of the window moved left by %u",
			    p->right_edge - edge);
		p->right_edge_known = true;
	}
	if (o.has_ts)
		p->last_ts_val = o.ts_val;
}

static void payload_verify(struct peer *p, const struct packet *k)
{
	uint32_t at = k->seq + ((k->flags & TH_SYN) != 0) - (p->stack_isn + 1);

	for (uint32_t i = 0; i < k->len; i++)
		if (k->payload[i] != peer_byte(true, at + i))
			peer_fail(p, "wrong payload byte at stream position %u", at + i);
}

static void queue_put(struct peer *p, const struct packet *k)
{
	struct peer_frame *f = &p->queue[p->queue_tail % PEER_MAX_QUEUE];

	if (p->queue_tail - p->queue_head == PEER_MAX_QUEUE - 1)
		peer_fail(
		    p, "more than %u packets without a question: a packet storm", PEER_MAX_QUEUE);
	p->queue_tail++;
	f->packet = *k;
	f->data = NULL;
	if (k->len) {
		f->data = malloc(k->len);
		if (!f->data)
			abort();
		memcpy(f->data, k->payload, k->len);
	}
	f->packet.payload = f->data;
}

/* An answer to a ping. */
static bool is_echo(const uint8_t *frame, size_t len)
{
	if (len < 14 + 40 + 8)
		return len >= 42 && frame[12] == 0x08 && frame[23] == 1 && frame[34] == 0;
	return frame[12] == 0x08 ? frame[23] == 1 && frame[34] == 0
				 : frame[20] == 58 && frame[54] == 129;
}

/* Returns true when it was answered, so that the stack has to run again. */
static bool output_take(struct peer *p, const uint8_t *frame, size_t len)
{
	uint8_t reply[128];
	struct packet k;
	const char *error;
	size_t n = neighbour_answer(frame, len, p->remote_mac, reply);

	if (n && !p->mute_neighbour) {
		struct rte_mbuf *m = peer_mbuf(p->pool, reply, n);

		if (m)
			stack_rx(p->stack, &m, 1, p->now_us);
		return true;
	}
	if (n || neighbour_is_one(frame, len))
		return false;
	if (p->config.echoes && is_echo(frame, len))
		return false;
	error = packet_parse(frame, len, &k);
	if (error)
		peer_fail(p, "the stack sent a bad frame of %zu bytes: %s", len, error);
	flow_adopt(p, &k);
	if (is_our_flow(p, &k))
		flow_learn(p, &k);
	trace_packet(&p->trace, TRACE_SENT, 0, p->now_us, &k, p->stack_isn, p->isn);
	if (memcmp(frame, p->remote_mac, 6) != 0)
		peer_fail(p, "sent to a wrong MAC address");
	if (is_our_flow(p, &k))
		payload_verify(p, &k);
	if (!p->drop_output)
		queue_put(p, &k);
	return false;
}

static bool output_drain(struct peer *p)
{
	static uint8_t frame[PACKET_MAX_FRAME];
	struct rte_mbuf *out[32];
	unsigned n;
	bool moved = false;

	do {
		size_t lens[32];

		n = stack_tx(p->stack, out, 32, p->now_us);
		for (unsigned i = 0; i < n; i++) {
			const void *at;

			lens[i] = rte_pktmbuf_pkt_len(out[i]);
			if (lens[i] > sizeof(frame))
				peer_fail(p, "frame of %zu bytes", lens[i]);
			at = rte_pktmbuf_read(out[i], 0, (uint32_t)lens[i], frame);
			if (!at)
				peer_fail(p, "mbuf chain is shorter than pkt_len");
			if (at != frame)
				memcpy(frame, at, lens[i]);
			rte_pktmbuf_free(out[i]);
			output_take(p, frame, lens[i]);
			moved = true;
		}
	} while (n);
	return moved;
}

static struct peer_conn *conn_find(struct peer *p, struct tcp_conn *c)
{
	for (unsigned i = 0; i < p->n_conns; i++)
		if (p->conns[i].conn == c && !p->conns[i].released)
			return &p->conns[i];
	return NULL;
}

static struct peer_conn *conn_add(struct peer *p, struct tcp_conn *c)
{
	unsigned i = 0;

	while (i < p->n_conns && !p->conns[i].released)
		i++;
	if (i == PEER_MAX_CONNS)
		peer_fail(p, "more than %u connections", PEER_MAX_CONNS);
	if (i == p->n_conns)
		p->n_conns++;
	p->conns[i] = (struct peer_conn){ .conn = c };
	return &p->conns[i];
}

void peer_adopt(struct peer *p, struct tcp_conn *c)
{
	p->app = conn_add(p, c);
}

static bool events_drain(struct peer *p)
{
	struct tcp_conn *c;
	unsigned events;
	bool moved = false;

	while ((c = stack_ready_next(p->stack, &events)) != NULL) {
		struct peer_conn *known = conn_find(p, c);

		moved = true;
		trace_note(&p->trace, 0, p->now_us, "event%s%s%s%s%s%s%s%s",
		    events & TCP_EV_ESTABLISHED ? " ESTABLISHED" : "",
		    events & TCP_EV_READABLE ? " READABLE" : "",
		    events & TCP_EV_WRITABLE ? " WRITABLE" : "",
		    events & TCP_EV_URGENT ? " URGENT" : "",
		    events & TCP_EV_PEER_FIN ? " PEER_FIN" : "",
		    events & TCP_EV_RESET ? " RESET" : "",
		    events & TCP_EV_TIMEOUT ? " TIMEOUT" : "",
		    events & TCP_EV_CLOSED ? " CLOSED" : "");
		if (!events)
			peer_fail(p, "a connection on the ready list without events");
		if (!known) {
			if (!(events & TCP_EV_ESTABLISHED))
				peer_fail(p, "the first event of a connection is not ESTABLISHED");
			known = p->app = conn_add(p, c);
		}
		known->events |= events;
		if (known->to_write && events & TCP_EV_WRITABLE) {
			known->events &= ~(unsigned)TCP_EV_WRITABLE;
			peer_write_on(p, known);
		}
	}
	return moved;
}

static uint64_t run(struct peer *p)
{
	uint64_t deadline;
	unsigned rounds = 0;
	bool moved;

	do {
		moved = events_drain(p);
		deadline = stack_timers(p->stack, p->now_us, 64);
		moved |= output_drain(p);
		moved |= events_drain(p);
		if (++rounds > 1000)
			peer_fail(p, "the stack does not come to rest");
	} while (moved);
	peer_check(p);
	return deadline;
}

void peer_run(struct peer *p)
{
	run(p);
}

/* Time passes until end, or (with stop) until the stack has sent something. */
static void run_until(struct peer *p, uint64_t end, bool stop)
{
	unsigned idle = 0;

	for (;;) {
		uint64_t deadline = run(p), next;

		if ((stop && p->queue_head != p->queue_tail) || p->now_us >= end)
			return;
		/* A worker would call at once again: many times in vain is a timer that spins. */
		idle = deadline <= p->now_us ? idle + 1 : 0;
		if (idle > 1000)
			peer_fail(p, "stack_timers asks for a call at once, and does nothing then");
		next = deadline <= p->now_us ? p->now_us + 1 : deadline;
		p->now_us = next < end ? next : end;
	}
}

void peer_advance(struct peer *p, uint64_t us)
{
	run_until(p, p->now_us + us, false);
}

void peer_leap(struct peer *p, uint64_t us, uint64_t step_us)
{
	for (uint64_t end = p->now_us + us; p->now_us < end;) {
		p->now_us += end - p->now_us < step_us ? end - p->now_us : step_us;
		run(p);
	}
}

bool peer_wait(struct peer *p, uint64_t us)
{
	run_until(p, p->now_us + us, true);
	return p->queue_head != p->queue_tail;
}

/* --- lines --- */

__attribute__((format(printf, 2, 0))) static struct script_line
line_read(struct peer *p, const char *fmt, va_list ap, char text[300])
{
	struct script_line line;
	const char *error;

	vsnprintf(text, 300, fmt, ap);
	error = script_parse(text, &line);
	if (error)
		peer_fail(p, "%s: \"%s\"", error, text);
	return line;
}

void peer_send_frame(struct peer *p, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = peer_mbuf(p->pool, frame, len);

	if (m && p->hold && p->n_held < RTE_DIM(p->held)) {
		p->held[p->n_held++] = m;
		return;
	}
	if (m)
		stack_rx(p->stack, &m, 1, p->now_us);
	else
		trace_note(&p->trace, 0, p->now_us, "no mbuf to receive into");
	run(p);
}

void peer_hold(struct peer *p)
{
	p->hold = true;
}

void peer_flush(struct peer *p)
{
	unsigned n = p->n_held;

	p->hold = false;
	p->n_held = 0;
	stack_rx(p->stack, p->held, n, p->now_us);
	run(p);
}

/* As a receiver would find it, also among options that are wrong. */
static bool has_wscale(const struct packet *k)
{
	for (unsigned i = 0; i + 2 < k->options_len;) {
		if (k->options[i] == 3 && k->options[i + 1] == 3)
			return true;
		if (k->options[i] == 0 || (k->options[i] > 1 && k->options[i + 1] < 2))
			return false;
		i += k->options[i] == 1 ? 1u : k->options[i + 1];
	}
	return false;
}

void peer_send_packet(struct peer *p, const struct packet *packet)
{
	static uint8_t frame[PACKET_MAX_FRAME];
	struct packet k = *packet;
	static const struct ip_addr none;

	if (ip_addr_eq(&k.src, &none))
		k.src = p->remote;
	if (ip_addr_eq(&k.dst, &none))
		k.dst = p->local;
	if (!k.sport)
		k.sport = p->remote_port;
	if (!k.dport)
		k.dport = p->local_port;
	if (k.flags & TH_SYN)
		p->peer_wscale_sent = has_wscale(&k);
	if (k.flags & TH_FIN) {
		p->fin_sent = true;
		p->fin_end = k.seq + packet_seq_len(&k);
	}
	trace_packet(&p->trace, TRACE_GOT, 0, p->now_us, &k, p->isn, p->stack_isn);
	peer_send_frame(p, frame, packet_build(&k, p->remote_mac, p->local_mac, frame));
}

static struct script_base send_base(const struct peer *p)
{
	return (struct script_base){
		.seq = p->isn,
		.ack = p->stack_isn,
		.ts_val = p->ts_base + (uint32_t)((p->now_us - p->start_us) / 1000),
		.ts_ecr = p->last_ts_val,
	};
}

static struct script_base expect_base(const struct peer *p)
{
	return (struct script_base){ .seq = p->stack_isn, .ack = p->isn };
}

void peer_send(struct peer *p, const char *fmt, ...)
{
	static uint8_t payload[65536];
	struct script_base base = send_base(p);
	struct script_line line;
	struct packet k;
	const char *error;
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	line = line_read(p, fmt, ap, text);
	va_end(ap);
	if (p->auto_ts && !line.has_options && !(line.flags & TH_RST)) {
		line.options[0].kind = OPT_NOP;
		line.options[1].kind = OPT_NOP;
		line.options[2].kind = OPT_TS;
		line.n_options = 3;
	}
	if (!line.has_ecn)
		line.ecn = p->ecn;
	error = script_build(&line, &base, &k);
	if (error || k.len > sizeof(payload))
		peer_fail(p, "%s: \"%s\"", error ? error : "too long", text);
	for (uint32_t i = 0; i < k.len; i++)
		payload[i] =
		    p->salt ^ peer_byte(false, line.seq + ((line.flags & TH_SYN) != 0) - 1 + i);
	k.payload = payload;
	peer_send_packet(p, &k);
}

const struct packet *peer_next(struct peer *p)
{
	struct peer_frame *f;

	if (p->queue_head == p->queue_tail)
		return NULL;
	/* The one handed out before is freed only now. */
	f = &p->queue[(p->queue_head - 1) % PEER_MAX_QUEUE];
	free(f->data);
	f->data = NULL;
	return &p->queue[p->queue_head++ % PEER_MAX_QUEUE].packet;
}

void peer_discard(struct peer *p)
{
	while (peer_next(p))
		;
}

bool peer_matches(struct peer *p, const struct packet *packet, const char *fmt, ...)
{
	struct script_base base = expect_base(p);
	struct script_line line;
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	line = line_read(p, fmt, ap, text);
	va_end(ap);
	return script_match(&line, &base, packet) == NULL;
}

static void expect_next(struct peer *p, const struct script_line *line, const char *text)
{
	struct script_base base = expect_base(p);
	const struct packet *k = peer_next(p);
	const char *differs;
	char got[300];

	if (!k)
		peer_fail(p, "expected \"%s\", got nothing", text);
	differs = script_match(line, &base, k);
	if (!differs)
		return;
	packet_print(k, base.seq, base.ack, got, sizeof(got));
	peer_fail(p, "%s differs\n  expected %s\n  got      %s", differs, text, got);
}

void peer_expect(struct peer *p, const char *fmt, ...)
{
	struct script_line line;
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	line = line_read(p, fmt, ap, text);
	va_end(ap);
	expect_next(p, &line, text);
}

void peer_expect_in(struct peer *p, uint64_t lo_us, uint64_t hi_us, const char *fmt, ...)
{
	struct script_line line;
	char text[300];
	uint64_t start = p->now_us;
	va_list ap;

	va_start(ap, fmt);
	line = line_read(p, fmt, ap, text);
	va_end(ap);
	if (!peer_wait(p, hi_us))
		peer_fail(
		    p, "expected \"%s\" within %.3f ms, got nothing", text, (double)hi_us / 1000.0);
	if (p->now_us - start < lo_us)
		peer_fail(p, "expected \"%s\" after %.3f ms, something came after %.3f ms", text,
		    (double)lo_us / 1000.0, (double)(p->now_us - start) / 1000.0);
	expect_next(p, &line, text);
}

void peer_expect_none(struct peer *p)
{
	struct script_base base = expect_base(p);
	const struct packet *k = peer_next(p);
	char got[300];

	if (!k)
		return;
	packet_print(k, base.seq, base.ack, got, sizeof(got));
	peer_fail(p, "expected nothing, got %s", got);
}

void peer_expect_none_for(struct peer *p, uint64_t us)
{
	peer_expect_none(p);
	if (peer_wait(p, us))
		peer_expect_none(p);
}
