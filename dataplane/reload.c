/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/reload.h"

#include <time.h>

#include "config/diff.h"
#include "config/load.h"
#include "dataplane/app.h"
#include "dataplane/base/log.h"
#include "dataplane/proxy/snapshot.h"

static void report(const char *what, const struct config_delta *d)
{
	if (d->added || d->removed || d->changed)
		log_notice(
		    "%s: %u added, %u removed, %u changed", what, d->added, d->removed, d->changed);
}

int reload(struct app *a, const char *path, struct err *e)
{
	struct config *config = config_load(path, e);
	struct snapshot *snapshot;
	struct config_diff diff;

	if (!config)
		return -1;
	if (config_diff(a->boot, config, &diff, e) < 0) {
		config_free(config);
		return -1;
	}
	snapshot = snapshot_new(config, a->snapshot, time(NULL), e);
	if (!snapshot)
		return -1;
	app_publish(a, snapshot);
	report("certificates", &diff.certificates);
	report("backends", &diff.backends);
	report("listeners", &diff.listeners);
	return 0;
}
