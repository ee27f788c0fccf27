/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

struct proxy;
struct snapshot;
struct target_lane;

/*
 * Connections to targets that are drained or were taken away: they may go on for the backend's deregistration delay,
 * then they are ended.
 */

/* Backends change from old's to next's (old NULL: the first). */
void leaving_adopt(struct proxy *p, const struct snapshot *old, const struct snapshot *next);

/* The timer of a lane came up. */
void leaving_expired(struct proxy *p, struct target_lane *lane);

/* Forgets all timers; control's, when the worker has ended. */
void leaving_stop(struct proxy *p);

/* Ends connections whose time is over; looks at no more than budget places for connections. */
void leaving_sweep(struct proxy *p, unsigned budget);
