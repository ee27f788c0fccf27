/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two stacks over a bad network, one seed after the other.
 *   model_test [first seed [number]]; the number also from MODEL_SEEDS; 2,000 by default.
 */
#include "tests/tcp/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEEDS 2000ul

int main(int argc, char **argv)
{
	const char *env = getenv("MODEL_SEEDS");
	unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 0)
	    : env                  ? strtoul(env, NULL, 0)
				   : SEEDS;
	struct model_result total = { 0 };
	unsigned failed = 0, gave_up = 0;
	clock_t start = clock();

	for (unsigned long seed = first; seed < first + n && failed < 3; seed++) {
		struct model_config c;
		struct model_result r = { 0 };

		model_config_make(&c, seed);
		if (model_run(&c, &r) != 0)
			failed++;
		gave_up += r.gave_up;
		if (r.gave_up)
			printf("seed %lu gave up\n", seed);
		total.virtual_us += r.virtual_us;
		total.packets += r.packets;
		total.lost += r.lost;
		total.tso += r.tso;
	}
	printf(
	    "%lu seeds: %u failed, %u gave up; %llu packets, %llu of them lost, %llu cut by TSO, %.0f s of "
	    "virtual time in %.1f s\n",
	    n, failed, gave_up, (unsigned long long)total.packets, (unsigned long long)total.lost,
	    (unsigned long long)total.tso, (double)total.virtual_us / 1e6,
	    (double)(clock() - start) / CLOCKS_PER_SEC);
	/* Giving up is legal in the worst of networks, and rare. */
	return failed != 0 || gave_up > 1 + n / 1000;
}
