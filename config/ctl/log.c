/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/ctl/ctl.h"

/* The connection log, read through the control socket. */

#define POLL_US 250000

static void print_lines(const struct ctl *c, const json_t *answer)
{
	const json_t *line;
	size_t i;
	json_int_t missed = json_integer_value(json_object_get(answer, "missed"));

	if (missed > 0)
		fprintf(stderr, "sallyctl: %lld lines came faster than they were read\n",
		    (long long)missed);
	json_array_foreach(json_object_get(answer, "lines"), i, line)
	{
		if (c->json)
			json_dumpf(line, stdout, JSON_ENCODE_ANY);
		else
			fputs(json_string_value(line), stdout);
		putchar('\n');
	}
}

static int follow(struct ctl *c, json_int_t next)
{
	while (fflush(stdout) == 0) {
		char path[64];
		json_t *o;
		int result;

		usleep(POLL_US);
		snprintf(path, sizeof(path), "/v1/log?after=%lld", (long long)next);
		result = ctl_ask(c, "GET", path, NULL, &o);
		if (result != CTL_OK)
			return result;
		print_lines(c, o);
		next = json_integer_value(json_object_get(o, "next"));
		json_decref(o);
	}
	return CTL_OK; /* nobody reads any more */
}

int ctl_log_tail(struct ctl *c, int n, char **operands)
{
	bool follows = false;
	long lines = 10;
	char path[64];
	json_int_t next;
	json_t *o;
	int result;

	for (int i = 0; i < n; i++) {
		char *end = NULL;

		if (strcmp(operands[i], "-f") == 0 || strcmp(operands[i], "--follow") == 0)
			follows = true;
		else if ((strcmp(operands[i], "-n") == 0 || strcmp(operands[i], "--lines") == 0) &&
		    ++i < n)
			lines = strtol(operands[i], &end, 10);
		else
			return CTL_USAGE;
		if (end && (*end || end == operands[i] || lines < 0))
			return CTL_USAGE;
	}
	snprintf(path, sizeof(path), "/v1/log?limit=%ld", lines);
	result = ctl_ask(c, "GET", path, NULL, &o);
	if (result != CTL_OK)
		return result;
	print_lines(c, o);
	next = json_integer_value(json_object_get(o, "next"));
	json_decref(o);
	return follows ? follow(c, next) : CTL_OK;
}
