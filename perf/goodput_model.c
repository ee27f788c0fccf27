/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goodput of one bulk transfer over the test harness's network model, in virtual time: what loss
 * recovery and congestion control are worth, whatever else the machine does.
 *   goodput_model [--check] [--rtt MS] [--loss PERCENT] [--seeds N] [--newreno] [--pacing]
 * The wire is perf/goodput's: 100 Mbit/s, 256 KB of queue, loss each way. Mb/s is the mean over the seeds; the
 * other columns are sums over them. --check fails when a cell is slower than it was, when more is sent again than
 * was lost, or when the undoing of reductions that were right comes into it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tcp/model.h"

#define LIMIT_US (3600ull * 1000000)

struct options {
	double loss, rtt_ms; /* negative: all of the table's */
	unsigned seeds;
	bool newreno, pacing, check;
};

static const struct cell {
	double loss, rtt_ms;
	uint32_t bytes;  /* of one transfer */
	double floor;    /* Mb/s; a tenth below what three seeds gave */
	unsigned undone; /* at most */
} cells[] = {
	{ 0, 1, 40000000, 90, 0 },
	{ 0, 20, 40000000, 85, 0 },
	{ 0, 80, 40000000, 60, 0 },
	{ 0.1, 1, 20000000, 83, 0 },
	{ 0.1, 20, 20000000, 36, 0 },
	{ 0.1, 80, 20000000, 13, 0 },
	{ 1, 1, 10000000, 80, 0 },
	{ 1, 20, 10000000, 7.3, 0 },
	{ 1, 80, 20000000, 1.75, 0 },
	{ 3, 1, 10000000, 46, 2 },
	{ 3, 20, 10000000, 3.6, 0 },
	{ 3, 80, 10000000, 0.95, 0 },
};

static void
config_make(struct model_config *c, uint64_t seed, const struct cell *cell, const struct options *o)
{
	memset(c, 0, sizeof(*c));
	c->seed = seed;
	c->neighbours_known = true;
	c->n_conns = 1;
	c->start_us = 1000000 * seed;
	c->limit_us = LIMIT_US;
	for (unsigned i = 0; i < 2; i++) {
		c->path[i].loss_ppm = (uint32_t)(cell->loss * 10000);
		c->path[i].delay_us = (uint32_t)(cell->rtt_ms * 500);
		c->path[i].us_per_kb = 80;
		c->path[i].queue_bytes = 256000;
		c->path[i].mtu = c->path[i].mtu_later = 1500;
		c->stack[i].max_conns = 16;
		c->stack[i].time_wait_us = 1000; /* counts as transfer time */
		c->stack[i].no_ecn = true;
		c->stack[i].pacing = o->pacing;
		c->stack[i].cc = o->newreno ? TCP_CC_NEWRENO : TCP_CC_CUBIC;
	}
	c->habit[0][0].bytes = cell->bytes;
	c->habit[0][0].chunk = 16384;
}

static int cell_run(const struct cell *cell, const struct options *o)
{
	double rate = 0;
	uint64_t lost = 0;
	struct stats sum = { { 0 } };

	for (unsigned seed = 1; seed <= o->seeds; seed++) {
		struct model_config c;
		struct model_result r;

		config_make(&c, seed, cell, o);
		if (model_run(&c, &r) != 0)
			return -1;
		rate += (double)cell->bytes * 8 / (double)r.virtual_us / o->seeds;
		lost += r.lost;
		for (unsigned i = 0; i < STAT_N; i++)
			sum.v[i] += r.stats[0].v[i];
	}
	printf("%7g%8g%9.2f%9llu%6llu%8llu%6llu%8llu\n", cell->loss, cell->rtt_ms, rate,
	    (unsigned long long)sum.v[STAT_TCP_RETRANSMITS],
	    (unsigned long long)sum.v[STAT_TCP_RTOS],
	    (unsigned long long)sum.v[STAT_TCP_FAST_RECOVERIES],
	    (unsigned long long)sum.v[STAT_TCP_TLPS], (unsigned long long)sum.v[STAT_TCP_UNDONE]);
	fflush(stdout);
	if (!o->check)
		return 0;
	if (rate < cell->floor || sum.v[STAT_TCP_UNDONE] > cell->undone ||
	    sum.v[STAT_TCP_RETRANSMITS] > lost + lost / 50) {
		printf("worse than %g Mb/s, %u undone, %llu lost\n", cell->floor, cell->undone,
		    (unsigned long long)lost);
		return -1;
	}
	return 0;
}

static void options_read(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (strcmp(argv[i], "--newreno") == 0) {
			o->newreno = true;
		} else if (strcmp(argv[i], "--pacing") == 0) {
			o->pacing = true;
		} else if (strcmp(argv[i], "--check") == 0) {
			o->check = true;
			o->seeds = 3;
		} else if (more && strcmp(argv[i], "--loss") == 0) {
			o->loss = atof(argv[++i]);
		} else if (more && strcmp(argv[i], "--rtt") == 0) {
			o->rtt_ms = atof(argv[++i]);
		} else if (more && strcmp(argv[i], "--seeds") == 0 && atoi(argv[i + 1]) > 0) {
			o->seeds = (unsigned)atoi(argv[++i]);
		} else {
			fprintf(stderr, "goodput_model: what is '%s'?\n", argv[i]);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .loss = -1, .rtt_ms = -1, .seeds = 5 };

	options_read(&o, argc, argv);
	printf("%7s%8s%9s%9s%6s%8s%6s%8s\n", "loss %", "RTT ms", "Mb/s", "resent", "RTOs", "fast",
	    "TLPs", "undone");
	for (unsigned i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		if ((o.loss >= 0 && o.loss != cells[i].loss) ||
		    (o.rtt_ms >= 0 && o.rtt_ms != cells[i].rtt_ms))
			continue;
		if (cell_run(&cells[i], &o) != 0)
			return 1;
	}
	return 0;
}
