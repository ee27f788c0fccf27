/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <string.h>

#include "config/err.h"
#include "config/model.h"
#include "dataplane/proxy/snapshot.h"

/* Shared by the files snapshot*.c; nobody else's. */

static inline struct ip_addr snapshot_ip(const struct config_addr *a)
{
	struct ip_addr ip;

	memcpy(ip.b, &a->ip, sizeof(ip.b));
	return ip;
}

static inline uint32_t snapshot_ms(double seconds)
{
	return (uint32_t)(seconds * 1000.0);
}

/* l, zero before, from its settings. 0, or -1 with errors; snapshot_clear_listener is to be called either way. */
int snapshot_build_listener(
    struct listener *l, const struct config_listener *config, unsigned n_workers, struct err *e);
void snapshot_clear_listener(struct listener *l);

/* A custom one that is among the first n, or a built-in; NULL: there is none. */
const struct policy *
snapshot_find_policy(const struct snapshot_base *b, unsigned n, const char *name);

/* The store of that name; NULL: there is none, or no name. */
struct trust_store *snapshot_find_trust_store(const struct snapshot_base *b, const char *name);
