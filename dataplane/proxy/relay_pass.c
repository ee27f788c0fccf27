/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "dataplane/proxy/relay.h"

#define ALERT_UNRECOGNIZED_NAME 112          /* RFC 6066 3 */
#define CHUNK                   16384        /* asked for at a time */
#define BUDGET                  (256 * 1024) /* bytes of one direction per turn: others wait meanwhile */

/* Passthrough: the client and the target have TLS, or whatever they like, with each other. */

void relay_pass(struct proxy *p, struct relay *r, const struct listener *l)
{
	struct conn_facts *f = relay_facts(p, r);

	if (l->n_routes > 0 && l->sni_strict && listener_route(l, p->hello.sni) < 0) {
		relay_refuse(p, r, CONN_END_CHOICE, ALERT_UNRECOGNIZED_NAME);
		return;
	}
	if (!relay_may_start(p, r, l))
		return;
	relay_has_begun(p, r);
	if (f)
		conn_facts_say(f, CONN_SNI, p->hello.sni, p->hello.sni_len);
	r->flags |= RELAY_PASS;
	relay_opening(p, r);
	relay_connect(p, r);
}

/* Copies between views; returns how many bytes. */
static size_t copy(const struct iovec *out, unsigned n_out, const struct iovec *in, unsigned n_in)
{
	size_t done = 0, at_in = 0, at_out = 0;

	while (n_in > 0 && n_out > 0) {
		size_t left_in = in->iov_len - at_in, left_out = out->iov_len - at_out;
		size_t part = left_in < left_out ? left_in : left_out;

		memcpy(
		    (uint8_t *)out->iov_base + at_out, (const uint8_t *)in->iov_base + at_in, part);
		done += part;
		at_in += part;
		at_out += part;
		if (at_in == in->iov_len) {
			in++;
			n_in--;
			at_in = 0;
		}
		if (at_out == out->iov_len) {
			out++;
			n_out--;
			at_out = 0;
		}
	}
	return done;
}

/* What there is and fits, up to a chunk; 0: nothing can be done now. */
static size_t move_some(struct proxy *p, struct leg *from, struct leg *to)
{
	uint32_t available = leg_available(from);
	unsigned n_in, n_out;
	size_t n;

	if (available == 0)
		return 0;
	n_out = leg_reserve(to, available < CHUNK ? available : CHUNK, p->out, PROXY_IOV);
	n_in = leg_view(from, p->in, PROXY_IOV);
	n = copy(p->out, n_out, p->in, n_in);
	leg_consume(from, n);
	leg_commit(to, n, leg_available(from) > 0 ? TCP_MORE : TCP_PUSH);
	return n;
}

/* One direction; returns the number of bytes. ended: the flag that notes its end. */
static size_t
move(struct proxy *p, struct relay *r, struct leg *from, struct leg *to, uint16_t ended)
{
	size_t done = 0, n;

	if (r->flags & ended)
		return 0;
	while (done < BUDGET && (n = move_some(p, from, to)) > 0)
		done += n;
	if (done >= BUDGET) {
		relay_again(p, r);
	} else if (leg_is_finished(from)) {
		leg_shutdown(to);
		r->flags |= ended;
		relay_ended(p, r, ended == RELAY_BACKEND_FIN ? CONN_END_CLIENT : CONN_END_BACKEND);
	}
	return done;
}

void relay_pass_pump(struct proxy *p, struct relay *r)
{
	struct conn_facts *f = relay_facts(p, r);
	const uint16_t both = RELAY_CLIENT_FIN | RELAY_BACKEND_FIN;
	size_t up = move(p, r, &r->client, &r->backend, RELAY_BACKEND_FIN);
	size_t down = move(p, r, &r->backend, &r->client, RELAY_CLIENT_FIN);

	if (f) {
		f->bytes_in += up;
		f->bytes_out += down;
	}
	stats_add(p->stats, STAT_BYTES_CLIENT_IN, up);
	stats_add(p->stats, STAT_BYTES_CLIENT_OUT, down);
	r->lane->bytes_in += up;
	r->lane->bytes_out += down;
	if (down > 0 || r->flags & RELAY_CLIENT_FIN)
		relay_backend_spoke(p, r);
	relay_deadline(p, r, r->idle_timeout_ms);
	if ((r->flags & both) == both)
		relay_end(p, r);
}
