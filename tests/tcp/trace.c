/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/tcp/trace.h"

#include "dataplane/tcp/check.h"

static struct trace_entry *
trace_add(struct trace *t, enum trace_kind kind, char side, uint64_t at_us)
{
	struct trace_entry *e = &t->entries[t->n++ % TRACE_ENTRIES];

	e->kind = kind;
	e->side = side;
	e->at_us = at_us;
	return e;
}

void trace_packet(struct trace *t, enum trace_kind kind, char side, uint64_t at_us,
    const struct packet *p, uint32_t seq_base, uint32_t ack_base)
{
	struct trace_entry *e = trace_add(t, kind, side, at_us);

	e->packet = *p;
	e->packet.payload = NULL;
	e->seq_base = seq_base;
	e->ack_base = ack_base;
}

void trace_note(struct trace *t, char side, uint64_t at_us, const char *fmt, ...)
{
	struct trace_entry *e = trace_add(t, TRACE_NOTED, side, at_us);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->note, sizeof(e->note), fmt, ap);
	va_end(ap);
}

void trace_print(const struct trace *t, FILE *to)
{
	static const char *const marks[] = {
		[TRACE_SENT] = ">", [TRACE_GOT] = "<", [TRACE_LOST] = "x", [TRACE_NOTED] = "*"
	};
	unsigned first = t->n > TRACE_ENTRIES ? t->n - TRACE_ENTRIES : 0;

	if (first)
		fprintf(to, "  ... %u earlier\n", first);
	for (unsigned i = first; i < t->n; i++) {
		const struct trace_entry *e = &t->entries[i % TRACE_ENTRIES];
		char text[300];

		if (e->kind == TRACE_NOTED)
			snprintf(text, sizeof(text), "%s", e->note);
		else
			packet_print(&e->packet, e->seq_base, e->ack_base, text, sizeof(text));
		fprintf(to, "  %12.3f ms %c%s %s\n",
		    (double)(int64_t)(e->at_us - t->start_us) / 1000.0, e->side ? e->side : ' ',
		    marks[e->kind], text);
	}
}

void history_print(const struct stack *s)
{
	static char text[65536];

	if (!s)
		return;
	/* Whoever looks into a failure has one connection, or a few. */
	for (uint32_t i = 0; i < 8; i++)
		if (tcp_history(s, i, text, sizeof(text)))
			fputs(text, stderr);
}
