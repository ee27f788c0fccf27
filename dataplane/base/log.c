/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>

static int log_type = RTE_LOGTYPE_USER1; /* until RTE_INIT ran */

RTE_INIT(log_type_init)
{
	int type = rte_log_register("sallyport");

	if (type >= 0) {
		log_type = type;
		rte_log_set_level((uint32_t)type, RTE_LOG_INFO);
	}
}

static const char *level_text(uint32_t level)
{
	if (level <= RTE_LOG_ERR)
		return "error: ";
	if (level == RTE_LOG_WARNING)
		return "warning: ";
	return level == RTE_LOG_DEBUG ? "debug: " : "";
}

/* Counts one message of site; false when it has had its share of this second. */
static bool site_may_write(struct log_site *site)
{
	struct timespec now;
	uint64_t second, seen;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	second = (uint64_t)now.tv_sec + 1; /* 0 is a site never used */
	seen = __atomic_load_n(&site->second, __ATOMIC_RELAXED);
	if (seen != second &&
	    __atomic_compare_exchange_n(
		&site->second, &seen, second, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		__atomic_store_n(&site->n, 0, __ATOMIC_RELAXED);
	if (__atomic_fetch_add(&site->n, 1, __ATOMIC_RELAXED) < LOG_BURST)
		return true;
	__atomic_fetch_add(&site->left_out, 1, __ATOMIC_RELAXED);
	return false;
}

void log_write(struct log_site *site, uint32_t level, const char *format, ...)
{
	char text[1024], more[64] = "";
	unsigned left_out;
	va_list ap;

	if (!rte_log_can_log((uint32_t)log_type, level) || !site_may_write(site))
		return;
	left_out = __atomic_exchange_n(&site->left_out, 0, __ATOMIC_RELAXED);
	if (left_out > 0)
		snprintf(more, sizeof(more), " (%u more like this left out)", left_out);
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	rte_log(level, (uint32_t)log_type, "sallyport: %s%s%s\n", level_text(level), text, more);
}

void log_lines(uint32_t level, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (n > 0)
			rte_log(level, (uint32_t)log_type, "sallyport: %s%.*s\n", level_text(level),
			    (int)n, text);
		text += n + (text[n] == '\n');
	}
}
