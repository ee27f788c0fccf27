/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <ucontext.h>

#include "tls/fiber_switch.h"

/* Where there is no assembly of ours. A switch costs two system calls (the signal mask). */

int fiber_context_init(struct fiber_context *c, void *stack, size_t size, void (*entry)(void))
{
	ucontext_t *u = malloc(sizeof(*u));

	if (u == NULL || getcontext(u) != 0) {
		free(u);
		return -1;
	}
	u->uc_stack.ss_sp = stack;
	u->uc_stack.ss_size = size;
	u->uc_link = NULL;
	makecontext(u, entry, 0);
	c->at = c->owned = u;
	return 0;
}

void fiber_context_fini(struct fiber_context *c)
{
	free(c->owned);
	c->at = c->owned = NULL;
}

void fiber_context_switch(struct fiber_context *from, struct fiber_context *to)
{
	ucontext_t here;

	/* here lives on the stack that stops, for as long as it is stopped. */
	from->at = &here;
	swapcontext(&here, to->at);
}
