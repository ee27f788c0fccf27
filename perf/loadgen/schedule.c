/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "perf/loadgen/gen.h"

#define OPEN_PER_LOOP  32 /* the rest of the loop must not wait for a thousand SYNs */
#define BEGIN_PER_LOOP 256
#define GRACE_US       5000000
#define CLOSE_US       2000000
#define ASK_US         1000
#define MAX_ERRORS     1000 /* in the ramp: then it makes no sense to go on */

static void enter(struct gen *g, enum gen_phase next)
{
	g->phase = next;
	g->phase_us = g->now_us;
}

static bool is_kept(const struct gen *g)
{
	return g->options.exchanges == 0;
}

static bool is_hopeless(const struct gen *g)
{
	uint64_t errors = 0;

	for (unsigned e = 0; e < GEN_N_ERRORS; e++)
		errors += g->results.errors[e];
	return errors > MAX_ERRORS;
}

/* True when what the load stands on is there: all connections that are kept, else one that has been. */
static bool is_ramped(const struct gen *g)
{
	return is_kept(g) ? g->n_ready == g->options.connections
			  : g->results.handshake.n > 0 && g->n_open == 0;
}

/* One goes ahead: SYNs that wait for the gateway's address would be lost but for a few. */
static void ramp(struct gen *g)
{
	const struct options *o = &g->options;
	const unsigned wanted = is_kept(g) && g->results.handshake.n > 0 ? o->connections : 1;

	if (is_ramped(g)) {
		if (o->wait) {
			puts("ready");
			fflush(stdout);
		}
		enter(g, GEN_READY);
		return;
	}
	if (is_hopeless(g)) {
		enter(g, GEN_RESULT);
		return;
	}
	for (unsigned n = 0; g->n_open < wanted && g->n_opening < o->opening && n < OPEN_PER_LOOP;
	     n++)
		client_open(g, g->tsc);
}

/* True when a line has come, or nobody will send one. */
static bool was_told(struct gen *g)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char text[64];

	if (!g->options.wait)
		return true;
	if (g->now_us - g->asked_us < ASK_US)
		return false;
	g->asked_us = g->now_us;
	return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, text, sizeof(text)) >= 0;
}

/* How many exchanges are to be begun altogether, if that is known. */
static uint64_t limit(const struct gen *g)
{
	const struct options *o = &g->options;
	uint64_t n = o->count > 0 ? o->count : UINT64_MAX;

	if (o->rate > 0 && o->rate * o->seconds < (double)n)
		n = (uint64_t)(o->rate * o->seconds);
	return n;
}

static bool is_over(const struct gen *g)
{
	const struct options *o = &g->options;

	if (g->begun >= limit(g))
		return true;
	/* In open loop what was due is begun, late or not; but not for ever. */
	return o->rate == 0 && o->count == 0 &&
	    g->now_us - g->phase_us >= (uint64_t)(o->seconds * 1e6);
}

static void begin_one(struct gen *g, uint64_t due)
{
	g->begun++;
	if (is_kept(g))
		client_begin(g, TAILQ_FIRST(&g->ready), due);
	else
		client_open(g, due);
}

static bool has_room(const struct gen *g)
{
	return is_kept(g) ? g->n_ready > 0 : g->n_open < g->options.connections;
}

static void load(struct gen *g)
{
	const double interval =
	    g->options.rate > 0 ? (double)rte_get_tsc_hz() / g->options.rate : 0;

	for (unsigned n = 0;
	     !is_over(g) && has_room(g) && n < (is_kept(g) ? BEGIN_PER_LOOP : OPEN_PER_LOOP); n++) {
		uint64_t due = g->tsc;

		if (interval > 0)
			due = g->results.start + (uint64_t)((double)g->begun * interval);
		if (due > g->tsc)
			break;
		begin_one(g, due);
	}
	if (is_over(g))
		enter(g, GEN_DRAIN);
}

static void drain(struct gen *g)
{
	if (g->n_open > g->n_ready && g->now_us - g->phase_us < GRACE_US)
		return;
	for (unsigned i = 0; i < g->options.connections; i++)
		if (g->clients[i].state != CLIENT_FREE && g->clients[i].state != CLIENT_READY)
			gen_unfinished(g, &g->clients[i]);
	enter(g, GEN_RESULT);
}

static void close_some(struct gen *g)
{
	for (unsigned n = 0; n < OPEN_PER_LOOP && g->n_ready > 0; n++)
		client_close(g, TAILQ_FIRST(&g->ready));
	if (g->n_open == 0 || g->now_us - g->phase_us > CLOSE_US)
		enter(g, GEN_OVER);
}

void schedule_next(struct gen *g, struct client *c)
{
	if (!is_kept(g)) {
		client_begin(g, c, g->tsc);
	} else if (g->phase == GEN_LOAD && g->options.rate == 0 && g->options.count == 0 &&
	    !is_over(g)) {
		g->begun++;
		client_begin(g, c, rte_rdtsc());
	}
}

bool schedule(struct gen *g)
{
	switch (g->phase) {
	case GEN_RAMP:
		ramp(g);
		break;
	case GEN_READY:
		if (!was_told(g))
			break;
		enter(g, GEN_LOAD);
		g->results.start = g->results.end = g->tsc;
		g->results.busy = 0;
		break;
	case GEN_LOAD:
		load(g);
		break;
	case GEN_DRAIN:
		drain(g);
		break;
	case GEN_RESULT:
		report(g);
		enter(g, GEN_REPORTED);
		break;
	case GEN_REPORTED:
		if (was_told(g))
			enter(g, GEN_CLOSE);
		break;
	case GEN_CLOSE:
		close_some(g);
		break;
	case GEN_OVER:
		return false;
	}
	return true;
}
