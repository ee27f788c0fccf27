/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/api.h"
#include "config/api/private.h"

#define DISCARD_MAX (64ULL << 20) /* of a body that is too large */

void api_request_free(struct api_request *r)
{
	if (!r)
		return;
	if (r->body)
		explicit_bzero(r->body, r->len);
	for (unsigned i = 0; i < r->n_args; i++) {
		free(r->args[i].name);
		free(r->args[i].value);
	}
	json_decref(r->json);
	free(r->body);
	free(r->method);
	free(r->path);
	free(r->if_match);
	free(r->key);
	free(r->text);
	free(r);
}

void api_cut_path(struct api_request *r)
{
	char *rest = r->path, *part;

	while ((part = strsep(&rest, "/")) != NULL) {
		if (!*part)
			continue;
		if (r->n_parts < API_MAX_PARTS)
			r->parts[r->n_parts] = part;
		r->n_parts++;
	}
	if (r->n_parts > API_MAX_PARTS)
		r->n_parts = API_MAX_PARTS + 1;
}

/* What makes a retry the same request: everything but the key itself. */
static void name_request(struct api_request *r)
{
	struct sha256 s;
	uint8_t digest[32];

	sha256_init(&s);
	sha256_add(&s, r->method, strlen(r->method) + 1);
	for (unsigned i = 0; i < r->n_parts && i < API_MAX_PARTS; i++)
		sha256_add(&s, r->parts[i], strlen(r->parts[i]) + 1);
	for (unsigned i = 0; i < r->n_args; i++) {
		sha256_add(&s, r->args[i].name, strlen(r->args[i].name) + 1);
		sha256_add(&s, r->args[i].value, strlen(r->args[i].value) + 1);
	}
	if (r->len)
		sha256_add(&s, r->body, r->len);
	sha256_final(&s, digest);
	sha256_text(digest, sizeof(digest), r->digest);
}

/* The body as JSON; false after answering. */
bool api_read_body(struct api_request *r)
{
	json_error_t why;

	if (r->is_too_large) {
		api_error(r, 413, "the body has more than %u bytes", API_MAX_BODY);
		return false;
	}
	if (r->key)
		name_request(r);
	if (r->len == 0)
		return true;
	r->json = json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	explicit_bzero(r->body, r->len);
	if (r->json)
		return true;
	api_error(
	    r, 400, "the body is not JSON: line %d, column %d: %s", why.line, why.column, why.text);
	return false;
}

/* Collects a piece of the body; what is too much is only counted. False: hang up. */
bool api_add_body(struct api_request *r, const char *data, size_t n)
{
	size_t room = r->room ? r->room : 4096;
	char *more;

	r->is_too_large = r->is_too_large || r->len + n > API_MAX_BODY;
	if (r->is_too_large) {
		r->room += n; /* counts what is thrown away */
		return r->room < DISCARD_MAX;
	}
	while (room < r->len + n)
		room *= 2;
	if (room > r->room) {
		more = malloc(room);
		if (!more)
			return false;
		if (r->body) {
			memcpy(more, r->body, r->len);
			explicit_bzero(r->body, r->len);
		}
		free(r->body);
		r->body = more;
		r->room = room;
	}
	memcpy(r->body + r->len, data, n);
	r->len += n;
	return true;
}
