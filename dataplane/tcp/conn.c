/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/conn.h"

#include <string.h>

#include <rte_common.h>

#include "dataplane/tcp/history.h"
#include "dataplane/tcp/ooo.h"
#include "dataplane/tcp/rxq.h"
#include "dataplane/tcp/stack.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/txq.h"

#define BIT(state) (1u << (state))

/* RFC 9293 figure 5; to CLOSED from everywhere (RST, abort, R2). */
static const uint16_t may_go_to[TCP_N_STATES] = {
	[TCP_CLOSED] = BIT(TCP_SYN_SENT) | BIT(TCP_SYN_RECEIVED),
	[TCP_SYN_SENT] = BIT(TCP_CLOSED) | BIT(TCP_SYN_RECEIVED) | BIT(TCP_ESTABLISHED),
	[TCP_SYN_RECEIVED] =
	    BIT(TCP_CLOSED) | BIT(TCP_ESTABLISHED) | BIT(TCP_FIN_WAIT_1) | BIT(TCP_CLOSE_WAIT),
	[TCP_ESTABLISHED] = BIT(TCP_CLOSED) | BIT(TCP_FIN_WAIT_1) | BIT(TCP_CLOSE_WAIT),
	[TCP_FIN_WAIT_1] =
	    BIT(TCP_CLOSED) | BIT(TCP_FIN_WAIT_2) | BIT(TCP_CLOSING) | BIT(TCP_TIME_WAIT),
	[TCP_FIN_WAIT_2] = BIT(TCP_CLOSED) | BIT(TCP_TIME_WAIT),
	[TCP_CLOSE_WAIT] = BIT(TCP_CLOSED) | BIT(TCP_LAST_ACK),
	[TCP_CLOSING] = BIT(TCP_CLOSED) | BIT(TCP_TIME_WAIT),
	[TCP_LAST_ACK] = BIT(TCP_CLOSED),
	[TCP_TIME_WAIT] = BIT(TCP_CLOSED),
};

/* A connection in TIME-WAIT is counted by its struct tw, not here. */
static bool state_is_counted(enum tcp_state state)
{
	return state != TCP_CLOSED && state != TCP_TIME_WAIT;
}

void conn_set_state(struct tcp_conn *c, enum tcp_state next)
{
	struct stack *s = conn_stack(c);

	if (c->state == next)
		return;
	assert(may_go_to[c->state] & BIT(next));
	if (state_is_counted(c->state))
		s->n_state[c->state]--;
	if (state_is_counted(next))
		s->n_state[next]++;
	s->entered[next]++;
	c->state = next;
	if (history_is_kept(s))
		history_note(c, HISTORY_STATE, next);
}

struct tcp_conn *conn_new(struct stack *s, const struct flow *flow, uint8_t laddr)
{
	struct tcp_conn *c = pool_get(&s->conn_pool);

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->index = (uint32_t)(c - s->conns);
	c->flow = *flow;
	c->laddr = laddr;
	c->state = TCP_CLOSED;
	c->listener = LISTEN_NONE;
	c->dst_slot = dst_slot(s, flow);
	c->rcv_buf = RTE_MIN(s->config.recv_buffer, (uint32_t)RXQ_FIRST_WINDOW);
	c->rcv_mss = 536;
	c->min_rtt_us = UINT32_MAX;
	c->progress_ms = s->now_ms;
	c->peer_mss = 536;
	c->mss = 536;
	return c;
}

static void conn_key(const struct tcp_conn *c, struct tcp_key *key)
{
	key->raddr = c->flow.remote;
	key->rport = c->flow.remote_port;
	key->lport = c->flow.local_port;
	key->laddr = c->laddr;
}

void conn_hash(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	struct tcp_key key;

	conn_key(c, &key);
	table_add(s, table_ref(TABLE_CONN, c->index), table_hash(&s->table, &key));
	c->flags |= CONN_HASHED;
}

static void conn_unhash(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);
	struct tcp_key key;

	if (!(c->flags & CONN_HASHED))
		return;
	conn_key(c, &key);
	table_remove(s, table_ref(TABLE_CONN, c->index), table_hash(&s->table, &key));
	c->flags &= ~(uint32_t)CONN_HASHED;
	if (c->flags & CONN_ACTIVE)
		ports_give_back(s, &key);
}

struct conn_ext *conn_ext(struct tcp_conn *c)
{
	if (!c->ext) {
		/* As many as connections: never empty. */
		c->ext = pool_get(&conn_stack(c)->ext_pool);
		memset(c->ext, 0, sizeof(*c->ext));
		c->ext->rack_mult = 1;
		c->ext->recover = c->snd_una;
		c->ext->rack_fack = c->snd_una;
		c->ext->rack_end = c->snd_una;
	}
	return c->ext;
}

void conn_raise(struct tcp_conn *c, unsigned events)
{
	struct stack *s = conn_stack(c);

	if (c->flags & (CONN_RELEASED | CONN_ABORTED) || !events)
		return;
	c->events |= (uint16_t)events;
	if (c->flags & CONN_ON_READY)
		return;
	c->flags |= CONN_ON_READY;
	c->ready_next = 0;
	if (s->ready.tail)
		stack_conn(s, s->ready.tail - 1)->ready_next = c->index + 1;
	else
		s->ready.head = c->index + 1;
	s->ready.tail = c->index + 1;
}

void conn_want_send(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);

	if (c->flags & CONN_ON_SEND)
		return;
	c->flags |= CONN_ON_SEND;
	c->send_next = 0;
	if (s->send.tail)
		stack_conn(s, s->send.tail - 1)->send_next = c->index + 1;
	else
		s->send.head = c->index + 1;
	s->send.tail = c->index + 1;
}

void conn_starve(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);

	if (c->flags & CONN_ON_STARVED)
		return;
	c->flags |= CONN_ON_STARVED;
	c->starved_next = 0;
	if (s->starved.tail)
		stack_conn(s, s->starved.tail - 1)->starved_next = c->index + 1;
	else
		s->starved.head = c->index + 1;
	s->starved.tail = c->index + 1;
}

void conn_close(struct tcp_conn *c, unsigned events)
{
	struct stack *s = conn_stack(c);

	conn_unhash(c);
	timers_stop(c);
	txq_free(c);
	ooo_free(c);
	if (c->ext) {
		pool_put(&s->ext_pool, c->ext);
		c->ext = NULL;
	}
	c->flags &= ~(uint32_t)(CONN_ACK_NOW | CONN_ACK_DELAYED | CONN_WANT_WRITE | CONN_URGENT_IN);
	if (c->state != TCP_TIME_WAIT)
		conn_set_state(c, TCP_CLOSED);
	if (c->flags & CONN_RELEASED)
		conn_put(c);
	else
		conn_raise(c, events);
}

void conn_put(struct tcp_conn *c)
{
	struct stack *s = conn_stack(c);

	rxq_free(c);
	if (c->listener != LISTEN_NONE) {
		s->listeners.all[c->listener].n_refs--;
		c->listener = LISTEN_NONE;
	}
	if (c->flags & (CONN_ON_READY | CONN_ON_SEND | CONN_ON_STARVED)) {
		c->flags |= CONN_DEAD; /* whoever takes it off the last list calls again */
		return;
	}
	pool_put(&s->conn_pool, c);
}
