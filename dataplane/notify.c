/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/notify.h"

#include <stdint.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "dataplane/base/log.h"

#define SIGNS 4 /* of life in the time the watchdog waits: one that is late kills nobody */

void notify_init(struct notify *n)
{
	uint64_t usec = 0;

	*n = (struct notify){ .every_s = 0 };
	if (sd_watchdog_enabled(0, &usec) > 0)
		n->every_s = (double)usec / 1e6 / SIGNS;
}

void notify_ready(void)
{
	sd_notify(0, "READY=1\nSTATUS=serving");
}

void notify_reloading(void)
{
	sd_notify(0, "RELOADING=1\nSTATUS=reloading");
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=draining");
}

bool notify_is_due(const struct notify *n, double now)
{
	return n->every_s > 0 && now >= n->next;
}

void notify_alive(struct notify *n, double now, int stuck)
{
	n->next = now + n->every_s;
	if (stuck < 0) {
		n->silent = false;
		sd_notify(0, "WATCHDOG=1");
		return;
	}
	if (!n->silent)
		log_error(
		    "worker %d has not been round its loop for %.1f s; the watchdog is told no more",
		    stuck, n->every_s);
	n->silent = true;
}
