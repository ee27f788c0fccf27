/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

struct config;
struct err;

struct config_delta {
	unsigned added, removed, changed; /* items, told apart by their names */
};

/* What a reload changes. */
struct config_diff {
	bool drain_timeout;
	bool log; /* of connections */
	struct config_delta
	    certificates; /* what the file says of them, not what is in their files */
	struct config_delta policies;
	struct config_delta trust_stores; /* here, too */
	struct config_delta backends;
	struct config_delta listeners;
};

/*
 * Compares the running configuration with the next one. 0 with what changes in *d, or -1 with a
 * message in e for each change that needs a restart: cores, sizes, EAL arguments and ports are
 * built into the process. Where only comments, lines or the order of items differ, nothing is
 * changed.
 */
int config_diff(
    const struct config *running, const struct config *next, struct config_diff *d, struct err *e);
