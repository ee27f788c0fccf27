/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

struct err;

#define SCAN_MAX_BYTES    (32U << 20) /* of a configuration with all it includes */
#define SCAN_MAX_DEPTH    32          /* groups, lists and arrays inside each other */
#define SCAN_MAX_KEYS     256         /* settings in one group */
#define SCAN_MAX_INCLUDES 1000

/*
 * Looks at a configuration before libconfig 1.5 does, for what that accepts in silence or dies of:
 * integers it cuts to 32 bits, "\x00" it drops, a comment that never ends, an @include of a folder
 * (its scanner calls exit), includes in a circle, absurd size or depth, and commas after the last
 * element, which it calls a "syntax error". Follows @include as libconfig does: relative to dir.
 * Every mistake goes to e; -1 when libconfig must not be let near the text, 0 when it may read it
 * for more of them. Whether the text is libconfig at all is left to libconfig.
 */
int scan_text(const char *file, const char *dir, const char *text, size_t len, struct err *e);

/*
 * Reads a regular file of at most SCAN_MAX_BYTES. Returns its bytes, with a NUL behind them, that
 * the caller frees, or NULL with errno set (EFBIG: too large; EINVAL: not a regular file).
 */
char *scan_read_file(const char *path, size_t *len);

/* dir/name on the heap, or name alone when it is absolute or dir is empty; NULL: out of memory. */
char *scan_join(const char *dir, const char *name);
