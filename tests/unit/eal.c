/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/eal.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>

/* One lcore that may run on any core: EAL would pin every test of a parallel run to the same one. */
static char *floating_lcore(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "--lcores=0@(0-%ld)", sysconf(_SC_NPROCESSORS_ONLN) - 1);
	return text;
}

void test_eal_start(void)
{
	static char *args[] = { (char *)(uintptr_t) "test", (char *)(uintptr_t) "--no-huge",
		(char *)(uintptr_t) "--no-shconf", (char *)(uintptr_t) "--no-pci",
		(char *)(uintptr_t) "--no-telemetry", (char *)(uintptr_t) "--log-level=error",
		(char *)(uintptr_t) "-m256", NULL };
	static int started;

	if (started++)
		return;
	args[7] = floating_lcore();
	if (rte_eal_init((int)(sizeof(args) / sizeof(args[0])), args) < 0) {
		fprintf(stderr, "EAL does not start\n");
		exit(1);
	}
}
