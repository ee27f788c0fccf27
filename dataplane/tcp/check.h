/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

struct stack;

/*
 * Looks whether everything inside s is consistent: sequence order of every connection, sums against
 * the marks they count, exactly one retransmission timer where there is something to wait for, mbufs
 * held against mbufs in queues, lists, table and state counters. Slow; for tests. 0, or -1
 * with the first violation in why.
 */
int tcp_check(const struct stack *s, char *why, size_t size);
