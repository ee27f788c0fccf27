/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/history.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "dataplane/tcp/check.h"

static struct history *history_of(const struct tcp_conn *c)
{
	return &conn_stack(c)->histories[c->index];
}

static struct history_entry *entry_add(const struct tcp_conn *c, enum history_kind kind)
{
	struct history *t = history_of(c);
	struct history_entry *e = &t->entries[t->n++ % HISTORY_ENTRIES];

	*e = (struct history_entry){ .at_us = conn_now(c), .kind = kind };
	return e;
}

static void entry_options(struct history_entry *e, const struct opts *o)
{
	e->has = o->has;
	e->tsval = o->tsval;
	e->tsecr = o->tsecr;
	e->n_sack = o->has & OPT_SACK ? RTE_MIN(o->n_sack, HISTORY_SACKS) : 0;
	memcpy(e->sack, o->sack, e->n_sack * sizeof(e->sack[0]));
}

void history_begin(const struct tcp_conn *c, uint32_t iss)
{
	history_of(c)->n = 0;
	history_of(c)->iss = iss;
	history_of(c)->irs = 0;
}

void history_peer(const struct tcp_conn *c, uint32_t irs)
{
	history_of(c)->irs = irs;
}

void history_in(const struct tcp_conn *c, const struct seg *seg)
{
	struct history_entry *e = entry_add(c, HISTORY_IN);

	e->seq = seg->seq;
	e->ack = seg->ack;
	e->len = seg->len;
	e->wnd = seg->wnd;
	e->up = seg->up;
	e->flags = seg->flags;
	entry_options(e, &seg->opts);
}

void history_out(const struct tcp_conn *c, const struct reply *r, uint32_t len)
{
	struct history_entry *e = entry_add(c, HISTORY_OUT);

	e->seq = r->seq;
	e->ack = r->ack;
	e->len = len;
	e->wnd = r->wnd;
	e->up = r->up;
	e->flags = r->flags;
	entry_options(e, &r->opts);
}

void history_note(const struct tcp_conn *c, enum history_kind kind, uint8_t value)
{
	entry_add(c, kind)->value = value;
}

/* --- as text --- */

struct text {
	char *to;
	size_t room, len;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->to + t->len, t->room - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += RTE_MIN((size_t)n, t->room - t->len - 1);
}

static void say_flags(struct text *t, uint8_t flags)
{
	static const char letters[] = "FSRP.UEW";

	for (unsigned i = 0; i < 8; i++)
		if (flags >> i & 1)
			say(t, "%c", letters[i]);
	if (!flags)
		say(t, "-");
}

/* As tests/tcp/script.h has it; from and to: what the sender's and the receiver's numbers are relative to. */
static void say_segment(struct text *t, const struct history_entry *e, uint32_t from, uint32_t to)
{
	uint32_t seq = e->seq - from;
	bool more = false;

	say_flags(t, e->flags);
	say(t, " %d:%d(%u)", (int)seq, (int)(seq + e->len), e->len);
	if (e->flags & SEG_ACK)
		say(t, " ack %d", (int)(e->ack - to));
	say(t, " win %u", e->wnd);
	if (e->flags & SEG_URG)
		say(t, " urg %u", e->up);
	if (e->n_sack) {
		say(t, " <sack");
		for (unsigned i = 0; i < e->n_sack; i++)
			say(t, " %d:%d", (int)(e->sack[i].start - to), (int)(e->sack[i].end - to));
		more = true;
	}
	if (e->has & OPT_TS) {
		say(t, "%sTS val %u ecr %u", more ? "," : " <", e->tsval, e->tsecr);
		more = true;
	}
	say(t, more ? ">\n" : "\n");
}

static void say_entry(struct text *t, const struct history *h, const struct history_entry *e)
{
	static const char *const timers[] = { "none", "RTO", "TLP", "reordering", "persist" };
	static const char *const states[TCP_N_STATES] = { "CLOSED", "SYN-SENT", "SYN-RECEIVED",
		"ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK",
		"TIME-WAIT" };

	say(t, "  %14.3f ms ", (double)e->at_us / 1000.0);
	switch ((enum history_kind)e->kind) {
	case HISTORY_IN:
		say(t, "< ");
		say_segment(t, e, h->irs, h->iss);
		break;
	case HISTORY_OUT:
		say(t, "> ");
		say_segment(t, e, h->iss, h->irs);
		break;
	case HISTORY_TIMER:
		say(t, "* timer %s\n", timers[e->value]);
		break;
	case HISTORY_STATE:
		say(t, "* %s\n", states[e->value]);
		break;
	}
}

size_t tcp_history(const struct stack *s, uint32_t i, char *text, size_t size)
{
	struct text t = { .to = text, .room = size };
	const struct history *h = &s->histories[i];
	uint32_t first;

	if (!s->histories || i >= s->conn_pool.n_touched || h->n == 0 || size == 0)
		return 0;
	first = h->n > HISTORY_ENTRIES ? h->n - HISTORY_ENTRIES : 0;
	say(&t, "  connection %u, ISS %#x, IRS %#x", i, h->iss, h->irs);
	say(&t, first ? ", %u earlier\n" : "\n", first);
	for (uint32_t at = first; at < h->n; at++)
		say_entry(&t, h, &h->entries[at % HISTORY_ENTRIES]);
	return t.len;
}
