/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void err_init(struct err *e)
{
	e->n = 0;
	e->len = 0;
	e->text[0] = '\0';
}

/*
 * Appends what fits into [*len, limit) and returns false when something did not. Control
 * characters, which can come from a hostile file, must not reach a terminal or fake a line.
 */
static bool append(struct err *e, size_t *len, size_t limit, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static bool append(struct err *e, size_t *len, size_t limit, const char *format, va_list args)
{
	int n = vsnprintf(e->text + *len, limit - *len, format, args);
	size_t end = *len + (n > 0 ? (size_t)n : 0);
	bool fits = end < limit;

	if (!fits)
		end = limit - 1;
	for (; *len < end; (*len)++) {
		unsigned char c = (unsigned char)e->text[*len];

		if (c < 0x20 || c == 0x7f)
			e->text[*len] = '?';
	}
	return fits;
}

static bool appendf(struct err *e, size_t *len, size_t limit, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool appendf(struct err *e, size_t *len, size_t limit, const char *format, ...)
{
	va_list args;
	bool fits;

	va_start(args, format);
	fits = append(e, len, limit, format, args);
	va_end(args);
	return fits;
}

static void add(struct err *e, const char *file, unsigned line, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static void add(struct err *e, const char *file, unsigned line, const char *format, va_list args)
{
	/* Room for the newline is kept aside: a message is whole or absent. */
	const size_t limit = sizeof(e->text) - 1;
	size_t len = e->len;
	bool fits = true;

	e->n++;
	if (file && line)
		fits = appendf(e, &len, limit, "%s:%u: ", file, line);
	else if (file)
		fits = appendf(e, &len, limit, "%s: ", file);
	fits = append(e, &len, limit, format, args) && fits;

	/* The very first message is worth more cut short than left out. */
	if (!fits && e->len > 0) {
		e->text[e->len] = '\0';
		return;
	}
	e->text[len++] = '\n';
	e->text[len] = '\0';
	e->len = len;
}

int err_add(struct err *e, const char *file, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(e, file, line, format, args);
	va_end(args);
	return -1;
}

int err_set(struct err *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(e, NULL, 0, format, args);
	va_end(args);
	return -1;
}
