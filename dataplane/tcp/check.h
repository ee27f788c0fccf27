/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct stack;

/*
 * Looks whether everything inside s is consistent: sequence order of every connection, sums against
 * the marks they count, exactly one retransmission timer where there is something to wait for, mbufs
 * held against mbufs in queues, lists, table and state counters. Slow; for tests. 0, or -1
 * with the first violation in why.
 */
int tcp_check(const struct stack *s, char *why, size_t size);

/*
 * What last happened to the i-th connection (alive or not long gone), oldest first, as lines of text: segments
 * as a packet script, relative to the ISNs, timers and states between them. Returns the length, 0 when
 * there is none or stack_config.history is off; cut off when size is too small.
 */
size_t tcp_history(const struct stack *s, uint32_t i, char *text, size_t size);
