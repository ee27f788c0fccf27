/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/relay.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/proxy/proxy.h"
#include "tls/handshake.h"

#define LINGER_MS 2000 /* for a client to read our last words before its data is answered by RST */

#define BIT(state) (1u << (state))
static const unsigned may_go_to[RELAY_N_STATES] = {
	[RELAY_FREE] = BIT(RELAY_PROXY) | BIT(RELAY_HELLO),
	[RELAY_PROXY] = BIT(RELAY_HELLO) | BIT(RELAY_FREE),
	[RELAY_HELLO] =
	    BIT(RELAY_HANDSHAKE) | BIT(RELAY_CONNECT) | BIT(RELAY_LINGER) | BIT(RELAY_FREE),
	[RELAY_HANDSHAKE] = BIT(RELAY_CONNECT) | BIT(RELAY_LINGER) | BIT(RELAY_FREE),
	[RELAY_CONNECT] = BIT(RELAY_ORIGIN) | BIT(RELAY_OPEN) | BIT(RELAY_LINGER) | BIT(RELAY_FREE),
	[RELAY_ORIGIN] = BIT(RELAY_CONNECT) | BIT(RELAY_OPEN) | BIT(RELAY_LINGER) | BIT(RELAY_FREE),
	[RELAY_OPEN] = BIT(RELAY_LINGER) | BIT(RELAY_FREE),
	[RELAY_LINGER] = BIT(RELAY_FREE),
};

void relay_set_state(struct proxy *p, struct relay *r, enum relay_state next)
{
	assert(may_go_to[r->state] & BIT(next));
	r->state = next;
	p->entered[next]++;
}

void relay_deadline(struct proxy *p, struct relay *r, uint32_t in_ms)
{
	r->timer.due_ms = proxy_now_ms(p) + in_ms;
	/* A later deadline is found out when the node comes up. */
	if (!wheel_is_filed(&r->timer) || (int32_t)(r->timer.due_ms - r->timer.expires_ms) < 0)
		wheel_file(&p->wheel, &r->timer, r->timer.due_ms);
}

void relay_expect_hello(struct proxy *p, struct relay *r, const struct listener *l)
{
	r->need = 0;
	relay_set_state(p, r, RELAY_HELLO);
	relay_deadline(p, r, l->handshake_timeout_ms);
	if (relay_may_begin(p, r, l))
		relay_run(p, r);
}

void relay_reject(struct proxy *p, struct relay *r, enum conn_end why)
{
	stats_inc(p->stats, STAT_CONNECTIONS_REJECTED);
	listener_lane_refused(r->lane, why);
	relay_ended(p, r, why);
	relay_break(p, r);
}

/* One that says by itself who it is; NULL when that is not wanted here. */
static struct relay *admit(struct proxy *p, struct relay *r, const struct listener *l)
{
	relay_set_state(p, r, RELAY_HELLO);
	relay_deadline(p, r, l->handshake_timeout_ms);
	if (!l->fronts || l->proxy_others)
		return relay_may_begin(p, r, l) ? r : NULL;
	relay_reject(p, r, CONN_END_REFUSED_PROXY);
	return NULL;
}

/* No room, or nobody listens any more. */
static void turn_away(struct proxy *p, struct tcp_conn *conn, const struct listener *listener)
{
	stats_inc(p->stats, STAT_CONNECTIONS_REJECTED);
	if (listener)
		listener_lane_refused(&listener->run->lanes[p->worker], CONN_END_REFUSED_FULL);
	relay_log_refused(p, conn, listener);
	tcp_abort(conn);
	tcp_release(conn);
}

struct relay *relay_accept(struct proxy *p, struct tcp_conn *conn)
{
	const struct bound *bound = tcp_listener_user(conn);
	const struct listener *listener =
	    bound->listener < 0 ? NULL : &p->snapshot->listeners[bound->listener];
	struct relay *r = relay_at(p, p->free);
	bool is_kept;

