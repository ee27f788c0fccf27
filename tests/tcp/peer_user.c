/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user's side of the connection, fixtures for states, and making and freeing a peer. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "tests/tcp/peer.h"
#include "tests/tcp/peer_inside.h"

/* Two multiplications: cheap, and a shift by any distance shows. */
uint8_t peer_byte(bool of_stack, uint32_t position)
{
	return (uint8_t)((position * 2654435761u + (of_stack ? 0x5bd1e995u : 0)) >> 23);
}

static struct tcp_conn *conn_of(struct peer *p)
{
	if (!p->app || p->app->released)
		peer_fail(p, "there is no connection (was it established?)");
	return p->app->conn;
}

void peer_write_on(struct peer *p, struct peer_conn *conn)
{
	while (conn->to_write) {
		struct iovec iov[16];
		unsigned n_iov = tcp_tx_reserve(conn->conn, conn->to_write, iov, 16);
		uint32_t got = 0;

		if (!n_iov)
			return;
		for (unsigned i = 0; i < n_iov; i++) {
			uint8_t *to = iov[i].iov_base;

			for (size_t j = 0; j < iov[i].iov_len; j++)
				to[j] = peer_byte(true, conn->written + got + (uint32_t)j);
			got += (uint32_t)iov[i].iov_len;
		}
		if (got > conn->to_write)
			peer_fail(p, "tcp_tx_reserve gave %u, asked for %u", got, conn->to_write);
		conn->to_write -= got;
		conn->written += got;
		tcp_tx_commit(conn->conn, got, conn->to_write ? TCP_MORE : conn->push);
	}
}

void peer_write(struct peer *p, uint32_t n, enum tcp_push push)
{
	conn_of(p);
	trace_note(
	    &p->trace, 0, p->now_us, "app writes %u%s", n, push == TCP_MORE ? " (more)" : "");
	p->app->to_write += n;
	p->app->push = push;
	peer_write_on(p, p->app);
	peer_run(p);
}

void peer_read(struct peer *p, uint32_t n)
{
	struct tcp_conn *c = conn_of(p);
	uint32_t left = n;

	trace_note(&p->trace, 0, p->now_us, "app reads %u", n);
	if (tcp_rx_available(c) < n)
		peer_fail(p, "%u bytes to read, expected %u", tcp_rx_available(c), n);
	while (left) {
		struct iovec iov[8];
		unsigned n_iov = tcp_rx_view(c, iov, 8);
		uint32_t got = 0;

		if (!n_iov)
			peer_fail(p, "an empty view with %u bytes available", tcp_rx_available(c));
		for (unsigned i = 0; i < n_iov && got < left; i++) {
			const uint8_t *from = iov[i].iov_base;

			for (size_t j = 0; j < iov[i].iov_len && got < left; j++, got++)
				if (from[j] != peer_byte(false, p->app->read + got))
					peer_fail(p, "read a wrong byte at stream position %u",
					    p->app->read + got);
		}
		tcp_rx_consume(c, got);
		p->app->read += got;
		left -= got;
	}
	peer_run(p);
}

void peer_shutdown(struct peer *p)
{
	trace_note(&p->trace, 0, p->now_us, "app shuts down");
	tcp_shutdown(conn_of(p));
	peer_run(p);
}

void peer_abort(struct peer *p)
{
	trace_note(&p->trace, 0, p->now_us, "app aborts");
	tcp_abort(conn_of(p));
	peer_run(p);
}

void peer_release(struct peer *p)
{
	struct tcp_conn *c = conn_of(p);

	trace_note(&p->trace, 0, p->now_us, "app releases");
	p->app->released = true;
	tcp_release(c);
	peer_run(p);
}

void peer_connect(struct peer *p)
{
	struct tcp_target target = { .ip = p->remote, .port = p->remote_port };
	enum tcp_error error = TCP_OK;
	struct tcp_conn *c;

	trace_note(&p->trace, 0, p->now_us, "app connects");
	p->local_port = 0;
	c = tcp_connect(p->stack, &target, p, p->now_us, &error);
	if (!c)
		peer_fail(p, "tcp_connect fails with %d", (int)error);
	peer_adopt(p, c);
	peer_run(p);
}

