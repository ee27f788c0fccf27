/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

/* How the tables of load_*.c are written. */

#define KEYS(table)          .keys = (table), .n_keys = sizeof(table) / sizeof((table)[0])
#define AT(type, member)     .at = offsetof(struct type, member)
#define SIZED(type, member)  AT(type, member), .size = sizeof(((struct type *)0)->member)
#define LISTED(type, member) AT(type, member), .count_at = offsetof(struct type, n_##member)
#define NOTED(type, member)  AT(type, member), .line_at = offsetof(struct type, member##_line)
#define PLACED(type)                                                         \
	.size = sizeof(struct type), .file_at = offsetof(struct type, file), \
	.line_at = offsetof(struct type, line)
