/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

struct backend;
struct target;

/*
 * Fills b->order from the targets' weights: smooth weighted round robin, so that a heavy target's turns are
 * spread and not bunched. Each turn the target with the highest credit is taken, and pays the sum of
 * weights. 0, or -1 when memory is short.
 */
int backend_order(struct backend *b);

/* The target whose turn it is, and moves *turn on; NULL when no target has a weight. */
const struct target *backend_next(const struct backend *b, unsigned *turn);