void peer_expect_events(struct peer *p, unsigned events)
{
	unsigned got = p->app ? p->app->events : 0;

	if (p->app)
		p->app->events = 0;
	if (got != events)
		peer_fail(p, "events %#x expected, got %#x", events, got);
}

void peer_expect_available(struct peer *p, uint32_t n)
{
	uint32_t got = tcp_rx_available(conn_of(p));

	if (got != n)
		peer_fail(p, "%u bytes to read expected, there are %u", n, got);
}

struct tcp_info peer_info(struct peer *p)
{
	struct tcp_info info;

	tcp_info_get(conn_of(p), &info);
	return info;
}

/* --- a peer that behaves --- */

void peer_receive(struct peer *p, uint32_t n, uint16_t window, uint64_t limit_us)
{
	uint64_t end = p->now_us + limit_us;
	uint32_t left = n;

	while (left) {
		const struct packet *k = peer_next(p);

		if (!k) {
			if (p->now_us >= end || !peer_wait(p, end - p->now_us))
				peer_fail(p, "%u of %u bytes did not come", left, n);
			continue;
		}
		uint32_t at = k->seq - p->stack_isn;

		if (!k->len || (int32_t)(at - p->una) > 0 || (int32_t)(at + k->len - p->una) <= 0)
			continue;
		at += k->len;
		if (at - p->una > left)
			peer_fail(p, "%u bytes more than expected", at - p->una - left);
		left -= at - p->una;
		p->una = at;
		peer_send(p, ". %u:%u(0) ack %u win %u", p->next, p->next, p->una, window);
	}
}

void peer_fill_window(struct peer *p)
{
	for (;;) {
		uint32_t room = p->right_edge - (p->isn + p->next);
		uint32_t n = room < 1460 ? room : 1460;

		if (!n)
			break;
		peer_send(p, "P. %u:%u(%u) ack %u win 65535", p->next, p->next + n, n, p->una);
		p->next += n;
		peer_advance(p, 50 * 1000);
		peer_discard(p);
	}
}

/* --- states --- */

const char *peer_state_name(enum tcp_state state)
{
	static const char *const names[TCP_N_STATES] = { "LISTEN", "SYN_SENT", "SYN_RECEIVED",
		"ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK",
		"TIME_WAIT" };

	return names[state];
}

void peer_expect_state(struct peer *p, enum tcp_state state)
{
	struct stack_info info;

	stack_info_get(p->stack, &info);
	for (unsigned i = TCP_CLOSED + 1; i < TCP_N_STATES; i++)
		if (info.n_state[i] != (i == state))
			peer_fail(p, "state %s expected, there are %u connections in %s",
			    peer_state_name(state), info.n_state[i], peer_state_name(i));
}

void peer_establish(struct peer *p, const char *options, uint16_t window)
{
	p->auto_ts = strstr(options, "TS") != NULL;
	peer_send(p, "S 0:0(0) win %u <%s>", window, options);
	peer_expect(p, "S. 0:0(0) ack 1");
	peer_send(p, ". 1:1(0) ack 1 win %u", window);
	peer_expect_none(p);
	peer_expect_events(p, TCP_EV_ESTABLISHED);
	p->next = p->una = 1;
}

void peer_establish_active(struct peer *p, const char *options, uint16_t window)
{
	p->auto_ts = strstr(options, "TS") != NULL;
	p->remote_port = 80;
	peer_connect(p);
	peer_expect(p, "S 0:0(0)");
	peer_send(p, "S. 0:0(0) ack 1 win %u <%s>", window, options);
	peer_expect(p, ". 1:1(0) ack 1");
	peer_expect_events(p, TCP_EV_ESTABLISHED);
	p->next = p->una = 1;
}

static void exchange_100(struct peer *p)
{
	peer_send(p, "P. 1:101(100) ack 1 win 65535");
	peer_read(p, 100);
	peer_write(p, 100, TCP_PUSH);
	peer_advance(p, 1000);
	peer_send(p, ". 101:101(0) ack 101 win 65535");
	peer_advance(p, 100 * 1000);
	peer_discard(p);
	p->app->events = 0;
	p->next = p->una = 101;
}

