/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

struct stack;

#define PORTS_FIRST 1024
#define PORTS_COUNT (65536 - PORTS_FIRST)

/*
 * Chooses flow->local_port so that the 4-tuple is free and its return flow comes to this worker. An
 * observer of one destination learns nothing about others (RFC 6056 3.3.4, double hash). The
 * search is bounded. When a TIME-WAIT had to be taken over (RFC 6191) *iss_after is set and *reused is true.
 */
bool ports_choose(
    struct stack *s, struct flow *flow, uint8_t laddr, uint32_t *iss_after, bool *reused);