	if (!r || p->draining || !listener ||
	    !relay_has_room(p, listener, &tcp_flow(conn)->remote, &is_kept)) {
		turn_away(p, conn, listener);
		return NULL;
	}
	p->free = r->next;
	memset(r, 0, offsetof(struct relay, record));
	r->client.conn = conn;
	r->flags = is_kept ? RELAY_KEPT : 0;
	r->idle_timeout_ms = listener->idle_timeout_ms;
	r->lane = &listener->run->lanes[p->worker];
	listener_lane_enter(r->lane);
	tcp_set_user(conn, r);
	relay_remember(p, r, listener);
	p->n_active++;
	stats_inc(p->stats, STAT_CONNECTIONS_ACCEPTED);
	stats_inc(p->stats, STAT_CONNECTIONS_ACTIVE);
	if (!source_set_has(listener->fronts, &tcp_flow(conn)->remote))
		return admit(p, r, listener);
	relay_set_state(p, r, RELAY_PROXY);
	relay_deadline(p, r, listener->proxy_timeout_ms);
	return r;
}

static bool relay_has_keys(const struct relay *r)
{
	return (r->state == RELAY_CONNECT || r->state == RELAY_ORIGIN || r->state == RELAY_OPEN) &&
	    !(r->flags & RELAY_PASS);
}

void relay_recycle(struct proxy *p, struct relay *r)
{
	admission_places_give(&p->places, r->flags & RELAY_KEPT);
	r->next = p->free;
	p->free = relay_number(p, r);
}

/* Everything but the legs. */
static void relay_forget(struct proxy *p, struct relay *r)
{
	bool has_keys = relay_has_keys(r);

	/* RELAY_LINGER has wiped them on its way in. */
	if (has_keys)
		record_fini(&r->record, p->aead);
	relay_origin_fini(p, r);
	handshake_free(r->handshake);
	r->handshake = NULL;
	relay_leave_backend(p, r);
	relay_has_begun(p, r);
	wheel_cancel(&p->wheel, &r->timer);
	relay_set_state(p, r, RELAY_FREE);
	p->n_active--;
	p->stats->v[STAT_CONNECTIONS_ACTIVE]--;
	listener_lane_leave(r->lane);
	/* One that is on the list of those with work left is given back from there. */
	if (!(r->flags & RELAY_AGAIN))
		relay_recycle(p, r);
}

void relay_end(struct proxy *p, struct relay *r)
{
	relay_log(p, r);
	leg_release(&r->client);
	leg_release(&r->backend);
	relay_forget(p, r);
}

void relay_break(struct proxy *p, struct relay *r)
{
	relay_log(p, r);
	leg_abort(&r->client);
	leg_abort(&r->backend);
	relay_forget(p, r);
}

void relay_linger(struct proxy *p, struct relay *r)
{
	relay_log(p, r);
	if (relay_has_keys(r))
		record_fini(&r->record, p->aead);
	relay_origin_fini(p, r);
	handshake_free(r->handshake);
	r->handshake = NULL;
	relay_has_begun(p, r);
	leg_abort(&r->backend);
	relay_leave_backend(p, r);
	leg_shutdown(&r->client);
	relay_set_state(p, r, RELAY_LINGER);
	relay_deadline(p, r, LINGER_MS);
	relay_run(p, r);
}

void relay_again(struct proxy *p, struct relay *r)
{
	if (r->flags & RELAY_AGAIN)
		return;
	r->flags |= RELAY_AGAIN;
	r->next = 0;
	*p->again_end = relay_number(p, r);
	p->again_end = &r->next;
}