static void peer_fin(struct peer *p)
{
	peer_send(p, "F. %u:%u(0) ack %u win 65535", p->next, p->next, p->una);
	p->next++;
	peer_expect_in(p, 0, 100 * 1000, ". %u:%u(0) ack %u", p->una, p->una, p->next);
}

static void our_fin(struct peer *p)
{
	peer_shutdown(p);
	peer_expect(p, "F. %u:%u(0) ack %u", p->una, p->una, p->next);
	p->una++;
}

static void enter_closing(struct peer *p)
{
	our_fin(p);
	peer_send(p, "F. %u:%u(0) ack %u win 65535", p->next, p->next, p->una - 1);
	p->next++;
	peer_expect_in(p, 0, 100 * 1000, ". %u:%u(0) ack %u", p->una, p->una, p->next);
}

static void enter_fin_wait_2(struct peer *p)
{
	our_fin(p);
	peer_send(p, ". %u:%u(0) ack %u win 65535", p->next, p->next, p->una);
	peer_expect_none(p);
}

void peer_enter(struct peer *p, enum tcp_state state, const char *options)
{
	p->next = 1;
	p->una = 1;
	if (state == TCP_CLOSED)
		return;
	if (state == TCP_SYN_SENT) {
		p->remote_port = 80;
		peer_connect(p);
		peer_expect(p, "S 0:0(0)");
		p->next = 0;
		peer_expect_state(p, state);
		return;
	}
	if (state == TCP_SYN_RECEIVED) {
		p->auto_ts = strstr(options, "TS") != NULL;
		peer_send(p, "S 0:0(0) win 65535 <%s>", options);
		peer_expect(p, "S. 0:0(0) ack 1");
		peer_expect_state(p, state);
		return;
	}
	peer_establish(p, options, 65535);
	exchange_100(p);
	if (state == TCP_FIN_WAIT_1)
		our_fin(p);
	if (state == TCP_CLOSING)
		enter_closing(p);
	if (state == TCP_FIN_WAIT_2 || state == TCP_TIME_WAIT)
		enter_fin_wait_2(p);
	if (state == TCP_TIME_WAIT || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK)
		peer_fin(p);
	if (state == TCP_LAST_ACK)
		our_fin(p);
	p->app->events = 0;
	peer_expect_state(p, state);
}

static void flow_save(struct peer *p)
{
	if (!p->app)
		return;
	p->app->flow = (struct peer_flow){
		.local_port = p->local_port,
		.remote_port = p->remote_port,
		.stack_isn = p->stack_isn,
		.right_edge = p->right_edge,
		.right_edge_known = p->right_edge_known,
		.last_ts_val = p->last_ts_val,
		.fin_end = p->fin_end,
		.next = p->next,
		.una = p->una,
		.stack_isn_known = p->stack_isn_known,
		.peer_wscale_sent = p->peer_wscale_sent,
		.fin_sent = p->fin_sent,
		.stack_wscale = p->stack_wscale,
	};
}

static void flow_load(struct peer *p, const struct peer_flow *f)
{
	p->local_port = f->local_port;
	p->remote_port = f->remote_port;
	p->stack_isn = f->stack_isn;
	p->right_edge = f->right_edge;
	p->right_edge_known = f->right_edge_known;
	p->last_ts_val = f->last_ts_val;
	p->fin_end = f->fin_end;
	p->next = f->next;
	p->una = f->una;
	p->stack_isn_known = f->stack_isn_known;
	p->peer_wscale_sent = f->peer_wscale_sent;
	p->fin_sent = f->fin_sent;
	p->stack_wscale = f->stack_wscale;
}

void peer_new_flow(struct peer *p, uint16_t remote_port)
{
	flow_save(p);
	flow_load(
	    p, &(struct peer_flow){ .local_port = PEER_LISTEN_PORT, .remote_port = remote_port });
	p->app = NULL;
}

void peer_turn_to(struct peer *p, struct peer_conn *conn)
{
	flow_save(p);
	flow_load(p, &conn->flow);
	p->app = conn;
}

/* --- making and freeing --- */

static struct ip_addr ip_parse(const char *text)
{
	struct ip_addr a = { .w = { 0, 0, RTE_BE32(0xffff), 0 } };

