/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/model.h"

/* What check.c and check_ports.c share. */

/* The ports of runtime.front or runtime.back. */
struct check_role {
	const struct config_port *ports[CONFIG_MAX_PORTS];
	unsigned n; /* 0: a name is missing or wrong, which has been told */
};

struct check {
	const struct config *c;
	struct err *e;
	struct check_role front, back;
	bool addresses_known;
};

static inline const char *or_unnamed(const char *name)
{
	return name ? name : "(unnamed)";
}

/* Finds the ports of front and back. */
void check_roles_find(struct check *k);

/* The rules about runtime, eal and ports. */
void check_runtime(struct check *k);
void check_eal(struct check *k);
void check_port(struct check *k, const struct config_port *p);

/* The port that has this address as its own, or NULL. */
const struct config_port *check_owner(const struct config *c, const struct config_addr *ip);

bool check_role_has(const struct check_role *role, const struct config_port *p);
bool check_role_has_family(const struct check_role *role, bool is_v4);
bool check_role_reaches(const struct check_role *role, const struct config_addr *ip);

/* "port 'front0'", or "ports 'front0', 'front1'"; cut to size. */
const char *check_role_text(const struct check_role *role, char *text, size_t size);
