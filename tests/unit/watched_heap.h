/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

/*
 * Who writes which cache line of the heap. Programs that link this have their whole heap in one arena, in the order it was
 * asked for, and nothing of it is ever given back: as close together as any allocator may put it.
 *
 * Between watched_begin and watched_end a writer's changes are seen: pages are write-protected, and what changed in those
 * that were written is found by comparing. So no system call may write to the heap meanwhile; and a write that leaves a line
 * as it was is not seen. One thread.
 */
#define WATCHED_WRITERS 32
#define WATCHED_LINE    64

void watched_begin(unsigned writer);
void watched_end(void);

/* Lines that more than one writer has changed since the start; the first of them is told to stderr. */
unsigned watched_shared_lines(void);

/* Lines that writer has changed. */
unsigned watched_lines_of(unsigned writer);
