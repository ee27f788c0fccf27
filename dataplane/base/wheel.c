/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/wheel.h"

#include <stddef.h>
#include <string.h>

/*
 * Time is cut into blocks of 256 ms. The near level holds the block w->now_ms is in and the one
 * after it, a slot per millisecond; the far level holds later blocks, a slot each. A far slot is
 * carried over to the near level a few nodes at a time while the block before it passes, so that
 * 100,000 connections idle for the same time do not stop the worker at the block's edge.
 */
#define BLOCK_BITS     8
#define BLOCK_MS       (1u << BLOCK_BITS)
#define SLOT_MASK      (WHEEL_SLOTS - 1)
#define MAX_BLOCKS     (WHEEL_SLOTS - 1) /* blocks ahead that the far level can tell apart */
#define CARRY_PER_CALL 4
#define NEVER_MS       0x3fffffffu
#define NO_SLOT        WHEEL_SLOTS

static void used_set(uint64_t *used, unsigned slot)
{
	used[slot / 64] |= UINT64_C(1) << slot % 64;
}

static void used_clear(uint64_t *used, unsigned slot)
{
	used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

/* The first used slot in [from, to], NO_SLOT when there is none. */
static unsigned used_find(const uint64_t *used, unsigned from, unsigned to)
{
	uint64_t word;
	unsigned i, slot;

	if (from > to)
		return NO_SLOT;
	i = from / 64;
	word = used[i] & ~UINT64_C(0) << from % 64;
	while (word == 0) {
		if (++i > to / 64)
			return NO_SLOT;
		word = used[i];
	}
	slot = i * 64 + (unsigned)__builtin_ctzll(word);
	return slot <= to ? slot : NO_SLOT;
}

static void push(struct wheel_node **head, struct wheel_node *n)
{
	n->next = *head;
	if (n->next != NULL)
		n->next->pprev = &n->next;
	n->pprev = head;
	*head = n;
}

/* The slot whose head pprev is, NO_SLOT when it is none of this level's. */
static unsigned slot_of(struct wheel_node *const *level, struct wheel_node *const *pprev)
{
	uintptr_t offset = (uintptr_t)pprev - (uintptr_t)level;

	return offset < WHEEL_SLOTS * sizeof(*level) ? (unsigned)(offset / sizeof(*level))
						     : NO_SLOT;
}

static void unlink_node(struct wheel *w, struct wheel_node *n)
{
	unsigned slot;

	*n->pprev = n->next;
	if (n->next != NULL) {
		n->next->pprev = n->pprev;
	} else if ((slot = slot_of(w->near, n->pprev)) != NO_SLOT) {
		/* Only the last node of a slot has the slot itself before and nothing behind. */
		used_clear(w->near_used, slot);
	} else if ((slot = slot_of(w->far, n->pprev)) != NO_SLOT) {
		used_clear(w->far_used, slot);
	}
	n->next = NULL;
	n->pprev = NULL;
}

/* Puts an unlinked node where its expires_ms belongs, seen from w->now_ms. */
static void place(struct wheel *w, struct wheel_node *n)
{
	uint32_t blocks;
	unsigned slot;

	if ((int32_t)(n->expires_ms - w->now_ms) <= 0) {
		push(&w->due, n);
		return;
	}
	blocks = (n->expires_ms >> BLOCK_BITS) - (w->now_ms >> BLOCK_BITS);
	blocks &= UINT32_MAX >> BLOCK_BITS; /* the millisecond counter wraps */
	if (blocks <= 1) {
		slot = n->expires_ms & SLOT_MASK;
		push(&w->near[slot], n);
		used_set(w->near_used, slot);
		return;
	}
	if (blocks > MAX_BLOCKS) {
		blocks = MAX_BLOCKS;
		n->expires_ms = ((w->now_ms >> BLOCK_BITS) + blocks) << BLOCK_BITS;
	}
	slot = ((w->now_ms >> BLOCK_BITS) + blocks) & SLOT_MASK;
	push(&w->far[slot], n);
	used_set(w->far_used, slot);
}

/* Carries up to max nodes of the far slot of block over to the near level. */
static void carry(struct wheel *w, uint32_t block, unsigned max)
{
	struct wheel_node **head = &w->far[block & SLOT_MASK];

	while (max-- > 0 && *head != NULL) {
		struct wheel_node *n = *head;

		unlink_node(w, n);
		place(w, n);
	}
}

/* Makes the nodes of the near slot of w->now_ms due. */
static void take_slot(struct wheel *w)
{
	unsigned slot = w->now_ms & SLOT_MASK;

	w->due = w->near[slot];
	if (w->due != NULL)
		w->due->pprev = &w->due;
	w->near[slot] = NULL;
	used_clear(w->near_used, slot);
}

/* Moves w->now_ms on to the next millisecond that has nodes, or to now_ms. Nothing may be due. */
static void advance(struct wheel *w, uint32_t now_ms)
{
	while (w->due == NULL && (int32_t)(now_ms - w->now_ms) > 0) {
		uint32_t last = w->now_ms | (BLOCK_MS - 1);
		unsigned slot;

		if (w->n_filed == 0) {
			w->now_ms = now_ms;
			return;
		}
		if ((int32_t)(now_ms - last) < 0)
			last = now_ms;
		slot = used_find(w->near_used, (w->now_ms & SLOT_MASK) + 1, last & SLOT_MASK);
		if (slot != NO_SLOT) {
			w->now_ms += slot - (w->now_ms & SLOT_MASK);
			take_slot(w);
			return;
		}
		w->now_ms = last;
		if (last == now_ms)
			return;
		w->now_ms++;
		/*
		 * Nodes for this very millisecond may be in the near slot and in the far
		 * one: take the near ones first, carrying over pushes onto due.
		 */
		take_slot(w);
		carry(w, w->now_ms >> BLOCK_BITS, UINT32_MAX);
	}
}

void wheel_init(struct wheel *w, uint32_t now_ms)
{
	memset(w, 0, sizeof(*w));
	w->now_ms = now_ms;
}

void wheel_file(struct wheel *w, struct wheel_node *n, uint32_t at_ms)
{
	if (n->pprev != NULL)
		unlink_node(w, n);
	else
		w->n_filed++;
	n->expires_ms = at_ms;
	place(w, n);
}

void wheel_cancel(struct wheel *w, struct wheel_node *n)
{
	if (n->pprev == NULL)
		return;
	unlink_node(w, n);
	w->n_filed--;
}

struct wheel_node *wheel_next(struct wheel *w, uint32_t now_ms)
{
	struct wheel_node *n;

	carry(w, (w->now_ms >> BLOCK_BITS) + 1, CARRY_PER_CALL);
	advance(w, now_ms);
	n = w->due;
	if (n == NULL)
		return NULL;
	unlink_node(w, n);
	w->n_filed--;
	return n;
}

uint32_t wheel_deadline(const struct wheel *w)
{
	unsigned now_slot = w->now_ms & SLOT_MASK;
	uint32_t block = w->now_ms >> BLOCK_BITS;
	unsigned now_far = block & SLOT_MASK;
	unsigned near, far;
	uint32_t near_ms, far_ms;

	if (w->n_filed == 0)
		return w->now_ms + NEVER_MS;
	if (w->due != NULL)
		return w->now_ms;

	near = used_find(w->near_used, now_slot + 1, SLOT_MASK);
	if (near == NO_SLOT)
		near = used_find(w->near_used, 0, now_slot);
	far = used_find(w->far_used, now_far + 1, SLOT_MASK);
	if (far == NO_SLOT)
		far = used_find(w->far_used, 0, now_far);

	/* The far slot of the next block may be half carried over: both levels count. */
	near_ms = near == NO_SLOT ? NEVER_MS : (near - now_slot) & SLOT_MASK;
	far_ms = far == NO_SLOT
	    ? NEVER_MS
	    : ((block + ((far - now_far) & SLOT_MASK)) << BLOCK_BITS) - w->now_ms;
	return w->now_ms + (near_ms < far_ms ? near_ms : far_ms);
}
