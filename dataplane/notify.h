/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * What the service manager is told (sd_notify(3)): ready, reloading, stopping, and that the workers
 * are alive. Without a service manager nothing of it does anything. Control thread only.
 */
struct notify {
	double every_s; /* between two signs of life; 0: nobody waits for them */
	double next;
	bool silent; /* a worker hangs: said so in the log */
};

/* Reads what the service manager wants from the environment. */
void notify_init(struct notify *n);

void notify_ready(void);
void notify_reloading(void); /* to be followed by notify_ready, whatever came of it */
void notify_stopping(void);

/* True when a sign of life is due; now as CLOCK_MONOTONIC, in seconds. */
bool notify_is_due(const struct notify *n, double now);

/*
 * Gives the sign of life when stuck is negative; otherwise says in the log that this worker hangs, and
 * leaves the rest to the watchdog.
 */
void notify_alive(struct notify *n, double now, int stuck);
