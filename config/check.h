/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/model.h"

struct err;

/*
 * The rules that need more than one setting: who owns an address, what reaches a target, what is
 * given twice. Adds every violation to e; 0, or -1 when there was one. Items that could not be read
 * (no name, an address with line 0) are passed over: their mistake has been told.
 * addresses_known: false when a port's addresses or routes are not all in c; the rules about
 * ownership and reachability are left out then.
 * Listeners may still be bound to 0.0.0.0 and [::] here.
 */
int config_check(const struct config *c, bool addresses_known, struct err *e);

/* The port of that name, or NULL, also when name is NULL. */
const struct config_port *config_find_port(const struct config *c, const char *name);

/*
 * The route of p that a packet to ip takes: sets *via to the next hop, NULL when ip is on a
 * subnet of p itself. False: there is none.
 */
bool config_port_reaches(
    const struct config_port *p, const struct config_addr *ip, const struct config_addr **via);

/* They have the same devices: VLANs of one wire. */
bool config_ports_share(const struct config_port *a, const struct config_port *b);
