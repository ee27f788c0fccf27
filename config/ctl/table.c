/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ctl/ctl.h"

struct ctl_table {
	unsigned n_columns;
	char **cells;
	size_t n, room;
};

static void add(struct ctl_table *t, char *text)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cells = reallocarray(t->cells, t->room, sizeof(*t->cells));
		if (!t->cells)
			abort();
	}
	t->cells[t->n++] = text;
}

struct ctl_table *ctl_table_new(unsigned n, const char *const *heads)
{
	struct ctl_table *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->n_columns = n;
	for (unsigned i = 0; i < n; i++)
		add(t, strdup(heads[i]));
	return t;
}

void ctl_cell(struct ctl_table *t, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	/* A terminal is not to be steered by what a certificate or a client says. */
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
	add(t, text);
}

void ctl_table_print(struct ctl_table *t)
{
	unsigned columns = t->n_columns;
	size_t *width = calloc(columns, sizeof(*width));

	if (!width)
		abort();
	for (size_t i = 0; i < t->n; i++)
		if (strlen(t->cells[i]) > width[i % columns])
			width[i % columns] = strlen(t->cells[i]);
	for (size_t i = 0; i < t->n; i++) {
		if (i % columns == columns - 1)
			printf("%s\n", t->cells[i]);
		else
			printf("%-*s  ", (int)width[i % columns], t->cells[i]);
		free(t->cells[i]);
	}
	free(width);
	free(t->cells);
	free(t);
}

char *ctl_join(const json_t *list)
{
	char *text = NULL;
	size_t size, i;
	FILE *f = open_memstream(&text, &size);
	const json_t *one;

	if (!f)
		abort();
	json_array_foreach(list, i, one) fprintf(f, "%s%s", i ? ", " : "", json_string_value(one));
	fclose(f);
	return text;
}

const char *ctl_left(json_int_t seconds, char text[32])
{
	if (seconds <= 0)
		strcpy(text, "expired");
	else if (seconds < 2 * 3600)
		snprintf(text, 32, "%lld min", (long long)seconds / 60);
	else if (seconds < 2 * 86400)
		snprintf(text, 32, "%lld h", (long long)seconds / 3600);
	else
		snprintf(text, 32, "%lld d", (long long)seconds / 86400);
	return text;
}
