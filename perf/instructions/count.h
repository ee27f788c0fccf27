/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdio.h>
#include <valgrind/callgrind.h>

/*
 * Counting instructions: the program runs under callgrind, which collects between count_start and count_stop only.
 * Each count is written out under its name together with how many operations it was; perf/instructions/check
 * reads that. Without callgrind nothing is counted.
 */
static inline void count_start(void)
{
	CALLGRIND_TOGGLE_COLLECT;
}

static inline void count_stop(void)
{
	CALLGRIND_TOGGLE_COLLECT;
}

/* What was collected since the last report was n operations of that name. */
static inline void count_report(const char *name, unsigned n)
{
	char text[64];

	snprintf(text, sizeof(text), "%s/%u", name, n);
	CALLGRIND_DUMP_STATS_AT(text);
}
