/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which network and which users a seed stands for. */
#include <string.h>

#include "tests/tcp/model.h"

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
uint32_t model_random(struct model_rng *r, uint32_t n)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (uint32_t)((r->state * 0x2545f4914f6cdd1dull >> 32) % n);
}

/* One of the values, each as likely. */
#define PICK(r, ...)                                                      \
	({                                                                \
		static const uint32_t picks[] = { __VA_ARGS__ };          \
		picks[model_random(r, sizeof(picks) / sizeof(picks[0]))]; \
	})

static void path_make(struct model_path *p, struct model_rng *r)
{
	p->loss_ppm = PICK(r, 0, 0, 1000, 10000, 30000, 100000);
	p->burst_loss_ppm = PICK(r, 0, 0, 0, 0, 2000, 10000);
	p->dup_ppm = PICK(r, 0, 0, 0, 10000, 100000);
	p->reorder_ppm = PICK(r, 0, 0, 0, 10000, 100000, 300000);
	p->delay_us = PICK(r, 10, 500, 5000, 20000, 80000, 300000);
	p->jitter_us = PICK(r, 0, 0, 100, 3000, 20000);
	p->reorder_us = p->delay_us / 2 + PICK(r, 100, 1000, 10000, 100000);
	p->us_per_kb = PICK(r, 0, 0, 8, 80, 800, 8000);
	p->queue_bytes = PICK(r, 8000, 30000, 100000, 1000000);
	p->mtu = p->mtu_later = 1500;
	/* Not told: a black hole (RFC 4821). */
	p->mtu_is_told = model_random(r, 3) != 0;
	if (model_random(r, 5) == 0) {
		p->mtu_later = (uint16_t)(1280 + model_random(r, 200));
		p->mtu_at_us = PICK(r, 0, 50000, 300000, 3000000);
	}
}

static void habit_make(struct model_habit *h, struct model_rng *r, bool slow_path)
{
	h->bytes = PICK(r, 0, 1, 700, 5000, 30000, 100000, 300000, 300000, 1000000);
	if (slow_path && h->bytes > 100000)
		h->bytes = 100000;
	h->bytes += model_random(r, 1 + h->bytes / 4);
	h->chunk = PICK(r, 100, 1460, 4096, 16384, 65536);
	if (h->bytes / h->chunk > 400)
		h->chunk = h->bytes / 400;
	h->think_us = PICK(r, 0, 0, 0, 1000, 50000);
	if (h->think_us && (uint64_t)h->bytes / h->chunk * h->think_us > 20000000)
		h->think_us = 0;
	if (model_random(r, 4) == 0) {
		h->read_chunk = PICK(r, 500, 4000, 20000);
		h->read_us = PICK(r, 1000, 20000, 200000);
	}
	h->more = model_random(r, 3) == 0;
	h->part = model_random(r, 2);
	h->close_late = model_random(r, 3) == 0;
	h->release_early = model_random(r, 2) == 0;
}

/* Near the ends of 32-bit microseconds and milliseconds as often as anywhere else. */
static uint64_t start_make(struct model_rng *r)
{
	uint64_t back = model_random(r, 4000000);

	switch (model_random(r, 4)) {
	case 0:
		return ((uint64_t)(1 + model_random(r, 1000)) << 32) - back;
	case 1:
		return 4294967296ull * 1000 - back;
	case 2:
		return 4294967296ull * 500 - back;
	}
	return 1 + (uint64_t)model_random(r, 4000000000u) * 100;
}

void model_config_make(struct model_config *c, uint64_t seed)
{
	struct model_rng rng = { seed * 0x9e3779b97f4a7c15ull + 0x1234567 };
	struct model_rng *r = &rng;
	bool ping_pong;

	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < 8; i++)
		model_random(r, 2);
	c->seed = seed;
	c->ip6 = model_random(r, 2);
	c->neighbours_known = model_random(r, 8);
	c->n_conns = PICK(r, 1, 1, 1, 2, 4);
	c->start_us = start_make(r);
	path_make(&c->path[0], r);
	if (model_random(r, 2))
		c->path[1] = c->path[0];
	else
		path_make(&c->path[1], r);
	for (unsigned side = 0; side < 2; side++) {
		struct stack_config *s = &c->stack[side];

		s->max_conns = 16;
		s->no_ecn = model_random(r, 2);
		s->pacing = model_random(r, 2);
		s->send_buffer = PICK(r, 0, 0, 16384, 65536);
		s->recv_buffer = PICK(r, 0, 0, 8192, 32768, 131072);
		s->cc = model_random(r, 2) ? TCP_CC_CUBIC : TCP_CC_NEWRENO;
		s->delayed_ack_us = PICK(r, 0, 0, 10000, 200000);
		c->offloads[side] =
		    PICK(r, 0, 0, NET_TX_IP_CHECKSUM | NET_TX_TCP_CHECKSUM, NET_RX_CHECKSUM,
			NET_RX_CHECKSUM | NET_TX_IP_CHECKSUM | NET_TX_TCP_CHECKSUM | NET_TX_TSO);
	}
	c->sleep_ppm = PICK(r, 0, 0, 1000, 20000);
	c->sleep_us = PICK(r, 1000, 20000, 400000);
	ping_pong = model_random(r, 4) == 0;
	for (unsigned i = 0; i < c->n_conns; i++) {
		uint32_t message = 1 + model_random(r, 4000), rounds = 1 + model_random(r, 30);
		bool slow = c->path[0].us_per_kb > 500 || c->path[1].us_per_kb > 500 ||
		    c->path[0].delay_us > 100000 || c->path[0].loss_ppm > 50000;

		habit_make(&c->habit[0][i], r, slow);
		habit_make(&c->habit[1][i], r, slow);
		for (unsigned side = 0; ping_pong && side < 2; side++) {
			c->habit[side][i].message = message;
			c->habit[side][i].bytes = message * rounds;
		}
		/* Somebody has to begin. */
		if (c->habit[0][i].close_late)
			c->habit[1][i].close_late = false;
	}
	for (unsigned side = 0; side < 2; side++)
		c->lies[side] = PICK(r, 0, 0, 0, NET_TX_TCP_CHECKSUM, NET_TX_TSO);
	c->limit_us = 1800ull * 1000000;
}
