/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/eal.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

void test_eal_start(void)
{
	static char *args[] = { (char *)(uintptr_t) "test", (char *)(uintptr_t) "--no-huge",
		(char *)(uintptr_t) "--no-shconf", (char *)(uintptr_t) "--no-pci",
		(char *)(uintptr_t) "--no-telemetry", (char *)(uintptr_t) "--log-level=error",
		(char *)(uintptr_t) "-m256", (char *)(uintptr_t) "-l0" };
	static int started;

	if (started++)
		return;
	if (rte_eal_init((int)(sizeof(args) / sizeof(args[0])), args) < 0) {
		fprintf(stderr, "EAL does not start\n");
		exit(1);
	}
}
