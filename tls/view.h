/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

/*
 * A place in scattered bytes: what is left of a list of pieces (struct iovec). The list is
 * borrowed; pieces may be empty. Walking costs nothing per byte, so that a record is opened or sealed
 * straight from one leg's buffers into the other's.
 */
struct view {
	const struct iovec *piece;
	unsigned n;  /* pieces left, the current one included */
	size_t skip; /* bytes of the current piece already behind us */
};

static inline struct view view_of(const struct iovec *pieces, unsigned n)
{
	return (struct view){ .piece = pieces, .n = n };
}

/* Contiguous bytes left in the current piece after stepping over finished ones; 0: the end. */
static inline size_t view_run(struct view *v)
{
	while (v->n > 0) {
		if (v->skip < v->piece->iov_len)
			return v->piece->iov_len - v->skip;
		v->piece++;
		v->n--;
		v->skip = 0;
	}
	return 0;
}

/* Where the current run starts; only after view_run returned more than 0. */
static inline uint8_t *view_at(const struct view *v)
{
	return (uint8_t *)v->piece->iov_base + v->skip;
}

/* Bytes left, counted up to enough only: a long list is not walked to its end. */
static inline size_t view_left(const struct view *v, size_t enough)
{
	struct view w = *v;
	size_t total = 0, run;

	while (total < enough && (run = view_run(&w)) > 0) {
		total += run;
		w.skip += run;
	}
	return total < enough ? total : enough;
}

/* Moves len bytes on (or to the end). */
static inline void view_skip(struct view *v, size_t len)
{
	size_t run;

	while (len > 0 && (run = view_run(v)) > 0) {
		if (run > len)
			run = len;
		v->skip += run;
		len -= run;
	}
}

/* Copies len bytes out of v and moves on; the caller knows that they are there. */
static inline void view_read(struct view *v, void *to, size_t len)
{
	uint8_t *at = to;
	size_t run;

	while (len > 0 && (run = view_run(v)) > 0) {
		if (run > len)
			run = len;
		memcpy(at, view_at(v), run);
		at += run;
		v->skip += run;
		len -= run;
	}
}

/* Copies len bytes into v and moves on; the caller knows that there is room. */
static inline void view_write(struct view *v, const void *from, size_t len)
{
	const uint8_t *at = from;
	size_t run;

	while (len > 0 && (run = view_run(v)) > 0) {
		if (run > len)
			run = len;
		memcpy(view_at(v), at, run);
		at += run;
		v->skip += run;
		len -= run;
	}
}

/* Zeroes len bytes of v and moves on. Not optimised away. */
static inline void view_wipe(struct view *v, size_t len)
{
	size_t run;

	while (len > 0 && (run = view_run(v)) > 0) {
		if (run > len)
			run = len;
		explicit_bzero(view_at(v), run);
		v->skip += run;
		len -= run;
	}
}
