/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

struct control;
struct err;

/*
 * Watches the files of certificates (runtime.watch), by the folders their paths lead through: so a file
 * written anew, one renamed over the old and a symbolic link that is turned (Kubernetes secrets,
 * certbot) are all noticed. Chain and key change in more than one step: it is due when nothing has
 * happened for WATCH_QUIET_MS, or WATCH_LATEST_MS after the first step. Control thread only.
 */
struct watch;

#define WATCH_QUIET_MS  150
#define WATCH_LATEST_MS 700

/* Watches what c names now; NULL with the reason in e. c is borrowed. */
struct watch *watch_new(struct control *c, struct err *e);
void watch_free(struct watch *w); /* NULL is fine */

/* Becomes readable when something has happened. */
int watch_fd(const struct watch *w);

/* True once when it is time for control_refresh; to be asked at least every 50 ms. */
bool watch_is_due(struct watch *w);

/* Watches what is named now: after a change of the configuration, or of links. */
void watch_renew(struct watch *w);
