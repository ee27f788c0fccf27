/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

/*
 * The machine-dependent part of fibers: implemented by fiber_x86_64.c and by
 * fiber_ucontext.c.
 */
struct fiber_context {
	void *at;    /* stack pointer, or the ucontext_t */
	void *owned; /* heap that goes with it, or NULL */
};

/* Prepares c to call entry() on stack[0..size) at the first switch to it. entry never returns. 0 or -1. */
int fiber_context_init(struct fiber_context *c, void *stack, size_t size, void (*entry)(void));
void fiber_context_fini(struct fiber_context *c);

/* Saves where we are in from and goes on at to. */
void fiber_context_switch(struct fiber_context *from, struct fiber_context *to);
