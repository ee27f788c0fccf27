/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/private.h"

/*
 * The connection log's last lines: who polls with the "next" of the answer before sees every line, as long as he keeps
 * up. Nothing waits for anybody: what is forgotten meanwhile is counted.
 */

#define MAX_LINES 512
#define MAX_BYTES (1u << 20)
#define LAST      10 /* lines, of who does not say where to go on */

/* False after answering 400. */
static bool take_number(struct api_request *r, const char *name, uint64_t most, uint64_t *value)
{
	const char *text = api_arg(r, name);
	char *end;

	if (!text)
		return true;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno == 0 && *text >= '0' && *text <= '9' && !*end && *value <= most)
		return true;
	api_error(r, 400, "%s must be a number from 0 to %llu", name, (unsigned long long)most);
	return false;
}

void api_read_log(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "after", "limit", NULL };
	uint64_t oldest, next, after = UINT64_MAX, limit = LAST, asked;
	size_t bytes = 0;
	json_t *lines;

	if (api_arg(r, "after"))
		limit = MAX_LINES;
	if (!api_check_form(r, args, NULL) || !take_number(r, "after", INT64_MAX, &after) ||
	    !take_number(r, "limit", MAX_LINES, &limit))
		return;
	if (!c->ops->log_recent(c->ops->arg, &oldest, &next)) {
		api_error(r, 409, "there is no connection log: set log.connections in the file");
		return;
	}
	if (after == UINT64_MAX)
		after = next - oldest > limit ? next - limit : oldest;
	asked = after;
	/* From before a restart: whoever asks begins anew. */
	if (after > next)
		asked = after = oldest;
	if (after < oldest)
		after = oldest;
	lines = json_array();
	for (uint64_t i = after; i < next && i - after < limit && bytes < MAX_BYTES; i++) {
		const char *line = c->ops->log_line(c->ops->arg, i);

		json_array_append_new(lines, json_string(line ? line : "-"));
		bytes += line ? strlen(line) : 1;
	}
	api_answer(r, 200,
	    json_pack("{s:I, s:I, s:o}", "next", (json_int_t)(after + json_array_size(lines)),
		"missed", (json_int_t)(after - asked), "lines", lines));
}
