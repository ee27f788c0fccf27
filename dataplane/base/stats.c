/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/stats.h"

#include <assert.h>
#include <string.h>

const char *stats_name(enum stat i)
{
	static const char *const names[STAT_N] = {
#define X(name, text) [STAT_##name] = text,
		STATS_LIST(X)
#undef X
	};

	assert((unsigned)i < STAT_N);
	return names[i];
}

const char *stats_label(const char *name)
{
	return name + strcspn(name, ",");
}