void relay_run(struct proxy *p, struct relay *r)
{
	switch ((enum relay_state)r->state) {
	case RELAY_PROXY:
		relay_proxy_header(p, r);
		break;
	case RELAY_HELLO:
		relay_await_turn(p, r);
		break;
	case RELAY_HANDSHAKE:
		relay_handshake(p, r);
		break;
	case RELAY_OPEN:
		if (!(r->flags & (RELAY_PASS | RELAY_ORIGIN_KEYS)))
			relay_pump(p, r);
		else if (r->flags & RELAY_PASS)
			relay_pass_pump(p, r);
		else
			relay_origin_pump(p, r);
		break;
	case RELAY_LINGER:
		leg_consume(&r->client, leg_available(&r->client));
		if (leg_is_finished(&r->client))
			relay_end(p, r);
		break;
	case RELAY_CONNECT: /* else the backend's answer or the clock moves it on */
		if (!leg_is_open(&r->backend))
			relay_connect_again(p, r);
		else if (r->flags & RELAY_CONNECTED)
			relay_connected(p, r);
		break;
	case RELAY_ORIGIN:
		relay_origin(p, r);
		break;
	case RELAY_FREE:
	case RELAY_N_STATES:
		break;
	}
}

/* The client ended; what it is still waited for will not come. */
static void client_is_short(struct proxy *p, struct relay *r)
{
	if (r->state == RELAY_PROXY) {
		stats_inc(p->stats, STAT_PROXY_HEADERS_BAD);
		relay_ended(p, r, CONN_END_PROXY_HEADER);
		relay_break(p, r);
	} else if (r->state == RELAY_HELLO) {
		r->need |= RELAY_NO_MORE;
		relay_await_turn(p, r);
	}
}

static void client_event(struct proxy *p, struct relay *r, unsigned events)
{
	if (events & (TCP_EV_RESET | TCP_EV_TIMEOUT)) {
		if (r->state == RELAY_HELLO || r->state == RELAY_HANDSHAKE)
			relay_cut_off(p, r);
		relay_ended(p, r, CONN_END_CLIENT_RESET);
		relay_break(p, r);
		return;
	}
	relay_run(p, r);
	if (events & TCP_EV_PEER_FIN)
		client_is_short(p, r);
}

static void backend_event(struct proxy *p, struct relay *r, unsigned events)
{
	if (events & (TCP_EV_RESET | TCP_EV_TIMEOUT)) {
		if (r->state == RELAY_ORIGIN) {
			relay_origin_cut_off(p, r);
			return;
		}
		leg_release(&r->backend);
		relay_backend_failed(p, r);
		return;
	}
	if (r->state == RELAY_CONNECT && events & TCP_EV_ESTABLISHED)
		r->flags |= RELAY_CONNECTED;
	relay_run(p, r);
}

void relay_event(struct proxy *p, struct relay *r, bool from_backend, unsigned events)
{
	if (from_backend)
		backend_event(p, r, events);
	else
		client_event(p, r, events);
}

void relay_expired(struct proxy *p, struct relay *r)
{
	int32_t left = (int32_t)(r->timer.due_ms - proxy_now_ms(p));

	if (left > 0) {
		wheel_file(&p->wheel, &r->timer, r->timer.due_ms);
		return;
	}
	switch ((enum relay_state)r->state) {
	case RELAY_PROXY:
		stats_inc(p->stats, STAT_PROXY_HEADERS_BAD);
		relay_ended(p, r, CONN_END_PROXY_TIMEOUT);
		relay_break(p, r);
		break;
	case RELAY_HELLO:
	case RELAY_HANDSHAKE:
		stats_inc(p->stats, STAT_HANDSHAKES_TIMEOUT);
		listener_lane_failed(r->lane, CONN_END_HANDSHAKE_TIMEOUT, LISTENER_NO_ALERT, false);
		relay_ended(p, r, CONN_END_HANDSHAKE_TIMEOUT);
		relay_break(p, r);
		break;
	case RELAY_CONNECT:
	case RELAY_ORIGIN:
		relay_connect_expired(p, r);
		break;
	case RELAY_OPEN:
		stats_inc(p->stats, STAT_IDLE_TIMEOUTS);
		relay_ended(p, r, CONN_END_IDLE);
		relay_goodbye(p, r, 0);
		break;
	case RELAY_LINGER:
		relay_end(p, r);
		break;
	case RELAY_FREE:
	case RELAY_N_STATES:
		break;
	}
}
