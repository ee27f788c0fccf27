/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/health.h"
#include "dataplane/proxy/snapshot.h"

static const char *const outcome_texts[] = {
	[HEALTH_NOT_CHECKED] = "not checked",
	[HEALTH_PASSED] = "passed",
	[HEALTH_NO_ROUTE] = "no route",
	[HEALTH_REFUSED] = "connection refused",
	[HEALTH_TIMEOUT] = "timeout",
	[HEALTH_BROKEN] = "the connection broke",
	[HEALTH_NO_HTTP] = "no HTTP answer",
	[HEALTH_STATUS] = "wrong status",
	[HEALTH_BODY] = "the body lacks the text",
	[HEALTH_TLS] = "no TLS with it",
};

const char *health_outcome_text(enum health_outcome outcome)
{
	return outcome_texts[outcome];
}

uint8_t
health_judge(const struct backend_health *config, uint8_t verdict, bool passed, uint8_t *streak)
{
	unsigned needed = passed ? config->healthy : config->unhealthy;

	/* The first check that passes is enough for one that was never seen down. */
	if (passed && verdict != TARGET_DOWN) {
		*streak = 0;
		return TARGET_UP;
	}
	if (!passed && verdict == TARGET_DOWN) {
		*streak = 0;
		return verdict;
	}
	if (++*streak < needed)
		return verdict;
	*streak = 0;
	return passed ? TARGET_UP : TARGET_DOWN;
}

unsigned health_worker(const struct target_run *run, unsigned n_workers)
{
	return run->id % n_workers;
}
