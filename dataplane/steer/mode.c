/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/steer/mode.h"

#include <string.h>

#include "config/err.h"

const char *steer_mode_name(enum steer_mode mode)
{
	static const char *const names[STEER_N_MODES] = {
		[STEER_ALONE] = "alone",
		[STEER_HASH] = "hash",
		[STEER_FLOW] = "flow",
		[STEER_RING] = "ring",
	};

	return names[mode];
}

/* NULL, or what keeps this port's flows from being steered by its hash. */
static const char *objection(const struct steer_offer *offer, unsigned n_workers)
{
	const struct steer_rss *rss = offer->rss;
	uint64_t served = 0;

	if (rss == NULL)
		return "does not tell how it spreads flows";
	if (!offer->hashes_tcp)
		return "does not hash TCP over IPv4 and IPv6 by addresses and ports";
	if (rss->table_size == 0 || rss->table_size > STEER_TABLE_MAX ||
	    (rss->table_size & (rss->table_size - 1)) != 0)
		return "has an indirection table whose size is no power of 2 up to 2048";
	for (unsigned i = 0; i < rss->table_size; i++) {
		if (rss->table[i] >= n_workers)
			return "has queues in its indirection table that no worker serves";
		served |= 1ull << rss->table[i];
	}
	if (n_workers > 64 || __builtin_popcountll(served) != (int)n_workers)
		return "leaves a worker out of its indirection table";
	return NULL;
}

static bool same(const struct steer_rss *a, const struct steer_rss *b)
{
	return memcmp(a->key, b->key, sizeof(a->key)) == 0 && a->table_size == b->table_size &&
	    memcmp(a->table, b->table, a->table_size * sizeof(a->table[0])) == 0;
}

const struct steer_rss *
steer_agree(const struct steer_offer offers[], unsigned n, unsigned n_workers, struct err *why)
{
	for (unsigned i = 0; i < n; i++) {
		const char *text = objection(&offers[i], n_workers);

		if (text == NULL && !same(offers[0].rss, offers[i].rss))
			text = "spreads flows by another key or table than the first port";
		if (text == NULL)
			continue;
		err_set(why, "port '%s' %s", offers[i].port, text);
		return NULL;
	}
	return n > 0 ? offers[0].rss : NULL;
}

bool steer_bits_make(struct steer_bits *b, unsigned n_workers)
{
	unsigned n = 0, size;

	while (1u << n < n_workers)
		n++;
	/* Of a number that is no power of 2 some workers get one value more: than four at least. */
	if (1u << n != n_workers)
		while (1u << n < 4 * n_workers)
			n++;
	if (n_workers < 2 || n > STEER_BITS_MAX)
		return false;
	b->n = n;
	size = 1u << n;
	for (unsigned remote = 0; remote < size; remote++)
		for (unsigned local = 0; local < size; local++)
			b->table[remote << n | local] =
			    (uint16_t)((remote + local) % size % n_workers);
	return true;
}
