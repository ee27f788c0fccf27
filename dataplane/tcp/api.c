/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <rte_common.h>

#include "dataplane/tcp/accept.h"
#include "dataplane/tcp/history.h"
#include "dataplane/tcp/isn.h"
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/ports.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/rxq.h"
#include "dataplane/tcp/seq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/tcp.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/txq.h"

/* What the user calls on one connection. */

void *tcp_user(const struct tcp_conn *c)
{
	return c->user;
}

void tcp_set_user(struct tcp_conn *c, void *user)
{
	c->user = user;
}

void *tcp_listener_user(const struct tcp_conn *c)
{
	if (c->listener == LISTEN_NONE)
		return NULL;
	return conn_stack(c)->listeners.all[c->listener].user;
}

const struct flow *tcp_flow(const struct tcp_conn *c)
{
	return &c->flow;
}

void tcp_keepalive(struct tcp_conn *c, bool on)
{
	c->flags &= ~(uint32_t)CONN_KEEPALIVE;
	if (!on)
		return;
	c->flags |= CONN_KEEPALIVE;
	timers_keepalive(c);
}

void tcp_nagle(struct tcp_conn *c, bool on)
{
	if (on)
		c->flags |= CONN_NODELAY_OFF;
	else
		c->flags &= ~(uint32_t)CONN_NODELAY_OFF;
}

/* --- opening --- */

struct choice {
	struct flow flow;
	uint8_t laddr;
	uint32_t iss_after;
	bool reused;
};

/* A route and a free port from this source address (all-zero: the route's own). */
static enum tcp_error choose_from(struct stack *s, const struct ip_addr *source, struct choice *ch)
{
	struct net_dst dst;
	int laddr;

	ch->flow.local = *source;
	if (!net_route(s->net, &ch->flow.local, &ch->flow.remote, &dst))
		return TCP_ERR_NO_ROUTE;
	ch->flow.iface = dst.iface;
	laddr = addrs_index(&s->addrs, &ch->flow.local);
	if (laddr < 0)
		return TCP_ERR_NO_ROUTE;
	ch->laddr = (uint8_t)laddr;
	return ports_choose(s, &ch->flow, ch->laddr, &ch->iss_after, &ch->reused) ? TCP_OK
										  : TCP_ERR_NO_PORT;
}

static bool is_same_net(const struct net_addr *a, const struct net_addr *b)
{
	unsigned whole = a->prefix / 8, rest = a->prefix % 8;

	return a->prefix == b->prefix && memcmp(&a->ip, &b->ip, whole) == 0 &&
	    (rest == 0 || (a->ip.b[whole] ^ b->ip.b[whole]) >> (8 - rest) == 0);
}

/*
 * The ports of the route's own address are used up: the other addresses that we have in its net take
 * over, in the order of the configuration.
 */
static enum tcp_error choose_beside(struct stack *s, struct choice *ch)
{
	const struct net_iface *iface = &s->ifaces[ch->flow.iface];
	const struct ip_addr own = ch->flow.local;
	unsigned at = 0;

	while (at < iface->n_addresses && !ip_addr_eq(&iface->addresses[at].ip, &own))
		at++;
	for (unsigned i = 0; at < iface->n_addresses && i < iface->n_addresses; i++)
		if (i != at && is_same_net(&iface->addresses[i], &iface->addresses[at]) &&
		    choose_from(s, &iface->addresses[i].ip, ch) == TCP_OK)
			return TCP_OK;
	return TCP_ERR_NO_PORT;
}

static enum tcp_error choose(struct stack *s, const struct tcp_target *target, struct choice *ch)
{
	static const struct ip_addr any;
	enum tcp_error error = TCP_ERR_NO_ROUTE;

