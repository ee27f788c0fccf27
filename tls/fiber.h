/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Small stacks that let a call chain through foreign code stop in the middle and go on later (tls.md 5).
 * A fiber runs on the thread that resumes it, never on two, and stays on one thread all its life.
 */
struct fiber;
struct fiber_pool;

/*
 * A pool for one thread: n_kept idle stacks are kept at most, n_max fibers live at once. paint fills
 * new stacks with a pattern, for fiber_pool_deepest. NULL: no memory.
 */
struct fiber_pool *fiber_pool_new(size_t stack_bytes, unsigned n_kept, unsigned n_max, bool paint);

/* All fibers must have ended. NULL is fine. */
void fiber_pool_free(struct fiber_pool *pool);

/* Fibers that have begun and not ended. */
unsigned fiber_pool_live(const struct fiber_pool *pool);

/* A fiber that will call run(arg) when first resumed. NULL: no memory, or n_max live already. */
struct fiber *fiber_new(struct fiber_pool *pool, void (*run)(void *arg), void *arg);

/*
 * Runs f until it yields (true) or run returns (false: f is gone, its stack back in the pool). Not to
 * be called from inside a fiber.
 */
bool fiber_resume(struct fiber *f);

/* Stops the fiber that calls it; returns when it is resumed. */
void fiber_yield(void);

/* The fiber this code runs in, or NULL. */
struct fiber *fiber_current(void);

/*
 * For measuring: the most bytes any stack of the pool was ever used for. 0 unless the pool was made to
 * paint its stacks.
 */
size_t fiber_pool_deepest(const struct fiber_pool *pool);
