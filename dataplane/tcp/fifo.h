/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "dataplane/tcp/stack.h"

/* Doubly linked lists of pool objects that have members next and prev (index + 1). */

#define FIFO_PUSH(f, at, s, object, i)                        \
	do {                                                  \
		(object)->next = 0;                           \
		(object)->prev = (f)->tail;                   \
		if ((f)->tail)                                \
			at(s, (f)->tail - 1)->next = (i) + 1; \
		else                                          \
			(f)->head = (i) + 1;                  \
		(f)->tail = (i) + 1;                          \
	} while (0)

#define FIFO_UNLINK(f, at, s, object)                                     \
	do {                                                              \
		if ((object)->prev)                                       \
			at(s, (object)->prev - 1)->next = (object)->next; \
		else                                                      \
			(f)->head = (object)->next;                       \
		if ((object)->next)                                       \
			at(s, (object)->next - 1)->prev = (object)->prev; \
		else                                                      \
			(f)->tail = (object)->prev;                       \
	} while (0)