	*ch = (struct choice){
		.flow = { .remote = target->ip, .remote_port = target->port },
	};
	if (!target->sources || target->n_sources == 0) {
		error = choose_from(s, &any, ch);
		return error == TCP_ERR_NO_PORT ? choose_beside(s, ch) : error;
	}
	/* Sources take turns, so that their ports are used up evenly. */
	for (unsigned i = 0; i < target->n_sources; i++) {
		unsigned at = (s->source_turn + i) % target->n_sources;

		if (ip_addr_is_v4(&target->sources[at]) != ip_addr_is_v4(&target->ip))
			continue;
		error = choose_from(s, &target->sources[at], ch);
		if (error == TCP_OK)
			break;
	}
	s->source_turn++;
	return error;
}

struct tcp_conn *tcp_connect(struct stack *s, const struct tcp_target *target, void *user,
    uint64_t now_us, enum tcp_error *error)
{
	struct tcp_conn *c;
	struct choice ch;

	stack_set_now(s, now_us);
	*error = TCP_ERR_NO_MEMORY;
	if (stack_is_short(s) || pool_is_empty(&s->conn_pool))
		return NULL;
	*error = choose(s, target, &ch);
	if (*error != TCP_OK)
		return NULL;
	c = conn_new(s, &ch.flow, ch.laddr);
	assert(c); /* looked for room above */
	c->user = user;
	c->flags |= CONN_ACTIVE;
	c->snd_una = isn_make(&s->keys.isn, &ch.flow, s->now_us);
	if (ch.reused && seq_leq(c->snd_una, ch.iss_after + UINT16_MAX))
		c->snd_una = ch.iss_after + UINT16_MAX + 2;
	c->snd_nxt = c->snd_una + 1;
	c->snd_lbb = c->snd_nxt;
	c->ts_off = isn_ts_offset(&s->keys.ts, &ch.flow.local, &ch.flow.remote);
	if (history_is_kept(s))
		history_begin(c, c->snd_una);
	conn_set_state(c, TCP_SYN_SENT);
	conn_hash(c);
	output_syn(c);
	timers_arm(c, CONN_TIMER_RTO, rtt_rto_backed_off(c));
	return c;
}

/* --- sending --- */

unsigned tcp_tx_reserve(struct tcp_conn *c, uint32_t want, struct iovec *iov, unsigned max)
{
	uint32_t space = txq_space(c), got = 0;
	struct rte_mbuf *m;
	unsigned n = 0;

	if (want > space) {
		want = space;
		if (conn_can_queue(c))
			c->flags |= CONN_WANT_WRITE;
	}
	c->flags &= ~(uint32_t)CONN_COMMITTED;
	if (want == 0 || max == 0)
		return 0;
	m = txq_open_tail(c);
	if (!m)
		m = txq_spare(c);
	while (n < max && got < want) {
		if (!m) {
			m = txq_add_spares(c, want - got);
			if (!m) {
				c->flags |= CONN_WANT_WRITE;
				conn_starve(c);
				break;
			}
		}
		struct txseg *t = txseg(m);
		uint32_t part = RTE_MIN(want - got, (uint32_t)(t->cap - t->len));

		iov[n].iov_base = (uint8_t *)m->buf_addr + t->off + t->len;
		iov[n].iov_len = part;
		n++;
		got += part;
		m = m == c->txq_tail ? txq_spare(c) : t->next;
	}
	return n;
}

void tcp_tx_commit(struct tcp_conn *c, uint32_t n, enum tcp_push push)
{
	if (!conn_can_queue(c))
		return; /* the connection ended meanwhile: events say so */
	txq_commit(c, n, push == TCP_PUSH);
	c->flags |= CONN_COMMITTED;
	conn_want_send(c);
}

void tcp_tx_urgent(struct tcp_conn *c)
{
	struct conn_ext *x;

	if (!conn_can_queue(c) || c->snd_lbb == c->snd_una)
		return;
	x = conn_ext(c);
	x->snd_up = c->snd_lbb;
	x->urgent_out = true;
	if (conn_is_synchronised(c))
		conn_ack_now(c);
}

uint32_t tcp_tx_space(const struct tcp_conn *c)
{
	return txq_space(c);
}

