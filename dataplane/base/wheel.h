/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Hierarchical timer wheel (Varghese and Lauck, scheme 7) with one node per
 * object: levels of 1 ms x 512 and 256 ms x 512. The owner keeps its real deadlines
 * itself and moves them freely; the node only promises to come up no later than the
 * time it was filed for, and the owner files it again when it came up early. What
 * lies beyond the horizon of 130 s always comes up early, so that far deadlines (keepalive)
 * need no list of their own. No callbacks, no allocation, no clock.
 */
#define WHEEL_SLOTS 512

struct wheel_node {
	struct wheel_node *next, **pprev; /* NULL pprev: not filed */
	uint32_t expires_ms;
	uint32_t due_ms; /* the owner's, to keep a deadline in: the wheel does not look at it */
};

struct wheel {
	struct wheel_node *near[WHEEL_SLOTS];
	struct wheel_node *far[WHEEL_SLOTS];
	uint64_t near_used[WHEEL_SLOTS / 64]; /* a bit per slot that is not empty */
	uint64_t far_used[WHEEL_SLOTS / 64];
	struct wheel_node *due; /* came up, not yet taken by wheel_next */
	uint32_t now_ms;        /* lags behind the caller's time while nodes are due */
	unsigned n_filed;
};

/* Starts an empty wheel at now_ms. */
void wheel_init(struct wheel *w, uint32_t now_ms);

/* Files n to come up at at_ms (wrapping milliseconds); moves it when it is filed already. */
void wheel_file(struct wheel *w, struct wheel_node *n, uint32_t at_ms);

/* Takes n out; does nothing when it is not filed. */
void wheel_cancel(struct wheel *w, struct wheel_node *n);

static inline bool wheel_is_filed(const struct wheel_node *n)
{
	return n->pprev != 0;
}

/*
 * Moves time forward to now_ms and returns one node that has come up, taken out of
 * the wheel, or NULL when there is none (left). Call it until NULL, or until a
 * budget is used up: what is left comes up at the next call. Nodes come up in the order of
 * their milliseconds.
 */
struct wheel_node *wheel_next(struct wheel *w, uint32_t now_ms);

/*
 * The time of the next slot that holds a node, no later than that node's own
 * deadline; now_ms + 0x3fffffff when nothing is filed.
 */
uint32_t wheel_deadline(const struct wheel *w);
