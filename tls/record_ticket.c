/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/record_ticket.h"

#include <stdlib.h>
#include <string.h>

#include "tls/record_private.h"

static bool is_whole(const struct record_ticket *t)
{
	return t->bytes != NULL && t->have == t->len;
}

void record_want_ticket(struct record *r, struct record_ticket *t)
{
	record_ticket_free(r->ticket);
	r->ticket = t;
}

bool record_has_ticket(const struct record *r)
{
	return r->ticket != NULL && is_whole(r->ticket);
}

struct record_ticket *record_take_ticket(struct record *r)
{
	struct record_ticket *t = r->ticket;

	r->ticket = NULL;
	return t;
}

/* Only the first ticket of a connection, and only when it is no longer than they are: memory is not the server's to ask for. */
void record_begin_ticket(struct record *r, size_t len)
{
	struct record_ticket *t = r->ticket;

	if (t == NULL || t->bytes != NULL || len > RECORD_TICKET_MAX)
		return;
	t->bytes = malloc(len);
	t->len = len;
}

void record_collect_ticket(struct record *r, struct view content, size_t n)
{
	struct record_ticket *t = r->ticket;

	if (t == NULL || t->bytes == NULL || is_whole(t))
		return;
	view_read(&content, t->bytes + t->have, n);
	t->have += n;
}

void record_ticket_free(struct record_ticket *t)
{
	if (t == NULL)
		return;
	if (t->bytes != NULL)
		explicit_bzero(t->bytes, t->len);
	free(t->bytes);
	explicit_bzero(t, sizeof(*t));
	free(t);
}
