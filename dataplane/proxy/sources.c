/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/sources.h"

#include <stdlib.h>
#include <string.h>

struct range {
	struct ip_addr first, last;
};

struct source_set {
	unsigned n;
	struct range ranges[];
};

/* Addresses are in network order: bytes compare as numbers do. */
static int compare(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

static int compare_ranges(const void *a, const void *b)
{
	return compare(&((const struct range *)a)->first, &((const struct range *)b)->first);
}

static struct range range_of(const struct ip_prefix *p)
{
	struct range r = { p->ip, p->ip };

	for (unsigned i = p->bits; i < 128; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		r.first.b[i / 8] &= (uint8_t)~bit;
		r.last.b[i / 8] |= bit;
	}
	return r;
}

struct source_set *source_set_new(const struct ip_prefix *prefixes, unsigned n)
{
	struct source_set *s = calloc(1, sizeof(*s) + n * sizeof(s->ranges[0]));
	unsigned kept = 0;

	if (!s)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		s->ranges[i] = range_of(&prefixes[i]);
	qsort(s->ranges, n, sizeof(s->ranges[0]), compare_ranges);
	/* Of two prefixes one lies in the other, or they have nothing in common. */
	for (unsigned i = 0; i < n; i++)
		if (kept == 0 || compare(&s->ranges[i].first, &s->ranges[kept - 1].last) > 0)
			s->ranges[kept++] = s->ranges[i];
		else if (compare(&s->ranges[i].last, &s->ranges[kept - 1].last) > 0)
			s->ranges[kept - 1].last = s->ranges[i].last;
	s->n = kept;
	return s;
}

void source_set_free(struct source_set *s)
{
	free(s);
}

bool source_set_has(const struct source_set *s, const struct ip_addr *ip)
{
	unsigned low = 0, high = s ? s->n : 0;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (compare(ip, &s->ranges[middle].first) < 0)
			high = middle;
		else if (compare(ip, &s->ranges[middle].last) > 0)
			low = middle + 1;
		else
			return true;
	}
	return false;
}
