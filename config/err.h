/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

/*
 * Why something failed, as text for the operator. One struct err collects every
 * message of an operation, a line each, so that a configuration file is judged
 * whole and not up to its first mistake.
 */
struct err {
	unsigned n;       /* messages added, also those that did not fit */
	size_t len;       /* bytes used in text, without the terminating NUL */
	char text[16384]; /* "file:line: what is wrong; what to do\n" per message */
};

/* Empties e; a zeroed struct err is empty too. */
void err_init(struct err *e);

/*
 * Adds one message, "file:line: " before it when file is not NULL and line not
 * 0 ("file: " when only line is 0). Always returns -1, so that a function can
 * end with `return err_add(...)`. What does not fit is counted in n only.
 */
int err_add(struct err *e, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds one message that belongs to no file. Always returns -1. */
int err_set(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
