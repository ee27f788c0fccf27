/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/model.h"
#include "dataplane/proxy/conn_ring.h"

/* A connection's line in the log: pure functions of a record. */

#define CONN_LINE_MAX 12288 /* with every byte of a record escaped */

/* Fills a record from what is remembered; f keeps what it owns. */
void conn_record_fill(struct conn_record *to, const struct conn_facts *f, uint64_t now_us);

/* The same moment on both clocks: microseconds since the epoch, and of the workers. */
struct conn_clock {
	uint64_t wall_us, worker_us;
};

/*
 * Writes the line of r with its newline to text and returns its length, at most CONN_LINE_MAX. "alb" has the fields of
 * AWS's connection log (cloud-facts.md 4); "json" is one object with all there is, absent facts left out. Both hold no
 * control characters, whatever a client sent.
 */
size_t conn_log_line(const struct conn_record *r, enum config_log_format format,
    const struct conn_clock *clock, char text[CONN_LINE_MAX]);
