/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/nearest.h"

#include <stddef.h>
#include <string.h>

#define MAX_WORD 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * Optimal string alignment: insertions, deletions, replacements and swaps of neighbours that
 * turn a into b (Damerau 1964), both at most MAX_WORD bytes.
 */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][MAX_WORD + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *spare = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] =
			    min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

const char *
nearest(const char *word, const char *(*candidate)(const void *from, unsigned i), const void *from)
{
	size_t len = strlen(word);
	unsigned best = (unsigned)len / 3 + 1; /* a third of it may be wrong, no more */
	const char *found = NULL, *name;

	if (len > MAX_WORD)
		return NULL;
	for (unsigned i = 0; (name = candidate(from, i)) != NULL; i++) {
		size_t name_len = strlen(name);
		unsigned d;

		if (name_len > MAX_WORD)
			continue;
		d = distance(word, len, name, name_len);
		if (d < best) {
			best = d;
			found = name;
		}
	}
	return found;
}