uint32_t tcp_tx_unacked(const struct tcp_conn *c)
{
	return c->snd_lbb - c->snd_una;
}

/* --- ending --- */

void tcp_shutdown(struct tcp_conn *c)
{
	if (c->flags & CONN_FIN_QUEUED)
		return;
	switch ((enum tcp_state)c->state) {
	case TCP_SYN_SENT:
		conn_close(c, TCP_EV_CLOSED); /* RFC 9293 3.10.4: nothing was agreed yet */
		return;
	case TCP_SYN_RECEIVED:
		break;
	case TCP_ESTABLISHED:
		conn_set_state(c, TCP_FIN_WAIT_1);
		break;
	case TCP_CLOSE_WAIT:
		conn_set_state(c, TCP_LAST_ACK);
		break;
	case TCP_CLOSED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
	case TCP_N_STATES:
		return;
	}
	c->flags |= CONN_FIN_QUEUED;
	c->flags &= ~(uint32_t)CONN_WANT_WRITE;
	txq_add_fin(c); /* when mbufs are short output_run tries again */
	conn_want_send(c);
}

/*
 * RFC 9293 3.10.5: SYN-SENT has nothing to reset, and where both FINs are out nothing is missing. Our FIN may still wait
 * behind data here, which the peer would then miss.
 */
static bool has_to_reset(const struct tcp_conn *c)
{
	if (c->state == TCP_SYN_SENT)
		return false;
	return (c->state != TCP_CLOSING && c->state != TCP_LAST_ACK) || c->snd_nxt != c->snd_lbb ||
	    !(c->flags & CONN_FIN_IN_TXQ);
}

void tcp_abort(struct tcp_conn *c)
{
	c->flags |= CONN_ABORTED;
	c->events = 0;
	if (c->flags & CONN_HASHED && has_to_reset(c))
		output_reset(c, STAT_TCP_RST_ABORTED);
	if (c->state != TCP_CLOSED && c->state != TCP_TIME_WAIT)
		conn_close(c, 0);
	rxq_free(c);
}

void tcp_release(struct tcp_conn *c)
{
	c->events = 0;
	c->flags |= CONN_RELEASED;
	if (!(c->flags & CONN_HASHED)) {
		conn_put(c);
		return;
	}
	if (c->rcv_avail) {
		/* RFC 2525 2.17: data was lost, and the peer has to know. */
		output_reset(c, STAT_TCP_RST_UNREAD);
		conn_close(c, 0);
		return;
	}
	tcp_shutdown(c);
	if (c->state == TCP_FIN_WAIT_2)
		timers_state(c, TIMERS_FIN_WAIT_2_MS);
}

void tcp_info_get(const struct tcp_conn *c, struct tcp_info *info)
{
	*info = (struct tcp_info){
		.state = (enum tcp_state)c->state,
		.srtt_us = c->srtt_us,
		.rttvar_us = c->rttvar_us,
		.rto_us = rtt_rto_backed_off(c),
		.min_rtt_us = c->min_rtt_us == UINT32_MAX ? 0 : c->min_rtt_us,
		.cwnd = c->cwnd,
		.ssthresh = c->ssthresh,
		.rcv_buf = c->rcv_buf,
		.snd_una = c->snd_una,
		.snd_nxt = c->snd_nxt,
		.snd_wnd = c->snd_wnd,
		.rcv_nxt = c->rcv_nxt,
		.rcv_wnd = conn_rcv_wnd(c),
		.mss = c->mss,
		.snd_wscale = c->snd_wscale,
		.rcv_wscale = c->rcv_wscale,
		.sack = (c->flags & CONN_SACK) != 0,
		.timestamps = (c->flags & CONN_TS) != 0,
		.ecn = (c->flags & CONN_ECN) != 0,
		.retransmits = c->ext ? c->ext->resent_total : 0,
		.dsacks = c->ext ? c->ext->dsacks : 0,
		.bytes_in = c->bytes_in,
		.bytes_out = c->bytes_acked,
	};
}
