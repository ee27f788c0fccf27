/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/backend.h"

#include <stdlib.h>

#include "dataplane/proxy/snapshot.h"

static unsigned gcd(unsigned a, unsigned b)
{
	while (b) {
		unsigned r = a % b;

		a = b;
		b = r;
	}
	return a;
}

int backend_order(struct backend *b)
{
	unsigned sum = 0, divisor = 0;
	long *credit;

	for (unsigned i = 0; i < b->n_targets; i++) {
		sum += b->targets[i].weight;
		divisor = gcd(divisor, b->targets[i].weight);
	}
	b->n_order = 0;
	if (sum == 0)
		return 0;
	sum /= divisor;
	b->order = calloc(sum, sizeof(*b->order));
	credit = calloc(b->n_targets, sizeof(*credit));
	if (!b->order || !credit) {
		free(credit);
		return -1;
	}
	while (b->n_order < sum) {
		unsigned best = 0;

		for (unsigned i = 0; i < b->n_targets; i++) {
			credit[i] += b->targets[i].weight / divisor;
			if (credit[i] > credit[best])
				best = i;
		}
		credit[best] -= sum;
		b->order[b->n_order++] = (uint16_t)best;
	}
	free(credit);
	return 0;
}

const struct target *backend_next(const struct backend *b, unsigned *turn)
{
	if (b->n_order == 0)
		return NULL;
	if (*turn >= b->n_order)
		*turn = 0;
	return &b->targets[b->order[(*turn)++]];
}
