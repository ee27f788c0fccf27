/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/reload.h"

#include <time.h>

#include "config/diff.h"
#include "config/load.h"
#include "dataplane/app.h"
#include "dataplane/proxy/snapshot.h"

int reload(struct app *a, const char *path, struct err *e)
{
	struct config *config = config_load(path, e);
	struct snapshot *snapshot;

	if (!config)
		return -1;
	if (config_diff_restart(a->boot, config, e) < 0) {
		config_free(config);
		return -1;
	}
	snapshot = snapshot_new(config, a->snapshot, time(NULL), e);
	if (!snapshot)
		return -1;
	app_publish(a, snapshot);
	return 0;
}