	if (inet_pton(AF_INET, text, &a.w[3]) != 1 && inet_pton(AF_INET6, text, a.b) != 1)
		abort();
	return a;
}

static void stack_make(struct peer *p)
{
	static const uint8_t secret[32] = "not a secret: tests repeat it..";
	struct stack_config c = p->config.stack;
	struct net_iface iface = { .offloads = p->config.offloads };
	bool v6 = p->config.ip6;

	iface.mtu = p->config.mtu ? p->config.mtu : v6 ? 1520 : 1500;
	memcpy(iface.mac, p->local_mac, 6);
	iface.addresses[0].ip = p->local;
	iface.addresses[0].prefix = v6 ? 64 : 120;
	iface.n_addresses = 1;
	c.net.ifaces = &iface;
	c.net.n_ifaces = 1;
	c.net.pool = p->pool;
	c.net.stats = &p->stats;
	memcpy(c.net.secret, secret + 8, sizeof(c.net.secret));
	memcpy(c.cookie_secret, secret, sizeof(c.cookie_secret));
	c.pool = p->pool;
	c.no_ecn = !p->config.ecn;
	c.history = true;
	if (!c.max_conns)
		c.max_conns = 64;
	p->stack = stack_new(&c, p->now_us);
	if (!p->stack)
		peer_fail(p, "stack_new fails");
	if (tcp_listen(p->stack, &p->local, PEER_LISTEN_PORT, p) != 0)
		peer_fail(p, "tcp_listen fails");
	/* Whatever the net layer says by itself at the start (ND) is no business of scripts. */
	peer_run(p);
	peer_discard(p);
}

static struct peer *peer_start(const struct peer_config *config, uint64_t start_us)
{
	static const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->config = *config;
	p->now_us = p->start_us = p->trace.start_us = start_us;
	p->isn = config->isn ? config->isn : PEER_ISN;
	p->ts_base = 0xfffffc00;
	memcpy(p->local_mac, macs[0], 6);
	memcpy(p->remote_mac, macs[1], 6);
	p->local = ip_parse(config->ip6 ? "2001:db8::1" : "192.0.2.1");
	p->remote = ip_parse(config->ip6 ? "2001:db8::2" : "192.0.2.2");
	p->local_port = PEER_LISTEN_PORT;
	p->remote_port = PEER_PORT;
	p->pool = peer_pool(config->pool_mbufs);
	p->pool_free_at_start = rte_mempool_avail_count(p->pool);
	stack_make(p);
	return p;
}

/*
 * RFC 6528: ISN = M + F(secret, tuple), M a clock of 4 us. One SYN tells F, and
 * with it the time at which the ISN comes out where we want it.
 */
static uint64_t start_for_isn(const struct peer_config *config)
{
	static uint64_t found[2];
	struct peer_config probe_config = { .ip6 = config->ip6 };
	uint64_t start = 1ull << 36;
	struct peer *p;

	if (found[config->ip6])
		return found[config->ip6];
	p = peer_start(&probe_config, start);
	peer_send(p, "S 0:0(0) win 65535 <mss 1460>");
	peer_expect(p, "S. 0:0(0) ack 1");
	found[config->ip6] = start + (uint64_t)(uint32_t)(PEER_ISN - p->stack_isn) * 4;
	peer_free(p);
	return found[config->ip6];
}

struct peer *peer_new(const struct peer_config *config)
{
	return peer_start(config, config->start_us ? config->start_us : start_for_isn(config));
}

void peer_free(struct peer *p)
{
	struct rte_mempool *pool;
	unsigned missing;

	if (!p)
		return;
	if (!p->failed)
		peer_expect_none(p);
	peer_discard(p);
	peer_next(p);
	pool = p->pool;
	for (unsigned i = 0; i < PEER_MAX_QUEUE; i++)
		free(p->queue[i].data);
	stack_free(p->stack);
	p->stack = NULL;
	missing = p->pool_free_at_start - rte_mempool_avail_count(pool);
	if (missing && !p->failed)
		peer_fail(p, "%d mbufs are missing after stack_free", (int)missing);
	if (p->config.pool_mbufs)
		rte_mempool_free(pool);
	free(p);
}
